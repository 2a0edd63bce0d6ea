"""Which prefectures a post speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from yoake.casework.cases.models import PostVersion
from yoake.detect.text.extraction import extract


@dataclass(frozen=True)
class Sign:
    """Words that name a prefecture, or a town in it."""

    prefecture: str  # as in Japanese: 東京都
    field: str  # text, profile, parent_text
    start: int  # code points of that field
    end: int
    words: str


def prefecture_of(version: PostVersion | None) -> str:
    """The first prefecture that the text names, else the profile, as in Japanese (東京都); "" when neither names one."""
    return next((sign.prefecture for sign in _signs(version, ("text", "profile"))), "")


def signs_of(version: PostVersion | None) -> list[Sign]:
    """Every sign of a prefecture: in the text, then in the profile, then in the post it replies to; each by its place."""
    return list(_signs(version, ("text", "profile", "parent_text")))


def _signs(version: PostVersion | None, fields: tuple[str, ...]) -> Iterator[Sign]:
    for field in fields if version is not None else ():
        text: str = getattr(version, field)
        for one in extract(text):
            if one.kind == "place":
                yield Sign(one.value, field, one.start, one.end, text[one.start : one.end])
