"""The loopback Bluesky server is a real one, and its Jetstream says what its firehose says.

The firehose is read a second time here by the `atproto` package, which shares no code with our converter.
"""

from __future__ import annotations

import base64
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import psutil
import pytest
from atproto import CAR, FirehoseSubscribeReposClient, parse_subscribe_repos_message
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests import needs
from tests.servers.jetstream import Jetstream, commit_event, post_event, tid
from tests.servers.pds import POST, Pds, PdsError, Writer, free_port, post_record

pytestmark = pytest.mark.server
Event = dict[str, Any]
LIKE, PROFILE = "app.bsky.feed.like", "app.bsky.actor.profile"
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


# --- readers ---------------------------------------------------------------------------------------------------------


def firehose(pds: Pds, since: int) -> list[Event]:
    """What the atproto package reads after `since`, one entry an operation or a change of an account."""
    until, seen = pds.sequence(), []
    client = FirehoseSubscribeReposClient({"cursor": since}, base_uri=pds.firehose_url.rsplit("/", 1)[0])

    def read(frame: Any) -> None:
        message = parse_subscribe_repos_message(frame)
        kind = type(message).__name__.lower()
        if message.seq <= since:  # a PDS may send some again, see Jetstream
            return
        if kind == "commit":
            blocks = CAR.from_bytes(message.blocks).blocks
            for op in message.ops:
                collection, rkey = op.path.split("/")
                entry = {"did": message.repo, "operation": op.action, "collection": collection, "rkey": rkey}
                if op.cid:
                    entry |= {"cid": str(op.cid), "record": blocks[op.cid]}
                seen.append(entry)
        elif kind in ("identity", "account"):
            fields = message.model_dump(exclude={"py_type"}, exclude_none=True)
            seen.append({"did": message.did, "kind": kind, **fields})
        if message.seq >= until:
            client.stop()

    client.start(read)
    return seen


def as_firehose(event: Event) -> Event:
    """A Jetstream event in the shape of `firehose`, with links and bytes back in their binary form."""

    def binary(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"$link"}:
                text = value["$link"][1:].upper()
                return base64.b32decode(text + "=" * (-len(text) % 8))
            return {name: binary(item) for name, item in value.items()}
        return [binary(item) for item in value] if isinstance(value, list) else value

    if event["kind"] != "commit":
        return {"did": event["did"], "kind": event["kind"], **event[event["kind"]]}
    commit = {name: value for name, value in event["commit"].items() if name != "rev"}
    return {"did": event["did"], **binary(commit)}


@contextmanager
def subscribed(jetstream: Jetstream, **query: Any) -> Iterator[ClientConnection]:
    url = f"{jetstream.url}?{urlencode(query, doseq=True)}"
    with connect(url, proxy=None, max_size=None, close_timeout=1) as client:
        yield client


def received(client: ClientConnection, count: int) -> list[Event]:
    """The next `count` events, and a check that no further one follows at once."""
    events = [orjson.loads(client.recv(timeout=10)) for _ in range(count)]
    with pytest.raises(TimeoutError):
        client.recv(timeout=0.05)
    return events


def read_on(client: ClientConnection) -> None:
    """Read until the connection ends."""
    while True:
        client.recv(timeout=5)


