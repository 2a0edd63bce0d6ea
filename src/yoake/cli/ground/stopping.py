"""How a long-running command is asked to stop: Ctrl-C, SIGTERM, a closed terminal, or the end of standard input."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

LONGEST_STOP_S = 5.0  # a supervised process that has not ended by then ends hard: it must not outlive its supervisor


def stop_on_signals(stop: threading.Event) -> None:
    """Ctrl-C, SIGTERM, Ctrl-Break and a closed terminal set `stop`, without a traceback."""

    def set_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        # under nohup a closed terminal is to be ignored
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, set_stop)


def stop_with_supervisor(stop: Callable[[], None]) -> None:
    """Calls `stop` when standard input ends: the supervisor closed it, or is gone, however it ended.

    The one signal that works alike on every system, also after the supervisor was killed outright.
    """

    def watch() -> None:
        try:
            while os.read(0, 1024):  # not sys.stdin: its lock would be taken into forked processes
                pass
        except OSError:
            pass
        stop()
        time.sleep(LONGEST_STOP_S)
        os._exit(1)

    threading.Thread(target=watch, name="waits for the supervisor", daemon=True).start()


def event_that_stops(*, supervised: bool) -> threading.Event:
    """An event that is set when this process is to stop."""
    stop = threading.Event()
    stop_on_signals(stop)
    if supervised:
        stop_with_supervisor(stop.set)
    return stop
