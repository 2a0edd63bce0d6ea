"""Clocks of requests that are answered, gone, corrected or about to end; and lists in which nothing that is due is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.outbox_world import decided
from tests.request_world import BOARD, again, rows_of, went
from yoake.casework.cases.models import Case, Outcome, Post
from yoake.casework.due import TOKYO, business_days_after, business_days_over
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.request import clock, follow_ups, queries
from yoake.casework.request.answers import say_meaning
from yoake.casework.request.figures import HANDFUL, answering
from yoake.casework.request.models import Answer, Request
from yoake.casework.sources.models import Source
from yoake.errors import Refused
from yoake.pipeline.duties.follow_requests import follow_requests
from yoake.pipeline.mishaps import Resting

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    return decided(as_analyst, live, url="https://jobs.board.example/ad/1")


@pytest.fixture
def sent_at() -> datetime:
    """A Monday morning, far enough from any day off."""
    return datetime(2026, 11, 9, 10, 0, tzinfo=TOKYO)


def sent(actor: Actor, case: Case, at: datetime, **of: Any) -> Request:
    """One that went, its clock begun by the worker."""
    (made,) = rows_of(actor, case, 1, sent_at=at, started_at=None, **of)
    return went(made, at)


def stands(request: Request) -> str:
    return queries.stands(again(request))


def gone(case: Case, state: str = "removed") -> None:
    Post.objects.filter(pk=case.post_id).update(gone_state=state, gone_at=timezone.now())


def due(request: Request) -> datetime:
    at = again(request).due_at
    assert at is not None
    return at


def test_a_bad_row_holds_up_no_other_clock(
    as_analyst: Actor, case: Case, sent_at: datetime, monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    bad, good = rows_of(as_analyst, case, 2, sent_at=sent_at, started_at=None)
    real_begin, real_run = clock._begin, clock._run

    def fails(real: Callable[[int, datetime], None]) -> Callable[[int, datetime], None]:
        def one(pk: int, now: datetime) -> None:
            if pk == bad.pk:
                raise KeyError("高額")
            real(pk, now)

        return one

    monkeypatch.setattr("yoake.pipeline.duties.follow_requests._resting", Resting())
    monkeypatch.setattr(clock, "_begin", fails(real_begin))
    assert follow_requests(sent_at) == 2
    assert follow_requests(sent_at) == 0, "what failed rests"
    assert (again(bad).started_at, again(good).started_at) == (None, sent_at)
    monkeypatch.setattr(clock, "_begin", real_begin)
    assert follow_requests(sent_at + timedelta(minutes=1)) == 1
    monkeypatch.setattr(clock, "_run", fails(real_run))
    late = due(good)
    assert follow_requests(late) == 2
    assert again(good).overdue_at == late
    assert (again(bad).overdue_at, again(bad).problem) == (None, "KeyError")
    assert due(bad) == late + timedelta(minutes=1)
    assert [line.partition(" failed: KeyError at ")[0] for line in mishaps] == [f"request {bad.pk}"] * 2
    mishaps.clear()


# --- gone ----------------------------------------------------------------------------------------------------------------


def test_what_was_removed_without_a_word_waits_for_nobody(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sent_at: datetime
) -> None:
    request = sent(as_analyst, case, sent_at)
    assert stands(request) == "waits"
    gone(case)
    assert stands(request) == "over"
    went(request, due(request))
    request = again(request)
    assert request.ended_at is not None
    assert (request.meaning, request.overdue_at, request.escalated_at, request.due_at) == ("", None, None, None)
    assert queries.escalated_requests(as_supervisor) == queries.waiting_requests(as_analyst) == 0


def test_an_overdue_one_is_over_once_the_post_is_gone_and_nobody_reminds(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sent_at: datetime
) -> None:
    request = sent(as_analyst, case, sent_at)
    went(request, due(request))
    assert stands(request) == "overdue"
    gone(case, "deleted_by_author")
    with pytest.raises(Refused, match="is gone"):
        follow_ups.draft_reminder(as_analyst, request.pk)
    went(request, due(request))
    assert stands(request) == "over"
    assert queries.escalated_requests(as_supervisor) == 0


def test_what_comes_back_before_its_time_is_waited_for_again(as_analyst: Actor, case: Case, sent_at: datetime) -> None:
    request = sent(as_analyst, case, sent_at)
    gone(case, "private")
    assert stands(request) == "over"
    gone(case, "")
    went(request, due(request))
    assert stands(request) == "overdue"


def test_a_suspension_is_over_only_when_the_account_is_gone(
    as_analyst: Actor, live: Source, case: Case, sent_at: datetime
) -> None:
    request = sent(as_analyst, case, sent_at, kind="suspension")
    paper = sent(as_analyst, case, sent_at, kind="disclosure")
    gone(case)  # an account that deletes its posts goes on
    assert stands(request) == stands(paper) == "waits"
    other = decided(as_analyst, live, native_id="2", url="https://jobs.board.example/ad/2")
    assert other.post.account_id == case.post.account_id
    gone(other, "account_suspended")
    assert (stands(request), stands(paper)) == ("over", "waits")
    went(request, due(request))
    assert again(request).ended_at is not None
    assert stands(paper) == "overdue"


# --- what an answer meant is corrected ------------------------------------------------------------------------------------


def test_a_corrected_meaning_corrects_clock_and_outcome(as_analyst: Actor, case: Case, sent_at: datetime) -> None:
    request = sent(as_analyst, case, sent_at)
    late = due(request)
    say_meaning(as_analyst, request.pk, "refused", now=sent_at + DAY)
    refused = Outcome.objects.filter(case=case, what="refused")
    assert refused.get().of == "post"
    assert again(request).due_at is None
    say_meaning(as_analyst, request.pk, "received", now=sent_at + DAY)
    assert not refused.exists()
    assert due(request) == late
    went(request, late)
    assert stands(request) == "overdue"
    say_meaning(as_analyst, request.pk, "refused", now=late)
    say_meaning(as_analyst, request.pk, "received", now=late)
    assert due(request) == business_days_after(late, 2)  # to the supervisor, as before
    say_meaning(as_analyst, request.pk, "bounced", now=late)
    assert again(request).ended_at is not None
    say_meaning(as_analyst, request.pk, "removed", now=late)
    assert (again(request).ended_at, stands(request)) == (None, "answered")
    other = sent(as_analyst, case, sent_at, kind="suspension")
    say_meaning(as_analyst, other.pk, "refused")
    assert refused.get().of == "account"


def test_who_asks_back_is_answered_and_then_has_the_time_again(
    as_analyst: Actor, case: Case, sent_at: datetime
) -> None:
    request = sent(as_analyst, case, sent_at)
    say_meaning(as_analyst, request.pk, "asks_back", now=sent_at + DAY)
    assert stands(request) == "asked"
    assert queries.waiting_requests(as_analyst) == 1
    for kind, about, at in (("answer", request.item_id, sent_at), ("answer", 99, sent_at + 2 * DAY)):
        answer(as_analyst, case, kind, about, at)
    went(request, sent_at + 2 * DAY)
    assert stands(request) == "asked"  # what went before, or about something else, is no answer to that
    went_at = sent_at + 3 * DAY
    answer(as_analyst, case, "answer", request.item_id, went_at)
    went(request, went_at)
    assert stands(request) == "waits"
    assert again(request).meaning == "asks_back"
    assert due(request) == business_days_after(went_at, 5)
    went(request, due(request))
    assert stands(request) == "overdue"
    say_meaning(as_analyst, request.pk, "asks_back", now=due(request))
    assert stands(request) == "asked"
    at = sent_at + 20 * DAY
    say_meaning(as_analyst, request.pk, "received", now=at)  # on the telephone they got what they asked for
    assert due(request) == business_days_after(at, 5)


def answer(actor: Actor, case: Case, kind: str, about: int, at: datetime) -> None:
    """What we wrote back, on that day."""
    (row,) = rows_of(actor, case, 1, sent_at=at)
    item_id = row.item_id
    row.delete()
    OutboxItem.objects.filter(pk=item_id).update(kind=kind, way="mail", channel="email", body={"about": about})


# --- preservations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, 5, 8, 13])
def test_a_short_term_is_told_in_time_and_its_answer_is_still_followed(
    as_analyst: Actor, case: Case, sent_at: datetime, days: int
) -> None:
    request = sent(as_analyst, case, sent_at, kind="preservation", term_days=days)
    until, answer_by = sent_at + days * DAY, business_days_after(sent_at, 5)
    at = sent_at
    while again(request).due_at is not None and at <= sent_at + 30 * DAY:
        at = max(at, due(request))
        went(request, at)
    request = again(request)
    assert request.ending_at is not None
    assert request.ending_at <= max(sent_at, until - 7 * DAY)
    assert request.ended_at == until
    assert (request.overdue_at is not None) == (answer_by < until)


def test_an_extension_that_was_carried_over_late_is_followed(as_analyst: Actor, case: Case, sent_at: datetime) -> None:
    kept = sent(as_analyst, case, sent_at, kind="preservation", term_days=10)
    say_meaning(as_analyst, kept.pk, "removed", now=sent_at)
    went(kept, due(kept))
    end = due(kept)
    went(kept, end)
    assert again(kept).ended_at == end == sent_at + 10 * DAY
    sent(as_analyst, case, end + DAY, kind="preservation", term_days=20, purpose="extension", follows=kept)
    kept = again(kept)
    assert (kept.ended_at, kept.until) == (None, sent_at + 30 * DAY)
    assert due(kept) == sent_at + 23 * DAY
    sent(as_analyst, case, end + 2 * DAY, kind="preservation", purpose="withdrawal", follows=kept)
    assert again(kept).ended_at == end + 2 * DAY
    sent(as_analyst, case, end + 3 * DAY, kind="preservation", term_days=20, purpose="extension", follows=kept)
    assert again(kept).ended_at == end + 2 * DAY  # what was withdrawn stays so


# --- lists ----------------------------------------------------------------------------------------------------------------


def test_what_is_due_is_on_the_first_page_however_many_are_newer(
    as_analyst: Actor, as_supervisor: Actor, case: Case, sent_at: datetime
) -> None:
    late = {"answer_by": sent_at, "overdue_at": sent_at}
    (up,) = rows_of(as_analyst, case, 1, sent_at=sent_at, escalated_at=sent_at, **late)
    (over,) = rows_of(as_analyst, case, 1, sent_at=sent_at, **late)
    rows_of(as_analyst, case, 120, sent_at=sent_at, meaning="removed")
    rows_of(as_analyst, case, 130, sent_at=sent_at, answer_by=sent_at + 90 * DAY)
    first = queries.requests_of(as_analyst)
    assert [one.request.pk for one in first[:2]] == [up.pk, over.pk]
    counts = queries.count_requests(as_analyst)
    assert counts == {"escalated": 1, "overdue": 1, "waits": 130, "answered": 120}
    assert queries.waiting_requests(as_analyst) == counts["overdue"]
    assert queries.escalated_requests(as_supervisor) == counts["escalated"]
    seen = [one.request.pk for start in range(0, 300, 50) for one in queries.requests_of(as_analyst, start=start)]
    assert len(seen) == len(set(seen)) == 252
    assert len(queries.requests_of(as_analyst, where="waits", start=100)) == 30


def test_one_page_asks_as_much_as_another(as_analyst: Actor, case: Case, sent_at: datetime) -> None:
    told = []
    for n in (1, 40):
        rows_of(as_analyst, case, n, sent_at=sent_at)
        with CaptureQueriesContext(connection) as asked:
            queries.requests_of(as_analyst)
            queries.count_requests(as_analyst)
        told.append(len(asked))
    assert told[0] == told[1]


def test_business_days_are_over_in_the_database_as_in_words(as_analyst: Actor, case: Case, sent_at: datetime) -> None:
    from random import Random

    chance = Random(3)
    times = [sent_at + timedelta(minutes=chance.randrange(0, 60 * 24 * 70)) for _ in range(60)]
    for at in times:
        rows_of(as_analyst, case, 1, sent_at=at)
    for now in (chance.choice(times) + timedelta(minutes=chance.randrange(-9000, 20_000)) for _ in range(25)):
        told = set(Request.objects.filter(business_days_over("item__sent_at", 5, now)).values_list("started_at"))
        assert told == {(at.astimezone(UTC),) for at in times if business_days_after(at, 5) < now}


# --- figures --------------------------------------------------------------------------------------------------------------


def test_figures_are_counted_from_what_this_organisation_asked(
    as_analyst: Actor, as_outsider: Actor, case: Case
) -> None:
    now = timezone.now()
    began = now - 20 * DAY
    assert answering(as_analyst, BOARD) == []
    rows = rows_of(as_analyst, case, 6, sent_at=began, answer_by=began + 7 * DAY)
    for row, meaning, hours in ((rows[0], "refused", 10), (rows[1], "removed", 20), (rows[2], "removed", 60)):
        say_meaning(as_analyst, row.pk, meaning, now=began + timedelta(hours=hours))
    say_meaning(as_analyst, rows[3].pk, "received", now=began)
    say_meaning(as_analyst, rows[4].pk, "bounced", now=began)
    rows_of(as_analyst, case, 1, sent_at=began, answer_by=now + DAY)
    rows_of(as_analyst, case, 1, sent_at=began, state="draft")
    rows_of(as_analyst, case, 1, sent_at=now - 400 * DAY)  # long ago
    rows_of(as_analyst, case, 1, sent_at=began, kind="suspension", body="elsewhere")
    (found,) = answering(as_analyst, BOARD)
    assert (found.kind, found.asked, found.answered, found.hours) == ("removal", 7, 3, 20.0)
    assert (found.refused, found.said_removed, found.silent, found.waits) == (1, 2, 2, 1)
    assert found.removed == 0
    Outcome.objects.create(case=case, of="post", seen="removed", what="removed", at=began + DAY)
    (found,) = answering(as_analyst, BOARD)
    assert found.removed == 7  # all were about one post
    assert found.enough
    assert found.percent(found.refused) == 14
    (few,) = answering(as_analyst, "elsewhere")
    assert few.asked < HANDFUL
    assert not few.enough
    assert answering(as_outsider, BOARD) == []


def test_the_time_to_an_answer_ends_when_it_came_not_when_it_was_read(
    as_analyst: Actor, case: Case, sent_at: datetime
) -> None:
    (row,) = rows_of(as_analyst, case, 1, sent_at=timezone.now() - 5 * DAY)
    came = timezone.now() - 4 * DAY
    mail = Answer.objects.create(
        organisation_id=case.organisation_id, item=row.item, body=BOARD, mail_key="k", at=came, from_address="x@board.example"
    )  # fmt: skip
    say_meaning(as_analyst, row.pk, "refused", mail.pk)
    (found,) = answering(as_analyst, BOARD)
    assert found.hours is not None
    assert abs(found.hours - 24) < 1


# --- what machines read -----------------------------------------------------------------------------------------------------


def test_a_host_that_has_no_machine_form_stops_no_request() -> None:
    from yoake.casework.request.xarf import report

    item = {
        "case": 1,
        "url": f"https://{'a' * 70}.example/1",
        "category_en": "x",
        "reason_en": "",
        "evidence": "e",
        "digest": "d",
    }
    made = report(
        item, slug="x", key="k", organisation="o", contact="a@o.example", seen_at=timezone.now(), now=timezone.now()
    )
    assert made["source_identifier"] == f"{'a' * 70}.example"
    made = report(
        {**item, "url": "https://例え.example/1"},
        slug="x",
        key="k",
        organisation="o",
        contact="a@o.example",
        seen_at=timezone.now(),
        now=timezone.now(),
    )
    assert made["domain"] == "xn--r8jz45g.example"
