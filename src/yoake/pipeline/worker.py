"""Does what is due: claims rows, works, sleeps until there is more."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from django.db import OperationalError, close_old_connections
from django.utils import timezone

from yoake import shelf
from yoake.pipeline import duties

log = logging.getLogger("yoake.worker")
LOOKED_EVERY_S = 2.0


def work(stop: threading.Event) -> None:
    """Does every duty over and over until `stop` is set; pauses only when nothing was due."""
    while not stop.is_set():
        try:
            done = work_once(timezone.now())
        except OperationalError as problem:
            log.warning("the database is away (%s); trying again", problem)
            close_old_connections()
            done = 0
        if not done:
            stop.wait(LOOKED_EVERY_S)


def work_once(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    return sum(shelf.take(duties, name)(now) for name in shelf.names(duties))
