from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from yoake.collect.bluesky import (
    POST,
    Removals,
    account_removal,
    is_japanese,
    post_of,
    post_removal,
    stream,
    uri_of,
)
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.net import Net
from yoake.collect.xrpc import Xrpc
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["BlueskyJetstream"]

_OTHER_HOST_REWIND_US = 5_000_000  # another host stamps the same event a little differently
_GAP_US = 600_000_000  # after a reconnect, ten minutes without any event on this network mean that events are missing
_DISORDER_US = 1_000_000  # an answer that begins this much before the cursor did not honour it
_LATEST_US = 7_258_118_400_000_000  # the year 2200: later stamps are none, and near year 10000 no local time exists
_LIMIT_BYTES = 1_000_000  # of an event; the host is asked to leave longer ones out, else each would end the connection
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BlueskyJetstream:
    """Bluesky's posts as Jetstream sends them: JSON, without signatures.

    The cursor is `time_us` of the newest event read. Jetstream replays *from* its cursor, that event included, so that
    several events of one microsecond are never torn apart; the repetition is the same version of the same post. Between
    hosts the stamps differ a little: whenever the cursor may come from another host, reading starts 5 seconds earlier.
    """

    title = {"ja": "Bluesky（Jetstream）", "en": "Bluesky (Jetstream)"}
    live = True

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads Bluesky through Jetstream.

        Args:
            endpoints: Jetstream hosts, tried in this order; the next one takes over when one is away or silent.
            only_japanese: leave out new posts that neither say they are Japanese nor contain kana (or kanji, when they
                name no language). They are left out before anything is counted. Edits and deletions are always read.
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

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Posts, edits, deletions and account states after `cursor`; without one, from now on."""
        if not options.endpoints:
            raise BadInput("endpoints", options.endpoints, "at least one address such as wss://host/subscribe")
        if cursor is not None and not cursor.isdecimal():
            raise BadInput("cursor", cursor, "microseconds since 1970, as a decimal number")
        reading = _Reading(options, int(cursor) if cursor is not None else None, net)
        yield from stream(options.endpoints, reading, net, _LIMIT_BYTES)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks the host in the settings and, where that does not decide, the server that keeps the account."""
        return Xrpc(options.api, options.plc, net).check(refs)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return Xrpc(options.api, options.plc, net).context(ref)

    def picture(self, ref: str, image: str, options: Options, net: Net, *, limit_bytes: int) -> bytes | None:
        """A picture of a post, from the server that keeps the account; None when it is not there."""
        return Xrpc(options.api, options.plc, net).picture(ref, image, limit_bytes=limit_bytes)


class _Reading:
    """Where the stream stands."""

    def __init__(self, options: BlueskyJetstream.Options, cursor_us: int | None, net: Net) -> None:
        self.events = 0
        self._options, self._net = options, net
        self._cursor_us = cursor_us
        self._asked_us: int | None = None  # what the server was asked for, until its first event came
        self._endpoint = ""
        # Whose stamp the cursor is; unknown after a restart unless there is but one host.
        self._stamped_by = options.endpoints[0] if len(options.endpoints) == 1 else ""

    def address(self, endpoint: str) -> str:
        start_us = self._cursor_us
        if start_us is not None and endpoint != self._stamped_by:
            start_us = max(0, start_us - _OTHER_HOST_REWIND_US)
        self._endpoint, self._asked_us = endpoint, start_us
        query = {"wantedCollections": POST, "maxMessageSizeBytes": str(_LIMIT_BYTES)}
        if start_us is not None:
            query["cursor"] = str(start_us)
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def page(self, messages: Sequence[str | bytes]) -> tuple[Page, None]:
        self._now = self._net.now()
        self._rows: list[dict[str, Any]] = []
        self._removals = Removals()
        self._skipped: list[Skip] = []
        for message in messages:
            try:
                self._read(message)
            except Exception as error:  # it would come again with every restart, and nothing after it be read
                self._skip("unexpected", f"cursor {self._cursor_us}, {type(error).__name__}")
        cursor = None if self._cursor_us is None else str(self._cursor_us)
        seen_until = None if self._cursor_us is None else _time(self._cursor_us)
        removed = removals_batch(self._removals.rows())
        return Page(posts_batch(self._rows), removed, tuple(self._skipped), cursor, seen_until), None

    def _read(self, message: str | bytes) -> None:
        try:
            event = orjson.loads(message)
            time_us, kind = event["time_us"], event["kind"]
            if type(time_us) is not int or not 0 <= time_us <= _LATEST_US:
                raise TypeError
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self._skip("not_an_event", f"after cursor {self._cursor_us}")
            return
        self.events += 1
        where = f"cursor {time_us}"
        self._stand(time_us)
        if kind == "commit":
            commit = event.get("commit")
            if not isinstance(commit, dict):
                self._skip("unknown_record", where)
            elif commit.get("collection") == POST:
                self._commit(event.get("did"), commit, time_us)
        elif kind == "account":
            account = event.get("account")
            account = account if isinstance(account, dict) else {}
            did = account.get("did", event.get("did"))
            removal, reason = account_removal(did, account.get("active"), account.get("status"), _time(time_us))
            if removal is not None:
                self._removals.add(removal)
            elif reason:
                self._skip(reason, where)
        elif kind != "identity":
            self._skip("unknown_event", where)

    def _commit(self, did: object, commit: dict[str, Any], time_us: int) -> None:
        where = f"cursor {time_us}"
        operation = commit.get("operation")
        if operation == "delete":
            uri = uri_of(did, commit.get("rkey"))
            if uri is None:
                self._skip("no_id", where)
            else:
                self._removals.add(post_removal(uri, _time(time_us)))
        elif operation in ("create", "update"):
            row, notes = post_of(commit.get("record"), did, commit.get("rkey"), self._now)
            if row is None:
                self._skip(notes[0], where)
            elif operation == "update" or not self._options.only_japanese or is_japanese(row):
                self._rows.append(row)
                self._removals.forget(row["native_id"])
                self._skipped += [Skip(note, where, kept=True) for note in notes]
        else:
            self._skip("unknown_event", where)

    def _stand(self, time_us: int) -> None:
        """Move the cursor; on the first event after a connection, see whether the server honoured what was asked."""
        if self._asked_us is not None:
            if time_us < self._asked_us - _DISORDER_US:
                # It sends live events to a cursor from its future: ours is worth nothing there.
                self._skip("future_cursor", f"cursor {self._asked_us}, the server is at {time_us}")
                self._cursor_us = time_us
            elif time_us > self._asked_us + _GAP_US:
                self._skip("gap", f"cursor {self._asked_us} to {time_us}")
        self._asked_us = None
        self._stamped_by = self._endpoint
        self._cursor_us = time_us if self._cursor_us is None else max(self._cursor_us, time_us)

    def _skip(self, reason: str, where: str) -> None:
        self._skipped.append(Skip(reason, where))


def _time(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
