"""Charts as other programs see them: the SVG as XML, the PNG as a picture."""

from __future__ import annotations

import io
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from yoake import charts
from yoake.charts import Chart, Series
from yoake.charts.looks import PALETTES
from yoake.charts.words import width, wrapped
from yoake.errors import BadInput

SVG = "{http://www.w3.org/2000/svg}"
CSS = Path(__file__).resolve().parents[2] / "src/yoake/console/static/yoake/desk.css"
DAYS = [str(day) for day in range(1, 32)]
LONG = "国外で公開されており、提携するホットラインへ送った情報"


def chart(kind: Any = "bars", labels: Sequence[str] = ("4月", "5月", "6月"), series: int = 2, **more: Any) -> Chart:
    told = [
        Series(f"系列{n}", [(7 * n + 13 * m) % 40 + 1 for m in range(len(labels))])
        for n in range(more.pop("n", series))
    ]
    given: dict[str, Any] = {"title": "判断した件数", "unit": "件", "series": told, "ordered": True, **more}
    return Chart(kind, labels=list(labels), **given)


EVERY = {
    "bars": chart("bars"),
    "one bar": chart("bars", labels=["4月"], series=1),
    "many bars": chart("bars", labels=DAYS, series=1, across="2024年5月"),
    "lying": chart("bars", labels=[LONG, "連絡先が分からない", "その他"], ordered=False),
    "long list": chart("bars", labels=[f"架空県{n}" for n in range(47)], series=1, ordered=False),
    "stacked": chart("stacked", labels=DAYS, series=8),
    "lying pile": chart("stacked", labels=[LONG, LONG + "の二つ目"], series=3, ordered=False),
    "lines": chart("lines", labels=DAYS, series=8),
    "two years": chart("lines", labels=[f"{m}月" for m in (10, 11, 12, 1, 2)], groups=["2024年"] * 3 + ["2025年"] * 2),
    "steps": Chart(
        "steps", "残っている割合", "割合", ["0", "1時間", "1日", "30日"],
        [Series("警告あり", [1.0, 0.8, 0.5, 0.2], [1.0, 0.7, 0.4, 0.1], [1.0, 0.9, 0.6, 0.3]), Series("なし", [1.0, 0.9, None, None])],
        places=[0, 1, 24, 720], ordered=True, share=True,
    ),
    "marks": Chart(
        "bars", "公表値と秘匿", "件", ["2022", "2023", "2024"],
        [Series("情報", [28585, None, 87565], [28000, None, 87000], [29000, None, 88000], ["published", "suppressed", ""])],
        ordered=True, marks={"published": "公表された値", "suppressed": "件数が少ない"},
    ),
    "zero": Chart("bars", "なし", "件", ["4月", "5月"], [Series("件数", [0, 0])], said="数えられたものはない"),
    "unknown": Chart("lines", "不明", "分", ["4月", "5月"], [Series("中央値", [None, None])], said="分かっていない"),
    "below zero": Chart("lines", "差", "分", ["a", "b"], [Series("差", [-12.5, 30.25])], ordered=True),
    "small shares": Chart("bars", "割合", "", ["a", "b"], [Series("", [0.004, 0.0012])], share=True),
}  # fmt: skip


def read(octets: bytes) -> ET.Element:
    return ET.fromstring(octets)


def texts(octets: bytes) -> list[str]:
    return [one.text or "" for one in read(octets).iter(f"{SVG}text")]


def joined(octets: bytes) -> str:
    return "".join(texts(octets))


def corners(path: str) -> list[list[tuple[float, float]]]:
    """The corners of every closed or open line of a path."""
    told: list[list[tuple[float, float]]] = []
    x = y = 0.0
    for sign, numbers in re.findall(r"([MLHVZ])([-0-9. ]*)", path):
        values = [float(one) for one in numbers.split()]
        if sign == "Z":
            continue
        x, y = (values[0], y) if sign == "H" else (x, values[0]) if sign == "V" else (values[0], values[1])
        if sign == "M":
            told.append([])
        told[-1].append((x, y))
    return told


