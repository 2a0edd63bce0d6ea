"""What became of posts and accounts: gone before, removed, suspended, refused, still up, unreachable, and after which act.

`seen` and `seen_up` are called where a check's outcome is written, in that transaction. Which act went before is known to the
outbox above this room: the duty `outcomes` finds it and calls `conclude`, once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Case, Check, Outcome
from yoake.casework.people.queries import Actor

LAST_STEPS: Final = ("5d", "2w")  # after which what is still there counts as still up
_SUSPENDED: Final = "account_suspended"
_HIDDEN: Final = "private"  # hidden from us, or its account closed by its owner: it may come back
_FOR_GOOD: Final = ("deleted_by_author", "removed_by_provider", "removed")  # one fact, whoever told how it came about
_THERE: Final = ("up", "edited")
_UNREACHABLE: Final = "unreachable"
_REFUSED: Final = "refused"

Of, What = Outcome.Of, Outcome.What


def gone(check: Check, case: Case, seen: str, at: datetime) -> None:
    """A post was found gone (`seen` says how); call it in the transaction that writes the check.

    Each organisation's case has its own outcome, whoever saw it first. What the case knows already is none: a post that was
    hidden and whose account is then suspended has two, one that is found removed twice has one until it was there again.
    """
    same = _FOR_GOOD if seen in _FOR_GOOD else (seen,)
    known = Outcome.objects.filter(case=case, of=Of.POST, seen__in=same)
    there_again = Check.objects.filter(case__post=case.post_id, outcome__in=_THERE, checked_at__lte=at)
    back = there_again.order_by("-checked_at").values_list("checked_at", flat=True).first()
    if (known.filter(at__gt=back) if back is not None else known).exists():
        return
    kinds = [Of.POST]
    if seen == _SUSPENDED and case.post.account_id is not None:
        kinds.append(Of.ACCOUNT)
    for of in kinds:
        _made(check, case, of, seen, at)


def there(check: Check, case: Case, seen: str, at: datetime) -> None:
    """A post was found there, or nobody answered: at the last steps that is an outcome, before it is none."""
    if check.step in LAST_STEPS and seen in (*_THERE, _UNREACHABLE):
        _made(check, case, Of.POST, seen, at)


def note_refused(
    case: Case, act_at: datetime, at: datetime, act: str = "request", of: str = Outcome.Of.POST
) -> Outcome:
    """A provider refused: what they answered is the outcome, once a request.

    Args:
        case: what was asked for.
        act_at: when the request left.
        at: when they said so.
        act: what was sent.
        of: post or account, whatever was asked about.

    The caller writes the line of audit.
    """
    found, _new = Outcome.objects.get_or_create(
        case=case, of=of, seen=_REFUSED, what=What.REFUSED, act=act, act_at=act_at,
        defaults={"at": at, "elapsed_s": int((at - act_at).total_seconds())},
    )  # fmt: skip
    return found


def take_back_refused(case: Case, act_at: datetime, act: str = "request") -> None:
    """What was read as a refusal of the request that left then was none; the caller writes the line of audit."""
    Outcome.objects.filter(case=case, what=What.REFUSED, act=act, act_at=act_at, check_row=None).delete()


def conclude(row: Outcome, act: str, act_at: datetime | None, now: datetime) -> bool:
    """Writes what it was, once.

    Args:
        row: an outcome that waits, with its case and check.
        act: kind of the act that left before `row.at` and can have made the post go; "" for none.
        act_at: when it left; None for none.
        now: the time.

    Returns:
        Whether it was written now. What is still there is told by the clock of its own act, whatever left since; by the clock
        of the decision it is none once somebody acted, and such a row goes.
    """
    check = row.check_row
    if check is not None and row.seen in (*_THERE, _UNREACHABLE):
        by_decision = check.since_what in ("decision", "opened")
        if act and by_decision:
            return bool(Outcome.objects.filter(pk=row.pk, what="").delete()[0]) and False
        if not by_decision:
            act, act_at = check.since_what, check.since
    since = act_at
    if since is None and check is not None and check.since_what != "opened":
        since = check.since
    what = _what(row, act)
    written = Outcome.objects.filter(pk=row.pk, what="").update(
        what=what,
        act=act,
        act_at=since,
        elapsed_s=int((row.at - since).total_seconds()) if since is not None else None,
        due_at=None,
        claimed_until=None,
        problem="",
    )
    if written:
        record(
            "outcome_written", actor="worker", organisation=row.case.organisation_id, subject=f"case:{row.case_id}",
            at=now, what=what, of=row.of, act=act or None,
        )  # fmt: skip
    return bool(written)


def outcomes_of(actor: Actor, case: Case) -> list[Outcome]:
    """What became of a case's post and account, the newest first; what the worker did not conclude yet is left out."""
    actor.must("read")
    rows = Outcome.objects.filter(case=case, case__organisation_id=actor.organisation_id).exclude(what="")
    return list(rows.order_by("-at", "-pk"))


def _what(row: Outcome, act: str) -> str:
    if row.seen in _THERE:
        return What.STILL_UP
    if row.seen == _UNREACHABLE:
        return What.UNREACHABLE
    if row.of == Of.ACCOUNT:
        return What.SUSPENDED
    if row.seen == _HIDDEN:
        return What.HIDDEN
    if not act:
        return What.GONE_BEFORE
    return What.SUSPENDED if row.seen == _SUSPENDED else What.REMOVED


def _made(check: Check, case: Case, of: str, seen: str, at: datetime) -> None:
    Outcome.objects.get_or_create(
        check_row_id=check.pk, of=of, defaults={"case": case, "seen": seen, "step": check.step, "at": at, "due_at": at}
    )
