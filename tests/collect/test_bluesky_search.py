from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.collect.loopback import posts, respond, skips, until
from tests.servers.appview.server import NOON, PASSWORD, AppView
from yoake.collect.bluesky import post_of
from yoake.collect.connector import KeepsPictures, Known, NoticesEdits, Page, Searches
from yoake.collect.connectors.bluesky_search import BlueskySearch
from yoake.collect.items import ReadsOnePost
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

KEYS = {"bluesky_app_password": PASSWORD, "wrong": "x"}


@pytest.fixture
def server() -> Iterator[AppView]:
    with AppView() as running:
        yield running


@pytest.fixture
def net() -> Net:
    return Net(allow_private=True, keys=KEYS.__getitem__)


def options(server: AppView, *queries: str, **more: Any) -> BlueskySearch.Options:
    told = {"service": server.url, "api": server.url, "plc": server.url, "handle": "patrol.example"}
    return BlueskySearch.Options(**{**told, "queries": queries or ("高収入",), **more})


def pages(
    server: AppView, net: Net, cursor: str | None = None, *queries: str, **more: Any
) -> Generator[Page, None, None]:
    return BlueskySearch().pages(options(server, *queries, **more), cursor, net)


def once(server: AppView, net: Net, cursor: str | None = None, *queries: str, **more: Any) -> list[Page]:
    with closing(pages(server, net, cursor, *queries, **more)) as reading:
        return until(reading, lambda found: found[-1].seen_until is not None)


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def test_what_is_found_is_the_same_post_as_in_the_stream(server: AppView, net: Net) -> None:
    taro = server.person("taro.example", name="太郎", about="求人")
    uri = server.post(taro, "高収入 です", labels={"values": [{"val": "nsfw"}]})
    server.views[uri]["labels"] = [{"val": "spam"}, {"val": "old", "neg": True}, 7]
    (row,) = posts(found := once(server, net))
    streamed, _ = post_of(server.views[uri]["record"], taro, "r1", NOON)
    assert streamed is not None
    (there,) = posts_batch([streamed]).to_pylist()
    for name in ("uid", "content_hash", "native_id", "url", "author_id", "posted_at"):
        assert row[name] == there[name]
    assert (row["author_handle"], row["author_name"], row["labels"]) == ("taro.example", "太郎", ["nsfw", "spam"])
    assert skips(found) == []


def test_the_newest_page_first_and_then_everything_new(server: AppView, net: Net) -> None:
    taro = server.person("taro.example")
    for n in range(130):
        server.post(taro, f"{n} 高収入")
    first = once(server, net)
    assert set(texts(first)) == {f"{n} 高収入" for n in range(30, 130)}
    server.now += timedelta(hours=1)
    for n in range(130, 480):
        server.post(taro, f"{n} 高収入", created=server.now if n % 7 else None)
    server.post(taro, "高収入 not Japanese", langs=["en"])
    second = once(server, net, first[-1].cursor)
    assert set(texts(second)) >= {f"{n} 高収入" for n in range(130, 480)}
    assert len(set(texts(second))) < 480  # only the last minutes come again
    assert skips(second) == []
    assert server.signed_in == 1
    assert "高収入 not Japanese" in texts(once(server, net, second[-1].cursor, lang=""))


def test_resuming_at_any_page_equals_one_uninterrupted_run(server: AppView, net: Net) -> None:
    begin = once(server, net, None, "高収入", "即金")[-1].cursor
    taro = server.person("taro.example")
    for n in range(330):
        server.post(taro, f"{n} 高収入" if n % 3 else f"{n} 高収入 即金")
    whole = once(server, net, begin, "高収入", "即金")
    assert len(set(texts(whole))) == 330
    for cut in range(1, len(whole)):
        rest = once(server, net, whole[cut - 1].cursor, "高収入", "即金")
        assert {*texts(whole[:cut]), *texts(rest)} == set(texts(whole))


def test_more_posts_of_one_instant_than_a_page_holds_are_said(server: AppView, net: Net) -> None:
    begin = once(server, net)[-1].cursor
    taro = server.person("taro.example")
    server.post(taro, "高収入 前")
    server.now += timedelta(minutes=10)
    for n in range(150):
        server.post(taro, f"{n} 高収入", created=NOON + timedelta(minutes=5))
    found = once(server, net, begin)
    assert "高収入 前" in texts(found)
    assert [reason for reason, _, _ in skips(found)] == ["gap"]


def test_a_search_ends_once_everything_was_read(server: AppView, net: Net) -> None:
    connector = BlueskySearch()
    assert isinstance(connector, Searches)
    begin = list(connector.search("高収入", options(server), None, net))[-1].cursor
    taro = server.person("taro.example")
    for n in range(250):
        server.post(taro, f"{n} 高収入")
    asked = len(server.asked)
    found = list(connector.search("高収入", options(server), begin, net))
    assert len(server.asked) - asked == len(found) == 3
    assert found[-1].seen_until is not None
    assert len(set(texts(found))) == 250


