from __future__ import annotations

import csv
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from yoake.collect.clean import NAME_LIMIT
from yoake.collect.columns import Columns, zone_of
from yoake.collect.connector import Page
from yoake.collect.files import KnownFile, line_breaks, name_of, size_of
from yoake.collect.lines import LineReader, opened
from yoake.collect.net import Net
from yoake.collect.posts_in_files import Batch, OfFile, lines_of
from yoake.collect.records import Record, Records
from yoake.errors import BadInput

__all__ = ["CsvFile"]

_ENCODINGS: Final = ("auto", "utf-8", "cp932")
_DELIMITERS: Final = {",": ",", ";": ";", "tab": "\t", "\t": "\t", "|": "|"}
_PROBE_BYTES: Final = 65_536
_BOM: Final = b"\xef\xbb\xbf"


class CsvFile(OfFile):
    """Posts from a CSV file or pipe whose first record names the columns; fields in quotes may hold line breaks.

    The cursor is the byte offset after the last record read and a fingerprint of what stands before it, as of JSON lines.
    """

    title = {"ja": "CSVファイル", "en": "CSV file"}
    live = False

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that is a CSV file.

        Args:
            path: the file, a named pipe, or - for standard input.
            platform: where the posts come from; a record's own `platform` goes before it. Empty: the file's name, and
                eight hex digits of its whole path.
            columns: which column is which field, as `field=column`; any other field is the column of its own name.
            encoding: utf-8, cp932 (what Japanese Windows calls ANSI), or auto: UTF-8 where the file's beginning is.
            delimiter: what stands between two fields: a comma, ; or | or tab.
            time_zone: whose clock times without an offset are, such as Asia/Tokyo; empty: such times are left out.
            time_format: how times are written, such as %Y/%m/%d %H:%M; empty: ISO 8601.
            page_posts: how many lines make a page.
        """

        path: str = ""
        platform: str = ""
        columns: tuple[str, ...] = ()
        encoding: str = "auto"
        delimiter: str = ","
        time_zone: str = ""
        time_format: str = ""
        page_posts: int = 2000

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Everything after `cursor`; ends at the end of the file."""
        _check(options)
        with KnownFile(options.path, size_of(options.path)) as known:
            start, skipped = known.start(cursor)
            reading = _Reading(options, start)
            with LineReader(lambda: opened(options.path, start), start=start) as reader:
                while not (reader.ended or net.stopping):
                    batch = Batch(f"file:{options.platform or name_of(options.path)}", net.now(), skipped)
                    reading.take(lines_of(options.path, reader, options.page_posts), batch)
                    if reader.ended:
                        reading.end(reader, batch)
                    yield batch.page(known.cursor(reader.offset - reading.records.pending_bytes))
                    skipped = []


def _check(options: CsvFile.Options) -> None:
    if options.page_posts < 1:
        raise BadInput("page_posts", options.page_posts, "a page holds at least one line")
    if len(options.platform) > NAME_LIMIT:
        raise BadInput("platform", options.platform, f"a name of at most {NAME_LIMIT} characters")
    if options.encoding not in _ENCODINGS:
        raise BadInput("encoding", options.encoding, f"one of {', '.join(_ENCODINGS)}")
    if options.delimiter not in _DELIMITERS:
        raise BadInput("delimiter", options.delimiter, "one of , ; | tab")
    zone_of(options.time_zone)


class _Reading:
    """A file being read: its encoding, its columns, its records."""

    def __init__(self, options: CsvFile.Options, start: int) -> None:
        self._options = options
        self._delimiter = _DELIMITERS[options.delimiter]
        self._encoding = options.encoding if options.encoding != "auto" else _encoding_of(options.path)
        self._columns: Columns | None = None
        self._width = 0
        self.records = Records(self._delimiter)
        if start:
            with Path(options.path).open("rb") as file:
                self._head(Records(self._delimiter), iter(file.readline, b""))
            self.records.line = 1 + line_breaks(options.path, start)

    def take(self, lines: list[bytes | None], batch: Batch) -> None:
        """Lines to what they bring."""
        for record in self.records.take(lines):
            self._read(record, batch)

    def end(self, reader: LineReader, batch: Batch) -> None:
        """The last line has no line break: whole, or still being written? Too few fields are no record."""
        line = self.records.pending_line
        if reader.rest is None:
            batch.skip("too_long", f"line {line}")
            return
        if not reader.rest.strip() and not self.records.pending_bytes:
            return
        raw = self.records.whole(reader.rest)
        cells = None if raw is None else self._cells(raw)
        if raw is None or not isinstance(cells, list) or (self._columns is not None and len(cells) != self._width):
            batch.skip("half_line", f"line {line}")
            return
        self._read(Record(line, raw), batch)
        reader.offset += reader.rest_bytes
        self.records = Records(self._delimiter, self.records.line)

    def _head(self, records: Records, lines: Any) -> None:
        for raw in lines:
            for record in records.take([raw.removesuffix(b"\n")]):
                if record.raw is not None and record.raw.strip():
                    self._name(record.raw)
                    return

    def _read(self, record: Record, batch: Batch) -> None:
        where = f"line {record.line}"
        if record.raw is None:
            batch.skip(record.reason, where)
            return
        if not record.raw.strip():
            return
        if self._columns is None:
            self._name(record.raw)
            return
        cells = self._cells(record.raw)
        if isinstance(cells, str):
            batch.skip(cells, where)
        elif len(cells) != self._width:
            batch.skip("wrong_columns", where)
        else:
            batch.take(self._columns.of_cells(cells, batch.now), where)

    def _name(self, raw: bytes) -> None:
        header = self._cells(raw.removeprefix(_BOM))
        if isinstance(header, str):
            raise BadInput(
                "encoding", self._options.encoding, "the one in which the first record, the columns' names, is"
            )
        header = [name.strip() for name in header]
        self._width = len(header)
        self._columns = Columns(self._options.columns, header, self._options.time_zone, self._options.time_format)

    def _cells(self, raw: bytes) -> list[str] | str:
        """Fields of a record, or why it has none."""
        try:
            text = raw.removesuffix(b"\r").decode(self._encoding)
        except UnicodeDecodeError:
            return "not_utf8" if self._encoding == "utf-8" else "not_cp932"
        try:
            return next(csv.reader([text], delimiter=self._delimiter, strict=True))
        except (csv.Error, StopIteration):
            return "not_csv"


def _encoding_of(path: str) -> str:
    """UTF-8 where the beginning of a file is, else cp932; a pipe is taken for UTF-8."""
    if size_of(path) is None:
        return "utf-8"
    with Path(path).open("rb") as file:
        head = file.read(_PROBE_BYTES)
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_short = len(head) == _PROBE_BYTES and error.start >= len(head) - 3
        return "utf-8" if cut_short else "cp932"
    return "utf-8"
