"""What is kept of a case, and which cases wait for a supervisor's word about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import standing_decision
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.queries import Actor

KEPT: Final = "kept"  # a picture is inside
MAY: Final = "evidence"  # the permission to take evidence out, and to answer for what nobody decided


def sealed_of(case: Case) -> Evidence | None:
    """The sealed evidence of a case that stands in scope; None while it is not sealed, or not with the decision that stands."""
    row = evidence_of(case)
    return row if row is not None and _holds(row, case) else None


def evidence_of(case: Case) -> Evidence | None:
    """What is kept of a case, in whatever state."""
    return Evidence.objects.filter(case=case).first()


def decision_in_force(case: Case) -> Decision | None:
    """The decision that holds for a case; None while it waits, for a first or for a second judgement."""
    if case.state not in (Case.State.DECIDED, Case.State.CLOSED):
        return None
    return standing_decision(sorted(case.decisions.all(), key=lambda one: (one.at, one.pk)))


def _holds(row: Evidence, case: Case) -> bool:
    """Whether it is sealed with the decision that stands."""
    if row.state != Evidence.State.SEALED:
        return False
    standing = decision_in_force(case)
    return standing is not None and row.decision_id == standing.pk


@dataclass(frozen=True)
class Holding:
    """What is kept of a case, as a page tells it."""

    row: Evidence
    pictures: int  # that are inside
    left_out: dict[str, int]  # why others are not, and how many
    raw: str  # what came of asking the network for the post itself: a code, "" before
    sealed: bool  # with the decision that stands
    overdue: bool  # undecided for too long: a supervisor is asked


def holding_of(actor: Actor, case: Case, now: datetime | None = None) -> Holding | None:
    """What is kept of a case; None when nothing is, or ever was."""
    actor.must("read")
    row = evidence_of(case)
    if row is None or row.state == Evidence.State.ERASED:
        return None
    told = [code for name, code in row.fetched.items() if name != "raw"]
    return Holding(
        row=row,
        pictures=told.count(KEPT),
        left_out={code: told.count(code) for code in dict.fromkeys(told) if code != KEPT},
        raw=row.fetched.get("raw", ""),
        sealed=_holds(row, case),
        overdue=row.ask_at is not None and row.ask_at <= (now or timezone.now()),
    )


def undecided(actor: Actor, now: datetime) -> QuerySet[Evidence]:
    """What was captured and nobody decided in time, the longest waiting first."""
    actor.must(MAY)
    mine = Evidence.objects.filter(case__organisation_id=actor.organisation_id, ask_at__lte=now)
    return mine.exclude(state=Evidence.State.ERASED).select_related("case", "case__post").order_by("ask_at", "pk")


def undecided_count(actor: Actor, now: datetime) -> int:
    """How many wait for a supervisor's word."""
    return undecided(actor, now).count() if actor.may(MAY) else 0
