"""Bars: beside each other or on top of each other; standing, or lying where their labels are long."""

from __future__ import annotations

from typing import Final

from yoake.charts.chart import PUBLISHED, SUPPRESSED, Chart
from yoake.charts.plot import EDGE, NAMES_FROM, Plot
from yoake.charts.sheet import LINE, SIGNS, SMALL, Box, Sheet, spread
from yoake.charts.words import is_cut, width, wrapped

_MOST_STANDING: Final = 24  # labels that are no times
_WIDEST: Final = 46.0
_TOLD: Final = 10.0  # pixels, the numbers at the bars


def lies(chart: Chart, across: int) -> bool:
    """Whether bars must lie, because their labels do not fit below standing ones."""
    if chart.ordered:
        return False
    if len(chart.labels) > _MOST_STANDING:
        return True
    slot = (across - 70 - (across * 0.2 if chart.kind == "stacked" else 0)) / len(chart.labels) - 6
    return any(
        is_cut(wrapped(label, SMALL, slot, 2))
        or any(width(word, SMALL) > slot for word in label.split() if word.isascii())
        for label in chart.labels
    )


class _Bars(Plot):
    def __init__(self, chart: Chart, across: int, tall: int) -> None:
        super().__init__(chart, across, tall, curve=False)
        self.stacked = chart.kind == "stacked"
        self.several = len(chart.series) > 1

    def _total(self, n: int) -> float | None:
        """What stands at the end of the n-th bar; None where nothing of it is known, or some of it must not be."""
        values = [value for one in self.chart.series if (value := one.values[n]) is not None]
        return sum(values) if values and not any(one.marked(n, SUPPRESSED) for one in self.chart.series) else None

    def _signs(self, n: int, m: int | None = None) -> str:
        """Marks of what stands at the n-th label: of the m-th series, or of any."""
        told = self.chart.series if m is None else [self.chart.series[m]]
        return "".join(SIGNS[mark] for mark in (PUBLISHED, SUPPRESSED) if any(one.marked(n, mark) for one in told))


