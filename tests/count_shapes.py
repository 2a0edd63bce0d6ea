"""Figures of every shape that a report may hold, made by hand: invented numbers, no database."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from yoake.casework.count.figure import Cell, Column, Row, Table
from yoake.casework.count.labels import CLASSES, IN_ALL, month
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Period
from yoake.detect.text.extraction import prefectures as usual
from yoake.learn.chances import clopper_pearson

_lot = random.Random(5)
CATEGORIES: Final = (
    "犯罪実行者募集",
    "口座・電子マネーの売買",
    "携帯電話の不正契約",
    "薬物の広告",
    "わいせつ物公然陳列",
    "爆発物の製造",
)
PREFECTURES: Final = usual()
HOURS: Final = (0, 1, 3, 6, 12, 24, 48, 72, 120, 168, 336, 720)


def years() -> Table:
    """As F-9: five years, sums within sums, dashes, years that others printed."""
    said = {
        "total": ("分析した情報", 0, (67518, 44555, 28585, 44685, 87565)),
        "illegal": ("違法情報", 1, (63189, 41944, 25895, 33200, 66834)),
        "suicide_inducing": ("自殺誘引等情報", 1, (4329, 2611, 2690, 6609, 6582)),
        "serious_crime_related": ("重要犯罪密接関連情報", 1, (None, None, None, 4876, 14149)),
        "recruitment": ("犯罪実行者募集", 2, (None, None, None, 4411, 13852)),
        "others": ("その他", 2, (None, None, None, 465, 297)),
    }
    rows = [
        Row(key, label, [Cell(one, published=n < 3 and one is not None) for n, one in enumerate(values)], depth)
        for key, (label, depth, values) in said.items()
    ]
    sums = {
        "total": ("illegal", "suicide_inducing", "serious_crime_related"),
        "serious_crime_related": ("recruitment", "others"),
    }
    columns = [Column(str(year), str(year)) for year in range(2020, 2025)]
    notes = ["計上の単位は、アドレス一つを一件とする情報である。", "「–」は、その年にその区分がなかったことを示す。"]
    return Table("years", "分析した情報の件数", "件", columns, rows, notes, row_sums=sums, drawn="stacked")


def days() -> Table:
    """A row a day of May, a column a category, and sums both ways."""
    keys = [f"c{n}" for n in range(len(CATEGORIES))]
    numbers = {day.key: [_lot.randint(0, 40) for _key in keys] for day in Period.month(2024, 5).days()}
    columns = [*(Column(key, label) for key, label in zip(keys, CATEGORIES, strict=True)), Column("all", IN_ALL)]
    rows = [
        Row(day.key, str(day.first.day), [*map(Cell, numbers[day.key]), Cell(sum(numbers[day.key]))])
        for day in Period.month(2024, 5).days()
    ]
    whole = [sum(told[n] for told in numbers.values()) for n in range(len(keys))]
    rows.append(Row("all", IN_ALL, [*map(Cell, whole), Cell(sum(whole))]))
    return Table(
        "days", "日別の判断件数", "件", columns, rows,
        row_sums={"all": list(numbers)}, column_sums={"all": keys}, drawn="stacked", across="rows",
    )  # fmt: skip


def months(kind: Any = "lines") -> Table:
    """A column a month of the fiscal year and one for all; a row a class."""
    told = Period.fiscal_year(2024).months()
    columns = [*(Column(one.key, month(one)) for one in told), Column("all", IN_ALL)]
    rows = []
    for key, label in CLASSES.items():
        values = [_lot.randint(900, 99_999) for _one in told]
        rows.append(Row(key, label, [*map(Cell, values), Cell(sum(values))]))
    return Table(
        "months", "月別の件数", "件", columns, rows,
        column_sums={"all": [one.key for one in told]}, drawn=kind,
    )  # fmt: skip


def survival() -> Table:
    """Shares by hours with intervals, for steps."""

    def share(hours: int, half: float, n: int) -> Cell:
        gone = round(n * 0.8 * (1 - math.exp(-hours / half)))
        low, high = clopper_pearson(gone, n)
        return Cell(gone / n, low, high, gone, n)

    rows = [
        Row("warned", "警告をした投稿", [share(hours, 60, 412) for hours in HOURS]),
        Row("nothing", "何もしていない投稿", [share(hours, 200, 96) for hours in HOURS]),
    ]
    columns = [Column(str(hours), str(hours)) for hours in HOURS]
    notes = ["警告をした投稿は無作為に選ばれたものではない。二つの群の差は、警告の効果そのものを示さない。"]
    return Table(
        "survival", "削除された投稿の割合（経過時間別）", "割合", columns, rows, notes, drawn="steps", percent=True
    )


def prefectures() -> Table:
    """A long list."""
    numbers = {name: _lot.randint(0, 1900) for name in PREFECTURES}
    rows = [
        *(Row(name, name, [Cell(n)]) for name, n in numbers.items()),
        Row("all", IN_ALL, [Cell(sum(numbers.values()))]),
    ]
    return Table(
        "prefectures", "都道府県別の件数", "件", [Column("n", "該当")], rows,
        row_sums={"all": PREFECTURES}, drawn="bars", across="rows",
    )  # fmt: skip


def reasons() -> Table:
    """Long labels, a share in a table of counts, cells that are suppressed and that cannot be said."""
    told = (
        ("gone", "要請をする前に投稿がなくなっていた", 1203, 2210),
        ("police", "警察から待つよう求められた", 30, 31),
        ("abroad", "国外で公開されており、提携するホットラインへ送った", 44, 54),
        ("contact", "連絡先が分からない", 12, None),
        ("duplicate", "他の案件と重複する", None, 19),
        ("other", "その他", 3, 3),
    )
    rows = [
        Row(key, label, [_cell(first), _cell(second), Cell(None) if second is None else Cell(second / 2317, part=second, of=2317)])
        for key, label, first, second in told
    ]  # fmt: skip
    columns = [Column("2023", "2023年"), Column("2024", "2024年"), Column("share", "2024年の割合")]
    return Table("reasons", "要請をしなかった理由", "件", columns, rows, drawn="bars", across="rows")


def medians() -> Table:
    """Estimates with intervals and units of their own; not drawn."""
    rows = [
        Row("a", "投稿から判断まで", [Cell(83.25, 70.5, 99.0, of=612)], unit="分"),
        Row("b", "判断から削除まで", [Cell(1234.5, 1100.0, 1400.25, of=88)], unit="時間"),
        Row("c", "待っている案件", [Cell(17)]),
    ]
    return Table("medians", "時間の中央値", "件", [Column("value", "値")], rows)


def wide() -> Table:
    """More columns and rows than any page holds."""
    columns = [Column(f"w{n}", f"第{n}組織 {'長い名前' * 3}") for n in range(30)]
    rows = [Row(f"r{n}", f"第{n}項目", [Cell(n * 100_000 + m) for m in range(30)]) for n in range(20)]
    return Table("wide", "組織と項目", "件", columns, rows)


def nothing(value: int | None = 0) -> Table:
    """Nothing was counted, or nothing is known."""
    columns = [Column(one.key, month(one)) for one in Period.year(2024).months()]
    return Table("nothing", "なかったこと", "件", columns, [Row("n", "件数", [Cell(value)] * 12)], drawn="bars")


def _cell(value: int | None) -> Cell:
    return Cell(value, suppressed=value is None)


def counted(*tables: Table, name: str = "made_up") -> Counted:
    """Tables as one figure that was counted."""
    figure: Any = SimpleNamespace(
        title=f"見本 {tables[0].title}",
        says="ここにある数字はすべて作り物である。図表の形を確かめるためのもので、実際の件数ではない。",
        out_of="その月に判断した案件",
        cut_off="翌年1月末",
        source="",
        kinds=(),
        for_publication=True,
    )
    return Counted(name, figure, tables, (), 0.0)


def all_of_them() -> Sequence[Counted]:
    """A report with a figure of every shape."""
    return [
        counted(years(), name="years"),
        counted(days(), prefectures(), name="lists"),
        counted(months(), name="months"),
        counted(survival(), medians(), name="survival"),
        counted(reasons(), nothing(), nothing(None), name="reasons"),
        counted(wide(), name="wide"),
    ]
