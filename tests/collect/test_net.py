from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from websockets.sync.server import ServerConnection
from websockets.utils import accept_key

from tests.collect.loopback import http_server, port_of, respond, socket_server
from yoake.collect.addresses import is_public
from yoake.collect.net import Busy, Net, TooLong, Unreached
from yoake.errors import BadInput, Refused, TryLater

NET = Net(allow_private=True, contact="patrol@example.jp")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::6810:84e5", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),  # carrier-grade NAT
        ("169.254.169.254", False),  # metadata of cloud machines
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("fec0::1", False),  # site-local, as it was before fc00::/7
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),  # NAT64 of 127.0.0.1
        ("64:ff9b::808:808", True),
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),  # Teredo
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_a_private_address_is_refused_however_it_is_written(host: str) -> None:
    reached: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        reached.append(request.path)
        respond(request, 200)

    with http_server(answer) as url:
        port = url.rpartition(":")[2]
        with pytest.raises((Refused, TryLater)):  # a machine without IPv6 cannot even find ::1
            Net().get(f"http://{host}:{port}/")
        with pytest.raises((Refused, TryLater)), Net().websocket(f"ws://{host}:{port}/"):
            pass
    assert reached == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "example.org",
        "http://",
        "http://a:b@127.0.0.1/",
        "http://h:99999/",
        "http://h\n/",
    ],
)
def test_what_is_no_address_is_bad_input(url: str) -> None:
    with pytest.raises(BadInput):
        NET.get(url)


def test_a_name_is_resolved_once_and_every_redirect_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    resolver = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if not host.endswith(".example"):
            return resolver(host, port, *rest, **named)  # a socket turns an address into an address this way
        asked.append(host)
        return resolver("127.0.0.1", port, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    hosts: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        hosts.append(request.headers["Host"])
        if request.path == "/":
            respond(request, 302, Location=f"http://second.example:{port_of(request)}/there?x=1")
        else:
            respond(request, 200, b"{}")

    with http_server(answer) as url:
        port = url.rpartition(":")[2]
        response = NET.get(f"http://first.example:{port}/")
        assert response.status == 200
        assert response.url == f"http://second.example:{port}/there?x=1"
        assert hosts == [f"first.example:{port}", f"second.example:{port}"]  # the Host header keeps the name
        assert asked == ["first.example", "second.example"]
        with pytest.raises(Refused, match=r"first\.example is on a private network"):
            Net().get(f"http://first.example:{port}/")


def test_a_redirect_to_another_host_takes_no_headers_along() -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["X-Token"])
        port = port_of(request)
        places = {"/": "/same", "/same": f"http://localhost:{port}/other"}
        if request.path in places:
            respond(request, 307, Location=places[request.path])
        else:
            respond(request, 200)

    with http_server(answer) as url:
        NET.get(url + "/", headers={"X-Token": "t"})
    assert seen == ["t", "t", None]


def test_another_port_is_another_host() -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.headers["X-Token"])
        respond(request, 200)

    with http_server(answer) as other, http_server(lambda r: respond(r, 302, Location=other)) as url:
        NET.get(url, headers={"X-Token": "t"})
    assert seen == [None]


def test_redirects_end() -> None:
    with http_server(lambda r: respond(r, 302, Location="/")) as url, pytest.raises(Refused, match="without end"):
        NET.get(url)


