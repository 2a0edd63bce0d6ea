"""Erases what the blind sample drew and nobody judged within seven days."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError

from yoake.casework.due import claim_due, put_off
from yoake.casework.quality.actions import erase_sample
from yoake.casework.quality.models import Sample
from yoake.pipeline.mishaps import put_off_unforeseen

__all__ = ["erase_samples"]

log = logging.getLogger("yoake.worker")


def erase_samples(now: datetime) -> int:
    """Erases the samples whose time is over at `now`."""
    claimed = claim_due(Sample, now)
    for row in claimed:
        try:
            erase_sample(row)
        except DatabaseError as problem:
            put_off(row, now, type(problem).__name__)
            log.warning("erasing sample %s failed (%s); tried again later", row.pk, type(problem).__name__)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)
