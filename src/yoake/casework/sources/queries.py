"""What is watched, and how it goes."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from django.db.models import QuerySet, Sum

from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import HourCount, Skipped, Source


def sources_of(actor: Actor) -> QuerySet[Source]:
    """The sources of the actor's organisation, practice last."""
    return Source.objects.filter(organisation_id=actor.organisation_id).order_by("practice", "name")


def counts_since(source: Source, since: datetime) -> Counter[str]:
    """What arrived from a source in the hours from `since` on, by name."""
    rows = HourCount.objects.filter(source=source, hour__gte=since.replace(minute=0, second=0, microsecond=0))
    return Counter({row["name"]: row["total"] for row in rows.values("name").annotate(total=Sum("n"))})


def newest_skipped(source: Source, limit: int = 20) -> list[Skipped]:
    """The newest things that could not be read as they were."""
    return list(Skipped.objects.filter(source=source).order_by("-id")[:limit])
