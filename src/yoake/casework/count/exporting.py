"""Figures as files: a workbook for people, one long table (CSV) for people and programs, and data (JSON) for programs.

All say the same, in the language in force: whose figures they are, when they were counted, whether the period is over, unit,
definition, denominator and cut-off, what others printed and what was suppressed. Queries hold numbers, kinds and times of rows, never
words of posts; they stand in the workbook and in the data, but not in what is published (it has none).
The keys of data and CSV are for machines and do not change with the language; what each means stands in docs/howto/count.md.
"""

from __future__ import annotations

import csv as csv_files
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.utils.translation import get_language, gettext, pgettext

from yoake.casework.count import heading
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.ledger import Counted
from yoake.casework.count.suppressing import MARK
from yoake.tables.cells import harmless

SCHEMA: Final = 1  # of data(): raised when a key changes its meaning or goes
DASH: Final = "–"  # nothing can be said
_COLUMNS: Final = (
    "figure",
    "figure_title",
    "table",
    "table_title",
    "period",
    "period_label",
    "row",
    "row_label",
    "depth",
    "column",
    "column_label",
    "value",
    "unit",
    "percent",
    "low",
    "high",
    "part",
    "of",
    "published_by_others",
    "suppressed",
    "definition",
    "denominator",
    "cut_off",
    "source",
    "notes",
    "organisation",
    "counted_at",
    "period_over",
)
_NO_SHEET_NAME: Final = re.compile(r"[\[\]:*?/\\]")


def data(counted: Sequence[Counted], scope: Scope) -> dict[str, Any]:
    """The figures as values that JSON has: numbers are numbers, None is null, times are ISO 8601."""
    return {
        "schema": SCHEMA,
        "language": get_language(),
        "organisation": scope.organisation_id or None,
        "organisation_name": heading.whose(scope),
        "period": {
            "key": scope.period.key,
            "kind": str(scope.period.kind),
            "label": scope.period.label,
            "first": scope.period.first.isoformat(),
            "last": scope.period.last.isoformat(),
            "over": heading.is_over(scope),
            "note": heading.unfinished(scope),
        },
        "counted_at": scope.now.isoformat(),
        "figures": [_figure(one) for one in counted],
    }


def csv(counted: Sequence[Counted], scope: Scope) -> bytes:
    """One line a cell, under names for machines; UTF-8 with a byte order mark, so that Excel reads it.

    Words that a program for tables could take for a formula get an apostrophe before them.
    """
    whose, unfinished, moment = heading.whose(scope), heading.unfinished(scope), scope.now.isoformat()
    told = io.StringIO(newline="")
    lines = csv_files.writer(told)
    lines.writerow(_COLUMNS)
    for one, table, row, column, cell in _cells(counted):
        line = (
            one.name,
            one.figure.title,
            table.key,
            table.title,
            scope.period.key,
            scope.period.label,
            row.key,
            row.label,
            row.depth,
            column.key,
            column.label,
            cell.value,
            table.unit_of(row, column),
            int(table.percent),
            cell.low,
            cell.high,
            cell.part,
            cell.of,
            int(cell.published),
            int(cell.suppressed),
            one.figure.says,
            one.figure.out_of,
            one.figure.cut_off,
            one.figure.source,
            " ".join(filter(None, (unfinished, *map(str, table.notes)))),
            whose,
            moment,
            int(heading.is_over(scope)),
        )
        lines.writerow([harmless(value) for value in line])
    return told.getvalue().encode("utf-8-sig")


def xlsx(counted: Sequence[Counted], scope: Scope) -> bytes:
    """A workbook: contents with links, a sheet a figure with all that must stand beside its tables, the queries last if there are any."""
    from openpyxl import Workbook

    book = Workbook()
    contents = book.active
    assert contents is not None
    contents.title = gettext("Contents")[:31]
    taken = {contents.title}
    _Sheet(contents).contents(counted, scope, names := [_name(one, taken) for one in counted])
    for one, name in zip(counted, names, strict=True):
        _Sheet(book.create_sheet(name)).figure(one, scope, contents.title)
    if any(one.queries for one in counted):
        asked = _Sheet(book.create_sheet(_free(gettext("Queries"), taken)))
        asked.line([gettext("Figure"), gettext("Query")], bold=True)
        for one in counted:
            for query in one.queries:
                asked.line([one.name, query[:32000]], wrap=True)
        asked.widths(16, 120)
    octets = io.BytesIO()
    book.save(octets)
    return octets.getvalue()


