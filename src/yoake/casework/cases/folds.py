"""Cases that lie under another one because they say nearly the same: what is to be compared, and when they come out.

Only waiting cases lie under another, only under one that waits and lies under none, and never one of a person at risk.
Whatever else happens to either, they come out: a case that nobody sees is the worst that can become of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from yoake.casework.cases.models import Case, Comparison, Post

_FOLDED = Q(folded_into__isnull=False)


def plan_comparison(post: Post, now: datetime) -> None:
    """The waiting cases of this post are to be compared with others; what was found of earlier words goes."""
    if post.current_id is None:
        return
    Comparison.objects.filter(case__post=post).exclude(version=post.current_id).delete()
    waiting = Case.objects.filter(post=post, state=Case.State.WAITING, practice=False)
    rows = [
        Comparison(case_id=pk, version_id=post.current_id, due_at=now) for pk in waiting.values_list("pk", flat=True)
    ]
    Comparison.objects.bulk_create(rows, ignore_conflicts=True)


def come_out(case: Case) -> None:
    """The case (locked) lies under none from now on; of those that lay under it the first in the inbox leads the others."""
    if case.folded_into_id is not None:
        case.folded_into = None
        case.save(update_fields=["folded_into"])
    under = Case.objects.select_for_update(of=("self",)).filter(folded_into=case.pk).order_by("pk")
    waiting = [one for one in under if one.state == Case.State.WAITING]
    if waiting:
        lead(waiting)


def lead(cases: Sequence[Case]) -> None:
    """Of these waiting cases (locked) the first in the inbox lies under none, and leads the others."""
    first = min(cases, key=lambda one: (-one.rank, one.pk))
    Case.objects.filter(pk__in=[one.pk for one in cases if one.pk != first.pk]).update(folded_into=first)
    Case.objects.filter(pk=first.pk).update(folded_into=None)


def come_out_alone(case: Case) -> None:
    """The case (locked) lies under none from now on; what lies under it stays: whoever gets the row gets all of it."""
    if case.folded_into_id is not None:
        come_out(case)


def surface() -> int:
    """Lets everything come out that lies where it must not, whatever brought it there; returns how many cases that were."""
    led = Q(folded_into__state=Case.State.WAITING, folded_into__folded_into=None)
    lost = Case.objects.filter(_FOLDED).exclude(led & Q(state=Case.State.WAITING))
    return Case.objects.filter(pk__in=list(lost.values_list("pk", flat=True)[:1000])).update(folded_into=None)
