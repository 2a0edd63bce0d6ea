"""The fast lane: somebody may be in danger now. At the top of the inbox and of the case; it says what comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.cases.prefectures import signs_of
from yoake.casework.cases.queries import CaseView
from yoake.casework.people.queries import Actor
from yoake.casework.report.models import EmergencyCall
from yoake.casework.report.urgent import REFERENCE_LONGEST, Danger, calls_of, danger_of, dangers, note_call
from yoake.console import words
from yoake.console.page import staff_page
from yoake.errors import BadInput, Refused


@dataclass(frozen=True)
class Prepared:
    """What is at hand for whoever calls: read out, in this order."""

    url: str
    author: str
    handle: str
    network: str
    places: list[str]


@dataclass(frozen=True)
class Lane:
    """The lane on the inbox."""

    dangers: list[Danger]
    n: int

    @property
    def shown(self) -> str:
        """What a page shows already, so that nothing is announced twice."""
        return ",".join(str(one.case.pk) for one in self.dangers) + f";{self.n}"


def lane(actor: Actor) -> Lane:
    """What the lane holds now."""
    return Lane(*dangers(actor))


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The lane anew, for a page that is open; nothing when it holds what the page shows already."""
    now = lane(actor)
    if request.GET.get("shown") == now.shown:
        return HttpResponse(status=204)
    return render(request, "yoake/urgent_lane.html", {"lane": now})


@require_http_methods(["GET", "POST"])
@staff_page
def call(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Writes down what a person did first (POST)."""
    if request.method == "POST":
        try:
            done = note_call(actor, case_id, request.POST.get("how", ""), request.POST.get("reference", ""))
        except Refused as error:
            messages.error(request, words.sentence(error))
        except BadInput as error:
            if error.field == "case":
                raise
            messages.error(request, words.sentence(error))
        else:
            told = gettext("Written down: %(what)s, %(minutes)s min after the case was opened.")
            messages.success(request, told % {"what": done.get_how_display(), "minutes": done.minutes})
    return redirect("case", case_id=case_id)


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of danger: the lane's banner, what is prepared, and what people did."""
    if view.case.practice or view.elsewhere:
        return {"danger": None, "calls": []}
    danger = danger_of(actor, view.case, timezone.now())
    return {
        "danger": danger,
        "calls": calls_of(actor, view.case),
        "call_ways": EmergencyCall.How.choices,
        "prepared": _prepared(view) if danger is not None else None,
        "danger_helps": danger is not None and _provides(danger.category, "help"),
        "danger_reports": danger is not None and _provides(danger.category, "report"),
        "may_call": actor.may("act"),
        "reference_longest": REFERENCE_LONGEST,
    }


def comes_first(actor: Actor, case: Case) -> bool:
    """Whether a case that was just decided is in the lane: then its page says what comes first, before the next case."""
    return danger_of(actor, Case.objects.get(pk=case.pk), timezone.now()) is not None  # as it stands now


def minutes_ago(at: Any) -> str:
    """How long ago in whole minutes, however long: a clock of danger runs in minutes."""
    just_now, minutes = words.ages()[:2]
    n = int((timezone.now() - at).total_seconds() // 60)
    return minutes.replace("%d", str(n)) if n >= 1 else just_now


def _provides(slug: str, action: str) -> bool:
    known = categories().get(slug)
    return known is not None and action in known.actions


def _prepared(view: CaseView) -> Prepared:
    post, version = view.case.post, view.version
    account = post.account
    author = (version.author_name if version is not None else "") or (account.name if account is not None else "")
    handle = account.handle if account is not None else ""
    places = list(dict.fromkeys(sign.prefecture for sign in signs_of(version)))
    return Prepared(post.url or post.native_id, author, handle, words.network_name(post.network), places)
