"""Plans when decided posts go, once after every start: other months (YOAKE_KEEP_MONTHS) hold for what was decided before too."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from yoake.casework.cases.keeping import plan_anew
from yoake.casework.cases.models import Case, Erasure, Post

__all__ = ["plan_retention"]

_AT_ONCE: Final = 200  # posts


@dataclass
class _Round:
    """How far this process is, and for which months."""

    months: dict[str, int] = field(default_factory=dict)
    after: int = 0


_round = _Round()


def plan_retention(now: datetime) -> int:
    """Plans for the next posts; returns how many go at another time than before.

    A killed worker begins anew: planning twice changes nothing.
    """
    months = dict(settings.ENVIRONMENT.keep_months)
    if months != _round.months:
        _round.months, _round.after = months, 0
    changed = 0
    while not changed and (keys := _next()):
        for key in keys:
            with transaction.atomic():
                post = Post.objects.select_for_update(of=("self",)).filter(pk=key).first()
                if post is not None:
                    before = _planned(post)
                    plan_anew(post, now)
                    changed += _planned(post) != before
            _round.after = key
    return changed


def _next() -> list[int]:
    decided = Post.objects.filter(
        pk__gt=_round.after, erased_at=None, cases__practice=False, cases__state=Case.State.DECIDED
    )
    return list(decided.order_by("pk").distinct().values_list("pk", flat=True)[:_AT_ONCE])


def _planned(post: Post) -> tuple[str, datetime | None] | None:
    return Erasure.objects.filter(post=post).values_list("why", "due_at").first()
