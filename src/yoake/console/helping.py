"""Help on a page: the case of somebody who may be in danger offers it; a list says who was told and whose clock is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.asked import once
from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.help import actions, said
from yoake.casework.help.models import HandOver, Settled
from yoake.casework.help.queries import (
    NO_HAND_OVER,
    NO_SUPERVISOR,
    SHOWN,
    UNCONFIRMED,
    Clock,
    Desk,
    Shown,
    clock_of,
    clocks_of,
    count_hand_overs,
    desks_for,
    hand_over_of,
    hand_overs_about,
    hand_overs_of,
    settled_of,
)
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.channel import Reports
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import channel_called, senders_for, ways_to
from yoake.casework.outbox.reasons import SAID
from yoake.casework.people.queries import Actor
from yoake.casework.wording.letters import HELP, filled, head_of, in_force, names_of
from yoake.console import words
from yoake.console.page import number, page, staff_page
from yoake.console.registers import body_name, way_name
from yoake.errors import BadInput, Refused
from yoake.pipeline.last_second import why_not_by_hand

Way = OutboxItem.Way
ROWS: Final = 50  # on one page

WHERE: Final = {
    "draft": pgettext_lazy("help", "waits for approval"),
    "to_tell": pgettext_lazy("help", "call the desk"),
    "sending": pgettext_lazy("help", "approved"),
    "failed": pgettext_lazy("help", "did not go"),
    "told": pgettext_lazy("help", "told, nobody said that they have it"),
    "acknowledged": pgettext_lazy("help", "they have it"),
    "sent": pgettext_lazy("help", "sent"),
    "removed": pgettext_lazy("help", "taken away again"),
    "over": pgettext_lazy("help", "not sent"),
}
_REASONS: Final = {  # networks' own codes, by their end
    "other": gettext_lazy("other"),
    "spam": gettext_lazy("spam"),
    "violation": gettext_lazy("against the rules"),
    "legal": gettext_lazy("against the law"),
    "misleading": gettext_lazy("misleading"),
    "rude": gettext_lazy("rude"),
    "sexual": gettext_lazy("sexual"),
    "report": gettext_lazy("report"),
}
_STOPPED: Final = {
    NO_HAND_OVER: gettext_noop("This was written past the page of help; it does not leave."),
    NO_SUPERVISOR: gettext_noop(
        "A public reply needs two persons, one of them a supervisor, and a time at which it goes."
    ),
    UNCONFIRMED: gettext_noop("How the desk is reached was withdrawn or changed; hand over anew."),
}
_SENTENCES: Final = (
    gettext_noop("this case does not stand in scope of a category that provides for help; a person decides it first"),
    gettext_noop("this desk has this case already, or is about to be told"),
    gettext_noop("this was done for this case already"),
    gettext_noop("this desk was not told yet"),
    gettext_noop("the worker sends this by itself"),
    gettext_noop("the category of this case has no letter of help"),
    gettext_noop(
        "nobody said under which name and telephone your organisation writes; a supervisor does in the letterhead"
    ),
    gettext_noop("a consultation desk of the registers"),
    gettext_noop("who said so, a name or a number"),
    gettext_noop("a channel of the network on which the post stands, that can do this"),
)


@dataclass(frozen=True)
class Row:
    """A hand-over on a list."""

    shown: Shown
    name: str  # the desk, or the way
    where: str

    @property
    def hand_over(self) -> HandOver:
        """The hand-over itself."""
        return self.shown.hand_over


@dataclass(frozen=True)
class DeskShown:
    """A desk on the page of a case."""

    desk: Desk
    name: str
    way: str  # how it is reached; "" while nobody confirmed that


@dataclass(frozen=True)
class Running:
    """A clock in words."""

    clock: Clock
    says: str


@dataclass(frozen=True)
class Lane:
    """What is overdue, on top of the inbox."""

    running: list[Running]
    n: int

    @property
    def shown(self) -> str:
        """What a page shows already, so that nothing is announced twice."""
        return ",".join(str(one.clock.case.pk) for one in self.running) + f";{self.n}"


def lane(actor: Actor) -> Lane | None:
    """What a supervisor sees on top of the inbox; None for everybody else."""
    if not actor.may("oversee"):
        return None
    overdue = [one for one in _clocks(actor) if one.overdue]
    return Lane([_running(one) for one in overdue[:SHOWN]], len(overdue))


def in_short(actor: Actor) -> int:
    """How many clocks of help run, for the line on the desk."""
    return len(_clocks(actor)) if actor.may("act") else 0


def _clocks(actor: Actor) -> list[Clock]:
    """Asked once a page."""
    return once(("help clocks", actor), lambda: clocks_of(actor))


@require_safe
@staff_page
def overdue(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The lane anew, for a page that is open; nothing when it holds what the page shows already."""
    found = lane(actor)
    if found is None or request.GET.get("shown") == found.shown:
        return HttpResponse(status=204)
    return render(request, "yoake/help_lane.html", {"help_lane": found})


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Whose clock runs, and every hand-over, page by page."""
    shown = Paginator(range(count_hand_overs(actor)), ROWS).get_page(request.GET.get("page"))
    context = {
        "place": "help",
        "running": [_running(one) for one in clocks_of(actor)],
        "shown": shown,
        "rows": [_row(one) for one in hand_overs_of(actor, start=ROWS * (shown.number - 1), limit=ROWS)],
    }
    return page(request, actor, "yoake/help.html", context)


@require_http_methods(["GET", "POST"])
@staff_page
def of_case(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The ways to help somebody: a desk first, then the network, a message, and for supervisors a reply (POST drafts one)."""
    actor.must("act")
    view = case_view(actor, case_id)
    given, problem = request.POST, ""
    if request.method == "POST":
        language = given.get("language", "")
        sender = number(given.get("sender", "")) or None
        channel = given.get("channel", "")
        known: dict[str, Callable[[], HandOver | Settled]] = {
            "desk": lambda: actions.hand_to_desk(actor, case_id, given.get("body", "")),
            "network": lambda: actions.tell_network(actor, case_id, channel, given.get("reason", ""), sender),
            "message": lambda: actions.write_privately(actor, case_id, channel, language, sender),
            "reply": lambda: actions.reply_publicly(
                actor, case_id, channel, given.get("text", ""), number(given.get("hours", "")), language, sender
            ),
            "settle": lambda: actions.settle(actor, case_id, given.get("why", "")),
        }
        if given.get("how") not in known:
            raise Http404
        try:
            made = known[given["how"]]()
        except (BadInput, Refused) as error:
            if isinstance(error, BadInput) and error.field == "case":
                raise
            problem = words.sentence(error)
        else:
            if isinstance(made, Settled):
                messages.success(request, gettext("Kept: %(why)s.") % {"why": made.get_why_display()})
                return redirect("case", case_id=case_id)
            return redirect("hand_over", hand_over_id=made.pk)
    return page(request, actor, "yoake/help_case.html", _offer(actor, view, given, problem), 409 if problem else 200)


