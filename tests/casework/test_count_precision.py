"""How right the detector is in a period: by two people and by one, by grade, category and version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from tests.casework.test_count_missed import Make, make
from tests.world import NOON
from yoake.casework.cases.models import Case, Decision, Finding, SecondReview
from yoake.casework.count import ledger
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.figures import precision
from yoake.casework.count.periods import Period
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.quality.measuring import count_precision, precisions
from yoake.casework.quality.models import Flagged
from yoake.learn.chances import clopper_pearson

__all__ = ["make"]  # a fixture

pytestmark = pytest.mark.django_db

SLUG, OTHER = "criminal_recruitment", "drug_ad"


def flag(case: Case, slug: str = SLUG, grade: str = "high", version: str = "1", *, finding: bool = True) -> None:
    """A detector's finding on what was judged, as the hourly look keeps it."""
    decision = case.decisions.earliest("pk")
    about: dict[str, Any] = {"category": slug, "detector": "rules", "detector_version": version, "score": 0.8}
    if finding:
        Finding.objects.create(version=decision.version, hotline_class="illegal", grade=grade, **about)
    Flagged.objects.create(decision=decision, **about)


def review(case: Case, final: str, *, drawn: bool = True, state: str = "agreed", slug: str = SLUG, **more: Any) -> None:
    SecondReview.objects.create(
        case=case, first=case.decisions.earliest("pk"), why="lot", drawn=drawn, state=state, asked_at=NOON,
        final_verdict=final, final_category=slug if final == "in_scope" else "", **more,
    )  # fmt: skip


def tables(actor: Actor, period: Period | None = None, now: datetime = NOON + timedelta(days=3)) -> dict[str, Table]:
    scope = Scope(actor.organisation_id, period or Period.month(2026, 11), now)
    (counted,) = ledger.count(actor, scope, ["precision"])
    assert len(counted.queries) == 3
    return {table.key: table for table in counted.tables}


def shares(table: Table, key: str) -> list[tuple[int | None, int | None]]:
    return [(cell.part, cell.of) for one in table.rows if one.key == key for cell in one.cells]


@pytest.fixture
def month(make: Make) -> None:
    """Ten high and five mid findings; some drawn for a second person."""
    for number, case in enumerate(make.case(n=8)):
        flag(case)
        if number < 4:
            review(case, "in_scope")
    for number, case in enumerate(make.case(n=2, verdict="not_in_scope")):
        flag(case, version="2")
        if number == 0:
            review(case, "not_in_scope")
    for number, case in enumerate(make.case(n=5, slug=OTHER)):
        flag(case, OTHER, "mid")
        if number < 2:
            review(case, "in_scope", slug=OTHER)
        if number == 2:  # a supervisor said otherwise
            review(case, "not_in_scope", state="settled")


def test_by_grade_and_category(month: None, as_analyst: Actor) -> None:
    told = tables(as_analyst)
    assert shares(told["double_by_category"], "all") == [(4, 5), (2, 3), (6, 8)]
    assert shares(told["single_by_category"], "all") == [(8, 10), (5, 5), (13, 15)]
    assert shares(told["double_by_category"], SLUG) == [(4, 5), (0, 0), (4, 5)]
    assert shares(told["double_by_category"], OTHER) == [(0, 0), (2, 3), (2, 3)]
    cell = told["double_by_category"].cell("all", "high")
    assert (cell.value, cell.low, cell.high) == (0.8, *clopper_pearson(4, 5))
    assert told["double_by_category"].cell(SLUG, "mid").value is None
    assert told["double_by_category"].row_sums == {"all": [SLUG, OTHER]}
    assert told["double_by_category"].column_sums == {"all": ("high", "mid")}


def test_by_detector_version(month: None, as_analyst: Actor) -> None:
    told = tables(as_analyst)["double_by_detector"]
    assert [(one.key, one.depth) for one in told.rows] == [
        ("rules 1", 0), (f"rules 1 / {SLUG}", 1), (f"rules 1 / {OTHER}", 1), ("rules 2", 0), (f"rules 2 / {SLUG}", 1),
        ("all", 0),
    ]  # fmt: skip
    assert shares(told, "rules 1") == [(4, 4), (2, 3), (6, 7)]
    assert shares(told, "rules 2") == [(0, 1), (0, 0), (0, 1)]
    assert told.row_sums == {
        "all": ["rules 1", "rules 2"], "rules 1": [f"rules 1 / {SLUG}", f"rules 1 / {OTHER}"],
        "rules 2": [f"rules 2 / {SLUG}"],
    }  # fmt: skip


