"""Adding many posts at once: a pasted list or a file, looked over before anything is stored, then worked off line by line."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases import received as handed
from yoake.casework.cases.models import Received
from yoake.casework.cases.received_counts import ARRIVED, TO_ADD, lines_of, received_of
from yoake.casework.people.queries import Actor
from yoake.collect import address_lists
from yoake.collect.address_lists import Line
from yoake.console.page import page, staff_page
from yoake.console.received import received_as, received_how
from yoake.console.uploads import uploaded
from yoake.console.words import plain_sentence, sentence
from yoake.errors import BadInput

SHOWN: Final = 200  # lines of the look before adding
ROWS: Final = 100  # lines of a page of the result
_ORDER: Final = (handed.WRONG, handed.SAME, handed.THERE, handed.NEW)
_STATES: Final = {
    handed.NEW: gettext_noop("to be added"),
    handed.THERE: gettext_noop("already there"),
    handed.SAME: gettext_noop("repeated in this list"),
    handed.WRONG: gettext_noop("cannot be added"),
}


@require_http_methods(["GET", "POST"])
@staff_page
def start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form (GET); what would become of each line (POST). Nothing is stored yet."""
    actor.must("add")
    problem = ""
    if request.method == "POST":
        try:
            how, lines = _given(request)
            return _preview(request, actor, how, lines)
        except BadInput as error:
            problem = sentence(error)
    context = {
        "place": "add",
        "tab": "list",
        "problem": problem,
        "entered": request.POST,
        "most_lines": address_lists.MOST_LINES,
        "most_characters": address_lists.MOST_CHARACTERS,
    }
    return page(request, actor, "yoake/add_list.html", context, status=400 if problem else 200)


@require_POST
@staff_page
def confirm(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Takes the lines that were looked over; a short list is worked off at once, a long one by the worker."""
    try:
        lines = address_lists.from_carried(request.POST.get("lines", ""))
        received = handed.hand_in(actor, lines, request.POST.get("how", ""))
    except BadInput as error:
        context = {"place": "add", "tab": "list", "problem": sentence(error), "entered": {}}
        return page(request, actor, "yoake/add_list.html", context, status=400)
    if len(lines) <= handed.SHORT:
        handed.add_lines(timezone.now(), handed.SHORT, received)
    return redirect("received_list", received_id=received.pk)


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, received_id: int) -> HttpResponse:
    """What became of each line of a list."""
    received = received_of(actor, received_id)
    outcome = request.GET.get("outcome", "")
    outcome = outcome if outcome in ARRIVED else ""
    shown = Paginator(lines_of(received, outcome), ROWS).get_page(request.GET.get("page"))
    context = {
        "place": "received",
        "tab": "received",
        "outcome": outcome,
        "shown": shown,
        "rows": [(line, received_as(line.outcome or TO_ADD), _why(line.why)) for line in shown],
        **_progress(received),
    }
    return page(request, actor, "yoake/received_list.html", context)


@require_safe
@staff_page
def progress(request: HttpRequest, actor: Actor, received_id: int) -> HttpResponse:
    """How far a list is; once it is done the page is shown anew."""
    context = _progress(received_of(actor, received_id))
    response = render(request, "yoake/received_progress.html", context)
    if not context["to_add"]:
        response["HX-Refresh"] = "true"
    return response


def _given(request: HttpRequest) -> tuple[str, list[Line]]:
    """How the list came, and its lines."""
    file = uploaded(request, "file")
    if file is None or not file.size:
        return Received.How.LIST, address_lists.from_text(request.POST.get("list", ""))
    octets = file.read()
    name = (file.name or "").lower()
    if name.endswith((".xlsx", ".xlsm")) or octets.startswith(b"PK\x03\x04"):
        return Received.How.XLSX, address_lists.from_xlsx(octets)
    if name.endswith(".xls") or octets.startswith(b"\xd0\xcf\x11\xe0"):
        raise address_lists.no_workbook()
    return Received.How.CSV, address_lists.from_csv(octets)


def _preview(request: HttpRequest, actor: Actor, how: str, lines: list[Line]) -> HttpResponse:
    told = handed.look_over(actor, lines)
    counts = handed.counts_of(told)
    ordered = sorted(told, key=lambda line: (_ORDER.index(line.state), line.number))
    shown = [(line, gettext(_STATES[line.state]), _why(line.accepted)) for line in ordered[:SHOWN]]
    context = {
        "place": "add",
        "tab": "list",
        "how": how,
        "lines": address_lists.carried(lines),
        "n": len(lines),
        "n_new": counts[handed.NEW],
        "counts": [(state, gettext(_STATES[state]), counts[state]) for state in reversed(_ORDER)],
        "shown": shown,
        "n_more": len(told) - len(shown),
    }
    return page(request, actor, "yoake/add_preview.html", context)


def _why(accepted: str) -> str:
    """Why a line is not added, as a sentence; "" when it is."""
    return plain_sentence(accepted) if accepted else ""


def _progress(received: Received) -> dict[str, Any]:
    done = received.opened + received.there + received.refused
    counts = {
        TO_ADD: received.lines - done,
        "opened": received.opened,
        "there": received.there,
        "refused": received.refused,
    }
    return {
        "received": received,
        "done": done,
        "to_add": received.lines - done,
        "how": received_how(received.how),
        "counts": [(name, received_as(name), counts[name]) for name in ARRIVED],
    }
