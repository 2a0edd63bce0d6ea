"""What is kept as evidence: the box on the case page, taking it out, and the list of what nobody decided in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases.models import Case
from yoake.casework.cases.queries import CaseView
from yoake.casework.evidence import actions, queries
from yoake.casework.evidence.bagging import WHY_NOT
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.queries import Actor
from yoake.console.page import page, page_for
from yoake.console.words import in_words, sentence
from yoake.errors import BadInput, Refused

SHOWN: Final = 200  # of what waits for a word; what is answered makes room for the next

_RAW = {
    "kept": gettext_noop("the network’s own answer too"),
}


@dataclass(frozen=True)
class Box:
    """The box of the case page."""

    holding: queries.Holding
    raw: str  # in words; "" when there is nothing to say
    left_out: list[tuple[str, int]]  # what is not inside, and how often
    may_export: bool
    may_answer: bool
    fetching: bool  # what the network has is still being asked for
    stamp_waits: bool  # an authority was asked and did not answer yet


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of evidence; nothing to whoever is to judge blindly: a seal gives the judgement away."""
    if view.blind or view.elsewhere or view.case.practice:
        return {"kept": None}
    holding = queries.holding_of(actor, view.case)
    if holding is None:
        return {"kept": None}
    may, row = actor.may(queries.MAY), holding.row
    left_out = [(in_words(WHY_NOT, code), n) for code, n in holding.left_out.items()]
    if holding.raw in WHY_NOT:
        left_out.insert(0, (in_words(WHY_NOT, holding.raw), 1))
    return {
        "kept": Box(
            holding=holding,
            raw=in_words(_RAW, holding.raw) if holding.raw in _RAW else "",
            left_out=left_out,
            may_export=may and holding.sealed,
            may_answer=may and holding.overdue,
            fetching=row.state == Evidence.State.PROVISIONAL and row.fetched_at is None,
            stamp_waits=row.state == Evidence.State.SEALED and row.stamped_at is None and bool(row.problem),
        )
    }


def in_short(actor: Actor) -> int:
    """How many cases nobody decided in time, for the line on the desk."""
    return queries.undecided_count(actor, timezone.now())


@require_http_methods(["GET", "POST"])
@page_for(queries.MAY)
def export(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The bag as a file; with a recipient's public key only they can open it."""
    if request.method == "GET":  # after signing in again
        return redirect("case", case_id=case_id)
    recipient = request.POST.get("recipient", "").strip()
    try:
        made = actions.bag(actor, case_id, recipient or None, "en" if request.POST.get("language") == "en" else "ja")
    except (BadInput, Refused) as error:
        if isinstance(error, BadInput) and error.field == "case":
            raise
        messages.error(request, sentence(error))
        return redirect(f"{reverse('case', args=[case_id])}#kept")
    row = queries.evidence_of(Case.objects.get(pk=case_id))
    assert row is not None
    name = f"{row.number}.zip{'.age' if recipient else ''}"
    response = HttpResponse(made, content_type="application/octet-stream" if recipient else "application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@page_for(queries.MAY)
def undecided(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Captured more than 72 hours ago, and nobody decided."""
    now = timezone.now()
    waiting = queries.undecided(actor, now)
    rows = [(row, _waited(row, now)) for row in waiting[:SHOWN]]
    context = {"place": "undecided_evidence", "rows": rows, "n": waiting.count()}
    return page(request, actor, "yoake/evidence.html", context)


@require_POST
@page_for(queries.MAY)
def answer(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """A supervisor's word: keep it for another 72 hours, or let it go."""
    try:
        if request.POST.get("do") == "let_go":
            actions.let_go(actor, case_id)
            said = gettext("What was captured of case %(case)s is erased.")
        else:
            actions.keep_on(actor, case_id)
            said = gettext("Case %(case)s is kept for another 72 hours.")
        messages.success(request, said % {"case": case_id})
    except Refused as error:
        messages.error(request, sentence(error))
    return redirect("undecided_evidence")


def _waited(row: Evidence, now: datetime) -> int:
    """Whole days since it was captured."""
    return (now - row.captured_at).days
