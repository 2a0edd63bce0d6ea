"""Everything that leaves or left: what waits for approval is read and approved here, what stands is withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from yoake.casework.cases.models import Case
from yoake.casework.cases.queries import case_view
from yoake.casework.cases.seen import note_seen
from yoake.casework.help.models import HandOver
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import item_of, left_to_people, visible
from yoake.casework.outbox.reasons import reason_to_stop
from yoake.casework.people.queries import Actor
from yoake.casework.report.models import Report
from yoake.casework.warn.grounds import SAID
from yoake.casework.warn.models import WarningMessage
from yoake.collect.fediverse import web_address
from yoake.console import outbox_words, words
from yoake.console.checks import original_of
from yoake.console.page import number, page, staff_page
from yoake.errors import BadInput, Refused
from yoake.pipeline.last_second import why_not_by_hand

State, Kind, Way = OutboxItem.State, OutboxItem.Kind, OutboxItem.Way
ROWS: Final = 50  # of a page
STATES: Final = {  # in the order of the page: what a person must do comes first
    State.DRAFT: pgettext_lazy("outgoing", "waiting for approval"),
    State.FAILED: pgettext_lazy("outgoing", "did not go"),
    State.APPROVED: pgettext_lazy("outgoing", "approved"),
    State.SENDING: pgettext_lazy("outgoing", "being sent"),
    State.SENT: pgettext_lazy("outgoing", "sent"),
    State.STOPPED: pgettext_lazy("outgoing", "stopped"),
    State.WITHDRAWN: pgettext_lazy("outgoing", "withdrawn"),
}
PEOPLE: Final = "people"  # what failed, and what is to be done by hand: across the states
WAITS: Final = (State.DRAFT, PEOPLE)  # for a person: what has waited longest comes first
_PLACES: Final[Mapping[Any, Any]] = {
    State.DRAFT: STATES[State.DRAFT],
    PEOPLE: pgettext_lazy("outgoing", "left to a person"),
    **STATES,
}
_TO_CARRY: Final = pgettext_lazy("outgoing", "to be done by hand")
KINDS: Final = {
    Kind.WARNING: gettext_lazy("Warning"),
    Kind.CORRECTION: gettext_lazy("Correction"),
    Kind.REQUEST: gettext_lazy("Request to a provider"),
    Kind.REPORT: gettext_lazy("Report to an authority"),
    Kind.HELP: gettext_lazy("Help"),
    Kind.ANSWER: gettext_lazy("Answer"),
}
CHANNELS: Final = {
    "bluesky": "Bluesky",
    "mastodon": "Mastodon",
    "misskey": "Misskey",
    "x": "X",
    "by_hand": gettext_lazy("by hand"),
    "email": gettext_lazy("mail"),
    "hotline_form": gettext_lazy("web form"),
    "web_form": gettext_lazy("web form"),
}
WHY: Final = {
    "mistake": pgettext_lazy("withdrawn because", "it was a mistake"),
    "changed": pgettext_lazy("withdrawn because", "the post or the judgement changed"),
    "appeal": pgettext_lazy("withdrawn because", "an objection was upheld"),
    "asked": pgettext_lazy("withdrawn because", "its author or a colleague asked for it"),
    "time": pgettext_lazy("withdrawn because", "its time is over"),
    "other": pgettext_lazy("withdrawn because", "another reason"),
}


@dataclass(frozen=True)
class Row:
    """An item on the list."""

    item: OutboxItem
    kind: str
    state: str
    channel: str
    why: str
    first_is_me: bool


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list, a page at a time: what waits for a person the oldest first, all else the newest first.

    Without a choice it is what waits for approval, else what is left to a person, else everything.
    """
    mine = visible(actor)
    by_people = left_to_people(actor)
    told: dict[str, int] = dict(mine.values_list("state").annotate(n=Count("pk")).order_by())
    n = told["all"] = sum(told.values())
    told[PEOPLE] = by_people.count()
    where = request.GET.get("where", "")
    if where not in (*_PLACES, "all"):
        where = next((place for place in WAITS if told.get(place)), "all")
    rows = by_people if where == PEOPLE else mine if where == "all" else mine.filter(state=where)
    # By key, so that what comes or goes meanwhile neither hides a row nor shows one twice; keys are given in order of drafting.
    after = number(request.GET.get("after", ""))
    if after:
        rows = rows.filter(pk__gt=after) if where in WAITS else rows.filter(pk__lt=after)
    left = rows.count() if after else told.get(where, 0)
    order = "pk" if where in WAITS else "-pk"
    shown = list(rows.select_related("case", "sender", "drafted_by", "approved_by").order_by(order)[:ROWS])
    before = max(0, told.get(where, 0) - left)
    context = {
        "place": "outgoing",
        "where": where,
        "chips": [(place, label, told[place]) for place, label in _PLACES.items() if told.get(place)],
        "n": n,
        "rows": [_row(actor, one) for one in shown],
        "n_where": told.get(where, 0),
        "first": before + 1,
        "last": before + len(shown),
        "after": after,
        "following": shown[-1].pk if left > len(shown) else 0,
    }
    return page(request, actor, "yoake/outgoing.html", context)


