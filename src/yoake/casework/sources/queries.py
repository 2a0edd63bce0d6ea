"""What is watched, and how it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet, Sum

from yoake import shelf
from yoake.casework.asked import once
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import HourCount, Permission, Skipped, Source
from yoake.collect import connectors
from yoake.errors import BadInput


def sources_of_desk(actor: Actor, *, practice: bool) -> list[Source]:
    """Those of one desk; asked once a page."""
    mine = sources_of(actor).filter(practice=practice)
    return once(("sources", actor.organisation_id, practice), lambda: list(mine))


def sources_of(actor: Actor) -> QuerySet[Source]:
    """The sources of the actor's organisation, practice last."""
    actor.must("read")
    return Source.objects.filter(organisation_id=actor.organisation_id).order_by("practice", "name")


def counts_since(source: Source, since: datetime) -> Counter[str]:
    """What arrived from a source in the hours from `since` on, by name."""
    rows = HourCount.objects.filter(source=source, hour__gte=since.replace(minute=0, second=0, microsecond=0))
    return Counter({row["name"]: row["total"] for row in rows.values("name").annotate(total=Sum("n"))})


def counts_of_all(sources: Iterable[Source], since: datetime) -> dict[int, Counter[str]]:
    """`counts_since` of several sources in one query, by the source's id."""
    counts: dict[int, Counter[str]] = {source.pk: Counter() for source in sources}
    hour = since.replace(minute=0, second=0, microsecond=0)
    rows = HourCount.objects.filter(source_id__in=counts, hour__gte=hour).order_by()
    for row in rows.values("source_id", "name").annotate(total=Sum("n")):
        counts[row["source_id"]][row["name"]] = row["total"]
    return counts


def source_of(actor: Actor, source_id: int) -> Source:
    """One source. Raises BadInput when the actor's organisation has no such source."""
    actor.must("read")
    source = sources_of(actor).filter(pk=source_id).first()
    if source is None:
        raise BadInput("source", source_id, "there is no such source in your organisation")
    return source


def newest_skipped(source: Source, limit: int = 20) -> list[Skipped]:
    """The newest things that could not be read as they were."""
    return list(Skipped.objects.filter(source=source).order_by("-id")[:limit])


def restriction_of(connector: str) -> dict[str, str]:
    """What the connector's service restricts, a sentence by language; empty where it restricts nothing, or the file is gone."""
    try:
        return dict(getattr(shelf.take(connectors, connector), "restricted", None) or {})
    except BadInput:
        return {}


def permission_of(organisation_id: int, connector: str) -> Permission | None:
    """The permission in force, None when nobody recorded one."""
    in_force = Permission.objects.filter(organisation_id=organisation_id, connector=connector, withdrawn_at=None)
    return in_force.select_related("recorded_by").first()
