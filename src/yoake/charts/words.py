"""How wide words are, and where they may be cut. Measured in IPAexGothic; what a screen has instead differs by little."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from matplotlib.font_manager import FontProperties

from yoake.papers.glyphs import fonts
from yoake.papers.glyphs import width as width_in_ems

_TOKENS: Final = re.compile(r"[!-~À-ž]+\s*|.\s*", re.DOTALL)
_NOT_FIRST: Final = frozenset("、。，．・：；？！）」』】〕〉》〜ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ,.)]%")
_NOT_LAST: Final = frozenset("（「『【〔〈《([")
_CUT: Final = "…"


@cache
def font(size: float) -> FontProperties:
    """The font of every chart, in pixels."""
    return FontProperties(fname=str(fonts() / "ipaexg.ttf"), size=size)


def width(words: str, size: float) -> float:
    """How many pixels words take in one line."""
    return width_in_ems(words) * size


def wrapped(words: str, size: float, most: float, lines: int) -> list[str]:
    """Words in lines of at most `most` pixels, about as long as each other; the last of `lines` ends with … where they do not fit."""
    told = _broken(words, size, most)
    if len(told) > lines:
        told, last = told[:lines], told[lines - 1]
        while last and width(last + _CUT, size) > most:
            last = last[:-1]
        return [*told[:-1], last.rstrip() + _CUT]
    if len(told) > 1:
        narrower = max(width(words, size) / len(told), *(width(one.rstrip(), size) for one in _tokens(words)))
        while narrower < most:
            if len(even := _broken(words, size, narrower)) == len(told):
                return even
            narrower += size / 2
    return told


def _broken(words: str, size: float, most: float) -> list[str]:
    told: list[str] = [""]
    for token in _tokens(words):
        if told[-1] and width((told[-1] + token).rstrip(), size) > most:
            told.append("")
        for part in _pieces(token, size, most):  # more than one only where a single word is wider than the line
            if told[-1] and width((told[-1] + part).rstrip(), size) > most:
                told.append("")
            told[-1] += part
    return [line.strip() for line in told]


def is_cut(lines: Sequence[str]) -> bool:
    """Whether something was left out."""
    return lines[-1].endswith(_CUT)


def _tokens(words: str) -> list[str]:
    """What is never torn apart: words of Latin letters, and Japanese characters with the marks that cling to them."""
    told: list[str] = []
    for token in _TOKENS.findall(words):
        if told and (token[0] in _NOT_FIRST or told[-1][-1] in _NOT_LAST):
            told[-1] += token
        else:
            told.append(token)
    return told


def _pieces(token: str, size: float, most: float) -> list[str]:
    if width(token.rstrip(), size) <= most:
        return [token]
    pieces = [""]
    for sign in token:
        if pieces[-1] and width(pieces[-1] + sign, size) > most:
            pieces.append("")
        pieces[-1] += sign
    return pieces
