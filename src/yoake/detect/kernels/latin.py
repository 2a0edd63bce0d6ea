"""Latin words: look-alikes of other scripts, digits for letters, letters for zeros, stretched vowels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import DIGIT, LETTER

_MANY: Final = 3  # words
_UNLIKE: Final = (0x38, 0x39)  # 8 for b, 9 for g
_HYPHEN: Final = 0x2D
_LONGEST: Final = 14  # characters of a Latin word; longer ones are addresses and keys
_UNITS: Final = (0x4E07, 0x5186, 0x5343)  # 万 円 千
_ID_BEFORE: Final = (0x40, 0x5F, 0x2F, 0x2E, 0x3A, 0x3D, 0x26, 0x3F)  # @ _ / . : = & ?
_ID_AFTER: Final = (0x40, 0x5F, 0x3D)  # @ _ =


@njit(cache=True, nogil=True)
def _latin_of(code: int, letter_twin: Any) -> int:
    """The Latin letter that a letter of another script looks like, 0: none."""
    at = np.searchsorted(letter_twin[:, 0], code)
    return letter_twin[at, 1] if at < letter_twin.shape[0] and letter_twin[at, 0] == code else 0


@njit(cache=True, nogil=True)
def undo_letters(codes: Any, classes: Any, lo: int, until: int, letter_twin: Any) -> bool:
    """Look-alikes of other scripts inside a word that also has Latin letters become Latin. In place; whether any did."""
    changed = False
    i = lo
    while i < until:
        if classes[i] != LETTER:
            i += 1
            continue
        after = i
        latin = False
        while after < until and classes[after] == LETTER:
            latin = latin or codes[after] < 0x250
            after += 1
        if latin:
            for j in range(i, after):
                if codes[j] >= 0x100:
                    twin = _latin_of(codes[j], letter_twin)
                    if twin:
                        codes[j] = twin
                        changed = True
        i = after
    return changed


@njit(cache=True, nogil=True, inline="always")
def _is_vowel_letter(code: int) -> bool:
    return code in (0x61, 0x65, 0x69, 0x6F, 0x75)


@njit(cache=True, nogil=True, inline="always")
def _is_like_o(code: int) -> bool:
    return code in (0x6F, 0x43E, 0x3BF, 0x25CB, 0x25EF, 0x3007)  # o о ο ○ ◯ 〇


@njit(cache=True, nogil=True)
def _leet_word(codes: Any, classes: Any, at: int, lo: int, until: int, leet: Any) -> tuple[int, bool, bool, bool]:
    """Looks at the letters and digits from `at` on.

    Returns:
        One past the last; whether they are a word in which digits stand for letters; whether they may be one where most
        words of a text are written so; and whether all digits stand before all letters or behind: 30mg, 3LDK, A4, covid19.
    """
    after = at
    letters = 0
    digits = 0
    plain = True  # Latin letters, and digits that look like one
    changes = 0  # how often a digit follows a letter, or a letter a digit
    paired = True  # one digit, or the same twice: d00r; none of those that only look like one where others do
    while after < until and classes[after] in (LETTER, DIGIT):
        code = codes[after]
        changes += after > at and classes[after - 1] != classes[after]
        if classes[after] == LETTER:
            letters += 1
            plain = plain and code < 0x250
        else:
            digits += 1
            plain = plain and leet[code] != 0
            paired = paired and code not in _UNLIKE
            if after > at and classes[after - 1] == DIGIT:
                paired = paired and codes[after - 1] == code and (after == at + 1 or classes[after - 2] != DIGIT)
        after += 1
    if not plain or digits == 0 or after - at > _LONGEST or letters < 1 or letters + 1 < digits:
        return after, False, False, False
    if (at > lo and codes[at - 1] in _ID_BEFORE) or (after < until and codes[after] in _ID_AFTER):
        return after, False, False, False
    inside = classes[at] == LETTER and classes[after - 1] == LETTER
    inside = inside and not (at > lo and codes[at - 1] == _HYPHEN) and not (after < until and codes[after] == _HYPHEN)
    likely = letters > 1 or (digits == 1 and classes[at] == LETTER)  # n0, m3; 5k and 3g are amounts
    return after, inside and paired and digits < letters and letters > 2, likely, changes < 2


@njit(cache=True, nogil=True)
def undo_leet(codes: Any, classes: Any, lo: int, until: int, leet: Any) -> bool:
    """t3l3gr4m -> telegram. In place; whether anything changed.

    Digits become letters only inside a word of Latin letters that has more letters than digits and is no part of an
    address or id: amounts, 3days, abc12 and wallets stay. Where many words are written so, all are (f0r 7h3 5tudents), but
    quantities and sizes beside each other (30mg 5mg, 1LDK 2LDK, A4 B5) are no such words.
    """
    words = 0
    perhaps = 0
    i = lo
    while i < until:
        if classes[i] not in (LETTER, DIGIT):
            i += 1
            continue
        i, sure, likely, apart = _leet_word(codes, classes, i, lo, until, leet)
        words += sure
        perhaps += likely and not apart
    everywhere = words >= _MANY
    many = everywhere or perhaps >= 2 * _MANY
    if words == 0 and not many:
        return False
    i = lo
    while i < until:
        if classes[i] not in (LETTER, DIGIT):
            i += 1
            continue
        first = i
        i, sure, likely, apart = _leet_word(codes, classes, i, lo, until, leet)
        if not sure and not (likely and (everywhere or (many and not apart))):
            continue
        for j in range(first, i):
            if classes[j] == DIGIT:
                # te1egram, so1d: l where a vowel stands before it, i elsewhere
                l_for_1 = codes[j] == 0x31 and j > first and _is_vowel_letter(codes[j - 1]) and j + 1 < i
                codes[j] = 0x6C if l_for_1 else leet[codes[j]]
                classes[j] = LETTER
    return True


@njit(cache=True, nogil=True)
def undo_zeros(codes: Any, classes: Any, lo: int, until: int) -> None:
    """1oo万 -> 100万, 2○○○円 -> 2000円: what looks like a zero inside a number. In place."""
    i = lo
    while i < until:
        if classes[i] != DIGIT:
            i += 1
            continue
        first = i
        after = i  # one past the last digit
        while i < until and (classes[i] == DIGIT or _is_like_o(codes[i])):
            i += 1
            after = i if classes[i - 1] == DIGIT else after
        if i < until and codes[i] in _UNITS:
            after = i
        else:  # 090○○○○1234: without a unit a ring hides a digit and is none
            i = first
            after = i
            while i < until and (classes[i] == DIGIT or (classes[i] == LETTER and _is_like_o(codes[i]))):
                i += 1
                after = i if classes[i - 1] == DIGIT else after
        if (first > lo and classes[first - 1] == LETTER) or (after == i and i < until and classes[i] == LETTER):
            continue
        for j in range(first, after):
            codes[j] = 0x30 if _is_like_o(codes[j]) else codes[j]
            classes[j] = DIGIT


@njit(cache=True, nogil=True)
def shorten_letters(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int) -> int:
    """Hey for heeeey: three or more of a vowel in a word that has other letters are one. In place; new end."""
    to = lo
    i = lo
    while i < until:
        after = i + 1
        if classes[i] == LETTER and _is_vowel_letter(codes[i]):
            while after < until and codes[after] == codes[i]:
                after += 1
            other = (i > lo and classes[i - 1] == LETTER) or (after < until and classes[after] == LETTER)
            if after - i > 2 and other:
                codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
                to += 1
                i = after
                continue
        while i < after:
            codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
            to += 1
            i += 1
    return to
