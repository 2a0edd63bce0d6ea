"""Colours, dashes, marks and hatches: the desk's own (console/static/yoake/desk.css), light, dark and on paper.

Series differ by lightness and by dash, mark or hatch, so that nobody needs to tell colours apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from yoake.errors import BadInput

Look = Literal["light", "dark", "paper"]


@dataclass(frozen=True)
class Palette:
    """Names as in the desk's style sheet."""

    surface: str
    ink: str
    soft: str
    line: str
    edge: str
    series: Sequence[str]  # link, orange, against-line, dawn, edge, risk-ink, tick-line, soft


# The desk's orange (risk-line) is a step darker in light: 3:1 against paper, as lines need.
_LIGHT: Final = ("#3c4a94", "#bf6c17", "#2c7a66", "#a33a56", "#8b8696", "#7d4300", "#4a63d0", "#565b70")
_DARK: Final = ("#a9b6ff", "#e59a45", "#63bfa6", "#f0a68c", "#757b93", "#ffcf94", "#94a8ff", "#a9adbf")
PALETTES: Final[dict[str, Palette]] = {
    "light": Palette("#ffffff", "#1f2233", "#565b70", "#e0dbd4", "#8b8696", _LIGHT),
    "dark": Palette("#1c1f2b", "#e9e6e2", "#a9adbf", "#303548", "#757b93", _DARK),
    "paper": Palette("#ffffff", "#000000", "#464646", "#d8d8d8", "#787878", _LIGHT),
}

# What follows is in the order of the series. Marks are of straight lines alone: they are small in an SVG.
DASHES: Final[Sequence[Any]] = ("-", (0, (6, 2.5)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (1, 1.6)), (0, (10, 3)), (0, (4, 1.5, 1, 1.5)), (0, (3, 4)))  # fmt: skip
MARKERS: Final[Sequence[Any]] = ((8, 0, 22.5), "s", "^", "D", "v", "P", "X", (5, 1, 0))
HATCHES: Final = ("", "//", "\\\\", "--", "xx", "||", "++", "////")


def palette(look: str) -> Palette:
    """The colours of a look. Raises BadInput for one that there is not."""
    if look not in PALETTES:
        raise BadInput("look", look, f"one of {', '.join(PALETTES)}")
    return PALETTES[look]
