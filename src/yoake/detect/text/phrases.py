"""Many phrases, folded like the posts, compiled into one automaton."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import match
from yoake.detect.kernels.fold import DIGIT, JOINT, KANJI, LETTER, PROLONGED, SPACE
from yoake.detect.kernels.weave import weave_moves
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
        keys, self._lengths, self._flags = [], np.zeros(len(phrases), np.int32), np.zeros(len(phrases), np.uint8)
        for number, phrase in enumerate(phrases):
            key, self._flags[number] = _key(folded, number)
            if not key:
                raise BadInput("phrase", phrase, "a phrase needs at least one character that is not blank or invisible")
            keys.append(key)
            self._lengths[number] = len(key)
        alphabet = {code: symbol for symbol, code in enumerate(sorted({code for key in keys for code in key}), 1)}
        self._symbols = np.zeros(0x110000, np.uint16)
        for code, symbol in alphabet.items():
            self._symbols[code] = symbol
        moves, out = _automaton([tuple(alphabet[code] for code in key) for key in keys])
        self._root, self._base, self._check, self._target = _double_array(moves, len(alphabet) + 1)
        self._out_at = np.cumsum([0] + [len(numbers) for numbers in out]).astype(np.int32)
        self._out = np.array([number for numbers in out for number in numbers], np.int32)

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
                self._out_at,
                self._out,
                self._lengths,
                self._flags,
            )
        )


def _key(folded: Folded, number: int) -> tuple[tuple[int, ...], int]:
    """Codes of a phrase without separators, and the flags of its edges."""
    at = slice(int(folded.rows[number]), int(folded.rows[number + 1]))
    pairs = list(zip(folded.codes[at].tolist(), folded.classes[at].tolist(), strict=True))
    pairs = [pair for pair in pairs if not SPACE <= pair[1] <= JOINT]
    if not pairs:
        return (), 0
    first, last = pairs[0][1], pairs[-1][1]
    flags = 0
    flags |= match.STARTS_WITH_LETTER * (first == LETTER) | match.ENDS_WITH_LETTER * (last == LETTER)
    flags |= match.STARTS_WITH_DIGIT * (first == DIGIT) | match.ENDS_WITH_DIGIT * (last == DIGIT)
    flags |= match.SHORT_KANA * (len(pairs) < match.BRIDGES and all(KANJI < kind <= PROLONGED for _, kind in pairs))
    flags |= match.ONE_KANJI * (len(pairs) == 1 and first == KANJI)
    return tuple(code for code, _ in pairs), flags


def _automaton(keys: list[tuple[int, ...]]) -> tuple[list[dict[int, int]], list[list[int]]]:
    """Aho-Corasick: for each state its moves that differ from the root's, and the phrases ending there, longest first."""
    children: list[dict[int, int]] = [{}]
    out: list[list[int]] = [[]]
    for number, key in enumerate(keys):
        state = 0
        for symbol in key:
            if symbol not in children[state]:
                children[state][symbol] = len(children)
                children.append({})
                out.append([])
            state = children[state][symbol]
        out[state].append(number)
    moves: list[dict[int, int]] = [dict(children[0])] + [{} for _ in children[1:]]
    fail = [0] * len(children)
    waiting = deque(children[0].values())
    while waiting:  # breadth first: the state a failure leads to is complete before it is needed
        state = waiting.popleft()
        behind = fail[state]
        out[state] = out[state] + out[behind]
        moves[state] = {**(moves[behind] if behind else {}), **children[state]}
        for symbol, child in children[state].items():
            fail[child] = moves[behind].get(symbol, children[0].get(symbol, 0))
            waiting.append(child)
    return moves, out


def _double_array(moves: list[dict[int, int]], symbols: int) -> tuple[Any, Any, Any, Any]:
    """Root table (symbols,), base (states,), check and target (cells,): the moves of all states woven into one array."""
    root = np.zeros(symbols, np.int32)
    for symbol, state in moves[0].items():
        root[symbol] = state
    rows = [sorted(row.items()) if state else [] for state, row in enumerate(moves)]  # the root has its own table
    order = sorted((state for state, row in enumerate(rows) if row), key=lambda state: (-len(rows[state]), state))
    base, check, target = weave_moves(
        np.cumsum([0] + [len(row) for row in rows]).astype(np.int32),
        np.array([symbol for row in rows for symbol, _ in row], np.int32),
        np.array([state for row in rows for _, state in row], np.int32),
        np.array(order, np.int32),
        symbols,
    )
    return root, base, check, target
