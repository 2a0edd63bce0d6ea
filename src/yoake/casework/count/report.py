"""The report of a month, a year or a day on paper: every figure with its chart, its tables, and what must be read beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final
from unicodedata import east_asian_width

from django.utils.translation import gettext, override

from yoake import charts
from yoake.casework.count import heading
from yoake.casework.count.drawing import chart_of, describing, number
from yoake.casework.count.figure import Cell, Scope, Table
from yoake.casework.count.ledger import Counted
from yoake.casework.count.suppressing import MARK
from yoake.errors import BadInput
from yoake.papers import pdf
from yoake.papers.glyphs import width as _wide

NONE: Final = "–"  # nothing can be said
PUBLISHED: Final = "†"  # others printed it

_PAGE: Final = 482.0  # points across, of A4 within the margins of papers
_CHART: Final = 640  # pixels across, which are as wide as the page
_SIZES: Final = (9.0, 8.0, 7.0)  # points, of the figures in a table
_SMALL: Final = 0.8  # of that, for intervals
_INSET: Final = 6.0  # points left and right of a cell, together
_AROUND: Final = 6.0  # and above and below
_LABEL: Final = (4.0, 18.0)  # ems, least and most, of the first column
_READ: Final = 9.0  # ems, of it where room is scarce
_AIRY: Final = 1.35  # times as wide as it must be may a column be, where there is room
_WIDEST: Final = 34.0  # ems, of it where there is room
_HEAD: Final = 10.0  # ems that a head may have in one line, where there is room
_SLACK: Final = 1.0  # points, so that what just fits is not broken
_TOGETHER: Final = 430.0  # points, the height of a chart and its table that stand together on one page
_ALONE: Final = 640.0  # and of a table that is not broken
_TALL: Final = 165  # pixels, of an upright plot: lower than on a screen
_FOLDED: Final = 24  # rows from which a narrow list stands in several blocks beside each other
_GAP: Final = 16.0  # points between them
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
    # What every table says stands once, in their order in the first; a single table keeps its notes.
    common = [str(note) for note in one.tables[0].notes] if len(one.tables) > 1 else []
    for table in one.tables:
        kept = {str(note) for note in table.notes}
        common = [note for note in common if note in kept]
    return {
        "name": one.name,
        "title": str(figure.title),
        "says": str(figure.says),
        "out_of": str(figure.out_of),
        "cut_off": str(figure.cut_off),
        "source": str(figure.source),
        "notes": common,
        "tables": [_table(table, common) for table in one.tables],
    }


def _table(table: Table, common: Sequence[str]) -> dict[str, Any]:
    chart = chart_of(table)
    if chart is not None and chart.said:  # a drawing of nothing: the table says it
        chart = None
    drawn = charts.svg(chart, "paper", width=_CHART, titled=False, tall=_TALL).decode() if chart is not None else ""
    parts = _fitted(_grid(table))
    found = _HEIGHT.search(drawn)
    high = float(found[1]) * _PAGE / _CHART if found else 0.0
    return {
        "title": str(table.title),
        "unit": str(table.unit),
        "notes": [said for note in table.notes if (said := str(note)) not in common],
        "chart": drawn,
        "alt": describing(table) if chart is not None else "",
        "together": high + parts[0].high() <= _TOGETHER,
        "parts": [_laid(part) for part in parts],
    }


# --- how a table fits the page -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A row: its label, how far it is moved in, whether it is a sum, and its cells: the figure and what stands small by it."""

    label: str
    cells: Sequence[tuple[str, Sequence[str]]]
    depth: int = 0
    is_sum: bool = False


@dataclass(frozen=True)
class _Grid:
    """A table of words."""

    head: Sequence[str]
    lines: Sequence[_Line]
    size: float = _SIZES[0]
    beside: bool = True  # what is small stands beside the figure, else below it
    roomy: bool = False  # heads stand in one line

    def widths(self) -> list[float]:
        """How wide its columns of figures must be, in points."""
        told = []
        for n, head in enumerate(self.head):
            least = _wide(head) if self.roomy and _wide(head) <= _HEAD else _least(head)
            wide = max(least, *(self._cell(*line.cells[n]) for line in self.lines))
            told.append(wide * self.size + _INSET + _SLACK)
        return told

    def label(self, most: float = _LABEL[1]) -> float:
        """How wide its first column would like to be, in points."""
        wide = max(_wide(line.label) + line.depth for line in self.lines)
        return min(max(wide, _LABEL[0]), most) * self.size + _INSET + _SLACK

    def folds(self) -> int:
        """In how many blocks beside each other its rows stand: several for a long and narrow list."""
        if len(self.lines) < _FOLDED:
            return 1
        return max(1, min(3, int((_PAGE + _GAP) / (self.label() + sum(self.widths()) + _GAP))))

    def high(self) -> float:
        """About how high it is, in points."""
        rows = []
        for line in self.lines:
            smalls = 0 if self.beside else max(len(small) for _told, small in line.cells)
            rows.append(self.size * (1 + smalls) + _AROUND)
        return sum(rows) / self.folds() + 3 * self.size

    def fits(self) -> bool:
        """Whether it fits the page with a first column that can be read."""
        return min(self.label(), _READ * self.size + _INSET) + sum(self.widths()) <= _PAGE

    def _cell(self, told: str, small: Sequence[str]) -> float:
        smalls = [_wide(one) * _SMALL for one in small]
        return _wide(told) + sum(smalls) + 0.6 * len(smalls) if self.beside else max([_wide(told), *smalls])


