"""The example of a category that reads most like a post: something known to hold beside something new.

Likeness is the cosine of hashed runs of up to 3 folded characters and of whole words, each counted as 1 + ln n and weighed by
how few examples have it. Examples for and against are looked at alike: a post most like one that must not be queued is worth a second look.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.category import Category
from yoake.detect.kernels.linear import features
from yoake.detect.kernels.nearest import likest
from yoake.detect.linear_model import columns
from yoake.detect.text.fold import read

_BITS: Final = 15
_LONGEST: Final = 3
_READ: Final = 1_000  # code points of a post: what follows says no more about which example it is like
_LEAST: Final = 0.1  # below that nothing is alike


class Nearest:
    """Built once a process, on first use; cheap to pickle."""

    def __init__(self, categories: dict[str, Category]) -> None:
        self._categories = categories
        self._known: tuple[Any, ...] | None = None
        self._numbers: dict[str, int] = {}
        self._rarity: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": None, "_rarity": None}

    def of(self, texts: Sequence[str], slugs: Sequence[str]) -> list[dict[str, Any] | None]:
        """The likest example of the category `slugs[i]` for `texts[i]`.

        Returns:
            `{"id": "<slug>/<number from 1>", "text", "likeness": 0 to 1, "label": a category or "none"}`; None where a
            category has no example that is alike.
        """
        known = self._prepared()
        starts, buckets, values = _counted([text[:_READ] for text in texts])
        numbers = np.array([self._numbers.get(slug, -1) for slug in slugs], np.int64)
        places, likenesses = likest(starts, buckets, values, self._rarity, numbers, *known)
        found: list[dict[str, Any] | None] = []
        for slug, best, likeness in zip(slugs, places.tolist(), likenesses.tolist(), strict=True):
            if likeness < _LEAST:
                found.append(None)
                continue
            example = self._categories[slug].examples[best]
            alike = round(min(likeness, 1.0), 3)
            found.append({"id": f"{slug}/{best + 1}", "text": example.text, "likeness": alike, "label": example.label})
        return found

    def _prepared(self) -> tuple[Any, ...]:
        """Where the examples of each category begin, where the runs of each example, the runs' buckets and their shares."""
        if self._known is not None:
            return self._known
        slugs = [slug for slug, category in self._categories.items() if category.examples]
        self._numbers = {slug: number for number, slug in enumerate(slugs)}
        listed = [self._categories[slug].examples for slug in slugs]
        starts, buckets, values = _counted([example.text for examples in listed for example in examples])
        having = np.bincount(buckets, minlength=1 << _BITS)
        self._rarity = np.log((1 + len(starts) - 1) / (1 + having)).astype(np.float32)
        weights = values * self._rarity[buckets]
        norms = np.sqrt(np.add.reduceat(weights**2, starts[:-1])) if len(weights) else weights
        shares = weights / np.repeat(np.maximum(norms, 1e-9), np.diff(starts))
        self._known = np.cumsum([0, *map(len, listed)]), starts, buckets, shares.astype(np.float32)
        return self._known


def _counted(texts: Sequence[str]) -> tuple[Any, Any, Any]:
    """Runs of each text (kernels.linear.features); a text without any counts as one run of weight 0."""
    empty = read(pa.array([""] * len(texts), pa.string()))
    starts, buckets, values = features(
        *columns([read(pa.array(list(texts), pa.string())), empty, empty]), _BITS, _LONGEST
    )
    if np.all(np.diff(starts)):
        return starts, buckets, values
    parts = [(buckets[a:b], values[a:b]) for a, b in itertools.pairwise(starts)]
    nothing = np.zeros(1, buckets.dtype), np.zeros(1, values.dtype)
    parts = [part if len(part[0]) else nothing for part in parts]
    ends = np.cumsum([0, *(len(part[0]) for part in parts)]).astype(np.int64)
    return ends, np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
