"""Lets evidence follow its cases: captures what was queued, seals what is in scope, erases what is not; time stamps."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, OperationalError

from yoake.casework.cases.models import Preservation
from yoake.casework.cases.preserving import followed, note_missing, wait_until
from yoake.casework.due import claim_due, put_off
from yoake.casework.evidence.actions import follow, orphans
from yoake.casework.evidence.boxes import sweep
from yoake.casework.evidence.destroying import clean
from yoake.casework.evidence.models import Evidence
from yoake.casework.evidence.rotating import again
from yoake.casework.evidence.stamping import stamp, wanted
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline.mishaps import put_off_for_a_person, put_off_unforeseen
from yoake.pipeline.outside import outside

__all__ = ["seal"]

log = logging.getLogger("yoake.worker")
State = Evidence.State
_STAMPS: Final = 5  # at once: an authority may take its time
_SWEPT_EVERY: Final = timedelta(hours=1)
_begun: dict[str, datetime] = {}  # databases on which this process did what is due at a start; when it swept last


def seal(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    database = str(settings.DATABASES["default"]["NAME"])
    if database not in _begun:
        again(now)
        while note_missing(now):
            pass
    if database not in _begun or not timedelta(0) <= now - _begun[database] < _SWEPT_EVERY:
        sweep(now)
        _begun[database] = now
    return _follow(now) + _stamp(now) + _clean(now) + orphans(now)


def _follow(now: datetime) -> int:
    claimed = claim_due(Preservation, now)
    for row in claimed:
        try:
            until = follow(row.case_id, now)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except (DatabaseError, Refused, OSError) as problem:
            put_off_for_a_person(row, now, problem)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
        else:
            if until is None:
                followed(row)
            else:
                wait_until(row, until)
    return len(claimed)


def _stamp(now: datetime) -> int:
    claimed = claim_due(Evidence, now, limit=_STAMPS, state=State.SEALED)
    for row in claimed:
        if not wanted() or row.stamped_at is not None:
            Evidence.objects.filter(pk=row.pk, state=State.SEALED).update(due_at=None, claimed_until=None)
            continue
        try:
            stamp(row, outside(), now)
        except OperationalError:
            raise
        except (TryLater, Refused, BadInput, DatabaseError, OSError) as problem:
            said = type(problem).__name__ if isinstance(problem, (DatabaseError, OSError)) else str(problem)[:300]
            put_off(row, now, said)
            log.warning("evidence %s got no time stamp (%s); tried again later", row.pk, said)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)


def _clean(now: datetime) -> int:
    claimed = claim_due(Evidence, now, state=State.ERASED)
    for row in claimed:
        try:
            clean(row)
        except OperationalError:
            raise
        except OSError as problem:
            said = type(problem).__name__
            put_off(row, now, said)
            log.warning("the files of erased evidence %s could not be removed (%s); tried again later", row.pk, said)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)
