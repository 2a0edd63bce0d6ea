"""Help as people see it: who was told and who has it, which desks there are, and whose clock is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db.models import Case as CaseOf
from django.db.models import Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from yoake.casework.cases.categories import categories
from yoake.casework.cases.clocks import AT_RISK, due_by, over
from yoake.casework.cases.holds import readable
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.second import blind_reviews
from yoake.casework.cases.trials import cases_before
from yoake.casework.help.models import HandOver, Settled
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.queries import visible
from yoake.casework.outbox.reasons import GONE_OUT, SAID_SINCE
from yoake.casework.people.models import Membership
from yoake.casework.people.queries import Actor
from yoake.casework.registers.models import Kind
from yoake.casework.registers.queries import ADDRESS, FORM, TELEPHONE, Listed, bodies_of, body_of
from yoake.errors import BadInput

State, Way, How = OutboxItem.State, OutboxItem.Way, HandOver.How

Row = TypeVar("Row", Decision, HandOver)

# Where a hand-over stands, in the order of the list: what a person must do comes first.
DRAFT: Final = "draft"  # waits for approval
TO_TELL: Final = "to_tell"  # a person calls the desk now
SENDING: Final = "sending"  # the worker is about to
FAILED: Final = "failed"
TOLD: Final = "told"  # the desk was told, and nobody there said that they have it
ACKNOWLEDGED: Final = "acknowledged"
SENT: Final = "sent"  # a report, message or reply that went
REMOVED: Final = "removed"  # a reply that is gone again
OVER: Final = "over"  # discarded or stopped
STANDS: Final = (DRAFT, TO_TELL, SENDING, FAILED, TOLD, ACKNOWLEDGED, SENT, REMOVED, OVER)
LIVE: Final = (State.DRAFT, State.APPROVED, State.SENDING, State.SENT, State.FAILED)
# Ways to a desk, by hand: what is said about somebody in danger is never mailed in the clear.
CONTACTS: Final = (TELEPHONE, FORM, ADDRESS)
# Codes by which a hand-over is stopped, beside those of the outbox.
NO_HAND_OVER: Final = "no_hand_over"
NO_SUPERVISOR: Final = "no_supervisor"
UNCONFIRMED: Final = "desk_unconfirmed"
SHOWN: Final = 5
_FIRST_OF_MINORS: Final = ("child_guidance", "youth_support")


@dataclass(frozen=True)
class Shown:
    """A hand-over with the name of its desk, where it stands, and its clock."""

    hand_over: HandOver
    body: Listed | None  # None: no desk, or it stands in no register any more
    stands: str
    due: datetime | None  # by when the desk should have said that it has it; None while no clock runs
    overdue: bool


@dataclass(frozen=True)
class Clock:
    """A case whose clock of help runs: nobody who helps was told yet, or nobody there said that they have it."""

    case: Case
    category: str
    since: datetime  # the decision, or when the desk was told
    due: datetime
    told: HandOver | None  # the desk that did not answer; None: nobody was told
    minutes: int  # whole minutes since then
    overdue: bool


@dataclass(frozen=True)
class Desk:
    """Somebody to hand over to."""

    body: Listed
    contact: str  # by which way it is reached: telephone, form or address; "": nobody confirmed one
    value: str
    named: bool  # the category, or the age of the author, points to it


def desks_for(organisation_id: int, case: Case, slug: str) -> list[Desk]:
    """The consultation desks, those first that fit: for a minor those for children, then in the order of the category's help lines."""
    known = categories().get(slug)
    numbers = [line.number for line in known.help if line.number] if known is not None else []
    found = []
    for body in bodies_of(organisation_id, kind=Kind.CONSULTATION):
        telephone = body.ways[TELEPHONE].value
        first = _FIRST_OF_MINORS.index(body.slug) - 10 if case.minor and body.slug in _FIRST_OF_MINORS else None
        place = first if first is not None else numbers.index(telephone) if telephone in numbers else None
        way, value = contact_of(body)
        found.append((place if place is not None else len(numbers) + 1, Desk(body, way, value, place is not None)))
    return [desk for _place, desk in sorted(found, key=lambda one: one[0])]


def contact_of(body: Listed) -> tuple[str, str]:
    """The way by which a desk is told, and its value: the first of CONTACTS that somebody confirmed; "" for none."""
    return next(((way, body.verified(way)) for way in CONTACTS if body.verified(way)), ("", ""))


def stands(hand_over: HandOver) -> str:
    """Where a hand-over stands, one of STANDS."""
    return STANDS[HandOver.objects.filter(pk=hand_over.pk).values_list(_place(), flat=True).get()]


def count_hand_overs(actor: Actor) -> int:
    """How many hand-overs there are."""
    actor.must("read")
    return _mine(actor).count()


