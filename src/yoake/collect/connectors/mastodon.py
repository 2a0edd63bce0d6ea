from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from yoake.collect.bluesky import Removals, is_japanese
from yoake.collect.clean import is_id
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.fediverse import NETWORK, base_of, host_of
from yoake.collect.mastodon import LIMIT, Mastodon, newest, order, status_of, tag_path
from yoake.collect.net import Net, Socket
from yoake.collect.origins import Origins
from yoake.collect.talk import Closed, Recent, gather, say
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["MastodonTimelines"]

_REWIND_MS = 180_000  # statuses of other servers come late, with ids of the time they were written
_REMEMBERED = 100_000  # statuses whose ids are known when a deletion names one
_SILENCE_S = 300.0  # after which the timelines are asked whether the stream has gone deaf
_LONG_MESSAGE = 1_000_000
_SETTLES_S = 3.0  # after which a subscription that said nothing yet is taken for made: no server says when it is
_PAUSE_S = 0.5  # before a server that closed is called again
_SEARCHED = 5  # pages of results of one search
# Events of the streaming API that are of no concern here; any other is counted.
_PASSED_OVER = frozenset(
    {
        "notification",
        "notifications_merged",
        "filters_changed",
        "conversation",
        "announcement",
        "announcement.reaction",
        "announcement.delete",
        "encrypted_message",
    }
)


class MastodonTimelines:
    """Public posts of a Mastodon server, and of every server it hears from.

    Read as a stream where there is a token, and page by page otherwise. The cursor is the newest status id of that server up
    to which every timeline was read. After an interruption reading goes on three minutes before it, by pages, while the
    stream already runs: nothing that the server keeps is lost, and what comes twice is the same version of the same post.
    """

    title = {"ja": "Mastodon", "en": "Mastodon"}
    live = True
    cursor_of = ("instance",)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads a Mastodon server (or another that offers its API).

        Args:
            instance: the server.
            timeline: public (all it hears), local (its own people), or remote (all others).
            hashtags: read only posts with one of these; without #.
            searches: words to search for as well; needs a token, finds authors who allow it.
            token: name of the secret that holds an access token with the scopes read:statuses and read:search.
            every_s: seconds between two questions where there is no stream, and between two searches.
            only_japanese: leave out new posts that neither say they are Japanese nor look it. Edits and deletions are always read.
            ask_origin: ask the server where a post was written whether it is still up; else only `instance` is asked.
        """

        instance: str = "https://mastodon.social"
        timeline: str = "public"
        hashtags: tuple[str, ...] = ()
        searches: tuple[str, ...] = ()
        token: str = ""
        every_s: float = 60.0
        only_japanese: bool = True
        ask_origin: bool = True

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Posts, edits and deletions after `cursor`; without one, the newest page of each timeline and what follows."""
        timelines = _timelines(options)
        if options.every_s < 5:
            raise BadInput("every_s", options.every_s, "at least five seconds: be kind to the server")
        if cursor is not None and not is_id(cursor, 100):
            raise BadInput("cursor", cursor, "the id of a status")
        if options.searches and not options.token:
            raise BadInput("token", options.token, "searching needs one")
        token = net.secret(options.token) if options.token else ""
        reading = _Reading(options, timelines, cursor, Mastodon(base_of(options.instance), token, net), net)
        yield from reading.by_stream(token) if token else reading.by_pages()

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks the server where each post was written; where that says nothing, for the copy on the source's own."""
        return _origins(options, net).check(refs)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return _origins(options, net).context(ref)


