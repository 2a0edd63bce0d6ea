"""Looks back at what the detector said (drift, precision, the model in shadow: every hour; new words: every day).

At what people judged: precision of detectors and rules with their guards every hour, gold every ten minutes, and so what another
organisation changed for all.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError

from yoake.casework.due import claim_due, put_off
from yoake.casework.quality.intake import ROUNDS, ROUNDS_OF_ALL
from yoake.casework.quality.looking import plan_rounds, take_round
from yoake.casework.quality.models import Round
from yoake.errors import YoakeError
from yoake.pipeline.mishaps import put_off_unforeseen

__all__ = ["look_back"]

log = logging.getLogger("yoake.worker")
EVERY = ROUNDS | ROUNDS_OF_ALL


def look_back(now: datetime) -> int:
    """Takes one look that is due at `now`, so that nothing else waits long for it."""
    plan_rounds(now)
    claimed = claim_due(Round, now, limit=1)
    for row in claimed:
        try:
            take_round(row, now)
            Round.objects.filter(pk=row.pk).update(
                due_at=now + EVERY[row.name], claimed_until=None, attempts=0, problem=""
            )
        except (DatabaseError, YoakeError) as problem:
            put_off(row, now, str(problem))
            log.warning("the look for %s failed (%s); tried again later", row.name, problem)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)
