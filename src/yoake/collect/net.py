"""The outside world, as a connector is given it: HTTP, WebSocket, the clock, and a wait that ends with the patrol."""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import httpx
import orjson
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.uri import parse_uri

from yoake import __version__
from yoake.errors import BadInput, Refused, TryLater

CONNECT_S: Final = 4.0  # a person is told that a host cannot be reached within five seconds
_REDIRECTS: Final = 5
_ADDRESSES: Final = 3  # how many addresses of one host are tried
_QUEUE_FRAMES: Final = 16  # of a WebSocket, received and not yet read; with limit_bytes this bounds memory
_IPv = ipaddress.IPv4Address | ipaddress.IPv6Address


def _now() -> datetime:
    return datetime.now(UTC)


class Unreached(TryLater):
    """No connection was made: nothing of the request went out."""


class TooLong(TryLater):
    """The host sent more than was asked for at most."""


class Busy(TryLater):
    """The host answered that it is not now able to do what was asked."""


@dataclass(frozen=True)
class Response:
    """What a server answered to `Net.get` (redirects were followed) or `Net.post`."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises TryLater when it is something else (an error page, half an answer)."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            host = urlsplit(self.url).hostname
            raise TryLater(f"{host} answered status {self.status} without JSON; try again later.", after_s=60) from None


class Net:
    """What a connector may do outside: `get`, `websocket`, `wait`, `now`.

    Only public addresses are reached unless `allow_private` is set: a host name is resolved once, its addresses are
    checked, and the connection goes to a checked address (TLS still proves the host name). Redirects are checked the
    same way. A host that is away raises TryLater, one that says no (401, 403) raises Refused; both name the host.

    Args:
        allow_private: reach loopback and private networks too (a server of your own, tests).
        only_private: reach nothing else; what is refused then says this, for a person who wants more.
        contact: mail address or page of whoever runs this installation; sent in the User-Agent.
        stop: set when the patrol stops; `wait` then returns at once.
        clock: the present time, UTC.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        only_private: str = "",
        contact: str = "",
        stop: threading.Event | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        if not re.fullmatch(r"[\x20-\x7e]*", contact):
            raise BadInput("contact", contact, "a mail address or page in ASCII goes into the User-Agent")
        self.allow_private, self.only_private = allow_private, only_private
        self.user_agent = f"Yoake/{__version__} (cyber patrol{'; ' + contact if contact else ''})"
        self._tls = functools.cache(httpx.create_ssl_context)  # reading the certificates takes 20 ms
        self._stop = stop or threading.Event()
        self._clock = clock

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
    ) -> Response:
        """One HTTP GET; any status but 401, 403 and 429 is returned.

        Args:
            url: http or https; user name and password in it are not accepted.
            params: added to the query.
            headers: added to the request.
            timeout_s: for the whole exchange; connecting takes at most CONNECT_S of it.
            limit_bytes: a longer body is not read to its end.

        Raises:
            TryLater: no such host, no connection, too slow, 429, or the body is longer than `limit_bytes`.
            Refused: 401, 403, a private address, or too many redirects.
            BadInput: the URL cannot be fetched at all.
        """
        deadline, asked = time.monotonic() + timeout_s, _place(url)
        target = str(httpx.URL(url, params={**httpx.URL(url).params, **params})) if params else url
        for _ in range(_REDIRECTS + 1):
            response = self._once("GET", target, headers or {}, b"", deadline, limit_bytes)
            if response.status not in (301, 302, 303, 307, 308) or "location" not in response.headers:
                return response
            try:
                target = urljoin(target, response.headers["location"])
                elsewhere = _place(target).host != asked.host
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
        return self._once("POST", url, headers or {}, body, time.monotonic() + timeout_s, limit_bytes)

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
        place = _place(url, "ws", "wss")
        sock = self._connect(place, timeout_s)
        deadline = time.monotonic() + CONNECT_S
        try:
            if place.tls:
                sock.settimeout(CONNECT_S)
                sock = self._tls().wrap_socket(sock, server_hostname=place.host)
            sock.settimeout(None)
        except OSError as error:  # ssl.SSLError is one
            sock.close()
            raise _away(place.host, error) from None
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
                _refuse(place.host, error.response.status_code, error.response.headers.get("Retry-After", ""))
                status = error.response.status_code
                raise Refused(f"{place.host} opens no WebSocket (status {status}); check the address {url}.") from None
            if isinstance(error, (OSError, EOFError, TimeoutError, InvalidHandshake, ConnectionClosed)):
                raise _away(place.host, error) from None
            raise
        connection.start_keepalive()  # a peer that froze, or a line cut somewhere, closes nothing by itself
        with connection:
            yield Socket(place.host, connection)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, deadline: float, limit_bytes: int
    ) -> Response:
        place = _place(url)
        error: Exception = TimeoutError()
        reached_by = min(deadline, time.monotonic() + CONNECT_S)
        for address in self._addresses(place, reached_by - time.monotonic()):
            if (connect_s := reached_by - time.monotonic()) <= 0:
                break
            timeout = httpx.Timeout(max(0.05, deadline - time.monotonic()), connect=connect_s)
            request = httpx.Request(
                method,
                httpx.URL(url).copy_with(host=str(address)),
                content=body or None,
                headers={
                    "Accept-Encoding": "identity",  # so that limit_bytes bounds memory
                    **headers,
                    "Host": place.netloc,
                    "User-Agent": self.user_agent,
                },
                extensions={"sni_hostname": place.host, "timeout": timeout.as_dict()},
            )
            try:
                return _send(request, place, self._tls() if place.tls else False, deadline, limit_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout) as this:
                error = this
            except httpx.HTTPError as this:
                raise _away(place.host, this) from None
        raise _away(place.host, error, Unreached) from None

    def _connect(self, place: _Place, timeout_s: float) -> socket.socket:
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
        raise _away(place.host, error) from None

    def _addresses(self, place: _Place, timeout_s: float) -> list[_IPv]:
        """Addresses of the host that may be reached, as the resolver ordered them."""
        found = _resolve(place.host, place.port, timeout_s)
        if self.only_private:
            inside = [address for address in found if not is_public(address)]
            if not inside:
                raise Refused(f"{place.host} is outside this network; {self.only_private}")
            return inside[:_ADDRESSES]
        allowed = [address for address in found if self.allow_private or is_public(address)]
        if not allowed:
            raise Refused(
                f"{place.host} is on a private network; for a server of your own set YOAKE_ALLOW_PRIVATE_NETWORKS=yes."
            )
        return allowed[:_ADDRESSES]


