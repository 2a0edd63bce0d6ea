"""What could tell of hidden numbers without being a sum: an estimate, an order of rows, how the house works."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.casework.test_count_suppressing import counted, share, table_of
from tests.world import NOON
from yoake.casework import count
from yoake.casework.count import ledger
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.figures import blind_sample, missed
from yoake.casework.count.periods import Period
from yoake.casework.count.suppressing import for_publication, may_leave, publish
from yoake.casework.people.queries import Actor
from yoake.casework.quality.blind import Misses
from yoake.errors import BadInput


def test_rows_lose_their_order_in_every_table_of_the_figure() -> None:
    counts = table_of(
        "t", {"all": {"n": 31}, "z": {"n": 25}, "b": {"n": 4}, "a": {"n": 2}}, row_sums={"all": ("z", "b", "a")}
    )
    shares = table_of("u", {one: {"s": share(40, 80)} for one in ("all", "z", "b", "a")}, row_sums={"all": ()})
    other = table_of("v", {one: {"k": 9} for one in ("later", "early")})
    tables = for_publication([counted("f", counts, shares, other)])[0].tables
    assert [[row.key for row in table.rows] for table in tables] == [
        ["all", "a", "b", "z"], ["all", "a", "b", "z"], ["later", "early"],
    ]  # fmt: skip


def shown_of(name: str, tables: Sequence[Table]) -> dict[str, Table]:
    return {table.key: table for table in for_publication([counted(name, *tables)])[0].tables}


def test_a_sample_does_not_tell_its_misses_by_a_rate() -> None:
    few = Misses.of(date(2024, 5, 1), Counter({"in_scope": 3, "not_in_scope": 1997}), 80_000, 400)
    some = Misses.of(date(2024, 6, 1), Counter({"in_scope": 30, "not_in_scope": 1970}), 80_000, 400)
    both = Misses.of(date(2024, 5, 1), Counter({"in_scope": 33, "not_in_scope": 3967}), 160_000, 800)
    told = [blind_sample._Told(key, "", one, one) for key, one in (("2024-05", few), ("2024-06", some), ("all", both))]
    tables = shown_of("blind_sample", blind_sample._by_month(told, whole=True))
    assert tables["judged"].cell("2024-05", "missed").suppressed
    for row in ("2024-05", "2024-06", "all"):
        judged = tables["judged"].cell(row, "missed")
        rate, recall = tables["missed"].cell(row, "missed"), tables["recall"].cell(row, "recall")
        expected = tables["found_and_missed"].cell(row, "missed")
        if judged.suppressed:  # else 2,000 x 150 / 100,000 = 3, 80,000 x 3 / 2,000 = 120 and 400 / (400 + 120) say it
            assert rate.suppressed, row
            assert recall.suppressed, row
            assert expected.suppressed, row
    assert tables["missed"].cell("all", "missed").value == pytest.approx(100_000 * 33 / 4000)


def test_an_estimate_does_not_tell_what_its_lists_hid() -> None:
    def lists(patrol: int, reports: int, both: int) -> Counter[frozenset[str]]:
        return Counter(
            {frozenset({"patrol"}): patrol, frozenset({"reports"}): reports, frozenset({"patrol", "reports"}): both}
        )

    counts = {"drug_ad": lists(60, 50, 20), "account_trade": lists(30, 0, 3)}
    scope = Scope(1, Period.read("2024"), NOON)
    tables = shown_of("missed", missed._tables("category", counts, list(counts), str, scope))
    brought, estimated = tables["brought_by_category"], tables["estimated_by_category"]
    assert brought.cell("account_trade", "reports").suppressed
    assert brought.cell("drug_ad", "reports").suppressed, "the sum would tell the other"
    assert not brought.cell("all", "reports").suppressed
    for table in (estimated, tables["share_by_category"]):  # (81)(71) / 21 - 1 = 273 would say 70 reports
        assert table.cell("drug_ad", "patrol_reports").suppressed
        assert not table.cell("all", "patrol_reports").suppressed


def test_what_stays_in_the_house_is_not_published() -> None:
    table = table_of("t", {"a": {"n": 30}, "running": {"n": 20}, "all": {"n": 50}}, row_sums={"all": ("a", "running")})
    rows = [replace(row, for_publication=row.key != "running") for row in table.rows]
    inside = counted("pace", table)
    inside.figure.for_publication = False
    (shown,) = for_publication([counted("f", replace(table, rows=rows), replace(table, rows=rows[1:2])), inside])
    assert [row.key for row in shown.tables[0].rows] == ["a", "all"]
    assert len(shown.tables) == 1, "a table of which nothing is left goes too"


def test_how_the_house_works_is_not_published(as_supervisor: Actor) -> None:
    scope = Scope(as_supervisor.organisation_id, Period.read("2024-05"), NOON)
    assert {"pace", "terms"} == set(ledger.names(scope)) - set(may_leave(scope))
    for name in ("pace", "terms"):
        with pytest.raises(BadInput, match="never published"):
            publish(as_supervisor, scope, [name])
    shown = publish(as_supervisor, scope)
    assert [one.name for one in shown] == may_leave(scope)
    assert not [one.name for one in shown if one.queries]


def test_no_figure_tells_of_minors() -> None:
    """The column `minor` of a case is for the case's page; a figure by it would be small, and about children."""
    asked = [
        file.name
        for file in Path(count.__file__).parent.rglob("*.py")
        if re.search(r"[\"'_]minor(?:_\w*)?[\"'=]|\.minor\b", file.read_text())
    ]
    assert not asked
