"""What a person does with something that leaves: draft, approve, discard, withdraw, say what came of it; and stop it all.

A room of a kind (warn, request, report, help) calls these inside its own action and transaction; what the kind demands
beyond it checks there. What every kind must keep is kept here: nothing leaves the practice desk, nothing is done under a
category that forbids it, nothing towards a post that another body holds, and an approval holds for what was read.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import organisation, person
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.trials import cases_before
from yoake.casework.outbox.bound import author_key_of, bound_of
from yoake.casework.outbox.channel import Channel, Replies
from yoake.casework.outbox.codes import line_of
from yoake.casework.outbox.models import OutboxItem, Sender, Standstill
from yoake.casework.outbox.moves import MAY_STAND, keep, set_sent, set_withdrawn
from yoake.casework.outbox.queries import channel_called, must_carry
from yoake.casework.outbox.reasons import UNCERTAIN, must_be_allowed, must_not_be_twice, reason_to_stop, said
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.collect.fediverse import web_address
from yoake.errors import BadInput, Refused

Kind, State, Way = OutboxItem.Kind, OutboxItem.State, OutboxItem.Way

WITHDRAW_WHY: Final = ("mistake", "changed", "appeal", "asked", "time", "other")
URL_LONGEST: Final = 500
BODY_LONGEST: Final = 1_500_000  # characters of everything that is said, attachments included
REMOVED_AT_MOST: Final = timedelta(days=365)


def draft(
    actor: Actor,
    case_id: int | None,
    kind: str,
    *,
    channel: str,
    way: str,
    to: Mapping[str, Any],
    body: Mapping[str, Any],
    sender_id: int | None = None,
    also: Sequence[int] = (),
    second_needed: bool = False,
    corrects: int | None = None,
    remove_after_s: int | None = None,
    now: datetime | None = None,
) -> OutboxItem:
    """Writes down what is to be said; nothing leaves before a person approved it.

    Args:
        actor: somebody who may act.
        case_id: the case it is about; None only for an answer to a mail.
        kind: one of OutboxItem.Kind.
        channel: name of a file in channels/.
        way: one of OutboxItem.Way; the channel must have it.
        to: whom the channel addresses, see channel.Message.
        body: what is said, see channel.Message; never changed afterwards except by `rewrite`, before approval.
        sender_id: who speaks; None only where a person carries it out by hand.
        also: further cases of which one mail to a provider speaks.
        second_needed: the room demands a second approval; where the category demands a second person, it is needed anyway.
        corrects: the item that a correction corrects.
        remove_after_s: a public reply that goes by itself so long after it went; 60 s to 365 days.
        now: the time; the clock's when left out.

    Raises:
        BadInput: something of this is missing or is none.
        Refused: the practice desk, a post that is gone, erased or held, a case that does not stand in scope, a category that
            does not provide for this act.
    """
    actor.must("act")
    now = now or timezone.now()
    _must_be_sound(kind, way, to, body, remove_after_s)
    carrier = channel_called(channel)
    must_carry(carrier, channel, way)
    with transaction.atomic():
        cases = _locked_cases(actor, ([case_id] if case_id is not None else []) + list(also))
        corrected = _corrected(actor, corrects) if kind == Kind.CORRECTION else None
        if not cases and kind != Kind.ANSWER:
            raise BadInput("case", case_id, "the case this is about")
        demanded = must_be_allowed(actor, cases, kind, now)
        sender = _sender(actor, channel, way, sender_id)
        _must_fit(carrier, way, body)
        item = OutboxItem(
            organisation_id=organisation(actor), case=cases[0] if cases else None, kind=kind, channel=channel, way=way,
            post=cases[0].post if cases else None, author_key=author_key_of(cases[0].post.account) if cases else "",
            sender=sender, key=uuid.uuid4().hex, to=dict(to), body=dict(body), corrects=corrected,
            remove_after_s=remove_after_s, second_needed=second_needed or demanded, drafted_by_id=person(actor), drafted_at=now,
        )  # fmt: skip
        item.bound = bound_of(item, cases)
        item.save(force_insert=True)
        item.also.set(cases[1:])
        if _sign(item, carrier):
            item.bound = bound_of(item, cases)
            item.save(update_fields=["body", "bound"])
        _note("outbox_drafted", actor, item, now, what=kind, channel=channel, way=way)
    return item


def rewrite(
    actor: Actor,
    item_id: int,
    body: Mapping[str, Any],
    *,
    to: Mapping[str, Any] | None = None,
    now: datetime | None = None,
) -> OutboxItem:
    """Other words (and another addressee) for a draft; a first approval it had falls. Raises Refused once it is approved."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item, cases = _locked_item(actor, item_id)
        if item.state != State.DRAFT:
            raise Refused("this is approved already; discard it and write it anew")
        _must_be_sound(item.kind, item.way, to if to is not None else item.to, body, item.remove_after_s)
        _must_fit(channel_called(item.channel), item.way, body)
        item.body, item.to = dict(body), dict(to) if to is not None else item.to
        _sign(item, channel_called(item.channel))
        item.bound, item.approved_by, item.approved_at = bound_of(item, cases), None, None
        item.save(update_fields=["body", "to", "bound", "approved_by", "approved_at"])
        _note("outbox_rewritten", actor, item, now)
    return item


