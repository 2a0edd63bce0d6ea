"""The events that figures are made of. One place says which decision counts, so that no two figures disagree about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.db.models import Min, Q, QuerySet

from yoake import shelf
from yoake.casework.cases.models import Case, Outcome, Standing
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.request import kinds
from yoake.casework.request.models import Request
from yoake.casework.request.queries import kind_called

WAITS: Final = (Case.State.WAITING, Case.State.SECOND_REVIEW)
REMOVED: Final = (Outcome.What.REMOVED, Outcome.What.SUSPENDED)  # of outcomes: it went after somebody asked or warned


def of_scope(scope: Scope, case: str = "case") -> Q:
    """Rows of the scope's cases, by the name under which a row reaches its case; practice and copies are left out."""
    way = f"{case}__" if case else ""
    told = Q(**{f"{way}practice": False, f"{way}gold_for": None})
    return told & Q(**{f"{way}organisation_id": scope.organisation_id}) if scope.organisation_id else told


def in_period(scope: Scope, field: str) -> Q:
    """Rows whose time `field` lies in the scope's period, and not after its `now`."""
    return Q(**{f"{field}__gte": scope.period.since, f"{field}__lt": min(scope.period.until, scope.now)})


def in_days(scope: Scope, day: str, at: str) -> Q:
    """The same, of rows that have the day in Japan, too: their indexes begin with it."""
    days = Q(**{f"{day}__gte": scope.period.first, f"{day}__lte": scope.period.last})
    return days if scope.period.until <= scope.now else days & Q(**{f"{at}__lt": scope.now})


def standing(scope: Scope, **only: Any) -> QuerySet[Standing]:
    """What stands of the cases that were decided in the period, in the newest decision that nobody undid; one row a case.

    A decision that waits for its second review does not count yet. `only`: further filters, e.g. verdict="in_scope".
    """
    return stands(scope, **only).filter(in_days(scope, "day", "at"))


def stands(scope: Scope, **only: Any) -> QuerySet[Standing]:
    """The same, whenever they were decided: what a case is now, e.g. `Exists(stands(scope, case=OuterRef("case"), ...))`."""
    of = {"organisation": scope.organisation_id} if scope.organisation_id else {}
    return Standing.objects.filter(**of, **only).order_by()


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
