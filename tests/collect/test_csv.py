from __future__ import annotations

import csv
import io
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON, Clock, posts, removals, skips
from yoake.collect.connector import Page
from yoake.collect.connectors.csv import CsvFile
from yoake.collect.net import Net
from yoake.collect.records import MOST_LINES
from yoake.errors import BadInput

NET = Net(clock=Clock())


def read(path: Path | str, cursor: str | None = None, **options: Any) -> list[Page]:
    return list(CsvFile().pages(CsvFile.Options(str(path), **{"platform": "p", **options}), cursor, NET))


def texts(pages: list[Page]) -> list[str]:
    return [row["text"] for row in posts(pages)]


def put(folder: Path, text: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "x.csv"
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return path


def test_a_file_becomes_posts(tmp_path: Path) -> None:
    file = put(
        tmp_path,
        "\ufeffid,text,author,url,posted_at,labels,images,platform,memo\r\n"
        '1,"高収入、""即日""\n全国",u,https://b.example/1,2026-11-20T11:00:00+09:00,adult; x ,'
        "https://b.example/a.png https://b.example/b.png,,m\r\n"
        "\r\n"
        "2,b,,,,,,other,\r\n",
    )
    pages = read(file)
    first, second = posts(pages)
    assert (first["network"], first["native_id"], first["text"]) == ("file:p", "1", '高収入、"即日"\n全国')
    assert (first["author_id"], first["url"], first["labels"]) == ("u", "https://b.example/1", ["adult", "x"])
    assert [image["ref"] for image in first["images"]] == ["https://b.example/a.png", "https://b.example/b.png"]
    assert first["posted_at"].isoformat() == "2026-11-20T02:00:00+00:00"
    assert (second["network"], second["native_id"], second["seen_at"]) == ("file:other", "2", NOON)
    assert skips(pages) == []
    assert posts(read(file, pages[-1].cursor)) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("told", ["auto", "the right one"])
def test_japanese_windows_and_everybody_else(tmp_path: Path, encoding: str, told: str) -> None:
    file = put(tmp_path, "番号,本文\n1,ソ表能―①㈱\n", encoding)  # cp932 has the bytes of \ and | inside ソ表能
    codec = "auto" if told == "auto" else encoding.removesuffix("-sig")
    assert texts(read(file, columns=("id=番号", "text=本文"), encoding=codec)) == ["ソ表能―①㈱"]


def test_times_without_an_offset_need_somebody_to_say_whose(tmp_path: Path) -> None:
    file = put(tmp_path, "id,text,posted_at\n1,a,2026/11/20 11:30\n2,b,yesterday\n")
    assert [row["posted_at"] for row in posts(read(file))] == [None, None]
    told = read(file, time_zone="Asia/Tokyo", time_format="%Y/%m/%d %H:%M")
    assert [row["posted_at"] and row["posted_at"].isoformat() for row in posts(told)] == [
        "2026-11-20T02:30:00+00:00",
        None,
    ]
    assert skips(told) == [("bad_time", "line 3", True)]


def test_removals(tmp_path: Path) -> None:
    pages = read(put(tmp_path, "id,text,removed\n1,,yes\n2,a,no\n3,,\n"))
    assert ([row["native_id"] for row in removals(pages)], texts(pages)) == (["1"], ["a"])
    assert skips(pages) == [("no_text", "line 4", False)]


def test_everything_odd_is_counted_with_its_line(tmp_path: Path) -> None:
    file = put(
        tmp_path,
        b'id,text\n1,a\n2\n3,b,c\n,d\n4,\xff\xfe\n5,"x" y\n6,it\'s 5" long\n7,"a\nb"\n8,ok\n',
    )
    expected = [
        ("wrong_columns", "line 3", False),
        ("wrong_columns", "line 4", False),
        ("no_id", "line 5", False),
        ("not_utf8", "line 6", False),
        ("not_csv", "line 7", False),
    ]
    for size in (1, 2, 3, 100):
        pages = read(file, page_posts=size, encoding="utf-8")
        assert texts(pages) == ["a", "it's 5\" long", "a\nb", "ok"]
        assert skips(pages) == expected
        for number, page in enumerate(pages):  # wherever it resumes
            rest = read(file, page.cursor, page_posts=size, encoding="utf-8")
            assert texts(pages[: number + 1]) + texts(rest) == texts(pages)
            assert skips(pages[: number + 1]) + skips(rest) == expected


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    lines = [f"{n},投稿{n}" for n in range(MOST_LINES + 50)]
    lines[3] = '3,"open'
    file = put(tmp_path, "id,text\n" + "\n".join(lines) + "\n")
    for size in (7, 1000):
        pages = read(file, page_posts=size)
        assert len(posts(pages)) == len(lines) - 1
        assert skips(pages) == [("bad_quote", "line 5", False)]


def test_a_half_written_record_is_left_for_later(tmp_path: Path) -> None:
    file = put(tmp_path, 'id,text\n1,a\n2,"b\nc')
    first = read(file)
    assert (texts(first), skips(first)) == (["a"], [("half_line", "line 3", False)])
    with file.open("a") as growing:
        growing.write('d"\n3')
    second = read(file, first[-1].cursor)
    assert (texts(second), skips(second)) == (["b\ncd"], [("half_line", "line 5", False)])
    with file.open("a") as growing:
        growing.write(",e")  # whole: as many fields as columns
    third = read(file, second[-1].cursor)
    assert (texts(third), skips(third)) == (["e"], [])
    assert posts(read(file, third[-1].cursor)) == []


def test_a_file_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = put(tmp_path, "id,text\n1,a\n2,b\n")
    cursor = read(file)[-1].cursor
    put(tmp_path, "text,id\nx,1\ny,2\nz,3\n")
    pages = read(file, cursor)
    assert texts(pages) == ["x", "y", "z"]
    assert [reason for reason, _, _ in skips(pages)] == ["file_replaced"]


def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("w") as out:
            out.write("id\ttext\n1\ta\n2\tb")

    threading.Thread(target=write).start()
    assert texts(read(pipe, delimiter="tab")) == ["a", "b"]


def test_long_texts_and_lines(tmp_path: Path) -> None:
    file = put(tmp_path, "id,text\n1," + "x" * 200_000 + "\n2," + "y" * 9_000_000 + "\n3,z\n")
    pages = read(file)
    assert [len(text) for text in texts(pages)] == [100_000, 1]
    assert [skip[0] for skip in skips(pages)] == ["too_long", "too_long"]


@pytest.mark.parametrize(
    "options",
    [
        {"page_posts": 0}, {"encoding": "euc_jp"}, {"delimiter": "::"}, {"time_zone": "Tokyo"}, {"platform": "x" * 51},
        {"columns": ("id=nummer",)}, {"columns": ("name=id",)}, {"columns": ("id",)}, {"columns": ("text=id", "id=x")},
        {"encoding": "utf-8", "path": "cp932"}, {"path": "twice"}, {"path": "other"}, {"path": "missing"},
    ],
)  # fmt: skip
def test_settings_are_checked(tmp_path: Path, options: dict[str, Any]) -> None:
    what = options.pop("path", "")
    text = {"twice": "id,text,id\n", "other": "a,b\n1,2\n"}.get(what, "id,text\n1,a\n")
    file = put(tmp_path, "番号,本文\n".encode("cp932") if what == "cp932" else text)
    with pytest.raises(BadInput):
        read(tmp_path / "no.csv" if what == "missing" else file, **options)


def test_a_cursor_is_checked(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        read(put(tmp_path, "id,text\n"), "yesterday")


def test_an_empty_file_and_one_of_names_only(tmp_path: Path) -> None:
    for text in ("", "id,text", "id,text\n"):
        pages = read(put(tmp_path, text))
        assert (posts(pages), skips(pages)) == ([], [])


CELLS = st.text(alphabet='a ",\n;|\t日表', max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 99), CELLS), max_size=12),
    st.sampled_from(["utf-8", "cp932"]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 5),
    st.data(),
)
def test_resuming_anywhere_is_reading_once(
    rows: list[tuple[int, str]], encoding: str, line_end: str, size: int, data: st.DataObject
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerows([("id", "text"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        file = put(Path(folder), out.getvalue(), encoding)
        pages = read(file, page_posts=size, encoding=encoding)
        expected = [(str(ident), text) for ident, text in rows if text]
        assert [(row["native_id"], row["text"]) for row in posts(pages)] == expected
        cut = data.draw(st.integers(0, len(pages)))
        before = pages[:cut]
        rest = read(file, before[-1].cursor if before else None, page_posts=size, encoding=encoding)
        assert [(row["native_id"], row["text"]) for row in posts(before) + posts(rest)] == expected
        assert skips(before) + skips(rest) == skips(pages)


def test_check_and_context_know_nothing(tmp_path: Path) -> None:
    assert CsvFile().check(["1"], CsvFile.Options(), NET)[0].state == "unchecked"
    assert CsvFile().context("1", CsvFile.Options(), NET).parents.num_rows == 0
