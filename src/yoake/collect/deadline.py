"""A deadline for a whole HTTP exchange."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx


@contextmanager
def hung_up_at(deadline: float, request: httpx.Request) -> Iterator[None]:
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
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):  # also through a proxy
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
