from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import http_server, posts, removals, respond, skips, until
from tests.servers.mastodon.server import NOON, TOKEN, Mastodon
from yoake.collect.connector import Page
from yoake.collect.connectors.mastodon import MastodonTimelines
from yoake.collect.fediverse import text_of_html
from yoake.collect.mastodon import status_of
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

KEYS = {"mastodon_token": TOKEN, "stranger": "x", "narrow": "narrow"}
NET = Net(allow_private=True, keys=KEYS.__getitem__)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mastodon]:
    monkeypatch.setattr("yoake.collect.connectors.mastodon._SETTLES_S", 0.2)
    with Mastodon() as running:
        yield running


def options(server: Mastodon, **more: Any) -> MastodonTimelines.Options:
    return MastodonTimelines.Options(**{"instance": server.url, "token": "mastodon_token", "every_s": 5.0, **more})


def pages(server: Mastodon, cursor: str | None = None, net: Net = NET, **more: Any) -> Generator[Page, None, None]:
    return MastodonTimelines().pages(options(server, **more), cursor, net)


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def has(*wanted: str) -> Callable[[list[Page]], bool]:
    return lambda found: set(wanted) <= set(texts(found))


def once(server: Mastodon, cursor: str | None, **more: Any) -> list[Page]:
    """One round of questions, without the stream."""
    with closing(pages(server, cursor, token="", **more)) as reading:
        return until(reading, lambda found: found[-1].seen_until is not None)


# --- what a status becomes --------------------------------------------------------------------------------------------


def test_a_status_as_a_post(server: Mastodon) -> None:
    fields = [{"name": "連絡先", "value": '<a href="https://x.example/">x.example</a>', "verified_at": None}]
    hana = server.account("hana", display="はな", note="求人\n即金", fields=fields)
    html = (
        '<p>高収入 <a href="https://work.example/apply"><span class="invisible">https://</span>'
        '<span class="ellipsis">work.example/ap</span><span class="invisible">ply</span></a><br>即日</p>'
        '<p><a href="https://t.example/abc">詳細</a> <script>alert(1)</script>&lt;b&gt;</p>'
    )
    media = [
        {
            "type": "image",
            "url": "https://cache.example/1.png",
            "remote_url": "https://o.example/1.png",
            "description": "求人",
        },
        {"type": "video", "url": "https://cache.example/2.mp4"},
        {"type": "image", "url": "javascript:alert(1)"},
    ]
    poll = {"id": "1", "options": [{"title": "やる"}, {"title": "やらない"}]}
    ident = server.post(
        hana, html=html, spoiler_text="注意", sensitive=True, media_attachments=media, poll=poll, visibility="public"
    )
    (row,) = posts(found := once(server, None))
    assert row["text"] == (
        "注意\n高収入 https://work.example/apply\n即日\n\n詳細 (https://t.example/abc) <b>\nやる\nやらない"
    )
    assert {key: row[key] for key in ("network", "native_id", "url", "author_id", "author_name", "lang", "labels")} == {
        "network": "fediverse",
        "native_id": f"{server.url}/users/hana/statuses/{ident}",
        "url": f"{server.url}/@hana/{ident}",
        "author_id": f"{server.url}/users/hana",
        "author_name": "はな",
        "lang": "ja",
        "labels": ["nsfw"],  # what the second look at pictures knows as adult
    }
    assert row["author_handle"] == f"hana@{server.url.removeprefix('http://')}"
    assert row["profile"] == "求人\n即金\n連絡先: x.example"
    assert row["images"] == [{"ref": "https://o.example/1.png", "alt": "求人", "mime": "", "size_bytes": None}]
    assert row["posted_at"] == server.now
    assert skips(found) == [("bad_image", f"id {ident}", True)]