def approve(actor: Actor, item_id: int, bound: str, now: datetime | None = None) -> OutboxItem:
    """Somebody read it and it may leave; where a second person is needed, it waits for them.

    Args:
        actor: somebody who may act; also whoever drafted it, where no second person is needed.
        item_id: the draft.
        bound: `OutboxItem.bound` as it was when the page was shown: the approval holds for that alone.
        now: the time; the clock's when left out.

    Raises:
        Refused: the post, its author's name, its parent or the words changed since; another body holds the post; somebody
            warned it, or its author, already; what `draft` refuses.
    """
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item = _to_approve(actor, item_id, bound, now)
        if item.approved_by_id is not None:
            raise Refused("this has a first approval; a second person gives the other")
        item.approved_by_id, item.approved_at = person(actor), now
        if not item.second_needed:
            _release(item, now)
        item.save(update_fields=["approved_by", "approved_at", "second_needed", "state", "due_at"])
        _note("outbox_approved", actor, item, now, second_needed=item.second_needed)
    return item


def approve_second(actor: Actor, item_id: int, bound: str, now: datetime | None = None) -> OutboxItem:
    """A second person read it too, and it may leave. Raises Refused for whoever approved first, and as `approve`."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item = _to_approve(actor, item_id, bound, now)
        if item.approved_by_id is None or not item.second_needed:
            raise Refused("this waits for no second approval")
        if item.approved_by_id == actor.user_id:
            raise Refused("a second person approves this too: ask a colleague")
        item.second_by_id, item.second_at = person(actor), now
        _release(item, now)
        item.save(update_fields=["second_by", "second_at", "state", "due_at"])
        _note("outbox_approved_second", actor, item, now)
    return item


def discard(actor: Actor, item_id: int, now: datetime | None = None) -> OutboxItem:
    """It shall not leave: a draft, what is approved and was not begun, or what was refused. Raises Refused once it is being sent."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item, _cases = _locked_item(actor, item_id)
        refused = item.state == State.FAILED and item.stopped_why != UNCERTAIN
        if item.state not in (State.DRAFT, State.APPROVED) and not refused:
            raise Refused("this is not waiting any more; what went can be withdrawn")
        _stop(item, "discarded" if item.state == State.DRAFT else "taken_back")
        _note("outbox_discarded", actor, item, now)
    return item


