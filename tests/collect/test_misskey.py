from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import http_server, posts, removals, respond, skips, until
from tests.servers.mastodon.server import Mastodon
from tests.servers.misskey.server import TOKEN, Misskey
from yoake.collect.connector import Page
from yoake.collect.connectors.mastodon import MastodonTimelines
from yoake.collect.connectors.misskey import MisskeyTimelines
from yoake.collect.misskey import earlier, note_of, plain
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

KEYS = {"misskey_token": TOKEN, "stranger": "x", "narrow": "narrow"}
NET = Net(allow_private=True, keys=KEYS.__getitem__)


@pytest.fixture
def server() -> Iterator[Misskey]:
    with Misskey() as running:
        yield running


def pages(server: Misskey, cursor: str | None = None, net: Net = NET, **more: Any) -> Generator[Page, None, None]:
    return MisskeyTimelines().pages(MisskeyTimelines.Options(**{"instance": server.url, **more}), cursor, net)


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def has(*wanted: str) -> Callable[[list[Page]], bool]:
    return lambda found: set(wanted) <= set(texts(found))


def caught_up(found: list[Page]) -> bool:
    return found[-1].seen_until is not None


def once(server: Misskey, cursor: str | None, **more: Any) -> list[Page]:
    with closing(pages(server, cursor, **more)) as reading:
        return until(reading, caught_up)


# --- what a note becomes ----------------------------------------------------------------------------------------------


def test_a_note_as_a_post(server: Misskey) -> None:
    hana = server.user("hana", nick="はな")
    asked = server.note(hana, "仕事ない?")
    file = {"id": "f", "type": "image/png", "url": "https://f.example/1.png", "size": 12, "comment": "求人"}
    files = [
        {**file, "isSensitive": True},
        {"type": "video/mp4", "url": "https://f.example/2.mp4"},
        {"type": "image/x"},
    ]
    poll = {"multiple": False, "expiresAt": None, "choices": [{"text": "やる", "votes": 0, "isVoted": False}]}
    ident = server.note(hana, "闇$[x2 バイト] <b>高額</b>", cw="注意", reply_to=asked, files=files, poll=poll)
    found = once(server, None)
    row = next(row for row in posts(found) if row["native_id"].endswith(ident))
    host = server.url.removeprefix("http://")
    assert {key: row[key] for key in ("network", "native_id", "url", "text", "parent_id", "parent_text", "labels")} == {
        "network": "fediverse",
        "native_id": f"{server.url}/notes/{ident}",
        "url": f"{server.url}/notes/{ident}",
        "text": "注意\n闇バイト 高額\nやる",
        "parent_id": f"{server.url}/notes/{asked}",
        "parent_text": "仕事ない?",
        "labels": ["nsfw"],
    }
    assert (row["author_id"], row["author_handle"], row["author_name"]) == (
        f"{server.url}/users/{hana}",
        f"hana@{host}",
        "はな",
    )
    assert row["images"] == [{"ref": "https://f.example/1.png", "alt": "求人", "mime": "image/png", "size_bytes": 12}]
    assert skips(found) == [("bad_image", f"id {ident}", True)]


def test_renotes_and_quotes(server: Misskey) -> None:
    hana, taro = server.user("hana"), server.user("taro", host="other.example")
    far = server.note(taro, "遠くの求人", visibility="home")  # on nobody's timeline until somebody passes it on
    server.note(hana, None, renote=far)
    server.note(hana, "これいいよ", renote=far)
    server.note(hana, None, renote=far)
    found = posts(once(server, None))
    assert {row["native_id"]: (row["text"], row["parent_text"]) for row in found} == {
        f"https://other.example/notes/{far}": ("遠くの求人", ""),
        next(row["native_id"] for row in found if row["text"] == "これいいよ"): ("これいいよ", "遠くの求人"),
    }
    assert len(found) == 2


