"""The inbox: what waits, in its order; how much, counted no further than people read; what comes before and after a case.

Conditions on truth values are written `__in=[x]`: Django writes `x = True` as `x`, which SQLite looks up in no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from yoake.casework.cases.categories import categories
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.guards import PRIORITY, is_on
from yoake.casework.cases.holds import free_of_others
from yoake.casework.cases.models import Case, Claim, Finding
from yoake.casework.cases.offering import offered
from yoake.casework.cases.trials import cases_before
from yoake.casework.people.queries import Actor, working

INBOX_ORDER: Final = ("-at_risk", "-rank", "id")  # at-risk first, then see ranking, then the oldest
BY_AGE: Final = ("-at_risk", "id")  # while the guard of the order is off: at-risk first, then the oldest
MOST_COUNTED: Final = (
    1000  # beyond, a page says "1,000+": counting a hundred thousand rows takes longer than showing them
)
ROWS: Final = 30
_LAST_PAGE: Final = 1_000_000_000  # beyond lies none, and further on no number a database counts with
EVERYTHING: Final = Filter()
_MARK: Final = "?"  # no category is called so


def waiting_cases(actor: Actor, *, practice: bool) -> QuerySet[Case]:
    """What waits on a desk for this actor's judgement; of cases that are folded, the one that shows."""
    actor.must("read")
    waiting = cases_before(actor).filter(practice__in=[practice], state=Case.State.WAITING)
    return waiting.filter(folded_into=None)


def cases_awaiting_review(
    actor: Actor, *, practice: bool, chosen: Filter = EVERYTHING, now: datetime | None = None
) -> QuerySet[Case]:
    """The inbox, or what a filter lets through of it, in its order."""
    waiting = waiting_cases(actor, practice=practice)
    ordered = INBOX_ORDER if is_on(PRIORITY, actor.organisation_id) else BY_AGE
    return chosen.narrow(waiting, actor, now or timezone.now()).order_by(*ordered)


def ready_to_show(cases: QuerySet[Case]) -> QuerySet[Case]:
    """The same cases with all that a list shows of them, in a number of queries that does not grow with the rows."""
    findings = Finding.objects.order_by("shadow", "-score", "category")
    around = ("post", "post__current", "post__account", "source", "assignee")
    return cases.select_related(*around).prefetch_related(Prefetch("post__current__findings", findings))


@dataclass(frozen=True)
class Shown:
    """A page of the inbox."""

    cases: Sequence[Case]
    number: int  # from 1
    first: int  # place of its first row, from 1; 0 on an empty page
    last: int
    count: int  # of all pages; more than MOST_COUNTED says only that it is more
    has_next: bool


def show(actor: Actor, *, practice: bool, chosen: Filter, number: int, now: datetime) -> Shown:
    """A page of what a filter lets through; a page behind the last is the last.

    The rows are found in the index alone, then fetched: a filter may pass over a hundred thousand others.
    """
    keys = cases_awaiting_review(actor, practice=practice, chosen=chosen, now=now).values_list("pk", flat=True)
    number = min(max(1, number), _LAST_PAGE)
    found = list(keys[(number - 1) * ROWS : number * ROWS + 1])
    if not found and number > 1:
        number = max(1, -(-keys.count() // ROWS))
        found = list(keys[(number - 1) * ROWS : number * ROWS + 1])
    count = (
        len(found) if number == 1 and len(found) <= ROWS else bounded_count(keys)
    )  # few: nothing is passed over twice
    place = {key: at for at, key in enumerate(found[:ROWS])}
    cases = sorted(ready_to_show(cases_before(actor).filter(pk__in=place)), key=lambda case: place[case.pk])
    first = (number - 1) * ROWS
    return Shown(cases, number, first + 1 if cases else 0, first + len(cases), count, len(found) > ROWS)


def bounded_count(cases: QuerySet[Case] | QuerySet[Case, int]) -> int:
    """How many there are; MOST_COUNTED + 1 when there are more than MOST_COUNTED."""
    return cases[: MOST_COUNTED + 1].count()


def _count_all(
    questions: Sequence[QuerySet[Case]], marked: QuerySet[Case] | None = None, values: Sequence[str] = ()
) -> list[int]:
    """Several bounded counts in one query: of `questions`, then of `marked` with each of `values` in the place of _MARK.

    The marked one is made once: Django takes longer to write thirty questions than a database to answer them.
    """
    asked = [_bounded_sql(cases) for cases in questions]
    if marked is not None:
        sql, parameters = _bounded_sql(marked)
        asked += [(sql, tuple(value if one == _MARK else one for one in parameters)) for value in values]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) n{at})" for at, (sql, _given) in enumerate(asked))  # noqa: S608 - ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [one for _sql, given in asked for one in given])
        return [int(n) for n in cursor.fetchone()]