def test_a_status_is_the_same_post_whoever_relayed_it(server: Mastodon) -> None:
    with Mastodon() as home:
        hana = home.account("hana")
        ident = home.post(hana, "高収入")
        here = server.account("hana", host="x.example")
        server.accounts[here] |= {"uri": home.accounts[hana]["uri"], "url": home.accounts[hana]["url"]}
        server.post(here, "高収入", uri=home.uri(ident), url=f"{home.url}/@hana/{ident}")
        (there,), (relayed,) = posts(once(home, None)), posts(once(server, None))
    assert there["uid"] == relayed["uid"]
    assert there["content_hash"] == relayed["content_hash"]
    assert (there["url"], there["author_id"]) == (relayed["url"], relayed["author_id"])


HTML = [
    ("ただの文", "ただの文"),
    ("<p>一</p><p>二</p>", "一\n\n二"),
    ("<p>一<br/>二<br>三</p>", "一\n二\n三"),
    ("<ul><li>一<li>二</ul>", "一\n二"),
    ("&lt;script&gt;&amp;#12354;", "<script>&#12354;"),
    ("<style>x</style><script>y</script><template>z</template>あ", "あ"),
    ('<a href="javascript:alert(1)">あ</a><a href="data:,x">い</a>', "あい"),
    ('<a class="u-url mention" href="https://h.example/@a">@<span>a</span></a>', "@a"),
    ('<a href="https://h.example/x/">h.example/x</a>', "h.example/x"),
    ('<a href=" https://h.example/x">ここ</a>', "ここ (https://h.example/x)"),
    ('<a href="https://h.example/x"></a>', " (https://h.example/x)".strip()),
    ("<img src=x onerror=alert(1)>あ<!-- い -->", "あ"),
    ("あ\x00い", "あ\ufffdい"),
    ("<b>" * 100_000 + "深い", "深い"),
    ("閉じない<p", "閉じない"),
]


@pytest.mark.parametrize(("html", "expected"), HTML)
def test_markup_becomes_the_text_a_reader_sees(html: str, expected: str) -> None:
    assert text_of_html(html, []) == expected


@given(st.text(st.sampled_from("<>/pab r=\"'&;#\0あ\n-!"), max_size=80))
@settings(deadline=None, max_examples=200)
def test_any_markup_becomes_text(html: str) -> None:
    notes: list[str] = []
    assert "\0" not in text_of_html(html, notes)


def test_markup_without_end_is_cut() -> None:
    notes: list[str] = []
    assert len(text_of_html("<p>あ</p>" * 200_000, notes)) < 400_000
    assert notes == ["too_long"]


def test_what_is_odd_is_counted_and_the_rest_is_read(server: Mastodon) -> None:
    hana = server.account("hana")
    odd = [
        server.post(hana, "一", uri="tag:x.example,2020:1"),
        server.post(hana, "二", content=None),
        server.post(hana, "三"),
        server.post(hana, "四", visibility="private"),
        server.post(hana, "五", created_at="soon", language=7),
    ]
    server.statuses[odd[2]]["account"] = {"acct": "hana"}  # an old server that tells no actor
    server.post(hana, "六")
    found = once(server, None)
    assert set(texts(found)) == {"三", "五", "六"}
    assert {(reason, kept) for reason, _, kept in skips(found)} == {
        ("no_id", False),
        ("no_text", False),
        ("bad_time", True),
    }


# --- question after question ------------------------------------------------------------------------------------------


def test_the_first_start_reads_the_newest_page(server: Mastodon) -> None:
    hana = server.account("hana")
    idents = [server.post(hana, f"{n}番") for n in range(60)]
    found = once(server, None)
    assert texts(found) == [f"{n}番" for n in range(59, 19, -1)]
    assert found[-1].cursor == idents[-1]
    assert all(asked.token == "" for asked in server.asked)


def test_everything_after_the_cursor_is_read_page_by_page(server: Mastodon) -> None:
    hana = server.account("hana")
    idents = [server.post(hana, f"{n}番") for n in range(1000)]  # 500 seconds
    found = once(server, idents[499])
    # three minutes before the cursor are read once more: statuses of other servers come late
    assert set(texts(found)) == {f"{n}番" for n in range(140, 1000)}
    assert found[-1].cursor == idents[-1]
    assert found[0].cursor == idents[499]  # nothing behind the cursor is forgotten when the patrol dies here
    assert [int(page.cursor or 0) for page in found] == sorted(int(page.cursor or 0) for page in found)


