from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import libipld

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
from yoake.collect.clean import claimed_time
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.net import Net
from yoake.collect.xrpc import Xrpc
from yoake.errors import BadInput, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["BlueskyFirehose"]

_PATH = "/xrpc/com.atproto.sync.subscribeRepos"
_EMPTY = b"\x01\x71\x12\x20" + sha256(libipld.encode_dag_cbor({"e": [], "l": None})).digest()  # root of an empty tree
_LIMIT_BYTES = 2_500_000  # of a frame: 2 MB of blocks (com.atproto.sync.subscribeRepos#commit) and 200 operations
_IGNORED = ("#identity", "#handle", "#migrate")  # say nothing about posts


class BlueskyFirehose:
    """Bluesky's posts from com.atproto.sync.subscribeRepos, which every PDS and relay speaks.

    The cursor is `seq` of the newest event read; the server goes on with the next one. Cursors belong to one server.
    """

    title = {"ja": "Bluesky（Firehose：リレー・PDS）", "en": "Bluesky (firehose of a relay or PDS)"}
    live = True
    cursor_of = ("endpoint",)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads a server's own event stream.

        Args:
            endpoint: a relay (everything) or a PDS (its own accounts), such as wss://host.
            only_japanese: leave out new posts that neither say they are Japanese nor contain kana (or kanji, when they
                name no language). They are left out before anything is counted. Edits and deletions are always read.
            api: the AppView or PDS that is asked whether a post is still up, and for its surroundings.
            plc: the directory that says which server keeps an account.
        """

        endpoint: str = "wss://bsky.network"
        only_japanese: bool = True
        api: str = "https://public.api.bsky.app"
        plc: str = "https://plc.directory"

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Posts, edits, deletions and account states after `cursor`; without one, from now on."""
        if cursor is not None and not cursor.isdecimal():
            raise BadInput("cursor", cursor, "a sequence number")
        reading = _Reading(options, int(cursor) if cursor is not None else None, net)
        yield from stream([options.endpoint.rstrip("/")], reading, net, _LIMIT_BYTES)

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
    """Where the stream stands, and the page that is being filled."""

    def __init__(self, options: BlueskyFirehose.Options, seq: int | None, net: Net) -> None:
        self.events = 0
        self._options, self._net = options, net
        self._seq = seq
        self._seen_until: datetime | None = None
        self._outdated = False  # the server said that it no longer has what follows our cursor

    def address(self, endpoint: str) -> str:
        return f"{endpoint}{_PATH}" + ("" if self._seq is None else f"?cursor={self._seq}")

    def page(self, messages: Sequence[str | bytes]) -> tuple[Page, TryLater | None]:
        self._now = self._net.now()
        self._rows: list[dict[str, Any]] = []
        self._removals = Removals()
        self._skipped: list[Skip] = []
        leave = None
        for message in messages:
            try:
                leave = self._frame(message) or leave
            except Exception as error:  # it would come again with every restart, and nothing after it be read
                self._skip("unexpected", f"cursor {self._seq}, {type(error).__name__}")
        cursor = None if self._seq is None else str(self._seq)
        removed = removals_batch(self._removals.rows())
        return Page(posts_batch(self._rows), removed, tuple(self._skipped), cursor, self._seen_until), leave

    def _frame(self, message: str | bytes) -> TryLater | None:
        """One frame: a header and a body in DAG-CBOR, one after the other (atproto.com/specs/event-stream)."""
        try:
            if isinstance(message, str):
                raise TypeError
            header, body = libipld.decode_dag_cbor_multi(message)
            kind, operation = header.get("t"), header["op"]
            body.get("seq")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self._skip("not_a_frame", f"after cursor {self._seq}")
            return None
        if operation == -1:
            return self._error(body)
        if operation != 1:
            self._skip("unknown_event", f"after cursor {self._seq}")
            return None
        if kind == "#info":
            if body.get("name") == "OutdatedCursor":
                self._outdated = True
            return None
        seq = body.get("seq")
        if type(seq) is not int or not 0 <= seq < 1 << 63:
            self._skip("not_a_frame", f"after cursor {self._seq}")
            return None
        self.events += 1
        if self._outdated:
            self._skip("gap", f"cursor {self._seq} to {seq}")
            self._outdated = False
        self._seq = seq if self._seq is None else max(self._seq, seq)
        at = claimed_time(body.get("time"), self._now, []) or self._now
        self._seen_until = at if self._seen_until is None else max(self._seen_until, at)
        self._event(kind, body, at, f"cursor {seq}")
        return None

    def _event(self, kind: object, body: dict[str, Any], at: datetime, where: str) -> None:
        if kind == "#commit":
            self._commit(body, at, where)
        elif kind == "#account":
            removal, reason = account_removal(body.get("did"), body.get("active"), body.get("status"), at)
            if removal is not None:
                self._removals.add(removal)
            elif reason:
                self._skip(reason, where)
        elif kind == "#tombstone":  # servers before #account
            removal, reason = account_removal(body.get("did"), False, "deleted", at)
            if removal is not None:
                self._removals.add(removal)
        elif kind == "#sync":
            # The repository was replaced as a whole; unless it is new and empty, what changed is not in the stream.
            if not any(block.get("data") == _EMPTY for block in _blocks(body.get("blocks")).values()):
                self._skip("repository_replaced", where)
        elif kind not in _IGNORED:
            self._skip("unknown_event", where)

    def _commit(self, body: dict[str, Any], at: datetime, where: str) -> None:
        did, ops = body.get("repo"), body.get("ops")
        if not isinstance(ops, list):
            self._skip("unknown_record", where)
            return
        if body.get("tooBig") is True:
            self._skip("too_big", where)  # servers before #sync leave the changes out
        blocks: dict[bytes, dict[str, Any]] | None = None
        for op in ops:
            path = op.get("path") if isinstance(op, dict) else None
            if not isinstance(path, str):
                self._skip("unknown_record", where)
                continue
            collection, _, rkey = path.partition("/")
            if collection != POST:
                continue
            uri = uri_of(did, rkey)
            if uri is None:
                self._skip("no_id", where)
            elif op.get("action") == "delete":
                self._removals.add(post_removal(uri, at))
            elif op.get("action") in ("create", "update"):
                if blocks is None:
                    blocks = _blocks(body.get("blocks"))
                cid = op.get("cid")
                record = blocks.get(cid) if isinstance(cid, bytes) else None
                self._record(record, did, rkey, op["action"], where)
            else:
                self._skip("unknown_event", where)

    def _record(self, record: object, did: object, rkey: str, action: str, where: str) -> None:
        if record is None:
            self._skip("missing_block", where)
            return
        row, notes = post_of(record, did, rkey, self._now)
        if row is None:
            self._skip(notes[0], where)
        elif action == "update" or not self._options.only_japanese or is_japanese(row):
            self._rows.append(row)
            self._removals.forget(row["native_id"])
            self._skipped += [Skip(note, where, kept=True) for note in notes]

    def _error(self, body: dict[str, Any]) -> TryLater:
        """An error frame: the server closes after it."""
        name = str(body.get("error"))[:100]
        if name == "FutureCursor":
            # Another server, or one that was set back: our number means nothing to it. Begin at its present.
            self._skip("future_cursor", f"cursor {self._seq}")
            self._seq = None
            self.events += 1  # it did answer: come back at once
        elif name == "ConsumerTooSlow":
            self._skip("consumer_too_slow", f"cursor {self._seq}", kept=True)
        return TryLater(f"The server ended the stream ({name}); trying again later.", after_s=10)

    def _skip(self, reason: str, where: str, *, kept: bool = False) -> None:
        self._skipped.append(Skip(reason, where, kept))


def _blocks(car: object) -> dict[bytes, dict[str, Any]]:
    """The blocks of a CAR file by CID; none when it cannot be read."""
    try:
        return {cid: block for cid, block in libipld.decode_car(car)[1].items() if isinstance(block, dict)}
    except (ValueError, TypeError, RecursionError):
        return {}
