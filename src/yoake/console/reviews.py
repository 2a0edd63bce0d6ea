"""Judging twice on the pages: what waits for a second person, what two judged apart, and a case with a known answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.elements import Tied
from yoake.casework.cases.holds import who_holds
from yoake.casework.cases.models import Case, Finding, SecondReview
from yoake.casework.cases.queries import CaseView
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.cases.waiting import ready_to_show
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.quality import gold
from yoake.casework.quality.measuring import Measured, precision_of
from yoake.casework.quality.models import GoldTurn
from yoake.casework.quality.reviews import (
    ANSWERS,
    Answer,
    disagreements,
    final_answer,
    first_answer,
    judge_again,
    may_settle,
    next_review,
    overseers_of,
    reviews_waiting,
    second_answer,
    settle,
    settled_lately,
)
from yoake.collect import practice
from yoake.console import words
from yoake.console.inbox import rows
from yoake.console.leases import called
from yoake.console.page import number, page, staff_page
from yoake.errors import BadInput, Refused

SHOWN = 50  # cases on the page
State = SecondReview.State


@dataclass(frozen=True)
class Judgement:
    """Whose judgement it was, in words."""

    title: str
    answer: Answer
    who: str
    at: datetime | None
    reason: str
    elements: list[str]

    @property
    def verdict(self) -> str:
        """As templates name a verdict."""
        return self.answer.verdict

    @property
    def category(self) -> str:
        """As templates name a category."""
        return self.answer.category


@dataclass(frozen=True)
class Apart:
    """A case that two people judged apart, as a page shows it."""

    review: SecondReview
    both: list[Judgement]  # [] while another body holds the post
    may_settle: bool
    elsewhere: bool
    version_id: int  # of what the post says here


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What waits for this person as the second, and for supervisors what two judged apart."""
    actor.must("decide")
    now, waiting = timezone.now(), reviews_waiting(actor)
    order = list(waiting.values_list("case_id", flat=True)[:SHOWN])
    place = {case_id: at for at, case_id in enumerate(order)}
    cases = sorted(ready_to_show(Case.objects.filter(pk__in=order)), key=lambda case: place[case.pk])
    for case in cases:
        case.changed_at = None  # that it was judged before the change says too much
    oversees = actor.may("oversee")
    overseers = overseers_of(actor) if oversees else frozenset()
    reviews = list(disagreements(actor)) if oversees else []
    holdings = who_holds(actor, [review.case.post_id for review in reviews], now)
    held = {post_id for post_id, holding in holdings.items() if holding.elsewhere}
    apart = [_apart(actor, review, overseers, elsewhere=review.case.post_id in held) for review in reviews]
    note_all_seen(actor, [one.review.case for one in apart if not one.elsewhere])
    return page(
        request,
        actor,
        "yoake/reviews.html",
        {
            "place": "reviews",
            "rows": rows(actor, cases, now),
            "count": waiting.count(),
            "oversees": oversees,
            "apart": apart,
            "settled": [(one, final_answer(one)) for one in settled_lately(actor)] if oversees else [],
            "review_categories": _choices(),
        },
    )


