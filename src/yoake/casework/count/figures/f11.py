from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision, Outcome
from yoake.casework.count import white_paper as paper
from yoake.casework.count.events import REMOVED, in_period, of_scope, requests_that_went, stands
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.moments import SecondsBetween, TokyoDay
from yoake.casework.count.periods import Kind
from yoake.casework.due import TOKYO, business_days_after
from yoake.casework.report.models import Report

__all__ = ["F11"]

DAYS: Final = 5  # business days, that of the request not counted
_LONGEST_S: Final = 31 * 86_400  # five business days never take a month: what was removed later is of no matter
LABELS = {
    "reports": (_("Reports to the police"), 0),
    "requests": (_("Removal requests"), 0),
    "removed": (_("of these, removed within five business days"), 1),
}


class F11:
    """F-11: what was done about illegal items."""

    title = _("F-11: Illegal information: reports to the police and removal requests")
    says = _(
        "Items whose standing decision is of the class illegal information (the class valid on the day of the decision), in the year (Japan time)"
        " of what was done about them. Reports to the police: the first report that went. Removal requests: the first request for removal that"
        " went. Removed: the post was found removed, or its account suspended, after that request and by its cut-off. Each item counts once"
        " in a row."
    )
    out_of = _("removal requests of the year, for those removed")
    cut_off = _("removed by the end of the fifth Japanese business day after the day of the request (Japan time)")
    source = paper.source("F-11")
    kinds = (Kind.YEAR,)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """One table: five years."""
        told = paper.years(scope)
        n: Counter[tuple[int, str]] = Counter()
        reports = _illegal(scope, _first(_reports(), "item__sent_at"), "item__sent_at")
        for year, count in _by_year(reports, "item__sent_at", scope, "year").values_list("year", "n"):
            n[year, "reports"] = count
        removals = requests_that_went(["removal"])
        gone = (
            Outcome.objects.filter(case=OuterRef("case"), what__in=REMOVED, at__lt=scope.now)
            .annotate(after=SecondsBetween(OuterRef("started_at"), "at"))
            .filter(at__gte=OuterRef("started_at"), after__lt=_LONGEST_S)
        )
        asked = _illegal(scope, _first(removals, "started_at"), "started_at").annotate(
            asked=TokyoDay("started_at"), gone=TokyoDay(Subquery(gone.order_by("at").values("at")[:1]))
        )
        by_day = _by_year(asked, "started_at", scope, "year", "asked", "gone")
        for year, day, removed_on, count in by_day.values_list("year", "asked", "gone", "n"):
            n[year, "requests"] += count
            if removed_on is not None and removed_on <= _last_day(date.fromisoformat(day)).isoformat():
                n[year, "removed"] += count
        spans = paper.in_force(paper.ILLEGAL)
        cells = {row: [paper.cell(n[one.first.year, row], one, spans) for one in told] for row in LABELS}
        columns, rows, printed = paper.table_of("f11", scope, LABELS, cells)
        notes = [paper.UNIT, paper.NOT_COMPARABLE, *printed]
        if open_ := [one.key for one in told if scope.now < _after(_last_day(one.last))]:
            notes.append(paper.not_final(open_))
        return [Table("illegal", self.title, paper.ITEM, columns, rows, notes, drawn="bars")]


def _reports() -> QuerySet[Report]:
    return Report.objects.filter(recipient="prefectural_police", item__sent_at__isnull=False).order_by()


def _first(rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    """Of each case the one that went first."""
    earlier = rows.filter(case=OuterRef("case")).filter(
        Q(**{f"{field}__lt": OuterRef(field)}) | Q(**{field: OuterRef(field), "pk__lt": OuterRef("pk")})
    )
    return rows.filter(~Exists(earlier))


def _illegal(scope: Scope, rows: QuerySet[Any], field: str) -> QuerySet[Any]:
    """Those of these years that are about an item of the class illegal information."""
    illegal = stands(scope, case=OuterRef("case"), verdict=Decision.Verdict.IN_SCOPE, hotline_class=paper.ILLEGAL)
    told: QuerySet[Any] = rows.filter(of_scope(scope), in_period(paper.over(scope), field)).filter(Exists(illegal))
    return told


def _by_year(rows: QuerySet[Any], field: str, scope: Scope, *of: str) -> QuerySet[Any]:
    told: QuerySet[Any] = (
        rows.annotate(year=paper.year_of(field, paper.years(scope))).values(*of).annotate(n=Count("pk"))
    )
    return told


def _last_day(day: date) -> date:
    """The last day on which a removal still counts for what was requested on a day."""
    return business_days_after(datetime.combine(day, time.min, TOKYO), DAYS).date()


def _after(day: date) -> datetime:
    """The first moment after a day."""
    return datetime.combine(day + timedelta(days=1), time.min, TOKYO)
