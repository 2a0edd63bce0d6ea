"""A chart as octets: its head, its plot, what is said below it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from yoake.charts.bars import Lying, Standing, lies
from yoake.charts.chart import Chart
from yoake.charts.curves import Curves
from yoake.charts.looks import palette
from yoake.charts.plot import TALL, Plot
from yoake.charts.sheet import LINE, SIGNS, SMALL, Sheet
from yoake.charts.vector import written
from yoake.charts.words import wrapped
from yoake.errors import BadInput
from yoake.papers.glyphs import readable, shown

_TITLE: Final = 14.0
_EDGE: Final = 8.0
_NARROWEST: Final = 280
_one = threading.Lock()  # fonts of matplotlib are not made for several threads


def svg(chart: Chart, look: str = "light", *, width: int = 720, titled: bool = True, tall: int = TALL) -> bytes:
    """The chart as an SVG, transparent; the same chart gives the same octets. Signs that nobody sees are named.

    Args:
        chart: what to draw.
        look: light or dark, or paper: black on white, for a PDF.
        width: pixels across, 280 or more; the height follows.
        titled: whether the title stands above; leave it out where the page says it.
        tall: pixels from the lowest to the highest value of an upright plot.
    """
    with _one:
        known = _with(chart, readable)
        figure = _drawn(known, look, width, tall, titled=titled)
        return written(figure, known.title, SMALL, palette(look).ink)


def png(
    chart: Chart, look: str = "light", *, width: int = 720, titled: bool = True, tall: int = TALL, times: float = 2
) -> bytes:
    """The chart as a PNG on the look's own ground, `times` as many pixels as the SVG; signs that the font lacks are named."""
    with _one:
        figure = _drawn(_with(chart, shown), look, width, tall, titled=titled)
        figure.patch.set_visible(True)
        into = io.BytesIO()
        ground = palette(look).surface
        FigureCanvasAgg(figure).print_figure(
            into, format="png", dpi=72 * times, facecolor=ground, metadata={"Software": None}
        )
    return into.getvalue()


def _with(chart: Chart, written_out: Callable[[Any], Any]) -> Chart:
    """The chart with all its words as this writes them out."""
    return replace(
        chart,
        title=written_out(chart.title),
        unit=written_out(chart.unit),
        labels=written_out(chart.labels),
        groups=written_out(chart.groups),
        series=[replace(one, name=written_out(one.name)) for one in chart.series],
        across=written_out(chart.across),
        marks=written_out(chart.marks),
        notes=written_out(chart.notes),
        said=written_out(chart.said),
    )


def _drawn(chart: Chart, look: str, width: int, tall: int, *, titled: bool) -> Figure:
    if width < _NARROWEST:
        raise BadInput("width", width, f"{_NARROWEST} pixels or more")
    colours, inner = palette(look), width - 2 * _EDGE
    title = wrapped(chart.title, _TITLE, inner, 3) if titled and chart.title else []
    below = [f"{SIGNS[mark]} {words}" for mark, words in chart.marks.items() if chart.used(mark)] + list(chart.notes)
    notes = [line for words in below for line in wrapped(words, SMALL, inner, 4)]
    top = _EDGE + len(title) * (_TITLE + 6) + (4 if title else 0)
    plot: Plot
    if chart.kind in ("lines", "steps"):
        plot = Curves(chart, width, tall)
    elif lies(chart, width):
        plot = Lying(chart, width, tall)
    else:
        plot = Standing(chart, width, tall)
    high = top + plot.height + (6 if notes else 0) + len(notes) * LINE + _EDGE
    sheet = Sheet(width, round(high), colours)
    for n, line in enumerate(title):
        sheet.text(_EDGE, _EDGE + _TITLE + n * (_TITLE + 6), line, size=_TITLE)
    plot.draw(sheet, top)
    for n, line in enumerate(notes):
        sheet.text(_EDGE, top + plot.height + 6 + (n + 0.8) * LINE, line, ink=colours.soft)
    return sheet.figure
