from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.server import ServerConnection

from tests.collect.loopback import http_server, posts, removals, respond, skips, socket_server, until
from tests.servers.jetstream import Jetstream, commit_event, post_event
from yoake.collect.connector import Page
from yoake.collect.connectors.bluesky_jetstream import BlueskyJetstream
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
OTHER = "did:plc:z72i7hdynmk6r22z27h6tvur"
BEGIN_US = 1_790_000_000_000_000
NET = Net(allow_private=True)


@pytest.fixture
def server() -> Iterator[Jetstream]:
    with Jetstream() as running:
        yield running


def options(*urls: str, only_japanese: bool = True) -> BlueskyJetstream.Options:
    return BlueskyJetstream.Options(endpoints=urls, only_japanese=only_japanese, api="http://127.0.0.1:9")


def pages(server: Jetstream, cursor: int | None = BEGIN_US, **more: bool) -> Generator[Page, None, None]:
    return BlueskyJetstream().pages(options(server.url, **more), None if cursor is None else str(cursor), NET)


def texts(found: list[Page]) -> list[str]:
    return [post["text"] for post in posts(found)]


def push(server: Jetstream, *events: dict[str, Any], begin: int = BEGIN_US) -> None:
    server.push_many({**event, "time_us": begin + n} for n, event in enumerate(events))


def last(server: Jetstream) -> Callable[[list[Page]], bool]:
    cursor = str(server.events()[-1]["time_us"])
    return lambda found: found[-1].cursor == cursor


def image(ref: str, alt: str = "") -> dict[str, Any]:
    blob = {"$type": "blob", "ref": {"$link": ref}, "mimeType": "image/jpeg", "size": 12}
    return {"image": blob, "alt": alt}


def test_posts_edits_deletions_and_accounts(server: Jetstream) -> None:
    record = {
        "$type": "app.bsky.feed.post",
        "text": "高収入 詳しくはDMで",
        "createdAt": "2026-09-20T00:00:00.000Z",
        "langs": ["ja", "en"],
        "reply": {"root": {"uri": f"at://{OTHER}/app.bsky.feed.post/r", "cid": "c"}}
        | {"parent": {"uri": f"at://{OTHER}/app.bsky.feed.post/p", "cid": "c"}},
        "labels": {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "porn"}]},
        "embed": {
            "$type": "app.bsky.embed.recordWithMedia",
            "record": {},
            "media": {"$type": "app.bsky.embed.images", "images": [image("bafya", "求人"), image("bafyb")]},
        },
        "tags": ["闇バイト"],
    }
    push(
        server,
        commit_event(DID, "3k1", record),
        post_event(DID, "3k1", "終わりました", operation="update"),
        commit_event(DID, "3k1", None),
        commit_event(DID, "3k2", {"$type": "app.bsky.feed.like"}, collection="app.bsky.feed.like"),
        {"did": DID, "kind": "identity", "identity": {"did": DID, "handle": "a.test"}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "takendown"}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": True}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "deactivated"}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "deleted"}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "throttled"}},
    )
    found = until(pages(server), last(server))
    first, edited = posts(found)
    uri = f"at://{DID}/app.bsky.feed.post/3k1"
    assert {key: first[key] for key in ("network", "native_id", "url", "author_id", "author_handle", "text")} == {
        "network": "bluesky",
        "native_id": uri,
        "url": f"https://bsky.app/profile/{DID}/post/3k1",
        "author_id": DID,
        "author_handle": "",
        "text": "高収入 詳しくはDMで",
    }
    assert first["parent_id"] == f"at://{OTHER}/app.bsky.feed.post/p"
    assert first["root_id"] == f"at://{OTHER}/app.bsky.feed.post/r"
    assert (first["lang"], first["labels"]) == ("ja,en", ["porn"])
    assert first["images"] == [
        {"ref": "bafya", "alt": "求人", "mime": "image/jpeg", "size_bytes": 12},
        {"ref": "bafyb", "alt": "", "mime": "image/jpeg", "size_bytes": 12},
    ]
    assert first["posted_at"].isoformat() == "2026-09-20T00:00:00+00:00"
    assert (edited["uid"], edited["text"]) == (first["uid"], "終わりました")
    assert edited["content_hash"] != first["content_hash"]
    assert [(row["kind"], row["native_id"], row["state"]) for row in removals(found)] == [
        ("post", uri, "deleted_by_author"),
        ("account", DID, "suspended"),
        ("account", DID, "back"),
        ("account", DID, "deactivated"),
        ("account", DID, "deleted_by_author"),
    ]
    assert skips(found) == []
    assert found[-1].seen_until is not None
    assert found[-1].seen_until.timestamp() == pytest.approx(BEGIN_US / 1e6, abs=1)
    assert server.subscriptions[0].query == {
        "wantedCollections": ["app.bsky.feed.post"],
        "maxMessageSizeBytes": ["1000000"],
        "cursor": [str(BEGIN_US)],
    }


