from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

import pytest

from tests.collect.loopback import NOON, Clock, http_server, respond
from tests.servers.proxy import Proxy, proxy_server
from yoake.collect.hosts import Hosts
from yoake.collect.keys import Keys
from yoake.collect.lines_stream import LineStream
from yoake.collect.net import Busy, Denied, Net
from yoake.errors import Refused, TryLater

NET = Net(allow_private=True)
Say = Callable[[bytes], None]


@contextmanager
def streaming(script: Callable[[Say], None], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers with a stream of chunks, and then ends it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()

        def say(told: bytes) -> None:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(told), told))

        handler.close_connection = True
        with suppress(OSError):
            script(say)
            handler.wfile.write(b"0\r\n\r\n")

    with http_server(answer, tls) as url:
        yield url


def until_away(stream: LineStream, timeout_s: float = 2.0) -> tuple[list[bytes | None], str]:
    """Every line until the other side is away, and how that is said."""
    found: list[bytes | None] = []
    while True:
        try:
            found += stream.recv(timeout_s)
        except TryLater as away:
            return found, str(away)


def all_of(stream: LineStream) -> list[bytes | None]:
    """Every line until the other side ends."""
    found, away = until_away(stream)
    assert "closed the connection" in away
    return found


def test_lines_come_as_they_are_written() -> None:
    heard = threading.Event()

    def script(say: Say) -> None:
        say(b"one\r\ntw")
        heard.wait(5)
        say("o\r\n\r\nあ\n".encode())
        say(b"half a line")

    with streaming(script) as url, NET.lines(f"{url}/x", params={"a": 1}) as stream:
        assert (stream.status, stream.problem) == (200, b"")
        assert stream.recv(5.0) == [b"one\r"]
        began = time.monotonic()
        assert stream.recv(0.2) == []
        assert 0.1 < time.monotonic() - began < 2
        heard.set()
        assert all_of(stream) == [b"two\r", b"\r", "あ".encode()]


def test_at_most_so_many_at_once_and_none_is_lost() -> None:
    with streaming(lambda say: say(b"".join(b"%d\n" % n for n in range(5000)))) as url, NET.lines(url) as stream:
        first = stream.recv(5.0, most=7)
        assert first == [b"%d" % n for n in range(7)]
        assert all_of(stream) == [b"%d" % n for n in range(7, 5000)]


def test_a_line_that_is_too_long_is_left_out_and_the_next_is_read() -> None:
    def script(say: Say) -> None:
        for _ in range(9):
            say(b"x" * 1_000_000)
        say(b"\nnext\n")

    with streaming(script) as url, NET.lines(url) as stream:
        assert all_of(stream) == [None, b"next"]


def test_who_does_not_read_holds_the_other_side_up() -> None:
    sent = 0

    def script(say: Say) -> None:
        nonlocal sent
        for _ in range(400):
            say(b"x" * 99_999 + b"\n")
            sent += 1

    with streaming(script) as url, NET.lines(url) as stream:
        time.sleep(0.7)
        assert sent < 250  # what stands in buffers of the system, and a few chunks here
        assert len(all_of(stream)) == 400


def test_a_silent_stream_is_away() -> None:
    done = threading.Event()

    def script(say: Say) -> None:
        say(b"one\n")
        done.wait(10)

    with streaming(script) as url, NET.lines(url, silence_s=0.4) as stream:
        assert stream.recv(5.0) == [b"one"]
        began = time.monotonic()
        assert until_away(stream, 0.1) == ([], "127.0.0.1 does not answer; trying again later.")
        assert time.monotonic() - began < 3
        done.set()


def test_a_stream_that_is_cut_says_so() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\none\r\n\r\n9\r\nhalf")
        handler.close_connection = True

    with http_server(answer) as url, NET.lines(url) as stream:
        found, away = until_away(stream)
    assert found == [b"one\r"]
    assert "cannot be reached" in away


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_hanging_up_is_prompt(secure: bool, request: pytest.FixtureRequest) -> None:
    context: ssl.SSLContext | None = request.getfixturevalue("certified") if secure else None
    left = threading.Event()

    def script(say: Say) -> None:
        say(b"one\n")
        with suppress(OSError):
            while True:
                time.sleep(0.05)
                say(b"\n")
        left.set()

    with streaming(script, context) as url:
        before = threading.active_count()
        address = f"https://board.example:{url.rpartition(':')[2]}" if secure else url
        with Net(allow_private=True).lines(address) as stream:
            assert stream.recv(5.0)[0] == b"one"
            began = time.monotonic()
        assert time.monotonic() - began < 1
        assert left.wait(5)
        assert threading.active_count() <= before + 1  # the thread that read is gone


def test_a_beginning_that_drips_has_an_end() -> None:
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not done.wait(0.05):
                handler.wfile.write(b"x")

    began = time.monotonic()
    with http_server(drip) as url:
        with pytest.raises(TryLater, match="does not answer"), NET.lines(url, timeout_s=0.5):
            pass
        done.set()
    assert time.monotonic() - began < 4


def test_what_is_no_stream_says_why() -> None:
    with (
        http_server(lambda handler: respond(handler, 409, b'{"why": 1}' + b" " * 90_000)) as url,
        NET.lines(url) as stream,
    ):
        assert stream.status == 409
        assert stream.problem.startswith(b'{"why": 1}')
        assert len(stream.problem) == 20_000


def test_what_a_status_means_for_everybody() -> None:
    told = {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int(NOON.timestamp()) + 77)}

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(int(handler.path[1:]))
        for name, value in {**told, "Content-Length": "3"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"why")

    net = Net(allow_private=True, clock=Clock(), hosts=Hosts({"*": 100.0}))
    with http_server(answer) as url:
        for path in ("401", "403"):
            with pytest.raises(Denied) as denied, net.lines(f"{url}/{path}"):
                pass
            assert (denied.value.status, denied.value.body) == (int(path), b"why")
        with pytest.raises(Busy) as busy, net.lines(f"{url}/429"):
            pass
        assert (busy.value.after_s, busy.value.body) == (77.0, b"why")
        with pytest.raises(Busy, match="asked to wait"), net.lines(f"{url}/200"):
            pass  # the host is left alone, whoever asks
        with pytest.raises(Busy) as again:
            Net(allow_private=True, clock=Clock()).get(f"{url}/429")
        assert (again.value.after_s, again.value.body) == (77.0, b"why")


def test_only_public_addresses_and_no_redirects() -> None:
    with http_server(lambda handler: respond(handler, 302, Location="http://127.0.0.1/")) as url:
        with pytest.raises(Refused, match="private network"), Net().lines(url):
            pass
        with NET.lines(url) as stream:
            assert stream.status == 302  # not followed
    with pytest.raises(TryLater, match="refuses the connection"), NET.lines(url):
        pass


def test_by_a_proxy() -> None:
    net = Net(allow_private=True, keys=Keys(given={"way_out": ""}))
    with streaming(lambda say: say(b"one\n")) as url, proxy_server(Proxy(user="u", password="p")) as proxy:
        port = url.rpartition(":")[2]
        net = Net(keys=Keys(given={"way_out": proxy.address})).disguised(proxy="way_out")
        with net.lines(f"http://board.example:{port}/") as stream:
            assert all_of(stream) == [b"one"]
        with pytest.raises(Refused, match="private network"), net.lines(f"http://127.0.0.1:{port}/"):
            pass
        proxy.status = 407
        with pytest.raises(Refused, match="proxy"), net.lines(f"http://board.example:{port}/"):
            pass
    assert proxy.seen[0] == f"GET http://board.example:{port}/ HTTP/1.1"
