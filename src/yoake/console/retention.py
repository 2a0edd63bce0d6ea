"""What goes when: schedules, legal holds, removals that two persons agree on, and what was stopped."""

from __future__ import annotations

from datetime import datetime, time

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_date
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.decorators.http import require_http_methods, require_POST

from yoake.casework.cases import retention
from yoake.casework.cases.categories import TOKYO
from yoake.casework.cases.models import Stop
from yoake.casework.cases.stop import sealed_facts
from yoake.casework.people.queries import Actor
from yoake.console.page import number, page, page_for
from yoake.console.words import class_name, sentence, verdict_name
from yoake.errors import BadInput, Refused

_GROUNDS = {
    "trial": _("court proceedings"),
    "enquiry": _("an enquiry of the police"),
    "complaint": _("a complaint"),
    "request": _("a request of another body"),
}
_WHY = {
    "not_in_scope": _("not in scope (72 hours)"),
    "duplicate": _("duplicate (72 hours)"),
    "practice": _("practice (2 days)"),
    "record_only": _("recorded only (at once)"),
    "unqueued": _("kept until its pictures were read"),
    "retention": _("its time is over"),
    "consent": _("two persons agreed"),
}
_ELSEWHERE = _("%(verdict)s, where another body judged otherwise")
_MINOR = _("at most, where the author seems to be under 18")


@require_http_methods(["GET", "POST"])
@page_for("retain")
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The screen; a POST places a legal hold or asks for an earlier removal of the case whose number was given."""
    problem = ""
    if request.method == "POST":
        case_id = number(request.POST.get("case", ""))
        try:
            if request.POST.get("do") == "hold":
                retention.place_hold(actor, case_id, request.POST.get("ground", ""), _until(request))
                messages.success(request, gettext("Case %(case)s is kept.") % {"case": case_id})
            else:
                retention.ask_removal(actor, case_id)
                messages.success(request, gettext("A second person must now agree to the removal."))
            return redirect("retention")
        except (BadInput, Refused) as error:
            unknown = isinstance(error, BadInput) and error.field == "case"
            problem = gettext("There is no such case in your organisation.") if unknown else sentence(error)
    return _page(request, actor, problem)


@require_POST
@page_for("retain")
def lift(request: HttpRequest, actor: Actor, hold_id: int) -> HttpResponse:
    """Lifts a legal hold."""
    return _do(request, actor, lambda: retention.lift_hold(actor, hold_id), gettext("The hold is lifted."))


@require_POST
@page_for("retain")
def answer(request: HttpRequest, actor: Actor, consent_id: int) -> HttpResponse:
    """The second person's answer to a removal: agreed, or not."""
    if request.POST.get("agreed") == "1":
        said = gettext("Text, author and link are erased; the numbers stay.")
        return _do(request, actor, lambda: retention.consent(actor, consent_id), said)
    return _do(
        request,
        actor,
        lambda: retention.withdraw_removal(actor, consent_id),
        gettext("The case stays as long as planned."),
    )


@require_POST
@page_for("retain")
def item(request: HttpRequest, actor: Actor, stop_id: int) -> HttpResponse:
    """The address of what was stopped, for the hand-over; that somebody looked is recorded."""
    row = Stop.objects.filter(pk=stop_id, organisation_id=actor.organisation_id).select_related("by").first()
    if row is None:
        raise BadInput("case", stop_id, "there is no such stop in your organisation")
    return page(request, actor, "yoake/stopped_item.html", {"stop": row, "facts": sealed_facts(actor, row)})


def _do(request: HttpRequest, actor: Actor, action: object, said: str) -> HttpResponse:
    assert callable(action)
    try:
        action()
    except (BadInput, Refused) as error:
        return _page(request, actor, sentence(error))
    messages.success(request, said)
    return redirect("retention")


def _page(request: HttpRequest, actor: Actor, problem: str) -> HttpResponse:
    view = retention.retention_of(actor)
    classes = {name: class_name(name) for name in settings.ENVIRONMENT.keep_months}
    elsewhere = {name: gettext(_ELSEWHERE) % {"verdict": verdict_name(name)} for name in ("not_in_scope", "duplicate")}
    named = {**classes, **elsewhere, "cannot_tell": verdict_name("cannot_tell"), "minor": gettext(_MINOR)}
    return page(
        request,
        actor,
        "yoake/retention.html",
        {
            "place": "retention",
            "problem": problem,
            "view": view,
            "going": [(gettext(_WHY[one.why]), one) for one in view.going],
            "next": [(gettext(_WHY[one.why]), one) for one in view.next],
            "holds": [(gettext(_GROUNDS[one.ground]), one) for one in view.holds],
            "grounds": [(slug, gettext(said)) for slug, said in _GROUNDS.items()],
            "months": [(named[name], n) for name, n in settings.ENVIRONMENT.keep_months.items()],
            "case": request.POST.get("case") or request.GET.get("case", ""),
        },
        status=409 if problem else 200,
    )


def _until(request: HttpRequest) -> datetime | None:
    """The end of the day that was given; None for an empty field."""
    given = request.POST.get("until", "").strip()
    if not given:
        return None
    try:
        day = parse_date(given)
    except ValueError:
        day = None
    if day is None:
        raise BadInput("until", given[:20], "a day to come")
    return datetime.combine(day, time(23, 59, 59), TOKYO)
