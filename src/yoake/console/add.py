"""Adding a post by hand."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from yoake.casework.cases.actions import TEXT_LONGEST
from yoake.casework.cases.models import Received
from yoake.casework.cases.received import add_one
from yoake.casework.people.queries import Actor
from yoake.collect.addresses import URL_LONGEST
from yoake.console.page import page, staff_page
from yoake.console.words import sentence
from yoake.errors import BadInput, Refused

How = Received.How


@require_http_methods(["GET", "POST"])
@staff_page
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form, and what comes of it: the new case, or the one that was there."""
    actor.must("add")
    problem = field = ""
    if request.method == "POST":
        try:
            added = add_one(
                actor,
                url=request.POST.get("url", ""),
                text=request.POST.get("text", ""),
                how=How.BOOKMARKLET if request.POST.get("how") == How.BOOKMARKLET else How.FORM,
                practice=request.POST.get("desk") == "practice",
            )
        except (BadInput, Refused) as error:
            problem, field = sentence(error), getattr(error, "field", "")
        else:
            if added.was_there:
                messages.info(request, gettext("This post was already there; this is its case."))
            else:
                messages.success(request, gettext("The post is added; this is its case."))
            return redirect("case", case_id=added.case.pk)
    context = {
        "place": "add",
        "tab": "one",
        "problem": problem,
        "wrong_field": field,
        "entered": request.POST,
        "to_practice": (request.POST.get("desk") or request.GET.get("desk")) == "practice",
        "text_longest": TEXT_LONGEST,
        "url_longest": URL_LONGEST,
    }
    return page(request, actor, "yoake/add.html", context, status=400 if problem else 200)