def paths(octets: bytes, **look: str) -> list[list[list[tuple[float, float]]]]:
    """The corners of the paths that look so, tiles of hatches left out."""
    root = read(octets)
    tiles = {id(one) for pattern in root.iter(f"{SVG}pattern") for one in pattern}
    wanted = {name.replace("_", "-"): value for name, value in look.items()}
    return [
        corners(one.get("d", ""))
        for one in root.iter(f"{SVG}path")
        if id(one) not in tiles and all(one.get(name) == value for name, value in wanted.items())
    ]


def boxes(octets: bytes) -> list[tuple[str, float, float, float, float]]:
    """Where everything stands: what, left, top, right, bottom."""
    root, told = read(octets), []
    for one in root.iter(f"{SVG}text"):
        size, words = float(one.get("font-size") or root.get("font-size") or 0), one.text or ""
        x, y, wide = float(one.get("x", 0)), float(one.get("y", 0)), width(words, size)
        left = {"middle": x - wide / 2, "end": x - wide}.get(one.get("text-anchor", ""), x)
        told.append((words, left, y - 0.85 * size, left + wide, y + 0.15 * size))
    for path in paths(octets):
        xs, ys = zip(*(corner for line in path for corner in line), strict=True)
        told.append(("path", min(xs), min(ys), max(xs), max(ys)))
    return told


@pytest.mark.parametrize("width_", [280, 480, 720, 1200])
@pytest.mark.parametrize("name", EVERY)
def test_nothing_stands_outside_and_no_words_touch(name: str, width_: int) -> None:
    octets = charts.svg(EVERY[name], width=width_)
    _x, _y, right, bottom = map(float, read(octets).get("viewBox", "").split())
    assert right == width_
    told = boxes(octets)
    for what, x0, y0, x1, y1 in told:
        assert -0.5 <= x0 <= x1 <= right + 0.5, (what, x0, x1)
        assert -0.5 <= y0 <= y1 <= bottom + 0.5, (what, y0, y1)
    words = [one for one in told if one[0] not in ("path", "†", "x", "†x", EVERY[name].said)]
    for n, (a, ax0, ay0, ax1, ay1) in enumerate(words):
        for b, bx0, by0, bx1, by1 in words[n + 1 :]:
            over = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
            assert over[0] <= 0.6 or over[1] <= 2.5, (a, b, over)


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x85", "\ud800", "\uffff", "\u202e"])
@pytest.mark.parametrize("form", [charts.svg, charts.png])
def test_signs_that_nobody_sees_are_named_so_that_every_word_can_be_read(form: Any, sign: str) -> None:
    word = f"系{sign}列"
    series = [Series(f"{word}{n}", [1, 2]) for n in range(2)]
    odd = Chart("bars", word, word, [word, "5月"], series, across=word, notes=[word], groups=[word, "甲"])
    octets = form(odd)
    if form is charts.png:
        assert Image.open(io.BytesIO(octets)).width > 0
        return
    root = read(octets)
    assert f"系〔U+{ord(sign):04X}" in (root.get("aria-label") or "")
    assert sign not in "".join(root.itertext())
    plain = read(charts.svg(replace(odd, title="🥦 👩\u200d🌾", said="")))
    assert plain.get("aria-label") == "🥦 👩\u200d🌾", "a screen has every font"


@pytest.mark.parametrize("name", EVERY)
def test_an_svg_is_small_complete_and_harmless(name: str) -> None:
    octets = charts.svg(EVERY[name])
    assert len(octets) < 24_000
    told = octets.decode()
    for never in (
        "<script",
        "href",
        "style=",
        "<style",
        "<image",
        "@import",
        "onload",
        "<!--",
        "metadata",
        "clip-path",
    ):
        assert never not in told
    assert set(re.findall(r"https?://[^\"' ]+", told)) == {"http://www.w3.org/2000/svg"}
    root = read(octets)
    assert root.get("role") == "img"
    assert root.get("aria-label") == EVERY[name].title == (root.findtext(f"{SVG}title") or "")
    named = {one.get("id") for one in root.iter(f"{SVG}pattern")}
    assert set(re.findall(r"url\(#(\w+)\)", told)) == named


