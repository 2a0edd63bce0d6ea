"""Keeping longer and removing earlier than the schedule says: legal holds, and the consent of two persons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, person
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.keeping import CONSENT, erasure_reason, held_back, plan_erasure
from yoake.casework.cases.models import Case, Decision, Erasure, LegalHold, RemovalConsent, Stop
from yoake.casework.cases.queries import kept_as_record, standing_decision
from yoake.casework.cases.second import blind_reviews
from yoake.casework.cases.trials import must_be_real
from yoake.casework.due import CLAIM
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

GROUNDS: Final = ("trial", "enquiry", "complaint", "request")  # why something is kept; no free text
LISTED: Final = 50
Row = TypeVar("Row", LegalHold, RemovalConsent)
_SOON: Final[Mapping[str, timedelta]] = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


def place_hold(
    actor: Actor, case_id: int, ground: str, until: datetime | None = None, now: datetime | None = None
) -> LegalHold:
    """Keeps a case whatever its time says, until it is lifted or `until`.

    Raises BadInput for an unknown ground or a day that is over, Refused for a post whose words are gone, or on practice.
    """
    now = now or timezone.now()
    actor.must("retain")
    if ground not in GROUNDS:
        raise BadInput("ground", ground, f"one of {', '.join(GROUNDS)}")
    if until is not None and until <= now:
        raise BadInput("until", until.date(), "a day to come")
    with transaction.atomic():
        case = locked(actor, case_id)
        if case.post.erased_at is not None:
            raise Refused("the words of this post are gone; there is nothing left to keep")
        if case.practice:
            raise Refused("nothing on the practice desk is real; it cannot be kept")
        must_be_real(case)  # a copy goes, and the hold would go with it
        hold = LegalHold.objects.create(
            case=case, placed_by_id=person(actor), placed_at=now, ground=ground, until=until
        )
        plan_erasure(case.post, now)
        note("legal_hold_placed", actor, case, now, ground=ground, hold=hold.pk)
    return hold


def lift_hold(actor: Actor, hold_id: int, now: datetime | None = None) -> LegalHold:
    """Lifts a legal hold: the schedule counts again. Raises BadInput when the organisation has no such hold in force."""
    now = now or timezone.now()
    actor.must("retain")
    with transaction.atomic():
        hold = _mine(LegalHold, actor, hold_id, "hold", Q(lifted_at=None))
        case = locked(actor, hold.case_id)
        LegalHold.objects.filter(pk=hold.pk, lifted_at=None).update(lifted_at=now, lifted_by_id=person(actor))
        plan_erasure(case.post, now)
        note("legal_hold_lifted", actor, case, now, hold=hold.pk)
    hold.refresh_from_db()
    return hold


def ask_removal(actor: Actor, case_id: int, now: datetime | None = None) -> RemovalConsent:
    """Asks that a decided case goes before its time; a second person must agree.

    Raises Refused when it waits for a judgement anywhere, is held, or is asked for already.
    """
    now = now or timezone.now()
    actor.must("retain")
    with transaction.atomic():
        case = locked(actor, case_id)
        must_be_real(case)
        _may_go(case, now)
        if RemovalConsent.objects.filter(case=case, consented_at=None, withdrawn_at=None).exists():
            raise Refused("the earlier removal of this case is asked for already; a second person must agree")
        asked = RemovalConsent.objects.create(case=case, asked_by_id=person(actor), asked_at=now)
        note("removal_asked", actor, case, now, consent=asked.pk)
    return asked


def consent(actor: Actor, consent_id: int, now: datetime | None = None) -> RemovalConsent:
    """The second person agrees: the words go at once, the numbers stay; this cannot be undone.

    Raises Refused for the person who asked, and when the case must stay meanwhile.
    """
    now = now or timezone.now()
    actor.must("retain")
    with transaction.atomic():
        still = Q(consented_at=None, withdrawn_at=None)
        case = locked(actor, _mine(RemovalConsent, actor, consent_id, "removal", still).case_id)
        asked = _mine(RemovalConsent, actor, consent_id, "removal", still)  # nobody withdrew it before the lock
        must_be_free(actor, post=case.post, inside=True, now=now)
        if asked.asked_by_id == person(actor):
            raise Refused("you asked for this removal; somebody else must agree")
        _may_go(case, now)
        asked.consented_by_id, asked.consented_at = person(actor), now
        asked.save(update_fields=["consented_by", "consented_at"])
        if not erase(case.post, now, actor, why=CONSENT):
            raise Refused("another body still works on this post; it cannot be removed yet")
        Erasure.objects.filter(post=case.post).update(due_at=None, why=CONSENT, claimed_until=None, problem="")
        note("removal_consented", actor, case, now, consent=asked.pk)
    return asked


def withdraw_removal(actor: Actor, consent_id: int, now: datetime | None = None) -> RemovalConsent:
    """Takes the wish for an earlier removal back, or declines it."""
    now = now or timezone.now()
    actor.must("retain")
    with transaction.atomic():
        asked = _mine(RemovalConsent, actor, consent_id, "removal", Q(consented_at=None, withdrawn_at=None))
        case = locked(actor, asked.case_id)
        RemovalConsent.objects.filter(pk=asked.pk).update(withdrawn_at=now)
        note("removal_declined", actor, case, now, consent=asked.pk)
    asked.refresh_from_db()
    return asked


@dataclass(frozen=True)
class Going:
    """What goes for one reason, and how soon."""

    why: str
    total: int
    day: int
    week: int
    month: int
    first: datetime | None


@dataclass(frozen=True)
class Retention:
    """What goes when, and what is held back, of an organisation."""

    going: list[Going]
    next: list[Any]  # Erasures, the next to go, soonest first, with `goes_at`
    holds: list[LegalHold]  # in force, the newest first
    asked: list[RemovalConsent]  # wait for a second person
    stops: list[Stop]  # the newest first


def retention_of(actor: Actor, now: datetime | None = None) -> Retention:
    """What the screen "What goes when" shows."""
    now = now or timezone.now()
    actor.must("retain")
    mine = Case.objects.filter(organisation_id=actor.organisation_id).values("post")
    due = _going(actor.organisation_id, now).filter(post__in=mine)
    soon = {name: Count("pk", filter=Q(goes_at__lte=now + span)) for name, span in _SOON.items()}
    rows: Iterable[Any] = due.order_by().values("why").annotate(total=Count("pk"), first=Min("goes_at"), **soon)
    unseen = blind_reviews(actor).values("case__post")  # why they go tells the first judgement
    own = Prefetch("post__cases", Case.objects.filter(organisation_id=actor.organisation_id), to_attr="own")
    cases = {"case__organisation_id": actor.organisation_id}
    holds = LegalHold.objects.filter(Q(until=None) | Q(until__gt=now), lifted_at=None, **cases)
    asked = RemovalConsent.objects.filter(consented_at=None, withdrawn_at=None, **cases)
    stops = Stop.objects.filter(organisation_id=actor.organisation_id)
    return Retention(
        going=sorted((Going(**row) for row in rows), key=lambda one: (-one.day, -one.total, one.why)),
        next=list(
            due.exclude(why="practice")
            .exclude(post__in=unseen)
            .prefetch_related(own)
            .order_by("goes_at", "pk")[:LISTED]
        ),
        holds=list(holds.select_related("case", "placed_by").order_by("-placed_at", "-pk")),
        asked=list(asked.select_related("case", "asked_by").order_by("asked_at", "pk")),
        stops=list(stops.select_related("by", "post").order_by("-at", "-pk")[:LISTED]),
    )


def _going(organisation_id: int, now: datetime) -> QuerySet[Any]:
    """What is planned to go and when (`goes_at`), by the schedule and the organisation's own holds.

    Another body's hold shows in nothing here: what only that keeps leaves the list at its time, like what went.
    """
    holds = LegalHold.objects.filter(
        Q(until=None) | Q(until__gt=now),
        lifted_at=None,
        case__post=OuterRef("post"),
        case__organisation=organisation_id,
    )
    own_until = Subquery(holds.order_by("-until").values("until")[:1])
    planned = Erasure.objects.exclude(due_at=None).exclude(Exists(holds.filter(until=None)))
    goes: QuerySet[Any] = planned.annotate(goes_at=Greatest("due_at", Coalesce(own_until, "due_at")))
    return goes.exclude(goes_at__lte=now, claimed_until__gt=now + CLAIM)


def _may_go(case: Case, now: datetime) -> None:
    """Raises Refused when the words of a case may not go now, whatever two persons say."""
    if case.post.erased_at is not None:
        raise Refused("the words of this post are gone already")
    holds = held_back(case.post, now)
    if holds.filter(case__organisation_id=case.organisation_id).exists():
        raise Refused("a legal hold is on this case; lift it first")
    if holds.exists() or _pursued_elsewhere(case):
        raise Refused("another body still works on this post; it cannot be removed yet")
    if not erasure_reason(case.post):
        raise Refused("this post still waits for a judgement, here or at another body; it cannot be removed yet")


def _pursued_elsewhere(case: Case) -> bool:
    """Whether another organisation keeps the post by its own judgement: its evidence is not this one's to erase."""
    gone = (Decision.Verdict.NOT_IN_SCOPE, Decision.Verdict.DUPLICATE)
    others = Case.objects.filter(post=case.post).exclude(organisation_id=case.organisation_id)
    for other in others.prefetch_related("decisions"):
        standing = standing_decision(sorted(other.decisions.all(), key=lambda one: (one.at, one.pk)))
        if standing is not None and standing.verdict not in gone and not kept_as_record(other, standing):
            return True
    return False


def _mine(kind: type[Row], actor: Actor, pk: int, what: str, state: Q) -> Row:
    """One open row of the actor's organisation; locked cases come after."""
    found: Row | None = kind._default_manager.filter(state, pk=pk, case__organisation_id=actor.organisation_id).first()
    if found is None:
        raise BadInput(what, pk, "there is none such open in your organisation")
    return found
