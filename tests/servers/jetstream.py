"""A Jetstream on loopback, fed by a PDS's real firehose or by a test.

Jetstream is the JSON form of the firehose that Bluesky runs for everyone; its program (Go) is in no registry we use.
This one speaks the `/subscribe` protocol as github.com/bluesky-social/jetstream documents and serves it: JSON events
with `time_us`, `cursor` in Unix microseconds (replay from the first event at or after it, then live; one in the future
means live), `wantedCollections` with `.*` prefixes, `wantedDids`, `maxMessageSizeBytes`, and identity and account
events whatever collections are wanted. It has its own DAG-CBOR reader, so that it cannot share a mistake with libipld.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import libipld
import orjson
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.http11 import Request, Response

from tests.servers.pds import POST, Pds, free_port, post_record

T = TypeVar("T")
Event = dict[str, Any]
LINKS = orjson.OPT_PASSTHROUGH_DATACLASS  # else orjson writes a Link field by field
BATCH = 500  # events a connection sends before the other connections get their turn


class Wanted(NamedTuple):
    """What one subscriber asked for."""

    collections: frozenset[str]
    prefixes: tuple[str, ...]
    dids: frozenset[str]
    max_bytes: int
    cursor: int | None

    @classmethod
    def of(cls, query: Mapping[str, Sequence[str]]) -> Wanted:
        """Read a query string.

        Raises:
            ValueError: something the protocol refuses, or that is not built here.
        """
        if query.get("compress") == ["true"] or query.get("requireHello") == ["true"]:
            raise ValueError("compress and requireHello are not built into this Jetstream")
        cursor = int(query["cursor"][0]) if query.get("cursor") else None
        if cursor is not None and cursor < 0:
            raise ValueError(f"negative cursor: {cursor}")
        names = query.get("wantedCollections", ())
        exact = frozenset(name for name in names if not name.endswith(".*"))
        if len(names) > 100 or any(name.count(".") < 2 or "*" in name for name in exact):
            raise ValueError(f"invalid collection or more than 100: {', '.join(names)[:300]}")
        prefixes = tuple(name.removesuffix("*") for name in names if name.endswith(".*"))
        size = query.get("maxMessageSizeBytes", ["0"])[0]
        return cls(
            exact, prefixes, frozenset(query.get("wantedDids", ())), int(size) if size.isdecimal() else 0, cursor
        )

    def takes(self, line: Line) -> bool:
        """Whether the subscriber gets this event."""
        if self.dids and line.did not in self.dids:
            return False
        if self.max_bytes and len(line.text) > self.max_bytes:
            return False
        if not line.collection or not (self.collections or self.prefixes):
            return True
        return line.collection in self.collections or line.collection.startswith(self.prefixes)


class Line(NamedTuple):
    """An event as it goes out, with what filters look at; no collection: not a commit."""

    text: bytes
    did: str
    collection: str


@dataclass
class Subscription:
    """One connection that was accepted, for tests to look at: what it asked for and what it was sent."""

    query: dict[str, list[str]]
    sent: int = 0
    open: bool = True


class Jetstream:
    """A Jetstream server in a background thread, on one port for life, with everything it ever saw in memory.

    Args:
        pds: The server whose firehose it converts; none: only what is pushed.
        since: The firehose cursor after which it begins: 0 for everything, `pds.sequence()` for from now.
    """

    def __init__(self, pds: Pds | None = None, *, since: int = 0) -> None:
        self.pds, self.sequence = pds, since
        self.port = free_port()
        self.refuse: HTTPStatus | None = None  # answer new connections with this status instead (429, 503)
        self.subscriptions: list[Subscription] = []
        self.trouble: list[str] = []  # why the firehose was read anew, newest last
        self._times: list[int] = []
        self._lines: list[Line] = []
        self._grown = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._halt: asyncio.Event
        self._news: asyncio.Event
        self._connections: dict[ServerConnection, Subscription] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where clients subscribe, without a query."""
        return f"ws://127.0.0.1:{self.port}/subscribe"

    # --- running ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Serve, and go on converting after the last firehose event seen."""
        if self._thread:
            return
        ready: list[BaseException | None] = []
        started = threading.Event()

        def run() -> None:
            def tell(error: BaseException | None = None) -> None:
                ready.append(error)
                started.set()

            try:
                asyncio.run(self._main(tell))
            except OSError as error:  # the port is taken
                tell(error)

        self._thread = threading.Thread(target=run, name="jetstream", daemon=True)
        self._thread.start()
        started.wait()
        if ready[0]:
            self._thread = None
            raise ready[0]

    def stop(self) -> None:
        """Go down as a machine does: connections break without a goodbye, new ones are refused. The events stay."""
        thread, self._thread = self._thread, None
        if thread:
            self._loop.call_soon_threadsafe(self._halt.set)
            thread.join(10)

    def restart(self) -> None:
        """Stop, then serve the same events on the same port."""
        self.stop()
        self.start()

    async def _main(self, ready: Callable[[], None]) -> None:
        self._loop, self._halt, self._news = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            process_request=self._admit,
            compression=None,
            close_timeout=1,
            server_header="yoake-tests",
        )
        reader = asyncio.create_task(self._read_firehose(self.pds)) if self.pds else None
        ready()
        await self._halt.wait()
        if reader:
            reader.cancel()
        server.close(close_connections=False)
        for connection in list(self._connections):
            connection.transport.abort()
        await server.wait_closed()
        if reader:
            await asyncio.wait([reader])

    # --- towards clients -------------------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        target = urlsplit(request.path)
        if self.refuse:
            return connection.respond(self.refuse, f"{self.refuse.phrase}\n")
        if target.path != "/subscribe":
            return connection.respond(HTTPStatus.NOT_FOUND, "404 page not found\n")
        try:
            Wanted.of(parse_qs(target.query))
        except ValueError as error:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"{error}\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request
        query = parse_qs(urlsplit(connection.request.path).query)
        subscription = self._connections[connection] = Subscription(query)
        self.subscriptions.append(subscription)
        sending = asyncio.create_task(self._send(connection, Wanted.of(query), subscription))
        try:
            async for _ in connection:  # clients have nothing to say; reading notices that they leave
                pass
        except ConnectionClosed:
            pass
        finally:
            subscription.open = False
            del self._connections[connection]
            sending.cancel()
            await asyncio.wait([sending])

    async def _send(self, connection: ServerConnection, wanted: Wanted, subscription: Subscription) -> None:
        with self._grown:
            at = len(self._times) if wanted.cursor is None else bisect_left(self._times, wanted.cursor)
        with suppress(ConnectionClosed):
            while True:
                news = self._news
                with self._grown:  # a writer sets `news` only after the log has grown
                    batch = self._lines[at : at + BATCH]
                if not batch:
                    await news.wait()
                at += len(batch)
                for line in batch:
                    if wanted.takes(line):
                        await connection.send(line.text, text=True)
                        subscription.sent += 1
                await asyncio.sleep(0)

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def wait_for_clients(self, count: int = 1, timeout_s: float = 10) -> None:
        """Wait until so many clients are connected."""
        _until(lambda: self.clients >= count, timeout_s, f"{count} Jetstream clients")

    def drop_connections(self, code: int | None = None, reason: str = "") -> None:
        """End every connection now: without a goodbye, or with a close code. Clients may come back at once."""

        async def drop() -> None:
            connections = list(self._connections)
            if code is None:
                for connection in connections:
                    connection.transport.abort()
            else:
                await asyncio.gather(*(connection.close(code, reason) for connection in connections))

        self._run(drop())

    def inject(self, raw: str | bytes, *, as_text: bool | None = None) -> int:
        """Send a message as it is to every connected client, which need not be an event, JSON or (as_text) UTF-8.

        Returns:
            How many clients it went to.
        """

        async def send() -> int:
            connections = list(self._connections)
            sent = await asyncio.gather(
                *(connection.send(raw, text=as_text) for connection in connections), return_exceptions=True
            )
            return sum(error is None for error in sent)

        return self._run(send())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    # --- the log ---------------------------------------------------------------------------------------------------

    def push(self, event: Event) -> int:
        """Add an event to the log as the newest; see `push_many`."""
        return self.push_many([event])[-1]

    def push_many(self, events: Iterable[Event]) -> list[int]:
        """Add events to the log as the newest ones, served like any other.

        An event without `time_us` gets the time of now; one with it must be newer than all before it.

        Returns:
            The time_us of each.
        """
        times: list[int] = []
        with self._grown:
            for event in events:
                newest = self._times[-1] if self._times else 0
                # strictly increasing, so that a cursor names one event
                moment = event.get("time_us") or max(time.time_ns() // 1000, newest + 1)
                if moment <= newest:
                    raise ValueError(f"time_us {moment} is not after {newest}")
                text = orjson.dumps({"did": event["did"], "time_us": moment, **event}, _dag_json, LINKS)
                self._times.append(moment)
                self._lines.append(Line(text, event["did"], event.get("commit", {}).get("collection", "")))
                times.append(moment)
            self._grown.notify_all()
        if self._thread is threading.current_thread():
            self._wake()
        elif self._thread:
            self._loop.call_soon_threadsafe(self._wake)
        return times

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def __len__(self) -> int:
        return len(self._lines)

    def events(self, begin: int = 0) -> list[Event]:
        """The log as clients see it, oldest first, from position `begin`."""
        with self._grown:
            lines = self._lines[begin:]
        return [orjson.loads(line.text) for line in lines]

    def wait_for(self, wanted: Callable[[Event], bool], timeout_s: float = 10) -> Event:
        """The first event of the log that is wanted, as soon as there is one."""
        at, deadline = 0, time.monotonic() + timeout_s
        while True:
            with self._grown:
                while len(self._lines) == at:
                    if not self._grown.wait(deadline - time.monotonic()):
                        raise TimeoutError(f"not among {at} events in {timeout_s} s; trouble: {self.trouble[-3:]}")
            for event in self.events(at):
                if wanted(event):
                    return event
                at += 1

    def catch_up(self, timeout_s: float = 30) -> None:
        """Wait until everything written on the PDS so far is in the log."""
        assert self.pds
        target = self.pds.sequence()
        _until(lambda: self.sequence >= target, timeout_s, f"firehose event {target}; trouble: {self.trouble[-3:]}")

    # --- towards the PDS -------------------------------------------------------------------------------------------

    async def _read_firehose(self, pds: Pds) -> None:
        while True:
            try:
                url = f"{pds.firehose_url}?cursor={self.sequence}"
                async with connect(url, max_size=None, compression=None, proxy=None, close_timeout=1) as firehose:
                    async for frame in firehose:
                        assert isinstance(frame, bytes)
                        self._take(frame)
                self.trouble.append("the firehose ended")
            except (OSError, WebSocketException) as error:  # the PDS is away, on its way, or dropped a slow reader
                self.trouble.append(repr(error))
            await asyncio.sleep(0.1)

    def _take(self, frame: bytes) -> None:
        header, at = decode_dag_cbor(frame)
        body, _ = decode_dag_cbor(frame, at)
        if header["op"] != 1:
            self.trouble.append(f"{body.get('error')}: {body.get('message')}")
            return
        # A PDS asked for what follows its newest event may begin with older ones: its own reader lags up to a second.
        number = body.get("seq", 0)
        if number > self.sequence:
            self.push_many(events_of(header["t"], body))
            self.sequence = number


def _until(true: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s} s")
        time.sleep(0.005)


# --- firehose messages as Jetstream events ---------------------------------------------------------------------------


def events_of(kind: str, body: Event) -> list[Event]:
    """The Jetstream events, without time_us, of one firehose message; `#sync` and `#info` have none."""
    if kind in ("#identity", "#account"):
        name = kind.removeprefix("#")
        return [{"did": body["did"], "kind": name, name: body}]
    if kind != "#commit":
        return []
    blocks = car_blocks(body["blocks"])
    events = []
    for op in body["ops"]:
        collection, rkey = op["path"].split("/", 1)
        commit = {"rev": body["rev"], "operation": op["action"], "collection": collection, "rkey": rkey}
        if op["action"] != "delete":
            commit |= {"record": decode_dag_cbor(blocks[op["cid"].raw])[0], "cid": str(op["cid"])}
        events.append({"did": body["repo"], "kind": "commit", "commit": commit})
    return events


@dataclass(frozen=True)
class Link:
    """A CID inside DAG-CBOR."""

    raw: bytes

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.raw).decode().rstrip("=").lower()


