"""What the quality page says of how right machines and people are: guards, precision of detectors and rules, agreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_POST

from yoake.casework.cases.guards import FOLDING, PRIORITY
from yoake.casework.cases.models import Guard
from yoake.casework.people.queries import Actor
from yoake.casework.quality.agreement import LEAST, PERSON_FIRST, agreement_by_category, people_to_ask_about
from yoake.casework.quality.guarding import NOTE_LONGEST, guards_of, least_of, switch_guard, word_of
from yoake.casework.quality.measuring import Measured, Share, precisions
from yoake.casework.quality.models import Precision
from yoake.console import own_decisions, words
from yoake.console.leases import called
from yoake.console.page import staff_page
from yoake.errors import BadInput, Refused
from yoake.learn.overlay import own_words

RULES_SHOWN = 40
_NAMES = {
    FOLDING: gettext_noop("Folding of cases that are alike"),
    PRIORITY: gettext_noop("Order of the inbox by score"),
}
_MEASURES = {
    FOLDING: gettext_noop("cases decided together that a second person judged alike"),
    PRIORITY: gettext_noop("pairs of a case in scope and one out of scope in which the former stood higher"),
}


@dataclass(frozen=True)
class GuardShown:
    """A guard in words."""

    guard: Guard
    name: str
    measure: str  # what is counted
    measured: str  # the share with its interval; "" while nothing is measured
    bar: str
    least: int


@dataclass(frozen=True)
class PrecisionShown:
    """How right a detector or a rule was, in words; "" where nothing was judged."""

    category: str
    name: str
    double: dict[str, Any] | None
    single: dict[str, Any] | None


def on_page(actor: Actor) -> dict[str, Any]:
    """What the quality page shows for those who answer for it."""
    found = precisions(actor)
    rules = [one for one in found if one.kind != Precision.Kind.DETECTOR]
    return {
        "guards": [guard_in_words(row) for row in guards_of(actor)],
        "may_guard": actor.may("oversee"),
        "guard_note_longest": NOTE_LONGEST,
        "detectors": [_precision(one) for one in found if one.kind == Precision.Kind.DETECTOR],
        "rules": [_precision(one) for one in rules[:RULES_SHOWN]],
        "agreements": [
            own_decisions.line(words.category_name(slug), one) for slug, one in agreement_by_category(actor) if one.n
        ],
        "agreement_least": LEAST,
        "review_share": f"{100 * settings.ENVIRONMENT.review_share:g}",
        "colleagues": [(user.pk, called(user)) for user in people_to_ask_about(actor)] if actor.may("oversee") else [],
        "first_days": PERSON_FIRST.days,
    }


@require_POST
@staff_page
def switch(request: HttpRequest, actor: Actor, guard_id: int) -> HttpResponse:
    """A supervisor switches something automatic on or off, saying why."""
    on = request.POST.get("on") == "1"
    try:
        switch_guard(actor, guard_id, on=on, note=request.POST.get("note", ""))
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, gettext("It is on again and is measured anew.") if on else gettext("It is off."))
    return redirect("quality")


def guard_in_words(row: Guard) -> GuardShown:
    """A guard as the page tells it."""
    measured = ""
    if row.measured is not None and row.low is not None and row.high is not None:
        measured = f"{words.per_cent(row.measured)} ({words.per_cent(row.low, row.high)})"
    return GuardShown(
        row,
        name_of_guard(row.name),
        gettext(_MEASURES[row.name]) if row.name in _MEASURES else gettext("posts it flagged that were in scope"),
        measured,
        words.per_cent(row.bar),
        least_of(row.name),
    )


def name_of_guard(name: str) -> str:
    """What a guard guards."""
    if name in _NAMES:
        return gettext(_NAMES[name])
    category, key = word_of(name)
    return gettext("“%(word)s” (%(category)s)") % {
        "word": _word(category, key),
        "category": words.category_name(category),
    }


def _word(category: str, key: str) -> str:
    named = {word.key: word.phrase.phrase for word in own_words(settings.YOAKE_CATEGORIES, category)}
    return named.get(key, key)


def _precision(one: Measured) -> PrecisionShown:
    kind = Precision.Kind
    name = one.name
    if one.kind == kind.CUE:
        name = words.cue_name(one.category, one.name)
    elif one.kind == kind.TOGETHER:
        name = " + ".join(words.cue_name(one.category, part) for part in one.name.split("+"))
    elif one.kind == kind.WORD:
        name = gettext("“%(word)s”") % {"word": _word(one.category, one.name)}
    return PrecisionShown(words.category_name(one.category), name, _share(one.double), _share(one.single))


def _share(found: Share) -> dict[str, Any] | None:
    return own_decisions.share(found)
