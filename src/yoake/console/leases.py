"""The case before one: how long it still is, more time, leaving it to others, handing it on; and what is held elsewhere.

Opening the page takes the lease by a POST that the page sends as soon as it is shown; leaving it gives the lease back.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext
from django.views.decorators.http import require_http_methods, require_POST

from yoake.casework.cases import leases
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import Case, Claim, Lease
from yoake.casework.cases.offering import sensitive_categories
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.cases.waiting import neighbours
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor, names_of
from yoake.casework.people.wellbeing import note_reading
from yoake.console import words
from yoake.console.page import number, page, staff_page
from yoake.errors import BadInput, Refused

NOBODY = "0"  # handed on to nobody in particular


@require_POST
@staff_page
def lease(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Takes or keeps the lease; answers with the line that says who reads the post and whether anything changed."""
    view = case_view(actor, case_id, even_held_elsewhere=True)
    now = timezone.now()
    only_look = bool(request.POST.get("only_look"))  # the page is read-only: it says when the post is free, no more
    problem, mine = held_by(actor, view) if only_look else "", None
    if not only_look and actor.may("decide") and _waits(view) and not _changed(request, view):
        try:
            mine = leases.take_lease(actor, case_id)
            note_reading(
                actor, sensitive=view.case.category in sensitive_categories(), opened=mine.taken_at >= now, now=now
            )
        except Refused as error:
            problem = words.sentence(error)
    return _line(request, actor, view, problem=problem, mine=mine, only_look=only_look)


