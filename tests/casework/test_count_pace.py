"""How long things took, how work goes, what waits and whether clocks are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from tests.count_series_world import (
    adds_up,
    at,
    decided,
    held,
    not_zero,
    opened,
    queries,
    requested,
    told,
    undone,
    values,
    went,
)
from tests.world import PASSWORD
from yoake.casework.cases.models import Case
from yoake.casework.count.figure import Table
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.shares import DAY, HOUR, MINUTE, MONTH, histogram, quantile, share, stepped
from yoake.casework.people.models import Organisation, User
from yoake.casework.report.models import EmergencyCall
from yoake.learn.chances import clopper_pearson

pytestmark = pytest.mark.django_db

RECRUITMENT = "criminal_recruitment"


# --- quantiles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "half", "nine_of_ten"),
    [
        ({}, None, None),
        ({60: 1}, 60, 60),
        ({0: 1, 60: 1}, 0, 60),
        ({180: 1, 60: 1, 120: 1}, 120, 180),
        (dict.fromkeys(range(1, 11), 1), 5, 9),
        ({0: 90, 600: 10}, 0, 0),
        ({0: 89, 600: 11}, 0, 600),
    ],
)
def test_quantiles_are_those_of_the_sorted_values(
    counts: dict[int, int], half: int | None, nine_of_ten: int | None
) -> None:
    assert quantile(counts.items(), 0.5) == half
    assert quantile(counts.items(), 0.9) == nine_of_ten


def test_a_share_of_none_says_nothing() -> None:
    nothing, three = share(0, 0), share(3, 3)
    assert (nothing.value, nothing.low, nothing.of) == (None, None, 0)
    assert (three.value, three.low, three.high) == (1.0, *clopper_pearson(3, 3))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "seconds", [0, 59, 3599, 3600, 3661, DAY - 1, DAY, DAY + 3661, MONTH - 1, MONTH, MONTH + DAY + 1]
)
def test_both_ways_to_cut_times_to_steps_say_the_same(police: Organisation, seconds: int) -> None:
    opened(police, "2024-05-01 09:00", decide_by=at("2024-05-01 09:00") + timedelta(seconds=seconds))
    timed = Case.objects.annotate(seconds=SecondsBetween("opened_at", "decide_by"))
    for finest in (1, MINUTE):
        step = timed.annotate(step=stepped("seconds", finest)).get().step
        assert histogram(timed, "origin", finest=finest) == [("patrol", step, 1, seconds)]


# --- times ----------------------------------------------------------------------------------------------------------


def _moment(start: str, seconds: float) -> str:
    return (at(start) + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat(sep=" ")


@pytest.mark.parametrize(
    ("seconds", "minutes"),
    [
        (0, 0.0),
        (59, 0.0),
        (60, 1.0),
        (DAY - 1, 1439.0),
        (DAY, 1440.0),
        (DAY + HOUR - 1, 1440.0),  # above a day, by the hour
        (MONTH - 1, (MONTH - HOUR) / MINUTE),
        (MONTH + DAY - 1, MONTH / MINUTE),  # above a month, by the day
    ],
)
def test_times_are_cut_to_steps_that_grow(police: Organisation, analyst: User, seconds: int, minutes: float) -> None:
    decided(opened(police, "2024-05-01 09:00"), analyst, _moment("2024-05-01 09:00", seconds))
    table = told("times", "2024", police)["to_decision"]
    assert values(table)["all"] == [1, minutes, minutes]


def test_from_posting_to_the_queue_by_category(police: Organisation, hotline: Organisation, analyst: User) -> None:
    def posted(minutes: float, when: str = "2024-05-01 09:00", **more: Any) -> Case:
        given = {"organisation": police, **more}
        return opened(given.pop("organisation"), when, posted=at(when) - timedelta(minutes=minutes), **given)

    for minutes in (1, 2, 3, 4, 5, 6, 7, 8, 9.95, 90):
        posted(minutes)
    posted(30, category="drug_ad")
    posted(-1)  # its author's clock is wrong
    posted(60 * 24 * 3660)  # and here absurdly so
    posted(77, when="2024-04-30 23:59")
    posted(77, when="2024-06-01 00:00")
    posted(77, practice=True)
    posted(77, origin="hand")
    posted(77, organisation=hotline)
    opened(police, "2024-05-01 09:00")  # nobody says when it was posted
    table = told("times", "2024-05", police)["to_queue"]
    assert values(table) == {
        "all": [11, 6.0, 30.0],
        RECRUITMENT: [10, 5.0, 9.0],
        "drug_ad": [1, 30.0, 30.0],
    }
    assert [cell.of for cell in table.rows[0].cells] == [None, 11, 11], "a time says of how many it is"
    with translation.override("en"):
        assert [str(note) for note in table.notes][-1].startswith("Some are left out:")
    with translation.override("ja"):
        assert [str(note) for note in table.notes][-1].startswith("後の時刻が前の時刻より早いもの")


def test_from_the_queue_to_the_decision_that_stands(police: Organisation, analyst: User) -> None:
    decided(opened(police, "2024-04-30 23:00", category="drug_ad"), analyst, "2024-05-01 01:00", "not_in_scope")
    again = opened(police, "2024-05-01 09:00")
    undone(decided(again, analyst, "2024-05-01 09:01"), "2024-05-01 09:02")
    decided(again, analyst, "2024-05-01 09:30")
    decided(opened(police, "2024-05-01 09:00"), analyst, "2024-06-01 00:00")
    table = told("times", "2024-05", police)["to_decision"]
    assert values(table) == {"all": [2, 30.0, 120.0], RECRUITMENT: [1, 30.0, 30.0], "drug_ad": [1, 120.0, 120.0]}


def test_from_the_decision_to_the_first_act_that_went(police: Organisation, analyst: User) -> None:
    def inside(when: str = "2024-05-01 10:00", **more: Any) -> Case:
        case = opened(police, "2024-05-01 09:00")
        decided(case, analyst, when, **more)
        return case

    both, late, carried, undecided = inside(), inside(), inside(), inside(verdict="not_in_scope")
    went(both, analyst, "report", "2024-05-01 10:20")
    went(both, analyst, "warning", "2024-05-01 10:05")
    went(both, analyst, "correction", "2024-05-01 10:01")  # says something about a warning, it is no act
    went(late, analyst, "help", "2024-05-01 09:30")  # before the decision that stands
    went(late, analyst, "help", "2024-07-01 10:00")  # and after the period
    requested(carried, went(both, analyst, "request", "2024-05-01 10:40"))  # a mail that speaks of another case too
    went(undecided, analyst, "report", "2024-05-01 10:02")
    inside()  # after which nothing went
    table = told("times", "2024-05", police)["to_act"]
    assert values(table)["all"] == [3, 40.0, 61 * DAY / MINUTE]
    assert values(table)[RECRUITMENT] == [3, 40.0, 61 * DAY / MINUTE]


def test_people_at_risk_from_the_queue_to_the_first_help(police: Organisation, analyst: User) -> None:
    def at_risk(**more: Any) -> Case:
        case = opened(police, "2024-05-01 09:00", category="coerced_applicant", at_risk=True)
        decided(case, analyst, "2024-05-01 09:10", category="coerced_applicant", at_risk=True, **more)
        return case

    called, told_desk, no_danger = at_risk(), at_risk(), at_risk()
    for case, how, minutes in ((called, "called_110", 3), (no_danger, "no_danger", 1)):
        EmergencyCall.objects.create(
            organisation=police, case=case, how=how, by=analyst, at=case.opened_at + timedelta(minutes=minutes), minutes=minutes
        )  # fmt: skip
    went(called, analyst, "help", "2024-05-01 09:20")
    went(told_desk, analyst, "help", "2024-05-01 09:15")
    went(no_danger, analyst, "report", "2024-05-01 09:15")
    table = told("times", "2024-05", police)["to_help"]
    assert values(table) == {"all": [2, 3.0, 15.0], "coerced_applicant": [2, 3.0, 15.0]}
    assert adds_up(table)


# --- pace -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(analyst: User, supervisor: User) -> list[User]:
    return [analyst, supervisor, *(User.objects.create_user(f"p{n}", password=PASSWORD) for n in range(3))]


def _work(people: list[User], police: Organisation, hotline: Organisation) -> None:
    """Two hours of work in May in which 12 cases were decided."""
    case = opened(police, "2024-05-01 09:00")
    for n in range(12):
        held(case, people[n % 5], "2024-05-01 10:00", 540 if n < 7 else 600)
    held(case, people[0], "2024-05-31 23:59:59", 210, "skipped")
    held(case, people[0], "2024-05-01 00:00", 150, "released")
    held(case, people[0], "2024-05-02 09:00", 60, "handed_on")
    held(case, people[0], "2024-05-02 09:00", 600, "expired")
    # What does not count: the day before, the month after, practice, another organisation, who still has a case.
    held(case, people[0], "2024-04-30 23:59:59", 60)
    held(case, people[0], "2024-06-01 00:00", 60)
    held(opened(police, "2024-05-01 09:00", practice=True), people[0], "2024-05-02 09:00", 60)
    held(opened(hotline, "2024-05-01 09:00"), people[0], "2024-05-02 09:00", 60)
    open_claim = held(case, people[0], "2024-05-02 09:00", 60, "")
    type(open_claim).objects.filter(pk=open_claim.pk).update(ended_at=None)


def test_decisions_an_hour_and_how_cases_were_given_up(
    police: Organisation, hotline: Organisation, people: list[User]
) -> None:
    _work(people, police, hotline)
    worked = (7 * 540 + 5 * 600 + 210 + 150 + 60) / HOUR
    assert worked == 2.0
    assert values(told("pace", "2024-05", police)["work"]) == {
        "hour": [6.0],
        "held": [9.0],
        "decided": [12],
        "skipped": [1],
        "handed_on": [1],
        "released": [1],
        "expired": [1],
    }


def test_of_fewer_than_five_people_nothing_is_told(
    police: Organisation, hotline: Organisation, people: list[User]
) -> None:
    _work(people[:4] + people[:1], police, hotline)
    table = told("pace", "2024-05", police)["work"]
    assert [cell.value for row in table.rows for cell in row.cells] == [None] * 7
    held(opened(hotline, "2024-05-01 09:00"), people[4], "2024-05-02 09:00", 60)
    assert values(told("pace", "2024-05", police)["work"])["hour"] == [None]  # they work elsewhere
    assert values(told("pace", "2024-05")["work"])["decided"] == [14]  # together they are five


def _waits(tables: dict[str, Table]) -> dict[str, list[Any]]:
    return values(tables["waiting"])


def test_what_waits_now(police: Organisation, hotline: Organisation, analyst: User) -> None:
    now = at("2024-05-10 12:00")
    first = opened(police, "2024-05-10 11:50", decide_by=at("2024-05-10 12:00"))
    opened(police, "2024-05-10 11:30", decide_by=at("2024-05-10 11:59"), at_risk=True)
    opened(police, "2024-05-10 11:00", folded_into=first)
    decided(opened(police, "2024-05-10 10:00"), analyst, "2024-05-10 11:00", state=Case.State.SECOND_REVIEW)
    decided(opened(police, "2024-05-10 10:00", decide_by=at("2024-05-10 10:30")), analyst, "2024-05-10 11:00")
    opened(police, "2024-05-10 10:00", practice=True, decide_by=at("2024-05-10 10:30"))
    opened(hotline, "2024-05-10 10:00")
    expected = {
        "waiting": [4],
        "second": [1],
        "folded": [1],
        "at_risk": [1],
        "overdue": [1],
        "half": [30.0],
        "nine_of_ten": [120.0],
    }
    assert _waits(told("pace", "2024-05-09", police, now)) == expected
    assert _waits(told("pace", "2019", police, now)) == expected  # whichever period is looked at
    assert _waits(told("pace", "2024", None, now))["waiting"] == [5]


def test_where_nothing_waits_no_time_is_told(police: Organisation) -> None:
    told_now = _waits(told("pace", "2024", police))
    assert told_now["waiting"] == [0]
    assert told_now["half"] == [None]


def test_how_many_kept_their_clock(police: Organisation, hotline: Organisation, analyst: User) -> None:
    def judged(when: str, **more: Any) -> None:
        decided(
            opened(police, "2024-05-01 09:00", decide_by=at("2024-05-01 12:00"), **more), analyst, when, "not_in_scope"
        )

    judged("2024-05-01 12:00")
    judged("2024-05-01 11:00")
    judged("2024-05-01 12:00:01")
    judged("2024-05-01 11:00", category="drug_ad")
    judged("2024-06-01 00:00")  # next month
    judged("2024-05-01 11:00", practice=True)
    decided(opened(police, "2024-05-01 09:00"), analyst, "2024-05-01 11:00")  # without a clock
    decided(opened(hotline, "2024-05-01 09:00", decide_by=at("2024-05-01 12:00")), analyst, "2024-05-01 11:00")
    table = told("pace", "2024-05", police)["clock"]
    assert values(table) == {"all": [4, 3, 0.75], RECRUITMENT: [3, 2, 2 / 3], "drug_ad": [1, 1, 1.0]}
    cell = table.cell("all", "share")
    assert (cell.low, cell.high, cell.part, cell.of) == (*clopper_pearson(3, 4), 3, 4)
    assert adds_up(table)
    assert values(told("pace", "2019", police)["clock"]) == {"all": [0, 0, None]}


# --- both -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["times", "pace"])
def test_no_more_is_asked_where_there_is_more(police: Organisation, people: list[User], name: str) -> None:
    before = queries(name, "2024-05", police)
    for n, person in enumerate(people):
        case = opened(police, "2024-05-01 09:00", posted=at("2024-05-01 08:00"), decide_by=at("2024-05-01 12:00"))
        decided(case, person, f"2024-05-01 1{n}:00", category=("drug_ad", RECRUITMENT)[n % 2], at_risk=True)
        went(case, person, "help", "2024-05-01 20:00")
        held(case, person, f"2024-05-01 1{n}:00", 60 + n)
    assert queries(name, "2024-05", police) == before <= 8


@pytest.mark.parametrize("name", ["times", "pace"])
def test_an_empty_period_has_rows_too(police: Organisation, name: str) -> None:
    for table in told(name, "2019", police).values():
        assert table.rows
        assert not_zero(table) == {}
