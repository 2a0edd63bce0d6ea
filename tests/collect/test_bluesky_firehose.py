from __future__ import annotations

import random
import time
from contextlib import closing
from hashlib import sha256
from itertools import islice
from typing import Any

import libipld
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from tests.collect.loopback import posts, removals, skips, socket_server, until
from tests.recorded.bluesky import frames
from tests.servers.jetstream import Jetstream, events_of
from tests.servers.jetstream import decode_dag_cbor as decode_independently
from tests.servers.pds import Pds
from yoake.collect.connector import Page
from yoake.collect.connectors.bluesky_firehose import BlueskyFirehose
from yoake.collect.connectors.bluesky_jetstream import BlueskyJetstream
from yoake.collect.net import Net
from yoake.errors import BadInput, TryLater

NET = Net(allow_private=True)
FRAMES = frames()
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"


def seq_of(frame: bytes) -> int:
    return int(libipld.decode_dag_cbor_multi(frame)[1]["seq"])


def frame(kind: str, op: int = 1, **body: Any) -> bytes:
    header = {"op": op, "t": kind} if kind else {"op": op}
    return bytes(libipld.encode_dag_cbor(header) + libipld.encode_dag_cbor(body))


def account(seq: int, **body: Any) -> bytes:
    return frame("#account", seq=seq, did=DID, time="2026-09-20T00:00:00.000Z", **body)


def commit(seq: int, *ops: dict[str, Any], **body: Any) -> bytes:
    whole = {"repo": DID, "ops": list(ops), "blocks": b"", "tooBig": False, "time": "2026-09-20T00:00:00.000Z", **body}
    return frame("#commit", seq=seq, **whole)


END = account(999, active=True)  # what tests wait for


def read(url: str, cursor: str | None = "0", last: int = 999, only_japanese: bool = True) -> list[Page]:
    options = BlueskyFirehose.Options(endpoint=url, only_japanese=only_japanese)
    with closing(BlueskyFirehose().pages(options, cursor, NET)) as pages:
        return until(pages, lambda found: found[-1].cursor == str(last))


def read_frames(*messages: str | bytes, cursor: str | None = "0") -> list[Page]:
    """What the connector makes of these messages."""

    def script(connection: ServerConnection) -> None:
        for message in (*messages, END):
            connection.send(message)
        connection.recv()

    with socket_server(script) as url:
        return read(url, cursor)


# --- recorded ----------------------------------------------------------------------------------------------------------


def test_what_a_real_server_sent() -> None:
    found = read_frames(*FRAMES)
    first, reply, edited, *rest = posts(found)
    assert (first["text"], first["lang"], first["parent_id"]) == ("高額バイト、即日現金。", "ja", "")
    assert first["native_id"] == f"at://{first['author_id']}/app.bsky.feed.post/{first['native_id'].rpartition('/')[2]}"
    (image,) = first["images"]
    assert (image["mime"], image["size_bytes"]) == ("image/png", 67)
    assert image["ref"].startswith("bafkrei")
    assert (reply["text"], reply["lang"], reply["parent_id"], reply["root_id"]) == (
        "詳しく",
        "ja,en",
        first["native_id"],
        first["native_id"],
    )
    assert (edited["uid"], edited["text"], edited["images"]) == (first["uid"], "募集は終わりました。", first["images"])
    assert [post["text"] for post in rest] == ["一件目", "二件目", "三件目"]
    alice, bob = first["author_id"], reply["author_id"]
    assert [(row["kind"], row["native_id"], row["state"]) for row in removals(found)[:-1]] == [
        ("account", alice, "back"),  # a new account says that it is active
        ("account", bob, "back"),
        ("post", reply["native_id"], "deleted_by_author"),
        ("account", bob, "deactivated"),
        ("account", bob, "back"),
        ("account", alice, "suspended"),
        ("account", bob, "deleted_by_author"),
    ]
    # bob's coming back announces his repository anew; the two new, empty ones are nothing to tell
    assert [reason for reason, _, _ in skips(found)] == ["repository_replaced"]


