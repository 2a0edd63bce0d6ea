from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collect.loopback import NOON, http_server, respond
from yoake.collect.hosts import BURST_S, Hosts, lifted
from yoake.collect.net import Busy, Net, Stamp
from yoake.collect.trouble import http_date, retry_after_s

BOARD = "board.example:443"


class Seconds:
    """A clock of seconds that the test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@given(
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
    st.sampled_from([0.1, 0.5, 2.0, 20.0]),
    st.sampled_from([0.0, 1.0, 10.0]),
)
def test_no_host_is_asked_more_often_than_its_limit(gaps: list[float], rate: float, delay_s: float) -> None:
    """Whoever asks waits as told; then in any stretch of time there are no more requests than promised."""
    clock = Seconds()
    hosts = Hosts({"*": rate}, clock=clock)
    hosts.slow(BOARD, delay_s)
    times: list[float] = []
    for gap in gaps:
        clock.at += gap
        due_s = hosts.due_s(BOARD)
        assert hosts.turn(BOARD, 1e9) == due_s
        times.append(clock.at + due_s)
    assert times == sorted(times)
    slow = delay_s > 1 / rate
    for first, began in enumerate(times):
        for last in range(first, len(times)):
            stretch = times[last] - began
            most = 1 + stretch / delay_s if slow else max(1.0, (stretch + BURST_S) * rate) + 1
            assert last - first + 1 <= most + 1e-6


def test_a_turn_that_is_far_away_is_not_taken() -> None:
    clock = Seconds()
    hosts = Hosts({"*": 1.0}, clock=clock)
    for _ in range(5):
        assert hosts.turn(BOARD, 0) == 0
    for _ in range(3):
        with pytest.raises(Busy, match=r"board\.example is at its limit") as caught:
            hosts.turn(BOARD, 0.5)
        assert caught.value.after_s == pytest.approx(1)
    assert hosts.turn("other.example:443", 0) == 0
    clock.at += 1
    assert hosts.turn(BOARD, 0) == 0


def test_limits_are_looked_up_by_host_and_port() -> None:
    hosts = Hosts({"*": 0.001, "own.example": 0.0, "own.example:81": 0.001}, clock=Seconds())
    for _ in range(100):
        assert hosts.turn("own.example:443", 0) == 0
    assert hosts.turn("own.example:81", 0) == 0
    with pytest.raises(Busy):
        hosts.turn("own.example:81", 0)


def test_a_host_that_asked_to_wait_is_left_alone_by_everyone() -> None:
    clock = Seconds()
    hosts = Hosts(clock=clock)
    assert hosts.leave(BOARD, 30) == 30
    with pytest.raises(Busy, match="asked to wait; trying again in 30 s") as caught:
        hosts.turn(BOARD, 1e9)
    assert caught.value.after_s == 30
    clock.at += 30
    assert hosts.turn(BOARD, 0) == 0
    assert [hosts.leave(BOARD, None) for _ in range(6)] == [60, 120, 240, 480, 900, 900]
    hosts.well(BOARD)
    assert hosts.leave(BOARD, None) == 60


def test_what_is_lifted_waits_for_nothing() -> None:
    hosts = lifted()
    hosts.leave(BOARD, 1000)
    assert [hosts.turn(BOARD, 0) for _ in range(1000)] == [0.0] * 1000


def test_notes_expire_and_are_bounded() -> None:
    clock = Seconds()
    hosts = Hosts(clock=clock)
    hosts.note("a", 1, 10)
    assert hosts.recall("a") == 1
    clock.at += 10
    assert hosts.recall("a") is None
    for number in range(20_010):
        hosts.note(str(number), number, 10)
        hosts.turn(f"h{number}.example:443", 0)
    assert hosts.recall("20009") == 20009
    assert len(hosts._notes) <= 10_000


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "9999999"}, 86_400),
        ({"retry-after": "Fri, 20 Nov 2026 03:01:00 GMT"}, 60),
        ({"retry-after": "Fri, 20 Nov 2026 02:00:00 GMT"}, 0),
        # a host whose clock is a day behind means a minute all the same
        ({"retry-after": "Thu, 19 Nov 2026 03:01:00 GMT", "date": "Thu, 19 Nov 2026 03:00:00 GMT"}, 60),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOON) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "Fri, 20 Nov 2026 03:01:00 -0000", "Fri, 99 Nov 2026 03:01:00 GMT"])
def test_what_is_no_date(text: str) -> None:
    assert http_date(text) is None


def counted(
    answer: Callable[[BaseHTTPRequestHandler], None],
) -> tuple[list[str], Callable[[BaseHTTPRequestHandler], None]]:
    seen: list[str] = []

    def handle(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.path)
        answer(request)

    return seen, handle


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [(429, {"Retry_After": "60"}, 1), (429, {}, 1), (503, {"Retry_After": "60"}, 1), (503, {}, 3), (404, {}, 3)],
)
def test_back_off_is_shared_by_all_who_ask(status: int, headers: dict[str, str], asked: int) -> None:
    seen, handle = counted(lambda request: respond(request, status, b"", **headers))
    hosts = Hosts()
    with http_server(handle) as url:
        for _ in range(3):
            with suppress(Busy):
                Net(allow_private=True, hosts=hosts).get(url)
        if asked == 1:
            with pytest.raises(Busy, match="asked to wait") as caught:
                Net(allow_private=True, hosts=hosts).get(url)
            assert 55 < caught.value.after_s <= 60
    assert len(seen) == asked


def test_requests_over_the_limit_wait_for_their_turn() -> None:
    waited: list[float] = []

    class Waiting(Net):
        def wait(self, seconds: float) -> bool:
            waited.append(seconds)
            return False

    seen, handle = counted(lambda request: respond(request, 200))
    with http_server(handle) as url:
        net = Waiting(allow_private=True, hosts=Hosts({"*": 1.0}, clock=Seconds()))
        for _ in range(8):
            net.get(url)
        assert waited == pytest.approx([1, 2, 3])
        net.get(url)
        net.get(url)
        with pytest.raises(Busy, match="at its limit"):  # six seconds: the patrol comes back later
            net.get(url)
    assert len(seen) == 10


def test_waiting_for_a_turn_ends_with_the_patrol() -> None:
    stop = threading.Event()
    stop.set()
    seen, handle = counted(lambda request: respond(request, 200))
    with http_server(handle) as url:
        net = Net(allow_private=True, hosts=Hosts({"*": 0.2}), stop=stop)
        net.get(url)
        with pytest.raises(Exception, match="the patrol stops"):
            net.get(url)
    assert len(seen) == 1


def test_a_conditional_request() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        known = request.headers["If-None-Match"] == '"v1"' and request.headers["If-Modified-Since"] == "yesterday"
        respond(request, 304 if known else 200, ETag='"v1"', Last_Modified="yesterday")

    with http_server(answer) as url:
        net = Net(allow_private=True)
        first = net.get(url)
        stamp = Stamp.of(first)
        assert (first.status, stamp) == (200, Stamp('"v1"', "yesterday"))
        assert net.get(url, headers=stamp.headers()).status == 304
    assert Stamp().headers() == {}


@pytest.mark.parametrize("etag", ["x" * 301, "é"])
def test_a_validator_that_no_header_carries_back_is_dropped(etag: str) -> None:
    with http_server(lambda request: respond(request, 200, ETag=etag)) as url:
        assert Stamp.of(Net(allow_private=True).get(url)) == Stamp()
