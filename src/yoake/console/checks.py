"""Is the post still there: the box on the case page, the list "To check by hand", and the page before an original opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext, pgettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.cases.checks import BY_HAND, check_now, mark_by_hand
from yoake.casework.cases.models import Case, Check, Outcome
from yoake.casework.cases.outcomes import outcomes_of
from yoake.casework.cases.queries import CaseView, case_view, checks_by_hand, checks_by_hand_count
from yoake.casework.cases.schedule import BEFORE_ACT, BUSINESS_DAYS, GONE, HOURS, NOW, STREAM, checkable
from yoake.casework.cases.seen import note_all_seen
from yoake.casework.people.queries import Actor, names_of
from yoake.console import words
from yoake.console.page import page, staff_page
from yoake.errors import BadInput, Refused

EXCERPT = 140  # characters of a post in the list
_WHY_HAND = {
    "no_source": gettext_noop("No source of yours can be asked about it."),
    "source_off": gettext_noop("The source that found it is switched off or paused."),
    "unchecked": gettext_noop("The network cannot be asked automatically."),
    "refused": gettext_noop("The network lets no program in, or the source needs a person."),
    "failed": gettext_noop("The automatic check failed several times."),
}
_AFTER = {  # the act that went before an outcome
    "warning": gettext_noop("%(time)s after the warning"),
    "request": gettext_noop("%(time)s after the request"),
    "report": gettext_noop("%(time)s after the report"),
}
_BUTTONS = {  # in the order in which they stand on the page
    "gone": gettext_noop("Gone"),
    "up": gettext_noop("Still there"),
    "edited": gettext_noop("Edited"),
    "unreachable": gettext_noop("Cannot be opened"),
}


@dataclass(frozen=True)
class Done:
    """An outcome in words."""

    check: Check
    outcome: str
    elapsed: str  # "1 hour after the decision"
    who: str  # who looked, or how it is known; "" when the network was asked
    gone: bool


@dataclass(frozen=True)
class Became:
    """What became of the post or its account, in words."""

    what: str
    after: str  # "2 hours after the request"
    at: datetime


@dataclass(frozen=True)
class Panel:
    """The box of the case page."""

    done: list[Done]  # newest first
    coming: list[tuple[str, datetime]]  # what is asked next: when in words, and the time
    asking: bool  # a check is due at this moment
    by_hand: Check | None  # one that waits for a person
    why_hand: str
    may_ask: bool
    became: list[Became]  # newest first


@dataclass(frozen=True)
class ToDo:
    """A line of the list."""

    check: Check
    excerpt: str
    why: str
    step: str
    has_link: bool


def panel(actor: Actor, view: CaseView, now: datetime) -> Panel | None:
    """What the case page says; None where nothing was found, nothing comes and nobody may ask."""
    may_ask = actor.may("decide") and checkable(view.case) and not view.record_only
    names = names_of(actor, [check.by_id for check in view.checks if check.by_id])
    done = [_done(check, names) for check in view.checks if check.outcome]
    waits = [check for check in view.checks if not check.outcome and check.due_at is not None]
    by_hand = next((check for check in waits if check.hand and check.due_at and check.due_at <= now), None)
    if not (done or waits or may_ask):
        return None
    return Panel(
        done,
        [(_step(check.step), check.due_at) for check in waits if check.due_at and check.due_at > now],
        any(not check.hand and check.due_at and check.due_at <= now for check in waits),
        by_hand if may_ask else None,
        gettext(_WHY_HAND[by_hand.hand]) if by_hand is not None and by_hand.hand in _WHY_HAND else "",
        may_ask,
        [_became(one) for one in outcomes_of(actor, view.case)] if not view.blind else [],
    )


def buttons() -> list[tuple[str, str]]:
    """What a person may press who opened a post."""
    return [(seen, gettext(name)) for seen, name in _BUTTONS.items() if seen in BY_HAND]


def original_of(case: Case, *, record_only: bool) -> str:
    """The address that may be opened from the console; "" when there is none, or it is only recorded."""
    url = case.post.url
    return url if url.startswith(("https://", "http://")) and not record_only and not case.practice else ""


def to_check_in_short(actor: Actor) -> int:
    """How many posts wait for somebody who looks, for the line on the desk."""
    return checks_by_hand_count(actor, timezone.now()) if actor.may("decide") else 0


@require_safe
@staff_page
def by_hand(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list of what a person must look at."""
    due = checks_by_hand(actor, timezone.now())
    note_all_seen(actor, [check.case for check in due])
    rows = [_to_do(check) for check in due]
    context = {"place": "checks", "rows": rows, "buttons": buttons(), "may_mark": actor.may("decide")}
    return page(request, actor, "yoake/checks.html", context)


