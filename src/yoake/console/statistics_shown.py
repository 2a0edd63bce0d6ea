"""How tables of figures look on a page: numbers as people write them, marks that are explained, charts beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext, pgettext

from yoake.casework.count import drawing, heading
from yoake.casework.count.durations import duration, seconds_of
from yoake.casework.count.figure import Cell, Figure, Row, Table
from yoake.casework.count.ledger import Counted
from yoake.casework.count.suppressing import MARK, NOTE
from yoake.console.statistics_kept import Told

DASH: Final = "–"
WIDE: Final = (
    5.0  # columns above which a table stands below its chart, not beside it; one with intervals is wider than one
)
COMMON: Final = 3  # so many figures of a page say the same: it is said once
WIDTHS: Final = {
    "narrow": 340,
    "third": 520,
    "beside": 560,
    "whole": 1040,
}  # pixels: on a telephone, one of three, beside a table, above it
PUBLICATION: Final = "publication"  # of ?for=


@dataclass(frozen=True)
class CellShown:
    """A cell in words."""

    text: str
    beside: Sequence[str] = ()  # its interval, and how many of how many
    kind: str = ""  # none, zero, suppressed, printed


@dataclass(frozen=True)
class RowShown:
    """A row in words."""

    label: str
    unit: str
    depth: int
    is_sum: bool
    cells: list[CellShown]


@dataclass(frozen=True)
class TableShown:
    """A table, its chart and what must stand beside them."""

    key: str
    place: str  # its id on the page
    title: str
    unit: str
    columns: list[tuple[str, bool]]  # label, whether it is a sum
    rows: list[RowShown]
    notes: list[str]
    empty: bool  # nothing but zeros and dashes
    silent: bool  # nothing but dashes
    wide: bool
    charts: dict[str, str]  # addresses of its picture by width; none where it has none
    alt: str
    saves: list[tuple[str, str]]  # the same as a file: what it is called, address


@dataclass(frozen=True)
class FigureShown:
    """A figure on a page."""

    name: str
    figure: Figure
    address: str
    notes: list[str]  # of several of its tables
    tables: list[TableShown]

    @property
    def empty(self) -> bool:
        """Whether nothing was counted at all."""
        return all(table.empty for table in self.tables)


def notes_in_common(counted: Sequence[Counted]) -> list[str]:
    """What so many figures say that the page says it once."""
    said = Counter(
        note for one in counted for note in dict.fromkeys(str(note) for table in one.tables for note in table.notes)
    )
    return [note for note, n in said.items() if n >= COMMON]


def marks_used(counted: Sequence[Counted]) -> list[str]:
    """What the marks mean that stand in place of numbers or beside them, a sentence each."""
    cells = [cell for one in counted for table in one.tables for cell in _cells(table)]
    said = []
    if any(cell.value is None and not cell.suppressed for cell in cells):
        said.append(gettext("–: nothing can be said, because nobody counted it or it does not apply. A 0 was counted."))
    if any(cell.suppressed for cell in cells):
        said.append(str(NOTE))
    if any(cell.published for cell in cells):
        said.append(gettext("†: printed by others, not counted here."))
    return said


def figure_shown(told: Told, counted: Counted, common: Sequence[str] = ()) -> FigureShown:
    """A figure with its tables; notes that are `common` stand elsewhere, and what most of its tables say stands once."""
    own = [note for note in heading.in_common(counted.tables) if note not in common]
    return FigureShown(
        counted.name,
        counted.figure,
        figure_address(told, counted.name),
        own,
        [_table(told, counted.name, table, (*common, *own)) for table in counted.tables],
    )


def figure_address(told: Told, name: str) -> str:
    """The page of one figure, for the same period."""
    return f"{reverse('statistics_figure', args=[name])}?{query(told)}"


def query(told: Told, **more: str) -> str:
    """What an address must say of these figures."""
    return urlencode({"period": told.scope.period.key, **({"for": PUBLICATION} if told.published else {}), **more})


def chart_addresses(told: Told, name: str, table: str, **more: str) -> dict[str, str]:
    """Where the picture of a table is, by how wide it is."""
    way = reverse("statistics_chart", kwargs={"name": name, "table": table})
    return {width: f"{way}?{query(told, width=width, **more)}" for width in WIDTHS}


def file_address(told: Told, what: str, **more: str) -> str:
    """The address of a file of these figures."""
    way = reverse("statistics_download", kwargs={"period": told.scope.period.key, "what": what})
    asked = urlencode({**({"for": PUBLICATION} if told.published else {}), **more})
    return f"{way}?{asked}" if asked else way


def amount(value: float, unit: str = "", *, percent: bool = False) -> str:
    """A number as people write it in the language in force: 1,234 · 12.5% · 3 h 20 min."""
    if percent:
        return gettext("%(share)s %%") % {"share": rounded(100 * value, 1)}
    if seconds := seconds_of(unit):
        return duration(value * seconds)
    return rounded(value, 0 if isinstance(value, int) else _digits(value))


def rounded(value: float, digits: int) -> str:
    """With thousands apart. Rounded here: Django's own formatting cuts what is behind the last digit."""
    return number_format(round(value, digits) if digits else round(value), digits, force_grouping=True)


