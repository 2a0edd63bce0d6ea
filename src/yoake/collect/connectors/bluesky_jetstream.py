from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from yoake.collect.bluesky import (
    POST,
    Xrpc,
    account_removal,
    is_japanese,
    post_of,
    post_removal,
    time_of_micros,
    uri_of,
)
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.net import Net, Socket
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["BlueskyJetstream"]

_PAGE_EVENTS = 2000
_PAGE_S = 1.0
_QUIET_S = 0.2  # a page that holds something goes out when this long nothing followed
_OTHER_HOST_REWIND_US = 5_000_000  # another host stamps the same event a little differently
_GAP_US = 600_000_000  # after a reconnect, ten minutes without any event on this network mean that events are missing
_DISORDER_US = 1_000_000  # an answer that begins this much before the cursor did not honour it
_LATEST_US = 253_402_300_799_000_000  # the end of year 9999


@dataclass(frozen=True)
class Options:
    """Settings of a source that reads Bluesky through Jetstream.

    Args:
        endpoints: Jetstream hosts, tried in this order; the next one takes over when one is away.
        only_japanese: leave out new posts that neither say they are Japanese nor contain kana (or kanji, when they name
            no language). They are left out before anything is counted. Edits and deletions are always read.
        api: the AppView or PDS that is asked whether a post is still up, and for its surroundings.
        plc: the directory that says which server keeps an account.
    """

    endpoints: tuple[str, ...] = (
        "wss://jetstream2.us-west.bsky.network/subscribe",
        "wss://jetstream1.us-west.bsky.network/subscribe",
        "wss://jetstream2.us-east.bsky.network/subscribe",
        "wss://jetstream1.us-east.bsky.network/subscribe",
    )
    only_japanese: bool = True
    api: str = "https://public.api.bsky.app"
    plc: str = "https://plc.directory"


class BlueskyJetstream:
    """Bluesky's posts as Jetstream sends them: JSON, without signatures.

    The cursor is `time_us` of the newest event read. Jetstream replays *from* its cursor, that event included, so that
    several events of one microsecond are never torn apart; the repetition is the same version of the same post. Between
    hosts the stamps differ a little: whenever the cursor may come from another host, reading starts 5 seconds earlier.
    """

    title = {"ja": "Bluesky（Jetstream）", "en": "Bluesky (Jetstream)"}
    live = True
    Options = Options

    def pages(self, options: Options, cursor: str | None, net: Net) -> Iterator[Page]:
        """Posts, edits, deletions and account states after `cursor`; without one, from now on."""
        if not options.endpoints:
            raise BadInput("endpoints", options.endpoints, "at least one address such as wss://host/subscribe")
        if cursor is not None and not cursor.isdecimal():
            raise BadInput("cursor", cursor, "microseconds since 1970, as a decimal number")
        state = _State(int(cursor) if cursor is not None else None)
        known_host = options.endpoints[0] if len(options.endpoints) == 1 else None  # whose stamp the cursor is
        place = failed = 0
        while not net.stopping:
            endpoint = options.endpoints[place]
            start_us = state.cursor_us
            if start_us is not None and endpoint != known_host:
                start_us = max(0, start_us - _OTHER_HOST_REWIND_US)
            state.asked_us, heard = start_us, False
            try:
                # At most 1.1 s a step: four hosts that are away are reported within five seconds.
                with net.websocket(_address(endpoint, start_us), timeout_s=max(1.1, 4.0 / len(options.endpoints))) as socket:
                    while not net.stopping:
                        for page in _page(socket, state, options, net):
                            heard = heard or state.heard
                            yield page
            except (TryLater, Refused) as error:
                known_host = endpoint if state.heard else known_host
                state.heard = False
                # A host that was reading well is tried once more; after a whole round of nothing it is said.
                failed = 0 if heard else failed + 1
                place = place if heard else (place + 1) % len(options.endpoints)
                if failed == len(options.endpoints):
                    raise error if failed == 1 else _all_away(error, failed) from None
                yield Page(cursor=state.cursor, seen_until=state.seen_until)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks the host in the settings and, where that does not decide, the server that keeps the account."""
        return Xrpc(options.api, options.plc, net).check(refs)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return Xrpc(options.api, options.plc, net).context(ref)