def test_a_request_says_who_asks_and_carries_its_parameters() -> None:
    seen: list[tuple[str, str | None]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append((request.path, request.headers["User-Agent"]))
        respond(request, 404, b'{"error":"x"}')

    with http_server(answer) as url:
        response = NET.get(f"{url}/a?b=1", params={"c": "夜明け&", "d": 2})
    assert seen[0][0] == "/a?b=1&c=%E5%A4%9C%E6%98%8E%E3%81%91%26&d=2"
    assert seen[0][1] is not None
    assert seen[0][1].startswith("Yoake/")
    assert "patrol@example.jp" in seen[0][1]
    assert (response.status, response.json()) == (404, {"error": "x"})


def test_contact_must_fit_a_header() -> None:
    with pytest.raises(BadInput):
        Net(contact="警察\n")


@pytest.mark.parametrize(("status", "error"), [(401, Refused), (403, Refused), (429, TryLater), (408, TryLater)])
def test_statuses_that_mean_the_same_everywhere(status: int, error: type[Exception]) -> None:
    with (
        http_server(lambda r: respond(r, status, Retry_After="7")) as url,
        pytest.raises(error, match=r"127\.0\.0\.1") as raised,
    ):
        NET.get(url)
    if isinstance(raised.value, TryLater):
        assert raised.value.after_s == 7


def test_a_body_has_a_size_limit() -> None:
    with http_server(lambda r: respond(r, 200, b"x" * 200_000)) as url:
        assert len(NET.get(url).body) == 200_000
        with pytest.raises(TryLater, match=r"more than 100,000 bytes"):
            NET.get(url, limit_bytes=100_000)


def test_an_encoded_body_is_not_unpacked() -> None:
    with (
        http_server(lambda r: respond(r, 200, b"x", Content_Encoding="gzip")) as url,
        pytest.raises(TryLater, match="encoding"),
    ):
        NET.get(url)


def test_a_slow_body_ends_in_time() -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        for _ in range(40):
            request.wfile.write(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    with http_server(lambda r: _quietly(drip, r)) as url, pytest.raises(TryLater, match=r"127\.0\.0\.1"):
        NET.get(url, timeout_s=0.3)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("secure", [False, True])
def test_headers_that_drip_end_in_time(secure: bool, request: pytest.FixtureRequest) -> None:
    """Each byte comes in time, the answer never would."""
    context: ssl.SSLContext | None = request.getfixturevalue("certified") if secure else None
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not done.wait(0.05):
            handler.wfile.write(b"x")

    began = time.monotonic()
    with http_server(lambda r: _quietly(drip, r), context) as url:
        host = "https://board.example" if secure else "http://127.0.0.1"
        try:
            with pytest.raises(TryLater, match=r"(127\.0\.0\.1|board\.example) does not answer"):
                Net(allow_private=True).get(f"{host}:{url.rpartition(':')[2]}/", timeout_s=0.5)
            assert 0.4 < time.monotonic() - began < 3
        finally:
            done.set()


def test_a_redirect_to_what_is_no_address_is_refused() -> None:
    for location in ("ftp://x/", "http://a:b@h/"):
        with (
            http_server(lambda r, to=location: respond(r, 302, Location=to)) as url,  # type: ignore[misc]
            pytest.raises(Refused, match="redirects to an address that cannot be fetched"),
        ):
            NET.get(url)


def _quietly(write: Callable[[BaseHTTPRequestHandler], None], request: BaseHTTPRequestHandler) -> None:
    with suppress(OSError):
        write(request)


def test_a_server_that_is_down_is_named_in_one_sentence_within_five_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        port = unused.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(TryLater, match=r"^127\.0\.0\.1 refuses the connection; trying again later\.$"):
            NET.get(f"http://127.0.0.1:{port}/")
        with pytest.raises(TryLater, match="refuses"), NET.websocket(f"ws://127.0.0.1:{port}/"):
            pass
        assert time.monotonic() - began < 5


def test_a_resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(10) and [])
    began = time.monotonic()
    try:
        with (
            pytest.raises(TryLater, match=r"hangs\.example does not answer"),
            NET.websocket("ws://hangs.example/", timeout_s=0.2),
        ):
            pass
        with pytest.raises(TryLater, match=r"hangs\.example does not answer"):
            NET.get("http://hangs.example/", timeout_s=0.2)
    finally:
        let_go.set()
    assert time.monotonic() - began < 4


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TryLater, match=r"plc.directory cannot be found \(no network, or no such name\)"):
        NET.get("https://plc.directory/")


