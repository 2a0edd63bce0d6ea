"""Several people and patrols at once, each in a thread with its own connection: one wins, nobody is left half done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.world import NOON, arrive, finding, post
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.actions import decide, take_lease
from yoake.casework.cases.models import Case, Decision, Erasure, Lease
from yoake.casework.due import claim_due
from yoake.casework.people.models import Membership, User
from yoake.casework.people.queries import Actor, actor_of
from yoake.casework.sources.actions import take_lease as take_source
from yoake.casework.sources.models import Source
from yoake.errors import Refused

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
