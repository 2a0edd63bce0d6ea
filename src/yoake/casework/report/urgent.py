"""The fast lane: where somebody may be in danger now, a person calls 110 first, and everything else comes after.

It is nothing but a list and a record: no judgement is needed to be in it, and Yoake calls nobody. A case is in the lane from
the moment it is opened until a person wrote down what they did, at most for three days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.holds import must_be_free, readable
from yoake.casework.cases.models import Case, Decision, Finding
from yoake.casework.cases.second import without_blind
from yoake.casework.cases.trials import cases_before, must_be_real
from yoake.casework.people.queries import Actor
from yoake.casework.report.models import EmergencyCall
from yoake.errors import BadInput, Refused

ALWAYS: Final = ("serious_crime", "minor_approach", "suicide_inducing")
IF_SIGN: Final = {
    "coerced_applicant": "about_to_go"
}  # category -> cue or element without which it can wait for the next hour
LONGEST: Final = timedelta(days=3)
SHOWN: Final = 5
MOST_COUNTED: Final = 100
REFERENCE_LONGEST: Final = 60

How = EmergencyCall.How
_UNDECIDED: Final = (Case.State.WAITING, Case.State.SECOND_REVIEW)
_JUDGED: Final = (Case.State.DECIDED, Case.State.CLOSED)


@dataclass(frozen=True)
class Danger:
    """A case in which somebody may be in danger now."""

    case: Case
    category: str  # of those above, by which it is in the lane
    minutes: int  # whole minutes since the case was opened


def dangers(actor: Actor, now: datetime | None = None) -> tuple[list[Danger], int]:
    """The lane: the newest SHOWN cases, and how many there are, counted to MOST_COUNTED; as many queries for one as for many.

    Left out: the practice desk, what another body holds, what stands decided otherwise, and what somebody dealt with.
    """
    actor.must("read")
    now = now or timezone.now()
    parts = []  # on most days both lists of keys are empty, and nothing else is asked
    if found := _newest_found(actor):
        parts.append(_found(actor, now, found))
    if decided := list(_standing(actor, now).order_by("-at", "-pk")[:MOST_COUNTED]):
        parts.append(_decided(actor, now, decided))
    lane = {case.pk: case for part in parts for case in part.order_by("-opened_at", "-pk")[:MOST_COUNTED]}
    shown = sorted(lane.values(), key=lambda case: (case.opened_at, case.pk), reverse=True)[:SHOWN]
    return [Danger(case, _category(case), _minutes(case, now)) for case in shown], min(len(lane), MOST_COUNTED)


def danger_of(actor: Actor, case: Case, now: datetime | None = None) -> Danger | None:
    """Whether this case is in the lane; most cases are not, and of these nothing is asked."""
    actor.must("read")
    now = now or timezone.now()
    if case.practice or case.opened_at <= now - LONGEST:
        return None
    parts = [_found(actor, now, [case.pk])] if case.category in (*ALWAYS, *IF_SIGN) else []
    if case.state != Case.State.WAITING and _standing(actor, now).filter(case_id=case.pk).exists():
        parts.append(_decided(actor, now, [case.pk]))
    if not any(part.filter(pk=case.pk).exists() for part in parts):
        return None
    return Danger(case, _category(case), _minutes(case, now))


def calls_of(actor: Actor, case: Case) -> list[EmergencyCall]:
    """What people did about the danger in a case, the newest first."""
    actor.must("read")
    rows = EmergencyCall.objects.filter(organisation_id=actor.organisation_id, case=case)
    return list(rows.select_related("by").order_by("-at", "-pk"))


def note_call(actor: Actor, case_id: int, how: str, reference: str = "", now: datetime | None = None) -> EmergencyCall:
    """Writes down what a person did first; the case leaves the lane.

    Args:
        actor: somebody who may act.
        case_id: the case, in the lane or not: whoever called writes it down.
        how: called_110, force (the force's own desk), or no_danger.
        reference: the number that was given on the telephone, at most 60 characters; "" for none.
        now: the time; the clock's when left out.

    Raises:
        BadInput: no such case, another word, or too long a reference.
        Refused: the practice desk, or another body holds the post.
    """
    actor.must("act")
    now, reference = now or timezone.now(), " ".join(reference.split())
    if how not in How.values:
        raise BadInput("how", how, f"one of {', '.join(How.values)}")
    if len(reference) > REFERENCE_LONGEST:
        raise BadInput("receipt", reference, f"at most {REFERENCE_LONGEST} characters")
    with transaction.atomic():
        case = locked(actor, case_id)
        must_be_real(case)
        if case.practice:
            raise Refused("nothing of the practice desk is real: nobody is called")
        must_be_free(actor, post=case.post, now=now)
        call = EmergencyCall.objects.create(
            organisation_id=organisation(actor), case=case, how=how, reference=reference, by_id=person(actor), at=now,
            minutes=_minutes(case, now),
        )  # fmt: skip
        note("emergency_noted", actor, case, now, how=how, minutes=call.minutes)
    return call


def _newest_found(actor: Actor) -> list[int]:
    """The newest cases that wait and were found as one of the categories (keys), from an index of the inbox alone."""
    waiting = cases_before(actor).filter(practice__in=[False], state__in=_UNDECIDED, folded_into=None).order_by("-pk")
    keys: list[int] = []
    for categories in (ALWAYS, tuple(IF_SIGN)):  # so that those who can wait push nobody out
        keys += waiting.filter(category__in=categories).values_list("pk", flat=True)[:MOST_COUNTED]
    return keys


def _found(actor: Actor, now: datetime, keys: Sequence[int]) -> QuerySet[Case]:
    """Of these cases, copies before this person among them, what waits and was found as one of the categories."""
    told = Q(category__in=ALWAYS)
    for slug, sign in IF_SIGN.items():
        telling = Finding.objects.filter(version=OuterRef("post__current"), category=slug, shadow=False)
        told |= Q(category=slug) & Q(Exists(telling.filter(body__icontains=f'"{sign}"')))
    return _open(actor, now, keys).exclude(state__in=_JUDGED).filter(told, folded_into=None)


def _decided(actor: Actor, now: datetime, keys: Sequence[int]) -> QuerySet[Case]:
    """Of the cases that `_standing` told, those that are still decided, and open here."""
    return _open(actor, now, keys).exclude(state__in=(Case.State.WAITING, Case.State.CLOSED)).filter(gold_for=None)


def _open(actor: Actor, now: datetime, keys: Sequence[int]) -> QuerySet[Case]:
    """Of these cases, those of the last three days of which nobody wrote down yet what they did.

    State and desk are said by what they are not: by what they are, SQLite would go through a whole index of the inbox
    instead of these keys.
    """
    those = readable(Case.everything.filter(pk__in=keys).exclude(practice=True), actor, now)
    those = those.filter(opened_at__gt=now - LONGEST, opened_at__lte=now, post__stopped_at=None)
    return those.exclude(Exists(EmergencyCall.objects.filter(case=OuterRef("pk"))))


def _standing(actor: Actor, now: datetime) -> QuerySet[Decision, int]:
    """Cases with a decision in scope of one of the categories that nobody undid, as far as the actor may know of it."""
    told = Q(category__in=ALWAYS)
    for slug, sign in IF_SIGN.items():
        told |= Q(category=slug, elements__icontains=f'"{sign}"')
    in_scope = without_blind(Decision.objects.all(), actor).filter(
        verdict=Decision.Verdict.IN_SCOPE,
        undoes=None,
        undone_by=None,
        at__gt=now - LONGEST,  # a decision is not older than its case
        case__organisation_id=actor.organisation_id,
    )
    return in_scope.filter(told).values_list("case_id", flat=True)


def _category(case: Case) -> str:
    """By which category it is in the lane: the finding's, else the one that a person chose."""
    lane = (*ALWAYS, *IF_SIGN)
    if case.category in lane:
        return case.category
    chosen = _newest(case.decisions.filter(undoes=None, undone_by=None, category__in=lane).order_by("-at", "-pk"))
    return chosen or case.category


def _newest(decisions: Iterable[Decision]) -> str:
    return next((decision.category for decision in decisions), "")


def _minutes(case: Case, now: datetime) -> int:
    return max(0, int((now - case.opened_at).total_seconds() // 60))