def test_what_does_not_count(month: None, make: Make, as_analyst: Actor, hotline: Organisation, outsider: User) -> None:
    before = [shares(table, "all") for table in tables(as_analyst).values()]
    (old,) = make.case(at=NOON - timedelta(days=40))
    (practised,) = make.case(practice=True)
    (theirs,) = Make(hotline, outsider).case()
    for case in (old, practised, theirs):
        flag(case)
        review(case, "in_scope")
    assert [shares(table, "all") for table in tables(as_analyst).values()] == before


def test_an_open_a_demanded_and_an_unsure_review_count_for_one_person_only(make: Make, as_analyst: Actor) -> None:
    unsure: list[tuple[str, dict[str, Any]]] = [
        ("", {"state": "waiting"}), ("", {"state": "disagreed"}), ("in_scope", {"drawn": False}), ("cannot_tell", {}),
    ]  # fmt: skip
    for case, (final, more) in zip(make.case(n=4), unsure, strict=True):
        flag(case)
        review(case, final, **more)
    told = tables(as_analyst)
    assert shares(told["double_by_category"], "all")[2] == (0, 0)
    assert shares(told["single_by_category"], "all")[2] == (4, 4)


def test_what_was_taken_back_counts_only_where_a_supervisor_settled_it(make: Make, as_analyst: Actor) -> None:
    for state, case in zip(("agreed", "settled"), make.case(n=2), strict=True):
        flag(case)
        review(case, "not_in_scope", state=state)
        first = case.decisions.get()
        about = {"case": case, "version": first.version, "by": make.user}
        Decision.objects.create(**about, at=NOON + timedelta(minutes=5), undoes=first)
        Decision.objects.create(**about, at=NOON + timedelta(minutes=5), verdict="not_in_scope")
    told = tables(as_analyst)
    assert shares(told["double_by_category"], "all")[2] == (0, 1)
    assert shares(told["single_by_category"], "all")[2] == (0, 0)


def test_right_is_also_what_holds_beside_the_first_category(make: Make, as_analyst: Actor) -> None:
    (beside, longer) = make.case(n=2)
    for case, also in ((beside, ["account_trade", OTHER]), (longer, [f"{OTHER}_2", "account_trade"])):
        case.decisions.update(also=also)
        flag(case, OTHER)
        review(case, "in_scope", final_also=also)
    told = tables(as_analyst)
    assert shares(told["single_by_category"], OTHER)[2] == (1, 2), "a slug that only begins so is another one"
    assert shares(told["double_by_category"], OTHER)[2] == (1, 2)


def test_a_grade_that_went_with_the_finding(make: Make, as_analyst: Actor) -> None:
    (kept, lost) = make.case(n=2)
    Case.objects.filter(pk=kept.pk).update(category=SLUG, grade="mid", score=0.8)
    for case in (kept, lost):
        flag(case, finding=False)
    told = tables(as_analyst)["single_by_category"]
    assert shares(told, "all") == [(0, 0), (1, 1), (2, 2)]
    assert told.column_sums == {}, "the sum has one that neither column has"


def test_it_says_what_the_quality_page_says(month: None, police: Organisation, as_analyst: Actor) -> None:
    count_precision(police, NOON + timedelta(hours=1))
    page = {(one.name, one.category): one for one in precisions(as_analyst) if one.kind == "detector"}
    told = tables(as_analyst)
    for (name, category), one in page.items():
        key = f"{name} / {category}"
        assert shares(told["double_by_detector"], key)[2] == (one.double.right, one.double.n)
        assert shares(told["single_by_detector"], key)[2] == (one.single.right, one.single.n)
    assert len(page) == 3


def test_of_very_many_single_judgements_every_so_many_th_is_looked_at(
    month: None, make: Make, hotline: Organisation, outsider: User, as_analyst: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tables(as_analyst)
    monkeypatch.setattr(precision, "MOST", 5)  # of 15
    told = tables(as_analyst)
    looked_at = Flagged.objects.filter(
        decision_id__in=[pk for pk in Decision.objects.values_list("pk", flat=True) if pk % 3 == 0]
    )
    assert shares(told["single_by_category"], "all")[2][1] == looked_at.count() == 5
    assert shares(told["double_by_category"], "all") == shares(before["double_by_category"], "all")
    for case in [*make.case(n=20, practice=True), *Make(hotline, outsider).case(n=20)]:
        flag(case)
    again = tables(as_analyst)["single_by_category"]
    assert shares(again, "all") == shares(told["single_by_category"], "all"), "others do not make it coarser"
    with translation.override("en"):
        assert "only one in 3 was looked at" in str(told["single_by_detector"].notes[-1])
        assert len(before["single_by_detector"].notes) == len(told["single_by_detector"].notes) - 1


def test_nothing_at_all_is_a_dash(as_analyst: Actor) -> None:
    for table in tables(as_analyst).values():
        assert [cell.value for cell in table.rows[-1].cells] == [None] * 3
