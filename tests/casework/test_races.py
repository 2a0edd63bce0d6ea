"""Several people and patrols at once, each in a thread with its own connection: one wins, nobody is left half done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.outbox_world import approved, decided
from tests.quality_world import store
from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import decide
from yoake.casework.cases.holds import place_hold
from yoake.casework.cases.leases import (
    LEASE,
    expire_leases,
    release_lease,
    skip,
    take_account_lease,
    take_lease,
)
from yoake.casework.cases.models import Account, Case, Claim, Decision, Erasure, Hold, Lease
from yoake.casework.due import claim_due
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.moves import begin
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.actions import take_lease as take_source
from yoake.casework.sources.models import Source
from yoake.casework.wording.actions import draft_letter, switch_off
from yoake.casework.wording.models import Letter, Switch
from yoake.errors import Refused

__all__ = ["store"]  # a fixture

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act returned, or the refusal it met; all begin in the same moment."""
    results: list[Any] = [None] * len(acts)
    ready = threading.Barrier(len(acts))

    def run(n: int) -> None:
        ready.wait()
        try:
            results[n] = acts[n]()
        except Refused as refusal:
            results[n] = refusal
        except OperationalError as problem:
            results[n] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [result for result in results if isinstance(result, OperationalError)]
    return results


@pytest.fixture
def colleagues(waiting: Case) -> list[Actor]:
    users = [User.objects.create_user(f"colleague{n}") for n in range(6)]
    for user in users:
        Membership.objects.create(user=user, organisation=waiting.organisation, role="analyst")
    return [actor_of(user) for user in users]


def refused(results: list[Any]) -> int:
    return sum(isinstance(result, Refused) for result in results)


def test_one_of_six_decides(waiting: Case, colleagues: list[Actor]) -> None:
    version = waiting.post.current_id or 0
    results = at_once([partial(decide, a, waiting.pk, "not_in_scope", version_id=version) for a in colleagues])
    assert refused(results) == 5
    assert Decision.objects.count() == 1
    assert first_break() is None


def test_one_of_six_gets_the_lease(waiting: Case, colleagues: list[Actor]) -> None:
    results = at_once([partial(take_lease, a, waiting.pk) for a in colleagues])
    assert refused(results) == 5
    assert Lease.objects.count() == 1