def test_firehose_and_jetstream_say_the_same() -> None:
    """The same frames through an independent decoder and Jetstream's JSON become the same rows."""

    def rows(found: list[Page]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
        kept = [{key: value for key, value in row.items() if key != "seen_at"} for row in posts(found)]
        return kept, [(row["native_id"], row["state"]) for row in removals(found)]

    with Jetstream() as jetstream:
        for raw in FRAMES:
            header, at = decode_independently(raw)
            jetstream.push_many(events_of(header["t"], decode_independently(raw, at)[0]))
        events = jetstream.events()
        options = BlueskyJetstream.Options(endpoints=(jetstream.url,))
        with closing(BlueskyJetstream().pages(options, str(events[0]["time_us"]), NET)) as pages:
            light = until(pages, lambda found: found[-1].cursor == str(events[-1]["time_us"]))
    full = rows(read_frames(*FRAMES))
    assert rows(light) == (full[0], full[1][:-1])  # END is not in the recording


# --- what else a server can send -----------------------------------------------------------------------------------------


def test_every_state_an_account_can_have() -> None:
    statuses = ["takendown", "suspended", "deleted", "deactivated", "desynchronized", "throttled", "vanished", None, 7]
    found = read_frames(
        *(
            account(n, active=False, **({} if status is None else {"status": status}))
            for n, status in enumerate(statuses, 1)
        ),
        frame("#tombstone", seq=20, did=DID, time="2026-09-20T00:00:00.000Z"),
        account(21, active="yes"),
    )
    assert [row["state"] for row in removals(found)[:-1]] == [
        "suspended",
        "suspended",
        "deleted_by_author",
        "deactivated",
        "deleted_by_author",
    ]
    assert removals(found)[0]["removed_at"].isoformat() == "2026-09-20T00:00:00+00:00"
    assert skips(found) == [("unknown_account_status", f"cursor {seq}", False) for seq in (7, 8, 9, 21)]


def test_what_cannot_be_read_is_counted_and_the_rest_is_read() -> None:
    path = "app.bsky.feed.post/3k1"
    found = read_frames(
        "text",
        b"",
        b"\xff\xff",
        frame("#commit", seq="1"),
        frame("#commit"),
        frame("#commit", seq=-1),
        frame("#commit", op=2, seq=2),
        frame("#novelty", seq=3, time="2026-09-20T00:00:00Z"),
        frame("#commit", seq=4, repo=DID, ops="no"),
        commit(5, {"action": "create", "path": path, "cid": b"\x01"}),
        commit(6, {"action": "create", "path": path, "cid": None}, blocks=b"\x00garbage"),
        commit(7, {"action": "create", "path": path}, blocks=None),
        commit(8, {"action": "repair", "path": path}),
        commit(9, {"action": "delete", "path": "app.bsky.feed.post/../x"}),
        commit(10, {"action": "delete"}, "no"),  # type: ignore[arg-type]
        commit(11, tooBig=True),
        commit(12, {"action": "delete", "path": path}, repo="nobody"),
        frame("#identity", seq=13, did=DID, time="2026-09-20T00:00:00Z"),
        frame("#info", name="Novelty"),
        commit(
            14, {"action": "delete", "path": path}, {"action": "create", "path": "app.bsky.feed.like/1", "cid": None}
        ),
    )
    assert [row["native_id"] for row in removals(found)[:-1]] == [f"at://{DID}/{path}"]
    assert skips(found) == [
        ("not_a_frame", "after cursor 0", False),
        ("not_a_frame", "after cursor 0", False),
        ("not_a_frame", "after cursor 0", False),
        ("not_a_frame", "after cursor 0", False),
        ("not_a_frame", "after cursor 0", False),
        ("not_a_frame", "after cursor 0", False),
        ("unknown_event", "after cursor 0", False),
        ("unknown_event", "cursor 3", False),
        ("unknown_record", "cursor 4", False),
        ("missing_block", "cursor 5", False),
        ("missing_block", "cursor 6", False),
        ("missing_block", "cursor 7", False),
        ("unknown_event", "cursor 8", False),
        ("no_id", "cursor 9", False),
        ("unknown_record", "cursor 10", False),
        ("unknown_record", "cursor 10", False),
        ("too_big", "cursor 11", False),
        ("no_id", "cursor 12", False),
    ]


def test_a_cid_that_is_none_is_a_missing_block() -> None:
    path = "app.bsky.feed.post/3k1"
    cids: list[Any] = [[], {}, {"$link": "bafy"}, [b"\x01"], "bafy", 5, True]
    found = read_frames(*(commit(n, {"action": "create", "path": path, "cid": cid}) for n, cid in enumerate(cids, 1)))
    assert skips(found) == [("missing_block", f"cursor {n}", False) for n in range(1, len(cids) + 1)]


def test_a_frame_nobody_foresaw_is_counted_and_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(_car: object) -> None:
        raise ArithmeticError("whatever a library may do one day")

    monkeypatch.setattr("yoake.collect.connectors.bluesky_firehose.libipld.decode_car", stumble)
    path = "app.bsky.feed.post/3k1"
    found = read_frames(
        commit(1, {"action": "create", "path": path, "cid": b"\x01"}), commit(2, {"action": "delete", "path": path})
    )
    assert skips(found) == [("unexpected", "cursor 1, ArithmeticError", False)]
    assert removals(found)[0]["native_id"] == f"at://{DID}/{path}"


def test_many_removals_and_many_posts_of_one_page_take_no_time() -> None:
    block = libipld.encode_dag_cbor({"$type": "app.bsky.feed.post", "text": "あ", "createdAt": "2026-09-20T00:00:00Z"})
    cid = b"\x01\x71\x12\x20" + sha256(block).digest()
    head = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00" + cid + b"\x67version\x01"
    car = bytes([len(head)]) + head + _varint(len(cid) + len(block)) + cid + block

    def ops(action: str, numbers: range, **more: Any) -> list[dict[str, Any]]:
        return [{"action": action, "path": f"app.bsky.feed.post/{n}", **more} for n in numbers]

    gone, anew = range(150_000), range(0, 150_000, 100)
    deletes = [commit(n + 1, *ops("delete", gone[n * 30_000 : (n + 1) * 30_000])) for n in range(len(gone) // 30_000)]
    began = time.monotonic()
    found = read_frames(*deletes, commit(9, *ops("create", anew, cid=cid), blocks=car))
    assert time.monotonic() - began < 10
    assert len(posts(found)) == len(anew)
    if len([page for page in found if page.removed.num_rows]) == 1:  # all of it came within one page
        assert len(removals(found)) == len(gone) - len(anew) + 1


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def test_broken_frames_never_stop_the_reading() -> None:
    """Every frame of the recording cut short, and with bytes changed."""
    chance = random.Random(1)
    broken = []
    for whole in FRAMES:
        broken += [whole[: chance.randrange(len(whole))] for _ in range(20)]
        for _ in range(40):
            bent = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                bent[chance.randrange(len(bent))] = chance.randrange(256)
            broken.append(bytes(bent))
    broken = [one for one in broken if _seq_or_none(one) is None or _seq_or_none(one) in range(999)]
    found = read_frames(*broken)
    assert sum(reason == "not_a_frame" for reason, _, _ in skips(found)) > 300
    for post in posts(found):
        assert post["native_id"].startswith("at://did:")


def _seq_or_none(raw: bytes) -> int | None:
    try:
        return seq_of(raw)
    except (ValueError, KeyError, TypeError, IndexError):
        return None


def test_a_server_that_lost_our_place_is_a_gap() -> None:
    found = read_frames(frame("#info", name="OutdatedCursor"), *FRAMES[:2], cursor="0")
    assert skips(found)[0] == ("gap", f"cursor 0 to {seq_of(FRAMES[0])}", False)
    assert len(skips(found)) == 1


def test_a_cursor_from_the_future_is_counted_and_reading_goes_on_live() -> None:
    asked: list[str] = []

    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path)
        if "cursor" in connection.request.path:
            connection.send(frame("", op=-1, error="FutureCursor", message="Cursor in the future."))
            return
        connection.send(END)
        connection.recv()

    with socket_server(script) as url:
        found = read(url, "123456")
    assert asked == [
        "/xrpc/com.atproto.sync.subscribeRepos?cursor=123456",
        "/xrpc/com.atproto.sync.subscribeRepos",
    ]
    assert skips(found) == [("future_cursor", "cursor 123456", False)]


def test_a_reader_that_was_too_slow_comes_back_where_it_was() -> None:
    asked: list[str] = []

    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked.append(connection.request.path.rpartition("=")[2])
        if len(asked) == 1:
            connection.send(account(5, active=True))
            connection.send(frame("", op=-1, error="ConsumerTooSlow"))
            return
        connection.send(END)
        connection.recv()

    with socket_server(script) as url:
        found = read(url)
    assert asked == ["0", "5"]
    assert skips(found) == [("consumer_too_slow", "cursor 5", True)]


def test_another_error_is_named() -> None:
    def script(connection: ServerConnection) -> None:
        connection.send(frame("", op=-1, error="OutOfCoffee"))
        connection.recv()

    with socket_server(script) as url, pytest.raises(TryLater, match="OutOfCoffee"):
        read(url)


def test_a_cursor_that_is_none() -> None:
    with pytest.raises(BadInput):
        next(BlueskyFirehose().pages(BlueskyFirehose.Options(endpoint="ws://127.0.0.1:9"), "latest", NET))


def _silent(connection: ServerConnection) -> None:
    connection.recv()


def test_silence_brings_empty_pages() -> None:
    with socket_server(_silent) as url:
        pages = BlueskyFirehose().pages(BlueskyFirehose.Options(endpoint=url), None, NET)
        began = time.monotonic()
        page = next(pages)
        assert time.monotonic() - began < 2
        assert (page.posts.num_rows, page.cursor) == (0, None)
        pages.close()


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=8))
def test_resuming_anywhere_is_reading_once(cuts: list[tuple[int, bool]]) -> None:
    """Runs end after any frame; what is read is what one run reads."""
    quota = [0]

    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        after = int(connection.request.path.rpartition("=")[2])
        for raw in [raw for raw in FRAMES if seq_of(raw) > after][: quota[0]]:
            connection.send(raw)

    def run(url: str, cursor: str | None, count: int) -> list[Page]:
        quota[0] = count
        with closing(BlueskyFirehose().pages(BlueskyFirehose.Options(endpoint=url), cursor, NET)) as pages:
            return list(islice(pages, 1))

    def versions(found: list[Page]) -> list[tuple[str, str]]:
        return [(post["uid"], post["content_hash"]) for post in posts(found)]

    with socket_server(script) as url:
        once = run(url, "0", 1000)
        stored: list[Page] = []
        cursor: str | None = "0"
        for count, crashes in [*cuts, (1000, False)]:
            pages = run(url, cursor, count)
            if not crashes:  # else the page was never stored: it is read once more
                stored += pages
                cursor = pages[-1].cursor
    assert versions(stored) == versions(once)
    assert [(r["native_id"], r["state"]) for r in removals(stored)] == [
        (r["native_id"], r["state"]) for r in removals(once)
    ]
    assert skips(stored) == skips(once)
    assert cursor == once[-1].cursor


