"""What became of posts and accounts: written once, from what was seen, with the act that went before."""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.outbox_world import decided
from tests.world import arrive
from yoake.casework.audit.models import Entry
from yoake.casework.cases import actions as judging
from yoake.casework.cases.checks import check_before, finish_check
from yoake.casework.cases.models import Case, Check, Outcome, Post
from yoake.casework.cases.outcomes import note_refused, outcomes_of
from yoake.casework.cases.schedule import plan_checks
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.request.clock import begin_clocks
from yoake.casework.request.models import Request
from yoake.casework.sources.models import Source
from yoake.pipeline.duties.outcomes import outcomes
from yoake.pipeline.mishaps import Resting
from yoake.tables.posts import removals_batch

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def case(as_analyst: Actor, live: Source) -> Case:
    case = decided(as_analyst, live, url="https://social.example/1")
    plan_checks(case, case.decisions.get().at, timezone.now())
    return case


def left(
    case: Case,
    actor: Actor,
    kind: str = "warning",
    ago: timedelta = HOUR,
    asked: str = "removal",
    first: Case | None = None,
) -> datetime:
    """An act that left so long ago; `first`: the case whose mail also speaks of this one."""
    at = timezone.now() - ago
    about = first or case
    item = OutboxItem.objects.create(
        organisation_id=case.organisation_id, case=about, post=about.post, kind=kind, channel="by_hand", way="hand",
        key=f"{kind}{ago}{asked}", bound="0", drafted_by_id=actor.user_id, drafted_at=at, state="sent", sent_at=at,
    )  # fmt: skip
    if kind == "request":
        Request.objects.create(item=item, organisation_id=case.organisation_id, case=case, kind=asked, body="example")
    return at


def seen(case: Case, outcome: str, step: str = "1h", what: str = "decision") -> datetime:
    row = Check.objects.filter(case=case, step=step, since_what=what, outcome="").get()
    at = timezone.now()
    assert finish_check(row, outcome, at)
    return at


def told(actor: Actor, case: Case) -> list[tuple[str, str, str]]:
    begin_clocks(timezone.now())
    outcomes(timezone.now())
    return [(one.of, one.what, one.act) for one in outcomes_of(actor, case)]


def test_gone_before_anybody_acted(as_analyst: Actor, case: Case) -> None:
    at = seen(case, "deleted_by_author")
    assert outcomes_of(as_analyst, case) == [], "not concluded yet"
    assert told(as_analyst, case) == [("post", "gone_before", "")]
    (one,) = outcomes_of(as_analyst, case)
    assert (one.seen, one.at) == ("deleted_by_author", at)
    assert one.elapsed_s == int((at - case.decisions.get().at).total_seconds())
    entry = Entry.objects.filter(kind="outcome_written").get()
    assert entry.facts == {"what": "gone_before", "of": "post", "act": None}


@pytest.mark.parametrize("kind", ["warning", "request", "report"])
def test_removed_after_an_act(as_analyst: Actor, case: Case, kind: str) -> None:
    left(case, as_analyst, "report", 3 * HOUR)
    at = left(case, as_analyst, kind, 2 * HOUR)
    when = seen(case, "removed_by_provider")
    left(case, as_analyst, "request", -HOUR)  # after it was gone: no cause
    assert told(as_analyst, case) == [("post", "removed", kind)]
    (one,) = outcomes_of(as_analyst, case)
    assert (one.act_at, one.elapsed_s) == (at, int((when - at).total_seconds()))
    assert told(as_analyst, case) == [("post", "removed", kind)], "once"


def test_what_asks_for_no_removal_is_no_act_that_removes(as_analyst: Actor, case: Case) -> None:
    left(case, as_analyst, "help")
    left(case, as_analyst, "request", asked="preservation")
    seen(case, "removed")
    assert told(as_analyst, case) == [("post", "gone_before", "")]


@pytest.mark.parametrize(
    ("outcome", "act"),
    [("removed_by_provider", "request"), ("deleted_by_author", "warning"), ("removed", "warning"), ("account_suspended", "request")],
)  # fmt: skip
def test_who_made_it_go_tells_which_act_it_was(as_analyst: Actor, case: Case, outcome: str, act: str) -> None:
    left(case, as_analyst, "request", 4 * HOUR)
    left(case, as_analyst, "warning", 3 * HOUR)
    left(case, as_analyst, "report", HOUR)  # to the police: that asks nobody to take it down
    seen(case, outcome)
    assert {one[2] for one in told(as_analyst, case)} == {act}


