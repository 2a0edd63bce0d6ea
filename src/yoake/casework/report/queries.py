"""Reports as people see them: where each stands, what is overdue, those of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Case as CaseOf
from django.db.models import Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from yoake.casework.cases.models import Case
from yoake.casework.due import business_days_after, business_days_over
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import visible
from yoake.casework.people.queries import Actor
from yoake.casework.registers.queries import Listed, bodies_of, body_of
from yoake.casework.report.models import Report
from yoake.casework.report.recipient import EMAIL, NEEDS
from yoake.errors import BadInput

State = OutboxItem.State

# Where a report stands, in the order of the list: what a person must do comes first.
DRAFT: Final = "draft"  # waits for approval
READY: Final = "ready"  # approved: to be handed over, or being mailed
FAILED: Final = "failed"
LATE: Final = "late"  # not acknowledged in time: somebody asks whether it arrived
SENT: Final = "sent"  # handed over; not acknowledged yet
ACKNOWLEDGED: Final = "acknowledged"
RESULT: Final = "result"
OVER: Final = "over"  # discarded, stopped or taken back
STANDS: Final = (DRAFT, READY, FAILED, LATE, SENT, ACKNOWLEDGED, RESULT, OVER)
LIVE: Final = (State.DRAFT, State.APPROVED, State.SENDING, State.SENT, State.FAILED)
UNCONFIRMED: Final = "unconfirmed"  # why an item is stopped
ANSWER_DAYS: Final = 5  # business days after which somebody should ask whether it arrived; the hotline's own clock


@dataclass(frozen=True)
class Shown:
    """A report with the name of its body and where it stands."""

    report: Report
    body: Listed | None  # None: it stands in no register any more
    stands: str
    ask_by: datetime | None  # from then on somebody should ask; None while that means nothing

    @property
    def overdue(self) -> bool:
        """Whether somebody should ask now."""
        return self.stands == LATE


def stands(report: Report, now: datetime | None = None) -> str:
    """Where a report stands, one of STANDS."""
    place = _place(now or timezone.now())
    return STANDS[Report.objects.filter(pk=report.pk).values_list(place, flat=True).get()]


def count_reports(actor: Actor, now: datetime | None = None) -> dict[str, int]:
    """How many reports stand where; all of them, and what is none is left out."""
    actor.must("read")
    rows = _mine(actor).annotate(place=_place(now or timezone.now())).values("place")
    return {STANDS[row["place"]]: row["n"] for row in rows.annotate(n=Count("pk")).order_by("place")}


def reports_of(
    actor: Actor, *, where: str = "", start: int = 0, limit: int = 50, now: datetime | None = None
) -> list[Shown]:
    """The organisation's reports, those that wait for a person first, urgent ones before others, then the newest: a page of all.

    Args:
        actor: who asks.
        where: only those that stand there (one of STANDS); "" for all.
        start: how many are left out in front.
        limit: at most so many.
        now: the time; the clock's when left out.
    """
    actor.must("read")
    now = now or timezone.now()
    rows = _mine(actor).annotate(place=_place(now))
    rows = rows.filter(place=STANDS.index(where)) if where else rows
    ids = rows.order_by("place", "-urgent", "-pk").values_list("pk", flat=True)[start : start + limit]
    return _shown(actor, list(ids), now)


def reports_about(actor: Actor, case: Case, now: datetime | None = None) -> list[Shown]:
    """The reports of one case, the newest first."""
    actor.must("read")
    ids = _mine(actor).filter(case=case).order_by("-pk").values_list("pk", flat=True)
    return _shown(actor, list(ids), now or timezone.now())


def report_of(actor: Actor, report_id: int, now: datetime | None = None) -> Shown:
    """One report. Raises BadInput when the actor's organisation has no such report."""
    actor.must("read")
    found = _shown(actor, [report_id], now or timezone.now())
    if not found:
        raise BadInput("report", report_id, "there is no such report in your organisation")
    return found[0]


def waiting_reports(actor: Actor, now: datetime | None = None) -> int:
    """How many reports wait for a person: for approval, to be handed over, failed, or not acknowledged in time."""
    actor.must("read")
    to_do = Q(place__in=[STANDS.index(one) for one in (DRAFT, FAILED, LATE)])
    to_do |= Q(item__state=State.SENDING, item__way=OutboxItem.Way.HAND)
    return _mine(actor).annotate(place=_place(now or timezone.now())).filter(to_do).count()


def reason_to_stop(item: OutboxItem, now: datetime) -> str:
    """Why a report must not leave after all: `unconfirmed`, when its contact was withdrawn or is another one by now."""
    report = Report.objects.filter(item=item).first()
    if report is None:
        return UNCONFIRMED
    way = NEEDS[item.channel]
    try:
        confirmed = body_of(item.organisation_id, report.body).verified(way)
    except BadInput:  # the body was taken out
        return UNCONFIRMED
    return "" if confirmed == item.to.get("mail" if item.channel == EMAIL else way) else UNCONFIRMED


def _place(now: datetime) -> CaseOf:
    """Where a report stands, as its place in STANDS: asked in the database, so that lists are sorted before they are cut."""
    rules = (
        (DRAFT, Q(item__state=State.DRAFT)),
        (READY, Q(item__state__in=(State.APPROVED, State.SENDING))),
        (FAILED, Q(item__state=State.FAILED)),
        (OVER, ~Q(item__state=State.SENT)),
        (RESULT, ~Q(result="")),
        (ACKNOWLEDGED, Q(acknowledged_at__isnull=False)),
        (LATE, business_days_over("item__sent_at", ANSWER_DAYS, now)),
    )
    whens = [When(rule, then=Value(STANDS.index(place))) for place, rule in rules]
    return CaseOf(*whens, default=Value(STANDS.index(SENT)), output_field=IntegerField())


def _mine(actor: Actor) -> QuerySet[Report]:
    seen = Exists(visible(actor).filter(pk=OuterRef("item_id")))
    return Report.objects.filter(seen, organisation_id=actor.organisation_id)


def _shown(actor: Actor, ids: Sequence[int], now: datetime) -> list[Shown]:
    """The reports of these ids that the actor may see, in that order."""
    people = ("item__drafted_by", "item__approved_by", "item__second_by", "item__sent_by", "item__sender")
    related = ("case", "case__post", "acknowledged_by", "result_by", "item", *people)
    rows = {row.pk: row for row in _mine(actor).filter(pk__in=ids).annotate(place=_place(now)).select_related(*related)}
    bodies = {body.slug: body for body in bodies_of(actor.organisation_id)} if rows else {}
    found = []
    for report in (rows[pk] for pk in ids if pk in rows):
        where, sent_at = STANDS[report.place], report.item.sent_at
        ask_by = business_days_after(sent_at, ANSWER_DAYS) if where in (LATE, SENT) and sent_at is not None else None
        found.append(Shown(report, bodies.get(report.body), where, ask_by))
    return found
