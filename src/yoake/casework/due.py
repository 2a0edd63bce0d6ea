"""The queue is the rows themselves: whatever must happen later has `due_at`, `claimed_until` and `attempts`.

An action writes the row in its own transaction; the worker claims due rows, does the work and marks them done. A claim
expires, so that what a killed worker had claimed is claimed again. Nothing is kept in a queue beside the database.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jpholiday
from django.db import connection, models, transaction
from django.db.models import F, Q

TOKYO = ZoneInfo("Asia/Tokyo")
CLAIM = timedelta(minutes=5)
PAUSES = (60, 300, 900, 3600, 6 * 3600)  # seconds before attempt 2, 3, ...; the last one repeats


class Due(models.Model):
    """A row that asks to be worked on at `due_at`. `due_at` is null once nothing is left to do."""

    due_at = models.DateTimeField(null=True, db_index=True)
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")  # one sentence, why the last attempt failed

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Due)


def claim_due(kind: type[Row], now: datetime, limit: int = 50, *which: Q, **only: Any) -> list[Row]:
    """Up to `limit` due rows of `kind` (those of `which`, with the values of `only`), claimed for five minutes; nobody else gets them."""
    with transaction.atomic():
        free = kind._default_manager.filter(
            Q(claimed_until=None) | Q(claimed_until__lt=now), *which, due_at__lte=now, **only
        )
        if connection.features.has_select_for_update_skip_locked:
            free = free.select_for_update(skip_locked=True)  # SQLite needs none: its transactions are IMMEDIATE
        rows = list(free.order_by("due_at", "pk")[:limit])
        kind._default_manager.filter(pk__in=[row.pk for row in rows]).update(
            claimed_until=now + CLAIM, attempts=F("attempts") + 1
        )
        for row in rows:
            row.attempts += 1
    return rows


def put_off(row: Due, now: datetime, problem: str) -> None:
    """The attempt failed: say why, and try again after a growing pause. Nothing gives up silently.

    A row that was taken back meanwhile, or done by whoever claimed it after us, stays as it is.
    """
    pause_s = PAUSES[min(row.attempts, len(PAUSES)) - 1]
    row.due_at, row.claimed_until, row.problem = now + timedelta(seconds=pause_s), None, problem
    still = type(row)._default_manager.filter(pk=row.pk).exclude(due_at=None)
    still.update(due_at=row.due_at, claimed_until=None, problem=problem)


@lru_cache(maxsize=8192)
def is_business_day(day: date) -> bool:
    """Whether Japanese offices work: no Saturday, Sunday, national holiday or substitute, nor 29 December to 3 January."""
    year_end = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() < 5 and not year_end and not jpholiday.is_holiday(day)


def business_days_after(at: datetime, n: int) -> datetime:
    """The same time of day (Asia/Tokyo) on the n-th business day after the day of `at`; that day itself never counts."""
    here = at.astimezone(TOKYO)
    day = here.date()
    for _ in range(n):
        day += timedelta(days=1)
        while not is_business_day(day):
            day += timedelta(days=1)
    return here.replace(year=day.year, month=day.month, day=day.day).astimezone(at.tzinfo)


def business_days_over(field: str, n: int, now: datetime) -> Q:
    """True of rows for which `business_days_after(field, n)` lies before `now`, so that a database can sort by it."""
    here = now.astimezone(TOKYO)
    day = here.date()
    while _after(day, n) > here.date():
        day -= timedelta(days=1)
    over = Q()
    while _after(day, n) == here.date():  # several days end on one: a Friday's, and those of the days off behind it
        start = datetime.combine(day, time.min, TOKYO)
        over |= Q(**{f"{field}__gte": start, f"{field}__lt": datetime.combine(day, here.time(), TOKYO)})
        day -= timedelta(days=1)
    return over | Q(**{f"{field}__lt": datetime.combine(day + timedelta(days=1), time.min, TOKYO)})


def _after(day: date, n: int) -> date:
    return business_days_after(datetime.combine(day, time.min, TOKYO), n).date()
