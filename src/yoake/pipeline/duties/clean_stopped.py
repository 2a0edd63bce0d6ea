"""Cleans the database's files after the stop key was pressed, so that no byte of the material is left in them."""

from __future__ import annotations

import logging
from datetime import datetime

from yoake.casework.cases.models import Stop
from yoake.casework.cases.stop import clean, cleaned, forget_late_echoes
from yoake.casework.due import claim_due, put_off
from yoake.errors import TryLater

__all__ = ["clean_stopped"]

log = logging.getLogger("yoake.worker")


def clean_stopped(now: datetime) -> int:
    """Cleans once for all stops that are due at `now`."""
    claimed = claim_due(Stop, now)
    if not claimed:
        return 0
    try:
        forget_late_echoes(claimed, now)
        clean()
        if forget_late_echoes(claimed, now):
            raise TryLater("a reply to what was stopped was being taken in meanwhile", after_s=60)
    except TryLater as problem:
        for row in claimed:
            put_off(row, now, str(problem))
        log.warning("%s; tried again later", problem)
    else:
        cleaned(claimed, now)
    return len(claimed)