@require_safe
@staff_page
def one(request: HttpRequest, actor: Actor, item_id: int) -> HttpResponse:
    """One item: the post as it reads now, what is said to it, and what can be done."""
    return _page(request, actor, item_id)


@require_http_methods(["GET", "POST"])
@staff_page
def act(request: HttpRequest, actor: Actor, item_id: int) -> HttpResponse:
    """Approves, discards, withdraws, or writes down what a person did (POST); after an approval the next one is shown."""
    if request.method == "GET":
        return redirect("outgoing_item", item_id=item_id)
    _visible(actor, item_id)
    given = request.POST
    bound, url = given.get("bound", ""), given.get("url", "")
    known: dict[str, tuple[Callable[[], Any], str]] = {
        "approve": (lambda: outbox.approve(actor, item_id, bound), gettext("Approved.")),
        "approve_second": (lambda: outbox.approve_second(actor, item_id, bound), gettext("Approved.")),
        "discard": (lambda: outbox.discard(actor, item_id), gettext("Discarded; nothing left.")),
        "again": (lambda: outbox.try_again(actor, item_id), gettext("It is tried once more.")),
        "went": (lambda: outbox.decide_uncertain(actor, item_id, went=True, url=url), gettext("Kept: it went.")),
        "not_gone": (lambda: outbox.decide_uncertain(actor, item_id, went=False), gettext("Kept: it did not go.")),
        "sent": (lambda: _sent_by_hand(actor, item_id, url), gettext("Kept: it stands there.")),
        "withdraw": (
            lambda: outbox.withdraw(actor, item_id, given.get("why", "")),
            gettext("It is taken back; the reason is kept."),
        ),
        "withdrawn": (lambda: outbox.withdrawn_by_hand(actor, item_id), gettext("Kept: it is deleted there.")),
    }
    if given.get("act") not in known:
        raise Http404
    do, done = known[given["act"]]
    try:
        do()
    except (BadInput, Refused) as error:
        return _page(request, actor, item_id, problem=words.sentence(error), status=409)
    messages.success(request, done)
    if given["act"] in ("approve", "approve_second", "discard"):
        following = _following(actor, item_id)
        return redirect("outgoing_item", item_id=following) if following else redirect("outgoing_item", item_id=item_id)
    return redirect("outgoing_item", item_id=item_id)


def waiting_for_approval(actor: Actor) -> int:
    """How many drafts wait for this person's approval, for a line elsewhere."""
    return _to_approve(actor).count() if actor.may("act") else 0


def state_in_words(item: OutboxItem) -> str:
    """Where an item stands; what a person carries out is not being sent, it waits for them."""
    if item.way == Way.HAND and item.state == State.SENDING:
        return str(_TO_CARRY)
    return str(STATES[State(item.state)])


def stopped_in_words(item: OutboxItem) -> str:
    """Why it did not go, in a sentence; "" when nothing stopped it."""
    return _why_in_words(item.stopped_why) if item.stopped_why else ""


