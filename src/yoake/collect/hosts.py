"""What a process knows of each host: how often it may be asked, until when it is left alone, and its robots.txt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from yoake.collect.trouble import LONGEST_PAUSE_S, Busy

EVERY_HOST: Final = "*"
RATE: Final = 2.0  # requests a second and host where no setting says otherwise
BURST_S: Final = 5.0  # so many seconds' worth of requests may go out at once
_FIRST_PAUSE_S: Final = 60.0  # after "too many requests" without saying how long; doubles up to
_LAST_PAUSE_S: Final = 900.0
_MOST: Final = 10_000  # hosts that are remembered


@dataclass
class _Host:
    next_at: float = 0.0  # when the next request would be due if they came evenly
    every_s: float = 0.0  # Crawl-delay: never more often than this
    closed_until: float = 0.0
    pause_s: float = _FIRST_PAUSE_S


class Hosts:
    """Shared by every connector of a process: no host gets more requests than its limit, however many sources ask it.

    In any stretch of t seconds a host gets at most (t + BURST_S) * rate requests, and at least one; one with a
    Crawl-delay never two within that delay. A host that said when to come back (Retry-After) is not asked before.

    Args:
        rates: requests a second by host (`name` or `name:port`), `*` for all others; 0: limit and back-off are lifted.
        clock: seconds that only grow.
    """

    def __init__(
        self, rates: Mapping[str, float] | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = {EVERY_HOST: RATE, **(rates or {})}
        self._clock = clock
        self._hosts: dict[str, _Host] = {}
        self._notes: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def turn(self, key: str, longest_s: float) -> float:
        """Takes the host's next turn; gives how many seconds it is away. `key` is host:port.

        Raises Busy, and takes nothing, when that is more than `longest_s`, or when the host asked to be left alone.
        """
        rate = self._rate(key)
        if rate == 0:
            return 0.0
        with self._lock:
            now, host = self._clock(), self._host(key)
            if host.closed_until > now:
                left_s = host.closed_until - now
                raise Busy(f"{_name(key)} asked to wait; trying again in {left_s:.0f} s.", after_s=left_s)
            every_s, ahead_s = self._pace(rate, host)
            wait_s = max(0.0, host.next_at - ahead_s - now)
            if wait_s > longest_s:
                raise Busy(f"{_name(key)} is at its limit of requests; trying again later.", after_s=wait_s)
            host.next_at = max(host.next_at, now) + every_s
            return wait_s

    def due_s(self, key: str) -> float:
        """How many seconds the host's next turn is away; takes nothing."""
        rate = self._rate(key)
        if rate == 0:
            return 0.0
        with self._lock:
            now, host = self._clock(), self._host(key)
            ahead_s = self._pace(rate, host)[1]
            return max(0.0, host.next_at - ahead_s - now, host.closed_until - now)

    def slow(self, key: str, every_s: float) -> None:
        """At most one request in `every_s` seconds from now on (Crawl-delay); 0: as the limit says."""
        with self._lock:
            self._host(key).every_s = min(max(0.0, every_s), LONGEST_PAUSE_S)

    def leave(self, key: str, after_s: float | None) -> float:
        """The host asked to be left alone; for how long is returned. None: it did not say for how long."""
        with self._lock:
            now, host = self._clock(), self._host(key)
            if after_s is None:
                after_s, host.pause_s = host.pause_s, min(host.pause_s * 2, _LAST_PAUSE_S)
            host.closed_until = max(host.closed_until, now + after_s)
            return after_s

    def well(self, key: str) -> None:
        """The host answered: the next pause begins small again."""
        with self._lock:
            if (host := self._hosts.get(key)) is not None:
                host.pause_s = _FIRST_PAUSE_S

    def recall(self, name: str) -> Any:
        """What was noted under a name and has not expired, else None."""
        with self._lock:
            until, value = self._notes.get(name, (0.0, None))
            return value if until > self._clock() else None

    def note(self, name: str, value: Any, for_s: float) -> None:
        """Keeps a value for a while."""
        with self._lock:
            now = self._clock()
            if len(self._notes) >= _MOST:
                self._notes = {key: kept for key, kept in self._notes.items() if kept[0] > now}
            if len(self._notes) >= _MOST:
                self._notes.clear()  # it is only a cache
            self._notes[name] = now + for_s, value

    def _rate(self, key: str) -> float:
        for name in (key, _name(key)):
            if name in self._rates:
                return self._rates[name]
        return self._rates[EVERY_HOST]

    def _pace(self, rate: float, host: _Host) -> tuple[float, float]:
        """Seconds between two requests, and how many seconds early a request may be."""
        if host.every_s > 1 / rate:
            return host.every_s, 0.0
        return 1 / rate, max(0.0, BURST_S - 1 / rate)

    def _host(self, key: str) -> _Host:
        if key not in self._hosts and len(self._hosts) >= _MOST:
            newest = sorted(self._hosts.items(), key=lambda item: -max(item[1].next_at, item[1].closed_until))
            self._hosts = dict(newest[: _MOST // 2])
        return self._hosts.setdefault(key, _Host())


def lifted() -> Hosts:
    """No limit and no back-off for any host: for servers of one's own, and tests."""
    return Hosts({EVERY_HOST: 0.0})


def _name(key: str) -> str:
    return key.rpartition(":")[0]
