"""How long posts stood after a decision, a warning or a request: watched until they were seen gone, or last seen there.

Gone is what outcomes call removed, suspended or hidden, once it was not seen there again; its time is when that was seen, which is
when somebody looked (an hour after, six, business days, two weeks) unless the network said so itself. A post is watched until
something else left about it: from then on it is that act's. Whoever was gone before the act is in no group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, F, Max, Min, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Least

from yoake.casework.cases.models import Check, Outcome
from yoake.casework.cases.schedule import GONE
from yoake.casework.count import asking
from yoake.casework.count.events import in_period, of_scope, requests_that_went, standing, taking_down
from yoake.casework.count.figure import Cell, Scope
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.survival import Curve, Seen, curve
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.request.models import Request
from yoake.casework.warn.models import WarningMessage

NETWORK: Final = "case__post__network"
LETTER: Final = (
    "category",
    "language",
    "letter_id",
    "letter__number",
    "letter_digest",
)  # fields of WarningMessage: which version
THERE: Final = ("up", "edited")  # of a check: it is there
WENT: Final = (OutboxItem.State.SENT, OutboxItem.State.WITHDRAWN)  # it stood there, also where it was taken back later
_WARNED, _REPORTED, _HELPED = OutboxItem.Kind.WARNING, OutboxItem.Kind.REPORT, OutboxItem.Kind.HELP
_ASKED: Final = (Request.Purpose.FIRST, Request.Purpose.SECOND)

# Looks come a little after the time for which they are planned (cases/schedule.py: a tenth, at most half an hour), so times are
# cut to whole quarters of an hour, from four hours on to whole hours: the look after six hours counts at six.
_CUT: Final = "CASE WHEN seconds < 14400 THEN seconds / 900 * 900 ELSE seconds / 3600 * 3600 END"
_TOLD: Final = """
WITH watched AS MATERIALIZED ({watched})
SELECT {keys}, gone, {cut}, COUNT(*) FROM (
  SELECT {keys}, CASE WHEN gone <= ending THEN 1 ELSE 0 END AS gone,
    CASE WHEN gone <= ending THEN gone WHEN up <= ending THEN up WHEN up > ending THEN ending END AS seconds
  FROM watched WHERE ending >= 0
) AS told GROUP BY {places}"""  # a row a time at which something was seen, not a row a post


@dataclass
class Watched:
    """How many were watched for how long, in hours; `unseen`: of so many nobody knows anything after the act."""

    seen: list[Seen] = field(default_factory=list)
    unseen: int = 0

    @property
    def n(self) -> int:
        """All of them."""
        return self.unseen + sum(one.n for one in self.seen)

    @property
    def gone(self) -> int:
        """How many were seen gone."""
        return sum(one.n for one in self.seen if one.gone)

    @property
    def curve(self) -> Curve:
        """Kaplan and Meier's curve of those of which something is known."""
        return curve(self.seen)

    def and_(self, other: Watched) -> Watched:
        """Both together."""
        return Watched(self.seen + other.seen, self.unseen + other.unseen)


def cell(of: Curve, hours: float) -> Cell:
    """The share that was gone by then, of how many that were watched.

    It has no `part`: where some were not watched to the end it is not how many were seen gone, divided by `of`.
    """
    share = of.gone_by(hours)
    if share is None:
        return Cell(None)
    return Cell(share.value, share.low, share.high, of=of.n, rests_on=of.ended_by(hours))


def by_first(groups: dict[tuple[Any, ...], Watched]) -> dict[tuple[Any, ...], Watched]:
    """The same by the first of their keys alone."""
    found: dict[tuple[Any, ...], Watched] = {}
    for key, one in groups.items():
        found[key[:1]] = found.get(key[:1], Watched()).and_(one)
    return found


def all_of(groups: dict[tuple[Any, ...], Watched]) -> Watched:
    """All groups together."""
    together = Watched()
    for one in groups.values():
        together = together.and_(one)
    return together


def warned(scope: Scope, *by: str, **only: Any) -> dict[tuple[Any, ...], Watched]:
    """Posts after a warning to them went in the period, until it was withdrawn or a request went; grouped by fields of WarningMessage.

    Args:
        scope: whose, when, and until when they are watched.
        by: fields, e.g. "case__post__network".
        only: further filters.
    """
    acts = WarningMessage.objects.filter(
        of_scope(scope), in_period(scope, "item__sent_at"), item__state__in=WENT, **only
    ).order_by()
    ends = (
        Coalesce("item__withdrawn_at", Value(scope.now)),
        _first(_requests(scope), "case__post", "started_at", "item__sent_at"),
    )
    return _groups(acts, "item__sent_at", ends, by, scope.now)


