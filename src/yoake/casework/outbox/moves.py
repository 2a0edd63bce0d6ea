"""What the worker writes about an item, each in one transaction: begun, arrived, refused, uncertain, stopped, taken back.

`pipeline/sending.py` asks the networks in between. An item is `sending` before anything goes out, and whatever comes
after a move is decided by the rows alone: the worker may be killed between any two of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from yoake.casework import due
from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Case, Post
from yoake.casework.outbox.channel import Receipt
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.reasons import REFUSED, UNCERTAIN, cases_of, reason_to_stop, standing_still
from yoake.casework.people.models import Organisation
from yoake.collect.fediverse import web_address

Kind, State, Way = OutboxItem.Kind, OutboxItem.State, OutboxItem.Way

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HANDED: Final = timedelta(minutes=30)  # what a person is to carry out is looked at anew after so long
MAY_STAND: Final = (State.FAILED, State.STOPPED)  # what was tried once and not seen there; withdrawn, it is looked up
_STILL: Final = timedelta(minutes=1)  # how soon it is asked again whether sending goes on
_WORKER: Final = "worker"


def begin(
    item_id: int,
    now: datetime,
    claim: datetime | None = None,
    reason: Callable[[OutboxItem, datetime], str] | None = None,
) -> OutboxItem | None:
    """Lets an item go: it is `sending`, one of its sender's quota is taken, and all of that is committed before this returns.

    Asked again here, with everything locked: the reasons to stop, the stop switch, the sender's state, quotas, cool-down.
    Where time alone is in the way, the item waits for it, and that was no attempt.

    Args:
        item_id: the item.
        now: the time.
        claim: until when whoever asks had claimed it: it lets nothing go that somebody else claimed since. The claim begins
            anew here, so that nobody looks the item up while the network is being told.
        reason: what the room of the kind has against it, as a code of the database alone; asked under the same locks.

    Returns:
        The item, to be sent now; None when it may not go now, or not at all.
    """
    with transaction.atomic():
        cases = locked_cases(item_id)
        organisation_id = OutboxItem.objects.values_list("organisation_id", flat=True).get(pk=item_id)
        # an organisation's items begin one after another; so nothing begins once `stop_all` has returned
        Organisation.objects.select_for_update(no_key=True).filter(pk=organisation_id).first()
        sender = _locked_sender(item_id)
        item = OutboxItem.objects.select_for_update(of=("self",)).get(pk=item_id)
        if item.state not in (State.APPROVED, State.SENDING) or item.due_at is None:
            return None  # somebody took it back, or whoever claimed it after us did it
        if claim is not None and item.claimed_until != claim:
            return None  # asking outside took so long that somebody else is at it
        if item.kind == Kind.WARNING and item.author_key:
            _alone_with(item.author_key)
        if why := reason_to_stop(item, cases, now) or (reason(item, now) if reason is not None else ""):
            stop(item, why, now)
            return None
        if item.withdraw_asked_at is not None:  # while it was being sent; and it did not go
            stop(item, "taken_back", now)
            return None
        if standing_still(organisation_id):
            if item.way == Way.HAND:
                not_gone(item)  # it is in nobody's hand any more
            wait(item, now + _STILL, "all sending is stopped")
            return None
        if sender is not None:
            if sender.state == Sender.State.ENDED:
                stop(item, "ended", now)
                return None
            if sender.state == Sender.State.PAUSED:
                wait(item, now + _STILL, "the sender is paused")
                return None
            until = _free_from(sender, item, now)
            if until > now:
                wait(item, until, "the sender's quota or pause")
                return None
            spread = random.Random(item.key).uniform(0, sender.spread_s)  # noqa: S311 - a pause, no secret
            sender.free_at = now + timedelta(seconds=sender.cooldown_s + spread)
            sender.save(update_fields=["free_at"])
        first = item.tried_at is None
        item.state, item.tried_at, item.counted_at = State.SENDING, item.tried_at or now, now
        item.claimed_until = now + due.CLAIM
        item.save(update_fields=["state", "tried_at", "counted_at", "claimed_until"])
        if first:
            _note("outbox_sending", item, now)
    return item


def waits(item: OutboxItem, now: datetime) -> bool:
    """Whether time alone is in the way, so that nobody outside needs to be asked yet; then it is put off."""
    if standing_still(item.organisation_id):
        wait(item, now + _STILL, "all sending is stopped")
        return True
    if item.sender is not None and (until := _free_from(item.sender, item, now)) > now:
        wait(item, until, "the sender's quota or pause")
        return True
    return False


def stopped(item: OutboxItem, reason: Callable[[OutboxItem, datetime], str], now: datetime) -> bool:
    """Whether the database alone speaks against it already, so that nobody outside needs to be asked; then it is stopped."""
    why = reason_to_stop(item, list(cases_of(item.pk)), now) or reason(item, now)
    if why:
        stop(item, why, now)
    return bool(why)


def hand_out(item: OutboxItem, now: datetime) -> None:
    """It waits for a person's hand, until it is looked at anew."""
    _ours(item).filter(state=State.SENDING).update(due_at=now + HANDED, claimed_until=None, attempts=0, problem="")


