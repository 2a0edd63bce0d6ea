"""Where a Japanese text may be cut so that a reader gets whole phrases: 詳しくは|テレグラムで|ご連絡ください.

BudouX (Apache-2.0) knows; whether it cuts between two characters depends on three characters at either side, so that
only the places in question are looked at, not whole posts.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from budoux import Parser, load_default_japanese_parser

_SEEN: Final = 3


def border(text: str, at: int) -> bool:
    """Whether a phrase of `text` may end before code point `at`; true at both ends."""
    if at <= 0 or at >= len(text):
        return True
    first = max(0, at - _SEEN)
    return _cuts(text[first : at + _SEEN], at - first)


@lru_cache(maxsize=1 << 15)
def _cuts(window: str, at: int) -> bool:
    length = 0
    for phrase in _parser().parse(window):
        length += len(phrase)
        if length >= at:
            return length == at
    return False


@cache
def _parser() -> Parser:
    return load_default_japanese_parser()
