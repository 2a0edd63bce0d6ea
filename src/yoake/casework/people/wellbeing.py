"""What a person takes upon themselves, what they read today, and when a break is due.

Only the person sees it. The deployment's limits are the highest; each person may set lower ones. Nothing here stops
anybody from working: it decides what is offered, and proposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction

from yoake.casework.asked import once
from yoake.casework.audit.actions import record
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Exposure, Wellbeing
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

REST: Final = timedelta(minutes=5)  # nobody touched anything for so long: that was a break
_LONGEST_STEP: Final = timedelta(minutes=1)  # pages report every 30 seconds: what lies between more is not reading


@dataclass(frozen=True)
class Day:
    """A person's limits and what they read today."""

    takes: frozenset[str]  # burdensome categories they chose
    most_cases: int
    most_minutes: int
    break_minutes: int  # 0: none proposed
    cases: int = 0
    sensitive: int = 0
    minutes: int = 0
    sensitive_minutes: int = 0
    in_a_row: int = 0
    minutes_without_break: int = 0

    @property
    def spent(self) -> bool:
        """Whether today's measure of burdensome cases is full."""
        return self.sensitive >= self.most_cases or self.sensitive_minutes >= self.most_minutes

    @property
    def break_due(self) -> bool:
        """Whether a break should be proposed now."""
        return 0 < self.break_minutes <= self.minutes_without_break


def day_of(actor: Actor, now: datetime) -> Day:
    """The acting person's own day; two look-ups a page."""
    return once(("day", actor.user_id), lambda: _day_of(actor, now))


def _day_of(actor: Actor, now: datetime) -> Day:
    environment = settings.ENVIRONMENT
    chosen = Wellbeing.objects.filter(user_id=actor.user_id).first() or Wellbeing()
    today = _today(actor.user_id, now)
    resting = today.seen_at is not None and now - today.seen_at >= REST
    return Day(
        takes=frozenset(chosen.takes),
        most_cases=_lower(chosen.most_cases, environment.sensitive_per_day),
        most_minutes=_lower(chosen.most_minutes, environment.sensitive_minutes),
        break_minutes=environment.break_minutes if chosen.break_minutes is None else chosen.break_minutes,
        cases=today.cases,
        sensitive=today.sensitive,
        minutes=today.seconds // 60,
        sensitive_minutes=today.sensitive_seconds // 60,
        in_a_row=today.in_a_row,
        minutes_without_break=0 if resting else today.without_break // 60,
    )


def own_limits(actor: Actor) -> Wellbeing:
    """What the acting person chose; empty where they chose nothing."""
    return Wellbeing.objects.filter(user_id=actor.user_id).first() or Wellbeing(user_id=actor.user_id)


def takers(organisation_id: int) -> list[frozenset[str]]:
    """What each active member of an organisation takes, without saying who."""
    chosen = Wellbeing.objects.filter(
        user__is_active=True, user__memberships__organisation=organisation_id, user__memberships__ended_at=None
    )
    return [frozenset(takes) for takes in chosen.order_by().values_list("takes", flat=True)]


def choose(
    actor: Actor,
    *,
    takes: frozenset[str],
    most_cases: int | None = None,
    most_minutes: int | None = None,
    break_minutes: int | None = None,
    now: datetime | None = None,
) -> Wellbeing:
    """Sets the acting person's own limits; None means the deployment's.

    Raises BadInput for a limit above the deployment's, or a pause that is none.
    """
    environment = settings.ENVIRONMENT
    _at_most("cases", most_cases, environment.sensitive_per_day)
    _at_most("minutes", most_minutes, environment.sensitive_minutes)
    _at_most("break", break_minutes, 24 * 60)
    with transaction.atomic():
        chosen, _made = Wellbeing.objects.update_or_create(
            user_id=_person(actor),
            defaults={
                "takes": sorted(takes),
                "most_cases": most_cases,
                "most_minutes": most_minutes,
                "break_minutes": break_minutes,
            },
        )
        record(
            "wellbeing_chosen", actor=actor.name, subject=f"user:{actor.user_id}", at=now
        )  # what, is nobody's matter
    return chosen


def note_reading(actor: Actor, *, sensitive: bool, opened: bool, now: datetime) -> None:
    """Notes that the acting person is reading a case; `opened`: they begin with it now. Call it again while they read."""
    with transaction.atomic():
        _store_today(actor, now)
        today = Exposure.objects.select_for_update().get(user_id=actor.user_id, day=_day(now))
        since = now - today.seen_at if today.seen_at is not None else timedelta()
        if since >= REST:
            today.without_break = 0
        step = 0 if since > _LONGEST_STEP or since < timedelta() else round(since.total_seconds())
        today.seconds += step
        today.without_break += step
        if sensitive:
            today.sensitive_seconds += step
        if opened:
            today.cases += 1
            today.sensitive += sensitive
            today.in_a_row = today.in_a_row + 1 if sensitive else 0
        today.seen_at = now
        today.save()


def had_break(actor: Actor, now: datetime) -> None:
    """The proposal of a break was answered, by one or by "not now": the next comes after as much work again."""
    with transaction.atomic():
        _store_today(actor, now)
        Exposure.objects.filter(user_id=actor.user_id, day=_day(now)).update(without_break=0)


def _today(user_id: int, now: datetime) -> Exposure:
    """What counts for today, stored or not: whoever works past midnight goes on with what counts since their last break."""
    day = _day(now)
    rows = {row.day: row for row in Exposure.objects.filter(user_id=user_id, day__in=(day, day - timedelta(days=1)))}
    if day in rows:
        return rows[day]
    before = rows.get(day - timedelta(days=1))
    if before is None or before.seen_at is None or now - before.seen_at >= REST:
        return Exposure(user_id=user_id, day=day)
    on = {"in_a_row": before.in_a_row, "without_break": before.without_break, "seen_at": before.seen_at}
    return Exposure(user_id=user_id, day=day, **on)


def _store_today(actor: Actor, now: datetime) -> None:
    today = _today(_person(actor), now)
    if today.pk is None:
        kept = {"in_a_row": today.in_a_row, "without_break": today.without_break, "seen_at": today.seen_at}
        Exposure.objects.get_or_create(user_id=today.user_id, day=today.day, defaults=kept)


def _day(now: datetime) -> date:
    return now.astimezone(TOKYO).date()


def _lower(own: int | None, highest: int) -> int:
    return highest if own is None else min(own, highest)


def _at_most(field: str, value: int | None, highest: int) -> None:
    if value is not None and not 0 <= value <= highest:
        raise BadInput(field, value, f"a whole number from 0 to {highest}, or nothing for the usual measure")


def _person(actor: Actor) -> int:
    if not actor.user_id:
        raise Refused("only a person can do this")
    return actor.user_id
