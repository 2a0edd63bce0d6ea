"""Many phrases, folded like the posts, compiled into one automaton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import match, trie
from yoake.detect.kernels.characters import DIGIT, JOINT, KANJI, LETTER, PROLONGED, SPACE
from yoake.detect.text.automaton import double_array
from yoake.detect.text.fold import Folded, fold
from yoake.errors import BadInput


@dataclass(frozen=True, slots=True)
class Hits:
    """Where phrases stand in a folded column; parallel arrays, ordered by row, then end."""

    rows: Any  # int32 (n,): row of the column
    phrases: Any  # int32 (n,): number of the phrase
    starts: Any  # int64 (n,): first folded character, an index into Folded.codes
    ends: Any  # int64 (n,): one past the last

    def __len__(self) -> int:
        return len(self.rows)


class PhraseMatcher:
    """Finds every one of `phrases` (in their order: a hit names the number) in folded columns.

    Phrases are folded as posts are; two spellings that fold to the same phrase are both reported. A phrase of four or
    more characters is also found across one separator; Latin letters and digits must stand free of their like.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        folded = fold(pa.array(phrases, pa.string()))
        solid = _solid(folded)
        at = np.append(0, np.cumsum(solid))[folded.rows].astype(np.int64)
        codes, kinds = folded.codes[solid], folded.classes[solid]
        lengths = np.diff(at)
        if not lengths.all():
            phrase = phrases[int(np.argmin(lengths))]
            raise BadInput("phrase", phrase, "a phrase needs at least one character that is not blank or invisible")
        self._lengths, self._flags = lengths.astype(np.int32), _flags(kinds, at, lengths)
        alphabet = np.unique(codes)
        self._symbols = np.zeros(0x110000, np.uint16)
        self._symbols[alphabet] = np.arange(1, len(alphabet) + 1)
        keys = self._symbols[codes].astype(np.int32)
        octets = keys.astype(">i4").tobytes()
        order = sorted(range(len(phrases)), key=lambda number: octets[4 * at[number] : 4 * at[number + 1]])
        parents, symbols, depths, ends = trie.plant(keys, at, np.array(order, np.int64), int(lengths.max(initial=0)))
        self._root, self._base, self._check, self._target = double_array(parents, symbols, len(alphabet) + 1)
        self._fail, self._out_at, self._out = trie.connect(
            parents,
            symbols,
            np.argsort(depths, kind="stable"),
            ends,
            self._root,
            self._base,
            self._check,
            self._target,
        )

    def find(self, folded: Folded) -> Hits:
        """All hits in a folded column."""
        return Hits(
            *match.find_phrases(
                folded.codes,
                folded.classes,
                folded.rows,
                self._symbols,
                self._root,
                self._base,
                self._check,
                self._target,
                self._fail,
                self._out_at,
                self._out,
                self._lengths,
                self._flags,
            )
        )


def is_phrase(text: str) -> bool:
    """Whether a matcher takes the text as a phrase: something that is neither blank nor invisible is left of it."""
    return bool(_solid(fold(pa.array([text], pa.string()))).any())


def _solid(folded: Folded) -> Any:
    """Bool (n,): the characters that phrases are made of."""
    return (folded.classes < SPACE) | (folded.classes > JOINT)


def _flags(kinds: Any, at: Any, lengths: Any) -> Any:
    """uint8 (phrases,): what must not stand next to each phrase; `kinds` are the classes of all, at[p] to at[p + 1]."""
    first, last = kinds[at[:-1]], kinds[at[1:] - 1]
    kana = np.append(0, np.cumsum((kinds > KANJI) & (kinds <= PROLONGED)))
    all_kana = np.diff(kana[at]) == lengths
    found = match.STARTS_WITH_LETTER * (first == LETTER) + match.ENDS_WITH_LETTER * (last == LETTER)
    found += match.STARTS_WITH_DIGIT * (first == DIGIT) + match.ENDS_WITH_DIGIT * (last == DIGIT)
    found += match.SHORT_KANA * ((lengths < match.BRIDGES) & all_kana)
    found += match.ONE_KANJI * ((lengths == 1) & (first == KANJI))
    return found.astype(np.uint8)