def test_a_name_may_have_japanese_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def fail(host: str, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(TryLater):
        NET.get("https://夜明け.example/")
    assert asked == ["xn--d5qo18j0ga.example"] or asked[0].startswith("xn--")


def test_tls_proves_the_name_though_the_address_is_pinned(certified: ssl.SSLContext) -> None:
    names: list[str | None] = []
    certified.sni_callback = lambda _connection, name, _context: names.append(name)
    net = Net(allow_private=True)
    with http_server(lambda r: respond(r, 200, b"{}"), certified) as url:
        port = url.rpartition(":")[2]
        assert net.get(f"https://board.example:{port}/").status == 200
        with pytest.raises(TryLater, match=r"other\.example shows a certificate that is not valid"):
            net.get(f"https://other.example:{port}/")
    with socket_server(lambda c: c.send("hello"), certified) as url:
        port = url.rpartition(":")[2]
        with net.websocket(f"wss://board.example:{port}/") as opened:
            assert opened.recv(2) == "hello"
        with (
            pytest.raises(TryLater, match=r"other\.example shows a certificate that is not valid"),
            net.websocket(f"wss://other.example:{port}/"),
        ):
            pass
    assert names == ["board.example", "other.example"] * 2


def test_tls_with_a_server_that_has_none() -> None:
    with http_server(lambda r: respond(r, 200)) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(TryLater, match="localhost"):
            NET.get(f"https://localhost:{port}/")
        with pytest.raises(TryLater, match="localhost"), NET.websocket(f"wss://localhost:{port}/"):
            pass


def test_messages_of_a_websocket() -> None:
    def script(connection: ServerConnection) -> None:
        assert connection.request is not None
        connection.send(connection.request.headers["User-Agent"])
        connection.send(b"\x00\xff")
        connection.send(f"{connection.recv(decode=True)}{connection.recv(decode=True)}")

    with socket_server(script) as url, NET.websocket(url) as opened:
        first = opened.recv(2)
        assert isinstance(first, str)
        assert first.startswith("Yoake/")
        assert opened.recv(2) == b"\x00\xff"
        assert opened.recv(0.01) is None  # silence is not an error
        opened.send("こ")
        opened.send("と".encode())
        assert opened.recv(2) == "こと"
        with pytest.raises(TryLater, match=r"127\.0\.0\.1 closed the connection"):
            opened.recv(2)
        with pytest.raises(TryLater, match=r"127\.0\.0\.1 closed the connection"):
            opened.send("?")


@pytest.mark.parametrize("how", ["close", "too long", "not UTF-8"])
def test_a_websocket_that_ends_says_so(how: str) -> None:
    def script(connection: ServerConnection) -> None:
        if how == "too long":
            connection.send("x" * 2000)
            connection.recv()
        elif how == "not UTF-8":
            connection.send(b"\xff\xfe", text=True)
            connection.recv()

    with (
        socket_server(script) as url,
        NET.websocket(url, limit_bytes=1000) as opened,
        pytest.raises(TryLater, match=r"127\.0\.0\.1"),
    ):
        opened.recv(5)


def test_a_peer_that_froze_is_noticed() -> None:
    """Its machine still takes what we send, and nothing ever comes back."""
    over = threading.Event()

    def freeze(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            asked = connection.recv(4000).decode()
            key = asked.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept_key(key).encode() + b"\r\n\r\n"
            )
            over.wait(20)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=freeze, args=(server,), daemon=True).start()
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/"
        began = time.monotonic()
        try:
            with (
                NET.websocket(url, ping_every_s=0.1, pong_within_s=0.2) as opened,
                pytest.raises(TryLater, match=r"^127\.0\.0\.1 gives no sign of life; trying again later\.$"),
            ):
                assert opened.recv(8) is not None, "nobody noticed"
        finally:
            over.set()
        assert time.monotonic() - began < 5


def test_a_peer_that_only_answers_pings_is_alive() -> None:
    def listen(connection: ServerConnection) -> None:
        connection.recv()

    with (
        socket_server(listen) as url,
        NET.websocket(url, ping_every_s=0.05, pong_within_s=1) as opened,
    ):
        assert opened.recv(0.5) is None


