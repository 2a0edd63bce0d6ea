"""What to label next: what the detector is least sure about, and not the same thing twenty times."""

from __future__ import annotations

import math
import unicodedata
import zlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

_SIZE: Final = 1024
_LONGEST: Final = 1000  # code points of a text that are looked at


def uncertainty(score: float, threshold: float) -> float:
    """1 at the threshold, 0 where the score is sure: the log-odds' distance, halved every 1.0."""
    near = min(max(score, 1e-6), 1 - 1e-6)
    away = math.log(near / (1 - near)) - math.log(threshold / (1 - threshold))
    return float(0.5 ** abs(away))


def vectors(texts: Sequence[str]) -> Any:
    """float32 (texts, 1024): hashed runs of two and three characters, each row of length 1 (0 for an empty text)."""
    found = np.zeros((len(texts), _SIZE), np.float32)
    for row, text in enumerate(texts):
        plain = "".join(unicodedata.normalize("NFKC", text[:_LONGEST]).casefold().split())
        for size in (2, 3):
            for i in range(len(plain) - size + 1):
                found[row, zlib.crc32(plain[i : i + size].encode("utf-8", "replace")) % _SIZE] += 1
    found = np.log1p(found)
    norm = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(norm == 0, 1, norm)


def choose(unsure: Any, found: Any, count: int, known: Any = None) -> list[int]:
    """Rows to label, best first: each the most uncertain among those unlike what is chosen or known already.

    Args:
        unsure: float (rows,), 0 to 1.
        found: float32 (rows, size), rows of length 1.
        count: at most so many.
        known: float32 (labelled, size), texts that were labelled lately; None for none.
    """
    worth = np.asarray(unsure, np.float64)
    alike = np.zeros(len(worth)) if known is None or not len(known) else (found @ known.T).max(axis=1)
    chosen: list[int] = []
    left = np.ones(len(worth), bool)
    while len(chosen) < min(count, len(worth)):
        value = np.where(left, worth * (1 - np.clip(alike, 0, 1)), -1.0)
        best = int(value.argmax())
        chosen.append(best)
        left[best] = False
        alike = np.maximum(alike, found @ found[best])
    return chosen
