"""Adding to the chain."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.models import Entry, Head
from yoake.casework.audit.queries import digest

Fact = str | int | bool | None
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
    for name, value in facts.items():
        if isinstance(value, str) and len(value) > _LONGEST_FACT:
            raise ValueError(
                f"audit fact {name} of {kind} is too long: entries hold ids, kinds and digests, not content"
            )
    with transaction.atomic():
        Head.objects.get_or_create(pk=1)
        head = Head.objects.select_for_update().get(pk=1)
        entry = Entry(
            at=at or timezone.now(),
            kind=kind,
            actor=actor,
            organisation=organisation,
            subject=subject,
            facts=facts,
            before=head.hash,
        )
        entry.hash = digest(entry)
        entry.save(force_insert=True)
        head.hash, head.count = entry.hash, head.count + 1
        head.save(update_fields=["hash", "count"])
    return entry
