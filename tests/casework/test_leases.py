from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import decide
from yoake.casework.cases.holds import COLLEAGUE, ELSEWHERE, must_be_free, who_holds
from yoake.casework.cases.leases import (
    LEASE,
    LONGER,
    assign_to_oneself,
    claims_of,
    colleagues,
    expire_leases,
    extend_lease,
    hand_on,
    release_account_lease,
    release_lease,
    skip,
    take_account_lease,
    take_lease,
)
from yoake.casework.cases.models import Account, AccountLease, Case, Claim, Lease
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.waiting import neighbours
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline.duties.expire_leases import expire_leases as duty

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=5)
TOO_LATE = NOON + timedelta(minutes=11)


def told(case: Case) -> list[tuple[str, object, int]]:
    return [(claim.how, claim.ended_at, claim.extended) for claim in Claim.objects.filter(case=case).order_by("pk")]


@pytest.fixture
def theirs(waiting: Case, as_outsider: Actor) -> Case:
    """The other body's case of the same post."""
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(other, [post()], [finding()])
    return Case.objects.get(organisation_id=as_outsider.organisation_id, post=waiting.post)


# --- one's own ------------------------------------------------------------------------------------------------------


def test_nobody_else_gets_a_case_that_is_read(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    assert waiting.post.current_id
    with pytest.raises(Refused, match="a colleague"):
        take_lease(as_supervisor, waiting.pk, LATER)
    with pytest.raises(Refused, match="a colleague"):
        decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=LATER)
    with pytest.raises(Refused, match="a colleague"):
        hand_on(as_supervisor, waiting.pk, now=LATER)


