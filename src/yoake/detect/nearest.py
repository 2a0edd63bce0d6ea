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
from yoake.detect.linear_model import columns
from yoake.detect.text.fold import fold

_BITS: Final = 15
_LONGEST: Final = 3
_READ: Final = 1_000  # code points of a post: what follows says no more about which example it is like
_LEAST: Final = 0.1  # below that nothing is alike


class Nearest:
    """Built once a process, on first use; cheap to pickle."""

    def __init__(self, categories: dict[str, Category]) -> None:
        self._categories = categories
        self._known: dict[str, tuple[Any, Any, Any]] | None = None
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
        scratch = np.zeros(1 << _BITS, np.float32)
        found: list[dict[str, Any] | None] = []
        for i, slug in enumerate(slugs):
            own = slice(starts[i], starts[i + 1])
            at, weights = buckets[own], values[own] * self._rarity[buckets[own]]
            norm = float(np.sqrt((weights**2).sum()))
            if slug not in known or norm == 0:
                found.append(None)
                continue
            scratch[at] = weights / norm
            first, where, shares = known[slug]
            likeness = np.add.reduceat(shares * scratch[where], first)
            scratch[at] = 0
            best = int(likeness.argmax())
            if likeness[best] < _LEAST:
                found.append(None)
                continue
            example = self._categories[slug].examples[best]
            alike = round(min(float(likeness[best]), 1.0), 3)
            found.append({"id": f"{slug}/{best + 1}", "text": example.text, "likeness": alike, "label": example.label})
        return found

    def _prepared(self) -> dict[str, tuple[Any, Any, Any]]:
        """By category: where each example begins, buckets, and their shares of its length."""
        if self._known is not None:
            return self._known
        slugs = [slug for slug, category in self._categories.items() if category.examples]
        counted = {slug: _counted([e.text for e in self._categories[slug].examples]) for slug in slugs}
        having = np.zeros(1 << _BITS, np.float32)
        for _starts, buckets, _values in counted.values():
            having += np.bincount(buckets, minlength=len(having))
        total = sum(len(self._categories[slug].examples) for slug in slugs)
        self._rarity = np.log((1 + total) / (1 + having)).astype(np.float32)
        self._known = {}
        for slug, (starts, buckets, values) in counted.items():
            weights = values * self._rarity[buckets]
            first = starts[:-1]
            norms = np.sqrt(np.add.reduceat(weights**2, first))
            self._known[slug] = first, buckets, weights / np.repeat(np.maximum(norms, 1e-9), np.diff(starts))
        return self._known


def _counted(texts: Sequence[str]) -> tuple[Any, Any, Any]:
    """Runs of each text (kernels.linear.features); a text without any counts as one run of weight 0."""
    empty = fold(pa.array([""] * len(texts), pa.string()))
    starts, buckets, values = features(
        *columns([fold(pa.array(list(texts), pa.string())), empty, empty]), _BITS, _LONGEST
    )
    if np.all(np.diff(starts)):
        return starts, buckets, values
    parts = [(buckets[a:b], values[a:b]) for a, b in itertools.pairwise(starts)]
    nothing = np.zeros(1, buckets.dtype), np.zeros(1, values.dtype)
    parts = [part if len(part[0]) else nothing for part in parts]
    ends = np.cumsum([0, *(len(part[0]) for part in parts)]).astype(np.int64)
    return ends, np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
