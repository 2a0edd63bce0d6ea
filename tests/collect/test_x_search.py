from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.collect.loopback import Clock, ClockNet, posts, respond, skips, until
from tests.servers.x.server import BEARER, NOON, X
from yoake.collect.connector import Known, NoticesEdits, Page
from yoake.collect.connectors.x_search import XSearch
from yoake.collect.hosts import Hosts
from yoake.collect.items import ReadsOnePost
from yoake.collect.net import Busy, Net
from yoake.collect.x import X as Api
from yoake.collect.x_searching import Budget
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import uid_of

KEYS = {"x_bearer": BEARER, "stranger": "x"}
NET = Net(allow_private=True, keys=KEYS.__getitem__)


@pytest.fixture
def server() -> Iterator[X]:
    with X() as running:
        yield running


def options(server: X, *queries: str, **more: Any) -> XSearch.Options:
    return XSearch.Options(**{"api": server.url, "queries": queries or ("高収入",), "posts_per_month": 0, **more})


def pages(
    server: X, cursor: str | None = None, *queries: str, net: Net = NET, **more: Any
) -> Generator[Page, None, None]:
    return XSearch().pages(options(server, *queries, **more), cursor, net)


def once(server: X, cursor: str | None = None, *queries: str, **more: Any) -> list[Page]:
    """One round."""
    with closing(pages(server, cursor, *queries, **more)) as reading:
        return until(reading, lambda found: found[-1].seen_until is not None)


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


class Ticking(ClockNet):
    """A test's clock, and our keys."""

    def secret(self, name: str) -> str:
        return KEYS[name]


# --- what a post becomes ----------------------------------------------------------------------------------------------


def test_a_post_as_a_row(server: X) -> None:
    taro = server.user("taro_x", display="太郎", bio="求人 &amp; 即金")
    first = server.post(taro, "最初の話")
    ident = server.post(
        taro,
        "高収入 &lt;荷物&gt; AT&amp;T &nbsp; https://t.co/abc https://t.co/pic",
        conversation_id=first,
        possibly_sensitive=True,
        referenced_tweets=[{"type": "replied_to", "id": first}],
        attachments=server.photo("https://pbs.example/1.jpg", "求人"),
        entities={
            "urls": [
                {"url": "https://t.co/abc", "expanded_url": "https://t.example/aaa"},
                {
                    "url": "https://t.co/pic",
                    "expanded_url": "https://x.com/taro_x/status/1/photo/1",
                    "media_key": "3_1",
                },
                {"url": "https://elsewhere.example/", "expanded_url": "https://other.example/"},
                {"url": "https://t.co/abc"},
                7,
            ]
        },
    )
    (row,) = posts(found := once(server))
    assert {key: row[key] for key in row if key not in ("seen_at", "content_hash")} == {
        "uid": uid_of("x", ident),
        "network": "x",
        "native_id": ident,
        "url": f"https://x.com/i/web/status/{ident}",
        "author_id": taro,
        "author_handle": "taro_x",
        "author_name": "太郎",
        "profile": "求人 & 即金",
        "text": "高収入 <荷物> AT&T &nbsp; https://t.example/aaa",
        "parent_id": first,
        "parent_text": "最初の話",
        "root_id": first,
        "lang": "ja",
        "labels": ["nsfw"],
        "images": [{"ref": "https://pbs.example/1.jpg", "alt": "求人", "mime": "", "size_bytes": None}],
        "posted_at": server.now,
    }
    assert skips(found) == []


def test_long_texts_reposts_and_edits(server: X) -> None:
    taro, hana = server.user("taro_x"), server.user("hana_x")
    server.post(taro, "高収入 短く…", note_tweet={"text": "高収入 長い長い文", "entities": {}})
    shared = server.post(taro, "元の投稿")
    server.post(hana, "RT @taro_x: 高収入 元の…", referenced_tweets=[{"type": "retweeted", "id": shared}])
    server.post(hana, "RT @x: 高収入 消えた元", referenced_tweets=[{"type": "retweeted", "id": "77"}])
    old = server.post(hana, "高収入 一版")
    new = server.post(hana, "高収入 二版", edits=old)
    found = once(server)
    rows = {row["text"]: row for row in posts(found)}
    assert set(rows) == {"高収入 長い長い文", "元の投稿", "高収入 二版"}
    assert (rows["元の投稿"]["native_id"], rows["元の投稿"]["author_handle"]) == (shared, "taro_x")
    assert (rows["高収入 二版"]["native_id"], rows["高収入 二版"]["url"]) == (old, f"https://x.com/i/web/status/{new}")
    assert [(reason, kept) for reason, _, kept in skips(found)] == [("no_original", False)]


