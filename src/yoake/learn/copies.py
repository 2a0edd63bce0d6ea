"""Near copies: texts that are the same post for a learner, and must not stand on both sides of a split.

Two texts are near copies when they are equal after folding without URLs, digits and blanks, or when the sets of their
character 5-grams have a Jaccard likeness of .8 or more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.text.fold import fold

LIKENESS: Final = 0.8
_GRAM: Final = 5
_BANDS: Final = 16  # of two values: pairs of .8 are missed once in ten million, pairs of .5 are compared in vain 99 %
_URL: Final = re.compile(r"https?://\S+|www\.\S+")
_BARE: Final = re.compile(r"[\d\s]+")


class Groups:
    """Things that belong together, also through others: a group is named by its smallest number."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def of(self, i: int) -> int:
        """The group of `i`."""
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def all(self) -> list[int]:
        """The group of each."""
        return [self.of(i) for i in range(len(self._parent))]

    def join(self, i: int, j: int) -> None:
        """`i` and `j` belong together."""
        one, other = self.of(i), self.of(j)
        self._parent[max(one, other)] = min(one, other)

    def spread(self, places: Sequence[int], count: int) -> Groups:
        """The same groups among `count` things: the first of these is number `places[0]` there, and so on."""
        wider = Groups(count)
        for i, group in enumerate(self.all()):
            wider.join(places[i], places[group])
        return wider


def near_copies(texts: Sequence[str]) -> Groups:
    """Groups of texts, closed under being near copies."""
    folded = fold(pa.array([_URL.sub(" ", text) for text in texts], pa.string()))
    keys = [_BARE.sub("", folded.text(i)) for i in range(len(texts))]
    groups = Groups(len(texts))
    first: dict[str, int] = {}
    for i, key in enumerate(keys):
        groups.join(i, first.setdefault(key, i))
    join_alike(groups, {i: _grams(keys[i]) for i in sorted(first.values()) if keys[i]})
    return groups


def join_alike(groups: Groups, grams: Mapping[int, Any]) -> None:
    """Joins things whose sets have a Jaccard likeness of .8 or more.

    Args:
        groups: of all things.
        grams: uint64 (n,), distinct and rising, not empty: the set of each thing that is compared.
    """
    buckets: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    chance = np.random.default_rng(5)
    factors = chance.integers(1, 1 << 61, (2 * _BANDS, 1), dtype=np.uint64) | np.uint64(1)
    for i, found in grams.items():
        least = ((found[None, :] * factors) >> np.uint64(20)).min(axis=1).tolist()
        for band in range(_BANDS):
            buckets[band, least[2 * band], least[2 * band + 1]].append(i)
    for listed in buckets.values():
        for place, i in enumerate(listed[1:], 1):
            for j in listed[max(0, place - 20) : place]:  # of thousands of copies each is compared with its neighbours
                if groups.of(i) != groups.of(j) and _alike(grams[i], grams[j]):
                    groups.join(i, j)


def _grams(key: str) -> Any:
    """Hashes (uint64, distinct, rising) of the 5-grams; a shorter text is one gram."""
    codes = np.array([ord(char) for char in key], np.uint64)
    hashed = np.zeros(max(len(codes) - _GRAM + 1, 1), np.uint64)
    for offset in range(min(_GRAM, len(codes))):
        hashed = (hashed ^ codes[offset : offset + len(hashed)]) * np.uint64(0x100000001B3)
    mixed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return np.unique(mixed ^ (mixed >> np.uint64(32)))


def _alike(one: Any, other: Any) -> bool:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared >= LIKENESS * (len(one) + len(other) - shared)
