"""How providers answered this organisation: counted from its own requests of the last year, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from yoake.casework.cases.models import Outcome
from yoake.casework.people.queries import Actor
from yoake.casework.request.models import Meaning, Request

PERIOD: Final = timedelta(days=365)
HANDFUL: Final = 5  # of fewer, no rate is told


@dataclass(frozen=True)
class Answering:
    """What came of the requests of one kind to one provider."""

    kind: str
    asked: int  # that went, first and second requests
    answered: int  # they said something about the matter; that it arrived is no answer, nor is a mail that bounced
    hours: float | None  # median from the request to that answer; None while there is none
    refused: int
    said_removed: int  # they said so, or that it is done
    removed: int  # a check found it removed, or the account suspended, after the request, whatever they said
    silent: int  # time to answer is over, and they said nothing about the matter
    waits: int  # they still have time
    bounced: int  # it did not arrive there

    @property
    def enough(self) -> bool:
        """Whether rates mean anything."""
        return self.asked >= HANDFUL

    def percent(self, n: int) -> int:
        """Of what was asked; 0 to 100, rounded."""
        return round(100 * n / self.asked) if self.asked else 0


def answering(actor: Actor, body: str, now: datetime | None = None) -> list[Answering]:
    """How a provider (slug) answered requests of the last 365 days, a row a kind: two queries, however many requests.

    A post that a second organisation's request was about counts for that organisation alone.
    """
    actor.must("read")
    now = now or timezone.now()
    went = asked(organisation_id=actor.organisation_id, body=body, started_at__gt=now - PERIOD, started_at__lte=now)
    rows = counted(went, now, "kind").order_by("kind")
    took: dict[str, list[float]] = {}
    for kind, began, at in went.filter(answered_at__lte=now).values_list("kind", "started_at", "answered_at"):
        if began is not None and at is not None:
            took.setdefault(kind, []).append(max(0.0, (at - began).total_seconds() / 3600))
    return [Answering(hours=median(took[row["kind"]]) if row["kind"] in took else None, **row) for row in rows]


def asked(**only: Any) -> QuerySet[Request]:
    """Requests that ask for something themselves, first and second ones; extensions and withdrawals wait for nothing."""
    return Request.objects.filter(purpose__in=(Request.Purpose.FIRST, Request.Purpose.SECOND), **only).order_by()


def counted(went: QuerySet[Request], now: datetime, *by: str) -> QuerySet[Request, dict[str, Any]]:
    """What came of requests that went, as it is known `now`, grouped by fields: dictionaries of these and of counts.

    Everyone is answered, bounced, silent or waits; of those answered some were refused, or said to be removed. Removed by what a check
    found stands beside that.
    """
    gone = Outcome.objects.filter(
        case=OuterRef("case"),
        what__in=(Outcome.What.REMOVED, Outcome.What.SUSPENDED),
        at__gte=OuterRef("started_at"),
        at__lte=now,
    )
    said = Q(answered_at__lte=now)
    bounced = Q(meaning=Meaning.BOUNCED)
    open_ = (Q(answered_at=None) | Q(answered_at__gt=now)) & ~bounced
    told: QuerySet[Request, dict[str, Any]] = (
        went.annotate(gone=Exists(gone))
        .values(*by)
        .annotate(
            asked=Count("pk"),
            answered=Count("pk", filter=said),
            refused=Count("pk", filter=said & Q(meaning=Meaning.REFUSED)),
            said_removed=Count("pk", filter=said & Q(meaning=Meaning.REMOVED)),
            removed=Count("pk", filter=Q(gone=True)),
            bounced=Count("pk", filter=bounced),
            silent=Count("pk", filter=open_ & Q(answer_by__lte=now)),
            waits=Count("pk", filter=open_ & (Q(answer_by__gt=now) | Q(answer_by=None))),
        )
    )
    return told