def test_what_is_odd_is_counted_and_the_rest_is_read(server: X) -> None:
    taro = server.user("taro_x")
    server.post(taro, "高収入 一", lang=7, attachments={"media_keys": ["gone", 3]}, possibly_sensitive="yes")
    server.post(taro, "高収入 二", created_at="2027-11-20T03:00:00.000Z")
    odd = server.post(taro, "高収入 三")
    server.posts[odd]["author_id"] = "javascript:"
    server.users["javascript:"] = {"id": "javascript:"}
    server.odd = {"new_field": [{"deep": None}]}
    found = once(server)
    assert set(texts(found)) == {"高収入 一", "高収入 二"}
    assert {(reason, kept) for reason, _, kept in skips(found)} == {
        ("bad_image", True),
        ("future_time", True),
        ("no_id", False),
    }


# --- reading ----------------------------------------------------------------------------------------------------------


def test_the_first_round_reads_the_newest_page_and_the_next_what_is_new(server: X) -> None:
    taro = server.user("taro_x")
    for n in range(25):
        server.post(taro, f"{n} 高収入")
    first = once(server, page_posts=10)
    assert texts(first) == [f"{n} 高収入" for n in range(15, 25)]
    for n in range(25, 60):
        server.post(taro, f"{n} 高収入")
    second = once(server, first[-1].cursor, page_posts=10)
    assert sorted(texts(second)) == sorted(f"{n} 高収入" for n in range(25, 60))
    asked = [one.query for one in server.asked if one.path == "/2/tweets/search/recent"]
    assert len(asked) == 5
    assert all(one["query"] == "高収入" for one in asked)
    assert once(server, second[-1].cursor)[-1].posts.num_rows == 0


def test_after_an_empty_beginning_everything_is_new(server: X) -> None:
    empty = once(server, page_posts=10)
    taro = server.user("taro_x")
    for n in range(35):
        server.post(taro, f"{n} 高収入")
    assert len(texts(once(server, empty[-1].cursor, page_posts=10))) == 35


def test_resuming_at_any_page_equals_one_uninterrupted_run(server: X) -> None:
    taro = server.user("taro_x")
    begin = once(server, None, "高収入", "即金")[-1].cursor
    for n in range(64):
        server.post(taro, f"{n} 高収入" if n % 3 else f"{n} 高収入 即金")
    whole = once(server, begin, "高収入", "即金", page_posts=10)
    everything = {(row["uid"], row["content_hash"]) for row in posts(whole)}
    assert len(everything) == 64
    for cut in range(1, len(whole)):
        server.post(taro, f"後から {cut} 高収入")
        rest = once(server, whole[cut - 1].cursor, "高収入", "即金", page_posts=10)
        both = {(row["uid"], row["content_hash"]) for row in posts(whole[:cut]) + posts(rest)}
        assert everything <= both
        # what came while the round stood still is read by the next round at the latest
        after = once(server, rest[-1].cursor, "高収入", "即金", page_posts=10)
        assert f"後から {cut} 高収入" in texts(rest) + texts(after)


def test_a_cursor_older_than_a_week_is_a_gap_and_what_is_kept_is_read(server: X) -> None:
    taro = server.user("taro_x")
    server.post(taro, "高収入 古い")
    begin = once(server)[-1].cursor
    server.now += timedelta(days=20)
    for n in range(15):
        server.post(taro, f"{n} 高収入")
    found = once(server, begin, page_posts=10, net=Ticking(Clock(server.now)))
    assert len(texts(found)) == 15
    ((reason, where, kept),) = skips(found)
    assert (reason, kept) == ("gap", False)
    assert "after id" in where
    assert skips(once(server, found[-1].cursor)) == []


def test_a_search_ends_once_everything_was_read(server: X) -> None:
    taro = server.user("taro_x")
    begin = list(XSearch().search("高収入", options(server, page_posts=10), None, NET))[-1].cursor
    for n in range(25):
        server.post(taro, f"{n} 高収入")
    found = list(XSearch().search("高収入", options(server, page_posts=10), begin, NET))
    assert [page.posts.num_rows for page in found] == [10, 10, 5]
    rest = list(XSearch().search("高収入", options(server, page_posts=10), found[0].cursor, NET))
    assert {*texts(found[:1]), *texts(rest)} == {f"{n} 高収入" for n in range(25)}
    assert found[-1].seen_until is not None


