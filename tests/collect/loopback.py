"""Small servers on loopback for the tests of this room, and a clock that the test moves."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from yoake.collect.connector import Page
from yoake.collect.net import Net

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # 12:00 in Tokyo


class Clock:
    """A clock that stands until it is moved; waiting moves it."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class ClockNet(Net):
    """The outside world on a test's clock: waiting costs no time, and lasts `wait_s` whatever was asked.

    A secret is its name and "-of-the-tests".
    """

    def __init__(self, clock: Clock, *, stop_at: datetime | None = None, wait_s: float | None = None) -> None:
        super().__init__(allow_private=True, clock=clock, keys="{}-of-the-tests".format)
        self.clock, self.stop_at, self.wait_s = clock, stop_at, wait_s

    def wait(self, seconds: float) -> bool:
        self.clock.at += timedelta(seconds=self.wait_s or seconds)
        return self.stop_at is not None and self.clock.at >= self.stop_at


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is part of the tests."""


@contextmanager
def http_server(
    answer: Callable[[BaseHTTPRequestHandler], None],
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[str]:
    """An HTTP server that answers as told, with the date of `clock`; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: on a kept connection the second would wait 40 ms

        def do_GET(self) -> None:
            answer(self)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - their names are the library's

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(clock(), usegmt=True)

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def respond(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Send one whole answer."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def socket_server(script: Callable[[ServerConnection], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A WebSocket server that runs `script` for each connection and then closes it; gives its address."""

    def handle(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            script(connection)

    with serve(handle, "127.0.0.1", 0, compression=None, ssl=tls) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def until(pages: Iterator[Page], done: Callable[[list[Page]], bool], limit: int = 200) -> list[Page]:
    """Pages up to the first at which `done` holds."""
    found: list[Page] = []
    for page in pages:
        found.append(page)
        if done(found):
            return found
        assert len(found) < limit, "the pages never brought it"
    raise AssertionError("the pages ended before")


def posts(pages: list[Page]) -> list[dict[str, Any]]:
    """All posts of some pages."""
    return [row for page in pages for row in page.posts.to_pylist()]


def removals(pages: list[Page]) -> list[dict[str, Any]]:
    """All removals of some pages."""
    return [row for page in pages for row in page.removed.to_pylist()]


def skips(pages: list[Page]) -> list[tuple[str, str, bool]]:
    """All skips of some pages, as (reason, where, kept)."""
    return [(skip.reason, skip.where, skip.kept) for page in pages for skip in page.skipped]


def port_of(handler: BaseHTTPRequestHandler) -> int:
    """The port of the server that handles this request."""
    assert isinstance(handler.server, ThreadingHTTPServer)
    return handler.server.server_port