def shown(cell: Cell) -> float | int | str:
    """What stands in a table: the value, a mark where it was suppressed, a dash where nothing can be said."""
    if cell.suppressed:
        return MARK
    return DASH if cell.value is None else cell.value


def _figure(one: Counted) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": str(one.figure.title),
        "definition": str(one.figure.says),
        "denominator": str(one.figure.out_of),
        "cut_off": str(one.figure.cut_off),
        "source": str(one.figure.source),
        "tables": [_table(table) for table in one.tables],
        "queries": list(one.queries),
        "seconds": round(one.seconds, 3),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": str(table.title),
        "unit": str(table.unit),
        "percent": table.percent,
        "notes": [str(note) for note in table.notes],
        "columns": [
            {"key": column.key, "label": str(column.label), "unit": str(column.unit or table.unit)}
            for column in table.columns
        ],
        "row_sums": {whole: list(parts) for whole, parts in table.row_sums.items()},
        "column_sums": {whole: list(parts) for whole, parts in table.column_sums.items()},
        "rows": [
            {
                "key": row.key,
                "label": str(row.label),
                "depth": row.depth,
                "unit": str(row.unit or table.unit),
                "cells": [
                    {"column": column.key, **_cell(cell)} for column, cell in zip(table.columns, row.cells, strict=True)
                ],
            }
            for row in table.rows
        ],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "part": cell.part,
        "of": cell.of,
        "published_by_others": cell.published,
        "suppressed": cell.suppressed,
    }


def _cells(counted: Sequence[Counted]) -> Iterator[tuple[Counted, Table, Row, Column, Cell]]:
    for one in counted:
        for table in one.tables:
            for row in table.rows:
                for column, cell in zip(table.columns, row.cells, strict=True):
                    yield one, table, row, column, cell


def _name(one: Counted, taken: set[str]) -> str:
    return _free(str(one.figure.title), taken)


def _free(words: str, taken: set[str]) -> str:
    """A name for a sheet that is allowed and not taken: at most 31 characters, Excel does not tell capitals apart."""
    told = _NO_SHEET_NAME.sub(" ", words).strip(" '")[:31] or "-"
    known = {name.casefold() for name in taken}
    name, n = told, 2
    while name.casefold() in known:
        end = f" {n}"
        name, n = told[: 31 - len(end)] + end, n + 1
    taken.add(name)
    return name