def test_a_mail_about_several_posts_is_an_act_for_each(as_analyst: Actor, case: Case, live: Source) -> None:
    other = decided(as_analyst, live, native_id="2", url="https://social.example/2")
    at = left(other, as_analyst, "request", first=case)
    assert told(as_analyst, other) == []
    assert Check.objects.filter(case=other, since=at, since_what="request").exists()
    finish_check(Check.objects.filter(case=other, step="6h").get(), "removed", timezone.now())
    assert told(as_analyst, other) == [("post", "removed", "request")]


def test_what_is_hidden_is_not_removed(as_analyst: Actor, case: Case) -> None:
    left(case, as_analyst)
    seen(case, "private")
    assert told(as_analyst, case) == [("post", "hidden", "warning")]
    seen(case, "private", "6h")
    assert len(told(as_analyst, case)) == 1, "that was known"
    seen(case, "account_suspended", "1d")
    assert sorted(told(as_analyst, case)) == [
        ("account", "suspended", "warning"), ("post", "hidden", "warning"), ("post", "suspended", "warning"),
    ]  # fmt: skip
    seen(case, "up", "2d")
    seen(case, "private", "3d")
    assert next(one[1] for one in told(as_analyst, case)) == "hidden", "again, after it was there"


def test_each_organisation_has_its_own_outcome(as_analyst: Actor, as_outsider: Actor, case: Case) -> None:
    source = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    theirs = decided(as_outsider, source, url="https://social.example/1")
    assert theirs.post_id == case.post_id
    seen(case, "removed")
    assert told(as_analyst, case) == [("post", "gone_before", "")]
    finish_check(check_before(as_outsider, theirs.pk), "removed", timezone.now())
    assert told(as_outsider, theirs) == [("post", "gone_before", "")]
    assert finish_check(check_before(as_outsider, theirs.pk), "removed", timezone.now())
    assert len(told(as_outsider, theirs)) == 1, "it knows"


def test_a_suspended_account_is_an_outcome_of_its_own_and_told_once(as_analyst: Actor, case: Case) -> None:
    left(case, as_analyst, "request")
    seen(case, "account_suspended")
    seen(case, "account_suspended", "6h")
    assert sorted(told(as_analyst, case)) == [("account", "suspended", "request"), ("post", "suspended", "request")]


def test_what_a_stream_says_counts_too(as_analyst: Actor, live: Source, case: Case) -> None:
    left(case, as_analyst)
    now = timezone.now()
    row = {"kind": "post", "network": "test", "native_id": "1", "state": "deleted_by_author", "removed_at": now}
    arrive(live, [], [], now, removed=removals_batch([row]))
    assert told(as_analyst, case) == [("post", "removed", "warning")]


def test_still_up_is_said_at_the_last_steps_of_the_newest_clock(as_analyst: Actor, case: Case) -> None:
    seen(case, "up")
    assert told(as_analyst, case) == [], "an hour says nothing"
    left(case, as_analyst, "request", 2 * HOUR)
    assert told(as_analyst, case) == []
    assert Check.objects.filter(case=case, since_what="request", outcome="").count() == 6, "1h is over"
    left(case, as_analyst, "report", HOUR / 2)  # another act since: the request's clock goes on telling of the request
    seen(case, "up", "5d")
    assert told(as_analyst, case) == [], "by the decision's clock nobody knows what the request did"
    seen(case, "edited", "5d", "request")
    seen(case, "unreachable", "2w", "request")
    assert told(as_analyst, case) == [("post", "unreachable", "request"), ("post", "still_up", "request")]
    assert [one.step for one in outcomes_of(as_analyst, case)] == ["2w", "5d"]
    assert all(one.elapsed_s is not None and one.elapsed_s >= 7200 for one in outcomes_of(as_analyst, case))


def test_without_an_act_it_is_still_up_all_the_same(as_analyst: Actor, case: Case) -> None:
    seen(case, "up", "5d")
    assert told(as_analyst, case) == [("post", "still_up", "")]


