"""Asking one host many questions over one connection."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import pytest

from tests.collect.loopback import http_server, respond
from yoake.collect.deadline import _Alarms
from yoake.collect.hosts import Hosts
from yoake.collect.net import Busy, Net
from yoake.errors import TryLater

NET = Net(allow_private=True)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def noting() -> Iterator[tuple[str, list[int]]]:
    """A server that notes from which port each question came."""
    came: list[int] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        came.append(request.client_address[1])
        ends = {"Connection": "close"} if request.path == "/ends" else {}
        respond(request, 404 if request.path == "/none" else 200, b"x" * 100, **ends)

    with http_server(answer) as url:
        yield url, came


class Lines:
    """A server that takes one connection after the other and answers the nth question on it as told."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.connections, self.ended = answers, 0, threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                with client, suppress(OSError):
                    for answer in self.answers:
                        if not client.recv(65536):
                            self.ended.set()
                            break
                        for octet in range(len(answer)) if answer.endswith(b"drip") else ():
                            client.sendall(answer[octet : octet + 1])
                            time.sleep(0.05)
                        client.sendall(answer)
                    else:
                        if self.answers[-1]:
                            client.recv(65536)
                            self.ended.set()


def test_a_host_is_asked_over_one_connection_only_within() -> None:
    with noting() as (url, came):
        with NET.keeping() as kept:
            for path in ("/a", "/none", "/c"):
                kept.get(url + path)
        assert len(set(came)) == 1
        for path in ("/a", "/b"):
            NET.get(url + path)
        assert len(set(came)) == 3


def test_names_of_one_address_do_not_share_a_connection() -> None:
    with noting() as (url, came), NET.keeping() as kept:
        for asked in (url, url.replace("127.0.0.1", "localhost"), url):
            kept.get(asked)
        assert came[0] == came[2] != came[1]


def test_it_ends_with_the_block() -> None:
    server = Lines(ANSWER, ANSWER)
    with NET.keeping() as kept:
        assert kept.get(server.url).body == b"ok"
        assert not server.ended.is_set()
    assert server.ended.wait(5)


def test_a_host_that_ends_each_connection_is_asked_anew() -> None:
    with noting() as (url, came), NET.keeping() as kept:
        assert [kept.get(url + "/ends").status for _ in range(3)] == [200, 200, 200]
        assert len(set(came)) == 3


def test_a_host_that_ends_a_kept_connection_unsaid_is_asked_anew() -> None:
    server = Lines(ANSWER, b"")  # takes the second question and hangs up
    with NET.keeping() as kept:
        assert [kept.get(server.url).body for _ in range(3)] == [b"ok"] * 3
    assert server.connections == 3


def test_asking_anew_takes_another_turn_of_the_host() -> None:
    server = Lines(ANSWER, b"")  # takes the second question and hangs up
    hosts = Hosts({"*": 0.2})  # one request at once, and the next in five seconds

    class Waiting(Net):
        waited = 0.0

        def wait(self, seconds: float) -> bool:
            Waiting.waited += seconds
            return False

    with Waiting(allow_private=True, hosts=hosts).keeping() as kept:
        kept.get(server.url)
        with pytest.raises(Busy, match="at its limit"):  # ten seconds: it comes back later
            kept.get(server.url)
    assert server.connections == 1
    assert Waiting.waited == pytest.approx(5, abs=0.5)


def test_what_is_too_long_is_not_kept() -> None:
    with noting() as (url, came), NET.keeping() as kept:
        with pytest.raises(TryLater, match="more than"):
            kept.get(url, limit_bytes=10)
        assert kept.get(url).status == 200
        assert len(set(came)) == 2


def test_the_deadline_holds_on_a_kept_connection_too() -> None:
    server = Lines(ANSWER, b"HTTP/1.1 200 OK\r\nX-Drip: drip drip drip drip drip drip")
    with NET.keeping() as kept:
        assert kept.get(server.url).body == b"ok"
        began = time.monotonic()
        with pytest.raises(TryLater, match="does not answer"):
            kept.get(server.url, timeout_s=0.4)
        assert time.monotonic() - began < 2
    assert server.connections == 1  # who is slow is not asked twice


def test_alarms_ring_in_their_order_and_cancelled_ones_never() -> None:
    alarms, rung, done = _Alarms(), list[str](), threading.Event()
    now = time.monotonic()
    alarms.set(now + 0.3, done.set)
    alarms.set(now + 0.2, lambda: rung.append("late"))
    alarms.set(now + 0.1, lambda: rung.append("early"))
    alarms.set(now + 0.05, lambda: rung.append("cancelled")).cancel()
    alarms.set(now - 1, lambda: rung.append("past"))
    assert done.wait(5)
    assert rung == ["past", "early", "late"]
    alarms.set(time.monotonic(), lambda: rung.append("again"))
    time.sleep(0.1)
    assert rung[-1] == "again"
