"""Requests to providers: what is asked and of whom, clocks, what they answered, and why nothing is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.evidence.queries import sealed_of
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import senders_for
from yoake.casework.outbox.reasons import said
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Kind as BodyKind
from yoake.casework.registers.queries import bodies_of
from yoake.casework.request import actions, answers, facts, follow_ups, queries
from yoake.casework.request.drafting import NOT_WANTED, WANTED
from yoake.casework.request.grounds import REASON_LONGEST, proposed
from yoake.casework.request.kind import BY_HAND, EMAIL, NETWORK, WEB_FORM
from yoake.casework.request.models import Answer, Meaning, NoRequest, Request
from yoake.casework.request.queries import STANDS, Shown
from yoake.console import words
from yoake.console.helping import report_reason
from yoake.console.page import number, page, staff_page
from yoake.console.provider_figures import KINDS, figures_context
from yoake.console.registers import body_name
from yoake.errors import BadInput, Refused
from yoake.pipeline.last_second import why_not_by_hand

ROWS = 50  # on one page
MAILS = 50  # the oldest that nobody read
CHANNELS = {
    EMAIL: pgettext_lazy("request", "by mail"),
    WEB_FORM: pgettext_lazy("request", "their web form, step by step"),
    NETWORK: pgettext_lazy("request", "the network’s own report"),
    BY_HAND: pgettext_lazy("request", "on paper, by hand"),
}
WHERE = {
    "escalated": pgettext_lazy("request", "a supervisor is asked"),
    "overdue": pgettext_lazy("request", "no answer in time"),
    "ending": pgettext_lazy("request", "preservation ends soon"),
    "asked": pgettext_lazy("request", "they ask back"),
    "draft": pgettext_lazy("request", "waits for approval"),
    "failed": pgettext_lazy("request", "did not go"),
    "ready": pgettext_lazy("request", "approved"),
    "waits": pgettext_lazy("request", "sent, waits for an answer"),
    "answered": pgettext_lazy("request", "answered"),
    "over": pgettext_lazy("request", "over"),
}
MORE = {
    "same_contact": gettext_lazy("the same contact in %(n)s further confirmed cases"),
    "same_text": gettext_lazy("nearly the same text in %(n)s further confirmed cases"),
    "missing": gettext_lazy("items of a job ad that are missing: %(items)s"),
    "term": gettext_lazy("the provider’s own term: %(term)s"),
}
_STOPPED = {
    queries.UNCONFIRMED: gettext_noop(
        "The contact of this provider was withdrawn or changed after the request was drafted; draft it anew."
    ),
    queries.UNSEALED: gettext_noop(
        "Evidence is not sealed with the decision that stands; wait until it is, then draft it anew."
    ),
    queries.NOT_POLICE: gettext_noop("Only the police ask for this."),
    queries.NO_REQUEST: gettext_noop("Somebody wrote down why nothing is requested here."),
    queries.FORM_CHANGED: gettext_noop(
        "The form was changed. An administrator looks at it in the registers; until then choose another way."
    ),
}


@dataclass(frozen=True)
class Row:
    """A request on a list."""

    shown: Shown
    name: str  # of the provider
    kind: str
    where: str
    channel: str

    @property
    def request(self) -> Request:
        """The request itself."""
        return self.shown.request


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every request, those that wait for a person first, with clocks; and the mails that nobody read."""
    where = request.GET.get("where", "")
    where = where if where in STANDS else ""
    counts = queries.count_requests(actor)
    n = sum(counts.values())
    shown = Paginator(range(counts.get(where, 0) if where else n), ROWS).get_page(request.GET.get("page"))
    found = queries.requests_of(actor, where=where, start=ROWS * (shown.number - 1), limit=ROWS)
    mails = queries.unread_answers(actor, MAILS)
    context = {
        "place": "requests",
        "where": where,
        "chips": [(name, WHERE[name], counts[name]) for name in STANDS if name in counts],
        "n": n,
        "shown": shown,
        "rows": [_row(one) for one in found],
        "mails": [(one, _sort(one), _asked_by(one)) for one in mails],
        "n_mails": queries.count_unread(actor),
        "answerable": [_row(one) for one in queries.may_belong_to(actor)],
        "boxes": queries.mailboxes_of(actor),
        "now": timezone.now(),
    }
    return page(request, actor, "yoake/requests.html", context)


