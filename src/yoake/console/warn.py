"""Warning from a case: how the letter would read, by which way it goes, who approves it; corrections; trials of letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.cases.seen import note_seen
from yoake.casework.people.queries import Actor
from yoake.casework.warn import actions, queries, trials
from yoake.casework.warn.grounds import standing
from yoake.casework.warn.models import Trial, WarningMessage
from yoake.casework.wording.letters import LANGUAGES, WARNING
from yoake.casework.wording.models import Letter
from yoake.console import words
from yoake.console.outgoing import CHANNELS, state_in_words, stopped_in_words
from yoake.console.page import number, page, staff_page
from yoake.errors import BadInput, Refused

_LANGUAGES = {"ja": gettext_lazy("Japanese"), "en": gettext_lazy("English")}


@dataclass(frozen=True)
class RoadShown:
    """A way by which the warning can go."""

    road: queries.Road
    value: str  # channel:sender, as the form carries it
    label: str
    paused: bool


@dataclass(frozen=True)
class WarningShown:
    """A warning about the case."""

    warning: WarningMessage
    state: str
    why: str


@require_http_methods(["GET", "POST"])
@staff_page
def of_case(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """How a warning would read; sent by POST, it is drafted and waits for approval."""
    actor.must("act")
    view = case_view(actor, case_id)
    if view.blind:
        raise Refused("only a case that stands in scope is warned; a person decides it first")
    given = request.POST if request.method == "POST" else request.GET
    language = given.get("language", "")
    language = language if language in LANGUAGES else queries.language_of(view.case)
    problem = ""
    if request.method == "POST":
        channel, _, sender = given.get("road", "").partition(":")
        try:
            made = actions.draft_warning(actor, case_id, channel, sender_id=number(sender) or None, language=language)
        except (BadInput, Refused) as error:
            problem = words.sentence(error)
        else:
            messages.success(request, gettext("Drafted. Read it once more, then approve it."))
            return redirect("outgoing_item", item_id=made.item_id)
    note_seen(actor, view.case)
    preview, refused = None, ""
    try:
        preview = queries.preview(actor, view.case, language)
    except (BadInput, Refused) as error:
        refused = words.sentence(error)
    context = {
        "view": view,
        "case": view.case,
        "post": view.case.post,
        "version": view.version,
        "preview": preview,
        "refused": refused,
        "problem": problem,
        "language": language,
        "languages": [(one, _LANGUAGES[one]) for one in LANGUAGES],
        "roads": [_shown(road) for road in queries.roads_of(actor, view.case, preview.chosen.text)] if preview else [],
        "warnings": warnings_shown(actor, view.case),
        "live": any(one.warning.item.state in queries.LIVE for one in warnings_shown(actor, view.case)),
    }
    return page(request, actor, "yoake/warn.html", context, status=400 if problem else 200)


@require_http_methods(["GET", "POST"])
@staff_page
def correct(request: HttpRequest, actor: Actor, item_id: int) -> HttpResponse:
    """A second reply, to one's own warning."""
    actor.must("act")
    warning = queries.warning_of(actor, item_id)
    case_view(actor, warning.case_id)  # refuses what another body holds
    text, problem = request.POST.get("text", ""), ""
    if request.method == "POST":
        try:
            made = actions.draft_correction(actor, item_id, text)
        except (BadInput, Refused) as error:
            problem = words.sentence(error)
        else:
            messages.success(request, gettext("Drafted. Read it once more, then approve it."))
            return redirect("outgoing_item", item_id=made.pk)
    context = {
        "place": "outgoing",
        "warning": warning,
        "item": warning.item,
        "text": text,
        "problem": problem,
        "longest": actions.CORRECTION_LONGEST,
    }
    return page(request, actor, "yoake/correct.html", context, status=400 if problem else 200)


@require_safe
@staff_page
def tried(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Trials of two letters, with what was counted so far."""
    return _trials(request, actor)


@require_http_methods(["GET", "POST"])
@staff_page
def start(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Starts a trial of two letters that are approved (POST)."""
    if request.method == "GET":
        return redirect("trials")
    slug, _, language = request.POST.get("of", "").partition(":")
    first, second = (number(request.POST.get(name, "")) for name in ("first", "second"))
    try:
        trials.start_trial(actor, slug, language, first, second)
    except (BadInput, Refused) as error:
        return _trials(request, actor, problem=words.sentence(error))
    messages.success(request, gettext("From now on the lot draws one of the two letters for each case."))
    return redirect("trials")


@require_http_methods(["GET", "POST"])
@staff_page
def end(request: HttpRequest, actor: Actor, trial_id: int) -> HttpResponse:
    """Ends a trial (POST)."""
    if request.method == "POST":
        trials.end_trial(actor, trial_id)
        messages.success(request, gettext("The trial is over; what was counted stays."))
    return redirect("trials")


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of warnings: those there are, and whether one can be drafted."""
    if view.blind or view.case.practice:
        return {"warnings": [], "may_warn": False}
    found = warnings_shown(actor, view.case) if view.standing is not None else []
    decision = standing(view.case) if view.standing is not None else None
    known = categories().get(decision.category) if decision is not None else None
    stands = decision is not None and decision.verdict == Decision.Verdict.IN_SCOPE
    return {
        "warnings": found,
        "may_warn": stands
        and known is not None
        and "warn" in known.actions
        and not view.case.at_risk
        and view.case.post.erased_at is None
        and not view.elsewhere
        and actor.may("act")
        and not any(one.warning.item.state in queries.LIVE for one in found),
    }


def warnings_shown(actor: Actor, case: Case) -> list[WarningShown]:
    """The warnings about a case in words, the newest first."""
    return [
        WarningShown(one, state_in_words(one.item), stopped_in_words(one.item))
        for one in queries.warnings_about(actor, case)
    ]


def _shown(road: queries.Road) -> RoadShown:
    channel = str(CHANNELS.get(road.channel, road.channel))
    if road.sender is None:
        return RoadShown(road, f"{road.channel}:", channel, paused=False)
    label = (
        f"{road.sender.name} (@{road.sender.handle}) · {channel}"
        if road.sender.handle
        else f"{road.sender.name} · {channel}"
    )
    return RoadShown(road, f"{road.channel}:{road.sender.pk}", label, paused=road.sender.state == "paused")


def _trials(request: HttpRequest, actor: Actor, problem: str = "") -> HttpResponse:
    own = Letter.objects.filter(organisation_id=actor.organisation_id, name=WARNING, approved_at__isnull=False)
    letters: dict[tuple[str, str], list[Letter]] = {}
    for letter in own.order_by("category", "language", "-number"):
        letters.setdefault((letter.category, letter.language), []).append(letter)
    shown = trials.trials_of(actor)
    running = {(one.trial.category, one.trial.language) for one in shown if one.trial.ended_at is None}
    context = {
        "place": "wording",
        "part": "trials",
        "problem": problem,
        "shown": shown,
        "arms": dict(Trial.Arm.choices),
        "may_write": actor.may("wording"),
        "choices": [
            (f"{slug}:{language}", words.category_name(slug), _LANGUAGES.get(language, language), of_one)
            for (slug, language), of_one in letters.items()
            if (slug, language) not in running and slug in categories()
        ],
    }
    return page(request, actor, "yoake/trials.html", context, status=400 if problem else 200)
