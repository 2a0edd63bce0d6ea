"""Business days of Japan: weekends, national holidays and their substitutes, the year end."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from yoake.casework.due import business_days_after, is_business_day

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 20), True),  # a Friday
        (date(2026, 11, 21), False),
        (date(2026, 11, 23), False),  # Labour Thanksgiving Day, a Monday
        (date(2026, 5, 6), False),  # substitute: 3 May was a Sunday, and 4 and 5 May are holidays
        (date(2026, 9, 22), False),  # between two holidays
        (date(2026, 12, 28), True),
        (date(2026, 12, 29), False),
        (date(2026, 12, 31), False),
        (date(2027, 1, 1), False),
        (date(2027, 1, 3), False),
        (date(2027, 1, 4), True),
    ],
)
def test_which_days_are_business_days(day: date, works: bool) -> None:
    assert is_business_day(day) is works


@pytest.mark.parametrize(
    ("at", "n", "then"),
    [
        ("2026-11-20 12:00", 1, "2026-11-24 12:00"),  # over a weekend and a holiday
        ("2026-11-20 12:00", 5, "2026-11-30 12:00"),
        ("2026-11-21 09:30", 1, "2026-11-24 09:30"),  # decided on a Saturday
        ("2026-12-28 17:00", 1, "2027-01-04 17:00"),  # over the year end
        ("2026-12-25 17:00", 5, "2027-01-07 17:00"),
        ("2026-04-28 10:00", 3, "2026-05-07 10:00"),  # Golden Week: 30 April, 1 May, then the 7th
        ("2026-11-24 00:30", 1, "2026-11-25 00:30"),  # half past midnight in Tokyo is still the day before in UTC
    ],
)
def test_the_nth_business_day_keeps_the_time_of_day(at: str, n: int, then: str) -> None:
    told = datetime.fromisoformat(at).replace(tzinfo=TOKYO).astimezone(UTC)
    found = business_days_after(told, n)
    assert found.astimezone(TOKYO) == datetime.fromisoformat(then).replace(tzinfo=TOKYO)
    assert found.tzinfo is UTC
