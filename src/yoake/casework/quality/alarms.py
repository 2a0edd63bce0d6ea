"""Raising alarms: once, kept up to date while it holds, and quiet for a week after a supervisor closed it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.audit.models import Entry
from yoake.casework.people.log import ELSEWHERE
from yoake.casework.people.models import Organisation
from yoake.casework.quality.models import Alarm
from yoake.casework.sources.models import Source

QUIET: Final = timedelta(days=7)
# What one organisation changes for all, as the audit of the others tells it.
CHANGED_FOR_ALL: Final = (
    *("category_off_asked", "category_off", "category_on_asked", "category_on", "category_switch_taken_back"),
    *("cue_drafted", "cue_approved", "cue_sent_back", "guard_on", "guard_off"),
)
_LOOKED_BACK: Final = timedelta(days=7)
_KIND: Final = Alarm.Kind.CHANGED


def raise_alarm(
    organisation: Organisation,
    kind: str,
    now: datetime,
    *,
    source: Source | None = None,
    category: str = "",
    **facts: Any,
) -> Alarm | None:
    """Opens an alarm, or brings the open one up to date; None while one that was closed lately keeps it quiet."""
    same = Alarm.objects.filter(organisation=organisation, kind=kind, source=source, category=category)
    with transaction.atomic():
        standing = same.filter(closed_at=None).first()
        if standing is not None:
            standing.facts, standing.seen_at = facts, now
            standing.save(update_fields=["facts", "seen_at"])
            return standing
        if same.filter(closed_at__gt=now - QUIET).exists():
            return None
        return open_alarm(organisation.pk, kind, now, source=source, category=category, **facts)


def open_alarm(
    organisation_id: int, kind: str, now: datetime, *, source: Source | None = None, category: str = "", **facts: Any
) -> Alarm:
    """Opens an alarm, with its audit line; call it in the transaction of what it tells, after all other locks."""
    alarm = Alarm.objects.create(
        organisation_id=organisation_id, source=source, kind=kind, category=category, facts=facts, raised_at=now,
        seen_at=now,
    )  # fmt: skip
    record(
        "alarm_raised", actor="worker", organisation=organisation_id, subject=f"alarm:{alarm.pk}", at=now, alarm=kind
    )
    return alarm


def tell_changes(organisation: Organisation, now: datetime) -> list[Alarm]:
    """An alarm for each thing that another organisation changed for all lately; returns those raised now."""
    told = set(
        Alarm.objects.filter(organisation=organisation, kind=_KIND, raised_at__gt=now - 2 * _LOOKED_BACK).values_list(
            "facts__entry", flat=True
        )
    )
    changed = Entry.objects.filter(
        organisation=organisation.pk, kind__in=CHANGED_FOR_ALL, actor__startswith=ELSEWHERE, at__gt=now - _LOOKED_BACK
    )
    raised = []
    for entry in changed.order_by("pk"):
        if entry.pk not in told:
            slug = str(entry.facts.get("category", ""))
            with transaction.atomic():
                raised.append(open_alarm(organisation.pk, _KIND, now, category=slug, entry=entry.pk, what=entry.kind))
    return raised
