from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.collect.loopback import Clock, ClockNet, posts, skips, until
from tests.servers.threads.server import TOKEN, Threads, problem
from yoake.collect.connector import Page, Searches
from yoake.collect.connectors.threads import ThreadsSearch
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

KEYS = {"threads_token": TOKEN, "stranger": "x"}


@pytest.fixture
def server() -> Iterator[Threads]:
    with Threads() as running:
        yield running


@pytest.fixture
def net() -> Net:
    return Net(allow_private=True, keys=KEYS.__getitem__)


def options(server: Threads, *queries: str, **more: Any) -> ThreadsSearch.Options:
    return ThreadsSearch.Options(**{"api": server.url, "queries": queries or ("高収入",), **more})


def pages(
    server: Threads, net: Net, cursor: str | None = None, *queries: str, **more: Any
) -> Generator[Page, None, None]:
    return ThreadsSearch().pages(options(server, *queries, **more), cursor, net)


def once(server: Threads, net: Net, cursor: str | None = None, *queries: str, **more: Any) -> list[Page]:
    with closing(pages(server, net, cursor, *queries, **more)) as reading:
        return until(reading, lambda found: found[-1].seen_until is not None)


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def test_a_post_as_a_row(server: Threads, net: Net) -> None:
    code = server.post(
        "taro.x", "高収入 &amp; です", media_type="IMAGE", media_url="https://cdn.example/1.jpg?sig=1", alt_text="求人"
    )
    (row,) = posts(found := once(server, net))
    assert {
        key: row[key] for key in ("network", "native_id", "url", "author_id", "author_handle", "text", "images")
    } == {
        "network": "threads",
        "native_id": code,
        "url": f"https://www.threads.com/@taro.x/post/{code}",
        "author_id": "",
        "author_handle": "taro.x",
        "text": "高収入 &amp; です",
        "images": [{"ref": "1.jpg", "alt": "求人", "mime": "", "size_bytes": None}],
    }
    assert row["posted_at"] == server.now
    assert skips(found) == []


def test_the_signature_of_a_picture_makes_no_new_version(server: Threads, net: Net) -> None:
    server.post("taro.x", "高収入", media_type="IMAGE", media_url="https://cdn.example/v/1.jpg?sig=1&oe=2")
    (first,) = posts(once(server, net))
    server.media[0]["media_url"] = "https://cdn2.example/v/1.jpg?sig=3&oe=4"
    (second,) = posts(once(server, net))
    assert first["content_hash"] == second["content_hash"]


def test_one_post_whichever_address_names_it(server: Threads, net: Net) -> None:
    server.post("taro.x", "高収入", permalink="https://www.threads.net/@taro.x/post/DAabc_-1/")
    server.post("taro.x", "高収入 同じ", permalink="https://threads.com/t/DAabc_-1")
    first, second = posts(once(server, net))
    assert first["uid"] == second["uid"]


def test_everything_new_is_read_and_resuming_anywhere_is_reading_once(server: Threads, net: Net) -> None:
    server.post("taro.x", "高収入 前")
    begin = once(server, net, None, "高収入", "即金")[-1].cursor
    for n in range(330):
        server.post("taro.x", f"{n} 高収入" if n % 3 else f"{n} 高収入 即金", step_s=0.4)
    whole = once(server, net, begin, "高収入", "即金")
    assert set(texts(whole)) == {"高収入 前"} | {f"{n} 高収入" if n % 3 else f"{n} 高収入 即金" for n in range(330)}
    for cut in range(1, len(whole)):
        rest = once(server, net, whole[cut - 1].cursor, "高収入", "即金")
        assert {*texts(whole[:cut]), *texts(rest)} >= set(texts(whole))
    assert all(one["search_type"] == "RECENT" for one in server.asked)


def test_a_search_ends_once_everything_was_read(server: Threads, net: Net) -> None:
    connector = ThreadsSearch()
    assert isinstance(connector, Searches)
    begin = list(connector.search("高収入", options(server), None, net))[-1].cursor
    for n in range(150):
        server.post("taro.x", f"{n} 高収入")
    found = list(connector.search("高収入", options(server), begin, net))
    assert (len(found), len(set(texts(found)))) == (2, 150)


def test_popular_posts_are_one_page_each_time(server: Threads, net: Net) -> None:
    for n in range(250):
        server.post("taro.x", f"{n} 高収入")
    begin = once(server, net, search_type="TOP", search_mode="TAG")[-1].cursor
    found = once(server, net, begin, search_type="TOP", search_mode="TAG")
    assert len(server.asked) == 2
    assert server.asked[-1]["search_mode"] == "TAG"
    assert len(found) == 2


