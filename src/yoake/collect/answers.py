"""What comes back from outside: answers with their validators, and open WebSockets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from yoake.collect.trouble import away
from yoake.errors import TryLater

_STAMP: Final = 300  # characters of a validator that are kept


@dataclass(frozen=True)
class Response:
    """What a server answered to `Net.get` (redirects were followed) or `Net.post`."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def redirects(self) -> bool:
        """Whether the answer is to ask elsewhere."""
        return self.status in (301, 302, 303, 307, 308) and "location" in self.headers

    def json(self) -> Any:
        """The body as JSON. Raises TryLater when it is something else (an error page, half an answer)."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            host = urlsplit(self.url).hostname
            raise TryLater(f"{host} answered status {self.status} without JSON; try again later.", after_s=60) from None


@dataclass(frozen=True)
class Stamp:
    """The validators of an answer; a connector keeps them in its cursor and sends them along the next time.

    An answer to `get(url, headers=stamp.headers())` whose status is 304 says that nothing changed.
    """

    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, response: Response) -> Stamp:
        """The stamp of an answer; empty where the host gave none that a header can carry back."""
        told = (response.headers.get("etag", ""), response.headers.get("last-modified", ""))
        return cls(*(text if len(text) <= _STAMP and re.fullmatch(r"[\x20-\x7e]*", text) else "" for text in told))

    def headers(self) -> dict[str, str]:
        """What makes a request conditional; nothing for an empty stamp."""
        told = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in told.items() if value}


class Socket:
    """An open WebSocket, made by `Net.websocket`."""

    def __init__(self, host: str, connection: ClientConnection) -> None:
        self.host = host
        self._connection = connection

    def recv(self, timeout_s: float) -> str | bytes | None:
        """The next message (text or bytes), or None when none came within `timeout_s`.

        Raises TryLater when the other side closed, also when a message was too long or not UTF-8.
        """
        try:
            return self._connection.recv(timeout_s)
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError) as error:
            raise away(self.host, error) from None

    def send(self, message: str | bytes) -> None:
        """Sends one message (text or bytes). Raises TryLater when the other side closed."""
        try:
            self._connection.send(message)
        except (ConnectionClosed, OSError) as error:
            raise away(self.host, error) from None
