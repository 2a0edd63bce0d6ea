"""Judges in as many processes as there are cores: for busy sources and backfills."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor

import pyarrow as pa

from yoake.collect.connector import Page
from yoake.detect.detector import Detector
from yoake.pipeline.lifetime import end_with_parent

__all__ = ["Processes"]


class Processes:
    """A pool of processes; at most twice as many pages in flight as there are processes, and pages in order."""

    def __init__(self, processes: int | None = None) -> None:
        self.processes = processes or os.cpu_count() or 1

    def run(
        self, detector: Callable[[], Detector], pages: Iterator[Page]
    ) -> Generator[tuple[Page, pa.RecordBatch], None, None]:
        """Each page with its findings, in page order."""
        # spawn: a forked child would inherit threads, sockets and database connections of the patrol
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.processes, spawn, end_with_parent) as pool:
            in_flight: deque[tuple[Page, Future[pa.RecordBatch]]] = deque()
            try:
                for page in pages:
                    in_flight.append((page, pool.submit(_judge, detector(), page.posts)))
                    while in_flight and (len(in_flight) > 2 * self.processes or in_flight[0][1].done()):
                        done, findings = in_flight.popleft()
                        yield done, findings.result()
                while in_flight:
                    done, findings = in_flight.popleft()
                    yield done, findings.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


_kept: dict[str, Detector] = {}  # per process: a detector compiles its tables once, on first use


def _judge(detector: Detector, posts: pa.RecordBatch) -> pa.RecordBatch:
    kept = _kept.get(detector.version)
    if kept is None:
        _kept.clear()
        kept = _kept[detector.version] = detector
    return kept.judge(posts)
