"""Whether everything that is kept here can still be read, and is what was sealed."""

from __future__ import annotations

from collections.abc import Iterator

from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import digest
from yoake.casework.evidence.bagging import whole
from yoake.casework.evidence.boxes import read_box
from yoake.casework.evidence.keys import key_of
from yoake.casework.evidence.models import Evidence
from yoake.errors import Refused


def problems() -> Iterator[tuple[Evidence, str]]:
    """Each evidence that is not erased, with what is wrong in one sentence; "" where nothing is."""
    alive = Evidence.objects.exclude(state=Evidence.State.ERASED).select_related("case").order_by("pk")
    for row in alive.iterator(chunk_size=500):
        try:
            yield row, _problem(row)
        except Refused as problem:
            yield row, str(problem)


def _problem(row: Evidence) -> str:
    if row.state != Evidence.State.SEALED:
        read_box(row, key_of(row))
        return ""
    whole(row)
    entry = Entry.objects.filter(pk=row.entry).first()
    if entry is None:
        return f"the audit entry of evidence {row.number} is missing"
    if digest(entry) != entry.hash or entry.facts.get("manifest") != row.digest:
        return f"the audit holds another digest of evidence {row.number}"
    return ""
