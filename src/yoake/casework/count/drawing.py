"""A table as a chart, and in one sentence: what is drawn of it, in the language in force.

Sums are left out (their parts are drawn), what is suppressed is a gap with a mark, and what cannot stand beside the rest (a
share among counts, a row with a unit of its own) stays in the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.utils.translation import gettext, ngettext, pgettext

from yoake.casework.count.figure import Cell, Table
from yoake.casework.count.labels import ALL
from yoake.casework.count.periods import Period
from yoake.charts import MOST_SERIES, Chart, Series
from yoake.charts.chart import PUBLISHED, SUPPRESSED

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MONTH: Final = re.compile(r"\d{4}-\d{2}")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_LONGEST: Final = 60  # so many bars in a list, one a label
_LONG: Final = 16  # and where several stand at each label


@dataclass(frozen=True)
class _Line:
    """A row or a column, seen along the other."""

    key: str
    label: str
    cells: Sequence[Cell]


def chart_of(table: Table) -> Chart | None:
    """What a chart shows of a table; None where it is not drawn."""
    if not table.drawn:
        return None
    lines, labels, keys = _lines(table)
    notes: list[str] = []
    ordered = all(_DAY.fullmatch(key) or _MONTH.fullmatch(key) or _NUMBER.fullmatch(key) for key in keys)
    if table.drawn == "bars" and not ordered:
        lines, labels, keys = _with_something(lines, labels, keys)
    if len(lines) > MOST_SERIES:
        lines, left_out = _largest(lines, table.drawn)
        notes += [left_out] if left_out else []
    most = _LONGEST if len(lines) == 1 or table.drawn == "stacked" else _LONG
    if table.drawn in ("bars", "stacked") and not ordered and len(labels) > most:
        more = len(labels) - most
        rank = sorted(range(len(labels)), key=lambda n: -sum(line.cells[n].value or 0 for line in lines))
        kept = sorted(rank[:most])
        labels, keys = [labels[n] for n in kept], [keys[n] for n in kept]
        lines = [replace(line, cells=[line.cells[n] for n in kept]) for line in lines]
        notes.append(
            ngettext("%(n)d smaller one stands only in the table.", "%(n)d smaller ones stand only in the table.", more)
            % {"n": more}
        )
    across, groups = _times(keys)
    series = [_series(line) for line in lines]
    numbers = table.drawn in ("lines", "steps") and all(_NUMBER.fullmatch(key) for key in keys)
    places = [float(key) for key in keys] if numbers else []
    known = [value for one in series for value in one.values if value is not None]
    return Chart(
        kind=table.drawn,
        title=str(table.title),
        unit=str(table.unit),
        labels=labels,
        series=series,
        places=places if places == sorted(places) else [],
        across=across,
        groups=groups,
        ordered=ordered,
        share=table.percent,
        marks={PUBLISHED: gettext("published, not counted here"), SUPPRESSED: gettext("too few to be published")},
        notes=notes,
        said="" if any(known) else _nothing(table, known),
    )


def describing(table: Table) -> str:
    """What the chart of a table shows, in one sentence, for whoever does not see it; the title alone where it is not drawn."""
    chart = chart_of(table)
    if chart is None:
        return str(table.title)
    if chart.said:
        return _joined(chart.title, chart.said)
    places = [
        (
            value,
            gettext("%(series)s, %(label)s") % {"series": one.name, "label": label} if len(chart.series) > 1 else label,
        )
        for one in chart.series
        for value, label in zip(one.values, _told_labels(chart), strict=True)
        if value is not None
    ]
    highest, lowest = max(places, key=lambda place: place[0]), min(places, key=lambda place: place[0])
    told = {
        "highest": _amount(chart, highest[0]), "where_highest": highest[1],
        "lowest": _amount(chart, lowest[0]), "where_lowest": lowest[1],
    }  # fmt: skip
    if not chart.ordered:
        said = gettext("Highest: %(highest)s (%(where_highest)s); lowest: %(lowest)s (%(where_lowest)s).") % told
        return _joined(chart.title, said)
    last = max(n for one in chart.series for n, value in enumerate(one.values) if value is not None)
    at_last = [(one.name, value) for one in chart.series if (value := one.values[last]) is not None]
    told["where_last"] = _told_labels(chart)[last]
    told["last"] = pgettext("list", ", ").join(
        gettext("%(series)s %(value)s") % {"series": name, "value": _amount(chart, value)}
        if len(chart.series) > 1
        else _amount(chart, value)
        for name, value in at_last
    )
    said = (
        gettext(
            "Highest: %(highest)s (%(where_highest)s); lowest: %(lowest)s (%(where_lowest)s); last (%(where_last)s): %(last)s."
        )
        % told
    )
    return _joined(chart.title, said)


def number(value: float, *, percent: bool = False, digits: int = 1) -> str:
    """A figure as it is written: 66,834; 12.5 (with so many digits below 1,000); < 0.001 of less; 82.4% of a share."""
    if percent:
        return gettext("%(share)s %%") % {"share": f"{value * 100:.1f}"}
    if isinstance(value, int):
        return f"{value:,d}"
    if digits > 1 and 0 < value < 0.5 * 10**-digits:
        return f"< {10**-digits:.{digits}f}"
    told = f"{value:,.{0 if abs(value) >= 1000 else digits}f}"
    return told.removeprefix("-") if not told.strip("-0.") else told


def _joined(title: str, said: str) -> str:
    return gettext("%(title)s. %(said)s") % {"title": title, "said": said}


def _amount(chart: Chart, value: float) -> str:
    if chart.share:
        return number(value, percent=True)
    return (
        gettext("%(number)s (%(unit)s)") % {"number": number(value), "unit": chart.unit}
        if chart.unit
        else number(value)
    )


def _told_labels(chart: Chart) -> Sequence[str]:
    """Labels with the year or month that stands elsewhere in the picture."""
    if chart.groups:
        return [f"{group} {label}" for group, label in zip(chart.groups, chart.labels, strict=True)]
    return chart.labels


def _nothing(table: Table, known: Sequence[float]) -> str:
    """What is said where no value above 0 is drawn: also sums, which are not drawn, can be hidden."""
    if any(cell.suppressed for row in table.rows for cell in row.cells):
        return gettext("There is too little here to be published.")
    return gettext("Nothing was counted in this period.") if known else gettext("Nothing is known of this period.")


def _lines(table: Table) -> tuple[list[_Line], list[str], list[str]]:
    """The series of a table, and the labels and keys of what they run along."""
    rows = [_Line(row.key, str(row.label), row.cells) for row in table.rows]
    columns = [
        _Line(column.key, str(column.label), [row.cells[n] for row in table.rows])
        for n, column in enumerate(table.columns)
    ]
    units = {row.key: row.unit or table.unit for row in table.rows}
    if table.across == "columns":
        lines, along, line_sums, along_sums = rows, columns, table.row_sums, table.column_sums
        lines = _named(table, lines)
    else:
        lines, along, line_sums, along_sums = columns, rows, table.column_sums, table.row_sums
    kept = _parts(lines, line_sums, only_parts=table.drawn == "stacked")
    if table.across == "columns":
        kept = [line for line in kept if units[line.key] == units[kept[0].key]]
    if not table.percent:  # a share has no place among counts
        kept = [line for line in kept if all(cell.part is None for cell in line.cells)] or kept
    sums = {*along_sums, *([ALL] if table.drawn in ("lines", "steps") else [])}  # a line leads to no sum
    places = [n for n, one in enumerate(along) if one.key not in sums] or list(range(len(along)))
    told = [replace(line, cells=[line.cells[n] for n in places]) for line in kept]
    return told, [along[n].label for n in places], [along[n].key for n in places]


def _with_something(lines: list[_Line], labels: list[str], keys: list[str]) -> tuple[list[_Line], list[str], list[str]]:
    """Without series and labels of which nothing is known: room for bars that are never there. All of them where nothing is."""
    there = [line for line in lines if any(_is_something(cell) for cell in line.cells)]
    if not there:
        return lines, labels, keys
    places = [n for n in range(len(keys)) if any(_is_something(line.cells[n]) for line in there)]
    kept = [replace(line, cells=[line.cells[n] for n in places]) for line in there]
    return kept, [labels[n] for n in places], [keys[n] for n in places]


def _is_something(cell: Cell) -> bool:
    return cell.value is not None or cell.suppressed


def _parts(lines: Sequence[_Line], sums: Mapping[str, Sequence[str]], *, only_parts: bool) -> list[_Line]:
    """Without sums; of what lies on top of each other only what makes a sum, so that nothing is drawn twice."""
    parts = {key for of in sums.values() for key in of}
    told = [line for line in lines if line.key not in sums and (line.key in parts or not parts or not only_parts)]
    return told or list(lines)


def _named(table: Table, lines: Sequence[_Line]) -> list[_Line]:
    """Rows with the name of the sum above them, which is not drawn: others of what? The sum of everything needs no name."""
    parts = {key for of in table.row_sums.values() for key in of}
    named: list[_Line] = []
    above: dict[int, str] = {}
    for line, row in zip(lines, table.rows, strict=True):
        above = {depth: name for depth, name in above.items() if depth < row.depth}
        whole = above[max(above)] if above else ""
        label = gettext("%(part)s (%(whole)s)") % {"whole": whole, "part": line.label} if whole else line.label
        named.append(replace(line, label=label))
        if line.key in table.row_sums and line.key in parts:
            above[row.depth] = line.label
    return named


def _largest(lines: Sequence[_Line], drawn: str) -> tuple[list[_Line], str]:
    """As many series as can be told apart; of a pile the rest as one, else what is said of the rest."""
    stacked = drawn == "stacked"
    most = MOST_SERIES - 1 if stacked else MOST_SERIES
    rank = sorted(range(len(lines)), key=lambda n: -sum(cell.value or 0 for cell in lines[n].cells))
    kept, rest = [lines[n] for n in sorted(rank[:most])], [lines[n] for n in sorted(rank[most:])]
    if not stacked:
        n = len(rest)
        return kept, ngettext(
            "%(n)d smaller one stands only in the table.", "%(n)d smaller ones stand only in the table.", n
        ) % {"n": n}
    cells = []
    for at in range(len(lines[0].cells)):
        of = [line.cells[at] for line in rest]
        values = [value for cell in of if (value := cell.value) is not None]
        hidden = any(cell.suppressed for cell in of)
        cells.append(Cell(sum(values) if values else None, published=any(c.published for c in of), suppressed=hidden))
    n = len(rest)
    name = ngettext("%(n)d other", "%(n)d others", n) % {"n": n}
    return [*kept, _Line("", name, cells)], ""


def _series(line: _Line) -> Series:
    values = [cell.value for cell in line.cells]
    marks = [SUPPRESSED if cell.suppressed else PUBLISHED if cell.published else "" for cell in line.cells]
    bounded = any(cell.low is not None for cell in line.cells)
    return Series(
        name=line.label,
        values=values,
        low=[cell.low for cell in line.cells] if bounded else [],
        high=[cell.high for cell in line.cells] if bounded else [],
        marks=marks if any(marks) else [],
    )


def _times(keys: Sequence[str]) -> tuple[str, list[str]]:
    """What days or months along an axis belong to: one month or year for all, or the year of each."""
    if all(_DAY.fullmatch(key) for key in keys):
        months = [Period.read(key[:7]).label for key in keys]
        return (months[0], []) if len(set(months)) == 1 else ("", months)
    if all(_MONTH.fullmatch(key) for key in keys):
        years = [pgettext("of a month", "%(year)s") % {"year": key[:4]} for key in keys]
        return (years[0], []) if len(set(years)) == 1 else ("", years)
    return "", []