def test_a_post_written_anew_within_a_page_is_not_removed(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "あ"), commit_event(DID, "3k1", None), post_event(DID, "3k1", "い"))
    found = until(pages(server), last(server))
    assert (texts(found), removals(found)) == (["あ", "い"], [])


JAPANESE = [
    ("hello", ["ja"], True),
    ("hello", ["en", "ja-JP"], True),
    ("hello", ["en"], False),
    ("hello", [], False),
    ("テレグラムで", ["en"], True),  # phones are often set to another language
    ("ﾃﾚｸﾞﾗﾑ", [], True),
    ("高額案件即金", [], True),
    ("高額案件即金", ["zh"], False),
    ("고수익", ["ko"], False),
    ("", [], False),
]


def test_what_counts_as_japanese(server: Jetstream) -> None:
    push(
        server,
        *(
            commit_event(
                DID,
                f"{n}-{operation}",
                {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-01-01T00:00:00Z", "langs": langs},
                operation=operation,
            )
            for n, (text, langs, _) in enumerate(JAPANESE)
            for operation in ("create", "update")  # an edit may be of a post that was Japanese: always read
        ),
    )
    found = until(pages(server), last(server))
    read = {post["native_id"].rpartition("/")[2] for post in posts(found)}
    assert [f"{n}-create" in read for n in range(len(JAPANESE))] == [kept for _, _, kept in JAPANESE]
    assert all(f"{n}-update" in read for n in range(len(JAPANESE)))
    assert skips(found) == []
    assert len(posts(until(pages(server, only_japanese=False), last(server)))) == 2 * len(JAPANESE)


def test_what_is_odd_is_counted_and_the_rest_is_read(server: Jetstream) -> None:
    push(
        server,
        commit_event(DID, "3k1", {"$type": "app.bsky.feed.post", "text": "あ\0", "createdAt": "soon", "langs": "ja"}),
        commit_event(DID, "3k2", {"$type": "app.bsky.feed.post", "createdAt": "2026-01-01T00:00:00Z"}),
        commit_event(DID, "3k3", {"$type": "app.bsky.feed.repost", "text": "あ"}),
        commit_event(DID, "../x", {"$type": "app.bsky.feed.post", "text": "あ"}),
        commit_event("somebody", "3k4", {"$type": "app.bsky.feed.post", "text": "あ"}),
        {
            "did": DID,
            "kind": "commit",
            "commit": {"collection": "app.bsky.feed.post", "operation": "resync", "rkey": "a"},
        },
        {"did": DID, "kind": "commit"},
        {"did": DID, "kind": "surprise"},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "vanished"}},
        {"did": DID, "kind": "account", "account": {"did": DID, "active": False}},
        {"did": DID, "kind": "account"},
        commit_event("nobody", "3k4", None),
        post_event(DID, "3k9", "終わり"),
    )
    found = until(pages(server), last(server))
    assert texts(found) == ["あ�", "終わり"]
    assert [(reason, int(where.removeprefix("cursor ")) - BEGIN_US, kept) for reason, where, kept in skips(found)] == [
        ("unstorable_text", 0, True),
        ("bad_time", 0, True),
        ("no_text", 1, False),
        ("unknown_record", 2, False),
        ("no_id", 3, False),
        ("no_id", 4, False),
        ("unknown_event", 5, False),
        ("unknown_record", 6, False),
        ("unknown_event", 7, False),
        ("unknown_account_status", 8, False),
        ("unknown_account_status", 9, False),
        ("unknown_account_status", 10, False),
        ("no_id", 11, False),
    ]


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"\x00\xff",
    b'{"kind":"commit"}',
    b'{"time_us":"5","kind":"commit"}',
    b'{"time_us":-1,"kind":"commit"}',
    b'{"time_us":999999999999999999,"kind":"commit"}',
    b'{"time_us":253402300799000000,"kind":"commit"}',  # the last second of 9999 is in no calendar of Tokyo
    b'{"time_us":true,"kind":""}',
]