def try_again(actor: Actor, item_id: int, now: datetime | None = None) -> OutboxItem:
    """What the other side refused is sent once more, with the approval it has. Raises Refused for everything else."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item, cases = _locked_item(actor, item_id)
        if item.state != State.FAILED or item.stopped_why == UNCERTAIN:
            raise Refused("only what was refused can be tried again")
        _must_hold(actor, item, cases, now)
        item.stopped_why, item.problem, item.attempts = "", "", 0
        _release(item, now)
        item.save(update_fields=["state", "due_at", "stopped_why", "problem", "attempts", "claimed_until"])
        _note("outbox_tried_again", actor, item, now)
    return item


def sent_by_hand(actor: Actor, item_id: int, url: str = "", now: datetime | None = None) -> OutboxItem:
    """A person carried it out: `url` is where it stands, a web address ("" where it stands nowhere).

    Raises BadInput for another address, Refused for what the worker sends itself, and for what was not approved.
    """
    actor.must("act")
    now = now or timezone.now()
    url = _url(url)
    with transaction.atomic():
        item, _cases = _locked_item(actor, item_id)
        if item.way != Way.HAND:
            raise Refused("the worker sends this by itself")
        # Also what was stopped after somebody had begun: what a person did is written down as it was.
        begun = item.state in (State.STOPPED, State.FAILED, State.APPROVED) and item.counted_at is not None
        if item.state != State.SENDING and not begun:
            raise Refused("this is not ready to be carried out; approve it first, and wait until it was looked at")
        if begun:
            must_not_be_twice(item)
        set_sent(item, url or item.key, url, now)
        item.sent_by_id = person(actor)
        item.save()
        _note("outbox_sent", actor, item, now, by_hand=True)
    return item


def decide_uncertain(
    actor: Actor, item_id: int, *, went: bool, url: str = "", now: datetime | None = None
) -> OutboxItem:
    """Somebody looked whether it went, where no program could: it did, or it did not and is sent (again).

    What did not go, and must not any more for what happened since, is stopped. Raises Refused for what is not uncertain, BadInput for a `url` that is no web address ("": nobody knows where it stands).
    """
    actor.must("act")
    now = now or timezone.now()
    url = _url(url)
    with transaction.atomic():
        item, cases = _locked_item(actor, item_id)
        if item.state != State.FAILED or item.stopped_why != UNCERTAIN:
            raise Refused("nothing is uncertain here")
        if went:
            set_sent(item, item.remote_id, url, now)  # the name it has there, only the service says
            item.sent_by_id = person(actor)
        else:
            item.stopped_why, item.problem, item.attempts, item.tried_at = "", "", 0, None
            if why := reason_to_stop(item, cases, now):
                item.state, item.stopped_why = State.STOPPED, why
            else:
                _must_hold(actor, item, cases, now)
                _release(item, now)
        item.save()
        _note("outbox_uncertain_decided", actor, item, now, went=went)
    return item


def withdraw(actor: Actor, item_id: int, why: str, now: datetime | None = None) -> OutboxItem:
    """Takes back what went: the reply is deleted there, and why is kept. What did not go yet does not go.

    What was tried once and is not known to stand is looked up, and deleted if it does. Raises Refused for what cannot be taken back (mail, a report to the network), BadInput for another reason than WITHDRAW_WHY.
    """
    actor.must("act")
    now = now or timezone.now()
    if why not in WITHDRAW_WHY:
        raise BadInput("why", why, f"one of {', '.join(WITHDRAW_WHY)}")
    with transaction.atomic():
        item, _cases = _locked_item(actor, item_id)
        if item.state in (State.DRAFT, State.APPROVED):
            _stop(item, "taken_back")
        elif item.state in (State.SENDING, State.SENT) and item.way in (Way.MAIL, Way.REPORT):
            raise Refused("what was mailed or reported cannot be taken back; write to whoever received it")
        elif not may_withdraw(item):
            raise Refused("this cannot be withdrawn: it did not go, or was withdrawn already")
        item.withdraw_asked_by_id, item.withdraw_asked_at, item.withdraw_why = person(actor), now, why
        if (item.state == State.SENT and item.way != Way.HAND) or _may_stand(item):
            item.due_at, item.claimed_until, item.attempts, item.problem = now, None, 0, ""
        item.save()
        _note("outbox_withdraw_asked", actor, item, now, why=why)
    return item


def may_withdraw(item: OutboxItem) -> bool:
    """Whether something of it stands there, or may, that can be taken back, and nobody asked for that yet."""
    if item.withdraw_asked_at is not None or item.way not in (Way.REPLY, Way.MESSAGE, Way.HAND):
        return False
    return item.state in (State.SENDING, State.SENT) or _may_stand(item)


def withdrawn_by_hand(actor: Actor, item_id: int, now: datetime | None = None) -> OutboxItem:
    """A person deleted what a person had written, or what the worker cannot reach any more."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        item, _cases = _locked_item(actor, item_id)
        asked = item.state == State.SENT and (item.withdraw_asked_at is not None or item.remove_at is not None)
        asked |= _may_stand(item) and item.withdraw_asked_at is not None
        if not asked:
            raise Refused("nobody asked for this to be withdrawn")
        set_withdrawn(item, now)
        keep(item)
        _note("outbox_withdrawn", actor, item, now, by_hand=True)
    return item


