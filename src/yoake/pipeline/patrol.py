"""Patrols every enabled source, one thread each, and notices added, paused and removed ones."""

from __future__ import annotations

import logging
import threading
import time

from django.db import OperationalError, close_old_connections, connection

from yoake.casework.sources.models import Source
from yoake.errors import BadInput, Refused
from yoake.pipeline import mishaps
from yoake.pipeline.line import FIRST_PAUSE_S, LONGEST_PAUSE_S, Progress, patrol

log = logging.getLogger("yoake.patrol")
LOOKED_EVERY_S = 2.0


class Patrols:
    """The running patrols of this process; `progress` holds what each has done."""

    def __init__(self, stop: threading.Event, *, engine: str = "") -> None:
        self.stop, self.engine = stop, engine
        self.progress: dict[int, Progress] = {}
        self._running: dict[int, tuple[threading.Thread, threading.Event]] = {}
        self._broken: dict[int, tuple[float, float]] = {}  # source: not before (monotonic), next pause

    def run(self) -> None:
        """Until `stop` is set: a patrol for every enabled source that is not paused."""
        while not self.stop.is_set():
            try:
                self._look()
            except OperationalError as problem:
                log.warning("the database is away (%s); trying again", problem)
                close_old_connections()
            self.stop.wait(LOOKED_EVERY_S)
        for _thread, asked in self._running.values():
            asked.set()
        for thread, _asked in self._running.values():
            thread.join()

    def _look(self) -> None:
        wanted = {
            source.pk: source for source in Source.objects.filter(enabled=True).exclude(state=Source.State.PAUSED)
        }
        for pk, (thread, asked) in list(self._running.items()):
            if pk not in wanted:
                asked.set()
            if not thread.is_alive():
                del self._running[pk]
        for pk, source in wanted.items():
            # a file is read once, and once more when its settings were changed
            ended = pk in self.progress and self.progress[pk].ended and self.progress[pk].options == source.options
            resting = pk in self._broken and time.monotonic() < self._broken[pk][0]
            if pk not in self._running and not ended and not resting:
                asked = threading.Event()
                thread = threading.Thread(target=self._patrol, args=(source, asked), name=f"patrol {source.name}")
                self._running[pk] = (thread, asked)
                thread.start()

    def _patrol(self, source: Source, asked: threading.Event) -> None:
        def tell(progress: Progress) -> None:
            self.progress[source.pk] = progress

        try:
            self.progress[source.pk] = patrol(source, asked, engine=self.engine, tell=tell)
        except (Refused, BadInput) as problem:
            log.warning("%s", problem)
        except Exception as problem:
            _until, pause_s = self._broken.get(source.pk, (0.0, FIRST_PAUSE_S))
            self._broken[source.pk] = time.monotonic() + pause_s, min(pause_s * 2, LONGEST_PAUSE_S)
            why = mishaps.told(problem)
            mishaps.log.error("the patrol of %s broke: %s; it is started again after %.0f s", source.name, why, pause_s)
        else:
            self._broken.pop(source.pk, None)
        finally:
            connection.close()
