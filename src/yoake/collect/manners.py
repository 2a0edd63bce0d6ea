"""How a crawl behaves: robots.txt, Crawl-delay, no login walls, one host at a time."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Final
from urllib.parse import urljoin, urlsplit

from protego import Protego

from yoake.collect.addresses import place_of
from yoake.collect.connector import Page
from yoake.collect.net import Busy, Denied, Net, Response
from yoake.errors import BadInput, Refused, TryLater

TOKEN: Final = "Yoake"  # noqa: S105 - the product token that a robots.txt may name (RFC 9309)
_KEPT_S: Final = 86_400.0  # a robots.txt is asked for again after a day (RFC 9309, 2.4)
_AWAY_S: Final = 600.0
_LONGEST_BYTES: Final = 1_000_000  # RFC 9309 wants at least 500 KiB
_REDIRECTS: Final = 5
_LOGIN_STEP = re.compile(r"(?:log|sign)[_-]?(?:in|on)|authwall|sso|checkpoint|members?[_-]only", re.IGNORECASE)
_LOGIN_HOST = re.compile(r"(?:log|sign)-?(?:in|on)|accounts?|auth|sso|id", re.IGNORECASE)


class RobotsSayNo(Refused):
    """The site's robots.txt asks programs to stay away from this address."""


class LoginWall(Refused):
    """The site sends whoever is not signed in to its login page."""


class Manners:
    """Fetches pages as a polite program does; several may share a `Net` and what its process knows of hosts.

    Args:
        net: the outside world.
        delay_s: at least so many seconds between two requests to one host; a longer Crawl-delay goes before it.
    """

    def __init__(self, net: Net, *, delay_s: float = 0.0) -> None:
        self._net, self._delay_s = net, delay_s

    def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 15.0,
        limit_bytes: int = 5_000_000,
    ) -> Response:
        """`Net.get`, where robots.txt allows it; each redirect is looked at in the same way.

        Raises:
            RobotsSayNo: the address, or one it leads to, is not for programs.
            LoginWall: it leads to a login page.
            Denied: 401 or 403.
            TryLater: the site, or its robots.txt, is away: until that can be read nothing is fetched.
            Refused, BadInput: as `Net.get`.
        """
        asked = url
        for _ in range(_REDIRECTS + 1):
            self._ask_robots(url)
            response = self._net.get(url, headers=headers, timeout_s=timeout_s, limit_bytes=limit_bytes, follow=False)
            if not response.redirects:
                return response
            url, before = urljoin(url, response.headers["location"]), url
            try:
                elsewhere = place_of(url).key != place_of(before).key
            except BadInput:
                raise Refused(f"{asked} redirects to an address that cannot be fetched; check it.") from None
            if is_login(url) and not is_login(asked):
                raise LoginWall(f"{urlsplit(asked).hostname} shows {asked} only to those who sign in.")
            if elsewhere:
                headers = None  # what was meant for one host is not told to another
        raise Refused(f"{asked} redirects without end; check it.")

    def rest(self, url: str, cursor: str | None) -> Generator[Page, None, bool]:
        """Until the host's next turn is near: an empty page a second. True when the patrol stops meanwhile."""
        self._ask_robots(url)
        key = place_of(url).key
        while (left_s := self._net.hosts.due_s(key)) > 1.0:
            if (yield from pause(self._net, min(1.0, left_s), cursor)):
                return True
        return False

    def sitemaps(self, url: str) -> list[str]:
        """Addresses of sitemaps that the site's robots.txt names."""
        return list(self._robots(url).sitemaps)

    def _ask_robots(self, url: str) -> None:
        robots, key = self._robots(url), place_of(url).key
        self._net.hosts.slow(key, max(self._delay_s, robots.crawl_delay(TOKEN) or 0.0))
        if not robots.can_fetch(url, TOKEN):
            raise RobotsSayNo(f"{urlsplit(url).hostname} asks programs to stay away from {url}: open it by hand.")

    def _robots(self, url: str) -> Protego:
        parts = urlsplit(url)
        place = place_of(url)
        name = f"robots {parts.scheme}://{place.key}"
        known = self._net.hosts.recall(name)
        if isinstance(known, Protego):
            return known
        if known is not None:
            raise TryLater(known, after_s=_AWAY_S)
        try:
            robots = self._fetch_robots(f"{parts.scheme}://{place.netloc}/robots.txt")
        except Busy:
            raise  # the host's limit keeps us away already
        except TryLater as error:
            self._net.hosts.note(name, str(error), _AWAY_S)
            raise
        self._net.hosts.note(name, robots, _KEPT_S)
        return robots

    def _fetch_robots(self, url: str) -> Protego:
        try:
            response = self._net.get(url, timeout_s=10, limit_bytes=_LONGEST_BYTES)
        except Denied:
            return Protego.parse("")  # 4xx: the site has no rules (RFC 9309, 2.3.1.3)
        if response.status >= 500:
            host = urlsplit(url).hostname
            raise TryLater(
                f"{host} answers {response.status} to the question what programs may read (robots.txt); "
                "trying again later.",
                after_s=_AWAY_S,
            )
        if response.status != 200:
            return Protego.parse("")
        return Protego.parse(response.body.decode("utf-8-sig", "replace"))


def is_login(url: str) -> bool:
    """Whether an address looks like a page to sign in at."""
    parts = urlsplit(url)
    steps = [step.partition(".")[0] for step in parts.path.split("/")]
    return any(_LOGIN_STEP.fullmatch(step) for step in steps) or bool(
        _LOGIN_HOST.fullmatch((parts.hostname or "").partition(".")[0])
    )


def pause(net: Net, seconds: float, cursor: str | None) -> Generator[Page, None, bool]:
    """Waits, and shows an empty page a second. True when the patrol stops meanwhile."""
    while seconds > 0:
        step_s = min(1.0, seconds)
        if net.wait(step_s):
            return True
        seconds -= step_s
        yield Page(cursor=cursor)
    return False