@require_safe
@staff_page
def one(request: HttpRequest, actor: Actor, hand_over_id: int) -> HttpResponse:
    """One hand-over: what is said, where it stands, and what can be done with it now."""
    return _page(request, actor, hand_over_id)


@require_http_methods(["GET", "POST"])
@staff_page
def act(request: HttpRequest, actor: Actor, hand_over_id: int) -> HttpResponse:
    """Approves, discards, or writes down that the desk was told and who has it (POST)."""
    if request.method == "GET":
        return redirect("hand_over", hand_over_id=hand_over_id)
    made, given = hand_over_of(actor, hand_over_id).hand_over, request.POST
    bound, who = given.get("bound", ""), given.get("who", "")
    known: dict[str, tuple[Callable[[], Any], str]] = {
        "approve": (lambda: outbox.approve(actor, made.item_id, bound), gettext("Approved.")),
        "approve_second": (lambda: outbox.approve_second(actor, made.item_id, bound), gettext("Approved.")),
        "discard": (lambda: outbox.discard(actor, made.item_id), gettext("Discarded; nothing left.")),
        "again": (lambda: outbox.try_again(actor, made.item_id), gettext("It is tried once more.")),
        "went": (lambda: outbox.decide_uncertain(actor, made.item_id, went=True), gettext("Kept: it went.")),
        "not_gone": (
            lambda: outbox.decide_uncertain(actor, made.item_id, went=False),
            gettext("It is sent again."),
        ),
        "withdraw": (lambda: outbox.withdraw(actor, made.item_id, "other"), gettext("It is taken away.")),
        "told": (lambda: actions.told(actor, hand_over_id, who), gettext("Kept: the desk was told.")),
        "acknowledge": (lambda: actions.acknowledge(actor, hand_over_id, who), gettext("Kept: they have it.")),
    }
    if given.get("act") not in known:
        raise Http404
    do, done = known[given["act"]]
    try:
        do()
    except (BadInput, Refused) as error:
        return _page(request, actor, hand_over_id, problem=words.sentence(error), status=409)
    messages.success(request, done)
    return redirect("hand_over", hand_over_id=hand_over_id)


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page says of help: the clock, what was done, and whether more can be."""
    if view.blind or view.case.practice or view.elsewhere:
        return {"hand_overs": [], "settled_help": [], "may_help": False, "help_clock": None}
    clock = clock_of(actor, view.case)
    return {
        "hand_overs": [_row(one) for one in hand_overs_about(actor, view.case)],
        "settled_help": settled_of(actor, view.case),
        "may_help": actor.may("act") and _slug(view) != "",
        "help_clock": _running(clock) if clock is not None else None,
    }


def _slug(view: CaseView) -> str:
    """The category that stands and provides for help; "" where none does."""
    standing, known = view.standing, categories()
    if standing is None or standing.verdict != Decision.Verdict.IN_SCOPE or view.case.state == Case.State.WAITING:
        return ""
    slugs = [one for one in (standing.category, *standing.also) if one in known and "help" in known[one].actions]
    return min(slugs, key=lambda slug: not known[slug].at_risk) if slugs else ""


def _offer(actor: Actor, view: CaseView, given: Any, problem: str) -> dict[str, Any]:
    case, slug = view.case, _slug(view)
    ways = ways_to(case.post.network) if slug else []
    language = given.get("language") or ("en" if (get_language() or "ja").startswith("en") else "ja")
    head = head_of(actor.organisation_id)
    has_letter = slug and HELP in names_of(categories()[slug])
    by_way = {
        way: [_sending(actor, channel) for channel, its in ways if its == way and channel != actions.BY_HAND]
        for way in (Way.REPORT, Way.MESSAGE, Way.REPLY)
    }
    return {
        "case": case,
        "problem": problem,
        "given": given,
        "provides": bool(slug),
        "desks": [_desk(one) for one in desks_for(actor.organisation_id, case, slug)] if slug else [],
        "rows": [_row(one) for one in hand_overs_about(actor, case)],
        "reporting": by_way[Way.REPORT],
        "messaging": by_way[Way.MESSAGE] if has_letter else [],
        "replying": by_way[Way.REPLY] if actor.may("oversee") else [],
        "network_says": said.NETWORK,
        "letters": [
            (code, filled(in_force(actor.organisation_id, slug, HELP, code).text, head, code)) for code in ("ja", "en")
        ]
        if has_letter
        else [],
        "has_head": head is not None,
        "language": language,
        "text": given.get("text") or said.REPLY[language],
        "hours": [(n, ngettext("after %d hour", "after %d hours", n) % n) for n in actions.HOURS],
        "chosen_hours": number(given.get("hours", "")) or 24,
        "whys": Settled.Why.choices,
        "may_settle": actor.may("oversee"),
        "lines": said.REPLY,
    }


def _sending(actor: Actor, channel: str) -> tuple[str, str, list[Sender], list[tuple[str, str]]]:
    """A channel with its name, those who can speak over it, and the network's own codes of a report."""
    carrier = channel_called(channel)
    codes = carrier.reasons if isinstance(carrier, Reports) else ()
    ordered = sorted(codes, key=lambda code: not code.lower().endswith("other"))
    return (
        channel,
        words.plain_sentence(carrier.label).rstrip(".。"),
        senders_for(actor, channel),
        [(code, report_reason(code)) for code in ordered],
    )


