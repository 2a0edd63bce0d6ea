"""The contract of an engine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Protocol

import pyarrow as pa

from yoake.collect.connector import Page
from yoake.detect.detector import Detector


class Engine(Protocol):
    """Carries pages to a detector and brings them back with their findings.

    Write a file `pipeline/engines/<name>.py` with one public class in `__all__`. Pages come back in page order, a
    bounded number is in flight, and a page that is ready is never held back for one that is not yet there.
    """

    def run(
        self, detector: Callable[[], Detector], pages: Iterator[Page]
    ) -> Generator[tuple[Page, pa.RecordBatch], None, None]:
        """Each page with its findings. `detector` is asked anew for each page, so that a new model serves at once."""
        ...
