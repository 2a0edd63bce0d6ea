"""What is exported is what was counted: reopened and compared cell by cell, in both languages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import openpyxl
import pytest
from django.utils.translation import gettext_lazy, override

from yoake.casework.count import exporting, heading, suppressing
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Kind, Period
from yoake.casework.people.models import Organisation

SCOPE = Scope(0, Period.year(2024), datetime(2025, 2, 1, tzinfo=UTC))
ILL = gettext_lazy("illegal information")  # has been said in Japanese for long
WORDS = {"en": "illegal information", "ja": "違法情報"}


class Invented:
    """A figure that says something of itself."""

    title: Words = gettext_lazy("illegal information")
    says: Words = "Items decided in the period."
    out_of: Words = "all items"
    cut_off: Words = "the end of January"
    source: Words = "invented"
    kinds: Sequence[Kind] = (Kind.YEAR,)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        raise NotImplementedError


ACTS = Table(
    key="acts",
    title="Acts: what came of it [by class]",
    unit="item",
    columns=(Column("2023", "2023"), Column("2024", "2024"), Column("removed", "=removed")),
    rows=(
        Row("total", "Total", (Cell(1432), Cell(12, published=True), Cell(0.75, 0.7, 0.8, 75, 100))),
        Row("illegal", ILL, (Cell(None, suppressed=True), Cell(0), Cell(None, suppressed=True)), depth=1),
        Row("days", "@median", (Cell(2.5, of=40), Cell(None), Cell(None)), unit="days"),
    ),
    notes=("+ Two cut-offs are not comparable.",),
    row_sums={"total": ("illegal",)},
)
SHARES = Table("shares", "Shares", "share", [Column("n", "n")], [Row("a", "A", [Cell(0.5)])], percent=True)
QUERY = "SELECT COUNT(*) FROM cases_case WHERE organisation_id = 7"
COUNTED = [
    Counted("acts", Invented(), (ACTS, SHARES), (QUERY,), 0.01),
    Counted("again", Invented(), (replace(SHARES, key="more"),), (), 0.0),
]


def text_of(value: Any) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_csv_holds_every_cell_under_names_that_do_not_change(language: str) -> None:
    with override(language):
        octets = exporting.csv(COUNTED, SCOPE)
    assert octets.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(octets.decode("utf-8-sig"))))
    assert len(lines) == 9 + 1 + 1
    at = {(line["figure"], line["table"], line["row"], line["column"]): line for line in lines}
    for row in ACTS.rows:
        for column, cell in zip(ACTS.columns, row.cells, strict=True):
            line = at["acts", "acts", row.key, column.key]
            for name in ("value", "low", "high", "part", "of"):
                assert line[name] == text_of(getattr(cell, name))
            assert line["suppressed"] == str(int(cell.suppressed))
            assert line["published_by_others"] == str(int(cell.published))
            assert line["unit"] == (row.unit or "item")
    first = at["acts", "acts", "total", "2023"]
    assert first["period"] == "2024"
    assert (first["definition"], first["denominator"]) == (Invented.says, Invented.out_of)
    assert (first["cut_off"], first["figure_title"]) == (Invented.cut_off, WORDS[language])
    assert at["acts", "acts", "illegal", "2023"]["row_label"] == WORDS[language]
    assert at["acts", "shares", "a", "n"]["percent"] == "1"


def test_csv_begins_no_formula() -> None:
    lines = list(csv.DictReader(io.StringIO(exporting.csv(COUNTED, SCOPE).decode("utf-8-sig"))))
    told = {value for line in lines for value in line.values()}
    assert {"'=removed", "'@median", "'+ Two cut-offs are not comparable."} <= told
    assert not [value for value in told if value.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_data_holds_every_cell_and_passes_json(language: str) -> None:
    with override(language):
        told = json.loads(json.dumps(exporting.data(COUNTED, SCOPE), ensure_ascii=False))
    assert (told["schema"], told["language"], told["organisation"]) == (1, language, None)
    assert told["period"]["key"] == "2024"
    assert (told["period"]["first"], told["period"]["last"]) == ("2024-01-01", "2024-12-31")
    first, _again = told["figures"]
    assert (first["name"], first["title"], first["queries"]) == ("acts", WORDS[language], [QUERY])
    assert (first["definition"], first["denominator"], first["cut_off"]) == (
        Invented.says,
        Invented.out_of,
        Invented.cut_off,
    )
    table = first["tables"][0]
    assert table["row_sums"] == {"total": ["illegal"]}
    for row, found in zip(ACTS.rows, table["rows"], strict=True):
        assert (found["key"], found["label"], found["depth"]) == (row.key, _in(language, row.label), row.depth)
        for column, cell, one in zip(ACTS.columns, row.cells, found["cells"], strict=True):
            assert one == {
                "column": column.key,
                "value": cell.value,
                "low": cell.low,
                "high": cell.high,
                "part": cell.part,
                "of": cell.of,
                "published_by_others": cell.published,
                "suppressed": cell.suppressed,
            }


def _in(language: str, words: Any) -> str:
    with override(language):
        return str(words)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_xlsx_holds_every_cell_with_what_belongs_to_it(language: str) -> None:
    with override(language):
        octets = exporting.xlsx(COUNTED, SCOPE)
        label = SCOPE.period.label
    book = openpyxl.load_workbook(io.BytesIO(octets))
    contents, acts, again, asked = book.worksheets
    assert (acts.title, again.title) == (WORDS[language], f"{WORDS[language]} 2")
    links = [cell for row in contents for cell in row if cell.hyperlink]
    assert [cell.hyperlink and cell.hyperlink.location for cell in links] == [
        f"'{acts.title}'!A1",
        f"'{again.title}'!A1",
    ]
    assert contents["A1"].value == label
    told = [[cell.value for cell in row] for row in acts]
    assert [
        words for words in (Invented.says, Invented.out_of, Invented.cut_off) if [words] not in _seconds(told)
    ] == []
    rows = {line[0]: line for line in told}
    # 2023 has one number beside its value (of how many), 2024 none, the share its interval, part and denominator
    assert rows["Total"][1:9] == [1432, None, 12, 0.75, 0.7, 0.8, 75, 100]
    assert rows[WORDS[language]] is not None
    at = {row[0].value: row for row in acts if row[0].value}
    assert [cell.value for cell in at["@median (days)"][1:5]] == [2.5, 40, "–", "–"]
    small = [row for row in acts if row[0].value == WORDS[language] and row[3].value == 0]
    assert [cell.value for cell in small[0][1:5]] == ["x", None, 0, "x"]
    assert at["Total"][3].font.italic
    assert not at["Total"][1].font.italic
    assert at["Total"][1].number_format == "#,##0"
    assert at["A"][1].number_format == "0.0%"
    assert [str(one) for one in acts.merged_cells.ranges if one.min_row > 8]  # heads stand over value and interval
    assert [asked["A2"].value, asked["B2"].value] == ["acts", QUERY]


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_file_says_whose_figures_of_when_and_whether_the_period_is_over(
    language: str, police: Organisation
) -> None:
    for now, over in (
        (datetime(2024, 12, 31, 14, 59, tzinfo=UTC), False),
        (datetime(2024, 12, 31, 15, tzinfo=UTC), True),
    ):
        scope = Scope(police.pk, Period.year(2024), now)
        running = "2024-12-31 23:59 JST" if not over else "2025-01-01 00:00 JST"
        with override(language):
            said = heading.unfinished(scope)
            told = exporting.data(COUNTED, scope)
            lines = list(csv.DictReader(io.StringIO(exporting.csv(COUNTED, scope).decode("utf-8-sig"))))
            book = openpyxl.load_workbook(io.BytesIO(exporting.xlsx(COUNTED, scope)))
        assert (said == "") == over
        assert running in said or over
        assert (told["organisation"], told["organisation_name"]) == (police.pk, police.name)
        assert (told["period"]["over"], told["period"]["note"]) == (over, said)
        for line in lines:
            assert (line["organisation"], line["counted_at"], line["period_over"]) == (
                police.name,
                now.isoformat(),
                str(int(over)),
            )
            assert line["notes"].startswith(said)
        for sheet in book.worksheets[:-1]:
            words = [str(cell.value) for row in sheet for cell in row if cell.value is not None]
            assert {police.name, running} <= set(words)
            assert over or any(said in one for one in words), sheet.title


def test_a_key_that_stands_for_nothing_is_the_same_in_every_file() -> None:
    row = Row("-", "–", [Cell(9)])
    counted = [replace(COUNTED[0], tables=[replace(SHARES, rows=[row])])]
    (line,) = csv.DictReader(io.StringIO(exporting.csv(counted, SCOPE).decode("utf-8-sig")))
    assert line["row"] == exporting.data(counted, SCOPE)["figures"][0]["tables"][0]["rows"][0]["key"] == "-"


def test_what_is_published_has_no_queries() -> None:
    hidden = suppressing.for_publication(COUNTED)
    book = openpyxl.load_workbook(io.BytesIO(exporting.xlsx(hidden, SCOPE)))
    words = {str(cell.value) for sheet in book for row in sheet for cell in row}
    assert not any("SELECT" in word for word in words)
    assert len(book.worksheets) == 1 + len(COUNTED)
    assert "SELECT" not in json.dumps(exporting.data(hidden, SCOPE))


def _seconds(told: list[list[Any]]) -> list[list[Any]]:
    return [[line[1]] for line in told]


def test_no_cell_of_a_workbook_is_a_formula() -> None:
    odd = [replace(COUNTED[0], queries=("=1+1", "+1", "-1", "@SUM(A1)", "a\x07b"))]
    book = openpyxl.load_workbook(io.BytesIO(exporting.xlsx(odd, SCOPE)))
    cells = [cell for sheet in book for row in sheet for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    words = {cell.value for cell in cells}
    assert {"=removed", "=1+1", "+1", "-1", "@SUM(A1)", "ab"} <= words
    assert all(cell.quotePrefix for cell in cells if cell.value in {"=removed", "=1+1"})