class _Timeline(NamedTuple):
    """One list of statuses: how it is asked for, and what its stream is called."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    stream: str = ""
    tag: str = ""


class _Reading:
    """Where the timelines stand."""

    def __init__(
        self,
        options: MastodonTimelines.Options,
        timelines: list[_Timeline],
        cursor: str | None,
        api: Mastodon,
        net: Net,
    ) -> None:
        self._options, self._timelines, self._api, self._net = options, timelines, api, net
        self._cursor = cursor
        self._newest = cursor or ""  # of all ids read, also where timelines are not read up to it yet
        self._read: Recent[tuple[str, str]] = Recent(_REMEMBERED)  # id there to the post's id and when it was edited
        self._caught_up = cursor is None
        self._up_to: datetime | None = None
        self._heard = 0  # events of the stream that could be read
        self._silent: set[str] = set()  # subscriptions of this connection that brought nothing yet
        self._begin()

    # --- by pages -----------------------------------------------------------------------------------------------------

    def by_pages(self) -> Generator[Page, None, None]:
        """Question after question."""
        while True:
            yield from self._round(None)
            if (yield from self._pause(self._options.every_s)):
                return

    def _round(self, socket: Socket | None) -> Generator[Page, None, None]:
        """Every timeline up to its newest status, the one that is furthest behind first."""
        first = self._cursor is None
        start = _earlier(self._cursor) if self._cursor is not None else ""
        behind = dict.fromkeys(self._timelines, start)
        known, asked_at = self._newest, self._net.now()
        self._caught_up = False
        while behind and not self._net.stopping:
            timeline = min(behind, key=lambda one: order(behind[one]))
            after = behind[timeline]
            statuses, linked = yield from self._asked(
                socket, timeline.path, **dict(timeline.params), **({} if first else {"min_id": after})
            )
            self._begin()
            idents = [self._taken(status) for status in statuses]
            reached = newest([ident for ident in [*idents, linked] if ident])
            if first or not reached or order(reached) <= order(after):
                del behind[timeline]
            else:
                behind[timeline] = reached
                if self._cursor is not None:
                    self._cursor = max(self._cursor, min(behind.values(), key=order), key=order)
            yield self._page()
        if not self._net.stopping:
            yield from self._search(socket, start, first=first)
            self._begin()
            self._caught_up, self._up_to = True, asked_at
            # Between two timelines more may have come to the first. The stream brings it, or the rewind, or the next round.
            sure = first or socket is not None or _earlier(self._newest) != self._newest
            self._cursor = newest([self._cursor or "0", self._newest if sure else known])
            yield self._page()

    def _search(self, socket: Socket | None, after: str, *, first: bool) -> Generator[Page, None, None]:
        """What the server's own search finds, newest first."""
        for words in self._options.searches:
            for number in range(1 if first else _SEARCHED):
                query: dict[str, str | int] = {"q": words, "type": "statuses", "offset": number * LIMIT}
                if not first:
                    query["min_id"] = after
                statuses, _ = yield from self._asked(socket, "/api/v2/search", **query)
                self._begin()
                for status in statuses:
                    self._taken(status)
                if number == _SEARCHED - 1 and len(statuses) >= LIMIT:
                    self._skip("search_cut", f"search {self._options.searches.index(words) + 1}, after id {after}")
                yield self._page()
                if len(statuses) < LIMIT:
                    break

    def _asked(
        self, socket: Socket | None, path: str, **params: str | int
    ) -> Generator[Page, None, tuple[list[Any], str]]:
        """A page of a timeline; before it, what the stream brought, and the wait that the server asked for."""
        while socket is not None or self._waits():
            if socket is not None:
                messages, closed = gather(socket, 1.0 if self._waits() else 0.0)
                if closed is not None:
                    raise closed
                yield self._messages(messages)
            else:
                self._net.wait(1.0)
                self._begin()
                yield self._page()
            if not self._waits() or self._net.stopping:
                break
        if self._net.stopping:
            return [], ""
        return self._api.timeline(path, **params)

    def _waits(self) -> bool:
        return self._api.wait_until is not None and self._api.wait_until > self._net.now()

    def _pause(self, seconds: float) -> Generator[Page, None, bool]:
        """Wait, showing life; True when the patrol stops."""
        while seconds > 0:
            if self._net.wait(min(1.0, seconds)):
                return True
            seconds -= 1.0
            self._begin()
            yield self._page()
        return self._net.stopping

    # --- by stream ----------------------------------------------------------------------------------------------------

    def by_stream(self, token: str) -> Generator[Page, None, None]:
        """The stream, and after each beginning of it what was missed."""
        while not self._net.stopping:
            before = self._heard
            try:
                yield from self._connection(self._api.streaming(), token)
            except Closed as closed:
                if self._heard == before:
                    raise TryLater(str(closed), after_s=closed.after_s) from None
            if self._net.wait(_PAUSE_S):
                return

    def _connection(self, address: str, token: str) -> Generator[Page, None, None]:
        with ExitStack() as stack:
            try:
                socket = stack.enter_context(
                    self._net.websocket(
                        address, headers={"Authorization": f"Bearer {token}"}, limit_bytes=_LONG_MESSAGE
                    )
                )
            except TryLater:
                yield from self._round(None)  # the stream is away, the timelines may not be
                raise
            self._caught_up = False
            self._silent = {_called(timeline.stream, timeline.tag) for timeline in self._timelines}
            for timeline in self._timelines:
                told = {
                    "type": "subscribe",
                    "stream": timeline.stream,
                    **({"tag": timeline.tag} if timeline.tag else {}),
                }
                say(socket, told)
            yield from self._settled(socket)
            yield from self._round(socket)
            yield from self._live(socket)

    def _settled(self, socket: Socket) -> Generator[Page, None, None]:
        """What the stream brings until each subscription is made; catching up before that would leave a gap between them."""
        deadline = time.monotonic() + _SETTLES_S
        while self._silent and not self._net.stopping and (left_s := deadline - time.monotonic()) > 0:
            messages, closed = gather(socket, min(1.0, left_s))
            yield self._messages(messages)
            if closed is not None:
                raise closed

    def _live(self, socket: Socket) -> Generator[Page, None, None]:
        heard_at = searched_at = time.monotonic()
        while not self._net.stopping:
            messages, closed = gather(socket)
            yield self._messages(messages)
            if closed is not None:
                raise closed
            now = time.monotonic()
            if messages:
                heard_at = now
            elif now - heard_at > _SILENCE_S:
                known = self._newest
                yield from self._round(socket)
                if self._newest != known:
                    # There were posts, and the stream did not bring them: it has gone deaf.
                    self._begin()
                    self._skip("silent_stream", f"after id {known}", kept=True)
                    yield self._page()
                    return
                heard_at = now
            if self._options.searches and now - searched_at > self._options.every_s:
                yield from self._search(socket, _earlier(self._cursor or ""), first=False)
                searched_at = time.monotonic()

    def _messages(self, messages: Sequence[str | bytes]) -> Page:
        self._begin()
        for message in messages:
            try:
                self._message(message)
            except (TryLater, Refused):
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
            if isinstance(told, dict) and isinstance(told.get("error"), str):
                raise Refused(f"{self._api.host} refuses the stream (status {str(told.get('status'))[:3]}).")
            event, payload = told["event"], told.get("payload")
            if event in ("update", "status.update"):
                status = orjson.loads(payload)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            self._skip("not_an_event", where)
            return
        self._heard += 1
        of = told.get("stream")
        self._silent.discard(_called(*map(str, of[:2])) if isinstance(of, list) and of else "")
        if event in ("update", "status.update"):
            self._status(status, edited=event == "status.update")
        elif event == "delete":
            self._delete(str(payload))
        elif event not in _PASSED_OVER:
            self._skip("unknown_event", where)

    def _delete(self, ident: str) -> None:
        """The event names the status as this server does; which post that was is known of what was read in this run.

        It may be the server's own moderators who dropped their copy of another server's post: only of its own posts
        it says that they are gone, and never who deleted them.
        """
        known = self._read.drop(ident)
        if known is not None and host_of(known[0]) == self._api.host:
            self._removals.add(
                {
                    "kind": "post",
                    "network": NETWORK,
                    "native_id": known[0],
                    "state": "removed",
                    "removed_at": self._now,
                }
            )

    # --- both ---------------------------------------------------------------------------------------------------------

    def _taken(self, status: object) -> str:
        """One status of a list onto the page; gives its id there, "" when it has none."""
        try:
            return self._status(status)
        except Exception as error:  # it would come again with every question, and nothing after it be read
            self._skip("unexpected", f"after id {self._newest}, {type(error).__name__}")
            return ""

    def _status(self, status: object, *, edited: bool = False) -> str:
        """One status onto the page; gives its id there, "" when it has none."""
        ident = status.get("id") if isinstance(status, dict) else None
        ident = ident if isinstance(ident, str) and is_id(ident, 100) else ""
        where = f"id {ident}" if ident else f"after id {self._newest}"
        row, notes = status_of(status, self._api.host, self._now)
        self._newest = newest([self._newest, ident])
        if row is None:
            self._skip(notes[0], where)
            return ident
        at = str(status.get("edited_at") or "") if isinstance(status, dict) else ""
        known = self._read.get(ident)
        if not edited and known == (row["native_id"], at):
            return ident  # another timeline, or the stream, brought it already
        if ident:
            self._read.put(ident, (row["native_id"], at))
        if edited or known is not None or not self._options.only_japanese or is_japanese(row):
            self._rows.append(row)
            self._removals.forget(row["native_id"])
            for note in notes:
                self._skip(note, where, kept=True)
        return ident

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


