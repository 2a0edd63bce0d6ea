"""Files that posts are read from: known again when they grew, told from another in their place."""

from __future__ import annotations

import os
import re
import stat
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from yoake.collect.clean import NAME_LIMIT
from yoake.collect.connector import Skip
from yoake.errors import BadInput, Refused, TryLater

_PROBE_BYTES: Final = 1024  # of the beginning, and of what stands before the cursor, that a file is known again by


def size_of(path: str) -> int | None:
    """Size of a regular file; None for a pipe. Raises BadInput when there is nothing to read."""
    if path == "-":
        return None
    try:
        state = Path(path).stat() if path else None
    except PermissionError:
        raise may_not(path) from None
    except (OSError, ValueError):
        state = None
    if state is None or stat.S_ISDIR(state.st_mode):
        raise BadInput("path", path, "the path of a file, or - for standard input")
    return state.st_size if stat.S_ISREG(state.st_mode) else None


def may_not(path: str) -> Refused:
    """A person must give the right to read a file."""
    return Refused(f"{path} may not be read; give the account that runs Yoake the right to read it.")


def not_now(path: str, error: OSError) -> TryLater:
    """Something else keeps a file from being read."""
    return TryLater(f"{path} cannot be read ({error.strerror}); trying again later.", after_s=30)


def name_of(path: str) -> str:
    """What the platform of a file is called when nobody says it."""
    if path == "-":
        return "stdin"
    whole = sha256(os.fsencode(Path(path).resolve())).hexdigest()[:8]
    return f"{Path(path).stem[: NAME_LIMIT - 9]}-{whole}"


class KnownFile:
    """Tells a file that grew from one that was put in its place.

    The file is kept open, so that a page's cursor never describes one which replaced what is being read.

    Args:
        path: the file.
        size: its size in bytes; None for a pipe, whose cursor is only a number.
    """

    def __init__(self, path: str, size: int | None) -> None:
        self._size = size
        self._head = b""
        try:
            self._file = None if size is None else Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed in exit
        except PermissionError:
            raise may_not(path) from None
        except OSError as error:
            raise not_now(path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def cursor(self, offset: int) -> str:
        """The cursor after the first `offset` bytes."""
        return f"{offset}:{self._print(offset)}" if self._file is not None and offset else str(offset)

    def start(self, cursor: str | None) -> tuple[int, list[Skip]]:
        """Where to begin; a file that was replaced is read from its beginning. Raises BadInput."""
        if cursor is None or self._size is None:
            return 0, []
        parts = re.fullmatch(r"([0-9]{1,18})(?::([0-9a-f]{16}))?", cursor)  # without fingerprint: of an older version
        if parts is None:
            raise BadInput("cursor", cursor, "a byte offset and a fingerprint")
        offset, kept = int(parts[1]), parts[2]
        if offset > self._size or (kept is not None and kept != self._print(offset)):
            return 0, [Skip("file_replaced", f"byte {offset} of {self._size}", kept=True)]
        return offset, []

    def _print(self, offset: int) -> str:
        if len(self._head) < min(_PROBE_BYTES, offset):
            self._head = self._read(0)
        before = self._read(max(0, offset - _PROBE_BYTES))
        return sha256(self._head[:offset] + before[: min(_PROBE_BYTES, offset)]).hexdigest()[:16]

    def _read(self, start: int) -> bytes:
        assert self._file is not None
        self._file.seek(start)
        return self._file.read(_PROBE_BYTES)


def line_breaks(path: str, upto: int) -> int:
    """How many line breaks stand in the first `upto` bytes."""
    count = 0
    with Path(path).open("rb") as file:
        while upto > 0 and (chunk := file.read(min(upto, 1 << 20))):
            upto -= len(chunk)
            count += chunk.count(b"\n")
    return count
