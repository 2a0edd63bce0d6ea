"""The outside world as this deployment's settings allow it; limits by host are those of the whole machine."""

from __future__ import annotations

import functools
import threading

from django.conf import settings

from yoake.collect.hosts import Hosts
from yoake.collect.keys import Keys
from yoake.collect.net import Net


def outside(stop: threading.Event | None = None) -> Net:
    """What connectors are given, for a patrol (`stop`: set when it stops), a check or a look around."""
    environment = settings.ENVIRONMENT
    return Net(
        allow_private=environment.allow_private,
        contact=environment.contact,
        hosts=_hosts(),
        keys=Keys(environment.data / "secrets", environment.secrets),
        stop=stop,
    )


@functools.cache
def _hosts() -> Hosts:
    environment = settings.ENVIRONMENT
    return Hosts(environment.host_limits, file=environment.data / "run" / "hosts.sqlite3")
