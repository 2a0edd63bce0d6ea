"""Counts what people decided about the posts that each query of a watch plan found."""

from __future__ import annotations

from datetime import datetime, timedelta

from yoake.casework.cases.yields import verdicts_of
from yoake.casework.sources.models import Found
from yoake.casework.sources.plans import count_verdicts, to_count

__all__ = ["count_yields"]

_EVERY = timedelta(minutes=1)


def count_yields(now: datetime) -> int:
    """Looks each query's posts up once a minute; returns how many decisions were new or changed."""
    changed = 0
    for query in to_count(now, _EVERY):
        uids = list(Found.objects.filter(query=query).values_list("uid", flat=True))
        changed += count_verdicts(query, verdicts_of(query.source.organisation_id, uids), now)
    return changed
