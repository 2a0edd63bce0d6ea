"""Compares what new cases say with what others say, and folds what is alike into one row of the inbox."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Final

from django.db import DatabaseError, OperationalError

from yoake.casework.cases.folds import surface
from yoake.casework.cases.models import Comparison
from yoake.casework.due import claim_due, put_off
from yoake.casework.link.actions import compare, surface_held
from yoake.pipeline.mishaps import put_off_unforeseen

__all__ = ["fold"]

log = logging.getLogger("yoake.worker")
_ROUND: Final = 200  # rows; a claim lasts five minutes
_SURFACED_EVERY_S: Final = 60.0

_surfaced: list[float] = []  # when this process last looked for cases that lie where nobody sees them


def fold(now: datetime) -> int:
    """Compares what is due at `now`; returns how many rows were worked on."""
    if not _surfaced or time.monotonic() - _surfaced[0] >= _SURFACED_EVERY_S:
        _surfaced[:] = [time.monotonic()]
        if lost := surface():
            log.warning("%d cases lay under a case that does not wait; they are in the inbox again", lost)
        surface_held(now)
    claimed = claim_due(Comparison, now, limit=_ROUND)
    for row in claimed:
        try:
            compare(row, now)
        except Comparison.DoesNotExist:  # erased or edited meanwhile, and the row with it
            continue
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except DatabaseError as problem:
            put_off(row, now, type(problem).__name__)
            log.warning("comparing case %s failed (%s); tried again later", row.case_id, type(problem).__name__)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)
