from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases import actions, retention
from yoake.casework.cases.keeping import kept_until, months_after, plan_erasure
from yoake.casework.cases.models import Case, Decision, Erasure, LegalHold, Post, RemovalConsent
from yoake.casework.cases.notes import mark_minor
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.erase import erase
from yoake.pipeline.duties.plan_retention import plan_retention
from yoake.tables.posts import content_hash, uid_of

DAY = timedelta(days=1)


def decided(actor: Actor, case: Case, verdict: str = "in_scope", **more: Any) -> Case:
    slug = "criminal_recruitment" if verdict == "in_scope" else ""
    more.setdefault("now", NOON)
    actions.decide(actor, case.pk, verdict, version_id=case.post.current_id or 0, category_slug=slug, **more)
    return Case.objects.select_related("post").get(pk=case.pk)


@pytest.fixture
def second(police: Organisation) -> Actor:
    """Another supervisor of the same organisation."""
    user = User.objects.create_user("second")
    Membership.objects.create(user=user, organisation=police, role=Membership.Role.SUPERVISOR)
    return actor_of(user)


@pytest.mark.parametrize(
    ("at", "months", "then"),
    [
        (datetime(2026, 1, 31, 3, tzinfo=UTC), 1, datetime(2026, 2, 28, 3, tzinfo=UTC)),
        (datetime(2024, 2, 29, 3, tzinfo=UTC), 12, datetime(2025, 2, 28, 3, tzinfo=UTC)),
        (datetime(2026, 11, 30, 20, tzinfo=UTC), 3, datetime(2027, 2, 28, 20, tzinfo=UTC)),  # 1 December in Tokyo
    ],
)
def test_months_are_counted_in_tokyo(at: datetime, months: int, then: datetime) -> None:
    assert months_after(at, months) == then


def test_a_post_in_scope_goes_after_the_months_of_its_class(as_analyst: Actor, waiting: Case) -> None:
    case = decided(as_analyst, waiting)
    row = Erasure.objects.get()
    assert row.why == "retention"
    assert row.due_at == months_after(NOON, settings.ENVIRONMENT.keep_months[case.decisions.get().hotline_class])
    assert row.due_at is not None
    erase(row.due_at - timedelta(minutes=1))
    assert Post.objects.get().erased_at is None
    erase(row.due_at)
    assert Post.objects.get().erased_at == row.due_at
    assert Decision.objects.get().verdict == "in_scope", "the numbers stay"


def test_a_case_about_a_minor_goes_sooner(as_analyst: Actor, waiting: Case) -> None:
    decided(as_analyst, waiting)
    mark_minor(as_analyst, waiting.pk, True, NOON)
    assert Erasure.objects.get().due_at == months_after(NOON, settings.ENVIRONMENT.keep_months["minor"])


def test_what_nobody_can_tell_goes_too(as_analyst: Actor, waiting: Case) -> None:
    decided(as_analyst, waiting, "cannot_tell")
    assert Erasure.objects.get().due_at == months_after(NOON, settings.ENVIRONMENT.keep_months["cannot_tell"])