def test_a_status_that_came_late_is_read(server: Mastodon) -> None:
    hana = server.account("hana", host="other.example")
    cursor = server.post(hana, "先")
    server.post(hana, "遅れて", late_s=100)
    assert "遅れて" in texts(once(server, cursor))


def test_several_hashtags_and_one_nobody_used(server: Mastodon) -> None:
    hana = server.account("hana")
    for n in range(50):
        server.post(hana, f"{n} #闇バイト" if n % 2 else f"{n} #高収入 #闇バイト")
    server.post(hana, "ほか")
    found = once(server, "1", hashtags=("闇バイト", "#高収入", "だれも使わない"))
    assert len(posts(found)) == 50  # one with both is read once
    assert "ほか" not in texts(found)
    paths = {asked.path for asked in server.asked}
    assert "/api/v1/timelines/tag/%E9%97%87%E3%83%90%E3%82%A4%E3%83%88" in paths


def test_local_remote_and_other_languages(server: Mastodon) -> None:
    near, far = server.account("hana"), server.account("taro", host="other.example")
    server.post(near, "近く")
    server.post(far, "遠く")
    server.post(far, "hello", language="en")
    assert set(texts(once(server, None, timeline="local"))) == {"近く"}
    assert set(texts(once(server, None, timeline="remote"))) == {"遠く"}
    assert set(texts(once(server, None, only_japanese=False))) == {"近く", "遠く", "hello"}


def test_a_search_is_read_as_well(server: Mastodon) -> None:
    hana = server.account("hana")
    cursor = server.post(hana, "前")
    for n in range(90):
        server.post(hana, f"{n} 高額")
    server.post(hana, "高額 別", visibility="unlisted")
    with closing(pages(server, cursor, hashtags=("無し",), searches=("高額",))) as reading:
        found = until(reading, lambda seen: seen[-1].seen_until is not None)
    assert len(set(texts(found))) == 91
    assert found[-1].cursor == max(server.statuses)
    with pytest.raises(BadInput, match="token"):
        next(pages(server, None, token="", searches=("高額",)))


def test_between_questions_life_is_shown_and_stopping_is_prompt(server: Mastodon) -> None:
    hana = server.account("hana")
    server.post(hana, "一")
    stop = threading.Event()
    net = Net(allow_private=True, stop=stop)
    reading = pages(server, None, net, token="", every_s=600.0)
    until(reading, lambda found: len(found) >= 3)
    began = time.monotonic()
    threading.Timer(0.3, stop.set).start()
    assert all(page.posts.num_rows == 0 for page in reading)
    assert time.monotonic() - began < 2


def test_a_spent_window_of_requests_is_waited_out(server: Mastodon) -> None:
    hana = server.account("hana")
    for n in range(300):
        server.post(hana, f"{n}")

    class Passing(Net):
        waited = timedelta()

        def wait(self, seconds: float) -> bool:
            Passing.waited += timedelta(seconds=seconds)
            if Passing.waited >= timedelta(minutes=2):
                server.left = 300
            return False

    net = Passing(allow_private=True, clock=lambda: NOON + Passing.waited)
    server.left, server.reset = 7, NOON + timedelta(minutes=2)
    found = until(pages(server, "1", net, token="", only_japanese=False), lambda seen: len(set(texts(seen))) == 300)
    assert Passing.waited >= timedelta(minutes=2)
    assert server.left > 200  # no request was thrown at a closed door
    assert len(found) > 100


# --- the stream -------------------------------------------------------------------------------------------------------


