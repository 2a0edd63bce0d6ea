"""The outside world with a note of every answer, octet for octet: what a network said when it was asked for a post."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from yoake.collect.answers import Response
from yoake.collect.net import Net

_HEADERS: Final[tuple[str, ...]] = (
    "content-type",
    "date",
    "etag",
    "last-modified",
    "server",
    "x-robots-tag",
)  # nothing of a session
_SECRET: Final = re.compile(r"token|key|secret|sig|pass|auth", re.IGNORECASE)
_MOST: Final = 6  # answers
_MOST_OCTETS: Final = 8_000_000  # of all answers together


@dataclass(frozen=True)
class Answer:
    """One answer as it came."""

    at: datetime
    url: str  # without what opens a door
    status: int
    headers: Mapping[str, str]
    body: bytes


class Recorder:
    """Stands in for a `Net` that a connector is given; `answers` has what came back."""

    def __init__(self, net: Net, answers: list[Answer] | None = None) -> None:
        self._net = net
        self.answers: list[Answer] = [] if answers is None else answers

    @property
    def as_net(self) -> Net:
        """For whoever takes a Net."""
        return cast(Net, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)

    def get(self, url: str, **more: Any) -> Response:
        """As `Net.get`."""
        return self._noted(self._net.get(url, **more))

    def post(self, url: str, body: bytes, **more: Any) -> Response:
        """As `Net.post`."""
        return self._noted(self._net.post(url, body, **more))

    def disguised(self, **more: str) -> Recorder:
        """As `Net.disguised`."""
        return Recorder(self._net.disguised(**more), self.answers)

    @contextmanager
    def keeping(self) -> Iterator[Recorder]:
        """As `Net.keeping`."""
        with self._net.keeping() as kept:
            yield Recorder(kept, self.answers)

    def _noted(self, answer: Response) -> Response:
        octets = sum(len(one.body) for one in self.answers) + len(answer.body)
        if (
            not urlsplit(answer.url).path.endswith("/robots.txt")
            and len(self.answers) < _MOST
            and octets <= _MOST_OCTETS
        ):
            headers = {name.lower(): value for name, value in answer.headers.items()}
            told = {name: headers[name] for name in _HEADERS if name in headers}
            self.answers.append(Answer(self._net.now(), _open(answer.url), answer.status, told, answer.body))
        return answer


def _open(url: str) -> str:
    parts = urlsplit(url)
    query = [(name, "…" if _SECRET.search(name) else value) for name, value in parse_qsl(parts.query, True)]
    return parts._replace(query=urlencode(query, safe=":/,…"), fragment="").geturl()
