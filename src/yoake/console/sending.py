"""What leaves: the stop switch for all, what only a person can decide, and in whose name the organisation speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake import shelf
from yoake.casework.outbox import actions, channels, senders
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import channel_called, for_people, item_of, standstill_of, used_of, waiting_to_go
from yoake.casework.people.queries import Actor
from yoake.console import outbox_words, words
from yoake.console.page import number, page, page_for, staff_page
from yoake.console.problems import translated
from yoake.errors import BadInput, YoakeError
from yoake.pipeline.outside import outside

WAITING_SHOWN: Final = 100  # the worker is at work there; all of it stands under Outgoing
_LIMITS: Final = ("per_hour", "per_day", "cooldown_s", "spread_s")


@dataclass(frozen=True)
class SenderShown:
    """A sender in the list."""

    sender: Sender
    channel: str
    why: str  # it is paused, "" otherwise
    alarm: bool  # not a person here paused it: the service did
    in_hour: int
    in_day: int
    fields: list[FieldShown]


@dataclass(frozen=True)
class FieldShown:
    """A field of a form for a sender."""

    name: str
    label: str
    hint: str
    secret: bool
    needed: bool
    value: str
    wrong: bool


@dataclass(frozen=True)
class ItemShown:
    """Something that only a person can decide."""

    item: OutboxItem
    why: str
    problem: str
    text: str
    to_carry: bool  # a person carries it out: on its own page, which asks first whether it still may


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Senders, what waits for a person, and the stop switch."""
    return _page(request, actor)


