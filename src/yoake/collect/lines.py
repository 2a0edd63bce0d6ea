"""Posts as JSON lines: the public shape `{"id", "text", ...}` that the connector `jsonl` and `yoake score` read."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self

import orjson

from yoake.collect.clean import AUTHOR_LIMIT, NAME_LIMIT, claimed_time, is_id, whole_text

LINE_LIMIT_BYTES: Final = 8 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_FEW: Final = 20  # pictures or labels of a post
_LABEL: Final = 128  # code points of a label or media type
_BOM: Final = b"\xef\xbb\xbf"

REASONS: Final = {
    "not_utf8": "the line is not UTF-8",
    "not_json": "the line is not a JSON object",
    "no_id": "the field id is missing or empty",
    "bad_id": "the field id is neither a string that can be kept nor an integer of 64 bits",
    "no_text": "the field text is missing",
    "bad_text": "the field text is not a string",
    "too_long": f"the line is longer than {LINE_LIMIT_BYTES:,} bytes",
}  # why a line was not read, as one sentence


class Line(NamedTuple):
    """What one line held: a post, a removal, or neither (then `reason` says why)."""

    id: str | int | None  # as it stood in the line, if it could be read
    post: dict[str, Any] | None = None  # a row of POSTS without network and seen_at
    removed: bool = False  # the line says that the post `id` vanished
    platform: str = ""
    reason: str = ""  # a key of REASONS
    notes: tuple[str, ...] = ()  # what was changed or left out on the way; the post was kept


def read_line(raw: bytes | None, now: datetime) -> Line:
    """One line (without its line break; None: longer than LINE_LIMIT_BYTES) to a `Line`; `now` bounds posted_at."""
    if raw is None:
        return Line(None, reason="too_long")
    try:
        fields = orjson.loads(raw)
        ident = fields["id"]
        text = fields["text"]
        if type(text) is not str or (type(ident) is not str and type(ident) is not int):
            raise TypeError
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return _odd_line(raw, now)
    return _line(fields, ident, text, now)


def _odd_line(raw: bytes, now: datetime) -> Line:
    """Everything the fast path does not take: BOM, lone surrogates, removals, errors."""
    try:
        fields = json.loads(raw.removeprefix(_BOM).decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        return Line(None, reason="not_utf8")
    except (ValueError, RecursionError):
        return Line(None, reason="not_json")
    if type(fields) is not dict:
        return Line(None, reason="not_json")
    return read_fields(fields, now)


def read_fields(fields: dict[str, Any], now: datetime) -> Line:
    """The fields of one post, as a line of JSON names them, to a `Line`; `now` bounds posted_at."""
    ident = fields.get("id")
    if ident is None or ident == "":
        return Line(None, reason="no_id")
    if type(ident) is not str and not (type(ident) is int and -(1 << 63) <= ident < 1 << 64):
        return Line(None, reason="bad_id")  # also integers that JSON readers would round
    text = fields.get("text")
    if type(text) is str:
        return _line(fields, ident, text, now)
    if fields.get("removed") is True and is_id(str(ident)):
        return _removal(fields, ident)
    shown = ident if is_id(str(ident)) else None
    return Line(shown, reason="no_text" if text is None else "bad_text")


def _line(fields: dict[str, Any], ident: str | int, text: str, now: datetime) -> Line:
    native_id = ident if type(ident) is str else str(ident)
    if not is_id(native_id):
        return Line(None, reason="bad_id" if native_id else "no_id")
    if "removed" in fields and fields["removed"] is True:
        return _removal(fields, ident)
    notes: list[str] = []
    post: dict[str, Any] = {"native_id": native_id, "text": whole_text(text, notes)}
    platform = ""
    if len(fields) > 2:
        get = fields.get
        if (value := get("author")) is not None:
            post["author_id"] = _name(str(value) if type(value) is int else value, AUTHOR_LIMIT, notes)
        if (value := get("profile")) is not None:
            post["profile"] = _string(value, notes)
        if (value := get("parent_text")) is not None:
            post["parent_text"] = _string(value, notes)
        if (value := get("lang")) is not None:
            post["lang"] = _string(value, notes)
        if (value := get("url")) is not None:
            post["url"] = _address(value, notes)
        if (value := get("labels")) is not None:
            post["labels"] = _labels(value, notes)
        if (value := get("images")) is not None:
            post["images"] = _images(value, notes)
        if (value := get("posted_at")) is not None:
            post["posted_at"] = claimed_time(value, now, notes)
        platform = _platform(fields, notes)
    return Line(ident, post, platform=platform, notes=tuple(dict.fromkeys(notes)) if notes else ())


def _removal(fields: dict[str, Any], ident: str | int) -> Line:
    notes: list[str] = []
    return Line(ident, removed=True, platform=_platform(fields, notes), notes=tuple(notes))


def _platform(fields: dict[str, Any], notes: list[str]) -> str:
    value = fields.get("platform")
    return "" if value is None else _name(value, NAME_LIMIT, notes)


def _string(value: object, notes: list[str]) -> str:
    if type(value) is not str:
        notes.append("wrong_type")
        return ""
    return whole_text(value, notes)


def _name(value: object, limit: int, notes: list[str]) -> str:
    """What tells apart, and is therefore kept whole or not at all."""
    if type(value) is not str:
        notes.append("wrong_type")
        return ""
    if value and not is_id(value, limit):
        notes.append("bad_name")
        return ""
    return value


def _address(value: object, notes: list[str]) -> str:
    """A URL a person can open, or nothing: other schemes (javascript:) are not addresses."""
    if type(value) is not str:
        notes.append("wrong_type")
        return ""
    if not value.startswith(("https://", "http://")) or not is_id(value):
        notes.append("bad_url")
        return ""
    return value


def _labels(value: object, notes: list[str]) -> list[str]:
    labels = _few(value, notes)
    if not all(type(label) is str for label in labels):
        notes.append("wrong_type")
    return [whole_text(label[:_LABEL], notes) for label in labels if type(label) is str]


def _images(value: object, notes: list[str]) -> list[dict[str, Any]]:
    """Pictures of a post: addresses, or objects of `url`, `alt`, `mime`, `size_bytes` of which only `url` is required."""
    found = []
    for image in _few(value, notes):
        told = {"url": image} if type(image) is str else image
        url = _address(told["url"], []) if type(told) is dict and "url" in told else ""
        if not url:
            notes.append("bad_image")
            continue
        alt, mime, size = told.get("alt"), told.get("mime"), told.get("size_bytes")
        found.append(
            {
                "ref": url,
                "alt": whole_text(alt, notes) if type(alt) is str else "",
                "mime": whole_text(mime[:_LABEL], notes).lower() if type(mime) is str else "",
                "size_bytes": size if type(size) is int and 0 <= size < 1 << 63 else None,
            }
        )
    return found


def _few(value: object, notes: list[str]) -> list[Any]:
    if type(value) is not list:
        notes.append("wrong_type")
        return []
    if len(value) > _FEW:
        notes.append("too_many")
    return value[:_FEW]


def _no_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity are not JSON


class Stream(Protocol):
    """What lines are read from; `read` returns as soon as something is there, and b"" at the end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        ...


