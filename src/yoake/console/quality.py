"""How good the judge is: alarms, words to put to a second person, what is missed, what to judge next, models."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor
from yoake.casework.quality import actions, service
from yoake.casework.quality.blind import Misses
from yoake.casework.quality.models import Alarm, ModelChange, ModelCheck
from yoake.casework.quality.queries import (
    Proposed,
    closed_alarms,
    decided_by_grade,
    estimated_misses,
    most_useful,
    open_alarms,
    proposed_terms,
    samples_to_review,
)
from yoake.casework.quality.reviews import disagreements, reviews_waiting
from yoake.casework.wording.actions import approved_elsewhere
from yoake.console import happened, judging, words
from yoake.console.page import page, staff_page
from yoake.detect.serving import service_ref
from yoake.errors import BadInput, Refused, YoakeError

PRECISION_DAYS = 28
EXCERPT = 70  # characters
_LACKING = {
    "benchmark": gettext_noop("it has not passed a check against the model in service on the benchmark set"),
    "shadow": gettext_noop("it has not passed its time in shadow"),
}
_STRENGTHS = {
    "weak": gettext_noop("weak sign"),
    "medium": gettext_noop("sign"),
    "strong": gettext_noop("strong sign"),
}


@dataclass(frozen=True)
class AlarmShown:
    """An alarm in words."""

    alarm: Alarm
    title: str
    detail: str


@dataclass(frozen=True)
class TermShown:
    """A proposed word with what a person needs to judge it."""

    found: Proposed
    times: str  # as often as in everyday text
    examples: list[tuple[Case, str, str, str]]  # before, the word, after
    cues: list[tuple[str, str]]


@dataclass(frozen=True)
class NextShown:
    """Something to judge next."""

    address: str
    excerpt: str
    sample: bool


@dataclass(frozen=True)
class ModelShown:
    """A model and what it lacks for service."""

    now: service.ModelNow
    lacking: list[str]
    shadow: service.ShadowReport | None
    posts: str  # that it looked on at
    check: str


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The page; alarms, words and models for those who answer for them, the rest for everybody."""
    now = timezone.now()
    answers = actor.may("quality")
    context: dict[str, Any] = {
        "place": "quality",
        "answers": answers,
        "may_terms": actor.may("terms"),
        "may_models": actor.may("models"),
        "misses": _misses(estimated_misses(actor, now)),
        "sampled_a_day": settings.ENVIRONMENT.sample_per_day,
        "decided": _decided(actor, now),
        "decided_days": PRECISION_DAYS,
        "may_decide": actor.may("decide"),
    }
    if actor.may("decide"):
        context["samples_waiting"] = samples_to_review(actor, now).count()
        context["useful"] = _useful(actor, now)
    if answers:
        context |= {
            "alarms": [_alarm(alarm) for alarm in open_alarms(actor)],
            "closed": [_alarm(alarm) for alarm in closed_alarms(actor)],
            "note_longest": actions.NOTE_LONGEST,
            "terms": [term_shown(found) for found in proposed_terms(actor)],
            "strengths": strengths(),
            **_models(now),
            **judging.on_page(actor),
        }
    return page(request, actor, "yoake/quality.html", context)


@require_POST
@staff_page
def close(request: HttpRequest, actor: Actor, alarm_id: int) -> HttpResponse:
    """Closes an alarm with what the supervisor found."""
    return _done(
        request,
        lambda: actions.close_alarm(actor, alarm_id, request.POST.get("note", "")),
        gettext("The alarm is closed and stays quiet for a week."),
    )


