"""The axis of time of a period: hours of a day, days of a month, months of a year or fiscal year (April to March)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from yoake.casework.count.figure import Cell, Column, Row, Words
from yoake.casework.count.labels import ALL, IN_ALL, month
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
    along: Axis, columns: Sequence[str], counts: Mapping[tuple[str, str], int], sums: Mapping[str, Sequence[str]]
) -> list[Row]:
    """A row for each mark of an axis, and behind them one of all together.

    Args:
        along: the axis.
        columns: keys of the columns, in order.
        counts: by mark and column; what is not there is 0.
        sums: which columns are sums of others, by key.
    """

    def cells(marks: Sequence[str]) -> list[Cell]:
        told = {key: sum(counts.get((mark, key), 0) for mark in marks) for key in columns if key not in sums}
        return [Cell(sum(told[part] for part in sums[key]) if key in sums else told[key]) for key in columns]

    rows = [Row(mark, label, cells([mark])) for mark, label in along.marks.items()]
    return [*rows, Row(ALL, IN_ALL, cells(list(along.marks)))]


def columns_of(labels: Mapping[str, Words]) -> list[Column]:
    """Columns by key and label, in order."""
    return [Column(key, label) for key, label in labels.items()]
