from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from yoake.collect.bluesky import Removals, is_japanese
from yoake.collect.clean import is_id
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.fediverse import NETWORK, base_of, host_of
from yoake.collect.mastodon import newest, order
from yoake.collect.misskey import LIMIT, Misskey, earlier, note_of, now_utc, renoted
from yoake.collect.net import Net, Socket
from yoake.collect.origins import Origins
from yoake.collect.talk import Closed, Recent, gather, say
from yoake.errors import BadInput, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["MisskeyTimelines"]

_REWIND = timedelta(minutes=3)  # notes of other servers come late, with ids of the time they were written
_WATCHED = 300  # notes of which the server is asked to say when they are deleted; the oldest are given up
_REMEMBERED = 50_000
_SILENCE_S = 300.0  # after which the timeline is asked whether the stream has gone deaf
_LONG_MESSAGE = 1_000_000
_PAUSE_S = 0.5  # before a server that closed is called again
_CHANNEL = "yoake"
# What a server tells everybody, or answers; any other kind of message is counted.
_PASSED_OVER = frozenset(
    {"connected", "emojiAdded", "emojiUpdated", "emojiDeleted", "announcementCreated", "pong", "noteReacted"}
)
_REACTIONS = frozenset({"reacted", "unreacted", "pollVoted"})


