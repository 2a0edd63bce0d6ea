"""Which waiting cases are offered to a person: burdensome ones only to those who chose them, within measure, in turns.

Lists show all of them, the burdensome ones veiled; whoever opens one reads it. Nothing is hidden from anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor
from yoake.casework.people.wellbeing import day_of, takers


def sensitive_categories() -> frozenset[str]:
    """Slugs of the categories that wear people down."""
    return frozenset(slug for slug, category in categories().items() if category.sensitive)


def veiled_for(actor: Actor, now: datetime | None = None) -> frozenset[str]:
    """Categories whose words a list shows this person only when asked: not chosen, or today's measure is full."""
    burdensome = sensitive_categories()
    if not actor.user_id or not burdensome:
        return frozenset()
    today = day_of(actor, now or timezone.now())
    return burdensome if today.spent else burdensome - today.takes


def offered(actor: Actor, cases: QuerySet[Case], now: datetime | None = None) -> QuerySet[Case]:
    """Those of the cases that may come to this person by themselves, as the next one; to a part of the system all.

    After so many burdensome ones in a row (YOAKE_SENSITIVE_IN_A_ROW) something else comes first, where there is any.
    """
    burdensome = sensitive_categories()
    if not actor.user_id or not burdensome:
        return cases
    today = day_of(actor, now or timezone.now())
    others = cases.exclude(category__in=burdensome)
    taken = frozenset() if today.spent else burdensome & today.takes
    if not taken or (today.in_a_row >= settings.ENVIRONMENT.sensitive_in_a_row and others.exists()):
        return others
    return cases.exclude(category__in=burdensome - taken)


@dataclass(frozen=True)
class Burden:
    """How much of a burdensome category waits in an organisation, and how many people take it."""

    category: str
    waiting: int
    people: int


def burden_of(actor: Actor) -> list[Burden]:
    """For those who see that nothing is left lying: numbers, and nobody's name."""
    actor.must("oversee")
    chosen = takers(actor.organisation_id)
    waiting = Case.objects.filter(
        organisation_id=actor.organisation_id, practice=False, state=Case.State.WAITING, folded_into=None
    )
    counted = waiting.filter(category__in=sensitive_categories()).order_by().values("category").annotate(n=Count("pk"))
    n = {row["category"]: row["n"] for row in counted}
    return [
        Burden(slug, n.get(slug, 0), sum(slug in takes for takes in chosen)) for slug in sorted(sensitive_categories())
    ]
