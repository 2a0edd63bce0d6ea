"""Lines of an HTTP answer that does not end, as they come (`Net.lines`)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, Self

import httpx

from yoake.collect.lines import LineReader
from yoake.collect.trouble import away
from yoake.errors import TryLater

PROBLEM_BYTES: Final = 20_000  # of an answer that is no stream: enough of it to say why
_LEAVE_S: Final = 2.0  # for the thread that reads, once its connection was hung up


class LineStream:
    """An open stream of lines, made by `Net.lines`.

    A thread reads; what is not fetched in time holds the other side up (a few chunks are kept, no more).

    Args:
        host: names the other side in errors.
        answer: opened as a stream, not read yet.
        deadline: up to when (`time.monotonic`) an answer that is no stream is read.
    """

    def __init__(self, host: str, answer: httpx.Response, deadline: float) -> None:
        self.host, self.status = host, answer.status_code
        self.headers = answer.headers
        self.problem = few_octets(answer, deadline) if answer.status_code != 200 else b""  # why this is no stream
        self._answer, self._octets = answer, _Octets(answer)
        self._reader = LineReader(lambda: self._octets)

    def __enter__(self) -> Self:
        if self.status == 200:
            self._reader.__enter__()
        else:
            self._octets.left.set()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.__exit__()
        with suppress(OSError, AttributeError):  # closed already; a transport without a socket
            # Below TLS: its reader is in the middle of a read.
            socket.socket.shutdown(self._answer.extensions["network_stream"].get_extra_info("socket"), socket.SHUT_RDWR)
        self._octets.left.wait(_LEAVE_S)

    def recv(self, timeout_s: float, *, most: int = 2000) -> list[bytes | None]:
        """At most so many lines, none when none came in time; None stands for a line that is too long to be read.

        A keep-alive is an empty line. Raises TryLater when the other side closed, or fell silent.
        """
        found = self._reader.batch(1, timeout_s)
        if found and most > 1:
            found += self._reader.batch(most - 1, 0.0)
        if not found and self._reader.ended:
            if self._octets.error is not None:
                raise away(self.host, self._octets.error) from None
            raise TryLater(f"{self.host} closed the connection; trying again later.", after_s=10)
        return found


class _Octets:
    """The body, as the thread that reads wants it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.left = threading.Event()
        self.error: Exception | None = None  # what ended it; the lines before it are read all the same
        self._parts: Iterator[bytes] = answer.iter_raw()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.left.set()

    def read(self, size: int, /) -> bytes:
        """What came, at least one octet; b"" at the end."""
        try:
            return next(self._parts, b"")
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            self.error = error
            return b""


def few_octets(answer: httpx.Response, deadline: float) -> bytes:
    """The beginning of a body, as far as it comes in time: an error that explains itself does so there."""
    body = b""
    with suppress(httpx.HTTPError):
        for part in answer.iter_raw():
            body += part
            if len(body) >= PROBLEM_BYTES or time.monotonic() > deadline:
                break
    return body[:PROBLEM_BYTES]