def _why_in_words(code: str) -> str:
    return words.plain_sentence(SAID[code]) if code in SAID else outbox_words.stopped_words(code)


def _to_approve(actor: Actor) -> QuerySet[OutboxItem]:
    waiting = visible(actor).filter(state=State.DRAFT)
    return waiting.exclude(approved_by_id=actor.user_id).exclude(kind__in=(Kind.REPORT, Kind.HELP))


def _following(actor: Actor, item_id: int) -> int:
    """The draft that is read next; 0 when none waits."""
    rows = _to_approve(actor).exclude(pk=item_id).order_by("drafted_at", "pk")
    return rows.values_list("pk", flat=True).first() or 0


def _visible(actor: Actor, item_id: int) -> OutboxItem:
    item = visible(actor).filter(pk=item_id).first()
    if item is None:
        raise Http404
    return item


def _sent_by_hand(actor: Actor, item_id: int, url: str) -> OutboxItem:
    if not url.strip().startswith(("https://", "http://")):
        raise BadInput("url", url, gettext("the web address at which your reply stands"))
    return outbox.sent_by_hand(actor, item_id, url)


def _page(request: HttpRequest, actor: Actor, item_id: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    _visible(actor, item_id)
    item = item_of(actor, item_id)
    if item.kind == Kind.REPORT and (report := Report.objects.filter(item=item).first()) is not None:
        return redirect("report", report_id=report.pk)
    if item.kind == Kind.HELP and (made := HandOver.objects.filter(item=item).first()) is not None:
        return redirect("hand_over", hand_over_id=made.pk)
    view = case_view(actor, item.case_id) if item.case_id else None
    if view is not None:
        note_seen(actor, view.case)
    stale = ""
    if item.state == State.DRAFT and view is not None:
        cases = [Case.objects.select_related("post", "post__account", "post__current").get(pk=view.case.pk)]
        code = reason_to_stop(item, cases, timezone.now())
        stale = outbox_words.stopped_words(code)
    if now_not := why_not_by_hand(item, timezone.now()):
        stale = _why_in_words(now_not)
    by_hand = item.way == Way.HAND
    context = {
        "place": "outgoing",
        "row": _row(actor, item),
        "item": item,
        "view": view,
        "case": view.case if view else None,
        "version": view.version if view else None,
        "text": item.body.get("text", ""),
        "language": item.body.get("language") or "ja",
        "warning": WarningMessage.objects.filter(item=item).select_related("letter", "trial").first(),
        "original": original_of(view.case, record_only=view.record_only) if view else "",
        "problem": problem,
        "stale": stale,
        "waits": words.problem_text(item.problem) if item.problem else "",
        "uncertain": item.state == State.FAILED and item.stopped_why == "uncertain",
        "on_its_way": item.state == State.APPROVED or (item.state == State.SENDING and not by_hand),
        "to_carry": by_hand and item.state == State.SENDING and item.withdraw_asked_at is None and not now_not,
        "address": web_address(item.remote_url),
        "by_hand": by_hand,
        "delete_by_hand": item.state == State.SENT
        and (item.withdraw_asked_at is not None or item.remove_at is not None)
        and (by_hand or item.due_at is None),
        "may_withdraw": outbox.may_withdraw(item),
        "may_correct": item.kind == Kind.WARNING and item.state == State.SENT and item.withdraw_asked_at is None,
        "why": [(code, WHY[code]) for code in outbox.WITHDRAW_WHY if code != "time"],
        "withdrawn_why": WHY.get(item.withdraw_why, item.withdraw_why),
        "may_act": actor.may("act"),
        "following": _following(actor, item_id),
    }
    return page(request, actor, "yoake/outgoing_item.html", context, status=status)


def _row(actor: Actor, item: OutboxItem) -> Row:
    return Row(
        item,
        str(KINDS[Kind(item.kind)]),
        state_in_words(item),
        str(CHANNELS.get(item.channel, item.channel)),
        stopped_in_words(item),
        item.approved_by_id == actor.user_id,
    )