@require_POST
@staff_page
def accept(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Puts a word to a second person, as one that somebody proposed by hand."""
    try:
        draft = actions.accept_term(actor, proposal_id, request.POST.get("cue", ""), request.POST.get("strength", ""))
    except (BadInput, Refused) as error:
        messages.error(request, why(error))
        return redirect("quality")
    if approved_elsewhere(draft):
        told = gettext("Drafted and tried; somebody of another organisation approves it under “Letters and words”.")
    else:
        told = gettext("Drafted and tried; a second person approves it under “Letters and words”.")
    messages.success(request, told)
    return redirect("quality")


@require_POST
@staff_page
def reject(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Says that a word is no sign."""
    return _done(
        request,
        lambda: actions.reject_term(actor, proposal_id),
        gettext("The word is rejected and is not proposed again."),
    )


@require_POST
@staff_page
def serve(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Puts a model into service."""
    ref = request.POST.get("model", "")
    return _done(
        request,
        lambda: service.serve_model(actor, "" if ref == "shipped" else ref, request.POST.get("reason", "")),
        gettext("The model is in service; patrols use it within a few seconds."),
    )


@require_POST
@staff_page
def roll_back(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Puts back the model that served before."""
    return _done(
        request,
        lambda: service.roll_back(actor, request.POST.get("reason", "")),
        gettext("The model that served before is in service again."),
    )


def alarms_in_short(actor: Actor) -> int:
    """How many alarms are open, for the line on the desk; 0 for those who do not answer for them."""
    return open_alarms(actor).count() if actor.may("quality") else 0


def samples_in_short(actor: Actor) -> int:
    """How many samples wait for blind review, for the line on the desk."""
    if not settings.ENVIRONMENT.sample_per_day or not actor.may("decide"):
        return 0
    return samples_to_review(actor).count()


def strengths() -> list[tuple[str, str]]:
    """How strong a sign a word may be, weakest first, in words."""
    return [(name, gettext(word)) for name, word in _STRENGTHS.items()]


def reviews_in_short(actor: Actor) -> tuple[int, int]:
    """How many cases wait for this person as the second, and for a supervisor to settle; for the line on the desk."""
    if not actor.may("decide"):
        return 0, 0
    return reviews_waiting(actor).count(), disagreements(actor).count() if actor.may("oversee") else 0


def why(error: YoakeError) -> str:
    """The sentence of an error that a form of these pages met."""
    return words.plain_sentence(error.accepted if isinstance(error, BadInput) else str(error))


def _done(request: HttpRequest, act: Callable[[], object], told: str) -> HttpResponse:
    try:
        act()
    except (BadInput, Refused) as error:
        messages.error(request, why(error))
    else:
        messages.success(request, told)
    return redirect("quality")


def _alarm(alarm: Alarm) -> AlarmShown:
    facts, kind = alarm.facts, Alarm.Kind
    title = str(kind(alarm.kind).label)
    if alarm.category:
        title = gettext("%(category)s: %(what)s") % {"category": words.category_name(alarm.category), "what": title}
    title, detail = title[:1].upper() + title[1:], ""
    if alarm.kind == kind.RATE:
        detail = gettext("queued among 10,000 posts: %(before)s before, %(recent)s in the last 24 hours") % facts
    elif alarm.kind == kind.PRECISION:
        told = {name: words.per_cent(facts[name]) for name in ("before", "recent")}
        detail = gettext("confirmed: %(before)s before, %(recent)s in the last week (%(decided)s decided)") % {
            **told,
            "decided": facts["decided"],
        }
    elif alarm.kind in (kind.SCORES, kind.CUES):
        detail = gettext("stability index %(psi)s; from 0.25 on it is worth a look") % {"psi": facts["psi"]}
        cues = [words.cue_name(alarm.category, cue) for cue in facts.get("cues", ())]
        if cues:
            detail += gettext(" · changed most: %(cues)s") % {"cues": gettext(", ").join(cues)}
    elif alarm.kind == kind.GUARD:
        detail = gettext("%(what)s is off: %(measured)s %% right of %(n)d, the bar is %(bar)s %%") % {
            "what": judging.name_of_guard(str(facts["guard"])),
            "measured": f"{100 * facts['measured']:.0f}",
            "n": facts["n"],
            "bar": f"{100 * facts['bar']:.0f}",
        }
    elif alarm.kind == kind.GOLD:
        detail = gettext(
            "It no longer fits (its judgement changed, or somebody saw a sign on a copy) and is withdrawn."
        )
        if facts.get("case"):
            detail += " " + gettext("Case %(id)d.") % {"id": facts["case"]}
    elif alarm.kind == kind.CHANGED:
        detail = happened.entry_name(str(facts.get("what", ""))) + gettext(" · see “Letters and words”")
    elif alarm.kind == kind.SHADOW:
        detail = words.plain_sentence(str(facts.get("problem", "")))
    return AlarmShown(alarm, title, detail)


def term_shown(found: Proposed) -> TermShown:
    """A word that the system found, with how it stands in posts."""
    proposal = found.proposal
    examples = []
    for case in found.examples:
        text = case.post.current.text if case.post.current else ""
        at = text.find(proposal.text)
        if at < 0:
            examples.append((case, text[:EXCERPT].replace("\n", " "), "", ""))
            continue
        first, after = max(0, at - EXCERPT // 2), at + len(proposal.text)
        before = ("…" if first else "") + text[first:at].replace("\n", " ")
        behind = text[after : after + EXCERPT // 2].replace("\n", " ") + (
            "…" if len(text) > after + EXCERPT // 2 else ""
        )
        examples.append((case, before, proposal.text, behind))
    known = categories()[proposal.category]
    cues = [(cue.name, words.cue_name(known.slug, cue.name)) for cue in known.cues]
    times = min(math.exp(min(proposal.log_odds, 12.0)), 99_999.0)
    return TermShown(found, f"{times:,.0f}", examples, cues)


def _useful(actor: Actor, now: datetime) -> list[NextShown]:
    shown = []
    for found in most_useful(actor, now=now):
        if found.case is not None:
            text = found.case.post.current.text if found.case.post.current else ""
            shown.append(NextShown(f"/case/{found.case.pk}/", text[:EXCERPT], sample=False))
        elif found.sample is not None:
            text = str(found.sample.content.get("text", ""))
            shown.append(NextShown(f"/quality/sample/{found.sample.pk}/", text[:EXCERPT], sample=True))
    return shown


def _misses(found: Misses | None) -> dict[str, Any] | None:
    if found is None:
        return None
    _estimate, low, high = found.expected
    return {
        "found": found,
        "share": " – ".join(f"{10_000 * part:,.1f}" for part in found.share[1:]),
        "expected": " – ".join(f"{part:,.0f}" for part in (low, high)),
        "recall": words.per_cent(*found.recall[1:]) if found.found else "",
    }


def _decided(actor: Actor, now: datetime) -> list[dict[str, Any]]:
    rows = decided_by_grade(actor, now - timedelta(days=PRECISION_DAYS))
    return [
        {
            **row,
            "name": words.category_name(row["category"]),
            "share": words.per_cent(row["in_scope"] / row["decided"]),
            "range": words.per_cent(*row["interval"]),
        }
        for row in rows
    ]


def _models(now: datetime) -> dict[str, Any]:
    problem = ""
    try:
        in_service = service_ref(settings.YOAKE_MODELS)
    except Refused as error:
        in_service, problem = "", why(error)
    shown = []
    for found in service.models_now():
        lacking = [] if problem else [gettext(_LACKING[part]) for part in service.lacking_for_service(found.ref, now)]
        report = service.shadow_report(found.ref, now) if found.shadow else None
        shown.append(ModelShown(found, lacking, report, f"{report.posts:,}" if report else "", _check(found.check)))
    changes = ModelChange.objects.select_related("by").order_by("-pk")[:5]
    return {
        "in_service": in_service,
        "service_problem": problem,
        "models": shown,
        "changes": changes,
        "may_roll_back": service.may_roll_back(),
        "reason_longest": service.REASON_LONGEST,
    }


def _check(found: ModelCheck | None) -> str:
    if found is None:
        return ""
    if found.passed:
        told = gettext("better than %(model)s on %(rows)d rows")
    else:
        told = gettext("not better than %(model)s on %(rows)d rows")
    return told % {"model": found.against, "rows": found.figures["rows"]}