def test_garbage_is_counted_and_named(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "前"))
    reading = pages(server)
    found = until(reading, last(server))
    for garbage in GARBAGE:
        server.inject(garbage, as_text=False)
        if b"\xff" not in garbage:  # the protocol itself ends a connection over text that is not UTF-8
            server.inject(garbage, as_text=True)
    push(server, post_event(DID, "3k2", "後"), begin=BEGIN_US + 1000)
    found += until(reading, last(server))
    assert texts(found) == ["前", "後"]
    assert skips(found) == [("not_an_event", f"after cursor {BEGIN_US}", False)] * (2 * len(GARBAGE) - 1)
    assert len(server.subscriptions) == 1  # nobody hung up over it


def test_text_that_is_not_utf8_ends_the_connection_not_the_reading(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "前"))
    reading = pages(server)
    found = until(reading, last(server))
    server.inject(b"\xff", as_text=True)
    push(server, post_event(DID, "3k2", "後"), begin=BEGIN_US + 1000)
    found += until(reading, last(server))
    assert set(texts(found)) == {"前", "後"}
    assert len(server.subscriptions) == 2


def test_a_message_nobody_foresaw_is_counted_and_the_rest_is_read(
    server: Jetstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = orjson.loads

    def stumble(message: str) -> Any:
        if "罠" in message:
            raise ArithmeticError("whatever a library may do one day")
        return parse(message)

    monkeypatch.setattr("yoake.collect.connectors.bluesky_jetstream.orjson.loads", stumble)
    push(server, post_event(DID, "3k1", "前"), post_event(DID, "3k2", "罠"), post_event(DID, "3k3", "後だ"))
    found = until(pages(server), lambda seen: len(posts(seen)) == 2)
    assert texts(found) == ["前", "後だ"]
    assert skips(found) == [("unexpected", f"cursor {BEGIN_US}, ArithmeticError", False)]


def test_long_events_are_not_asked_for_and_do_not_stop_the_reading(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "あ" * 400_000), post_event(DID, "3k2", "後"))
    found = until(pages(server), lambda seen: bool(posts(seen)))
    assert texts(found) == ["後"]


def test_a_page_holds_a_bounded_number_of_bytes() -> None:
    big = "あ" * 300_000
    events = [orjson.dumps({**post_event(DID, f"3k{n}", big), "time_us": BEGIN_US + n}).decode() for n in range(40)]

    def script(connection: ServerConnection) -> None:
        for event in events:
            connection.send(event)
        connection.recv()

    with socket_server(script) as url:
        reading = BlueskyJetstream().pages(options(url), None, NET)
        found = until(reading, lambda seen: len(posts(seen)) == len(events))
        reading.close()
    sizes = [len(posts([page])) * len(big) for page in found]
    assert max(sizes) <= 8_000_000 + len(big)


def test_silence_brings_empty_pages(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "あ"))
    reading = pages(server, None)
    began = time.monotonic()
    first = next(reading)
    assert time.monotonic() - began < 2
    assert (first.posts.num_rows, first.cursor, first.seen_until) == (0, None, None)  # without a cursor: from now on
    push(server, post_event(DID, "3k2", "い"), begin=BEGIN_US + 1)
    found = until(reading, last(server))
    assert texts(found) == ["い"]