def test_a_note_is_the_same_post_on_mastodon_and_everywhere(server: Misskey) -> None:
    hana = server.user("hana")
    ident = server.note(hana, "高収入")
    with Misskey() as other, Mastodon() as mastodon:
        other.note(other.user("hana", host="x.example"), "高収入", uri=server.uri(ident))
        relayed = mastodon.account("hana", host="x.example")
        mastodon.post(relayed, "高収入", uri=server.uri(ident))
        there = posts(once(other, None, timeline="global"))
        chosen = MastodonTimelines.Options(instance=mastodon.url)
        with closing(MastodonTimelines().pages(chosen, None, NET)) as reading:
            farther = posts(until(reading, caught_up))
    uids = {row["uid"] for row in [*posts(once(server, None)), *there, *farther]}
    assert len(uids) == 1


PLAIN = [
    ("ふつう[注]の文", "ふつう[注]の文"),
    ("闇$[x2 バイト]", "闇バイト"),
    ("$[spin.speed=2s,left 高$[blur 額]収入] だ", "高額収入 だ"),
    ("<small>小</small><center>中</center>", "小中"),
    ("$[x2 閉じない", "閉じない"),
    ("$[知らない あ] ]", "$[知らない あ] ]"),
    ("[リンク](https://h.example)", "[リンク](https://h.example)"),
    ("$[x2 [リンク](https://h.example)]", "[リンク](https://h.example)"),
]


@pytest.mark.parametrize(("told", "expected"), PLAIN)
def test_markup_that_hides_letters(told: str, expected: str) -> None:
    assert plain(told) == expected


def test_earlier_ids() -> None:
    with Misskey() as server:
        hana = server.user("hana")
        idents = [server.note(hana, str(n)) for n in range(10)]
    for n in range(3, 10):
        before = earlier(idents[n], timedelta(seconds=1))  # two notes before
        assert idents[n - 3] < before <= idents[n - 2]
        assert len(before) == len(idents[n])
    assert earlier("01J9ZZZZZZ0000000000000000", timedelta(minutes=3)) < "01J9ZZZZZZ0000000000000000"
    for other in ("", "7", "60b8d295f4a1c2d3e4f5a6b7", "0000000000"):  # no time, or none that can be read
        assert earlier(other, timedelta(minutes=3)) == other


def test_what_is_odd_is_counted_and_the_rest_is_read(server: Misskey) -> None:
    hana = server.user("hana")
    server.note(hana, "一", uri="ftp://x.example/1")
    server.notes[server.note(hana, "二")]["user"] = None
    server.notes[server.note(hana, "三")]["text"] = 7
    server.note(hana, "四", isHidden=True)
    server.note(hana, "五", createdAt="soon")
    server.note(hana, "hello")
    server.notes[server.note(hana, "六")]["user"] = {"host": None}
    found = once(server, None)
    assert set(texts(found)) == {"五", "六"}
    assert {(reason, kept) for reason, _, kept in skips(found)} == {
        ("no_id", False),
        ("no_text", False),
        ("not_public", False),
        ("bad_time", True),
    }


# --- stream and catching up -------------------------------------------------------------------------------------------


def test_posts_edits_and_deletions_of_the_stream(server: Misskey) -> None:
    hana = server.user("hana")
    old = server.note(hana, "前から")
    with closing(pages(server, timeline="global")) as reading:
        found = until(reading, lambda seen: caught_up(seen) and bool(server.streams[0].channels))
        ident = server.note(hana, "高収入")
        uri = server.uri(ident)
        found += until(reading, has("高収入"))
        found += until(reading, lambda _: ident in server.streams[0].watched)
        server.notes[ident] |= {"text": "終了しました", "updatedAt": "2026-11-20T03:01:00.000Z"}
        server.tell(ident, "updated", {})
        found += until(reading, has("終了しました"))
        copy = server.note(server.user("taro", host="other.example"), "よそから")
        found += until(reading, lambda _: copy in server.streams[0].watched)
        server.delete(copy)  # by its moderators: where it was written it may be up
        server.delete(ident)
        server.delete(old)
        found += until(reading, lambda seen: len(removals(seen)) == 2)
    first, edited = (row for row in posts(found) if row["native_id"] == uri)
    assert (first["uid"], first["content_hash"] == edited["content_hash"]) == (edited["uid"], False)
    assert {(row["native_id"], row["state"]) for row in removals(found)} == {
        (uri, "removed"),
        (f"{server.url}/notes/{old}", "removed"),
    }
    assert found[-1].cursor == copy
    assert skips(found) == []


