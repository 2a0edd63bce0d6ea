"""How often one address, and its neighbours, may ask a public page; counted on this machine, forgotten after the window.

In a cache of its own: however many addresses ask, they push nothing else out, least of all who failed to sign in.
"""

from __future__ import annotations

import time
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from allauth.account.adapter import get_adapter
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

_ONE = {4: 32, 6: 64}  # bits of what one subscriber has at least
_AROUND = {4: 24, 6: 48}  # of what a site or a small provider has


def within(request: HttpRequest, what: str, *, each: int, around: int, window_s: int) -> bool:
    """Whether this request is still within the limits, counting it.

    Args:
        request: who asks is their address, behind a proxy as that tells it; of IPv6 its /64, which one subscriber has whole.
        what: which limit.
        each: for one address, in a window.
        around: for its network (/24, of IPv6 /48), in a window: whoever has many addresses is stopped by that.
        window_s: seconds.
    """
    try:
        told = get_adapter(request).get_client_ip(request) or ""
    except PermissionDenied:  # the proxy did not say
        told = ""
    one, network = _networks(told)
    # Whoever is over the first limit is not counted for the second: one address cannot shut out its neighbours.
    return _counted(what, one, window_s) <= each and _counted(what, network, window_s) <= around


def within_all(what: str, most: int, window_s: int) -> bool:
    """Whether what everybody does together is still within a limit, counting this time."""
    return _counted(what, "", window_s) <= most


def _networks(told: str) -> tuple[str, str]:
    try:
        address = ip_address(told.partition("%")[0])
    except ValueError:
        return told, told
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    one, around = (ip_network((address, bits[address.version]), strict=False) for bits in (_ONE, _AROUND))
    return str(one), str(around)


def _counted(what: str, whose: str, window_s: int) -> int:
    cache, key, now = caches["public"], f"{what}:{sha256(whose.encode()).hexdigest()}", time.time()
    n, until = cache.get(key, (0, now + window_s))  # two at the same moment may count as one
    cache.set(key, (n + 1, until), max(until - now, 1))
    return int(n) + 1
