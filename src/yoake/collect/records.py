"""Lines of a CSV file to records: a field in quotes may hold line breaks."""

from __future__ import annotations

import csv
from typing import Final, NamedTuple

from yoake.collect.lines import LINE_LIMIT_BYTES

MOST_LINES: Final = 200  # of one record; after so many a quote was never closed
csv.field_size_limit(LINE_LIMIT_BYTES)  # the default, 128 KiB, is below the texts we keep


class Record(NamedTuple):
    """One record, or why it is none."""

    line: int  # its first line, from 1
    raw: bytes | None  # None: it cannot be read, `reason` says why
    reason: str = ""


class Records:
    """Puts lines together to records; `pending_bytes` of what was taken belong to one that is not whole yet.

    Args:
        delimiter: one byte.
        line: number of the first line.
    """

    def __init__(self, delimiter: str, line: int = 1) -> None:
        self._delimiter = delimiter.encode()
        self.line = line  # of the next line
        self._pending: list[bytes] = []
        self._quoted = False  # the pending lines end inside quotes

    @property
    def pending_bytes(self) -> int:
        """Bytes of the lines that wait for the end of their record."""
        return sum(len(line) + 1 for line in self._pending)

    @property
    def pending_line(self) -> int:
        """Number of the first line that waits, or of the next line."""
        return self.line - len(self._pending)

    def take(self, lines: list[bytes | None]) -> list[Record]:
        """More lines (None: one that is too long) to the records that they end."""
        found: list[Record] = []
        for raw in lines:
            self.line += 1
            if raw is None:
                found.append(Record(self.pending_line - 1, None, "too_long"))
                self._pending, self._quoted = [], False
                continue
            self._pending.append(raw)
            self._quoted = _ends_quoted(raw, self._delimiter, inside=self._quoted)
            if not self._quoted:
                found.append(self._end())
            elif len(self._pending) > MOST_LINES or self.pending_bytes > LINE_LIMIT_BYTES:
                found += self._give_up()
        return found

    def whole(self, rest: bytes) -> bytes | None:
        """The last record, where a last line without line break ends it; None when it ends inside quotes."""
        if _ends_quoted(rest, self._delimiter, inside=self._quoted):
            return None
        return b"\n".join([*self._pending, rest])

    def _end(self) -> Record:
        record = Record(self.pending_line, b"\n".join(self._pending))
        self._pending = []
        return record

    def _give_up(self) -> list[Record]:
        """A quote was opened and never closed: only its own line is lost."""
        first, *others = self._pending
        lost = Record(self.pending_line, None, "bad_quote")
        self.line -= len(others)
        self._pending, self._quoted = [], False
        return [lost, *self.take([*others])] if first is not None else []


def _ends_quoted(raw: bytes, delimiter: bytes, *, inside: bool) -> bool:
    """Whether a line ends inside a quoted field, when it begins inside one or not.

    Quote, delimiter and line break are the same bytes in UTF-8 and cp932, and part of no other character there.
    """
    place = 0
    while True:
        if inside:
            place = raw.find(b'"', place)
            if place < 0:
                return True
            if raw[place + 1 : place + 2] == b'"':
                place += 2
                continue
            inside, place = False, place + 1
        elif raw[place : place + 1] == b'"':  # a quote opens a field only where the field begins
            inside, place = True, place + 1
            continue
        place = raw.find(delimiter, place) + 1
        if place == 0:
            return False
