"""Does what is due: claims rows, works, sleeps until there is more."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Final

from django.db import OperationalError, close_old_connections, connection
from django.utils import timezone

from yoake import shelf
from yoake.pipeline import duties, mishaps

log = logging.getLogger("yoake.worker")
LOOKED_EVERY_S = 2.0
FIRST_PAUSE_S: Final = 5.0  # of a duty that failed; each time it fails again twice as long, at most five minutes
LONGEST_PAUSE_S: Final = 300.0
_AT_ONCE: Final = {
    "send": 4,
    "take_back": 2,
}  # threads of a duty that waits for servers; each works with another sender
LAST_WORD_S = 3.0  # after which a duty that is still at work is left: what it had claimed is claimed again


_taking = threading.Lock()  # one at a time: what is taken first is imported


def work(stop: threading.Event) -> None:
    """Does every duty over and over until `stop` is set, each in a thread of its own: a slow one holds nobody up.

    Nor does one that fails: it pauses by itself, and people learn of it (`mishaps`).
    """
    broken: list[BaseException] = []

    def keep_doing(name: str) -> None:
        pause_s = FIRST_PAUSE_S
        try:
            while not stop.is_set():
                if _do(name, stop, pause_s):
                    if pause_s > FIRST_PAUSE_S:
                        mishaps.goes_on(name)
                    pause_s = FIRST_PAUSE_S
                else:
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        except BaseException as problem:
            broken.append(problem)
            stop.set()
        finally:
            connection.close()

    threads = [
        threading.Thread(target=keep_doing, args=(name,), name=f"duty {name}", daemon=True)
        for name in shelf.names(duties)
        for _ in range(_AT_ONCE.get(name, 1))
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


def _do(name: str, stop: threading.Event, pause_s: float) -> bool:
    """Whether the duty could be done; one that failed has paused when this returns."""
    try:
        with _taking:
            duty = shelf.take(duties, name)
        done = duty(timezone.now())
    except OperationalError as problem:
        log.warning("the database is away (%s); trying again", problem)
        close_old_connections()
        done = 0
    except Exception as problem:
        mishaps.stands_still(name, problem, timezone.now(), pause_s)
        close_old_connections()
        stop.wait(pause_s)
        return False
    if not done:
        stop.wait(LOOKED_EVERY_S)
    return True


def work_once(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    return sum(shelf.take(duties, name)(now) for name in shelf.names(duties))