class _Sheet:
    """A sheet that is filled from above."""

    def __init__(self, sheet: Any) -> None:
        self._sheet, self._at = sheet, 0

    def contents(self, counted: Sequence[Counted], scope: Scope, names: Sequence[str]) -> None:
        """Of what period, and a link to every figure."""
        self.line([scope.period.label], bold=True)
        self.line([gettext("Organisation"), heading.whose(scope)])
        self.line([gettext("Counted at"), heading.moment(scope)])
        if unfinished := heading.unfinished(scope):
            self.line([unfinished], bold=True)
        self.line([gettext("%(mark)s: suppressed; %(dash)s: nothing can be said.") % {"mark": MARK, "dash": DASH}])
        self.line([])
        self.line([gettext("Figure"), gettext("Tables"), gettext("What is counted")], bold=True)
        for one, name in zip(counted, names, strict=True):
            self.line(
                [one.figure.title, "\n".join(str(table.title) for table in one.tables), one.figure.says], wrap=True
            )
            self._link(self._at, 1, name)
        self.widths(48, 48, 100)

    def figure(self, one: Counted, scope: Scope, back: str) -> None:
        """Its tables, and what must stand beside them."""
        self.line([one.figure.title], bold=True)
        self.line([gettext("Contents")])
        self._link(self._at, 1, back)
        said = (
            (gettext("Organisation"), heading.whose(scope)),
            (gettext("Period"), f"{scope.period.label} {heading.unfinished(scope)}".strip()),
            (gettext("Counted at"), heading.moment(scope)),
            (gettext("Definition"), one.figure.says),
            (gettext("Denominator"), one.figure.out_of),
            (gettext("Cut-off"), one.figure.cut_off),
            (pgettext("of a figure", "Source"), one.figure.source),
        )
        width = max((_width(table) for table in one.tables), default=2)
        for head, words in said:
            if str(words):
                self.line([head, words], wrap=True)
                self._over(2, max(width, 8), len(str(words)))
        for table in one.tables:
            self.line([])
            self._table(table)
        self.widths(44, *[14] * (width - 1))

    def _table(self, table: Table) -> None:
        self.line([table.title], bold=True)
        self.line([gettext("Unit: %(unit)s") % {"unit": table.unit}])
        # A column has its interval beside it where a cell has one, and how many of how many stand after that.
        spans = [_beside(table, n) for n in range(len(table.columns))]
        head: list[object] = [""]
        for column, span in zip(table.columns, spans, strict=True):
            head += [_with_unit(column.label, column.unit), *[""] * len(span)]
        self.line(head, bold=True)
        at = 2
        for span in spans:
            if span:
                self._sheet.merge_cells(
                    start_row=self._at, end_row=self._at, start_column=at, end_column=at + len(span)
                )
            at += 1 + len(span)
        if any(spans):
            names = {
                "low": gettext("95 %, from"),
                "high": pgettext("head in a table", "to"),
                "part": pgettext("head in a table", "part"),
                "of": pgettext("head in a table", "of"),
            }
            self.line(
                [
                    "",
                    *(
                        word
                        for span in spans
                        for word in (pgettext("head in a table", "value") if span else "", *map(names.get, span))
                    ),
                ],
                bold=True,
            )
        for row in table.rows:
            line: list[object] = [_with_unit(row.label, row.unit if str(row.unit) != str(table.unit) else "")]
            marks: list[str] = []
            for cell, span in zip(row.cells, spans, strict=True):
                line += [shown(cell), *(getattr(cell, name) for name in span)]
                marks += ["published" if cell.published else "", *[""] * len(span)]
            self.line(line, percent=table.percent, depth=row.depth, marks=marks)
        if any(cell.published for row in table.rows for cell in row.cells):
            self.line([gettext("In italics: published by others, not derived here.")])
        for note in table.notes:
            self.line([note])

    def line(
        self,
        values: Sequence[object],
        *,
        bold: bool = False,
        wrap: bool = False,
        percent: bool = False,
        depth: int = 0,
        marks: Sequence[str] = (),
    ) -> None:
        """Writes a line; words are words, whatever they begin with."""
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
        from openpyxl.styles import Alignment, Font

        self._at += 1
        for n, value in enumerate(values, 1):
            if value is None or value == "":
                continue
            cell = self._sheet.cell(self._at, n)
            if isinstance(value, int | float):
                cell.value = value
                whole = isinstance(value, int) and not percent
                cell.number_format = (
                    "0.0%" if percent and isinstance(value, float) else "#,##0" if whole else "#,##0.0##"
                )
            else:
                cell.value = ILLEGAL_CHARACTERS_RE.sub("", str(value))
                cell.data_type = "s"
                cell.quotePrefix = True  # stays words when somebody edits it
            right = n > 1 and (isinstance(value, int | float) or value in (MARK, DASH))
            cell.alignment = Alignment(
                horizontal="right" if right else None, vertical="top", wrap_text=wrap, indent=depth * 2 if n == 1 else 0
            )
            italic = n > 1 and len(marks) > n - 2 and marks[n - 2] == "published"
            cell.font = Font(bold=bold, italic=italic)

    def widths(self, *widths: int) -> None:
        """How wide the columns are, in characters."""
        from openpyxl.utils import get_column_letter

        for n, width in enumerate(widths, 1):
            self._sheet.column_dimensions[get_column_letter(n)].width = width

    def _link(self, row: int, column: int, sheet: str) -> None:
        from openpyxl.styles import Font
        from openpyxl.worksheet.hyperlink import Hyperlink

        cell = self._sheet.cell(row, column)
        quoted = sheet.replace("'", "''")
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1")
        cell.font = Font(underline="single", color="0563C1")

    def _over(self, first: int, last: int, letters: int) -> None:
        """Lets the words of the newest line stand over several columns, with room for their lines."""
        self._sheet.merge_cells(start_row=self._at, end_row=self._at, start_column=first, end_column=last)
        self._sheet.row_dimensions[self._at].height = 15 * (1 + letters // (6 * (last - first + 1)))


def _with_unit(label: Words, unit: Words) -> str:
    return f"{label} ({unit})" if str(unit) else str(label)


def _beside(table: Table, column: int) -> list[str]:
    """What stands beside the values of a column."""
    cells = [row.cells[column] for row in table.rows]
    return [name for name in ("low", "high", "part", "of") if any(getattr(cell, name) is not None for cell in cells)]


def _width(table: Table) -> int:
    return 1 + sum(1 + len(_beside(table, n)) for n in range(len(table.columns)))
