"""Nostr's relays: subscriptions that page through what is stored and then follow, and single questions."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import orjson

from yoake.collect.net import Net, Socket
from yoake.collect.nostr import Event, event_of
from yoake.collect.talk import say
from yoake.errors import BadInput, Refused, TryLater

LIMIT: Final = 500  # events of a stored page; many relays send fewer
_LONGEST: Final = 20 * LIMIT  # events of a page that are noted, of a relay that knows no end
MESSAGE_BYTES: Final = 1_000_000
REWIND_S: Final = 600  # an event reaches a relay later than it says it was made
_ANSWER_S: Final = 30.0  # for the next message of an answer
_FULL: Final = 20  # events of a page below which no relay cuts off
_QUIET_S: Final = 300.0  # after which a relay that says nothing is asked again for what is stored
_RETRY_S: Final = 30.0
_NO: Final = (
    "auth-required",
    "restricted",
    "blocked",
    "invalid",
    "unsupported",
)  # why a relay closes a subscription for good

Filter = dict[str, Any]


class Asking(NamedTuple):
    """A stored page being read, newest first."""

    filter: Filter
    since: int
    until: int | None = None
    seen: frozenset[str] = frozenset()  # ids of the page before, or of all up to the same `until`
    stale: int = 0  # pages in a row that brought nothing new


class Relay:
    """One relay: its connection, and how far it was read.

    Args:
        url: ws or wss.
        filters: what is asked for; each is paged by itself.
        read_until: up to when (seconds since 1970) it was read in an earlier run.
    """

    def __init__(self, url: str, filters: Sequence[Filter], read_until: int) -> None:
        self.url, self.host = url, urlsplit(url).netloc.lower()
        self.read_until = read_until
        self.failed: TryLater | Refused | None = None  # since it was last heard
        self.unheard = True  # since it was opened
        self.try_at = 0.0
        self.socket: Socket | None = None
        self._filters = filters
        self._stack = ExitStack()
        self._past: dict[str, Asking] = {}
        self._page: dict[str, list[Event]] = {}
        self._heard_at = 0.0
        self._most = _FULL  # events of the fullest page so far: what the relay sends at most

    @property
    def caught_up(self) -> bool:
        """Whether everything stored was read."""
        return self.socket is not None and not self._past

    def open(self, net: Net, timeout_s: float) -> None:
        """Connect, ask for what follows and for what is stored. A failure is kept in `failed`, for the next try."""
        try:
            socket = self._stack.enter_context(net.websocket(self.url, timeout_s=timeout_s, limit_bytes=MESSAGE_BYTES))
            # Without `since`, which holds for what is new too: an author may date a note back as far as he likes.
            say(socket, ["REQ", "live", *({**one, "limit": 0} for one in self._filters)])
            self.socket, self.unheard, self._heard_at = socket, True, time.monotonic()
            self._ask_past()
        except (TryLater, Refused) as error:
            self.leave(error)

    def close(self) -> None:
        """Hang up."""
        self.socket = None
        self._past, self._page = {}, {}
        self._stack.close()

    def leave(self, why: TryLater | Refused | None) -> None:
        """Hang up because of something; without a failure it is called again at once."""
        self.close()
        self.failed = why
        self.try_at = time.monotonic() + (_RETRY_S if why is not None else 0.5)

    def _ask_past(self) -> None:
        for number, one in enumerate(self._filters):
            self._ask(f"past{number}", Asking(one, self.read_until - REWIND_S))

    def _ask(self, name: str, asking: Asking) -> None:
        assert self.socket is not None
        self._past[name], self._page[name] = asking, []
        until = {} if asking.until is None else {"until": asking.until}
        say(self.socket, ["REQ", name, {**asking.filter, "since": max(0, asking.since), **until, "limit": LIMIT}])

    def heard(self, now: int) -> None:
        """Something came."""
        self._heard_at, self.failed, self.unheard = time.monotonic(), None, False
        if self.caught_up:
            self.read_until = max(self.read_until, now)

    def watch(self) -> None:
        """A relay that owes an answer and is silent is left; one that owes none is asked again for what is stored."""
        silent_s = time.monotonic() - self._heard_at
        if self.socket is None:
            return
        if self._past and silent_s > _ANSWER_S:
            self.leave(TryLater(f"{self.host} does not answer; trying again later.", after_s=_RETRY_S))
        elif not self._past and silent_s > _QUIET_S:
            try:
                self._heard_at = time.monotonic()
                self._ask_past()
            except TryLater as closed:
                self.leave(closed)

    def event(self, name: str, event: Event) -> None:
        """An event of a stored page; those of the live subscription are not noted."""
        page = self._page.get(name)
        if page is not None and len(page) < _LONGEST:
            page.append(event._replace(content="", tags=[]))  # id and time are what paging needs

    def end(self, name: str) -> str:
        """The end of a stored page: asks for the one before it. Gives "gap" when events of one second were too many."""
        asking = self._past.pop(name, None)
        page = self._page.pop(name, [])
        if asking is None or self.socket is None:
            return ""
        idents = frozenset(event.id for event in page)
        if not page:
            say(self.socket, ["CLOSE", name])
            return ""
        oldest, gap = min(event.at for event in page), ""
        self._most = max(self._most, len(page))
        until, stale = oldest + 1, 0  # relays disagree whether `until` includes its second
        if asking.until is not None:
            until = min(
                until, asking.until
            )  # never up again: a second of which a page held a part would be asked for ever
        if idents <= asking.seen:  # nothing new: step down, first within reach of that disagreement, then past it
            stale = asking.stale + 1
            until = oldest if stale == 1 else oldest - 1
            full = len(page) >= self._most and all(event.at == oldest for event in page)
            gap = "gap" if stale == 1 and full else ""
        if until < asking.since or stale > 2:  # a relay that pays no heed to `until` ends here
            say(self.socket, ["CLOSE", name])
        else:
            seen = idents | asking.seen if until == asking.until else idents
            self._ask(name, asking._replace(until=until, seen=seen, stale=stale))
        return gap

    def closed(self, name: str, why: str) -> None:
        """The relay ended a subscription by itself: it is left, for good reasons or for a while."""
        if name != "live" and name not in self._past:
            return
        if why.startswith(_NO):
            self.leave(Refused(f"{self.host} does not serve this subscription ({why.partition(':')[0]})."))
        else:
            self.leave(TryLater(f"{self.host} ended the subscription; trying again later.", after_s=60))


def message_of(raw: str | bytes) -> list[Any] | None:
    """A relay's message; None when it is none."""
    try:
        told = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, list) and told and isinstance(told[0], str) else None


