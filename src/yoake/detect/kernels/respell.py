"""Gives key words one spelling in folded text: kana for kanji, digits for letters, separators inside, stretched."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import (
    DIGIT,
    HIRAGANA,
    JOINT,
    KANA,
    KANJI,
    KATAKANA,
    LETTER,
    OTHER,
    PROLONGED,
    SPACE,
)

LONGEST: Final = 24  # characters of a spelling
KEPT: Final = 255  # class of a character that stays as it was typed
_REACH: Final = 96  # characters before a change in which a word may now stand free that did not before
_GONE: Final = 200  # class of a character that a change took away; it is in no word
_BLANKS: Final = 3  # separators in one gap

# Flags of a spelling.
CHANGED: Final = 1  # it is not the word as it is written properly
KANA_FIRST: Final = 2  # begins with a few kana that may be the end of another word
KANA_LAST: Final = 4
LATIN: Final = 8

# Flags of the word: what must not stand beside it (besides kana of its own lists).
KANJI_BEFORE: Final = 16  # when it has a gap
KANJI_AFTER: Final = 32
KANA_AFTER_KANJI: Final = 64  # when the first character is read in kana: 講座, 白鷺
KANA_BEFORE_KANJI: Final = 128

_GAP_LATIN: Final = 5  # letters of the shortest Latin word that may have a gap


PAIRS: Final = 1 << 15
TRIPLES: Final = 1 << 17
BEGINS: Final = 1  # a spelling of three characters or more begins with these two
WHOLE: Final = 2  # they are one


@njit(cache=True, nogil=True, inline="always")
def pair(code: Any, following: Any) -> Any:
    """Place of two code points in a table of PAIRS."""
    return (code * 181 + following) & (PAIRS - 1)


@njit(cache=True, nogil=True, inline="always")
def triple(code: Any, following: Any, third: Any) -> Any:
    """Place of three code points in a table of TRIPLES."""
    return (code * 7919 + following * 181 + third) & (TRIPLES - 1)


class Spellings(NamedTuple):
    """The spellings of key words as an automaton; made in yoake.detect.text.readings."""

    symbols: Any  # uint16 (0x110000,), symbol of each code point, 0: in no spelling
    pairs: Any  # uint8 (PAIRS,), BEGINS | WHOLE: how a spelling may begin with two code points, by `pair`
    triples: Any  # bool (TRIPLES,), whether a spelling may begin with three code points, by `triple`
    root: Any  # int32 (symbols,), next state from the root
    base: Any  # int32 (states,), where the moves of a state lie
    check: Any  # int32 (m,), the state that owns a cell, -1 none
    target: Any  # int32 (m,), next state of the cell
    accept: Any  # int32 (states,), the spelling that ends here, -1: none
    flags: Any  # uint8 (spellings,)
    lists: Any  # int32 (spellings,), row of `beside`
    out_at: Any  # int32 (spellings + 1,), where the proper characters of a spelling begin
    out_code: Any  # int32 (n,), proper characters
    out_class: Any  # uint8 (n,), their classes; KEPT
    out_slot: Any  # uint8 (n,), the character of the spelling whose place they take
    out_from: Any  # uint8 (n,), the first character they come from
    out_to: Any  # uint8 (n,), the last one
    beside: (
        Any  # bool (lists, 2, 0xC0), kana that must not stand before and after, beside what KANA_FIRST and _LAST forbid
    )
    after_kana: Any  # bool (2, 0xC0), kana that may stand before and after a word of few kana: particles
    stands_for: Any  # int32 (128, 2), letters that an ASCII character may stand for, 0: none
    letter_twin: Any  # int32 (n, 2), as in kernels.characters


@njit(cache=True, nogil=True, inline="always")
def _parts(code: int, kind: int) -> bool:
    """Whether a character may stand between those of a word that is broken up: blanks, joints, ★ and emoji.

    A ○ hides a character and is a sign of its own: 口○座.
    """
    if kind == OTHER:
        return (0x2030 <= code < 0x3000 and code not in (0x25CB, 0x25CF, 0x25EF)) or code >= 0x1F000
    return SPACE <= kind <= JOINT


@njit(cache=True, nogil=True, inline="always")
def _move(state: int, symbol: int, s: Spellings) -> Any:
    """Next state, 0: none."""
    if symbol == 0:
        return 0
    if state == 0:
        return np.int64(s.root[symbol])
    cell = s.base[state] + symbol
    return np.int64(s.target[cell]) if s.check[cell] == state else 0


@njit(cache=True, nogil=True, inline="always")
def _letter_move(code: int, kind: int, state: int, s: Spellings) -> Any:
    """Next state when the character stands for a letter (1 for i or l, Cyrillic а for a), 0: none."""
    if code < 128:
        for k in range(2):
            letter = s.stands_for[code, k]
            if letter:
                found = _move(state, s.symbols[letter], s)
                if found:
                    return found
    elif kind == LETTER and code >= 0x100:
        at = np.searchsorted(s.letter_twin[:, 0], code)
        if at < s.letter_twin.shape[0] and s.letter_twin[at, 0] == code:
            return _move(state, s.symbols[s.letter_twin[at, 1]], s)
    return 0


@njit(cache=True, nogil=True)
def _neighbour(classes: Any, at: int, step: int, lo: int, hi: int) -> int:
    """The next character in a direction that is not gone, -1: none."""
    i = at + step
    while lo <= i < hi:
        if classes[i] != _GONE:
            return i
        i += step
    return -1


@njit(cache=True, nogil=True, inline="always")
def _is_kana(kind: int) -> bool:
    return HIRAGANA <= kind <= PROLONGED


@njit(cache=True, nogil=True)
def _blocked(codes: Any, classes: Any, edge: int, other: int, side: int, few: bool, row: int, s: Spellings) -> bool:
    """Whether the neighbour `other` (-1: none) of the edge of a spelling forbids it; side 0: before, 1: after."""
    if other < 0 or not _is_kana(classes[other]):
        return False
    code = codes[other]
    if not KANA <= code < KANA + 0xC0:
        return few  # ー
    if s.beside[row, side, code - KANA]:
        return True
    one, two = classes[edge], classes[other]
    switched = (one == HIRAGANA and two == KATAKANA) or (one == KATAKANA and two == HIRAGANA)
    return few and not switched and not s.after_kana[side, code - KANA]


@njit(cache=True, nogil=True)
def _fits(
    codes: Any, classes: Any, lo: int, hi: int, places: Any, size: int, gap: int, gaps: int, found: int, s: Spellings
) -> bool:
    """Whether the neighbours of a spelling let it be the key word.

    Args:
        codes: int32 (n,), folded code points.
        classes: uint8 (n,), their classes.
        lo: first of the row.
        hi: one past its last.
        places: int64 (LONGEST,), where its characters stand.
        size: how many.
        gap: characters before the first gap, 0: there is none.
        gaps: characters before the last gap.
        found: the spelling.
        s: all spellings.
    """
    flags = s.flags[found]
    row = s.lists[found]
    first = places[0]
    last = places[size - 1]
    before = _neighbour(classes, first, np.int64(-1), lo, hi)
    after = _neighbour(classes, last, np.int64(1), lo, hi)
    if flags & LATIN:
        for other in (before, after):
            if other >= 0 and (classes[other] in (LETTER, DIGIT) or codes[other] in (0x40, 0x5F)):  # @ _
                return False
        letters = 0
        for k in range(size):
            letters += classes[places[k]] == LETTER
        return 2 * letters >= size and (gap == 0 or size >= _GAP_LATIN)
    if gap:
        kanji_before = before >= 0 and classes[before] == KANJI
        kanji_after = after >= 0 and classes[after] == KANJI
        if kanji_before and (flags & KANJI_BEFORE or (gap == 1 and size < 4 and classes[first] == KANJI)):
            return False
        if kanji_after and (flags & KANJI_AFTER or (gaps == size - 1 and size < 3 and classes[last] == KANJI)):
            return False
    elif (flags & KANA_AFTER_KANJI and before >= 0 and classes[before] == KANJI and _is_kana(classes[first])) or (
        flags & KANA_BEFORE_KANJI and after >= 0 and classes[after] == KANJI and _is_kana(classes[last])
    ):
        return False
    few = gap > 0 and size < 4
    return not (
        _blocked(codes, classes, first, before, np.int64(0), few or flags & KANA_FIRST != 0, row, s)
        or _blocked(codes, classes, last, after, np.int64(1), few or flags & KANA_LAST != 0, row, s)
    )


@njit(cache=True, nogil=True)
def _longest(codes: Any, classes: Any, at: int, lo: int, hi: int, places: Any, s: Spellings) -> tuple[int, int]:
    """The longest spelling at a place that needs to be changed, -1: none; and how many characters it has."""
    state = 0
    size = 0
    gap: Any = np.int64(0)
    gaps: Any = np.int64(0)
    blanks = 0
    pending = False
    altered = False
    stretched = False
    best: Any = -1
    best_size = 0
    i = at
    while i < hi and size < LONGEST:
        kind = classes[i]
        if kind == _GONE:
            i += 1
            continue
        moved = _move(state, s.symbols[codes[i]], s)
        if moved == 0 and kind not in (KANJI, HIRAGANA, KATAKANA):
            moved = _letter_move(codes[i], kind, state, s)
            altered = altered or moved != 0
        if moved:
            if pending:
                gap = gap if gap else size
                gaps = size
                pending = False
            places[size] = i
            size += 1
            state = moved
            blanks = 0
            found = s.accept[state]
            if (
                found >= 0
                and (s.flags[found] & CHANGED or gap or altered or stretched)
                and not (stretched and s.flags[found] & (KANA_FIRST | KANA_LAST))  # ユーシー
                and _fits(codes, classes, lo, hi, places, size, gap, gaps, found, s)
            ):
                best, best_size = np.int64(found), size
        elif state == 0:
            break
        elif kind == PROLONGED and _is_kana(classes[places[size - 1]]):
            stretched = True  # ー that the word has not
        elif _parts(codes[i], kind) and blanks < _BLANKS:
            blanks += 1
            pending = True
        else:
            break
        i += 1
    return best, best_size


@njit(cache=True, nogil=True)
def _write(
    codes: Any, starts: Any, ends: Any, classes: Any, lo: int, hi: int, places: Any, size: int, found: int, s: Spellings
) -> None:
    """Puts the proper word in the place of a spelling. In place; what is left over is gone."""
    kept = classes[places[0] : places[size - 1] + 1].copy()
    first = places[0]
    classes[first : places[size - 1] + 1] = _GONE
    for k in range(s.out_at[found], s.out_at[found + 1]):
        slot = places[s.out_slot[k]]
        codes[slot] = s.out_code[k]
        classes[slot] = kept[slot - first] if s.out_class[k] == KEPT else s.out_class[k]
        starts[slot] = starts[places[s.out_from[k]]]
        ends[slot] = ends[places[s.out_to[k]]]
    if classes[slot] == KANJI:  # nor does a ー after it say anything, unless it stands alone between words
        after = places[size - 1] + 1
        long = 0
        while after < hi and classes[after] in (PROLONGED, _GONE):
            long += classes[after] == PROLONGED
            after += 1
        if long > 1 or after == hi or not KANJI <= classes[after] <= DIGIT:
            for i in range(places[size - 1] + 1, after):
                classes[i] = _GONE
    before = first - 1  # a ー before a kanji stretches nothing that goes on
    while classes[first] == KANJI and before >= lo and classes[before] in (PROLONGED, _GONE):
        classes[before] = _GONE
        before -= 1


@njit(cache=True, nogil=True)
def _leads_to_letter(codes: Any, classes: Any, at: int, until: int, stands_for: Any) -> bool:
    """Whether a letter follows a digit or sign that may stand for one: not so in amounts, times and dates."""
    blanks = 0
    for i in range(at + 1, min(until, at + _BLANKS * LONGEST)):
        if classes[i] == LETTER:
            return True
        if codes[i] < 128 and stands_for[codes[i], 0]:
            blanks = 0
        elif _parts(codes[i], classes[i]) and blanks < _BLANKS:
            blanks += 1
        elif classes[i] != _GONE:
            return False
    return False


@njit(cache=True, nogil=True)
def _candidate(
    codes: Any,
    classes: Any,
    lo: int,
    at: int,
    until: int,
    symbols: Any,
    root: Any,
    pairs: Any,
    triples: Any,
    stands_for: Any,
) -> Any:
    """The next place from `at` on where a spelling may begin, `until`: none. Plain characters tell by two or three."""
    i, hi = np.uint64(at), np.uint64(until)
    one, two = np.uint64(1), np.uint64(2)
    kind, code = classes[i], codes[i]
    while i < hi:
        follows, following = np.uint8(OTHER), np.int32(0)
        if i + one < hi:
            follows, following = classes[i + one], codes[i + one]
        if KANJI <= kind <= KATAKANA and KANJI <= follows <= KATAKANA:
            begins = pairs[np.uint64(pair(code, following))]
            if begins:
                third = classes[i + two] if i + two < hi else np.uint8(OTHER)
                if begins & WHOLE or third >= PROLONGED:
                    return np.int64(i)
                if third != OTHER:
                    if triples[np.uint64(triple(code, following, codes[i + two]))]:
                        return np.int64(i)
                elif i + two < hi and _parts(codes[i + two], OTHER):
                    return np.int64(i)
        elif kind >= PROLONGED or follows >= PROLONGED or (follows == OTHER and _parts(following, OTHER)):
            if root[np.uint64(symbols[np.uint64(code)])]:
                # a Latin word begins where letters begin
                if not (kind == LETTER and i > np.uint64(lo) and classes[i - one] == LETTER):
                    return np.int64(i)
            elif code < 128:
                if stands_for[np.uint64(code), 0] and _leads_to_letter(codes, classes, np.int64(i), until, stands_for):
                    return np.int64(i)
            elif kind == LETTER and not (i > np.uint64(lo) and classes[i - one] == LETTER):
                return np.int64(i)
        i += one
        kind, code = follows, following
    return until


@njit(cache=True, nogil=True)
def respell(
    codes: Any, starts: Any, ends: Any, classes: Any, rows: Any, s: Spellings
) -> tuple[Any, Any, Any, Any, Any]:
    """Gives the key words of every row their proper spelling.

    Args:
        codes: int32 (n,), folded code points; changed in place, as are the others.
        starts: int32 (n,), where the original of each character begins.
        ends: int32 (n,), one past where it ends.
        classes: uint8 (n,), classes of kernels.characters.
        rows: int64 (rows + 1,), where each row begins.
        s: the spellings.

    Returns:
        The five arrays, shorter where words became shorter.
    """
    places = np.zeros(LONGEST, np.int64)
    symbols, pairs, triples = s.symbols, s.pairs, s.triples  # read often
    root, base, check, target = s.root, s.base, s.check, s.target
    accept, flags, stands_for = s.accept, s.flags, s.stands_for
    to = 0
    for row in range(rows.shape[0] - 1):
        lo = rows[row]
        hi = rows[row + 1]
        changed = False
        i = lo
        while i < hi:
            i = _candidate(codes, classes, lo, i, hi, symbols, root, pairs, triples, stands_for)
            if i == hi:
                break
            state = np.int64(root[symbols[codes[i]]])
            if state:  # read on plainly: is anything there that needs a closer look?
                ahead = i + 1
                closer = False
                while ahead < hi:
                    code = codes[ahead]
                    cell = base[state] + symbols[code]
                    if check[cell] == state:
                        state = np.int64(target[cell])
                        closer = accept[state] >= 0 and flags[accept[state]] & CHANGED != 0
                        if closer:
                            break
                        ahead += 1
                        continue
                    kind = classes[ahead]
                    if kind == PROLONGED or _parts(code, kind):  # what stands beyond the gap?
                        while (
                            ahead < hi
                            and check[base[state] + symbols[codes[ahead]]] != state
                            and (classes[ahead] == PROLONGED or _parts(codes[ahead], classes[ahead]))
                        ):
                            closer = closer or (codes[ahead] < 128 and stands_for[codes[ahead], 0] != 0)
                            ahead += 1
                        if ahead < hi:
                            code, kind = codes[ahead], classes[ahead]
                            closer = closer or check[base[state] + symbols[code]] == state
                    stands = stands_for[code, 0] != 0 if code < 128 else kind == LETTER
                    closer = closer or stands or kind == _GONE
                    break
                if not closer:
                    i += 1
                    continue
            found, size = _longest(codes, classes, i, lo, hi, places, s)
            if found < 0:
                i += 1
                continue
            _write(codes, starts, ends, classes, lo, hi, places, size, found, s)
            changed = True
            i = max(lo, i - _REACH)
        rows[row] = to
        if to == lo and not changed:
            to = hi
            continue
        for i in range(lo, hi):
            if classes[i] != _GONE:
                codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
                to += 1
    rows[rows.shape[0] - 1] = to
    if to == codes.shape[0]:
        return codes, starts, ends, classes, rows
    return codes[:to], starts[:to], ends[:to], classes[:to], rows