def test_posts_edits_and_deletions_of_the_stream(server: Mastodon) -> None:
    hana, far = server.account("hana"), server.account("taro", host="other.example")
    server.post(hana, "前から")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: seen[-1].seen_until is not None)
        copy = server.post(far, "よそから")
        ident = server.post(hana, "高収入")
        uri = server.uri(ident)
        found += until(reading, has("高収入"))
        server.edit(ident, "終了しました")
        found += until(reading, has("終了しました"))
        server.delete(copy)  # by its moderators: where it was written it may be up
        server.delete(ident)
        found += until(reading, lambda seen: bool(removals(seen)))
    first, edited = (row for row in posts(found) if row["native_id"] == uri)
    assert first["uid"] == edited["uid"]
    assert first["content_hash"] != edited["content_hash"]
    assert [(row["network"], row["native_id"], row["state"]) for row in removals(found)] == [
        ("fediverse", uri, "removed")
    ]
    assert found[-1].cursor == ident
    assert skips(found) == []
    assert server.connections == 1


def test_what_was_missed_is_caught_up_and_nothing_is_lost(server: Mastodon) -> None:
    hana = server.account("hana")
    server.post(hana, "前から")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: server.connections == 1 and seen[-1].seen_until is not None)
        server.post(hana, "聞こえた")
        found += until(reading, has("聞こえた"))
        server.deaf = True
        server.drop_streams()
        for n in range(100):
            server.post(hana, f"聞こえない{n}")
        server.deaf = False
        found += until(reading, has(*(f"聞こえない{n}" for n in range(100))))
    assert server.connections == 2
    assert len({row["uid"] for row in posts(found)}) == 102


@pytest.mark.parametrize("speaks", [False, True])
def test_what_is_written_before_a_subscription_is_made_is_read(
    server: Mastodon, monkeypatch: pytest.MonkeyPatch, *, speaks: bool
) -> None:
    """No server says when a subscription is made: it is, once it brings something, or after a while."""
    monkeypatch.setattr("yoake.collect.connectors.mastodon._SETTLES_S", 60.0 if speaks else 1.5)
    hana = server.account("hana")
    cursor = server.post(hana, "前から")
    server.subscribing_s = 0.8

    def write() -> None:
        while not server.streams:
            time.sleep(0.01)
        time.sleep(0.4)
        server.post(hana, "間に")  # whoever asked for the timeline already has missed it
        while speaks and not server.streams[0].wants:
            time.sleep(0.01)
        if speaks:
            server.post(hana, "聞こえた")

    writing = threading.Thread(target=write)
    writing.start()
    with closing(pages(server, cursor)) as reading:
        found = until(reading, has("間に", *(["聞こえた"] if speaks else [])), limit=12)
        found += list(islice(reading, 2))
    writing.join()
    assert sorted(texts(found)) == sorted({"前から", *texts(found)})  # nothing twice
    assert server.connections == 1


def test_what_is_live_does_not_hide_what_is_not_caught_up(server: Mastodon) -> None:
    """A patrol killed while it catches up goes on where it was, though newer posts came by the stream."""
    hana = server.account("hana")
    idents = [server.post(hana, f"{n}番") for n in range(400)]
    with closing(pages(server, idents[0])) as reading:
        until(reading, lambda seen: len(texts(seen)) > 0 and server.connections == 1)
        until(reading, lambda _: bool(server.streams) and bool(server.streams[0].wants))
        live = server.post(hana, "いま")
        found = until(reading, has("いま"))
    assert found[-1].cursor is not None
    assert int(found[-1].cursor) < int(idents[-1]) < int(live)
    assert f"{399}番" not in texts(found)
    rest = once(server, found[-1].cursor)
    assert {"399番", "いま"} <= set(texts(rest))


def test_a_secret_that_is_missing_is_said(server: Mastodon) -> None:
    with pytest.raises(Refused, match="mastodon_token"):
        next(pages(server, None, Net(allow_private=True)))