def test_one_of_two_bodies_gets_the_lease(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    for n in range(8):
        arrive(live, [post(str(n))], [finding()])
        arrive(other, [post(str(n))], [finding()])
        mine, theirs = (
            Case.objects.get(organisation_id=a.organisation_id, post__native_id=str(n))
            for a in (as_analyst, as_outsider)
        )
        results = at_once([partial(take_lease, as_analyst, mine.pk), partial(take_lease, as_outsider, theirs.pk)])
        assert refused(results) == 1


def test_one_of_six_takes_over_a_lease_that_ran_out(waiting: Case, colleagues: list[Actor]) -> None:
    first, *others = colleagues
    long_ago = timezone.now() - timedelta(minutes=11)
    take_lease(first, waiting.pk, long_ago)
    results = at_once([partial(take_lease, a, waiting.pk) for a in others])
    assert refused(results) == 4
    ended, running = Claim.objects.order_by("pk")
    assert (ended.how, ended.ended_at) == ("expired", long_ago + LEASE)
    assert (running.how, running.ended_at) == ("", None)


def test_whoever_comes_back_late_decides_or_the_next_one_has_it_never_both(
    many_waiting: Callable[[int], list[Case]], colleagues: list[Actor]
) -> None:
    late, following = colleagues[:2]
    for case in many_waiting(6):
        take_lease(late, case.pk, timezone.now() - timedelta(minutes=11))
        version = Case.objects.select_related("post").get(pk=case.pk).post.current_id or 0
        decided, taken = at_once(
            [partial(decide, late, case.pk, "cannot_tell", version_id=version), partial(take_lease, following, case.pk)]
        )
        case.refresh_from_db()
        if isinstance(decided, Refused):
            assert case.state == "waiting"
            assert taken.user_id == following.user_id
        else:
            assert case.state == "decided"
        kept = list(Claim.objects.filter(case=case, user_id=late.user_id).values_list("how", flat=True))
        assert kept == ["expired"]
    assert first_break() is None


def test_the_worker_and_people_end_a_lease_once(waiting: Case, colleagues: list[Actor]) -> None:
    take_lease(colleagues[0], waiting.pk, timezone.now() - timedelta(minutes=11))
    now = timezone.now()
    acts: list[Callable[[], Any]] = [partial(expire_leases, now) for _ in range(3)]
    acts += [partial(release_lease, colleagues[0], waiting.pk), partial(skip, colleagues[1], waiting.pk)]
    at_once(acts)
    assert not Lease.objects.exists()
    assert sorted(Claim.objects.values_list("how", flat=True)) == ["expired", "skipped"]


def test_one_of_two_bodies_decides_a_post_that_one_of_them_reads(
    live: Source, as_analyst: Actor, as_outsider: Actor
) -> None:
    other = Source.objects.create(organisation_id=as_outsider.organisation_id, name="other", connector="jsonl")
    for n in range(6):
        arrive(live, [post(str(n))], [finding()])
        arrive(other, [post(str(n))], [finding()])
        mine, theirs = (
            Case.objects.select_related("post").get(organisation_id=a.organisation_id, post__native_id=str(n))
            for a in (as_analyst, as_outsider)
        )
        version = mine.post.current_id or 0
        taken, decided = at_once(
            [
                partial(take_lease, as_analyst, mine.pk),
                partial(decide, as_outsider, theirs.pk, "not_in_scope", version_id=version),
            ]
        )
        assert not isinstance(taken, Refused)  # the other's decision leaves no lease behind
        theirs.refresh_from_db()
        assert (theirs.state == "waiting") == isinstance(decided, Refused)


def test_one_of_two_bodies_acts_towards_an_account(live: Source, as_analyst: Actor, as_outsider: Actor) -> None:
    arrive(live, [post(str(n), author_id=f"a{n}") for n in range(6)], [finding(n) for n in range(6)])
    for account in Account.objects.order_by("pk"):
        results = at_once([partial(take_account_lease, a, account.pk) for a in (as_analyst, as_outsider)])
        assert refused(results) == 1


def test_the_same_is_held_once(as_supervisor: Actor) -> None:
    place = partial(place_hold, as_supervisor, "contact", "abc_123", days=3)
    assert refused(at_once([place] * 4)) == 3
    assert Hold.objects.count() == 1


def test_an_edit_arrives_while_people_decide(live: Source, colleagues: list[Actor]) -> None:
    for n in range(6):
        arrive(live, [post(f"e{n}", "一")], [finding()])
    cases = list(Case.objects.filter(post__native_id__startswith="e").select_related("post"))
    edits = [post(f"e{n}", "二") for n in range(6)]
    acts: list[Callable[[], Any]] = [partial(arrive, live, edits, [finding(n) for n in range(6)])]
    acts += [
        partial(decide, a, c.pk, "not_in_scope", version_id=c.post.current_id or 0)
        for a, c in zip(colleagues, cases, strict=False)
    ]
    at_once(acts)  # a deadlock would raise OperationalError
    assert first_break() is None


def test_one_of_six_patrols_gets_the_source(live: Source) -> None:
    results = at_once([lambda: take_source(live) for _ in range(6)])
    assert refused(results) == 5


def test_a_due_row_is_claimed_once(live: Source) -> None:
    arrive(live, [post(str(n)) for n in range(30)], [finding(n) for n in range(30)])
    for case in Case.objects.all():
        Erasure.objects.create(post=case.post, due_at=NOON, why="not_in_scope")
    claimed = at_once([lambda: [row.pk for row in claim_due(Erasure, NOON, 10)] for _ in range(4)])
    rows = [pk for part in claimed for pk in part]
    assert len(rows) == len(set(rows))


def test_the_chain_holds_when_many_write(many_waiting: Callable[[int], list[Case]], colleagues: list[Actor]) -> None:
    cases = Case.objects.filter(pk__in=[case.pk for case in many_waiting(6)]).select_related("post")
    acts = [
        partial(decide, a, c.pk, "cannot_tell", version_id=c.post.current_id or 0)
        for a, c in zip(colleagues, cases, strict=False)
    ]
    assert refused(at_once(acts)) == 0
    assert first_break() is None


@pytest.mark.usefixtures("store")
def test_one_of_two_first_drafts_of_a_letter_waits(as_supervisor: Actor, as_administrator: Actor) -> None:
    text = "この投稿は、犯罪にあたるおそれがあります。相談 #9110\n{organisation}　{telephone}"
    drafts = [
        partial(draft_letter, actor, "criminal_recruitment", "warning", "ja", text)
        for actor in (as_supervisor, as_administrator)
    ]
    assert refused(at_once(drafts)) == 1
    assert Letter.objects.count() == 1


@pytest.mark.usefixtures("store")
def test_one_of_two_wishes_to_switch_waits(as_administrator: Actor, as_outsider: Actor) -> None:
    there = User.objects.create_user("administrator elsewhere")
    Membership.objects.create(user=there, organisation_id=as_outsider.organisation_id, role="administrator")
    results = at_once([partial(switch_off, actor, "drug_ad") for actor in (as_administrator, actor_of(there))])
    assert refused(results) == 1
    assert Switch.objects.count() == 1


def test_of_two_warnings_to_one_author_that_begin_at_once_one_goes(
    as_analyst: Actor, as_outsider: Actor, live: Source, hotline: Organisation
) -> None:
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl", options={"path": "-"})
    for n in range(4):
        author, now = f"author-{n}", timezone.now()
        cases = [
            decided(actor, source, native_id=f"{n}-{source.pk}", author_id=author)
            for actor, source in ((as_analyst, live), (as_outsider, theirs))
        ]
        items = [
            approved(actor, case, None, way="hand")
            for actor, case in zip((as_analyst, as_outsider), cases, strict=True)
        ]
        begun = at_once([partial(begin, item.pk, now) for item in items])
        assert sum(isinstance(one, OutboxItem) for one in begun) == 1
        assert OutboxItem.objects.filter(pk__in=[item.pk for item in items], stopped_why="author").count() == 1
