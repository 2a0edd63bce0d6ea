"""Key words and how they are spelled to hide them: `readings.tsv`, compiled for kernels.respell.

A line is a word with the readings of its kanji behind them: 受[う|請]け子[こ] is also うけ子, 受けこ, うけこ, 請け子. Katakana
stand for both kana. Two more columns name what must not stand before and after it: kana that make it part of another word
(かけこ in かけこみ), 漢 for any kanji when the word is broken by a separator (受け 子供), and 字 for any kanji beside its kana
(料理こうざ is a course).

A word gets its proper spelling when it is written otherwise, broken by separators or stretched by ー; a Latin word also
when digits or letters of other scripts stand for some of its letters. Where only few kana are written, what stands
beside them must be no kana, a particle, or kana of the other kind.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from yoake.detect.kernels import characters as kernel
from yoake.detect.kernels import respell, trie
from yoake.detect.text.automaton import double_array
from yoake.detect.text.look_alikes import letter_twins
from yoake.errors import BadInput

TABLE: Final = Path(__file__).with_name("readings.tsv")
_UNIT: Final = re.compile(r"(.)\[([^\]]+)\]|(.)")
_KANJI: Final = re.compile("[㐀-鿿々]")
_FEW: Final = 5  # kana at the edge of a spelling; fewer may be the end or the beginning of another word
_LEFT: Final = "のではがにもとやをな"  # particles that may stand before and after few kana
_RIGHT: Final = "のをはがにでともやへだかさしあすなよまく"
_ANY_KANJI: Final = "漢"  # when the word is broken up
_KANJI_BESIDE_KANA: Final = "字"  # when it is written in kana there
# What may stand for a letter inside a Latin key word.
_STANDS_FOR: Final = "0o 1il 3e 4a 5s 7t 8b 9g $s @a !il |il"
_LONG: Final = {
    **dict.fromkeys("うくすつぬふむゆるぐずづぶぷゅおこそとのほもよろをごぞどぼぽょ", "う"),
    **dict.fromkeys("えけせてねへめれげぜでべぺ", "い"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A line of the table; kana are hiragana, letters are small."""

    units: tuple[tuple[str, ...], ...]  # the proper character first, then what is written for it
    before: str
    after: str

    @property
    def proper(self) -> str:
        return "".join(unit[0] for unit in self.units)

    def spellings(self) -> Iterator[tuple[str, ...]]:
        """Every way to write it, a string for each unit; the proper one first."""
        for chosen in itertools.product(*self.units):
            if self._readable(chosen):
                yield chosen
                if chosen[-1].endswith("ー") and chosen[-1] != self.units[-1][0] and len("".join(chosen)) > _FEW:
                    yield (*chosen[:-1], chosen[-1].rstrip("ー"))  # folding takes a last ー away

    def _readable(self, chosen: tuple[str, ...]) -> bool:
        """Whether no reading of one kana stands alone among kanji (て渡し is not 手渡し), and no ー before one."""
        parts = [
            (part, part != unit[0] and not _KANJI.search(part)) for part, unit in zip(chosen, self.units, strict=True)
        ]
        if re.search(f"ー{_KANJI.pattern}", "".join(chosen)):
            return False
        for _, run in itertools.groupby(parts, key=lambda pair: not _KANJI.search(pair[0])):
            listed = list(run)
            few = sum(len(part) for part, _ in listed) < 2 and len(listed) < len(parts)
            if few and any(read for _, read in listed):
                return False
        return True