class MisskeyTimelines:
    """Public notes of a Misskey server, and of every server it hears from.

    The cursor is the id of the newest note up to which the timeline was read. After an interruption reading goes on three
    minutes before it, page by page, while the stream already runs: nothing that the server keeps is lost, and what comes
    twice is the same version of the same post.
    """

    title = {"ja": "Misskey", "en": "Misskey"}
    live = True
    cursor_of = ("instance",)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads a Misskey server (or another that offers its API).

        Args:
            instance: the server.
            timeline: local (its own people) or global (all it hears).
            hashtags: read only notes with one of these; without #.
            token: name of the secret that holds an access token with the permission read:account; "" where the server shows
                its timelines to everybody.
            only_japanese: leave out new notes without kana or kanji. Edits and deletions are always read.
            ask_origin: ask the server where a post was written whether it is still up; else only `instance` is asked.
        """

        instance: str = "https://misskey.io"
        timeline: str = "local"
        hashtags: tuple[str, ...] = ()
        token: str = ""
        only_japanese: bool = True
        ask_origin: bool = True

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Notes, edits and deletions after `cursor`; without one, the newest page and what follows."""
        timeline = _timeline(options)
        if cursor is not None and not (is_id(cursor, 64) and cursor.isalnum() and cursor.isascii()):
            raise BadInput("cursor", cursor, "the id of a note")
        token = net.secret(options.token) if options.token else ""
        yield from _Reading(options, timeline, cursor, Misskey(base_of(options.instance), token, net), net).pages()

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks the server where each post was written."""
        return _origins(options, net).check(refs)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return _origins(options, net).context(ref)


class _Timeline(NamedTuple):
    """A list of notes: how it is asked for, and what its channel is called."""

    endpoint: str
    body: dict[str, Any]
    channel: str
    params: dict[str, Any]


class _Reading:
    """Where the timeline stands."""

    def __init__(
        self, options: MisskeyTimelines.Options, timeline: _Timeline, cursor: str | None, api: Misskey, net: Net
    ) -> None:
        self._options, self._timeline, self._api, self._net = options, timeline, api, net
        self._cursor = cursor
        self._newest = cursor or ""
        self._read: Recent[str] = Recent(_REMEMBERED)  # id there to when it was edited
        self._watched: Recent[str] = Recent(_WATCHED)  # id there to the post's id
        self._unwatched: list[str] = []
        self._socket: Socket | None = None
        self._caught_up = False
        self._up_to: datetime | None = None
        self._heard = 0  # messages of the stream that could be read
        self._begin()

    def pages(self) -> Generator[Page, None, None]:
        """The stream, and after each beginning of it what was missed."""
        while not self._net.stopping:
            before = self._heard
            try:
                yield from self._connection()
            except Closed as closed:
                if self._heard == before:
                    raise TryLater(str(closed), after_s=closed.after_s) from None
            finally:
                self._socket = None
            if self._net.wait(_PAUSE_S):
                return

    def _connection(self) -> Generator[Page, None, None]:
        address = f"ws{self._api.base.removeprefix('http')}/streaming"
        with ExitStack() as stack:
            try:
                self._socket = stack.enter_context(
                    self._net.websocket(address, headers=self._api.headers, limit_bytes=_LONG_MESSAGE)
                )
            except TryLater:
                yield from self._catch_up()  # the stream is away, the timeline may not be
                raise
            told = {"channel": self._timeline.channel, "id": _CHANNEL, "params": self._timeline.params, "pong": True}
            say(self._socket, {"type": "connect", "body": told})
            for ident in self._watched.ids():
                say(self._socket, {"type": "subNote", "body": {"id": ident}})
            yield from self._catch_up()
            yield from self._live(self._socket)

    def _live(self, socket: Socket) -> Generator[Page, None, None]:
        heard, heard_at = self._heard, time.monotonic()
        while not self._net.stopping:
            messages, closed = gather(socket)
            yield self._messages(messages)
            if closed is not None:
                raise closed
            if self._heard != heard:
                heard, heard_at = self._heard, time.monotonic()
            elif time.monotonic() - heard_at > _SILENCE_S:
                known = self._newest
                yield from self._catch_up()
                if self._newest != known:
                    # There were notes, and the stream did not bring them: it has gone deaf.
                    self._begin()
                    self._skip("silent_stream", f"after id {known}", kept=True)
                    yield self._page()
                    return
                heard_at = time.monotonic()

    def _catch_up(self) -> Generator[Page, None, None]:
        """The timeline from before the cursor up to its newest note."""
        asked_at = self._net.now()
        self._caught_up = False
        after = earlier(self._cursor, _REWIND) if self._cursor is not None else ""
        while not self._net.stopping:
            yield from self._heard_meanwhile()
            since = {"sinceId": after} if after else {}
            idents = self._asked(**since)
            reached = newest(idents)
            if self._cursor is None or not idents or order(reached) <= order(after):
                yield self._page()
                break
            if len(idents) >= LIMIT and order(idents[0]) > order(idents[-1]):  # newest first: the middle is missing
                yield from self._downward(after, idents[-1])
            after = reached
            self._cursor = newest([self._cursor, after])
            yield self._page()
            self._begin()
        if not self._net.stopping:
            self._begin()
            self._caught_up, self._up_to = True, asked_at
            self._cursor = newest([self._cursor or "0", self._newest])
            yield self._page()

    def _downward(self, after: str, until: str) -> Generator[Page, None, None]:
        """What lies between `after` and `until`, newest first; the last of it stays for the page that follows."""
        while not self._net.stopping:
            yield self._page()
            idents = self._asked(sinceId=after, untilId=until)
            if not idents or order(min(idents, key=order)) >= order(until):
                return
            until = min(idents, key=order)

    def _asked(self, **body: str) -> list[str]:
        """One page of the timeline onto a page of ours; gives the ids in the order they came."""
        notes = self._api.notes(self._timeline.endpoint, **self._timeline.body, **body)
        self._begin()
        idents = [self._taken(note) for note in notes]
        return [ident for ident in idents if ident]

    def _heard_meanwhile(self) -> Generator[Page, None, None]:
        if self._socket is not None:
            messages, closed = gather(self._socket, 0.0)
            yield self._messages(messages)
            if closed is not None:
                raise closed

    def _messages(self, messages: Sequence[str | bytes]) -> Page:
        self._begin()
        for message in messages:
            try:
                self._message(message)
            except TryLater:
                raise
            except Exception as error:  # it would come again with every restart, and nothing after it be read
                self._skip("unexpected", f"after id {self._newest}, {type(error).__name__}")
        if self._caught_up:
            self._cursor = newest([self._cursor or "0", self._newest])
            self._up_to = self._now
        return self._page()

    def _message(self, message: str | bytes) -> None:
        where = f"after id {self._newest}"
        try:
            told = orjson.loads(message)
            kind, body = told["type"], told.get("body")
            if kind in ("channel", "noteUpdated"):
                ident, inner, content = body.get("id"), body["type"], body.get("body")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            self._skip("not_an_event", where)
            return
        self._heard += 1
        if kind == "channel" and ident == _CHANNEL and inner == "note":
            self._note(content)
        elif kind == "noteUpdated" and inner == "deleted":
            self._deleted(ident, content)
        elif kind == "noteUpdated" and inner == "updated":  # some of Misskey's kin let a note be changed
            if isinstance(ident, str) and self._watched.get(ident) is not None:
                self._note(self._api.ask("notes/show", noteId=ident)[1], edited=True)
        elif kind not in _PASSED_OVER and not (kind == "noteUpdated" and inner in _REACTIONS):
            self._skip("unknown_event", where)

    def _deleted(self, ident: object, told: object) -> None:
        uri = self._watched.drop(ident) if isinstance(ident, str) else None
        if uri is not None and host_of(uri) == self._api.host:  # of another server's note, only its copy may be gone
            at = now_utc(told.get("deletedAt") if isinstance(told, dict) else None)
            self._removals.add(
                {
                    "kind": "post",
                    "network": NETWORK,
                    "native_id": uri,
                    "state": "removed",
                    "removed_at": min(at or self._now, self._now),
                }
            )

    def _taken(self, note: object) -> str:
        """One note of a list onto the page; gives its id there, "" when it has none."""
        try:
            return self._note(note)
        except TryLater:
            raise
        except Exception as error:  # it would come again with every question, and nothing after it be read
            self._skip("unexpected", f"after id {self._newest}, {type(error).__name__}")
            return ""

    def _note(self, note: object, *, edited: bool = False) -> str:
        """One note onto the page; gives its id there, "" when it has none."""
        ident = _ident(note)
        where = f"id {ident}" if ident else f"after id {self._newest}"
        self._newest = newest([self._newest, ident])
        row, notes = note_of(note, self._api.base, self._now)
        if row is None:
            self._skip(notes[0], where)
            return ident
        inner = renoted(note)
        place, at = _ident(inner), str(inner.get("updatedAt") or "") if isinstance(inner, dict) else ""
        known = self._read.get(place)
        if not edited and known == at:
            return ident  # the stream, or another renote, brought it already
        if place:
            self._read.put(place, at)
        if edited or known is not None or not self._options.only_japanese or is_japanese({**row, "lang": ""}):
            self._rows.append(row)
            self._removals.forget(row["native_id"])
            self._watch(place, row["native_id"])
            for told in notes:
                self._skip(told, where, kept=True)
        return ident

    def _watch(self, ident: str, uri: str) -> None:
        """Ask the server to say when this note is deleted."""
        if not ident or self._watched.get(ident) is not None:
            return
        given_up = self._watched.put(ident, uri)
        if self._socket is not None:
            say(self._socket, {"type": "subNote", "body": {"id": ident}})
            if given_up is not None:
                say(self._socket, {"type": "unsubNote", "body": {"id": given_up}})

    def _begin(self) -> None:
        self._now = self._net.now()
        self._rows: list[dict[str, Any]] = []
        self._removals = Removals()
        self._skipped: list[Skip] = []

    def _page(self) -> Page:
        removed = removals_batch(self._removals.rows())
        return Page(posts_batch(self._rows), removed, tuple(self._skipped), self._cursor, self._up_to)

    def _skip(self, reason: str, where: str, *, kept: bool = False) -> None:
        self._skipped.append(Skip(reason, where, kept))


def _ident(note: object) -> str:
    ident = note.get("id") if isinstance(note, dict) else None
    return ident if isinstance(ident, str) and ident.isalnum() and is_id(ident, 64) else ""


def _timeline(options: MisskeyTimelines.Options) -> _Timeline:
    if options.timeline not in ("local", "global"):
        raise BadInput("timeline", options.timeline, "local or global")
    if options.hashtags:
        query = [[_tag(told)] for told in dict.fromkeys(options.hashtags)]
        return _Timeline("notes/search-by-tag", {"query": query}, "hashtag", {"q": query})
    shown = {"withRenotes": True, "withReplies": True} if options.timeline == "local" else {"withRenotes": True}
    return _Timeline(f"notes/{options.timeline}-timeline", shown, f"{options.timeline}Timeline", shown)


def _tag(told: str) -> str:
    tag = told.strip().lstrip("#＃")
    if not tag or not is_id(tag, 128) or any(c.isspace() or c == "#" for c in tag):
        raise BadInput("hashtags", told, "a word without spaces")
    return tag


def _origins(options: MisskeyTimelines.Options, net: Net) -> Origins:
    token = net.secret(options.token) if options.token else ""
    return Origins(Misskey(base_of(options.instance), token, net), others=options.ask_origin, net=net)
