"""Judges in the patrol's own process: enough for an office PC."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pyarrow as pa

from yoake.collect.connector import Page
from yoake.detect.detector import Detector

__all__ = ["Inline"]


class Inline:
    """One page after the other, in this thread."""

    def run(
        self, detector: Callable[[], Detector], pages: Iterator[Page]
    ) -> Generator[tuple[Page, pa.RecordBatch], None, None]:
        """Each page with its findings, as soon as it is judged."""
        for page in pages:
            yield page, detector().judge(page.posts)
