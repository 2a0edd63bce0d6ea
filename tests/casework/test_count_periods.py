"""Periods, moments in the database, and which decision counts."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import DateTimeField, Value
from django.utils import translation

from tests.count_series_world import LATER, at, decided, opened, undone
from yoake.casework.cases.models import Case, Decision
from yoake.casework.count.events import days_before, standing
from yoake.casework.count.figure import Scope
from yoake.casework.count.moments import SecondsBetween, TokyoDay, TokyoHour, TokyoMonth
from yoake.casework.count.periods import Kind, Period
from yoake.casework.count.white_paper import years
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation, User
from yoake.errors import BadInput


@pytest.mark.parametrize(
    ("text", "kind", "first", "last", "key"),
    [
        ("2024-05-01", Kind.DAY, date(2024, 5, 1), date(2024, 5, 1), "2024-05-01"),
        ("2024-02", Kind.MONTH, date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        ("2024-12", Kind.MONTH, date(2024, 12, 1), date(2024, 12, 31), "2024-12"),
        ("2024", Kind.YEAR, date(2024, 1, 1), date(2024, 12, 31), "2024"),
        ("2024年", Kind.YEAR, date(2024, 1, 1), date(2024, 12, 31), "2024"),
        (" FY2024 ", Kind.FISCAL_YEAR, date(2024, 4, 1), date(2025, 3, 31), "FY2024"),
        ("2024年度", Kind.FISCAL_YEAR, date(2024, 4, 1), date(2025, 3, 31), "FY2024"),
    ],
)
def test_a_period_is_read_and_told_back(text: str, kind: Kind, first: date, last: date, key: str) -> None:
    period = Period.read(text)
    assert (period.kind, period.first, period.last, period.key) == (kind, first, last, key)
    assert Period.read(period.key) == period
    assert period.since == datetime(first.year, first.month, first.day, tzinfo=TOKYO)
    assert period.until - timedelta(days=1) == datetime(last.year, last.month, last.day, tzinfo=TOKYO)


@pytest.mark.parametrize(
    "text",
    [
        *("", "2024-13", "2024-02-30", "2024-5", "24", "FY24", "0000", "2024-00", "2024/05", "2024-05-01x", "FY9999"),
        *("9999", "9999-12", "9999-12-31", "0001", "0003-01-01", "1999-12-31", "2201", "FY2201"),
    ],
)
def test_what_is_no_period_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        Period.read(text)
    assert "FY2024" in str(refused.value)
    assert "from 2000 to 2200" in str(refused.value)


@pytest.mark.django_db
def test_the_days_since_the_first_case_are_at_most_those_asked_for(police: Organisation) -> None:
    day = Period.read("2024-05-20")
    assert days_before(police.pk, day, 28) == 0
    opened(police, "2024-05-20 00:00")
    opened(police, "2024-05-02 09:00", practice=True)
    assert days_before(police.pk, day, 28) == 0, "neither the day itself nor practice"
    opened(police, "2024-05-17 23:59")
    assert (days_before(police.pk, day, 28), days_before(0, day, 28), days_before(police.pk + 1, day, 28)) == (3, 3, 0)
    opened(police, "2024-04-22 00:00")
    assert days_before(police.pk, day, 28) == 28
    opened(police, "2024-01-01 00:00")
    assert (days_before(police.pk, day, 28), days_before(police.pk, day, 7)) == (28, 7)


@pytest.mark.parametrize("text", ["2000-01-01", "2000-01", "2000", "FY2000", "2200-12-31", "2200-12", "2200", "FY2200"])
def test_every_period_that_is_read_has_its_neighbours(text: str) -> None:
    period = Period.read(text)
    assert period.before.until == period.since < period.until
    assert years(Scope(0, period, period.since))[-1].first.year == period.first.year


def test_a_key_has_a_year_of_four_digits() -> None:
    assert [one.key for one in (Period.year(3), Period.fiscal_year(3), Period.month(3, 1))] == [
        "0003",
        "FY0003",
        "0003-01",
    ]


@pytest.mark.parametrize(
    ("text", "ja", "en"),
    [
        ("2024-05-01", "2024年5月1日", "1 May 2024"),
        ("2024-05", "2024年5月", "May 2024"),
        ("2024", "2024年", "the year 2024"),
        ("FY2024", "2024年度", "fiscal year 2024"),
    ],
)
def test_a_period_is_called_as_people_call_it(text: str, ja: str, en: str) -> None:
    with translation.override("ja"):
        assert Period.read(text).label == ja
    with translation.override("en"):
        assert Period.read(text).label == en


@pytest.mark.parametrize(
    ("text", "before"),
    [("2024-03-01", "2024-02-29"), ("2024-01", "2023-12"), ("2024", "2023"), ("FY2024", "FY2023")],
)
def test_the_one_before_ends_where_it_begins(text: str, before: str) -> None:
    period = Period.read(text)
    assert period.before == Period.read(before)
    assert period.before.until == period.since


def test_months_and_days_of_a_period_touch_without_a_gap() -> None:
    fiscal = Period.read("FY2023")
    months = fiscal.months()
    assert [one.key for one in months][:2] == ["2023-04", "2023-05"]
    assert [one.key for one in months][-1] == "2024-03"
    assert len(months) == 12
    assert all(one.until == after.since for one, after in itertools.pairwise(months))
    days = Period.read("2024-02").days()
    assert (len(days), days[0].key, days[-1].key) == (29, "2024-02-01", "2024-02-29")
    assert [one.key for one in Period.read("2024-02-29").months()] == ["2024-02"]
    assert len(Period.read("2024").days()) == 366


# --- in the database ------------------------------------------------------------------------------------------------


def _asked(what: Any) -> Any:
    return Organisation.objects.annotate(told=what).values_list("told", flat=True).get()


def _time(*parts: int) -> Value:
    return Value(datetime(*parts, tzinfo=UTC), DateTimeField())  # type: ignore[misc, arg-type]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("utc", "day", "month", "hour"),
    [
        ((2024, 4, 30, 14, 59, 59, 999999), "2024-04-30", "2024-04", "23"),
        ((2024, 4, 30, 15, 0, 0), "2024-05-01", "2024-05", "00"),
        ((2023, 12, 31, 15, 0, 0), "2024-01-01", "2024-01", "00"),
        ((2024, 2, 28, 15, 0, 0), "2024-02-29", "2024-02", "00"),
        ((2024, 5, 1, 3, 4, 5, 6), "2024-05-01", "2024-05", "12"),
    ],
)
def test_days_months_and_hours_are_those_of_tokyo(
    police: Organisation, utc: tuple[int, ...], day: str, month: str, hour: str
) -> None:
    assert _asked(TokyoDay(_time(*utc))) == day
    assert _asked(TokyoMonth(_time(*utc))) == month
    assert _asked(TokyoHour(_time(*utc))) == hour


@pytest.mark.django_db
def test_days_of_stored_times_are_those_of_tokyo(police: Organisation) -> None:
    """A stored time is told as the database writes it, with and without a fraction of a second."""
    opened(police, "2024-04-30 23:59:59.999999")
    opened(police, "2024-05-01 00:00:00")
    days = Case.objects.annotate(day=TokyoDay("opened_at"), hour=TokyoHour("opened_at")).order_by("pk")
    assert list(days.values_list("day", "hour")) == [("2024-04-30", "23"), ("2024-05-01", "00")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "second", "seconds"),
    [
        ((2024, 5, 1, 0, 0, 0), (2024, 5, 1, 0, 0, 0), 0),
        ((2024, 5, 1, 0, 0, 0), (2024, 5, 1, 0, 1, 1), 61),
        ((2024, 2, 28, 0, 0, 0), (2024, 3, 1, 0, 0, 0), 2 * 86400),
        ((2024, 5, 1, 0, 1, 0), (2024, 5, 1, 0, 0, 0), -60),
        ((2024, 5, 1, 0, 0, 0, 999999), (2024, 5, 1, 0, 0, 1), 1),  # fractions are cut off before
        ((2024, 5, 1, 0, 0, 1, 1), (2024, 5, 1, 0, 0, 0, 999999), -1),
    ],
)
def test_seconds_between_two_times(
    police: Organisation, first: tuple[int, ...], second: tuple[int, ...], seconds: int
) -> None:
    assert _asked(SecondsBetween(_time(*first), _time(*second))) == seconds


@pytest.mark.django_db
def test_a_time_that_is_missing_has_no_distance(police: Organisation) -> None:
    opened(police, "2024-05-01 00:00")
    assert Case.objects.annotate(told=SecondsBetween("decide_by", "opened_at")).get().told is None
    assert Case.objects.annotate(told=SecondsBetween("opened_at", "decide_by")).get().told is None


# --- which decision counts ------------------------------------------------------------------------------------------


def _standing(period: str, organisation: Organisation | None, now: datetime = LATER, **only: Any) -> list[int]:
    """The cases of what stands."""
    scope = Scope(organisation.pk if organisation else 0, Period.read(period), now)
    return list(standing(scope, **only).order_by("pk").values_list("pk", flat=True))


@pytest.mark.django_db
def test_the_newest_decision_that_nobody_undid_counts(police: Organisation, analyst: User) -> None:
    again, back, twice = (opened(police, "2024-05-01 09:00") for _ in range(3))
    undone(decided(again, analyst, "2024-05-02 09:00"), "2024-05-03 09:00")
    second = decided(again, analyst, "2024-06-01 09:00", "not_in_scope")
    undone(decided(back, analyst, "2024-05-02 09:00"), "2024-05-03 09:00")  # and waits
    decided(twice, analyst, "2024-05-02 09:00")  # the post changed, and was judged anew in the same second
    newest = decided(twice, analyst, "2024-05-02 09:00", "not_in_scope")
    assert _standing("2024-05", police) == [newest.case_id]
    assert _standing("2024-06", police) == [second.case_id]
    assert _standing("2024", police, verdict="in_scope") == []


@pytest.mark.django_db
def test_what_waits_for_a_second_judgement_practice_copies_and_others_cases_do_not_count(
    police: Organisation, hotline: Organisation, analyst: User
) -> None:
    decided(opened(police, "2024-05-01 09:00"), analyst, "2024-05-02 09:00", state=Case.State.SECOND_REVIEW)
    decided(opened(police, "2024-05-01 09:00", practice=True), analyst, "2024-05-02 09:00")
    decided(opened(police, "2024-05-01 09:00", gold_for=analyst), analyst, "2024-05-02 09:00")
    theirs = decided(opened(hotline, "2024-05-01 09:00"), analyst, "2024-05-02 09:00")
    closed = decided(opened(police, "2024-05-01 09:00"), analyst, "2024-05-02 09:00", state=Case.State.CLOSED)
    assert _standing("2024", police) == [closed.case_id]
    assert _standing("2024", None) == [theirs.case_id, closed.case_id]


@pytest.mark.django_db
def test_a_period_ends_with_its_last_moment_in_tokyo_and_with_now(police: Organisation, analyst: User) -> None:
    made: list[Decision] = []
    for when in ("2024-03-31 23:59:59.999999", "2024-04-01 00:00:00", "2024-04-30 23:59:59", "2024-05-01 00:00:00"):
        made.append(decided(opened(police, "2024-03-01 09:00"), analyst, when))
    last_of_march, first, last, first_of_may = (one.case_id for one in made)
    assert _standing("2024-04", police) == [first, last]
    assert _standing("FY2023", police) == [last_of_march]
    assert _standing("FY2024", police) == [first, last, first_of_may]
    assert _standing("2024-04-01", police) == [first]
    assert _standing("2024-04", police, now=at("2024-04-30 12:00")) == [first]