def opened(path: str, start: int = 0) -> AbstractContextManager[Stream]:
    """A file or named pipe from byte `start` on, or standard input for "-"."""
    if path == "-":
        return _StandardInput()
    stream = Path(path).open("rb", buffering=0)  # noqa: SIM115  (the caller closes it)
    if start:
        stream.seek(start)
    return stream


class LineReader:
    """Lines of a file or pipe, in batches; a slow pipe never keeps the caller waiting.

    A thread reads; `batch` hands out what is there. After a batch, `offset` is the number of bytes up to the end of its
    last line: reading on from there gives exactly the lines that follow. A last line without a line break is not handed
    out but kept in `rest` (it may be half written).

    Args:
        source: gives the stream; called in the reading thread (a named pipe waits there for its writer).
        start: offset of the first byte of the stream, where its reader stands already.
    """

    def __init__(self, source: Callable[[], AbstractContextManager[Stream]], *, start: int = 0) -> None:
        self.offset = start
        self.rest: bytes | None = b""  # None: longer than LINE_LIMIT_BYTES
        self.ended = False  # nothing more will come
        self._source = source
        self._chunks: queue.Queue[bytes | OSError] = queue.Queue(maxsize=4)
        self._stop = threading.Event()
        self._lines: list[bytes | None] = []
        self._first_size = 0  # true size of the first of _lines when it was dropped as too long
        self._next = 0
        self._rest_bytes = 0
        self._exhausted = False
        self._thread = threading.Thread(target=self._read, name="lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def batch(self, limit: int, wait_s: float) -> list[bytes | None]:
        """At most `limit` lines, after at most `wait_s`; None stands for a line longer than LINE_LIMIT_BYTES.

        An empty list means that nothing came in time, or, with `ended`, that nothing will.

        Raises:
            OSError: as opening and reading do.
        """
        found: list[bytes | None] = []
        deadline = time.monotonic() + wait_s
        while True:
            upto = min(len(self._lines), self._next + limit - len(found))
            part = self._lines[self._next : upto]
            self.offset += len(part) + sum(len(line) for line in part if line is not None)
            if self._first_size and self._next == 0 and part:
                self.offset += self._first_size
                self._first_size = 0
            found += part
            self._next = upto
            if len(found) == limit or self._exhausted:
                break
            try:
                chunk = self._chunks.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            self._take(chunk)
        self.ended = self._exhausted and self._next == len(self._lines)
        return found

    def _take(self, chunk: bytes | OSError) -> None:
        """Cut a chunk into lines (only called when all lines were handed out)."""
        if isinstance(chunk, OSError):
            raise chunk
        self._lines, self._next = [], 0
        if not chunk:
            self._exhausted = True
            return
        parts: list[bytes | None] = [*chunk.split(b"\n")]
        first = parts[0]
        assert first is not None
        self._rest_bytes += len(first)
        if self.rest is not None:
            self.rest = self.rest + first if self._rest_bytes <= LINE_LIMIT_BYTES else None
        if len(parts) > 1:
            parts[0] = self.rest
            if self.rest is None:
                self._first_size = self._rest_bytes
            last = parts.pop()
            assert last is not None
            self.rest, self._rest_bytes = last, len(last)
            self._lines = parts

    @property
    def rest_bytes(self) -> int:
        """True size of `rest`."""
        return self._rest_bytes

    def _read(self) -> None:
        try:
            with self._source() as stream:
                while not self._stop.is_set():
                    chunk = stream.read(_CHUNK_BYTES)
                    self._put(chunk)
                    if not chunk:
                        return
        except OSError as error:
            self._put(error)

    def _put(self, chunk: bytes | OSError) -> None:
        while not self._stop.is_set():
            try:
                self._chunks.put(chunk, timeout=0.1)
            except queue.Full:
                continue
            return


class _StandardInput:
    """Standard input as it is, left open; reads straight from the descriptor where there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        stream = sys.stdin.buffer
        try:
            descriptor = stream.fileno()
        except OSError:  # not a real one (tests)
            return stream.read(size)
        return os.read(descriptor, size)  # no lock is held that the end of the process would wait for
