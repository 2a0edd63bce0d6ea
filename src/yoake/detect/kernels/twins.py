"""Kana and kanji that look alike: the neighbours decide which of them was meant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import (
    CHOONPU,
    COUNTS,
    ENDS,
    KANA,
    KANJI,
    KANJI_AFTER,
    KANJI_FIRST,
    KATAKANA,
    NUMBER,
    OTHER,
    PROLONGED,
    RARE,
    Tables,
    is_word,
)


@njit(cache=True, nogil=True, inline="always")
def _twin_row(code: int, kanji_at: Any) -> Any:
    """Row of a look-alike kanji, -1: none."""
    return np.int64(kanji_at[code - KANJI_FIRST]) - 1 if KANJI_FIRST <= code < KANJI_AFTER else -1


@njit(cache=True, nogil=True)
def _is_counted(codes: Any, classes: Any, at: int, until: int, t: Tables) -> Any:
    """Whether the katakana from `at` on are what a number counts: 三キロ, 二コで, 八ヶ岳."""
    if at + 1 < until and classes[at + 1] in (KATAKANA, PROLONGED):
        for k in range(t.counters.shape[0]):
            if codes[at] == t.counters[k, 0] and codes[at + 1] == t.counters[k, 1]:
                return True
        return False
    code = codes[at]
    return KANA <= code < KANA + 0xC0 and t.kana_twin[code - KANA, 1] & COUNTS != 0


@njit(cache=True, nogil=True)
def undo_twins(codes: Any, classes: Any, lo: int, until: int, first: int, after_last: int, t: Tables) -> bool:
    """力/カ, 口/ロ, 工/エ ...: the neighbours' script decides which of two look-alikes was meant. In place.

    Only katakana decide, and none is left after folding: a second folding finds nothing to do. They stand between
    `first` and `after_last`.

    Returns:
        Whether a kanji became kana.
    """
    changed = False
    kana_twin, kanji_at, kanji_twin = t.kana_twin, t.kanji_at, t.kanji_twin  # read often
    i = max(lo, first - 4) - 1
    while i + 1 < min(until, after_last + 2):  # 力 may stand beside it, or beyond one ー
        i += 1
        kind = classes[i]
        if kind not in (KATAKANA, KANJI):
            continue
        code = codes[i]
        row = -1
        if kind == KANJI:
            row = _twin_row(code, kanji_at)
            if row < 0:
                continue
        elif not KANA <= code < KANA + 0xC0 or kana_twin[code - KANA, 0] == 0:
            continue
        before = classes[i - 1] if i > lo else OTHER
        after = classes[i + 1] if i + 1 < until else OTHER
        if kind == KATAKANA:
            flags = kana_twin[code - KANA, 1]
            if before == KANJI and flags & COUNTS and codes[i - 1] in t.numbers:
                continue  # 数カ所
            if after == KANJI:
                # ロ座 -> 口座; 3カ月 stays
                meant = (before == KANJI or not is_word(before)) and not (flags & COUNTS and codes[i + 1] in t.counted)
                if codes[i + 1] == 0x4E00 and i + 2 < until and classes[i + 2] == KATAKANA:
                    meant = False  # カ一ド: 一 is the look-alike
            else:  # 人ロ -> 人口
                meant = before == KANJI and flags & ENDS and not KATAKANA <= after <= PROLONGED
            if meant:
                codes[i] = kana_twin[code - KANA, 0]
                classes[i] = KANJI
            continue
        flags = kanji_twin[row, 1]
        before_kata = before == KATAKANA or (before == PROLONGED and i > lo + 1 and classes[i - 2] == KATAKANA)
        ahead = i + 1  # 力一ド: look over other look-alikes
        while not flags & NUMBER and ahead < min(until, i + 4) and classes[ahead] == KANJI:
            if _twin_row(codes[ahead], kanji_at) < 0:
                break
            ahead += 1
        follows = classes[ahead] if ahead < until else OTHER
        after_kata = follows == KATAKANA or (
            after == PROLONGED and (before_kata or (i + 2 < until and classes[i + 2] == KATAKANA))
        )
        if not (before_kata or after_kata):
            continue
        long = kanji_twin[row, 0] == CHOONPU
        inside = before_kata and after_kata
        # 卜 and the like are hardly ever meant as kanji: バイ卜募集
        meant = inside or flags & RARE
        if not meant and not long:
            if before_kata:
                meant = not is_word(after)
            else:
                meant = not is_word(before) and not (flags & NUMBER and _is_counted(codes, classes, i + 1, until, t))
        if not meant:
            continue
        changed = True
        after_last = max(after_last, i + 1)
        codes[i] = kanji_twin[row, 0]
        classes[i] = PROLONGED if long else KATAKANA
        for w in range(i + 1, until):  # what follows now follows kana
            if classes[w] != OTHER or codes[w] not in t.waves:
                break
            codes[w] = CHOONPU
            classes[w] = PROLONGED
    return changed


@njit(cache=True, nogil=True)
def undo_ones(codes: Any, classes: Any, lo: int, until: int, ones: Any) -> None:
    """ー人 -> 一人: a ー that begins a word has no vowel to stretch. In place."""
    for i in range(lo, until - 1):
        if classes[i] == PROLONGED and not (i > lo and is_word(classes[i - 1])) and codes[i + 1] in ones:
            codes[i] = 0x4E00
            classes[i] = KANJI


@njit(cache=True, nogil=True, inline="always")
def first_katakana(classes: Any, lo: int, until: int) -> int:
    """The first one, `until`: none."""
    while lo < until and classes[lo] != KATAKANA:
        lo += 1
    return lo


@njit(cache=True, nogil=True, inline="always")
def after_katakana(classes: Any, lo: int, until: int) -> int:
    """One past the last one."""
    while until > lo and classes[until - 1] != KATAKANA:
        until -= 1
    return until
