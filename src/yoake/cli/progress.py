"""One line on the terminal that says how far a long command is; nothing at all where nobody looks."""

from __future__ import annotations

import shutil
import sys
import time
import unicodedata
from typing import IO

__all__ = ["ProgressLine"]

EVERY_S = 0.25


class ProgressLine:
    """A line that overwrites itself, at most four times a second, on a stream that is a terminal."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self.stream = stream or sys.stderr
        self.shown = self.stream.isatty()
        self._next_at = 0.0
        self._standing = False

    @property
    def due(self) -> bool:
        """Whether `show` would print now; asking spares making the text."""
        return self.shown and time.monotonic() >= self._next_at

    def show(self, text: str) -> None:
        """Shows this instead of what the line said before, when it is due."""
        if self.due:
            self._next_at = time.monotonic() + EVERY_S
            self._write(f"\r{_cut(text, shutil.get_terminal_size().columns - 1)}\x1b[K")
            self._standing = True

    def clear(self) -> None:
        """Takes the line away, so that something else can be printed."""
        if self._standing:
            self._write("\r\x1b[K")
            self._standing, self._next_at = False, 0.0

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except OSError:
            self.shown = False  # the terminal is gone; the work goes on


def _cut(text: str, columns: int) -> str:
    """As much of the text as fits; a full-width character takes two columns."""
    for place, character in enumerate(text):
        columns -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns < 0:
            return text[:place]
    return text
