"""Web addresses: taken apart, resolved, told public from private, and written in one way."""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from yoake.collect.clean import storable
from yoake.collect.trouble import Unreached, away
from yoake.errors import BadInput

URL_LONGEST: Final = 2_000
IPv = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Place:
    """Where a request goes."""

    host: str
    port: int
    tls: bool
    netloc: str  # what stands in the Host header

    @property
    def key(self) -> str:
        """What tells hosts apart in what is known of them."""
        return f"{self.host}:{self.port}"


def place_of(url: str, *schemes: str) -> Place:
    """The place of an http(s) address, or of one of `schemes`. Raises BadInput for what cannot be asked at all."""
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
    return Place(host, port or (443 if tls else 80), tls, name if port is None else f"{name}:{port}")


def resolve(host: str, port: int, timeout_s: float) -> list[IPv]:
    """Addresses of a host. The system's resolver cannot be hurried: it works aside, and is left after `timeout_s`."""
    answer: list[list[IPv]] = []
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
        raise away(host, errors[0], Unreached) from None
    if not answer:
        raise away(host, TimeoutError("no answer to the name"), Unreached) from None
    return list(dict.fromkeys(answer[0]))


def canonical_url(url: str) -> str:
    """The item's address without what changes nothing: tracking parameters, anchors, default port, case of the host.

    A fragment that begins with / or ! is kept: pages made by script tell posts apart by it. Raises BadInput.
    """
    accepted = "a web address that begins with http:// or https://"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput("url", url, accepted) from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname or any(c.isspace() or ord(c) < 32 for c in url):
        raise BadInput("url", url, accepted)
    if len(url) > URL_LONGEST:
        raise BadInput("url", url, f"at most {URL_LONGEST} characters")
    if parts.username is not None or parts.password is not None:
        raise BadInput("url", "(not shown)", "an address without a user name and password in it")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is not None and port != {"http": 80, "https": 443}[scheme]:
        host = f"{host}:{port}"
    if host.removeprefix("www.").removeprefix("mobile.") in ("x.com", "twitter.com"):  # one network, many ways to share
        return storable(urlunsplit(("https", "x.com", parts.path or "/", "", "")), [])
    query = "&".join(pair for pair in parts.query.split("&") if not pair.lower().startswith("utm_"))
    fragment = parts.fragment if parts.fragment.startswith(("/", "!")) else ""
    return storable(urlunsplit((scheme, host, parts.path or "/", query, fragment)), [])


def is_public(address: IPv) -> bool:
    """Whether an address belongs to the public internet, also when one family is wrapped in the other."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def is_private_as_written(host: str) -> bool:
    """Whether a host is private without asking anybody: an address however it is written, or a name of this machine."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal", ".home.arpa")) or "." not in name:
        address = _written(name)
        return address is None or not is_public(address)
    address = _written(name)
    return address is not None and not is_public(address)


def _written(host: str) -> IPv | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))  # 127.1, 0x7f.1, 2130706433
    except OSError:
        return None
