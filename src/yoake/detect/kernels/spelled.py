"""Words spelled out: separators inside them, one character a line, a mark between all."""

from __future__ import annotations

from typing import Any, Final

from numba import njit

from yoake.detect.kernels.characters import (
    ANY_VOWEL,
    BREAK,
    CHOONPU,
    DIGIT,
    HIRAGANA,
    JOINT,
    LETTER,
    OTHER,
    PROLONGED,
    SPACE,
    Tables,
    counts,
    is_japanese,
    is_stretch,
    is_word,
    measure,
)

STACK: Final = 5  # lines of a text that is written one character a line
_CHAIN: Final = 4  # single characters in a row, each by itself, that are a word spelled out: 日 給 5 万
_MARKED: Final = 3  # the same with one and the same mark between them: 受★け★子
_LISTS: Final = (
    0x2C,
    0x3001,
    0x23,
    0x40,
    0x2192,
    0x21D2,
    0x27A1,
)  # , 、 # @ → ⇒ ➡ stand between words for another reason


@njit(cache=True, nogil=True)
def unstack(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, t: Tables) -> int:
    """One character a line, all lines: the breaks go, blanks that have a line of their own stay. In place; new end."""
    lines = 0
    size = 0  # of a line: original characters, stretched ones are one, without blanks at its ends
    blanks = 0
    vowel = 0
    for i in range(lo, until + 1):
        if i == until or classes[i] == BREAK:
            if size > 1:
                return until
            lines += size
            size = 0
            blanks = 0
        elif classes[i] == SPACE:
            blanks += size > 0
        elif size == 0:
            size = 1
            vowel = ANY_VOWEL
            if classes[i] != PROLONGED:
                _, vowel = counts(codes[i], classes[i], 0, t.vowels)
        elif starts[i] > starts[i - 1]:
            counted, vowel = counts(codes[i], classes[i], vowel, t.vowels)
            size += counted + blanks
            blanks = 0
    if lines < STACK:
        return until
    to = lo
    for i in range(lo, until):
        kind = classes[i]
        if kind == BREAK and i > lo and classes[i - 1] != BREAK:
            continue
        if kind == OTHER and to > lo and HIRAGANA <= classes[to - 1] <= PROLONGED and codes[i] in t.waves:
            codes[i] = CHOONPU
            kind = PROLONGED
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], kind
        to += 1
    return to


@njit(cache=True, nogil=True)
def join_words(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """Takes separators out of spelled-out words (受 け 子, 闇.バ.イ.ト, D M), keeps them elsewhere. In place; new end."""
    to = lo
    whole = 0  # length of the word that was written last, over everything joined to it
    part = 0  # length of its last part, as the writer split it
    joined = 0  # how many parts were joined before the last one
    spelled = True  # all of them single characters
    glue = False  # whether the last gap that went had more than blanks
    vowel = 0
    i = lo
    while i < until:
        kind = classes[i]
        if SPACE <= kind <= JOINT:
            after = i
            breaks = False
            glued = False
            while after < until and SPACE <= classes[after] <= JOINT:
                breaks = breaks or classes[after] == BREAK
                glued = glued or classes[after] == JOINT
                after += 1
            if to > lo and after < until:
                left = classes[to - 1]
                right = classes[after]
                drop = False
                if is_japanese(left) and is_japanese(right):
                    length = measure(codes, classes, after, until, vowels)
                    # A line break ends a word more often than a space does: both sides must be single characters.
                    # What was spelled out goes on into the next word: 受 け 子さん.
                    drop = (
                        (part < 2 and length < 2)
                        if breaks
                        else (whole < 2 or length < 2 or (joined > 0 and spelled and part < 2))
                    )
                elif left == LETTER and right == LETTER:
                    # d.m o.k: another gap than those inside the word ends it
                    drop = part < 2 and (joined == 0 or glued == glue)
                    drop = drop and measure(codes, classes, after, until, vowels) < 2
                if drop:
                    i = after
                    glue = glued
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
        if is_word(kind):
            if whole == 0:
                whole = 1
                vowel = ANY_VOWEL
                if kind != PROLONGED:
                    _, vowel = counts(codes[i], kind, 0, vowels)
                part = 1
            else:
                fresh = part == 0
                counted, vowel = counts(codes[i], kind, vowel, vowels)
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
def _chain(codes: Any, classes: Any, at: int, until: int, vowels: Any) -> tuple[int, int]:
    """Looks for a word that is spelled out from `at` on.

    Returns:
        Where it ends (`at`: there is none), and where its last character begins: nothing before needs a second look.
    """
    count = 0
    japanese = 0
    letters = 0
    size = 0  # of the word it would make
    vowel = ANY_VOWEL
    mark = -1  # what stands in every gap beside blanks; 0: nothing
    last = at
    end = at
    i = at
    while i < until and is_word(classes[i]) and measure(codes, classes, i, until, vowels) < 2:
        last = i
        count += 1
        japanese += is_japanese(classes[i])
        letters += classes[i] == LETTER
        while i < until and is_word(classes[i]):  # one that is stretched has more: やーー
            counted, vowel = counts(codes[i], classes[i], vowel, vowels)
            size += counted or size == 0
            i += 1
        end = i
        seen = 0
        joint = False
        while i < until and (SPACE <= classes[i] <= JOINT or (classes[i] == OTHER and seen == 0)):
            joint = joint or classes[i] == JOINT
            if classes[i] == OTHER:
                seen = codes[i]
            i += 1
        if seen in _LISTS or (mark >= 0 and seen != mark):
            break
        if joint and classes[end - 1] == DIGIT and i < until and classes[i] == DIGIT:
            break  # 5.5
        mark = seen
    spelled = count >= _CHAIN and (japanese >= 2 or (mark > 0 and letters == count))
    spelled = spelled or (mark > 0 and japanese == count and count >= _MARKED)
    return (end if spelled and size > 1 else at), last


@njit(cache=True, nogil=True)
def look_for_gaps(codes: Any, classes: Any, lo: int, until: int, vowels: Any) -> tuple[bool, bool]:
    """Whether `join_words` and `join_spelled` could change anything: most texts have nothing for them.

    Returns:
        Whether there is a single character by itself, or blanks in a row; and whether there are two such characters
        before a separator or mark.
    """
    singles = 0
    blanks = False
    solid = -1  # characters of a word that are more than a stretched vowel; -1 outside of words
    for i in range(lo, until):
        kind = classes[i]
        if is_word(kind):
            solid = max(solid, 0) + (not is_stretch(codes[i], kind, vowels))
        else:
            singles += 0 <= solid < 2
            blanks = blanks or (SPACE <= kind <= JOINT and i > lo and SPACE <= classes[i - 1] <= JOINT)
            solid = -1
    return blanks or singles > 0 or 0 <= solid < 2, singles > 1


@njit(cache=True, nogil=True)
def join_spelled(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """Words spelled out across scripts or with a mark of any kind: 日 給 5 万, 受★け★子. In place; new end."""
    to = lo
    chained = lo  # up to here a word is spelled out
    looked = lo  # up to here none begins
    i = lo
    while i < until:
        if is_word(classes[i]):
            if i >= looked and i >= chained and (i == lo or not is_word(classes[i - 1])):
                end, looked = _chain(codes, classes, i, until, vowels)
                looked = max(looked, i + 1)
                chained = max(chained, end)
        elif i < chained:
            i += 1
            continue
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
    return to
