"""Reports to authorities: to whom a case goes and why, what the report says, handing it over, what they answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import senders_for
from yoake.casework.outbox.reasons import said
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import WAYS, body_of
from yoake.casework.report import actions, package, routing
from yoake.casework.report.models import Report
from yoake.casework.report.queries import (
    STANDS,
    UNCONFIRMED,
    Shown,
    count_reports,
    report_of,
    reports_about,
    reports_of,
    waiting_reports,
)
from yoake.casework.report.recipient import (
    BY_HAND,
    EMAIL,
    HOSTED_ABROAD,
    HOTLINE_CLASS,
    HOTLINE_FORM,
    JOB_AD,
    NEEDS,
    SIGN,
    Candidate,
    Reason,
    told,
)
from yoake.console import words
from yoake.console.page import number, page, staff_page
from yoake.console.registers import body_name, way_name
from yoake.errors import BadInput, Refused
from yoake.pipeline.last_second import why_not_by_hand

ROWS = 50  # on one page
CHANNELS = {
    BY_HAND: gettext_lazy("brought or sent by a person"),
    HOTLINE_FORM: gettext_lazy("its web form, step by step"),
    EMAIL: gettext_lazy("mail, the cover sheet only"),
}
WHERE = {
    "draft": pgettext_lazy("report", "waits for approval"),
    "ready": pgettext_lazy("report", "approved"),
    "failed": pgettext_lazy("report", "did not go"),
    "late": pgettext_lazy("report", "ask whether it arrived"),
    "sent": pgettext_lazy("report", "sent, no answer yet"),
    "acknowledged": pgettext_lazy("report", "acknowledged"),
    "result": pgettext_lazy("report", "answered"),
    "over": pgettext_lazy("report", "not sent"),
}
_RECIPIENTS = {
    "prefectural_police": gettext_lazy("Prefectural police"),
    "labour_bureau": gettext_lazy("Labour bureau"),
    "hotline": gettext_lazy("Hotline"),
    "partner_hotline": gettext_lazy("Partner hotline abroad"),
}
_STOPPED = {
    UNCONFIRMED: gettext_noop(
        "The contact of this body was withdrawn or changed after the report was drafted; draft it anew."
    ),
}
_SENTENCES = (
    gettext_noop("the category of this case does not provide for a report to an authority"),
    gettext_noop("only a case that stands in scope is reported; a person decides it first"),
    gettext_noop("this body has a report about this case already; discard or take that one back first"),
    gettext_noop("a package is made of a report that is approved and carried out by hand"),
    gettext_noop("this was acknowledged already"),
    gettext_noop("this did not go yet"),
    gettext_noop("at most 60 characters"),
    gettext_noop("a body of this sort"),
)


@dataclass(frozen=True)
class CandidateShown:
    """A body to which a case could be reported, with the reasons in words."""

    candidate: Candidate
    key: str  # recipient:slug, as the form carries it
    name: str
    recipient: str
    reasons: list[str]
    ways: list[str]  # by which it can be reached now
    unconfirmed: list[str]


@dataclass(frozen=True)
class Row:
    """A report on a list."""

    shown: Shown
    name: str
    where: str
    channel: str

    @property
    def report(self) -> Report:
        """The report itself."""
        return self.shown.report


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every report, those that wait for a person first, page by page."""
    where = request.GET.get("where", "")
    where = where if where in STANDS else ""
    counts = count_reports(actor)
    n = sum(counts.values())
    shown = Paginator(range(counts.get(where, 0) if where else n), ROWS).get_page(request.GET.get("page"))
    found = reports_of(actor, where=where, start=ROWS * (shown.number - 1), limit=ROWS)
    context = {
        "place": "reports",
        "where": where,
        "chips": [(name, WHERE[name], counts[name]) for name in STANDS if name in counts],
        "n": n,
        "shown": shown,
        "rows": [_row(one) for one in found],
    }
    return page(request, actor, "yoake/reports.html", context)


