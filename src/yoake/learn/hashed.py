"""Rows without their text: hashed features, taken before a post that concerned nobody's safety was erased.

    {"features": "<base64>", "bits": 18, "longest": 4, "hashing": "2-1a2b3c4d", "label": "none", "group": "...", "time": "2026-11"}

`features` holds, deflated, the number of buckets (uint32), then for each bucket its distance from the one before
(uint32; the first from 0) and then how often it occurs (uint16), all little-endian. The buckets are those of
`detect/kernels/linear.py`: words and runs of 1 to `longest` folded characters of text, profile and parent, in 2 ** `bits` buckets.
Many runs share a bucket and their order is gone, so a row does not print a text; short texts could still be guessed at by
somebody who tries, so these rows are kept as carefully as texts.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import linear as kernel
from yoake.detect.linear_model import LAYOUT, columns
from yoake.detect.text.fold import fingerprint, read
from yoake.errors import BadInput

BITS: Final = 18  # a model with fewer buckets reads them too: a bucket is the upper bits of a hash
LONGEST: Final = 4
_MOST_BUCKETS: Final = 1 << 20
_MOST_BITS: Final = 22
_MOST_COUNT: Final = 65_535


def hashing() -> str:
    """How features are taken now: layout of the hashing, fingerprint of the folding. Others cannot stand beside them."""
    return f"{LAYOUT}-{fingerprint()}"


@dataclass(frozen=True, slots=True, eq=False)
class Hashed:
    """The features of one post."""

    buckets: Any  # uint32 (n,), rising, below 2 ** bits
    counts: Any  # uint16 (n,), 1 or more
    bits: int
    longest: int
    hashing: str  # how they were taken, see `hashing`

    @classmethod
    def of(cls, text: str, profile: str = "", parent_text: str = "") -> Hashed:
        """The features of a post."""
        folded = [read(pa.array([field], pa.string())) for field in (text, profile, parent_text)]
        _starts, buckets, values = kernel.features(*columns(folded), BITS, LONGEST)
        counts = np.rint(np.exp(values.astype(np.float64) - 1))
        return cls(
            buckets.astype(np.uint32), np.minimum(counts, _MOST_COUNT).astype(np.uint16), BITS, LONGEST, hashing()
        )

    def packed(self) -> bytes:
        """Buckets and counts as octets."""
        steps = np.diff(self.buckets.astype(np.int64), prepend=0).astype("<u4")
        size = np.array([len(self.buckets)], "<u4")
        return zlib.compress(size.tobytes() + steps.tobytes() + self.counts.astype("<u2").tobytes(), 9)

    @classmethod
    def unpacked(cls, octets: bytes, bits: int, longest: int, hashed_as: str) -> Hashed:
        """The features that `packed` gave. Raises BadInput when they are cut or no such thing."""
        accepted = "the features of a row as yoake decisions writes them"
        reader = zlib.decompressobj()
        try:
            plain = reader.decompress(octets, 4 + 6 * _MOST_BUCKETS)
        except zlib.error:
            raise BadInput("features", "octets that cannot be inflated", accepted) from None
        if len(plain) < 4 or not reader.eof or len(plain) != 4 + 6 * (n := int(np.frombuffer(plain, "<u4", 1)[0])):
            raise BadInput("features", f"{len(octets)} octets", accepted)
        buckets = np.cumsum(np.frombuffer(plain, "<u4", n, 4).astype(np.int64))
        counts = np.frombuffer(plain, "<u2", n, 4 + 4 * n).astype(np.uint16)
        if n and (not (8 <= bits <= _MOST_BITS) or buckets[-1] >= 1 << bits or (np.diff(buckets) <= 0).any()):
            raise BadInput("features", "buckets out of range or order", accepted)
        if (counts == 0).any():
            raise BadInput("features", "a bucket that never occurs", accepted)
        return cls(buckets.astype(np.uint32), counts, bits, longest, hashed_as)

    def row(self) -> dict[str, Any]:
        """The keys of a line, to which label, group and time are added."""
        packed = base64.b64encode(self.packed()).decode()
        return {"features": packed, "bits": self.bits, "longest": self.longest, "hashing": self.hashing}

    @classmethod
    def read(cls, line: Mapping[str, Any]) -> Hashed | str:
        """The features of a line, or why it has none."""
        packed, bits, longest, told = (line.get(name) for name in ("features", "bits", "longest", "hashing"))
        if not isinstance(packed, str) or not isinstance(told, str):
            return '"features" and "hashing" that are strings'
        if not isinstance(bits, int) or not isinstance(longest, int) or not 1 <= longest <= 8:
            return '"bits" and "longest" that are small numbers'
        try:
            return cls.unpacked(base64.b64decode(packed, validate=True), bits, longest, told)
        except (binascii.Error, ValueError, BadInput):
            return "damaged features"

    def features(self, bits: int, longest: int) -> tuple[Any, Any]:
        """Buckets (int32, rising) and values (float32, 1 + ln count) for a model of 2 ** `bits` buckets.

        Raises BadInput when they were taken with fewer buckets, or with runs of another length.
        """
        if bits > self.bits or longest != self.longest:
            has = f"{self.bits} bits and runs of {self.longest}"
            raise BadInput("--data", f"hashed rows with {has}", f"at least {bits} bits and runs of {longest}")
        narrow, place = np.unique(self.buckets.astype(np.int64) >> (self.bits - bits), return_inverse=True)
        counts = np.bincount(place, self.counts.astype(np.float64), minlength=len(narrow))
        return narrow.astype(np.int32), (1 + np.log(np.maximum(counts, 1))).astype(np.float32)
