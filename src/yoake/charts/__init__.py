"""Every chart: what to draw goes in, octets of an SVG or a PNG come out. Nobody else draws one.

    octets = charts.svg(Chart("lines", "判断した件数", "件", ["4月", "5月"], [Series("違法情報", [3, 5])]), "dark")

A chart knows words and numbers, nothing of cases or of Django; whoever gives it words gives them in one language. The SVG is
drawn here and complete: text stays text, no script, no style sheet, no address, so that it may stand in an `<img>` or in a
page under a strict policy; the same chart gives the same octets. Series are told apart by colour and by dash, hatch or mark,
and are named where they end. Intervals are bands or whiskers, what is not known is a gap and never a zero.
"""

from yoake.charts.chart import MOST_SERIES, Chart, Kind, Series
from yoake.charts.picture import png, svg

__all__ = ["MOST_SERIES", "Chart", "Kind", "Series", "png", "svg"]
