"""The report on paper, opened by another program: every number of every table, in both languages, and nothing off the page."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
from django.utils.translation import gettext, override
from PIL import Image, ImageDraw, ImageFont

from tests import count_shapes as shapes
from tests.count_world import SMALL, fill
from yoake.casework.count import ledger, pages, suppressing
from yoake.casework.count.drawing import number
from yoake.casework.count.durations import duration
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Period
from yoake.casework.count.report import month_report
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import system
from yoake.casework.wording.models import Letterhead
from yoake.errors import BadInput
from yoake.papers.glyphs import fonts

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 6, 3, 1, tzinfo=UTC)
SCREENS = Path(__file__).resolve().parents[2] / "docs" / "screens"


def scope_of(organisation: Organisation | None, period: Period | None = None) -> Scope:
    return Scope(organisation.pk if organisation else 0, period or Period.month(2024, 5), NOW)


def opened(octets: bytes) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(octets)


def pages_of(octets: bytes) -> list[str]:
    document = opened(octets)
    return [document[n].get_textpage().get_text_range().replace("\r", "") for n in range(len(document))]


def text_of(octets: bytes) -> str:
    return "\n".join(pages_of(octets))


def numbers(counted: list[Counted]) -> Iterator[str]:
    """Every figure as the paper must have it."""
    for one in counted:
        for table in one.tables:
            for n, column in enumerate(table.columns):
                cells = [row.cells[n] for row in table.rows]
                known = [end for cell in cells for end in (cell.value, cell.low, cell.high) if end is not None]
                digits = 0 if all(end == round(end) for end in known) else 3 if max(map(abs, known)) < 1 else 1
                for row, cell in zip(table.rows, cells, strict=True):
                    if cell.value is None:
                        continue
                    if seconds := {gettext("minute"): 60, gettext("hour"): 3600}.get(str(table.unit_of(row, column))):
                        yield duration(cell.value * seconds)
                    else:
                        yield number(cell.value, percent=table.percent or cell.part is not None, digits=digits)


@pytest.fixture(params=["ja", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_number_and_every_word_is_on_the_paper(police: Organisation, language: str) -> None:
    counted = list(shapes.all_of_them())
    octets = month_report(counted, scope_of(police), language)
    told = text_of(octets)
    words = set(re.findall(r"\S+", told))
    with override(language):
        for one in numbers(counted):
            assert set(one.split()) <= words, one
        flat = re.sub(r"\s", "", told)
        for figure in counted:
            for table in figure.tables:
                for label in (
                    table.title,
                    *table.notes,
                    *(row.label for row in table.rows),
                    *(c.label for c in table.columns),
                ):
                    assert re.sub(r"\s", "", str(label)) in flat, str(label)
            for said in (figure.figure.title, figure.figure.says, figure.figure.out_of, figure.figure.cut_off):
                assert re.sub(r"\s", "", str(said)) in flat
    assert "\ufffd" not in told
    assert "\x00" not in told
    assert b"IPAexGothic" in octets
    assert b"pdfaid:part>2<" in octets
    assert 8 <= len(opened(octets)) <= 12


def test_a_row_is_read_in_one_line_so_that_it_can_be_pasted(police: Organisation) -> None:
    lines = text_of(month_report([shapes.counted(shapes.years())], scope_of(police), "ja")).split("\n")
    assert "分析した情報 67,518 44,555 28,585 44,685 87,565" in lines
    assert "重要犯罪密接関連情報 – – – 4,876 14,149" in lines
    assert any(line.startswith("2020† 2021† 2022† 2023 2024") for line in lines)


def test_the_cover_says_whose_figures_of_when(police: Organisation, analyst: User, language: str) -> None:
    told = pages_of(month_report([shapes.counted(shapes.years())], scope_of(police), language))[0]
    assert police.name in told
    assert "2024-06-03 10:00 JST" in told
    assert ("統計月報" if language == "ja" else "Monthly statistics") in told
    assert ("2024年5月" if language == "ja" else "May 2024") in told
    names = {"name_ja": "架空県警察本部", "name_en": "Invented Police"}
    Letterhead.objects.create(organisation=police, telephone="0", by=analyst, at=NOW, **names)
    told = pages_of(month_report([shapes.counted(shapes.years())], scope_of(police), language))[0]
    assert ("架空県警察本部" if language == "ja" else "Invented Police") in told
    for period, title in (
        (Period.year(2024), "統計年報"),
        (Period.fiscal_year(2024), "統計年度報"),
        (Period.day(NOW.date()), "統計日報"),
    ):
        assert title in pages_of(month_report([shapes.counted(shapes.years())], scope_of(None, period), "ja"))[0]


def test_a_period_that_still_runs_says_so_on_every_page(police: Organisation, language: str) -> None:
    counted = [shapes.counted(shapes.years())]
    running = Scope(police.pk, Period.year(2024), NOW)
    told = pages_of(month_report(counted, running, language))
    words = (
        "2024-06-03 10:00 JSTまでの集計です。期間はまだ終わっていません。"
        if language == "ja"
        else "Counted until 2024-06-03 10:00 JST: the period is not over."
    )
    assert len(told) > 1
    assert all(words in page.replace("\n", " ") for page in told)
    assert told[0].count(words) == 2, "on the cover, and at its foot"
    assert words not in text_of(month_report(counted, scope_of(police), language))


def test_the_contents_lead_to_the_pages(police: Organisation) -> None:
    counted = list(shapes.all_of_them())
    told = pages_of(month_report(counted, scope_of(police), "ja"))
    listed = re.findall(r"^(\d+)\. *　?(.+?)[ .．]+(\d+)$", told[0], re.MULTILINE)
    assert [int(n) for n, _title, _page in listed] == list(range(1, len(counted) + 1))
    for (_n, _title, page), one in zip(listed, counted, strict=True):
        assert str(one.figure.title) in told[int(page) - 1]
    assert all(f"{n} / {len(told)}" in page for n, page in enumerate(told, 1))


def test_marks_are_explained_where_they_stand_and_nowhere_else(police: Organisation) -> None:
    plain = text_of(month_report([shapes.counted(shapes.nothing(3))], scope_of(police), "en"))
    assert "others published it" not in plain
    assert "there are few" not in plain
    assert "interval of 95" not in plain
    told = text_of(month_report(list(shapes.all_of_them()), scope_of(police), "en"))
    for words in ("others published it", "there are few", "interval of 95"):
        assert words in told.replace("\n", " ")


def test_nothing_runs_out_of_the_page(police: Organisation, language: str) -> None:
    document = opened(month_report(list(shapes.all_of_them()), scope_of(police), language))
    for n in range(len(document)):
        grey = document[n].render(scale=1).to_pil().convert("L")
        dark = [(at % grey.width, at // grey.width) for at, value in enumerate(grey.tobytes()) if value < 200]
        assert min(x for x, _y in dark) >= 50  # 20 mm are 56 dots
        assert max(x for x, _y in dark) <= 595 - 50
        assert max(y for _x, y in dark) <= 842 - 25


@pytest.mark.parametrize("columns", [1, 5, 13, 20, 40])
def test_tables_of_any_width_keep_all_their_columns(police: Organisation, columns: int) -> None:
    rows = [Row(f"r{n}", f"項目{n}", [Cell(10_000_000 + 1000 * n + m) for m in range(columns)]) for n in range(4)]
    table = Table("t", "表", "件", [Column(str(n), f"第{n}列") for n in range(columns)], rows)
    told = text_of(month_report([shapes.counted(table)], scope_of(police), "ja"))
    for row in rows:
        for cell in row.cells:
            assert number(cell.value or 0) in told


def test_what_is_said_in_a_table_is_never_read_as_typst(police: Organisation) -> None:
    nasty = '#panic("x") $a^2$ <label> 🥦'
    table = Table(
        "t", nasty, nasty, [Column("a", nasty)], [Row("r", nasty, [Cell(4)])], [nasty], drawn="bars", across="rows"
    )
    told = text_of(month_report([shapes.counted(table)], scope_of(police), "en"))
    assert re.sub(r"\s", "", told).count('#panic("x")$a^2$<label>〔U+1F966BROCCOLI〕') >= 5


def test_suppressed_cells_say_nothing(police: Organisation) -> None:
    rows = [
        Row("a", "甲", [Cell(3)]),
        Row("b", "乙", [Cell(271)]),
        Row("c", "丙", [Cell(4)]),
        Row("all", "計", [Cell(278)]),
    ]
    table = Table(
        "t", "表", "件", [Column("n", "件数")], rows, row_sums={"all": ["a", "b", "c"]}, drawn="bars", across="rows"
    )
    hidden = suppressing.for_publication([shapes.counted(table)])
    lines = text_of(month_report(hidden, scope_of(police), "ja")).split("\n")
    assert "甲 x" in lines
    assert "丙 x" in lines
    assert "甲 3" not in lines


def test_the_same_figures_give_the_same_octets(police: Organisation) -> None:
    counted = [shapes.counted(shapes.years())]
    assert month_report(counted, scope_of(police), "ja") == month_report(counted, scope_of(police), "ja")


def test_what_cannot_be_a_report_is_refused(police: Organisation) -> None:
    with pytest.raises(BadInput, match="one or more"):
        month_report([], scope_of(police), "ja")
    with pytest.raises(BadInput, match="ja or en"):
        month_report(list(shapes.all_of_them()), scope_of(police), "fr")


def test_all_figures_of_a_year_as_they_are_counted(police: Organisation, analyst: User, language: str) -> None:
    """From events in the database, through every figure of the page of the year, in under five seconds on paper."""
    fill(SMALL, police, analyst)
    scope = Scope(police.pk, Period.year(2024), datetime(2025, 3, 3, tzinfo=UTC))
    counted = ledger.count(system("test"), scope, pages.YEAR)
    began = time.process_time()
    octets = month_report(counted, scope, language)
    assert time.process_time() - began < 5
    told = text_of(octets)
    words = set(re.findall(r"\S+", told))
    with override(language):
        for one in numbers(counted):
            assert set(one.split()) <= words, one
    if os.environ.get("YOAKE_KEEP_SCREENS") == "1":
        keep(octets, language)


def keep(octets: bytes, language: str) -> None:
    """The page of F-9 as a picture, for those who read about it, under a line that says what its figures are: invented."""
    page = opened(octets)[1].render(scale=1.6).to_pil().convert("RGB")
    page = page.crop((0, 0, page.width, page.height * 61 // 100))
    words = {"ja": "架空のデータ：数字はすべて作り物です", "en": "Synthetic data: all figures are invented"}[language]
    line = Image.new("RGB", (page.width, 44), "#fff3c4")
    ImageDraw.Draw(line).text((90, 11), words, "black", ImageFont.truetype(fonts() / "ipaexg.ttf", 20))
    told = Image.new("RGB", (page.width, page.height + line.height), "white")
    told.paste(line, (0, 0))
    told.paste(page, (0, line.height))
    told.quantize(64).save(SCREENS / f"report-{language}.png", optimize=True)
