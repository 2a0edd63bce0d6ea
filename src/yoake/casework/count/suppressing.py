"""What may be published: figures in which nothing below 5 stands, and nothing from which it could be worked out.

    publish(actor, Scope(organisation_id, Period.read("2024"), now), ["f9"])

Hidden are counts from 1 to 4; shares, medians and estimates of a group of 1 to 4; and shares and counts where 1 to 4 remain beside them
(97 of 100 tell of 3): value, interval, part and denominator go together, for each gives the others away. Then further numbers go, as few
as the greedy choice of `protecting.py` finds, until every hidden one could have at least four values for a reader who knows all shown
ones. An estimate that does not say what it was made of goes with whatever its figure hides under the same row. A 0 stays: it tells of
nobody. Figures and rows that are not `for_publication` are left out altogether.

What a reader is taken to know:
- sums that a table declares (`row_sums`, `column_sums`), also what they have beyond the shown parts, also of parts and denominators of
  shares; denominator = part + rest; what is left of a column beside one `within` it;
- that two equal numbers are the same number, where their keys allow it: the keys of one are among those of the other (rows and columns
  that stand for all do not count), so that a grand total is the same wherever it stands. Where that errs, too much is hidden, never too little;
- what a table declares to stand elsewhere (`elsewhere`), also as the part of a share;
- the months of a year, published before as they stand; and the sums of January to March and of April to December: a year and a
  fiscal year that overlap differ by these, so that both may be published.
Rows that stand in the order of their size lose it where one of them is hidden, in every table of the figure.

What this does not cover, and whoever publishes must mind: numbers that changed between two publications because a decision was
undone or a clock ran out; figures of one organisation beside those of all; single days beside their month; columns of other years beside
what was published in that year; what a reader knows from elsewhere; several hidden numbers together (each is uncertain, their sum may be
known); notes, which are published as they are written.

The threshold is our choice: 1 to 4 is what health statistics often hide; others take 3 or 10. No Japanese rule for figures like these is
known to us (not verified).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.utils.translation import gettext_lazy as _

from yoake.casework.count import ledger
from yoake.casework.count.figure import Cell, Row, Scope, Table
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import FISCAL_FROM, Kind, Period
from yoake.casework.count.protecting import THRESHOLD, Key, Numbers
from yoake.casework.count.reading import one_moment
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

NOTE: Final = _("x: not shown, because it is a count from 1 to 4 or could be used to work one out.")
MARK: Final = "x"  # what stands in the place of such a number

Place = tuple[str, str, str, str]  # figure, table, row, column

_YEARS: Final = (Kind.YEAR, Kind.FISCAL_YEAR)
_SUPPRESSED: Final = Cell(None, suppressed=True)


def publish(actor: Actor, scope: Scope, wanted: Sequence[str] = ()) -> list[Counted]:
    """Counts and suppresses: the figures that are wanted, of a month, a year or a fiscal year.

    All figures of the period are counted, and those of its months, whatever is wanted: what is hidden must not depend on what is asked.
    They are of one moment: else a year need not be the sum of its months, and could not be protected against them.

    Raises:
        NotAllowed: as `ledger.count`.
        BadInput: as `ledger.count`, a figure stays in the house, or the period is a day: a day and its month together would tell the
            other days.
    """
    if scope.period.kind is Kind.DAY:
        raise BadInput(
            "period", scope.period.key, "a month, a year or a fiscal year; figures of a day are not published"
        )
    for name in wanted:
        if scope.period.kind not in (kinds := ledger.figure(name).kinds):
            raise BadInput("period", scope.period.key, f"{name} is told for: {', '.join(kinds)}")
        if not ledger.figure(name).for_publication:
            raise BadInput("figure", name, "one that may leave the house; this one is never published")
    months: dict[Period, Sequence[Counted]] = {}
    with one_moment():
        counted = ledger.count(actor, scope, may_leave(scope))
        if scope.period.kind in _YEARS:
            for month in scope.period.months():
                if month.since <= scope.now:
                    of_month = replace(scope, period=month)
                    months[month] = ledger.count(actor, of_month, may_leave(of_month))
    shown = {one.name: one for one in for_publication(counted, months)}
    return [shown[name] for name in wanted or shown]


def may_leave(scope: Scope) -> list[str]:
    """The figures that can be published of the scope's period, sorted."""
    return [name for name in ledger.names(scope) if ledger.figure(name).for_publication]