def _dag_json(value: Any) -> Any:
    """What JSON lacks, in the way of atproto: links and bytes."""
    if isinstance(value, Link):
        return {"$link": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode().rstrip("=")}
    raise TypeError(type(value).__name__)


def decode_dag_cbor(data: bytes, at: int = 0) -> tuple[Any, int]:
    """One DAG-CBOR value (RFC 8949 with definite lengths, and tag 42 for links), and where it ends."""
    first = data[at]
    major, short = first >> 5, first & 31
    at += 1
    if major == 7:
        if first == 0xFB:
            raise ValueError("atproto records have no floats")
        return {0xF4: False, 0xF5: True, 0xF6: None}[first], at
    if short < 24:
        size = short
    else:
        width = {24: 1, 25: 2, 26: 4, 27: 8}[short]
        size = int.from_bytes(data[at : at + width])
        at += width
    if major == 0:
        return size, at
    if major == 1:
        return -1 - size, at
    if major == 2:
        return data[at : at + size], at + size
    if major == 3:
        return data[at : at + size].decode(), at + size
    if major == 4:
        items = []
        for _ in range(size):
            item, at = decode_dag_cbor(data, at)
            items.append(item)
        return items, at
    if major == 5:
        pairs = {}
        for _ in range(size):
            key, at = decode_dag_cbor(data, at)
            pairs[key], at = decode_dag_cbor(data, at)
        return pairs, at
    if size != 42:
        raise ValueError(f"tag {size}")
    link, at = decode_dag_cbor(data, at)
    return Link(link[1:]), at  # a zero byte stands before the CID


