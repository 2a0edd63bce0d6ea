"""Lines and steps over places, with bands for their intervals and their names where they end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Final

from yoake.charts.chart import PUBLISHED, SUPPRESSED, Chart, Series
from yoake.charts.plot import EDGE, NAMES_FROM, Plot
from yoake.charts.sheet import LINE, SIGNS, Sheet, spread

_MARKED: Final = 160  # so many points are marked in all, and those that stand alone


class Curves(Plot):
    """A line a series; a gap where nothing is known."""

    def __init__(self, chart: Chart, width: int, tall: int) -> None:
        super().__init__(chart, width, tall, curve=True)
        named = len(chart.series) > 1 or (chart.series[0].name not in ("", chart.title))
        self._right, self._above = width - EDGE - 6, 0.0
        if named and width >= NAMES_FROM:
            self._right = width - EDGE - self.names_beside()
            if spread([0.0] * len(self.beside), self.heights_beside(), 0, self.tall + 20) is None:
                self.beside, self._right = [], width - EDGE - 6
        if named and not self.beside:
            self._above = self.names_above()
        self._unit = LINE + 8 if chart.unit else 8
        self.height = self._above + self._unit + self.tall + self.labels_high()

    def draw(self, sheet: Sheet, top: float) -> None:
        self.draw_names_above(sheet, top)
        top += self._above + self._unit
        left, right, bottom = self.left(), self._right, top + self.tall
        self.draw_grid(sheet, left, top, right, bottom)
        xs = self._places(left + 4, right - 4)
        ends = []
        for n, one in enumerate(self.chart.series):
            self._band(sheet, n, one, xs, top, bottom)
        for n, one in enumerate(self.chart.series):
            ends.append(self._line(sheet, n, one, xs, top, bottom))
        self._gaps(sheet, xs, bottom)
        self.draw_labels(sheet, xs, left - 20, right + 6, bottom)
        if self.beside:
            at = spread([end[1] if end else bottom for end in ends], self.heights_beside(), top - 10, bottom + 10)
            assert at is not None
            for n, (end, to) in enumerate(zip(ends, at, strict=True)):
                if end and (abs(to - end[1]) > 3 or right - end[0] > 12):
                    # A thin line leads to a name that could not stand where the line ends.
                    x, y = end
                    sheet.line([x + 5, right + 2, right + 7], [y, y, to], sheet.palette.series[n], 0.6, (0, (1, 2)))
            self.draw_names_beside(sheet, right + 10, at)
        self.draw_nothing(sheet, left, top, right, bottom)

    def _places(self, left: float, right: float) -> list[float]:
        places = list(self.chart.places) or [float(n) for n in range(len(self.chart.labels))]
        first, last = places[0], places[-1]
        if first == last:
            return [(left + right) / 2] * len(places)
        return [left + (place - first) / (last - first) * (right - left) for place in places]

    def _band(self, sheet: Sheet, n: int, one: Series, xs: Sequence[float], top: float, bottom: float) -> None:
        told = [one.interval(m) if one.values[m] is not None else None for m in range(len(xs))]
        for run in _runs(told):
            places = [xs[m] for m in run]
            lows = [self.y(told[m][0], top, bottom) for m in run]  # type: ignore[index]
            highs = [self.y(told[m][1], top, bottom) for m in run]  # type: ignore[index]
            if len(run) == 1:
                sheet.line([places[0]] * 2, [lows[0], highs[0]], sheet.palette.series[n], 1)
                continue
            over, under = self._walk(places, highs), self._walk(places, lows)
            sheet.area([*over, *reversed(under)], sheet.palette.series[n], 0.16)

    def _line(
        self, sheet: Sheet, n: int, one: Series, xs: Sequence[float], top: float, bottom: float
    ) -> tuple[float, float] | None:
        """Draws it; where it ends, None where nothing of it is known."""
        end: tuple[float, float] | None = None
        every = len(xs) if self.chart.kind == "steps" else ceil(len(xs) * len(self.chart.series) / _MARKED)
        for run in _runs(one.values):
            places = [xs[m] for m in run]
            heights = [self.y(one.values[m] or 0, top, bottom) for m in run]
            walked = self._walk(places, heights)
            alone = len(run) == 1
            points = [
                (x, y, one.marked(m, PUBLISHED))
                for m, x, y in zip(run, places, heights, strict=True)
                if alone or (m + 1) % every == 0 or one.marked(m, PUBLISHED)
            ]
            sheet.curve([x for x, _y in walked], [y for _x, y in walked], n, points)
            end = walked[-1]
        return end

    def _walk(self, xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
        """The corners of a line; a step keeps its value until the next."""
        if self.chart.kind == "lines":
            return list(zip(xs, ys, strict=True))
        told = [(xs[0], ys[0])]
        for before, x, y in zip(ys, xs[1:], ys[1:], strict=False):
            told += [(x, before), (x, y)]
        return told

    def _gaps(self, sheet: Sheet, xs: Sequence[float], bottom: float) -> None:
        for m, x in enumerate(xs):
            if any(one.marked(m, SUPPRESSED) for one in self.chart.series):
                sheet.text(x, bottom - 3, SIGNS[SUPPRESSED], ha="center", ink=sheet.palette.soft)


def _runs(values: Sequence[object]) -> Iterator[list[int]]:
    """The places of values that follow each other without a gap."""
    run: list[int] = []
    for n, value in enumerate(values):
        if value is not None:
            run.append(n)
        elif run:
            yield run
            run = []
    if run:
        yield run