# --- what X allows ----------------------------------------------------------------------------------------------------


def test_the_month_is_shared_evenly_by_its_days(server: X) -> None:
    taro = server.user("taro_x")
    begin = once(server)[-1].cursor
    for n in range(200):
        server.post(taro, f"{n} 高収入")
    server.usage = 340  # 1100 - 340 = 760 in the eleven days that are left: 70 a day
    clock = Clock(datetime(2026, 11, 20, 3, 0, tzinfo=UTC))
    net = Ticking(clock, wait_s=600)
    read: dict[int, int] = {}
    more = {"posts_per_month": 1100, "page_posts": 100, "every_s": 600.0}
    with closing(pages(server, begin, net=net, **more)) as reading:
        for page in itertools.islice(reading, 500):
            read[clock.at.day] = read.get(clock.at.day, 0) + page.posts.num_rows
            if sum(read.values()) == 200:
                break
    assert read == {20: 70, 21: 69, 22: 61}
    with pytest.raises(TryLater, match="share"):
        list(XSearch().search("高収入", options(server, posts_per_month=540), begin, net))


def test_a_days_share_is_reckoned_once(server: X) -> None:
    """What X counts in the meantime was read of that share: it does not make room for another one the same day."""
    clock = Clock(datetime(2026, 11, 20, 0, 30, tzinfo=UTC))
    net = Ticking(clock)
    net.hosts = Hosts({"*": 0.0}, clock=lambda: clock().timestamp())
    budget = Budget(Api(server.url, KEYS["x_bearer"], net), "x_bearer", 1100)
    read: dict[int, int] = {}
    for _ in range(72):
        posts = budget.left() or 0
        budget.spend(posts)
        server.usage += posts
        read[clock.at.day] = read.get(clock.at.day, 0) + posts
        clock.at += timedelta(hours=1)
    assert read == {20: 100, 21: 100, 22: 100}


def test_a_plan_without_usage_still_counts(server: X) -> None:
    taro = server.user("taro_x")
    for n in range(30):
        server.post(taro, f"{n} 高収入")
    server.has_usage = False
    assert len(texts(once(server, posts_per_month=110, net=Ticking(Clock())))) == 10  # 110 in eleven days


def test_a_spent_window_of_requests_is_waited_out(server: X) -> None:
    taro = server.user("taro_x")
    begin = once(server)[-1].cursor
    for n in range(100):
        server.post(taro, f"{n} 高収入")
    server.left, server.reset = 3, NOON + timedelta(minutes=9)
    clock = Clock()

    class Passing(Ticking):
        def wait(self, seconds: float) -> bool:
            stopping = super().wait(seconds)
            if clock.at >= server.reset:
                server.left = 300
            return stopping

    with closing(pages(server, begin, net=Passing(clock, wait_s=30), page_posts=10)) as reading:
        found = until(reading, lambda seen: len(texts(seen)) == 100)
    assert clock.at >= NOON + timedelta(minutes=9)
    assert all(one.query for one in server.asked if "search" in one.path)
    assert any(page.posts.num_rows == 0 for page in found)  # life was shown meanwhile


def test_too_many_requests_say_until_when(server: X) -> None:
    server.left, server.reset = 0, NOON + timedelta(minutes=9)
    with pytest.raises(Busy) as caught:
        next(pages(server, net=Ticking(Clock())))
    assert caught.value.after_s == pytest.approx(540, abs=2)


def test_a_spent_cap_is_said_and_left_alone(server: X) -> None:
    server.capped = True
    with pytest.raises(TryLater, match="is used up") as caught:
        next(pages(server))
    assert caught.value.after_s >= 3600


def test_what_a_person_must_do(server: X) -> None:
    with pytest.raises(Refused, match="401"):
        next(pages(server, key="stranger"))

    def forbidden(handler: Any) -> bool:
        told = {
            "title": "Client Forbidden",
            "reason": "client-not-enrolled",
            "detail": "This app is not attached to a Project.",
            "type": "https://api.twitter.com/2/problems/client-forbidden",
        }
        respond(handler, 403, orjson.dumps(told), Content_Type="application/problem+json")
        return True

    server.answer = forbidden
    with pytest.raises(Refused, match="client-not-enrolled"):
        next(pages(server))

    def unpaid(handler: Any) -> bool:
        respond(handler, 402, b'{"title": "CreditsDepleted"}')
        return True

    server.answer = unpaid
    with pytest.raises(Refused, match="CreditsDepleted"):
        next(pages(server))