@require_http_methods(["GET", "POST"])
@staff_page
def extend(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Half an hour more; answers as `lease` does, without script with the case."""
    if request.method == "GET":  # after signing in again
        return redirect("case", case_id=case_id)
    view = case_view(actor, case_id, even_held_elsewhere=True)
    problem, mine = "", None
    try:
        mine = leases.extend_lease(actor, case_id)
    except Refused as error:
        problem = words.sentence(error)
    if getattr(request, "htmx", False):
        return _line(request, actor, view, problem=problem, mine=mine, only_look=False)
    if problem:
        messages.error(request, problem)
    return redirect(_address(case_id, Filter.of_query(request.POST.get("desk_view", ""))))


@require_POST
@staff_page
def release(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Gives the lease back; the browser sends this when the page is left."""
    leases.release_lease(actor, case_id)
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
@staff_page
def skip(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Leaves the case to others and shows the next one."""
    if request.method == "GET":
        return redirect("case", case_id=case_id)
    return _left(request, actor, case_id, lambda: leases.skip(actor, case_id))


@require_http_methods(["GET", "POST"])
@staff_page
def hand_on(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Hands the case to a colleague or to nobody in particular and shows the next one."""
    if request.method == "GET":
        return redirect("case", case_id=case_id)
    to = request.POST.get("to", "")

    def handed_on() -> None:
        if to != NOBODY and not number(to):
            raise BadInput("colleague", to, gettext("choose a colleague, or nobody in particular"))
        leases.hand_on(actor, case_id, number(to))
        messages.success(request, gettext("The case is handed on; you are not led to it again."))

    return _left(request, actor, case_id, handed_on)


@require_http_methods(["GET", "POST"])
@staff_page
def assign(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Puts the case among one's own."""
    if request.method == "POST":
        try:
            leases.assign_to_oneself(actor, case_id)
        except Refused as error:
            messages.error(request, words.sentence(error))
    return redirect(_address(case_id, Filter.of_query(request.POST.get("desk_view", ""))))


def held_by(actor: Actor, view: CaseView) -> str:
    """Who else has the case, in a sentence; another body is not named; "" when nobody has."""
    if view.elsewhere:
        return gettext("This post is held by another body, so nothing of it is shown and nothing can be done to it.")
    if view.lease is None or view.lease.user_id == actor.user_id:
        return ""
    return gettext("%(name)s is reading this post now, so it is read-only for you.") % {"name": called(view.lease.user)}


def held_page(
    request: HttpRequest, actor: Actor, view: CaseView, *, chosen: Filter, problem: str = "", status: int = 200
) -> HttpResponse:
    """The page of a case that another body holds, by lease or by hold: that it does, and the way to other cases."""
    before, following = neighbours(actor, view.case, chosen=chosen)
    return page(
        request,
        actor,
        "yoake/held.html",
        {
            "case": view.case,
            "desk": "practice" if view.case.practice else "live",
            "view_query": chosen.query,
            "before": before,
            "following": following,
            "held": held_by(actor, view),
            "problem": problem,
        },
        status=status,
    )


def tools(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page shows about who has the case: the acts, the assignee, for those who oversee the history."""
    waits = view.case.state in (Case.State.WAITING, Case.State.SECOND_REVIEW)
    free = view.lease is None or view.lease.user_id == actor.user_id
    may_hand_on = waits and free and actor.may("decide")
    return {
        "may_hand_on": may_hand_on,
        "colleagues": [(user.pk, called(user)) for user in leases.colleagues(actor)] if may_hand_on else [],
        "nobody": NOBODY,
        "assigned_to_me": view.case.assignee_id == actor.user_id,
        "claims": leases.claims_of(actor, view.case) if actor.may("oversee") else [],
    }


def how_it_ended(claim: Claim) -> str:
    """How somebody's having a case ended; "" while they have it."""
    return (
        {
            Claim.End.DECIDED: pgettext("end of a claim", "decided"),
            Claim.End.RELEASED: pgettext("end of a claim", "given back"),
            Claim.End.SKIPPED: pgettext("end of a claim", "skipped"),
            Claim.End.EXPIRED: pgettext("end of a claim", "ran out"),
            Claim.End.HANDED_ON: pgettext("end of a claim", "handed on"),
        }.get(Claim.End(claim.how), "")
        if claim.how
        else ""
    )


def called(user: User) -> str:
    """What colleagues call somebody."""
    return user.get_full_name() or user.username


def _line(
    request: HttpRequest, actor: Actor, view: CaseView, *, problem: str, mine: Lease | None, only_look: bool
) -> HttpResponse:
    decided_by = ""
    if view.standing is not None and not _waits(view):
        decided_by = names_of(actor, [view.standing.by_id]).get(view.standing.by_id, "")
    return render(
        request,
        "yoake/lease.html",
        {
            "view": view,
            "problem": problem,
            "changed": _changed(request, view),
            "waiting": _waits(view),
            "mine": mine,
            "minutes": -(-int((mine.expires_at - timezone.now()).total_seconds()) // 60) if mine else 0,
            "free_now": only_look and not problem and actor.may("decide"),
            "decided_by": decided_by,
        },
    )


def _waits(view: CaseView) -> bool:
    return view.case.state == Case.State.WAITING


def _changed(request: HttpRequest, view: CaseView) -> bool:
    """Whether the post says something else than on the page that asks; of what others hold nothing is told."""
    now_says = str(view.version.pk if view.version else "")
    return not view.elsewhere and "version_id" in request.POST and request.POST["version_id"] != now_says


def _left(request: HttpRequest, actor: Actor, case_id: int, act: Any) -> HttpResponse:
    """Does what leaves a case and goes to the next one; where that was refused, back to the case with the reason."""
    view = case_view(actor, case_id, even_held_elsewhere=True)
    chosen = Filter.of_query(request.POST.get("desk_view", ""))
    _before, following = neighbours(actor, view.case, chosen=chosen)
    try:
        act()
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
        return redirect(_address(case_id, chosen))
    if following is None:
        desk = reverse("desk", kwargs={"desk": "practice" if view.case.practice else "live"})
        return redirect(f"{desk}?{chosen.query}" if chosen else desk)
    return redirect(_address(following, chosen))


def _address(case_id: int, chosen: Filter) -> str:
    address = reverse("case", args=[case_id])
    return f"{address}?{urlencode(chosen.values)}" if chosen else address