def _bounded_sql(cases: QuerySet[Case]) -> tuple[str, tuple[Any, ...]]:
    sql, parameters = cases.order_by().values("pk")[: MOST_COUNTED + 1].query.sql_with_params()
    return sql, tuple(parameters)


@dataclass(frozen=True)
class Waiting:
    """How many cases wait on a desk; more than MOST_COUNTED says only that it is more."""

    all: int
    at_risk: int


def waiting_counts(actor: Actor) -> dict[bool, Waiting]:
    """How many wait on the live desk (False) and on the practice desk (True)."""
    desks = [waiting_cases(actor, practice=practice) for practice in (False, True)]
    n = _count_all([*desks, *(desk.filter(at_risk__in=[True]) for desk in desks)])
    return {False: Waiting(n[0], n[2]), True: Waiting(n[1], n[3])}


@dataclass(frozen=True)
class Chips:
    """How many wait of each category (at-risk categories first, then the commonest; "" is without a finding) and overdue."""

    by_category: dict[str, int]
    overdue: int


def waiting_by_category(actor: Actor, *, practice: bool, now: datetime) -> Chips:
    """What the chips over the inbox say; categories that nothing waits of are left out."""
    waiting, known = waiting_cases(actor, practice=practice), categories()
    slugs = ["", *known]
    overdue, *each = _count_all([waiting.filter(decide_by__lt=now)], waiting.filter(category=_MARK), slugs)
    counts = dict(zip(slugs, each, strict=True))
    ordered = sorted(
        counts.items(), key=lambda one: (one[0] not in known or not known[one[0]].at_risk, -one[1], one[0])
    )
    return Chips({slug: n for slug, n in ordered if n}, overdue)


def neighbours(
    actor: Actor, case: Case, *, chosen: Filter = EVERYTHING, now: datetime | None = None
) -> tuple[int | None, int | None]:
    """The waiting cases before and after this one in what a filter lets through (ids).

    Passed over are those that somebody else holds, that wait for a colleague, and that the actor handed on; and the
    burdensome ones that the actor did not choose, or not so many of (see offering).
    Behind the last comes the first again, so that nothing that was passed over is forgotten; None when there is no other.
    """
    now = now or timezone.now()
    free = cases_awaiting_review(actor, practice=case.practice, chosen=chosen, now=now).exclude(pk=case.pk)
    free = meant_for(actor, free_of_others(free, actor, now), chosen)
    if not chosen.category:  # whoever asks for a category has chosen it
        free = offered(actor, free, now)
    alike, others = free.filter(at_risk__in=[case.at_risk]), free.filter(at_risk__in=[not case.at_risk])
    here = Q(rank=case.rank)
    if is_on(PRIORITY, actor.organisation_id):
        after = alike.filter(rank__lte=case.rank).exclude(here & Q(pk__lt=case.pk))
        before = alike.filter(rank__gte=case.rank).exclude(here & Q(pk__gt=case.pk)).reverse()
    else:
        after, before = alike.filter(pk__gt=case.pk), alike.filter(pk__lt=case.pk).reverse()
    behind = (after, others, free) if case.at_risk else (after, free)
    ahead = (before, free.reverse()) if case.at_risk else (before, others.reverse(), free.reverse())
    return _first(ahead), _first(behind)


def meant_for(actor: Actor, cases: QuerySet[Case], chosen: Filter) -> QuerySet[Case]:
    """The cases without those that wait for a colleague or that the actor handed on; unless a filter asks for somebody's.

    What was handed to somebody who decides here no more waits for everybody.
    """
    if chosen.assignee:
        return cases
    handed_on = Claim.objects.filter(case=OuterRef("pk"), user_id=actor.user_id, how=Claim.End.HANDED_ON)
    somebodys = Q(assignee__in=working(actor.organisation_id, "decide").values("user_id"))
    return cases.filter(Q(assignee_id=actor.user_id) | ~somebodys & ~Exists(handed_on))


def _first(ways: Sequence[QuerySet[Case]]) -> int | None:
    for way in ways:
        if (key := way.values_list("pk", flat=True)[:1].first()) is not None:
            return key
    return None