def report_reason(code: str) -> str:
    """What a network's own code for a report means; a code that nobody knows stands as it is."""
    found = next((said for end, said in _REASONS.items() if code.lower().endswith(end)), code)
    return str(found)


def _desk(one: Desk) -> DeskShown:
    return DeskShown(one, body_name(one.body), way_name(one.contact) if one.contact else "")


def _row(shown: Shown) -> Row:
    made = shown.hand_over
    name = body_name(shown.body) if shown.body is not None else made.body or str(made.get_how_display())
    return Row(shown, name, str(WHERE[shown.stands]))


def _running(clock: Clock) -> Running:
    if clock.told is None:
        says = ngettext(
            "nobody who helps was told, for %d minute", "nobody who helps was told, for %d minutes", clock.minutes
        )
    else:
        says = ngettext(
            "the desk was told and nobody said that they have it, for %d minute",
            "the desk was told and nobody said that they have it, for %d minutes",
            clock.minutes,
        )
    return Running(clock, says % clock.minutes)


def _page(
    request: HttpRequest, actor: Actor, hand_over_id: int, *, problem: str = "", status: int = 200
) -> HttpResponse:
    shown = hand_over_of(actor, hand_over_id)
    made, item = shown.hand_over, shown.hand_over.item
    now_not = why_not_by_hand(item, timezone.now())
    code = now_not or item.stopped_why
    stopped = ""
    if now_not or (code and item.state == OutboxItem.State.STOPPED):
        stopped = gettext(_STOPPED[code]) if code in _STOPPED else words.plain_sentence(SAID.get(code, code))
    context = {
        "place": "help",
        "row": _row(shown),
        "made": made,
        "item": item,
        "shown": shown,
        "contact": [
            (way_name(way), value) for way, value in item.to.items() if way in ("telephone", "form", "address")
        ],
        "text": item.body.get("text", ""),
        "lang": item.body.get("language", "ja"),
        "problem": problem,
        "stopped": stopped,
        "now_not": bool(now_not),
        "wrong": words.problem_text(item.problem) if item.problem else "",
        "uncertain": item.state == OutboxItem.State.FAILED and code == "uncertain",
        "hours": (item.remove_after_s or 0) // 3600,
        "may_act": actor.may("act"),
        "first_is_me": item.approved_by_id == actor.user_id,
        "who_longest": actions.WHO_LONGEST,
        "may_withdraw": made.how in (HandOver.How.REPLY, HandOver.How.MESSAGE) and item.withdraw_asked_at is None,
    }
    return page(request, actor, "yoake/hand_over.html", context, status)
