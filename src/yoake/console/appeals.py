"""Objections: the queue with its clock, one objection with the letter it is about, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.appeal import actions
from yoake.casework.appeal.models import Appeal
from yoake.casework.appeal.queries import appeal_of, appeals_about, appeals_done, appeals_waiting, stands, whose
from yoake.casework.cases.queries import CaseView
from yoake.casework.people.queries import Actor
from yoake.console import words
from yoake.console.page import page, staff_page
from yoake.errors import BadInput, Refused

WHERE: Final = {
    "unproved": pgettext_lazy("appeal", "says it is theirs; not shown yet"),
    "authors": pgettext_lazy("appeal", "the author’s"),
    "note": pgettext_lazy("appeal", "note of a third party"),
    "done": pgettext_lazy("appeal", "answered"),
}
_SENTENCES: Final = (
    gettext_noop("this is not proved to be the author’s; what a third party says you can act on yourself"),
    gettext_noop("you drafted, approved or sent this letter; somebody else answers the objection"),
    gettext_noop("this objection is answered already"),
    gettext_noop("there is nothing to prove here"),
    gettext_noop("the source that would be asked is gone or switched off"),
    gettext_noop("today's checks of this host are used up"),
)


@dataclass(frozen=True)
class Row:
    """An objection on a list."""

    appeal: Appeal
    where: str
    overdue: bool
    more: tuple[Row, ...] = ()  # about the same letter, none of them shown to be the author's


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What waits, proved ones first, then the others a letter, and what was answered lately."""
    waiting = appeals_waiting(actor)
    context = {
        "place": "appeals",
        "waiting": _by_letter(waiting),
        "number": len(waiting),
        "done": [_row(one) for one in appeals_done(actor)],
    }
    return page(request, actor, "yoake/appeals.html", context)


@require_safe
@staff_page
def one(request: HttpRequest, actor: Actor, appeal_id: int) -> HttpResponse:
    """One objection."""
    return _page(request, actor, appeal_id)


@require_http_methods(["GET", "POST"])
@staff_page
def answer(request: HttpRequest, actor: Actor, appeal_id: int) -> HttpResponse:
    """Upholds it, or not; or writes down that the code was seen in the profile (POST)."""
    if request.method == "GET":
        return redirect("appeal", appeal_id=appeal_id)
    why = request.POST.get("reason", "")
    known: dict[str, tuple[Callable[[], Any], str]] = {
        "proved": (lambda: actions.prove_by_hand(actor, appeal_id), gettext("Kept: it is the author’s.")),
        "uphold": (
            lambda: actions.uphold(actor, appeal_id, why),
            gettext("Upheld: warnings are withdrawn, corrections are drafted, and the case was judged anew."),
        ),
        "dismiss": (lambda: actions.dismiss(actor, appeal_id, why), gettext("Answered.")),
    }
    if request.POST.get("act") not in known:
        raise Http404
    do, done = known[request.POST["act"]]
    try:
        do()
    except (BadInput, Refused) as error:
        return _page(request, actor, appeal_id, problem=words.sentence(error), reason=why, status=409)
    messages.success(request, done)
    return redirect("appeal", appeal_id=appeal_id)


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of objections."""
    if view.blind or view.elsewhere or view.case.practice:
        return {"appeals": []}
    return {"appeals": [_row(one) for one in appeals_about(actor, view.case)]}


def in_short(actor: Actor) -> tuple[int, int]:
    """How many objections wait, and of how many the clock is over, for the line on the desk."""
    rows = [_row(one) for one in appeals_waiting(actor)] if actor.may("oversee") else []
    return len(rows), sum(row.overdue for row in rows)


def _page(
    request: HttpRequest, actor: Actor, appeal_id: int, *, problem: str = "", reason: str = "", status: int = 200
) -> HttpResponse:
    appeal = appeal_of(actor, appeal_id)
    item = appeal.item
    context = {
        "place": "appeals",
        "row": _row(appeal),
        "appeal": appeal,
        "item": item,
        "text": item.body.get("text", ""),
        "problem": problem,
        "reason": reason,
        "trouble": words.problem_text(appeal.problem) if appeal.problem else "",
        "may_answer": actor.may("oversee") and not appeal.outcome,
        "mine": actor.user_id in whose(item),
        "can_prove": bool(appeal.proof) and appeal.proved_at is None,
        "why_longest": actions.WHY_LONGEST,
    }
    return page(request, actor, "yoake/appeal.html", context, status)


def _by_letter(appeals: list[Appeal]) -> list[Row]:
    """Each that is the author's by itself, all others to one letter in one line: whoever floods it hides no other letter's."""
    rows = [_row(one) for one in appeals if one.proved_at is not None]
    others: dict[int, list[Row]] = {}
    for one in appeals:
        if one.proved_at is None:
            others.setdefault(one.item_id, []).append(_row(one))
    return rows + [replace(first, more=tuple(more)) for first, *more in others.values()]


def _row(appeal: Appeal) -> Row:
    where = stands(appeal)
    return Row(appeal, str(WHERE[where]), not appeal.outcome and appeal.decide_by < timezone.now())