# --- the stop switch --------------------------------------------------------------------------------------------------


def stop_all(actor: Actor, now: datetime | None = None) -> Standstill:
    """From this moment nothing of the organisation leaves; anybody who may act can press it. Harmless when it stands still."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        # the worker holds this row while it lets an item go, so that after this action none goes
        Organisation.objects.select_for_update(no_key=True).filter(pk=organisation(actor)).first()
        still = Standstill.objects.filter(organisation_id=actor.organisation_id, ended_at=None).first()
        if still is None:
            still = Standstill.objects.create(organisation_id=actor.organisation_id, by_id=person(actor), at=now)
            in_hands = OutboxItem.objects.filter(
                organisation_id=actor.organisation_id, way=Way.HAND, state=State.SENDING
            )
            in_hands.update(state=State.APPROVED, due_at=now, claimed_until=None)
            record("sending_stopped", actor=actor.name, organisation=actor.organisation_id, subject=f"standstill:{still.pk}", at=now)  # fmt: skip
    return still


def go_on(actor: Actor, now: datetime | None = None) -> None:
    """Sending goes on; a supervisor's. Raises Refused when nothing stands still."""
    actor.must("oversee")
    now = now or timezone.now()
    with transaction.atomic():
        Organisation.objects.select_for_update(no_key=True).filter(pk=organisation(actor)).first()
        still = Standstill.objects.filter(organisation_id=actor.organisation_id, ended_at=None).first()
        if still is None:
            raise Refused("sending is not stopped")
        still.ended_by_id, still.ended_at = person(actor), now
        still.save(update_fields=["ended_by", "ended_at"])
        record("sending_goes_on", actor=actor.name, organisation=actor.organisation_id, subject=f"standstill:{still.pk}", at=now)  # fmt: skip


# --- what they have in common -------------------------------------------------------------------------------------------


def _must_be_sound(
    kind: str, way: str, to: Mapping[str, Any], body: Mapping[str, Any], remove_after_s: int | None
) -> None:
    if kind not in Kind.values:
        raise BadInput("kind", kind, f"one of {', '.join(Kind.values)}")
    if way not in Way.values:
        raise BadInput("way", way, f"one of {', '.join(Way.values)}")
    if not str(body.get("text", "")).strip():
        raise BadInput("text", "", "the words that are to be said")
    if len(json.dumps(dict(body))) > BODY_LONGEST:
        raise BadInput("body", "...", f"at most {BODY_LONGEST} characters, attachments included")
    needed = {
        Way.REPLY: ("post", "url"),
        Way.REPORT: ("post", "url"),
        Way.MESSAGE: ("author", "handle"),
        Way.MAIL: ("mail",),
    }
    names = needed.get(Way(way), ())
    if names and not any(str(to.get(name, "")) for name in names):
        raise BadInput("to", "", f"whom it is for ({' or '.join(names)})")
    if remove_after_s is not None and not (
        way == Way.REPLY and 60 <= remove_after_s <= REMOVED_AT_MOST.total_seconds()
    ):
        raise BadInput("remove_after_s", remove_after_s, "of a public reply, 60 seconds to 365 days")


def _must_fit(carrier: Channel, way: str, body: Mapping[str, Any]) -> None:
    if way == Way.REPLY and isinstance(carrier, Replies) and carrier.length_of(body["text"]) > carrier.longest:
        raise BadInput("text", "...", f"at most {carrier.longest} characters, as the network counts them")


def _sign(item: OutboxItem, carrier: Channel) -> bool:
    """Where there is a public page, a letter names it and its code; True when that changed the words."""
    line = line_of(item)
    if not line or line in str(item.body["text"]):
        return False
    item.body = {**item.body, "text": f"{item.body['text']}\n{line}"}
    _must_fit(carrier, item.way, item.body)
    return True


def _sender(actor: Actor, channel: str, way: str, sender_id: int | None) -> Sender | None:
    if way == Way.HAND and sender_id is None:
        return None
    sender = Sender.objects.filter(organisation_id=actor.organisation_id, pk=sender_id or 0, channel=channel).first()
    if sender is None or sender.state == Sender.State.ENDED:
        raise BadInput("sender", sender_id, "a sender of your organisation for this channel")
    return sender


