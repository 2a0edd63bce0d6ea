"""What is asked in the last second of a request, and where its answers are read: joins the rooms request, cases and outbox."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.db import OperationalError
from django.db.models import Q

from yoake.casework.cases.checks import fresh_outcome
from yoake.casework.cases.models import Case
from yoake.casework.cases.schedule import GONE
from yoake.casework.due import claim_due, put_off
from yoake.casework.outbox import moves
from yoake.casework.outbox.channel import SenderDenied
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.secrets import speaker_of
from yoake.casework.registers.queries import body_of, history_of
from yoake.casework.request import arriving, mailbox
from yoake.casework.request.kind import NEEDS
from yoake.casework.request.models import Mailbox, Request
from yoake.casework.request.queries import UNCONFIRMED, kind_called
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater
from yoake.pipeline.checking import look_before
from yoake.pipeline.mishaps import put_off_unforeseen, told
from yoake.pipeline.outside import outside

log = logging.getLogger("yoake.worker")
_FRESH: Final = timedelta(minutes=10)  # of the further posts of one mail; the first is asked about in the same minute
_EVERY: Final = timedelta(minutes=2)  # a mailbox is read so often
Way = OutboxItem.Way


def still_up(item: OutboxItem) -> bool:
    """Whether the post must still be there: of a removal that a program sends, and its reminder; who fills a form in sees the post."""
    row = Request.objects.filter(Q(item=item) | Q(reminder=item)).first()
    return row is not None and item.way != Way.HAND and kind_called(row.kind).still_up


def further(item: OutboxItem, now: datetime) -> str:
    """`gone`, when one of the further posts of a mail is."""
    if not still_up(item):
        return ""
    for case in Case.objects.filter(pk__in=item.also.values("pk")).select_related("post").order_by("pk"):
        if case.post.gone_state or _gone(case, item.organisation_id, now):
            return "gone"
    return ""


def reason_to_write_no_more(item: OutboxItem, now: datetime) -> str:
    """Why a mail that corrects a request, or answers a provider, must not leave after all: nobody confirms its address any more.

    An answer may go to an address that a person typed; not to one that stood in the registers and was withdrawn.
    """
    if item.way != Way.MAIL:
        return ""
    asked = item.corrects_id if item.kind == OutboxItem.Kind.CORRECTION else item.body.get("about")
    row = Request.objects.filter(Q(item=asked) | Q(reminder=asked)).first() if asked else None
    if row is None:
        return UNCONFIRMED
    try:
        confirmed = body_of(item.organisation_id, row.body).verified(NEEDS[item.channel])
    except BadInput:  # the body was taken out
        return UNCONFIRMED
    if confirmed and confirmed == item.to.get("mail"):
        return ""
    known = {one.value for one in history_of(item.organisation_id, row.body)}
    typed = item.kind == OutboxItem.Kind.ANSWER and item.to.get("mail") not in known
    return "" if typed else UNCONFIRMED


def _gone(case: Case, organisation_id: int, now: datetime) -> bool:
    fresh = fresh_outcome(case, _FRESH, now)
    if fresh is None:
        look_before(case, organisation_id, now)
        fresh = fresh_outcome(case, _FRESH, now)
    return fresh is not None and fresh.outcome in GONE


def read_mailboxes(now: datetime) -> int:
    """Reads the mailboxes that are due; returns how many mails were kept."""
    _follow_senders(now)
    kept = 0
    for row in claim_due(Mailbox, now, limit=5):
        try:
            kept += _read(row, outside(), now)
        except SenderDenied as problem:
            moves.pause(row.sender, problem.why, str(problem), now)
            put_off(row, now, str(problem)[:300])
        except (TryLater, Refused, BadInput) as problem:
            put_off(row, now, str(problem)[:300])
            log.warning("the mailbox of sender %s cannot be read (%s)", row.sender_id, problem)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return kept


def _follow_senders(now: datetime) -> None:
    """Every mailbox that has a server for incoming mail is read; one that was ended is not."""
    senders = Sender.objects.filter(channel="email").exclude(state=Sender.State.ENDED)
    wanted = {one.pk for one in senders if mailbox.has_mailbox(one.options)}
    known = set(Mailbox.objects.values_list("sender_id", flat=True))
    Mailbox.objects.bulk_create(
        [Mailbox(sender_id=pk, due_at=now) for pk in sorted(wanted - known)], ignore_conflicts=True
    )
    Mailbox.objects.filter(sender__in=known - wanted).exclude(due_at=None).update(due_at=None, claimed_until=None)
    Mailbox.objects.filter(sender__in=known & wanted, due_at=None).update(due_at=now, attempts=0)


def _read(row: Mailbox, net: Net, now: datetime) -> int:
    speaker = speaker_of(row.sender)
    kept, n = 0, 0
    with mailbox.new_mails(speaker, net, row.uid_validity, row.last_uid) as (validity, mails):
        if validity != row.uid_validity:
            row.uid_validity, row.last_uid = validity, 0
        for uid, octets in mails:
            try:
                if octets:
                    kept += arriving.take(row.sender, arriving.parse(octets), now) is not None
            except OperationalError:
                raise  # the database is away: the worker waits, and the claim ends by itself
            except Exception as problem:  # whatever a stranger's mail does to a parser, the next ones are read
                log.warning("mail %d of the mailbox of sender %s cannot be read: %s", uid, row.sender_id, told(problem))
                kept += arriving.keep_unreadable(row.sender, octets, now) is not None  # a person looks into the mailbox
            n, row.last_uid = n + 1, max(row.last_uid, uid)
            Mailbox.objects.filter(pk=row.pk).update(uid_validity=row.uid_validity, last_uid=row.last_uid)
    soon = now if n >= mailbox.MOST else now + _EVERY
    Mailbox.objects.filter(pk=row.pk).update(
        due_at=soon, claimed_until=None, attempts=0, problem="", read_at=now, uid_validity=row.uid_validity
    )
    return kept
