"""The contract of a figure: something that is counted from dated events of cases.

A file of the shelf `figures/` is one object with the parts of `Figure`. It asks the database with querysets of its own (bounded
in number, whatever is stored, and grouped there: never a row a case in memory) and answers with tables. What it says of
itself (title, definition, denominator, cut-off) stands beside every table, on the screen and on paper; the queries are kept by
whoever asks (`ledger.py`). Labels are lazy: one table is told in every language. To add one: a file here, nothing else.

What is published loses small counts (`suppressing.py`). So that these cannot be worked out, a table says which rows and columns
are sums and which cells stand `elsewhere`; a share says its `part` and `of`, a time or an estimate `of` how many it
was made, and one that rests on fewer (those seen gone, of those watched) also on how many (`rests_on`); columns that count some of
another's are named (`within`). A figure or a row that is not `for_publication` never leaves the house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from django.utils.functional import Promise

from yoake.casework.count.periods import Kind, Period

Words = str | Promise  # said in the language in force when it is shown

Drawn = Literal["", "bars", "stacked", "lines", "steps"]


@dataclass(frozen=True)
class Scope:
    """Whose events of which time are counted, as they are known `now`. Practice and copies with a known answer never are."""

    organisation_id: int  # 0: all organisations of the deployment
    period: Period
    now: datetime


@dataclass(frozen=True)
class Cell:
    """One figure. `value` None: nothing can be said (nobody counted it, or it does not apply); shown as a dash."""

    value: float | int | None
    low: float | None = None  # its interval of 95 %
    high: float | None = None
    part: int | None = None  # of a share: how many, of how many
    of: int | None = None
    rests_on: int | None = (
        None  # of an estimate that is no plain share: on how many of `of`; never shown, whoever suppresses must know
    )
    published: bool = False  # not derived here: others printed it
    suppressed: bool = False  # too few to be published; `value` is None then

    @property
    def is_count(self) -> bool:
        """Whether it says how many there are of something (and not a share, a time or an estimate)."""
        return isinstance(self.value, int) and self.of is None and self.low is None


@dataclass(frozen=True)
class Column:
    """What stands above a column; `key` is what machines read, a number where the column stands for one."""

    key: str
    label: Words
    unit: Words = ""  # where it differs from the table's; a row's own rules


@dataclass(frozen=True)
class Row:
    """A row with a cell a column."""

    key: str
    label: Words
    cells: Sequence[Cell]
    depth: int = 0  # 1: one of what the row above is made of
    unit: Words = ""  # where it differs from the table's
    for_publication: bool = True  # False: it stays in the house


@dataclass(frozen=True)
class Table:
    """Figures that belong together, with all that must stand beside them."""

    key: str  # within its figure
    title: Words
    unit: Words  # what one is: an item, a request, a decision
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[
        Words
    ] = ()  # what a reader must know, a sentence each; never a count (they are published as they stand)
    # Rows that are sums of other rows, and columns of other columns, by key: whoever suppresses cells must know.
    row_sums: Mapping[str, Sequence[str]] = field(default_factory=dict)
    column_sums: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Columns that count some of those of another column (still there, of those watched): the others can be worked out by subtraction.
    within: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Cells, by row and column, that are the sum of cells of other tables (and of what stands nowhere): (figure, table, row, column)
    # each. Of shares, part and denominator are; the part of a share is a count too. Not needed where the same number stands under
    # the same keys, or as a grand total.
    elsewhere: Mapping[tuple[str, str], Sequence[tuple[str, str, str, str]]] = field(default_factory=dict)
    drawn: Drawn = ""  # how a chart shows it; "": not at all
    across: Literal["columns", "rows"] = "columns"  # what stands along its axis; each of the other is a series
    percent: bool = False  # cells are shares from 0 to 1

    def unit_of(self, row: Row, column: Column) -> Words:
        """What a cell of theirs counts or measures."""
        return row.unit or column.unit or self.unit

    def cell(self, row: str, column: str) -> Cell:
        """The cell of a row and a column, by their keys. Raises KeyError."""
        place = {one.key: n for n, one in enumerate(self.columns)}[column]
        return {one.key: one for one in self.rows}[row].cells[place]


class Figure(Protocol):
    """What every figure has. The file's name is its name."""

    title: Words
    says: Words  # what is counted, when it counts for a period, and what is left out: its definition
    out_of: Words  # its denominator; "" where it has none
    cut_off: Words  # until when what follows is looked at; "" where that is the period's end
    source: Words  # whose rule, formula or table it is, and whether it was verified; "" where it is our own
    kinds: Sequence[Kind]  # periods that it can be told for
    for_publication: bool  # whether it may leave the house, small counts suppressed; else it is told there alone

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Its tables; one that has nothing to say has cells of None or 0, never no rows."""
        ...