class Standing(_Bars):
    """Upright bars over their labels."""

    def __init__(self, chart: Chart, across: int, tall: int) -> None:
        super().__init__(chart, across, tall)
        self._right, self._above = across - EDGE, 0.0
        if self.several and self.stacked and across >= NAMES_FROM:
            self._right -= self.names_beside()
            if spread([0.0] * len(self.beside), self.heights_beside(), 0, self.tall + 20) is None:
                self.beside, self._right = [], across - EDGE
        if self.several and not self.beside:
            self._above = self.names_above()
        slot = (self._right - self.left()) / len(chart.labels)
        totals = [total for n in range(len(chart.labels)) if (total := self._total(n)) is not None]
        one_each = (self.stacked or not self.several) and not self.scale.nothing
        self._numbered = one_each and all(width(self.scale.told(total), _TOLD) + 4 <= slot for total in totals)
        self._labels = [] if chart.ordered else [wrapped(label, SMALL, slot - 6, 2) for label in chart.labels]
        self._under = max((len(lines) for lines in self._labels), default=0)
        below = LINE * (self._under + bool(chart.across)) + 4 if self._labels else self.labels_high()
        self._unit = LINE * (2 if chart.unit else 1) + 6
        self.height = self._above + self._unit + self.tall + below

    def draw(self, sheet: Sheet, top: float) -> None:
        self.draw_names_above(sheet, top)
        top += self._above + self._unit
        left, right, bottom = self.left(), self._right, top + self.tall
        self.draw_grid(sheet, left, top, right, bottom)
        chart = self.chart
        slot = (right - left) / len(chart.labels)
        bars = 1 if self.stacked else len(chart.series)
        wide = min(_WIDEST, slot * (0.68 if bars == 1 else 0.82) / bars)
        ground, middles, whiskers = self.y(0, top, bottom), [], []
        boxes: list[list[Box]] = [[] for _one in chart.series]
        each = bars > 1 and wide >= _TOLD  # marks stand at each bar, else above all of a label
        ends: list[float] = []  # how high the bars of each label are
        for n in range(len(chart.labels)):
            centre, highest, pile = left + (n + 0.5) * slot, ground, 0.0
            for m, one in enumerate(chart.series):
                value = one.values[n]
                x = centre - wide / 2 if self.stacked else centre + (m - bars / 2) * wide
                if each and (signs := self._signs(n, m)):
                    y = self.y(max([value, *(one.interval(n) or ())]), top, bottom) if value is not None else ground
                    sheet.text(x + wide / 2, y - 4, signs, ha="center", size=_TOLD, ink=sheet.palette.soft)
                if value is None:
                    continue
                low, high = self.y(pile, top, bottom), self.y(pile + value, top, bottom)
                gap = 0.5 if bars > 1 and wide > 4 else 0
                boxes[m].append((x + gap, min(low, high), x + wide - gap, max(low, high)))
                highest = min(highest, high)
                if interval := one.interval(n):
                    whiskers.append((x + wide / 2, *(self.y(end, top, bottom) for end in interval)))
                    highest = min(highest, whiskers[-1][2])
                if self.stacked:
                    pile += value
            middles.append(centre)
            ends.append(highest)
        for m, told in enumerate(boxes):
            sheet.bars(told, m, hatched=self.several)
        for x, low, high in whiskers:
            _whisker(sheet, [x, x], [low, high], min(3.0, wide / 3), lying=False)
        for n, (centre, highest) in enumerate(zip(middles, ends, strict=True)):
            self._say(sheet, n, centre, highest, "" if each else self._signs(n))
        if self._labels:
            for centre, lines in zip(middles, self._labels, strict=True):
                for row, line in enumerate(lines):
                    sheet.text(centre, bottom + (row + 1) * LINE, line, ha="center", ink=sheet.palette.soft)
            self.draw_across(sheet, left, right, bottom + self._under * LINE)
        else:
            self.draw_labels(sheet, middles, left - 20, right, bottom)
        if self.beside:
            self.draw_names_beside(sheet, right + 6, self._names_at(top, bottom))
        self.draw_nothing(sheet, left, top, right, bottom)

    def _say(self, sheet: Sheet, n: int, centre: float, highest: float, signs: str) -> None:
        """The number above the n-th bar, where there is room, and marks."""
        y = highest - 4
        total = self._total(n) if self._numbered else None
        if total is not None:
            sheet.text(centre, y, self.scale.told(total), ha="center", size=_TOLD)
            y -= _TOLD + 2
        if signs:
            sheet.text(centre, y, signs, ha="center", size=_TOLD, ink=sheet.palette.soft)

    def _names_at(self, top: float, bottom: float) -> list[float]:
        """Beside the parts of the last bar that has any."""
        last = next(
            (n for n in reversed(range(len(self.chart.labels))) if any(one.values[n] for one in self.chart.series)), 0
        )
        wanted, pile = [], 0.0
        for m, one in enumerate(self.chart.series):
            value = one.values[last] or 0
            # A little lower for an earlier one, so that names of empty parts stand in the order of the pile.
            wanted.append((self.y(pile, top, bottom) + self.y(pile + value, top, bottom)) / 2 - m * 0.01)
            pile += value
        at = spread(wanted, self.heights_beside(), top - 10, bottom + 10)
        assert at is not None
        return at


