"""ー and vowels that only stretch a word."""

from __future__ import annotations

from typing import Any

from numba import njit

from yoake.detect.kernels.characters import CHOONPU, HIRAGANA, KANA, KANJI, LETTER, PROLONGED, is_kana, is_word


@njit(cache=True, nogil=True)
def drop_long(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int) -> int:
    """高収入ーー, 募集ー!: ー after a kanji or a letter that says nothing goes; 東京ー大阪 stays. In place; new end."""
    to = lo
    i = lo
    while i < until:
        if classes[i] == PROLONGED and to > lo and classes[to - 1] in (KANJI, LETTER):
            after = i + 1
            while after < until and classes[after] == PROLONGED:
                after += 1
            if after > i + 1 or after == until or not is_word(classes[after]):
                i = after
                continue
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
    return to


@njit(cache=True, nogil=True)
def shorten_vowels(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """バイトォォー -> ばいと, やばーーーい -> やばい: stretched vowels go, a single inner ー stays. In place; new end."""
    to = lo
    i = lo
    while i < until:
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
        code = codes[to - 1]
        if not is_kana(classes[to - 1]) or not KANA <= code < KANA + 0xC0:
            continue
        sound = vowels[code - KANA] & 7
        after = i
        full = 0  # full-size vowels that repeat the sound
        long = False  # ー twice or more
        while after < until:
            if classes[after] == PROLONGED:
                long = long or (after > i and classes[after - 1] == PROLONGED)
            else:
                if not is_kana(classes[after]) or not KANA <= codes[after] < KANA + 0xC0:
                    break
                entry = vowels[codes[after] - KANA]
                if entry < 8 or sound == 0 or entry & 7 != sound:
                    break
                if entry < 16:
                    full += 1
            after += 1
        # やばーーーい is やばい; in katakana ー is part of many words: カーーード is カード
        silent = long and classes[to - 1] == HIRAGANA
        pending = -1
        while i < after:
            if classes[i] == PROLONGED:
                if pending < 0 and not silent:
                    pending = i
            elif full < 3 and vowels[codes[i] - KANA] < 16:  # かあさん, おおい: up to two are words
                if pending >= 0:
                    codes[to], starts[to], ends[to], classes[to] = CHOONPU, starts[pending], ends[pending], PROLONGED
                    to += 1
                    pending = -1
                codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
                to += 1
            i += 1
        if pending >= 0 and after < until and is_kana(classes[after]):
            codes[to], starts[to], ends[to], classes[to] = CHOONPU, starts[pending], ends[pending], PROLONGED
            to += 1
    return to