def hand_overs_of(actor: Actor, *, start: int = 0, limit: int = 50, now: datetime | None = None) -> list[Shown]:
    """The organisation's hand-overs: overdue ones, then those that wait for a person, then the newest: a page of all of them."""
    actor.must("read")
    now = now or timezone.now()
    told = Q(how=How.DESK, item__state=State.SENT, acknowledged_at=None) & over(AT_RISK, "item__sent_at", now)
    late = CaseOf(When(told, then=Value(0)), default=Value(1), output_field=IntegerField())
    rows = _mine(actor).annotate(late=late, place=_place()).order_by("late", "place", "-pk")
    return _shown(actor, list(rows.values_list("pk", flat=True)[start : start + limit]), now)


def hand_overs_about(actor: Actor, case: Case, now: datetime | None = None) -> list[Shown]:
    """The hand-overs of one case, the newest first."""
    actor.must("read")
    ids = _mine(actor).filter(case=case).order_by("-pk").values_list("pk", flat=True)
    return _shown(actor, list(ids), now or timezone.now())


def hand_over_of(actor: Actor, hand_over_id: int, now: datetime | None = None) -> Shown:
    """One hand-over. Raises BadInput when the actor's organisation has no such one."""
    actor.must("read")
    found = _shown(actor, [hand_over_id], now or timezone.now())
    if not found:
        raise BadInput("hand_over", hand_over_id, "there is no such hand-over in your organisation")
    return found[0]


def clocks_of(actor: Actor, now: datetime | None = None) -> list[Clock]:
    """Every clock of help that runs, the one that is over longest first; the same number of queries however many run.

    Left out: the practice desk, what another body holds, what was erased, and what a supervisor settled.
    """
    actor.must("read")
    now = now or timezone.now()
    found = [*_untold(actor, now), *_unanswered(actor, now)]
    return sorted(found, key=lambda one: (one.due, one.case.pk))


def clock_of(actor: Actor, case: Case, now: datetime | None = None) -> Clock | None:
    """The clock that runs for one case."""
    actor.must("read")
    now = now or timezone.now()
    return next((one for one in [*_untold(actor, now, case), *_unanswered(actor, now, case)]), None)


def settled_of(actor: Actor, case: Case) -> list[Settled]:
    """Why nobody is told about a case any more, the newest first."""
    actor.must("read")
    rows = Settled.objects.filter(organisation_id=actor.organisation_id, case=case)
    return list(rows.select_related("by").order_by("-pk"))


def reason_to_stop(item: OutboxItem, now: datetime) -> str:
    """Why help must not leave after all, asked in the last second.

    no_hand_over: nobody of this room wrote it; said_since: another reply, message or report was drafted when this one had been
    refused, and went; no_supervisor: a public reply that no supervisor approved, or only one person;
    desk_unconfirmed: how the desk is reached was withdrawn, or is another way by now.
    """
    hand_over = HandOver.objects.filter(item=item).first()
    if hand_over is None:
        return NO_HAND_OVER
    same = HandOver.objects.filter(case=hand_over.case_id, organisation=item.organisation_id, how=hand_over.how)
    same = same.filter(body=hand_over.body).exclude(pk=hand_over.pk)
    if OutboxItem.objects.filter(GONE_OUT, pk__in=same.values("item")).exists():
        return SAID_SINCE
    if hand_over.how == How.REPLY:
        people = {item.approved_by_id, item.second_by_id} - {None}
        if item.remove_after_s is None or len(people) != 2 or not _supervisor_among(item, people):
            return NO_SUPERVISOR
    if hand_over.how == How.DESK:
        way = next((one for one in CONTACTS if item.to.get(one)), "")
        try:
            confirmed = body_of(item.organisation_id, hand_over.body).verified(way) if way else ""
        except BadInput:  # the desk was taken out of the registers
            return UNCONFIRMED
        return "" if confirmed and confirmed == item.to[way] else UNCONFIRMED
    return ""


def _supervisor_among(item: OutboxItem, people: set[int | None]) -> bool:
    told = Membership.objects.filter(organisation_id=item.organisation_id, user__in=people, ended_at=None)
    return any(Actor("", one.user_id, item.organisation_id, one.role).may("oversee") for one in told)


def helped_slugs() -> list[str]:
    """Categories about somebody who needs help, and for which help is provided."""
    return [slug for slug, known in categories().items() if known.at_risk and "help" in known.actions]


def _untold(actor: Actor, now: datetime, case: Case | None = None) -> list[Clock]:
    """Cases of somebody who needs help of which nobody who helps was told."""
    standing = Decision.objects.filter(at_risk=True, undoes=None, undone_by=None, verdict=Decision.Verdict.IN_SCOPE)
    mine = standing.filter(case__organisation_id=actor.organisation_id)
    mine = mine if case is None else mine.filter(case=case)
    helped = set(helped_slugs())
    taken = HandOver.objects.filter(case=OuterRef("case"), item__state__in=(State.SENT, State.WITHDRAWN))
    settled = Settled.objects.filter(case=OuterRef("case"))
    # whoever may judge second learns of it once it is over: that somebody is helped weighs more than a blind judgement
    unseen = Exists(blind_reviews(actor).filter(first=OuterRef("pk")))
    known = mine.filter(over(AT_RISK, "at", now) | ~Q(unseen))
    rows = known.filter(~Exists(taken), ~Exists(settled)).select_related("case", "case__post").order_by()
    found: dict[int, Clock] = {}
    for one in sorted(_open(actor, now, list(rows)), key=lambda row: row.at):  # in an order it would read all decisions
        slug = next((slug for slug in (one.category, *one.also) if slug in helped), "")
        if slug:
            found.setdefault(one.case_id, _clock(one.case, slug, one.at, None, now))
    return list(found.values())


