"""The sheet a chart is drawn on: pixels from the top left corner, artists of matplotlib, no axes of it (they are slow)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

from yoake.charts.chart import PUBLISHED, SUPPRESSED, Chart
from yoake.charts.looks import DASHES, HATCHES, MARKERS, Palette
from yoake.charts.words import font, width

SMALL: Final = 11.0  # pixels; most words
LINE: Final = 14.0  # from one line of them to the next
SIGNS: Final = {PUBLISHED: "†", SUPPRESSED: "x"}
SWATCH: Final = 22.0
_MARK: Final = 5.0

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Sheet:
    """A figure of so many pixels, and how things look on it."""

    def __init__(self, across: float, high: float, palette: Palette) -> None:
        self.across, self.high, self.palette = across, high, palette
        self.figure = Figure(figsize=(across / 72, high / 72), dpi=72, facecolor="none", edgecolor="none", linewidth=0)
        self.figure.patch.set_visible(False)
        self._place = Affine2D().scale(1 / across, -1 / high).translate(0, 1) + self.figure.transFigure

    def _add(self, artist: Artist) -> None:
        artist.set_transform(self._place)
        artist.set_zorder(0)  # what comes later lies above
        self.figure.add_artist(artist, clip=False)

    def text(self, x: float, y: float, words: str, *, ha: str = "left", va: str = "baseline", size: float = SMALL, ink: str = "") -> None:  # fmt: skip
        """One line of words."""
        place: dict[str, Any] = {"ha": ha, "va": va}
        self._add(
            Text(x, y, words, color=ink or self.palette.ink, fontproperties=font(size), parse_math=False, **place)
        )

    def line(
        self, xs: Sequence[float], ys: Sequence[float], ink: str, wide: float = 1, dashes: Any = "-", **look: Any
    ) -> None:
        """A line through places, with marks on them where they are named."""
        self._add(Line2D(xs, ys, color=ink, linewidth=wide, linestyle=dashes, solid_capstyle="butt", **look))

    def area(self, corners: Sequence[tuple[float, float]], ink: str, alpha: float) -> None:
        """A filled shape without an edge."""
        self._add(Polygon(corners, closed=True, facecolor=ink, alpha=alpha, edgecolor="none", linewidth=0))

    def bars(self, told: Sequence[Box], n: int, *, hatched: bool) -> None:
        """The bars of the n-th series, as one shape."""
        corners = [
            corner
            for left, top, right, bottom in told
            if right > left and bottom > top
            for corner in ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        ]
        if not corners:
            return
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(corners) // 5)
        shape = PathPatch(Path(corners, codes), facecolor=self.palette.series[n], edgecolor="none", linewidth=0)
        if hatched and HATCHES[n]:
            shape.set_hatch(HATCHES[n])
            shape.set_hatchcolor(self.palette.surface)
            shape.set_hatch_linewidth(0.8)
        self._add(shape)

    def curve(
        self, xs: Sequence[float], ys: Sequence[float], n: int, points: Sequence[tuple[float, float, bool]]
    ) -> None:
        """A line of the n-th series, and those of its points that are marked: full, or hollow where others printed them."""
        ink = self.palette.series[n]
        self.line(xs, ys, ink, 1.8, DASHES[n])
        look = {"marker": MARKERS[n], "markersize": _MARK, "markeredgewidth": 1.2, "markeredgecolor": ink}
        for hollow in (False, True):
            if told := [(x, y) for x, y, is_hollow in points if is_hollow is hollow]:
                face = self.palette.surface if hollow else ink
                self.line([x for x, _y in told], [y for _x, y in told], ink, 0, "", markerfacecolor=face, **look)

    def swatch(self, x: float, y: float, n: int, *, curve: bool) -> None:
        """What the n-th series looks like, `SWATCH` less 4 pixels wide, around y."""
        if curve:
            self.curve([x, x + SWATCH - 4], [y, y], n, [(x + SWATCH / 2 - 2, y, False)])
        else:
            self.bars([(x + 4, y - 5, x + SWATCH - 4, y + 5)], n, hatched=True)


class Scale:
    """The axis of values: from 0 (or below) to a round number, told in at most six steps."""

    def __init__(self, chart: Chart) -> None:
        tops = [0.0]
        for n in range(len(chart.labels)):
            values = [value for one in chart.series if (value := one.values[n]) is not None]
            tops += [sum(values)] if chart.kind == "stacked" else values
            tops += [end for one in chart.series for end in one.interval(n) or ()]
        self.share = chart.share
        if chart.kind == "steps" and chart.share:
            tops.append(1.0)
        low, high = min(tops), max(tops)
        self.nothing = low == high == 0
        if self.nothing:
            high = 1.0
        self.whole = not chart.share and all(isinstance(value, int) for value in chart.known)
        ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=self.whole, min_n_ticks=2).tick_values(low, high)
        ticks = [float(tick) for tick in ticks]
        while len(ticks) > 2 and ticks[1] <= low:
            ticks = ticks[1:]
        while len(ticks) > 2 and ticks[-2] >= high:
            ticks = ticks[:-1]
        self.ticks, self.low, self.high = ticks, ticks[0], ticks[-1]
        self._digits = max(0, min(6, _digits((ticks[1] - ticks[0]) * (100 if self.share else 1))))

    def of(self, value: float) -> float:
        """From 0 (its lower end) to 1."""
        return (value - self.low) / (self.high - self.low)

    def tick(self, value: float) -> str:
        """As it is written at the axis."""
        return f"{value * 100:.{self._digits}f}%" if self.share else f"{value:,.{self._digits}f}"

    def told(self, value: float) -> str:
        """As it is written beside a bar: a whole number as it is, another with three figures."""
        if self.share:
            return f"{value * 100:.{0 if value == 0 or value * 100 >= 99.95 else 1}f}%"
        if isinstance(value, int) or float(value).is_integer():
            return f"{value:,.0f}"
        return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f}"


def _digits(step: float) -> int:
    told = f"{step:.6f}".rstrip("0")
    return len(told.partition(".")[2])


def spread(wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float) -> list[float] | None:
    """Centres for labels that want to stand at `wanted` and must not touch each other; None where there is no room."""
    if sum(heights) > bottom - top:
        return None
    order = sorted(range(len(wanted)), key=lambda n: wanted[n])
    at = [0.0] * len(wanted)
    edge = top
    for n in order:
        at[n] = max(wanted[n], edge + heights[n] / 2)
        edge = at[n] + heights[n] / 2
    edge = bottom
    for n in reversed(order):
        at[n] = min(at[n], edge - heights[n] / 2)
        edge = at[n] - heights[n] / 2
    return at


def shown_labels(
    labels: Sequence[str], centres: Sequence[float], left: float, right: float
) -> Iterator[tuple[int, float]]:
    """Which labels of an ordered axis are shown, and around where: as many as do not touch, evenly where they stand evenly."""
    sizes = [width(label, SMALL) for label in labels]
    # At either end a label is moved inwards rather than cut.
    at = [min(max(c, left + size / 2), right - size / 2) for c, size in zip(centres, sizes, strict=True)]
    gaps = [b - a for a, b in pairwise(centres)]
    if not gaps or max(gaps) < 1.01 * min(gaps):
        every = next(
            k for k in range(1, len(labels) + 1) if _apart([(at[n], sizes[n]) for n in range(0, len(labels), k)])
        )
        kept = list(range(0, len(labels), every))
    else:
        kept = [0]
        for n in range(1, len(labels)):
            if labels[n] and _apart([(at[kept[-1]], sizes[kept[-1]]), (at[n], sizes[n])]):
                kept.append(n)
        if kept[-1] != len(labels) - 1 and len(kept) > 1:
            kept[-1] = len(labels) - 1
            if len(kept) > 2 and not _apart([(at[kept[-2]], sizes[kept[-2]]), (at[kept[-1]], sizes[kept[-1]])]):
                del kept[-2]
    return ((n, at[n]) for n in kept)


def _apart(told: Sequence[tuple[float, float]]) -> bool:
    return all(b[0] - b[1] / 2 - (a[0] + a[1] / 2) >= 6 for a, b in pairwise(told))
