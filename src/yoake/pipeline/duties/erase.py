"""Erases posts that were found out of scope (after 72 hours) and old practice posts (after two days)."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, transaction

from yoake.casework.cases.actions import erase as erase_post
from yoake.casework.cases.models import Erasure
from yoake.casework.due import claim_due, put_off
from yoake.casework.quality.lessons import keep_features

__all__ = ["erase"]

log = logging.getLogger("yoake.worker")


def erase(now: datetime) -> int:
    """Erases what is due at `now`; an erasure that was taken back by an undo in the meantime is left alone."""
    claimed = claim_due(Erasure, now)
    for row in claimed:
        try:
            with transaction.atomic():
                still = Erasure.objects.filter(pk=row.pk, due_at__lte=now).select_related("post").first()
                if still is not None:
                    keep_features(still.post, now)
                if still is not None and erase_post(still.post, now):
                    Erasure.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None, problem="")
                else:  # an undo, an edit or another organisation came first: what must go then is planned anew
                    Erasure.objects.filter(pk=row.pk).delete()
        except DatabaseError as problem:
            put_off(row, now, str(problem))
            log.warning("erasing post %s failed (%s); tried again later", row.post_id, problem)
    return len(claimed)
