"""Is a post still there: when it is asked, what is written down and when that ends, and what a person says who looked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions
from yoake.casework.cases.checks import (
    check_before,
    check_now,
    finish_check,
    fresh_outcome,
    hand_over,
    mark_by_hand,
)
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.models import Case, Check, Decision
from yoake.casework.cases.queries import case_view, checks_by_hand, checks_by_hand_count
from yoake.casework.cases.schedule import STEPS, due_at, plan_checks
from yoake.casework.due import claim_due, put_off
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor, actor_of, system
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.tables.posts import removals_batch

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def decide(actor: Actor, case: Case, verdict: str = "in_scope", at: datetime = NOON, **more: Any) -> Decision:
    if verdict == "in_scope":
        more.setdefault("category_slug", "criminal_recruitment")
    case.post.refresh_from_db()
    return actions.decide(actor, case.pk, verdict, version_id=case.post.current_id or 0, now=at, **more)


def planned(case: Case) -> dict[str, datetime]:
    rows = Check.objects.filter(case=case, outcome="").values_list("step", "due_at")
    return {step: at for step, at in rows if at is not None}


def outcomes(case: Case) -> list[tuple[str, str, str]]:
    done = Check.objects.filter(case=case).exclude(outcome="").order_by("checked_at", "pk")
    return list(done.values_list("step", "outcome", "how"))


def first(case: Case) -> Check:
    return Check.objects.filter(case=case, outcome="").order_by("due_at")[0]


def in_hands(case: Case, step: str = "1h", *, due: datetime = NOON + HOUR) -> Check:
    """A check that waits for a person since `due`."""
    row = Check.objects.get(case=case, step=step)
    hand_over(row, "unchecked")
    Check.objects.filter(pk=row.pk).update(due_at=due)
    row.refresh_from_db()
    return row


def gone(state: str, native_id: str = "1", **more: Any) -> Any:
    row = {"kind": "post", "network": "test", "native_id": native_id, "state": state, "removed_at": NOON + HOUR}
    return removals_batch([{**row, **more}])


# --- the schedule ---------------------------------------------------------------------------------------------------


def test_a_decision_in_scope_begins_the_schedule(waiting: Case, as_analyst: Actor) -> None:
    assert planned(waiting) == {}
    decide(as_analyst, waiting)
    times = planned(waiting)
    assert sorted(times, key=lambda step: times[step]) == list(STEPS)
    least = {
        "1h": NOON + HOUR,
        "6h": NOON + 6 * HOUR,
        "1d": NOON + timedelta(days=4),  # from Friday over a weekend and a holiday
        "2d": NOON + timedelta(days=5),
        "3d": NOON + timedelta(days=6),
        "5d": NOON + timedelta(days=10),
        "2w": NOON + timedelta(days=14),
    }
    for step, at in least.items():
        assert at <= times[step] <= at + timedelta(minutes=30), step
    assert set(Check.objects.values_list("since", "source__name", "hand")) == {(NOON, "live", "")}


def test_the_spread_is_the_same_for_the_same_post_and_differs_between_posts() -> None:
    assert due_at("1h", NOON, "a") == due_at("1h", NOON, "a")
    times = {due_at("2w", NOON, str(n)) for n in range(200)}
    assert len(times) == 200
    assert max(times) - min(times) > timedelta(minutes=20)


def test_what_went_while_it_was_worked_on_is_not_put_off(waiting: Case, as_analyst: Actor) -> None:
    """A stream or a person may take a check back, or another worker end it, while the network is being asked."""
    decide(as_analyst, waiting)
    later = NOON + 8 * HOUR
    done, undone = claim_due(Check, later)
    finish_check(done, "up", later)
    undone.delete()
    for row in (done, Check(pk=undone.pk, attempts=1)):
        put_off(row, later, "nobody answers")
    now_done = Check.objects.get(pk=done.pk)
    assert (now_done.due_at, now_done.outcome, now_done.problem) == (None, "up", "")
    assert claim_due(Check, later + HOUR) == []


@pytest.mark.parametrize("verdict", ["not_in_scope", "cannot_tell"])
def test_what_is_not_in_scope_is_not_followed(waiting: Case, as_analyst: Actor, verdict: str) -> None:
    decide(as_analyst, waiting, verdict)
    assert planned(waiting) == {}


def test_what_is_only_recorded_and_practice_are_never_asked_about(
    waiting: Case, practice: Source, as_analyst: Actor
) -> None:
    decide(as_analyst, waiting, category_slug="child_abuse_material")
    taken = arrive(practice, [post("2026-11-20/p001", network="practice")], [finding()])
    lesson = Case.objects.get(pk=taken.opened[0])
    decide(as_analyst, lesson)
    assert not Check.objects.exists()
    for case in (waiting, lesson):
        with pytest.raises(Refused, match="cannot be asked"):
            check_now(as_analyst, case.pk, NOON)


def test_undoing_takes_back_what_is_not_done_and_keeps_what_is(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), "up", NOON + HOUR)
    actions.undo(as_analyst, waiting.pk, NOON + 2 * HOUR)
    assert planned(waiting) == {}
    assert outcomes(waiting) == [("1h", "up", "automatic")]
    decide(as_analyst, waiting, at=NOON + 3 * HOUR)  # another decision, another clock
    assert len(planned(waiting)) == len(STEPS)


def test_planning_twice_changes_nothing(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    before = planned(waiting)
    finish_check(first(waiting), "up", NOON + HOUR)
    plan_checks(Case.objects.get(pk=waiting.pk), NOON, NOON)
    assert len(planned(waiting)) == len(STEPS) - 1
    assert planned(waiting).items() <= before.items()


def test_after_an_act_the_clock_begins_anew(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    sent = NOON + timedelta(days=1)
    plan_checks(Case.objects.get(pk=waiting.pk), sent, sent, what="request")
    row = check_before(as_analyst, waiting.pk, sent + HOUR)
    assert (row.since, row.since_what) == (sent, "request")
    finish_check(row, "up", sent + 2 * HOUR)
    row.refresh_from_db()
    assert row.elapsed_s == 7200


# --- outcomes -------------------------------------------------------------------------------------------------------


def test_an_outcome_is_written_once_with_the_time_it_took(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    row = first(waiting)
    assert finish_check(row, "up", NOON + HOUR, note="ok", stamp="x")
    assert not finish_check(row, "deleted_by_author", NOON + 2 * HOUR)
    row.refresh_from_db()
    assert (row.outcome, row.elapsed_s, row.how, row.due_at, row.by_id) == ("up", 3600, "automatic", None, None)
    entry = Entry.objects.filter(kind="checked").get()
    assert entry.facts == {"outcome": "up", "step": "1h", "how": "automatic", "seconds": 3600}
    assert first_break() is None


def test_only_known_outcomes_are_written(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    with pytest.raises(BadInput):
        finish_check(first(waiting), "unchecked", NOON)


@pytest.mark.parametrize(
    ("outcome", "left"),
    [
        ("deleted_by_author", 0),
        ("removed_by_provider", 0),
        ("removed", 0),
        ("account_suspended", 6),  # an account may come back
        ("private", 6),
        ("unreachable", 6),
        ("up", 6),
    ],
)
def test_a_post_that_is_gone_for_good_is_not_asked_about_again(
    waiting: Case, as_analyst: Actor, outcome: str, left: int
) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), outcome, NOON + HOUR)
    assert len(planned(waiting)) == left
    waiting.post.refresh_from_db()
    is_gone = outcome not in ("up", "unreachable")
    assert waiting.post.gone_state == (outcome if is_gone else "")
    assert Entry.objects.filter(kind="post_gone").count() == is_gone


def test_an_account_that_came_back_is_seen(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), "account_suspended", NOON + HOUR)
    finish_check(first(waiting), "up", NOON + 6 * HOUR)
    waiting.post.refresh_from_db()
    assert waiting.post.gone_state == ""
    assert [outcome for _step, outcome, _how in outcomes(waiting)] == ["account_suspended", "up"]
    assert Entry.objects.filter(kind="post_back").exists()


def test_an_edit_becomes_a_version_and_the_case_says_so(waiting: Case, as_analyst: Actor) -> None:
    decided = decide(as_analyst, waiting)
    says = post(text="受け子募集 書き換え")
    row = {**_row(says), "seen_at": NOON + HOUR}
    finish_check(first(waiting), "edited", NOON + HOUR, new=(row, []))
    waiting.refresh_from_db()
    assert waiting.changed_at == NOON + HOUR
    assert waiting.state == "decided"  # a decision in scope stands
    assert waiting.post.current is not None
    assert waiting.post.current.text == "受け子募集 書き換え"
    assert decided.version_id != waiting.post.current_id
    assert len(planned(waiting)) == 6


def test_an_edit_nobody_could_read_is_said_all_the_same(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), "edited", NOON + HOUR)
    waiting.refresh_from_db()
    assert waiting.changed_at == NOON + HOUR
    assert waiting.post.versions.count() == 1


def _row(told: dict[str, Any]) -> dict[str, Any]:
    from yoake.tables.posts import posts_batch

    (row,) = posts_batch([told]).to_pylist()
    return dict(row)


# --- what a stream says ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("deleted_by_author", "deleted_by_author"), ("suspended", "account_suspended"), ("deactivated", "private")],
)
def test_a_stream_that_says_the_post_is_gone_ends_the_schedule(
    live: Source, waiting: Case, as_analyst: Actor, state: str, outcome: str
) -> None:
    decide(as_analyst, waiting)
    arrive(live, [], [], NOON + 2 * HOUR, removed=gone(state))
    assert planned(waiting) == {}
    row = Check.objects.get(case=waiting)
    assert (row.outcome, row.how, row.step, row.elapsed_s) == (outcome, "stream", "stream", 3600)
    arrive(live, [], [], NOON + 3 * HOUR, removed=gone(state))
    assert Check.objects.count() == 1


def test_a_removal_before_the_decision_writes_no_outcome(live: Source, waiting: Case, as_analyst: Actor) -> None:
    arrive(live, [], [], NOON, removed=gone("deleted_by_author"))
    assert not Check.objects.exists()
    decide(as_analyst, waiting, at=NOON + 2 * HOUR)
    assert len(planned(waiting)) == len(STEPS)  # what the stream said is checked, not believed for ever


def test_an_account_that_returns_is_asked_about_at_the_steps_that_are_left(live: Source, as_analyst: Actor) -> None:
    taken = arrive(live, [post(author_id="did:a")], [finding()])
    case = Case.objects.get(pk=taken.opened[0])
    decide(as_analyst, case)
    account = {"kind": "account", "native_id": "did:a"}
    arrive(live, [], [], NOON + 2 * HOUR, removed=gone("suspended", **account))
    assert planned(case) == {}
    arrive(live, [], [], NOON + 3 * HOUR, removed=gone("back", **account))
    assert set(planned(case)) == {"now", *STEPS} - {"1h"}
    assert outcomes(case) == [("stream", "account_suspended", "stream")]
    arrive(live, [], [], NOON + 4 * HOUR, removed=gone("deleted_by_author"))
    assert [outcome for _step, outcome, _how in outcomes(case)] == ["account_suspended", "deleted_by_author"]


# --- on demand ------------------------------------------------------------------------------------------------------


def test_somebody_asks_now(waiting: Case, as_analyst: Actor) -> None:
    row = check_now(as_analyst, waiting.pk, NOON)
    assert (row.step, row.due_at, row.since_what) == ("now", NOON, "opened")
    assert check_now(as_analyst, waiting.pk, NOON + HOUR).pk == row.pk  # asking twice asks once
    finish_check(row, "up", NOON)
    again = check_now(as_analyst, waiting.pk, NOON + HOUR)
    assert again.pk != row.pk
    assert Entry.objects.filter(kind="check_asked").count() == 2, "a line for what was planned, not for each question"


def test_an_act_knows_whether_the_answer_is_fresh(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    row = check_before(as_analyst, waiting.pk, NOON)
    assert fresh_outcome(waiting, timedelta(minutes=10), NOON) is None
    finish_check(row, "up", NOON)
    assert fresh_outcome(waiting, timedelta(minutes=10), NOON + timedelta(minutes=9)) == row
    assert fresh_outcome(waiting, timedelta(minutes=10), NOON + timedelta(minutes=11)) is None


def test_who_may_ask(waiting: Case, as_outsider: Actor, as_supervisor: Actor) -> None:
    with pytest.raises(BadInput, match="no such case"):
        check_now(as_outsider, waiting.pk, NOON)
    reader = User.objects.create_user("adviser")
    Membership.objects.create(user=reader, organisation=waiting.organisation, role="adviser")
    with pytest.raises(Refused, match="adviser"):
        check_now(actor_of(reader), waiting.pk, NOON)
    assert check_now(as_supervisor, waiting.pk, NOON).outcome == ""


# --- by hand --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "outcome", "left"),
    [("gone", "removed", 0), ("up", "up", 6), ("edited", "edited", 6), ("unreachable", "unreachable", 6)],
)
def test_what_a_person_saw_is_kept_with_who_it_was(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, seen: str, outcome: str, left: int
) -> None:
    decide(as_analyst, waiting)
    row = in_hands(waiting)
    assert [shown.pk for shown in checks_by_hand(as_supervisor, NOON + HOUR)] == [row.pk]
    done = mark_by_hand(as_supervisor, row.pk, seen, NOON + 2 * HOUR)
    assert (done.outcome, done.how, done.by_id, done.elapsed_s) == (outcome, "by_hand", as_supervisor.user_id, 7200)
    assert len(planned(waiting)) == left
    assert not checks_by_hand(as_supervisor, NOON + 2 * HOUR)
    assert Entry.objects.get(kind="checked").actor == as_supervisor.name
    with pytest.raises(Refused, match="answered already"):
        mark_by_hand(as_analyst, row.pk, "up", NOON + 3 * HOUR)


def test_one_line_a_case_and_no_answer_for_times_nobody_looked_at(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    oldest = in_hands(waiting, "1h")
    in_hands(waiting, "6h", due=NOON + 6 * HOUR)
    late = NOON + 7 * HOUR
    assert checks_by_hand_count(as_analyst, late) == 1
    assert [row.step for row in checks_by_hand(as_analyst, late)] == ["1h"]
    mark_by_hand(as_analyst, oldest.pk, "up", late)
    assert outcomes(waiting) == [("1h", "up", "by_hand")]
    assert "6h" not in planned(waiting)


def test_who_may_answer(waiting: Case, as_analyst: Actor, as_outsider: Actor) -> None:
    decide(as_analyst, waiting)
    row = in_hands(waiting)
    assert not checks_by_hand(as_outsider, NOON + HOUR)
    with pytest.raises(BadInput, match="no such case"):
        mark_by_hand(as_outsider, row.pk, "up", NOON + HOUR)
    with pytest.raises(BadInput, match="one of gone, up, edited, unreachable"):
        mark_by_hand(as_analyst, row.pk, "deleted_by_author", NOON + HOUR)
    with pytest.raises(Refused, match="only a person"):
        mark_by_hand(system("worker", waiting.organisation_id), row.pk, "up", NOON + HOUR)
    automatic = Check.objects.get(case=waiting, step="6h")
    with pytest.raises(Refused, match="answered already"):
        mark_by_hand(as_analyst, automatic.pk, "up", NOON + 9 * HOUR)


def test_a_post_entered_by_hand_waits_for_a_person_from_the_beginning(as_analyst: Actor) -> None:
    added = actions.add_by_hand(as_analyst, url="https://board.example/1", text="受け子募集", now=NOON)
    decide(as_analyst, added.case)
    assert set(Check.objects.values_list("hand", flat=True)) == {"no_source"}
    assert checks_by_hand_count(as_analyst, NOON + 2 * HOUR) == 1
    typed = actions.add_by_hand(as_analyst, text="アドレスのない投稿", now=NOON)
    decide(as_analyst, typed.case)  # nobody could look anywhere
    assert planned(typed.case) == {}


# --- erasing --------------------------------------------------------------------------------------------------------


def test_erasing_leaves_outcomes_and_times_without_words(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), "up", NOON + HOUR, note="a sentence", content_hash="ab", stamp="etag")
    actions.undo(as_analyst, waiting.pk, NOON + 2 * HOUR)
    decide(as_analyst, waiting, "not_in_scope", NOON + 3 * HOUR)
    assert erase(waiting.post, NOON + timedelta(days=4))
    (row,) = Check.objects.all()
    assert (row.outcome, row.elapsed_s) == ("up", 3600)
    assert (row.note, row.content_hash, row.stamp) == ("", "", "")


def test_the_case_page_has_what_was_found_and_what_comes(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting)
    finish_check(first(waiting), "up", NOON + HOUR)
    finish_check(first(waiting), "unreachable", NOON + 6 * HOUR)
    view = case_view(as_analyst, waiting.pk, timezone.now())
    assert [row.step for row in view.checks] == ["6h", "1h", "1d", "2d", "3d", "5d", "2w"]
