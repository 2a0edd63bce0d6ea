"""The first use of the kernels on a machine: the processes that start together share the compiling, instead of each doing it all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from numba.core import config

try:
    import fcntl
except ImportError:  # Windows: every process compiles for itself
    fcntl = None  # type: ignore[assignment]

_LOOKED_EVERY_S = 0.1


def share(steps: Mapping[str, Callable[[], object]]) -> None:
    """Runs the steps whose machine code does not lie on the disk yet; one that another process is at is awaited, not repeated.

    A step makes numba compile something, and is none of the work: where everything is compiled, nothing is run.
    """
    if not config.CACHE_DIR or fcntl is None:
        return
    folder = Path(config.CACHE_DIR)
    left = {name: step for name, step in steps.items() if not _ready(name).exists()}
    if not left or not os.access(folder, os.W_OK):
        return
    while left:
        for name, step in list(left.items()):
            with _held(folder / f"{name}.lock") as held:
                if held and not _ready(name).exists():
                    step()
                    _ready(name).touch()
            if held:
                del left[name]
        if left:
            time.sleep(_LOOKED_EVERY_S)


def is_due(name: str) -> bool:
    """Whether a step is still to be compiled on this machine; False where machine code is not kept."""
    return bool(config.CACHE_DIR) and not _ready(name).exists()


def _ready(name: str) -> Path:
    return Path(config.CACHE_DIR) / f"{name}.ready"


@contextmanager
def _held(file: Path) -> Iterator[bool]:
    """Whether this process holds the file now; when its holder dies, the system lets go of it."""
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
