"""What is in the outbox, as people see it. Every query takes the actor and shows only their organisation's."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from yoake import shelf
from yoake.casework.asked import once
from yoake.casework.cases.holds import held_elsewhere
from yoake.casework.cases.models import Case
from yoake.casework.cases.second import judged_unseen
from yoake.casework.outbox import channels
from yoake.casework.outbox.channel import Channel, Mails, Messages, Replies, Reports
from yoake.casework.outbox.models import OutboxItem, Sender, Standstill
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

State, Way = OutboxItem.State, OutboxItem.Way
_CAPABILITY: Final[dict[str, type]] = {
    Way.REPLY: Replies,
    Way.MESSAGE: Messages,
    Way.REPORT: Reports,
    Way.MAIL: Mails,
}


def channel_called(name: str) -> Channel:
    """The channel of that name. Raises BadInput naming those there are."""
    carrier: Channel = shelf.take(channels, name)()
    return carrier


def can_carry(carrier: Channel, way: str) -> bool:
    """Whether a channel has a way."""
    return carrier.by_hand if way == Way.HAND else isinstance(carrier, _CAPABILITY[way])


def must_carry(carrier: Channel, name: str, way: str) -> None:
    """Raises Refused for a way that a channel does not have."""
    if not can_carry(carrier, way):
        raise Refused(f"the channel {name} has no way to do this ({way}); choose another one")


def ways_to(network: str) -> list[tuple[str, str]]:
    """Channels and ways by which a post of a network can be answered, its author written to, or it reported."""
    found = []
    for name in shelf.names(channels):
        carrier = channel_called(name)
        if not carrier.networks or network in carrier.networks:
            found += [(name, way) for way in Way.values if can_carry(carrier, way)]
    return found


def visible(actor: Actor, now: datetime | None = None, *, to_second_judges: bool = False) -> QuerySet[OutboxItem]:
    """The organisation's items that this person may see; whatever shows one, or what belongs to one, begins here.

    Left out are those that would tell a second judge of the first judgement (unless `to_second_judges`), and those about a
    post that another body holds: also where that is a further case of one mail.
    """
    actor.must("read")
    hidden = once(
        ("hidden from", actor, to_second_judges), lambda: _hidden(actor, now or timezone.now(), to_second_judges)
    )
    rows = OutboxItem.objects.filter(organisation_id=actor.organisation_id)
    if not hidden:
        return rows
    further = OutboxItem.also.through.objects.filter(case__in=hidden).values("outboxitem_id")
    return rows.exclude(case__in=hidden).exclude(pk__in=further)


def _hidden(actor: Actor, now: datetime, to_second_judges: bool) -> list[int]:
    """Cases about which something left or shall, and of which this person must not see it; few, and asked once a page."""
    first = OutboxItem.objects.filter(organisation_id=actor.organisation_id).exclude(case=None).values("case_id")
    further = OutboxItem.also.through.objects.filter(outboxitem__organisation_id=actor.organisation_id)
    mine = Case.everything.filter(pk__in=first.union(further.values("case_id")))
    held = held_elsewhere(mine, actor.organisation_id, now).values("pk")
    unseen = Q(pk__in=held) if to_second_judges else Q(judged_unseen(actor)) | Q(pk__in=held)
    return list(mine.filter(unseen).values_list("pk", flat=True))


def senders_for(actor: Actor, channel: str) -> list[Sender]:
    """The organisation's senders for a channel that were not ended, those that send first."""
    actor.must("read")
    rows = Sender.objects.filter(organisation_id=actor.organisation_id, channel=channel)
    return sorted(rows.exclude(state=Sender.State.ENDED), key=lambda one: (one.state != Sender.State.ACTIVE, one.name))


def items_of(actor: Actor, case: Case) -> list[OutboxItem]:
    """Everything that left or shall about a case, the newest first."""
    actor.must("read")
    about = visible(actor).filter(Q(case=case) | Q(also=case)).distinct()
    related = ("sender", "drafted_by", "approved_by", "second_by", "sent_by", "withdraw_asked_by")
    return list(about.select_related(*related).order_by("-drafted_at", "-pk"))


def left_to_people(actor: Actor) -> QuerySet[OutboxItem]:
    """What only a person can do: what failed or may have gone, what is to be carried out or deleted by hand."""
    by_hand = Q(way=Way.HAND, state=State.SENDING) | Q(way=Way.HAND, state=State.SENT, withdraw_asked_at__isnull=False)
    by_hand |= Q(state=State.SENT, due_at=None) & ~Q(problem="")  # no program can take it back
    by_hand |= Q(state=State.STOPPED, due_at=None, withdraw_asked_at__isnull=False, withdrawn_at=None) & ~Q(problem="")
    return visible(actor).filter(Q(state=State.FAILED) | by_hand)


def for_people(actor: Actor) -> list[OutboxItem]:
    """What only a person can do, all of it, the oldest first."""
    return list(left_to_people(actor).select_related("case", "sender").order_by("drafted_at", "pk"))


def waiting_to_go(actor: Actor) -> QuerySet[OutboxItem]:
    """What was approved and is not through yet, the one that is looked at next first; what waits for a hand is left out."""
    rows = visible(actor).filter(state__in=(State.APPROVED, State.SENDING))
    rows = rows.exclude(way=Way.HAND, state=State.SENDING)
    return rows.select_related("case", "sender").order_by("due_at", "pk")


def standstill_of(actor: Actor) -> Standstill | None:
    """Who stopped all sending of the organisation; None while things go out."""
    actor.must("read")
    return Standstill.objects.filter(organisation_id=actor.organisation_id, ended_at=None).select_related("by").first()


def paused_senders(actor: Actor) -> list[Sender]:
    """Senders that a service does not let speak: somebody must look."""
    actor.must("read")
    rows = Sender.objects.filter(organisation_id=actor.organisation_id, state=Sender.State.PAUSED)
    return list(rows.exclude(paused_why="by_hand").order_by("name"))


def used_of(senders: list[Sender], now: datetime) -> dict[int, tuple[int, int]]:
    """How much of their quotas senders used, by id: in the last 60 minutes, in the last 24 hours."""
    hour, day = now - timedelta(hours=1), now - timedelta(days=1)
    rows = OutboxItem.objects.filter(sender__in=senders, counted_at__gt=day).values("sender_id")
    counts: Any = rows.annotate(in_day=Count("pk"), in_hour=Count("pk", filter=Q(counted_at__gt=hour)))
    found = {row["sender_id"]: (row["in_hour"], row["in_day"]) for row in counts.order_by()}
    return {sender.pk: found.get(sender.pk, (0, 0)) for sender in senders}


def item_of(actor: Actor, item_id: int) -> OutboxItem:
    """One item of the organisation. Raises BadInput when there is none."""
    actor.must("read")
    rows = visible(actor).filter(pk=item_id)
    item = rows.select_related("case", "sender", "drafted_by", "approved_by", "second_by").first()
    if item is None:
        raise BadInput("item", item_id, "there is no such thing in your organisation's outbox")
    return item
