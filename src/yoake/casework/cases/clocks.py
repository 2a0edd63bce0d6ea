"""By when a case should be decided: the service clock of its class.

No law sets a time for the first look at a post; each value is a house rule, changeable by YOAKE_CLOCKS:
    at_risk                15m  somebody may be in danger: a person looks before anything else
    serious_crime_related  1h   a robbery is arranged within hours of its advertisement
    suicide_inducing       1h   the hotline's own fast lane: imminent danger goes to 110
    illegal                1bd  recruitment, drugs, accounts: a third is gone before anybody asks (see ranking)
    harmful                3bd  no offence by itself; and every class that is not named
    none                   1bd  people entered it, and the detector says nothing: somebody waits for an answer
Minutes and hours run round the clock; business days (bd) are those of Japan, at the same time of day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Case
from yoake.casework.due import business_days_after, business_days_over

AT_RISK: Final = "at_risk"
NONE: Final = "none"
OTHERS: Final = "harmful"


def set_clock(case: Case, now: datetime) -> None:
    """Sets by when a case that waits from now on should be decided; on the practice desk nothing presses."""
    case.decide_by = None if case.practice else due_by(clock_of(case, now), now)


def hasten(case: Case, now: datetime) -> None:
    """What a waiting case now shows may be more urgent than what it showed before: its time only ever moves closer."""
    before = case.decide_by
    set_clock(case, now)
    if before is not None and case.decide_by is not None:
        case.decide_by = min(before, case.decide_by)


def clock_of(case: Case, now: datetime) -> str:
    """Which clock runs: at_risk, none, or the hotline class of the case's category today."""
    if case.at_risk:
        return AT_RISK
    known = categories().get(case.category)
    if known is None:
        return NONE
    named = known.class_on(now.astimezone(TOKYO).date())
    return named if named in settings.ENVIRONMENT.clocks else OTHERS


def due_by(clock: str, now: datetime) -> datetime:
    """When the time of a clock (at_risk, none, a hotline class) that begins now is over."""
    number, unit = settings.ENVIRONMENT.clocks[clock]
    if unit == "bd":
        return business_days_after(now, number)
    return now + (timedelta(minutes=number) if unit == "m" else timedelta(hours=number))


def over(clock: str, field: str, now: datetime) -> Q:
    """True of rows for which a clock that began at `field` is over: what `due_by` says, for a database to sort by."""
    number, unit = settings.ENVIRONMENT.clocks[clock]
    if unit == "bd":
        return business_days_over(field, number, now)
    return Q(**{f"{field}__lt": now - (timedelta(minutes=number) if unit == "m" else timedelta(hours=number))})
