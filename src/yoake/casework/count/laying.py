"""How a table of words is laid on paper: how wide its columns are, how large its figures, turned, folded, or in parts.

A table is laid in every way that fits, and the lowest one is taken, where everything that makes it harder to read (small figures,
heads of many lines, turning it, parts) counts as so many points of height. The first column is as wide as its labels wherever
there is room; figures stand close. Widths are those of the font of papers, in its own height (em) until a size is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from math import ceil
from typing import Final
from unicodedata import east_asian_width

from yoake.papers.glyphs import width

PAGE: Final = 482.0  # points across, of A4 within the margins of papers
HALF: Final = 231.0  # of two beside each other
GAP: Final = 16.0  # points between blocks of rows beside each other

# What makes a table harder to read, as points of height.
_SIZES: Final = {9.0: 0.0, 8.0: 25.0, 7.0: 300.0}  # points, of the figures in a table
_HEADS: Final = {1: 0.0, 2: 0.0, 3: 15.0, 4: 30.0}  # lines that a head may have
_BROKEN: Final = 40.0  # each further line of the longest label
_TURNED: Final = 150.0  # its rows were meant to be columns
_PART: Final = 60.0  # each further part

_SMALL: Final = 0.8  # of the size, for intervals
_INSET: Final = 6.0  # points left and right of a cell, together
_AROUND: Final = 6.4  # and above and below
_SLACK: Final = 1.0  # points, so that what just fits is not broken
_LINE: Final = 0.724  # ems, the height of the first line of a cell
_NEXT: Final = 1.174  # and of each further one
_BELOW: Final = 1.03  # and of one with small figures
_NARROWEST: Final = 1.6  # ems, of a column of figures
_SHORT: Final = 4.0  # ems of a head that is not broken
_HEAD: Final = 3.0  # ems, least of a line of a longer one: two signs are no word
_LABEL: Final = 9.0  # ems, least of a first column whose labels are longer
_AIRY: Final = 1.35  # times as wide as it must be may a column be, where there is room
_FOLDED: Final = 24  # rows from which a narrow list stands in several blocks beside each other
_ROWS: Final = 3  # blocks at most
_MOST_PARTS: Final = 12
_CLOSING: Final = frozenset(
    "、。，．）」』】〕・：；！？ーぁぃぅぇぉっゃゅょァィゥェォッャュョ）％,.)!?:;%"
)  # begin no line


@dataclass(frozen=True)
class Line:
    """A row: its label, how far it is moved in, whether it is a sum, and its cells: the figure and what stands small by it."""

    label: str
    cells: Sequence[tuple[str, Sequence[str]]]
    depth: int = 0
    is_sum: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of words."""

    head: Sequence[str]
    lines: Sequence[Line]

    @cached_property
    def has_small(self) -> bool:
        """Whether anything stands small by a figure."""
        return any(small for line in self.lines for _told, small in line.cells)

    @cached_property
    def label(self) -> float:
        """Ems that the widest label needs in one line."""
        return max(width(line.label) + line.depth for line in self.lines)

    def figures(self, *, beside: bool) -> list[float]:
        """Ems that the widest figure of each column needs, with what stands small beside or below it."""

        def wide(told: str, small: Sequence[str]) -> float:
            smalls = [width(one) * _SMALL for one in small]
            return width(told) + sum(smalls) + 0.6 * len(smalls) if beside else max([width(told), *smalls])

        return [max(wide(*line.cells[n]) for line in self.lines) for n in range(len(self.head))]

    def turned(self) -> Grid:
        """Its columns as rows; nothing where rows stand below each other in meaning."""
        return Grid(
            [line.label for line in self.lines],
            [Line(head, [line.cells[n] for line in self.lines]) for n, head in enumerate(self.head)],
        )

    def part(self, since: int, until: int) -> Grid:
        """Some of its columns."""
        return Grid(self.head[since:until], [replace(line, cells=line.cells[since:until]) for line in self.lines])