def arrived(item: OutboxItem, receipt: Receipt, now: datetime) -> bool:
    """It stands there, whatever was written of it meanwhile. Done a second time, it changes nothing."""
    with transaction.atomic():
        row = OutboxItem.objects.select_for_update(of=("self",)).get(pk=item.pk)
        if row.state in (State.SENT, State.WITHDRAWN) or row.remote_id:
            return False
        set_sent(row, receipt.remote_id, receipt.remote_url, now)
        keep(row)
        _note("outbox_sent", row, now, remote=receipt.remote_id[:100])
    return True


def set_sent(item: OutboxItem, remote_id: str, remote_url: str, now: datetime) -> None:
    """The columns of an item that went; the caller saves. What is to go by itself, or was asked back meanwhile, is due then."""
    item.state, item.sent_at, item.stopped_why, item.problem = State.SENT, now, "", ""
    item.remote_id, item.remote_url = remote_id[:500], web_address(remote_url[:500])
    item.claimed_until, item.attempts, item.due_at = None, 0, None
    if item.remove_after_s is not None:
        item.remove_at = item.due_at = now + timedelta(seconds=item.remove_after_s)
    if item.withdraw_asked_at is not None and item.way != Way.HAND:
        item.due_at = now


def failed(item: OutboxItem, problem: str, now: datetime, *, uncertain: bool = False) -> bool:
    """The other side refused it, or (`uncertain`) nobody knows whether it went: a person looks."""
    with transaction.atomic():
        row = _ours(item).select_for_update(of=("self",)).filter(state__in=(State.APPROVED, State.SENDING)).first()
        if row is None:
            return False
        row.state, row.stopped_why, row.problem = State.FAILED, UNCERTAIN if uncertain else REFUSED, problem[:300]
        row.due_at, row.claimed_until = None, None
        row.save(update_fields=["state", "stopped_why", "problem", "due_at", "claimed_until"])
        _note("outbox_failed", row, now, why=row.stopped_why)
    return True


def stop(item: OutboxItem, why: str, now: datetime) -> bool:
    """It does not leave, and why is kept; call it inside a transaction that locked the item, or it locks it itself."""
    with transaction.atomic():
        done = (
            _ours(item)
            .filter(state__in=(State.APPROVED, State.SENDING))
            .update(state=State.STOPPED, stopped_why=why[:30], due_at=None, claimed_until=None, problem="")
        )
        if done:
            _note("outbox_stopped", item, now, why=why[:30])
    return bool(done)


def wait(item: OutboxItem, until: datetime, problem: str) -> None:
    """Not now, and that was no attempt."""
    _put(item, until, problem, max(0, item.attempts - 1))


def again(item: OutboxItem, problem: str, now: datetime, after_s: float = 0.0) -> None:
    """The attempt failed: it is tried again after a growing pause, of at least what the other side asked for."""
    pause_s = due.PAUSES[min(max(item.attempts, 1), len(due.PAUSES)) - 1]
    _put(item, now + timedelta(seconds=max(pause_s, after_s)), problem, item.attempts)


def rest(sender: Sender, until: datetime) -> None:
    """A service asked to wait: nothing of this sender leaves before `until`."""
    with transaction.atomic():
        row = Sender.objects.select_for_update().get(pk=sender.pk)
        if row.free_at is None or row.free_at < until:
            row.free_at = until
            row.save(update_fields=["free_at"])


def not_gone(item: OutboxItem) -> None:
    """Surely nothing went out: it is approved again, as if nobody had tried."""
    item.state = State.APPROVED
    _ours(item).filter(state=State.SENDING).update(state=State.APPROVED)


def denied(item: OutboxItem, why: str, problem: str, now: datetime) -> None:
    """The service does not let the sender speak: it is paused, people are told, and its items wait as they are."""
    if item.sender is None:
        failed(item, problem, now)
        return
    pause(item.sender, why, problem, now)
    wait(item, now + _STILL, problem)


