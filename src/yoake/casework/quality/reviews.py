"""Judging twice: what waits for a second person, their judgement, and how a supervisor settles what two judged apart.

Two judgements are alike when verdict and (in scope) category are the same. Alike: the first decision holds and the
review is closed. Apart: the case waits for a supervisor who sees both; what they say becomes the decision that stands
(the first one, if it was another, is undone by it), and retention follows that. Nobody settles a case they judged first,
and nobody their own second judgement while somebody else could.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, person
from yoake.casework.cases.actions import REASON_LONGEST, Verdict
from yoake.casework.cases.categories import any_at_risk, category, class_on, is_record_only
from yoake.casework.cases.elements import Tied, checked
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.keeping import plan_erasure
from yoake.casework.cases.leases import end_lease
from yoake.casework.cases.models import Case, Claim, Decision, SecondReview
from yoake.casework.cases.schedule import end_schedule, follow_decision
from yoake.casework.people.queries import Actor, working
from yoake.collect.clean import storable
from yoake.errors import BadInput, Refused

State = SecondReview.State
ANSWERS = (Verdict.IN_SCOPE, Verdict.NOT_IN_SCOPE, Verdict.CANNOT_TELL)


@dataclass(frozen=True)
class Answer:
    """What somebody judged."""

    verdict: str
    category: str
    also: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What two judgements are compared by."""
        return f"{self.verdict}:{self.category}" if self.verdict == Verdict.IN_SCOPE else self.verdict


def first_answer(review: SecondReview) -> Answer:
    """What the first person judged."""
    return Answer(review.first.verdict, review.first.category, tuple(review.first.also))


def second_answer(review: SecondReview) -> Answer:
    """What the second person judged."""
    return Answer(review.verdict, review.category, tuple(review.also))


def final_answer(review: SecondReview) -> Answer:
    """What holds of a closed review."""
    return Answer(review.final_verdict, review.final_category, tuple(review.final_also))


def reviews_waiting(actor: Actor) -> QuerySet[SecondReview]:
    """What waits for this person as the second: at-risk first, then the young, then the oldest.

    In no order that tells what was judged: only "in scope" holds a case up until it is judged twice.
    """
    actor.must("decide")
    mine = SecondReview.objects.filter(
        case__organisation_id=actor.organisation_id,
        state=State.WAITING,
        case__state__in=(Case.State.SECOND_REVIEW, Case.State.DECIDED),
        case__post__erased_at=None,
        case__post__stopped_at=None,
    ).exclude(first__by_id=actor.user_id)
    return mine.order_by("-case__at_risk", "-case__minor", "asked_at", "pk")


def next_review(actor: Actor, after: int = 0) -> SecondReview | None:
    """The next one, another case than `after` if there is one."""
    waiting = reviews_waiting(actor)
    return waiting.exclude(case_id=after).first() or waiting.first()


def judge_again(
    actor: Actor,
    case_id: int,
    verdict: str,
    *,
    version_id: int,
    category_slug: str = "",
    also: tuple[str, ...] = (),
    reason: str = "",
    elements: Iterable[Tied] = (),
    now: datetime | None = None,
) -> SecondReview:
    """Records the second judgement of a case; it cannot be taken back, because the first is shown from then on.

    Raises BadInput for an unknown verdict, category or element, Refused when nothing waits for this person there, when
    somebody else holds the post, or when the post changed since it was opened.
    """
    now = now or timezone.now()
    actor.must("decide")
    if verdict not in ANSWERS:
        raise BadInput("verdict", verdict, f"one of {', '.join(ANSWERS)}")
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason, f"at most {REASON_LONGEST} characters")
    _known(verdict, category_slug, also)
    if verdict != Verdict.IN_SCOPE:
        category_slug, also = "", ()
    with transaction.atomic():
        case = locked(actor, case_id)
        review = _open(case, State.WAITING)
        if review is None or case.state not in (Case.State.SECOND_REVIEW, Case.State.DECIDED):
            raise Refused("this case waits for no second judgement; take the next one")
        if review.first.by_id == actor.user_id:
            raise Refused("you judged this case first; another person must be the second")
        if case.post.erased_at is not None:
            raise Refused("the post was erased; there is nothing left to judge")
        if case.post.current_id != version_id or case.post.current is None:
            raise Refused("the post changed since you opened it; read it again, then decide")
        must_be_free(actor, post=case.post, inside=True, now=now)
        ticked = checked(case.post.current, category_slug, elements) if verdict == Verdict.IN_SCOPE else []
        review.verdict, review.category, review.also = verdict, category_slug, list(also)
        review.reason = storable(reason.strip(), [])
        review.elements = [element.row() for element in ticked]
        review.by_id, review.at, review.version = person(actor), now, case.post.current
        if version_id != review.first.version_id:
            review.drawn = False  # two versions were judged: that is no measure of agreement
        first, second = first_answer(review), second_answer(review)
        alike = first.label == second.label
        if alike:
            _close(review, first, State.AGREED, now)
            if case.state == Case.State.SECOND_REVIEW:
                case.state = Case.State.DECIDED
                case.save(update_fields=["state"])
        else:
            review.state = State.DISAGREED
            if case.state != Case.State.SECOND_REVIEW:
                case.state = Case.State.SECOND_REVIEW
                case.save(update_fields=["state"])
        review.save()
        end_lease(case, person(actor), Claim.End.DECIDED, now)
        plan_erasure(case.post, now)
        record(
            "reviewed", actor=actor.name, organisation=actor.organisation_id, subject=f"case:{case.pk}", at=now,
            review=review.pk, verdict=verdict, category=category_slug, alike=alike,
        )  # fmt: skip
    return review


