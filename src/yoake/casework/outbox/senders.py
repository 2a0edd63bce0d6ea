"""Who speaks for an organisation: administrators add senders, test who they are, pause, resume, limit and end them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import organisation, person
from yoake.casework.outbox.channel import Channel, Identity
from yoake.casework.outbox.models import Sender
from yoake.casework.outbox.queries import channel_called
from yoake.casework.outbox.secrets import seal, speaker_of, unseal
from yoake.casework.people.queries import Actor
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused

State = Sender.State
NAME_LONGEST: Final = 60
VALUE_LONGEST: Final = 2000
LIMITS: Final = {  # least and most, with the model's own values where nothing is said
    "per_hour": (0, 1000),
    "per_day": (0, 10_000),
    "cooldown_s": (0, 86_400),
    "spread_s": (0, 86_400),
}


def add_sender(
    actor: Actor,
    channel: str,
    name: str,
    given: Mapping[str, str],
    *,
    limits: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> Sender:
    """Adds an account or mailbox. It is paused until the service said who it is (`prove_sender`), then it may send.

    Args:
        actor: an administrator.
        channel: name of a file in channels/ that the worker can send over.
        name: what people here call it, once in the organisation.
        given: the channel's `fields` by name, secrets among them; those are sealed and never shown again.
        limits: per_hour, per_day, cooldown_s, spread_s; what is left out has a careful value.
        now: the time; the clock's when left out.

    Raises:
        BadInput: an unknown channel, a name that is taken, a field that is missing or too long, a limit out of range.
    """
    actor.must("senders")
    now = now or timezone.now()
    carrier, name = channel_called(channel), name.strip()
    if carrier.by_hand and not carrier.fields:
        raise BadInput(
            "channel", channel, "a channel over which the worker sends; what people carry out needs no sender"
        )
    if not name or len(name) > NAME_LONGEST or not name.isprintable():
        raise BadInput("name", name, f"one line of at most {NAME_LONGEST} characters")
    options, secrets = _read(carrier, given, {}, {})
    with transaction.atomic():
        if Sender.objects.filter(organisation_id=actor.organisation_id, name=name).exists():
            raise BadInput("name", name, "a name that no other sender of your organisation has")
        try:
            with transaction.atomic():
                sender = Sender.objects.create(
                    organisation_id=organisation(actor), channel=channel, name=name, options=options, sealed=seal(secrets),
                    state=State.PAUSED, paused_why="untested", paused_at=now, added_by_id=person(actor), added_at=now,
                    **_limits(limits or {}),
                )  # fmt: skip
        except IntegrityError:
            raise BadInput("name", name, "a name that no other sender of your organisation has") from None
        _note("sender_added", actor, sender, now, channel=channel)
    return sender


def prove_sender(actor: Actor, sender_id: int, net: Net, now: datetime | None = None) -> Identity:
    """Asks the service who the sender is; one that was never tested may send from then on.

    Raises TryLater when the service is away; Refused or BadInput, in its words, when it does not take what was entered.
    """
    actor.must("senders")
    now = now or timezone.now()
    sender = _own(actor, sender_id)
    told = channel_called(sender.channel).who(speaker_of(sender), net)  # outside of a transaction: it may take seconds
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        sender.remote_id, sender.handle, sender.tested_at = told.remote_id[:300], told.handle[:300], now
        if sender.paused_why == "untested":
            _go_on(sender)
        sender.save()
        _note("sender_tested", actor, sender, now)
    return told


def change_sender(actor: Actor, sender_id: int, given: Mapping[str, str], now: datetime | None = None) -> Sender:
    """Other options or secrets; a secret left empty stays. It is tested anew before it sends again."""
    actor.must("senders")
    now = now or timezone.now()
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        try:
            known = unseal(sender.sealed)
        except Refused:  # the key file is another one: they are entered anew
            known = {}
        options, secrets = _read(channel_called(sender.channel), given, sender.options, known)
        sender.options, sender.sealed = options, seal(secrets)
        sender.state, sender.paused_why, sender.paused_at = State.PAUSED, "untested", now
        sender.paused_by_id, sender.problem = None, ""
        sender.save()
        _note("sender_changed", actor, sender, now)
    return sender


def limit_sender(actor: Actor, sender_id: int, limits: Mapping[str, int], now: datetime | None = None) -> Sender:
    """Other quotas; what was sent already counts against them."""
    actor.must("senders")
    now = now or timezone.now()
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        for field, value in _limits(limits).items():
            setattr(sender, field, value)
        sender.save()
        _note("sender_limited", actor, sender, now, **_limits(limits))
    return sender


def pause_sender(actor: Actor, sender_id: int, now: datetime | None = None) -> Sender:
    """Nothing leaves over it until somebody resumes it; what waits, waits. Harmless when it is paused."""
    actor.must("senders")
    now = now or timezone.now()
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        if sender.state == State.ACTIVE:
            sender.state, sender.paused_why = State.PAUSED, "by_hand"
            sender.paused_at, sender.paused_by_id = now, person(actor)
            sender.save()
            _note("sender_paused", actor, sender, now, why="by_hand")
    return sender


def resume_sender(actor: Actor, sender_id: int, now: datetime | None = None) -> Sender:
    """It sends again: also after a service had frozen it, once a person has looked. Raises Refused for one never tested."""
    actor.must("senders")
    now = now or timezone.now()
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        if sender.paused_why == "untested":
            raise Refused("this sender was not tested; test who it is first")
        if sender.state == State.PAUSED:
            _go_on(sender)
            sender.save()
            _note("sender_resumed", actor, sender, now)
    return sender


def end_sender(actor: Actor, sender_id: int, now: datetime | None = None) -> Sender:
    """It never sends again and its secrets are erased; what it sent stays known, and can then be withdrawn only by hand."""
    actor.must("senders")
    now = now or timezone.now()
    with transaction.atomic():
        sender = _own(actor, sender_id, lock=True)
        sender.state, sender.sealed, sender.problem = State.ENDED, b"", ""
        sender.save()
        _note("sender_ended", actor, sender, now)
    return sender


def senders_of(actor: Actor) -> list[Sender]:
    """All senders of the organisation, those that were ended last."""
    actor.must("read")
    rows = Sender.objects.filter(organisation_id=actor.organisation_id).select_related("paused_by", "added_by")
    return sorted(rows, key=lambda one: (one.state == State.ENDED, one.channel, one.name))


def _read(
    carrier: Channel, given: Mapping[str, str], options: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """What was entered, as options and secrets; a secret that was left empty stays what it is."""
    for name in given:
        if name not in [field.name for field in carrier.fields]:
            raise BadInput(name, "", f"one of {', '.join(field.name for field in carrier.fields)}")
    options, secrets = dict(options), dict(secrets)
    for field in carrier.fields:
        known = secrets if field.secret else options
        value = str(given.get(field.name, "")).strip()
        if len(value) > VALUE_LONGEST or not value.isprintable():
            raise BadInput(field.name, "", f"one line of at most {VALUE_LONGEST} characters")
        if (field.secret or field.name == "user") and not value.isascii():  # signing in knows no others
            raise BadInput(field.name, "", "letters, numbers and signs of ASCII only: a service takes no others here")
        if value or (field.name in given and not field.secret):
            known[field.name] = value
        if not known.get(field.name):
            known[field.name] = field.default
        if field.needed and not known[field.name]:
            raise BadInput(field.name, "", "something: this channel needs it")
    return options, secrets


def _limits(given: Mapping[str, int]) -> dict[str, int]:
    for field, value in given.items():
        if field not in LIMITS:
            raise BadInput(field, value, f"one of {', '.join(LIMITS)}")
        least, most = LIMITS[field]
        if not least <= value <= most:
            raise BadInput(field, value, f"a number from {least} to {most}")
    return dict(given)


def _go_on(sender: Sender) -> None:
    sender.state, sender.paused_why, sender.paused_at, sender.paused_by, sender.problem = (
        State.ACTIVE,
        "",
        None,
        None,
        "",
    )


def _own(actor: Actor, sender_id: int, *, lock: bool = False) -> Sender:
    mine = Sender.objects.filter(organisation_id=actor.organisation_id).exclude(state=State.ENDED)
    sender = (mine.select_for_update() if lock else mine).filter(pk=sender_id).first()
    if sender is None:
        raise BadInput("sender", sender_id, "there is no such sender in your organisation")
    return sender


def _note(kind: str, actor: Actor, sender: Sender, now: datetime, **facts: str | int) -> None:
    record(kind, actor=actor.name, organisation=sender.organisation_id, subject=f"sender:{sender.pk}", at=now, **facts)
