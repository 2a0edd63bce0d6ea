"""What a paper can show: the font has the signs of Japanese offices, no emoji and no other scripts of Asia."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fontTools.ttLib import TTFont

_KEPT: Final = frozenset("\n\t")
_DROPPED: Final = frozenset("\ufe0e\ufe0f")  # say how the sign before is drawn, and nothing by themselves
_JOINING: Final = "\u200d"  # makes one picture of several


def fonts() -> Path:
    """The folder of the Japanese font that is installed with Yoake (matplotlib-fontja: IPAexGothic)."""
    found = find_spec("matplotlib_fontja")  # found without importing it: that would load matplotlib
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "fonts"


def shown(value: Any) -> Any:
    """Facts with every string as a paper can show it: a sign the font lacks becomes 〔U+1F966 BROCCOLI〕.

    Also signs that nobody sees (zero width, direction): whoever reads the paper must see that they are there.
    """
    return _each(value, _sign)


def readable(value: Any) -> Any:
    """The same for what has every font, as a web page: named are only signs that nobody sees, among them what XML cannot hold."""
    return _each(value, _seen)


def _each(value: Any, of: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return "".join(map(of, value)) if not value.isascii() or not value.isprintable() else value
    if isinstance(value, Mapping):
        return {name: _each(inside, of) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_each(inside, of) for inside in value]
    return value


def width(words: str) -> float:
    """How wide words are in one line, in the height of the font; a sign that it lacks counts as a whole one."""
    known = _widths()
    return sum(known.get(ord(sign), 1.0) for sign in words)


@cache
def _sign(sign: str) -> str:
    if sign in _KEPT or (ord(sign) in _known() and unicodedata.category(sign) not in ("Cc", "Cf")):
        return sign
    if sign in _DROPPED:
        return ""
    return _named(sign)


def _seen(sign: str) -> str:
    """Controls, directions, half a pair and what is no character (Unicode: Cc, Cf, Cs, Cn) by name, all others as they are."""
    if sign in _KEPT or sign == _JOINING or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Cn"):
        return sign
    return _named(sign)


def _named(sign: str) -> str:
    name = "" if unicodedata.category(sign).startswith("L") else unicodedata.name(sign, "")
    return f"〔U+{ord(sign):04X}{' ' if name else ''}{name}〕"


@cache
def _widths() -> dict[int, float]:
    with TTFont(fonts() / "ipaexg.ttf", lazy=True) as font:
        high, wide = font["head"].unitsPerEm, font["hmtx"].metrics
        return {sign: wide[name][0] / high for sign, name in font.getBestCmap().items()}


@cache
def _known() -> frozenset[int]:
    with TTFont(fonts() / "ipaexg.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap())