def _unanswered(actor: Actor, now: datetime, case: Case | None = None) -> list[Clock]:
    """Desks that were told and did not say that they have it, while none other did and nobody settled it."""
    rows = HandOver.objects.filter(organisation_id=actor.organisation_id)
    rows = rows.filter(how=How.DESK, item__state=State.SENT, acknowledged_at=None)
    rows = rows if case is None else rows.filter(case=case)
    if not rows.exists():  # as on most days, and for most cases
        return []
    item = OuterRef("item_id")
    late = over(AT_RISK, "item__sent_at", now) & Q(Exists(visible(actor, now, to_second_judges=True).filter(pk=item)))
    rows = rows.filter(late | Q(Exists(visible(actor, now).filter(pk=item))))  # as above
    has_it = HandOver.objects.filter(case=OuterRef("case"), acknowledged_at__isnull=False)
    rows = rows.filter(~Exists(has_it), ~Exists(Settled.objects.filter(case=OuterRef("case"))))
    found: dict[int, Clock] = {}
    for one in _open(actor, now, list(rows.select_related("case", "case__post", "item").order_by("item__sent_at"))):
        if one.item.sent_at is not None:
            found.setdefault(one.case_id, _clock(one.case, one.case.category, one.item.sent_at, one, now))
    return list(found.values())


def _clock(case: Case, category: str, since: datetime, told: HandOver | None, now: datetime) -> Clock:
    due = due_by(AT_RISK, since)
    return Clock(case, category, since, due, told, max(0, int((now - since) / timedelta(minutes=1))), due < now)


def _open(actor: Actor, now: datetime, rows: list[Row]) -> list[Row]:
    """Of what belongs to cases, what belongs to cases that may be helped and that the actor may read.

    Asked for these keys alone: as a part of the query it would be asked of all that was ever decided. On most days there
    are none, and nothing is asked.
    """
    if not rows:
        return []
    mine = cases_before(actor).filter(pk__in={one.case_id for one in rows}, practice=False, post__erased_at=None)
    mine = mine.filter(state__in=(Case.State.DECIDED, Case.State.SECOND_REVIEW), post__stopped_at=None)
    keys = set(readable(mine, actor, now).values_list("pk", flat=True))
    return [one for one in rows if one.case_id in keys]


def _place() -> CaseOf:
    """Where a hand-over stands, as its place in STANDS: asked in the database, so that lists are sorted before they are cut."""
    sent, desk = Q(item__state=State.SENT), Q(how=How.DESK)
    rules = (
        (ACKNOWLEDGED, sent & desk & Q(acknowledged_at__isnull=False)),
        (TOLD, sent & desk),
        (SENT, sent),
        (TO_TELL, Q(item__state=State.SENDING) & desk),
        (SENDING, Q(item__state__in=(State.APPROVED, State.SENDING))),
        (DRAFT, Q(item__state=State.DRAFT)),
        (FAILED, Q(item__state=State.FAILED)),
        (REMOVED, Q(item__state=State.WITHDRAWN)),
    )
    whens = [When(rule, then=Value(STANDS.index(place))) for place, rule in rules]
    return CaseOf(*whens, default=Value(STANDS.index(OVER)), output_field=IntegerField())


def _mine(actor: Actor) -> QuerySet[HandOver]:
    seen = Exists(visible(actor).filter(pk=OuterRef("item_id")))
    return HandOver.objects.filter(seen, organisation_id=actor.organisation_id)


def _shown(actor: Actor, ids: Sequence[int], now: datetime) -> list[Shown]:
    """The hand-overs of these ids that the actor may see, in that order."""
    people = ("item__drafted_by", "item__approved_by", "item__second_by", "item__sent_by", "item__sender")
    related = ("case", "case__post", "acknowledged_by", "item", *people)
    rows = {row.pk: row for row in _mine(actor).filter(pk__in=ids).annotate(place=_place()).select_related(*related)}
    desks = (
        {one.slug: one for one in bodies_of(actor.organisation_id)} if any(one.body for one in rows.values()) else {}
    )
    found = []
    for one in (rows[pk] for pk in ids if pk in rows):
        where, sent_at = STANDS[one.place], one.item.sent_at
        due = due_by(AT_RISK, sent_at) if where == TOLD and sent_at is not None else None
        found.append(Shown(one, desks.get(one.body), where, due, due is not None and due < now))
    return found
