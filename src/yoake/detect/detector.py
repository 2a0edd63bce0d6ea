"""The contract of a detector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Measurable(Protocol):
    """A detector that tells how likely each of its labels is: `yoake evaluate` can measure it."""

    labels: tuple[str, ...]  # on the shelf or not
    model_version: str  # of the model folder

    def probabilities(self, posts: pa.RecordBatch) -> Any:
        """Posts (schema POSTS) to float64 (posts, labels)."""
        ...


@runtime_checkable
class TellsHarm(Protocol):
    """A detector that tells how likely any harm is better than its likeliest label does."""

    def harm(self, posts: pa.RecordBatch) -> Any:
        """Posts (schema POSTS) to float64 (posts,)."""
        ...


@runtime_checkable
class Gated(Protocol):
    """A detector that tells cheaply in which posts there is nothing to judge."""

    def passing(self, posts: pa.RecordBatch) -> Any:
        """Posts (schema POSTS) to bool (posts,): False where it would find nothing worth a person's look."""
        ...


class Told(Protocol):
    """What a detector says about a post and a category: the numbers first, the words for whoever asks."""

    row: int  # of the batch
    category: str
    score: float  # as the finding has it, to nine places
    grade: str

    def evidence(self) -> dict[str, Any]:
        """Elements, items, frame and spans of the finding."""
        ...

    def finding(self) -> dict[str, Any] | None:
        """The finding (keys of FINDINGS); None where nothing in the post can be pointed at."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A detector that tells what it would find before it makes findings: what is dropped in the end costs little."""

    def tell(self, posts: pa.RecordBatch) -> Sequence[Told]:
        """Posts (schema POSTS) to what `judge` would find; at most one a post and category."""
        ...
