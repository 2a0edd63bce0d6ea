from __future__ import annotations

import io
import zipfile
from typing import Any

import openpyxl
import pytest

from yoake.collect.address_lists import FORMULA, MOST_LINES, Line, carried, from_carried, from_csv, from_text, from_xlsx
from yoake.errors import BadInput

ONE, TWO = "https://social.example/post/1", "https://social.example/post/2"


def workbook(*sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if not number else book.create_sheet()
        assert sheet is not None
        for row in rows:
            sheet.append(row)
    octets = io.BytesIO()
    book.save(octets)
    return octets.getvalue()


def repacked(octets: bytes, **parts: bytes) -> bytes:
    """The same workbook with some of its parts replaced (`/` written as __)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(octets)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, parts.pop(name.replace("/", "__").replace(".", "_"), b"") or old.read(name))
    assert not parts
    return packed.getvalue()


def refused(read: Any, given: Any) -> BadInput:
    with pytest.raises(BadInput) as told:
        read(given)
    return told.value


def test_a_pasted_list() -> None:
    text = f"{ONE}\n\n  {TWO}  \r\n通報: {ONE}/a、\n二つ {ONE} {TWO}\nただの文\n"
    assert from_text(text) == [
        Line(1, ONE),
        Line(3, TWO),
        Line(4, f"{ONE}/a"),
        Line(5, f"二つ {ONE} {TWO}"),  # which of the two is meant nobody can know
        Line(6, "ただの文"),
    ]


def test_too_many_lines_name_the_first_that_is_too_much() -> None:
    lines = [f"https://social.example/{n}" for n in range(MOST_LINES + 1)]
    assert len(from_text("\n".join(lines[:MOST_LINES]))) == MOST_LINES
    error = refused(from_text, "\n\n" + "\n".join(lines))
    assert (error.field, error.value) == ("row", MOST_LINES + 3)


@pytest.mark.parametrize("given", ["", " \n\t\n"])
def test_an_empty_list(given: str) -> None:
    assert refused(from_text, given).field == "list"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("head", ["番号,アドレス,メモ", "No,ＵＲＬ,メモ", "no, URL ,memo"])
def test_the_named_column_of_a_csv_file(encoding: str, head: str) -> None:
    octets = f'{head}\r\n1,{ONE},"改行\nのある、メモ"\r\n2,,\r\n3,{TWO},https://other.example/\r\n'.encode(encoding)
    assert from_csv(octets) == [Line(2, ONE), Line(4, TWO)]


def test_a_csv_file_without_a_head() -> None:
    assert from_csv(f"1\t{ONE}\n2\t{TWO}\n".encode()) == [Line(1, ONE), Line(2, TWO)]


def test_titles_above_the_head() -> None:
    assert from_csv(f"通報一覧\n2026年11月\n番号,URL\n1,{ONE}\n".encode()) == [Line(4, ONE)]


@pytest.mark.parametrize(
    ("octets", "field", "value"),
    [
        (b"url\n" + ONE.encode() + b"\n\x81\xff\x00", "row", 3),
        (f'url\n{ONE}\n"{TWO}\n'.encode(), "row", 3),
        (b"url\n" + b"x" * 140_000, "row", 2),
        (b"a,b\n1,2\n", "file", "rows 1 to 20"),
        (b"\n" * 60_000 + ONE.encode(), "file", "rows 1 to 20"),
        (b"url\n" + b"\n" * 60_000, "row", 50_001),
        (b"x" * 5_000_001, "file", "5,000,001 bytes"),
    ],
)
def test_hostile_csv_files_are_refused_by_row(octets: bytes, field: str, value: object) -> None:
    error = refused(from_csv, octets)
    assert (error.field, error.value) == (field, value)


def test_a_workbook() -> None:
    octets = workbook([["通報一覧"], [], ["番号", "アドレス"], [1, ONE], [2, None], [3, f" {TWO} "], [4, 17]])
    assert from_xlsx(octets) == [Line(4, ONE), Line(6, TWO), Line(7, "17")]


def test_the_first_sheet_with_addresses() -> None:
    assert from_xlsx(workbook([["目次"]], [["URL"], [ONE]])) == [Line(2, ONE)]


def test_formulas_are_never_worked_out() -> None:
    octets = workbook([["URL"], [ONE], [f'=HYPERLINK("{TWO}","x")'], ['=WEBSERVICE("https://social.example/")']])
    assert from_xlsx(octets) == [Line(2, ONE), Line(3, "", FORMULA), Line(4, "", FORMULA)]


def test_what_a_workbook_says_of_its_size_is_not_believed() -> None:
    octets = workbook([["URL"], [ONE], [TWO]])
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    for said in (b'ref="A1"', b'ref="A1:XFD1048576"'):
        changed = sheet.replace(b'ref="A1:A3"', said)
        assert changed != sheet
        assert from_xlsx(repacked(octets, xl__worksheets__sheet1_xml=changed)) == [Line(2, ONE), Line(3, TWO)]


def test_a_row_that_jumps_far_is_refused_by_its_number() -> None:
    octets = workbook([["URL"], [ONE]])
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    changed = sheet.replace(b'r="2"', b'r="1048576"').replace(b'r="A2"', b'r="A1048576"')
    error = refused(from_xlsx, repacked(octets, xl__worksheets__sheet1_xml=changed))
    assert error.field == "row"


def bomb() -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("[Content_Types].xml", b"<Types/>")
        packed.writestr("xl/workbook.xml", b"<workbook>" + b" " * 70_000_000)
    return octets.getvalue()


def laughing() -> bytes:
    """Entities that would grow to gigabytes, in UTF-16 so that no search for words finds the declaration."""
    xml = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>'
    return repacked(workbook([["URL"], [ONE]]), xl__worksheets__sheet1_xml=xml.encode("utf-16"))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (bomb(), "unpacks to at most 60 MB"),
        (laughing(), "declare no document type"),
        (b"PK\x03\x04" + b"\0" * 200, "saved as .xlsx without a password"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 2000, "saved as .xlsx without a password"),
        (workbook([["URL"], [ONE]])[:-300], "saved as .xlsx without a password"),
        (workbook([["x"], ["y"]]), "a column called URL or アドレス"),
    ],
)
def test_hostile_workbooks_are_refused_in_one_sentence(octets: bytes, said: str) -> None:
    assert len(octets) < 5_000_000
    assert said in refused(from_xlsx, octets).accepted


def test_a_sheet_that_breaks_off_names_the_row() -> None:
    octets = workbook([["URL"], *[[f"https://social.example/{n}"] for n in range(50)]])
    with zipfile.ZipFile(io.BytesIO(octets)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    error = refused(from_xlsx, repacked(octets, xl__worksheets__sheet1_xml=sheet[: len(sheet) // 2] + b"<<<"))
    assert error.field == "row"
    assert isinstance(error.value, int)
    assert 1 < error.value < 52


def test_what_a_page_carries_comes_back() -> None:
    lines = [Line(3, ONE), Line(4, "", FORMULA), Line(9, "ただの文")]
    assert from_carried(carried(lines)) == lines
    for wrong in ("", "x\thttps://social.example/", "0\tx", "1" * 12 + "\tx", "1\t" + "x" * 5000):
        with pytest.raises(BadInput):
            from_carried(wrong)
