"""Emoji that stand for a word."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import (
    BREAK,
    CHOONPU,
    CODE,
    DIGIT,
    LETTER,
    OTHER,
    PROLONGED,
    SAID,
    SHIFT,
    SPACE,
    Tables,
    is_japanese,
    is_kana,
)

_BEFORE_JAPANESE: Final = 17
_SPEAKS: Final = 18


@njit(cache=True, nogil=True)
def say_emoji(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, t: Tables) -> int:
    """📦運搬 -> 📦荷物運搬: beside Japanese the word an emoji stands for follows it, unless it is there. In place; new end."""
    beside = False  # whether the next character, blanks and other such emoji aside, is Japanese
    for i in range(until - 1, lo - 1, -1):
        if classes[i] >= SAID:
            classes[i] = _BEFORE_JAPANESE if beside else SAID
        elif classes[i] not in (SPACE, BREAK):
            beside = is_japanese(classes[i])
    more = 0
    beside = False
    for i in range(lo, until):
        if classes[i] < SAID:
            beside = is_japanese(classes[i]) if classes[i] not in (SPACE, BREAK) else beside
            continue
        said = beside or classes[i] == _BEFORE_JAPANESE
        classes[i] = SAID
        row = np.searchsorted(t.said, codes[i])
        first = t.said_at[row]
        size = t.said_at[row + 1] - first
        there = i + size < until
        for k in range(size):
            there = there and codes[i + 1 + k] == t.said_word[first + k] & CODE
        if there or (i + 1 < until and codes[i + 1] == codes[i]):  # the last of a row of the same speaks for all
            continue
        latin = t.said_word[first] >> SHIFT == LETTER
        if not said or (latin and i + 1 < until and classes[i + 1] in (LETTER, DIGIT)):
            continue
        classes[i] = _SPEAKS
        more += size
        if is_kana(t.said_word[first + size - 1] >> SHIFT):
            for w in range(i + 1, until):  # what follows now follows kana
                if classes[w] != OTHER or codes[w] not in t.waves:
                    break
                codes[w] = CHOONPU
                classes[w] = PROLONGED
    end = until + more
    to = end
    for i in range(until - 1, lo - 1, -1):
        if classes[i] == _SPEAKS:
            row = np.searchsorted(t.said, codes[i])
            for k in range(t.said_at[row + 1] - 1, t.said_at[row] - 1, -1):
                to -= 1
                codes[to], starts[to], ends[to] = t.said_word[k] & CODE, starts[i], ends[i]
                classes[to] = t.said_word[k] >> SHIFT
        if classes[i] >= SAID:
            classes[i] = OTHER
        to -= 1
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
    return end
