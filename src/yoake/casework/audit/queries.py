"""Reading the chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from django.db.models import QuerySet

from yoake.casework.audit.models import Entry, Head


def entries_about(subjects: Iterable[str]) -> QuerySet[Entry]:
    """Entries about these subjects (for example "case:12"), oldest first."""
    return Entry.objects.filter(subject__in=list(subjects)).order_by("id")


def first_break() -> str | None:
    """None when the chain is whole, else one sentence naming the first broken link."""
    before, count = "", 0
    for entry in Entry.objects.order_by("id").iterator(chunk_size=2000):
        if entry.before != before:
            return (
                f"audit entry {entry.pk} does not follow the one before it: an entry is missing, added or out of order"
            )
        if digest(entry) != entry.hash:
            return f"audit entry {entry.pk} was changed after it was written"
        before, count = entry.hash, count + 1
    head = Head.objects.filter(pk=1).first()
    if head is None and count:
        return f"the chain has {count} entries but no head: nothing says whether entries are missing at the end"
    if head is not None and (head.hash, head.count) != (before, count):
        return f"the chain ends at {count} entries, but {head.count} were written: entries are missing at the end"
    return None


def digest(entry: Entry) -> str:
    """Hex sha256 over the canonical JSON of everything in the entry but its hash."""
    told = [
        entry.before,
        entry.at.timestamp().hex(),
        entry.kind,
        entry.actor,
        entry.organisation,
        entry.subject,
        entry.facts,
    ]
    return hashlib.sha256(
        json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    ).hexdigest()
