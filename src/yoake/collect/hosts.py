"""What is known of each host: how often it may be asked, until when it is left alone, and its robots.txt."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Final

from yoake.collect.shared import Change, Shared
from yoake.collect.trouble import LONGEST_PAUSE_S, Busy

EVERY_HOST: Final = "*"
RATE: Final = 2.0  # requests a second and host where no setting says otherwise
BURST_S: Final = 5.0  # so many seconds' worth of requests may go out at once
_FIRST_PAUSE_S: Final = 60.0  # after "too many requests" without saying how long; doubles up to
_LAST_PAUSE_S: Final = 900.0
_MOST: Final = 10_000  # notes that are remembered
_DAY_S: Final = 86_400.0  # a host that nobody asked for so long is forgotten


@dataclass
class _Host:
    at: float = 0.0  # when this was written
    next_at: float = 0.0  # when the next request would be due if they came evenly
    every_s: float = 0.0  # Crawl-delay: never more often than this
    closed_until: float = 0.0
    pause_s: float = _FIRST_PAUSE_S

    @classmethod
    def of(cls, kept: Any, now: float) -> _Host:
        """What was kept of a host, as it is now; a clock that was set back since makes nobody wait longer."""
        host = cls(*kept) if kept is not None else cls()
        back_s = max(0.0, host.at - now)
        host.next_at, host.closed_until = host.next_at - back_s, host.closed_until - back_s
        host.at = now
        return host

    def kept(self) -> tuple[tuple[Any, ...], float]:
        """What is kept of it, and for how many seconds."""
        return astuple(self), max(self.next_at - self.at, self.closed_until - self.at, 0.0) + _DAY_S


class Hosts:
    """Shared by every connector: no host gets more requests than its limit, however many sources ask it.

    In any stretch of t seconds a host gets at most (t + BURST_S) * rate requests, and at least one; one with a
    Crawl-delay never two within that delay. A host that said when to come back (Retry-After) is not asked before.
    With a `file` that holds for all processes of this machine together, and after a restart. It keeps no host's name.

    Args:
        rates: requests a second by host (`name` or `name:port`), `*` for all others; 0: limit and back-off are lifted.
        file: what the processes of one machine share; None: this one is alone.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        rates: Mapping[str, float] | None = None,
        *,
        file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rates = {EVERY_HOST: RATE, **(rates or {})}
        self._clock = clock
        self._shared = Shared(file, clock=clock)
        self._notes: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def turn(self, key: str, longest_s: float) -> float:
        """Takes the host's next turn; gives how many seconds it is away. `key` is host:port.

        Raises Busy, and takes nothing, when that is more than `longest_s`, or when the host asked to be left alone.
        """
        rate = self._rate(key)
        if rate == 0:
            return 0.0

        def take(host: _Host) -> float:
            now = host.at
            if host.closed_until > now:
                left_s = host.closed_until - now
                raise Busy(f"{_name(key)} asked to wait; trying again in {left_s:.0f} s.", after_s=left_s)
            every_s, ahead_s = self._pace(rate, host)
            wait_s = max(0.0, host.next_at - ahead_s - now)
            if wait_s > longest_s:
                raise Busy(f"{_name(key)} is at its limit of requests; trying again later.", after_s=wait_s)
            host.next_at = max(host.next_at, now) + every_s
            return wait_s

        return self._change(key, take)

    def due_s(self, key: str) -> float:
        """How many seconds the host's next turn is away; takes nothing."""
        rate = self._rate(key)
        if rate == 0:
            return 0.0
        host = self._known(key)
        ahead_s = self._pace(rate, host)[1]
        return max(0.0, host.next_at - ahead_s - host.at, host.closed_until - host.at)

    def slow(self, key: str, every_s: float) -> None:
        """At most one request in `every_s` seconds from now on (Crawl-delay); 0: as the limit says."""
        every_s = min(max(0.0, every_s), LONGEST_PAUSE_S)

        def slow(host: _Host) -> float:
            host.every_s = every_s
            return every_s

        if self._rate(key) > 0 and self._known(key).every_s != every_s:
            self._change(key, slow)

    def leave(self, key: str, after_s: float | None) -> float:
        """The host asked to be left alone; for how long is returned. None: it did not say for how long."""

        def close(host: _Host) -> float:
            pause_s = after_s
            if pause_s is None:
                pause_s, host.pause_s = host.pause_s, min(host.pause_s * 2, _LAST_PAUSE_S)
            host.closed_until = max(host.closed_until, host.at + pause_s)
            return pause_s

        if self._rate(key) == 0:
            return _FIRST_PAUSE_S if after_s is None else after_s
        return self._change(key, close)

    def well(self, key: str) -> None:
        """The host answered: the next pause begins small again."""

        def calm(host: _Host) -> float:
            host.pause_s = _FIRST_PAUSE_S
            return 0.0

        if self._rate(key) > 0 and self._known(key).pause_s != _FIRST_PAUSE_S:
            self._change(key, calm)

    def quota(self, name: str) -> Any:
        """How much of a service's quota was used, as `use_quota` left it; None where nothing is known."""
        return self._shared.get("quota", name)

    def use_quota(self, name: str, change: Change) -> None:
        """Notes how much of a quota was used; see `Shared.change`. It stands as long as the limits: a restart grants nothing."""
        self._shared.change("quota", name, change)

    def recall(self, name: str) -> Any:
        """What was noted under a name and has not expired, else None."""
        with self._lock:
            until, value = self._notes.get(name, (0.0, None))
            return value if until > self._clock() else None

    def note(self, name: str, value: Any, for_s: float) -> None:
        """Keeps a value for a while, in this process alone."""
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

    def _known(self, key: str) -> _Host:
        kept, now = self._shared.get("host", _hidden(key)), self._clock()
        if kept is not None and kept[0] > now:
            self._change(key, lambda _host: 0.0)  # by the clock as it is now
        return _Host.of(kept, now)

    def _change(self, key: str, change: Callable[[_Host], float]) -> float:
        """Changes what is known of a host; gives what `change` gives."""
        given: list[float | Busy] = []

        def changed(kept: Any) -> tuple[Any, float]:
            host = _Host.of(kept, self._clock())
            try:
                given[:] = [change(host)]
            except Busy as busy:
                given[:] = [busy]
            return host.kept()

        self._shared.change("host", _hidden(key), changed)
        if isinstance(told := given[0], Busy):
            raise told
        return told


def lifted() -> Hosts:
    """No limit and no back-off for any host: for servers of one's own, and tests."""
    return Hosts({EVERY_HOST: 0.0})


def _name(key: str) -> str:
    return key.rpartition(":")[0]


def _hidden(key: str) -> str:
    """A host as the file names it: who reads the file does not read which hosts were asked."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
