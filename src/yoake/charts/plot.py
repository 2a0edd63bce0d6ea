"""What all plots share: the names of their series, the grid, the labels below."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from yoake.charts.chart import Chart
from yoake.charts.sheet import LINE, SMALL, SWATCH, Scale, Sheet, shown_labels
from yoake.charts.words import width as width_of
from yoake.charts.words import wrapped

EDGE: Final = 8.0
TALL: Final = 220
_LOW: Final = 90  # where there is nothing to draw
NAMES_FROM: Final = 480  # pixels across: in less, names stand above the plot instead of beside it
_NAME: Final = 0.26  # of the width, at most, for the names beside it


class Plot(ABC):
    """The part between title and notes. `height` is known before it is drawn."""

    height: float

    def __init__(self, chart: Chart, width: int, tall: int, *, curve: bool) -> None:
        self.chart, self.width, self.curve = chart, width, curve
        self.scale = Scale(chart)
        self.tall = min(tall, _LOW) if self.scale.nothing else tall  # pixels, of what stands upright
        self.beside: list[
            list[str]
        ] = []  # the names of the series, in lines; empty where they stand above or there is none
        self.above: list[list[tuple[int, str, float]]] = []  # rows of (series, name, x)

    @abstractmethod
    def draw(self, sheet: Sheet, top: float) -> None:
        """Draws it below `top`."""

    def names_beside(self) -> float:
        """Breaks the names into lines for the right margin; how wide it is."""
        most = self.width * _NAME - SWATCH
        self.beside = [wrapped(one.name, SMALL, most, 3) for one in self.chart.series]
        return max(width_of(line, SMALL) for lines in self.beside for line in lines) + SWATCH + 10

    def names_above(self) -> float:
        """Puts the names into rows above the plot; how high they are."""
        x, most = EDGE, self.width - 2 * EDGE
        self.above = [[]]
        for n, one in enumerate(self.chart.series):
            (name,) = wrapped(one.name, SMALL, most - SWATCH, 1)
            wide = SWATCH + width_of(name, SMALL) + 16
            if self.above[-1] and x + wide - 16 > self.width - EDGE:
                self.above.append([])
                x = EDGE
            self.above[-1].append((n, name, x))
            x += wide
        return len(self.above) * (LINE + 3) + 2

    def draw_names_above(self, sheet: Sheet, top: float) -> None:
        """The rows of names, and what each looks like."""
        for row, told in enumerate(self.above):
            y = top + row * (LINE + 3) + LINE / 2
            for n, name, x in told:
                sheet.swatch(x, y, n, curve=self.curve)
                sheet.text(x + SWATCH, y + 4, name)

    def draw_names_beside(self, sheet: Sheet, x: float, at: Sequence[float]) -> None:
        """Names around these heights, in the order of the series."""
        for n, (lines, y) in enumerate(zip(self.beside, at, strict=True)):
            sheet.swatch(x, y, n, curve=self.curve)
            for row, line in enumerate(lines):
                sheet.text(x + SWATCH, y + 4 + (row - (len(lines) - 1) / 2) * (LINE - 1), line)

    def heights_beside(self) -> list[float]:
        """How high each name is."""
        return [len(lines) * (LINE - 1) + 4 for lines in self.beside]

    def left(self) -> float:
        """Where an upright plot begins: right of the words at its axis."""
        return EDGE + max(width_of(self.scale.tick(tick), SMALL) for tick in self.scale.ticks) + 6

    def draw_grid(self, sheet: Sheet, left: float, top: float, right: float, bottom: float) -> None:
        """Lines across at each step of the values, and the unit above them."""
        colours = sheet.palette
        for tick in self.scale.ticks:
            y = self.y(tick, top, bottom)
            sheet.line([left, right], [y, y], colours.edge if tick == 0 else colours.line, 1 if tick == 0 else 0.8)
            sheet.text(left - 6, y + 4, self.scale.tick(tick), ha="right", ink=colours.soft)
        if self.chart.unit:
            (unit,) = wrapped(self.chart.unit, SMALL, self.width - 2 * EDGE, 1)
            sheet.text(EDGE, top - 10, unit, ink=colours.soft)

    def y(self, value: float, top: float, bottom: float) -> float:
        """How high a value stands."""
        return bottom - self.scale.of(value) * (bottom - top)

    def draw_labels(self, sheet: Sheet, centres: Sequence[float], left: float, right: float, y: float) -> None:
        """As many labels of the axis as do not touch, with what they belong to below the first of several."""
        told, edge = "", 0.0
        for n, x in shown_labels(self.chart.labels, centres, left, right):
            sheet.text(x, y + LINE, self.chart.labels[n], ha="center", ink=sheet.palette.soft)
            group = self.chart.groups[n] if self.chart.groups else ""
            begins = max(EDGE, x - width_of(group, SMALL) / 2)
            if group and group != told and begins > edge:
                sheet.text(begins, y + 2 * LINE, group, ink=sheet.palette.soft)
                told, edge = group, begins + width_of(group, SMALL) + 6
        self.draw_across(sheet, left, right, y + (2 if self.chart.groups else 1) * LINE)

    def draw_across(self, sheet: Sheet, left: float, right: float, y: float) -> None:
        """What the labels are, below them."""
        if self.chart.across:
            (words,) = wrapped(self.chart.across, SMALL, right - left, 1)
            sheet.text(right, y + LINE, words, ha="right", ink=sheet.palette.soft)

    def labels_high(self) -> float:
        """What `draw_labels` needs."""
        return LINE * (1 + bool(self.chart.groups) + bool(self.chart.across)) + 4

    def draw_nothing(self, sheet: Sheet, left: float, top: float, right: float, bottom: float) -> None:
        """What is said where there is nothing to draw."""
        if self.chart.said and self.scale.nothing:
            lines = wrapped(self.chart.said, SMALL + 1, right - left - 20, 3)
            for n, line in enumerate(lines):
                y = (top + bottom) / 2 + 4 + (n - (len(lines) - 1) / 2) * (LINE + 2)
                sheet.text((left + right) / 2, y, line, ha="center", size=SMALL + 1, ink=sheet.palette.soft)
