from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from yoake.casework.count import labels, tallies
from yoake.casework.count import white_paper as paper
from yoake.casework.count.along import axis, columns_of, rows_along
from yoake.casework.count.events import standing
from yoake.casework.count.figure import Cell, Row, Scope, Table
from yoake.casework.count.labels import ALL
from yoake.casework.count.periods import Kind

__all__ = ["Decided"]

STILL_WAITING: Final = "still_waiting"
VERDICTS: Final = {**labels.VERDICTS, ALL: labels.IN_ALL}
ARRIVED: Final = {
    "patrol": _("found by patrol"),
    "hand": _("added by hand"),
    ALL: labels.IN_ALL,
    STILL_WAITING: _("of these, still waiting"),
}


class Decided:
    """What was decided and what arrived, along the period."""

    title = _("What was decided, and what arrived")
    says = _(
        "Decisions by what they say, and cases by how they came, by hour of a day, by day of a month or by month of a year (Japan time)."
        " Of a year and of a fiscal year, decisions also beside those of the four before."
    )
    out_of = ""
    cut_off = _("What still waits is told as it is now, also for a period that is long over.")
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Decisions by verdict, and opened cases by origin, along the period."""
        along = axis(scope.period)
        decided: Counter[tuple[str, str]] = Counter()
        for one in tallies.decided(scope):
            decided[one.mark, one.verdict] += one.n
        arrived: Counter[tuple[str, str]] = Counter()
        for case in tallies.opened(scope):
            arrived[case.mark, case.origin] += case.n
            arrived[case.mark, STILL_WAITING] += case.n if case.waits else 0
        all_verdicts = {ALL: [key for key in VERDICTS if key != ALL]}
        all_origins = {ALL: ["patrol", "hand"]}
        beside = [_years(scope)] if scope.period.kind in (Kind.YEAR, Kind.FISCAL_YEAR) else []
        return [
            Table(
                "decided",
                _("Decided, by what was decided"),
                _("decision"),
                columns_of(VERDICTS),
                rows_along(scope, list(VERDICTS), decided, all_verdicts),
                notes=[labels.ONCE, labels.REAL],
                row_sums={ALL: list(along.marks)},
                column_sums=all_verdicts,
                drawn="stacked",
                across="rows",
            ),
            Table(
                "arrived",
                _("Arrived, by how it came"),
                _("case"),
                columns_of(ARRIVED),
                rows_along(scope, list(ARRIVED), arrived, all_origins),
                notes=[
                    _("A case counts when it was opened. One that waits for a second judgement still waits."),
                    labels.REAL,
                ],
                row_sums={ALL: list(along.marks)},
                column_sums=all_origins,
                drawn="stacked",
                across="rows",
            ),
            *beside,
        ]


def _years(scope: Scope) -> Table:
    """The year and those before it, each as long; a dash where nothing had been decided yet."""
    told = paper.years(scope)
    n: Counter[tuple[int, str]] = Counter()
    by_day = standing(paper.over(scope)).values_list("day", "verdict").annotate(n=Count("pk"))
    for day, verdict, count in by_day:
        year = paper.year_on(day, told)
        n[year, verdict] += count
        n[year, ALL] += count
    first = min([scope.period.first.year, *(year for year, _verdict in n)])
    return Table(
        "years",
        _("Decided, five years beside each other"),
        _("decision"),
        columns_of(VERDICTS),
        [
            Row(one.key, labels.period(one), [Cell(n[year, key]) if year >= first else Cell(None) for key in VERDICTS])
            for one in told
            for year in [one.first.year]
        ],
        notes=[
            _("A dash: nothing had been decided here yet."),
            labels.ONCE,
            labels.REAL,
            *([_("The last of them is not over yet.")] if scope.now < scope.period.until else ()),
        ],
        column_sums={ALL: [key for key in VERDICTS if key != ALL]},
        elsewhere={(scope.period.key, key): [("decided", "decided", ALL, key)] for key in VERDICTS},
        drawn="stacked",
        across="rows",
    )
