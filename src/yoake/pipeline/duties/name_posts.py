"""Asks networks whose lasting id stands behind the handle in an address that people entered, so that one post is one Post."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from django.db import DatabaseError, OperationalError

from yoake import shelf
from yoake.casework.cases.models import Naming
from yoake.casework.cases.namings import askable_sources, finish_naming
from yoake.casework.due import claim_due, put_off
from yoake.collect import connectors
from yoake.collect.items import item_of, resolved
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline.line import options_of
from yoake.pipeline.mishaps import put_off_unforeseen
from yoake.pipeline.outside import outside

__all__ = ["name_posts"]

log = logging.getLogger("yoake.worker")
_ROUND: Final = 10
_TRIES: Final = 6  # about ten hours


def name_posts(now: datetime) -> int:
    """Does what is due at `now`; a post whose name nobody can tell stays as it was entered."""
    claimed = claim_due(Naming, now, limit=_ROUND)
    for row in claimed:
        try:
            _name(row, now)
        except (TryLater, Refused) as problem:
            if row.attempts < _TRIES:
                put_off(row, now, str(problem)[:300])
            else:
                finish_naming(row, None, now)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except (DatabaseError, BadInput) as problem:
            log.warning("post %s could not be named (%s)", row.post_id, type(problem).__name__)
            if row.attempts < _TRIES:
                put_off(row, now, type(problem).__name__)
            else:
                finish_naming(row, None, now)
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)


def _name(row: Naming, now: datetime) -> None:
    if not row.post.url:
        finish_naming(row, None, now)
        return
    item = item_of(row.post.url)
    for source in askable_sources(row, item.network):
        connector = shelf.take(connectors, source.connector)()
        api = getattr(options_of(connector, source), "api", "")  # the host that the source names for questions
        if api:
            finish_naming(row, resolved(item, api, outside()), now)
            return
    raise TryLater("no source of this network can be asked", after_s=60)