def test_a_stream_that_went_deaf_is_found_out(server: Mastodon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.connectors.mastodon._SILENCE_S", 0.2)
    hana = server.account("hana")
    cursor = server.post(hana, "前から")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: seen[-1].seen_until is not None)
        found += list(islice(reading, 3))
        assert skips(found) == []  # nothing was written, so nothing is amiss
        server.deaf = True
        server.post(hana, "聞こえない")
        found += until(reading, has("聞こえない"))
        server.deaf = False
        found += until(reading, lambda _: server.connections == 2)
    assert skips(found) == [("silent_stream", f"after id {cursor}", True)]


def test_deletions_of_what_was_not_read_say_nothing(server: Mastodon) -> None:
    server.account("hana")
    with closing(pages(server)) as reading:
        until(reading, lambda seen: seen[-1].seen_until is not None)
        for ident in ("1", "", "x" * 300):
            server.inject(json.dumps({"stream": ["public"], "event": "delete", "payload": ident}))
        server.inject(json.dumps({"stream": ["public"], "event": "surprise", "payload": "1"}))
        found = until(reading, lambda seen: bool(skips(seen)))
    assert removals(found) == []
    assert skips(found) == [("unknown_event", "after id ", False)]


GARBAGE: list[str | bytes] = [
    "",
    "{",
    "[]",
    "null",
    "7",
    b"\x00\xff",
    "{}",
    '{"event": "update"}',
    '{"event": "update", "payload": "{"}',
    '{"event": "update", "payload": 7}',
]


def test_garbage_is_counted_and_the_rest_is_read(server: Mastodon) -> None:
    hana = server.account("hana")
    with closing(pages(server)) as reading:
        found = until(reading, lambda seen: seen[-1].seen_until is not None)
        for garbage in GARBAGE:
            server.inject(garbage)
        server.inject('{"event": "update", "payload": "[]"}')
        server.inject('{"event": "notification", "payload": "{}"}')
        server.post(hana, "後")
        found += until(reading, has("後"))
    assert [reason for reason, _, _ in skips(found)] == ["not_an_event"] * len(GARBAGE) + ["unknown_record"]
    assert server.connections == 1  # nobody hung up over it


def test_a_subscription_that_is_refused_is_said(server: Mastodon) -> None:
    with closing(pages(server)) as reading:
        until(reading, lambda seen: seen[-1].seen_until is not None)
        server.inject(json.dumps({"error": "Unknown stream type", "status": 400}))
        with pytest.raises(Refused, match=r"refuses the stream \(status 400\)"):
            until(reading, lambda _: False)


def test_while_the_stream_is_away_the_timelines_are_read(server: Mastodon) -> None:
    hana = server.account("hana")
    server.refuse_streams = HTTPStatus.SERVICE_UNAVAILABLE
    cursor = server.post(hana, "前")
    server.post(hana, "後")
    found: list[Page] = []
    with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
        found.extend(pages(server, cursor))
    assert "後" in texts(found)
    assert found[-1].cursor == max(server.statuses)