def nothing(tables: Sequence[Table]) -> bool:
    """Whether nothing was counted: zeros and dashes only, beside what others say of themselves elsewhere (a share)."""
    told = (cell for table in tables for cell in _cells(table) if cell.is_count or not cell.published)
    return not any(cell.value or cell.suppressed for cell in told)


def _cells(table: Table) -> Iterator[Cell]:
    for row in table.rows:
        yield from row.cells


def _table(told: Told, name: str, table: Table, common: Sequence[str]) -> TableShown:
    chart = None if nothing([table]) else drawing.chart_of(table)
    cells = list(_cells(table))
    return TableShown(
        key=table.key,
        place=f"{name}-{table.key}",
        title=str(table.title),
        unit=str(table.unit),
        columns=[(str(one.label), one.key in table.column_sums) for one in table.columns],
        rows=[_row(table, row) for row in table.rows],
        notes=[str(note) for note in table.notes if str(note) not in common],
        empty=nothing([table]),
        silent=all(cell.value is None for cell in cells),
        wide=_width(table) > WIDE,
        charts=chart_addresses(told, name, table.key) if chart else {},
        alt=drawing.describing(table) if chart else "",
        saves=[(what.upper(), file_address(told, what, figure=name, table=table.key)) for what in ("svg", "png")]
        if chart
        else [],
    )


def _width(table: Table) -> float:
    """How many plain columns would be as wide."""
    told = [[row.cells[n] for row in table.rows] for n in range(len(table.columns))]
    return sum(1.4 if any(cell.low is not None for cell in cells) else 1 for cells in told)


def _row(table: Table, row: Row) -> RowShown:
    own = str(row.unit) if row.unit and not seconds_of(row.unit) else ""
    said = {cell.value for cell in row.cells if cell.is_count}  # a row says of how many it speaks once
    cells = []
    for column, cell in zip(table.columns, row.cells, strict=True):
        cells.append(_cell(cell, str(table.unit_of(row, column)), percent=table.percent, of_known=cell.of in said))
        said.add(cell.of)
    return RowShown(str(row.label), own, row.depth, row.key in table.row_sums, cells)


def _cell(cell: Cell, unit: str, *, percent: bool, of_known: bool) -> CellShown:
    if cell.suppressed:
        return CellShown(MARK, kind="suppressed")
    if cell.value is None:
        return CellShown(DASH, kind="none")
    percent = percent or (cell.part is not None and cell.of is not None)
    beside = []
    if cell.low is not None and cell.high is not None:
        beside.append(_between(cell.low, cell.high, unit, percent=percent))
    if cell.part is not None and cell.of is not None:
        beside.append(f"{amount(cell.part)} / {amount(cell.of)}")
    elif cell.of is not None and not of_known:
        beside.append(gettext("of %(n)s") % {"n": amount(cell.of)})
    text = amount(cell.value, unit, percent=percent)
    kind = "printed" if cell.published else "" if cell.value else "zero"
    return CellShown(text, beside, kind)


def _between(low: float, high: float, unit: str, *, percent: bool) -> str:
    ends = {"low": amount(low, unit, percent=percent), "high": amount(high, unit, percent=percent)}
    return pgettext("an interval", "%(low)s – %(high)s") % ends


def _digits(value: float) -> int:
    whole = abs(value) >= 1000 or float(value).is_integer()
    return 0 if whole else 1 if abs(value) >= 0.1 else 3
