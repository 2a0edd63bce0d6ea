"""One case: what was written, why it is here, who did what; the judgement.

Opening the page takes the lease (`leases.py`) by a POST that the page sends as soon as it is shown, not by the GET itself: a page
that was only fetched ahead, or opened in a tab and never looked at by a script-less reader, holds nobody up, and GET
stays without effect. Leaving the page gives the lease back. Deciding works without either: the action checks that
nobody else holds the post.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.cases import actions
from yoake.casework.cases.categories import categories
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import Case, Decision, Finding, PostVersion
from yoake.casework.cases.notes import NOTE_LONGEST
from yoake.casework.cases.offering import veiled_for
from yoake.casework.cases.queries import CaseView, case_view, earlier_versions
from yoake.casework.cases.seen import note_seen
from yoake.casework.cases.waiting import neighbours
from yoake.casework.people.queries import Actor, names_of
from yoake.collect import practice
from yoake.console import (
    appeals,
    beside,
    elements,
    happened,
    helping,
    leases,
    marks,
    repeats,
    report,
    reviews,
    urgent,
    warn,
    words,
)
from yoake.console.advice_box import on_case
from yoake.console.around import may_come
from yoake.console.checks import buttons, original_of, panel
from yoake.console.evidence import on_case as evidence_on_case
from yoake.console.inbox import author_of, due_of, just_decided
from yoake.console.page import number, page, staff_page
from yoake.console.request import on_case as requests_on_case
from yoake.console.views import asked_in_words
from yoake.errors import BadInput, Refused
from yoake.tables.findings import LOW

QUIET = (
    "lease_taken",
    "case_viewed",
    "in_scope_viewed",
    "context_viewed",
    "context_asked",
    "context_fetched",
)  # audit entries of reading
LONG, LONG_LINES = 1500, 40  # characters, lines: more scrolls in a box
LEGEND_SHOWN = 12  # more evidence than this is folded away; it stays marked in the text
_LANG = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


@dataclass(frozen=True)
class FieldShown:
    """A part of the post with its evidence marked."""

    name: str  # text, profile, parent_text
    pieces: list[marks.Piece]
    unseen: int  # characters that cannot be seen
    long: bool  # scrolls in a box of its own
    length: int  # code points


@dataclass(frozen=True)
class FindingShown:
    """A finding in words."""

    finding: Finding
    at_risk: bool
    explanation: str
    counter: str
    frame: str
    elements: list[tuple[str, str]]  # what an analyst ticks, the words that show it
    missing: list[str]  # of the six items of a job ad
    present: list[tuple[str, str]]
    spans: float  # log-odds of all its spans together


@dataclass(frozen=True)
class LogLine:
    """One line of what happened."""

    at: Any
    who: str
    text: str
    quiet: bool  # reading: shown small


@dataclass(frozen=True)
class ModelAnswer:
    """What the practice desk answers, beside what was decided."""

    verdict: str
    category: str
    why: str
    agrees: bool


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The case page."""
    return _page(request, actor, case_id, chosen=Filter.of(request.GET.dict()))


