"""Series: what was decided and what arrived, by category, source, network, prefecture and organisation."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from tests.count_series_world import (
    LATER,
    SYSTEM,
    adds_up,
    at,
    decided,
    not_zero,
    opened,
    queries,
    requested,
    source,
    told,
    undone,
    values,
    went,
)
from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.count import labels, ledger
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Period
from yoake.casework.people.models import Organisation, User
from yoake.detect.text.extraction import prefectures
from yoake.learn.chances import clopper_pearson

pytestmark = pytest.mark.django_db

FIGURES = ("decided", "categories", "sources", "prefectures", "organisations")


@pytest.fixture
def world(police: Organisation, hotline: Organisation, analyst: User) -> None:
    """May 2024 of two organisations, with all that must not count."""
    mine, theirs = source(police, "川の見回り"), source(hotline, "海の見回り")

    def case(when: str, **more: Any) -> Case:
        return opened(police, when, **{"source": mine, "network": "x", **more})

    # What counts: three in scope, two not, one that nobody could tell, one duplicate.
    decided(case("2024-04-30 23:59", prefecture="東京都"), analyst, "2024-05-01 00:00")  # opened in April
    decided(case("2024-05-01 00:00", prefecture="大阪府"), analyst, "2024-05-31 23:59:59.999999", category="drug_ad")
    decided(
        case("2024-05-02 10:00", origin="hand", source=None, network="board", prefecture="東京都"),
        analyst,
        "2024-05-02 11:30",
        category="coerced_applicant",
        hotline_class="at_risk",
        at_risk=True,
    )
    decided(case("2024-05-02 10:00"), analyst, "2024-05-02 11:00", "not_in_scope")
    decided(case("2024-05-02 10:00", network="file:board"), analyst, "2024-05-03 11:00", "not_in_scope")
    decided(case("2024-05-02 10:00"), analyst, "2024-05-03 11:00", "cannot_tell")
    decided(case("2024-05-02 10:00"), analyst, "2024-05-03 11:00", "duplicate", state=Case.State.CLOSED)
    case("2024-05-31 23:59:59.999999")  # waits
    # Decided anew: what was said first counts nowhere.
    again = case("2024-05-04 10:00", prefecture="北海道")
    undone(decided(again, analyst, "2024-05-04 11:00"), "2024-05-04 12:00")
    decided(again, analyst, "2024-06-01 00:00", "not_in_scope")
    # Decoys: waits for a second judgement, undone, practice, a copy, the months beside, the other organisation.
    decided(case("2024-05-05 10:00"), analyst, "2024-05-05 11:00", state=Case.State.SECOND_REVIEW)
    undone(decided(case("2024-05-05 10:00"), analyst, "2024-05-05 11:00"), "2024-05-05 12:00")
    decided(case("2024-05-05 10:00", practice=True), analyst, "2024-05-05 11:00")
    decided(case("2024-05-05 10:00", gold_for=analyst), analyst, "2024-05-05 11:00")
    decided(case("2024-04-01 10:00"), analyst, "2024-04-30 23:59:59.999999")
    decided(case("2024-06-01 00:00"), analyst, "2024-06-01 00:00", "not_in_scope")
    decided(opened(hotline, "2024-05-05 10:00", source=theirs, network="sea"), analyst, "2024-05-05 11:00")


def test_what_was_decided_and_what_arrived_by_day(world: None, police: Organisation) -> None:
    tables = told("decided", "2024-05", police)
    assert len(tables["decided"].rows) == 32
    assert not_zero(tables["decided"]) == {  # in scope, not in scope, cannot tell, duplicate, all together
        "2024-05-01": [1, 0, 0, 0, 1],
        "2024-05-02": [1, 1, 0, 0, 2],
        "2024-05-03": [0, 1, 1, 1, 3],
        "2024-05-31": [1, 0, 0, 0, 1],
        "all": [3, 2, 1, 1, 7],
    }
    assert not_zero(tables["arrived"]) == {  # patrol, hand, all together, of these still waiting
        "2024-05-01": [1, 0, 1, 0],
        "2024-05-02": [4, 1, 5, 0],
        "2024-05-04": [1, 0, 1, 0],
        "2024-05-05": [2, 0, 2, 2],
        "2024-05-31": [1, 0, 1, 1],
        "all": [9, 1, 10, 3],
    }


def test_along_a_day_stand_its_hours_and_along_a_fiscal_year_its_months_from_april(
    world: None, police: Organisation, analyst: User
) -> None:
    hours = told("decided", "2024-05-02", police)["decided"]
    assert list(values(hours)) == [*(f"{hour:02d}" for hour in range(24)), "all"]
    assert not_zero(hours) == {"11": [1, 1, 0, 0, 2], "all": [1, 1, 0, 0, 2]}
    decided(opened(police, "2025-03-01 10:00"), analyst, "2025-03-31 23:59")
    decided(opened(police, "2025-03-01 10:00"), analyst, "2025-04-01 00:00")
    fiscal = values(told("decided", "FY2024", police)["decided"])
    assert list(fiscal)[:2] == ["2024-04", "2024-05"]
    assert list(fiscal)[-2:] == ["2025-03", "all"]
    assert fiscal["2024-04"] == [1, 0, 0, 0, 1]
    assert fiscal["2024-05"] == [3, 2, 1, 1, 7]
    assert fiscal["2024-06"] == [0, 2, 0, 0, 2]
    assert fiscal["2025-03"] == [1, 0, 0, 0, 1]
    assert fiscal["all"] == [5, 4, 1, 1, 11]
    year = values(told("decided", "2024", police)["decided"])
    assert list(year) == [*(f"2024-{month:02d}" for month in range(1, 13)), "all"]
    assert year["all"] == [4, 4, 1, 1, 10]


def test_five_years_or_fiscal_years_stand_beside_each_other(
    world: None, police: Organisation, hotline: Organisation, analyst: User
) -> None:
    decided(opened(police, "2023-03-01 10:00"), analyst, "2023-03-31 23:59:59", "not_in_scope")
    decided(opened(police, "2023-03-01 10:00"), analyst, "2023-04-01 00:00")
    decided(opened(hotline, "2021-03-01 10:00"), analyst, "2021-04-01 00:00")
    nothing = [None] * 5
    assert values(told("decided", "FY2024", police)["years"]) == {
        "FY2020": nothing,
        "FY2021": nothing,
        "FY2022": [0, 1, 0, 0, 1],
        "FY2023": [1, 0, 0, 0, 1],
        "FY2024": [4, 4, 1, 1, 10],
    }
    years = told("decided", "2024", police)
    assert values(years["years"]) == {
        "2020": nothing,
        "2021": nothing,
        "2022": nothing,
        "2023": [1, 1, 0, 0, 2],
        "2024": values(years["decided"])["all"],
    }
    everybody = values(told("decided", "2024")["years"])
    assert everybody["2021"] == [1, 0, 0, 0, 1]
    assert everybody["2022"] == [0, 0, 0, 0, 0], "they worked, and decided nothing"
    assert set(told("decided", "2024-05", police)) == {"decided", "arrived"}
    with translation.override("en"):
        running = told("decided", "FY2024", police, now=at("2025-03-31 23:59"))["years"]
        assert [str(one.label) for one in running.rows][-1] == "fiscal year 2024"
        assert "not over yet" in str(running.notes[-1])
        assert "not over yet" not in str(
            told("decided", "FY2024", police, now=at("2025-04-01 00:00"))["years"].notes[-1]
        )


def test_what_lies_after_now_is_not_there_yet(world: None, police: Organisation) -> None:
    then = told("decided", "2024-05", police, now=at("2024-05-02 11:15"))
    assert not_zero(then["decided"]) == {
        "2024-05-01": [1, 0, 0, 0, 1],
        "2024-05-02": [0, 1, 0, 0, 1],
        "all": [1, 1, 0, 0, 2],
    }


def test_in_scope_by_category_and_class(world: None, police: Organisation) -> None:
    tables = told("categories", "2024-05", police)
    assert values(tables["categories"]) == {
        "coerced_applicant": [1], "criminal_recruitment": [1], "drug_ad": [1], "all": [3],
    }  # fmt: skip
    assert not_zero(tables["along"]) == {
        "2024-05-01": [0, 1, 0, 1],
        "2024-05-02": [1, 0, 0, 1],
        "2024-05-31": [0, 0, 1, 1],
        "all": [1, 1, 1, 3],
    }
    assert not_zero(tables["classes"]) == {"illegal": [2], "at_risk": [1], "all": [3]}


def test_categories_are_called_as_they_are_in_the_language_in_force(world: None, police: Organisation) -> None:
    labels = [row.label for row in told("categories", "2024-05", police)["categories"].rows]
    with translation.override("ja"):
        japanese = [str(label) for label in labels]
    with translation.override("en"):
        english = [str(label) for label in labels]
    names = [categories()[slug].name for slug in ("coerced_applicant", "criminal_recruitment", "drug_ad")]
    assert japanese == [*(name.ja for name in names), "合計"]
    assert english == [*(name.en for name in names), "all together"]


def test_a_category_that_exists_no_more_is_told_by_its_slug(police: Organisation, analyst: User) -> None:
    decided(opened(police, "2024-05-01 10:00"), analyst, "2024-05-01 11:00", category="long_gone", hotline_class="")
    tables = told("categories", "2024-05", police)
    assert values(tables["categories"]) == {"long_gone": [1], "all": [1]}
    assert not_zero(tables["classes"]) == {"-": [1], "all": [1]}
    assert str(tables["categories"].rows[0].label) == "long_gone"


def test_sources_and_networks_with_the_share_in_scope(world: None, police: Organisation) -> None:
    tables = told("sources", "2024-05", police)
    rows = {str(row.label): row.cells for row in tables["sources"].rows}
    river = rows["川の見回り"]
    assert [cell.value for cell in river[:3]] == [9, 6, 2]
    low, high = clopper_pearson(2, 4)
    assert (river[3].value, river[3].low, river[3].high, river[3].part, river[3].of) == (0.5, low, high, 2, 4)
    assert "海の見回り" not in rows
    assert values(tables["sources"])["-"] == [1, 1, 1, 1.0]
    assert values(tables["sources"])["all"] == [10, 7, 3, 0.6]
    assert values(tables["networks"]) == {
        "board": [1, 1, 1, 1.0],
        "file:board": [1, 1, 0, 0.0],
        "x": [8, 5, 2, 2 / 3],
        "all": [10, 7, 3, 0.6],
    }
    assert [str(row.label) for row in tables["networks"].rows[:2]] == ["board", "board"]


def test_a_source_of_which_nothing_was_decided_has_no_share(police: Organisation) -> None:
    made = source(police, "川の見回り")
    source(police, "練習", practice=True)
    opened(police, "2024-05-01 10:00", source=made)
    table = told("sources", "2024-05", police)["sources"]
    assert values(table) == {str(made.pk): [1, 0, 0, None], "-": [0, 0, 0, None], "all": [1, 0, 0, None]}


def test_prefectures_from_north_to_south_and_those_that_name_none(
    world: None, police: Organisation, analyst: User
) -> None:
    decided(opened(police, "2024-05-07 10:00"), analyst, "2024-05-07 11:00")
    table = told("prefectures", "2024-05", police)["prefectures"]
    assert list(values(table).items()) == [("東京都", [2]), ("大阪府", [1]), ("-", [1]), ("all", [4])]
    with translation.override("en"):
        assert [str(row.label) for row in table.rows][:2] == ["Tokyo", "Osaka"]
    with translation.override("ja"):
        assert [str(row.label) for row in table.rows][:2] == ["東京都", "大阪府"]
        assert str(labels.prefecture("架空県")) == "架空県"


def test_every_prefecture_has_a_name_in_english() -> None:
    with translation.override("en"):
        named = [str(labels.prefecture(one)) for one in prefectures()]
    assert len(set(named)) == 47
    assert all(name.isascii() and name.isalpha() for name in named)


def test_what_organisations_did_and_what_went(
    world: None, police: Organisation, hotline: Organisation, analyst: User
) -> None:
    first, second = (opened(police, "2024-04-01 10:00", network="other") for _ in range(2))
    went(first, analyst, "warning", "2024-05-01 00:00")
    went(second, analyst, "warning", "2024-06-01 00:00")
    went(first, analyst, "report", "2024-05-09 10:00")
    went(first, analyst, "correction", "2024-05-09 10:00")
    drafted = went(second, analyst, "report", "2024-05-09 10:00")
    type(drafted).objects.filter(pk=drafted.pk).update(sent_at=None, state="draft")
    mail = went(first, analyst, "request", "2024-05-31 23:59:59")  # one mail about two cases
    requested(first, mail)
    requested(second, mail)
    requested(second, went(second, analyst, "request", "2024-05-31 10:00"), purpose="withdrawal")
    went(opened(police, "2024-05-05 10:00", practice=True), analyst, "warning", "2024-05-06 10:00")
    went(opened(hotline, "2024-04-05 10:00"), analyst, "help", "2024-05-06 10:00")
    table = told("organisations", "2024-05")["organisations"]
    assert values(table) == {  # opened, decided, in scope, warnings, requests, reports, help
        str(police.pk): [10, 7, 3, 1, 2, 1, 0],
        str(hotline.pk): [1, 1, 1, 0, 0, 0, 1],
        "all": [11, 8, 4, 1, 2, 1, 1],
    }
    assert values(told("organisations", "2024-05", hotline)["organisations"]) == {
        str(hotline.pk): [1, 1, 1, 0, 0, 0, 1]
    }


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("period", ["2024-05-02", "2024-05", "2024", "FY2024"])
def test_sums_are_sums(world: None, police: Organisation, name: str, period: str) -> None:
    tables = [*told(name, period, police).values(), *told(name, period).values()]
    assert all(table.rows for table in tables)
    assert all(adds_up(table) for table in tables)


@pytest.mark.parametrize("name", FIGURES)
def test_no_more_is_asked_where_there_is_more(police: Organisation, analyst: User, name: str) -> None:
    before = queries(name, "2024-05", police)
    for n in range(6):
        made = source(police, f"s{n}")
        decided(
            opened(
                police, f"2024-05-0{n + 1} 10:00", source=made, network=f"n{n}", prefecture=("東京都", "大阪府")[n % 2]
            ),
            analyst,
            f"2024-05-1{n} 10:00",
            category=("drug_ad", "account_trade", "criminal_recruitment")[n % 3],
        )
    assert queries(name, "2024-05", police) == before <= 6


@pytest.mark.parametrize("name", FIGURES)
def test_an_empty_period_has_rows_too(police: Organisation, name: str) -> None:
    for table in told(name, "2019", police).values():
        assert table.rows
        assert adds_up(table)
        assert not any(cell.value for row in table.rows for cell in row.cells)


def test_what_several_figures_ask_is_asked_once_and_stands_behind_each(world: None, police: Organisation) -> None:
    scope = Scope(police.pk, Period.read("2024-05"), LATER)
    alone = {name: ledger.count(SYSTEM, scope, [name])[0] for name in FIGURES}
    asked = {query for one in alone.values() for query in one.queries}
    with CaptureQueriesContext(connection) as captured:
        together = ledger.count(SYSTEM, scope, FIGURES)
    assert len([one for one in captured if one["sql"].startswith("SELECT")]) == len(asked)
    for one in together:
        assert one.queries == alone[one.name].queries
        assert [values(table) for table in one.tables] == [values(table) for table in alone[one.name].tables]
    # Whoever counts again asks again: nothing is remembered.
    decided(opened(police, "2024-05-06 10:00"), User.objects.get(username="analyst"), "2024-05-06 11:00")
    assert values(ledger.count(SYSTEM, scope, ["decided"])[0].tables[0])["2024-05-06"] == [1, 0, 0, 0, 1]
