"""Erases posts whose time is over: out of scope after 72 hours, practice after two days, in scope by their class."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction

from yoake.casework.cases.erasing import erase as erase_post
from yoake.casework.cases.keeping import plan_erasure
from yoake.casework.cases.models import Erasure, Post
from yoake.casework.cases.search import purge
from yoake.casework.due import claim_due, put_off
from yoake.casework.quality.lessons import keep_features
from yoake.pipeline.mishaps import put_off_unforeseen

__all__ = ["erase"]

log = logging.getLogger("yoake.worker")
PURGED_EVERY = timedelta(hours=1)  # the index of a hundred thousand cases takes about a second, in which nobody writes
_purged: list[datetime] = []  # when this process last did
_owed: list[int] = []  # posts that went since


def erase(now: datetime) -> int:
    """Erases what is due at `now`; an erasure that was taken back by an undo in the meantime is left alone."""
    claimed, gone = claim_due(Erasure, now), []
    for row in claimed:
        try:
            with transaction.atomic():
                Post.objects.select_for_update(of=("self",)).filter(pk=row.post_id).first()  # before anything is read
                still = Erasure.objects.filter(pk=row.pk, due_at__lte=now).select_related("post").first()
                if still is not None:
                    keep_features(still.post, now)
                if still is not None and erase_post(still.post, now):
                    Erasure.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None, problem="")
                    gone.append(row.post_id)
                else:  # an undo, an edit, a hold or another organisation came first: what must go then is planned anew
                    Erasure.objects.filter(pk=row.pk).delete()
                    if still is not None:
                        plan_erasure(still.post, now)
        except DatabaseError as problem:
            put_off(row, now, type(problem).__name__)
            log.warning("erasing post %s failed (%s); tried again later", row.post_id, type(problem).__name__)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    _owed.extend(gone)
    if _owed and (not _purged or now - _purged[-1] >= PURGED_EVERY or now < _purged[-1]):
        purge()
        _purged[:], _owed[:] = [now], []
    return len(claimed)
