"""Adding to the chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.models import Entry, Head
from yoake.casework.audit.queries import digest

Fact = str | int | bool | None
VIEWS_TOGETHER = timedelta(minutes=10)  # whoever looks at one thing again within this time is not noted again
_LONGEST_FACT = 100  # a fact is an id, a kind or a digest; anything longer is content that crept in


def record(
    kind: str,
    *,
    actor: str,
    subject: str,
    organisation: int | None = None,
    at: datetime | None = None,
    **facts: Fact,
) -> Entry:
    """Adds one entry; call it inside the transaction of the act. Raises ValueError for a fact longer than 100 characters."""
    entry = Entry(
        at=at or timezone.now(), kind=kind, actor=actor, organisation=organisation, subject=subject, facts=facts
    )
    _append([entry])
    return entry


def note_view(
    kind: str, *, actor: str, subject: str, organisation: int | None, at: datetime | None = None, **facts: Fact
) -> Entry | None:
    """Says that a person saw content, once for each person and subject in ten minutes; None when that is noted already.

    Call it outside of a transaction, before anything is shown: the head is then locked for one short insert, and what
    cannot be noted is not shown.
    """
    noted = note_views(kind, actor=actor, subjects=[subject], organisation=organisation, at=at, **facts)
    return noted[0] if noted else None


def note_views(
    kind: str,
    *,
    actor: str,
    subjects: Iterable[str],
    organisation: int | None,
    at: datetime | None = None,
    **facts: Fact,
) -> list[Entry]:
    """`note_view` of several subjects, in as many queries as for one; returns what was not noted before."""
    at = at or timezone.now()
    wanted = list(dict.fromkeys(subjects))
    seen = Entry.objects.filter(subject__in=wanted, kind=kind, actor=actor, at__gt=at - VIEWS_TOGETHER)
    noted = set(seen.values_list("subject", flat=True))
    entries = [
        Entry(at=at, kind=kind, actor=actor, organisation=organisation, subject=subject, facts=dict(facts))
        for subject in wanted
        if subject not in noted
    ]
    if entries:
        with transaction.atomic():
            _append(entries)
    return entries


def _append(entries: Sequence[Entry]) -> None:
    """Puts entries at the end of the chain, each behind the one before it."""
    for entry in entries:
        for name, value in entry.facts.items():
            if isinstance(value, str) and len(value) > _LONGEST_FACT:
                raise ValueError(
                    f"audit fact {name} of {entry.kind} is too long: entries hold ids, kinds and digests, not content"
                )
    with transaction.atomic(savepoint=False):
        head = Head.objects.select_for_update().filter(pk=1).first()
        if head is None:
            Head.objects.get_or_create(pk=1)
            head = Head.objects.select_for_update().get(pk=1)
        for entry in entries:
            entry.before = head.hash
            entry.hash = head.hash = digest(entry)
        if len(entries) == 1:
            entries[0].save(force_insert=True)
        else:
            Entry.objects.bulk_create(entries)
        head.count += len(entries)
        head.save(update_fields=["hash", "count"])
