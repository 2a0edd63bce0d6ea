"""Which texts say nearly the same: keyed hashes of runs of characters, their minima, and how many two texts share.

The hash is SipHash-2-4: without its key nobody can tell whether a guessed text has the hashes or minima of another.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import BREAK, DIGIT, SPACE

NOTHING: Final = 0xFFFFFFFF  # the minima of a text without any run

_C0, _C1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_C2, _C3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)
_LAST = np.uint64(16 << 56)  # a message of two words: its length, as SipHash ends a message
_21, _32, _64, _FF = np.uint64(21), np.uint64(32), np.uint64(64), np.uint64(0xFF)
_13, _16, _17 = np.uint64(13), np.uint64(16), np.uint64(17)


@njit(cache=True, nogil=True, inline="always")
def _turned(value: Any, by: Any) -> Any:
    return (value << by) | (value >> (_64 - by))


@njit(cache=True, nogil=True)
def _round(a: Any, b: Any, c: Any, d: Any) -> Any:
    a += b
    b = _turned(b, _13) ^ a
    a = _turned(a, _32)
    c += d
    d = _turned(d, _16) ^ c
    a += d
    d = _turned(d, _21) ^ a
    c += b
    b = _turned(b, _17) ^ c
    c = _turned(c, _32)
    return a, b, c, d


@njit(cache=True, nogil=True)
def keyed_hash(first: Any, second: Any, key: Any) -> Any:
    """SipHash-2-4 of two words (uint64 each, little-endian) under a key (uint64 (2,))."""
    a, b, c, d = key[0] ^ _C0, key[1] ^ _C1, key[0] ^ _C2, key[1] ^ _C3
    for word in (first, second, _LAST):
        d ^= word
        a, b, c, d = _round(a, b, c, d)
        a, b, c, d = _round(a, b, c, d)
        a ^= word
    c ^= _FF
    for _ in range(4):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


@njit(cache=True, nogil=True)
def runs(codes: Any, classes: Any, rows: Any, length: int, key: Any) -> tuple[Any, Any, Any]:
    """The runs of characters of each text, as keyed hashes; digits and blanks are passed over.

    Args:
        codes: int32 (n,), folded code points.
        classes: uint8 (n,), their classes.
        rows: int64 (rows + 1,), where each row begins.
        length: characters of a run, 1 to 4; a shorter text is one run.
        key: uint64 (2,).

    Returns:
        hashes uint64 (m,), distinct and rising in each row; starts int64 (rows + 1,), where those of each row begin;
        counted int64 (rows,), the characters that are neither digit nor blank.
    """
    hashes = np.empty(codes.shape[0] + rows.shape[0], np.uint64)
    starts = np.zeros(rows.shape[0], np.int64)
    counted = np.zeros(rows.shape[0] - 1, np.int64)
    kept = np.empty(codes.shape[0], np.uint64)
    filled = 0
    for row in range(rows.shape[0] - 1):
        n = 0
        for i in range(rows[row], rows[row + 1]):
            if classes[i] != DIGIT and classes[i] != SPACE and classes[i] != BREAK:
                kept[n] = np.uint64(codes[i])
                n += 1
        counted[row] = n
        begun = filled
        for i in range(max(n - length + 1, min(n, 1))):
            first, second = np.uint64(0), np.uint64(0)
            for k in range(i, min(i + length, n)):
                if k - i < 2:
                    first = (first << _32) | kept[k]
                else:
                    second = (second << _32) | kept[k]
            hashes[filled] = keyed_hash(first, second, key)
            filled += 1
        if filled > begun:
            hashes[begun:filled].sort()
            to = begun + 1
            for k in range(begun + 1, filled):
                if hashes[k] != hashes[to - 1]:
                    hashes[to] = hashes[k]
                    to += 1
            filled = to
        starts[row + 1] = filled
    return hashes[:filled].copy(), starts, counted


@njit(cache=True, nogil=True)
def minima(hashes: Any, starts: Any, factors: Any, offsets: Any) -> Any:
    """The signature of each text: the least value of its hashes under each of k functions.

    Args:
        hashes: uint64 (m,).
        starts: int64 (rows + 1,), where the hashes of each row begin.
        factors: uint64 (k,), odd.
        offsets: uint64 (k,).

    Returns:
        uint32 (rows, k); NOTHING in a row without a hash.
    """
    found = np.full((starts.shape[0] - 1, factors.shape[0]), np.uint32(NOTHING), np.uint32)
    for row in range(starts.shape[0] - 1):
        for i in range(starts[row], starts[row + 1]):
            for k in range(factors.shape[0]):
                value = np.uint32((hashes[i] * factors[k] + offsets[k]) >> _32)
                found[row, k] = min(found[row, k], value)
    return found


@njit(cache=True, nogil=True)
def bands(signatures: Any, count: int, salt: Any) -> Any:
    """Consecutive minima of a signature as one number each: `count` numbers.

    Args:
        signatures: uint32 (rows, k); k is a multiple of count.
        count: how many bands.
        salt: uint64 (2,), keeps apart what must never meet, such as two organisations.

    Returns:
        int64 (rows, count).
    """
    each = signatures.shape[1] // count
    found = np.empty((signatures.shape[0], count), np.int64)
    for row in range(signatures.shape[0]):
        for band in range(count):
            value = np.uint64(band)
            for k in range(band * each, band * each + each):
                value = keyed_hash(value, np.uint64(signatures[row, k]), salt)
            found[row, band] = np.int64(value)
    return found


@njit(cache=True, nogil=True)
def estimated(signature: Any, others: Any) -> Any:
    """The share of minima that a signature (uint32 (k,)) has in common with each of others (uint32 (n, k)): float64 (n,)."""
    found = np.zeros(others.shape[0], np.float64)
    for row in range(others.shape[0]):
        same = 0
        for k in range(signature.shape[0]):
            same += signature[k] == others[row, k]
        found[row] = same / signature.shape[0]
    return found


@njit(cache=True, nogil=True)
def jaccard(one: Any, other: Any) -> float:
    """What two sets share of what they have together, 0 to 1; both uint64, distinct and rising; 0 for two empty ones."""
    shared, i, j = 0, 0, 0
    while i < one.shape[0] and j < other.shape[0]:
        if one[i] == other[j]:
            shared += 1
            i += 1
            j += 1
        elif one[i] < other[j]:
            i += 1
        else:
            j += 1
    both = one.shape[0] + other.shape[0] - shared
    return shared / both if both else 0.0