class Lying(_Bars):
    """Bars from left to right, a row each label."""

    def __init__(self, chart: Chart, across: int, tall: int) -> None:
        super().__init__(chart, across, tall)
        self._above = self.names_above() if self.several else 0.0
        most = across * 0.34
        self._labels = [wrapped(label, SMALL, most, 3) for label in chart.labels]
        self._left = EDGE + max(width(line, SMALL) for lines in self._labels for line in lines) + 8
        bars = 1 if self.stacked else len(chart.series)
        long = len(chart.labels) > _MOST_STANDING  # a long list stands closer
        self._thick = (10.0 if long else 13.0) if bars == 1 else max(5.0, 14.0 - bars)
        if self.scale.nothing:
            self._thick = 13.0 / bars
        gap, around = (4, 1) if long and bars == 1 else (7, 5)
        self._rows = [max(bars * self._thick + gap, len(lines) * (LINE - 1) + around) for lines in self._labels]
        told = [self.scale.told(value) for value in self._told()]
        self._right = across - EDGE - max((width(words, _TOLD) for words in told), default=0.0) - 24
        self._unit = LINE + 4 if chart.unit else 2.0
        self.height = self._above + self._unit + sum(self._rows) + LINE * (2 if chart.across else 1) + 6

    def _told(self) -> list[float]:
        """The numbers that are written at the ends of bars."""
        if self.stacked:
            return [total for n in range(len(self.chart.labels)) if (total := self._total(n)) is not None]
        return self.chart.known

    def draw(self, sheet: Sheet, top: float) -> None:
        self.draw_names_above(sheet, top)
        colours, chart = sheet.palette, self.chart
        top += self._above
        if chart.unit:
            (unit,) = wrapped(chart.unit, SMALL, self.width - 2 * EDGE, 1)
            sheet.text(self._left, top + SMALL, unit, ink=colours.soft)
        top += self._unit
        bottom = top + sum(self._rows)
        for tick in self.scale.ticks:
            x = self._x(tick)
            sheet.line([x, x], [top, bottom], colours.edge if tick == 0 else colours.line, 1 if tick == 0 else 0.8)
            sheet.text(x, bottom + LINE, self.scale.tick(tick), ha="center", ink=colours.soft)
        y, middles = top, list[float]()
        for n, high in enumerate(self._rows):
            lines, middle = self._labels[n], y + high / 2
            for row, line in enumerate(lines):
                at = middle + 4 + (row - (len(lines) - 1) / 2) * (LINE - 1)
                sheet.text(self._left - 6, at, line, ha="right")
            middles.append(middle)
            y += high
        bars = 1 if self.stacked else len(chart.series)
        starts = [0.0] * len(middles)
        for m in range(len(chart.series)):
            ups = [middle - bars * self._thick / 2 + (0 if self.stacked else m * self._thick) for middle in middles]
            starts = self._series(sheet, m, ups, starts if self.stacked else [0.0] * len(middles))
        if self.stacked:
            for n, (middle, value) in enumerate(zip(middles, starts, strict=True)):
                self._say(sheet, self._x(value), middle, self._total(n), self._signs(n))
        self.draw_across(sheet, self._left, self._right, bottom + LINE)
        self.draw_nothing(sheet, self._left, top, self._right, bottom)

    def _x(self, value: float) -> float:
        return self._left + self.scale.of(value) * (self._right - self._left)

    def _series(self, sheet: Sheet, m: int, tops: list[float], starts: list[float]) -> list[float]:
        """The bars of a series, from the values where they start; the values where they end."""
        one, boxes, ends, whiskers = self.chart.series[m], list[Box](), list(starts), list[tuple[list[float], float]]()
        for n, (top, start) in enumerate(zip(tops, starts, strict=True)):
            value, middle = one.values[n], top + self._thick / 2
            ends[n] += value or 0
            low, high = sorted((self._x(start), self._x(ends[n])))
            boxes.append((low, top + 0.5, high, top + self._thick - 0.5))
            if value is not None and (interval := one.interval(n)):
                whiskers.append(([self._x(place) for place in interval], middle))
                high = max(high, *whiskers[-1][0])
            if not self.stacked:
                self._say(sheet, high, middle, value, self._signs(n, m))
        sheet.bars(boxes, m, hatched=self.several)
        for places, middle in whiskers:
            _whisker(sheet, places, [middle, middle], self._thick / 4, lying=True)
        return ends

    def _say(self, sheet: Sheet, x: float, y: float, value: float | None, signs: str) -> None:
        """The number behind a bar that ends at x, where there is room, and marks."""
        size = min(_TOLD, self._thick + 1)
        if value is not None and self._thick >= 8 and not self.scale.nothing:
            sheet.text(x + 4, y + 3.5, self.scale.told(value), size=size)
            x += 4 + width(self.scale.told(value), size)
        if signs:
            sheet.text(x + 4, y + 3.5, signs, size=size, ink=sheet.palette.soft)


def _whisker(sheet: Sheet, xs: list[float], ys: list[float], half: float, *, lying: bool) -> None:
    """An interval as a thin line with an end on either side."""
    sheet.line(xs, ys, sheet.palette.ink, 0.9)
    for x, y in zip(xs, ys, strict=True):
        along = ([x, x], [y - half, y + half]) if lying else ([x - half, x + half], [y, y])
        sheet.line(*along, sheet.palette.ink, 0.9)
