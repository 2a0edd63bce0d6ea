"""Counts hashed runs of 1 to 4 folded characters."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

LONGEST: Final = 4
BUCKETS: Final = 1 << 16

_OFFSET: Final = np.uint32(2166136261)
_PRIME: Final = np.uint32(16777619)
_MIX: Final = np.uint32(0x85EBCA6B)


@njit(cache=True, nogil=True, inline="always")
def bucket(value: Any) -> Any:
    """Bucket (0 to BUCKETS - 1, int64) of a hash (uint32)."""
    mixed = np.uint32((value ^ (value >> np.uint32(15))) * _MIX)
    return np.int64(mixed >> np.uint32(16))


@njit(cache=True, nogil=True)
def count_grams(codes: Any, rows: Any, table: Any) -> None:
    """Adds every run of 1 to LONGEST characters inside a row to its bucket.

    Args:
        codes: int32 (n,), folded code points.
        rows: int64 (rows + 1,), where each row begins.
        table: uint32 (BUCKETS,), counted in place; a full counter stays full.
    """
    full = np.uint32(0xFFFFFFFF)
    for row in range(rows.shape[0] - 1):
        for i in range(rows[row], rows[row + 1]):
            value = _OFFSET
            for j in range(i, min(i + LONGEST, rows[row + 1])):
                value = np.uint32((value ^ np.uint32(codes[j])) * _PRIME)
                at = bucket(value)
                if table[at] != full:
                    table[at] += np.uint32(1)