def gather(
    relays: Sequence[Relay], net: Net, longest_s: float = 1.0
) -> Generator[tuple[Relay, str | bytes], None, None]:
    """Messages of all open relays, for at most `longest_s`, less when nothing follows. A relay that closes is left."""
    began = heard = time.monotonic()
    some, size = False, 0
    while (now := time.monotonic()) - began < longest_s and size < 8_000_000:
        before = size
        for relay in relays:
            while relay.socket is not None and size < 8_000_000:
                try:
                    message = relay.socket.recv(0.0)
                except TryLater as closed:
                    relay.leave(closed if relay.unheard else None)
                    break
                if message is None:
                    break
                some, size, heard = True, size + len(message), now
                yield relay, message
        if size == before:
            if some and now - heard > 0.2:
                return
            if all(relay.socket is None for relay in relays) or net.wait(0.02):
                return


def ask(url: str, filters: Sequence[Filter], net: Net, timeout_s: float = 10.0) -> list[Event]:
    """Every stored event that a relay has for some questions, asked one by one: relays disagree about limits of several.

    Raises:
        TryLater: it is away, or does not end its answers in time.
        Refused: it does not answer us.
    """
    found: list[Event] = []
    deadline = time.monotonic() + timeout_s
    with net.websocket(url, timeout_s=4.0, limit_bytes=MESSAGE_BYTES) as socket:
        for number, one in enumerate(filters):
            name = f"question{number}"
            say(socket, ["REQ", name, one])
            found += _answer(socket, name, deadline)
            say(socket, ["CLOSE", name])
    return found


def _answer(socket: Socket, name: str, deadline: float) -> list[Event]:
    found: list[Event] = []
    while (left_s := deadline - time.monotonic()) > 0:
        raw = socket.recv(left_s)
        message = message_of(raw) if raw is not None else None
        if message is None or message[1:2] != [name]:
            continue
        if message[0] == "EOSE":
            return found
        if message[0] == "CLOSED":
            why = str(message[2]) if len(message) > 2 else ""
            if why.startswith(_NO):
                raise Refused(f"{socket.host} does not answer this question ({why.partition(':')[0][:40]}).")
            raise TryLater(f"{socket.host} ended the question; try again later.", after_s=60)
        if message[0] == "EVENT" and len(message) > 2:
            event, _ = event_of(message[2])
            if event is not None:
                found.append(event)
    raise TryLater(f"{socket.host} does not end its answer; try again later.", after_s=60)


def read_cursor(cursor: str | None, relays: Sequence[str], now: int) -> dict[str, int]:
    """Up to when each relay was read; one that is new: from now. Raises BadInput for what is no cursor of ours."""
    try:
        told = orjson.loads(cursor) if cursor is not None else {}
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, Mapping) or not all(type(at) is int and 0 <= at < 1 << 40 for at in told.values()):
        raise BadInput("cursor", cursor, "an object of relays and seconds since 1970")
    return {url: min(told.get(url, now), now) for url in relays}


def write_cursor(relays: Sequence[Relay]) -> str:
    """The cursor after what was read."""
    return orjson.dumps({relay.url: relay.read_until for relay in relays}, option=orjson.OPT_SORT_KEYS).decode()
