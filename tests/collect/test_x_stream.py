from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
import pytest

from tests.collect.loopback import NOON, Clock, ClockNet, posts, respond, skips, until
from tests.servers.faults import FAULTS, Line
from tests.servers.x.server import BEARER, X
from yoake.collect.connector import Known, Page
from yoake.collect.connectors.x_stream import XStream
from yoake.collect.net import Net
from yoake.collect.x import id_at, time_of
from yoake.errors import BadInput, Refused, TryLater

KEYS = {"x_bearer": BEARER, "stranger": "x"}


class OurNet(ClockNet):
    """The outside world at the server's time, with our keys."""

    def secret(self, name: str) -> str:
        return KEYS[name]


@pytest.fixture
def server() -> Iterator[X]:
    with X() as running:
        yield running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search finds at once what was written."""
    monkeypatch.setattr("yoake.collect.connectors.x_stream._LATE_S", 0.0)


def options(server: X, *rules: str, **more: Any) -> XStream.Options:
    return XStream.Options(**{"api": server.url, "rules": rules or ("高収入",), **more})


def pages(server: X, cursor: str | None = None, *rules: str, **more: Any) -> Generator[Page, None, None]:
    return XStream().pages(
        options(server, *rules, **more), cursor, OurNet(Clock(NOON + timedelta(hours=1)), wait_s=0.1)
    )


def texts(found: list[Page]) -> list[str]:
    return [row["text"] for row in posts(found)]


def alone(server: X) -> None:
    """Until the server saw that nobody listens any more."""
    for _ in range(200):
        if not server.streams:
            return
        time.sleep(0.02)
    raise AssertionError("the connection stayed open")


def has(*wanted: str) -> Callable[[list[Page]], bool]:
    return lambda found: set(wanted) <= set(texts(found))


def settled(found: list[Page]) -> bool:
    return found[-1].seen_until is not None


def changes(server: X) -> list[Any]:
    return [(one.query.get("dry_run"), one.body) for one in server.asked if one.method == "POST"]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_posts_and_edits_as_they_are_written(server: X) -> None:
    taro = server.user("taro_x", display="太郎", bio="求人")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        ident = server.post(taro, "高収入 一版")
        server.post(taro, "ほか")
        found += until(reading, has("高収入 一版"))
        server.post(taro, "高収入 二版", edits=ident)
        found += until(reading, has("高収入 二版"))
    first, second = posts(found)
    assert first["native_id"] == second["native_id"] == ident
    assert first["content_hash"] != second["content_hash"]
    assert (first["author_name"], first["profile"]) == ("太郎", "求人")
    assert skips(found) == []
    assert server.connections == 1


def test_what_was_missed_is_searched_for(server: X) -> None:
    taro = server.user("taro_x")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        server.post(taro, "高収入 聞こえた")
        found += until(reading, has("高収入 聞こえた"))
    alone(server)
    for n in range(150):
        server.post(taro, f"高収入 {n}")
    with closing(pages(server, found[-1].cursor)) as reading:
        missed = until(reading, lambda seen: has(*(f"高収入 {n}" for n in range(150)))(seen) and settled(seen))
        assert {page.cursor for page in missed[:1]} == {found[-1].cursor}  # it waits until everything was read
        assert int(missed[-1].cursor or 0) > int(found[-1].cursor or 0)
        server.post(taro, "高収入 またつながった")
        until(reading, has("高収入 またつながった"))
    assert skips(missed) == []


def test_a_stream_that_ends_is_opened_again(server: X) -> None:
    taro = server.user("taro_x")
    disconnect = {
        "errors": [
            {
                "title": "operational-disconnect",
                "disconnect_type": "UpstreamOperationalDisconnect",
                "detail": "This stream has been disconnected upstream for operational reasons.",
                "type": "https://api.twitter.com/2/problems/operational-disconnect",
            }
        ]
    }
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        for line in (None, orjson.dumps(disconnect)):
            server.inject(line)
            server.post(taro, f"高収入 {line!r:.4}")
            found += until(reading, has(f"高収入 {line!r:.4}"))
            server.inject(None)
    assert server.connections >= 2
    assert skips(found) == []


def test_backfill_instead_of_searching(server: X) -> None:
    taro = server.user("taro_x")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
    assert all("backfill_minutes" not in one.query for one in server.asked)
    alone(server)
    server.post(taro, "高収入 すぐ後")
    server.asked.clear()
    with closing(pages(server, found[-1].cursor, backfill_minutes=5)) as reading:
        until(reading, has("高収入 すぐ後"))
    assert [one.query["backfill_minutes"] for one in server.asked if one.path.endswith("/stream")] == ["5"]
    assert not any("recent" in one.path for one in server.asked)
    alone(server)
    server.now += timedelta(minutes=20)  # longer than X can send again
    server.post(taro, "高収入 だいぶ後")
    with closing(pages(server, found[-1].cursor, backfill_minutes=5)) as reading:
        until(reading, has("高収入 だいぶ後"))
    assert any("recent" in one.path for one in server.asked)


def test_without_search_a_gap_is_said(server: X) -> None:
    with closing(pages(server)) as reading:
        found = until(reading, settled)
    alone(server)
    server.now += timedelta(minutes=20)
    with closing(pages(server, found[-1].cursor, catch_up=False)) as reading:
        found = until(reading, settled)
    assert [(reason, kept) for reason, _, kept in skips(found)] == [("gap", False)]
    assert not any("recent" in one.path for one in server.asked)


def test_in_quiet_times_the_cursor_moves_on(server: X) -> None:
    old = id_at(server.now - timedelta(days=3))
    with closing(pages(server, old)) as reading:
        found = until(reading, settled)
    assert time_of(found[-1].cursor or "1") > server.now - timedelta(minutes=5)


def test_posts_of_other_rules_of_the_app_are_not_ours(server: X) -> None:
    server.rule("即金", "another source")
    taro = server.user("taro_x")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        server.post(taro, "即金 だけ")
        server.post(taro, "即金 高収入")
        found += until(reading, has("即金 高収入"))
    assert texts(found) == ["即金 高収入"]


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\x00\xff",
    b'{"new": 1}',
    b'{"data": 7}',
    b'{"data": {"id": "x"}}',
    b"x" * 200_000,
]


def test_garbage_is_counted_and_the_rest_is_read(server: X) -> None:
    taro = server.user("taro_x")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        for line in GARBAGE:
            server.inject(line)
        server.post(taro, "高収入 あとから")
        found += until(reading, has("高収入 あとから"))
    counted = [reason for reason, _, _ in skips(found)]
    assert counted.count("not_json") == 5
    assert counted.count("unknown_event") == 1
    assert len(counted) == 8
    assert server.connections == 1


def test_life_is_shown_and_stopping_is_prompt(server: X) -> None:
    stop = threading.Event()
    net = Net(allow_private=True, stop=stop, keys=KEYS.__getitem__)
    reading = XStream().pages(options(server), None, net)
    assert len(list(islice(reading, 3))) == 3
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    assert all(page.posts.num_rows == 0 for page in reading)
    assert time.monotonic() - began < 3
    alone(server)


def test_a_silent_stream_is_left(server: X, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.connectors.x_stream._SILENCE_S", 0.5)
    reading = pages(server)
    until(reading, settled)
    server.keep_alive_s, server.most_streams = 30.0, 2
    with pytest.raises(TryLater, match="does not answer"):
        list(islice(reading, 50))
    assert server.connections == 2  # it was heard before: called again at once, and then left


# --- rules ------------------------------------------------------------------------------------------------------------


def test_rules_become_what_is_wanted_and_no_other_is_touched(server: X) -> None:
    theirs = server.rule("他の規則", "another source")
    stale = server.rule("もう要らない", "yoake")
    with closing(pages(server, None, "高収入 -is:retweet", " 即金 ")) as reading:
        next(reading)
    assert {(rule["value"], rule["tag"]) for rule in server.rules.values()} == {
        ("他の規則", "another source"),
        ("高収入 -is:retweet", "yoake"),
        ("即金", "yoake"),
    }
    added = {"add": [{"value": "高収入 -is:retweet", "tag": "yoake"}, {"value": "即金", "tag": "yoake"}]}
    assert changes(server) == [("true", added), (None, {"delete": {"ids": [stale]}}), (None, added)]
    assert theirs in server.rules
    server.asked.clear()
    alone(server)
    with closing(pages(server, None, "即金", "高収入 -is:retweet")) as reading:
        next(reading)
    assert changes(server) == []  # nothing differs, nothing is sent


def test_a_rule_that_somebody_has_already_is_used(server: X) -> None:
    theirs = server.rule("高収入", "another source")
    taro = server.user("taro_x")
    with closing(pages(server)) as reading:
        found = until(reading, settled)
        server.post(taro, "高収入 です")
        found += until(reading, has("高収入 です"))
    assert list(server.rules) == [theirs]
    assert changes(server) == []


def test_a_rule_that_x_does_not_take_changes_nothing(server: X) -> None:
    server.rule("もう要らない", "yoake")
    with pytest.raises(BadInput, match=r"\(即金.*missing"):
        next(pages(server, None, "高収入", "(即金"))
    assert [rule["value"] for rule in server.rules.values()] == ["もう要らない"]


def test_the_rules_of_a_plan_are_few(server: X) -> None:
    server.most_rules = 2
    server.rule("もう要らない", "yoake")
    server.rule("これも", "yoake")
    with closing(pages(server, None, "高収入", "即金")) as reading:
        next(reading)  # room was made
    assert {rule["value"] for rule in server.rules.values()} == {"高収入", "即金"}
    alone(server)
    with pytest.raises(Refused, match="no room"):
        next(pages(server, None, "高収入", "即金", "三つ目"))


# --- what can go wrong ------------------------------------------------------------------------------------------------


def test_a_second_stream_of_one_app_is_said(server: X) -> None:
    with closing(pages(server)) as reading:
        next(reading)
        with pytest.raises(TryLater, match="open already") as caught:
            next(pages(server))
    assert caught.value.after_s >= 60


def test_what_x_says_instead_of_a_stream(server: X) -> None:
    told: list[tuple[int, bytes]] = []

    def answer(handler: Any) -> bool:
        if not handler.path.startswith("/2/tweets/search/stream?"):
            return False
        respond(handler, told[0][0], told[0][1], Location="http://elsewhere.example/")
        return True

    server.answer = answer
    issue = b'{"title": "ConnectionException", "connection_issue": "RuleConfigurationIssue"}'
    capped = b'{"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"}'
    cases: list[tuple[int, bytes, type[Exception], str]] = [
        (409, issue, TryLater, "no rules"),
        (503, b"<h1>", TryLater, "503"),
        (302, b"", Refused, "redirects"),
        (401, b"", Refused, "401"),
        (429, capped, TryLater, "used up"),
        (200, b"<!doctype html>\n<p>Back soon.</p>\n", TryLater, "closed the connection"),
        (200, b"", TryLater, "closed the connection"),
        (200, b'{"errors": [{"type": "https://api.twitter.com/2/problems/usage-capped"}]}\r\n', TryLater, "used up"),
    ]
    for status, body, kind, words in cases:
        told[:] = [(status, body)]
        with pytest.raises(kind, match=words):
            list(islice(pages(server), 50))


def test_a_stream_that_ends_again_and_again_is_given_time(server: X) -> None:
    def answer(handler: Any) -> bool:
        if not handler.path.startswith("/2/tweets/search/stream?"):
            return False
        respond(handler, 200, b"\r\n")
        return True

    server.answer = answer
    with pytest.raises(TryLater, match="closed the connection") as caught:
        list(islice(pages(server), 100))
    assert sum(one.path.endswith("/stream") for one in server.asked) == 6
    assert caught.value.after_s == 60


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("refused", "half a page")])
def test_what_goes_wrong_with_the_stream_itself_costs_no_post(server: X, fault: str) -> None:
    server.most_streams = 9  # the first one's end is noticed a moment later
    server.rule("高収入", "yoake")
    taro = server.user("taro_x")
    cursor: str | None = id_at(server.now)
    wanted = {f"高収入 {n}" for n in range(5)}
    for text in sorted(wanted):
        server.post(taro, text)
    found: list[Page] = []
    with Line() as line:
        line.target = server.port
        line.set(FAULTS[fault](), after=1)  # the rules are read, and then the stream is opened
        for _ in range(3):
            if wanted <= set(texts(found)) and settled(found):
                break
            told = options(server, api=f"http://{line.address}")
            try:
                with closing(XStream().pages(told, cursor, OurNet(Clock(NOON), wait_s=0.1))) as reading:
                    for page in islice(reading, 20):
                        found.append(page)
                        cursor = page.cursor or cursor
                        if wanted <= set(texts(found)) and settled(found):
                            break
            except (TryLater, Refused):
                line.heal()
        assert line.struck == 1
    assert set(texts(found)) == wanted


def test_settings_that_cannot_work(server: X) -> None:
    for more in ({"rules": ()}, {"rules": (" ",)}, {"tag": " "}, {"backfill_minutes": 6}):
        with pytest.raises(BadInput):
            next(pages(server, **more))
    with pytest.raises(BadInput, match="cursor"):
        next(pages(server, "x"))
    with pytest.raises(Refused, match="401"):
        next(pages(server, key="stranger"))


def test_questions_are_those_of_search(server: X) -> None:
    taro = server.user("taro_x", bio="求人")
    ident = server.post(taro, "高収入")
    net = OurNet(Clock())
    (found,) = XStream().check([ident], options(server), net)
    assert found.state == "up"
    assert XStream().check_known([Known(ident)], options(server), net)[0].stamp == ident
    assert XStream().context(ident, options(server), net).profile == "求人"
    assert XStream().read(ident, options(server), net).num_rows == 1
