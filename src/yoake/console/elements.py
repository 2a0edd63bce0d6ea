"""The category's elements as a checklist beside the post, and the reason that what is ticked makes.

A form carries each ticked element as "category name field start end" (code points of the original); without script an element
is ticked with the words a detector proposes, or with words typed after the post.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.elements import FIELDS, Tied, checked, proposed, quoted, tied_of
from yoake.casework.cases.models import Decision, Finding, PostVersion
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.cases.reasons import compose, short
from yoake.casework.cases.seen import note_seen
from yoake.casework.people.queries import Actor
from yoake.console import words
from yoake.console.page import number, staff_page
from yoake.console.problems import is_english
from yoake.errors import BadInput

KEYS = "567890-;"  # beside 1 to 4 of the verdicts, without Shift on Japanese and US keyboards; further elements are ticked by Tab and space
TYPED = "words:"  # begins the name of a field for words typed without script


@dataclass(frozen=True)
class ElementShown:
    """One line of the checklist."""

    name: str
    label: str
    key: str  # the key that ticks it, "" for none
    value: str  # what the form carries when it is ticked; "" while it is tied to nothing
    words: str  # the words it is tied to, or those a detector proposes
    field: str  # where they stand, "" in the post itself
    ticked: bool
    proposed_value: str
    proposed_words: str
    proposed_field: str


@dataclass(frozen=True)
class TickedShown:
    """An element of a decision, with the words it was tied to; "" once they were erased."""

    label: str
    words: str
    field: str


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The checklist of the category that was chosen."""
    view = case_view(actor, case_id)
    note_seen(actor, view.case)
    slug = request.GET.get("category", "")
    return render(request, "yoake/elements.html", context(view.findings, view.version, slug) | {"case": view.case})


@require_POST
@staff_page
def reason(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The reason that what is ticked makes, as plain text."""
    view = case_view(actor, case_id)
    note_seen(actor, view.case)
    return HttpResponse(reason_of(view, request.POST), content_type="text/plain; charset=utf-8")


def context(
    findings: list[Finding], version: PostVersion | None, slug: str, entered: QueryDict | None = None
) -> dict[str, Any]:
    """What the template elements.html shows; `entered` is a form that could not be recorded."""
    known = categories().get(slug)
    if known is None or version is None:
        return {"elements": [], "elements_of": slug}
    found = proposed(findings, slug)
    given = {one.name: one for one in _given(entered, slug)} if entered is not None else {}
    said = {(q.name, q.field): q.words for q in quoted(version, given.values())}
    lines = []
    for place, element in enumerate(known.elements):
        offered, offered_words = found.get(element.name, (None, ""))
        chosen = given.get(element.name) or offered
        lines.append(
            ElementShown(
                element.name,
                words.element_name(slug, element.name),
                KEYS[place : place + 1],
                _value(slug, chosen),
                short(said.get((element.name, chosen.field), offered_words)) if chosen else "",
                _elsewhere(chosen),
                element.name in given,
                _value(slug, offered),
                short(offered_words),
                _elsewhere(offered),
            )
        )
    return {"elements": lines, "elements_of": slug}


def ticks(form: QueryDict, slug: str, version: PostVersion | None) -> list[Tied]:
    """What a form says is ticked of a category; another category's are left out, they were on the page before.

    Raises BadInput when words that were typed do not stand in the post.
    """
    found = _given(form, slug)
    for key, typed in form.items():
        if key.startswith(f"{TYPED}{slug}:") and str(typed).strip() and version is not None:
            found.append(_typed(key.rpartition(":")[2], str(typed).strip(), version))
    return found


def reason_of(view: CaseView, form: QueryDict) -> str:
    """The reason that a form's ticks make, in the reader's language; "" when nothing is ticked."""
    known = categories().get(form.get("category", ""))
    if known is None or view.version is None:
        return ""
    ticked = checked(view.version, known.slug, ticks(form, known.slug, view.version))
    return compose(known, quoted(view.version, ticked), english=is_english())


def reason_to_record(view: CaseView, form: QueryDict) -> str:
    """What a person typed, or, where they left that to the page, what the ticks make: never one instead of the other."""
    typed = form.get("reason", "")
    return reason_of(view, form) or typed if _is_the_pages(form) else typed


def reason_of_each(form: QueryDict) -> str | Callable[[PostVersion, Sequence[Tied]], str]:
    """The same for posts that are decided together: the page's own reason quotes of each what stands in it."""
    known = categories().get(form.get("category", ""))
    if known is None or not _is_the_pages(form):
        return form.get("reason", "")
    english = is_english()
    return lambda version, ticked: compose(known, quoted(version, ticked), english=english)


def _is_the_pages(form: QueryDict) -> bool:
    """Whether the reason is left to the page: `composed` is "yes" then, "no" once somebody typed, "" without script."""
    composed = form.get("composed", "")
    own = composed == "yes" or (composed != "no" and not form.get("reason", "").strip())
    return own and form.get("verdict") == Decision.Verdict.IN_SCOPE


def ticked_shown(decision: Decision) -> list[TickedShown]:
    """What was ticked with a decision, in words."""
    shown = []
    for one in tied_of(decision):
        found = next(iter(quoted(decision.version, [one])), None)
        label = words.element_name(decision.category, one.name)
        shown.append(TickedShown(label, short(found.words) if found else "", _elsewhere(one) if found else ""))
    return shown


def ticked_spans(decision: Decision | None, version: PostVersion | None) -> list[tuple[str, str, int, int]]:
    """Field, label, start and end of what was ticked in this version."""
    if decision is None or version is None or decision.version_id != version.pk:
        return []
    return [
        (one.field, words.element_name(decision.category, one.name), one.start, one.end)
        for one in tied_of(decision)
        if one.field in FIELDS
    ]


def _given(form: QueryDict, slug: str) -> list[Tied]:
    rows = [value.split(" ") for value in form.getlist("element")]
    return [Tied(row[1], row[2], number(row[3]), number(row[4])) for row in rows if len(row) == 5 and row[0] == slug]


def _typed(name: str, typed: str, version: PostVersion) -> Tied:
    for field in FIELDS:
        start = str(getattr(version, field)).find(typed)
        if start >= 0:
            return Tied(name, field, start, start + len(typed))
    raise BadInput("elements", typed, gettext("words copied from the post, character by character"))


def _value(slug: str, one: Tied | None) -> str:
    return f"{slug} {one.name} {one.field} {one.start} {one.end}" if one else ""


def _elsewhere(one: Tied | None) -> str:
    return words.field_name(one.field) if one is not None and one.field not in ("", "text") else ""
