"""Folds the disguises of a whole UTF-8 column; what each step does and why stands in `yoake.detect.text.fold`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import (
    AFTER_LONG,
    BLANKS_MEET,
    BREAK,
    CHARACTERS_PER_BYTE,
    CHOONPU,
    CLASS,
    CODE,
    DIGIT,
    DROP,
    EXPAND,
    FOREIGN,
    HIRAGANA,
    IS_APART,
    IS_DIGIT,
    IS_LETTER,
    IS_LONG,
    JOINT,
    KANA,
    KANJI,
    LENGTHENS,
    LETTERS_MEET_DIGITS,
    LONG_FIRST,
    MARK,
    OTHER,
    PROLONGED,
    RING,
    SAID,
    SCRIPTS_MEET,
    SHIFT,
    SMALL,
    STRETCHES,
    TWIN,
    VOICED,
    VOWEL,
    VOWEL_BIT,
    WAVE,
    Tables,
)
from yoake.detect.kernels.latin import shorten_letters, undo_leet, undo_letters, undo_zeros
from yoake.detect.kernels.said import say_emoji
from yoake.detect.kernels.spelled import STACK, join_spelled, join_words, look_for_gaps, unstack
from yoake.detect.kernels.stretched import drop_long, shorten_vowels
from yoake.detect.kernels.twins import after_katakana, first_katakana, undo_ones, undo_twins

_1, _2, _3, _4 = (np.uint64(n) for n in (1, 2, 3, 4))


@njit(cache=True, nogil=True)
def fold_utf8(offsets: Any, octets: Any, t: Tables) -> tuple[Any, Any, Any, Any, Any]:
    """Folds every row of a UTF-8 column.

    Reading notes what stands beside what, so that only the steps that can change a row look at it again; a row with a
    character that becomes several, or none of its own, takes them all. Unsigned numbers count nothing from the end and
    so cost numba no check.

    Args:
        offsets: int32 (rows + 1,), byte offsets into `octets`, rising.
        octets: uint8 (bytes,), valid UTF-8 between the offsets.
        t: what is looked up.

    Returns:
        codes int32 (n,), starts int32 (n,), ends int32 (n,) (code points of the row), classes uint8 (n,),
        rows int64 (rows + 1,): characters rows[r] to rows[r + 1] belong to row r.
    """
    table, vowels, links = t.table, t.vowels, t.links  # read often
    count = offsets.shape[0] - 1
    size = (offsets[count] - offsets[0]) * CHARACTERS_PER_BYTE
    codes = np.empty(size, np.int32)
    starts = np.empty(size, np.int32)
    ends = np.empty(size, np.int32)
    classes = np.empty(size, np.uint8)
    rows = np.zeros(count + 1, np.int64)
    to: Any = np.int64(0)  # typed: a bare 0 would have what is called with it compiled twice
    for row in range(count):
        lo = to
        out = np.uint64(to)
        i = np.uint64(offsets[row])
        stop = np.uint64(offsets[row + 1])
        place: Any = np.int32(0)  # code points read so far
        seen = np.uint32(0)  # what stands beside what, by the bits of `links`
        had = np.uint32(0)  # properties of the characters
        before = np.uint32(OTHER)  # class of the character before
        last = np.uint32(0)  # the character before
        run = np.uint32(0)  # how often it stood there already
        length = 0  # of the word
        solid = np.uint32(0)  # its characters that are more than a stretched vowel
        singles: Any = 0  # characters by themselves
        breaks = 0
        stretched: Any = -1  # the first character after which something may be stretched
        involved = False  # a character became several, or changed the one before
        spoken = False
        while i < stop:
            octet = np.uint32(octets[i])
            if octet < 0x80:
                code = octet
                i += _1
            elif octet >= 0xE0 and octet < 0xF0 and i + _2 < stop:
                code = np.uint32(
                    (octet & np.uint32(0x0F)) << np.uint32(12)
                    | (np.uint32(octets[i + _1]) & np.uint32(0x3F)) << np.uint32(6)
                    | (np.uint32(octets[i + _2]) & np.uint32(0x3F))
                )
                i += _3
            elif octet < 0xE0 and i + _1 < stop:
                code = np.uint32(
                    (octet & np.uint32(0x1F)) << np.uint32(6) | (np.uint32(octets[i + _1]) & np.uint32(0x3F))
                )
                i += _2
            elif octet >= 0xF0 and i + _3 < stop:
                code = np.uint32(
                    (octet & np.uint32(0x07)) << np.uint32(18)
                    | (np.uint32(octets[i + _1]) & np.uint32(0x3F)) << np.uint32(12)
                    | (np.uint32(octets[i + _2]) & np.uint32(0x3F)) << np.uint32(6)
                    | (np.uint32(octets[i + _3]) & np.uint32(0x3F))
                )
                code = min(code, np.uint32(0x10FFFF))
                i += _4
            else:  # a cut character can only come from a broken producer: one replacement character, then the next row
                code = np.uint32(0xFFFD)
                i = stop
            entry = table[np.uint64(code)]
            kind = np.uint32((entry >> np.uint32(SHIFT)) & np.uint32(CLASS))
            code = np.uint32(entry & np.uint32(CODE))
            if kind > JOINT:
                if kind == WAVE:
                    if before >= HIRAGANA and before <= PROLONGED:
                        entry = table[np.uint64(CHOONPU)]
                        kind = np.uint32(PROLONGED)
                        code = np.uint32(CHOONPU)
                    else:
                        kind = np.uint32(OTHER)
                elif kind == DROP:
                    place += np.int32(1)
                    continue
                elif kind == MARK:
                    place += np.int32(1)
                    if out > np.uint64(lo):
                        ends[out - _1] = place
                    continue
                else:
                    involved = True
                    if kind == EXPAND:
                        for j in range(t.grow_at[np.int64(code)], t.grow_at[np.int64(code) + 1]):
                            codes[out] = t.grow[j] & CODE
                            classes[out] = t.grow[j] >> SHIFT
                            starts[out] = place
                            ends[out] = place + np.int32(1)
                            out += _1
                    elif kind == SAID:
                        spoken = True
                        codes[out] = code
                        classes[out] = SAID
                        starts[out] = place
                        ends[out] = place + np.int32(1)
                        out += _1
                    elif out > np.uint64(lo) and KANA <= codes[out - _1] < KANA + 0xC0:  # ゛ and ゜
                        voiced = t.voiced[np.int64(kind) - VOICED, codes[out - _1] - KANA]
                        if voiced:
                            codes[out - _1] = voiced
                        ends[out - _1] = place + np.int32(1)
                    place += np.int32(1)
                    if out > np.uint64(lo):
                        before = np.uint32(classes[out - _1])
                        last = np.uint32(codes[out - _1])
                    continue
            if kind >= KANJI and kind <= DIGIT:
                length += 1
                solid += np.uint32(1) - ((entry >> np.uint32(VOWEL_BIT)) & np.uint32(1))
            else:
                if kind == BREAK:
                    if octet == 0x0D and i < stop and octets[i] == 0x0A:
                        place += np.int32(1)
                        continue  # one line break, not two
                    breaks += 1
                singles += length > 0 and solid < 2
                length = 0
                solid = np.uint32(0)
            link = links[np.uint64(before << np.uint32(4) | kind)]
            run = run + np.uint32(1) if code == last else np.uint32(0)
            if stretched < 0 and (
                run > 1
                or entry >= np.uint32(SMALL)
                or link & np.uint32(STRETCHES)
                or (link & np.uint32(AFTER_LONG) and entry & np.uint32(VOWEL))
            ):
                stretched = np.int64(out)
            seen |= link
            had |= entry
            codes[out] = code
            starts[out] = place
            place += np.int32(1)
            ends[out] = place
            classes[out] = kind
            out += _1
            before = kind
            last = code
        to = np.int64(out)
        if before == PROLONGED and stretched < 0:
            stretched = to
        if involved:
            seen = had = np.uint32(0xFFFFFFFF)
            stretched = lo
        changed = involved
        prolonged = seen & np.uint32(IS_LONG) != 0
        digits = seen & np.uint32(IS_DIGIT) != 0
        letters = seen & np.uint32(IS_LETTER) != 0
        separated = seen & np.uint32(IS_APART) != 0
        lengthened = seen & np.uint32(LENGTHENS) != 0
        if breaks >= STACK - 1:
            end = to
            to = unstack(codes, starts, ends, classes, lo, to, t)
            if to < end:
                changed = True
                prolonged = True
                lengthened = True
        if changed or (seen & np.uint32(SCRIPTS_MEET) and had & np.uint32(TWIN)):
            first = first_katakana(classes, lo, to)
            if first < to:
                changed = undo_twins(codes, classes, lo, to, first, after_katakana(classes, first, to), t) or changed
        if spoken:
            to = say_emoji(codes, starts, ends, classes, lo, to, t)
        if lengthened:
            to = drop_long(codes, starts, ends, classes, lo, to)
            changed = True
        if changed:
            joining, spelled = look_for_gaps(codes, classes, lo, to, vowels)
        else:
            joining = seen & np.uint32(BLANKS_MEET) or singles > 0 or (length > 0 and solid < 2)
            spelled = singles > 1
        separated = separated and joining
        if spelled:
            end = to
            to = join_spelled(codes, starts, ends, classes, lo, to, vowels)
            spelled = to < end
            changed = changed or spelled
        if separated:
            to = join_words(codes, starts, ends, classes, lo, to, vowels)
            changed = True
            if spelled:  # what was joined may be a stretched character of such a word
                to = join_spelled(codes, starts, ends, classes, lo, to, vowels)
        if (separated or spelled) and prolonged:
            to = drop_long(codes, starts, ends, classes, lo, to)
        if had & np.uint32(FOREIGN):
            changed = undo_letters(codes, classes, lo, to, t.letter_twin) or changed
        if letters and (changed or stretched >= 0):
            end = to
            to = shorten_letters(codes, starts, ends, classes, lo, to)
            changed = changed or to < end
        mixed = changed or seen & np.uint32(LETTERS_MEET_DIGITS)
        if mixed and digits and letters and undo_leet(codes, classes, lo, to, t.leet):
            to = shorten_letters(codes, starts, ends, classes, lo, to)
            changed = True
        if digits and ((mixed and letters) or had & np.uint32(RING)):
            undo_zeros(codes, classes, lo, to)
        if prolonged and (changed or seen & np.uint32(LONG_FIRST)):
            undo_ones(codes, classes, lo, to, t.ones)
        if changed or stretched >= 0:  # what comes before it is as it was: a stretched word begins at most five before
            to = shorten_vowels(codes, starts, ends, classes, lo if changed else max(lo, stretched - 6), to, vowels)
        rows[row + 1] = to
    return codes[:to], starts[:to], ends[:to], classes[:to], rows  # no copy: what was not written has no memory