def warned_by_letter(scope: Scope) -> dict[tuple[Any, ...], Watched]:
    """`warned` by network and then LETTER; asked once for all figures that are told together."""
    return asking.once(("warned", scope), lambda: warned(scope, NETWORK, *LETTER))


def requested(scope: Scope, *by: str) -> dict[tuple[Any, ...], Watched]:
    """Posts after the first request to take them (or their account) down went in the period, until a warning went."""
    went = requests_that_went(taking_down(), started_at__lt=scope.now)
    before = went.filter(case=OuterRef("case"), started_at__lt=OuterRef("started_at"))
    twin = went.filter(case=OuterRef("case"), started_at=OuterRef("started_at"), pk__lt=OuterRef("pk"))
    acts = went.filter(of_scope(scope), in_period(scope, "started_at")).filter(~Exists(before), ~Exists(twin))
    ends = (_first(_left(scope, _WARNED), "post", "sent_at", "started_at"),)
    return _groups(acts, "started_at", ends, by, scope.now)


def without_an_act(scope: Scope, *by: str) -> dict[tuple[Any, ...], Watched]:
    """Posts after they were decided in scope in the period, until a warning, a request, a report or help left about them, from anybody."""
    ends = (
        _first(_left(scope, _WARNED, _REPORTED, _HELPED), "post", "sent_at"),
        _first(_requests(scope), "case__post", "started_at"),
    )
    return _groups(standing(scope, verdict="in_scope"), "at", ends, by, scope.now)


def _left(scope: Scope, *kinds: str) -> QuerySet[OutboxItem]:
    """Acts of these kinds, whoever's, about the post of a row's case."""
    return OutboxItem.objects.filter(
        post=OuterRef("case__post"), kind__in=kinds, state__in=WENT, sent_at__lt=scope.now
    ).order_by()


def _requests(scope: Scope) -> QuerySet[Request]:
    """Requests to take it down, whoever's, about the post of a row's case."""
    return Request.objects.filter(
        case__post=OuterRef("case__post"), case__practice=False, kind__in=taking_down(), purpose__in=_ASKED, started_at__lt=scope.now
    ).order_by()  # fmt: skip


def _first(acts: QuerySet[Any], post: str, at: str, after: str = "") -> Subquery:
    """When the first of them left (`post`: by what they were chosen); after the row's own act, where one is named."""
    told = acts.filter(**{f"{at}__gt": OuterRef(after)}) if after else acts
    return Subquery(
        told.values(post).annotate(first=Min(at)).values("first")
    )  # sorts nothing, as "the first row" would


def _groups(
    acts: QuerySet[Any], since: str, ends: Sequence[Any], by: Sequence[str], now: datetime
) -> dict[tuple[Any, ...], Watched]:
    looks = Check.objects.filter(case=OuterRef("case"), outcome__in=THERE, checked_at__lt=now).order_by()
    goings = Outcome.objects.filter(
        case=OuterRef("case"), of=Outcome.Of.POST, seen__in=GONE, at__lt=now
    ).order_by()  # fmt: skip
    up = looks.filter(checked_at__gte=OuterRef(since)).values("case").annotate(last=Max("checked_at")).values("last")
    for_good = goings.filter(~Exists(looks.filter(checked_at__gt=OuterRef("at"))), at__gte=OuterRef(since))
    gone = for_good.values("case").annotate(first=Min("at")).values("first")
    between = looks.filter(checked_at__gt=OuterRef("at"), checked_at__lt=OuterRef(OuterRef(since)))
    before = goings.filter(~Exists(between), at__lt=OuterRef(since))
    ended = [Coalesce(one, Value(now)) for one in ends]
    keys = [f"key{n}" for n in range(len(by))]
    rows = acts.filter(~Exists(before)).values(
        up=SecondsBetween(since, Subquery(up)),
        gone=SecondsBetween(since, Subquery(gone)),
        ending=SecondsBetween(since, Least(*ended, Value(now))),
        **{key: F(name) for key, name in zip(keys, by, strict=True)},
    )
    sql, params = rows.query.sql_with_params()
    named = ", ".join(keys) or "0"
    places = ", ".join(str(n + 1) for n in range((len(keys) or 1) + 2))
    found: dict[tuple[Any, ...], Watched] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _TOLD.format(watched=sql, keys=named, places=places, cut=_CUT), params
        )  # values stand in `params` alone
        for *key, is_gone, seconds, n in cursor.fetchall():
            group = found.setdefault(tuple(key) if by else (), Watched())
            if seconds is None:
                group.unseen += n
            else:
                group.seen.append(Seen(seconds / 3600, bool(is_gone), n))
    return found
