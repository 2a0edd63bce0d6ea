"""The contract of a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pyarrow as pa


class Detector(Protocol):
    """Turns posts into findings.

    Write a file `detect/detectors/<name>.py` with one public class in `__all__`. An instance is cheap to pickle (it is
    sent to worker processes and compiles what it needs there on first use), pure and deterministic.
    """

    name: str  # the file name
    version: str  # changes whenever any finding could change

    def __init__(self, model: Path | None = None, overlay: Path | None = None) -> None:
        """`model`: a model folder (None: the shipped one). `overlay`: a folder of categories laid over the shipped ones."""

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        ...