@pytest.mark.parametrize("fragments", [1, 50])
def test_a_reader_that_is_slow_keeps_a_bounded_queue(fragments: int) -> None:
    """A peer that sends for ever is made to wait, whether in messages or in pieces of one."""
    sent = [0]

    def script(connection: ServerConnection) -> None:
        while sent[0] < 1000:
            connection.send(["x" * (500_000 // fragments)] * fragments if fragments > 1 else "x" * 500_000)
            sent[0] += 1

    with socket_server(script) as url, NET.websocket(url, limit_bytes=1_000_000) as opened:
        assert opened.recv(5) is not None
        time.sleep(1)
        assert sent[0] < 60  # the queue, and what the two sockets hold


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Refused), (403, Refused), (404, Refused), (200, Refused), (302, Refused), (503, TryLater), (429, TryLater)],
)
def test_a_websocket_that_is_not_opened(status: int, error: type[Exception]) -> None:
    with (
        http_server(lambda r: respond(r, status, Location="/x")) as url,
        pytest.raises(error, match=r"127\.0\.0\.1"),
        NET.websocket(url.replace("http", "ws")),
    ):
        pass


def test_a_server_that_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_say_nonsense, args=(server,)).start()
        with pytest.raises(TryLater, match=r"127\.0\.0\.1"):
            NET.get(f"http://127.0.0.1:{server.getsockname()[1]}/")
        threading.Thread(target=_say_nonsense, args=(server,)).start()
        with (
            pytest.raises(TryLater, match=r"127\.0\.0\.1"),
            NET.websocket(f"ws://127.0.0.1:{server.getsockname()[1]}/"),
        ):
            pass


def _say_nonsense(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"220 mail.example ESMTP\r\n\r\n")


def test_waiting_ends_when_the_patrol_stops() -> None:
    stop = threading.Event()
    net = Net(stop=stop)
    assert net.wait(0.01) is False
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    assert net.wait(10) is True
    assert time.monotonic() - began < 5
    assert net.stopping


# --- POST, and staying inside -----------------------------------------------------------------------------------------


def test_a_post_carries_its_body_once_and_follows_nobody() -> None:
    seen: list[tuple[str, bytes, str]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        seen.append((handler.path, body, handler.headers["X-Key"]))
        respond(handler, 307, b"elsewhere", Location="/other")

    with http_server(answer) as url:
        found = NET.post(f"{url}/a", "本文".encode(), headers={"X-Key": "k"})
    assert (found.status, found.body) == (307, b"elsewhere")
    assert seen == [("/a", "本文".encode(), "k")]


def test_what_may_only_reach_this_network_says_how_to_reach_more() -> None:
    inside = Net(allow_private=True, only_private="ask the administrator.")
    with http_server(lambda handler: respond(handler, 200, b"here")) as url:
        assert inside.post(url, b"x").body == b"here"
    for address in ("https://8.8.8.8/v1", "http://[2606:4700::6810:84e5]/v1"):
        with pytest.raises(Refused, match="outside this network; ask the administrator"):
            inside.post(address, b"x")


def test_what_went_wrong_can_be_told_apart() -> None:
    with pytest.raises(Unreached):
        NET.post("http://127.0.0.1:9/", b"x")
    with pytest.raises(Unreached):
        NET.get("http://no-such-host.invalid/")
    with http_server(lambda handler: respond(handler, 429, Retry_After="7")) as url:
        with pytest.raises(Busy) as caught:
            NET.post(url, b"x")
        assert caught.value.after_s == 7
    with http_server(lambda handler: respond(handler, 200, b"x" * 20)) as url, pytest.raises(TooLong):
        NET.post(url, b"x", limit_bytes=10)
    with http_server(lambda handler: time.sleep(2)) as url:
        with pytest.raises(TryLater) as late:
            NET.post(url, b"x", timeout_s=0.2)
        assert not isinstance(late.value, Unreached | Busy)
