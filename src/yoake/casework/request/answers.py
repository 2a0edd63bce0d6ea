"""What a provider said: a person reads it, says what it means, and writes back. No program reads a meaning into words."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.categories import category
from yoake.casework.cases.outcomes import note_refused, take_back_refused
from yoake.casework.cases.queries import standing_decision
from yoake.casework.cases.schedule import NOW, checkable, plan_one
from yoake.casework.due import business_days_after
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import said
from yoake.casework.people.queries import Actor
from yoake.casework.registers.checks import mail_address
from yoake.casework.registers.queries import body_of
from yoake.casework.request.clock import next_look, wait_anew
from yoake.casework.request.drafting import locked_request
from yoake.casework.request.kind import EMAIL
from yoake.casework.request.models import Answer, Meaning, Request
from yoake.casework.request.queries import ANSWER_DAYS, answer_of, kind_called
from yoake.casework.wording.checks import must_name_verified_articles
from yoake.errors import BadInput, Refused

NOTE_LONGEST: Final = 500
TEXT_LONGEST: Final = 4000
State, Way = OutboxItem.State, OutboxItem.Way


def say_meaning(
    actor: Actor, request_id: int, meaning: str, answer_id: int = 0, words: str = "", now: datetime | None = None
) -> Request:
    """What a provider's answer means for one request; a later answer takes the place of an earlier one, and the audit has both.

    Args:
        actor: somebody who may act.
        request_id: a request that went.
        meaning: one of Meaning: removed, refused, asks_back, received (only that it arrived), bounced.
        answer_id: the mail that says so; 0 for what was said by telephone or in a form.
        words: a note, at most 500 characters.
        now: the time; the clock's when left out.

    What they say they removed is looked at: the outcome is what a check finds. A meaning that takes the place of another
    corrects what followed from it: the clock runs (again) where they still owe an answer, and no refusal stands that was none.
    """
    actor.must("act")
    now = now or timezone.now()
    if meaning not in Meaning.values:
        raise BadInput("meaning", meaning, f"one of {', '.join(Meaning.values)}")
    words = words.replace("\r\n", "\n").strip()
    if len(words) > NOTE_LONGEST:
        raise BadInput("note", words, f"at most {NOTE_LONGEST} characters")
    with transaction.atomic():
        request = locked_request(actor, request_id)
        if request.item.state != State.SENT:
            raise Refused("this did not go yet")
        said_at = now
        if answer_id:
            answer = answer_of(actor, answer_id)
            said_at = answer.at
            if answer.item_id not in (request.item_id, request.reminder_id):
                raise BadInput("answer", answer_id, "a mail that answers this request")
            _read(actor, answer, now)
        before = request.meaning
        request.meaning, request.meant_at, request.meant_by_id, request.note = meaning, now, person(actor), words
        request.answered_at = said_at if meaning not in (Meaning.RECEIVED, Meaning.BOUNCED) else None
        request.written_back_at = None
        if meaning == Meaning.BOUNCED:
            request.ended_at = now
        elif before == Meaning.BOUNCED:  # it did arrive
            request.ended_at = None
        if (
            meaning == Meaning.RECEIVED and before == Meaning.ASKS_BACK
        ):  # they have what they asked for: their time begins anew
            wait_anew(request, business_days_after(now, ANSWER_DAYS))
        request.due_at, request.claimed_until, request.attempts = next_look(request), None, 0
        request.save()
        kind = kind_called(request.kind)
        if meaning == Meaning.REMOVED and kind.takes_down and checkable(request.case):
            plan_one(request.case, NOW, now)
        if kind.takes_down and request.item.sent_at is not None:
            if meaning == Meaning.REFUSED:
                note_refused(request.case, request.item.sent_at, now, of="post" if kind.still_up else "account")
            elif before == Meaning.REFUSED:
                take_back_refused(request.case, request.item.sent_at)
        note("request_answered", actor, request.case, now, request=request.pk, meaning=meaning, answer=answer_id)
    return request


def attach_answer(actor: Actor, answer_id: int, request_id: int, now: datetime | None = None) -> Answer:
    """A mail that lost its thread belongs to this request. Raises Refused for one that has its thread."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        request = locked_request(actor, request_id)
        answer = answer_of(actor, answer_id)
        if answer.item_id is not None:
            raise Refused("this mail belongs to a request already")
        if request.item.state != State.SENT:
            raise Refused("this did not go yet")
        answer.item, answer.body = request.item, request.body
        answer.save(update_fields=["item", "body"])
        note("answer_attached", actor, request.case, now, request=request.pk, answer=answer.pk)
    return answer


