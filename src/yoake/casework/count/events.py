"""The events that figures are made of. One place says which decision counts, so that no two figures disagree about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from yoake import shelf
from yoake.casework.cases.models import Case, Decision, Outcome
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Kind, Period
from yoake.casework.due import TOKYO
from yoake.casework.request import kinds
from yoake.casework.request.models import Request
from yoake.casework.request.queries import kind_called

DECIDED: Final = (Case.State.DECIDED, Case.State.CLOSED)
REMOVED: Final = (Outcome.What.REMOVED, Outcome.What.SUSPENDED)  # of outcomes: it went after somebody asked or warned


def of_scope(scope: Scope, case: str = "case") -> Q:
    """Rows of the scope's cases, by the name under which a row reaches its case; practice and copies are left out."""
    way = f"{case}__" if case else ""
    told = Q(**{f"{way}practice": False, f"{way}gold_for": None})
    return told & Q(**{f"{way}organisation_id": scope.organisation_id}) if scope.organisation_id else told


def in_period(scope: Scope, field: str) -> Q:
    """Rows whose time `field` lies in the scope's period, and not after its `now`."""
    return Q(**{f"{field}__gte": scope.period.since, f"{field}__lt": min(scope.period.until, scope.now)})


def standing(scope: Scope, **only: Any) -> QuerySet[Decision]:
    """The decisions of the period that stand: one a case, the newest that nobody undid, once the case is decided.

    A decision that waits for its second review does not count yet. `only`: further filters, e.g. verdict="in_scope".
    """
    if connection.vendor != "sqlite" or scope.period.kind not in (Kind.YEAR, Kind.FISCAL_YEAR):
        return stands(scope, **only).filter(in_period(scope, "at"))
    # Nearly every case has one decision. To read once which have several, from an index, is quicker than to look for a later one
    # of each of half a million; PostgreSQL joins both at once.
    several = Decision.objects.order_by().values("case").annotate(n=Count("pk")).filter(n__gt=1).values("case")
    undone = Decision.objects.filter(undoes=OuterRef("pk"))
    alone = ~Q(case__in=several) | Q(~Exists(_later()), ~Exists(undone))
    return Decision.objects.filter(
        of_scope(scope), in_period(scope, "at"), alone, case__state__in=DECIDED, undoes=None, **only
    ).order_by()


def stands(scope: Scope, **only: Any) -> QuerySet[Decision]:
    """The same, whenever they were taken: what a case is now, e.g. `Exists(stands(scope, case=OuterRef("case"), ...))`."""
    return Decision.objects.filter(
        of_scope(scope), ~Exists(_later()), case__state__in=DECIDED, undoes=None, undone_by=None, **only
    ).order_by()


def _later() -> QuerySet[Decision]:
    """Decisions of the same case that nobody undid, newer than the one outside."""
    # "Not before" makes a range of the index of a case's decisions; that the same one is meant is said beside it.
    return Decision.objects.filter(
        ~Q(at=OuterRef("at"), pk__lte=OuterRef("pk")), case=OuterRef("case"), at__gte=OuterRef("at"), undoes=None, undone_by=None
    )  # fmt: skip


def days_before(organisation_id: int, day: Period, most: int) -> int:
    """Of the `most` days before a day, how many are not before the first event, which is always that a case was opened."""
    cases = Case.objects.filter(of_scope(Scope(organisation_id, day, day.until), ""), opened_at__lt=day.since)
    since = day.since - timedelta(days=most)
    if cases.filter(opened_at__lt=since).order_by()[:1].exists():
        return most
    first = cases.aggregate(first=Min("opened_at"))["first"]
    return (day.first - first.astimezone(TOKYO).date()).days if first else 0


def taking_down() -> list[str]:
    """The kinds of request that ask for a post or an account to be taken down, as the shelf says."""
    return [name for name in shelf.names(kinds) if kind_called(name).takes_down]


def requests_that_went(of: Iterable[str], **only: Any) -> QuerySet[Request]:
    """First requests of these kinds that went, of whatever case; reminders, second requests and extensions are left out."""
    return Request.objects.filter(
        kind__in=list(of), purpose=Request.Purpose.FIRST, started_at__isnull=False, **only
    ).order_by()
