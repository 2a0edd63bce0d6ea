"""The outside world, as a connector is given it: HTTP, WebSocket, secrets, the clock, and a wait that ends with the patrol."""

from __future__ import annotations

import copy
import functools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Final, Self
from urllib.parse import urljoin

import httpx
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.uri import parse_uri

from yoake import __version__
from yoake.collect.addresses import IPv, Place, is_private_as_written, is_public, place_of, resolve
from yoake.collect.answers import Response, Socket, Stamp
from yoake.collect.deadline import hung_up_at
from yoake.collect.egress import Proxy
from yoake.collect.hosts import Hosts, lifted
from yoake.collect.kept import Way, Ways
from yoake.collect.keys import Keys
from yoake.collect.lines_stream import LineStream, few_octets
from yoake.collect.trouble import Busy, Denied, TooLong, Unreached, away, refuse, retry_after_s
from yoake.errors import BadInput, Refused, TryLater

__all__ = ["CONNECT_S", "Busy", "Denied", "Net", "Response", "Socket", "Stamp", "TooLong", "Unreached"]

CONNECT_S: Final = 4.0  # a person is told that a host cannot be reached within five seconds
_TURN_S: Final = 5.0  # a request waits at most so long for its host's turn; else it is put off
_REDIRECTS, _ADDRESSES = 5, 3  # followed; of one host tried
_now: Final = functools.partial(datetime.now, UTC)
_QUEUE_FRAMES: Final = 16  # of a WebSocket, received and not yet read; with limit_bytes this bounds memory