@pytest.mark.parametrize("name", EVERY)
def test_the_same_chart_gives_the_same_octets(name: str) -> None:
    assert charts.svg(EVERY[name], "dark") == charts.svg(EVERY[name], "dark")
    assert charts.svg(EVERY[name], "dark") != charts.svg(EVERY[name], "light")
    assert charts.png(EVERY[name], times=1) == charts.png(EVERY[name], times=1)


def test_words_are_in_it() -> None:
    told = joined(charts.svg(EVERY["lying"], width=720))
    for words in ("判断した件数", "系列0", "系列1", "件", "連絡先が分からない", LONG):
        assert words in told
    assert "残っている割合" not in joined(charts.svg(EVERY["steps"], titled=False))
    assert "100%" in texts(charts.svg(EVERY["steps"]))
    told = joined(charts.svg(EVERY["marks"]))
    assert "† 公表された値" in told
    assert "x 件数が少ない" in told
    assert "87,565" in told
    assert "公表された値" not in joined(charts.svg(chart(marks={"published": "公表された値"})))


@pytest.mark.parametrize("name", ["zero", "unknown"])
def test_where_there_is_nothing_it_says_so(name: str) -> None:
    assert EVERY[name].said in texts(charts.svg(EVERY[name]))


@pytest.mark.parametrize("values", [[1, 2], [0, 1], [3, 66_834], [1, 1], [7, 999_999]])
def test_numbers_of_an_axis_are_whole_for_counts_and_begin_at_zero(values: list[int]) -> None:
    ticks = texts(charts.svg(Chart("lines", "", "", ["", ""], [Series("", values)])))
    ticks = [one for one in ticks if one]
    assert ticks[0] == "0"
    assert 2 <= len(ticks) <= 7
    assert all(re.fullmatch(r"\d{1,3}(,\d{3})*", one) for one in ticks)
    assert int(ticks[-1].replace(",", "")) >= max(values)


def test_bars_are_as_high_as_what_they_say() -> None:
    told = Chart("bars", "", "", ["a", "b", "c"], [Series("", [50, 100, None])], ordered=True)
    (bars,) = paths(charts.svg(told), fill=PALETTES["light"].series[0])
    highs = [max(y for _x, y in bar) - min(y for _x, y in bar) for bar in bars]
    assert len(highs) == 2  # what is not known has none
    assert highs[1] == pytest.approx(2 * highs[0], abs=0.3)


def test_a_gap_breaks_the_line_and_what_stands_alone_is_seen() -> None:
    told = Chart("lines", "", "", list("abcdef"), [Series("", [1, 2, None, 4, None, 6])], ordered=True)
    lines = paths(charts.svg(told), stroke_width="1.8")
    assert [len(line) for (line,) in lines] == [2, 1, 1]
    assert sum(len(marks) for marks in paths(charts.svg(told), fill=PALETTES["light"].series[0])) == 4


def test_steps_keep_their_value_until_the_next() -> None:
    told = Chart("steps", "", "", ["0", "10", "40"], [Series("", [1.0, 0.5, 0.5])], places=[0, 10, 40], share=True)
    (((first, along, down, *_rest, last),),) = paths(charts.svg(told), stroke_width="1.8")
    assert first[1] == along[1]
    assert along[0] == down[0]
    assert last[0] - first[0] == pytest.approx(4 * (along[0] - first[0]), abs=1)


def test_series_differ_by_more_than_colour() -> None:
    root = read(charts.svg(EVERY["lines"]))
    dashes = {one.get("stroke-dasharray", "") for one in root.iter(f"{SVG}path") if one.get("stroke-width") == "1.8"}
    assert len(dashes) == 8
    assert len(list(read(charts.svg(EVERY["stacked"])).iter(f"{SVG}pattern"))) == 7  # and one without a hatch


