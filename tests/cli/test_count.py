"""`yoake count`: tables on the terminal, JSON and files, and errors in one sentence."""

from __future__ import annotations

import json
import sqlite3
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from tests.cli.running import prepared, yoake


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh installation: nothing was counted here, so that what others printed is shown."""
    return prepared(tmp_path_factory, tmp_path_factory.mktemp("count") / "data")


def test_a_table_on_the_terminal(data: Path) -> None:
    ran = yoake(data, "count", "--year", "2024", "--figure", "f9", "--figure", "f11")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    (total,) = [line for line in lines if "Items analysed, total" in line]
    assert total.split()[-5:] == ["†67,518", "†44,555", "†28,585", "†44,685", "†87,565"]
    (serious,) = [line for line in lines if line.strip().startswith("Information closely related to serious crimes")]
    assert serious.split()[-5:] == ["–", "–", "–", "†4,876", "†14,149"]
    assert "Unit: item" in ran.stdout
    assert "published, not counted here" in ran.stdout
    assert ran.stdout.index("F-9") < ran.stdout.index("F-11")


def test_in_japanese(data: Path) -> None:
    ran = yoake(data, "count", "--year", "2024", "--figure", "f10", "--language", "ja")
    assert ran.returncode == 0, ran.stderr
    assert "犯罪実行者の募集" in ran.stdout
    assert "出典：" in ran.stdout or "出典:" in ran.stdout
    assert "Response requests" not in ran.stdout


def test_json_and_files(data: Path, tmp_path: Path) -> None:
    files = {kind: tmp_path / f"year.{kind}" for kind in ("csv", "xlsx", "pdf")}
    words = [word for kind, file in files.items() for word in (f"--{kind}", str(file))]
    ran = yoake(data, "count", "--year", "2024", "--figure", "f9", "--json", *words)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert "87565" in json.dumps(told)
    assert files["csv"].read_bytes().startswith(b"\xef\xbb\xbf")
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    book = openpyxl.load_workbook(BytesIO(files["xlsx"].read_bytes()))
    assert any(cell.value == 87_565 for sheet in book for row in sheet.iter_rows() for cell in row)
    assert ran.stderr.count("figures of 2024") == 3, "said beside the JSON"
    with sqlite3.connect(data / "db" / "yoake.sqlite3") as database:
        lines = database.execute(
            "SELECT actor, facts FROM audit_entry WHERE kind = 'figures_exported' ORDER BY id"
        ).fetchall()
    assert [actor for actor, _facts in lines] == ["command"] * 4
    facts = [json.loads(told) for _actor, told in lines]
    assert [(one["format"], one["period"], one["figure"]) for one in facts] == [
        (kind, "2024", "f9") for kind in ("json", *files)
    ]


def test_a_period_that_still_runs_says_so(data: Path) -> None:
    ran = yoake(data, "count", "--year", "2199", "--figure", "decided")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[0].endswith("JST: the period is not over.")
    assert "is not over" not in yoake(data, "count", "--year", "2024", "--figure", "decided").stdout


@pytest.mark.parametrize(
    ("words", "year"),
    [
        (("--day", "2024-05-01"), False),
        (("--fiscal-year", "2024", "--publish", "--figure", "decided"), False),
        (("--year", "2024"), True),
    ],
    ids=["day", "fiscal year", "year"],
)
def test_all_figures_that_fit_the_period(data: Path, words: tuple[str, ...], year: bool) -> None:
    ran = yoake(data, "count", *words)
    assert ran.returncode == 0, ran.stderr
    assert ("F-9" in ran.stdout) == year
    assert len(ran.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly one of --year, --fiscal-year, --month, --day"),
        (("--year", "2024", "--month", "2024-05"), "exactly one of"),
        (("--year", "20x4"), "a day (2024-05-01), a month"),
        (("--year", "9999"), "from 2000 to 2200"),
        (("--day", "9999-12-31"), "from 2000 to 2200"),
        (("--fiscal-year", "0001"), "from 2000 to 2200"),
        (("--year", "2024-05"), "--year is '2024-05'"),
        (("--month", "2024"), "--month is '2024'"),
        (("--fiscal-year", "2024-13"), "period is '2024-13'"),
        (("--year", "2024", "--organisation", "nobody"), "known organisations are"),
        (("--year", "2024", "--figure", "f99"), "known names are"),
        (("--day", "2024-05-01", "--figure", "f9"), "f9 is told for: year"),
        (("--day", "2024-05-01", "--publish"), "figures of a day are not published"),
        (("--month", "2024-05", "--publish", "--figure", "terms"), "this one is never published"),
        (("--year", "2024", "--everybody", "--organisation", "x"), "either --organisation NAME or --everybody"),
        (("--year", "2024", "--csv", "/no/such/folder/x.csv"), "a file in a folder that exists"),
    ],
    ids=lambda told: " ".join(told) if isinstance(told, tuple) else "",
)
def test_what_is_wrong_is_said_in_one_sentence(data: Path, words: tuple[str, ...], said: str) -> None:
    ran = yoake(data, "count", *words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert ran.stdout == ""


def test_whose_figures_must_be_said_where_there_are_several(data: Path) -> None:
    with sqlite3.connect(data / "db" / "yoake.sqlite3") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(people_organisation)") if row[1] != "id"]
        (first,) = database.execute(f"SELECT {', '.join(columns)} FROM people_organisation").fetchall()
        second = ["架空県警察" if column == "name" else told for column, told in zip(columns, first, strict=True)]
        marks = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO people_organisation ({', '.join(columns)}) VALUES ({marks})", second)
    try:
        ran = yoake(data, "count", "--year", "2024", "--figure", "f9")
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "架空県警察, or --everybody: there are several" in ran.stderr
        for words in (("--everybody",), ("--organisation", "架空県警察")):
            assert yoake(data, "count", "--year", "2024", "--figure", "f9", *words).returncode == 0
    finally:
        with sqlite3.connect(data / "db" / "yoake.sqlite3") as database:
            database.execute("DELETE FROM people_organisation WHERE name = '架空県警察'")
