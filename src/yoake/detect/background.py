"""What everyday text looks like: counts of hashed character runs, and no text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from yoake.detect.kernels import grams
from yoake.detect.text.fold import fold


class NgramCounts:
    """Counts runs of 1 to 4 folded characters in 65,536 buckets; different runs share a bucket, so no text can be read back.

    `table`: uint32 (65536,), occurrences per bucket, a full counter stays full.
    """

    def __init__(self, table: Any = None) -> None:
        self.table = np.zeros(grams.BUCKETS, np.uint32) if table is None else np.array(table, np.uint32)
        if self.table.shape != (grams.BUCKETS,):
            raise ValueError(f"a background table has {grams.BUCKETS} buckets, this one has shape {self.table.shape}")

    def add(self, posts: pa.RecordBatch) -> None:
        """Counts the text of posts (schema POSTS); profiles and parents are left out, they repeat."""
        folded = fold(posts.column("text"))
        grams.count_grams(folded.codes, folded.rows, self.table)

    def merge(self, other: NgramCounts) -> None:
        """Adds the counts of another table."""
        added = self.table.astype(np.uint64) + other.table
        self.table = np.minimum(added, np.iinfo(np.uint32).max).astype(np.uint32)

    def at_most(self, phrase: str) -> int:
        """At most how often a phrase stood in the posts counted: its rarest run of characters (others may share a bucket)."""
        codes = fold(pa.array([phrase], pa.string())).codes
        runs = np.zeros(grams.BUCKETS, np.uint32)
        grams.count_grams(codes, np.array([0, len(codes)], np.int64), runs)
        return int(self.table[runs > 0].min(initial=np.iinfo(np.uint32).max)) if len(codes) else 0
