"""The axis of time of a period: hours of a day, days of a month, months of a year or fiscal year (April to March)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from yoake.casework.count.figure import Cell, Column, Drawn, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, IN_ALL, IN_HOUSE, month
from yoake.casework.count.moments import TokyoDay, TokyoHour, TokyoMonth
from yoake.casework.count.periods import Kind, Period

_ASKED = {Kind.DAY: TokyoHour, Kind.MONTH: TokyoDay, Kind.YEAR: TokyoMonth, Kind.FISCAL_YEAR: TokyoMonth}


@dataclass(frozen=True)
class Axis:
    """What stands along a period, the first first, by the keys that `moment` gives in a query."""

    moment: type[TokyoDay]
    marks: Mapping[str, Words]
    length: int = 7  # of a mark's key, where it is a month (2024-05) or a day (2024-05-01)

    def of(self, day: date) -> str:
        """The mark of a day; not of a period that is a day itself, whose marks are hours."""
        return day.isoformat()[: self.length]


def axis(period: Period) -> Axis:
    """The axis of a period."""
    match period.kind:
        case Kind.DAY:
            marks: dict[str, Words] = {f"{hour:02d}": f"{hour}:00" for hour in range(24)}
        case Kind.MONTH:
            marks = {day.key: str(day.first.day) for day in period.days()}
        case _:
            marks = {one.key: month(one) for one in period.months()}
    return Axis(_ASKED[period.kind], marks, 10 if period.kind is Kind.MONTH else 7)


def rows_along(
    scope: Scope, columns: Sequence[str], counts: Mapping[tuple[str, str], int], sums: Mapping[str, Sequence[str]]
) -> list[Row]:
    """A row for each mark of the period's axis, and behind them one of all together; dashes where a mark has not begun.

    Args:
        scope: whose period is the axis.
        columns: keys of the columns, in order.
        counts: by mark and column; what is not there is 0.
        sums: which columns are sums of others, by key.
    """
    along = axis(scope.period)
    begun = _begun(scope)

    def cells(marks: Sequence[str]) -> list[Cell]:
        told = {key: sum(counts.get((mark, key), 0) for mark in marks) for key in columns if key not in sums}
        return [Cell(sum(told[part] for part in sums[key]) if key in sums else told[key]) for key in columns]

    rows = [
        Row(mark, label, cells([mark]) if mark in begun else [Cell(None) for _column in columns])
        for mark, label in along.marks.items()
    ]
    return [*rows, Row(ALL, IN_ALL, cells(list(along.marks)))]


def _begun(scope: Scope) -> set[str]:
    """The marks of the axis that have begun."""
    if scope.period.kind is Kind.DAY:
        hours = range(int((scope.now - scope.period.since).total_seconds() // 3600) + 1)
        return {f"{hour:02d}" for hour in hours}
    parts = scope.period.days() if scope.period.kind is Kind.MONTH else scope.period.months()
    return {one.key for one in parts if one.since <= scope.now}


def columns_of(labels: Mapping[str, Words]) -> list[Column]:
    """Columns by key and label, in order."""
    return [Column(key, label) for key, label in labels.items()]


def table_along(
    key: str,
    title: Words,
    unit: Words,
    scope: Scope,
    names: Mapping[str, Words],
    counts: Mapping[tuple[str, str], int],
    notes: Sequence[Words],
    *,
    names_across: bool = True,
    drawn: Drawn = "stacked",
) -> Table:
    """What is counted once under one of several names, along the scope's period, with sums of both.

    It stays in the house: day by day groups are small, and a month in a year's table would tell what that month hides.

    Args:
        key: of the table.
        title: of the table.
        unit: of the table.
        scope: whose period is the axis.
        names: labels by name, in order.
        counts: by mark of the axis and name; what is not there is 0.
        notes: of the table.
        names_across: names stand above columns and a row is a mark; else the other way round.
        drawn: as.
    """
    sums = {ALL: list(names)}
    rows = rows_along(scope, [*names, ALL], counts, sums)
    columns = columns_of({**names, ALL: IN_ALL})
    marks = {ALL: list(axis(scope.period).marks)}
    if not names_across:
        turned = [[row.cells[n] for row in rows] for n in range(len(columns))]
        rows, columns = (
            [Row(one.key, one.label, cells) for one, cells in zip(columns, turned, strict=True)],
            [Column(row.key, row.label) for row in rows],
        )
    return Table(
        key,
        title,
        unit,
        columns,
        [replace(row, for_publication=False) for row in rows],
        notes=[*notes, IN_HOUSE],
        row_sums=marks if names_across else sums,
        column_sums=sums if names_across else marks,
        drawn=drawn,
        across="rows" if names_across else "columns",
    )
