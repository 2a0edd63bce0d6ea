"""How far people agree: a person with those who judged the same, and all of them about each category.

A person sees their own figures up to now. A supervisor sees a person's figures as they were a week ago, one person at a
time: whatever they read there, the person could read it for a week before. Nothing ranks people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from yoake.casework.cases.holds import readable
from yoake.casework.cases.leases import colleagues
from yoake.casework.cases.models import Decision, SecondReview
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.quality.measuring import Share
from yoake.casework.quality.models import GoldTurn
from yoake.casework.quality.reviews import first_answer, second_answer
from yoake.errors import BadInput
from yoake.learn.agreement import Agreement, Pair, alpha, kappa

PERSON_FIRST = timedelta(days=7)  # so long a person can see a figure before a supervisor does
COUNTED = timedelta(days=180)
LEAST = 10  # judgements below which only the count is shown: a coefficient of fewer says nothing

State = SecondReview.State
_CLOSED = (State.AGREED, State.SETTLED)


@dataclass(frozen=True)
class Figures:
    """A person's figures, as they were at a time."""

    until: datetime
    verdicts: dict[str, int]  # how many decisions of each, that stand
    overall: Agreement  # kappa: this person with the others
    by_category: list[tuple[str, Agreement]]  # by what the case was found as, the commonest first
    gold: Share  # cases with a known answer
    upheld: Share  # of this person's judgements that a supervisor settled: those that held


def own_figures(actor: Actor, now: datetime | None = None) -> Figures:
    """One's own figures up to now."""
    actor.must("decide")
    return _figures(actor, actor.user_id, now or timezone.now())


def figures_of(actor: Actor, user_id: int, now: datetime | None = None) -> Figures:
    """A colleague's figures as they were a week ago. Raises BadInput for somebody who does not decide here."""
    actor.must("oversee")
    if user_id == actor.user_id:
        return own_figures(actor, now)
    if not colleagues(actor).filter(pk=user_id).exists():
        raise BadInput("colleague", user_id, "somebody of your organisation who may decide cases")
    return _figures(actor, user_id, (now or timezone.now()) - PERSON_FIRST)


def people_to_ask_about(actor: Actor) -> QuerySet[User]:
    """Whose figures a supervisor may look at, by name."""
    actor.must("oversee")
    return colleagues(actor)


def agreement_by_category(actor: Actor, now: datetime | None = None) -> list[tuple[str, Agreement]]:
    """Krippendorff's alpha of all that was judged twice by lot, of each category as found; the commonest first."""
    actor.must("quality")
    now = now or timezone.now()
    pairs: dict[str, list[Pair]] = defaultdict(list)
    closed = _judged_twice(actor, now).filter(drawn=True)
    for review in closed.select_related("first", "case"):
        pairs[review.case.category].append((first_answer(review).label, second_answer(review).label))
    return sorted(((slug, alpha(found)) for slug, found in pairs.items()), key=lambda one: (-one[1].n, one[0]))


def judged_otherwise(actor: Actor, now: datetime | None = None, limit: int = 20) -> list[SecondReview]:
    """Closed reviews in which somebody judged otherwise than this person, newest first: to learn from."""
    actor.must("decide")
    mine = Q(first__by_id=actor.user_id) | Q(by_id=actor.user_id)
    now = now or timezone.now()
    apart = readable(_judged_twice(actor, now).filter(mine, state=State.SETTLED), actor, now, "case__")
    shown = apart.select_related("first", "first__by", "by", "settled_by", "case", "case__post", "case__post__current")
    return list(shown.order_by("-closed_at", "-pk")[:limit])


def _figures(actor: Actor, user_id: int, until: datetime) -> Figures:
    taken = Decision.objects.filter(
        case__organisation_id=actor.organisation_id, case__practice=False, by_id=user_id, undoes=None,
        at__gt=until - COUNTED, at__lte=until,
    ).filter(Q(undone_by=None) | Q(undone_by__at__gt=until))  # fmt: skip
    verdicts = Counter(taken.values_list("verdict", flat=True))
    pairs: list[Pair] = []
    by_category: dict[str, list[Pair]] = defaultdict(list)
    settled = upheld = 0
    reviewed = _judged_twice(actor, until).filter(Q(first__by_id=user_id) | Q(by_id=user_id))
    for review in reviewed.select_related("first", "case"):
        said = first_answer(review).label, second_answer(review).label
        own, other = said if review.first.by_id == user_id else said[::-1]
        pairs.append((own, other))
        by_category[review.case.category].append((own, other))
        if review.state == State.SETTLED:
            final = f"in_scope:{review.final_category}" if review.final_verdict == "in_scope" else review.final_verdict
            settled += 1
            upheld += own == final
    turns = GoldTurn.objects.filter(
        gold__organisation_id=actor.organisation_id, user_id=user_id, right__isnull=False,
        answered_at__gt=until - COUNTED, answered_at__lte=until,
    )  # fmt: skip
    right = Counter(turns.values_list("right", flat=True))
    categories = sorted(by_category.items(), key=lambda one: (-len(one[1]), one[0]))
    return Figures(
        until,
        dict(verdicts),
        kappa(pairs),
        [(slug, kappa(found)) for slug, found in categories],
        Share(right.total(), right[True]),
        Share(settled, upheld),
    )


def _judged_twice(actor: Actor, until: datetime) -> QuerySet[SecondReview]:
    mine = SecondReview.objects.filter(case__organisation_id=actor.organisation_id, state__in=_CLOSED)
    return mine.filter(closed_at__gt=until - COUNTED, closed_at__lte=until)
