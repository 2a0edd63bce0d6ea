"""What leaves, leaves here: approved items go out, each once, and what was withdrawn is taken back.

The order that keeps an item from being said twice, whenever the worker is killed: what was tried before is looked up first;
then what the database says against it, and everything outside that may stop it; then, in one transaction with everything
locked, the reasons of the database are asked again and the item becomes `sending` (`outbox.moves.begin`); only then the network
is told. What cannot be looked up there (mail, a network's own report) is never said again by itself: it becomes uncertain, and a
person decides.

Several threads may be in here, each with another sender: a server that hangs holds up nobody but those who speak through it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.db import OperationalError
from django.db.models import Q
from django.utils import timezone

from yoake.casework.cases.checks import fresh_outcome
from yoake.casework.cases.models import Case, Check
from yoake.casework.cases.schedule import BEFORE_ACT, GONE, checkable
from yoake.casework.due import claim_due
from yoake.casework.outbox import moves
from yoake.casework.outbox.channel import (
    UNAUTHORISED,
    Channel,
    Mails,
    Message,
    Messages,
    NotGone,
    Receipt,
    Replies,
    Reports,
    SaidBefore,
    SenderDenied,
    Speaker,
)
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.queries import can_carry, channel_called
from yoake.casework.outbox.secrets import speaker_of
from yoake.casework.registers.queries import official_accounts
from yoake.collect.net import Busy, Denied, Net, Unreached
from yoake.errors import BadInput, Refused, TryLater, YoakeError
from yoake.pipeline import mishaps
from yoake.pipeline.checking import look_before
from yoake.pipeline.last_second import RULES, Rule
from yoake.pipeline.outside import outside

State, Way = OutboxItem.State, OutboxItem.Way

FRESH: Final = timedelta(minutes=1)  # how old an answer may be that a post is still up
_SEEN: Final = timedelta(minutes=10)  # as long what a person saw there counts
_LOOK_AGAIN: Final = timedelta(seconds=10)  # while somebody else looks whether it is
_BY_A_PERSON: Final = timedelta(minutes=2)  # while only a person can look
_NO_ROOM: Final = timedelta(minutes=10)
_PAUSED: Final = timedelta(seconds=20)
_TAKEN: Final = timedelta(hours=2)
_DELETE_TRIES: Final = 12  # about two days; then a person deletes it
_LATE: Final = timedelta(minutes=10)  # after which what a service took stands where it is looked up
_busy: set[int] = set()  # senders that a thread of this process is at
_door = threading.Lock()


def send_one(now: datetime) -> int:
    """Works on the item that is due first; returns how many that were."""
    return _work_on_one(_send, now, Q(state__in=(State.APPROVED, State.SENDING)))


def take_back_one(now: datetime) -> int:
    """Deletes the reply that is due first: somebody withdrew it, or its time is over."""
    return _work_on_one(_take_back, now, Q(state__in=(State.SENT, *moves.MAY_STAND)))


def _work_on_one(work: Callable[[OutboxItem, datetime], None], now: datetime, which: Q) -> int:
    with _claimed(now, which) as item:
        if item is None:
            return 0
        try:
            work(item, now)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except Exception as problem:  # a fault of ours: what may have gone is looked up at the next attempt
            _unforeseen(item, problem, now)
    return 1


def _unforeseen(item: OutboxItem, problem: Exception, now: datetime) -> None:
    mishaps.log.error("outbox item %s failed: %s; tried again later", item.pk, mishaps.told(problem))
    moves.again(item, type(problem).__name__, now)


@contextmanager
def _claimed(now: datetime, which: Q) -> Iterator[OutboxItem | None]:
    """The item that is due first, of a sender with which no other thread is at work."""
    with _door:
        found = claim_due(OutboxItem, now, 1, which & ~Q(sender__in=_busy))
        sender_id = found[0].sender_id if found else None
        if sender_id is not None:
            _busy.add(sender_id)
    try:
        yield OutboxItem.objects.select_related("sender", "case").get(pk=found[0].pk) if found else None
    finally:
        if sender_id is not None:
            _busy.discard(sender_id)


# --- sending ------------------------------------------------------------------------------------------------------------


def _send(item: OutboxItem, now: datetime) -> None:
    rule = RULES.get(item.kind)
    if rule is None:
        moves.wait(item, now + _NO_ROOM, "nobody here says when something of this kind must not leave")
        return
    if item.way == Way.HAND:
        _hand_out(item, rule, now)
        return
    try:
        carrier = channel_called(item.channel)
        if item.sender is None or not can_carry(carrier, item.way):
            raise Refused(f"the channel {item.channel} cannot carry this any more; draft it anew")
        speaker = speaker_of(item.sender)
    except (Refused, BadInput) as problem:
        moves.failed(item, str(problem), now, uncertain=item.state == State.SENDING)
        return
    if item.sender.state == Sender.State.PAUSED:  # also what was being sent: its account cannot be asked
        moves.wait(item, now + _PAUSED, "the sender is paused")
        return
    net = outside()
    if item.tried_at is not None and _arrived_before(item, carrier, speaker, net, now):
        return
    if item.withdraw_asked_at is not None:
        moves.stop(item, "taken_back", now)
        return
    if moves.waits(item, now) or not _may_go(item, rule, carrier, speaker, net, now):
        return
    begun = moves.begin(item.pk, max(now, net.now()), item.claimed_until, rule.reason)  # asking may have taken seconds
    if begun is not None:
        _say(begun, carrier, speaker, net, now)


def _arrived_before(item: OutboxItem, carrier: Channel, speaker: Speaker, net: Net, now: datetime) -> bool:
    """An earlier attempt may have arrived: True when there is nothing more to do now."""
    if item.way not in (Way.REPLY, Way.MESSAGE):
        if item.state != State.SENDING:
            return False  # what was refused, and a person tries again
        moves.failed(item, "it may have gone when the worker was stopped; look whether it did", now, uncertain=True)
        return True
    try:
        receipt = _found(item, carrier, speaker, net)
    except (SenderDenied, Denied) as problem:
        moves.denied(item, _why(problem), str(problem), now)
        return True
    except TryLater as problem:
        moves.again(item, str(problem), now, _asked_s(problem))
        return True
    except (Refused, BadInput) as problem:
        moves.failed(item, str(problem), now, uncertain=True)
        return True
    if receipt is None:
        return False
    moves.arrived(item, receipt, now)
    return True


def _found(item: OutboxItem, carrier: Channel, speaker: Speaker, net: Net) -> Receipt | None:
    if item.way == Way.REPLY:
        assert isinstance(carrier, Replies)
        return carrier.find(message_of(item), speaker, net)
    assert isinstance(carrier, Messages)
    return carrier.find_message(message_of(item), speaker, net)


def _may_go(item: OutboxItem, rule: Rule, carrier: Channel, speaker: Speaker | None, net: Net, now: datetime) -> bool:
    """Asks the database, and then outside, what may stop it; what the database alone says is asked again when it begins."""
    if moves.stopped(item, rule.reason, now):
        return False
    # Of what is recorded only, nobody may look: who approved it has seen the address.
    if (
        rule.still_up(item)
        and item.case is not None
        and checkable(item.case)
        and not _is_up(item, rule, item.case, now)
    ):
        return False
    if why := rule.further(item, now):
        moves.stop(item, why, now)
        return False
    if rule.unanswered(item) and speaker is not None and isinstance(carrier, Replies):
        try:
            if (who := _answered(item, carrier, speaker, net)) == "official":
                moves.stop(item, "answered", now)
                return False
            if who == "we":
                moves.failed(
                    item, "this account answered the post already; look whether it is this", now, uncertain=True
                )
                return False
        except (SenderDenied, Denied) as problem:
            moves.denied(item, _why(problem), str(problem), now)
            return False
        except TryLater as problem:
            moves.again(item, str(problem), now, _asked_s(problem))
            return False
        except (Refused, BadInput) as problem:
            moves.failed(item, str(problem), now, uncertain=False)
            return False
    return True


def _is_up(item: OutboxItem, rule: Rule, case: Case, now: datetime) -> bool:
    """Whether the post is there this minute. What it says now is a new version, for which no approval holds."""
    fresh = _fresh(case, now)
    if fresh is None:
        look_before(case, item.organisation_id, now)
        fresh = _fresh(case, now)
        if fresh is None and not rule.still_up(item):
            return True  # as is known by now, no program can look: who carries it out by hand does
    if fresh is None:
        _wait_for_a_look(item, case, now)
    elif fresh.outcome in GONE:
        moves.stop(item, "gone", now)
    elif fresh.outcome == "unreachable":
        moves.again(item, "nobody answers whether the post is still there", now)
    else:
        return True
    return False


def _fresh(case: Case, now: datetime) -> Check | None:
    newest = fresh_outcome(case, _SEEN, now)
    if newest is None or newest.how == "by_hand":
        return newest
    return newest if newest.checked_at is not None and newest.checked_at >= now - FRESH else None


def _wait_for_a_look(item: OutboxItem, case: Case, now: datetime) -> None:
    """The look itself says for how long: its host rests, another body holds the post, only a person can look."""
    waits = Check.objects.filter(case=case, step__startswith=BEFORE_ACT, outcome="").exclude(due_at=None)
    row = waits.order_by("-pk").first()
    if row is not None and row.hand:
        moves.wait(item, now + _BY_A_PERSON, "a person must look whether the post is still there")
    else:
        until = row.due_at if row is not None and row.due_at is not None else now
        moves.wait(item, max(until, now + _LOOK_AGAIN), "nobody could say yet whether the post is still there")


def _answered(item: OutboxItem, carrier: Replies, speaker: Speaker, net: Net) -> str:
    """Who answered the post: "official", where an account of the registers did, or a sender of anybody here; else "".

    "we" where that was the account that is to answer now, of which an earlier attempt may be late. What a server says of an account of another organisation counts only as far as that server can be believed.
    """
    network = item.post.network if item.post is not None else ""
    official = {name.casefold() for name in official_accounts(item.organisation_id, network)}
    for one in Sender.objects.filter(channel=item.channel):
        if one.organisation_id == item.organisation_id:
            official |= {one.remote_id.casefold(), one.handle.casefold()}
        elif one.state == Sender.State.ACTIVE and one.tested_at is not None:
            told = carrier.surely(Speaker(one.pk, one.options, {}, one.remote_id, one.handle))
            official |= {name.casefold() for name in told}
    own = {speaker.remote_id.casefold(), speaker.handle.casefold()} - {""} if item.tried_at is not None else set()
    answered = [
        {one.author_id.casefold(), one.handle.casefold().removeprefix("@")} - {""}
        for one in carrier.replies_to(message_of(item), speaker, net)
    ]
    if any(names & official and not names & own for names in answered):
        return "official"
    return "we" if any(names & own for names in answered) else ""


def _say(item: OutboxItem, carrier: Channel, speaker: Speaker, net: Net, now: datetime) -> None:
    message = message_of(item)
    try:
        receipt = _carry(item, carrier, message, speaker, net)
    except (SenderDenied, Denied) as problem:
        _not_gone(item)
        moves.denied(item, _why(problem), str(problem), now)
    except (NotGone, Unreached) as problem:
        _not_gone(item)
        moves.again(item, str(problem), now, _asked_s(problem))
    except Busy as problem:
        if not problem.asked:  # our own limit for the host: nothing went out
            _not_gone(item)
            moves.wait(item, now + timedelta(seconds=max(1.0, problem.after_s)), str(problem))
            return
        if item.sender is not None:
            moves.rest(item.sender, now + timedelta(seconds=problem.after_s))
        _unsure(item, problem, now)
    except TryLater as problem:
        _unsure(item, problem, now)
    except SaidBefore as problem:  # perhaps by an earlier attempt of this; at the first one, by something else
        moves.failed(item, str(problem), now, uncertain=item.tried_at != item.counted_at)
    except (Refused, BadInput) as problem:
        moves.failed(item, str(problem), now)
    except OperationalError:
        raise
    except Exception as problem:
        _unforeseen(item, problem, now)
    else:
        moves.arrived(item, receipt, max(now, net.now()))


def _not_gone(item: OutboxItem) -> None:
    """Nothing of this attempt went out. What can be looked up is, all the same: an earlier attempt may be late."""
    if item.way not in (Way.REPLY, Way.MESSAGE):
        moves.not_gone(item)


def _unsure(item: OutboxItem, problem: TryLater, now: datetime) -> None:
    """It may have gone: it is looked up before it is said again, or, where nobody can look, a person decides."""
    if item.way in (Way.REPLY, Way.MESSAGE):
        moves.again(item, str(problem), now, _asked_s(problem))
    else:
        moves.failed(item, str(problem), now, uncertain=True)


def _carry(item: OutboxItem, carrier: Channel, message: Message, speaker: Speaker, net: Net) -> Receipt:
    if item.way == Way.REPLY:
        assert isinstance(carrier, Replies)
        return carrier.reply(message, speaker, net)
    if item.way == Way.MESSAGE:
        assert isinstance(carrier, Messages)
        return carrier.message(message, speaker, net)
    if item.way == Way.REPORT:
        assert isinstance(carrier, Reports)
        return carrier.report(message, speaker, net)
    assert isinstance(carrier, Mails)
    return carrier.mail(message, speaker, net)


def _hand_out(item: OutboxItem, rule: Rule, now: datetime) -> None:
    """What a person carries out is asked the same, and then waits for them; after half an hour it is asked anew."""
    try:
        carrier = channel_called(item.channel)
    except BadInput as problem:
        moves.failed(item, str(problem), now)
        return
    if moves.waits(item, now) or not _may_go(item, rule, carrier, None, outside(), now):
        return
    begun = moves.begin(item.pk, now, item.claimed_until, rule.reason)
    if begun is not None:
        moves.hand_out(begun, now)


# --- taking back ----------------------------------------------------------------------------------------------------------


def _take_back(item: OutboxItem, now: datetime) -> None:
    if item.sender is None or item.sender.state == Sender.State.ENDED:
        moves.for_a_person(item, "the sender is gone; delete it by hand")
        return
    try:
        carrier = channel_called(item.channel)
        if not isinstance(carrier, Replies):
            raise Refused("this channel cannot take anything back; delete it by hand")
        speaker, net = speaker_of(item.sender), outside()
        remote_id = item.remote_id or _looked_up(item, carrier, speaker, net, now)
        if not remote_id:
            return
        carrier.delete(remote_id, speaker, net)
    except (SenderDenied, Denied) as problem:
        moves.for_a_person(item, str(problem))
        moves.pause(item.sender, _why(problem), str(problem), now)
    except TryLater as problem:
        if item.attempts < _DELETE_TRIES:
            moves.again(item, str(problem), now, _asked_s(problem))
        else:
            moves.for_a_person(item, str(problem))
    except (Refused, BadInput) as problem:
        moves.for_a_person(item, str(problem))
    else:
        moves.withdrawn(item, now)


def _looked_up(item: OutboxItem, carrier: Channel, speaker: Speaker, net: Net, now: datetime) -> str:
    """The name it has there, where only a person said that it stands, or nobody knows whether it does; "" when that is all."""
    if not item.body:
        raise Refused("its words were erased, so that nobody can look it up; delete it by hand")
    if item.counted_at is not None and now < item.counted_at + _LATE:
        moves.wait(item, item.counted_at + _LATE, "it is looked up once it must stand there")
        return ""
    receipt = _found(item, carrier, speaker, net)
    if receipt is None and item.state == State.SENT:
        raise Refused("it is not found there; delete it by hand")
    if receipt is None:
        moves.never_stood(item, now)
        return ""
    return receipt.remote_id


# --- both -----------------------------------------------------------------------------------------------------------------


def message_of(item: OutboxItem) -> Message:
    """An item as its channel is given it."""
    tried_at = item.tried_at or timezone.now()
    # Only what was said about when this was first tried can be taken for it, see `outbox.talking.since`.
    others = OutboxItem.objects.filter(sender=item.sender_id, sent_at__gt=tried_at - _TAKEN).exclude(pk=item.pk)
    return Message(
        key=item.key,
        made_at=item.drafted_at,
        tried_at=tried_at,
        to=item.to,
        body=item.body,
        taken=frozenset(others.exclude(remote_id="").values_list("remote_id", flat=True)),
    )


def _asked_s(problem: TryLater) -> float:
    """For how many seconds the other side asked to be left alone; 0 where it did not."""
    return problem.after_s if isinstance(problem, (Busy, NotGone)) else 0.0


def _why(problem: YoakeError) -> str:
    return problem.why if isinstance(problem, SenderDenied) else UNAUTHORISED
