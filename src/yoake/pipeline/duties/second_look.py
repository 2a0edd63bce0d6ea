"""Looks again at stored posts with what is switched on: an encoder, a language model, text inside pictures."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import DatabaseError, OperationalError

from yoake.casework.cases.erasing import erase
from yoake.casework.cases.looks import plan_missing, put_off_all
from yoake.casework.cases.models import PostVersion, SecondLook
from yoake.casework.cases.second_looks import finish_look, waits_for_a_person
from yoake.casework.due import claim_due, put_off
from yoake.errors import BadInput, Refused, TryLater, YoakeError
from yoake.pipeline import mishaps
from yoake.pipeline.judging import BudgetSpent
from yoake.pipeline.looking import Look, Looked, look_called

__all__ = ["second_look"]

log = logging.getLogger("yoake.worker")
_ROUND_S: Final = 10.0  # of one detector, before the next one has its turn
_UNUSABLE: Final = timedelta(minutes=5)  # before a look that cannot be used at all is tried again
_TRIES: Final = 3  # for answers that cannot be used and detectors that fail
_FETCHES: Final = 6  # for pictures whose host is away: about ten hours

_planned: set[tuple[str, ...]] = set()  # what was switched on when this process last looked for posts without a row


def second_look(now: datetime) -> int:
    """Does the looks that are due at `now`; returns how many rows were worked on."""
    names = settings.ENVIRONMENT.second_looks
    if names and names not in _planned:
        plan_missing(now)
        _planned.add(names)
    return sum(_look_again(name, now) for name in names)


def _look_again(name: str, now: datetime) -> int:
    """One row after the other: a claim lasts five minutes, and a language model may take its time."""
    if not SecondLook.objects.filter(detector=name, due_at__lte=now).exists():
        return 0
    try:
        look = look_called(name)
    except OperationalError:
        raise
    except Exception as problem:  # a model that cannot be loaded, a package that is missing
        said = str(problem) if isinstance(problem, YoakeError) else type(problem).__name__
        put_off_all(name, now, now + _UNUSABLE, said)
        log.warning("the second look %s cannot be used (%s); tried again later", name, said)
        return 0
    done, began = 0, time.monotonic()
    while time.monotonic() - began < _ROUND_S and (claimed := claim_due(SecondLook, now, limit=1, detector=name)):
        _work_on(claimed[0], look, now)
        done += 1
    return done


def _work_on(row: SecondLook, look: Look, now: datetime) -> None:
    """One look, to its end or put off; what it found and that it is done are one transaction."""
    version = PostVersion.objects.select_related("post", "post__account").filter(pk=row.version_id).first()
    if version is None:  # erased in the meantime, and the row with it
        return
    try:
        looked = _looked(row, version, look, now)
    except BudgetSpent as problem:
        until = now + timedelta(seconds=problem.after_s)
        put_off_all(row.detector, now, until, str(problem))
        _give_back(row, until, str(problem))
        return
    except (TryLater, Refused) as problem:
        if row.detector == "pictures":  # this picture's host, not the reading of pictures
            if row.attempts < _FETCHES:
                put_off(row, now, str(problem))
                return
            looked = Looked(outcome="unreachable")
        else:
            wait_s = problem.after_s if isinstance(problem, TryLater) else _UNUSABLE.total_seconds()
            put_off_all(row.detector, now, now + timedelta(seconds=max(wait_s, 1.0)), str(problem))
            put_off(row, now, str(problem))
            return
    except OperationalError:
        raise  # the database is away: the worker waits, and the claim ends by itself
    except Exception as problem:
        row.problem = str(problem) if isinstance(problem, BadInput) else type(problem).__name__
        if not isinstance(problem, BadInput):
            why = mishaps.told(problem)
            mishaps.log.error("the second look %s at version %s failed: %s", row.detector, row.version_id, why)
        if row.attempts < _TRIES:
            put_off(row, now, row.problem)
            return
        looked = Looked(outcome="unusable")
    else:
        row.problem = ""
    try:
        has_case = finish_look(row, looked.outcome, looked.found, now)
    except OperationalError:
        raise
    except DatabaseError as problem:
        put_off(row, now, type(problem).__name__)
        why = type(problem).__name__
        log.warning("what %s found in version %s cannot be stored (%s)", row.detector, row.version_id, why)
        return
    if not has_case:  # kept for this look only, and nothing in it
        erase(version.post, now)


def _looked(row: SecondLook, version: PostVersion, look: Look, now: datetime) -> Looked:
    if version.post.erased_at is not None:
        return Looked(outcome="erased")
    if version.post.current_id != version.pk:
        return Looked(outcome="superseded")
    if not waits_for_a_person(version.post):
        return Looked(outcome="decided")
    return look(row, version, now)


def _give_back(row: SecondLook, until: datetime, problem: str) -> None:
    """The claim is given back without having been an attempt."""
    SecondLook.objects.filter(pk=row.pk).update(
        due_at=until, claimed_until=None, attempts=row.attempts - 1, problem=problem
    )
