"""The counts that most series are made of: decisions that stand, and cases that were opened, each by all that is told of them.

Asked once for all figures that are told together (`asking.py`): to look through a year is what takes its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.db.models import BooleanField, Count, F, QuerySet, Value, When
from django.db.models import Case as CaseOf

from yoake.casework.cases.models import Case, Standing
from yoake.casework.count import asking
from yoake.casework.count.along import axis
from yoake.casework.count.events import WAITS, in_days, in_period, of_scope, standing, stands
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Kind
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
    keys = ("verdict", "category", "hotline_class", "organisation", "source", "network", "prefecture")
    counted: Counter[tuple[Any, ...]] = Counter()
    for mark, *told, n in _along(scope, standing(scope), "day", "at", *keys):
        counted[mark, *told] += n
    return [Decided._make((*told, n)) for told, n in counted.items()]


def _opened(scope: Scope) -> list[Opened]:
    keys = ("origin", "organisation", "source", "network")
    counted: Counter[tuple[Any, ...]] = Counter()
    decided = stands(scope).filter(in_days(scope, "opened_on", "opened_at"))
    for mark, origin, *told, n in _along(scope, decided, "opened_on", "opened_at", *keys):
        counted[mark, origin, False, *told] += n
    # Of these nothing stands: they wait, or were stopped before anybody had decided.
    others = Case.objects.filter(
        of_scope(scope, ""), in_period(scope, "opened_at"), state__in=(*WAITS, Case.State.CLOSED), standing=None
    )
    waits = CaseOf(When(state__in=WAITS, then=Value(True)), default=Value(False), output_field=BooleanField())
    rows = others.order_by().annotate(mark=axis(scope.period).moment("opened_at"), waits=waits)
    of_case = ("origin", "waits", "organisation", "source", "post__network")
    for mark, origin, still, *told, n in rows.values_list("mark", *of_case).annotate(n=Count("pk")):
        counted[mark, origin, bool(still), *told] += n
    return [Opened._make((*told, n)) for told, n in counted.items()]


def _along(scope: Scope, rows: QuerySet[Standing], day: str, at: str, *keys: str) -> Iterator[tuple[Any, ...]]:
    """The mark of the period's axis, the values of `keys`, and how many rows have them; a mark can come more than once.

    By day, in the order of an index, nothing is sorted; so months are put together here and not by the database.
    """
    along = axis(scope.period)
    if scope.period.kind is Kind.DAY:
        yield from rows.annotate(mark=along.moment(at)).values_list("mark", *keys).annotate(n=Count("pk"))
        return
    for on, *told in rows.values_list(day, *keys).annotate(n=Count("pk")):
        yield along.of(on), *told


def _judged(scope: Scope) -> list[Judged]:
    rows = standing(scope).annotate(seconds=F("waited"))
    told = histogram(rows, "found_as", "in_time")
    return [Judged(slug, step, None if kept is None else bool(kept), n) for slug, kept, step, n, _seconds in told]
