"""Connections that are kept while one host is asked many questions, one after the other."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import httpx

from yoake.collect.addresses import Place


@dataclass
class Way:
    """At most one connection at a time, to one checked address of one host."""

    client: httpx.Client
    address: str = ""
    sockets: list[socket.socket] = field(default_factory=list)  # of the open connection: what a deadline shuts down

    def close(self) -> None:
        """Ends the connection."""
        self.client.close()


class Ways:
    """Ways that nobody is using now, one a host; whoever asks takes one out and keeps it again after a whole answer."""

    def __init__(self) -> None:
        self._free: dict[tuple[str, bool], Way] = {}

    def take(self, place: Place) -> Way | None:
        """The way that was kept for a host, which then is the caller's."""
        return self._free.pop((place.key, place.tls), None)

    def keep(self, place: Place, way: Way) -> None:
        """Keeps a way for the next question."""
        if self._free.setdefault((place.key, place.tls), way) is not way:
            way.close()  # another thread kept one

    def close(self) -> None:
        """Ends all of them."""
        while self._free:
            self._free.popitem()[1].close()
