"""Slow plain twin of kernels.minhash: Python integers, strings and sets."""

from __future__ import annotations

import re
from collections.abc import Sequence

_64 = (1 << 64) - 1


def siphash(message: bytes, key: bytes) -> int:
    """SipHash-2-4 as its paper tells it."""

    def turned(value: int, by: int) -> int:
        return (value << by | value >> (64 - by)) & _64

    def sip_round() -> None:
        v[0] = (v[0] + v[1]) & _64
        v[1] = turned(v[1], 13) ^ v[0]
        v[0] = turned(v[0], 32)
        v[2] = (v[2] + v[3]) & _64
        v[3] = turned(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & _64
        v[3] = turned(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & _64
        v[1] = turned(v[1], 17) ^ v[2]
        v[2] = turned(v[2], 32)

    first, second = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [
        first ^ int.from_bytes(b"somepseu"),
        second ^ int.from_bytes(b"dorandom"),
        first ^ int.from_bytes(b"lygenera"),
        second ^ int.from_bytes(b"tedbytes"),
    ]
    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) & 0xFF])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        sip_round()
        sip_round()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        sip_round()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def runs(folded: str, length: int, key: bytes) -> tuple[list[int], int]:
    """Keyed hashes of the runs of a folded text, and how many characters were counted."""
    bare = re.sub(r"[0-9 \n]", "", folded)
    words = {bare[i : i + length] for i in range(len(bare) - length + 1)} if len(bare) >= length else {bare} - {""}
    return sorted(siphash(_octets(word), key) for word in words), len(bare)


def _octets(word: str) -> bytes:
    """Two characters to a word of 64 bits, the later one in its lower half."""
    halves = []
    for pair in (word[:2], word[2:]):
        value = 0
        for char in pair:
            value = value << 32 | ord(char)
        halves.append(value.to_bytes(8, "little"))
    return b"".join(halves)


def minima(hashes: Sequence[int], factors: Sequence[int], offsets: Sequence[int]) -> list[int]:
    """The least upper half of (hash x factor + offset) under each function."""
    return [
        min((((hashed * factor + offset) & _64) >> 32 for hashed in hashes), default=0xFFFFFFFF)
        for factor, offset in zip(factors, offsets, strict=True)
    ]


def bands(signature: Sequence[int], count: int, salt: bytes) -> list[int]:
    """Each band as the hash of its number and its minima, one after the other; signed."""
    each, found = len(signature) // count, []
    for band in range(count):
        value = band
        for least in signature[band * each : (band + 1) * each]:
            value = siphash(value.to_bytes(8, "little") + least.to_bytes(8, "little"), salt)
        found.append(value - (1 << 64) if value >> 63 else value)
    return found
