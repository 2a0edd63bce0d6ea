"""Telling the evidence of a case that something became of the case; the room above reads the rows (`Preservation`)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import F, Q

from yoake.casework.cases.models import Case, Post, Preservation

_AT_ONCE: Final = 1000


def note_change(post: Post, now: datetime) -> None:
    """Evidence of every real case of this post (locked) is to follow, at `now`."""
    cases = list(Case.objects.filter(post=post, practice=False).values_list("pk", flat=True))
    if not cases:
        return
    known = Preservation.objects.filter(case__in=cases)
    if known.update(due_at=now, claimed_until=None, attempts=0, changes=F("changes") + 1) < len(cases):
        Preservation.objects.bulk_create([Preservation(case_id=pk, due_at=now) for pk in cases], ignore_conflicts=True)


def note_missing(now: datetime) -> int:
    """Cases that nobody told evidence about, from before there was any; at most a thousand, and how many that were."""
    kept = Q(state=Case.State.WAITING) | Q(decisions__verdict="in_scope", decisions__undone_by=None)
    told = Case.objects.filter(kept, practice=False, post__erased_at=None, preservation=None)
    missing = list(told.order_by("pk").values_list("pk", flat=True).distinct()[:_AT_ONCE])
    Preservation.objects.bulk_create([Preservation(case_id=pk, due_at=now) for pk in missing], ignore_conflicts=True)
    return len(missing)


def followed(row: Preservation) -> None:
    """Evidence followed; unless something else became of the case meanwhile, there is nothing left to do."""
    Preservation.objects.filter(pk=row.pk, changes=row.changes).update(due_at=None, claimed_until=None, problem="")


def wait_until(row: Preservation, until: datetime) -> None:
    """Nothing became of the case meanwhile: evidence is looked at again at `until`."""
    Preservation.objects.filter(pk=row.pk, changes=row.changes).update(due_at=until, claimed_until=None, attempts=0)
