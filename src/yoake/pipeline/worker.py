"""Does what is due: claims rows, works, sleeps until there is more."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from yoake import shelf
from yoake.pipeline import duties

log = logging.getLogger("yoake.worker")
LOOKED_EVERY_S = 2.0
LAST_WORD_S = 3.0  # after which a duty that is still at work is left: what it had claimed is claimed again


def work(stop: threading.Event) -> None:
    """Does every duty over and over until `stop` is set, each in a thread of its own: a slow one holds nobody up."""
    broken: list[BaseException] = []

    def keep_doing(duty: Callable[[datetime], int]) -> None:
        try:
            while not stop.is_set():
                _do(duty, stop)
        except BaseException as problem:
            broken.append(problem)
            stop.set()
        finally:
            connection.close()

    threads = [
        threading.Thread(target=keep_doing, args=(shelf.take(duties, name),), name=f"duty {name}", daemon=True)
        for name in shelf.names(duties)
    ]
    for thread in threads:
        thread.start()
    while not stop.wait(1.0):  # without a time-out, Windows would not hear Ctrl-C
        pass
    until = time.monotonic() + LAST_WORD_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    if broken:  # whoever started the worker sees why it ended, and starts it again
        raise broken[0]


def _do(duty: Callable[[datetime], int], stop: threading.Event) -> None:
    try:
        done = duty(timezone.now())
    except OperationalError as problem:
        log.warning("the database is away (%s); trying again", problem)
        close_old_connections()
        done = 0
    if not done:
        stop.wait(LOOKED_EVERY_S)


def work_once(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    return sum(shelf.take(duties, name)(now) for name in shelf.names(duties))
