from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler

import pytest
from websockets.sync.server import ServerConnection

from tests.collect.loopback import http_server, respond, socket_server
from tests.servers.proxy import Proxy, proxy_server
from yoake.collect.addresses import is_private_as_written
from yoake.collect.keys import Keys
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater


def through(proxy: Proxy, *, allow_private: bool = False) -> Net:
    net = Net(allow_private=allow_private, contact="patrol@example.jp", keys=Keys(given={"way_out": proxy.address}))
    return net.disguised(user_agent="Mozilla/5.0 (X11; Linux x86_64)", proxy="way_out")


def test_a_request_goes_by_the_proxy_and_tells_nobody_who_asks() -> None:
    seen: list[tuple[str, str]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append((request.headers["Host"], request.headers["User-Agent"]))
        respond(request, 200, b"here")

    with http_server(answer) as url, proxy_server(Proxy(user="u", password="p:w")) as proxy:
        port = url.rpartition(":")[2]
        assert through(proxy).get(f"http://board.example:{port}/a?b=1").body == b"here"
    assert seen == [(f"board.example:{port}", "Mozilla/5.0 (X11; Linux x86_64)")]
    assert proxy.seen == [f"GET http://board.example:{port}/a?b=1 HTTP/1.1"]


def test_tls_is_between_the_host_and_us(certified: ssl.SSLContext) -> None:
    with (
        http_server(lambda request: respond(request, 200, b"secret"), certified) as url,
        proxy_server(Proxy()) as proxy,
    ):
        port = url.rpartition(":")[2]
        assert through(proxy).get(f"https://board.example:{port}/").body == b"secret"
        with pytest.raises(TryLater, match="certificate"):
            through(proxy).get(f"https://other.example:{port}/")
    assert proxy.seen[0] == f"CONNECT board.example:{port} HTTP/1.1"


def test_a_websocket_goes_by_the_proxy_too() -> None:
    def script(connection: ServerConnection) -> None:
        connection.send("hello")

    with socket_server(script) as url, proxy_server(Proxy(user="u", password="p")) as proxy:
        port = url.rpartition(":")[2]
        with through(proxy).websocket(f"ws://board.example:{port}/") as opened:
            assert opened.recv(5) == "hello"
    assert proxy.seen == [f"CONNECT board.example:{port} HTTP/1.1"]


def opened(net: Net, url: str) -> None:
    if not url.startswith("ws"):
        net.get(url)
        return
    with net.websocket(url):
        pass


@pytest.mark.parametrize("url", ["https://h.example/", "ws://h.example/"])
@pytest.mark.parametrize(("status", "error"), [(403, Refused), (407, Refused), (502, TryLater)])
def test_a_proxy_that_opens_no_way(url: str, status: int, error: type[Exception]) -> None:
    with proxy_server(Proxy(user="u", password="hunter2", status=status)) as proxy:
        with pytest.raises(error, match=rf"the proxy 127\.0\.0\.1 answered {status}") as caught:
            opened(through(proxy), url)
        assert "hunter2" not in str(caught.value)


def test_a_proxy_that_wants_another_password() -> None:
    with proxy_server(Proxy(user="u", password="p")) as proxy:
        wrong = through(proxy)
        proxy.password = "another"
        with pytest.raises(Refused, match=r"the proxy 127\.0\.0\.1 answered 407"):
            wrong.get("http://h.example/")


@pytest.mark.parametrize("url", ["http://h.example/", "https://h.example/", "ws://h.example/"])
def test_a_proxy_that_is_away_is_never_gone_around(url: str) -> None:
    with proxy_server(Proxy()) as proxy:
        pass
    with pytest.raises(TryLater, match=r"the proxy 127\.0\.0\.1"):
        opened(through(proxy), url)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::1]", "10.0.0.1", "intranet", "a.internal"]
)
def test_what_is_private_as_written_is_not_asked_for(host: str) -> None:
    with proxy_server(Proxy()) as proxy:
        for url in (f"http://{host}:1/", f"https://{host}:1/"):
            with pytest.raises(Refused, match="private network"):
                through(proxy).get(url)
        with pytest.raises(Refused, match="private network"), through(proxy).websocket(f"ws://{host}:1/"):
            pass
    assert proxy.seen == []


def test_a_server_of_ones_own_behind_a_proxy() -> None:
    with http_server(lambda request: respond(request, 200, b"own")) as url, proxy_server(Proxy()) as proxy:
        assert through(proxy, allow_private=True).get(url).body == b"own"
    assert not is_private_as_written("8.8.8.8")
    assert not is_private_as_written("board.example")


@pytest.mark.parametrize(
    "address", ["socks5://h:1", "h:1", "http://", "http://h:x", "http://h/path", "http://u:hunter2@[/"]
)
def test_what_is_no_proxy_is_refused_and_not_shown(address: str) -> None:
    net = Net(keys=Keys(given={"way_out": address}))
    with pytest.raises(Refused, match="way_out is no address of a proxy") as caught:
        net.disguised(proxy="way_out")
    assert "hunter2" not in str(caught.value)


def test_a_user_agent_fits_a_header() -> None:
    for text in ("x\r\nY: z", "警察", "x" * 201):
        with pytest.raises(BadInput):
            Net().disguised(user_agent=text)
    plain = Net(contact="patrol@example.jp")
    assert plain.disguised().user_agent == plain.user_agent