@require_safe
@staff_page
def following(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The next case that waits for this person as the second."""
    review = next_review(actor)
    if review is None:
        messages.info(request, gettext("Nothing waits for your second judgement."))
        return redirect("reviews")
    return redirect("case", case_id=review.case_id)


@require_POST
@staff_page
def settle_one(request: HttpRequest, actor: Actor, review_id: int) -> HttpResponse:
    """A supervisor says what holds of a case that two people judged apart."""
    verdict, _, slug = request.POST.get("answer", "").partition(":")
    if verdict == "other":
        verdict, slug = "in_scope", request.POST.get("category", "")
    try:
        if verdict == "in_scope" and not slug:
            raise BadInput("category", "", gettext("choose the category that holds"))
        review = settle(
            actor,
            review_id,
            verdict,
            version_id=number(request.POST.get("version_id", "")),
            category_slug=slug,
            reason=request.POST.get("reason", ""),
        )
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
        return redirect("reviews")
    messages.success(request, gettext("Case %(id)d is settled.") % {"id": review.case_id})
    return redirect("reviews")


# --- on the case page -----------------------------------------------------------------------------------------------


def on_page(actor: Actor, view: CaseView, findings: list[Finding]) -> dict[str, Any]:
    """What the case page shows of judging twice, of a known answer, and of how right the detector has been."""
    turn = gold.turn_of(actor, view.case) if view.case.gold_for_id is not None else None
    review = view.review if not view.blind else None
    shown = review is not None and review.state in (State.DISAGREED, State.AGREED, State.SETTLED)
    decided = view.standing is not None and view.case.state == Case.State.DECIDED and not view.case.practice
    return {
        "gold_turn": turn,
        "gold_why": known_why(turn) if turn is not None else "",
        "apart": _apart(actor, review) if shown and review is not None and not view.elsewhere else None,
        "review_categories": _choices(),
        "may_mark_gold": decided and actor.may("oversee") and view.case.post.erased_at is None,
        "why_longest": gold.WHY_LONGEST,
        "precision": _precision(precision_of(actor, findings[:1]), findings[:1]),
    }


def judged_instead(
    request: HttpRequest,
    actor: Actor,
    view: CaseView,
    verdict: str,
    *,
    version_id: int,
    category: str,
    also: tuple[str, ...],
    reason: str,
    elements: list[Tied],
) -> str:
    """Takes a judgement that is no first decision: an answer to a copy, or a second judgement. Returns where to go next.

    Returns "" for a case that waits for its first decision. Raises as `judge_again` and `gold.answer` do.
    """
    case_id = view.case.pk
    if view.case.gold_for_id is not None:
        gold.answer(actor, case_id, verdict, version_id=version_id, category_slug=category)
        return reverse("case", args=[case_id])
    if not view.blind:
        return ""
    if verdict not in ANSWERS:
        raise BadInput("verdict", verdict, gettext("choose in scope, not in scope or cannot tell"))
    review = judge_again(
        actor,
        case_id,
        verdict,
        version_id=version_id,
        category_slug=category,
        also=also,
        reason=reason,
        elements=elements,
    )
    if review.state == State.AGREED:
        messages.success(request, gettext("Case %(id)d: you and the first person judged alike.") % {"id": case_id})
    else:
        told = gettext("Case %(id)d: the first person judged otherwise. A supervisor settles it.") % {"id": case_id}
        messages.info(request, told)
    upcoming = next_review(actor, after=case_id)
    return reverse("case", args=[upcoming.case_id]) if upcoming is not None else reverse("reviews")


def next_for_second(actor: Actor, view: CaseView) -> int | None:
    """Where "next" leads a second person: to the next case that waits for them."""
    review = next_review(actor, after=view.case.pk)
    return review.case_id if review is not None and review.case_id != view.case.pk else None


def known_why(turn: GoldTurn) -> str:
    """Why the known answer is sure, in the reader's language where there are two."""
    known = turn.gold
    answer = practice.answer(f"x/{known.practice}") if known.practice else None
    return words.told({"ja": answer.ja, "en": answer.en}) if answer is not None else known.why


def _precision(found: dict[int, Measured], findings: list[Finding]) -> dict[str, Any] | None:
    measured = found.get(findings[0].pk) if findings else None
    if measured is None:
        return None
    share = measured.double if measured.double.n else measured.single
    if not share.n:
        return None
    low, high = share.interval
    said = ngettext("%(right)d of %(n)d was in scope", "%(right)d of %(n)d were in scope", share.n)
    return {
        "category": measured.category,
        "detector": measured.name,
        "said": said % {"right": share.right, "n": share.n},
        "range": words.per_cent(low, high),
        "double": bool(measured.double.n),
    }


def _apart(
    actor: Actor, review: SecondReview, overseers: frozenset[int] | None = None, *, elsewhere: bool = False
) -> Apart:
    first, shown = review.first, review.case.post.current_id or 0
    if elsewhere:
        return Apart(review, [], False, True, shown)
    both = [
        _judgement(gettext("First judgement"), first_answer(review), first.by, first.at, first.reason, first.elements),
        _judgement(
            gettext("Second judgement"), second_answer(review), review.by, review.at, review.reason, review.elements
        ),
    ]
    return Apart(review, both, review.state == State.DISAGREED and may_settle(actor, review, overseers), False, shown)


def _judgement(
    title: str, answer: Answer, by: User | None, at: datetime | None, reason: str, elements: list[dict[str, Any]]
) -> Judgement:
    names = dict.fromkeys(words.element_name(answer.category, row["name"]) for row in elements)
    return Judgement(title, answer, called(by) if by is not None else "", at, reason, list(names))


def _choices() -> list[tuple[str, str]]:
    return [(slug, words.category_name(slug)) for slug, one in categories().items() if not one.record_only]