def test_the_longest_time_of_several_bodies_counts(
    as_analyst: Actor, as_outsider: Actor, waiting: Case, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    other = Case.objects.get(pk=arrive(theirs, [post()], [finding()]).opened[0])
    decided(as_analyst, waiting)
    assert not Erasure.objects.exists(), "the other body has not judged yet"
    decided(as_outsider, other, "cannot_tell", now=NOON + DAY)
    until = Erasure.objects.get().due_at
    assert until == kept_until(waiting.post) == months_after(NOON, settings.ENVIRONMENT.keep_months["illegal"])


def test_a_text_that_was_typed_cannot_be_found_by_trying_once_it_is_erased(as_analyst: Actor) -> None:
    """Its identity is a hash of the text. Whoever types it again gets the same case."""
    text = "短い文"
    guess = uid_of("hand", f"text/{content_hash(text)}")
    case = actions.add_by_hand(as_analyst, text=text, now=NOON).case
    for days in (0, 10):
        decided(as_analyst, case, "not_in_scope", now=NOON + days * DAY)
        erase(NOON + (days + 4) * DAY)
        kept = Post.objects.get()
        assert kept.erased_at is not None
        assert guess not in (kept.uid, kept.native_id)
        again = actions.add_by_hand(as_analyst, text=text, now=NOON + (days + 9) * DAY)
        assert (again.case.pk, again.was_there) == (case.pk, False)
        case.refresh_from_db()


def test_a_text_that_two_bodies_typed_goes_at_both(as_analyst: Actor, as_outsider: Actor) -> None:
    for actor in (as_analyst, as_outsider, as_analyst):
        case = actions.add_by_hand(actor, text="短い文", now=NOON).case
        decided(actor, case, "not_in_scope")
        erase(NOON + 4 * DAY)
        assert not Post.objects.filter(erased_at=None).exists()


def test_a_minor_shortens_only_the_time_of_the_body_that_says_so(
    as_analyst: Actor, as_outsider: Actor, waiting: Case, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    other = Case.objects.get(pk=arrive(theirs, [post()], [finding()]).opened[0])
    decided(as_analyst, waiting)
    decided(as_outsider, other, "cannot_tell")
    mark_minor(as_outsider, other.pk, True, NOON)
    months = settings.ENVIRONMENT.keep_months
    assert Erasure.objects.get().due_at == months_after(NOON, months["illegal"])
    mark_minor(as_analyst, waiting.pk, True, NOON)
    assert Erasure.objects.get().due_at == months_after(NOON, months["minor"])


def test_an_undone_decision_is_kept_until_a_new_one(as_analyst: Actor, waiting: Case) -> None:
    decided(as_analyst, waiting)
    actions.undo(as_analyst, waiting.pk, now=NOON + DAY)
    assert not Erasure.objects.exists()


def test_other_months_hold_also_for_what_was_planned(
    as_analyst: Actor, waiting: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided(as_analyst, waiting)
    months = {**settings.ENVIRONMENT.keep_months, "illegal": 2, "serious_crime_related": 2}
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, keep_months=months))
    assert plan_retention(NOON + DAY) == 1
    assert Erasure.objects.get().due_at == months_after(NOON, 2)
    assert plan_retention(NOON + DAY) == 0, "once is enough while the months stay the same"


# --- legal holds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["in_scope", "not_in_scope"])
def test_a_legal_hold_keeps_what_the_schedule_would_erase(
    verdict: str, as_analyst: Actor, as_supervisor: Actor, waiting: Case
) -> None:
    case = decided(as_analyst, waiting, verdict)
    hold = retention.place_hold(as_supervisor, case.pk, "trial", now=NOON + DAY)
    erase(NOON + 2000 * DAY)
    assert Post.objects.get().erased_at is None
    retention.lift_hold(as_supervisor, hold.pk, now=NOON + 2000 * DAY)
    erase(NOON + 2004 * DAY)
    assert Post.objects.get().erased_at is not None
    kinds = list(Entry.objects.filter(kind__startswith="legal_hold").order_by("pk").values_list("kind", flat=True))
    assert kinds == ["legal_hold_placed", "legal_hold_lifted"]
    assert first_break() is None


def test_a_hold_with_an_end_ends_by_itself(as_analyst: Actor, as_supervisor: Actor, waiting: Case) -> None:
    case = decided(as_analyst, waiting, "not_in_scope")
    retention.place_hold(as_supervisor, case.pk, "enquiry", until=NOON + 30 * DAY, now=NOON + DAY)
    erase(NOON + 29 * DAY)
    assert Post.objects.get().erased_at is None
    erase(NOON + 31 * DAY)
    assert Post.objects.get().erased_at is not None


def test_a_hold_placed_while_the_worker_has_the_row_still_counts(
    as_analyst: Actor, as_supervisor: Actor, waiting: Case
) -> None:
    """The row was planned before, as a worker that claimed it saw it."""
    case = decided(as_analyst, waiting, "not_in_scope")
    LegalHold.objects.create(case=case, placed_by_id=as_supervisor.user_id, placed_at=NOON, ground="trial")
    erase(NOON + 4 * DAY)
    assert Post.objects.get().erased_at is None


@pytest.mark.parametrize(
    ("ground", "until"), [("whim", None), ("trial", NOON - DAY)], ids=["unknown ground", "a day that is over"]
)
def test_wrong_holds(ground: str, until: datetime | None, as_supervisor: Actor, waiting: Case) -> None:
    with pytest.raises(BadInput):
        retention.place_hold(as_supervisor, waiting.pk, ground, until, NOON)


# --- two persons ------------------------------------------------------------------------------------------------------


def test_two_persons_remove_a_case_before_its_time(
    as_analyst: Actor, as_supervisor: Actor, second: Actor, waiting: Case
) -> None:
    case = decided(as_analyst, waiting)
    asked = retention.ask_removal(as_supervisor, case.pk, NOON + DAY)
    with pytest.raises(Refused, match="somebody else"):
        retention.consent(as_supervisor, asked.pk, NOON + DAY)
    with pytest.raises(Refused, match="already"):
        retention.ask_removal(second, case.pk, NOON + DAY)
    retention.consent(second, asked.pk, NOON + DAY)
    kept = Post.objects.get()
    assert kept.erased_at == NOON + DAY
    assert kept.current is not None
    assert kept.current.text == ""
    assert Decision.objects.get().verdict == "in_scope"
    assert Erasure.objects.get().due_at is None
    erase(NOON + 5000 * DAY)
    assert first_break() is None


def test_one_may_decline(as_analyst: Actor, as_supervisor: Actor, second: Actor, waiting: Case) -> None:
    case = decided(as_analyst, waiting)
    asked = retention.ask_removal(as_supervisor, case.pk, NOON)
    retention.withdraw_removal(second, asked.pk, NOON)
    with pytest.raises(BadInput):
        retention.consent(second, asked.pk, NOON)
    assert Post.objects.get().erased_at is None


def test_consent_gives_way_to_a_hold_and_to_another_body(
    as_analyst: Actor, as_supervisor: Actor, second: Actor, waiting: Case, hotline: Organisation
) -> None:
    case = decided(as_analyst, waiting)
    asked = retention.ask_removal(as_supervisor, case.pk, NOON)
    hold = retention.place_hold(second, case.pk, "complaint", now=NOON)
    with pytest.raises(Refused, match="legal hold"):
        retention.consent(second, asked.pk, NOON)
    retention.lift_hold(second, hold.pk, NOON)
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    arrive(theirs, [post()], [finding()])
    with pytest.raises(Refused, match="another body"):
        retention.consent(second, asked.pk, NOON)
    assert RemovalConsent.objects.get().consented_at is None
    assert Post.objects.get().erased_at is None


@pytest.mark.parametrize("verdict", ["in_scope", "cannot_tell"])
def test_two_persons_do_not_erase_what_another_body_keeps(
    verdict: str, as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, waiting: Case, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    (pk,) = arrive(theirs, [post()], [finding()]).opened
    decided(as_outsider, Case.objects.get(pk=pk), verdict)
    case = decided(as_analyst, waiting)
    with pytest.raises(Refused, match="another body"):
        retention.ask_removal(as_supervisor, case.pk, NOON)
    assert Post.objects.get().erased_at is None


def test_a_legal_hold_of_another_body_is_not_named(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, waiting: Case, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    (pk,) = arrive(theirs, [post()], [finding()]).opened
    retention.place_hold(as_outsider, decided(as_outsider, Case.objects.get(pk=pk)).pk, "trial", now=NOON)
    case = decided(as_analyst, waiting)
    with pytest.raises(Refused, match="another body still works"):
        retention.ask_removal(as_supervisor, case.pk, NOON)


@pytest.mark.parametrize("until", [None, NOON + 400 * DAY], ids=["without an end", "with an end"])
def test_what_goes_when_tells_nothing_of_a_hold_of_another_body(
    until: datetime | None,
    as_analyst: Actor,
    as_supervisor: Actor,
    as_outsider: Actor,
    waiting: Case,
    hotline: Organisation,
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    (pk,) = arrive(theirs, [post()], [finding()]).opened
    case = decided(as_analyst, waiting, "not_in_scope")
    other = decided(as_outsider, Case.objects.get(pk=pk), "not_in_scope")

    def seen(actor: Actor, now: datetime) -> tuple[list[Any], list[Any]]:
        view = retention.retention_of(actor, now)
        return view.going, [(one.why, one.goes_at) for one in view.next]

    before = seen(as_supervisor, NOON)
    assert before[1] == [("not_in_scope", NOON + 3 * DAY)]
    hold = retention.place_hold(as_outsider, other.pk, "trial", until, NOON)
    assert seen(as_supervisor, NOON) == before
    assert seen(as_outsider, NOON)[1] == ([("not_in_scope", until)] if until else []), "one's own is told"
    erase(NOON + 4 * DAY)
    assert Post.objects.get().erased_at is None
    assert seen(as_supervisor, NOON + 4 * DAY) == ([], []), "as if it had gone"
    retention.lift_hold(as_outsider, hold.pk, NOON + 4 * DAY)
    assert seen(as_supervisor, NOON + 4 * DAY)[1] == [("not_in_scope", NOON + 7 * DAY)], "nothing goes by surprise"
    erase(NOON + 8 * DAY)
    assert Case.objects.get(pk=case.pk).post.erased_at is not None


def test_a_hold_that_was_lifted_leaves_no_later_day_behind(
    as_analyst: Actor, as_supervisor: Actor, waiting: Case
) -> None:
    case = decided(as_analyst, waiting, "not_in_scope")
    hold = retention.place_hold(as_supervisor, case.pk, "trial", until=NOON + timedelta(days=400), now=NOON)
    (planned,) = retention.retention_of(as_supervisor, NOON).next
    assert planned.goes_at == NOON + timedelta(days=400)
    retention.lift_hold(as_supervisor, hold.pk, NOON + timedelta(days=1))
    due_at = Erasure.objects.get().due_at
    assert due_at is not None
    assert due_at <= NOON + timedelta(days=4)


ACTS: dict[str, Callable[[Actor, Case], object]] = {
    "hold": lambda actor, case: retention.place_hold(actor, case.pk, "trial", now=NOON),
    "ask": lambda actor, case: retention.ask_removal(actor, case.pk, NOON),
    "see": lambda actor, case: retention.retention_of(actor, NOON),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("role", Membership.Role.values)
def test_only_supervisors_and_administrators(
    act: str, role: str, police: Organisation, as_analyst: Actor, waiting: Case
) -> None:
    case = decided(as_analyst, waiting)
    user = User.objects.create_user("somebody")
    Membership.objects.create(user=user, organisation=police, role=role)
    if role in ("supervisor", "administrator"):
        ACTS[act](actor_of(user), case)
    else:
        with pytest.raises(Refused):
            ACTS[act](actor_of(user), case)


def test_others_see_and_reach_nothing(
    as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor, waiting: Case
) -> None:
    case = decided(as_analyst, waiting)
    hold = retention.place_hold(as_supervisor, case.pk, "trial", now=NOON)
    with pytest.raises(BadInput):
        retention.place_hold(as_outsider, case.pk, "trial", now=NOON)
    with pytest.raises(BadInput):
        retention.lift_hold(as_outsider, hold.pk, NOON)
    seen = retention.retention_of(as_outsider, NOON)
    assert not (seen.going)
    assert not (seen.next)
    assert not (seen.holds)
    assert not (seen.asked)
    assert not (seen.stops)


def test_the_screen_counts_what_goes(
    as_analyst: Actor, as_supervisor: Actor, many_waiting: Callable[[int], list[Case]]
) -> None:
    cases = many_waiting(3)
    decided(as_analyst, cases[0], "not_in_scope")
    decided(as_analyst, cases[1], "not_in_scope")
    decided(as_analyst, cases[2])
    going = {
        one.why: (one.day, one.week, one.month, one.total) for one in retention.retention_of(as_supervisor, NOON).going
    }
    assert going == {"not_in_scope": (0, 2, 2, 2), "retention": (0, 0, 0, 1)}
    plan_erasure(cases[0].post, NOON)
    assert len(retention.retention_of(as_supervisor, NOON).next) == 3