def test_keeping_a_lease_and_asking_for_more_time(waiting: Case, as_analyst: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    assert take_lease(as_analyst, waiting.pk, LATER).expires_at == LATER + LEASE
    assert extend_lease(as_analyst, waiting.pk, LATER).expires_at == LATER + LONGER
    assert take_lease(as_analyst, waiting.pk, LATER).expires_at == LATER + LONGER  # what was asked for is not shortened
    assert told(waiting) == [("", None, 1)]
    assert list(Entry.objects.order_by("pk").values_list("kind", flat=True))[-2:] == ["lease_taken", "lease_extended"]


def test_every_end_is_kept_with_its_time(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    release_lease(as_supervisor, waiting.pk, LATER)  # not theirs: nothing happens
    release_lease(as_analyst, waiting.pk, LATER)
    take_lease(as_analyst, waiting.pk, LATER)
    skip(as_analyst, waiting.pk, LATER)
    take_lease(as_analyst, waiting.pk, LATER)
    hand_on(as_analyst, waiting.pk, now=LATER)
    take_lease(as_analyst, waiting.pk, LATER)
    take_lease(as_supervisor, waiting.pk, LATER + timedelta(minutes=30))  # it had run out long before
    decided = LATER + timedelta(minutes=31)
    assert waiting.post.current_id
    decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=decided)
    assert told(waiting) == [
        ("released", LATER, 0),
        ("skipped", LATER, 0),
        ("handed_on", LATER, 0),
        ("expired", LATER + LEASE, 0),
        ("decided", decided, 0),
    ]
    assert not Lease.objects.exists()
    assert first_break() is None


def test_the_worker_keeps_the_true_time_of_an_expiry(waiting: Case, as_analyst: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    assert duty(LATER) == 0
    assert duty(NOON + timedelta(hours=5)) == 1
    assert told(waiting) == [("expired", NOON + LEASE, 0)]
    assert not Lease.objects.exists()
    assert expire_leases(NOON + timedelta(hours=6)) == 0


def test_a_late_release_does_not_hide_that_the_lease_had_run_out(waiting: Case, as_analyst: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    release_lease(as_analyst, waiting.pk, TOO_LATE)
    assert told(waiting) == [("expired", NOON + LEASE, 0)]


def test_deciding_after_another_took_over_is_refused(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    take_lease(as_supervisor, waiting.pk, TOO_LATE)
    assert waiting.post.current_id
    with pytest.raises(Refused, match="a colleague"):
        decide(as_analyst, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=TOO_LATE)
    decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=TOO_LATE)
    assert [how for how, _at, _n in told(waiting)] == ["expired", "decided"]


def test_deciding_after_the_own_lease_ran_out_while_nobody_took_it(waiting: Case, as_analyst: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    assert waiting.post.current_id
    decide(as_analyst, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=TOO_LATE)
    assert told(waiting) == [("expired", NOON + LEASE, 0)]


def test_skipping_without_a_lease_is_kept_too(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    skip(as_analyst, waiting.pk, NOON)
    assert told(waiting) == [("skipped", NOON, 0)]
    assert waiting.post.current_id
    decide(as_supervisor, waiting.pk, "cannot_tell", version_id=waiting.post.current_id, now=NOON)
    for act in (skip, hand_on, assign_to_oneself):
        with pytest.raises(Refused, match="decided already"):
            act(as_analyst, waiting.pk, now=NOON)


# --- handing on -----------------------------------------------------------------------------------------------------


def test_handing_on_to_a_colleague_needs_no_reason(
    waiting: Case, as_analyst: Actor, as_supervisor: Actor, supervisor: User, outsider: User
) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    with pytest.raises(BadInput, match="colleague"):
        hand_on(as_analyst, waiting.pk, outsider.pk, NOON)
    with pytest.raises(BadInput, match="colleague"):
        hand_on(as_analyst, waiting.pk, as_analyst.user_id, NOON)
    hand_on(as_analyst, waiting.pk, supervisor.pk, NOON)
    waiting.refresh_from_db()
    assert waiting.assignee == supervisor
    assert not Lease.objects.exists()
    entry = Entry.objects.order_by("pk").last()
    assert entry is not None
    assert (entry.kind, entry.facts) == ("handed_on", {"to": supervisor.pk})
    take_lease(as_supervisor, waiting.pk, NOON)


def test_only_who_may_decide_and_is_still_there_is_handed_anything(
    as_analyst: Actor, supervisor: User, administrator: User, outsider: User
) -> None:
    reader = User.objects.create_user("reader")
    Membership.objects.create(user=reader, organisation_id=as_analyst.organisation_id, role="auditor")
    left = User.objects.create_user("left")
    Membership.objects.create(user=left, organisation_id=as_analyst.organisation_id, role="analyst", ended_at=NOON)
    assert set(colleagues(as_analyst)) == {supervisor, administrator}


def test_the_next_case_is_none_that_one_handed_on_or_that_waits_for_a_colleague(
    live: Source, as_analyst: Actor, as_supervisor: Actor, supervisor: User
) -> None:
    arrive(live, [post(str(n), f"投稿{n}") for n in range(4)], [finding(n) for n in range(4)])
    here, for_boss, for_anybody, plain = Case.objects.order_by("pk")
    hand_on(as_analyst, for_boss.pk, supervisor.pk, NOON)
    hand_on(as_analyst, for_anybody.pk, now=NOON)
    assert neighbours(as_analyst, here, now=NOON) == (plain.pk, plain.pk)
    assert neighbours(as_supervisor, here, now=NOON) == (plain.pk, for_boss.pk)
    assign_to_oneself(as_analyst, for_anybody.pk, NOON)
    assert neighbours(as_analyst, here, now=NOON) == (plain.pk, for_anybody.pk)
    assert neighbours(as_supervisor, here, now=NOON) == (plain.pk, for_boss.pk)


def test_who_had_a_case_is_for_those_who_oversee(waiting: Case, as_analyst: Actor, as_supervisor: Actor) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    (claim,) = claims_of(as_supervisor, waiting)
    assert (claim.user_id, claim.taken_at) == (as_analyst.user_id, NOON)
    with pytest.raises(Refused, match="oversee"):
        claims_of(as_analyst, waiting)


@pytest.mark.parametrize("role", ["auditor", "adviser", "partner"])
def test_who_may_not_decide_takes_nothing(role: str, waiting: Case) -> None:
    user = User.objects.create_user("somebody")
    Membership.objects.create(user=user, organisation=waiting.organisation, role=role)
    for act in (take_lease, extend_lease, skip, hand_on, assign_to_oneself):
        with pytest.raises(Refused, match="does not allow"):
            act(actor_of(user), waiting.pk)
    assert not Claim.objects.exists()


# --- between bodies -------------------------------------------------------------------------------------------------


def test_another_body_learns_only_that_the_post_is_held(
    waiting: Case, theirs: Case, as_analyst: Actor, as_outsider: Actor
) -> None:
    take_lease(as_analyst, waiting.pk, NOON)
    holding = who_holds(as_outsider, [waiting.post_id], NOON)[waiting.post_id]
    assert holding.elsewhere
    assert holding.lease is None
    view = case_view(as_outsider, theirs.pk, NOON, even_held_elsewhere=True)
    assert (view.elsewhere, view.lease, view.version, view.findings, view.allowed) == (
        True,
        None,
        None,
        [],
        frozenset(),
    )
    with pytest.raises(Refused) as refusal:
        take_lease(as_outsider, theirs.pk, NOON)
    assert str(refusal.value) == ELSEWHERE
    skip(as_outsider, theirs.pk, NOON)  # going on is not held up
    assert told(waiting) == [("", None, 0)]
    assert who_holds(as_analyst, [waiting.post_id], NOON)[waiting.post_id].is_of(as_analyst)
    assert who_holds(as_outsider, [waiting.post_id], TOO_LATE) == {}


def test_somebody_who_works_for_two_bodies_is_two(
    waiting: Case, theirs: Case, analyst: User, as_outsider: Actor
) -> None:
    Membership.objects.create(user=analyst, organisation_id=as_outsider.organisation_id, role="analyst")
    here, there = actor_of(analyst), actor_of(analyst, as_outsider.organisation_id)
    take_lease(here, waiting.pk, NOON)
    with pytest.raises(Refused, match="another body"):
        take_lease(there, theirs.pk, NOON)
    release_lease(there, theirs.pk, NOON)
    assert Lease.objects.get().organisation_id == here.organisation_id


def test_whoever_acts_towards_an_account_keeps_other_bodies_from_it_and_its_posts(
    live: Source, as_analyst: Actor, as_supervisor: Actor, as_outsider: Actor
) -> None:
    arrive(live, [post("1", author_id="a")], [finding()])
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    arrive(other, [post("1", author_id="a")], [finding()])
    account = Account.objects.get()
    mine, theirs = Case.objects.order_by("pk").select_related("post")
    take_account_lease(as_analyst, account.pk, NOON)
    with pytest.raises(Refused) as refusal:
        take_account_lease(as_outsider, account.pk, NOON)
    assert str(refusal.value) == ELSEWHERE
    with pytest.raises(Refused) as refusal:
        take_account_lease(as_supervisor, account.pk, NOON)
    assert str(refusal.value) == COLLEAGUE
    with pytest.raises(Refused) as refusal:
        take_lease(as_outsider, theirs.pk, NOON)
    assert str(refusal.value) == ELSEWHERE
    take_lease(as_supervisor, mine.pk, NOON)  # colleagues go on reading
    must_be_free(as_analyst, account=account, now=NOON)
    kept = take_account_lease(as_analyst, account.pk, LATER)
    assert (kept.taken_at, kept.expires_at) == (NOON, LATER + LEASE)
    release_account_lease(as_outsider, account.pk, LATER)
    release_account_lease(as_analyst, account.pk, LATER)
    take_account_lease(as_outsider, account.pk, LATER)
    assert AccountLease.objects.get().organisation_id == as_outsider.organisation_id
    expire_leases(LATER + LEASE)
    assert not AccountLease.objects.exists()


def test_as_many_questions_for_fifty_posts_as_for_one(live: Source, as_analyst: Actor) -> None:
    arrive(live, [post(str(n), author_id=f"a{n}") for n in range(30)], [finding(n) for n in range(30)])
    ids = list(Case.objects.values_list("post_id", flat=True))
    for case_id in Case.objects.values_list("pk", flat=True)[:10]:
        take_lease(as_analyst, case_id, NOON)
    for few_or_many in (ids[:1], ids):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            who_holds(as_analyst, few_or_many, NOON)
        assert len(asked) == 1
