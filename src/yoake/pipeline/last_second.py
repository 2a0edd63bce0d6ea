"""What each kind asks in the last second before it leaves: the seam between the outbox and the rooms of the kinds.

A kind that stands not in RULES never leaves. What holds for every kind the outbox asks itself (`outbox/reasons.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yoake.casework.cases.models import Check
from yoake.casework.cases.schedule import BEFORE_ACT, asked_source
from yoake.casework.help import queries as help_
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import why_not_now
from yoake.casework.report import queries as reports
from yoake.casework.request import queries as requests
from yoake.casework.warn import queries as warnings
from yoake.pipeline import requesting

Kind, Way = OutboxItem.Kind, OutboxItem.Way


def _never(item: OutboxItem) -> bool:
    return False


def _nothing(item: OutboxItem, now: datetime) -> str:
    return ""


@dataclass(frozen=True)
class Rule:
    """What is asked of an item of one kind; each answer is for this one item."""

    still_up: Callable[[OutboxItem], bool] = _never  # the post must be there now, as it was read
    unanswered: Callable[[OutboxItem], bool] = _never  # no official account may have answered it
    further: Callable[[OutboxItem, datetime], str] = _nothing  # what else is asked outside: a code, "" for none
    reason: Callable[[OutboxItem, datetime], str] = (
        _nothing  # the room's own, of the database alone: asked under the locks
    )


def _towards_author(item: OutboxItem) -> bool:
    """A reply or message: nobody says anything to a post that is gone."""
    return item.way in (Way.REPLY, Way.MESSAGE, Way.HAND)


def _can_be_asked(item: OutboxItem) -> bool:
    """As `_towards_author`; but who carries it out by hand looks themselves where no program of ours can ask."""
    if item.way != Way.HAND:
        return _towards_author(item)
    if item.case is None or asked_source(item.case) is None:
        return False
    tried = Check.objects.filter(case=item.case, step__startswith=BEFORE_ACT, outcome="")
    return not tried.exclude(hand="", problem="").exists()


def _in_public(item: OutboxItem) -> bool:
    """A reply, or what a network is told of a post: whoever deleted a cry for help may be written to all the same."""
    return item.way in (Way.REPLY, Way.REPORT)


def _reply(item: OutboxItem) -> bool:
    return item.way == Way.REPLY


# The rooms put their own reasons here (`reason=warn.queries.reason_to_stop`); the rest holds whatever they say.
RULES: Final[dict[str, Rule]] = {
    Kind.CORRECTION: Rule(reason=requesting.reason_to_write_no_more),
    Kind.ANSWER: Rule(reason=requesting.reason_to_write_no_more),
    Kind.REPORT: Rule(reason=reports.reason_to_stop),
    Kind.REQUEST: Rule(still_up=requesting.still_up, further=requesting.further, reason=requests.reason_to_stop),
    Kind.HELP: Rule(still_up=_in_public, unanswered=_reply, reason=help_.reason_to_stop),
    Kind.WARNING: Rule(still_up=_can_be_asked, unanswered=_reply, reason=warnings.reason_to_stop),
}


def why_not_by_hand(item: OutboxItem, now: datetime) -> str:
    """The code why a person must not carry out now what waits for their hand; asked by every page that offers it to them.

    "" where nothing speaks against it, and for what does not wait for a hand.
    """
    if item.way != Way.HAND or item.state != OutboxItem.State.SENDING:
        return ""
    rule = RULES.get(item.kind)
    return why_not_now(item, now) or (rule.reason(item, now) if rule is not None else "")