@dataclass(frozen=True)
class Laid:
    """A part of a table as it stands on the paper; widths and heights in points."""

    grid: Grid
    size: float
    beside: bool  # what is small stands beside the figure, else below it
    widths: Sequence[float]  # of the labels, then of each column
    folds: int = 1  # blocks of rows beside each other
    heights: Sequence[float] = field(default=(), repr=False)  # of the head, then of each row

    @property
    def whole_labels(self) -> bool:
        """Whether each label stands in one line."""
        return self.widths[0] + _SLACK / 2 >= self.grid.label * self.size + _INSET

    @property
    def below(self) -> int:
        """Lines of small figures below one."""
        return 0 if self.beside else max(len(small) for line in self.grid.lines for _told, small in line.cells)

    @property
    def label_lines(self) -> int:
        """Lines that the longest label needs."""
        return max(lines_of(line.label, (self.widths[0] - _INSET) / self.size - line.depth) for line in self.grid.lines)

    @property
    def wide(self) -> float:
        """From the left of the labels to the right of the last column, of all blocks."""
        return sum(self.widths) * self.folds + GAP * (self.folds - 1)

    @property
    def high(self) -> float:
        """How high it is."""
        head, *rows = self.heights
        each = ceil(len(rows) / self.folds)
        return head + max(sum(rows[n : n + each]) for n in range(0, len(rows), each))


def laid(grid: Grid, room: float = PAGE) -> list[Laid]:
    """The best way to lay a table where there is so much room: one part, or several beside the same labels."""
    ways = [(one.high + cost, [one]) for cost, one in _in_one(grid, room)]
    if not ways:
        ways = _several(grid, room)
        if not any(line.depth for line in grid.lines):
            turned = grid.turned()
            ways += [(one.high + cost + _TURNED, [one]) for cost, one in _in_one(turned, room)]
            ways += [(cost + _TURNED, parts) for cost, parts in _several(turned, room)]
    return min(ways, key=lambda one: one[0])[1]


def in_one(grid: Grid, room: float, *, whole_labels: bool = True) -> Laid | None:
    """The best way to lay it in one part and one block, in figures of 8 points or more; None where there is none.

    `whole_labels`: each label stands in one line.
    """
    found = [
        (cost, replace(one, folds=1))
        for cost, one in _in_one(grid, room)
        if one.size >= 8 and (one.whole_labels or not whole_labels)
    ]
    return min(found, key=lambda one: one[0] + one[1].high, default=(0.0, None))[1]


def _several(grid: Grid, room: float) -> list[tuple[float, list[Laid]]]:
    """In as few parts as can be, each of about as many columns; of the very wide each column by itself."""
    found = []
    for size in _SIZES:
        parts = _parts(grid, room, size)
        found.append((sum(one.high for one in parts) + _SIZES[size] + _PART * (len(parts) - 1), parts))
    return found


def _parts(grid: Grid, room: float, size: float) -> list[Laid]:
    columns = len(grid.head)
    for n in range(2, min(_MOST_PARTS, columns) + 1):
        ends = [round(columns * k / n) for k in range(n + 1)]
        each = [list(_of_size(grid.part(since, until), room, size)) for since, until in pairwise(ends)]
        if all(each):
            return [min(ways, key=lambda one: one[0] + one[1].high)[1] for ways in each]
    return [_forced(grid.part(n, n + 1), room, size) for n in range(columns)]


def _in_one(grid: Grid, room: float) -> Iterator[tuple[float, Laid]]:
    """In one part: each way that fits, and what it costs beside its height."""
    for size in _SIZES:
        yield from _of_size(grid, room, size)


def _of_size(grid: Grid, room: float, size: float) -> Iterator[tuple[float, Laid]]:
    """In one part, in figures of this size: with heads of more and more lines, what is small beside or below, long lists folded."""
    for beside in (True, False) if grid.has_small else (True,):
        figures = [max(wide, _NARROWEST) for wide in grid.figures(beside=beside)]
        for folds in range(1, _ROWS + 1) if len(grid.lines) >= _FOLDED else (1,):
            for lines, cost in _HEADS.items():
                widths = _widths(grid, (room - GAP * (folds - 1)) / folds, size, figures, lines)
                if widths is None:
                    continue
                one = Laid(grid, size, beside, widths, folds, _heights(grid, size, widths, beside=beside))
                if one.whole_labels or folds == 1:
                    yield _SIZES[size] + cost + _BROKEN * (one.label_lines - 1), one