def set_aside(actor: Actor, answer_id: int, now: datetime | None = None) -> Answer:
    """A mail says nothing about any request (an automatic reply, an advertisement): its words go, that it came stays."""
    actor.must("act")
    now = now or timezone.now()
    with transaction.atomic():
        found = answer_of(actor, answer_id)
        if found.item is not None and found.item.case_id is not None:
            locked(actor, found.item.case_id)
        answer = Answer.objects.select_for_update(of=("self",)).get(pk=found.pk)
        if answer.read_at is not None:
            raise Refused("somebody read this already")
        answer.text = answer.subject = answer.from_address = answer.references = ""
        answer.read_by_id, answer.read_at = person(actor), now
        answer.save()
        subject = f"answer:{answer.pk}"
        record("answer_set_aside", actor=actor.name, organisation=actor.organisation_id, subject=subject, at=now)
    return answer


def draft_answer(actor: Actor, answer_id: int, text: str, to: str = "", now: datetime | None = None) -> OutboxItem:
    """Writes back to a mail, in its thread; a person approves it in the outbox like everything else.

    Args:
        actor: somebody who may act.
        answer_id: a mail whose request is known.
        text: the words; an article that nobody verified stands in none.
        to: to which address. It may be left out where the mail came from the provider's confirmed one: who wrote a mail, nobody
            proves, so another address is one that a person typed.
        now: the time; the clock's when left out.
    """
    actor.must("act")
    now, text = now or timezone.now(), text.replace("\r\n", "\n").strip()
    if not text or len(text) > TEXT_LONGEST:
        raise BadInput("text", text[:40], f"what you write back, at most {TEXT_LONGEST} characters")
    with transaction.atomic():
        answer = answer_of(actor, answer_id)
        item = answer.item
        if item is None or item.case is None or item.way != Way.MAIL:
            raise Refused("say first which request this mail belongs to")
        if not item.to or not answer.message_id:
            raise Refused(said("erased"))
        if (decision := standing_decision(list(item.case.decisions.order_by("at", "pk")))) is not None:
            must_name_verified_articles(category(decision.category), "text", text)
        made = outbox.draft(
            actor, item.case_id, OutboxItem.Kind.ANSWER, channel=EMAIL, way=Way.MAIL,
            to={"mail": mail_address(to) if to.strip() else back_to(answer)},
            body={
                "text": text, "subject": f"Re: {answer.subject.removeprefix('Re: ')}", "in_reply_to": answer.message_id,
                "references": f"{answer.references} {answer.message_id}".strip(), "about": item.pk,
            },
            sender_id=item.sender_id, now=now,
        )  # fmt: skip
        record("answer_drafted", actor=actor.name, organisation=organisation(actor), subject=f"case:{item.case_id}", at=now, answer=answer.pk, item=made.pk)  # fmt: skip
    return made


def _read(actor: Actor, answer: Answer, now: datetime) -> None:
    if answer.read_at is None:
        Answer.objects.filter(pk=answer.pk).update(read_by_id=person(actor), read_at=now)


def confirmed_of(answer: Answer) -> str:
    """The confirmed mail address of the provider a mail is from; "" for none."""
    try:
        return body_of(answer.organisation_id, answer.body).verified("email") if answer.body else ""
    except BadInput:  # the body was taken out
        return ""


def back_to(answer: Answer) -> str:
    """To whom a mail can be answered without asking a person: only the confirmed address itself. Raises BadInput for another."""
    confirmed = confirmed_of(answer)
    if not confirmed or answer.from_address.casefold() != confirmed.casefold():
        raise BadInput("to", "", "the address to write to: the mail did not come from the confirmed one")
    return confirmed
