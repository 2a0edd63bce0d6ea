"""What providers were asked and answered, and why nothing was requested."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override

from tests.effect_world import NOW, Effects, at
from yoake.casework.cases.models import Case, Decision
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.figures.no_request import NoRequests
from yoake.casework.count.figures.providers import Providers
from yoake.casework.count.periods import Period
from yoake.casework.people.models import Organisation, User
from yoake.casework.registers.models import Body
from yoake.casework.registers.shipped import shipped_bodies
from yoake.casework.request.figures import answering
from yoake.casework.request.models import NoRequest
from yoake.learn.chances import clopper_pearson
from yoake.pipeline.duties.outcomes import outcomes

pytestmark = pytest.mark.django_db
SHIPPED = next(slug for slug, body in shipped_bodies().items() if body.kind == "operator")


@pytest.fixture
def here(police: Organisation, analyst: User) -> Effects:
    return Effects(police, analyst)


@pytest.fixture
def there(hotline: Organisation, outsider: User) -> Effects:
    return Effects(hotline, outsider)


def of(scope: Scope) -> dict[str, Table]:
    return {table.key: table for table in Providers().tables(scope)}


def values(table: Table, row: str) -> dict[str, float | None]:
    return {column.key: table.cell(row, column.key).value for column in table.columns}


def board(here: Effects, slug: str = "board", name: str = "架空ボード") -> None:
    Body.objects.create(
        organisation=here.organisation, slug=slug, kind="network", name_ja=name, name_en="Example Board", by=here.user, at=at(0)
    )  # fmt: skip


def asked(here: Effects, n: int, body: str = "board", hours: float = 0, **more: Any) -> list[Case]:
    cases = [here.case() for _n in range(n)]
    for case in cases:
        here.ask(case, hours, body=body, **more)
    return cases


def answered(hours: float, meaning: str = "removed") -> dict[str, Any]:
    return {"meaning": meaning, "answered_at": hours, "answer_by": 120}


def world(here: Effects) -> None:
    board(here)
    for case in asked(here, 4, **answered(10)):
        here.look(case, 30, "removed")
    asked(here, 2, **answered(30, "refused"))
    asked(here, 1, **answered(50, "asks_back"))
    asked(here, 1, meaning="bounced", answer_by=120)
    for case in asked(here, 1, answer_by=120):  # they said nothing and took it down
        here.look(case, 30, "account_suspended")
    asked(here, 1, answer_by=120, meaning="received")
    asked(here, 1, answer_by=24 * 60)
    asked(here, 2, kind="preservation", **answered(3))
    asked(here, 1, body=SHIPPED, purpose="second", **answered(1, "refused"))
    # what is none: extensions, what did not go, another month, gone before it was asked, practice
    asked(here, 1, purpose="extension")
    here.left(here.case(), 0, "request", "failed")
    asked(here, 1, hours=24 * 25)
    (early,) = asked(here, 1, hours=5, answer_by=24 * 60)
    here.look(early, 1, "removed")
    here.ask(here.case(practice=True), 0, body="practised")
    outcomes(timezone.now())


def test_requests_are_told_by_provider_and_kind(here: Effects, there: Effects) -> None:
    world(here)
    asked(there, 3, **answered(1))
    tables = of(here.scope)
    board_key = f"board.{here.organisation.pk}"
    told = tables["providers"]
    assert values(told, board_key) == {
        "asked": 14, "answered": 9, "said_removed": 6, "refused": 2, "otherwise": 1, "bounced": 1, "silent": 2, "waits": 2,
        "removed": 5,
    }  # fmt: skip
    assert values(told, SHIPPED)["asked"] == values(told, SHIPPED)["refused"] == 1
    assert values(told, "all")["asked"] == 15
    assert [row.key for row in told.rows] == ["all", board_key, SHIPPED], "who was asked most comes first"
    for table in (told, tables["kinds"]):
        for row in table.rows:
            for whole, parts in table.column_sums.items():
                assert table.cell(row.key, whole).value == sum(table.cell(row.key, one).value or 0 for one in parts)
        for whole, rows in table.row_sums.items():
            for column in table.columns:
                assert table.cell(whole, column.key).value == sum(
                    table.cell(one, column.key).value or 0 for one in rows
                )
    assert {row.key: row.cells[0].value for row in tables["kinds"].rows} == {
        "all": 15,
        "removal": 13,
        "preservation": 2,
    }
    removed = tables["shares"].cell(board_key, "removed")
    assert (removed.part, removed.of, removed.value) == (5, 12, 5 / 12), "of those to take something down"
    assert (removed.low, removed.high) == clopper_pearson(5, 12)
    assert tables["shares"].cell(board_key, "answered").of == 14
    assert tables["shares"].cell(board_key, "refused").part == 2
    reply = tables["reply"].cell(board_key, "median")
    assert (reply.value, reply.low, reply.high, reply.of) == (10, 3, 30, 9), (
        "of 3 3 10 10 10 10 30 30 50 the second and the eighth"
    )
    assert tables["reply"].cell(SHIPPED, "median").low is None, "one answer has no interval"
    labels = {row.key: row.label for row in told.rows}
    with override("ja"):
        assert str(labels[board_key]) == "架空ボード"
        assert str(labels[SHIPPED]) == shipped_bodies()[SHIPPED].name_ja
    with override("en"):
        assert str(labels[board_key]) == "Example Board"


def test_what_is_no_time_but_a_mistake_is_left_out_of_the_median(here: Effects) -> None:
    board(here)
    asked(here, 1, **answered(10))
    with override("en"):
        assert not any("left out" in str(note) for note in of(here.scope)["reply"].notes)
        asked(here, 2, **answered(-5))  # somebody wrote down the wrong day
        table = of(here.scope)["reply"]
        assert any("left out" in str(note) for note in table.notes)
    assert [(row.cells[0].value, row.cells[0].of) for row in table.rows] == [(10, 1), (10, 1)]


def test_the_page_of_a_provider_and_the_ledger_say_the_same(here: Effects, as_analyst: Any) -> None:
    world(here)
    of_page = {one.kind: one for one in answering(as_analyst, "board", NOW)}
    kinds = Scope(here.organisation.pk, Period.read("2024"), NOW)
    told = of(kinds)["providers"]
    for column in ("asked", "answered", "refused", "said_removed", "removed", "bounced", "silent", "waits"):
        summed = sum(getattr(one, column) for one in of_page.values())
        assert told.cell(f"board.{here.organisation.pk}", column).value == summed


def test_two_organisations_may_have_a_body_of_one_name(here: Effects, there: Effects) -> None:
    board(here)
    board(there, name="別のボード")
    asked(here, 1)
    asked(there, 2)
    asked(there, 1, body="gone_from_the_register")
    told = of(Scope(0, here.scope.period, NOW))["providers"]
    with override("ja"):
        named = {str(row.label): row.cells[0].value for row in told.rows[1:]}
    assert named == {"架空ボード": 1, "別のボード": 2, "gone_from_the_register": 1}


def test_as_it_was_known_then(here: Effects) -> None:
    board(here)
    for case in asked(here, 1, **answered(50)):
        here.look(case, 60, "removed")
    outcomes(timezone.now())
    then = of(Scope(here.organisation.pk, here.scope.period, at(40)))["providers"]
    assert values(then, "all") == {
        "asked": 1, "answered": 0, "said_removed": 0, "refused": 0, "otherwise": 0, "bounced": 0, "silent": 0, "waits": 1, "removed": 0,
    }  # fmt: skip


def test_nothing_asked_and_any_number_of_providers_take_as_many_queries(here: Effects) -> None:
    for table in [*Providers().tables(here.scope), *NoRequests().tables(here.scope)]:
        assert table.rows
        assert all(len(row.cells) == len(table.columns) for row in table.rows)
    board(here)
    asked(here, 1)
    counts = []
    for n in range(2):
        with CaptureQueriesContext(connection) as queries:
            Providers().tables(here.scope)
            NoRequests().tables(here.scope)
        counts.append(len(queries))
        board(here, f"other{n}")
        asked(here, 1, body=f"other{n}")
    assert counts == [4, 4]


# --- why nothing was requested -----------------------------------------------------------------------------------------------


def without(here: Effects, case: Case, why: str, *, withdrawn: bool = False) -> None:
    gone = {"withdrawn_by": here.user, "withdrawn_at": at(2)} if withdrawn else {}
    NoRequest.objects.create(organisation=here.organisation, case=case, why=why, by=here.user, at=at(1), **gone)


def test_every_item_in_scope_has_a_request_a_reason_or_neither(here: Effects, there: Effects) -> None:
    for why, n in (("gone", 3), ("police_wait", 2), ("abroad", 1)):
        for _n in range(n):
            without(here, here.case(), why)
    suicide: dict[str, Any] = {"hotline_class": "suicide_inducing", "category": "suicide_inducing"}
    without(here, here.case(**suicide), "no_contact")
    asked(here, 4)
    here.ask(here.case(**suicide), 1)
    both = here.case()
    without(here, both, "gone")
    here.ask(both, 3)
    without(here, here.case(), "gone", withdrawn=True)
    here.left(here.case(), 0, "request", "draft")
    here.ask(here.case(), 0, kind="preservation")
    here.case(hotline_class="")
    # what is none: out of scope, undone, another month, another organisation, practice
    here.case(verdict="not_in_scope")
    undone = here.case()
    first = Decision.objects.get(case=undone)
    Decision.objects.create(case=undone, version=first.version, by=here.user, at=at(1), undoes=first)
    without(here, here.case(-24 * 20), "gone")
    without(there, there.case(), "gone")
    without(here, here.case(practice=True), "gone")
    (table,) = NoRequests().tables(here.scope)
    assert {row.key: [cell.value for cell in row.cells] for row in table.rows} == {
        "items": [17, 14, 2, 1],
        "requested": [6, 5, 1, 0],
        "no_request": [7, 6, 1, 0],
        "gone": [3, 3, 0, 0],
        "police_wait": [2, 2, 0, 0],
        "abroad": [1, 1, 0, 0],
        "no_contact": [1, 0, 1, 0],
        "duplicate": [0, 0, 0, 0],
        "other": [0, 0, 0, 0],
        "neither": [4, 3, 0, 1],
    }
    assert [column.key for column in table.columns] == ["all", "illegal", "suicide_inducing", "-"]
    for whole, parts in table.row_sums.items():
        for column in table.columns:
            assert table.cell(whole, column.key).value == sum(table.cell(one, column.key).value or 0 for one in parts)
    for row in table.rows:
        assert row.cells[0].value == sum(cell.value or 0 for cell in row.cells[1:])
