"""The clocks of requests, as the worker keeps them: begun when one went, run out, put to a supervisor. Nothing is sent here.

Five business days to answer (the hotline's practice), seven days only for a recorded rights claim to a designated operator;
then a reminder is due, which a person writes. Two business days without one, or a reminder that nobody answered, and a
supervisor is asked. Where they ask back, the five days begin anew once our answer went. What was to be taken down and is gone
waits for nobody: its clock ends, and what an answer would have said is not guessed. A preservation is told of a week before it
ends, beside the clock of its answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from django.db import OperationalError, transaction

from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.schedule import plan_checks
from yoake.casework.due import business_days_after, claim_due
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.request.kind import Kind
from yoake.casework.request.models import Meaning, Request
from yoake.casework.request.queries import ANSWER_DAYS, is_gone, is_open, kind_called
from yoake.errors import BadInput

log = logging.getLogger("yoake.worker")
State, Purpose = OutboxItem.State, Request.Purpose
REMIND_DAYS: Final = 2  # business days in which a person writes the reminder, before a supervisor is asked
ENDING: Final = timedelta(days=7)  # so long before its end somebody is told of a preservation; of a shorter one at once
_AT_ONCE: Final = 200
_WORKER: Final = "worker"
_Which = TypeVar("_Which")


def begin_clocks(
    now: datetime, but: Collection[int] = (), failed: Callable[[int, Exception], None] | None = None
) -> int:
    """Requests, reminders and answers that went since: their clocks begin, and checks are planned; returns how many.

    Args:
        now: the time.
        but: keys of requests that are left out.
        failed: told of a request at which something failed that nobody foresaw; the others go on. Raised where it is not given.
    """
    open_ones = Request.objects.filter(ended_at=None).exclude(pk__in=but).order_by("pk")
    went = open_ones.filter(started_at=None, item__state=State.SENT).values_list("pk", flat=True)
    todo: list[tuple[int, Callable[[], None]]] = [(pk, partial(_begin, pk, now)) for pk in went[:_AT_ONCE]]
    reminded = open_ones.filter(reminder__isnull=False, reminded_at=None, reminder__state=State.SENT)
    todo += [(pk, partial(_remind, pk, now)) for pk in reminded.values_list("pk", flat=True)[:_AT_ONCE]]
    todo += [(pk, partial(_wait_again, pk, at, now)) for pk, at in _answered_back() if pk not in but]
    for pk, begin in todo:
        _apart(begin, pk, failed)
    return len(todo)


def run_clocks(now: datetime, failed: Callable[[Request, Exception], None] | None = None) -> int:
    """Clocks that ran out: a reminder is due, a supervisor is asked, a preservation ends; returns how many. `failed` as above."""
    claimed = claim_due(Request, now, limit=_AT_ONCE)
    for row in claimed:
        _apart(partial(_run, row.pk, now), row, failed)
    return len(claimed)


def _apart(do: Callable[[], None], which: _Which, failed: Callable[[_Which, Exception], None] | None) -> None:
    try:
        do()
    except OperationalError:
        raise  # the database is away: whoever works waits
    except Exception as problem:
        if failed is None:
            raise
        failed(which, problem)


def next_look(request: Request) -> datetime | None:
    """When the worker must look at a request again: its answer is late, nobody followed that up, its term ends; None: never."""
    return min((at for at in (_answer_late(request), _ending(request)) if at is not None), default=None)


def _begin(pk: int, now: datetime) -> None:
    with transaction.atomic():
        request = _locked(pk)
        if request.started_at is not None or request.item.sent_at is None:
            return
        sent_at, kind = request.item.sent_at, _kind(request.kind)
        request.started_at = sent_at
        if request.purpose in (Purpose.EXTENSION, Purpose.WITHDRAWAL):
            _moves_term(request, sent_at)
        else:
            request.answer_by = business_days_after(sent_at, ANSWER_DAYS)
        if request.purpose == Purpose.FIRST and request.term_days:
            request.until = sent_at + timedelta(days=request.term_days)
        request.due_at = next_look(request)
        if kind is not None and kind.takes_down:
            plan_checks(request.case, sent_at, now, what="request")
        request.save()
        _note("request_clock_began", request, now, purpose=request.purpose)


def _moves_term(request: Request, sent_at: datetime) -> None:
    """An extension or withdrawal was handed over: the preservation it is about lasts longer, or ended.

    A paper that was carried over a few days after the term had ended still asks for the longer one: it is followed again.
    """
    request.ended_at = sent_at  # this paper itself waits for nothing
    first = Request.objects.select_for_update(of=("self",)).filter(pk=request.follows_id or 0).first()
    if first is None or first.until is None or (first.ended_at is not None and first.ended_at < first.until):
        return
    if request.purpose == Purpose.WITHDRAWAL:
        first.ended_at, first.ending_at = first.ended_at or sent_at, None
    elif request.term_days:
        first.until += timedelta(days=request.term_days)
        first.ending_at = first.ended_at = None
    first.due_at, first.claimed_until, first.attempts = next_look(first), None, 0
    first.save()


def _remind(pk: int, now: datetime) -> None:
    with transaction.atomic():
        request = _locked(pk)
        if request.reminded_at is not None or request.reminder is None or request.reminder.sent_at is None:
            return
        request.reminded_at = request.reminder.sent_at
        if is_open(request):
            request.answer_by = business_days_after(request.reminded_at, ANSWER_DAYS)
            request.due_at, request.claimed_until, request.attempts = next_look(request), None, 0
        request.save()
        _note("request_reminded", request, now)


def _answered_back() -> list[tuple[int, datetime]]:
    """Requests about which a provider asked back, and when our answer to that went."""
    asking = Request.objects.filter(meaning=Meaning.ASKS_BACK, written_back_at=None, ended_at=None)
    rows = list(asking.values_list("pk", "item_id", "item__case_id", "meant_at"))
    if not rows:
        return []
    mails = OutboxItem.objects.filter(
        kind=OutboxItem.Kind.ANSWER, state=State.SENT, case__in={row[2] for row in rows if row[2] is not None}
    )
    went = [(body.get("about"), at) for body, at in mails.order_by("sent_at").values_list("body", "sent_at")]
    found = []
    for pk, item_id, _case_id, meant_at in rows:
        at = next((at for about, at in went if about == item_id and at and meant_at and at >= meant_at), None)
        if at is not None:
            found.append((pk, at))
    return found


def _wait_again(pk: int, sent_at: datetime, now: datetime) -> None:
    """Our answer went: from then on they have their time again."""
    with transaction.atomic():
        request = _locked(pk)
        if request.meaning != Meaning.ASKS_BACK or request.written_back_at is not None or request.ended_at is not None:
            return
        request.written_back_at = sent_at
        wait_anew(request, business_days_after(sent_at, ANSWER_DAYS))
        request.save()
        _note("request_written_back", request, now)


def wait_anew(request: Request, answer_by: datetime) -> None:
    """They have until then, and what was late before counts no more; the caller saves."""
    request.answer_by, request.overdue_at, request.escalated_at = answer_by, None, None
    request.due_at, request.claimed_until, request.attempts = next_look(request), None, 0


def _run(pk: int, now: datetime) -> None:
    with transaction.atomic():
        request = _locked(pk)
        if request.due_at is None or request.due_at > now:
            return
        request.claimed_until, request.attempts = None, 0
        if (end := _ending(request)) is not None and end <= now:
            _ends(request, now)
        if is_open(request) and is_gone(request):
            request.ended_at = now
            _note("request_over_gone", request, now)
        if (late := _answer_late(request)) is not None and late <= now:
            if request.overdue_at is None:
                request.overdue_at = now
                _note("request_overdue", request, now)
            else:
                request.escalated_at, request.taken_up_at, request.taken_up_by = now, None, None
                _note("request_escalated", request, now)
        request.due_at = next_look(request)
        request.save()


def _ends(request: Request, now: datetime) -> None:
    """A preservation is about to end: somebody is told; at its end nobody follows it any more."""
    assert request.until is not None
    if request.until <= now:
        request.ended_at = now
        _note("preservation_ended", request, now)
    else:
        request.ending_at = now
        _note("preservation_ending", request, now)


def _ending(request: Request) -> datetime | None:
    """When somebody is told that a preservation ends, then when it does; None for what has no term, or is over."""
    if request.until is None or request.ended_at is not None:
        return None
    return request.until - ENDING if request.ending_at is None else request.until


def _answer_late(request: Request) -> datetime | None:
    """When an answer is late, then when nobody followed that up; None for what waits for no answer, or for a supervisor."""
    if not is_open(request) or request.answer_by is None or request.escalated_at is not None:
        return None
    if request.overdue_at is None or request.answer_by > request.overdue_at:  # later: a reminder gave them more time
        return request.answer_by
    return business_days_after(request.overdue_at, REMIND_DAYS)


def _kind(name: str) -> Kind | None:
    """None for a kind of a third party that is not installed any more: its clock runs all the same."""
    try:
        return kind_called(name)
    except BadInput:
        log.warning("the kind of request %s is not installed any more; no checks are planned for it", name)
        return None


def _locked(pk: int) -> Request:
    """Post, case, then the request, in the order everybody locks."""
    case_id = Request.objects.values_list("case_id", flat=True).get(pk=pk)
    Post.objects.select_for_update(of=("self",)).filter(cases=case_id).first()
    case = Case.everything.select_for_update(of=("self",)).select_related("post").get(pk=case_id)
    request = Request.objects.select_for_update(of=("self",)).select_related("item", "reminder").get(pk=pk)
    request.case = case
    return request


def _note(kind: str, request: Request, now: datetime, **facts: str | int) -> None:
    record(
        kind, actor=_WORKER, organisation=request.organisation_id, subject=f"case:{request.case_id}", at=now,
        request=request.pk, **facts,
    )  # fmt: skip
