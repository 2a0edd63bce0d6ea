"""The stop key: asks once more, then blanks a case for everybody; then asks about the near copies that are still held."""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods

from yoake.casework.cases.models import Case
from yoake.casework.cases.queries import cases_of
from yoake.casework.cases.stop import stop as stop_case
from yoake.casework.link.queries import living_copies
from yoake.casework.people.queries import Actor
from yoake.console.page import home_of, page, page_for

_MOST = 200  # cases that an address names


@require_http_methods(["GET", "POST"])
@page_for("stop")
def stop(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Asks on a page of its own (without script), or does it; nothing of the post is shown on the way.

    What says nearly the same is looked up before, because afterwards nothing is left to compare; it is asked about, and stopped by
    nobody but the person.
    """
    if request.method == "GET":
        return page(request, actor, "yoake/stop.html", {"case_id": case_id})
    near = living_copies(actor, case_id)
    stop_case(actor, case_id)
    messages.success(
        request,
        gettext("Case %(case)s is stopped: nothing of the post is held here any more, for nobody.") % {"case": case_id},
    )
    if settings.ENVIRONMENT.staff_help:
        messages.info(request, gettext("You can talk about it: %(whom)s") % {"whom": settings.ENVIRONMENT.staff_help})
    if near:
        asked = urlencode({"case": [case.pk for case in near]}, doseq=True)
        return redirect(f"{reverse('stop_copies', kwargs={'case_id': case_id})}?{asked}")
    return redirect(home_of(request))


@require_http_methods(["GET", "POST"])
@page_for("stop")
def copies(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Asks whether the near copies of a case that was stopped are stopped too, or stops those that the person marked."""
    near = _living(actor, request.GET.getlist("case"))
    if not near:
        return redirect(home_of(request))
    marked = near
    if request.method == "POST" and "all" not in request.POST:
        marked = _living(actor, request.POST.getlist("case"))
    if request.method == "GET" or not marked:
        context = {"case_id": case_id, "near": near, "nothing": request.method == "POST"}
        return page(request, actor, "yoake/stop_copies.html", context, 400 if context["nothing"] else 200)
    for case in marked:
        stop_case(actor, case.pk)
    told = ngettext("%(n)s near copy is stopped too.", "%(n)s near copies are stopped too.", len(marked))
    messages.success(request, told % {"n": len(marked)})
    return redirect(home_of(request))


def _living(actor: Actor, given: list[str]) -> list[Case]:
    """The cases of the actor's organisation that these numbers name and of which something is held, in that order."""
    if not actor.may("read"):
        return []
    numbers = [int(one) for one in given[:_MOST] if one.isascii() and one.isdigit() and len(one) < 19]
    held = cases_of(actor, practice=False).filter(pk__in=numbers, post__erased_at=None, post__stopped_at=None)
    found = {case.pk: case for case in held}
    return [found[number] for number in dict.fromkeys(numbers) if number in found]