class Socket:
    """An open WebSocket, made by `Net.websocket`."""

    def __init__(self, host: str, connection: ClientConnection) -> None:
        self.host = host
        self._connection = connection

    def recv(self, timeout_s: float) -> str | bytes | None:
        """The next message (text or bytes), or None when none came within `timeout_s`.

        Raises TryLater when the other side closed, also when a message was too long or not UTF-8.
        """
        try:
            return self._connection.recv(timeout_s)
        except TimeoutError:
            return None
        except (ConnectionClosed, OSError) as error:
            raise _away(self.host, error) from None


def is_public(address: _IPv) -> bool:
    """Whether an address belongs to the public internet, also when one family is wrapped in the other."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@dataclass(frozen=True)
class _Place:
    host: str
    port: int
    tls: bool
    netloc: str  # what stands in the Host header


def _place(url: str, *schemes: str) -> _Place:
    schemes = schemes or ("http", "https")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
        httpx.URL(url)  # refuses what no request can carry, such as control characters
    except (ValueError, httpx.InvalidURL):
        raise BadInput("url", url, "an address that can be read is needed") from None
    if parts.scheme not in schemes or not host:
        raise BadInput("url", url, f"an address that begins with {' or '.join(s + '://' for s in schemes)} is needed")
    if "@" in parts.netloc:
        raise BadInput("url", host, "user names and passwords do not belong into an address")
    tls = parts.scheme in ("https", "wss")
    name = f"[{host}]" if ":" in host else host
    return _Place(host, port or (443 if tls else 80), tls, name if port is None else f"{name}:{port}")


def _resolve(host: str, port: int, timeout_s: float) -> list[_IPv]:
    """Addresses of a host. The system's resolver cannot be hurried: it works aside, and is left after `timeout_s`."""
    answer: list[list[_IPv]] = []
    errors: list[OSError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            errors.append(error if isinstance(error, OSError) else OSError("no such name"))
        else:
            answer.append([ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows])

    thread = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    thread.start()
    thread.join(max(0.05, timeout_s))
    if errors:
        raise _away(host, errors[0], Unreached) from None
    if not answer:
        raise _away(host, TimeoutError("no answer to the name"), Unreached) from None
    return list(dict.fromkeys(answer[0]))


def _send(
    request: httpx.Request, place: _Place, tls: ssl.SSLContext | bool, deadline: float, limit_bytes: int
) -> Response:
    # A client of its own for each request: a pool would hand the connection of one host to another at the same address.
    host = place.host
    body = bytearray()
    with (
        _hung_up_at(deadline, request),
        httpx.Client(verify=tls, trust_env=False) as client,
        closing(client.send(request, stream=True)) as answer,
    ):
        _refuse(host, answer.status_code, answer.headers.get("Retry-After", ""), gone=False)
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise TryLater(f"{host} sent an encoding nobody asked for; try again later.", after_s=600)
        for part in answer.iter_raw():
            body += part
            if len(body) > limit_bytes:
                raise TooLong(f"{host} sent more than {limit_bytes:,} bytes.", after_s=600)
            if time.monotonic() > deadline:
                raise TryLater(f"{host} answers too slowly; try again later.", after_s=30)
    url = request.url.copy_with(host=host)
    return Response(answer.status_code, str(url), dict(answer.headers), bytes(body))


@contextmanager
def _hung_up_at(deadline: float, request: httpx.Request) -> Iterator[None]:
    """Shuts the request's connection down at the deadline: httpx bounds each read, not a header that drips for hours.

    Raises ReadTimeout then, also when the body ended with the connection: half a body is no body.
    """
    sockets: list[socket.socket] = []
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        for sock in sockets:
            with suppress(OSError):  # closed already
                socket.socket.shutdown(
                    sock, socket.SHUT_RDWR
                )  # of TLS too, below it: the reader is in the middle of it

    def watch(event: str, details: dict[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            sockets.append(details["return_value"].get_extra_info("socket"))
            if time.monotonic() >= deadline:
                hang_up()

    request.extensions["trace"] = watch
    alarm = threading.Timer(max(0.0, deadline - time.monotonic()), hang_up)
    alarm.daemon = True
    alarm.start()
    try:
        yield
    except httpx.HTTPError:
        if not late.is_set():
            raise
    finally:
        alarm.cancel()
    if late.is_set():
        raise httpx.ReadTimeout("late", request=request)


def _refuse(host: str, status: int, retry_after: str, *, gone: bool = True) -> None:
    """Raise what a status means for everybody; `gone`: a server in trouble counts as away."""
    if status in (401, 403):
        raise Refused(
            f"{host} answered {status}: it does not let this installation in; check the access with its operator."
        )
    if status in (408, 429) or (gone and status >= 500):
        after_s = float(retry_after) if re.fullmatch(r"\d{1,5}", retry_after) else 60.0
        reason = "too many requests" if status == 429 else f"status {status}"
        raise Busy(f"{host} asks to wait ({reason}); trying again in {after_s:.0f} s.", after_s=after_s)


def _away(host: str, error: Exception, kind: type[TryLater] = TryLater) -> TryLater:
    """One sentence for everything that can go wrong with a connection."""
    cause: BaseException = error
    while not isinstance(cause, (ConnectionClosed, socket.gaierror)) and (
        deeper := cause.__cause__ or cause.__context__
    ):
        cause = deeper
    if isinstance(error, (TimeoutError, httpx.TimeoutException)) or isinstance(cause, TimeoutError):
        what = "does not answer"
    elif isinstance(cause, socket.gaierror) or "no such name" in str(cause):
        what = "cannot be found (no network, or no such name)"
    elif isinstance(cause, ssl.SSLCertVerificationError):
        what = f"shows a certificate that is not valid ({cause.verify_message})"
    elif isinstance(cause, ConnectionRefusedError):
        what = "refuses the connection"
    elif isinstance(cause, ConnectionClosed) and cause.rcvd is None and cause.sent is not None:  # we closed it
        what = {1009: "sent a message that is too long", 1011: "gives no sign of life"}.get(
            cause.sent.code, f"was left with code {cause.sent.code}"
        )
    elif isinstance(cause, ConnectionClosed):
        code = f" with code {cause.rcvd.code}" if cause.rcvd else ""
        what = f"closed the connection{code}"
    else:
        what = f"cannot be reached ({type(cause).__name__})"
    return kind(f"{host} {what}; trying again later.", after_s=10)
