"""A deadline for a whole HTTP exchange."""

from __future__ import annotations

import heapq
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import httpx


@contextmanager
def hung_up_at(deadline: float, request: httpx.Request, sockets: list[socket.socket] | None = None) -> Iterator[None]:
    """Shuts the request's connection down at the deadline: httpx bounds each read, not a header that drips for hours.

    A connection that is used again opens nothing: `sockets` carries what it stands on from one request to the next.

    Raises ReadTimeout then, also when the body ended with the connection: half a body is no body.
    """
    sockets = [] if sockets is None else sockets
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        for sock in sockets:
            with suppress(OSError):  # closed already
                socket.socket.shutdown(
                    sock, socket.SHUT_RDWR
                )  # of TLS too, below it: the reader is in the middle of it

    def watch(event: str, details: dict[str, Any]) -> None:
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):  # also through a proxy
            if event.endswith("connect_tcp.complete"):
                sockets.clear()
            sockets.append(details["return_value"].get_extra_info("socket"))
            if time.monotonic() >= deadline:
                hang_up()

    request.extensions["trace"] = watch
    alarm = _ALARMS.set(deadline, hang_up)
    try:
        yield
    except httpx.HTTPError:
        if not late.is_set():
            raise
    finally:
        alarm.cancel()
    if late.is_set():
        raise httpx.ReadTimeout("late", request=request)


class _Alarm:
    """Something to do at a time (monotonic), unless it is cancelled before."""

    def __init__(self, at: float, ring: Callable[[], None]) -> None:
        self.at = at
        self.ring: Callable[[], None] | None = ring

    def cancel(self) -> None:
        self.ring = None


class _Alarms:
    """Rings what is due, in one thread for all requests: starting a thread costs as much as half a request."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._set: list[tuple[float, int, _Alarm]] = []  # a heap; the number keeps equal times apart
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def set(self, at: float, ring: Callable[[], None]) -> _Alarm:
        alarm = _Alarm(at, ring)
        entry = (at, next(self._numbers), alarm)
        with self._changed:
            heapq.heappush(self._set, entry)
            if self._thread is None or not self._thread.is_alive():  # not alive: this is the child of a fork
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif self._set[0] is entry:
                self._changed.notify()
        return alarm

    def _watch(self) -> None:
        while True:
            with self._changed:
                while not self._set or (left_s := self._set[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left_s if self._set else None)
                alarm = heapq.heappop(self._set)[2]
            ring = alarm.ring
            if ring is not None:
                ring()


_ALARMS: Final = _Alarms()