def car_blocks(data: bytes) -> dict[bytes, bytes]:
    """The blocks of a CAR file (version 1) by CID; all CIDs of atproto are version 1 with SHA-256, 36 bytes."""
    size, at = _varint(data, 0)
    at += size  # the header names the roots
    blocks = {}
    while at < len(data):
        size, at = _varint(data, at)
        blocks[data[at : at + 36]] = data[at + 36 : at + size]
        at += size
    return blocks


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


# --- events without a PDS --------------------------------------------------------------------------------------------


def tid(microseconds: int, clock: int = 0) -> str:
    """A record key or revision as atproto makes them from a time."""
    number = microseconds << 10 | clock
    return "".join("234567abcdefghijklmnopqrstuvwxyz"[number >> shift & 31] for shift in range(60, -1, -5))


def commit_event(
    did: str, rkey: str, record: Event | None, *, operation: str = "create", collection: str = POST
) -> Event:
    """A commit event to push, with the record's true CID; no record: a deletion."""
    commit: Event = {
        "rev": tid(time.time_ns() // 1000),
        "operation": operation if record else "delete",
        "collection": collection,
        "rkey": rkey,
    }
    if record:
        digest = hashlib.sha256(libipld.encode_dag_cbor(record)).digest()
        commit |= {"record": record, "cid": str(Link(b"\x01\x71\x12\x20" + digest))}
    return {"did": did, "kind": "commit", "commit": commit}


def post_event(
    did: str, rkey: str, text: str, *, created_at: datetime | None = None, operation: str = "create"
) -> Event:
    """The event of a post to push."""
    return commit_event(did, rkey, post_record(text, created_at=created_at), operation=operation)