def disagreements(actor: Actor) -> QuerySet[SecondReview]:
    """Cases that two people judged apart and nobody settled yet; at-risk first, then the oldest."""
    actor.must("oversee")
    apart = SecondReview.objects.filter(case__organisation_id=actor.organisation_id, state=State.DISAGREED)
    return apart.select_related(
        "first", "first__by", "by", "case", "case__post", "case__post__current", "case__post__account"
    ).order_by("-case__at_risk", "at", "pk")


def settled_lately(actor: Actor, limit: int = 20) -> list[SecondReview]:
    """What was settled last."""
    actor.must("oversee")
    closed = SecondReview.objects.filter(case__organisation_id=actor.organisation_id, state=State.SETTLED)
    return list(
        closed.select_related("first", "first__by", "by", "settled_by", "case").order_by("-closed_at", "-pk")[:limit]
    )


def may_settle(actor: Actor, review: SecondReview, overseers: frozenset[int] | None = None) -> bool:
    """Whether this person may settle it: never who judged first, and the second only where nobody else could.

    `overseers` are who may at all (`overseers_of`), for a list that asks once.
    """
    if not actor.may("oversee") or review.first.by_id == actor.user_id:
        return False
    if review.by_id != actor.user_id:
        return True
    return not (overseers_of(actor) if overseers is None else overseers) - {review.first.by_id, review.by_id}


def overseers_of(actor: Actor) -> frozenset[int]:
    """Who in the actor's organisation may settle what two people judged apart."""
    return frozenset(working(actor.organisation_id, "oversee").values_list("user_id", flat=True))


def settle(
    actor: Actor,
    review_id: int,
    verdict: str,
    *,
    version_id: int,
    category_slug: str = "",
    also: tuple[str, ...] = (),
    reason: str = "",
    now: datetime | None = None,
) -> SecondReview:
    """Says what holds of a case that two people judged apart; it can be undone as any decision.

    Args:
        actor: a supervisor who did not judge it first.
        review_id: of the review.
        verdict: in_scope, not_in_scope or cannot_tell.
        version_id: of what the post said when they read it.
        category_slug: with in_scope; of one of the two judgements or another.
        also: further categories that hold.
        reason: why, at most 2,000 characters; it goes with the post's words.
        now: the time; the clock's when left out.

    Raises:
        BadInput: there is no such open review, or the verdict or category is unknown.
        Refused: this person may not settle it, somebody else holds the post, or it was erased or changed since.
    """
    now = now or timezone.now()
    actor.must("oversee")
    if verdict not in ANSWERS:
        raise BadInput("verdict", verdict, f"one of {', '.join(ANSWERS)}")
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason, f"at most {REASON_LONGEST} characters")
    _known(verdict, category_slug, also)
    answer = Answer(verdict, category_slug, also) if verdict == Verdict.IN_SCOPE else Answer(verdict, "")
    mine = SecondReview.objects.filter(pk=review_id, case__organisation_id=actor.organisation_id)
    case_id = mine.values_list("case_id", flat=True).first() or 0
    with transaction.atomic():
        case = locked(actor, case_id)
        review = _open(case, State.DISAGREED)
        if review is None or review.pk != review_id:
            raise BadInput("review", review_id, "there is no such case to settle in your organisation")
        if not may_settle(actor, review):
            raise Refused("you judged this case yourself; another supervisor settles it")
        if case.post.erased_at is not None:
            raise Refused("the post was erased; there is nothing left to judge")
        if case.post.current_id != version_id:
            raise Refused("the post changed since you opened it; read it again, then decide")
        must_be_free(actor, post=case.post, inside=True, now=now)
        first = review.first
        if answer.label != first_answer(review).label:
            # the second person's elements are places in the words that they read
            ticked = answer.label == second_answer(review).label and review.version_id == version_id
            Decision.objects.create(case=case, version=first.version, by_id=person(actor), at=now, undoes=first)
            end_schedule(case)
            standing = Decision.objects.create(
                case=case,
                version_id=version_id,
                verdict=verdict,
                category=answer.category,
                also=list(answer.also),
                at_risk=any_at_risk((answer.category, *answer.also)),
                hotline_class=class_on(answer.category, now) if answer.category else "",
                reason=storable(reason.strip(), []),
                elements=review.elements if ticked else [],
                by_id=person(actor),
                at=now,
            )
            follow_decision(case, standing, now)
        case.state = Case.State.DECIDED
        case.save(update_fields=["state"])
        review.settled_by_id = person(actor)
        _close(review, answer, State.SETTLED, now)
        review.save()
        plan_erasure(case.post, now)
        record(
            "settled", actor=actor.name, organisation=actor.organisation_id, subject=f"case:{case.pk}", at=now,
            review=review.pk, verdict=verdict, category=answer.category,
        )  # fmt: skip
    return review


def _known(verdict: str, category_slug: str, also: tuple[str, ...]) -> None:
    if verdict != Verdict.IN_SCOPE:
        return
    for slug in (category_slug, *also):
        category(slug)
        if is_record_only(slug):
            raise Refused(
                "whoever thinks that this must be recorded only tells a supervisor, who undoes the first decision"
            )


def _open(case: Case, state: str) -> SecondReview | None:
    found = SecondReview.objects.select_for_update(of=("self",)).filter(case=case, state=state)
    return found.select_related("first", "first__version").order_by("-pk").first()


def _close(review: SecondReview, answer: Answer, state: str, now: datetime) -> None:
    review.state, review.closed_at = state, now
    review.final_verdict, review.final_category, review.final_also = answer.verdict, answer.category, list(answer.also)
