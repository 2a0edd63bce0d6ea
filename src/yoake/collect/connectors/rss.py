from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson
import pyarrow as pa

from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.feeds import read_feed
from yoake.collect.manners import Manners, pause
from yoake.collect.net import Net, Stamp
from yoake.collect.web import GONE, NETWORK, check_pages
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["Rss"]

_FEED_BYTES: Final = 10_000_000
_REMEMBERED: Final = 200  # versions that are known to have been read, besides those of the feed as it is
_SOONEST_S: Final = 60.0


class Rss:
    """Posts of a feed: RSS, Atom or JSON Feed; asked for conditionally, every entry once, an edited one again.

    The cursor holds the feed's validators, when it was last read, and short hashes of the versions that were read.
    """

    title = {"ja": "フィード（RSS・Atom・JSON Feed）", "en": "Feed (RSS, Atom, JSON Feed)"}
    live = True
    cursor_of = ("url",)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that is a feed.

        Args:
            url: the feed's address.
            every_s: seconds between two questions; at least 60.
            user_agent: a name to ask under, for a site run by suspects; empty: our own, with the contact.
            proxy: name of the secret that holds the address of an HTTP proxy to ask through; empty: none.
        """

        url: str = ""
        every_s: float = 600.0
        user_agent: str = ""
        proxy: str = ""

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """The feed's entries, then what is new in it, for ever."""
        if not options.every_s >= _SOONEST_S:
            raise BadInput("every_s", options.every_s, f"at least {_SOONEST_S:.0f} seconds: be kind to the site")
        net = net.disguised(user_agent=options.user_agent, proxy=options.proxy)
        manners, place = Manners(net), _Place.at(cursor)
        while True:
            # A patrol that begins anew soon after it was stopped does not ask sooner for it.
            left_s = min(
                place.read_at + options.every_s - _now(net), options.every_s
            )  # also where the clock was set back
            if (yield from pause(net, left_s, place.cursor())):
                return
            if (yield from manners.rest(options.url, place.cursor())):
                return
            yield self._read(options.url, manners, place, net)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks for each entry's page; an entry without one is `unchecked`."""
        return check_pages(
            [Known(ref) for ref in refs], net.disguised(user_agent=options.user_agent, proxy=options.proxy)
        )

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """Nothing: a feed has neither threads nor profiles."""
        return Context(posts_batch([]), posts_batch([]))

    def _read(self, url: str, manners: Manners, place: _Place, net: Net) -> Page:
        response = manners.get(url, headers=place.stamp.headers(), limit_bytes=_FEED_BYTES)
        now = net.now()
        place.read_at = _now(net)
        if response.status == 304:
            return Page(cursor=place.cursor(), seen_until=now)
        if response.status in GONE:
            raise Refused(f"{url} answers {response.status}: there is no such feed any more.")
        if response.status != 200:
            raise TryLater(f"{url} answers {response.status}; trying again later.", after_s=300)
        feed = read_feed(response.body, response.headers.get("content-type", ""), response.url, now)
        batch = posts_batch(feed.rows)
        new = [
            number
            for number, (uid, content) in enumerate(
                zip(batch.column("uid").to_pylist(), batch.column("content_hash").to_pylist(), strict=True)
            )
            if place.is_new(uid, content)
        ]
        removed: list[dict[str, Any]] = [
            {"kind": "post", "network": NETWORK, "native_id": ref, "state": "removed", "removed_at": now}
            for ref in feed.removed
            if place.is_new(ref, "removed")
        ]
        skipped = tuple(
            Skip(odd.reason, odd.where, odd.kept) for odd in feed.skipped if place.is_new(odd.reason, odd.of)
        )
        place.stamp = Stamp.of(response)
        place.forget(2 * (batch.num_rows + len(feed.removed) + len(feed.skipped)))
        return Page(
            batch.take(pa.array(new, pa.int64())),
            removals_batch(removed),
            skipped,
            place.cursor(),
            seen_until=now,
        )


class _Place:
    """Where the reading of a feed stands."""

    def __init__(self, stamp: Stamp, read_at: float, known: list[str]) -> None:
        self.stamp, self.read_at = stamp, read_at
        self._known = dict.fromkeys(known)

    @classmethod
    def at(cls, cursor: str | None) -> _Place:
        if cursor is None:
            return cls(Stamp(), 0.0, [])
        try:
            kept = orjson.loads(cursor)
            etag, modified, read_at, known = kept["etag"], kept["modified"], kept["read_at"], kept["known"]
            if not all(isinstance(text, str) for text in (etag, modified, *known)):
                raise TypeError
            return cls(Stamp(etag, modified), float(read_at), known)
        except (ValueError, TypeError, KeyError):
            raise BadInput("cursor", cursor, "what a feed's page said last") from None

    def cursor(self) -> str:
        """Resumes after what was read."""
        kept = {
            "etag": self.stamp.etag,
            "modified": self.stamp.modified,
            "read_at": self.read_at,
            "known": list(self._known),
        }
        return orjson.dumps(kept).decode()

    def is_new(self, *version: str) -> bool:
        """Whether a version was not read yet; it is now."""
        key = blake2b("\0".join(version).encode(), digest_size=6).hexdigest()
        new = key not in self._known
        self._known.pop(key, None)
        self._known[key] = None
        return new

    def forget(self, but: int) -> None:
        """All versions but the newest `but`, and the newest _REMEMBERED."""
        while len(self._known) > max(but, _REMEMBERED):
            del self._known[next(iter(self._known))]


def _now(net: Net) -> float:
    return net.now().timestamp()