@require_POST
@staff_page
def mark(request: HttpRequest, actor: Actor, check_id: int) -> HttpResponse:
    """Keeps what somebody saw; then the list, or the case from which it was pressed."""
    back = redirect("case", case_id=_case_of(request)) if _case_of(request) else redirect("checks")
    try:
        done = mark_by_hand(actor, check_id, request.POST.get("seen", ""))
    except Refused as error:
        messages.error(request, words.sentence(error))
        return back
    told = gettext("Case %(case)s: kept as “%(outcome)s”, seen by you.")
    messages.success(request, told % {"case": done.case_id, "outcome": words.outcome_name(done.outcome)})
    return back


@require_POST
@staff_page
def ask(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Asks now whether the post is still there; the worker does it."""
    try:
        check_now(actor, case_id)
    except Refused as error:
        messages.error(request, words.sentence(error))
    return redirect("case", case_id=case_id)


@require_safe
@staff_page
def state(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """The box alone, while a check is on its way."""
    view = case_view(actor, case_id)
    found = panel(actor, view, timezone.now())
    return render(request, "yoake/check_box.html", {"panel": found, "case": view.case, "check_buttons": buttons()})


@require_safe
@staff_page
def open_original(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """Before an original is opened: what that reveals, and the link, one click on. Nothing is fetched or recorded here."""
    view = case_view(actor, case_id)
    original = original_of(view.case, record_only=view.record_only)
    if not original:
        raise BadInput("case", case_id, "a case whose post has an address that can be opened")
    context = {"case": view.case, "original": original, "network": view.case.post.network}
    response = page(request, actor, "yoake/open_original.html", context)
    response["Referrer-Policy"] = "no-referrer"
    return response


def stretch(seconds: int) -> str:
    """A stretch of time: minutes, hours, from two days on days."""
    seconds = abs(seconds)
    if seconds < 48 * 3600:
        return words.seconds_long(seconds)
    return ngettext("%d day", "%d days", seconds // 86400) % (seconds // 86400)


def _became(one: Outcome) -> Became:
    what = one.get_what_display()
    if one.seen in GONE and one.what not in (Outcome.What.SUSPENDED, Outcome.What.HIDDEN):
        what = pgettext("outcome and how", "%(what)s: %(how)s") % {"what": what, "how": words.outcome_name(one.seen)}
    told = gettext(_AFTER.get(one.act, "%(time)s after the act")) if one.act else gettext("%(time)s after the decision")
    return Became(what, told % {"time": stretch(one.elapsed_s)} if one.elapsed_s is not None else "", one.at)


def _done(check: Check, names: Mapping[int, str]) -> Done:
    who = ""
    if check.how == "by_hand":
        who = gettext("by hand: %(name)s") % {"name": names.get(check.by_id or 0, gettext("a colleague"))}
    elif check.how == "stream":
        who = gettext("said by the network itself")
    elapsed_s = check.elapsed_s or 0
    if check.since_what == "opened":
        elapsed = gettext("before a decision")
    elif check.since_what == "decision":
        told = gettext("%(time)s after the decision") if elapsed_s >= 0 else gettext("%(time)s before the decision")
        elapsed = told % {"time": stretch(elapsed_s)}
    else:
        told = gettext("%(time)s after the act") if elapsed_s >= 0 else gettext("%(time)s before the act")
        elapsed = told % {"time": stretch(elapsed_s)}
    return Done(check, words.outcome_name(check.outcome), elapsed, who, check.outcome in GONE)


def _to_do(check: Check) -> ToDo:
    post = check.case.post
    text = post.current.text if post.current is not None else ""
    shown = text if len(text) <= EXCERPT else text[:EXCERPT] + "…"
    link = original_of(check.case, record_only=False)
    return ToDo(check, shown or post.url, gettext(_WHY_HAND.get(check.hand, "")), _step(check.step), bool(link))


def _step(step: str) -> str:
    """What a step is called."""
    name = step.partition(".")[0]
    if name in HOURS:
        return ngettext("after %d hour", "after %d hours", HOURS[name]) % HOURS[name]
    if name in BUSINESS_DAYS:
        n = BUSINESS_DAYS[name]
        return ngettext("after %d business day", "after %d business days", n) % n
    return {
        "2w": gettext("after two weeks"),
        NOW: gettext("asked for"),
        BEFORE_ACT: gettext("before an act"),
        STREAM: gettext("said by the network itself"),
    }.get(name, name)


def _case_of(request: HttpRequest) -> int:
    told = request.POST.get("case", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0
