"""Requests to providers: what forbids them, what they say, their clocks, second requests, and why none is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from tests.outbox_world import decided, judged
from tests.request_world import BOARD, CONTACTS, again, asked, let_go, provider, sealed_case, went
from tests.world import arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.cases.actions import undo
from yoake.casework.cases.models import Case, Check
from yoake.casework.due import business_days_after
from yoake.casework.outbox.actions import approve, discard
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.registers.actions import add_body, confirm, fill_in, withdraw
from yoake.casework.request import actions, follow_ups, queries
from yoake.casework.request.answers import say_meaning
from yoake.casework.request.models import NoRequest, Request
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.send import send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault")]
DAY = timedelta(days=1)


@pytest.fixture
def case(as_analyst: Actor, as_administrator: Actor, live: Source) -> Case:
    """In scope, sealed, on a board that can be reached."""
    provider(as_administrator)
    return sealed_case(as_analyst, live)


def stands(request: Request) -> str:
    return queries.stands(again(request))


# --- what forbids it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", ["coerced_applicant", "crime_job_seeker", "runaway_at_risk"])
def test_a_category_that_forbids_it_forbids_it_in_the_action(
    as_analyst: Actor, as_administrator: Actor, live: Source, slug: str
) -> None:
    provider(as_administrator)
    case = sealed_case(as_analyst, live, category=slug)
    with pytest.raises(Refused, match="does not provide for a request"):
        asked(as_analyst, case)
    assert not OutboxItem.objects.exists()


def test_nothing_leaves_the_practice_desk(as_analyst: Actor, as_administrator: Actor, practice: Source) -> None:
    provider(as_administrator)
    case = decided(as_analyst, practice, url="https://jobs.board.example/ad/1")
    assert case.practice
    with pytest.raises(Refused, match="practice"):
        asked(as_analyst, case)
    with pytest.raises(Refused, match="practice"):
        actions.record_no_request(as_analyst, case.pk, "gone")


def test_nothing_is_requested_before_evidence_is_sealed(
    as_analyst: Actor, as_administrator: Actor, live: Source
) -> None:
    provider(as_administrator)
    case = decided(as_analyst, live, url="https://jobs.board.example/ad/1")
    for kind, channel in (("removal", "web_form"), ("preservation", "by_hand"), ("disclosure", "by_hand")):
        with pytest.raises(Refused, match="not sealed"):
            asked(as_analyst, case, kind=kind, channel=channel, term_days=30)


def test_evidence_of_another_decision_stops_it_in_the_last_second(
    as_analyst: Actor, as_supervisor: Actor, case: Case
) -> None:
    (request,) = asked(as_analyst, case)
    approve(as_supervisor, request.item_id, request.item.bound)
    undo(as_analyst, case.pk)
    judged(as_analyst, case)
    send(timezone.now())
    stopped = again(request)
    assert stopped.item.state == "stopped"
    assert queries.reason_to_stop(stopped.item, timezone.now()) == "unsealed"
    assert stands(request) == "over"


def test_a_provider_that_nobody_confirmed_gets_nothing(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    provider(as_administrator, confirmed=False)
    case = sealed_case(as_analyst, live)
    for channel in ("email", "web_form"):
        with pytest.raises((Refused, BadInput), match=r"nobody confirmed|a mailbox"):
            asked(as_analyst, case, channel=channel)
    assert (
        queries.open_channels(queries.kind_called("removal"), queries.provider_of(case.organisation_id, BOARD), "")
        == []
    )
    contact = fill_in(as_administrator, BOARD, "form", "https://board.example/other")
    confirm(as_administrator, contact.pk, "架空の案内ページ", "2026-11-19")
    (request,) = asked(as_analyst, case)
    withdraw(as_administrator, BOARD, "form")
    stopped = let_go(request, as_supervisor)
    assert (stopped.item.state, stopped.item.stopped_why) == ("stopped", "unconfirmed")


def test_an_authority_is_no_provider(as_analyst: Actor, case: Case) -> None:
    with pytest.raises(BadInput, match="operator or provider"):
        asked(as_analyst, case, body="police_osaka")


def test_the_same_is_requested_once(as_analyst: Actor, case: Case) -> None:
    (request,) = asked(as_analyst, case)
    with pytest.raises(Refused, match="already"):
        asked(as_analyst, case)
    discard(as_analyst, request.item_id)
    asked(as_analyst, case)


def test_an_article_that_nobody_verified_leaves_in_no_reason(as_analyst: Actor, case: Case) -> None:
    with pytest.raises(BadInput, match="article"):
        asked(as_analyst, case, reasons={case.pk: "職業安定法第99条に当たるおそれがある。"})
    with pytest.raises(BadInput, match="reason"):
        asked(as_analyst, case, reasons={case.pk: "あ" * 2001})


def test_another_organisation_reaches_nothing(as_analyst: Actor, as_outsider: Actor, case: Case) -> None:
    (request,) = asked(as_analyst, case)
    with pytest.raises(BadInput):
        queries.request_of(as_outsider, request.pk)
    with pytest.raises(BadInput):
        actions.form_sent(as_outsider, request.pk)
    assert queries.requests_of(as_outsider) == []


# --- preserve before you remove --------------------------------------------------------------------------------------------


def test_police_say_first_whether_a_preservation_is_wanted(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    with pytest.raises(Refused, match="say first whether"):
        asked(as_analyst, case, preservation="")
    with pytest.raises(Refused, match="ask for the preservation first"):
        asked(as_analyst, case, preservation="wanted")
    (kept,) = asked(as_analyst, case, kind="preservation", channel="by_hand", term_days=30)
    with pytest.raises(Refused, match="not handed over yet"):
        asked(as_analyst, case, preservation="wanted")
    let_go(kept, as_supervisor)
    actions.form_sent(as_analyst, kept.pk)
    (removal,) = asked(as_analyst, case, preservation="wanted")
    assert removal.preservation == "wanted"


def test_only_the_police_preserve_and_others_are_not_asked(
    as_outsider: Actor, as_administrator: Actor, hotline: Organisation
) -> None:
    source = Source.objects.create(organisation=hotline, name="live", connector="jsonl", options={"path": "-"})
    theirs = Actor("user:1", as_outsider.user_id, hotline.pk, "administrator")
    provider(theirs)
    case = sealed_case(as_outsider, source)
    assert [name for name, _kind in queries.kinds_for(as_outsider)] == ["removal", "suspension", "disclosure"]
    with pytest.raises(Refused, match="only the police"):
        asked(as_outsider, case, kind="preservation", channel="by_hand", term_days=30)
    (request,) = asked(as_outsider, case, preservation="")
    assert request.preservation == ""


def test_a_preservation_has_a_term_is_extended_and_withdrawn_in_writing(
    as_analyst: Actor, as_supervisor: Actor, case: Case
) -> None:
    for days in (None, 0, 31):
        with pytest.raises(BadInput, match="term_days"):
            asked(as_analyst, case, kind="preservation", channel="by_hand", term_days=days)
    (kept,) = asked(as_analyst, case, kind="preservation", channel="by_hand", term_days=30)
    assert "30日間消去しない" in kept.item.body["text"]
    assert "条" not in kept.item.body["text"]  # no source at hand confirmed the article
    with pytest.raises(Refused, match="only a preservation that was asked for"):
        follow_ups.extend_preservation(as_analyst, kept.pk, 10)
    let_go(kept, as_supervisor)
    kept = actions.form_sent(as_analyst, kept.pk)
    kept = went(kept)
    sent_at = kept.item.sent_at
    assert sent_at is not None
    assert kept.until == sent_at + 30 * DAY
    assert not Check.objects.filter(since_what="request").exists()
    assert stands(kept) == "waits"
    say_meaning(as_analyst, kept.pk, "removed")
    went(kept, kept.answer_by)
    went(kept, sent_at + 24 * DAY)
    assert again(kept).ending_at is not None

    longer = follow_ups.extend_preservation(as_analyst, kept.pk, 20)
    assert "20日間延長" in longer.item.body["text"]
    let_go(longer, as_supervisor)
    went(actions.form_sent(as_analyst, longer.pk))
    assert again(kept).until == sent_at + 50 * DAY
    assert again(kept).ending_at is None

    over = follow_ups.withdraw_preservation(as_analyst, kept.pk)
    assert "取り消します" in over.item.body["text"]
    let_go(over, as_supervisor)
    went(actions.form_sent(as_analyst, over.pk))
    assert again(kept).ended_at is not None
    with pytest.raises(Refused, match="has ended"):
        follow_ups.extend_preservation(as_analyst, kept.pk, 10)


def test_a_preservation_ends_with_its_term(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    (kept,) = asked(as_analyst, case, kind="preservation", channel="by_hand", term_days=10)
    let_go(kept, as_supervisor)
    kept = went(actions.form_sent(as_analyst, kept.pk))
    say_meaning(as_analyst, kept.pk, "removed")
    for day in range(1, 12):
        went(kept, timezone.now() + day * DAY)
    kept = again(kept)
    assert kept.ending_at is not None
    assert kept.ended_at is not None
    assert kept.due_at is None


# --- what it says --------------------------------------------------------------------------------------------------------


def test_the_letter_is_that_of_the_wording_room_filled_in(as_analyst: Actor, case: Case) -> None:
    (request,) = asked(as_analyst, case, reasons={case.pk: "「高額バイト」との記載があるため。"})
    text = request.item.body["text"]
    for told in (
        "おそれがある",
        "https://jobs.board.example/ad/1",
        "「高額バイト」との記載があるため。",
        "架空県警察",
        "000-000-0110",
    ):
        assert told in text
    assert "{" not in text
    (other,) = asked(as_analyst, case, kind="suspension")
    assert other.item.body["text"].endswith("お願いいたします。")
    assert "アカウント" in other.item.body["text"]


def test_a_provider_abroad_is_written_to_in_english(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    provider(as_administrator, "en")
    case = sealed_case(as_analyst, live)
    (request,) = asked(as_analyst, case, reasons={case.pk: "The post says “high pay” without the work."})
    text = request.item.body["text"]
    assert "may be" in text
    assert "Example Police" in text
    assert "The post says “high pay”" in text


def test_without_a_letterhead_nobody_writes(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    add_body(as_administrator, BOARD, "network", "架空ボード", "Example Board", hosts="board.example")
    contact = fill_in(as_administrator, BOARD, "form", CONTACTS["form"])
    confirm(as_administrator, contact.pk, "架空の案内ページ", "2026-11-19")
    case = sealed_case(as_analyst, live)
    with pytest.raises(Refused, match="under which name"):
        asked(as_analyst, case)


# --- forms ---------------------------------------------------------------------------------------------------------------


def test_a_form_is_sent_by_a_person_with_its_number_and_checks_follow(
    as_analyst: Actor, as_supervisor: Actor, case: Case
) -> None:
    (request,) = asked(as_analyst, case)
    with pytest.raises(Refused, match="not ready"):
        actions.form_sent(as_analyst, request.pk)
    assert let_go(request, as_supervisor).item.state == "sending"
    request = went(actions.form_sent(as_analyst, request.pk, "B-17"))
    assert request.receipt == "B-17"
    assert request.item.sent_at is not None
    assert request.answer_by == business_days_after(request.item.sent_at, 5)
    planned = Check.objects.filter(case=case, since_what="request", outcome="")
    assert set(planned.values_list("step", flat=True)) == {"1h", "6h", "1d", "2d", "3d", "5d", "2w"}
    assert went(request).started_at == request.started_at  # done twice it changes nothing
    assert planned.count() == 7


def test_a_changed_form_is_said_by_a_person(as_analyst: Actor, as_supervisor: Actor, case: Case) -> None:
    (request,) = asked(as_analyst, case)
    let_go(request, as_supervisor)
    changed = actions.form_changed(as_analyst, request.pk)
    assert (changed.item.state, changed.item.stopped_why) == ("stopped", "form_changed")
    assert stands(request) == "over"
    asked(as_analyst, case)  # by whichever way they find


# --- clocks ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(as_analyst: Actor, as_supervisor: Actor, case: Case) -> Request:
    """A form that went."""
    (request,) = asked(as_analyst, case)
    let_go(request, as_supervisor)
    return went(actions.form_sent(as_analyst, request.pk))


def by(request: Request) -> datetime:
    assert request.answer_by is not None
    return request.answer_by


def test_five_business_days_then_a_reminder_then_a_supervisor(
    as_analyst: Actor, as_supervisor: Actor, sent: Request
) -> None:
    went(sent, by(sent) - timedelta(minutes=1))
    assert stands(sent) == "waits"
    went(sent, by(sent))
    assert stands(sent) == "overdue"
    with pytest.raises(Refused, match="did not go by mail"):
        follow_ups.draft_reminder(as_analyst, sent.pk)
    with pytest.raises(Refused, match="put to a supervisor"):
        follow_ups.take_up(as_supervisor, sent.pk, 3)
    went(sent, business_days_after(by(sent), 2))
    assert stands(sent) == "escalated"
    assert queries.escalated_requests(as_supervisor) == 1
    with pytest.raises(Refused, match="does not allow"):
        follow_ups.take_up(as_analyst, sent.pk, 3)
    taken = follow_ups.take_up(as_supervisor, sent.pk, 3)
    assert stands(sent) == "waits"
    went(sent, by(taken))
    went(sent, business_days_after(by(taken), 2))
    assert stands(sent) == "escalated"  # again
    follow_ups.take_up(as_supervisor, sent.pk, 0)
    assert stands(sent) == "over"
    assert queries.escalated_requests(as_supervisor) == 0
    kinds = list(Entry.objects.filter(subject=f"case:{sent.case_id}").values_list("kind", flat=True))
    assert kinds.count("request_overdue") == 2
    assert kinds.count("request_escalated") == 2


def test_an_answer_ends_the_clock(as_analyst: Actor, sent: Request) -> None:
    say_meaning(as_analyst, sent.pk, "received")
    went(sent, by(sent))
    assert stands(sent) == "overdue"  # that it arrived is no answer
    say_meaning(as_analyst, sent.pk, "refused", words="規約に反しないとのこと")
    assert stands(sent) == "answered"
    went(sent, business_days_after(by(sent), 9))
    assert again(sent).escalated_at is None


def test_what_they_say_they_removed_is_looked_at(as_analyst: Actor, sent: Request) -> None:
    Check.objects.filter(case=sent.case).delete()
    say_meaning(as_analyst, sent.pk, "removed")
    (look,) = Check.objects.filter(case=sent.case)
    assert (look.step, look.outcome) == ("now", "")  # the outcome is what a check finds


def test_seven_days_only_for_a_rights_claim_to_a_designated_operator(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source, sent: Request
) -> None:
    with pytest.raises(Refused, match="designated operators only"):
        follow_ups.record_claim(as_analyst, sent.pk)
    contact = fill_in(as_administrator, "cyberagent", "form", "https://operator.example/form")
    confirm(as_administrator, contact.pk, "架空の案内ページ", "2026-11-19")
    (request,) = asked(as_analyst, sent.case, body="cyberagent")
    with pytest.raises(Refused, match="did not go"):
        follow_ups.record_claim(as_analyst, request.pk)
    let_go(request, as_supervisor)
    request = went(actions.form_sent(as_analyst, request.pk))
    assert request.item.sent_at is not None
    assert request.answer_by == business_days_after(request.item.sent_at, 5)
    claimed = follow_ups.record_claim(as_analyst, request.pk, days_ago=2)
    assert claimed.claimed_on is not None
    assert by(claimed) == claimed.claimed_on + 7 * DAY
    went(claimed, by(claimed))
    assert stands(claimed) == "overdue"


# --- a second request -------------------------------------------------------------------------------------------------------


def test_after_a_refusal_grounds_beyond_wording_are_offered_as_counts(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, live: Source
) -> None:
    provider(as_administrator)
    words = "即日即金 運ぶだけ 連絡は telegram: @himitsu_no_renraku まで"
    rows = [
        post(str(n), words if n < 3 else f"{words} {n}", author_id=f"b{n}", url=f"https://else.example/{n}")
        for n in range(1, 5)
    ]
    taken = arrive(live, rows, [finding(n) for n in range(4)])
    others = list(Case.objects.filter(pk__in=taken.opened).order_by("pk"))
    for other in others[:3]:
        judged(as_analyst, other)  # two with the same words, one with the same contact; the fourth nobody decided
    case = sealed_case(as_analyst, live, 9, text=words)
    (first,) = asked(as_analyst, case)
    let_go(first, as_supervisor)
    first = went(actions.form_sent(as_analyst, first.pk))
    with pytest.raises(Refused, match="only what was refused"):
        actions.draft_second(as_analyst, first.pk, codes=["same_contact"])
    say_meaning(as_analyst, first.pk, "refused")
    with pytest.raises(Refused, match="a second request says more"):
        asked(as_analyst, case)

    more = actions.more_grounds(as_analyst, first.pk)
    assert (more.same_contact, more.same_text) == (3, 2)
    assert more.term == CONTACTS["terms"]
    with pytest.raises(BadInput, match="grounds that hold"):
        actions.draft_second(as_analyst, first.pk, codes=["hearsay"])
    with pytest.raises(BadInput, match="grounds that hold"):
        actions.draft_second(as_analyst, first.pk)
    second = actions.draft_second(as_analyst, first.pk, codes=["same_contact", "same_text", "term"])
    text = second.item.body["text"]
    assert "ほかに3件" in text
    assert "ほかに2件" in text
    assert CONTACTS["terms"] in text
    assert "else.example" not in text  # never another case's content
    assert second.more == {"same_contact": 3, "same_text": 2, "term": True}
    assert second.purpose == "second"
    with pytest.raises(Refused, match="a second time already"):
        actions.draft_second(as_analyst, first.pk, codes=["term"])


def test_missing_items_of_a_job_ad_are_a_ground(as_analyst: Actor, as_administrator: Actor, live: Source) -> None:
    provider(as_administrator)
    case = sealed_case(as_analyst, live)
    found = case.post.current.findings.get() if case.post.current is not None else None
    assert found is not None
    found.body = {"items": {"present": ["wage"], "missing": ["recruiter", "address", "workplace"]}}
    found.save()
    (request,) = asked(as_analyst, case)
    more = actions.more_grounds(as_analyst, request.pk)
    assert more.missing == ("recruiter", "address", "workplace")
    assert "募集者の氏名又は名称、住所、就業場所" in more.text(["missing"], "ja")


# --- why none is made ----------------------------------------------------------------------------------------------------------


def test_why_nothing_is_requested_is_kept_and_stands_in_the_way(
    as_analyst: Actor, as_supervisor: Actor, as_administrator: Actor, case: Case
) -> None:
    (request,) = asked(as_analyst, case)
    with pytest.raises(BadInput, match="note"):
        actions.record_no_request(as_analyst, case.pk, "other")
    with pytest.raises(BadInput, match="partner hotline"):
        actions.record_no_request(as_analyst, case.pk, "abroad", body="police_osaka")
    actions.record_no_request(as_analyst, case.pk, "police_wait")
    with pytest.raises(Refused, match="already"):
        actions.record_no_request(as_analyst, case.pk, "gone")
    stopped = let_go(request, as_supervisor)
    assert (stopped.item.state, stopped.item.stopped_why) == ("stopped", "no_request")
    with pytest.raises(Refused, match="why nothing is requested"):
        asked(as_analyst, case)
    actions.withdraw_no_request(as_analyst, case.pk)
    asked(as_analyst, case)
    add_body(
        as_administrator,
        "partner",
        "partner_hotline",
        "架空国ホットライン",
        "Example Hotline",
        country="US",
        language="en",
    )
    actions.record_no_request(as_analyst, case.pk, "abroad", body="partner")
    assert [row.why for row in NoRequest.objects.order_by("pk")] == ["police_wait", "abroad"]


# --- the list ------------------------------------------------------------------------------------------------------------------


def test_the_list_asks_the_database_the_same_however_long(
    as_analyst: Actor, as_administrator: Actor, live: Source, django_assert_max_num_queries: object
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    provider(as_administrator)
    counts = []
    for n in (1, 2, 3):
        asked(as_analyst, sealed_case(as_analyst, live, n))
        with CaptureQueriesContext(connection) as asked_for:
            assert len(queries.requests_of(as_analyst)) == n
        counts.append(len(asked_for))
    assert len(set(counts)) == 1


def test_the_papers_say_it_in_japanese(as_analyst: Actor, case: Case, tmp_path: Path) -> None:
    import pypdfium2

    from yoake.casework.request import facts

    (kept,) = asked(as_analyst, case, kind="preservation", channel="by_hand", term_days=30)
    told = kept.item.body
    octets = facts.paper(told["facts"], told["text"], kept.item.drafted_at)
    text = pypdfium2.PdfDocument(octets)[0].get_textpage().get_text_range()
    for words in ("通信履歴の保全要請書", "架空ボード", "30日間", "jobs.board.example/ad/1", "S-ana"):
        assert words in text
    (inquiry,) = asked(as_analyst, case, kind="disclosure", channel="by_hand")
    assert "照会書" in inquiry.item.body["facts"]["title"]
