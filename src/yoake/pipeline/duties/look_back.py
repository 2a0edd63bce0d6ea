"""Looks back at what the detector said: drift, precision, the model in shadow (every hour) and new words (every day)."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from yoake.casework.due import claim_due, put_off
from yoake.casework.quality.intake import ROUNDS
from yoake.casework.quality.looking import take_round
from yoake.casework.quality.models import Round
from yoake.errors import YoakeError

__all__ = ["look_back"]

log = logging.getLogger("yoake.worker")


def look_back(now: datetime) -> int:
    """Takes one look that is due at `now`, so that nothing else waits long for it."""
    claimed = claim_due(Round, now, limit=1)
    for row in claimed:
        try:
            with transaction.atomic():
                take_round(row, now)
                Round.objects.filter(pk=row.pk).update(
                    due_at=now + ROUNDS[row.name], claimed_until=None, attempts=0, problem=""
                )
        except (DatabaseError, YoakeError) as problem:
            put_off(row, now, str(problem))
            log.warning("the look for %s failed (%s); tried again later", row.name, problem)
    return len(claimed)