@pytest.mark.parametrize("code", [None, 1000, 1001, 1011])
def test_a_server_that_closes_is_called_again(server: Jetstream, code: int | None) -> None:
    push(server, post_event(DID, "3k1", "あ"), post_event(DID, "3k2", "い"))
    reading = pages(server)
    found = until(reading, last(server))
    server.drop_connections(code)
    push(server, post_event(DID, "3k3", "う"), begin=BEGIN_US + 10)
    found += until(reading, last(server))
    # replay begins with the event of the cursor itself: the same version of the same post, which changes nothing
    assert texts(found) == ["あ", "い", "い", "う"]
    assert len({post["uid"] + post["content_hash"] for post in posts(found)}) == 3
    assert server.subscriptions[1].query["cursor"] == [str(BEGIN_US + 1)]


def test_events_of_one_microsecond_are_not_torn_apart() -> None:
    """The connection ends between two events of the same time_us."""
    events = [orjson.dumps({**post_event(DID, f"3k{n}", "あ"), "time_us": BEGIN_US}).decode() for n in range(4)]
    calls: list[str] = []

    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        calls.append(connection.request.path)
        for event in events[: 2 if len(calls) == 1 else 4]:
            connection.send(event)

    with socket_server(script) as url:
        reading = BlueskyJetstream().pages(options(url), None, NET)
        found = until(reading, lambda seen: len({post["uid"] for post in posts(seen)}) == 4)
        reading.close()
    assert calls[1].endswith(f"cursor={BEGIN_US}")
    assert found[-1].cursor == str(BEGIN_US)


def test_the_next_host_takes_over_a_little_earlier(server: Jetstream) -> None:
    push(server, *(post_event(DID, f"3k{n}", f"{n}あ") for n in range(3)))
    with Jetstream() as second:
        push(second, *(post_event(DID, f"3k{n}", f"{n}あ") for n in range(3)), begin=BEGIN_US - 700)  # its own stamps
        push(second, post_event(DID, "3k9", "9あ"), begin=BEGIN_US + 500)
        reading = BlueskyJetstream().pages(options(server.url, second.url), str(BEGIN_US), NET)
        found = until(reading, last(server))
        server.stop()
        found += until(reading, last(second))
        reading.close()
        assert server.subscriptions[0].query["cursor"] == [str(BEGIN_US - 5_000_000)]  # may have been the other host's
        assert second.subscriptions[0].query["cursor"] == [str(BEGIN_US + 2 - 5_000_000)]
    assert sorted({post["native_id"][-1] for post in posts(found)}) == ["0", "1", "2", "9"]
    assert [int(page.cursor or 0) for page in found] == sorted(int(page.cursor or 0) for page in found)


def test_a_cursor_too_old_for_the_server_is_a_gap(server: Jetstream) -> None:
    push(server, post_event(DID, "3k1", "あ"))
    old = BEGIN_US - 86_400_000_000
    found = until(pages(server, old), last(server))
    assert texts(found) == ["あ"]
    assert skips(found) == [("gap", f"cursor {old} to {BEGIN_US}", False)]


def test_a_cursor_from_the_future_is_counted_and_reading_goes_on_live(server: Jetstream) -> None:
    future = 4_000_000_000_000_000
    reading = pages(server, future)
    found = [next(reading)]
    assert found[0].cursor == str(future)  # nothing is known yet
    push(server, post_event(DID, "3k1", "あ"))
    found += until(reading, last(server))
    assert texts(found) == ["あ"]
    assert skips(found) == [("future_cursor", f"cursor {future}, the server is at {BEGIN_US}", False)]
    assert found[-1].cursor == str(BEGIN_US)


