from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from tests.collect.loopback import NOON, Clock, ClockNet, posts, skips
from yoake.collect.connector import Page
from yoake.collect.connectors.practice import Practice
from yoake.collect.net import Net
from yoake.collect.practice import answer, stream
from yoake.errors import BadInput

DAY = timedelta(days=1)


def run(begin: datetime, end: datetime, cursor: str | None = None, wait_s: float | None = None) -> list[Page]:
    """Everything that arrives from `begin` until `end`."""
    return list(Practice().pages(Practice.Options(), cursor, ClockNet(Clock(begin), stop_at=end, wait_s=wait_s)))


def ids(pages: list[Page]) -> list[str]:
    return [post["native_id"] for post in posts(pages)]


def test_at_first_the_past_day_arrives_at_once() -> None:
    first, *rest = run(NOON, NOON + timedelta(seconds=3))
    found = posts([first])
    assert len(found) == len(stream())
    times = [post["posted_at"] for post in found]
    assert times == sorted(times)
    assert times[0] > NOON - DAY
    assert times[-1] <= NOON
    assert first.cursor == NOON.isoformat()
    assert first.seen_until == NOON
    assert {post["network"] for post in found} == {"practice"}
    assert {post["url"] for post in found} == {""}
    assert {post["seen_at"] for post in found} == {NOON}
    assert len(rest) == 2  # a page every second


def test_a_post_carries_what_its_row_says() -> None:
    row = next(row for row in stream() if row["profile"] and row["parent_text"] == "")
    post = next(post for post in posts(run(NOON, NOON)) if post["native_id"].endswith(row["id"]))
    for name in ("author_id", "author_handle", "author_name", "profile", "text", "parent_text", "lang"):
        assert post[name] == row[name]
    tokyo = post["posted_at"].astimezone(UTC) + timedelta(hours=9)
    assert post["native_id"] == f"{tokyo.date()}/{row['id']}"
    assert (tokyo.hour * 60 + tokyo.minute) * 60 + tokyo.second == row["offset_s"]


def test_every_day_each_post_comes_once_at_its_moment() -> None:
    begin = NOON.replace(hour=15)  # midnight in Tokyo
    pages = run(begin, begin + 2 * DAY, cursor=begin.isoformat(), wait_s=90)
    found = posts(pages)
    assert len(found) == len({post["native_id"] for post in found})
    inside = [row for row in stream() if row["offset_s"] > 0]
    assert len(found) == len(inside) + len(stream()) + len([row for row in stream() if row["offset_s"] == 0])
    for page in pages:
        for post in posts([page]):
            assert timedelta(0) <= post["seen_at"] - post["posted_at"] < timedelta(seconds=90)
    assert skips(pages) == []


@pytest.mark.parametrize("cuts", [[1], [2, 5, 9], [300, 300, 720]])
def test_resuming_anywhere_is_reading_once(cuts: list[int]) -> None:
    end = NOON + timedelta(hours=6)
    once = ids(run(NOON, end, wait_s=60))
    parts: list[Page] = []
    cursor: str | None = None
    begin = NOON
    for seconds in cuts:
        parts += run(begin, begin + timedelta(seconds=seconds), cursor, wait_s=7)
        cursor = parts[-1].cursor
        begin += timedelta(seconds=seconds + 100)  # away for a while
    parts += run(begin, end, cursor, wait_s=60)
    assert ids(parts) == once


def test_a_long_pause_is_not_made_up_for() -> None:
    first = run(NOON, NOON)
    later = run(NOON + 30 * DAY, NOON + 30 * DAY, first[-1].cursor)
    assert len(posts(later)) == len(stream())


def test_a_clock_set_back_brings_nothing_twice() -> None:
    first = run(NOON, NOON)
    again = run(NOON - timedelta(hours=3), NOON - timedelta(hours=2), first[-1].cursor)
    assert posts(again) == []
    assert again[-1].cursor == first[-1].cursor


@pytest.mark.parametrize("cursor", ["", "yesterday", "2026-11-20T12:00:00", "5"])
def test_a_cursor_that_is_none(cursor: str) -> None:
    with pytest.raises(BadInput):
        run(NOON, NOON, cursor)


def test_waiting_stops_with_the_patrol() -> None:
    stop = threading.Event()
    pages = Practice().pages(Practice.Options(), None, Net(stop=stop))
    next(pages)
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    assert list(pages) == []
    assert time.monotonic() - began < 0.9


def test_a_page_comes_every_second() -> None:
    began = time.monotonic()
    list(islice(Practice().pages(Practice.Options(), None, Net()), 2))
    assert time.monotonic() - began < 2


def test_every_post_has_a_model_answer() -> None:
    found = [answer(ident) for ident in ids(run(NOON, NOON))]
    assert None not in found
    assert {one.verdict for one in found if one} == {"in_scope", "not_in_scope", "cannot_tell"}
    assert all(bool(one.category) == (one.verdict == "in_scope") for one in found if one)
    assert all(one.ja and one.en for one in found if one and one.verdict != "not_in_scope")
    for other in ("", "p001", "2026-11-20/", "2026-11-20/p999999", "at://did:plc:x/app.bsky.feed.post/3k"):
        assert answer(other) is None


def test_practice_posts_exist_only_here() -> None:
    (found,) = Practice().check(["2026-11-20/p001"], Practice.Options(), Net())
    assert found.state == "unchecked"
    context = Practice().context("2026-11-20/p001", Practice.Options(), Net())
    assert (context.parents.num_rows, context.recent.num_rows) == (0, 0)
