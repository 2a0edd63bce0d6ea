"""Notes of colleagues beside a case, and the flag that its author seems to be under 18."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from yoake.casework.cases import notes
from yoake.casework.cases.queries import case_view
from yoake.casework.people.queries import Actor
from yoake.console.page import staff_page
from yoake.console.words import sentence
from yoake.errors import BadInput, Refused


@require_http_methods(["GET", "POST"])
@staff_page
def add(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Writes a note; the page shows it in its place, or (without script) anew."""
    if request.method == "GET":  # after signing in again
        return redirect("case", case_id=case_id)
    problem = ""
    try:
        notes.add_note(actor, case_id, request.POST.get("note", ""))
    except (BadInput, Refused) as error:
        if isinstance(error, BadInput) and error.field == "case":
            raise
        problem = sentence(error)
    if not getattr(request, "htmx", False) and not problem:
        return redirect(reverse("case", args=[case_id]) + "#notes")
    view = case_view(actor, case_id)
    shown = {"view": view, "case": view.case, "note_longest": notes.NOTE_LONGEST, "note_problem": problem}
    if getattr(request, "htmx", False):
        return render(request, "yoake/notes.html", {**shown, "typed": request.POST.get("note", "") if problem else ""})
    return render(request, "yoake/refused.html", {"why": problem}, status=409)


@require_http_methods(["GET", "POST"])
@staff_page
def minor(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Sets or clears the flag."""
    if request.method == "GET":
        return redirect("case", case_id=case_id)
    notes.mark_minor(actor, case_id, request.POST.get("minor") == "1")
    if getattr(request, "htmx", False):
        view = case_view(actor, case_id)
        return render(request, "yoake/minor.html", {"view": view, "case": view.case})
    return redirect("case", case_id=case_id)
