"""The counts that most series are made of: decisions that stand, and cases that were opened, each by all that is told of them.

Asked once for all figures that are told together (`asking.py`): to look through a year is what takes its time.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import BooleanField, Count, F, Value, When
from django.db.models import Case as CaseOf

from yoake.casework.cases.models import Case
from yoake.casework.count import asking
from yoake.casework.count.along import axis
from yoake.casework.count.events import DECIDED, in_period, of_scope, standing
from yoake.casework.count.figure import Scope
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.shares import histogram


class Decided(NamedTuple):
    """Decisions of the period that stand and are alike in all of this."""

    mark: str  # of the period's axis
    verdict: str
    category: str
    hotline_class: str
    organisation: int
    source: int | None
    network: str
    prefecture: str
    n: int


class Opened(NamedTuple):
    """Cases that were opened in the period and are alike in all of this."""

    mark: str
    origin: str
    waits: bool  # now
    organisation: int
    source: int | None
    network: str
    n: int


class Judged(NamedTuple):
    """Decisions of the period that stand, were reached in the same time and kept, or did not keep, their case's clock."""

    category: str  # that the detector named: it set the clock
    step: int  # seconds from the queue to the decision, as `shares.histogram` cuts them
    kept: bool | None  # None: the case has no clock
    n: int


def decided(scope: Scope) -> list[Decided]:
    """The decisions of the period that stand."""
    return asking.once(("decided", scope), lambda: _decided(scope))


def opened(scope: Scope) -> list[Opened]:
    """The cases that were opened in the period."""
    return asking.once(("opened", scope), lambda: _opened(scope))


def judged(scope: Scope) -> list[Judged]:
    """The decisions of the period that stand, by the time they took."""
    return asking.once(("judged", scope), lambda: _judged(scope))


def _decided(scope: Scope) -> list[Decided]:
    rows = standing(scope).annotate(mark=axis(scope.period).moment("at"))
    of_case = ("case__organisation", "case__source", "case__post__network", "case__prefecture")
    told = rows.values_list("mark", "verdict", "category", "hotline_class", *of_case)
    return [Decided._make(row) for row in told.annotate(n=Count("pk"))]


def _opened(scope: Scope) -> list[Opened]:
    rows = Case.objects.filter(of_scope(scope, ""), in_period(scope, "opened_at")).order_by()
    decided = When(state__in=DECIDED, then=Value(False))
    waits = CaseOf(decided, default=Value(True), output_field=BooleanField())
    told = rows.annotate(mark=axis(scope.period).moment("opened_at"), waits=waits)
    grouped = told.values_list("mark", "origin", "waits", "organisation", "source", "post__network")
    return [Opened._make(row) for row in grouped.annotate(n=Count("pk"))]


def _judged(scope: Scope) -> list[Judged]:
    kept = CaseOf(
        When(case__decide_by__isnull=True, then=Value(None)),
        When(at__lte=F("case__decide_by"), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(null=True),
    )
    rows = standing(scope).annotate(seconds=SecondsBetween("case__opened_at", "at"), kept=kept)
    told = histogram(rows, "case__category", "kept")
    return [Judged(slug, step, None if kept is None else bool(kept), n) for slug, kept, step, n, _seconds in told]
