"""What nobody foresaw while something was worked on: it holds up nobody else, and people learn of it.

It is told by its kind and the way through the code, never by what it said: words of a post may stand there. In tests it
is loud: each line of this log must be expected (tests/conftest.py).
"""

from __future__ import annotations

import functools
import logging
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings

from yoake.casework.due import PAUSES, Due, put_off
from yoake.collect.shared import Shared
from yoake.errors import Refused

log = logging.getLogger("yoake.mishap")
log_of_duties = logging.getLogger("yoake.worker")
_FRAMES: Final = 8  # of the way, from where it happened
_KIND, _NAME = "standing still", "duties"
_KEPT_S: Final = 86_400.0
_LONGER: Final = timedelta(
    minutes=1
)  # than its pause is known that a duty stands still; then it goes on, or its worker is gone

_Rows = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Standstill:
    """A duty of the worker that fails whenever it is tried."""

    duty: str
    since: datetime
    again_at: datetime
    why: str  # kind and way


def told(problem: BaseException) -> str:
    """Kind of a problem and the way through the code to it, the place where it happened first."""
    way = reversed(traceback.extract_tb(problem.__traceback__)[-_FRAMES:])
    return f"{type(problem).__name__} at {' < '.join(f'{_short(one.filename)}:{one.lineno}' for one in way)}"


def put_off_for_a_person(row: Due, now: datetime, problem: Exception) -> None:
    """A key file or a disk is away, or an action refused: a person must act, and the row is tried again meanwhile."""
    said = str(problem)[:300] if isinstance(problem, Refused) else type(problem).__name__
    put_off(row, now, said)
    log_of_duties.warning("%s %s cannot go on (%s)", row._meta.model_name, row.pk, said)


def put_off_unforeseen(row: Due, now: datetime, problem: Exception) -> None:
    """The row is tried again after a growing pause; its neighbours go on."""
    log.error("%s %s failed: %s; tried again later", row._meta.model_name, row.pk, told(problem))
    put_off(row, now, type(problem).__name__)


class Resting:
    """Rows that failed and have no `due_at` for it: in this process they rest, ever longer, and their neighbours go on."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[datetime, int]] = {}  # until when, after how many attempts

    def at(self, now: datetime) -> list[int]:
        """Those that rest at `now`."""
        return [pk for pk, (until, _n) in self._rows.items() if now < until]

    def put(self, what: str, pk: int, now: datetime, problem: Exception) -> None:
        """The row failed once more; whoever works leaves it out until its pause is over."""
        n = self._rows[pk][1] + 1 if pk in self._rows else 1
        self._rows[pk] = now + timedelta(seconds=PAUSES[min(n, len(PAUSES)) - 1]), n
        log.error("%s %s failed: %s; tried again later", what, pk, told(problem))


def stands_still(duty: str, problem: Exception, now: datetime, pause_s: float) -> None:
    """A duty failed and is tried again after `pause_s` seconds: `yoake doctor` and the desk say so meanwhile."""
    why = told(problem)
    log.error("the duty %s failed: %s; it is tried again after %.0f s", duty, why, pause_s)
    again_at = now + timedelta(seconds=pause_s)

    def change(rows: _Rows | None) -> tuple[_Rows, float]:
        rows = rows or {}
        since = rows[duty]["since"] if duty in rows else now.isoformat()
        return {**rows, duty: {"since": since, "again_at": again_at.isoformat(), "why": why}}, _KEPT_S

    _shared().change(_KIND, _NAME, change)


def goes_on(duty: str) -> None:
    """The duty works again."""
    _shared().change(
        _KIND, _NAME, lambda rows: ({name: row for name, row in (rows or {}).items() if name != duty}, _KEPT_S)
    )


def standing_still(now: datetime) -> list[Standstill]:
    """The duties that stand still at `now`, by name."""
    rows: _Rows = _shared().get(_KIND, _NAME) or {}
    found = [
        Standstill(name, datetime.fromisoformat(row["since"]), datetime.fromisoformat(row["again_at"]), row["why"])
        for name, row in sorted(rows.items())
    ]
    return [one for one in found if now <= one.again_at + _LONGER]


def _short(file: str) -> str:
    """A file as programmers here call it: from the folder of its package on."""
    parts = Path(file).parts
    for top in ("yoake", "site-packages"):
        if top in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(top) :])
    return parts[-1]


def _shared() -> Shared:
    return _in(Path(settings.ENVIRONMENT.data) / "run" / "duties.sqlite3")


@functools.cache
def _in(file: Path) -> Shared:
    return Shared(file)