def for_publication(
    counted: Sequence[Counted], months: Mapping[Period, Sequence[Counted]] | None = None
) -> list[Counted]:
    """The same figures with small counts suppressed, and what would tell them.

    Args:
        counted: everything that is published of one period, not suppressed yet.
        months: the same of the period's months (of a year), not suppressed either: they are published, each for itself, before.
    """
    numbers = Numbers()
    counted = _leaving(counted)
    told: list[tuple[Period, _Publication]] = []
    for month, of_month in ((month, _leaving(of_month)) for month, of_month in (months or {}).items()):
        one = _Publication(numbers, month.key, of_month, _read(of_month))
        one.hide_small()
        numbers.protect(one.can_go)
        told.append((month, one))
    whole = _Publication(numbers, "", counted, _read(counted))
    if told:
        every = [one for _month, one in told]
        spans = []
        for early in (True, False):
            some = [one for month, one in told if (month.first.month < FISCAL_FROM) == early]
            spans.append(whole.span("first" if early else "later", some, every))
            numbers.protect(spans[-1].can_go)
        whole.hide_small()
        whole.spread(spans)
        for month, one in told:
            whole.stands_beside(month.key, one)
    whole.hide_small()
    numbers.protect(whole.can_go)
    return whole.suppressed()


def _leaving(counted: Sequence[Counted]) -> list[Counted]:
    """What may leave the house, not suppressed yet; a table of which no row may is left out."""
    return [
        replace(one, tables=[told for table in one.tables if (told := _rows_leaving(table)).rows])
        for one in counted
        if one.figure.for_publication
    ]


def _rows_leaving(table: Table) -> Table:
    rows = [row for row in table.rows if row.for_publication]
    if len(rows) == len(table.rows):
        return table
    keys = {row.key for row in rows}
    sums = {whole: [part for part in parts if part in keys] for whole, parts in table.row_sums.items() if whole in keys}
    return replace(table, rows=rows, row_sums=sums)


@dataclass(frozen=True)
class _Number:
    """A number that a cell gives away: itself, or the part or the denominator of what it says."""

    value: int
    printed: bool  # by others: everybody knows it
    names: frozenset[str]  # what its row and its column stand for, without those that stand for all
    counted: bool  # it stands in the cell as a count, so that a 0 would be shown


def _read(counted: Sequence[Counted]) -> dict[Key, _Number]:
    """The numbers by figure, table, row, column, and which of the cell it is: n, part, of."""
    found: dict[Key, _Number] = {}
    for one in counted:
        for table in one.tables:
            every = _for_all(table.row_sums, [row.key for row in table.rows])
            whole = _for_all(table.column_sums, [column.key for column in table.columns])
            for row, column, cell in _cells(table):
                names = frozenset({row, column} - (every & {row}) - (whole & {column}))
                for which, value in _numbers(cell, percent=table.percent):
                    told = _Number(value, cell.published, names, which == "n")
                    found[one.name, table.key, row, column, which] = told
    return found


def _cells(table: Table) -> Iterator[tuple[str, str, Cell]]:
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            yield row.key, column.key, cell


def _for_all(sums: Mapping[str, Sequence[str]], keys: Sequence[str]) -> set[str]:
    """Rows (or columns) that are sums and part of no other sum, or that are the only one."""
    return set(sums) - {part for parts in sums.values() for part in parts} if len(keys) > 1 else set(keys)


def _numbers(cell: Cell, *, percent: bool) -> list[tuple[str, int]]:
    """The counts that a cell gives away."""
    if cell.value is None and not cell.of:
        return []
    if cell.is_count:
        return [("n", int(cell.value or 0))]
    if cell.of is None:
        return []
    part = cell.rests_on if cell.part is None else cell.part
    if part is None and percent and cell.value is not None:
        part = round(cell.value * cell.of)
    return [("of", cell.of)] if part is None else [("part", part), ("of", cell.of)]


