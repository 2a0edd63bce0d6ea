"""Which case another repeats: the likely ones, and what a number or an address finds."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_safe

from yoake.casework.cases.duplicates import suggestions
from yoake.casework.cases.models import Case
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.people.queries import Actor
from yoake.console.page import number, staff_page

_WHY: Final = {
    "number": gettext_noop("has this number"),
    "address": gettext_noop("has this address"),
    "same_address": gettext_noop("the same address"),
    "same_author": gettext_noop("the same author and words"),
    "same_text": gettext_noop("the same words"),
}


def chosen(actor: Actor, case: Case, given: QueryDict) -> int:
    """The number of the case that a person named: chosen among those found, typed, or by its address; 0 when it is unclear."""
    if picked := number(given.get("duplicate_chosen", "")):
        return picked
    asked = given.get("duplicate_of", "").strip()
    if typed := number(asked):
        return typed
    found = suggestions(actor, case, asked[:2000]) if asked else []
    return found[0].case.pk if len(found) == 1 else 0


@require_safe
@staff_page
def suggest(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The cases that this one may repeat, to be chosen in the form of the judgement."""
    case = case_view(actor, case_id).case
    asked = request.GET.get("duplicate_of", "")[:2000]
    suggested = suggestions(actor, case, asked)
    note_all_seen(actor, [one.case for one in suggested])
    found = [(one, gettext(_WHY[one.why])) for one in suggested]
    return render(request, "yoake/repeats.html", {"found": found, "asked": asked.strip()})
