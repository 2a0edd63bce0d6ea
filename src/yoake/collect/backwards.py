"""Searching a service that answers newest first and is asked for stretches of time: several queries, each read back to where it stood."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

from yoake.collect.connector import Page, Skip
from yoake.collect.net import Net
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_US: Final = 7_258_118_400_000_000  # the year 2200


class Stand(NamedTuple):
    """How far a query was read, in microseconds since 1970. A round goes from the newest post back, to `until` so far."""

    since_us: int = -1  # read up to here; -1: never asked; 0: everything is new
    top_us: int = 0  # the newest post of the round under way
    until_us: int = 0  # 0: no round is under way


@dataclass
class Answer:
    """One page of results."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)  # by which the service orders its results
    more: bool = False  # older ones may follow


Ask = Callable[[str, datetime | None, datetime | None], Answer]  # query, since, until (before it)


class Backwards:
    """Where the queries stand.

    Args:
        queries: what is searched for.
        cursor: where an earlier run stood.
        ask: asks the service for one page; raises TryLater, Refused, BadInput.
        net: the outside world.
        step: how exact the service's times are.
        overlap: so much before where a query stands is read again: posts come late.
    """

    def __init__(
        self,
        queries: Sequence[str],
        cursor: str | None,
        ask: Ask,
        net: Net,
        *,
        step: timedelta,
        overlap: timedelta,
    ) -> None:
        known = _read_cursor(cursor)
        self._queries = list(dict.fromkeys(queries))
        self._stands = {key_of(query): known.get(key_of(query), Stand()) for query in self._queries}
        self._ask, self._net = ask, net
        self._step_us, self._overlap_us = step // timedelta(microseconds=1), overlap // timedelta(microseconds=1)
        self._seen_until: datetime | None = None

    def rounds(self, every_s: float) -> Generator[Page, None, None]:
        """Every query up to its newest post, the one that is furthest behind first, again and again."""
        while True:
            asked_at = self._net.now()
            for query in sorted(self._queries, key=lambda one: self._stands[key_of(one)].since_us):
                for page in self._read(query):
                    yield page
                    if self._net.stopping:
                        return
            self._seen_until = asked_at
            yield self._page()
            end = self._net.now() + timedelta(seconds=every_s)
            while (left := end - self._net.now()) > timedelta():
                if self._net.wait(min(1.0, left.total_seconds())):
                    return
                yield self._page()

    def once(self, query: str) -> Generator[Page, None, None]:
        """One query up to its newest post: a page for each question."""
        asked_at = self._net.now()
        for page in self._read(query):
            ended = not self._stands[key_of(query)].until_us
            yield replace(page, seen_until=asked_at) if ended else page

    def _read(self, query: str) -> Generator[Page, None, None]:
        key = key_of(query)
        first = self._stands[key].since_us < 0 and not self._stands[key].until_us
        while not self._net.stopping:
            stand = self._stands[key]
            since_us = max(0, stand.since_us - self._overlap_us) if stand.since_us > 0 else 0
            answer = self._ask(query, _time(since_us), _time(stand.until_us))
            until_us = self._next(answer, stand, f"query {key}")
            top_us = max([stand.top_us, *answer.times_us])
            if first or until_us <= since_us:
                self._stands[key] = Stand(max(0, stand.since_us, top_us))
                yield self._page(answer)
                return
            self._stands[key] = Stand(stand.since_us, top_us, until_us)
            yield self._page(answer)

    def _next(self, answer: Answer, stand: Stand, where: str) -> int:
        """Up to when the next question asks; 0 when nothing is left to ask."""
        if not answer.more or not answer.times_us:
            return 0
        oldest_us = min(answer.times_us)
        if stand.until_us and oldest_us >= stand.until_us + self._step_us:
            answer.skipped.append(Skip("gap", f"{where}: the service does not go further back"))
            return 0
        until_us = oldest_us + self._step_us  # what shares this instant comes again, and nothing of it is lost
        if stand.until_us and until_us >= stand.until_us:
            answer.skipped.append(Skip("gap", f"{where}: more posts of one instant than a page holds"))
            until_us = stand.until_us - self._step_us
        return until_us

    def _page(self, answer: Answer | None = None) -> Page:
        cursor = orjson.dumps({key: list(stand) for key, stand in self._stands.items()}).decode()
        rows, skipped = (answer.rows, answer.skipped) if answer is not None else ([], [])
        return Page(posts_batch(rows), skipped=tuple(skipped), cursor=cursor, seen_until=self._seen_until)


def key_of(query: str) -> str:
    """A short name of a query, for cursors."""
    return hashlib.sha256(query.encode()).hexdigest()[:12]


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def _time(us: int) -> datetime | None:
    return _EPOCH + timedelta(microseconds=us) if us > 0 else None


def _read_cursor(cursor: str | None) -> dict[str, Stand]:
    try:
        told = orjson.loads(cursor) if cursor is not None else {}
        stands = {str(key): Stand(*parts) for key, parts in told.items()}
    except (orjson.JSONDecodeError, TypeError, AttributeError):
        stands = {"": Stand(-2)}
    if not all(type(us) is int and -1 <= us <= _LATEST_US for stand in stands.values() for us in stand):
        raise BadInput("cursor", cursor, "how far each query was read, as this connector wrote it")
    return stands