def png(red: int, side: int = 8) -> bytes:
    """A small picture in one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = (b"\0" + bytes((red, 0, 0)) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def of(did: str) -> Callable[[Event], bool]:
    return lambda event: event["did"] == did


# --- the server ------------------------------------------------------------------------------------------------------


def test_what_an_account_does_is_in_the_firehose(pds: Pds) -> None:
    since = pds.sequence()
    alice, bob = pds.writer(), pds.writer("bob-of-the-tests")
    claimed = datetime(2024, 2, 29, 12, 0, 0, 5000, UTC)
    first = alice.post("高額バイト、即日現金。", created_at=claimed, tags=["闇バイト"])
    second = bob.post("詳しく", reply_to=first, langs=("ja", "en"))
    third = alice.post("DMください", reply_to=second)
    bob.like(first)
    bob.profile("ボブ", "仕事を探しています")
    alice.edit(first.uri, "募集は終わりました。")
    alice.delete(third.uri)
    pds.takedown(alice.did)
    bob.deactivate()
    bob.activate()

    seen = firehose(pds, since)
    posts = [event["record"] for event in seen if event.get("collection") == POST and "record" in event]
    root, parent = {"uri": first.uri, "cid": first.cid}, {"uri": second.uri, "cid": second.cid}
    assert posts == [
        {"$type": POST, "text": "高額バイト、即日現金。", "createdAt": "2024-02-29T12:00:00.005Z", "langs": ["ja"]}
        | {"tags": ["闇バイト"]},
        posts[1] | {"text": "詳しく", "langs": ["ja", "en"], "reply": {"root": root, "parent": root}},
        posts[2] | {"text": "DMください", "reply": {"root": root, "parent": parent}},
        posts[0] | {"text": "募集は終わりました。"},
    ]

    def told(did: str) -> list[tuple[str, ...]]:
        return [
            (event["operation"], event["collection"])
            if "operation" in event
            else (event["kind"], str(event.get("active")), event.get("status", ""))
            for event in seen
            if event["did"] == did
        ]

    begins = [("identity", "None", ""), ("account", "True", "")]
    assert told(alice.did) == [
        *begins,
        ("create", POST),
        ("create", POST),
        ("update", POST),
        ("delete", POST),
        ("account", "False", "takendown"),
    ]
    assert told(bob.did) == [
        *begins,
        ("create", POST),
        ("create", LIKE),
        ("create", PROFILE),
        ("account", "False", "deactivated"),
        ("account", "True", ""),
        ("identity", "None", ""),
    ]
    assert bob.handle == "bob-of-the-tests.test"


def test_a_deleted_account_leaves_only_its_end_in_the_firehose(pds: Pds) -> None:
    since = pds.sequence()
    writer = pds.writer()
    writer.post("もうすぐ消えます")
    pds.delete_account(writer.did)
    (end,) = (event for event in firehose(pds, since) if event["did"] == writer.did)
    assert (end["kind"], end["active"], end["status"]) == ("account", False, "deleted")


def test_a_record_taken_down_is_gone_for_readers_and_silent_in_the_firehose(pds: Pds) -> None:
    writer = pds.writer()
    posted = writer.post("消される投稿")
    since = pds.sequence()
    pds.takedown(posted.uri)
    with pytest.raises(PdsError) as gone:
        pds.record(posted.uri)
    assert gone.value.error == "RecordNotFound"
    pds.takedown(posted.uri, applied=False)
    assert pds.record(posted.uri)["value"]["text"] == "消される投稿"
    assert pds.sequence() == since


def test_the_status_of_an_account_can_be_asked(pds: Pds) -> None:
    writer = pds.writer()

    def status() -> tuple[bool, str | None]:
        told = pds.call("com.atproto.sync.getRepoStatus", params={"did": writer.did})
        return told["active"], told.get("status")

    assert status() == (True, None)
    writer.deactivate()
    assert status() == (False, "deactivated")
    writer.activate()
    pds.takedown(writer.did)
    assert status() == (False, "takendown")
    pds.takedown(writer.did, applied=False)
    assert status() == (True, None)
    pds.delete_account(writer.did)
    with pytest.raises(PdsError) as gone:
        status()
    assert gone.value.error == "RepoNotFound"


def test_pictures_come_back_as_they_were(pds: Pds) -> None:
    writer, pictures = pds.writer(), [png(10), png(200, side=16)]
    posted = writer.post("写真つき", images=pictures)
    images = pds.record(posted.uri)["value"]["embed"]["images"]
    for image, picture in zip(images, pictures, strict=True):
        params = {"did": writer.did, "cid": image["image"]["ref"]["$link"]}
        answer = pds.http.get(f"{pds.url}/xrpc/com.atproto.sync.getBlob", params=params)
        assert answer.content == picture
        assert answer.headers["content-type"] == "image/png"


def test_many_posts_go_in_few_commits(pds: Pds) -> None:
    writer = pds.writer()
    since = pds.sequence()
    # 201 of the longest posts need more than two calls: the PDS refuses a body above 150 kB
    made = writer.post_many(f"{number:03d}" + "夜" * 297 for number in range(201))
    assert pds.sequence() - since < 10
    assert [pds.record(posted.uri)["value"]["text"][:3] for posted in (made[0], made[-1])] == ["000", "200"]
    seen = [event["cid"] for event in firehose(pds, since)]
    assert seen == [posted.cid for posted in made]
    writer.delete_many(posted.uri for posted in made)
    assert [event["operation"] for event in firehose(pds, since)][201:] == ["delete"] * 201


@pytest.mark.parametrize("end", [Pds.stop, Pds.kill], ids=["stopped", "killed"])
def test_a_server_that_comes_back_is_the_same(tmp_path: Path, pds: Pds, end: Callable[[Pds], None]) -> None:
    # `pds` only for what it checks: that Node is here and the packages are installed
    with Pds(tmp_path / "data") as server:
        writer, url, password = server.writer(), server.url, server.admin_password
        before = writer.post("前")
        end(server)
        with pytest.raises(httpx.ConnectError):
            server.http.get(url)
        server.start()
        assert (server.url, server.admin_password) == (url, password)
        writer.post("後", reply_to=before)
        assert server.http.get(f"{server.plc_url}/{writer.did}").json()["alsoKnownAs"] == [f"at://{writer.handle}"]
        texts = [event["record"]["text"] for event in firehose(server, 0) if event.get("operation") == "create"]
        assert texts == ["前", "後"]
        second = server.writer()  # the directory takes new accounts too
        assert second.did != writer.did


def test_it_ends_with_the_process_that_started_it(tmp_path: Path, pds: Pds) -> None:
    program = (
        "import pathlib, sys, time; from tests.servers.pds import Pds\n"
        "pds = Pds(pathlib.Path(sys.argv[1])); pds.start(); print(pds.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "data")], cwd=root, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout
        server = psutil.Process(int(starter.stdout.readline()))
        os.kill(starter.pid, signal.SIGKILL)  # as an out-of-memory killer or an impatient person does
        starter.wait()
    psutil.wait_procs([server], timeout=5)
    assert not server.is_running()


def test_it_listens_on_loopback_only(pds: Pds) -> None:
    pds.writer()
    connections = psutil.Process(pds.pid).net_connections()
    listening = {f"http://{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == psutil.CONN_LISTEN}
    assert listening == {pds.url, pds.plc_url}
    assert {c.raddr.ip for c in connections if c.raddr} <= {"127.0.0.1"}


# --- the Jetstream ---------------------------------------------------------------------------------------------------


def busy_day(pds: Pds) -> tuple[Writer, Writer]:
    """Two accounts that do everything an account can do."""
    alice, bob = pds.writer(), pds.writer()
    first = alice.post("写真つきの募集", images=[png(1)])
    reply = bob.post("応募します", reply_to=first)
    bob.like(first)
    alice.profile("アリス", "高収入")
    alice.edit(first.uri, "募集 (変更)")
    bob.delete(reply.uri)
    alice.post_many(f"募集 {number}" for number in range(30))
    bob.deactivate()
    pds.takedown(alice.did)
    return alice, bob


def test_it_says_what_the_firehose_says(pds: Pds, jetstream: Jetstream) -> None:
    since = pds.sequence()
    alice, _ = busy_day(pds)
    jetstream.catch_up()
    events = jetstream.events()
    assert [as_firehose(event) for event in events] == firehose(pds, since)
    assert all(one["time_us"] < two["time_us"] for one, two in pairwise(events))
    assert abs(events[-1]["time_us"] / 1e6 - time.time()) < 60
    assert [e["operation"] for event in events if (e := event.get("commit"))].count("update") == 1
    # the account's end, field by field, as a client of Jetstream knows it
    end = events[-1]
    assert (end["kind"], end["did"]) == ("account", alice.did)
    assert end["account"] == {"active": False, "status": "takendown", "did": alice.did} | {
        name: end["account"][name] for name in ("seq", "time")
    }


def test_its_records_are_those_the_server_gives(pds: Pds, jetstream: Jetstream) -> None:
    writer = pds.writer()
    posted = writer.post("写真", images=[png(3)], facets=[])
    odd = {"$type": "org.example.odd", "n": [0, 23, 24, 255, 256, 70000, 2**40, -1, -500], "on": True, "none": None}
    odd |= {"raw": {"$bytes": "AAECAw"}, "deep": {"a": [{"b": {}}]}}
    put = writer.put("org.example.odd", "self", odd)
    jetstream.catch_up()
    for made in (posted, put):
        rkey = made.uri.rsplit("/", 1)[1]
        event = jetstream.wait_for(lambda event, rkey=rkey: event.get("commit", {}).get("rkey") == rkey)  # type: ignore[misc]
        assert event["commit"]["record"] == pds.record(made.uri)["value"]
        assert event["commit"]["cid"] == made.cid


def test_resuming_anywhere_is_reading_once(pds: Pds, jetstream: Jetstream) -> None:
    busy_day(pds)
    jetstream.catch_up()
    events = jetstream.events()
    for at in range(0, len(events), 5):
        moment = events[at]["time_us"]
        for cursor, expected in ((moment, events[at:]), (moment + 1, events[at + 1 :])):
            with subscribed(jetstream, cursor=cursor) as client:
                assert received(client, len(expected)) == expected
    with subscribed(jetstream, cursor=0) as client:
        assert received(client, len(events)) == events


def test_after_the_past_comes_the_present(pds: Pds, jetstream: Jetstream) -> None:
    writer = pds.writer()
    jetstream.catch_up()
    future = int((time.time() + 3600) * 1e6)
    with (
        subscribed(jetstream, cursor=0) as past,
        subscribed(jetstream) as live,
        subscribed(jetstream, cursor=future) as ahead,
    ):
        assert received(past, len(jetstream)) == jetstream.events()
        for text in ("今の投稿", "次の投稿"):
            uri = writer.post(text).uri
            for client in (past, live, ahead):
                (event,) = received(client, 1)
                assert f"at://{event['did']}/{event['commit']['collection']}/{event['commit']['rkey']}" == uri
                assert event["commit"]["record"]["text"] == text


def test_it_sends_what_is_wanted(pds: Pds, jetstream: Jetstream) -> None:
    alice, _ = busy_day(pds)
    jetstream.catch_up()
    events = jetstream.events()

    def kept(test: Callable[[Event], bool]) -> list[Event]:
        return [event for event in events if test(event)]

    def in_collection(*starts: str) -> Callable[[Event], bool]:
        return lambda event: event["kind"] != "commit" or event["commit"]["collection"].startswith(starts)

    queries: list[tuple[dict[str, Any], list[Event]]] = [
        ({"wantedCollections": POST}, kept(in_collection(POST))),
        ({"wantedCollections": [POST, LIKE]}, kept(in_collection(POST, LIKE))),
        ({"wantedCollections": ["app.bsky.feed.*"]}, kept(in_collection("app.bsky.feed."))),
        ({"wantedDids": alice.did}, kept(of(alice.did))),
        ({"wantedDids": alice.did, "wantedCollections": LIKE}, kept(of(alice.did))[:2] + kept(of(alice.did))[-1:]),
        ({"maxMessageSizeBytes": 200}, kept(lambda event: len(orjson.dumps(event)) <= 200)),
    ]
    for query, expected in queries:
        assert 0 < len(expected) < len(events), query
        with subscribed(jetstream, cursor=0, **query) as client:
            assert received(client, len(expected)) == expected, query


@pytest.mark.parametrize(
    "query",
    [{"cursor": "soon"}, {"cursor": -1}, {"wantedCollections": "posts"}, {"wantedCollections": "app.bsky.fo*"}],
)
def test_it_refuses_what_it_cannot_read(query: dict[str, Any]) -> None:
    with Jetstream() as jetstream, pytest.raises(InvalidStatus) as refused, subscribed(jetstream, **query):
        pass
    assert refused.value.response.status_code == 400
    assert not jetstream.subscriptions


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_firehose_that_breaks_off_is_continued(tmp_path: Path, pds: Pds) -> None:
    with Pds(tmp_path / "data") as server, Jetstream(server) as jetstream:
        writer = server.writer()
        made = writer.post_many(f"前 {number}" for number in range(100))
        for end in (server.kill, server.stop):
            end()
            time.sleep(0.2)
            server.start()
            made += writer.post_many(f"後 {number}" for number in range(100))
        jetstream.catch_up()
        cids = [event["commit"]["cid"] for event in jetstream.events() if event["kind"] == "commit"]
        assert cids == [posted.cid for posted in made]
        assert jetstream.trouble


def test_a_client_lives_through_everything_a_jetstream_may_do() -> None:
    with Jetstream() as jetstream:
        url = jetstream.url
        times = jetstream.push_many(post_event(DID, tid(number), f"投稿 {number}") for number in range(3))
        with subscribed(jetstream, cursor=0) as client:
            received(client, 3)
            assert (jetstream.clients, jetstream.subscriptions[0].sent) == (1, 3)
            for raw in ("", "not json", '{"kind":', "[]", b"\x00\xff"):
                assert jetstream.inject(raw) == 1
                assert client.recv(timeout=5) == raw
            jetstream.drop_connections()
            with pytest.raises(ConnectionClosedError):
                client.recv(timeout=5)
        with subscribed(jetstream, cursor=times[2]) as client:
            received(client, 1)
            jetstream.inject(b"\xff\xfe", as_text=True)
            with pytest.raises((ConnectionClosed, UnicodeDecodeError)):
                client.recv(timeout=5)
        with subscribed(jetstream) as client:
            jetstream.wait_for_clients()
            jetstream.drop_connections(1001, "going away")
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=5)
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 1001
        with subscribed(jetstream) as client:
            jetstream.stop()
            with pytest.raises(ConnectionClosedError):
                client.recv(timeout=5)
            with pytest.raises(OSError, match="refused"), subscribed(jetstream):
                pass
        jetstream.push(post_event(DID, tid(9), "留守の間"))
        jetstream.start()
        assert jetstream.url == url
        with subscribed(jetstream, cursor=times[2] + 1) as client:
            assert received(client, 1)[0]["commit"]["record"]["text"] == "留守の間"
        jetstream.restart()
        jetstream.refuse = HTTPStatus.SERVICE_UNAVAILABLE
        with pytest.raises(InvalidStatus) as refused, subscribed(jetstream):
            pass
        assert refused.value.response.status_code == 503
    assert not any(subscription.open for subscription in jetstream.subscriptions)


def test_a_client_that_does_not_read_holds_up_nobody() -> None:
    with Jetstream() as jetstream, subscribed(jetstream) as idle, subscribed(jetstream) as reader:
        jetstream.wait_for_clients(2)
        jetstream.push_many(post_event(DID, tid(number), "長い投稿" * 70) for number in range(20_000))
        assert len(received(reader, 20_000)) == 20_000
        jetstream.stop()
        with pytest.raises(ConnectionClosed):
            read_on(idle)


def test_synthetic_events_look_like_real_ones(pds: Pds, jetstream: Jetstream) -> None:
    record = post_record("本物と同じ", created_at=datetime(2024, 1, 1, tzinfo=UTC), tags=["a"])
    (posted,) = pds.writer().post_many([record])
    jetstream.catch_up()
    real = jetstream.wait_for(lambda event: event["kind"] == "commit")
    jetstream.push(commit_event(real["did"], real["commit"]["rkey"], record))
    synthetic = jetstream.events()[-1]
    assert synthetic["commit"]["cid"] == posted.cid
    assert len(synthetic["commit"]["rev"]) == len(real["commit"]["rev"]) == 13
    differs = {"time_us": 0, "commit": 0}
    assert synthetic | differs == real | differs
    assert synthetic["commit"] | {"rev": ""} == real["commit"] | {"rev": ""}
    jetstream.push(commit_event(real["did"], real["commit"]["rkey"], None))
    assert set(jetstream.events()[-1]["commit"]) == {"rev", "operation", "collection", "rkey"}
    with pytest.raises(ValueError, match="is not after"):
        jetstream.push(synthetic)


def test_it_serves_five_thousand_events_a_second() -> None:
    count = 20_000
    with Jetstream() as jetstream:
        jetstream.push_many(post_event(DID, tid(number), f"高額バイト {number}") for number in range(count))
        began = time.perf_counter()
        with subscribed(jetstream, cursor=0, wantedCollections=POST) as client:
            for _ in range(count):
                client.recv(timeout=10, decode=False)
        rate = count / (time.perf_counter() - began)
    print(f"{rate:,.0f} events/s")
    assert rate > 5_000


# --- what the tests stand on -----------------------------------------------------------------------------------------


def test_free_ports_are_no_ports_of_outgoing_connections() -> None:
    assert 20_000 <= free_port() < 32_000


def test_a_missing_program_skips_or_where_all_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(needs.PROGRAMS, "none", ("Nothing", lambda: None, "apt-get install nothing"))
    monkeypatch.delenv("YOAKE_TEST_REQUIRE", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"^needs Nothing: apt-get install nothing$"):
        needs.need("none")
    monkeypatch.setenv("YOAKE_TEST_REQUIRE", "all")
    with pytest.raises(pytest.fail.Exception, match="needs Nothing: apt-get install nothing"):
        needs.need("none")
