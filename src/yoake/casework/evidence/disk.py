"""What evidence needs of the disk: one at a time with a file, new files for their owner only, names that outlast a power cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Nobody else of this installation, thread or process, is inside with the same file; whoever dies inside lets go of it."""
    run = Path(settings.ENVIRONMENT.data) / "run"
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(run / f"{file.name}.lock", os.O_CREAT | os.O_RDWR, 0o600), "r+b") as held:
        if sys.platform == "win32":
            msvcrt.locking(held.fileno(), msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write_new(file: Path, octets: bytes) -> None:
    """Writes a file that was not there, for its owner only. Raises FileExistsError when something is, a link too."""
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(octets)
        out.flush()
        os.fsync(out.fileno())


def sync_names(folder: Path) -> None:
    """The disk has the names in a folder when this returns; Windows keeps them by itself."""
    if sys.platform != "win32":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
