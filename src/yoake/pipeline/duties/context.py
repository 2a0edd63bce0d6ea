"""Fetches what stands around posts whose case was opened, and erases it again where it may not stay."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.db import DatabaseError, OperationalError

from yoake import shelf
from yoake.casework.cases.models import Surroundings
from yoake.casework.cases.surroundings import forget, keep
from yoake.casework.due import claim_due, put_off
from yoake.casework.sources.models import Source
from yoake.collect import connectors
from yoake.collect.connector import Connector, Context
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline import mishaps
from yoake.pipeline.line import options_of
from yoake.pipeline.mishaps import put_off_unforeseen
from yoake.pipeline.outside import outside

__all__ = ["context"]

log = logging.getLogger("yoake.worker")
_ROUND: Final = 5  # rows at once: a claim lasts five minutes, and a thread may take its time
_TRIES: Final = 3  # somebody is reading: after some twenty minutes nobody waits for it any more


def context(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    claimed = claim_due(Surroundings, now, limit=_ROUND)
    for row in claimed:
        try:
            if row.outcome:
                forget(row, now)
            else:
                _fetch(row, now)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except DatabaseError as problem:
            put_off(row, now, type(problem).__name__)
            log.warning("what surrounds post %s cannot be stored (%s)", row.post_id, type(problem).__name__)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)


def _fetch(row: Surroundings, now: datetime) -> None:
    try:
        found = _ask(row)
    except TryLater as problem:
        if row.attempts < _TRIES:
            put_off(row, now, str(problem)[:300])
        else:
            row.problem = str(problem)[:300]
            keep(row, "unreachable", None, now)
        return
    except (Refused, BadInput) as problem:
        row.problem = str(problem)[:300]
        keep(row, "refused", None, now)
        return
    except OperationalError:
        raise
    except Exception as problem:
        mishaps.log.error("asking what surrounds post %s failed: %s", row.post_id, mishaps.told(problem))
        if row.attempts < _TRIES:
            put_off(row, now, type(problem).__name__)
        else:
            keep(row, "unreachable", None, now)
        return
    row.problem = ""
    something = found.parents.num_rows or found.recent.num_rows or found.profile
    keep(row, "fetched" if something else "nothing", found, now)


def _ask(row: Surroundings) -> Context:
    source = Source.objects.filter(pk=row.source_id).first() if row.source_id else None
    if source is None or not source.enabled or source.practice:
        raise Refused("the source that would be asked is gone or switched off")
    connector: Connector = shelf.take(connectors, source.connector)()
    return connector.context(row.post.native_id, options_of(connector, source), outside())
