"""One `yoake up` a data folder: a file names the process that runs there, and one that is gone is taken over."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from yoake.cli.words import _
from yoake.errors import Refused

_CLOCK_STEP_S = 2.0  # how far two readings of one process's start may differ
_WRITTEN_WITHIN_S = 1.0


@dataclass(frozen=True)
class Running:
    """Who runs on a data folder."""

    pid: int
    started: float  # when that process began, as psutil tells it: a number alone may be another process by now
    address: str

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.started) < _CLOCK_STEP_S)
        except psutil.Error:
            return False


def file_of(data: Path) -> Path:
    """Where it is written who runs on this data folder."""
    return data / "run" / "up.json"


def running_on(data: Path) -> Running | None:
    """Who runs on this data folder now, if anybody."""
    found = _read(file_of(data))
    return found if found is not None and found.alive else None


@contextmanager
def only_one(data: Path, address: str) -> Iterator[None]:
    """Holds the data folder. Raises Refused while another `yoake up` holds it."""
    file = file_of(data)
    me = Running(os.getpid(), psutil.Process().create_time(), address)
    while True:
        try:
            with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
                json.dump(asdict(me), opened)
            break
        except FileExistsError:
            held = _read(file)
            if held is not None and held.alive:
                raise Refused(
                    _(
                        "Yoake already runs on {data} (process {pid}, {address}): open that address, "
                        "stop that one, or give this one a folder of its own with YOAKE_DATA."
                    ).format(data=data, pid=held.pid, address=held.address)
                ) from None
            file.unlink(missing_ok=True)  # its process is gone
    time.sleep(0.05)
    if _read(file) != me:
        raise Refused(_("Yoake was started twice in the same moment on {data}; this one ends.").format(data=data))
    try:
        yield
    finally:
        if _read(file) == me:
            file.unlink(missing_ok=True)


def _read(file: Path) -> Running | None:
    """What the file says; None when there is none, or nothing that can be read (its writer died in the middle)."""
    until = time.monotonic() + _WRITTEN_WITHIN_S
    while True:
        try:
            return Running(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            if time.monotonic() > until:
                return None
            time.sleep(0.05)