@dataclass
class _Publication:
    """Numbers that are published together, laid into those of all."""

    numbers: Numbers
    name: str
    counted: Sequence[Counted]
    read: dict[Key, _Number]
    shown: bool = True  # False: nobody prints it, but it can be worked out
    can_go: set[Key] = field(default_factory=set)
    _same: dict[Key, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._join()
        printed = {self.at(one) for one, number in self.read.items() if number.printed}
        for one, number in self.read.items():
            key = self.at(one)
            self.numbers.values[key] = number.value
            if number.counted and self.shown:
                self.numbers.least[key] = 1  # a 0 would have been shown
            if key not in printed:
                self.can_go.add(key)
        for figure in self.counted:
            for table in figure.tables:
                self._sums(figure.name, table)

    def at(self, one: Key) -> Key:
        """The key of a number, the same for all that are the same number."""
        while (up := self._same.get(one, one)) != one:
            one = up
        return (self.name, *one)

    def hide_small(self) -> None:
        """Hides what is too small by itself."""
        self.numbers.hidden |= {key for key in self.can_go if 1 <= self.numbers.values[key] < THRESHOLD}

    def _join(self) -> None:
        """Finds numbers that are the same."""
        by_names: dict[tuple[int, frozenset[str]], Key] = {}
        by_key: dict[tuple[int, str, str], Key] = {}
        for one, number in self.read.items():
            if number.value:
                self._join_two(one, by_names.setdefault((number.value, number.names), one))
                if number.counted:
                    for key in number.names:
                        by_key.setdefault((number.value, one[0], key), one)
        for one, number in self.read.items():
            names = number.names
            for fewer in [frozenset({name}) for name in names if len(names) > 1] + [frozenset[str]()] * bool(names):
                if (fewer or number.value >= THRESHOLD) and (other := by_names.get((number.value, fewer))):
                    self._join_two(one, other)
            if not number.counted and number.value:
                for name in sorted(names):
                    if other := by_key.get((number.value, one[0], name)):
                        self._join_two(one, other)

    def _join_two(self, one: Key, other: Key) -> None:
        first, second = self.at(one)[1:], self.at(other)[1:]
        if first != second:
            self._same[max(first, second)] = min(first, second)

    def _sums(self, figure: str, table: Table) -> None:
        def place(row: str, column: str) -> Place:
            return figure, table.key, row, column

        rows, columns = [row.key for row in table.rows], [column.key for column in table.columns]
        for whole, parts in table.row_sums.items():
            for column in columns:
                self._sums_of(place(whole, column), [place(part, column) for part in parts])
        for whole, parts in table.column_sums.items():
            for row in rows:
                self._sums_of(place(row, whole), [place(row, part) for part in parts])
        for whole, parts in table.within.items():
            for row in rows:
                for some in parts:
                    self._sum((*place(row, whole), "n"), [(*place(row, some), "n")], whole_told=False)
        for (row, column), places in table.elsewhere.items():
            self._sums_of(place(row, column), places)
        for row in rows:
            for column in columns:
                part: Key = (figure, table.key, row, column, "part")
                if part in self.read:
                    self._sum((figure, table.key, row, column, "of"), [part])

    def _sums_of(self, whole: Place, parts: Sequence[Place]) -> None:
        """A count that is a sum, or a share of which part and denominator are; the part of a share is a count."""
        told: list[Key] = [(*one, "n") if (*one, "n") in self.read else (*one, "part") for one in parts]
        self._sum((*whole, "n"), told)
        for which in ("part", "of"):
            self._sum((*whole, which), [(*one, which) for one in parts])

    def _sum(self, whole: Key, parts: Sequence[Key], *, whole_told: bool = True) -> None:
        """A sum and what it has beyond its parts; none where it is no count, or less than they are (then it is none).

        `whole_told`: where there is nothing beyond, readers know that.
        """
        if whole not in self.read:
            return
        keys = [self.at(one) for one in parts if one in self.read]
        rest = self.read[whole].value - sum(self.numbers.values[one] for one in keys)
        if rest < 0 or self.at(whole) in keys:
            return
        if rest or not whole_told:
            beyond = (self.name, *whole, "rest", str(len(self.numbers.sums)))
            self.numbers.values[beyond] = rest
            self.numbers.silent.add(beyond)
            self.numbers.hidden.add(beyond)
            keys.append(beyond)
        self.numbers.add_sum(self.at(whole), keys)

    def span(self, name: str, some: Sequence[_Publication], every: Sequence[_Publication]) -> _Publication:
        """Of all numbers that are the sum of every month's: the sums of some months. Nobody prints them."""
        read = {}
        for one, number in self.read.items():
            held = [month for month in every if one in month.read]
            if held and number.value == sum(month.read[one].value for month in held):
                value = sum(month.read[one].value for month in some if one in month.read)
                read[one] = replace(number, value=value, printed=False)
        part = _Publication(self.numbers, f"{self.name} {name}", self.counted, read, shown=False)
        for one in read:
            self.numbers.add_sum(part.at(one), [month.at(one) for month in some if one in month.read])
        return part

    def spread(self, spans: Sequence[_Publication]) -> None:
        """Says of which spans the numbers are sums; one is hidden where one of these is."""
        for one in spans[0].read:
            parts = [span.at(one) for span in spans]
            if self.at(one) in self.can_go and self.numbers.hidden.intersection(parts):
                self.numbers.hidden.add(self.at(one))
            self.numbers.add_sum(self.at(one), parts)

    def stands_beside(self, month: str, other: _Publication) -> None:
        """Finds the month's own numbers where a row or a column of the year's tables is that month."""
        known: dict[tuple[str, str, int, frozenset[str]], Key] = {}
        for one, number in other.read.items():
            known.setdefault((one[0], one[1], number.value, number.names), other.at(one))
        for one, number in self.read.items():
            if month in number.names:
                key = known.get((one[0], one[1], number.value, number.names - {month}))
                if key is not None:
                    self.numbers.add_sum(self.at(one), [key])

    def suppressed(self) -> list[Counted]:
        """What may be printed; without the queries, for they tell names and numbers of the house."""
        return [replace(one, tables=self._suppressed(one), queries=(), seconds=0.0) for one in self.counted]

    def _suppressed(self, one: Counted) -> list[Table]:
        """The tables of a figure: what one of them hides, no other may tell."""
        gone = {table.key: self._gone(one.name, table) for table in one.tables}
        rows = {row for of_table in gone.values() for row, _column in of_table}
        lose_order: set[str] = set()
        for table in one.tables:
            hidden = gone[table.key]
            columns = {column for _row, column in hidden}
            if _sorted_by_size(table, columns):
                lose_order |= {row.key for row in table.rows}
            columns &= {column for row, column, cell in _cells(table) if cell.is_count and (row, column) in hidden}
            for row, column, cell in _cells(
                table
            ):  # an estimate that does not say of how many: made of what stands beside it
                made = cell.value is not None and not _numbers(cell, percent=table.percent)
                if made and not cell.published and (row in rows or column in columns):
                    hidden.add((row, column))
        return [_shown(table, gone[table.key], lose_order) for table in one.tables]

    def _gone(self, figure: str, table: Table) -> set[tuple[str, str]]:
        """Cells that give a hidden number away, by row and column."""
        gone = set()
        for row, column, cell in _cells(table):
            keys = [(figure, table.key, row, column, which) for which, _n in _numbers(cell, percent=table.percent)]
            if not cell.published and any(self.at(key) in self.numbers.hidden for key in keys):
                gone.add((row, column))
        return gone


def _shown(table: Table, gone: set[tuple[str, str]], lose_order: set[str]) -> Table:
    """A table without what is gone; its rows in the order of their keys where they must not tell which is larger."""
    if lose_order and _of_one_depth(table):
        table = replace(table, rows=_by_key(table.rows, lose_order - set(table.row_sums)))
    if not gone:
        return table
    rows = [
        replace(row, cells=[_SUPPRESSED if (row.key, column.key) in gone else cell for column, cell in pairs])
        for row, pairs in ((row, zip(table.columns, row.cells, strict=True)) for row in table.rows)
    ]
    return replace(table, rows=rows, notes=(*table.notes, NOTE))


def _of_one_depth(table: Table) -> bool:
    """Whether its rows could stand in any order; else the order is that of the classes."""
    return len({row.depth for row in table.rows if row.key not in table.row_sums}) == 1


def _sorted_by_size(table: Table, columns: set[str]) -> bool:
    """Whether the rows that are no sums stand in the order of a column in which something is hidden."""
    if not _of_one_depth(table):
        return False
    rows = [row for row in table.rows if row.key not in table.row_sums]
    for column in columns:
        values = [value for row in rows if (value := table.cell(row.key, column).value) is not None]
        if len(set(values)) > 1 and (values == sorted(values) or values == sorted(values, reverse=True)):
            return True
    return False


def _by_key(rows: Sequence[Row], of: set[str]) -> list[Row]:
    """Rows of which these stand in the order of their keys; the others stay where they are."""
    these = iter(sorted((row for row in rows if row.key in of), key=lambda row: row.key))
    return [next(these) if row.key in of else row for row in rows]