def _grid(table: Table) -> _Grid:
    whole = [
        all(row.cells[n].published or row.cells[n].value is None for row in table.rows)
        and any(row.cells[n].published for row in table.rows)
        for n in range(len(table.columns))
    ]
    digits = [_digits([row.cells[n] for row in table.rows]) for n in range(len(table.columns))]
    head = [f"{column.label}{PUBLISHED}" if whole[n] else str(column.label) for n, column in enumerate(table.columns)]
    lines = [
        _Line(
            gettext("%(label)s (%(unit)s)") % {"label": row.label, "unit": row.unit} if row.unit else str(row.label),
            [
                _told(cell, percent=table.percent, marked=not whole[n], digits=digits[n])
                for n, cell in enumerate(row.cells)
            ],
            row.depth,
            row.key in table.row_sums,
        )
        for row in table.rows
    ]
    return _Grid(head, lines)


def _told(cell: Cell, *, percent: bool, marked: bool, digits: int) -> tuple[str, list[str]]:
    """A cell as it is written, and what stands small by it: of how many it is a share, and its interval."""
    if cell.suppressed:
        return MARK, []
    if cell.value is None:
        return NONE, []
    as_share = percent or cell.part is not None
    told = number(cell.value, percent=as_share, digits=digits)
    small = [f"{cell.part:,}/{cell.of:,}"] if cell.part is not None and cell.of is not None else []
    if cell.low is not None and cell.high is not None:
        ends = [f"{end * 100:.1f}" if as_share else number(end, digits=digits) for end in (cell.low, cell.high)]
        small.append("–".join(ends))
    return (f"{told} {PUBLISHED}" if cell.published and marked else told), small


def _digits(cells: Sequence[Cell]) -> int:
    """How many decimals a column has: none where all its values and intervals are whole."""
    told = [value for cell in cells for value in (cell.value, cell.low, cell.high) if value is not None]
    return 0 if all(float(value).is_integer() for value in told) else 1


def _fitted(grid: _Grid) -> list[_Grid]:
    """The same so that it fits: smaller, turned, or in several parts beside the same labels."""
    turned = _Grid(
        [line.label for line in grid.lines],
        [_Line(head, [line.cells[n] for line in grid.lines]) for n, head in enumerate(grid.head)],
    )
    smalls = any(small for line in grid.lines for _told, small in line.cells)
    ways = [replace(grid, roomy=True), grid, replace(grid, roomy=True, beside=False)]
    if grid.folds() > ways[0].folds():
        del ways[0]
    for of in ways:
        if of.fits():
            return [of]
    tries = [(grid, False, _SIZES[0])]
    if smalls and 2 * len(grid.lines) <= len(grid.head):  # intervals are read better below each other than smaller
        tries.append((turned, True, _SIZES[0]))
    tries += [(of, False, size) for of in (grid, turned) for size in _SIZES]
    for of, beside, size in tries:
        if (one := _Grid(of.head, of.lines, size, beside)).fits():
            return [one]
    parts: list[_Grid] = []
    since = 0
    while since < len(grid.head):
        until = since + 1
        while until < len(grid.head) and _part(grid, since, until + 1).fits():
            until += 1
        parts.append(_part(grid, since, until))
        since = until
    return parts


def _part(grid: _Grid, since: int, until: int) -> _Grid:
    lines = [replace(line, cells=line.cells[since:until]) for line in grid.lines]
    return _Grid(grid.head[since:until], lines, _SIZES[1], beside=False)


def _laid(grid: _Grid) -> Mapping[str, Any]:
    widths, folds = grid.widths(), grid.folds()
    label = min(grid.label(_LABEL[1] if folds > 1 else _WIDEST), _PAGE - sum(widths))
    if folds == 1:
        room = min(_AIRY, (_PAGE - label) / sum(widths))
        widths = [wide * room for wide in widths]
    return {
        "head": grid.head,
        "rows": [
            {"label": line.label, "depth": line.depth, "sum": line.is_sum, "cells": [[told, list(small)] for told, small in line.cells]}
            for line in grid.lines
        ],
        "widths": [round(label, 1), *(round(wide, 1) for wide in widths)],
        "size": grid.size,
        "beside": grid.beside,
        "folds": folds,
        "whole": grid.high() <= _ALONE,
    }  # fmt: skip


def _least(head: str) -> float:
    """How narrow a column may be for its head: short words are never broken; Japanese has six characters a line, or fewer."""
    if _wide(head) <= _LABEL[0]:
        return _wide(head)
    wide = sum(1.0 for sign in head if east_asian_width(sign) in "WF")
    words = [word for word in head.split() if not any(east_asian_width(sign) in "WF" for sign in word)]
    lines = max(1, ceil(wide / 6))
    return max([ceil(wide / lines), *(_wide(word) for word in words)])