# --- a real server -------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(pds: Pds) -> tuple[Pds, BlueskyFirehose.Options]:
    pds.start()
    endpoint = pds.url.replace("http:", "ws:")
    return pds, BlueskyFirehose.Options(endpoint=endpoint, api=pds.url, plc=pds.plc_url, only_japanese=False)


@pytest.mark.server
def test_a_real_server_live_and_over_a_restart(quick: tuple[Pds, BlueskyFirehose.Options]) -> None:
    pds, options = quick
    writer = pds.writer()
    since = str(pds.sequence())
    first = writer.post("最初の投稿")
    with closing(BlueskyFirehose().pages(options, since, NET)) as pages:
        found = until(pages, lambda seen: len(posts(seen)) == 1)
        second = writer.post("english", langs=("en",))
        found += until(pages, lambda seen: len(posts(seen)) == 1)
        pds.stop()
        with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
            until(pages, lambda _: False)
    pds.start()
    third = writer.post("再起動のあと")
    with closing(BlueskyFirehose().pages(options, found[-1].cursor, NET)) as pages:
        found += until(pages, lambda seen: len(posts(seen)) == 1)
    assert [post["native_id"] for post in posts(found)] == [first.uri, second.uri, third.uri]
    assert skips(found) == []


@pytest.mark.server
def test_a_real_server_refuses_a_cursor_from_the_future(quick: tuple[Pds, BlueskyFirehose.Options]) -> None:
    pds, options = quick
    writer = pds.writer()
    with closing(BlueskyFirehose().pages(options, "99999999", NET)) as pages:
        found = until(pages, lambda seen: bool(skips(seen)))
        assert skips(found) == [("future_cursor", "cursor 99999999", False)]
        next(pages)  # connected anew
        posted = writer.post("ここから")
        found = until(pages, lambda seen: bool(posts(seen)))
    assert [post["native_id"] for post in posts(found)] == [posted.uri]


@pytest.mark.server
def test_jetstream_of_a_real_server(pds: Pds, jetstream: Jetstream) -> None:
    writer = pds.writer()
    options = BlueskyJetstream.Options(endpoints=(jetstream.url,), api=pds.url, plc=pds.plc_url)
    with closing(BlueskyJetstream().pages(options, None, NET)) as pages:
        next(pages)
        posted = writer.post("高収入")
        writer.edit(posted.uri, "終わりました")
        writer.delete(posted.uri)
        found = until(pages, lambda seen: any(row["kind"] == "post" for row in removals(seen)))
    assert [post["text"] for post in posts(found)] == ["高収入", "終わりました"]
    assert skips(found) == []