def _widths(grid: Grid, room: float, size: float, figures: list[float], lines: int) -> list[float] | None:
    """How wide labels and columns are in points, none narrower than it must be; None where no room is left for labels.

    `figures`: ems that those of each column need. `lines`: as many may a head have.
    """
    columns = _columns(grid.head, figures, lines, room / size - grid.label, size)
    unbroken = max(_unbroken(line.label) + line.depth for line in grid.lines)
    least = max(min(grid.label, _LABEL), min(unbroken, 2 * _LABEL)) * size + _INSET + _SLACK
    label = min(grid.label * size + _INSET + _SLACK, room - sum(columns))
    if label < least:
        return None
    airy = max(1.0, min(_AIRY, (room - label) / sum(columns)))
    return [label, *(wide * airy for wide in columns)]


def _columns(head: Sequence[str], figures: list[float], lines: int, room: float, size: float) -> list[float]:
    """How wide columns are in points: heads in one line, where there is room; else the widest is broken first."""
    given = [1] * len(head)
    wide = [max(narrowest(words, 1), least) for words, least in zip(head, figures, strict=True)]
    around = (_INSET + _SLACK) / size
    while sum(wide) + around * (len(head) + 1) > room:
        open_ = [n for n in range(len(head)) if given[n] < lines and wide[n] > figures[n]]
        if not open_:
            break
        widest = max(open_, key=lambda n: wide[n])
        given[widest] += 1
        wide[widest] = max(narrowest(head[widest], given[widest]), figures[widest])
    return [(one + around) * size for one in wide]


def _forced(grid: Grid, room: float, size: float) -> Laid:
    """One column beside labels, whatever room it needs."""
    least = max(narrowest(grid.head[0], max(_HEADS)), *grid.figures(beside=False)) * size + _INSET + _SLACK
    widths = [max(room - least, room / 3), min(least, room * 2 / 3)]
    return Laid(grid, size, False, widths, 1, _heights(grid, size, widths, beside=False))


def _heights(grid: Grid, size: float, widths: Sequence[float], *, beside: bool) -> list[float]:
    def high(lines: int, below: int = 0) -> float:
        return _AROUND + size * (_LINE + _NEXT * (lines - 1) + _BELOW * below)

    def lines(words: str, wide: float, depth: int = 0) -> int:
        return lines_of(words, (wide - _INSET) / size - depth)

    head = max(lines(one, wide) for one, wide in zip(grid.head, widths[1:], strict=True))
    rows = [
        max(
            high(lines(line.label, widths[0], line.depth)),
            high(1, 0 if beside else max(len(small) for _told, small in line.cells)),
        )
        for line in grid.lines
    ]
    return [high(head), *rows]


# --- words in lines ------------------------------------------------------------------------------------------------------


def lines_of(words: str, wide: float) -> int:
    """In how many lines words stand where a line has so many ems."""
    lines, at = 1, 0.0
    for piece in _pieces(words):
        long = width(piece)
        if at and at + width(piece.rstrip()) > wide + 1e-6:
            lines, at = lines + 1, 0.0
        at += long
    return lines


def narrowest(words: str, lines: int) -> float:
    """The fewest ems in which words stand in so many lines; at least their longest word."""
    whole = width(words)
    wide = max(_unbroken(words), whole / lines, whole if whole <= _SHORT else _HEAD)
    while lines_of(words, wide) > lines:  # ends where all of them stand in one
        wide += 0.25
    return wide


def _unbroken(words: str) -> float:
    """The widest piece."""
    return max((width(piece.rstrip()) for piece in _pieces(words)), default=0.0)


@lru_cache(4096)
def _pieces(words: str) -> tuple[str, ...]:
    """Words between which a line may end: at blanks, and around every sign of Japanese but before one that closes."""
    pieces: list[str] = []
    for n, sign in enumerate(words):
        before = words[n - 1] if n else ""
        ends = before == " " or (
            before and (_is_wide(before) or _is_wide(sign)) and sign not in _CLOSING and before not in "（「『【〔("
        )
        if not pieces or (ends and sign != " "):
            pieces.append(sign)
        else:
            pieces[-1] += sign
    return tuple(pieces)


def _is_wide(sign: str) -> bool:
    return east_asian_width(sign) in "WF"
