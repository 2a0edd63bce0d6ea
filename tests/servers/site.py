"""A static site on loopback: pages from memory, with robots.txt, validators, redirects and a log of what was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.collect.loopback import http_server, respond


@dataclass
class Answer:
    """What stands at a path."""

    body: bytes = b""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stamped: bool = True  # sends an ETag and answers 304 to whoever has it


@dataclass
class Site:
    """A site: `at[path]` says what is answered, everything else is 404. `address` has no slash at its end."""

    at: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # "GET /path", and " 304" after what was known already
    agents: set[str] = field(default_factory=set)
    address: str = ""

    def put(self, path: str, body: str | bytes, kind: str = "text/html; charset=utf-8", *, stamped: bool = True) -> str:
        """A page; its address is returned."""
        self.at[path] = Answer(body.encode() if isinstance(body, str) else body, kind, stamped=stamped)
        return self.address + path

    def turn(self, path: str, to: str, status: int = 302) -> str:
        """A redirect."""
        self.at[path] = Answer(status=status, headers={"Location": to})
        return self.address + path

    def say(self, path: str, status: int, **headers: str) -> str:
        """An answer without a body."""
        self.at[path] = Answer(status=status, headers=headers, stamped=False)
        return self.address + path

    def pages_asked(self) -> list[str]:
        """Paths that were asked for, without robots.txt."""
        return [line.split()[0] for line in self.asked if not line.startswith("/robots.txt")]

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        answer = self.at.get(request.path, Answer(b"nothing here", status=404))
        self.agents.add(request.headers["User-Agent"])
        etag = f'"{hashlib.sha256(answer.body).hexdigest()[:12]}"'
        known = answer.status == 200 and answer.stamped and request.headers["If-None-Match"] == etag
        self.asked.append(request.path + (" 304" if known else ""))
        if known:
            respond(request, 304, b"", ETag=etag)
            return
        extra = {"ETag": etag} if answer.stamped and answer.status == 200 else {}
        respond(request, answer.status, answer.body, Content_Type=answer.kind, **extra, **answer.headers)


@contextmanager
def site_server(site: Site | None = None) -> Iterator[Site]:
    """Runs a site."""
    site = site or Site()
    with http_server(site.handle) as address:
        site.address = address
        yield site


def page(title: str, text: str, head: str = "") -> str:
    """An HTML page of a title and paragraphs."""
    inner = "".join(f"<p>{part}</p>" for part in text.split("\n"))
    return f'<!doctype html><html lang="ja"><head><title>{title}</title>{head}</head><body>{inner}</body></html>'