def test_what_is_odd_is_counted_and_the_rest_is_read(server: Threads, net: Net) -> None:
    server.odd = {"new_field": [1]}
    server.post("taro.x", "高収入 一", permalink="javascript:alert(1)")
    server.post("taro.x", "高収入 二", permalink="https://evil.example/@taro.x/post/DAabcdef")
    server.post("taro.x", "高収入 三", timestamp="2027-11-20T03:00:00+0000")
    server.post("taro.x", "高収入 四", media_type="IMAGE", media_url="javascript:alert(1)")
    server.post("taro.x", "高収入 五", media_type="NEW_KIND")
    found = once(server, net)
    assert set(texts(found)) == {"高収入 三", "高収入 四", "高収入 五"}
    assert sorted((reason, kept) for reason, _, kept in skips(found)) == [
        ("bad_image", True),
        ("future_time", True),
        ("no_id", False),
        ("no_id", False),
    ]


def test_the_searches_of_a_day_are_few(server: Threads) -> None:
    clock = Clock()
    net = _Keyed(clock)
    server.post("taro.x", "高収入")
    reading = pages(server, net, None, searches_per_day=3, every_s=60.0)
    found = []
    with pytest.raises(TryLater, match="searches_per_day") as caught:
        found += [page for page in reading if page.posts.num_rows]
    assert len(server.asked) == 3
    clock.at += timedelta(seconds=caught.value.after_s)
    assert texts(once(server, net, searches_per_day=3)) == ["高収入"]
    empty = _Keyed(Clock(), wait_s=60)
    until(pages(server, empty, None, "無し", searches_per_day=3, every_s=60.0), lambda _: len(server.asked) >= 12)


def test_an_app_that_is_nearly_spent_waits(server: Threads, net: Net) -> None:
    server.post("taro.x", "高収入")
    server.usage = 97
    assert texts(once(server, net)) == ["高収入"]
    with pytest.raises(TryLater, match="nearly used up"):
        next(pages(server, net))


ERRORS: list[tuple[int, int, type[Exception], str]] = [
    (400, 190, Refused, "make a new one"),
    (401, 190, Refused, "make a new one"),
    (403, 10, Refused, "threads_keyword_search"),
    (500, 10, Refused, "threads_keyword_search"),
    (400, 200, Refused, "threads_keyword_search"),
    (403, 4, TryLater, "limit of calls"),
    (400, 613, TryLater, "limit of calls"),
    (429, 4, TryLater, "limit of calls"),
    (400, 100, BadInput, "does not take"),
    (400, 1, TryLater, "400"),
    (500, 2, TryLater, "500"),
]


@pytest.mark.parametrize(("status", "code", "kind", "words"), ERRORS)
def test_what_its_errors_mean(
    server: Threads, net: Net, status: int, code: int, kind: type[Exception], words: str
) -> None:
    server.error = (status, problem(code, "told"))
    with pytest.raises(kind, match=words):
        next(pages(server, net))


def test_a_wrong_token_and_settings_that_cannot_work(server: Threads, net: Net) -> None:
    with pytest.raises(Refused, match="make a new one") as caught:
        next(pages(server, net, key="stranger"))
    assert TOKEN not in str(caught.value)
    for more in (
        {"queries": ()}, {"queries": (" ",)}, {"every_s": 5.0}, {"search_type": "NEW"}, {"search_mode": "?"},
        {"searches_per_day": 5_000},
    ):  # fmt: skip
        with pytest.raises(BadInput):
            next(pages(server, net, **more))
    server.error = (200, {"data": {}})
    with pytest.raises(TryLater, match="no list"):
        next(pages(server, net))


def test_whether_a_post_is_up_a_person_must_look(server: Threads, net: Net) -> None:
    (found,) = ThreadsSearch().check(["DAabc"], options(server), net)
    assert (found.state, server.asked) == ("unchecked", [])
    assert ThreadsSearch().context("DAabc", options(server), net).recent.num_rows == 0
    assert ThreadsSearch().picture("DAabc", "1.jpg", options(server), net, limit_bytes=1) is None


class _Keyed(ClockNet):
    """A test's clock, and our keys."""

    def secret(self, name: str) -> str:
        return KEYS[name]
