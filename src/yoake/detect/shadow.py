"""A model that looks on: it judges what the one in service judges, and what it says is marked and queues nothing."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from yoake.detect.detector import Detector
from yoake.tables.findings import FINDINGS


class Shadowed:
    """Runs the detector in service and, beside it, the one in shadow; the findings of the latter have `shadow` set.

    Their `version` is the shadow's name in the model store, so that the same words of the same lexicon, said by both, are
    two findings. Judging takes as long as both together.
    """

    name = "shadowed"

    def __init__(self, serving: Detector, shadow: Detector | None, ref: str, problem: str = "") -> None:
        self.serving, self.shadow, self.ref = serving, shadow, ref
        self.problem = problem  # why there is no shadow; "" when there is one
        self.version = f"{serving.version}+shadow:{ref}"

    @property
    def problems(self) -> list[Exception]:
        """Folders of categories that were left out, with the reason."""
        return list(getattr(self.serving, "problems", []))

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        found = self.serving.judge(posts)
        told = self.shadow.judge(posts) if self.shadow is not None else found.slice(0, 0)
        if not told.num_rows:
            return found
        columns = dict(zip(FINDINGS.names, told.columns, strict=True))
        columns["shadow"] = pa.repeat(True, told.num_rows)
        columns["version"] = pa.repeat(self.ref, told.num_rows)
        marked = pa.RecordBatch.from_arrays(list(columns.values()), schema=FINDINGS)
        both = pa.Table.from_batches([found, marked]).combine_chunks()
        order = pc.sort_indices(both, [("row", "ascending"), ("score", "descending"), ("shadow", "ascending")])
        return both.take(order).combine_chunks().to_batches()[0]
