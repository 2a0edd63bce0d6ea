"""After a request went: reminders, a rights claim, what a supervisor decides, and papers about a preservation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.acting import note, organisation, person
from yoake.casework.due import business_days_after
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import said
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Kind as BodyKind
from yoake.casework.registers.queries import body_of, must_be_verified
from yoake.casework.request import facts as telling
from yoake.casework.request.clock import wait_anew
from yoake.casework.request.drafting import drafted, lock_cases, locked_request, mine_of
from yoake.casework.request.kind import BY_HAND, EMAIL
from yoake.casework.request.models import Request
from yoake.casework.request.queries import CLAIM_DAYS, LIVE, is_gone, is_open
from yoake.errors import BadInput, Refused

EXTENDED_AT_MOST_DAYS: Final = 30  # by one extension; domain notes, section 3: up to 30 days, extendable [verify]
State, Way, Purpose = OutboxItem.State, OutboxItem.Way, Request.Purpose


def extend_preservation(actor: Actor, request_id: int, days: int, now: datetime | None = None) -> Request:
    """A paper that asks to keep the records longer, by 1 to 30 days; the term moves once it was handed over."""
    actor.must("act")
    now = now or timezone.now()
    if not 1 <= days <= EXTENDED_AT_MOST_DAYS:
        raise BadInput("days", days, f"a number from 1 to {EXTENDED_AT_MOST_DAYS}")
    return _follow_up(actor, request_id, Purpose.EXTENSION, days, now)


def withdraw_preservation(actor: Actor, request_id: int, now: datetime | None = None) -> Request:
    """A paper that says that the records need not be kept any more; the preservation ends once it was handed over."""
    actor.must("act")
    return _follow_up(actor, request_id, Purpose.WITHDRAWAL, None, now or timezone.now())


def draft_reminder(actor: Actor, request_id: int, now: datetime | None = None) -> Request:
    """Asks again where a mail was not answered in time, in the same thread; a person approves it like any other.

    Raises Refused before the clock ran out, for what was answered, and for what did not go by mail: there a person asks.
    """
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        together = mine_of(actor, request_id).item.requests.all()
        lock_cases(actor, sorted(together.values_list("case_id", flat=True)))
        with_it = [one for one in together if is_open(one) and not is_gone(one)]
        request = locked_request(actor, request_id)
        must_be_unanswered(request)
        if request.overdue_at is None:
            raise Refused("its time to answer is not over yet")
        if request.reminder_id is not None and request.reminder is not None and request.reminder.state in LIVE:
            raise Refused("a reminder was written already")
        if request.item.way != Way.MAIL:
            raise Refused(
                "this did not go by mail; ask them by telephone or through their form, then write down what they said"
            )
        item, told = request.item, request.item.body
        if not told:
            raise Refused(said("erased"))
        contact = must_be_verified(body_of(organisation(actor), request.body), "email")
        words = telling.reminder_of(told["facts"], item.sent_at or now, told["text"])
        also = [one.case_id for one in with_it if one.case_id != request.case_id]
        made = outbox.draft(
            actor, request.case_id, OutboxItem.Kind.REQUEST, channel=EMAIL, way=Way.MAIL, to={"mail": contact},
            body={
                "text": words, "subject": f"Re: {told['subject']}", "in_reply_to": item.remote_id,
                "references": item.remote_id, "facts": told["facts"],
            },
            sender_id=item.sender_id, also=also, now=now,
        )  # fmt: skip
        Request.objects.filter(pk__in=[one.pk for one in with_it]).update(reminder=made, reminded_at=None)  # one mail
        note("request_reminder_drafted", actor, request.case, now, request=request.pk, item=made.pk)
    return Request.objects.get(pk=request.pk)


def record_claim(actor: Actor, request_id: int, days_ago: int = 0, now: datetime | None = None) -> Request:
    """The person harmed made a rights claim to a designated operator: only then its duty of seven days runs, from that day.

    Raises Refused for every other provider: recruitment and job boards have no statutory clock (domain notes, section 3).
    """
    actor.must("act")
    now = now or timezone.now()
    if not 0 <= days_ago <= 60:
        raise BadInput("days_ago", days_ago, "a number of days from 0 to 60")
    with transaction.atomic():
        request = locked_request(actor, request_id)
        must_be_unanswered(request)
        if body_of(organisation(actor), request.body).kind != BodyKind.OPERATOR:
            raise Refused("the seven days hold for designated operators only")
        request.claimed_on, request.claimed_by_id = now - timedelta(days=days_ago), person(actor)
        wait_anew(request, request.claimed_on + timedelta(days=CLAIM_DAYS))
        request.save()
        note("request_claim_recorded", actor, request.case, now, request=request.pk)
    return request


def take_up(actor: Actor, request_id: int, wait_days: int = 0, now: datetime | None = None) -> Request:
    """A supervisor decides about what nobody answered: to wait so many more business days (1 to 20), or 0: nobody follows it."""
    actor.must("oversee")
    now = now or timezone.now()
    if not 0 <= wait_days <= 20:
        raise BadInput("wait_days", wait_days, "a number of business days from 0 to 20")
    with transaction.atomic():
        request = locked_request(actor, request_id)
        must_be_unanswered(request)
        if request.escalated_at is None:
            raise Refused("this was not put to a supervisor")
        request.taken_up_by_id, request.taken_up_at = person(actor), now
        if wait_days:
            wait_anew(request, business_days_after(now, wait_days))
        else:
            request.ended_at, request.due_at = now, None
        request.save()
        note("request_taken_up", actor, request.case, now, request=request.pk, wait_days=wait_days)
    return request


def _follow_up(actor: Actor, request_id: int, purpose: str, days: int | None, now: datetime) -> Request:
    """A paper about a preservation that went: an extension, a withdrawal."""
    first = mine_of(actor, request_id)
    if first.kind != "preservation" or first.purpose != Purpose.FIRST or first.item.state != State.SENT:
        raise Refused("only a preservation that was asked for can be extended or withdrawn")
    if first.ended_at is not None:
        raise Refused("this preservation has ended")
    if first.followed_by.filter(purpose=purpose, item__state__in=(State.DRAFT, State.APPROVED, State.SENDING)).exists():
        raise Refused("a paper for this is written already")
    (made,) = drafted(
        actor, [first.case_id], first.kind, first.body, BY_HAND, reasons={}, preservation="", term_days=days,
        sender_id=None, network_reason="", now=now, purpose=purpose, follows=first,
    )  # fmt: skip
    return made


def must_be_unanswered(request: Request) -> None:
    """Raises Refused for a request that did not go, was answered, or that nobody follows any more."""
    if request.item.state != State.SENT or request.started_at is None:
        raise Refused("this did not go yet")
    if not is_open(request):
        raise Refused("this was answered, or nobody follows it any more")
    if is_gone(request):
        raise Refused("what was to be taken down is gone; nobody needs to ask again")
