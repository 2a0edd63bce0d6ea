"""Says which act went before what became of a post, and looks after what left: both are known to cases and outbox together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import OperationalError, transaction

from yoake import shelf
from yoake.casework.cases.models import Case, Outcome, Post
from yoake.casework.cases.outcomes import conclude
from yoake.casework.cases.schedule import plan_checks
from yoake.casework.due import claim_due
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.request import kinds
from yoake.casework.request.models import Request
from yoake.casework.request.queries import kind_called
from yoake.pipeline.mishaps import Resting, put_off_unforeseen

__all__ = ["outcomes"]

_WARNING, _REQUEST, _REPORT = OutboxItem.Kind.WARNING, OutboxItem.Kind.REQUEST, OutboxItem.Kind.REPORT
_FOLLOWED: Final = (_WARNING, _REPORT)  # a request's looks begin with its clock, for each of its posts
_LEFT: Final = (OutboxItem.State.SENT, OutboxItem.State.WITHDRAWN)
_ASKED: Final = (Request.Purpose.FIRST, Request.Purpose.SECOND)
_FOLLOW_WITHIN: Final = timedelta(
    days=13
)  # the last step is two weeks after the act: later, nothing is planned any more
_ROUND: Final = 200
_resting = Resting()

# Which act can have made a post go, by who made it go; a report asks nobody for that, and counts where nothing else left.
_BY_AUTHOR: Final = ("deleted_by_author", "private")
_BY_PROVIDER: Final = ("removed_by_provider", "account_suspended")

Act = tuple[str, datetime]


def outcomes(now: datetime) -> int:
    """Plans the looks after acts that left, then concludes outcomes that wait; returns how many rows were worked on."""
    return _follow(now) + _conclude(now)


def _follow(now: datetime) -> int:
    """The steps after each act: an hour, six, business days, two weeks; once an act, while its case stands in scope."""
    left = OutboxItem.objects.filter(followed_at=None, kind__in=_FOLLOWED, state__in=_LEFT)
    left = left.exclude(pk__in=_resting.at(now))
    due = left.filter(sent_at__gt=now - _FOLLOW_WITHIN, sent_at__lte=now).order_by("sent_at", "pk")[:_ROUND]
    for item in due:
        try:
            _follow_one(item, now)
        except OperationalError:
            raise  # the database is away: the worker waits
        except Exception as problem:
            _resting.put("planning the looks after outbox item", item.pk, now, problem)
    return len(due)


def _follow_one(item: OutboxItem, now: datetime) -> None:
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).filter(cases=item.case_id or 0).first()
        case = Case.objects.select_for_update(of=("self",)).select_related("post").filter(pk=item.case_id or 0).first()
        if case is not None and post is not None and item.sent_at is not None and not post.gone_state:
            plan_checks(case, item.sent_at, now, what=item.kind)
        OutboxItem.objects.filter(pk=item.pk).update(followed_at=now)


def _conclude(now: datetime) -> int:
    claimed = claim_due(Outcome, now, limit=_ROUND)
    rows = Outcome.objects.filter(pk__in=[row.pk for row in claimed]).select_related("case", "check_row")
    acts = _acts({row.case_id for row in rows})
    for row in rows:
        try:
            act, at = _act_before(row, acts.get(row.case_id, ())) or ("", None)
            with transaction.atomic():
                conclude(row, act, at, now)
        except OperationalError:
            raise  # the database is away: the worker waits, and the claim ends by itself
        except Exception as problem:
            put_off_unforeseen(row, now, problem)
    return len(claimed)


def _acts(cases: set[int]) -> dict[int, list[Act]]:
    """What left about these cases, each with its time: two queries. Only requests to take something down are among them."""
    down = [name for name in shelf.names(kinds) if kind_called(name).takes_down]
    asked = Request.objects.filter(case__in=cases, kind__in=down, purpose__in=_ASKED, item__state__in=_LEFT)
    said = OutboxItem.objects.filter(case__in=cases, kind__in=_FOLLOWED, state__in=_LEFT)
    found: dict[int, list[Act]] = {}
    left = [(case_id, str(_REQUEST), at) for case_id, at in asked.values_list("case_id", "item__sent_at")]
    for case_id, kind, at in [*left, *said.values_list("case_id", "kind", "sent_at")]:
        if case_id is not None and at is not None:
            found.setdefault(case_id, []).append((kind, at))
    return found


def _act_before(row: Outcome, acts: Iterable[Act]) -> Act | None:
    """The newest act that had left by then, of those that can have made the post go where there is one."""
    left = [(kind, at) for kind, at in acts if at <= row.at]
    meant: tuple[str, ...] = (_WARNING, _REQUEST)
    if row.seen in (*_BY_AUTHOR, *_BY_PROVIDER):
        meant = (_WARNING,) if row.seen in _BY_AUTHOR else (_REQUEST,)
    for kinds_of_act in (meant, (_WARNING, _REQUEST), (_REPORT,)):
        if among := [act for act in left if act[0] in kinds_of_act]:
            return max(among, key=lambda act: act[1])
    return None