def test_events_out_of_order_never_move_the_cursor_back() -> None:
    times = [BEGIN_US, BEGIN_US + 50, BEGIN_US + 20, BEGIN_US + 20, BEGIN_US + 60]

    def script(connection: ServerConnection) -> None:
        for n, at in enumerate(times):
            connection.send(orjson.dumps({**post_event(DID, f"3k{n}", "あ"), "time_us": at}).decode())
        connection.recv()

    with socket_server(script) as url:
        reading = BlueskyJetstream().pages(options(url), str(BEGIN_US), NET)
        found = until(reading, lambda seen: len(posts(seen)) == 5)
        reading.close()
    assert found[-1].cursor == str(BEGIN_US + 60)


def test_when_every_host_is_away_it_is_said_within_five_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/subscribe"
        began = time.monotonic()
        with pytest.raises(TryLater, match=r"^127\.0\.0\.1 refuses the connection"):
            next(BlueskyJetstream().pages(options(url), None, NET))
        with pytest.raises(TryLater, match=r"None of 4 hosts sends anything; the last one: 127\.0\.0\.1 refuses"):
            next(BlueskyJetstream().pages(options(url, url, url, url), None, NET))
        assert time.monotonic() - began < 5


def test_a_name_that_takes_for_ever_is_said_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(30) and [])
    began = time.monotonic()
    try:
        with pytest.raises(TryLater, match="None of 4 hosts"):
            next(BlueskyJetstream().pages(BlueskyJetstream.Options(), None, Net()))
    finally:
        let_go.set()
    assert time.monotonic() - began < 5


def test_a_server_that_says_no(server: Jetstream) -> None:
    server.refuse = HTTPStatus.FORBIDDEN
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        next(pages(server))
    server.refuse = HTTPStatus.SERVICE_UNAVAILABLE
    with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
        next(pages(server))


def test_a_host_that_sends_nothing_is_left_for_the_next(server: Jetstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.bluesky._SILENCE_S", 0.5)
    push(server, post_event(DID, "3k1", "あ"))
    with Jetstream() as mute:
        with closing(BlueskyJetstream().pages(options(mute.url, server.url), str(BEGIN_US), NET)) as reading:
            assert texts(until(reading, lambda seen: bool(posts(seen)))) == ["あ"]
        with (
            closing(BlueskyJetstream().pages(options(mute.url, mute.url), str(BEGIN_US), NET)) as reading,
            pytest.raises(TryLater, match="None of 2 hosts sends anything"),
        ):
            until(reading, lambda _: False)
        with closing(BlueskyJetstream().pages(options(mute.url), None, NET)) as reading:
            assert len(list(islice(reading, 3))) == 3  # a server of one's own may be quiet


def test_a_server_that_closes_at_once_is_not_called_for_ever() -> None:
    calls: list[int] = []
    with socket_server(lambda _: calls.append(1)) as url, pytest.raises(TryLater):
        until(BlueskyJetstream().pages(options(url), None, NET), lambda _: False)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("endpoints", "cursor"), [((), None), (("ws://127.0.0.1:9/",), "x"), (("http://127.0.0.1:9/",), None)]
)
def test_settings_that_cannot_work(endpoints: tuple[str, ...], cursor: str | None) -> None:
    with pytest.raises(BadInput):
        next(BlueskyJetstream().pages(options(*endpoints), cursor, NET))


def test_reading_stops_with_the_patrol(server: Jetstream) -> None:
    stop = threading.Event()
    reading = BlueskyJetstream().pages(options(server.url), None, Net(allow_private=True, stop=stop))
    next(reading)
    stop.set()
    assert list(reading) == []


def test_closing_the_pages_hangs_up(server: Jetstream) -> None:
    reading = pages(server)
    next(reading)
    reading.close()
    deadline = time.monotonic() + 5
    while server.clients and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.clients == 0


