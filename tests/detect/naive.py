"""Slow plain twins of the kernels: written for reading, one step after another, no arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from yoake.detect.kernels import fold as k
from yoake.detect.text import fold as tables

TABLE, GROW_AT, GROW, VOWELS, VOICED, KANA_TWIN, KANJI_TWIN, LETTER_TWIN, WAVES = (t.tolist() for t in tables._tables())
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
        kind, code = TABLE[ord(char)] >> k.SHIFT, TABLE[ord(char)] & k.CODE
        before = out[-1] if out else None
        if kind == k.EXPAND:
            out += [Char(e & k.CODE, place, place + 1, e >> k.SHIFT) for e in GROW[GROW_AT[code] : GROW_AT[code + 1]]]
        elif kind == k.MARK and before:
            out[-1] = before._replace(end=place + 1)
        elif kind in (k.VOICED, k.SEMIVOICED) and before and 0 <= before.code - k.KANA < 0xC0:
            dotted = VOICED[kind - k.VOICED][before.code - k.KANA]
            out[-1] = before._replace(end=place + 1, code=dotted or before.code)
        elif kind == k.WAVE:
            long = before is not None and (is_kana(before) or before.kind == k.PROLONGED)
            out.append(
                Char(k.CHOONPU, place, place + 1, k.PROLONGED) if long else Char(code, place, place + 1, k.OTHER)
            )
        elif kind <= k.JOINT:
            out.append(Char(code, place, place + 1, kind))
    return out


def twins(chars: list[Char]) -> list[Char]:
    chars = list(chars)
    to_kana = {kanji: (kana, rare) for kanji, kana, rare in KANJI_TWIN}
    for i, c in enumerate(chars):
        before = chars[i - 1].kind if i else k.OTHER
        after = chars[i + 1].kind if i + 1 < len(chars) else k.OTHER
        if c.kind == k.KATAKANA and 0 <= c.code - k.KANA < 0xC0 and KANA_TWIN[c.code - k.KANA]:
            if after == k.KANJI and (before == k.KANJI or before not in WORD):
                chars[i] = c._replace(code=KANA_TWIN[c.code - k.KANA], kind=k.KANJI)
        elif c.kind == k.KANJI and c.code in to_kana:
            kana, rare = to_kana[c.code]
            left = before == k.KATAKANA or (before == k.PROLONGED and i > 1 and chars[i - 2].kind == k.KATAKANA)
            beyond = chars[i + 2].kind if i + 2 < len(chars) else k.OTHER
            right = after == k.KATAKANA or (after == k.PROLONGED and (left or beyond == k.KATAKANA))
            edge = (left and after not in WORD) or (before not in WORD and right)
            if (left and right) or (edge and kana != k.CHOONPU) or (rare and (left or right)):
                chars[i] = c._replace(code=kana, kind=k.PROLONGED if kana == k.CHOONPU else k.KATAKANA)
                j = i + 1
                while j < len(chars) and chars[j].kind == k.OTHER and chars[j].code in WAVES:
                    chars[j] = chars[j]._replace(code=k.CHOONPU, kind=k.PROLONGED)
                    j += 1
    return chars


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
                    drop = last < 2 and length(after) < 2
            if drop:
                sizes.append(last)
            else:
                out += tidy(piece)
                whole, sizes = [], []
        else:
            out += piece
            whole, sizes = [], []
    return out


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


def letters(chars: list[Char]) -> list[Char]:
    def latin(c: Char) -> Char:
        return c._replace(code=LETTER_TWIN[c.code - 0x370] or c.code) if 0x370 <= c.code < 0x530 else c

    out: list[Char] = []
    for run in runs(chars, lambda c: c.kind == k.LETTER):
        mixed = run[0].kind == k.LETTER and any(c.code < 0x250 for c in run)
        out += [latin(c) for c in run] if mixed else run
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


def fold(text: str) -> list[Char]:
    return shorten(letters(join(twins(single(text)))))


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