def test_only_so_many_notes_are_watched(server: Misskey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.connectors.misskey._WATCHED", 5)
    hana = server.user("hana")
    idents = [server.note(hana, f"{n}番") for n in range(20)]
    with closing(pages(server)) as reading:
        until(reading, caught_up)
        until(reading, lambda _: sorted(server.streams[0].watched) == sorted(idents[:5]))
        server.drop_streams()
        until(reading, lambda _: server.connections == 2 and len(server.streams) == 1)
        until(reading, lambda _: sorted(server.streams[0].watched) == sorted(idents[:5]))


@pytest.mark.parametrize("newest_first", [False, True])
def test_everything_after_the_cursor_is_read_page_by_page(server: Misskey, newest_first: bool) -> None:
    server.newest_first = newest_first
    hana = server.user("hana")
    idents = [server.note(hana, f"{n}番") for n in range(1000)]  # 500 seconds
    found = once(server, idents[499])
    # three minutes before the cursor are read once more: notes of other servers come late
    assert set(texts(found)) == {f"{n}番" for n in range(139, 1000)} | {"139番"}
    assert found[-1].cursor == idents[-1]
    assert [page.cursor or "" for page in found] == sorted(page.cursor or "" for page in found)


def test_hashtags_global_and_late_notes(server: Misskey) -> None:
    near, far = server.user("hana"), server.user("taro", host="other.example")
    cursor = server.note(near, "始め #闇バイト")
    server.note(far, "遠く #高収入")
    server.note(far, "遅れて", late_s=100)
    assert set(texts(once(server, cursor))) == {"始め #闇バイト"}
    assert set(texts(once(server, cursor, timeline="global"))) == {"始め #闇バイト", "遠く #高収入", "遅れて"}
    tags = ("#闇バイト", "高収入")
    with closing(pages(server, cursor, hashtags=tags)) as reading:
        found = until(reading, lambda seen: caught_up(seen) and bool(server.streams[-1].channels))
        server.note(near, "新しい #高収入")
        server.note(near, "ほか")
        found += until(reading, has("新しい #高収入"))
    assert set(texts(found)) == {"始め #闇バイト", "遠く #高収入", "新しい #高収入"}


def test_what_was_missed_is_caught_up_and_nothing_is_lost(server: Misskey) -> None:
    hana = server.user("hana")
    server.note(hana, "前から")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: caught_up(seen) and bool(server.streams[0].channels))
        server.note(hana, "聞こえた")
        found += until(reading, has("聞こえた"))
        server.deaf = True
        server.drop_streams()
        for n in range(250):
            server.note(hana, f"聞こえない{n}")
        server.deaf = False
        found += until(reading, has(*(f"聞こえない{n}" for n in range(250))))
    assert server.connections == 2
    assert len({row["uid"] for row in posts(found)}) == 252


def test_what_is_live_does_not_hide_what_is_not_caught_up(server: Misskey) -> None:
    """A patrol killed while it catches up goes on where it was, though newer notes came by the stream."""
    hana = server.user("hana")
    idents = [server.note(hana, f"{n}番") for n in range(1000)]
    with closing(pages(server, idents[0])) as reading:
        until(reading, lambda seen: bool(texts(seen)) and bool(server.streams[0].channels))
        live = server.note(hana, "いま")
        found = until(reading, has("いま"))
    assert (found[-1].cursor or "") < idents[-1] < live
    assert "999番" not in texts(found)
    assert {"999番", "いま"} <= set(texts(once(server, found[-1].cursor)))


