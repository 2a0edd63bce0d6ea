"""One case: what was written, why it is here, who did what; the judgement.

Opening the page takes the lease by a POST that the page sends as soon as it is shown, not by the GET itself: a page
that was only fetched ahead, or opened in a tab and never looked at by a script-less reader, holds nobody up, and GET
stays without effect. Leaving the page gives the lease back. Deciding works without either: the action checks that
nobody else holds the post.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases import actions
from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Decision, Finding, Lease, PostVersion
from yoake.casework.cases.queries import CaseView, case_view, earlier_versions, neighbours
from yoake.casework.people.queries import Actor, names_of
from yoake.collect import practice
from yoake.console import marks, words
from yoake.console.around import may_come
from yoake.console.checks import buttons, original_of, panel
from yoake.console.inbox import author_of, just_decided
from yoake.console.page import number, page, staff_page
from yoake.detect.text.extraction import extract
from yoake.errors import BadInput, Refused
from yoake.tables.findings import LOW

QUIET = ("lease_taken", "context_asked", "context_fetched")  # audit entries of reading
LONG, LONG_LINES = 1500, 40  # characters, lines: more scrolls in a box
LEGEND_SHOWN = 12  # more evidence than this is folded away; it stays marked in the text
READ_SHOWN = 60  # things read from a post; what floods a page helps nobody
READ_KINDS = {
    "money": gettext_lazy("Money"),
    "grams": gettext_lazy("Grams"),
    "app": gettext_lazy("App"),
    "contact": gettext_lazy("Contact"),
    "url": gettext_lazy("Web address"),
    "wallet": gettext_lazy("Wallet"),
    "phone": gettext_lazy("Telephone"),
    "bank": gettext_lazy("Bank"),
    "place": gettext_lazy("Place"),
    "date": gettext_lazy("Date"),
}
_LANG = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*")


@dataclass(frozen=True)
class FieldShown:
    """A part of the post with its evidence marked."""

    name: str  # text, profile, parent_text
    pieces: list[marks.Piece]
    unseen: int  # characters that cannot be seen
    long: bool  # scrolls in a box of its own


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
    return _page(request, actor, case_id, category=request.GET.get("category", ""))


@require_POST
@staff_page
def lease(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Takes or keeps the lease; answers with the line that says who reads the post and whether anything changed."""
    view = case_view(actor, case_id)
    changed = str(view.version.pk if view.version else "") != request.POST.get("version_id", "")
    waiting = view.case.state == Case.State.WAITING
    only_look = bool(request.POST.get("only_look"))  # the page is read-only: it says when the post is free, no more
    held = view.lease is not None and view.lease.user_id != actor.user_id
    problem, mine = "", False
    if only_look:
        problem = _held_by(actor, view.lease) if held else ""
    elif actor.may("decide") and waiting and not changed:
        try:
            actions.take_lease(actor, case_id)
            mine = True
        except Refused as error:
            problem = words.sentence(error)
    decided_by = ""
    if view.standing is not None and not waiting:
        decided_by = names_of(actor, [view.standing.by_id]).get(view.standing.by_id, "")
    return render(
        request,
        "yoake/lease.html",
        {
            "view": view,
            "problem": problem,
            "changed": changed,
            "waiting": waiting,
            "mine": mine,
            "free_now": only_look and not held and actor.may("decide"),
            "decided_by": decided_by,
        },
    )


