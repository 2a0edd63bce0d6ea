"""Which decisions a second person judges too, and who must not see the first judgement meanwhile.

A review is demanded where a wrong decision weighs most; then the case waits for it. Beside that a lot draws a share of
all decisions (`YOAKE_REVIEW_SHARE`), and there the decision stands meanwhile. The lot of a decision is a keyed number made
of its identity and time: nobody without the key can foresee it, and nobody can draw again without taking the decision
back. Whoever might become the second person sees nothing of the first judgement, from the moment it is taken.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from yoake.casework.audit.queries import entries_about
from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Decision, SecondReview
from yoake.casework.people.queries import Actor
from yoake.errors import Refused

State = SecondReview.State


def needs_second(case: Case, category: str, judge: str) -> bool:
    """Whether a decision "in scope" under `category` by `judge` (user:7) waits for a second person.

    It does where the author seems to be under 18, also where the judge alone took that sign away, and where the category
    demands it. Never on the practice desk, and never under a record-only category: what must not be kept does not wait.
    """
    known = categories().get(category)
    if case.practice or known is None or known.record_only:
        return False
    return case.minor or known.second_review or took_sign_away(case, judge)


def took_sign_away(case: Case, judge: str) -> bool:
    """Whether it was the judge, and nobody since, who took away a sign of a minor that the detector or another had set."""
    signs = entries_about([f"case:{case.pk}"]).filter(kind__in=("minor_set", "minor_cleared"))
    told = list(signs.values_list("kind", "actor"))
    cleared = ("minor_cleared", judge)
    return told[-1:] == [cleared] and any(
        sign == cleared and before != ("minor_set", judge) for before, sign in zip([None, *told], told, strict=False)
    )


def ask_second(case: Case, first: Decision, now: datetime, *, demanded: bool) -> SecondReview | None:
    """Asks a second person about a decision, if the rules or the lot say so; call it in the transaction of the decision.

    Args:
        case: the one decided, locked.
        first: the decision.
        now: the time.
        demanded: whether the case waits for it (`needs_second`).
    """
    lapse_reviews([case], now)
    known = categories().get(first.category)
    reviewable = first.verdict != Decision.Verdict.DUPLICATE and not (known is not None and known.record_only)
    drawn = reviewable and not case.practice and lot(first) < settings.ENVIRONMENT.review_share
    if not (demanded or drawn):
        return None
    why = SecondReview.Why
    sought = known is not None and known.second_review
    reason = why.LOT if not demanded else why.CATEGORY if sought and not case.minor else why.MINOR
    return SecondReview.objects.create(case=case, first=first, why=reason, drawn=drawn, asked_at=now)


def lapse_reviews(cases: Iterable[Case], now: datetime) -> None:
    """Open reviews of these cases are about nothing any more: they were decided anew, reopened, or their words are gone."""
    open_ones = SecondReview.objects.filter(case__in=list(cases), state__in=(State.WAITING, State.DISAGREED))
    open_ones.update(state=State.LAPSED, closed_at=now)


def lot(decision: Decision) -> float:
    """The lot of a decision, 0 to 1: keyed, so that nobody who decides can know it."""
    told = f"second review\0{decision.pk}\0{decision.case_id}\0{decision.by_id}\0{decision.at.timestamp():.6f}"
    drawn = hmac.new(settings.SECRET_KEY.encode(), told.encode(), "sha256").digest()
    return int.from_bytes(drawn[:8]) / (1 << 64)


def take_back(first: Decision, now: datetime) -> None:
    """The first decision is undone: nobody need review it any more. Raises Refused once a supervisor must settle it."""
    review = SecondReview.objects.filter(first=first).first()
    if review is None:
        return
    if review.state == State.DISAGREED:
        raise Refused("a second person judged this case otherwise; a supervisor settles it")
    if review.state == State.WAITING:
        review.state, review.closed_at = State.LAPSED, now
        review.save(update_fields=["state", "closed_at"])


def review_of(case: Case) -> SecondReview | None:
    """The newest review of a case that did not lapse."""
    found = (
        SecondReview.objects.filter(case=case).exclude(state=State.LAPSED).select_related("first", "by", "settled_by")
    )
    return found.order_by("-pk").first()


def is_blind(actor: Actor, review: SecondReview | None) -> bool:
    """Whether this person must see nothing of the first judgement: they may be the second, or another settles it."""
    if review is None or review.first.by_id == actor.user_id:
        return False
    if review.state == State.WAITING:
        return actor.may("decide")
    return review.state == State.DISAGREED and actor.may("decide") and not actor.may("oversee")


def blind_reviews(actor: Actor) -> QuerySet[SecondReview]:
    """Reviews of whose first judgement this person must see nothing."""
    if not actor.may("decide"):
        return SecondReview.objects.none()
    open_ones = (State.WAITING,) if actor.may("oversee") else (State.WAITING, State.DISAGREED)
    mine = SecondReview.objects.filter(case__organisation_id=actor.organisation_id, state__in=open_ones)
    return mine.exclude(first__by_id=actor.user_id)


def blind_among(actor: Actor, case_ids: Iterable[int]) -> set[int]:
    """Of these cases, those of whose first judgement this person must see nothing: one query."""
    return set(blind_reviews(actor).filter(case_id__in=list(case_ids)).values_list("case_id", flat=True))


def as_unjudged(actor: Actor, cases: Iterable[Case]) -> dict[int, int]:
    """Makes those cases look as if they waited of whose first judgement this person must see nothing: one query.

    The rows are for a page and never saved. Returns who judged first (user id) by case, for what they wrote beside it.
    """
    known = {case.pk: case for case in cases}
    blind = dict(blind_reviews(actor).filter(case_id__in=known).values_list("case_id", "first__by_id"))
    for key in blind:
        known[key].state, known[key].changed_at = Case.State.WAITING, None
    return blind


def judged_unseen(actor: Actor) -> Exists:
    """Whether a case (of a query of cases) is one of whose first judgement this person must see nothing."""
    return Exists(blind_reviews(actor).filter(case=OuterRef("pk")))


def untold(actor: Actor) -> Q:
    """Audit entries that would tell this person of a first judgement they must not see: about the case, and since then."""
    judged = dict(blind_reviews(actor).values_list("case_id", "first__at"))
    if not judged:
        return Q(pk=None)
    return Q(subject__in=[f"case:{key}" for key in judged], at__gte=min(judged.values()))


def without_blind(decisions: QuerySet[Decision], actor: Actor) -> QuerySet[Decision]:
    """Decisions, those left out of which this person must see nothing."""
    return decisions.exclude(Exists(blind_reviews(actor).filter(first=OuterRef("pk"))))
