"""Whether something automatic is on: folding of near-duplicates, the order of the inbox, words people let the judge know.

A guard is a plain row that quality measures and switches (`quality/guarding.py`); whoever acts automatically asks here.
"""

from __future__ import annotations

from typing import Final

from yoake.casework.asked import once
from yoake.casework.cases.models import Guard

FOLDING: Final = "folding"  # what one person decided holds for all cases that were folded together
PRIORITY: Final = "priority"  # the inbox is in the order of rank; else at-risk first, then the oldest


def is_on(name: str, organisation_id: int = 0) -> bool:
    """Whether something automatic is on for an organisation; with 0, whether it is on for every one."""
    off = Guard.objects.filter(name=name, on=False)
    off = off.filter(organisation_id=organisation_id) if organisation_id else off
    return once(("guard", name, organisation_id), lambda: not off.exists())