@require_http_methods(["GET", "POST"])
@staff_page
def of_case(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """What is asked about a case: kind, provider, channel, grounds; police are asked about a preservation first."""
    actor.must("act")
    view = case_view(actor, case_id)
    if view.standing is None or view.standing.verdict != Decision.Verdict.IN_SCOPE or view.blind:
        raise Refused("only of a case that stands in scope something is requested; a person decides it first")
    given = request.POST if request.method == "POST" else request.GET
    problem = ""
    if request.method == "POST":
        more = [number(one) for one in request.POST.getlist("also")]
        try:
            made = actions.draft_request(
                actor,
                [case_id, *more],
                given.get("kind", ""),
                given.get("body", ""),
                given.get("channel", ""),
                reasons={case_id: given["reason"]} if given.get("reason") and not more else {},
                preservation=given.get("preservation", ""),
                term_days=number(given.get("term_days", "")) or None,
                sender_id=number(given.get("sender", "")) or None,
                network_reason=given.get("network_reason", ""),
            )
        except (BadInput, Refused) as error:
            problem = words.sentence(error)
        else:
            messages.success(request, gettext("Drafted. Read it, then approve it."))
            return redirect("request", request_id=made[0].pk)
    context = _choices(actor, view.case, view.standing, given.get("kind", ""), given.get("body", ""))
    context |= {
        "case": view.case,
        "given": given,
        "problem": problem,
        "requests": [_row(one) for one in queries.requests_about(actor, view.case)],
        "none": queries.no_request_of(view.case),
        "sealed": sealed_of(view.case),
        "reason": given.get("reason") or context["reason"],
        "reason_longest": REASON_LONGEST,
    }
    return page(request, actor, "yoake/request_case.html", context, status=400 if problem else 200)


@require_POST
@staff_page
def no_request(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Why nothing is requested about a case; or that the reason does not hold any more."""
    given = request.POST
    try:
        if given.get("act") == "back":
            actions.withdraw_no_request(actor, case_id)
        else:
            actions.record_no_request(
                actor, case_id, given.get("why", ""), given.get("note", ""), given.get("partner", "")
            )
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, gettext("Kept."))
    return redirect("request_case", case_id=case_id)


@require_safe
@staff_page
def one(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """One request: what it says, its clock, what they answered, and what can be done now."""
    return _page(request, actor, request_id)


@require_http_methods(["GET", "POST"])
@staff_page
def act(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """Approves, discards, hands over, reminds, writes down what they said (POST)."""
    if request.method == "GET":
        return redirect("request", request_id=request_id)
    row, given = queries.request_of(actor, request_id).request, request.POST
    item_id = number(given.get("item", "")) or row.item_id
    written = [one.pk for one in queries.written_back(actor, request_id)]
    if item_id not in (row.item_id, row.reminder_id, *written):
        raise Http404
    bound, receipt, days = given.get("bound", ""), given.get("receipt", ""), number(given.get("days", ""))
    known: dict[str, tuple[Callable[[], Any], str]] = {
        "approve": (lambda: outbox.approve(actor, item_id, bound), gettext("Approved.")),
        "approve_second": (lambda: outbox.approve_second(actor, item_id, bound), gettext("Approved.")),
        "discard": (lambda: outbox.discard(actor, item_id), gettext("Discarded; nothing left.")),
        "again": (lambda: outbox.try_again(actor, item_id), gettext("It is tried once more.")),
        "went": (lambda: outbox.decide_uncertain(actor, item_id, went=True), gettext("Kept: it went.")),
        "not_gone": (lambda: outbox.decide_uncertain(actor, item_id, went=False), gettext("It is sent again.")),
        "sent": (lambda: actions.form_sent(actor, request_id, receipt), gettext("Kept: it went.")),
        "changed": (lambda: actions.form_changed(actor, request_id), gettext("Kept: the form was changed.")),
        "remind": (lambda: follow_ups.draft_reminder(actor, request_id), gettext("Drafted. Read it, then approve it.")),
        "claim": (lambda: follow_ups.record_claim(actor, request_id, days), gettext("Kept: seven days from that day.")),
        "take_up": (lambda: follow_ups.take_up(actor, request_id, days), gettext("Kept.")),
        "meaning": (
            lambda: answers.say_meaning(
                actor, request_id, given.get("meaning", ""), number(given.get("answer", "")), given.get("note", "")
            ),
            gettext("Kept."),
        ),
        "write_back": (
            lambda: answers.draft_answer(
                actor, number(given.get("answer", "")), given.get("text", ""), given.get("to", "")
            ),
            gettext("Drafted; read it below, then approve it."),
        ),
    }
    papers: dict[str, Callable[[], Request]] = {
        "second": lambda: actions.draft_second(actor, request_id, codes=request.POST.getlist("codes")),
        "extend": lambda: follow_ups.extend_preservation(actor, request_id, days),
        "withdraw": lambda: follow_ups.withdraw_preservation(actor, request_id),
    }
    name = given.get("act", "")
    if name not in known and name not in papers:
        raise Http404
    goes_to = request_id
    try:
        if name in papers:
            goes_to, done = papers[name]().pk, gettext("Drafted. Read it, then approve it.")
        else:
            do, done = known[name]
            do()
    except (BadInput, Refused) as error:
        return _page(request, actor, request_id, problem=words.sentence(error), status=409)
    messages.success(request, done)
    return redirect("request", request_id=goes_to)


@require_safe
@staff_page
def paper(request: HttpRequest, actor: Actor, request_id: int) -> HttpResponse:
    """The request as a paper."""
    item = queries.request_of(actor, request_id).request.item
    told = item.body.get("facts")
    if not told:
        raise Http404
    answer = HttpResponse(facts.paper(told, item.body["text"], item.drafted_at), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="request-{told["number"]}.pdf"'
    return answer


@require_POST
@staff_page
def mail(request: HttpRequest, actor: Actor, answer_id: int) -> HttpResponse:
    """A mail whose thread is lost: to which request it belongs, or that it says nothing."""
    given = request.POST
    try:
        if given.get("act") == "aside":
            answers.set_aside(actor, answer_id)
        else:
            answers.attach_answer(actor, answer_id, number(given.get("request", "")))
    except (BadInput, Refused) as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, gettext("Kept."))
    return redirect("requests")


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of requests: those there are, why there is none, and whether one can be drafted."""
    if view.blind or view.case.practice:
        return {"requests": [], "may_request": False, "no_request": None}
    standing = view.standing
    stands = standing is not None and standing.verdict == Decision.Verdict.IN_SCOPE
    slugs = [standing.category, *standing.also] if standing is not None else []
    known = categories()
    provides = stands and any(slug in known and "request" in known[slug].actions for slug in slugs)
    return {
        "requests": [_row(one) for one in queries.requests_about(actor, view.case)],
        "no_request": queries.no_request_of(view.case),
        "may_request": (
            actor.may("act") and provides and view.case.state != Case.State.SECOND_REVIEW and not view.elsewhere
        ),
    }


def in_short(actor: Actor) -> tuple[int, int]:
    """How much waits for a person, and for a supervisor, for the lines on the desk."""
    return (
        queries.waiting_requests(actor) if actor.may("act") else 0,
        queries.escalated_requests(actor) if actor.may("oversee") else 0,
    )


def _choices(actor: Actor, case: Case, decision: Decision, kind_name: str, slug: str) -> dict[str, Any]:
    """What can be chosen, as far as kind and provider are chosen already."""
    offered = queries.kinds_for(actor)
    kind_name = kind_name if kind_name in dict(offered) else "removal"
    kind = dict(offered)[kind_name]
    likely = queries.providers_for(case)
    others = [body for body in queries.all_providers(actor.organisation_id) if body not in likely]
    body = next((one for one in (*likely, *others) if one.slug == slug), likely[0] if likely and not slug else None)
    context: dict[str, Any] = {
        "kinds": [(name, KINDS.get(name, one.label)) for name, one in offered],
        "kind": kind_name,
        "likely": [(one.slug, body_name(one)) for one in likely],
        "others": [(one.slug, body_name(one)) for one in others],
        "body": body,
        "reason": proposed(case, decision, body.language if body is not None else "ja"),
        "reason_en": proposed(case, decision, "en"),
        "partners": [
            (one.slug, body_name(one)) for one in bodies_of(actor.organisation_id, kind=BodyKind.PARTNER_HOTLINE)
        ],
        "whys": NoRequest.Why.choices,
        "term_days": kind.term_days,
    }
    if body is not None:
        channels = queries.open_channels(kind, body, case.post.network)
        network = queries.network_channel(case.post.network)
        senders = [(one, CHANNELS[EMAIL]) for one in senders_for(actor, EMAIL)] if EMAIL in channels else []
        senders += [(one, CHANNELS[NETWORK]) for one in senders_for(actor, network)] if NETWORK in channels else []
        context |= figures_context(actor, body.slug)
        context |= {
            "name": body_name(body),
            "channels": [(name, CHANNELS[name]) for name in channels],
            "closed": [CHANNELS[name] for name in kind.channels if name not in channels],
            "senders": senders,
            "network_reasons": [(code, report_reason(code)) for code in queries.network_reasons(network)]
            if NETWORK in channels
            else [],
            "english": body.language == "en",
            "ask_police": kind.takes_down and queries.is_police(actor.organisation_id),
            "kept": queries.preservation_of(case, body.slug),
            "wanted": WANTED,
            "not_wanted": NOT_WANTED,
            "together": queries.together_with(actor, case.pk, body.slug) if kind.together and EMAIL in channels else [],
        }
    return context


def _page(request: HttpRequest, actor: Actor, request_id: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    shown = queries.request_of(actor, request_id)
    row, item = shown.request, shown.request.item
    drafts = [one for one in queries.written_back(actor, request_id) if one.state == OutboxItem.State.DRAFT]
    reminder = row.reminder if row.reminder is not None and row.reminder.state == OutboxItem.State.DRAFT else None
    to_approve = reminder or (item if item.state == OutboxItem.State.DRAFT else None) or (drafts[0] if drafts else None)
    failing = row.reminder if row.reminder is not None and row.reminder.state == OutboxItem.State.FAILED else item
    told, now_not = item.body.get("facts") or {}, why_not_by_hand(item, timezone.now())
    refused = row.meaning == Meaning.REFUSED and actor.may("act") and bool(item.body)
    went = item.state == OutboxItem.State.SENT
    gone = queries.is_gone(row)
    context = {
        "place": "requests",
        "row": _row(shown),
        "it": row,
        "item": item,
        "facts": told,
        "text": item.body.get("text", ""),
        "other_text": to_approve.body.get("text", "") if to_approve is not None and to_approve != item else "",
        "failing": failing,
        "to_approve": to_approve,
        "first_is_me": to_approve is not None and to_approve.approved_by_id == actor.user_id,
        "problem": problem,
        "stopped": _stopped(now_not or item.stopped_why) if now_not or item.state == OutboxItem.State.STOPPED else "",
        "wrong": words.problem_text(failing.problem) if failing.problem else "",
        "uncertain": failing.state == OutboxItem.State.FAILED and failing.stopped_why == "uncertain",
        "looking": item.state == OutboxItem.State.APPROVED,
        "to_carry": item.way == OutboxItem.Way.HAND and item.state == OutboxItem.State.SENDING and not now_not,
        "is_form": item.channel == WEB_FORM,
        "is_paper": item.channel == BY_HAND,
        "went": went,
        "gone": went and gone and not row.meaning,
        "mails": [(one, _sort(one), _known_sender(one)) for one in queries.answers_to(actor, row.pk)],
        "with_it": [other for other in queries.in_one_mail(actor, row.pk) if other.pk != row.pk],
        "more": _more(actor, row) if refused else [],
        "meanings": Meaning.choices,
        "may_claim": went and shown.body is not None and shown.body.kind == BodyKind.OPERATOR,
        "may_act": actor.may("act"),
        "may_oversee": actor.may("oversee"),
        "is_preservation": row.kind == "preservation" and row.purpose == Request.Purpose.FIRST and went,
        "note_longest": answers.NOTE_LONGEST,
        "text_longest": answers.TEXT_LONGEST,
        "receipt_longest": actions.RECEIPT_LONGEST,
        "now": timezone.now(),
    }
    return page(request, actor, "yoake/request.html", context, status=status)


def _more(actor: Actor, row: Request) -> list[tuple[str, str]]:
    """Grounds beyond the wording that hold, each in words; nothing where the case does not stand any more."""
    try:
        more = actions.more_grounds(actor, row.pk)
    except (BadInput, Refused):
        return []
    told = {
        "same_contact": {"n": more.same_contact},
        "same_text": {"n": more.same_text},
        "missing": {"items": ", ".join(words.item_name(name) for name in more.missing)},
        "term": {"term": more.term},
    }
    return [(code, str(MORE[code]) % told[code]) for code in more.known()]


def _row(shown: Shown) -> Row:
    it = shown.request
    name = body_name(shown.body) if shown.body is not None else it.body
    channel = NETWORK if it.item.way == OutboxItem.Way.REPORT else it.item.channel
    kind = str(KINDS.get(it.kind, it.kind))
    if it.purpose != Request.Purpose.FIRST:
        kind = f"{kind} · {it.get_purpose_display()}"
    return Row(shown, name, kind, str(WHERE[shown.stands]), str(CHANNELS.get(channel, channel)))


def _asked_by(answer: Answer) -> int:
    """The request that a mail answers; 0 for none that is known."""
    return min((one.pk for one in answer.item.requests.all()), default=0) if answer.item is not None else 0


def _known_sender(answer: Answer) -> str:
    """The confirmed address, where a mail came from it; "" where a person types to whom they write back."""
    try:
        return answers.back_to(answer)
    except BadInput:
        return ""


def _sort(answer: Answer) -> str:
    return f"{answer.get_sort_display()} {answer.status}".strip()


def _stopped(code: str) -> str:
    """Why it did not go, in a sentence."""
    return gettext(_STOPPED[code]) if code in _STOPPED else words.plain_sentence(said(code))