@require_POST
@staff_page
def release(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Gives the lease back; the browser sends this when the page is left."""
    actions.release_lease(actor, case_id)
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
@staff_page
def decide(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Records the judgement, then shows the next case; on the practice desk the model answer first."""
    if request.method == "GET":  # after signing in again
        return redirect("case", case_id=case_id)
    view, category = case_view(actor, case_id), request.POST.get("desk_category", "")
    try:
        version_id = number(request.POST.get("version_id", ""))
        verdict = request.POST.get("verdict", "")
        if verdict not in Decision.Verdict.values:
            raise BadInput("verdict", verdict, gettext("choose in scope, not in scope or cannot tell"))
        if verdict == Decision.Verdict.IN_SCOPE and not request.POST.get("category"):
            raise BadInput("category", "", gettext("choose the category that holds"))
        _before, following = neighbours(actor, view.case, category=category)
        actions.decide(
            actor,
            case_id,
            verdict,
            version_id=version_id,
            category_slug=request.POST.get("category", ""),
            also=tuple(slug for slug in request.POST.getlist("also") if slug != request.POST.get("category")),
            reason=request.POST.get("reason", ""),
        )
    except (BadInput, Refused) as error:
        return _page(request, actor, case_id, category=category, problem=words.sentence(error), status=409)
    if view.case.practice:
        return redirect(_address(case_id, category=category))
    if following is None:
        return redirect(_with(reverse("desk", kwargs={"desk": "live"}), decided=case_id, category=category))
    return redirect(_address(following, category=category, decided=case_id))


@require_http_methods(["GET", "POST"])
@staff_page
def undo(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Takes the standing decision back and shows the case again."""
    if request.method == "GET":
        return redirect("case", case_id=case_id)
    category = request.POST.get("desk_category", "")
    try:
        actions.undo(actor, case_id)
    except Refused as error:
        return _page(request, actor, case_id, category=category, problem=words.sentence(error), status=409)
    messages.success(request, gettext("The decision is undone; the case waits again."))
    return redirect(_address(case_id, category=category))


def _page(
    request: HttpRequest, actor: Actor, case_id: int, *, category: str, problem: str = "", status: int = 200
) -> HttpResponse:
    view = case_view(actor, case_id)
    before, following = neighbours(actor, view.case, category=category)
    live_findings = [finding for finding in view.findings if not finding.shadow]
    evidence = _evidence(view.version, live_findings)
    held = view.lease if view.lease is not None and view.lease.user_id != actor.user_id else None
    users = [int(entry.actor[5:]) for entry in view.log if entry.actor.startswith("user:")]
    names = names_of(actor, users)
    in_scope, record_only = _choices(live_findings)
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
            "category": category,
            "problem": problem,
            "entered": request.POST if request.method == "POST" else {},
            "fields": fields_shown(view.version, evidence),
            "read": _read_from(view),
            "post_lang": post_lang(view.version),
            "original": original_of(view.case, record_only=view.record_only),
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
            "earlier": earlier_versions(actor, view.case),
            "held": _held_by(actor, held),
            "log": _log(view, names),
            "may_decide": "decide" in view.allowed,
            "may_undo": "undo" in view.allowed,
            "chosen": live_findings[0].category if live_findings else "",
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


def _held_by(actor: Actor, lease: Lease | None) -> str:
    """Who reads the post, in a sentence; another body is not named; "" when nobody does."""
    if lease is None:
        return ""
    if lease.organisation_id != actor.organisation_id:
        return gettext("This post is held by another body, so it is read-only for you.")
    name = lease.user.get_full_name() or lease.user.username
    return gettext("%(name)s is reading this post now, so it is read-only for you.") % {"name": name}


def _evidence(version: PostVersion | None, findings: list[Finding]) -> list[tuple[marks.Reason, int, int]]:
    if version is None:
        return []
    spans = [(finding.category, span) for finding in _decisive(findings) for span in finding.body.get("spans", ())]
    return marks.reasons(spans, texts_of(version))


def _decisive(findings: list[Finding]) -> list[Finding]:
    """Those that bring a post to the desk; when none does (a person added it), the strongest."""
    return [finding for finding in findings if finding.grade != LOW] or findings[:1]


def _read_from(view: CaseView) -> list[tuple[Any, str, str]]:
    """Amounts, contacts, places, days in what the author wrote: kind, the words, what they mean; each meaning once."""
    if view.version is None or view.record_only:
        return []
    posted = localtime(view.case.post.posted_at or view.case.post.first_seen_at).date()
    read = {
        (one.kind, one.value): (READ_KINDS[one.kind], text[one.start : one.end], one.value)
        for text in (view.version.profile, view.version.text)
        for one in extract(text, posted)
    }
    return list(read.values())[:READ_SHOWN]


def _log(view: CaseView, names: dict[int, str]) -> list[LogLine]:
    """What happened, oldest first; somebody who opens the case again and again is told once."""
    lines: list[LogLine] = []
    for entry in view.log:
        line = LogLine(
            entry.at, words.actor_name(entry.actor, names), words.entry_text(entry), quiet=entry.kind in QUIET
        )
        again = bool(lines) and line.quiet and lines[-1].quiet and lines[-1].who == line.who
        if entry.kind != "lease_released" and not again:
            lines.append(line)
    return lines


def texts_of(version: PostVersion) -> dict[str, str]:
    """The parts of a post, in the order in which a page shows them."""
    return {"parent_text": version.parent_text, "text": version.text, "profile": version.profile}


def fields_shown(version: PostVersion | None, evidence: list[tuple[marks.Reason, int, int]]) -> dict[str, FieldShown]:
    """The parts of a post that say something, with their evidence marked."""
    if version is None:
        return {}
    return {
        name: FieldShown(
            name,
            marks.pieces(text, [item for item in evidence if item[0].field == name]),
            marks.unseen_count(text),
            len(text) > LONG or text.count("\n") > LONG_LINES,
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


def _address(case_id: int, **parameters: object) -> str:
    return _with(reverse("case", args=[case_id]), **parameters)


def _with(address: str, **parameters: object) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{address}?{urlencode(given)}" if given else address