@require_http_methods(["GET", "POST"])
@staff_page
def decide(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Records the judgement, then shows the next case; on the practice desk the model answer first."""
    if request.method == "GET":  # after signing in again
        return redirect("case", case_id=case_id)
    view, chosen = case_view(actor, case_id), Filter.of_query(request.POST.get("desk_view", ""))
    try:
        version_id = number(request.POST.get("version_id", ""))
        verdict = request.POST.get("verdict", "")
        if verdict not in Decision.Verdict.values:
            raise BadInput("verdict", verdict, gettext("choose in scope, not in scope, cannot tell or duplicate"))
        if verdict == Decision.Verdict.IN_SCOPE and not request.POST.get("category"):
            raise BadInput("category", "", gettext("choose the category that holds"))
        _before, following = neighbours(actor, view.case, chosen=chosen)
        category = request.POST.get("category", "")
        also = tuple(slug for slug in request.POST.getlist("also") if slug != category)
        reason = elements.reason_to_record(view, request.POST)
        ticks = elements.ticks(request.POST, category, view.version)
        elsewhere = reviews.judged_instead(
            request,
            actor,
            view,
            verdict,
            version_id=version_id,
            category=category,
            also=also,
            reason=reason,
            elements=ticks,
        )
        if elsewhere:
            return redirect(elsewhere)
        actions.decide(
            actor,
            case_id,
            verdict,
            version_id=version_id,
            category_slug=category,
            also=also,
            reason=reason,
            elements=ticks,
            duplicate_of=repeats.chosen(actor, view.case, request.POST) if verdict == Decision.Verdict.DUPLICATE else 0,
        )
    except (BadInput, Refused) as error:
        return _page(request, actor, case_id, chosen=chosen, problem=words.sentence(error), status=409)
    if view.case.practice or (verdict == Decision.Verdict.IN_SCOPE and urgent.comes_first(actor, view.case)):
        return redirect(_address(case_id, chosen))
    if following is None:
        return redirect(_with(reverse("desk", kwargs={"desk": "live"}), chosen, decided=case_id))
    return redirect(_address(following, chosen, decided=case_id))


@require_http_methods(["GET", "POST"])
@staff_page
def undo(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Takes the standing decision back and shows the case again."""
    if request.method == "GET":
        return redirect("case", case_id=case_id)
    chosen = Filter.of_query(request.POST.get("desk_view", ""))
    try:
        actions.undo(actor, case_id)
    except Refused as error:
        return _page(request, actor, case_id, chosen=chosen, problem=words.sentence(error), status=409)
    messages.success(request, gettext("The decision is undone; the case waits again."))
    return redirect(_address(case_id, chosen))


def _acts(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What was done about a case towards the outside, what came back, and what can be done."""
    return {
        **report.on_case(actor, view),
        **requests_on_case(actor, view),
        **helping.on_case(actor, view),
        **appeals.on_case(actor, view),
        **warn.on_case(actor, view),
    }


def _page(
    request: HttpRequest, actor: Actor, case_id: int, *, chosen: Filter, problem: str = "", status: int = 200
) -> HttpResponse:
    view = case_view(actor, case_id, even_held_elsewhere=True)
    if view.elsewhere:
        return leases.held_page(request, actor, view, chosen=chosen, problem=problem, status=status)
    note_seen(actor, view.case)
    before, following = neighbours(actor, view.case, chosen=chosen)
    if view.blind:
        before, following = None, reviews.next_for_second(actor, view)
    live_findings = [finding for finding in view.findings if not finding.shadow]
    evidence = _evidence(view.version, live_findings)
    users = [int(entry.actor[5:]) for entry in view.log if entry.actor.startswith("user:")]
    names = names_of(actor, users)
    in_scope, record_only = _choices(live_findings)
    standing = view.standing if view.case.state != Case.State.WAITING else None
    entered = request.POST if request.method == "POST" else None
    category = (entered.get("category") if entered is not None else "") or (
        live_findings[0].category if live_findings else ""
    )
    author, handle = author_of(view.case)
    return page(
        request,
        actor,
        "yoake/case.html",
        {
            "view": view,
            "case": view.case,
            "post": view.case.post,
            "version": view.version,
            "author": author,
            "handle": handle,
            "desk": "practice" if view.case.practice else "live",
            "view_query": chosen.query,
            "veiled": view.case.category in veiled_for(actor),
            "view_asks": asked_in_words(actor, chosen, practice=view.case.practice),
            "due": due_of(view.case, timezone.now()),
            "problem": problem,
            "entered": entered or {},
            **elements.context(view.findings, view.version, category, entered),
            "fields": fields_shown(view.version, evidence, elements.ticked_spans(standing, view.version)),
            "ticked": elements.ticked_shown(standing) if standing is not None else [],
            "read": beside.indicators(view),
            "pictures": beside.pictures(view),
            "others": beside.others(actor, view),
            "help_lines": beside.help_lines(view.case, [finding.category for finding in _decisive(live_findings)]),
            "post_lang": post_lang(view.version),
            "original": original_of(view.case, record_only=view.record_only),
            **on_case(actor, view),
            **reviews.on_page(actor, view, live_findings),
            **evidence_on_case(actor, view),
            **urgent.on_case(actor, view),
            **(_acts(actor, view) if view.decisions else {}),  # nothing is done before somebody decided
            "may_come": may_come(view),
            "panel": panel(actor, view, timezone.now()),
            "check_buttons": buttons(),
            "legend": [reason for reason, _start, _end in evidence],
            "legend_shown": LEGEND_SHOWN,
            "top": in_words(live_findings[0]) if live_findings else None,
            "findings": [in_words(finding) for finding in _decisive(live_findings)],
            "weak": [in_words(finding) for finding in live_findings if finding not in _decisive(live_findings)],
            "several": len({reason.category for reason, _start, _end in evidence}) > 1,
            "shadow": [in_words(finding) for finding in view.findings if finding.shadow],
            "earlier": earlier_versions(actor, view.case) if "earlier" in view.beside else [],
            "held": leases.held_by(actor, view),
            **leases.tools(actor, view),
            "log": _log(view, names),
            "chosen": live_findings[0].category if live_findings else "",
            "note_longest": NOTE_LONGEST,
            "in_scope": in_scope,
            "record_only": record_only,
            "others_found": sorted({f.category for f in live_findings[1:] if f.grade != LOW} - {view.case.category}),
            "reason_longest": actions.REASON_LONGEST,
            "before": before,
            "following": following,
            "toast": just_decided(request, actor),
            "model_answer": _model_answer(view),
        },
        status=status,
    )


def _evidence(version: PostVersion | None, findings: list[Finding]) -> list[tuple[marks.Reason, int, int]]:
    if version is None:
        return []
    spans = [(finding.category, span) for finding in _decisive(findings) for span in finding.body.get("spans", ())]
    return marks.reasons(spans, texts_of(version))


def _decisive(findings: list[Finding]) -> list[Finding]:
    """Those that bring a post to the desk; when none does (a person added it), the strongest."""
    return [finding for finding in findings if finding.grade != LOW] or findings[:1]


def _log(view: CaseView, names: dict[int, str]) -> list[LogLine]:
    """What happened, oldest first; somebody who opens the case again and again is told once."""
    lines: list[LogLine] = []
    for entry in view.log:
        line = LogLine(
            entry.at, happened.actor_name(entry.actor, names), happened.entry_text(entry), quiet=entry.kind in QUIET
        )
        again = bool(lines) and line.quiet and lines[-1].quiet and lines[-1].who == line.who
        if entry.kind != "lease_released" and not again:
            lines.append(line)
    return lines


def texts_of(version: PostVersion) -> dict[str, str]:
    """The parts of a post, in the order in which a page shows them."""
    return {"parent_text": version.parent_text, "text": version.text, "profile": version.profile}


def fields_shown(
    version: PostVersion | None,
    evidence: list[tuple[marks.Reason, int, int]],
    ticked: Sequence[tuple[str, str, int, int]] = (),
) -> dict[str, FieldShown]:
    """The parts of a post that say something, with their evidence and what was ticked (field, label, start, end) marked."""
    if version is None:
        return {}
    return {
        name: FieldShown(
            name,
            marks.pieces(
                text,
                [item for item in evidence if item[0].field == name],
                [(label, start, end) for field, label, start, end in ticked if field == name],
            ),
            marks.unseen_count(text),
            len(text) > LONG or text.count("\n") > LONG_LINES,
            len(text),
        )
        for name, text in texts_of(version).items()
        if text
    }


def in_words(finding: Finding) -> FindingShown:
    """A finding as a page tells it."""
    body, items = finding.body, finding.body.get("items") or {}
    return FindingShown(
        finding,
        words.is_at_risk(finding.category),
        words.told(body.get("explanation")),
        words.told(body.get("counter")),
        words.frame_name(finding.category, finding.frame) if finding.frame else "",
        [
            (words.element_name(finding.category, element["name"]), (element.get("span") or {}).get("text", ""))
            for element in body.get("elements", ())
        ],
        [words.item_name(name) for name in items.get("missing") or ()],
        [
            (words.item_name(item["name"]), (item.get("span") or {}).get("text", ""))
            for item in items.get("present") or ()
        ],
        sum(float(span["weight"]) for span in body.get("spans", ())),
    )


def _choices(findings: list[Finding]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Categories for "in scope as": those found first, then the others; and the record-only ones apart."""
    found = list(dict.fromkeys(finding.category for finding in findings))
    known = categories()
    ordered = [slug for slug in found if slug in known] + [slug for slug in known if slug not in found]
    record_only = [slug for slug in ordered if known[slug].record_only]
    return (
        [(slug, words.category_name(slug)) for slug in ordered if slug not in record_only],
        [(slug, words.category_name(slug)) for slug in record_only],
    )


def _model_answer(view: CaseView) -> ModelAnswer | None:
    """The practice desk's answer, once somebody decided."""
    if not view.case.practice or view.standing is None or view.case.state == Case.State.WAITING:
        return None
    answer = practice.answer(view.case.post.native_id)
    if answer is None:
        return None
    agrees = answer.verdict == view.standing.verdict and answer.category == view.standing.category
    return ModelAnswer(answer.verdict, answer.category, words.told({"ja": answer.ja, "en": answer.en}), agrees)


def post_lang(version: PostVersion | None) -> str:
    """The language the network says the post is in, for fonts and screen readers; Japanese when it says nothing usable."""
    said = version.lang.split(",")[0].strip() if version else ""
    return said if _LANG.fullmatch(said) else "ja"


def _address(case_id: int, chosen: Filter, **parameters: object) -> str:
    return _with(reverse("case", args=[case_id]), chosen, **parameters)


def _with(address: str, chosen: Filter, **parameters: object) -> str:
    given = {**chosen.values, **{name: value for name, value in parameters.items() if value}}
    return f"{address}?{urlencode(given)}" if given else address