operations = st.sampled_from(["create", "create", "create", "update", "delete", "account", "like", "garbage"])


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.tuples(operations, st.integers(0, 5), st.integers(0, 2)), max_size=25),
    st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=6),
)
def test_resuming_anywhere_is_reading_once(happened: list[tuple[str, int, int]], cuts: list[tuple[int, bool]]) -> None:
    """Runs end after any event, between events of one microsecond too; what is read is what one run reads."""
    events: list[tuple[int, str]] = []
    at = BEGIN_US
    for operation, key, step in happened:
        at += step
        event: dict[str, Any]
        if operation == "delete":
            event = commit_event(DID, f"3k{key}", None)
        elif operation == "account":
            event = {"did": DID, "kind": "account", "account": {"did": DID, "active": False, "status": "deleted"}}
        elif operation == "like":
            event = commit_event(DID, f"3k{key}", {"$type": "x"}, collection="app.bsky.feed.like")
        elif operation == "garbage":
            event = {
                "did": DID,
                "kind": "commit",
                "commit": {"collection": "app.bsky.feed.post", "operation": "create"},
            }
        else:
            event = post_event(DID, f"3k{key}", f"{at}あ", operation=operation)
        events.append((at, orjson.dumps({**event, "time_us": at}).decode()))
    quota = [0]

    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        _, has_cursor, cursor = connection.request.path.partition("cursor=")
        due = [text for time_us, text in events if has_cursor and time_us >= int(cursor)]
        for text in due[: quota[0]]:
            connection.send(text)

    def run(url: str, cursor: str | None, count: int) -> list[Page]:
        quota[0] = count
        reading = BlueskyJetstream().pages(options(url), cursor, NET)
        found = list(
            islice(reading, 1)
        )  # all that is sent arrives within one page, which the end of the connection ends
        reading.close()
        return found

    def told(found: list[Page]) -> tuple[set[str], set[tuple[str, str]], set[tuple[str, str, bool]]]:
        versions = {post["uid"] + post["content_hash"] for post in posts(found)}
        return versions, {(row["native_id"], row["state"]) for row in removals(found)}, set(skips(found))

    with socket_server(script) as url:
        begin = str(BEGIN_US)
        once = run(url, begin, 1000)
        parts: list[Page] = []
        cursor: str | None = begin
        for count, same_again in [*cuts, (1000, False)]:
            parts += run(url, cursor, count)
            if not same_again:  # a crash before the page was stored: it is read once more
                cursor = parts[-1].cursor
        assert parts[-1].cursor == once[-1].cursor
        versions, gone, odd = told(parts)
        whole = told(once)
        assert (versions, odd) == (whole[0], whole[2])
        assert gone >= whole[1]  # what one page forgot because the post came back, two pages report and then undo


def test_xrpc_is_asked_for_liveness() -> None:
    with http_server(lambda r: respond(r, 200, b"{}")) as url:
        chosen = BlueskyJetstream.Options(api=url, plc=url)
        found = BlueskyJetstream().check([f"at://{DID}/app.bsky.feed.post/3k1"], chosen, NET)
    assert [one.state for one in found] == ["up"]


def test_near_live_a_busy_stream_is_taken_in_handfuls(server: Jetstream) -> None:
    naps: list[float] = []

    class Napping(Net):
        def wait(self, seconds: float) -> bool:
            naps.append(seconds)
            return super().wait(seconds)

    def feed() -> None:
        for n in range(600):
            server.push(post_event(DID, f"3k{n}", f"あ{n}"))
            time.sleep(0.001)

    reading = BlueskyJetstream().pages(options(server.url), None, Napping(allow_private=True))
    with closing(reading):
        next(reading)
        server.push(post_event(DID, "3first", "はじめ"))
        assert texts(until(reading, lambda seen: bool(posts(seen)))) == ["はじめ"]
        assert naps == []  # behind, or as far as anybody knows: every message at once
        feeding = threading.Thread(target=feed)
        feeding.start()
        found = until(reading, lambda seen: len(posts(seen)) == 600)
        feeding.join()
    assert texts(found) == [f"あ{n}" for n in range(600)]
    assert 0 < len(naps) < 200
    assert found[-1].seen_until is not None
    assert (NET.now() - found[-1].seen_until).total_seconds() < 2
