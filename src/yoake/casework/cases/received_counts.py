"""What was received, by day and way, and what became of it. Every sum agrees to the unit.

lines  = waiting to be added + not added + there already + opened
opened = in scope + not in scope + cannot tell + duplicate + waiting for a decision + removed
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from yoake.casework.cases.models import Case, Decision, Received, ReceivedLine
from yoake.casework.due import TOKYO
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

TO_ADD, REMOVED, WAITING, PATROL, HAND = "to_add", "removed", "waiting", "patrol", "hand"
ARRIVED: Final = (TO_ADD, *ReceivedLine.Outcome.values)  # what a line can be
BECAME: Final = (*Decision.Verdict.values, WAITING, REMOVED)  # what an opened one can be
LONGEST: Final = 400  # days at once
_DECIDED = (Case.State.DECIDED, Case.State.CLOSED)


@dataclass
class ReceivedRow:
    """What was received on one day in one way."""

    day: date  # of Asia/Tokyo
    how: str  # of Received.How; patrol; hand: added otherwise than on a page
    n: Counter[str] = field(default_factory=Counter)  # by ARRIVED and BECAME

    @property
    def lines(self) -> int:
        """All of it."""
        return sum(self.n[name] for name in ARRIVED)


def received_rows(actor: Actor, first: date, last: date) -> list[ReceivedRow]:
    """What the organisation received from one day to another (both included), the newest day first. Practice is left out.

    Raises BadInput when the days are in the wrong order or more than 400.
    """
    actor.must("read")
    if not timedelta() <= last - first < timedelta(days=LONGEST):
        raise BadInput("days", f"{first} to {last}", "a first day before the last, at most 400 days apart")
    since, until = _midnight(first), _midnight(last + timedelta(days=1))
    rows: dict[tuple[date, str], ReceivedRow] = {}

    def count(day: date, how: str, name: str, n: int) -> None:
        rows.setdefault((day, how), ReceivedRow(day, how)).n[name] += n

    lines = ReceivedLine.objects.filter(
        received__organisation_id=actor.organisation_id, received__at__gte=since, received__at__lt=until
    ).annotate(day=TruncDate("received__at", tzinfo=TOKYO), verdict=_verdict(OuterRef("case")))
    told = lines.order_by().values("day", "received__how", "outcome", "case__state", "verdict").annotate(n=Count("pk"))
    for row in told:
        count(row["day"], row["received__how"], row["outcome"] or TO_ADD, row["n"])
        if row["outcome"] == ReceivedLine.Outcome.OPENED:
            count(row["day"], row["received__how"], _became(row), row["n"])
    # What opened a case, not what brought a closed one back later: the count of a day that is over never changes.
    by_a_line = ReceivedLine.objects.filter(
        case=OuterRef("pk"), outcome=ReceivedLine.Outcome.OPENED, received__at__lte=OuterRef("opened_at")
    )
    others = Case.objects.filter(
        ~Exists(by_a_line),
        organisation_id=actor.organisation_id,
        practice=False,
        opened_at__gte=since,
        opened_at__lt=until,
    ).annotate(day=TruncDate("opened_at", tzinfo=TOKYO), verdict=_verdict(OuterRef("pk")))
    by_hand = Q(origin=Case.Origin.HAND)
    for how, cases in ((PATROL, others.exclude(by_hand)), (HAND, others.filter(by_hand))):
        for row in _grouped(cases):
            count(row["day"], how, ReceivedLine.Outcome.OPENED, row["n"])
            count(row["day"], how, _became({**row, "case__state": row["state"]}), row["n"])
    order = [*Received.How.values, HAND, PATROL]
    return sorted(rows.values(), key=lambda row: (-row.day.toordinal(), order.index(row.how)))


def sum_of(rows: list[ReceivedRow], first: date) -> ReceivedRow:
    """All rows together."""
    total = ReceivedRow(first, "")
    for row in rows:
        total.n.update(row.n)
    return total


def received_of(actor: Actor, received_id: int) -> Received:
    """One list or post that was handed in. Raises BadInput when the actor's organisation has no such thing."""
    actor.must("read")
    found = (
        Received.objects.filter(organisation_id=actor.organisation_id, pk=received_id).select_related("user").first()
    )
    if found is None:
        raise BadInput("received", received_id, "there is nothing of that number in your organisation")
    return found


def latest_received(actor: Actor, limit: int = 20) -> list[Received]:
    """The newest lists, the newest first; single posts are left out: their cases say all."""
    actor.must("read")
    lists = Received.objects.filter(
        organisation_id=actor.organisation_id, how__in=(Received.How.LIST, Received.How.CSV, Received.How.XLSX)
    )
    return list(lists.select_related("user").order_by("-at", "-pk")[:limit])


def lines_of(received: Received, outcome: str = "") -> QuerySet[ReceivedLine]:
    """The lines of a list in its order, with their cases; `outcome` to_add for those that wait."""
    lines = ReceivedLine.objects.filter(received=received).order_by("number")
    if outcome:
        lines = lines.filter(outcome="" if outcome == TO_ADD else outcome)
    return lines.select_related("case", "case__post", "case__post__current")


def _grouped(cases: QuerySet[Any]) -> Any:
    return cases.order_by().values("day", "state", "verdict").annotate(n=Count("pk"))


def _verdict(case: OuterRef) -> Subquery:
    """The verdict of the decision that nobody undid."""
    standing = Decision.objects.filter(case=case, undoes=None, undone_by=None).order_by("-at", "-id")
    return Subquery(standing.values("verdict")[:1])


def _became(row: Any) -> str:
    if row["case__state"] is None:
        return REMOVED
    return str(row["verdict"]) if row["case__state"] in _DECIDED and row["verdict"] else WAITING


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), TOKYO)