def test_colours_are_those_of_the_desk_and_can_be_seen() -> None:
    css = CSS.read_text()
    parts = {
        "light": css[: css.index("prefers-color-scheme: dark")],
        "dark": css[css.index("prefers-color-scheme: dark") :],
    }
    for look, told in parts.items():
        said = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", told))
        colours = PALETTES[look]
        for name in ("surface", "ink", "soft", "line", "edge"):
            assert getattr(colours, name) == said[name]
        wanted = ["link", "risk-line", "against-line", "dawn", "edge", "risk-ink", "tick-line", "soft"]
        ours = list(colours.series)
        assert [mine for mine, name in zip(ours, wanted, strict=True) if name != "risk-line" or look == "dark"] == [
            said[name] for name in wanted if name != "risk-line" or look == "dark"
        ]
        for ground in (said["surface"], said["paper"]):
            assert all(contrast(ink, ground) >= 3 for ink in ours)
            assert all(contrast(ink, ground) >= 4.5 for ink in (colours.ink, colours.soft))


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_png_opens_and_is_not_blank(look: str) -> None:
    picture = Image.open(io.BytesIO(charts.png(EVERY["stacked"], look, width=400)))
    assert picture.width == 800
    grey = picture.convert("L")
    assert len(set(grey.tobytes())) > 8
    assert "#{:02x}{:02x}{:02x}".format(*picture.convert("RGB").getpixel((1, 1))) == PALETTES[look].surface  # type: ignore[misc]


def test_a_png_names_signs_that_its_font_lacks() -> None:
    """The SVG keeps them: whoever looks at it has a font that shows them."""
    told = chart("bars", labels=["🥦", "手押し"], series=1, ordered=False)
    assert "🥦" in texts(charts.svg(told))
    named = replace(told, labels=["〔U+1F966 BROCCOLI〕", "手押し"])
    assert charts.png(told, times=1) == charts.png(named, times=1)


def test_words_that_look_like_markup_stay_words() -> None:
    nasty = '<script>alert("x")</script>&amp; $x^2$ {a} \\frac'
    octets = charts.svg(chart(title=nasty, labels=[nasty, "b"], ordered=False), width=1200)
    root = read(octets)
    assert root.get("aria-label") == nasty
    assert b"<script" not in octets
    assert "$x^2$" in joined(octets)
    assert charts.png(chart(title="$x^2", labels=["$", "$$"]), times=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "pie"}, "one of bars"),
        ({"series": []}, "1 to 8"),
        ({"series": [Series("a", [1])] * 9, "labels": ["x"]}, "1 to 8"),
        ({"labels": []}, "1 to 400"),
        ({"labels": ["a", "b"]}, "as many as labels"),
        ({"places": [3, 2, 1]}, "ascending"),
        ({"groups": ["2024"]}, "as many as labels"),
        ({"series": [Series("a", [1, float("nan"), 3])]}, "None where there is none"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        replace(chart(), **change)


def test_looks_and_widths_that_there_are_not() -> None:
    with pytest.raises(BadInput, match="light, dark, paper"):
        charts.svg(chart(), "sepia")
    with pytest.raises(BadInput, match="280"):
        charts.svg(chart(), width=100)


def test_words_are_cut_where_they_may_be() -> None:
    assert wrapped("警察から待つよう求められる。", 10, 66, 3) == ["警察から待", "つよう求め", "られる。"]
    assert wrapped("警察から待つのだ。", 10, 81, 3) == ["警察から待", "つのだ。"]
    assert wrapped("suicide-inducing information", 10, 92, 3) == ["suicide-inducing", "information"]
    assert wrapped("Hosted abroad and sent", 10, 80, 3) == ["Hosted abroad", "and sent"]
    (line,) = wrapped("とても長い名前がここにある", 10, 60, 1)
    assert line.endswith("…")
    assert width(line, 10) <= 60


def test_charts_drawn_at_once_do_not_mix() -> None:
    names = ["bars", "stacked", "lines", "steps", "lying", "marks"]
    wanted = {name: charts.svg(EVERY[name]) for name in names}
    made: dict[str, bytes] = {}
    threads = [
        threading.Thread(target=lambda name=name: made.update({name: charts.svg(EVERY[name])})) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == wanted