def test_settings_that_cannot_work(server: X) -> None:
    for more in ({"every_s": 1.0}, {"page_posts": 5}, {"posts_per_month": -1}, {"queries": ()}, {"queries": (" ",)}):
        with pytest.raises(BadInput):
            next(pages(server, **more))
    for cursor in ("x", "[]", '{"a":["x","",""]}', '{"a":[1]}', '{"a":7}'):
        with pytest.raises(BadInput, match="cursor"):
            next(pages(server, cursor))
    with pytest.raises(BadInput, match="missing"):
        once(server, None, "(高収入")


# --- is it up, and what is around it ----------------------------------------------------------------------------------


def test_whether_posts_are_up(server: X) -> None:
    taro = server.user("taro_x", bio="元の自己紹介")
    idents = [server.post(taro, f"高収入 {n}") for n in range(6)]
    server.remove(idents[1])
    server.remove(idents[2], "not-authorized-for-resource")
    server.posts[idents[3]]["withheld"] = {"copyright": False, "country_codes": ["JP"]}
    server.posts[idents[4]]["withheld"] = {"copyright": False, "country_codes": ["DE"]}
    second = server.post(taro, "高収入 直した", edits=idents[5])
    refs = [*idents, "at://x", "1"]
    found = {one.ref: one for one in XSearch().check(refs, options(server), NET)}
    assert [found[ref].state for ref in refs] == [
        "up", "removed", "unchecked", "removed_by_provider", "up", "edited", "unchecked", "removed",
    ]  # fmt: skip
    assert "protected or suspended" in found[idents[2]].note  # which of them, X does not say: it may come back
    assert found[idents[2]].after_s == 0  # a person looks
    assert "DE" in found[idents[4]].note
    assert second in found[idents[5]].note
    assert found[idents[5]].stamp == second
    assert found[idents[0]].note == ""


def test_an_edit_is_another_version_and_a_new_profile_is_none(server: X) -> None:
    connector = XSearch()
    assert isinstance(connector, NoticesEdits)
    taro = server.user("taro_x", bio="一")
    ident = server.post(taro, "高収入 一版")
    (first,) = connector.check_known([Known(ident)], options(server), NET)
    server.users[taro]["description"] = "二"
    known = Known(ident, first.content_hash, first.stamp)
    assert connector.check_known([known], options(server), NET)[0].state == "up"
    second = server.post(taro, "高収入 二版", edits=ident)
    (edited,) = connector.check_known([known], options(server), NET)
    assert (edited.state, edited.stamp) == ("edited", second)
    again = Known(ident, edited.content_hash, edited.stamp)
    assert connector.check_known([again], options(server), NET)[0].state == "up"
    assert isinstance(connector, ReadsOnePost)
    batch = connector.read(ident, options(server), NET)
    assert batch.column("text").to_pylist() == ["高収入 二版"]
    assert connector.read("1", options(server), NET).num_rows == 0


def test_many_posts_are_asked_for_a_hundred_at_a_time(server: X) -> None:
    taro = server.user("taro_x")
    idents = [server.post(taro, f"{n}") for n in range(250)]
    server.asked.clear()
    assert {one.state for one in XSearch().check(idents, options(server), NET)} == {"up"}
    assert len(server.asked) == 3


def test_a_check_that_cannot_be_made_says_so(server: X) -> None:
    server.left = 0
    (found,) = XSearch().check(["1"], options(server), Ticking(Clock()))
    assert found.state == "unreachable"
    assert "too many requests" in found.note


def test_what_surrounds_a_post(server: X) -> None:
    taro, hana = server.user("taro_x", display="太郎", bio="求人"), server.user("hana_x")
    above = server.post(hana, "詳しく")
    middle = server.post(taro, "DMで", referenced_tweets=[{"type": "replied_to", "id": above}])
    ident = server.post(taro, "高収入", referenced_tweets=[{"type": "replied_to", "id": middle}])
    context = XSearch().context(ident, options(server), NET)
    assert context.parents.column("text").to_pylist() == ["詳しく", "DMで"]
    assert context.recent.column("text").to_pylist() == ["高収入", "DMで"]
    assert (context.profile, context.author_name) == ("求人", "太郎")
    server.remove(ident)
    assert XSearch().context(ident, options(server), NET).recent.num_rows == 0
    assert XSearch().context("x", options(server), NET).recent.num_rows == 0
