"""Finds many phrases at once in folded text: a double-array Aho-Corasick automaton, one or two look-ups a character."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import (
    DIGIT,
    JOINT,
    KANJI,
    KATAKANA,
    LETTER,
    PROLONGED,
    SPACE,
)

# What must not stand next to a phrase, as bits of its flags.
STARTS_WITH_LETTER: Final = 1  # "dm" is not in "admin"
ENDS_WITH_LETTER: Final = 2
STARTS_WITH_DIGIT: Final = 4  # "1g" is not in "11g" nor in "0.1g"
ENDS_WITH_DIGIT: Final = 8
SHORT_KANA: Final = 16  # アイス is not in アイスクリーム, チョコ not in チョコレート
ONE_KANJI: Final = 32  # 草 is not in 草原

BRIDGES: Final = 4  # phrases of this many characters are also found across one separator (闇バ イト)


@njit(cache=True, nogil=True, inline="always")
def _skipped(classes: Any, i: int, lo: int, hi: int) -> bool:
    """Whether a separator stands alone between two characters of words."""
    return (
        SPACE <= classes[i] <= JOINT
        and i > lo
        and i + 1 < hi
        and KANJI <= classes[i - 1] <= DIGIT
        and KANJI <= classes[i + 1] <= DIGIT
    )


@njit(cache=True, nogil=True)
def _stands_free(classes: Any, first: int, last: int, lo: int, hi: int, flags: int) -> bool:
    """Whether the neighbours of codes[first..last] let it be a word of its own."""
    before = classes[first - 1] if first > lo else 0
    after = classes[last + 1] if last + 1 < hi else 0
    if flags & STARTS_WITH_LETTER and before == LETTER:
        return False
    if flags & ENDS_WITH_LETTER and after == LETTER:
        return False
    if flags & STARTS_WITH_DIGIT and before in (DIGIT, JOINT):
        return False
    if flags & ENDS_WITH_DIGIT and after == DIGIT:
        return False
    if flags & SHORT_KANA:
        if classes[first] == KATAKANA and before in (KATAKANA, PROLONGED):
            return False
        if classes[last] == KATAKANA and after in (KATAKANA, PROLONGED):
            return False
    return not (flags & ONE_KANJI and KANJI in (before, after))


@njit(cache=True, nogil=True)
def find_phrases(
    codes: Any,
    classes: Any,
    rows: Any,
    symbols: Any,
    root: Any,
    base: Any,
    check: Any,
    target: Any,
    fail: Any,
    out_at: Any,
    out: Any,
    lengths: Any,
    flags: Any,
) -> tuple[Any, Any, Any, Any]:
    """All places where a phrase stands.

    Args:
        codes: int32 (n,), folded code points.
        classes: uint8 (n,), their classes.
        rows: int64 (rows + 1,), where each row begins.
        symbols: uint16 (0x110000,), symbol of each code point, 0 when no phrase has it.
        root: int32 (symbols,), next state from the root.
        base: int32 (states,), where the transitions of a state lie.
        check: int32 (m,), the state that owns a cell, -1 none.
        target: int32 (m,), next state of the cell.
        fail: int32 (states,), where to go on when a state has no move (`trie.connect`).
        out_at: int32 (states + 1,), where the phrases of a state begin in `out`.
        out: int32 (k,), phrase numbers that end in a state, longest first.
        lengths: int32 (phrases,), characters of each phrase, without separators.
        flags: uint8 (phrases,), what must not stand next to it.

    Returns:
        row int32, phrase int32, start int64, end int64 (indices into codes), ordered by row, then end.
    """
    capacity = 256
    hit_row = np.empty(capacity, np.int32)
    hit_phrase = np.empty(capacity, np.int32)
    hit_start = np.empty(capacity, np.int64)
    hit_end = np.empty(capacity, np.int64)
    found = 0
    for row in range(rows.shape[0] - 1):
        lo = rows[row]
        hi = rows[row + 1]
        state = 0
        for i in range(lo, hi):
            symbol = symbols[codes[i]]
            if symbol == 0:
                if not _skipped(classes, i, lo, hi):
                    state = 0
                continue
            while state and check[base[state] + symbol] != state:
                state = fail[state]
            state = target[base[state] + symbol] if state else root[symbol]
            for k in range(out_at[state], out_at[state + 1]):
                phrase = out[k]
                first = i
                left = lengths[phrase] - 1
                bridged = False
                while left > 0:
                    first -= 1
                    if symbols[codes[first]] == 0:  # only skipped separators can lie between
                        bridged = True
                    else:
                        left -= 1
                if bridged and lengths[phrase] < BRIDGES:
                    continue
                if not _stands_free(classes, first, i, lo, hi, flags[phrase]):
                    continue
                if found == capacity:
                    capacity *= 2
                    hit_row = _grown(hit_row, capacity)
                    hit_phrase = _grown(hit_phrase, capacity)
                    hit_start = _grown(hit_start, capacity)
                    hit_end = _grown(hit_end, capacity)
                hit_row[found] = row
                hit_phrase[found] = phrase
                hit_start[found] = first
                hit_end[found] = i + 1
                found += 1
    return hit_row[:found].copy(), hit_phrase[:found].copy(), hit_start[:found].copy(), hit_end[:found].copy()


@njit(cache=True, nogil=True)
def _grown(array: Any, capacity: int) -> Any:
    larger = np.empty(capacity, array.dtype)
    larger[: array.shape[0]] = array
    return larger