def test_looks_after_an_act_are_planned_once_and_not_for_what_is_gone(as_analyst: Actor, case: Case) -> None:
    left(case, as_analyst)
    outcomes(timezone.now())
    n = Check.objects.filter(case=case, since_what="warning").count()
    outcomes(timezone.now())
    assert Check.objects.filter(case=case, since_what="warning").count() == n > 0
    seen(case, "removed")
    left(case, as_analyst, "report", HOUR / 2)
    outcomes(timezone.now())
    assert not Check.objects.filter(case=case, since_what="report").exists()


def test_nobody_looks_after_a_case_that_does_not_stand_in_scope_any_more(as_analyst: Actor, case: Case) -> None:
    judging.undo(as_analyst, case.pk)
    left(case, as_analyst)
    outcomes(timezone.now())
    assert not Check.objects.filter(case=case).exists(), "nobody judged it"
    case.refresh_from_db()
    judging.decide(as_analyst, case.pk, "not_in_scope", version_id=case.post.current_id or 0)
    left(case, as_analyst, "report", HOUR / 2)
    left(case, as_analyst, "request", HOUR / 3)
    told(as_analyst, case)
    assert not Check.objects.filter(case=case).exists()


def test_the_worker_asks_the_same_few_questions_whatever_waits(as_analyst: Actor, live: Source) -> None:
    for n in range(4):
        other = decided(as_analyst, live, native_id=f"q{n}", url=f"https://social.example/q{n}")
        Outcome.objects.create(case=other, of="post", seen="removed", at=timezone.now(), due_at=timezone.now())
    with CaptureQueriesContext(connection) as asked:
        outcomes(timezone.now())
    about_acts = [one["sql"] for one in asked if "outbox_outboxitem" in one["sql"]]
    assert len(about_acts) == 3, "what is to be followed, requests, the rest"
    assert not any(" OR " in sql for sql in about_acts)


def test_a_bad_row_holds_up_no_other(
    as_analyst: Actor, live: Source, case: Case, monkeypatch: pytest.MonkeyPatch, mishaps: list[str]
) -> None:
    duty = import_module("yoake.pipeline.duties.outcomes")
    other = decided(as_analyst, live, native_id="2", url="https://social.example/2")
    plan_checks(other, other.decisions.get().at, timezone.now())
    left(case, as_analyst)
    left(other, as_analyst, ago=2 * HOUR)
    for one in (case, other):
        seen(one, "removed")
    now, real, planned = timezone.now(), duty.conclude, duty.plan_checks

    def unforeseen(row: Outcome, *rest: Any) -> bool:
        if row.case_id == case.pk:
            raise KeyError("高額")
        return bool(real(row, *rest))

    def not_planned(one: Case, *rest: Any, **more: Any) -> None:
        if one.pk == case.pk:
            raise KeyError("高額")
        planned(one, *rest, **more)

    monkeypatch.setattr(duty, "_resting", Resting())
    monkeypatch.setattr(duty, "conclude", unforeseen)
    monkeypatch.setattr(duty, "plan_checks", not_planned)
    OutboxItem.objects.update(followed_at=None)
    Post.objects.update(gone_state="", gone_at=None)
    assert outcomes(now) == 4
    assert outcomes(now) == 0, "what failed rests"
    assert [one.what for one in outcomes_of(as_analyst, other)] == ["removed"]
    assert Outcome.objects.get(case=case).problem == "KeyError"
    assert [one.case_id for one in OutboxItem.objects.exclude(followed_at=None)] == [other.pk]
    assert len(mishaps) == 2
    assert "高額" not in "".join(mishaps)
    mishaps.clear()
    monkeypatch.undo()
    assert outcomes(now + timedelta(minutes=1)) == 2
    assert [one.what for one in outcomes_of(as_analyst, case)] == ["removed"]


def test_a_provider_that_refuses(as_analyst: Actor, as_outsider: Actor, case: Case) -> None:
    at = left(case, as_analyst, "request")
    note_refused(case, at, at + HOUR)
    assert told(as_analyst, case) == [("post", "refused", "request")]
    assert outcomes_of(as_analyst, case)[0].elapsed_s == 3600
    assert outcomes_of(as_outsider, case) == []
    assert Outcome.objects.count() == 1
