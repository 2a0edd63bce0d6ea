"""Nothing below 5 is published, and somebody who knows everything published tries to work it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from tests.world import NOON
from yoake.casework.count import protecting
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Kind, Period
from yoake.casework.count.protecting import THRESHOLD, WIDTH
from yoake.casework.count.suppressing import NOTE, for_publication, publish
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

ILLEGAL, SUICIDE, SERIOUS = ("drugs", "weapons", "accounts"), ("method", "together"), ("recruitment", "others")
CATEGORIES = (*ILLEGAL, *SUICIDE, *SERIOUS)
PLACES = ("13", "14", "27", "40", "01")
Key = tuple[str, ...]


class Invented:
    """A figure that says nothing of itself."""

    title: Words = ""
    says: Words = ""
    out_of: Words = ""
    cut_off: Words = ""
    source: Words = ""
    kinds: Sequence[Kind] = tuple(Kind)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        raise NotImplementedError


def counted(name: str, *tables: Table) -> Counted:
    return Counted(name, Invented(), tables, (), 0.0)


def table_of(key: str, cells: Mapping[str, Mapping[str, Cell | int]], **more: object) -> Table:
    columns = [Column(name, name) for name in next(iter(cells.values()))]
    rows = [
        Row(row, row, [cell if isinstance(cell, Cell) else Cell(cell) for cell in of.values()])
        for row, of in cells.items()
    ]
    return Table(key, key, "item", columns, rows, **more)  # type: ignore[arg-type]


def share(part: int, of: int) -> Cell:
    return (
        Cell(part / of, max(0, part / of - 0.1), min(1, part / of + 0.1), part, of) if of else Cell(None, part=0, of=0)
    )


def hidden_in(shown: Sequence[Counted]) -> set[Key]:
    return {
        (one.name, table.key, row.key, column.key)
        for one in shown
        for table in one.tables
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell.suppressed
    }


# Events of an invented year and the tables of four figures made of them, whose totals and groups are the same numbers


@dataclass(frozen=True)
class Event:
    month: int
    category: str
    place: str
    removed: bool


def events(seed: int, n: int, months: Sequence[int] = range(1, 13)) -> list[Event]:
    random = np.random.default_rng(seed)
    common = random.dirichlet(np.full(len(CATEGORIES), 0.7))
    where = random.dirichlet(np.full(len(PLACES), 0.8))
    return [
        Event(
            int(random.choice(months)),
            str(random.choice(CATEGORIES, p=common)),
            str(random.choice(PLACES, p=where)),
            bool(random.random() < 0.8),
        )
        for _ in range(n)
    ]


def figures_of(told: Sequence[Event], months: Sequence[int] = ()) -> list[Counted]:
    """f9 by class; categories by place with both margins; providers with a share; in a year also by month."""
    n: Counter[object] = Counter()
    for one in told:
        for key in ((one.category, one.place), (one.category, "total"), ("total", one.place), ("total", "total")):
            n[key] += 1
        n["month", one.month] += 1
        n["removed", one.place] += one.removed
    classes = {
        "illegal": sum(n[one, "total"] for one in ILLEGAL),
        "suicide": sum(n[one, "total"] for one in SUICIDE),
        "serious": sum(n[one, "total"] for one in SERIOUS),
    }
    f9 = {"total": n["total", "total"], **classes, **{one: n[one, "total"] for one in SERIOUS}}
    elsewhere = {
        (name, "n"): [("categories", "places", one, "total") for one in group]
        for name, group in (("illegal", ILLEGAL), ("suicide", SUICIDE), ("serious", SERIOUS))
    }
    places = (*PLACES, "total")
    both = {category: {place: n[category, place] for place in places} for category in (*CATEGORIES, "total")}
    acts: dict[str, dict[str, Cell | int]] = {
        one: {
            "requests": n["total", one],
            "removed": n["removed", one],
            "share": share(n["removed", one], n["total", one]),
            "days": Cell(2.5 if n["total", one] else None, of=n["total", one]),
        }
        for one in PLACES
    }
    found = [
        counted(
            "f9",
            table_of(
                "analysed",
                {row: {"n": value} for row, value in f9.items()},
                row_sums={"total": tuple(classes), "serious": SERIOUS},
                elsewhere=elsewhere,
            ),
        ),
        counted("categories", table_of("places", both, row_sums={"total": CATEGORIES}, column_sums={"total": PLACES})),
        counted("providers", table_of("acts", acts)),
    ]
    if months:
        by_month = {"total": {**{f"2024-{m:02}": n["month", m] for m in months}, "sum": len(told)}}
        sums = {"sum": [f"2024-{m:02}" for m in months]}
        found.append(counted("pace", table_of("months", by_month, column_sums=sums)))
    else:
        found.append(counted("pace", table_of("months", {"total": {"sum": len(told)}}, column_sums={"sum": ()})))
    return found


# The adversary: knows all shown numbers, which numbers are sums of which, and the rule; nothing of how it was chosen


@dataclass
class Adversary:
    shown: dict[Key, int] = field(default_factory=dict)
    hidden: list[Key] = field(default_factory=list)
    sums: list[tuple[Key, list[Key]]] = field(default_factory=list)
    least: dict[Key, int] = field(
        default_factory=dict
    )  # of hidden ones: 1 where nothing is said, for a 0 would be shown

    def reads(self, publication: str, found: Sequence[Counted]) -> None:
        for one in found:
            for table in one.tables:
                at = (publication, one.name, table.key)
                for row in table.rows:
                    for column, cell in zip(table.columns, row.cells, strict=True):
                        self._cell((*at, row.key, column.key), cell)
                rows, columns = [one.key for one in table.rows], [one.key for one in table.columns]
                for whole, parts in table.row_sums.items():
                    self.sums += [((*at, whole, c), [(*at, part, c) for part in parts]) for c in columns]
                for whole, parts in table.column_sums.items():
                    if parts:
                        self.sums += [((*at, r, whole), [(*at, r, part) for part in parts]) for r in rows]
                for (row_key, column_key), places in table.elsewhere.items():
                    self.sums.append(((*at, row_key, column_key), [(publication, *place) for place in places]))

    def _cell(self, at: Key, cell: Cell) -> None:
        if cell.suppressed:
            assert (cell.value, cell.low, cell.high, cell.part, cell.of) == (None,) * 5
            if at[-1] not in ("share", "days"):  # of a share, the numbers stand beside it
                self.hidden.append(at)
        elif cell.is_count:
            self.shown[at] = int(cell.value or 0)
        elif cell.of:  # a share or a median that is shown shows how many there are
            acts = at[:-1]
            self.shown[(*acts, "requests")] = cell.of
            if cell.part is not None:
                self.shown[(*acts, "removed")] = cell.part

    def same(self, first: Key, second: Key) -> None:
        self.sums.append((first, [second]))

    def concludes(self, wanted: Collection[Key] = ()) -> dict[Key, tuple[float, float]]:
        """The smallest and the largest value of every hidden number, or of those that are wanted."""
        open_ = [one for one in dict.fromkeys(self.hidden) if one not in self.shown]
        found = {one: (float(self.shown[one]),) * 2 for one in self.hidden if one in self.shown}
        place = {key: n for n, key in enumerate(open_)}
        rows, right = [], []
        for whole, parts in self.sums:
            row, known = np.zeros(len(open_)), 0
            for sign, one in ((1, whole), *((-1, part) for part in parts)):
                if one in place:
                    row[place[one]] += sign
                else:
                    known += sign * self.shown[one]
            if row.any():
                rows.append(row)
                right.append(-known)
            else:
                assert not known, (whole, parts)
        matrix = np.array(rows).reshape(len(rows), len(open_))
        for group in _apart(matrix):
            told = matrix[:, group]
            used = told.any(axis=1)
            if not used.any():
                found |= {open_[n]: (self.least.get(open_[n], 1), 10**6) for n in group}
                continue
            exactly = LinearConstraint(told[used], np.array(right)[used], np.array(right)[used])
            least = np.array([self.least.get(open_[at], 1) for at in group], float)
            for n, at in enumerate(group):
                if not wanted or open_[at] in wanted:
                    found[open_[at]] = self._range(n, least, exactly)
        return found

    @staticmethod
    def _range(n: int, least: np.ndarray, exactly: LinearConstraint) -> tuple[float, float]:
        cost = np.zeros(len(least))
        cost[n] = 1
        ends = []
        for sign, most in ((1, np.inf), (-1, 10**6)):
            highest = np.full(len(least), np.inf)
            highest[n] = most
            answer = milp(
                sign * cost, constraints=exactly, bounds=Bounds(least, highest), integrality=np.ones(len(least))
            )
            assert answer.x is not None
            ends.append(float(np.rint(answer.x[n])))
        return ends[0], ends[1]


def _apart(matrix: np.ndarray) -> list[list[int]]:
    """Columns that hang together by rows."""
    left, groups = set(range(matrix.shape[1])), []
    while left:
        group, todo = set(), [left.pop()]
        while todo:
            at = todo.pop()
            group.add(at)
            near = np.flatnonzero(matrix[matrix[:, at] != 0].any(axis=0))
            todo += [int(n) for n in near if int(n) in left]
            left.difference_update(int(n) for n in near)
        groups.append(sorted(group))
    return groups


def links(adversary: Adversary, publication: str) -> None:
    """What anybody sees: the same number stands in several tables."""
    total = (publication, "f9", "analysed", "total", "n")
    adversary.same(total, (publication, "categories", "places", "total", "total"))
    adversary.same(total, (publication, "pace", "months", "total", "sum"))
    for one in SERIOUS:
        adversary.same(
            (publication, "f9", "analysed", one, "n"), (publication, "categories", "places", one, "total")
        )  # fmt: skip
    for one in PLACES:
        requests = (publication, "providers", "acts", one, "requests")
        adversary.same(requests, (publication, "categories", "places", "total", one))


def undone(found: Mapping[Key, tuple[float, float]]) -> list[tuple[Key, tuple[float, float]]]:
    """Hidden numbers of which fewer values are possible than promised."""
    return [(key, ends) for key, ends in found.items() if ends[1] - ends[0] < WIDTH - 1]


def concluded(shown: Sequence[Counted]) -> dict[Key, tuple[float, float]]:
    """What an adversary concludes from one publication."""
    adversary = Adversary()
    adversary.reads("", shown)
    links(adversary, "")
    return adversary.concludes()


def plain_subtraction(shown: Sequence[Counted]) -> set[Key]:
    """What falls to somebody who only subtracts, again and again."""
    adversary = Adversary()
    adversary.reads("", shown)
    found_out: set[Key] = set()
    open_ = set(adversary.hidden) - set(adversary.shown)
    while True:
        alone = {
            left[0]
            for whole, parts in adversary.sums
            if len(left := [one for one in (whole, *parts) if one in open_]) == 1
        }
        if not alone:
            return found_out
        open_ -= alone
        found_out |= alone


def switch_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protecting.Numbers, "protect", lambda self, may_hide: None)


@pytest.mark.parametrize(("seed", "n"), [(0, 60), (7, 60), (0, 400), (2, 3000), (4, 3000)])
def test_nothing_hidden_can_be_worked_out_of_linked_tables(seed: int, n: int) -> None:
    shown = for_publication(figures_of(events(seed, n)))
    assert len(hidden_in(shown)) > 2
    assert not plain_subtraction(shown)
    assert not undone(concluded(shown))
    assert not [
        cell for one in shown for table in one.tables for row in table.rows for cell in row.cells
        if cell.is_count and 1 <= (cell.value or 0) < THRESHOLD
    ]  # fmt: skip


def test_without_further_cells_the_adversary_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    told = figures_of(events(2, 3000))
    switch_off(monkeypatch)
    shown = for_publication(told)
    assert hidden_in(shown)
    assert plain_subtraction(shown)
    pinned = [key for key, (low, high) in concluded(shown).items() if low == high]
    assert pinned


def test_what_is_hidden_is_the_same_every_time() -> None:
    told = figures_of(events(2, 3000))
    assert hidden_in(for_publication(told)) == hidden_in(for_publication(told))


MONTHS = (2, 3, 7, 8)  # of which January to March has two, so that a fiscal year would tell of them apart


def half_year(seed: int, n: int) -> tuple[list[Counted], dict[Period, list[Counted]]]:
    """The classes and the pace of a year with four months, and those of its months."""

    def few(told: Sequence[Event], months: Sequence[int] = ()) -> list[Counted]:
        f9, *_others, pace = figures_of(told, months)
        return [replace(f9, tables=[replace(f9.tables[0], elsewhere={})]), pace]

    told = events(seed, n, MONTHS)
    months = {Period.month(2024, m): few([one for one in told if one.month == m]) for m in MONTHS}
    return few(told, MONTHS), months


def published_with(year: Sequence[Counted], months: Mapping[Period, Sequence[Counted]]) -> dict[str, list[Counted]]:
    return {"": for_publication(year, months), **{month.key: for_publication(of) for month, of in months.items()}}


def concluded_of_year(found: Mapping[str, Sequence[Counted]]) -> dict[Key, tuple[float, float]]:
    adversary = Adversary()
    for name, one in found.items():
        adversary.reads(name, one)
        total = (name, "f9", "analysed", "total", "n")
        adversary.same(total, (name, "pace", "months", "total", "sum"))
    told = [name for name in found if name]
    for key in sorted({*adversary.shown, *adversary.hidden}):
        if key[0] == "" and key[-1] in told:
            adversary.same(key, (key[-1], *key[1:-1], "sum"))
        elif key[0] == "":
            adversary.sums.append((key, [(month, *key[1:]) for month in told]))
    return adversary.concludes()


@pytest.mark.parametrize(("seed", "n"), [(2, 90), (1, 150), (4, 300), (9, 200)])
def test_a_year_does_not_tell_what_its_months_hid(seed: int, n: int) -> None:
    year, months = half_year(seed, n)
    found = published_with(year, months)
    assert any(hidden_in(one) for name, one in found.items() if name)
    assert not undone(concluded_of_year(found))


def test_a_year_that_does_not_know_of_its_months_would_tell() -> None:
    year, months = half_year(4, 300)
    found = {**published_with(year, months), "": for_publication(year)}
    assert undone(concluded_of_year(found))


def one_row(*values: int) -> list[Counted]:
    return [
        counted(
            "f",
            table_of(
                "t",
                {"a": {"n": values[0]}, "b": {"n": values[1]}, "all": {"n": sum(values)}},
                row_sums={"all": ("a", "b")},
            ),
        )
    ]


def test_calendar_and_fiscal_year_do_not_tell_a_month_together() -> None:
    # Row a is small in February and in June only: the year 2024 hides both together, but a fiscal year would tell one.
    at = {Period.month(2024, m): one_row({2: 3, 6: 4}.get(m, 20), 30) for m in range(1, 13)}
    shown = for_publication(one_row(3 + 4 + 10 * 20, 12 * 30), at)
    assert ("f", "t", "a", "n") in hidden_in(shown)
    # With two in each part of the year, either sum is told.
    at = {Period.month(2024, m): one_row({2: 3, 3: 3, 6: 4, 7: 2}.get(m, 20), 30) for m in range(1, 13)}
    assert ("f", "t", "a", "n") not in hidden_in(for_publication(one_row(12 + 8 * 20, 12 * 30), at))


def only(shown: Sequence[Counted], row: str, column: str = "n") -> Cell:
    return shown[0].tables[0].cell(row, column)


def test_small_counts_go_and_zero_stays() -> None:
    values = {"zero": 0, "one": 1, "four": 4, "five": 5}
    shown = for_publication([counted("f", table_of("t", {row: {"n": n} for row, n in values.items()}))])
    assert [only(shown, row) for row in values] == [Cell(0), *[Cell(None, suppressed=True)] * 2, Cell(5)]
    assert shown[0].tables[0].notes == (NOTE,)


def test_a_table_without_small_counts_stays_as_it_is() -> None:
    told = [counted("f", table_of("t", {"a": {"n": 5, "s": share(50, 100)}}))]
    assert [list(one.tables) for one in for_publication(told)] == [list(one.tables) for one in told]


@pytest.mark.parametrize(
    ("cell", "goes"),
    [
        (share(3, 100), True),
        (share(97, 100), True),  # tells of 3 others
        (share(2, 3), True),
        (share(0, 3), True),  # of whom none
        (share(0, 100), False),
        (share(100, 100), False),
        (share(50, 100), False),
        (Cell(2.5, of=4), True),
        (Cell(2.5, 1.0, 4.0, of=5), False),
        (Cell(3, published=True), False),  # everybody knows it already
    ],
)
def test_a_share_or_a_time_goes_whole(cell: Cell, goes: bool) -> None:
    shown = only(for_publication([counted("f", table_of("t", {"a": {"n": cell}}))]), "a")
    assert shown == (Cell(None, suppressed=True) if goes else cell)


def test_a_share_goes_where_a_number_stands_beside_it_that_must_not_be_known() -> None:
    rows: dict[str, dict[str, Cell | int]] = {
        "a": {"requests": 40, "removed": 37, "share": share(37, 40)},
        "b": {"requests": 60, "removed": 30, "share": share(30, 60)},
    }
    shown = for_publication([counted("f", table_of("t", rows))])
    assert {key[2:] for key in hidden_in(shown)} == {("a", "removed"), ("a", "share")}


def test_an_estimate_goes_with_a_count_it_may_be_made_of() -> None:
    rows: dict[str, dict[str, Cell | int]] = {
        "a": {"patrol": 30, "both": 3, "missed": Cell(120, 60.0, 300.0)},
        "b": {"patrol": 30, "both": 10, "missed": Cell(50, 40.0, 90.0)},
    }
    assert {key[2:] for key in hidden_in(for_publication([counted("f", table_of("t", rows))]))} == {
        ("a", "both"),
        ("a", "missed"),
    }


def test_the_cheapest_further_cell_goes() -> None:
    rows = {"small": {"n": 3}, "large": {"n": 90}, "middle": {"n": 20}, "all": {"n": 113}}
    table = table_of("t", rows, row_sums={"all": ("small", "large", "middle")})
    assert {key[2] for key in hidden_in(for_publication([counted("f", table)]))} == {"small", "middle"}


def test_a_sum_of_other_tables_is_not_told_there() -> None:
    classes = table_of(
        "t",
        {"illegal": {"n": 103}, "other": {"n": 50}},
        elsewhere={("illegal", "n"): [("g", "u", "drugs", "k"), ("g", "u", "arms", "k")]},
    )
    parts = table_of("u", {"drugs": {"k": 100}, "arms": {"k": 3}})
    assert {key[2] for key in hidden_in(for_publication([counted("f", classes), counted("g", parts)]))} == {
        "arms",
        "drugs",
    }


def test_rows_in_the_order_of_their_size_lose_it() -> None:
    table = table_of("t", {"z": {"n": 20}, "b": {"n": 4}, "a": {"n": 2}, "y": {"n": 0}})
    shown = for_publication([counted("f", table)])
    assert [row.key for row in shown[0].tables[0].rows] == ["a", "b", "y", "z"]


def test_a_day_is_not_published(as_supervisor: Actor) -> None:
    scope = Scope(as_supervisor.organisation_id, Period.read("2024-05-01"), NOON)
    with pytest.raises(BadInput, match="not published"):
        publish(as_supervisor, scope)
