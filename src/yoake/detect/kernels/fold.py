"""Folds the disguises of a whole UTF-8 column; what each step does and why stands in `yoake.detect.text.fold`."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

# A table entry is properties | class << SHIFT | code point.
SHIFT: Final = 21
CODE: Final = (1 << SHIFT) - 1
CLASS: Final = 0x1F  # of an entry shifted down
_VOWEL_BIT: Final = 26
VOWEL: Final = 1 << _VOWEL_BIT  # may be nothing but the vowel before it, stretched: a kana for a vowel, and ー
TWIN: Final = 1 << 27  # kanji or katakana that looks like one of the other script
FOREIGN: Final = 1 << 28  # a letter that is not ASCII
RING: Final = 1 << 29  # may stand for a zero
SMALL: Final = 1 << 31  # small kana for a vowel; the highest bit, so that one comparison finds it

# What it may mean that a character stands beside another; bits of an entry of `links`.
_LONG: Final = 1 << 0  # it is a ー
_FIGURE: Final = 1 << 1  # a digit
_LETTER: Final = 1 << 2
_APART: Final = 1 << 3  # a blank, break or joint
_SCRIPTS_MEET: Final = 1 << 4  # katakana and kanji, or kanji and ー: one may be the other's look-alike
_LENGTHENS: Final = 1 << 5  # ー after what has no vowel to stretch
_STRETCHES: Final = 1 << 6  # the end of ー, or a second one
_AFTER_LONG: Final = 1 << 7  # kana after ー
_LONG_FIRST: Final = 1 << 8  # ー that begins a word
_BLANKS_MEET: Final = 1 << 9
_LETTERS_MEET_DIGITS: Final = 1 << 10

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
_1, _2, _3, _4 = (np.uint64(n) for n in (1, 2, 3, 4))
_BEFORE_JAPANESE: Final = 17
_SPEAKS: Final = 18

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
_MANY: Final = 3  # words
_UNLIKE: Final = (0x38, 0x39)  # 8 for b, 9 for g
_HYPHEN: Final = 0x2D
_LONGEST: Final = 14  # characters of a Latin word; longer ones are addresses and keys
_UNITS: Final = (0x4E07, 0x5186, 0x5343)  # 万 円 千
_ID_BEFORE: Final = (0x40, 0x5F, 0x2F, 0x2E, 0x3A, 0x3D, 0x26, 0x3F)  # @ _ / . : = & ?
_ID_AFTER: Final = (0x40, 0x5F, 0x3D)  # @ _ =
_STACK: Final = 5  # lines of a text that is written one character a line
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
def _is_word(kind: int) -> bool:
    return KANJI <= kind <= DIGIT


@njit(cache=True, nogil=True, inline="always")
def _is_japanese(kind: int) -> bool:
    return KANJI <= kind <= PROLONGED


@njit(cache=True, nogil=True, inline="always")
def _is_kana(kind: int) -> bool:
    return kind in (HIRAGANA, KATAKANA)


@njit(cache=True, nogil=True, inline="always")
def _is_stretch(code: int, kind: int, vowels: Any) -> bool:
    """Whether a character may be nothing but the vowel before it, stretched."""
    return kind == PROLONGED or (_is_kana(kind) and KANA <= code < KANA + 0xC0 and vowels[code - KANA] >= 8)


@njit(cache=True, nogil=True, inline="always")
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
def _unstack(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, t: Tables) -> int:
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
                _, vowel = _counts(codes[i], classes[i], 0, t.vowels)
        elif starts[i] > starts[i - 1]:
            counted, vowel = _counts(codes[i], classes[i], vowel, t.vowels)
            size += counted + blanks
            blanks = 0
    if lines < _STACK:
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
def _say_emoji(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, t: Tables) -> int:
    """📦運搬 -> 📦荷物運搬: beside Japanese the word an emoji stands for follows it, unless it is there. In place; new end."""
    beside = False  # whether the next character, blanks and other such emoji aside, is Japanese
    for i in range(until - 1, lo - 1, -1):
        if classes[i] >= SAID:
            classes[i] = _BEFORE_JAPANESE if beside else SAID
        elif classes[i] not in (SPACE, BREAK):
            beside = _is_japanese(classes[i])
    more = 0
    beside = False
    for i in range(lo, until):
        if classes[i] < SAID:
            beside = _is_japanese(classes[i]) if classes[i] not in (SPACE, BREAK) else beside
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
        if _is_kana(t.said_word[first + size - 1] >> SHIFT):
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
def _undo_twins(codes: Any, classes: Any, lo: int, until: int, first: int, after_last: int, t: Tables) -> bool:
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
                meant = (before == KANJI or not _is_word(before)) and not (flags & COUNTS and codes[i + 1] in t.counted)
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
                meant = not _is_word(after)
            else:
                meant = not _is_word(before) and not (flags & NUMBER and _is_counted(codes, classes, i + 1, until, t))
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
def _drop_long(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int) -> int:
    """高収入ーー, 募集ー!: ー after a kanji or a letter that says nothing goes; 東京ー大阪 stays. In place; new end."""
    to = lo
    i = lo
    while i < until:
        if classes[i] == PROLONGED and to > lo and classes[to - 1] in (KANJI, LETTER):
            after = i + 1
            while after < until and classes[after] == PROLONGED:
                after += 1
            if after > i + 1 or after == until or not _is_word(classes[after]):
                i = after
                continue
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
    return to


@njit(cache=True, nogil=True)
def _join_words(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
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
                    # d.m o.k: another gap than those inside the word ends it
                    drop = part < 2 and (joined == 0 or glued == glue)
                    drop = drop and _measure(codes, classes, after, until, vowels) < 2
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
    while i < until and _is_word(classes[i]) and _measure(codes, classes, i, until, vowels) < 2:
        last = i
        count += 1
        japanese += _is_japanese(classes[i])
        letters += classes[i] == LETTER
        while i < until and _is_word(classes[i]):  # one that is stretched has more: やーー
            counted, vowel = _counts(codes[i], classes[i], vowel, vowels)
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
def _look_for_gaps(codes: Any, classes: Any, lo: int, until: int, vowels: Any) -> tuple[bool, bool]:
    """Whether `_join_words` and `_join_spelled` could change anything: most texts have nothing for them.

    Returns:
        Whether there is a single character by itself, or blanks in a row; and whether there are two such characters
        before a separator or mark.
    """
    singles = 0
    blanks = False
    solid = -1  # characters of a word that are more than a stretched vowel; -1 outside of words
    for i in range(lo, until):
        kind = classes[i]
        if _is_word(kind):
            solid = max(solid, 0) + (not _is_stretch(codes[i], kind, vowels))
        else:
            singles += 0 <= solid < 2
            blanks = blanks or (SPACE <= kind <= JOINT and i > lo and SPACE <= classes[i - 1] <= JOINT)
            solid = -1
    return blanks or singles > 0 or 0 <= solid < 2, singles > 1


@njit(cache=True, nogil=True)
def _join_spelled(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """Words spelled out across scripts or with a mark of any kind: 日 給 5 万, 受★け★子. In place; new end."""
    to = lo
    chained = lo  # up to here a word is spelled out
    looked = lo  # up to here none begins
    i = lo
    while i < until:
        if _is_word(classes[i]):
            if i >= looked and i >= chained and (i == lo or not _is_word(classes[i - 1])):
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


@njit(cache=True, nogil=True)
def _latin_of(code: int, letter_twin: Any) -> int:
    """The Latin letter that a letter of another script looks like, 0: none."""
    at = np.searchsorted(letter_twin[:, 0], code)
    return letter_twin[at, 1] if at < letter_twin.shape[0] and letter_twin[at, 0] == code else 0


@njit(cache=True, nogil=True)
def _undo_letters(codes: Any, classes: Any, lo: int, until: int, letter_twin: Any) -> bool:
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
def _leet_word(codes: Any, classes: Any, at: int, lo: int, until: int, leet: Any) -> tuple[int, bool, bool]:
    """Looks at the letters and digits from `at` on.

    Returns:
        One past the last; whether they are a word in which digits stand for letters; and whether they may be one
        where most words of a text are written so.
    """
    after = at
    letters = 0
    digits = 0
    plain = True  # Latin letters, and digits that look like one
    paired = True  # one digit, or the same twice: d00r; none of those that only look like one where others do
    while after < until and classes[after] in (LETTER, DIGIT):
        code = codes[after]
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
        return after, False, False
    if (at > lo and codes[at - 1] in _ID_BEFORE) or (after < until and codes[after] in _ID_AFTER):
        return after, False, False
    inside = classes[at] == LETTER and classes[after - 1] == LETTER
    inside = inside and not (at > lo and codes[at - 1] == _HYPHEN) and not (after < until and codes[after] == _HYPHEN)
    likely = letters > 1 or (digits == 1 and classes[at] == LETTER)  # n0, m3; 5k and 3g are amounts
    return after, inside and paired and digits < letters and letters > 2, likely


@njit(cache=True, nogil=True)
def _undo_leet(codes: Any, classes: Any, lo: int, until: int, leet: Any) -> bool:
    """t3l3gr4m -> telegram. In place; whether anything changed.

    Digits become letters only inside a word of Latin letters that has more letters than digits and is no part of an
    address or id: amounts, 3days, abc12 and wallets stay. Where many words are written so, all are: f0r 7h3 5tudents.
    """
    words = 0
    perhaps = 0
    i = lo
    while i < until:
        if classes[i] not in (LETTER, DIGIT):
            i += 1
            continue
        i, sure, likely = _leet_word(codes, classes, i, lo, until, leet)
        words += sure
        perhaps += likely
    everywhere = words >= _MANY or perhaps >= 2 * _MANY
    if words == 0 and not everywhere:
        return False
    i = lo
    while i < until:
        if classes[i] not in (LETTER, DIGIT):
            i += 1
            continue
        first = i
        i, sure, likely = _leet_word(codes, classes, i, lo, until, leet)
        if not sure and not (likely and everywhere):
            continue
        for j in range(first, i):
            if classes[j] == DIGIT:
                # te1egram, so1d: l where a vowel stands before it, i elsewhere
                l_for_1 = codes[j] == 0x31 and j > first and _is_vowel_letter(codes[j - 1]) and j + 1 < i
                codes[j] = 0x6C if l_for_1 else leet[codes[j]]
                classes[j] = LETTER
    return True


@njit(cache=True, nogil=True)
def _undo_zeros(codes: Any, classes: Any, lo: int, until: int) -> None:
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
        if (first > lo and classes[first - 1] == LETTER) or (after == i and i < until and classes[i] == LETTER):
            continue
        for j in range(first, after):
            codes[j] = 0x30 if _is_like_o(codes[j]) else codes[j]
            classes[j] = DIGIT


@njit(cache=True, nogil=True)
def _shorten_letters(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int) -> int:
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


@njit(cache=True, nogil=True)
def _shorten_vowels(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int, vowels: Any) -> int:
    """バイトォォー -> ばいと, やばーーーい -> やばい: stretched vowels go, a single inner ー stays. In place; new end."""
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
        long = False  # ー twice or more
        while after < until:
            if classes[after] == PROLONGED:
                long = long or (after > i and classes[after - 1] == PROLONGED)
            else:
                if not _is_kana(classes[after]) or not KANA <= codes[after] < KANA + 0xC0:
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
        if pending >= 0 and after < until and _is_kana(classes[after]):
            codes[to], starts[to], ends[to], classes[to] = CHOONPU, starts[pending], ends[pending], PROLONGED
            to += 1
    return to


@njit(cache=True, nogil=True)
def _drop_joints(codes: Any, starts: Any, ends: Any, classes: Any, lo: int, until: int) -> int:
    """口座・通帳 -> 口座通帳: joints between Japanese characters go. In place; new end."""
    to = lo
    i = lo
    while i < until:
        if classes[i] == JOINT and to > lo and _is_japanese(classes[to - 1]):
            after = i + 1
            while after < until and classes[after] == JOINT:
                after += 1
            if after < until and _is_japanese(classes[after]):
                i = after
                continue
        codes[to], starts[to], ends[to], classes[to] = codes[i], starts[i], ends[i], classes[i]
        to += 1
        i += 1
    return to


@njit(cache=True, nogil=True)
def _undo_ones(codes: Any, classes: Any, lo: int, until: int, ones: Any) -> None:
    """ー人 -> 一人: a ー that begins a word has no vowel to stretch. In place."""
    for i in range(lo, until - 1):
        if classes[i] == PROLONGED and not (i > lo and _is_word(classes[i - 1])) and codes[i + 1] in ones:
            codes[i] = 0x4E00
            classes[i] = KANJI


@njit(cache=True, nogil=True, inline="always")
def _first_katakana(classes: Any, lo: int, until: int) -> int:
    """The first one, `until`: none."""
    while lo < until and classes[lo] != KATAKANA:
        lo += 1
    return lo


@njit(cache=True, nogil=True, inline="always")
def _after_katakana(classes: Any, lo: int, until: int) -> int:
    """One past the last one."""
    while until > lo and classes[until - 1] != KATAKANA:
        until -= 1
    return until


@njit(cache=True, nogil=True)
def fold_utf8(offsets: Any, octets: Any, t: Tables, joined: bool) -> tuple[Any, Any, Any, Any, Any]:
    """Folds every row of a UTF-8 column.

    Reading notes what stands beside what, so that only the steps that can change a row look at it again; a row with a
    character that becomes several, or none of its own, takes them all. Unsigned numbers count nothing from the end and
    so cost numba no check.

    Args:
        offsets: int32 (rows + 1,), byte offsets into `octets`, rising.
        octets: uint8 (bytes,), valid UTF-8 between the offsets.
        t: what is looked up.
        joined: take away every joint between Japanese characters.

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
    to: Any = 0
    for row in range(count):
        lo = to
        out = np.uint64(to)
        i = np.uint64(offsets[row])
        stop = np.uint64(offsets[row + 1])
        place: Any = np.int32(0)  # code points read so far
        seen = np.uint32(0)  # what stands beside what, by LINKS
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
                solid += np.uint32(1) - ((entry >> np.uint32(_VOWEL_BIT)) & np.uint32(1))
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
                or link & np.uint32(_STRETCHES)
                or (link & np.uint32(_AFTER_LONG) and entry & np.uint32(VOWEL))
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
        prolonged = seen & np.uint32(_LONG) != 0
        digits = seen & np.uint32(_FIGURE) != 0
        letters = seen & np.uint32(_LETTER) != 0
        separated = seen & np.uint32(_APART) != 0
        lengthened = seen & np.uint32(_LENGTHENS) != 0
        if breaks >= _STACK - 1:
            end = to
            to = _unstack(codes, starts, ends, classes, lo, to, t)
            if to < end:
                changed = True
                prolonged = True
                lengthened = True
        if changed or (seen & np.uint32(_SCRIPTS_MEET) and had & np.uint32(TWIN)):
            first = _first_katakana(classes, lo, to)
            if first < to:
                changed = _undo_twins(codes, classes, lo, to, first, _after_katakana(classes, first, to), t) or changed
        if spoken:
            to = _say_emoji(codes, starts, ends, classes, lo, to, t)
        if lengthened:
            to = _drop_long(codes, starts, ends, classes, lo, to)
            changed = True
        if changed:
            joining, spelled = _look_for_gaps(codes, classes, lo, to, vowels)
        else:
            joining = seen & np.uint32(_BLANKS_MEET) or singles > 0 or (length > 0 and solid < 2)
            spelled = singles > 1
        separated = separated and joining
        if spelled:
            end = to
            to = _join_spelled(codes, starts, ends, classes, lo, to, vowels)
            spelled = to < end
            changed = changed or spelled
        if separated:
            to = _join_words(codes, starts, ends, classes, lo, to, vowels)
            changed = True
            if spelled:  # what was joined may be a stretched character of such a word
                to = _join_spelled(codes, starts, ends, classes, lo, to, vowels)
        if (separated or spelled) and prolonged:
            to = _drop_long(codes, starts, ends, classes, lo, to)
        if had & np.uint32(FOREIGN):
            changed = _undo_letters(codes, classes, lo, to, t.letter_twin) or changed
        if letters and (changed or stretched >= 0):
            end = to
            to = _shorten_letters(codes, starts, ends, classes, lo, to)
            changed = changed or to < end
        mixed = changed or seen & np.uint32(_LETTERS_MEET_DIGITS)
        if mixed and digits and letters and _undo_leet(codes, classes, lo, to, t.leet):
            to = _shorten_letters(codes, starts, ends, classes, lo, to)
            changed = True
        if digits and ((mixed and letters) or had & np.uint32(RING)):
            _undo_zeros(codes, classes, lo, to)
        if prolonged and (changed or seen & np.uint32(_LONG_FIRST)):
            _undo_ones(codes, classes, lo, to, t.ones)
        if changed or stretched >= 0:  # what comes before it is as it was: a stretched word begins at most five before
            to = _shorten_vowels(codes, starts, ends, classes, lo if changed else max(lo, stretched - 6), to, vowels)
        if joined and seen & np.uint32(_APART):
            to = _drop_joints(codes, starts, ends, classes, lo, to)
        rows[row + 1] = to
    return codes[:to], starts[:to], ends[:to], classes[:to], rows  # no copy: what was not written has no memory


def links() -> Any:
    """What may be meant where characters of two classes meet: `Tables.links`."""
    found = np.zeros((32, 16), np.uint32)
    kana = [HIRAGANA, KATAKANA]
    for before, after in ((KATAKANA, KANJI), (KANJI, PROLONGED)):
        found[before, after] |= _SCRIPTS_MEET
        found[after, before] |= _SCRIPTS_MEET
    found[[KANJI, LETTER], PROLONGED] |= _LENGTHENS
    for bit, kind in ((_LONG, PROLONGED), (_FIGURE, DIGIT), (_LETTER, LETTER), (_APART, slice(SPACE, JOINT + 1))):
        found[:, kind] |= bit
    found[PROLONGED, [kind for kind in range(16) if kind not in kana]] |= _STRETCHES
    found[PROLONGED, kana] |= _AFTER_LONG
    found[[kind for kind in range(32) if not KANJI <= kind <= DIGIT], PROLONGED] |= _LONG_FIRST
    found[SPACE : JOINT + 1, SPACE : JOINT + 1] |= _BLANKS_MEET
    found[LETTER, DIGIT] |= _LETTERS_MEET_DIGITS
    found[DIGIT, LETTER] |= _LETTERS_MEET_DIGITS
    return found.ravel()
