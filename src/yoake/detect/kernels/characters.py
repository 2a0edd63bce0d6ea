"""Classes of folded characters, what may be meant where two meet, and what the kernels of folding look up."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

# A table entry is properties | class << SHIFT | code point.
SHIFT: Final = 21
CODE: Final = (1 << SHIFT) - 1
CLASS: Final = 0x1F  # of an entry shifted down
VOWEL_BIT: Final = 26
VOWEL: Final = 1 << VOWEL_BIT  # may be nothing but the vowel before it, stretched: a kana for a vowel, and ー
TWIN: Final = 1 << 27  # kanji or katakana that looks like one of the other script
FOREIGN: Final = 1 << 28  # a letter that is not ASCII
RING: Final = 1 << 29  # may stand for a zero
SMALL: Final = 1 << 31  # small kana for a vowel; the highest bit, so that one comparison finds it

# What it may mean that a character stands beside another; bits of an entry of `links`.
IS_LONG: Final = 1 << 0  # it is a ー
IS_DIGIT: Final = 1 << 1  # a digit
IS_LETTER: Final = 1 << 2
IS_APART: Final = 1 << 3  # a blank, break or joint
SCRIPTS_MEET: Final = 1 << 4  # katakana and kanji, or kanji and ー: one may be the other's look-alike
LENGTHENS: Final = 1 << 5  # ー after what has no vowel to stretch
STRETCHES: Final = 1 << 6  # the end of ー, or a second one
AFTER_LONG: Final = 1 << 7  # kana after ー
LONG_FIRST: Final = 1 << 8  # ー that begins a word
BLANKS_MEET: Final = 1 << 9
LETTERS_MEET_DIGITS: Final = 1 << 10

# Classes of folded characters.
OTHER: Final = 0  # punctuation, symbols, emoji, other scripts
KANJI: Final = 1
HIRAGANA: Final = 2
KATAKANA: Final = 3  # folded to hiragana; the class remembers what the writer typed
PROLONGED: Final = 4  # ー
LETTER: Final = 5  # Latin, Greek, Cyrillic
DIGIT: Final = 6
SPACE: Final = 7
BREAK: Final = 8
JOINT: Final = 9  # . ・ / _ and the like: may stand inside a disguised word
# Classes that never come out: what to do with a character.
WAVE: Final = 10  # 〜 ~ ― : ー after kana, itself elsewhere
MARK: Final = 11  # dropped, belongs to the character before it (variation selector, combining accent, skin tone)
DROP: Final = 12  # dropped (zero width, bidi control)
VOICED: Final = 13  # ゛ in every encoding
SEMIVOICED: Final = 14  # ゜
EXPAND: Final = 15  # the code is a row of the expansion table
SAID: Final = 16  # an emoji that stands for a word: it stays, and the word follows it

KANA: Final = 0x3040  # the tables of kana start here and have 0xC0 entries
KANJI_FIRST: Final = 0x3400  # the table of look-alike kanji starts here
KANJI_AFTER: Final = 0xA000
RARE: Final = 1  # kanji that are hardly ever meant: 卜
NUMBER: Final = 2  # kanji that also count: 二コ, 三キロ
ENDS: Final = 1  # kana that may end a word of kanji: 人ロ
COUNTS: Final = 2  # kana that also count: 一カ所
ANY_VOWEL: Final = 9
CHOONPU: Final = 0x30FC  # ー
RINGS: Final = "○◯〇"  # signs that may stand for a zero; letters may as well
CHARACTERS_PER_BYTE: Final = (
    2  # no expansion is longer than this times its UTF-8 bytes (checked where the table is made)
)


class Tables(NamedTuple):
    """What the kernel looks up; made in yoake.detect.text.fold."""

    table: Any  # uint32 (0x110000,), properties | class << SHIFT | code for every code point
    links: Any  # uint32 (32 * 16,), what may be meant where two classes meet, by `class before << 4 | class`
    grow_at: Any  # int32 (expansions + 1,), where each expansion begins in `grow`
    grow: Any  # int32 (characters,), table entries of the expansions
    vowels: Any  # uint8 (0xC0,), per kana from KANA: sound 1-5 (aiueo), +8 full-size vowel, +16 small vowel
    voiced: Any  # int32 (2, 0xC0), kana with ゛ and with ゜, 0 where there is none
    kana_twin: Any  # int32 (0xC0, 2), the kanji that looks like this kana (0: none), and ENDS | COUNTS
    kanji_at: Any  # uint8 (KANJI_AFTER - KANJI_FIRST,), 1 + row of `kanji_twin`, 0: no look-alike
    kanji_twin: Any  # int32 (n, 2), the kana a kanji looks like, and RARE | NUMBER
    counters: Any  # int32 (n, 2), the first two kana of words that things are counted by
    counted: Any  # int32 (n,), kanji after カ of 三カ月
    numbers: Any  # int32 (n,), kanji before カ of 数カ所
    ones: Any  # int32 (n,), kanji before which a lone ー is 一: ー人
    letter_twin: Any  # int32 (n, 2), rising: a letter of another script, the Latin one it looks like
    waves: Any  # int32 (n,), code points that are a ー after kana
    said: Any  # int32 (n,), rising: emoji that stand for a word
    said_at: Any  # int32 (n + 1,), where each word begins in `said_word`
    said_word: Any  # int32 (m,), class << SHIFT | code
    leet: Any  # int32 (128,), the Latin letter that an ASCII digit stands for inside a word, 0: none


@njit(cache=True, nogil=True, inline="always")
def is_word(kind: int) -> bool:
    """Whether a character is part of a word."""
    return KANJI <= kind <= DIGIT


@njit(cache=True, nogil=True, inline="always")
def is_japanese(kind: int) -> bool:
    """Kanji, kana or ー."""
    return KANJI <= kind <= PROLONGED


@njit(cache=True, nogil=True, inline="always")
def is_kana(kind: int) -> bool:
    """Hiragana or katakana."""
    return kind in (HIRAGANA, KATAKANA)


@njit(cache=True, nogil=True, inline="always")
def is_stretch(code: int, kind: int, vowels: Any) -> bool:
    """Whether a character may be nothing but the vowel before it, stretched."""
    return kind == PROLONGED or (is_kana(kind) and KANA <= code < KANA + 0xC0 and vowels[code - KANA] >= 8)


@njit(cache=True, nogil=True, inline="always")
def counts(code: int, kind: int, vowel: int, vowels: Any) -> tuple[bool, int]:
    """Whether a character makes its word longer (stretching バイトォォー does not), and the vowel sounding after it.

    This measure stays the same under `shorten_vowels`, which is what makes folding idempotent.
    """
    if kind == PROLONGED:
        return False, vowel
    if is_kana(kind) and KANA <= code < KANA + 0xC0:
        entry = vowels[code - KANA]
        sound = entry & 7
        if entry >= 8 and vowel in (sound, ANY_VOWEL):  # a vowel by itself that repeats the sound before it
            return False, sound
        return True, sound
    return True, 0


@njit(cache=True, nogil=True)
def measure(codes: Any, classes: Any, at: int, until: int, vowels: Any) -> int:
    """Length (0-2, 2 means two or more) of the word that begins at `at`."""
    length = 1
    vowel = ANY_VOWEL
    if classes[at] != PROLONGED:
        _, vowel = counts(codes[at], classes[at], 0, vowels)
    i = at + 1
    while i < until and length < 2 and is_word(classes[i]):
        counted, vowel = counts(codes[i], classes[i], vowel, vowels)
        if counted:
            length += 1
        i += 1
    return length


def links() -> Any:
    """What may be meant where characters of two classes meet: `Tables.links`."""
    found = np.zeros((32, 16), np.uint32)
    kana = [HIRAGANA, KATAKANA]
    for before, after in ((KATAKANA, KANJI), (KANJI, PROLONGED)):
        found[before, after] |= SCRIPTS_MEET
        found[after, before] |= SCRIPTS_MEET
    found[[KANJI, LETTER], PROLONGED] |= LENGTHENS
    for bit, kind in (
        (IS_LONG, PROLONGED),
        (IS_DIGIT, DIGIT),
        (IS_LETTER, LETTER),
        (IS_APART, slice(SPACE, JOINT + 1)),
    ):
        found[:, kind] |= bit
    found[PROLONGED, [kind for kind in range(16) if kind not in kana]] |= STRETCHES
    found[PROLONGED, kana] |= AFTER_LONG
    found[[kind for kind in range(32) if not KANJI <= kind <= DIGIT], PROLONGED] |= LONG_FIRST
    found[SPACE : JOINT + 1, SPACE : JOINT + 1] |= BLANKS_MEET
    found[LETTER, DIGIT] |= LETTERS_MEET_DIGITS
    found[DIGIT, LETTER] |= LETTERS_MEET_DIGITS
    return found.ravel()