@require_http_methods(["GET", "POST"])
@page_for("senders")
def add(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A new account or mailbox."""
    name = request.POST.get("channel", "") or request.GET.get("channel", "")
    if name not in _channels():
        raise Http404
    if request.method == "GET":
        return _page(request, actor, adding=name)
    given = {field.name: request.POST.get(field.name, "") for field in channel_called(name).fields}
    try:
        made = senders.add_sender(actor, name, request.POST.get("name", ""), given)
    except YoakeError as error:
        return _page(request, actor, adding=name, problem=error)
    messages.success(
        request, gettext("%(name)s was added. Test now who it is; then it may send.") % {"name": made.name}
    )
    return redirect("sending")


@require_http_methods(["GET", "POST"])
@page_for("senders")
def change(request: HttpRequest, actor: Actor, sender_id: int) -> HttpResponse:
    """Other options, passwords or limits."""
    if request.method == "GET":
        return redirect("sending")
    given = request.POST
    if "per_hour" in given:
        limits = {name: number(given.get(name, "")) for name in _LIMITS}
        return _done(request, lambda: senders.limit_sender(actor, sender_id, limits), gettext("Saved."))
    fields = {name: str(value) for name, value in given.items() if name != "csrfmiddlewaretoken"}
    said = gettext("Saved. Test anew who it is; until then it is paused.")
    return _done(request, lambda: senders.change_sender(actor, sender_id, fields), said)


@require_POST
@page_for("senders")
def act(request: HttpRequest, actor: Actor, sender_id: int, what: str) -> HttpResponse:
    """Tests, pauses, resumes or ends a sender."""
    if what == "test":
        try:
            told = senders.prove_sender(actor, sender_id, outside())
        except YoakeError as error:
            messages.error(request, words.problem_text(str(error)))
        else:
            note = f" ({words.problem_text(told.note)})" if told.note else ""
            messages.success(
                request, gettext("The service says that this is %(handle)s.") % {"handle": told.handle} + note
            )
        return redirect("sending")
    acts: dict[str, tuple[Callable[..., Any], str]] = {
        "pause": (senders.pause_sender, gettext("Paused. What waits, waits.")),
        "resume": (senders.resume_sender, gettext("It sends again.")),
        "end": (senders.end_sender, gettext("Ended; its passwords and tokens are erased.")),
    }
    if what not in acts:
        raise Http404
    done, said = acts[what]
    return _done(request, lambda: done(actor, sender_id), said)


@require_POST
@page_for("act")
def stop(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The stop switch: pressed by anybody who may act, released by a supervisor."""
    if request.POST.get("go_on"):
        return _done(request, lambda: actions.go_on(actor), gettext("Sending goes on."))
    return _done(
        request, lambda: actions.stop_all(actor), gettext("All sending is stopped. A supervisor lets it go on.")
    )


@require_POST
@page_for("act")
def decide(request: HttpRequest, actor: Actor, item_id: int) -> HttpResponse:
    """What a person says of something that no program can decide."""
    url = request.POST.get("url", "")
    acts: dict[str, Callable[[], Any]] = {
        "went": lambda: actions.decide_uncertain(actor, item_id, went=True, url=url),
        "not_gone": lambda: actions.decide_uncertain(actor, item_id, went=False),
        "again": lambda: actions.try_again(actor, item_id),
        "discard": lambda: actions.discard(actor, item_id),
        "deleted": lambda: actions.withdrawn_by_hand(actor, item_id),
    }
    chosen = acts.get(request.POST.get("what", ""))
    if chosen is None:
        raise Http404
    item_of(actor, item_id)  # whoever may not see it decides nothing about it
    return _done(request, chosen, gettext("Noted."))


def _page(request: HttpRequest, actor: Actor, *, adding: str = "", problem: YoakeError | None = None) -> HttpResponse:
    now, rows = timezone.now(), senders.senders_of(actor)
    waiting = waiting_to_go(actor)
    used = used_of(rows, now)
    wrong = getattr(problem, "field", "")
    return page(
        request,
        actor,
        "yoake/sending.html",
        {
            "place": "sending",
            "standstill": standstill_of(actor),
            "may_go_on": actor.may("oversee"),
            "may_act": actor.may("act"),
            "may_senders": actor.may("senders"),
            "senders": [_shown(one, used[one.pk]) for one in rows if one.state != Sender.State.ENDED],
            "ended": [one for one in rows if one.state == Sender.State.ENDED],
            "items": [_item(one) for one in for_people(actor)],
            "n_waiting": waiting.count(),
            "waiting": [_item(one) for one in waiting[:WAITING_SHOWN]],
            "channels": [(name, outbox_words.channel_words(channel_called(name).label)) for name in _channels()],
            "adding": adding,
            "adding_label": outbox_words.channel_words(channel_called(adding).label) if adding else "",
            "fields": _fields(adding, request.POST.dict(), wrong) if adding else [],
            "entered_name": request.POST.get("name", ""),
            "wrong": wrong,
            "problem": _sentence(problem, adding) if problem is not None else "",
            "limits": senders.LIMITS,
        },
        status=200,
    )


def _sentence(problem: YoakeError, channel: str) -> str:
    """What is wrong; a field of the channel goes by the name it has in the form."""
    names = {field.name: outbox_words.channel_words(field.label) for field in channel_called(channel).fields}
    if isinstance(problem, BadInput) and problem.field in names:
        accepted = translated(problem.accepted) or problem.accepted
        return gettext("%(field)s: %(accepted)s.") % {"field": names[problem.field], "accepted": accepted}
    return words.sentence(problem)


def _channels() -> list[str]:
    """Those over which the worker sends; what people carry out needs no sender."""
    return [name for name in shelf.names(channels) if channel_called(name).fields]


def _shown(sender: Sender, used: tuple[int, int]) -> SenderShown:
    paused = sender.state == Sender.State.PAUSED
    try:
        label = outbox_words.channel_words(channel_called(sender.channel).label)
        fields = _fields(sender.channel, sender.options, "")
    except YoakeError:  # its file is gone
        label, fields = sender.channel, []
    return SenderShown(
        sender,
        label,
        outbox_words.paused_words(sender.paused_why) if paused else "",
        paused and sender.paused_why not in ("by_hand", "untested"),
        *used,
        fields,
    )


def _fields(channel: str, values: dict[str, str], wrong: str) -> list[FieldShown]:
    return [
        FieldShown(
            field.name,
            outbox_words.channel_words(field.label),
            outbox_words.channel_words(field.hint),
            field.secret,
            field.needed,
            "" if field.secret else values.get(field.name, field.default),
            field.name == wrong,
        )
        for field in channel_called(channel).fields
    ]


def _item(item: OutboxItem) -> ItemShown:
    why = outbox_words.stopped_words(item.stopped_why)
    to_carry = item.way == OutboxItem.Way.HAND and item.state == OutboxItem.State.SENDING
    text = "" if to_carry else str(item.body.get("text", ""))
    return ItemShown(item, why, words.problem_text(item.problem), text, to_carry)


def _done(request: HttpRequest, act: Callable[[], Any], said: str) -> HttpResponse:
    try:
        act()
    except YoakeError as error:
        messages.error(request, words.sentence(error))
    else:
        messages.success(request, said)
    return redirect("sending")
