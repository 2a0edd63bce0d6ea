"""Asking a provider: a person drafts, a person approves it in the outbox; a second request, forms, and why nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.trials import must_be_real
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox import moves
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import said
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Kind as BodyKind
from yoake.casework.registers.queries import body_of
from yoake.casework.request.drafting import drafted, locked_request, mine_of, one_line
from yoake.casework.request.grounds import More, more_of, standing
from yoake.casework.request.kind import NETWORK
from yoake.casework.request.models import Meaning, NoRequest, Request
from yoake.casework.request.queries import FORM_CHANGED, LIVE, no_request_of
from yoake.errors import BadInput, Refused

RECEIPT_LONGEST: Final = 60
NOTE_LONGEST: Final = 200
State, Way, Purpose = OutboxItem.State, OutboxItem.Way, Request.Purpose


def draft_request(
    actor: Actor,
    case_ids: Sequence[int],
    kind: str,
    body: str,
    channel: str,
    *,
    reasons: Mapping[int, str] | None = None,
    preservation: str = "",
    term_days: int | None = None,
    sender_id: int | None = None,
    network_reason: str = "",
    now: datetime | None = None,
) -> list[Request]:
    """Writes a request down; nothing leaves before a person approved it in the outbox.

    Args:
        actor: somebody who may act.
        case_ids: the case; by mail further ones of the same provider and category, so that one mail carries them all.
        kind: name on the shelf kinds/.
        body: slug of an operator or provider of the registers.
        channel: email, web_form, by_hand or network, one that the kind takes; its contact must be confirmed.
        reasons: grounds by case, in the provider's language; as the ticked elements make them when left out.
        preservation: what police said when they were asked, for what takes evidence down: `not_wanted`; `wanted`, where a
            preservation went to this provider before.
        term_days: of a preservation, 1 to its most.
        sender_id: the mailbox or account that speaks, where a program sends.
        network_reason: the network's own code, for its own report.
        now: the time; the clock's when left out.

    Returns:
        One request a case, all with the same outbox item.

    Raises:
        BadInput: something of this is missing or is none.
        Refused: the category forbids it; evidence is not sealed; police were not asked; nobody confirmed the contact; it was
            requested already, or somebody wrote down why it is not; and whatever the outbox refuses.
    """
    actor.must("act")
    return drafted(
        actor, case_ids, kind, body, channel, reasons=reasons or {}, preservation=preservation, term_days=term_days,
        sender_id=sender_id, network_reason=network_reason, now=now or timezone.now(),
    )  # fmt: skip


def draft_second(
    actor: Actor,
    request_id: int,
    *,
    codes: Sequence[str] = (),
    channel: str = "",
    sender_id: int | None = None,
    now: datetime | None = None,
) -> Request:
    """A second request after a refusal, with grounds beyond the wording: counts, missing items, the provider's own term.

    Args:
        actor: somebody who may act.
        request_id: what was refused.
        codes: which of `more_grounds` are said, one at least; what does not hold is refused.
        channel: as the first one went when left out.
        sender_id: as the first one's when left out.
        now: the time; the clock's when left out.
    """
    actor.must("act")
    now = now or timezone.now()
    first = mine_of(actor, request_id)
    if first.meaning != Meaning.REFUSED:
        raise Refused("only what was refused is asked a second time")
    if first.followed_by.filter(purpose=Purpose.SECOND, item__state__in=LIVE).exists():
        raise Refused("this was asked a second time already")
    (made,) = drafted(
        actor, [first.case_id], first.kind, first.body, channel or _channel_of(first), reasons={},
        preservation=first.preservation, term_days=None, sender_id=sender_id or first.item.sender_id,
        network_reason=str(first.item.body.get("reason", "")), now=now, purpose=Purpose.SECOND, follows=first, codes=codes,
    )  # fmt: skip
    return made


def more_grounds(actor: Actor, request_id: int) -> More:
    """What could be said in a second request, beyond the wording of the post; of other cases their number alone."""
    actor.must("act")
    request = mine_of(actor, request_id)
    return more_of(request.case, standing(request.case), body_of(organisation(actor), request.body))


def form_sent(actor: Actor, request_id: int, receipt: str = "", now: datetime | None = None) -> Request:
    """A person sent the form, or brought the paper; with the number that the provider gave, "" for none."""
    actor.must("act")
    now, receipt = now or timezone.now(), one_line("receipt", receipt, RECEIPT_LONGEST)
    with transaction.atomic():
        request = locked_request(actor, request_id)
        outbox.sent_by_hand(actor, request.item_id, now=now)
        Request.objects.filter(pk=request.pk).update(receipt=receipt)
        note("request_handed_over", actor, request.case, now, request=request.pk, channel=request.item.channel)
    return Request.objects.select_related("item").get(pk=request.pk)


def form_changed(actor: Actor, request_id: int, now: datetime | None = None) -> Request:
    """The provider's form is not what the page says any more: the request is stopped, and a person looks for another way.

    Raises Refused for what is no form, or was sent.
    """
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        request = locked_request(actor, request_id)
        item = request.item
        if item.channel != "web_form" or item.state not in (State.DRAFT, State.APPROVED, State.SENDING):
            raise Refused("only a form that is to be filled in can have changed")
        if item.state == State.DRAFT:
            outbox.discard(actor, item.pk, now)
        else:  # it waits for a person's hand, who now says that it cannot be carried out
            moves.stop(item, FORM_CHANGED, now)
        request.ended_at, request.due_at = now, None
        request.save(update_fields=["ended_at", "due_at"])
        note("request_form_changed", actor, request.case, now, request=request.pk, body=request.body)
    return Request.objects.select_related("item").get(pk=request.pk)


def record_no_request(
    actor: Actor, case_id: int, why: str, words: str = "", body: str = "", now: datetime | None = None
) -> NoRequest:
    """Writes down why nothing is requested about a case; `body` is the partner hotline where it is hosted abroad."""
    actor.must("act")
    now, words = now or timezone.now(), one_line("note", words, NOTE_LONGEST)
    if why not in NoRequest.Why.values:
        raise BadInput("why", why, f"one of {', '.join(NoRequest.Why.values)}")
    if why == NoRequest.Why.OTHER and not words:
        raise BadInput("note", "", "which other reason")
    with transaction.atomic():
        case = locked(actor, case_id)
        must_be_real(case)
        if case.practice:
            raise Refused(said("practice"))
        standing(case)
        if why == NoRequest.Why.ABROAD and body_of(organisation(actor), body).kind != BodyKind.PARTNER_HOTLINE:
            raise BadInput("body", body, "the partner hotline that is told; an administrator adds it to the registers")
        if no_request_of(case) is not None:
            raise Refused("a reason is written down already; take that back first")
        made = NoRequest.objects.create(
            organisation_id=organisation(actor), case=case, why=why, note=words, by_id=person(actor), at=now,
            body=body if why == NoRequest.Why.ABROAD else "",
        )  # fmt: skip
        note("no_request", actor, case, now, why=why)
    return made


def withdraw_no_request(actor: Actor, case_id: int, now: datetime | None = None) -> None:
    """The reason does not hold any more: something can be requested. Raises Refused where none stands."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        case = locked(actor, case_id)
        found = no_request_of(case)
        if found is None:
            raise Refused("no reason is written down")
        NoRequest.objects.filter(pk=found.pk).update(withdrawn_by_id=person(actor), withdrawn_at=now)
        note("no_request_withdrawn", actor, case, now, why=found.why)


def _channel_of(request: Request) -> str:
    return NETWORK if request.item.way == Way.REPORT else request.item.channel