def pause(sender: Sender, why: str, problem: str, now: datetime) -> None:
    """The service does not let a sender speak (frozen, blocked, unauthorised): nothing leaves over it until a person looked."""
    with transaction.atomic():
        sender = Sender.objects.select_for_update().get(pk=sender.pk)
        if sender.state == Sender.State.ACTIVE:
            sender.state, sender.paused_why, sender.paused_at, sender.paused_by = Sender.State.PAUSED, why, now, None
            sender.problem = problem[:300]
            sender.save(update_fields=["state", "paused_why", "paused_at", "paused_by", "problem"])
            record("sender_paused", actor=_WORKER, organisation=sender.organisation_id, subject=f"sender:{sender.pk}", at=now, why=why)  # fmt: skip


def withdrawn(item: OutboxItem, now: datetime) -> bool:
    """It was deleted there: because somebody asked, or because its time was over."""
    with transaction.atomic():
        row = OutboxItem.objects.select_for_update(of=("self",)).get(pk=item.pk)
        if row.state not in (State.SENT, *MAY_STAND) or row.withdrawn_at is not None:
            return False
        set_withdrawn(row, now)
        row.withdraw_why = row.withdraw_why or "time"
        keep(row)
        _note("outbox_withdrawn", row, now, why=row.withdraw_why)
    return True


def set_withdrawn(item: OutboxItem, now: datetime) -> None:
    """The columns of an item that was deleted there; the caller saves."""
    item.state, item.withdrawn_at, item.stopped_why, item.problem = State.WITHDRAWN, now, "", ""
    item.due_at, item.claimed_until = None, None


def never_stood(item: OutboxItem, now: datetime) -> None:
    """Somebody withdrew what may have gone, and it is not there: it was taken back before it went."""
    with transaction.atomic():
        rows = _ours(item).filter(state__in=MAY_STAND)
        if rows.update(state=State.STOPPED, stopped_why="taken_back", due_at=None, claimed_until=None, problem=""):
            _note("outbox_stopped", item, now, why="taken_back")


def for_a_person(item: OutboxItem, problem: str) -> None:
    """No program can take it back: it stays as it is, with the reason, until a person did (`withdrawn_by_hand`)."""
    still = _ours(item).filter(state__in=(State.SENT, *MAY_STAND))
    still.update(due_at=None, claimed_until=None, problem=problem[:300])


def locked_cases(item_id: int) -> list[Case]:
    """The cases an item speaks of, with their posts locked first, as everybody locks."""
    posts = sorted(cases_of(item_id).values_list("post_id", flat=True))
    list(Post.objects.select_for_update(of=("self",)).filter(pk__in=posts).order_by("pk"))
    return list(cases_of(item_id).select_for_update(of=("self",)))


def _ours(item: OutboxItem) -> QuerySet[OutboxItem]:
    """The row, while nobody else claimed it since: what a slow worker says of it late changes nothing."""
    rows = OutboxItem.objects.filter(pk=item.pk)
    return rows.filter(claimed_until=item.claimed_until) if item.claimed_until is not None else rows


def _put(item: OutboxItem, until: datetime, problem: str, attempts: int) -> None:
    still = _ours(item).exclude(due_at=None)
    still.update(due_at=until, claimed_until=None, attempts=attempts, problem=problem[:300])


def keep(item: OutboxItem) -> None:
    """Saves what stands there, or stood. Where another warning took its post meanwhile, it stays `stopped` as the second one."""
    try:
        with transaction.atomic():
            item.save()
    except IntegrityError:
        item.state, item.stopped_why = State.STOPPED, "twice"
        item.save()


def _alone_with(author_key: str) -> None:
    """Two warnings to one author never begin at once, of whichever organisation; SQLite's transactions never do."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"warned {author_key}"])


def _locked_sender(item_id: int) -> Sender | None:
    of_item = OutboxItem.objects.filter(pk=item_id).values("sender_id")
    return Sender.objects.select_for_update().filter(pk__in=of_item).first()


def _free_from(sender: Sender, item: OutboxItem, now: datetime) -> datetime:
    """From when on the sender may speak: its cool-down is over, and it said less than its quotas in any hour and day."""
    until = max(sender.free_at or now, now)
    others = OutboxItem.objects.filter(sender=sender, counted_at__isnull=False).exclude(pk=item.pk)
    for window, quota in ((HOUR, sender.per_hour), (DAY, sender.per_day)):
        if quota == 0:
            return max(until, now + window)
        newest = others.filter(counted_at__gt=now - window).order_by("-counted_at").values_list("counted_at", flat=True)
        until = max([until, *(at + window for at in newest[quota - 1 : quota] if at is not None)])
    return until


def _note(kind: str, item: OutboxItem, now: datetime, **facts: str | int | bool | None) -> None:
    subject = f"case:{item.case_id}" if item.case_id else f"outbox:{item.pk}"
    record(kind, actor=_WORKER, organisation=item.organisation_id, subject=subject, at=now, item=item.pk, **facts)
