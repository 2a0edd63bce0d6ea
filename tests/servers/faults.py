"""A line on loopback between a connector and its server, on which things go wrong as they do outside.

It passes TCP through, so that any server can stand behind it: HTTP, WebSocket, or both on one port.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass(frozen=True)
class Fault:
    """What happens to a connection instead of what should.

    Args:
        refused: nobody listens.
        answer: these octets are the whole answer, and the server is not asked.
        after_bytes: so much of the server's answer passes; then the connection ends.
        reset: it ends with a reset, else in an orderly way.
        halved: an HTTP answer comes with half of its body, and says that this is all.
    """

    refused: bool = False
    answer: bytes = b""
    after_bytes: int = -1
    reset: bool = False
    halved: bool = False


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """An HTTP answer of a status."""
    told = {
        "Content-Type": "text/html; charset=utf-8",
        **headers,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {code} So", *(f"{name.replace('_', '-')}: {value}" for name, value in told.items()), "", ""]
    return Fault(answer="\r\n".join(lines).encode() + body)


class Line:
    """Listens on a port of its own and passes on to `target`, except while a fault is set.

    A fault strikes one connection and is healed by that; `refused` lasts until `heal`. Requests for robots.txt pass
    untouched: a site's rules are one thing, its pages another.
    """

    def __init__(self) -> None:
        self.target = 0  # port of the server
        self.struck = 0  # connections that a fault struck
        self.requests: list[str] = []  # first lines
        self.late_s: Callable[[], float] = float  # how long an answer is held back once the server gave it
        self._fault: Fault | None = None
        self._spared = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._listener: socket.socket | None = None
        self.port = self._listen(0)

    @property
    def address(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._close()

    def set(self, fault: Fault, *, after: int = 0) -> None:
        """The next connection meets this, or the one after so many others."""
        self._fault, self._spared = fault, after
        if fault.refused:
            self._close()

    def heal(self) -> None:
        """Everything passes again."""
        if self._fault is not None and self._fault.refused:
            self.struck += 1
            self._listen(self.port)
        self._fault = None

    def _listen(self, port: int) -> int:
        self._listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return int(self._listener.getsockname()[1])

    def _close(self) -> None:
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while not self._ended.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _take_fault(self, head: bytes) -> Fault | None:
        with self._lock:
            self.requests.append(head.split(b"\r\n", 1)[0].decode("latin-1"))
            if self._fault is None or head.startswith(b"GET /robots.txt"):
                return None
            if self._spared > 0:
                self._spared -= 1
                return None
            fault, self._fault = self._fault, None
            self.struck += 1
            return fault

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return
                head += part
            fault = self._take_fault(head)
            if fault is not None and fault.answer:
                client.sendall(fault.answer)
                client.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    client.recv(65536)
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                server.sendall(head)
                threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
                if fault is not None and fault.halved:
                    client.sendall(_halved(server))
                    client.shutdown(socket.SHUT_RDWR)
                    return
                _answer(server, client, fault, self.late_s())
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)


def _answer(server: socket.socket, client: socket.socket, fault: Fault | None, late_s: float) -> None:
    left = -1 if fault is None else fault.after_bytes
    while left != 0:
        part = server.recv(65536 if left < 0 else min(65536, left))
        if not part:
            break
        time.sleep(late_s)
        late_s = 0.0
        client.sendall(part)
        left -= len(part) if left > 0 else 0
    if fault is not None and fault.reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.shutdown(socket.SHUT_RD)  # wakes the thread that reads, or the reset would wait for it
        client.close()
    else:
        client.shutdown(socket.SHUT_RDWR)


def _halved(server: socket.socket) -> bytes:
    whole = b""
    while b"\r\n\r\n" not in whole:
        whole += server.recv(65536)
    head, _, body = whole.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += server.recv(65536)
    half = body[: length // 2]
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(half), b"", b""]) + half


FAULTS: Final[dict[str, Callable[[], Fault]]] = {
    "refused": lambda: Fault(refused=True),
    "reset at once": lambda: Fault(after_bytes=0, reset=True),
    "reset mid-page": lambda: Fault(after_bytes=250, reset=True),
    "closed mid-page": lambda: Fault(after_bytes=250),
    "half a page": lambda: Fault(halved=True),
    "429": lambda: status(429),
    "429, in 7 s": lambda: status(429, Retry_After="7"),
    "429, until a time": lambda: status(429, Retry_After="Fri, 20 Nov 2026 03:00:09 GMT", Date="Fri, 20 Nov 2026 03:00:02 GMT"),
    "500": lambda: status(500, b"<h1>Internal Server Error</h1>"),
    "502": lambda: status(502, b"<h1>Bad Gateway</h1>"),
    "503, in 7 s": lambda: status(503, Retry_After="7"),
    "401": lambda: status(401),
    "HTML where data was due": lambda: status(200, b"<!doctype html><title>maintenance</title><p>Back soon.</p>"),
    "nothing where data was due": lambda: status(200),
}  # fmt: skip