def test_a_stream_that_went_deaf_is_found_out(server: Misskey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.connectors.misskey._SILENCE_S", 0.2)
    hana = server.user("hana")
    cursor = server.note(hana, "前から")
    with closing(pages(server)) as reading:
        found = until(reading, caught_up)
        found += list(islice(reading, 3))
        assert skips(found) == []
        server.deaf = True
        server.note(hana, "聞こえない")
        found += until(reading, has("聞こえない"))
        server.deaf = False
        found += until(reading, lambda _: server.connections == 2)
    assert skips(found) == [("silent_stream", f"after id {cursor}", True)]


GARBAGE: list[str | bytes] = [
    "",
    "{",
    "[]",
    "null",
    b"\x00\xff",
    "{}",
    '{"type": "channel"}',
    '{"type": "channel", "body": []}',
    '{"type": "noteUpdated", "body": {"id": "1"}}',
]


def test_garbage_and_what_nobody_knows_is_counted_and_the_rest_is_read(server: Misskey) -> None:
    hana = server.user("hana")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: caught_up(seen) and bool(server.streams[0].channels))
        for garbage in GARBAGE:
            server.inject(garbage)
        unknown = [
            {"type": "surprise", "body": {}},
            {"type": "channel", "body": {"id": "yoake", "type": "surprise", "body": {}}},
            {"type": "noteUpdated", "body": {"id": "1", "type": "surprise", "body": {}}},
        ]
        passed_over = [
            {"type": "emojiAdded", "body": {}},
            {"type": "noteUpdated", "body": {"id": "1", "type": "reacted", "body": {}}},
            {"type": "noteUpdated", "body": {"id": "1", "type": "deleted", "body": {"deletedAt": "x"}}},
            {"type": "noteUpdated", "body": {"id": ["1"], "type": "updated"}},
        ]
        for message in [*unknown, *passed_over]:
            server.inject(json.dumps(message))
        server.inject(json.dumps({"type": "channel", "body": {"id": "yoake", "type": "note", "body": []}}))
        server.note(hana, "後")
        found += until(reading, has("後"))
    expected = ["not_an_event"] * len(GARBAGE) + ["unknown_event"] * len(unknown) + ["unknown_record"]
    assert [reason for reason, _, _ in skips(found)] == expected
    assert server.connections == 1
    assert removals(found) == []


def test_while_the_stream_is_away_the_timeline_is_read(server: Misskey) -> None:
    hana = server.user("hana")
    server.refuse_streams = 503
    cursor = server.note(hana, "前")
    server.note(hana, "後")
    found: list[Page] = []
    with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
        found.extend(pages(server, cursor))
    assert "後" in texts(found)
    assert found[-1].cursor == max(server.notes)


