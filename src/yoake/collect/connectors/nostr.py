from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from yoake.collect.bluesky import Removals, is_japanese
from yoake.collect.clean import is_id
from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.net import Net
from yoake.collect.nostr import (
    DELETION,
    NETWORK,
    NOTE,
    PROFILE,
    Event,
    deleted_by,
    event_of,
    is_event_id,
    is_expired,
    post_of,
    profile_of,
    thread_of,
)
from yoake.collect.relays import Filter, Relay, ask, gather, message_of, read_cursor, write_cursor
from yoake.collect.talk import Recent
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["NostrRelays"]

_REMEMBERED = 200_000  # events of which id and author are known: repeats, and whose deletion counts
_BATCH = 50  # posts asked about in one question
_PARENTS = 10
_RECENT = 20
_PASSED_OVER = frozenset({"OK", "AUTH", "COUNT"})


class NostrRelays:
    """Short notes of Nostr, from several relays at once; every event is proven before it is believed.

    The cursor says up to when each relay was read. After an interruption a relay is asked for everything since ten minutes
    before, page by page, while it already sends what is new: nothing that a relay keeps is lost, and an event that comes by
    several relays is one post.
    """

    title = {"ja": "Nostr（リレー）", "en": "Nostr (relays)"}
    live = True

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that reads Nostr.

        Args:
            relays: addresses of relays (wss://host); all are read.
            hashtags: read only notes with one of these; without #. Deletions are always read.
            only_japanese: leave out notes that neither say they are Japanese nor look it.
            web: the page that shows an event to people; its `note1...` name is added to it.
        """

        relays: tuple[str, ...] = ("wss://yabu.me", "wss://nos.lol", "wss://relay.damus.io")
        hashtags: tuple[str, ...] = ()
        only_japanese: bool = True
        web: str = "https://njump.me"

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Notes and deletions after `cursor`; without one, from now on."""
        urls, filters = _relays(options), _filters(options)
        stands = read_cursor(cursor, urls, int(net.now().timestamp()))
        reading = _Reading(options, [Relay(url, filters, stands[url]) for url in urls], net)
        yield from reading.pages()

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks every relay for the posts, and for deletions that name them."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """As `check`; whose a post was is known, so that a deletion of one that no relay has any more can be proven."""
        authors = {one.ref: one.author for one in known if is_event_id(one.ref)}
        told = list(authors)
        states: dict[str, tuple[str, str]] = {}
        for begin in range(0, len(told), _BATCH):
            states |= _states(told[begin : begin + _BATCH], authors, _relays(options), net)
        unknown = ("unchecked", "this is not the id of an event")
        return [Liveness(one.ref, *_timed(states.get(one.ref, unknown), net)) for one in known]

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        nothing = Context(posts_batch([]), posts_batch([]))
        if not is_event_id(ref):
            return nothing
        urls, now = _relays(options), net.now()
        found, trouble = _asked(urls, [{"ids": [ref]}], net)
        event = next((one for one in found if one.id == ref), None)
        if event is None:
            if len(trouble) == len(urls):
                raise trouble[0]
            return nothing
        author = [event.author]
        around, _ = _asked(
            urls,
            [
                {"kinds": [PROFILE], "authors": author, "limit": 1},
                {"kinds": [NOTE], "authors": author, "limit": _RECENT},
            ],
            net,
        )
        profiles = [one for one in around if one.kind == PROFILE and one.author == event.author]
        newest = max(profiles, key=lambda one: one.at, default=None)
        profile, name = profile_of(newest) if newest is not None else ("", "")
        recent = sorted(
            (one for one in around if one.kind == NOTE and one.author == event.author), key=lambda one: -one.at
        )
        above = _above(event, urls, net)
        return Context(
            posts_batch([post_of(one, options.web, now)[0] for one in above]),
            posts_batch([post_of(one, options.web, now)[0] for one in recent[:_RECENT]]),
            profile,
            name,
        )


class _Reading:
    """Where the relays stand."""

    def __init__(self, options: NostrRelays.Options, relays: list[Relay], net: Net) -> None:
        self._options, self._relays, self._net = options, relays, net
        self._read: Recent[str] = Recent(_REMEMBERED)  # id to author
        self._deleted: Recent[str] = Recent(_REMEMBERED)  # "id author" of a deletion whose post was not read (yet)

    def pages(self) -> Generator[Page, None, None]:
        """What all relays bring, together."""
        try:
            while not self._net.stopping:
                self._begin()
                self._open_one()
                for relay, raw in gather(self._relays, self._net):
                    self._message(relay, raw)
                for relay in self._relays:
                    relay.watch()
                yield self._page()
                if all(relay.socket is None for relay in self._relays):
                    failures = [relay.failed for relay in self._relays if relay.failed is not None]
                    if len(failures) == len(self._relays):
                        raise _nobody(failures)
                    if self._net.wait(0.2):
                        return
        finally:
            for relay in self._relays:
                relay.close()

    def _open_one(self) -> None:
        """One relay a page, so that others are not kept waiting by those that are away."""
        now = time.monotonic()
        for relay in sorted(self._relays, key=lambda one: one.try_at):
            if relay.socket is None and relay.try_at <= now:
                relay.open(self._net, max(1.0, 4.0 / len(self._relays)))
                if relay.failed is not None:
                    self._skip("relay_away", relay.host, kept=True)
                return

    def _message(self, relay: Relay, raw: str | bytes) -> None:
        relay.heard(int(self._now.timestamp()))
        message = message_of(raw)
        if message is None:
            self._skip("not_an_event", relay.host)
            return
        kind, name = message[0], message[1] if len(message) > 1 and isinstance(message[1], str) else ""
        try:
            if kind == "EVENT" and len(message) > 2:
                self._event(relay, name, message[2])
            elif kind == "EOSE":
                if relay.end(name):
                    self._skip("gap", relay.host)
                relay.heard(int(self._now.timestamp()))
            elif kind == "CLOSED":
                relay.closed(name, str(message[2]) if len(message) > 2 else "")
            elif kind == "NOTICE":
                self._skip("notice", relay.host, kept=True)
            elif kind not in _PASSED_OVER:
                self._skip("unknown_event", relay.host)
        except TryLater as closed:
            relay.leave(closed)
        except Exception as error:  # it would come again with every restart, and nothing after it be read
            self._skip("unexpected", f"{relay.host}, {type(error).__name__}")

    def _event(self, relay: Relay, name: str, told: Any) -> None:
        ident = told.get("id") if isinstance(told, dict) else None
        where = f"{relay.host} {ident}" if isinstance(ident, str) and is_event_id(ident) else relay.host
        event, why = event_of(told)
        if event is None:
            self._skip(why, where)
            return
        relay.event(name, event)
        if self._read.get(event.id) is not None:
            return  # another relay brought it already
        if event.kind == DELETION:
            self._read.put(event.id, event.author)
            self._deletion(event, where)
        elif event.kind != NOTE:
            self._skip("unknown_event", where)
        else:
            self._read.put(event.id, event.author)
            self._note(event, where)

    def _note(self, event: Event, where: str) -> None:
        if self._deleted.drop(f"{event.id} {event.author}") is not None:
            self._remove(event.id)
            return
        row, notes = post_of(event, self._options.web, self._now)
        if is_expired(event, self._now) or (self._options.only_japanese and not is_japanese(row)):
            return
        self._rows.append(row)
        for note in notes:
            self._skip(note, where, kept=True)

    def _deletion(self, event: Event, where: str) -> None:
        """What it names may be deleted by its own author only; whose a post is, is known of what was read in this run."""
        for ident in deleted_by(event):
            author = self._read.get(ident)
            if author is None:
                self._deleted.put(f"{ident} {event.author}", "")  # pages run from new to old: the post may follow
            elif author == event.author:
                self._remove(ident)
            else:
                self._skip("foreign_deletion", where)

    def _remove(self, ident: str) -> None:
        self._removals.add(
            {
                "kind": "post",
                "network": NETWORK,
                "native_id": ident,
                "state": "deleted_by_author",
                "removed_at": self._now,
            }
        )

    def _begin(self) -> None:
        self._now = self._net.now()
        self._rows: list[dict[str, Any]] = []
        self._removals = Removals()
        self._skipped: list[Skip] = []

    def _page(self) -> Page:
        opened = [relay for relay in self._relays if relay.socket is not None]
        known = opened and all(relay.caught_up for relay in opened)
        seen_until = datetime.fromtimestamp(min(relay.read_until for relay in opened), UTC) if known else None
        removed = removals_batch(self._removals.rows())
        return Page(posts_batch(self._rows), removed, tuple(self._skipped), write_cursor(self._relays), seen_until)

    def _skip(self, reason: str, where: str, *, kept: bool = False) -> None:
        self._skipped.append(Skip(reason, where, kept))


def _relays(options: NostrRelays.Options) -> list[str]:
    urls = list(dict.fromkeys(url.strip().rstrip("/") for url in options.relays))
    if not urls or not all(url.startswith(("wss://", "ws://")) for url in urls):
        raise BadInput("relays", options.relays, "at least one address such as wss://host")
    return urls


def _filters(options: NostrRelays.Options) -> list[Filter]:
    if not options.hashtags:
        return [{"kinds": [NOTE, DELETION]}]
    tags = []
    for told in dict.fromkeys(options.hashtags):
        tag = told.strip().lstrip("#＃").lower()
        if not tag or not is_id(tag, 200) or any(c.isspace() for c in tag):
            raise BadInput("hashtags", told, "a word without spaces")
        tags.append(tag)
    return [{"kinds": [NOTE], "#t": tags}, {"kinds": [DELETION]}]


def _asked(urls: Sequence[str], filters: list[Filter], net: Net) -> tuple[list[Event], list[TryLater | Refused]]:
    """What all relays answer, each event once, and what those said that did not."""
    found: dict[str, Event] = {}
    trouble: list[TryLater | Refused] = []
    for url in urls:
        try:
            found |= {event.id: event for event in ask(url, filters, net)}
        except (TryLater, Refused) as error:
            trouble.append(error)
    return list(found.values()), trouble


def _states(refs: list[str], authors: Mapping[str, str], urls: Sequence[str], net: Net) -> dict[str, tuple[str, str]]:
    found, trouble = _asked(urls, [{"ids": refs}, {"kinds": [DELETION], "#e": refs}], net)
    posts = {event.id: event for event in found if event.id in refs}
    deleted = {(ident, event.author) for event in found if event.kind == DELETION for ident in deleted_by(event)}
    named = {ident for ident, _ in deleted}
    states = {}
    for ref in refs:
        if ref in posts:
            gone = (ref, posts[ref].author) in deleted
            states[ref] = ("deleted_by_author", "a relay still shows it") if gone else ("up", "")
        elif trouble:
            states[ref] = ("unreachable", str(trouble[0]))
        elif (ref, authors[ref]) in deleted:
            states[ref] = ("deleted_by_author", "its author's deletion is there, and no relay has it any more")
        elif ref in named:
            states[ref] = ("removed", "no relay has it any more; a deletion names it, and it is not known whose it was")
        else:
            states[ref] = ("removed", f"none of {len(urls)} relays has it, and no deletion names it")
    return states


def _timed(state: tuple[str, str], net: Net) -> tuple[str, datetime, str]:
    return state[0], net.now(), state[1]


def _above(event: Event, urls: Sequence[str], net: Net) -> list[Event]:
    """The posts above, the first of the thread first."""
    above: list[Event] = []
    root, parent = thread_of(event.tags)
    known: dict[str, Event] = {}
    while parent and len(above) < _PARENTS:
        if parent not in known:
            known |= {one.id: one for one in _asked(urls, [{"ids": sorted({root, parent} - {""})}], net)[0]}
        one = known.get(parent)
        if one is None or one.kind != NOTE or one in above:
            break
        above.insert(0, one)
        _, parent = thread_of(one.tags)
    return above


def _nobody(errors: Sequence[TryLater | Refused]) -> TryLater | Refused:
    if len(errors) == 1:
        return errors[0]
    waits = [error.after_s for error in errors if isinstance(error, TryLater)]
    message = f"None of {len(errors)} relays sends anything; the last one: {errors[-1]}"
    return TryLater(message, after_s=min(waits)) if waits else Refused(message)
