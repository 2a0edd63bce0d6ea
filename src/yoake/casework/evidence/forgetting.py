"""What this room keeps of a post, and how it goes: the key is destroyed, then the files."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from yoake.casework.cases.models import Case, Post
from yoake.casework.evidence.destroying import destroy
from yoake.casework.evidence.models import Evidence

HOLDS: tuple[type[models.Model], ...] = (Evidence,)


def forget(post: Post, why: str) -> None:
    """Evidence of every case of the post goes with its words, whatever the reason."""
    cases = Case.everything.filter(post=post)
    for row in (
        Evidence.objects.select_for_update(of=("self",)).filter(case__in=cases).exclude(state=Evidence.State.ERASED)
    ):
        destroy(row, why[:20], timezone.now())
