from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from yoake.collect.connector import Context, Liveness, Page
from yoake.collect.net import Net
from yoake.collect.practice import NETWORK, TOKYO, native_id, stream
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch

__all__ = ["Practice"]

_DAY = timedelta(days=1)


class Practice:
    """Invented posts that come through the day, every day anew: for learning, demonstrations and tests.

    At first everything of the past 24 hours arrives at once, oldest first; afterwards each post at its moment (Japan
    time). The cursor is the time up to which posts were handed out; a pause longer than a day is not made up for.
    """

    title = {"ja": "練習用（架空の投稿）", "en": "Practice (invented posts)"}
    live = True

    @dataclass(frozen=True)
    class Options:
        """The practice network has no settings."""

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What fell due after `cursor`, then what falls due, for ever."""
        upto = _time(cursor) if cursor is not None else net.now() - _DAY
        while True:
            now = net.now()
            due = [{**row, "seen_at": now} for row in _due(max(upto, now - _DAY), now)]
            upto = max(upto, now)  # a clock set back brings nothing twice
            yield Page(posts_batch(due), cursor=upto.isoformat(), seen_until=upto)
            if net.wait(1.0):
                return

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Nothing to ask: all `unchecked`."""
        return [Liveness(ref, "unchecked", net.now(), "practice posts exist only here") for ref in refs]

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """Nothing: a practice post carries its profile and parent."""
        return Context(posts_batch([]), posts_batch([]))


def _due(after: datetime, upto: datetime) -> list[dict[str, Any]]:
    """Posts that fall due in (after, upto], oldest first."""
    rows = stream()
    offsets = [row["offset_s"] for row in rows]
    found = []
    day = after.astimezone(TOKYO).date()
    while day <= upto.astimezone(TOKYO).date():
        midnight = _midnight(day)
        first = bisect_right(offsets, (after - midnight).total_seconds())
        last = bisect_right(offsets, (upto - midnight).total_seconds())
        found += [_post(row, midnight + timedelta(seconds=row["offset_s"])) for row in rows[first:last]]
        day += _DAY
    return found


def _post(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    fields = ("author_id", "author_handle", "author_name", "profile", "text", "parent_text", "lang")
    return {
        "network": NETWORK,
        "native_id": native_id(row, at),
        "posted_at": at,
        **{name: row.get(name) or "" for name in fields},
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), TOKYO).astimezone(UTC)


def _time(cursor: str) -> datetime:
    try:
        at = datetime.fromisoformat(cursor)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput("cursor", cursor, "a time with an offset, such as 2026-01-31T12:00:00+00:00")
    return at.astimezone(UTC)