def test_a_session_that_ended_is_made_anew_and_a_wrong_password_is_refused(server: AppView, net: Net) -> None:
    taro = server.person("taro.example")
    server.post(taro, "高収入")
    assert texts(once(server, net)) == ["高収入"]
    server.sessions.clear()
    assert texts(once(server, net)) == ["高収入"]
    assert server.signed_in == 2
    other = Net(allow_private=True, keys=KEYS.__getitem__)
    with pytest.raises(Refused, match="401"):
        next(pages(server, other, key="wrong"))
    with pytest.raises(Refused, match="401"):
        next(pages(server, other, handle=""))
    server.public = True
    assert texts(once(server, other, handle="")) == ["高収入"]


def test_what_is_odd_is_counted_and_the_rest_is_read(server: AppView, net: Net) -> None:
    taro = server.person("taro.example")
    server.odd = {"threadgate": {"new": 1}}
    server.post(taro, "高収入 一")
    bad = server.post(taro, "高収入 二")
    server.views[bad]["uri"] = "javascript:alert(1)"
    later = server.post(taro, "高収入 三", created=NOON + timedelta(days=90))
    server.views[later]["author"] = None
    found = once(server, net)
    assert set(texts(found)) == {"高収入 一", "高収入 三"}
    assert {(reason, kept) for reason, _, kept in skips(found)} == {("no_id", False), ("future_time", True)}


def test_a_service_that_answers_nonsense_is_asked_again_later(server: AppView, net: Net) -> None:
    def nonsense(handler: Any) -> bool:
        if "searchPosts" not in handler.path:
            return False
        respond(handler, 200, b'{"posts": 7}')
        return True

    server.answer = nonsense
    with pytest.raises(TryLater, match="no list"):
        next(pages(server, net))


def test_settings_that_cannot_work(server: AppView, net: Net) -> None:
    for more in ({"queries": ()}, {"queries": (" ",)}, {"every_s": 1.0}):
        with pytest.raises(BadInput):
            next(pages(server, net, **more))
    for cursor in ("x", "[]", '{"a":[1,2]', '{"a":["1",0,0]}', '{"a":[-5,0,0]}', '{"a":[1,2,3,4]}'):
        with pytest.raises(BadInput, match="cursor"):
            next(pages(server, net, cursor))


def test_whether_posts_are_up(server: AppView, net: Net) -> None:
    connector = BlueskySearch()
    assert isinstance(connector, NoticesEdits)
    assert isinstance(connector, KeepsPictures)
    taro = server.person("taro.example")
    uris = [server.post(taro, f"{n}") for n in range(30)]
    gone = "at://did:plc:gone/app.bsky.feed.post/r1"
    unknown = "at://did:plc:unknown/app.bsky.feed.post/r1"
    server.tombstones.add("did:plc:gone")
    found = connector.check([*uris, gone, unknown, "x"], options(server), net)
    assert {one.state for one in found[:30]} == {"up"}
    assert [one.state for one in found[30:]] == [
        "deleted_by_author",
        "unreachable",
        "unchecked",
    ]  # as the directory says
    assert sum(method.endswith("getPosts") for method, _ in server.asked) == 2
    known = Known(uris[0], found[0].content_hash)
    server.views[uris[0]]["record"]["text"] = "別の文"
    assert connector.check_known([known], options(server), net)[0].state == "edited"
    assert isinstance(connector, ReadsOnePost)
    assert connector.read(uris[0], options(server), net).column("text").to_pylist() == ["別の文"]
    assert connector.read(gone, options(server), net).num_rows == 0


def test_what_surrounds_a_post(server: AppView, net: Net) -> None:
    taro, hana = server.person("taro.example", name="太郎", about="求人"), server.person("hana.example")
    above = server.post(hana, "詳しく")
    middle = server.post(taro, "DMで", reply=above)
    uri = server.post(taro, "高収入", reply=middle)
    context = BlueskySearch().context(uri, options(server), net)
    assert context.parents.column("text").to_pylist() == ["詳しく", "DMで"]
    assert context.recent.column("text").to_pylist() == ["高収入", "DMで"]
    assert (context.profile, context.author_name) == ("求人", "太郎")
    del server.views[above]
    assert BlueskySearch().context(uri, options(server), net).parents.column("text").to_pylist() == ["DMで"]
    del server.views[uri]
    assert BlueskySearch().context(uri, options(server), net).parents.num_rows == 0
    assert BlueskySearch().context("x", options(server), net).recent.num_rows == 0