def _timelines(options: MastodonTimelines.Options) -> list[_Timeline]:
    scopes = {"public": (), "local": (("local", "true"),), "remote": (("remote", "true"),)}
    scope = scopes.get(options.timeline)
    if scope is None:
        raise BadInput("timeline", options.timeline, "public, local or remote")
    if not options.hashtags:
        stream = "public" if options.timeline == "public" else f"public:{options.timeline}"
        return [_Timeline("/api/v1/timelines/public", scope, stream)]
    if options.timeline == "remote":
        raise BadInput("timeline", options.timeline, "public or local, for hashtags")
    stream = "hashtag" if options.timeline == "public" else "hashtag:local"
    return [_Timeline(tag_path(tag), scope, stream, tag) for tag in _tags(options.hashtags)]


def _called(stream: str, tag: str = "") -> str:
    """A subscription, by its stream and hashtag."""
    return f"{stream} {tag.lower()}".rstrip()


def _tags(hashtags: Sequence[str]) -> Iterator[str]:
    for told in dict.fromkeys(hashtags):
        tag = told.strip().lstrip("#＃")
        if not tag or not is_id(tag, 200) or any(c.isspace() or c in "/?#" for c in tag):
            raise BadInput("hashtags", told, "a word without spaces")
        yield tag


def _earlier(ident: str) -> str:
    """An id of three minutes before, where ids say their time (as Mastodon's do); else the id itself."""
    if ident.isdecimal() and len(ident) >= 16:
        return str(max(0, int(ident) - (_REWIND_MS << 16)))
    return ident or "0"


def _origins(options: MastodonTimelines.Options, net: Net) -> Origins:
    token = net.secret(options.token) if options.token else ""
    return Origins(Mastodon(base_of(options.instance), token, net), others=options.ask_origin, net=net)
