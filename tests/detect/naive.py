"""Slow plain twins of the kernels: written for reading, one step after another, no arrays."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from yoake.detect.kernels import characters as k
from yoake.detect.kernels import spelled as spelled_kernel
from yoake.detect.text import fold as tables
from yoake.detect.text import readings

T = k.Tables(*(table.tolist() for table in tables.tables()))
TABLE, VOWELS = T.table, T.vowels
LETTER_TWIN = dict(T.letter_twin)
WORD = range(k.KANJI, k.DIGIT + 1)
JAPANESE = range(k.KANJI, k.PROLONGED + 1)
BLANKS = (k.SPACE, k.BREAK, k.JOINT)


class Char(NamedTuple):
    code: int
    start: int
    end: int
    kind: int


def is_kana(c: Char) -> bool:
    return c.kind in (k.HIRAGANA, k.KATAKANA)


def sound(c: Char) -> int:
    """1-5 for aiueo, 0 when it has no vowel."""
    return VOWELS[c.code - k.KANA] & 7 if is_kana(c) and 0 <= c.code - k.KANA < 0xC0 else 0


def is_vowel(c: Char, size: int) -> bool:
    """A kana that is nothing but a vowel; size 8 full, 16 small."""
    return is_kana(c) and 0 <= c.code - k.KANA < 0xC0 and VOWELS[c.code - k.KANA] & 24 == size


def stretches(c: Char, vowel: int) -> bool:
    if c.kind == k.PROLONGED:
        return True
    return (is_vowel(c, 8) or is_vowel(c, 16)) and vowel in (sound(c), k.ANY_VOWEL)


def length(word: Sequence[Char]) -> int:
    """Characters of a word, stretching not counted."""
    count, vowel = 0, k.ANY_VOWEL
    for i, c in enumerate(word):
        count += i == 0 or not stretches(c, vowel)
        if c.kind != k.PROLONGED:
            vowel = sound(c)
    return count


def single(text: str) -> list[Char]:
    out: list[Char] = []
    for place, char in enumerate(text):
        if char == "\r" and text[place + 1 : place + 2] == "\n":
            continue  # one line break, not two
        kind, code = TABLE[ord(char)] >> k.SHIFT & k.CLASS, TABLE[ord(char)] & k.CODE
        before = out[-1] if out else None
        if kind == k.EXPAND:
            out += [
                Char(e & k.CODE, place, place + 1, e >> k.SHIFT) for e in T.grow[T.grow_at[code] : T.grow_at[code + 1]]
            ]
        elif kind == k.MARK and before:
            out[-1] = before._replace(end=place + 1)
        elif kind in (k.VOICED, k.SEMIVOICED) and before and 0 <= before.code - k.KANA < 0xC0:
            dotted = T.voiced[kind - k.VOICED][before.code - k.KANA]
            out[-1] = before._replace(end=place + 1, code=dotted or before.code)
        elif kind == k.WAVE:
            long = before is not None and (is_kana(before) or before.kind == k.PROLONGED)
            out.append(
                Char(k.CHOONPU, place, place + 1, k.PROLONGED) if long else Char(code, place, place + 1, k.OTHER)
            )
        elif kind <= k.JOINT or kind == k.SAID:
            out.append(Char(code, place, place + 1, k.OTHER if kind == k.SAID else kind))
    return out


def unstack(chars: list[Char]) -> list[Char]:
    """One character a line: without the line breaks after those."""
    lines = [run for run in runs(chars, lambda c: c.kind == k.BREAK) if run[0].kind != k.BREAK]

    def size(line: Sequence[Char]) -> int:
        solid = [i for i, c in enumerate(line) if c.kind != k.SPACE]
        inner = line[solid[0] : solid[-1] + 1] if solid else []
        return length([c for i, c in enumerate(inner) if i == 0 or c.start > inner[i - 1].start])

    if sum(map(size, lines)) < 5 or any(size(line) > 1 for line in lines):
        return chars
    out: list[Char] = []
    for before, c in zip([None, *chars], chars, strict=False):
        if c.kind == k.BREAK and before and before.kind != k.BREAK:
            continue
        wave = c.kind == k.OTHER and c.code in T.waves and bool(out) and is_kana_or_long(out[-1])
        out.append(c._replace(code=k.CHOONPU, kind=k.PROLONGED) if wave else c)
    return out


def at(chars: Sequence[Char], i: int) -> Char:
    """A character, or one that is nothing outside of the text."""
    return chars[i] if 0 <= i < len(chars) else Char(0, 0, 0, k.OTHER)


def say(chars: list[Char]) -> list[Char]:
    words = {
        code: [(e & k.CODE, e >> k.SHIFT) for e in T.said_word[first:after]]
        for code, first, after in zip(T.said, T.said_at[:-1], T.said_at[1:], strict=True)
    }

    def beside(around: Sequence[Char]) -> bool:
        passed = (c for c in around if c.kind not in (k.SPACE, k.BREAK) and c.code not in words)
        return next((c.kind in JAPANESE for c in passed), False)

    out: list[Char] = []
    long = False  # the word that was said goes on
    for i, c in enumerate(chars):
        long = long and c.kind == k.OTHER and c.code in T.waves
        out.append(c._replace(code=k.CHOONPU, kind=k.PROLONGED) if long else c)
        word = words.get(c.code, [])
        following = [n.code for n in chars[i + 1 : i + 1 + len(word)]]
        latin = bool(word) and word[0][1] == k.LETTER and at(chars, i + 1).kind in (k.LETTER, k.DIGIT)
        if (
            word
            and at(chars, i + 1).code != c.code
            and following != [code for code, _ in word]
            and not latin
            and (beside(chars[:i][::-1]) or beside(chars[i + 1 :]))
        ):
            out += [Char(code, c.start, c.end, kind) for code, kind in word]
            long = word[-1][1] in (k.HIRAGANA, k.KATAKANA)
    return out


def is_counted(chars: Sequence[Char], i: int) -> bool:
    """Whether a number counts what begins here: キロ, or コ by itself."""
    if at(chars, i + 1).kind in (k.KATAKANA, k.PROLONGED):
        return [chars[i].code, chars[i + 1].code] in T.counters
    return 0 <= chars[i].code - k.KANA < 0xC0 and bool(T.kana_twin[chars[i].code - k.KANA][1] & k.COUNTS)


def twins(chars: list[Char]) -> list[Char]:
    chars = list(chars)

    def twin(c: Char) -> tuple[int, int] | None:
        row = T.kanji_at[c.code - k.KANJI_FIRST] if k.KANJI_FIRST <= c.code < k.KANJI_AFTER else 0
        return tuple(T.kanji_twin[row - 1]) if row and c.kind == k.KANJI else None

    for i, c in enumerate(chars):
        before, after = at(chars, i - 1), at(chars, i + 1)
        if c.kind == k.KATAKANA and 0 <= c.code - k.KANA < 0xC0 and T.kana_twin[c.code - k.KANA][0]:
            kanji, flags = T.kana_twin[c.code - k.KANA]
            counts = flags & k.COUNTS
            if after.kind == k.KANJI:
                right = before.kind == k.KANJI or before.kind not in WORD
                right = right and not (counts and after.code in T.counted)
                right = right and not (chr(after.code) == "一" and at(chars, i + 2).kind == k.KATAKANA)
            else:
                right = before.kind == k.KANJI and bool(flags & k.ENDS) and after.kind not in (k.KATAKANA, k.PROLONGED)
            if right and not (counts and before.kind == k.KANJI and before.code in T.numbers):
                chars[i] = c._replace(code=kanji, kind=k.KANJI)
        elif (found := twin(c)) is not None:
            kana, flags = found
            left_side = before.kind == k.KATAKANA or (
                before.kind == k.PROLONGED and at(chars, i - 2).kind == k.KATAKANA
            )
            ahead = i + 1
            while not flags & k.NUMBER and ahead < i + 4 and twin(at(chars, ahead)):
                ahead += 1
            right_side = at(chars, ahead).kind == k.KATAKANA or (
                after.kind == k.PROLONGED and (left_side or at(chars, i + 2).kind == k.KATAKANA)
            )
            if left_side and right_side:
                meant = True
            elif left_side:
                meant = bool(flags & k.RARE) or (kana != k.CHOONPU and after.kind not in WORD)
            elif right_side:
                number = flags & k.NUMBER and is_counted(chars, i + 1)
                meant = bool(flags & k.RARE) or (kana != k.CHOONPU and before.kind not in WORD and not number)
            else:
                meant = False
            if meant:
                chars[i] = c._replace(code=kana, kind=k.PROLONGED if kana == k.CHOONPU else k.KATAKANA)
                j = i + 1
                while j < len(chars) and chars[j].kind == k.OTHER and chars[j].code in T.waves:
                    chars[j] = chars[j]._replace(code=k.CHOONPU, kind=k.PROLONGED)
                    j += 1
    return chars


def unlong(chars: list[Char]) -> list[Char]:
    """Without ー that follow a kanji or letter, unless one alone stands between words."""
    out: list[Char] = []
    pieces = runs(chars, lambda c: c.kind == k.PROLONGED)
    empty: list[Char] = []
    for run, following in itertools.zip_longest(pieces, pieces[1:], fillvalue=empty):
        alone = len(run) == 1 and bool(following) and following[0].kind in WORD
        if run[0].kind != k.PROLONGED or alone or at(out, len(out) - 1).kind not in (k.KANJI, k.LETTER):
            out += run
    return out


def runs(chars: Sequence[Char], key: Callable[[Char], Any]) -> list[list[Char]]:
    out: list[list[Char]] = []
    for c in chars:
        if out and key(out[-1][-1]) == key(c):
            out[-1].append(c)
        else:
            out.append([c])
    return out


def tidy(blanks: list[Char]) -> list[Char]:
    """A run of blanks is one blank; a line break wins; dots and slashes stay."""
    out: list[Char] = []
    for c in blanks:
        if out and c.kind != k.JOINT and out[-1].kind != k.JOINT:
            lead = c if c.kind == k.BREAK else out[-1]
            out[-1] = Char(lead.code, out[-1].start, c.end, lead.kind)
        else:
            out.append(c)
    return out


def join(chars: list[Char]) -> list[Char]:
    def nature(c: Char) -> str:
        return "word" if c.kind in WORD else "blank" if c.kind in BLANKS else f"other {c.start}"

    out: list[Char] = []
    pieces = runs(chars, nature)
    whole: list[Char] = []  # the word so far, over everything joined to it
    part: list[Char] = []  # its last part
    sizes: list[int] = []  # lengths of the parts joined before the last one
    gap: list[Char] = []  # the last one that went
    for i, piece in enumerate(pieces):
        what = nature(piece[0])
        if what == "word":
            part = piece
            whole = whole + piece
            out += piece
        elif what == "blank":
            after = pieces[i + 1] if i + 1 < len(pieces) and nature(pieces[i + 1][0]) == "word" else []
            drop, last = False, 0
            if whole and after:
                left, right = whole[-1].kind, after[0].kind
                last = length_in(whole, part)
                if left in JAPANESE and right in JAPANESE:
                    if any(c.kind == k.BREAK for c in piece):
                        drop = last < 2 and length(after) < 2
                    else:
                        spelled = bool(sizes) and all(size < 2 for size in [*sizes, last])
                        drop = length(whole) < 2 or length(after) < 2 or spelled
                elif left == right == k.LETTER:
                    drop = last < 2 and length(after) < 2 and (not sizes or glued(piece) == glued(gap))
            if drop:
                sizes.append(last)
                gap = piece
            else:
                out += tidy(piece)
                whole, sizes = [], []
        else:
            out += piece
            whole, sizes = [], []
    return out


def glued(gap: Sequence[Char]) -> bool:
    return any(c.kind == k.JOINT for c in gap)


def length_in(whole: list[Char], part: list[Char]) -> int:
    """Length of the last part of a word, its vowels read after what stands before it."""
    count, vowel = 0, k.ANY_VOWEL
    for i, c in enumerate(whole):
        first_of_part = i == len(whole) - len(part)
        if i >= len(whole) - len(part):
            count += first_of_part or not stretches(c, vowel)
        if c.kind != k.PROLONGED:
            vowel = sound(c)
    return count


def spelled(chars: list[Char]) -> list[Char]:
    """Joins rows of single characters that make a word."""
    out: list[Char] = []
    i = looked = 0
    while i < len(chars):
        words: list[list[Char]] = []
        mark, end, j = None, i, i
        starts_word = chars[i].kind in WORD and at(chars, i - 1).kind not in WORD
        while starts_word and i >= looked and j < len(chars) and chars[j].kind in WORD:
            word = next(iter(runs(chars[j:], lambda c: c.kind in WORD)))
            if length(word) > 1:
                break
            words.append(word)
            last, end = j, j + len(word)
            j = end
            gap: list[Char] = []
            while j < len(chars) and (
                chars[j].kind in BLANKS or (chars[j].kind == k.OTHER and all(c.kind in BLANKS for c in gap))
            ):
                gap.append(chars[j])
                j += 1
            seen = next((c.code for c in gap if c.kind == k.OTHER), 0)
            decimal = any(c.kind == k.JOINT for c in gap) and chars[end - 1].kind == at(chars, j).kind == k.DIGIT
            if seen in spelled_kernel._LISTS or (mark is not None and seen != mark) or decimal:
                break
            mark = seen
        if words:
            looked = max(last, i + 1)
        japanese = sum(word[0].kind in JAPANESE for word in words)
        whole = [c for word in words for c in word]
        latin = bool(mark) and all(word[0].kind == k.LETTER for word in words)
        enough = len(words) >= 4 and (japanese >= 2 or latin)
        enough = enough or (bool(mark) and japanese == len(words) >= 3)
        if enough and length(whole) > 1:
            out += whole
            i = end
        else:
            out.append(chars[i])
            i += 1
    return out


def letters(chars: list[Char]) -> list[Char]:
    def latin(c: Char) -> Char:
        return c._replace(code=LETTER_TWIN.get(c.code, c.code)) if c.code >= 0x100 else c

    out: list[Char] = []
    for run in runs(chars, lambda c: c.kind == k.LETTER):
        mixed = run[0].kind == k.LETTER and any(c.code < 0x250 for c in run)
        out += [latin(c) for c in run] if mixed else run
    return out


def leet(chars: list[Char]) -> list[Char]:
    pieces = runs(chars, lambda c: c.kind in (k.LETTER, k.DIGIT))
    beside = [
        (chr(at(before, len(before) - 1).code), chr(at(after, 0).code))
        for before, after in zip([[], *pieces[:-1]], [*pieces[1:], []], strict=True)
    ] if pieces else []  # fmt: skip
    kinds = [leet_kind(run, *pair) for run, pair in zip(pieces, beside, strict=True)]
    out: list[Char] = []
    everywhere = kinds.count("sure") >= 3
    inner = [bool(re.search("9L+9|L9+L", "".join("9" if c.kind == k.DIGIT else "L" for c in run))) for run in pieces]
    many = everywhere or sum(kind != "" and within for kind, within in zip(kinds, inner, strict=True)) >= 6
    for run, kind, within in zip(pieces, kinds, inner, strict=True):
        if kind == "sure" or (kind == "likely" and (everywhere or (many and within))):
            for i, c in enumerate(run):
                if c.kind == k.DIGIT:
                    one = c.code == ord("1") and i > 0 and chr(run[i - 1].code) in "aeiou" and i + 1 < len(run)
                    run[i] = c._replace(code=ord("l") if one else T.leet[c.code], kind=k.LETTER)
        out += run
    return out


def leet_kind(run: Sequence[Char], before: str, after: str) -> str:
    word = "".join(chr(c.code) for c in run)
    groups = re.findall("[0-9]+", word)
    figures = sum(map(len, groups))
    letters = len(word) - figures
    if (
        run[0].kind not in (k.LETTER, k.DIGIT)
        or not figures
        or any(ord(char) >= 0x250 or (char.isdigit() and not T.leet[ord(char)]) for char in word)
        or len(word) > 14
        or letters < 1
        or letters + 1 < figures
        or before in tuple("@_/.:=&?")
        or after in tuple("@_=")
    ):
        return ""
    single = all(len(group) == 1 or (len(group) == 2 and group[0] == group[1]) for group in groups)
    inside = word[0] not in "0123456789" and word[-1] not in "0123456789" and "-" not in (before, after)
    if single and inside and figures < letters and letters > 2 and "8" not in word and "9" not in word:
        return "sure"
    return "likely" if letters > 1 or (figures == 1 and word[0] not in "0123456789") else ""


def zeros(chars: list[Char]) -> list[Char]:
    """What looks like a zero inside a number; a ring only before a unit."""

    def end_of(first: int, like: str) -> int:
        last = first
        while last < len(chars) and (chars[last].kind == k.DIGIT or chr(chars[last].code) in like):
            last += 1
        return last

    i = 0
    while i < len(chars):
        if chars[i].kind != k.DIGIT:
            i += 1
            continue
        end = stop = end_of(i, "oоο○◯〇")
        if chr(at(chars, end).code) not in "万円千":
            end = stop = end_of(i, "oоο")
            while chars[stop - 1].kind != k.DIGIT:
                stop -= 1
        if at(chars, i - 1).kind != k.LETTER and not (stop == end and at(chars, end).kind == k.LETTER):
            for j in range(i, stop):
                code = ord("0") if chr(chars[j].code) in "oоο○◯〇" else chars[j].code
                chars[j] = chars[j]._replace(code=code, kind=k.DIGIT)
        i = end
    return chars


def ones(chars: list[Char]) -> list[Char]:
    return [
        c._replace(code=ord("一"), kind=k.KANJI)
        if c.kind == k.PROLONGED and at(chars, i - 1).kind not in WORD and at(chars, i + 1).code in T.ones
        else c
        for i, c in enumerate(chars)
    ]


def vowels(chars: list[Char]) -> list[Char]:
    """Three or more of a Latin vowel are one, in a word with other letters."""
    out: list[Char] = []
    for word in runs(chars, lambda c: c.kind == k.LETTER):
        for run in runs(word, lambda c: c.code):
            many = word[0].kind == k.LETTER and chr(run[0].code) in "aeiou" and 2 < len(run) < len(word)
            out += run[:1] if many else run
    return out


def shorten(chars: list[Char]) -> list[Char]:
    out: list[Char] = []
    i = 0
    while i < len(chars):
        out.append(chars[i])
        base = chars[i]
        i += 1
        if not is_kana(base) or not 0 <= base.code - k.KANA < 0xC0:
            continue
        tail: list[Char] = []
        while i < len(chars) and (
            chars[i].kind == k.PROLONGED
            or (sound(base) and sound(chars[i]) == sound(base) and (is_vowel(chars[i], 8) or is_vowel(chars[i], 16)))
        ):
            tail.append(chars[i])
            i += 1
        keep_full = sum(is_vowel(c, 8) for c in tail) < 3
        twice = any(c.kind == n.kind == k.PROLONGED for c, n in itertools.pairwise(tail))
        if base.kind == k.HIRAGANA and twice:
            tail = [c for c in tail if c.kind != k.PROLONGED]
        tail = [c for c in tail if c.kind == k.PROLONGED or (is_vowel(c, 8) and keep_full)]
        for j, c in enumerate(tail):
            follows = tail[j + 1] if j + 1 < len(tail) else chars[i] if i < len(chars) else None
            doubled = c.kind == k.PROLONGED and j and tail[j - 1].kind == k.PROLONGED
            if c.kind != k.PROLONGED:
                out.append(c)
            elif not doubled and any(is_kana(x) for x in [*tail[j + 1 :], *([chars[i]] if i < len(chars) else [])]):
                assert follows is not None
                out.append(c)
    return out


def read(text: str) -> list[Char]:
    """As a learned model reads it: joints and short lines closed, ids one character, three of a repeated one."""
    chars = fold(text)
    breaks = [c.kind for c in chars].count(k.BREAK)
    apart = {k.JOINT, k.BREAK} if breaks >= 3 and len(chars) <= 9 * (breaks + 1) else {k.JOINT}
    ids = {}
    folded = "".join(chr(c.code) for c in chars)
    for found in re.finditer("[a-z0-9_]+", folded):
        letters = sum("a" <= c <= "z" for c in found[0])
        if (len(found[0]) >= 5 and 0 < letters < len(found[0])) or (len(found[0]) >= 7 and found[0].isdigit()):
            ids[found.start()] = found.end()
    kept: list[Char] = []
    repeated = i = 0
    while i < len(chars):
        after = i
        while after < len(chars) and chars[after].kind in apart:
            after += 1
        closes = bool(kept) and k.KANJI <= kept[-1].kind <= k.PROLONGED
        if after > i and closes and k.KANJI <= at(chars, after).kind <= k.PROLONGED:
            i = after
        elif i in ids:
            kept.append(Char(0xE000, chars[i].start, chars[ids[i] - 1].end, chars[i].kind))
            i, repeated = ids[i], 0
        else:
            repeated = repeated + 1 if kept and kept[-1].code == chars[i].code and chars[i].kind != k.DIGIT else 0
            if repeated < 3:
                kept.append(chars[i])
            else:
                kept[-1] = kept[-1]._replace(end=chars[i].end)
            i += 1
    return kept


def fold(text: str) -> list[Char]:
    spoken = unlong(say(twins(unstack(single(text)))))
    whole = unlong(spelled(join(spelled(spoken))))
    plain = shorten(ones(zeros(vowels(leet(vowels(letters(whole)))))))
    return respell(plain)


# ---------------------------------------------------------------- key words

SPELLINGS = {"".join(parts): (word, parts) for word in readings.words() for parts in word.spellings()}
BEGINNINGS = {spelling[:size] for spelling in SPELLINGS for size in range(1, len(spelling) + 1)}
STANDS_FOR = {ord(pair[0]): list(pair[1:]) for pair in readings._STANDS_FOR.split()}


def respell(chars: list[Char]) -> list[Char]:
    """The proper spelling of every key word, tried again from the beginning after every change."""
    i = 0
    while i < len(chars):
        found = spelling_at(chars, i)
        if found is None:
            i += 1
            continue
        spelling, places = found
        word, parts = SPELLINGS[spelling]
        proper, first = [], 0
        for part, unit in zip(parts, word.units, strict=True):
            here = [chars[p] for p in places[first : first + len(part)]]
            kind = here[0].kind
            if word.proper.isascii():
                kind = k.LETTER
            elif part != unit[0]:
                kind = k.KANJI if ord(unit[0]) >= 0x3400 else k.HIRAGANA
            proper.append(Char(ord(unit[0]), here[0].start, here[-1].end, kind))
            first += len(part)
        head = list(chars[: places[0]])
        while proper[0].kind == k.KANJI and head and head[-1].kind == k.PROLONGED:
            head.pop()  # stretches nothing that goes on
        chars = unlong([*head, *proper, *chars[places[-1] + 1 :]])
        i = 0
    return chars


def spelling_at(chars: Sequence[Char], start: int) -> tuple[str, list[int]] | None:
    """The longest spelling to be changed that begins at a place, and where its characters stand."""
    text, best = "", None
    places: list[int] = []
    gaps: list[int] = []  # characters before each gap
    altered = stretched = False
    blanks = 0
    for i in range(start, len(chars)):
        c = chars[i]
        if text + chr(c.code) in BEGINNINGS:
            char = chr(c.code)
        elif c.kind in (k.KANJI, k.HIRAGANA, k.KATAKANA):
            break
        else:
            twin = LETTER_TWIN.get(c.code, 0) if c.kind == k.LETTER and c.code >= 0x100 else 0
            meant = STANDS_FOR.get(c.code, []) if c.code < 128 else [chr(twin)] if twin else []
            char = next((letter for letter in meant if text + letter in BEGINNINGS), "")
            altered = altered or bool(char)
        if char:
            if blanks:
                gaps.append(len(text))
            blanks = 0
            text += char
            places.append(i)
            if text in SPELLINGS and fits(chars, text, places, gaps, altered=altered, stretched=stretched):
                best = text, list(places)
        elif not text:
            break
        elif c.kind == k.PROLONGED and is_kana_or_long(chars[places[-1]]):
            stretched = True
        elif blanks < 3 and (
            c.kind in BLANKS
            or (c.kind == k.OTHER and chr(c.code) not in "○●◯" and ("‰" <= chr(c.code) < "　" or c.code >= 0x1F000))
        ):
            blanks += 1
        else:
            break
    return best


def is_kana_or_long(c: Char) -> bool:
    return is_kana(c) or c.kind == k.PROLONGED


def fits(
    chars: Sequence[Char], spelling: str, places: list[int], gaps: list[int], *, altered: bool, stretched: bool
) -> bool:
    word, parts = SPELLINGS[spelling]
    before, after = at(chars, places[0] - 1), at(chars, places[-1] + 1)
    if spelling == word.proper and not (gaps or altered or stretched):
        return False
    if word.proper.isascii():
        free = all(c.kind not in (k.LETTER, k.DIGIT) and chr(c.code) not in "@_" for c in (before, after))
        real = sum(chars[p].kind == k.LETTER for p in places)
        return free and 2 * real >= len(places) and (not gaps or len(places) >= 5)
    few = []
    for pairs in (list(zip(parts, word.units, strict=True)), list(zip(parts, word.units, strict=True))[::-1]):
        run = []
        for part, unit in pairs:
            if re.search("[㐀-鿿々]", part):
                break
            run.append((part, unit))
        few.append(any(part != unit[0] for part, unit in run) and sum(len(part) for part, _ in run) < 5)
    if stretched and any(few):
        return False
    first, last = chars[places[0]].kind, chars[places[-1]].kind
    short_first = bool(gaps) and gaps[0] == 1 and len(places) < 4 and first == k.KANJI
    short_last = bool(gaps) and gaps[-1] == len(places) - 1 and len(places) < 3 and last == k.KANJI
    if gaps and before.kind == k.KANJI and ("漢" in word.before or short_first):
        return False
    if gaps and after.kind == k.KANJI and ("漢" in word.after or short_last):
        return False
    if not gaps and "字" in word.before and before.kind == k.KANJI and k.HIRAGANA <= first <= k.PROLONGED:
        return False
    if not gaps and "字" in word.after and after.kind == k.KANJI and k.HIRAGANA <= last <= k.PROLONGED:
        return False
    for c, edge, listed, particles, few_here in (
        (before, first, word.before, readings._LEFT, few[0]),
        (after, last, word.after, readings._RIGHT, few[1]),
    ):
        if is_kana_or_long(c):
            switched = {edge, c.kind} == {k.HIRAGANA, k.KATAKANA}
            loose = (few_here or (bool(gaps) and len(places) < 4)) and not switched and chr(c.code) not in particles
            if loose or chr(c.code) in re.sub("[漢字]", "", listed):
                return False
    return True


# ---------------------------------------------------------------- phrases


def is_bridge(chars: Sequence[Char], i: int) -> bool:
    return (
        chars[i].kind in BLANKS and 0 < i < len(chars) - 1 and chars[i - 1].kind in WORD and chars[i + 1].kind in WORD
    )


def find(chars: Sequence[Char], phrases: Sequence[str]) -> list[tuple[int, int, int]]:
    """(phrase, first, one past the last) of every phrase, by trying every place."""
    out = []
    solid = [i for i in range(len(chars)) if not is_bridge(chars, i)]
    for number, phrase in enumerate(phrases):
        key = [c for c in fold(phrase) if c.kind not in BLANKS]
        for at in range(len(solid) - len(key) + 1):
            places = solid[at : at + len(key)]
            if [chars[i].code for i in places] != [c.code for c in key]:
                continue
            first, last = places[0], places[-1]
            if last - first + 1 > len(key) and len(key) < 4:
                continue
            before = chars[first - 1].kind if first else 0
            after = chars[last + 1].kind if last + 1 < len(chars) else 0
            if key[0].kind == k.LETTER == before or key[-1].kind == k.LETTER == after:
                continue
            if (key[0].kind == k.DIGIT and before in (k.DIGIT, k.JOINT)) or key[-1].kind == k.DIGIT == after:
                continue
            if len(key) < 4 and all(c.kind in (k.HIRAGANA, k.KATAKANA, k.PROLONGED) for c in key):
                kata = (k.KATAKANA, k.PROLONGED)
                if (chars[first].kind == k.KATAKANA and before in kata) or (
                    chars[last].kind == k.KATAKANA and after in kata
                ):
                    continue
            if len(key) == 1 and key[0].kind == k.KANJI and k.KANJI in (before, after):
                continue
            out.append((number, first, last + 1))
    return sorted(out, key=lambda hit: (hit[2], hit[1], hit[0]))


# ---------------------------------------------------------------- amounts

_KANJI_DIGITS = "〇一二三四五六七八九"
_AMOUNT = re.compile(
    r"(?P<digits>\d(?:\d|[.,](?=\d))*|[一二三四五六七八九十百]+)"
    r"(?P<unit>万円?|萬円?|千円|円|k円?(?![a-z])|g(?![a-z])|まん円?|ぐらむ)"
)


def amounts(text: str) -> list[tuple[str, float]]:
    """(unit, value) of amounts written in a plain way, for texts without runs of more than 16 digits."""
    out = []
    for match in _AMOUNT.finditer(text):
        unit = match["unit"]
        factor = 1000.0 if unit[0] in "千k" else 10_000.0 if unit[0] in "万萬ま" else 1.0
        value = number(match["digits"]) * factor
        if value:
            out.append(("gram" if unit[0] in "gぐ" else "yen", value))
    return out


def number(digits: str) -> float:
    if digits[0].isdigit() and digits[0].isascii():
        whole, _, part = digits.replace(",", "").partition(".")
        return float(f"{whole}.{part.replace('.', '') or 0}")
    value = part_value = 0.0
    for char in digits:
        if char in "十百":
            value += max(part_value, 1.0) * (100.0 if char == "百" else 10.0)
            part_value = 0.0
        else:
            part_value = part_value * 10 + _KANJI_DIGITS.index(char)
    return value + part_value


# ---------------------------------------------------------------- runs of characters, gate


def bucket_of(run: str) -> int:
    value = 2166136261
    for char in run:
        value = (value ^ ord(char)) * 16777619 % 2**32
    value = (value ^ value >> 15) * 0x85EBCA6B % 2**32
    return value >> 16


def gram_counts(texts: Sequence[str]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for text in texts:
        for i in range(len(text)):
            for size in range(1, min(4, len(text) - i) + 1):
                at = bucket_of(text[i : i + size])
                counts[at] = counts.get(at, 0) + 1
    return counts


def could_score(
    rows: int,
    hits: Sequence[tuple[int, int, int]],
    entries: Sequence[Sequence[tuple[int, int, float, int]]],
    needed: Sequence[float],
    combinations: Sequence[tuple[int, int, float]],
    most: float,
) -> list[bool]:
    """Hits are (row, phrase, field bit); entries of a phrase (category, kind bit, weight, field bits)."""
    passed = []
    for row in range(rows):
        cues: dict[tuple[int, int], list[float]] = {}
        for at, phrase, field in hits:
            for category, bit, weight, fields in entries[phrase]:
                if at == row and fields & field:
                    cues.setdefault((category, bit), []).append(weight)
        reached = False
        for category, wanted in enumerate(needed):
            mine = {bit: weights for (c, bit), weights in cues.items() if c == category}
            bound = sum(min(sum(weights), most * max(weights)) for weights in mine.values())
            bound += sum(w for c, mask, w in combinations if c == category and not mask & ~sum(mine))
            reached = reached or (bool(cues) and bound + 1e-9 >= wanted)
        passed.append(reached)
    return passed
