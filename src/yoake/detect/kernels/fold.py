"""Folds the disguises of a whole UTF-8 column; what each step does and why stands in `yoake.detect.text.fold`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

# A table entry is class << SHIFT | code point.
SHIFT: Final = 21
CODE: Final = (1 << SHIFT) - 1

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

KANA: Final = 0x3040  # the tables of kana start here and have 0xC0 entries
ANY_VOWEL: Final = 9
CHOONPU: Final = 0x30FC  # ー
CHARACTERS_PER_BYTE: Final = (
    2  # no expansion is longer than this times its UTF-8 bytes (checked where the table is made)
)


@njit(cache=True, nogil=True, inline="always")
def _is_word(kind: int) -> bool:
    return KANJI <= kind <= DIGIT


@njit(cache=True, nogil=True, inline="always")
def _is_japanese(kind: int) -> bool:
    return KANJI <= kind <= PROLONGED


@njit(cache=True, nogil=True, inline="always")
def _is_kana(kind: int) -> bool:
    return kind in (HIRAGANA, KATAKANA)


@njit(cache=True, nogil=True)
def _counts(code: int, kind: int, vowel: int, vowels: Any) -> tuple[bool, int]:
    """Whether a character makes its word longer (stretching バイトォォー does not), and the vowel sounding after it.

    This measure stays the same under `_shorten_vowels`, which is what makes folding idempotent.
    """
    if kind == PROLONGED:
        return False, vowel
    if _is_kana(kind) and KANA <= code < KANA + 0xC0:
        entry = vowels[code - KANA]
        sound = entry & 7
        if entry >= 8 and vowel in (sound, ANY_VOWEL):  # a vowel by itself that repeats the sound before it
            return False, sound
        return True, sound
    return True, 0


@njit(cache=True, nogil=True)
def _measure(codes: Any, classes: Any, at: int, until: int, vowels: Any) -> int:
    """Length (0-2, 2 means two or more) of the word that begins at `at`."""
    length = 1
    vowel = ANY_VOWEL
    if classes[at] != PROLONGED:
        _, vowel = _counts(codes[at], classes[at], 0, vowels)
    i = at + 1
    while i < until and length < 2 and _is_word(classes[i]):
        counted, vowel = _counts(codes[i], classes[i], vowel, vowels)
        if counted:
            length += 1
        i += 1
    return length


@njit(cache=True, nogil=True)
def _undo_twins(codes: Any, classes: Any, lo: int, until: int, kana_twin: Any, kanji_twin: Any, waves: Any) -> None:
    """力/カ, 口/ロ, 工/エ ...: the neighbours' script decides which of two look-alikes was meant. In place.

    Only katakana decide, and none is left after folding: a second folding finds nothing to do.
    """
    for i in range(lo, until):
        kind = classes[i]
        before = classes[i - 1] if i > lo else OTHER
        after = classes[i + 1] if i + 1 < until else OTHER
        if kind == KATAKANA:
            code = codes[i]
            # ロ座 -> 口座; 3カ月 stays
            if (
                KANA <= code < KANA + 0xC0
                and kana_twin[code - KANA]
                and after == KANJI
                and (before == KANJI or not _is_word(before))
            ):
                codes[i] = kana_twin[code - KANA]
                classes[i] = KANJI
        elif kind == KANJI:
            before_kata = before == KATAKANA or (before == PROLONGED and i > lo + 1 and classes[i - 2] == KATAKANA)
            after_kata = after == KATAKANA or (
                after == PROLONGED and (before_kata or (i + 2 < until and classes[i + 2] == KATAKANA))
            )
            if not (before_kata or after_kata):
                continue
            for j in range(kanji_twin.shape[0]):
                if codes[i] == kanji_twin[j, 0]:
                    long = kanji_twin[j, 1] == CHOONPU
                    if (before_kata and after_kata) or (
                        kanji_twin[j, 2]  # 卜 and the like are hardly ever meant as kanji: バイ卜募集
                        or (
                            not long
                            and ((before_kata and not _is_word(after)) or (not _is_word(before) and after_kata))
                        )
                    ):
                        codes[i] = kanji_twin[j, 1]
                        classes[i] = PROLONGED if long else KATAKANA
                        for w in range(i + 1, until):  # what follows now follows kana
                            if classes[w] != OTHER or codes[w] not in waves:
                                break
                            codes[w] = CHOONPU
                            classes[w] = PROLONGED
                    break


@njit(cache=True, nogil=True)
def _join_words(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """Takes separators out of spelled-out words (受 け 子, 闇.バ.イ.ト, D M), keeps them elsewhere. In place; new end."""
    to = lo
    whole = 0  # length of the word that was written last, over everything joined to it
    part = 0  # length of its last part, as the writer split it
    joined = 0  # how many parts were joined before the last one
    spelled = True  # all of them single characters
    vowel = 0
    i = lo
    while i < until:
        kind = classes[i]
        if SPACE <= kind <= JOINT:
            after = i
            breaks = False
            while after < until and SPACE <= classes[after] <= JOINT:
                breaks = breaks or classes[after] == BREAK
                after += 1
            if to > lo and after < until:
                left = classes[to - 1]
                right = classes[after]
                drop = False
                if _is_japanese(left) and _is_japanese(right):
                    length = _measure(codes, classes, after, until, vowels)
                    # A line break ends a word more often than a space does: both sides must be single characters.
                    # What was spelled out goes on into the next word: 受 け 子さん.
                    drop = (
                        (part < 2 and length < 2)
                        if breaks
                        else (whole < 2 or length < 2 or (joined > 0 and spelled and part < 2))
                    )
                elif left == LETTER and right == LETTER:
                    drop = part < 2 and _measure(codes, classes, after, until, vowels) < 2
                if drop:
                    i = after
                    spelled = spelled and part < 2
                    joined += 1
                    part = 0
                    continue
            first = True
            while i < after:  # kept: runs of blanks become one, a line break wins
                if classes[i] != JOINT and not first and classes[to - 1] != JOINT:
                    ends[to - 1] = ends[i]
                    if classes[i] == BREAK:
                        codes[to - 1] = codes[i]
                        classes[to - 1] = BREAK
                else:
                    codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
                    to += 1
                first = False
                i += 1
            whole = 0
            part = 0
            joined = 0
            spelled = True
            continue
        if _is_word(kind):
            if whole == 0:
                whole = 1
                vowel = ANY_VOWEL
                if kind != PROLONGED:
                    _, vowel = _counts(codes[i], kind, 0, vowels)
                part = 1
            else:
                fresh = part == 0
                counted, vowel = _counts(codes[i], kind, vowel, vowels)
                if counted:
                    whole += 1
                if counted or fresh:
                    part += 1
        else:
            whole = 0
            part = 0
            joined = 0
            spelled = True
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
    return to


@njit(cache=True, nogil=True)
def _undo_letters(codes: Any, classes: Any, lo: int, until: int, letter_twin: Any) -> None:
    """Cyrillic and Greek look-alikes inside a word that also has Latin letters become Latin. In place."""
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
                if 0x370 <= codes[j] < 0x530 and letter_twin[codes[j] - 0x370]:
                    codes[j] = letter_twin[codes[j] - 0x370]
        i = after


@njit(cache=True, nogil=True)
def _shorten_vowels(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """バイトォォー -> ばいと, スゥゥゥパー -> すぱ: stretched vowels go, a single inner ー stays. In place; new end."""
    to = lo
    i = lo
    while i < until:
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
        code = codes[to - 1]
        if not _is_kana(classes[to - 1]) or not KANA <= code < KANA + 0xC0:
            continue
        sound = vowels[code - KANA] & 7
        after = i
        full = 0  # full-size vowels that repeat the sound
        while after < until:
            if classes[after] != PROLONGED:
                if not _is_kana(classes[after]) or not KANA <= codes[after] < KANA + 0xC0:
                    break
                entry = vowels[codes[after] - KANA]
                if entry < 8 or sound == 0 or entry & 7 != sound:
                    break
                if entry < 16:
                    full += 1
            after += 1
        pending = -1
        while i < after:
            if classes[i] == PROLONGED:
                if pending < 0:
                    pending = i
            elif full < 3 and vowels[codes[i] - KANA] < 16:  # かあさん, おおい: up to two are words
                if pending >= 0:
                    codes[to], starts[to], ends[to], classes[to] = CHOONPU, starts[pending], ends[pending], PROLONGED
                    to += 1
                    pending = -1
                codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
                to += 1
            i += 1
        if pending >= 0 and after < until and _is_kana(classes[after]):
            codes[to], starts[to], ends[to], classes[to] = CHOONPU, starts[pending], ends[pending], PROLONGED
            to += 1
    return to


@njit(cache=True, nogil=True)
def fold_utf8(
    offsets: Any,
    octets: Any,
    table: Any,
    grow_at: Any,
    grow: Any,
    vowels: Any,
    voiced: Any,
    kana_twin: Any,
    kanji_twin: Any,
    letter_twin: Any,
    waves: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Folds every row of a UTF-8 column.

    Args:
        offsets: int32 (rows + 1,), byte offsets into `octets`, rising.
        octets: uint8 (bytes,), valid UTF-8 between the offsets.
        table: int32 (0x110000,), class << SHIFT | code for every code point.
        grow_at: int32 (expansions + 1,), where each expansion begins in `grow`.
        grow: int32 (characters,), table entries of the expansions.
        vowels: uint8 (0xC0,), per kana from KANA: sound 1-5 (aiueo), +8 full-size vowel, +16 small vowel.
        voiced: int32 (2, 0xC0), kana with ゛ and with ゜, 0 where there is none.
        kana_twin: int32 (0xC0,), the kanji that looks like this kana, 0 where there is none.
        kanji_twin: int32 (n, 3), kanji, the kana it looks like, and 1 when the kanji itself is rare.
        letter_twin: int32 (0x1C0,), from U+0370: the Latin letter this one looks like, 0 where there is none.
        waves: int32 (n,), code points that are a ー after kana.

    Returns:
        codes int32 (n,), starts int32 (n,), ends int32 (n,) (code points of the row), classes uint8 (n,),
        rows int64 (rows + 1,): characters rows[r] to rows[r + 1] belong to row r.
    """
    count = offsets.shape[0] - 1
    size = (offsets[count] - offsets[0]) * CHARACTERS_PER_BYTE
    codes = np.empty(size, np.int32)
    starts = np.empty(size, np.int32)
    ends = np.empty(size, np.int32)
    classes = np.empty(size, np.uint8)
    rows = np.zeros(count + 1, np.int64)
    to = 0
    for row in range(count):
        lo = to
        i = offsets[row]
        stop = offsets[row + 1]
        place = 0  # code points read so far
        separated = False
        stretched = False
        foreign = False
        katakana = False
        repeats = 0
        while i < stop:
            octet = octets[i]
            if octet < 0x80:
                code = np.int32(octet)
                i += 1
            elif octet < 0xE0 and i + 1 < stop:
                code = np.int32(octet & 0x1F) << 6 | np.int32(octets[i + 1] & 0x3F)
                i += 2
            elif octet < 0xF0 and i + 2 < stop:
                code = (
                    np.int32(octet & 0x0F) << 12 | np.int32(octets[i + 1] & 0x3F) << 6 | np.int32(octets[i + 2] & 0x3F)
                )
                i += 3
            elif i + 3 < stop:
                code = (
                    np.int32(octet & 0x07) << 18
                    | np.int32(octets[i + 1] & 0x3F) << 12
                    | np.int32(octets[i + 2] & 0x3F) << 6
                    | np.int32(octets[i + 3] & 0x3F)
                )
                i += 4
            else:  # a cut character can only come from a broken producer: one replacement character, then the next row
                code = np.int32(0xFFFD)
                i = stop
            entry = table[min(code, 0x10FFFF)]
            kind = entry >> SHIFT
            if kind <= JOINT:
                code = entry & CODE
                if to > lo and codes[to - 1] == code:
                    repeats += 1
                    stretched = stretched or repeats > 1
                else:
                    repeats = 0
                codes[to] = code
                starts[to] = place
                ends[to] = place + 1
                classes[to] = kind
                to += 1
                if kind >= PROLONGED:
                    if kind >= SPACE:
                        separated = True
                    elif kind == PROLONGED:
                        stretched = True
                    elif code >= 0x370:
                        foreign = True
                elif kind == KATAKANA:
                    katakana = True
                    stretched = stretched or (KANA <= code < KANA + 0xC0 and vowels[code - KANA] >= 16)
                elif kind == HIRAGANA:
                    stretched = stretched or (KANA <= code < KANA + 0xC0 and vowels[code - KANA] >= 16)
            elif kind == EXPAND:
                row_of = entry & CODE
                for j in range(grow_at[row_of], grow_at[row_of + 1]):
                    codes[to] = grow[j] & CODE
                    starts[to] = place
                    ends[to] = place + 1
                    classes[to] = grow[j] >> SHIFT
                    to += 1
                separated = True
                stretched = True
                foreign = True
                katakana = True
            elif kind == MARK:
                if to > lo:
                    ends[to - 1] = place + 1
            elif kind == WAVE:
                code = entry & CODE
                kind = OTHER
                if to > lo and HIRAGANA <= classes[to - 1] <= PROLONGED:
                    code = np.int32(CHOONPU)
                    kind = PROLONGED
                    stretched = True
                codes[to] = code
                starts[to] = place
                ends[to] = place + 1
                classes[to] = kind
                to += 1
            elif kind != DROP and to > lo and KANA <= codes[to - 1] < KANA + 0xC0:
                code = voiced[kind - VOICED, codes[to - 1] - KANA]
                if code:
                    codes[to - 1] = code
                ends[to - 1] = place + 1
            place += 1
        if katakana:
            _undo_twins(codes, classes, lo, to, kana_twin, kanji_twin, waves)
            stretched = True
        if separated:
            to = _join_words(codes, starts, ends, classes, lo, to, vowels)
            stretched = True
        if foreign:
            _undo_letters(codes, classes, lo, to, letter_twin)
        if stretched:
            to = _shorten_vowels(codes, starts, ends, classes, lo, to, vowels)
        rows[row + 1] = to
    return codes[:to].copy(), starts[:to].copy(), ends[:to].copy(), classes[:to].copy(), rows