class Net:
    """What a connector may do outside: `get`, `post`, `lines`, `websocket`, `secret`, `wait`, `now`.

    Only public addresses are reached unless `allow_private` is set: a host name is resolved once, its addresses are
    checked, and the connection goes to a checked address (TLS still proves the host name). Redirects are checked the
    same way. A host that is away raises TryLater, one that says no (401, 403) raises Denied; both name the host.
    A request waits for its host's turn, and is put off (Busy) when that is far away.

    Args:
        allow_private: reach loopback and private networks too (a server of your own, tests).
        only_private: reach nothing else; what is refused then says this, for a person who wants more.
        contact: mail address or page of whoever runs this installation, for the User-Agent.
        hosts: limits and back-off by host, one object for all of a process; without it there are none.
        keys: secrets by name, for `secret`.
        stop: set when the patrol stops; `wait` then returns at once.
        clock: the present time, UTC.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        only_private: str = "",
        contact: str = "",
        hosts: Hosts | None = None,
        keys: Callable[[str], str] | None = None,
        stop: threading.Event | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        if not re.fullmatch(r"[\x20-\x7e]*", contact):
            raise BadInput("contact", contact, "a mail address or page in ASCII goes into the User-Agent")
        self.allow_private, self.only_private = allow_private, only_private
        self.hosts = hosts or lifted()
        self._keys = keys or Keys()
        self._proxy: Proxy | None = None
        self._ways: Ways | None = None
        self.user_agent = f"Yoake/{__version__} (cyber patrol{'; ' + contact if contact else ''})"
        self._tls = functools.cache(httpx.create_ssl_context)  # reading the certificates takes 20 ms
        self._stop = stop or threading.Event()
        self._clock = clock

    def disguised(self, *, user_agent: str = "", proxy: str = "") -> Self:
        """The same outside world under another name, or by another way; for pages that suspects run.

        Args:
            user_agent: sent instead of our own, which names the patrol and its contact.
            proxy: name of the secret that holds the address of an HTTP proxy. It resolves names itself, so that only
                hosts that are private as they are written can be refused here.

        Raises:
            BadInput: the User-Agent does not fit a header.
            Refused: there is no such secret, or it holds no address of a proxy.
        """
        other = copy.copy(self)
        if user_agent:
            if not re.fullmatch(r"[\x20-\x7e]{1,200}", user_agent):
                raise BadInput("user_agent", user_agent, "at most 200 characters of ASCII")
            other.user_agent = user_agent
        if proxy:
            other._proxy = Proxy.of(proxy, self.secret(proxy))
        return other

    @contextmanager
    def keeping(self) -> Iterator[Self]:
        """The same outside world: a host that `get` asks again there is asked over the same connection; closed at the end."""
        other = copy.copy(self)
        with closing(Ways()) as other._ways:
            yield other

    def secret(self, name: str) -> str:
        """An API key or other secret by name: the file `secrets/<name>` of the data folder, or YOAKE_SECRET_<NAME>.

        Call it when the secret is needed and keep it nowhere. Raises Refused, saying what to do, when it is missing or
        others can read it; BadInput when this cannot be a name.
        """
        return self._keys(name)

    def now(self) -> datetime:
        """The present time, UTC."""
        return self._clock()

    def wait(self, seconds: float) -> bool:
        """Wait, at most `seconds`; True when the patrol is stopping (the connector then returns)."""
        return self._stop.wait(max(0.0, seconds))

    @property
    def stopping(self) -> bool:
        """Whether the patrol is stopping."""
        return self._stop.is_set()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        limit_bytes: int = 5_000_000,
        follow: bool = True,
    ) -> Response:
        """One HTTP GET; any status but 401, 403, 408 and 429 is returned.

        Args:
            url: http or https; user name and password in it are not accepted.
            params: added to the query.
            headers: added to the request.
            timeout_s: for each exchange, after its host's turn came; connecting takes at most CONNECT_S of it.
            limit_bytes: a longer body is not read to its end.
            follow: follow redirects; else a redirect is an answer as any other.

        Raises:
            TryLater: no such host, no connection, too slow, 429, the host's turn is far away, or the body is longer
                than `limit_bytes`.
            Refused: 401, 403 (Denied), a private address, or too many redirects.
            BadInput: the URL cannot be fetched at all.
        """
        asked = place_of(url)
        target = str(httpx.URL(url, params={**httpx.URL(url).params, **params})) if params else url
        for _ in range(_REDIRECTS + 1):
            response = self._once("GET", target, headers or {}, b"", timeout_s, limit_bytes)
            if not follow or not response.redirects:
                return response
            try:
                target = urljoin(target, response.headers["location"])
                there = place_of(target)
                elsewhere = (there.key, there.tls) != (asked.key, asked.tls)
            except (BadInput, ValueError):
                raise Refused(f"{asked.host} redirects to an address that cannot be fetched; check {url}.") from None
            if elsewhere:
                headers = None  # what was meant for one host is not told to another
        raise Refused(f"{asked.host} redirects without end; check the address {url}.")

    def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        limit_bytes: int = 5_000_000,
    ) -> Response:
        """One HTTP POST, as `get` otherwise; redirects are not followed: a body is told to one host only."""
        return self._once("POST", url, headers or {}, body, timeout_s, limit_bytes)

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None, timeout_s: float = 10.0) -> Response:
        """One HTTP DELETE, as `post` otherwise."""
        return self._once("DELETE", url, headers or {}, b"", timeout_s, 5_000_000)

    @contextmanager
    def lines(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        silence_s: float = 60.0,
    ) -> Iterator[LineStream]:
        """An HTTP GET whose answer is lines without end; redirects are not followed.

        Args:
            url: as for `get`.
            params: added to the query.
            headers: added to the request.
            timeout_s: until the answer begins; what follows has no end.
            silence_s: without a single octet for so long, keep-alives included, the other side counts as away.

        Raises:
            TryLater, Refused, BadInput: as `get`. Another status than 200 stands in `status`, and what it says in `problem`.
        """
        place = place_of(url)
        target = str(httpx.URL(url, params={**httpx.URL(url).params, **params})) if params else url
        self._turn(place)
        with ExitStack() as stack:
            yield stack.enter_context(self._open(target, headers or {}, place, timeout_s, silence_s, stack))

    @contextmanager
    def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = CONNECT_S,
        limit_bytes: int = 1_000_000,
        ping_every_s: float = 20.0,
        pong_within_s: float = 60.0,
    ) -> Iterator[Socket]:
        """An open WebSocket; redirects are not followed.

        Args:
            url: ws or wss.
            headers: added to the opening request.
            timeout_s: to reach the host; TLS and handshake then have CONNECT_S.
            limit_bytes: a longer message closes the connection.
            ping_every_s: how often the other side is asked for a sign of life.
            pong_within_s: without one for so long the connection is closed. Generous: the sign queues up behind
                messages that a busy reader has not taken yet.

        Raises:
            TryLater: no such host, no connection, too slow, or the server answered 408, 429 or 5xx.
            Refused: 401, 403, any other answer that is no WebSocket, or a private address.
            BadInput: the URL cannot be opened at all.
        """
        place = place_of(url, "ws", "wss")
        self._turn(place)
        sock = self._connect(place, timeout_s)
        deadline = time.monotonic() + CONNECT_S
        try:
            if place.tls:
                sock.settimeout(CONNECT_S)
                sock = self._tls().wrap_socket(sock, server_hostname=place.host)
            sock.settimeout(None)
        except OSError as error:  # ssl.SSLError is one
            sock.close()
            raise away(place.host, error) from None
        protocol = ClientProtocol(parse_uri(url), max_size=limit_bytes)
        connection = ClientConnection(
            sock,
            protocol,
            ping_interval=ping_every_s,
            ping_timeout=pong_within_s,
            close_timeout=1,
            max_queue=_QUEUE_FRAMES,
        )
        try:
            connection.handshake(headers, self.user_agent, max(0.05, deadline - time.monotonic()))
        except Exception as error:
            connection.close_socket()
            connection.recv_events_thread.join()
            if isinstance(error, InvalidStatus):
                status = error.response.status_code
                told = {name.lower(): value for name, value in error.response.headers.raw_items()}
                self._judge(place, status, told, gone=True)
                raise Refused(f"{place.host} opens no WebSocket (status {status}); check the address {url}.") from None
            if isinstance(error, (OSError, EOFError, TimeoutError, InvalidHandshake, ConnectionClosed)):
                raise away(place.host, error) from None
            raise
        connection.start_keepalive()  # a peer that froze, or a line cut somewhere, closes nothing by itself
        with connection:
            yield Socket(place.host, connection)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float, limit_bytes: int
    ) -> Response:
        place = place_of(url)
        deadline = self._turn(place, timeout_s)
        if self._proxy is not None:
            return self._by_proxy(self._proxy, method, url, headers, body, place, deadline, limit_bytes)
        if method == "GET" and self._ways is not None and (way := self._ways.take(place)) is not None:
            target = httpx.URL(url).copy_with(host=way.address)
            request = self._request(method, target, headers, body, place, deadline, CONNECT_S)
            try:
                return self._send(request, place, deadline, limit_bytes, way)
            except httpx.TimeoutException as late:
                raise away(place.host, late) from None
            except httpx.HTTPError:
                deadline = self._turn(place, timeout_s)  # the host ended it meanwhile: it is asked anew
        error: Exception = TimeoutError()
        reached_by = min(deadline, time.monotonic() + CONNECT_S)
        for address in self._addresses(place, reached_by - time.monotonic()):
            if (connect_s := reached_by - time.monotonic()) <= 0:
                break
            target = httpx.URL(url).copy_with(host=str(address))
            request = self._request(method, target, headers, body, place, deadline, connect_s)
            try:
                return self._send(request, place, deadline, limit_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout) as this:
                error = this
            except httpx.HTTPError as this:
                raise away(place.host, this) from None
        raise away(place.host, error, Unreached) from None

    def _by_proxy(
        self,
        proxy: Proxy,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        place: Place,
        deadline: float,
        limit_bytes: int,
    ) -> Response:
        self._check_written(place)
        request = self._request(method, httpx.URL(url), headers, body, place, deadline, CONNECT_S)
        try:
            return self._send(request, place, deadline, limit_bytes)
        except httpx.ProxyError as error:
            told = str(error)[:3]
            raise proxy.refuses(int(told) if told.isdecimal() else 0) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise away(f"{place.host}, or the proxy {proxy.host},", error, Unreached) from None
        except httpx.HTTPError as error:
            raise away(place.host, error) from None

    def _request(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        body: bytes,
        place: Place,
        deadline: float,
        connect_s: float,
    ) -> httpx.Request:
        timeout = httpx.Timeout(max(0.05, deadline - time.monotonic()), connect=connect_s)
        return httpx.Request(
            method,
            url,
            content=body or None,
            headers={
                "Accept-Encoding": "identity",  # so that limit_bytes bounds memory
                **headers,
                "Host": place.netloc,
                "User-Agent": self.user_agent,
            },
            extensions={"sni_hostname": place.host, "timeout": timeout.as_dict()},
        )

    def _send(
        self, request: httpx.Request, place: Place, deadline: float, limit_bytes: int, way: Way | None = None
    ) -> Response:
        host, body = place.host, bytearray()
        way = way or Way(self._client(place), request.url.host)
        with ExitStack() as stack:
            stack.callback(way.close)
            with hung_up_at(deadline, request, way.sockets), closing(way.client.send(request, stream=True)) as answer:
                if self._proxy is not None and answer.status_code == 407:
                    raise self._proxy.refuses(407)
                self._judge_answer(place, answer, deadline)
                for part in answer.iter_raw():
                    body += part
                    if len(body) > limit_bytes:
                        raise TooLong(f"{host} sent more than {limit_bytes:,} bytes.", after_s=600)
                    if time.monotonic() > deadline:
                        raise TryLater(f"{host} answers too slowly; try again later.", after_s=30)
            if self._ways is not None and self._proxy is None and request.method == "GET":
                stack.pop_all()
                self._ways.keep(place, way)
        url = request.url.copy_with(host=host)
        return Response(answer.status_code, str(url), dict(answer.headers), bytes(body))

    def _client(self, place: Place) -> httpx.Client:
        """For one host: a pool for all would hand the connection of one host to another at the same address."""
        way = None if self._proxy is None else httpx.Proxy(self._proxy.url, headers=self._proxy.headers())
        return httpx.Client(verify=self._tls() if place.tls else False, proxy=way, trust_env=False)

    def _open(
        self, url: str, headers: Mapping[str, str], place: Place, timeout_s: float, silence_s: float, stack: ExitStack
    ) -> LineStream:
        """An answer of which the beginning came in time, and nothing was read; `stack` keeps its connection."""
        deadline = time.monotonic() + timeout_s
        error: Exception = TimeoutError()
        targets = [httpx.URL(url)]
        if self._proxy is not None:
            self._check_written(place)
        else:
            targets = [targets[0].copy_with(host=str(address)) for address in self._addresses(place, CONNECT_S)]
        client = stack.enter_context(self._client(place))
        for target in targets:
            request = self._request("GET", target, headers, b"", place, deadline, CONNECT_S)
            request.extensions["timeout"]["read"] = silence_s
            try:
                with hung_up_at(deadline, request):
                    answer = client.send(request, stream=True)
            except httpx.ProxyError as this:
                assert self._proxy is not None
                told = str(this)[:3]
                raise self._proxy.refuses(int(told) if told.isdecimal() else 0) from None
            except (httpx.ConnectError, httpx.ConnectTimeout) as this:
                error = this
                continue
            except httpx.HTTPError as this:
                raise away(place.host, this) from None
            stack.enter_context(closing(answer))
            if self._proxy is not None and answer.status_code == 407:
                raise self._proxy.refuses(407)
            self._judge_answer(place, answer, deadline)
            return LineStream(place.host, answer, deadline)
        raise away(place.host, error, Unreached) from None

    def _judge_answer(self, place: Place, answer: httpx.Response, deadline: float) -> None:
        """`_judge`, with what the host says to it; and an encoding that nobody asked for is refused."""
        try:
            self._judge(place, answer.status_code, answer.headers)
        except (Busy, Denied) as no:
            no.body = few_octets(answer, deadline)
            if isinstance(no, Denied):
                no.status = answer.status_code
            raise
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise TryLater(f"{place.host} sent an encoding nobody asked for; try again later.", after_s=600)

    def _turn(self, place: Place, timeout_s: float = 0.0) -> float:
        """Waits for the host's turn; gives the deadline after it. Raises Busy (far away) or TryLater (the patrol stops)."""
        wait_s = self.hosts.turn(place.key, _TURN_S)
        if wait_s > 0 and self.wait(wait_s):
            raise TryLater(f"{place.host} was not asked: the patrol stops.", after_s=1)
        return time.monotonic() + timeout_s

    def _judge(self, place: Place, status: int, headers: Mapping[str, str], *, gone: bool = False) -> None:
        """Remembers what a status says about the host, and raises what it means for everybody."""
        try:
            refuse(place.host, status, headers, self.now(), gone=gone)
        except Busy as busy:
            told_s = retry_after_s(headers, self.now())
            after_s = self.hosts.leave(place.key, told_s) if status < 500 or told_s is not None else busy.after_s
            told = Busy(str(busy), after_s=max(busy.after_s, after_s))
            told.asked = True
            raise told from None
        if status == 503 and (told_s := retry_after_s(headers, self.now())) is not None:
            self.hosts.leave(place.key, told_s)
        elif status < 400:
            self.hosts.well(place.key)

    def _connect(self, place: Place, timeout_s: float) -> socket.socket:
        if self._proxy is not None:
            self._check_written(place)
            return self._proxy.connect(place, timeout_s)
        error: OSError = TimeoutError()
        deadline = time.monotonic() + timeout_s
        for address in self._addresses(place, timeout_s):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            try:
                sock = socket.create_connection((str(address), place.port), timeout=left_s)
            except OSError as this:
                error = this
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise away(place.host, error) from None

    def _addresses(self, place: Place, timeout_s: float) -> list[IPv]:
        """Addresses of the host that may be reached, as the resolver ordered them."""
        found = resolve(place.host, place.port, timeout_s)
        if self.only_private:
            inside = [address for address in found if not is_public(address)]
            if not inside:
                raise Refused(f"{place.host} is outside this network; {self.only_private}")
            return inside[:_ADDRESSES]
        allowed = [address for address in found if self.allow_private or is_public(address)]
        if not allowed:
            raise _private(place.host)
        return allowed[:_ADDRESSES]

    def _check_written(self, place: Place) -> None:
        """Refuses what may not be asked for through a proxy; there, only how the host is written can be looked at."""
        if self.only_private:
            raise Refused(f"{place.host} would be reached through a proxy; {self.only_private}")
        if not self.allow_private and is_private_as_written(place.host):
            raise _private(place.host)


def _private(host: str) -> Refused:
    return Refused(f"{host} is on a private network; for a server of your own set YOAKE_ALLOW_PRIVATE_NETWORKS=yes.")