def test_one_that_nobody_foresaw_does_not_stop_the_others(server: Mastodon, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(told: Any, *rest: Any) -> Any:
        if "罠" in json.dumps(told, ensure_ascii=False):
            raise ArithmeticError("whatever a library may do one day")
        return status_of(told, *rest)

    monkeypatch.setattr("yoake.collect.connectors.mastodon.status_of", stumble)
    hana = server.account("hana")
    for text in ("前", "罠", "後だ"):
        server.post(hana, text)
    found = once(server, None)
    assert set(texts(found)) == {"前", "後だ"}
    assert [(reason, where.rpartition(" ")[2]) for reason, where, _ in skips(found)] == [
        ("unexpected", "ArithmeticError")
    ]


# --- faults -----------------------------------------------------------------------------------------------------------


def test_who_is_not_let_in_is_told_so(server: Mastodon) -> None:
    server.tokens["narrow"] = "read:accounts"
    server.account("hana")
    for token in ("stranger", "narrow"):
        with pytest.raises(Refused, match=r"127\.0\.0\.1"):
            until(pages(server, token=token), lambda _: False)
    server.public_preview = False
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        until(pages(server, token=""), lambda _: False)


FAULTS: list[tuple[int, bytes, dict[str, str], type[Exception]]] = [
    (429, b'{"error":"Throttled"}', {"Retry_After": "7"}, TryLater),
    (429, b"", {}, TryLater),
    (500, b"<html>", {}, TryLater),
    (503, b"", {}, TryLater),
    (200, b"<html>", {}, TryLater),
    (200, b'{"a":', {}, TryLater),
    (200, b"{}", {}, TryLater),
    (404, b"<html>", {}, Refused),
    (422, b'{"error":"This method requires an authenticated user"}', {}, Refused),
    (401, b"", {}, Refused),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind"), FAULTS)
def test_what_a_server_in_trouble_answers(
    status: int, body: bytes, headers: dict[str, str], kind: type[Exception]
) -> None:
    with http_server(lambda r: respond(r, status, body, **headers)) as url:
        chosen = MastodonTimelines.Options(instance=url)
        with pytest.raises(kind, match=r"127\.0\.0\.1"):
            until(MastodonTimelines().pages(chosen, "5", NET), lambda _: False)


def test_a_server_that_knows_no_min_id_is_not_asked_for_ever() -> None:
    status = {"id": "7", "uri": "https://h.example/objects/7", "content": "あ", "account": {"acct": "a"}}
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        respond(handler, 200, json.dumps([status]).encode())

    with http_server(answer) as url:
        chosen = MastodonTimelines.Options(instance=url)
        found = until(MastodonTimelines().pages(chosen, "5", NET), lambda seen: seen[-1].seen_until is not None)
    assert len(asked) == 2
    assert [row["native_id"] for row in posts(found)] == ["https://h.example/objects/7"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeline": "home"},
        {"every_s": 1.0},
        {"hashtags": ("二 語",)},
        {"hashtags": ("#",)},
        {"hashtags": ("a",), "timeline": "remote"},
        {"instance": "mastodon.example"},
        {"instance": "ftp://mastodon.example"},
        {"cursor": ""},
    ],
)
def test_settings_that_cannot_work(server: Mastodon, wrong: dict[str, Any]) -> None:
    cursor = wrong.pop("cursor", None)
    with pytest.raises(BadInput):
        next(pages(server, cursor, token="", **wrong))


def test_reading_stops_with_the_patrol(server: Mastodon) -> None:
    stop = threading.Event()
    reading = pages(server, None, Net(allow_private=True, stop=stop, keys=KEYS.__getitem__))
    until(reading, lambda found: found[-1].seen_until is not None)
    stop.set()
    assert len(list(reading)) <= 1


happenings = st.sampled_from(["post", "post", "post", "tag", "late", "edit", "delete"])


@settings(deadline=None, max_examples=5)
@given(st.lists(happenings, max_size=40), st.lists(st.integers(1, 6), max_size=5))
def test_resuming_anywhere_is_reading_once(happened: list[str], cuts: list[int]) -> None:
    """The reading is killed after any page; what is read in the end is what one reading reads."""
    with Mastodon() as server:
        hana = server.account("hana", host="other.example")
        begin = server.post(hana, "始め #例")
        idents = [begin]
        for what in happened:
            if what == "edit":
                server.edit(idents[-1], "なおした #例")
            elif what == "delete" and len(idents) > 1:
                server.delete(idents.pop())
            else:
                text = f"{len(idents)} #例" if what == "tag" else str(len(idents))
                idents.append(server.post(hana, text, late_s=90 if what == "late" else 0))
        more: dict[str, Any] = {"hashtags": ("例", "ほか"), "only_japanese": False}
        whole = once(server, begin, **more)
        parts: list[Page] = []
        cursor: str | None = begin
        for count in cuts:
            with closing(pages(server, cursor, token="", **more)) as reading:
                parts += list(islice(reading, count))
            cursor = parts[-1].cursor
        parts += once(server, cursor, **more)
    versions = [{row["uid"] + row["content_hash"] for row in posts(found)} for found in (whole, parts)]
    assert versions[0] == versions[1]
    assert whole[-1].cursor == parts[-1].cursor
