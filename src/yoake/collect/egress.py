"""A way out that is not our own address: an HTTP proxy."""

from __future__ import annotations

import base64
import socket
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from yoake.collect.addresses import Place
from yoake.collect.trouble import Unreached, away
from yoake.errors import Refused, TryLater

_ANSWER_BYTES: Final = 16_384


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy, whose address an administrator keeps as a secret: http://host:port, or http://user:password@host:port."""

    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, name: str, secret: str) -> Proxy:
        """The proxy that the secret called `name` holds. Raises Refused when it is no such address; never shows it."""
        try:
            parts = urlsplit(secret)
            host, port = parts.hostname or "", parts.port
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
        except ValueError:
            host, port, user, password = "", None, "", ""
        if not host or parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
            raise Refused(f"the secret {name} is no address of a proxy; write http://user:password@host:port into it.")
        return cls(host, port or 3128, user, password)

    @property
    def url(self) -> str:
        """Its address without user and password."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def headers(self) -> dict[str, str]:
        """What it is told about us."""
        if not self.user:
            return {}
        told = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {told}"}

    def refuses(self, status: int) -> Refused | TryLater:
        """What it means that it answers a request for the way through with this status."""
        if status in (401, 403, 407):
            return Refused(f"the proxy {self.host} answered {status}: it does not let this installation through.")
        return TryLater(f"the proxy {self.host} answered {status} and opens no way; trying again later.", after_s=30)

    def connect(self, place: Place, timeout_s: float) -> socket.socket:
        """A connection to a place through the proxy (CONNECT); the proxy resolves the name.

        Raises TryLater when it is away or cannot reach the place, Refused when it lets nobody through.
        """
        deadline = time.monotonic() + timeout_s
        try:
            sock = socket.create_connection((self.host, self.port), timeout=max(0.05, timeout_s))
        except OSError as error:
            raise away(f"the proxy {self.host}", error, Unreached) from None
        try:
            name = f"[{place.host}]" if ":" in place.host else place.host
            lines = [f"CONNECT {name}:{place.port} HTTP/1.1", f"Host: {name}:{place.port}"]
            lines += [f"{key}: {value}" for key, value in self.headers().items()]
            sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
            status = _status(sock, deadline)
            if not 200 <= status < 300:
                raise self.refuses(status)
        except OSError as error:
            sock.close()
            raise away(f"the proxy {self.host}", error, Unreached) from None
        except BaseException:
            sock.close()
            raise
        return sock


def _status(sock: socket.socket, deadline: float) -> int:
    """Status of the proxy's answer, read to the end of its head and no further (what follows is the other side's)."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        sock.settimeout(max(0.05, deadline - time.monotonic()))
        byte = sock.recv(1)
        if not byte or len(head) > _ANSWER_BYTES:
            raise ConnectionAbortedError("no answer")
        head += byte
        if time.monotonic() > deadline:
            raise TimeoutError
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1][:3].isdigit() else 0