def test_one_that_nobody_foresaw_does_not_stop_the_others(server: Misskey, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(told: Any, *rest: Any) -> Any:
        if "罠" in json.dumps(told, ensure_ascii=False):
            raise ArithmeticError("whatever a library may do one day")
        return note_of(told, *rest)

    monkeypatch.setattr("yoake.collect.connectors.misskey.note_of", stumble)
    hana = server.user("hana")
    for text in ("前", "罠", "後だ"):
        server.note(hana, text)
    found = once(server, None)
    assert set(texts(found)) == {"前", "後だ"}
    assert [(reason, where.rpartition(" ")[2]) for reason, where, _ in skips(found)] == [
        ("unexpected", "ArithmeticError")
    ]


# --- faults -----------------------------------------------------------------------------------------------------------


def test_who_is_not_let_in_is_told_so(server: Misskey) -> None:
    server.tokens["narrow"] = "write:notes"
    for token in ("stranger", "narrow"):
        with pytest.raises(Refused, match=r"127\.0\.0\.1"):
            until(pages(server, token=token), lambda _: False)
    server.open_to_all = False
    with pytest.raises(Refused, match="LTL_DISABLED"):
        until(pages(server), lambda _: False)
    server.user("hana")
    with closing(pages(server, token="misskey_token")) as reading:
        until(reading, caught_up)


FAULTS: list[tuple[int, bytes, type[Exception]]] = [
    (429, b'{"error":{"code":"RATE_LIMIT_EXCEEDED"}}', TryLater),
    (500, b"<html>", TryLater),
    (200, b"<html>", TryLater),
    (200, b'[{"id":', TryLater),
    (200, b"{}", TryLater),
    (404, b"<html>", Refused),
    (400, b'{"error":{"code":"INVALID_PARAM"}}', Refused),
    (403, b"", Refused),
]


@pytest.mark.parametrize(("status", "body", "kind"), FAULTS)
def test_what_a_server_in_trouble_answers(server: Misskey, status: int, body: bytes, kind: type[Exception]) -> None:
    def answer(handler: Any) -> bool:
        respond(handler, status, body)
        return True

    server.answer = answer
    with pytest.raises(kind, match=r"127\.0\.0\.1"):
        until(pages(server, "5"), lambda _: False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeline": "home"},
        {"hashtags": ("二 語",)},
        {"hashtags": ("#",)},
        {"instance": "misskey.example"},
        {"cursor": "../x"},
    ],
)
def test_settings_that_cannot_work(server: Misskey, wrong: dict[str, Any]) -> None:
    cursor = wrong.pop("cursor", None)
    with pytest.raises(BadInput):
        next(pages(server, cursor, **wrong))


def test_a_page_that_is_no_misskey_is_said() -> None:
    with http_server(lambda r: respond(r, 404, b"<html>")) as url, pytest.raises(Refused, match=r"127\.0\.0\.1"):
        next(MisskeyTimelines().pages(MisskeyTimelines.Options(instance=url), None, NET))


def test_reading_stops_with_the_patrol(server: Misskey) -> None:
    stop = threading.Event()
    reading = pages(server, None, Net(allow_private=True, stop=stop))
    until(reading, caught_up)
    stop.set()
    assert len(list(reading)) <= 1


happenings = st.sampled_from(["note", "note", "note", "tag", "late", "renote", "delete"])


@settings(deadline=None, max_examples=10)
@given(st.lists(happenings, max_size=40), st.lists(st.integers(1, 4), max_size=4), st.booleans())
def test_resuming_anywhere_is_reading_once(happened: list[str], cuts: list[int], newest_first: bool) -> None:
    """The reading is killed after any page; what is read in the end is what one reading reads."""
    with Misskey() as server:
        hana = server.user("hana", host="other.example")
        server.newest_first = newest_first
        begin = server.note(hana, "始め #例")
        idents = [begin]
        for what in happened:
            if what == "delete" and len(idents) > 1:
                server.delete(idents.pop())
            elif what == "renote":
                server.note(hana, None, renote=begin)
            else:
                text = f"{len(idents)} #例" if what == "tag" else str(len(idents))
                idents.append(server.note(hana, text, late_s=90 if what == "late" else 0))
        more: dict[str, Any] = {"timeline": "global", "only_japanese": False}
        whole = once(server, begin, **more)
        parts: list[Page] = []
        cursor: str | None = begin
        for count in cuts:
            with closing(pages(server, cursor, **more)) as reading:
                parts += list(islice(reading, count))
            cursor = parts[-1].cursor
        parts += once(server, cursor, **more)
    versions = [{row["uid"] + row["content_hash"] for row in posts(found)} for found in (whole, parts)]
    assert versions[0] == versions[1]
    assert whole[-1].cursor == parts[-1].cursor