@require_http_methods(["GET", "POST"])
@staff_page
def of_case(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """To whom a case goes: what is proposed, and why; then (with `to`) what the report says."""
    actor.must("act")
    view = case_view(actor, case_id)
    given = request.POST if request.method == "POST" else request.GET
    key = given.get("to", "")
    problem = ""
    if request.method == "POST":
        recipient, _, slug = key.partition(":")
        try:
            made = actions.draft_report(
                actor,
                case_id,
                recipient,
                slug,
                given.get("channel", ""),
                reason=given.get("reason", ""),
                urgent=bool(given.get("urgent")),
                sender_id=number(given.get("sender", "")) or None,
            )
        except (BadInput, Refused) as error:
            problem = words.sentence(error)
        else:
            messages.success(request, gettext("Drafted. Read it, then approve it."))
            return redirect("report", report_id=made.pk)
    if view.standing is None or view.standing.verdict != Decision.Verdict.IN_SCOPE or view.blind:
        raise Refused("only a case that stands in scope is reported; a person decides it first")
    slug = routing.must_provide(view.standing)
    chosen = _chosen(actor, view.case, slug, key) if key else None
    context: dict[str, Any] = {
        "case": view.case,
        "key": key,
        "problem": problem,
        "urgent": bool(given.get("urgent")),
        "reports": [_row(one) for one in reports_about(actor, view.case)],
        "reason_longest": actions.REASON_LONGEST,
    }
    if chosen is not None:
        senders = senders_for(actor, EMAIL) if EMAIL in chosen.candidate.channels else []
        proposed = actions.proposed_reason(view.case, view.standing, chosen.candidate.body.language)
        context |= {
            "chosen": chosen,
            "channels": [(name, CHANNELS[name]) for name in chosen.candidate.channels if name != EMAIL or senders],
            "no_mailbox": EMAIL in chosen.candidate.channels and not senders,
            "channel": given.get("channel", ""),
            "reason": given.get("reason", proposed) if request.method == "POST" else proposed,
            "senders": senders,
            "sender": number(given.get("sender", "")),
            "english": chosen.candidate.body.language == "en",
            "has_key": bool(chosen.candidate.body.verified("public_key")),
            "being_sealed": package.being_sealed(view.case),
        }
    else:
        found = routing.candidates(actor, case_id)
        context |= {
            "candidates": [_candidate(one) for one in found],
            "others": [
                (_RECIPIENTS.get(name, label), [_candidate(one) for one in of_kind])
                for name, label, of_kind in routing.others(actor.organisation_id)
            ],
        }
    return page(request, actor, "yoake/report_case.html", context, status=400 if problem else 200)


@require_safe
@staff_page
def one(request: HttpRequest, actor: Actor, report_id: int) -> HttpResponse:
    """One report: what it says, where it stands, and what can be done with it now."""
    return _page(request, actor, report_id)


@require_http_methods(["GET", "POST"])
@staff_page
def act(request: HttpRequest, actor: Actor, report_id: int) -> HttpResponse:
    """Approves, discards, hands over, or writes down what they answered (POST)."""
    if request.method == "GET":
        return redirect("report", report_id=report_id)
    report, given = report_of(actor, report_id).report, request.POST
    bound, receipt = given.get("bound", ""), given.get("receipt", "")
    known: dict[str, tuple[Callable[[], Any], str]] = {
        "approve": (lambda: outbox.approve(actor, report.item_id, bound), gettext("Approved.")),
        "approve_second": (lambda: outbox.approve_second(actor, report.item_id, bound), gettext("Approved.")),
        "discard": (lambda: outbox.discard(actor, report.item_id), gettext("Discarded; nothing left.")),
        "again": (lambda: outbox.try_again(actor, report.item_id), gettext("It is tried once more.")),
        "went": (
            lambda: outbox.decide_uncertain(actor, report.item_id, went=True),
            gettext("Kept: it went."),
        ),
        "not_gone": (
            lambda: outbox.decide_uncertain(actor, report.item_id, went=False),
            gettext("It is sent again."),
        ),
        "handed_over": (
            lambda: actions.handed_over(actor, report_id, given.get("medium", ""), receipt),
            gettext("Kept: it was handed over."),
        ),
        "acknowledge": (lambda: actions.acknowledge(actor, report_id, receipt), gettext("Kept: they have it.")),
        "result": (
            lambda: actions.record_result(actor, report_id, given.get("result", ""), given.get("note", "")),
            gettext("Kept."),
        ),
    }
    if given.get("act") not in known:
        raise Http404
    do, done = known[given["act"]]
    try:
        do()
    except (BadInput, Refused) as error:
        return _page(request, actor, report_id, problem=words.sentence(error), status=409)
    messages.success(request, done)
    return redirect("report", report_id=report_id)


@require_safe
@staff_page
def cover(request: HttpRequest, actor: Actor, report_id: int) -> HttpResponse:
    """The cover sheet as it goes, or went."""
    report = report_of(actor, report_id).report
    facts = report.item.body.get("facts")
    if not facts:
        raise Http404
    octets = package.cover(facts, report.item.drafted_at)
    answer = HttpResponse(octets, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="report-{facts["number"]}.pdf"'
    return answer


@require_POST
@staff_page
def take(request: HttpRequest, actor: Actor, report_id: int) -> HttpResponse:
    """The package as a file."""
    report_of(actor, report_id)
    try:
        name, octets = actions.take_package(actor, report_id)
    except (BadInput, Refused) as error:
        return _page(request, actor, report_id, problem=words.sentence(error), status=409)
    answer = HttpResponse(octets, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of reports: those there are, and whether another can be drafted."""
    if view.blind or view.case.practice:
        return {"reports": [], "may_report": False}
    standing = view.standing
    stands = standing is not None and standing.verdict == Decision.Verdict.IN_SCOPE
    provides = stands and standing is not None and routing.provides(standing)
    provides = provides and view.case.state != Case.State.SECOND_REVIEW
    return {
        "reports": [_row(one) for one in reports_about(actor, view.case)],
        "may_report": actor.may("act") and provides and not view.elsewhere,
    }


def in_short(actor: Actor) -> int:
    """How many reports wait for a person, for the line on the desk."""
    return waiting_reports(actor) if actor.may("act") else 0


def _page(request: HttpRequest, actor: Actor, report_id: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    shown = report_of(actor, report_id)
    report, item = shown.report, shown.report.item
    facts = item.body.get("facts") or {}
    by_hand, now_not = item.way == OutboxItem.Way.HAND, why_not_by_hand(item, timezone.now())
    return page(
        request,
        actor,
        "yoake/report.html",
        {
            "place": "reports",
            "row": _row(shown),
            "report": report,
            "item": item,
            "shown": shown,
            "facts": facts,
            "text": item.body.get("text", ""),
            "reasons": reasons_in_words([told(row) for row in report.why]),
            "problem": problem,
            "stopped": _stopped(now_not or item.stopped_why) if now_not or item.stopped_why else "",
            "wrong": words.problem_text(item.problem) if item.problem else "",
            "uncertain": item.state == OutboxItem.State.FAILED and item.stopped_why == "uncertain",
            "looking": item.state == OutboxItem.State.APPROVED,
            "to_carry": by_hand and item.state == OutboxItem.State.SENDING and not now_not,
            "has_package": by_hand
            and item.state in (OutboxItem.State.SENDING, OutboxItem.State.SENT)
            and facts
            and not now_not,
            "form": item.to.get("form", "") if item.channel == HOTLINE_FORM else "",
            "media": [(value, label) for value, label in Report.Medium.choices if value in actions.MEDIA],
            "results": Report.Result.choices,
            "may_act": actor.may("act"),
            "first_is_me": item.approved_by_id == actor.user_id,
            "receipt_longest": actions.RECEIPT_LONGEST,
            "note_longest": actions.NOTE_LONGEST,
        },
        status=status,
    )


def _stopped(code: str) -> str:
    """Why it did not go, in a sentence."""
    return gettext(_STOPPED[code]) if code in _STOPPED else words.plain_sentence(said(code))


def _chosen(actor: Actor, case: Case, slug: str, key: str) -> CandidateShown:
    recipient, _, body = key.partition(":")
    return _candidate(
        routing.chosen(actor.organisation_id, case, slug, recipient, body_of(actor.organisation_id, body))
    )


def _candidate(one: Candidate) -> CandidateShown:
    return CandidateShown(
        one,
        f"{one.recipient}:{one.body.slug}",
        body_name(one.body),
        str(_RECIPIENTS.get(one.recipient, one.recipient)),
        reasons_in_words(one.reasons),
        [str(CHANNELS[name]) for name in one.channels],
        [way_name(NEEDS[name]) for name in one.unconfirmed if NEEDS[name] in WAYS],
    )


def _row(shown: Shown) -> Row:
    name = body_name(shown.body) if shown.body is not None else shown.report.body
    channel = shown.report.item.channel
    return Row(shown, name, str(WHERE[shown.stands]), str(CHANNELS.get(channel, channel)))


def reasons_in_words(reasons: Sequence[Reason]) -> list[str]:
    """Why a body is proposed, a sentence each."""
    said: dict[str, None] = {}
    for one in reasons:
        if one.code == SIGN and one.words:
            text = gettext("“%(words)s” (%(field)s) points to %(prefecture)s")
        elif one.code == SIGN:
            text = gettext("%(field)s points to %(prefecture)s")
        elif one.code == JOB_AD:
            text = gettext("it may be a job ad, which labour bureaus supervise")
        elif one.code == HOTLINE_CLASS:
            text = gettext("hotlines take %(about)s")
        elif one.code == HOSTED_ABROAD:
            text = gettext("the provider sits in %(country)s")
        else:
            text = gettext("chosen by hand")
        field = words.field_name(one.field) if one.field else ""
        about = words.class_name(one.about) if one.code == HOTLINE_CLASS else ""
        said[
            text
            % {
                "words": one.words,
                "field": field,
                "prefecture": one.prefecture,
                "about": about,
                "country": one.about,
            }
        ] = None
    return list(said)
