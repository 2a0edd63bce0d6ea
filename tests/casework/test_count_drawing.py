"""What of a table is drawn, and what is said of it to those who do not see it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils.translation import gettext_lazy, override

from tests import count_shapes as shapes
from yoake import charts
from yoake.casework.count.drawing import chart_of, describing, number
from yoake.casework.count.figure import Cell, Column, Row, Table
from yoake.charts import Chart


def drawn(table: Table) -> Chart:
    chart = chart_of(table)
    assert chart is not None
    assert charts.svg(chart)
    return chart


def small(rows: list[Row], columns: int = 2, **more: Any) -> Table:
    given: dict[str, Any] = {"drawn": "bars", **more}
    return Table("t", "表", "件", [Column(f"c{n}", f"列{n}") for n in range(columns)], rows, **given)


def test_what_is_not_drawn_has_no_chart() -> None:
    assert chart_of(shapes.medians()) is None
    assert describing(shapes.medians()) == "時間の中央値"


def test_sums_are_left_out_and_parts_say_what_they_are_part_of() -> None:
    with override("ja"):
        chart = drawn(shapes.years())
    assert [one.name for one in chart.series] == [
        "違法情報", "自殺誘引等情報", "犯罪実行者募集（重要犯罪密接関連情報）", "その他（重要犯罪密接関連情報）",
    ]  # fmt: skip
    assert chart.labels == ["2020", "2021", "2022", "2023", "2024"]
    assert chart.series[2].values == [None, None, None, 4411, 13852]
    assert chart.series[0].marks == ["published"] * 3 + ["", ""]
    assert chart.ordered
    chart = drawn(shapes.days())
    assert len(chart.labels) == 31
    assert [one.name for one in chart.series] == list(shapes.CATEGORIES)


def test_of_a_pile_only_the_parts_of_a_sum_are_drawn() -> None:
    """What still waits is one of those that arrived; on top of them it would be counted twice."""
    keys = ["patrol", "hand", "all", "waiting"]
    table = Table(
        "arrived", "入った", "件", [Column(key, key) for key in keys],
        [Row("2024-05-01", "1", [Cell(3), Cell(2), Cell(5), Cell(4)])],
        column_sums={"all": ["patrol", "hand"]}, drawn="stacked", across="rows",
    )  # fmt: skip
    assert [one.name for one in drawn(table).series] == ["patrol", "hand"]
    assert [one.name for one in drawn(replace(table, drawn="bars")).series] == ["patrol", "hand", "waiting"]


def test_months_of_two_years_say_their_year_and_days_their_month() -> None:
    with override("ja"):
        chart = drawn(shapes.months())
        assert chart.groups == ["2024年"] * 9 + ["2025年"] * 3
        assert chart.across == ""
        assert drawn(shapes.days()).across == "2024年5月"
        assert drawn(shapes.nothing(1)).across == "2024年"
    with override("en"):
        assert drawn(shapes.months()).labels[0] == "April"


def test_steps_stand_at_their_hours_with_their_intervals() -> None:
    chart = drawn(shapes.survival())
    assert chart.places == list(shapes.HOURS)
    assert chart.share
    low, high = chart.series[0].interval(5) or (0, 0)
    value = chart.series[0].values[5]
    assert value is not None
    assert low < value < high


def test_shares_and_other_units_do_not_stand_among_counts() -> None:
    assert [one.name for one in drawn(shapes.reasons()).series] == ["2023年", "2024年"]
    rows = [Row("n", "件数", [Cell(3), Cell(4)]), Row("m", "時間", [Cell(900.5), Cell(800.5)], unit="分")]
    assert [one.name for one in drawn(small(rows)).series] == ["件数"]


def test_suppressed_cells_are_gaps_with_a_mark() -> None:
    chart = drawn(shapes.reasons())
    assert chart.series[1].values[3] is None
    assert chart.series[1].marks[3] == "suppressed"
    with override("en"):
        told = charts.svg(drawn(shapes.reasons())).decode()
    assert "x too few to be published" in told


def test_a_pile_of_many_names_the_largest_and_adds_up_the_rest() -> None:
    rows = [Row(f"r{n}", f"行{n}", [Cell(n), Cell(2 * n)]) for n in range(12)]
    rows[1] = replace(rows[1], cells=[Cell(None, suppressed=True), Cell(2)])
    with override("en"):
        chart = drawn(small(rows, drawn="stacked"))
        assert [one.name for one in chart.series] == [*(f"行{n}" for n in range(5, 12)), "5 others"]
        assert chart.series[-1].values == [0 + 2 + 3 + 4, 2 * (0 + 1 + 2 + 3 + 4)]
        assert chart.series[-1].marks == ["suppressed", ""]
        lines = drawn(small(rows, drawn="lines"))
        assert [one.name for one in lines.series] == [f"行{n}" for n in range(4, 12)]
        assert lines.notes == ["4 smaller ones stand only in the table."]


def test_a_list_that_is_too_long_shows_its_largest_in_their_order() -> None:
    rows = [Row(f"r{n}", f"言葉{n}", [Cell((n * 37) % 101)]) for n in range(100)]
    with override("en"):
        chart = drawn(small(rows, 1, across="rows"))
    assert len(chart.labels) == 60
    least = min(value for value in chart.series[0].values if value is not None)
    assert least >= sorted((n * 37) % 101 for n in range(100))[40]
    assert chart.labels == sorted(chart.labels, key=lambda label: int(label[2:]))
    assert chart.notes == ["40 smaller ones stand only in the table."]


def test_nothing_says_so() -> None:
    with override("en"):
        assert drawn(shapes.nothing()).said == "Nothing was counted in this period."
        assert drawn(shapes.nothing(None)).said == "Nothing is known of this period."
        assert describing(shapes.nothing()) == "なかったこと. Nothing was counted in this period."


def test_where_only_zeros_are_shown_beside_what_is_hidden_it_never_says_that_nothing_was_counted() -> None:
    hidden = Row("a", "甲", [Cell(None, suppressed=True), Cell(0)])
    of_sum = small(
        [Row("all", "計", [Cell(None, suppressed=True)]), Row("b", "乙", [Cell(0)])], 1, row_sums={"all": ["b"]}
    )
    with override("en"):
        for table in (small([hidden]), small([replace(hidden, cells=[hidden.cells[0]] * 2)]), of_sum):
            assert drawn(table).said == "There is too little here to be published."
            assert describing(table) == "表. There is too little here to be published."


def test_one_sentence_says_what_it_shows() -> None:
    with override("en"):
        assert describing(shapes.years()) == (
            "分析した情報の件数. Highest: 66,834 (件) (違法情報, 2024); lowest: 297 (件) (その他 (重要犯罪密接関連情報), 2024);"
            " last (2024): 違法情報 66,834 (件), 自殺誘引等情報 6,582 (件), 犯罪実行者募集 (重要犯罪密接関連情報) 13,852 (件),"
            " その他 (重要犯罪密接関連情報) 297 (件)."
        )
        assert "last (" not in describing(shapes.prefectures())  # a list has no last
        assert "80.1 %" in describing(shapes.survival()) or "80.1%" in describing(shapes.survival())
    with override("ja"):
        assert describing(shapes.prefectures()).startswith("都道府県別の件数。最大は")
        assert "（2025年 3月）" in describing(shapes.months())


def test_labels_are_told_in_the_language_in_force() -> None:
    table = small([Row("all", gettext_lazy("all together"), [Cell(1), Cell(2)])])
    with override("ja"):
        assert drawn(table).series[0].name == "合計"
    with override("en"):
        assert drawn(table).series[0].name == "all together"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (66834, "66,834"), (12.34, "12.3"), (-0.01, "0.0"), (1234.6, "1,235"), (-3, "-3"), (-1500.2, "-1,500")],
)
def test_numbers_as_they_are_written(value: float, told: str) -> None:
    assert number(value) == told