def words() -> list[Word]:
    """The words of the table.

    Raises:
        BadInput: a line cannot be read, or two words are written the same way.
    """
    found = []
    for number, line in enumerate(TABLE.read_text("utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        columns = [*line.split("\t"), "", ""][:3]
        units = []
        for kanji, readings, plain in _UNIT.findall(_hiragana(columns[0].lower())):
            units.append(
                tuple(dict.fromkeys([kanji, *(long for r in readings.split("|") for long in _with_long(r))]))
                if kanji
                else (plain,)
            )
        proper = "".join(unit[0] for unit in units)
        if len(units) < 2 or "[" in proper or re.search("ー(?![ぁ-ゖ])", proper):
            raise BadInput(
                f"{TABLE.name} line {number}", columns[0], "a word as folded, such as 受[う]け子[こ] or ドライバ"
            )
        found.append(Word(tuple(units), columns[1], columns[2]))
    return found


@cache
def spellings() -> respell.Spellings:
    """What the kernel looks up; built once a process."""
    chosen: dict[str, tuple[Word, tuple[str, ...]]] = {}
    for word in words():
        for parts in word.spellings():
            other = chosen.setdefault("".join(parts), (word, parts))
            if other[0].proper != word.proper:
                raise BadInput(
                    TABLE.name, "".join(parts), f"a reading of one word, not of {other[0].proper} and {word.proper}"
                )
    letters = sorted({char for spelling in chosen for char in spelling})
    number = {char: symbol for symbol, char in enumerate(letters, 1)}
    symbols = np.zeros(0x110000, np.uint16)
    symbols[[ord(char) for char in letters]] = list(number.values())
    keys = np.array([number[char] for spelling in chosen for char in spelling], np.int32)
    at = np.cumsum([0] + [len(spelling) for spelling in chosen])
    order = np.array(sorted(range(len(chosen)), key=list(chosen).__getitem__), np.int64)
    parents, moves, _, ends = trie.plant(keys, at, order, max(map(len, chosen)))
    accept = np.full(len(parents), -1, np.int32)
    accept[ends] = np.arange(len(chosen))
    lists = list(dict.fromkeys((word.before, word.after) for word, _ in chosen.values()))
    beside = np.zeros((len(lists), 2, 0xC0), np.bool_)
    for row, pair in enumerate(lists):
        for side, kana in enumerate(pair):
            beside[
                row, side, [ord(char) - kernel.KANA for char in kana if char not in _ANY_KANJI + _KANJI_BESIDE_KANA]
            ] = True
    after_kana = np.zeros((2, 0xC0), np.bool_)
    for side, kana in enumerate((_LEFT, _RIGHT)):
        after_kana[side, [ord(char) - kernel.KANA for char in kana]] = True
    stands_for = np.zeros((128, 2), np.int32)
    for entry in _STANDS_FOR.split():
        stands_for[ord(entry[0]), : len(entry) - 1] = [ord(letter) for letter in entry[1:]]
    written = [_Written(word, parts) for word, parts in chosen.values()]
    places = np.array([place for one in written for place in one.places()], np.int32)
    pairs, triples = np.zeros(respell.PAIRS, np.uint8), np.zeros(respell.TRIPLES, np.bool_)
    for spelling in chosen:
        codes = [ord(char) for char in spelling[:3]]
        pairs[respell.pair.py_func(*codes[:2])] |= respell.WHOLE if len(codes) == 2 else respell.BEGINS
        if len(codes) == 3:
            triples[respell.triple.py_func(*codes)] = True
    root, base, check, target = double_array(parents, moves, len(letters) + 1)
    return respell.Spellings(
        symbols=symbols,
        pairs=pairs,
        triples=triples,
        root=root,
        base=base,
        check=check,
        target=target,
        accept=accept,
        flags=np.array([one.flags() for one in written], np.uint8),
        lists=np.array([lists.index((one.word.before, one.word.after)) for one in written], np.int32),
        out_at=np.cumsum([0] + [len(one.word.proper) for one in written]).astype(np.int32),
        out_code=np.ascontiguousarray(places[:, 0]),
        out_class=places[:, 1].astype(np.uint8),
        out_slot=places[:, 2].astype(np.uint8),
        out_from=places[:, 3].astype(np.uint8),
        out_to=places[:, 4].astype(np.uint8),
        beside=beside,
        after_kana=after_kana,
        stands_for=stands_for,
        letter_twin=letter_twins(),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """One way to write a word."""

    word: Word
    parts: tuple[str, ...]

    def flags(self) -> int:
        spelling, proper = "".join(self.parts), self.word.proper
        flags = respell.CHANGED * (spelling != proper) | respell.LATIN * proper.isascii()
        flags |= respell.KANA_AFTER_KANJI * (_KANJI_BESIDE_KANA in self.word.before)
        flags |= respell.KANA_BEFORE_KANJI * (_KANJI_BESIDE_KANA in self.word.after)
        flags |= respell.KANJI_BEFORE * (_ANY_KANJI in self.word.before) | respell.KANJI_AFTER * (
            _ANY_KANJI in self.word.after
        )
        for flag, parts, units in (
            (respell.KANA_FIRST, self.parts, self.word.units),
            (respell.KANA_LAST, self.parts[::-1], self.word.units[::-1]),
        ):
            run = list(itertools.takewhile(lambda pair: not _KANJI.search(pair[0]), zip(parts, units, strict=True)))
            read = any(part != unit[0] for part, unit in run)
            flags |= flag * (read and sum(len(part) for part, _ in run) < _FEW)
        return flags

    def places(self) -> list[tuple[int, int, int, int, int]]:
        """Of each proper character: code, class, the place it takes, and the first and last character it comes from."""
        found, at = [], 0
        for part, unit in zip(self.parts, self.word.units, strict=True):
            kind = respell.KEPT if part == unit[0] else kernel.KANJI if _KANJI.search(unit[0]) else kernel.HIRAGANA
            if unit[0].isascii():
                kind = kernel.LETTER
            found.append((ord(unit[0]), kind, at, at, at + len(part) - 1))
            at += len(part)
        assert at <= respell.LONGEST, self.parts
        return found


def _hiragana(text: str) -> str:
    return "".join(chr(ord(char) - 0x60) if "ァ" <= char <= "ヶ" else char for char in text)


def _with_long(reading: str) -> Iterator[str]:
    """A reading, and with ー for the vowels that lengthen: こう, こー."""
    yield reading
    long = "".join("ー" if i and _LONG.get(reading[i - 1]) == char else char for i, char in enumerate(reading))
    if long != reading:
        yield long