def _corrected(actor: Actor, item_id: int | None) -> OutboxItem:
    may_have_gone = Q(state__in=(State.SENT, State.WITHDRAWN)) | Q(state=State.FAILED, stopped_why=UNCERTAIN)
    may_have_gone |= Q(state=State.SENDING, kind=Kind.REQUEST)  # it is there in a moment
    found = OutboxItem.objects.filter(may_have_gone, organisation_id=actor.organisation_id, pk=item_id or 0).first()
    if found is None:
        raise BadInput("corrects", item_id, "something that your organisation sent")
    return found


def _locked_cases(actor: Actor, case_ids: Sequence[int]) -> list[Case]:
    """The cases in the order asked for, first; posts and cases are locked in the order everybody locks."""
    ids = list(dict.fromkeys(case_ids))
    mine = cases_before(actor).filter(pk__in=ids)
    posts = sorted(mine.values_list("post_id", flat=True))
    list(Post.objects.select_for_update(of=("self",)).filter(pk__in=posts).order_by("pk"))
    locked = mine.select_for_update(of=("self",)).select_related("post", "post__account", "post__current")
    found = {case.pk: case for case in locked.order_by("pk")}
    for case_id in ids:
        if case_id not in found:
            raise BadInput("case", case_id, "there is no such case in your organisation")
    return [found[case_id] for case_id in ids]


def _locked_item(actor: Actor, item_id: int) -> tuple[OutboxItem, list[Case]]:
    mine = OutboxItem.objects.filter(organisation_id=actor.organisation_id)
    known = mine.filter(pk=item_id).values_list("case_id", flat=True).first()
    also = list(OutboxItem.also.through.objects.filter(outboxitem_id=item_id).values_list("case_id", flat=True))
    cases = _locked_cases(actor, ([known] if known is not None else []) + also)
    item = mine.select_for_update(of=("self",)).filter(pk=item_id).first()
    if item is None:
        raise BadInput("item", item_id, "there is no such thing in your organisation's outbox")
    return item, cases


def _to_approve(actor: Actor, item_id: int, bound: str, now: datetime) -> OutboxItem:
    item, cases = _locked_item(actor, item_id)
    if item.state != State.DRAFT:
        raise Refused("this waits for no approval: it was approved, discarded or sent meanwhile")
    if bound != item.bound:
        raise Refused(said("changed"))
    item.second_needed |= _must_hold(actor, item, cases, now)
    return item


def _must_hold(actor: Actor, item: OutboxItem, cases: list[Case], now: datetime) -> bool:
    """Raises Refused for what must not leave; whether a second person is needed, by what holds now."""
    demanded = must_be_allowed(actor, cases, item.kind, now)
    if why := reason_to_stop(item, cases, now):
        raise Refused(said(why))
    return demanded


def _release(item: OutboxItem, now: datetime) -> None:
    item.state, item.due_at, item.claimed_until = State.APPROVED, now, None


def _stop(item: OutboxItem, why: str) -> None:
    item.state, item.stopped_why, item.problem, item.due_at, item.claimed_until = State.STOPPED, why, "", None, None
    item.save(update_fields=["state", "stopped_why", "problem", "due_at", "claimed_until"])


def _may_stand(item: OutboxItem) -> bool:
    """Whether an attempt may have arrived although nobody saw it there."""
    return item.state in MAY_STAND and item.tried_at is not None and item.way in (Way.REPLY, Way.MESSAGE) and item.withdrawn_at is None  # fmt: skip


def _url(url: str) -> str:
    url = url.strip()
    if url and (len(url) > URL_LONGEST or not url.isprintable() or not web_address(url)):
        raise BadInput("url", "...", f"a web address (https://) of at most {URL_LONGEST} characters")
    return url


def _note(kind: str, actor: Actor, item: OutboxItem, now: datetime, **facts: str | int | bool | None) -> None:
    subject = f"case:{item.case_id}" if item.case_id else f"outbox:{item.pk}"
    record(kind, actor=actor.name, organisation=item.organisation_id, subject=subject, at=now, item=item.pk, **facts)
