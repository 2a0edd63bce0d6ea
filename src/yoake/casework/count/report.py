"""The report of a month, a year or a day on paper: every figure with its chart, its tables, and what must be read beside them.

How a table is laid says `laying.py`. Here is said what stands together: a short list beside its chart, two narrow tables beside
each other, a chart above its table; what is broken over pages, and how much of it must stand below its heading.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext, override, pgettext

from yoake import charts
from yoake.casework.count import heading
from yoake.casework.count.drawing import chart_of, describing, number
from yoake.casework.count.durations import duration, seconds_of
from yoake.casework.count.figure import Cell, Row, Scope, Table, Words
from yoake.casework.count.laying import GAP, HALF, PAGE, Grid, Laid, Line, in_one, laid
from yoake.casework.count.ledger import Counted
from yoake.casework.count.suppressing import MARK
from yoake.charts import Chart
from yoake.errors import BadInput
from yoake.papers import pdf
from yoake.papers.glyphs import width

NONE: Final = "–"  # nothing can be said
PUBLISHED: Final = "†"  # others printed it

_PIXEL: Final = PAGE / 640  # points: a chart as wide as the page has 640 pixels
_NARROWEST: Final = 340  # pixels, of a chart beside its table
_TALL: Final = 145  # pixels, of an upright plot: lower than on a screen
_TOGETHER: Final = 470.0  # points, the height of a chart and its table that stand together on one page
_BESIDE: Final = 660.0  # and of those beside each other
_WHOLE: Final = 330.0  # and of a table that is not broken: of a higher one its first rows stand below its heading
_PAIR: Final = 0.8  # so much lower than below each other must two tables be beside each other
_CAPTION: Final = 32.0  # points
_TITLE, _UNIT, _NUMBER = (
    10.0,
    8.0,
    75.0,
)  # points: an em of a heading, of the unit at its right, and what stands before them
_DASHES: Final = 3  # rows of nothing but dashes from which they are left out, and named
_HEIGHT: Final = re.compile(r' height="([0-9.]+)" role')


def month_report(counted: Sequence[Counted], scope: Scope, language: str) -> bytes:
    """The figures of a period as a PDF/A, in the order given; also for a day, a year or a fiscal year.

    Args:
        counted: what `ledger.count` gave; suppressed before (`suppressing.py`) where it is published.
        scope: that it was counted for; the report is dated by its `now`.
        language: ja or en.

    Raises:
        BadInput: there is no figure, or the language is another one.
    """
    if not counted:
        raise BadInput("figures", 0, "one or more")
    if language not in ("ja", "en"):
        raise BadInput("language", language, "ja or en")
    with override(language):
        return pdf("month", _facts(counted, scope, language), scope.now)


def _facts(counted: Sequence[Counted], scope: Scope, language: str) -> dict[str, Any]:
    cells = [cell for one in counted for table in one.tables for row in table.rows for cell in row.cells]
    return {
        "language": language,
        "kind": str(scope.period.kind),
        "period": scope.period.label,
        "first": scope.period.first.isoformat(),
        "last": scope.period.last.isoformat(),
        "organisation": heading.whose(scope),
        "made_at": heading.moment(scope),
        "unfinished": heading.unfinished(scope),
        "published": any(cell.published for cell in cells),
        "suppressed": any(cell.suppressed for cell in cells),
        "intervals": any(cell.low is not None for cell in cells),
        "figures": [_figure(one) for one in counted],
    }


def _figure(one: Counted) -> dict[str, Any]:
    figure = one.figure
    common = heading.in_common(one.tables)
    return {
        "name": one.name,
        "title": str(figure.title),
        "says": str(figure.says),
        "out_of": str(figure.out_of),
        "cut_off": str(figure.cut_off),
        "source": str(figure.source),
        "notes": common,
        "rows": _rows([_Set.of(table, common) for table in one.tables]),
    }


# --- what stands together -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Set:
    """A table that is to be set: its words, and what it is drawn as."""

    table: Table
    grid: Grid
    notes: Sequence[str]
    chart: Chart | None

    @classmethod
    def of(cls, table: Table, common: Sequence[str]) -> _Set:
        """A table, its chart (none of nothing: the table says it), and the notes that stand with it alone."""
        chart = chart_of(table)
        grid, silent = _grid(table)
        notes = [said for note in table.notes if (said := str(note)) not in common]
        if silent:
            told = pgettext("list", ", ").join(silent)
            notes.append(gettext("Left out, because nothing can be said of them: %(rows)s.") % {"rows": told})
        return cls(table, grid, notes, None if chart is None or chart.said else chart)

    def half(self) -> Laid | None:
        """As one of two tables beside each other; None where it needs more room."""
        heading = width(f"{self.table.title}") * _TITLE + width(str(self.table.unit)) * _UNIT + _NUMBER
        if self.chart is not None or heading > HALF:
            return None
        one = in_one(self.grid, HALF) or in_one(self.grid, HALF, whole_labels=False)
        return one if one is not None and one.high <= _BESIDE else None

    def shown(
        self, parts: Sequence[Laid], drawn: str = "", *, across: float = 0.0, together: bool = False
    ) -> dict[str, Any]:
        """As the template takes it."""
        return {
            "title": str(self.table.title),
            "unit": str(self.table.unit),
            "notes": self.notes,
            "chart": drawn,
            "alt": describing(self.table) if drawn else "",
            "across": across,  # points, of a chart beside its table; 0: it stands above
            "together": together,
            "parts": [_part(part) for part in parts],
        }  # fmt: skip

    def by_itself(self) -> dict[str, Any]:
        """Over the whole page, with its chart above it or at its left."""
        if self.chart is None:
            return self.shown(laid(self.grid))
        if not self.chart.ordered and (beside := in_one(self.grid, PAGE - GAP - _NARROWEST * _PIXEL)):
            across = PAGE - GAP - beside.wide
            drawn, high = _drawn(self.chart, across)
            if max(high, beside.high) <= _BESIDE and beside.below <= 1:
                return self.shown([beside], drawn, across=across)
        drawn, high = _drawn(self.chart, PAGE)
        parts = laid(self.grid)
        return self.shown(parts, drawn, together=len(parts) == 1 and high + parts[0].high <= _TOGETHER)


def _rows(tables: Sequence[_Set]) -> list[list[dict[str, Any]]]:
    """Tables as they stand below each other, two narrow ones beside each other."""
    rows: list[list[dict[str, Any]]] = []
    left = list(tables)
    while left:
        first, *left = left
        if left and (pair := _pair(first, left[0])):
            rows.append(pair)
            left.pop(0)
        else:
            rows.append([first.by_itself()])
    return rows


def _pair(first: _Set, second: _Set) -> list[dict[str, Any]] | None:
    halves = [(one, half) for one in (first, second) if (half := one.half())]
    if len(halves) < 2:
        return None
    alone = sum(sum(part.high for part in laid(one.grid)) + _CAPTION for one, _half in halves)
    if max(half.high for _one, half in halves) + _CAPTION > _PAIR * alone:
        return None
    return [one.shown([half], together=True) for one, half in halves]


def _drawn(chart: Chart, across: float) -> tuple[str, float]:
    """The chart as an SVG so many points wide, and how high it is in points."""
    svg = charts.svg(chart, "paper", width=int(across / _PIXEL), titled=False, tall=_TALL).decode()
    found = _HEIGHT.search(svg)
    return svg, float(found[1]) * _PIXEL if found else 0.0


def _part(one: Laid) -> Mapping[str, Any]:
    return {
        "head": one.grid.head,
        "rows": [
            {"label": line.label, "depth": line.depth, "sum": line.is_sum, "cells": [[told, list(small)] for told, small in line.cells]}
            for line in one.grid.lines
        ],
        "widths": [round(wide, 1) for wide in one.widths],
        "size": one.size,
        "beside": one.beside,
        "folds": one.folds,
        "whole": one.high <= _WHOLE or one.folds > 1,
        "first": round(sum(one.heights[:6]), 1),
    }  # fmt: skip


# --- cells in words -------------------------------------------------------------------------------------------------------


def _grid(table: Table) -> tuple[Grid, list[str]]:
    """Its words, and the labels of rows that are left out because nothing can be estimated there: many dashes say no more than one."""
    whole = [
        all(row.cells[n].published or row.cells[n].value is None for row in table.rows)
        and any(row.cells[n].published for row in table.rows)
        for n in range(len(table.columns))
    ]
    digits = [_digits([row.cells[n] for row in table.rows]) for n in range(len(table.columns))]
    lines = [
        Line(
            _with_unit(row.label, row.unit),
            [
                _told(cell, table.unit_of(row, column), percent=table.percent, marked=not whole[n], digits=digits[n])
                for n, (column, cell) in enumerate(zip(table.columns, row.cells, strict=True))
            ],
            row.depth,
            row.key in table.row_sums,
        )
        for row in table.rows
    ]
    head = [_with_unit(column.label, column.unit) + PUBLISHED * whole[n] for n, column in enumerate(table.columns)]
    silent = [line for line, row in zip(lines, table.rows, strict=True) if _is_silent(table, row)]
    flat = not any(row.depth for row in table.rows)
    estimated = flat and any(cell.low is not None for row in table.rows for cell in row.cells)
    if not estimated or not _DASHES <= len(silent) < len(lines):
        return Grid(head, lines), []
    return Grid(head, [line for line in lines if line not in silent]), [line.label for line in silent]


def _with_unit(label: Words, unit: Words) -> str:
    """With a unit of its own; times say theirs in each cell."""
    if not str(unit) or seconds_of(unit):
        return str(label)
    return gettext("%(label)s (%(unit)s)") % {"label": label, "unit": unit}


def _is_silent(table: Table, row: Row) -> bool:
    """Whether a row that is no sum has nothing but dashes."""
    return row.key not in table.row_sums and all(cell.value is None and not cell.suppressed for cell in row.cells)


def _told(cell: Cell, unit: Words, *, percent: bool, marked: bool, digits: int) -> tuple[str, list[str]]:
    """A cell as it is written, and what stands small by it: of how many it is a share, and its interval."""
    if cell.suppressed:
        return MARK, []
    if cell.value is None:
        return NONE, []
    if seconds := seconds_of(unit):
        ends = [duration(end * seconds) for end in (cell.low, cell.high) if end is not None]
        return duration(cell.value * seconds), ["–".join(ends)] * (len(ends) == 2)
    as_share = percent or cell.part is not None
    told = number(cell.value, percent=as_share, digits=digits)
    small = [f"{cell.part:,}/{cell.of:,}"] if cell.part is not None and cell.of is not None else []
    if cell.low is not None and cell.high is not None:
        ends = [f"{end * 100:.1f}" if as_share else number(end, digits=digits) for end in (cell.low, cell.high)]
        small.append("–".join(ends))
    return (f"{told} {PUBLISHED}" if cell.published and marked else told), small


def _digits(cells: Sequence[Cell]) -> int:
    """How many decimals a column has: none where all its values and intervals are whole, three where all lie below 1."""
    told = [value for cell in cells for value in (cell.value, cell.low, cell.high) if value is not None]
    if all(float(value).is_integer() for value in told):
        return 0
    return 3 if all(abs(value) < 1 for value in told) else 1
