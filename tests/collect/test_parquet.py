from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON, Clock, posts, removals, skips
from yoake.collect.connector import Page
from yoake.collect.connectors.parquet import ParquetFile
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused

NET = Net(clock=Clock())


def read(path: Path | str, cursor: str | None = None, **options: Any) -> list[Page]:
    return list(ParquetFile().pages(ParquetFile.Options(str(path), **{"platform": "p", **options}), cursor, NET))


def put(folder: Path, table: dict[str, Any] | pa.Table, **more: Any) -> Path:
    path = folder / "x.parquet"
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), path, **more)
    return path


def test_a_file_becomes_posts(tmp_path: Path) -> None:
    file = put(
        tmp_path,
        {
            "id": pa.array([1, 2, 3]),
            "text": pa.array(["高収入", "b", None]).dictionary_encode(),
            "author": ["u", None, None],
            "posted_at": pa.array([datetime(2026, 11, 20, 2, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
            "labels": [["adult"], [], None],
            "images": [[{"url": "https://b.example/a.png", "alt": "図"}], None, None],
            "removed": [False, None, True],
            "embedding": [[0.5], [0.5], [0.5]],
        },
    )
    pages = read(file)
    first, second = posts(pages)
    assert (first["network"], first["native_id"], first["text"], first["author_id"]) == ("file:p", "1", "高収入", "u")
    assert (first["labels"], first["images"][0]["ref"], first["images"][0]["alt"]) == (
        ["adult"], "https://b.example/a.png", "図",
    )  # fmt: skip
    assert (first["posted_at"], first["seen_at"]) == (datetime(2026, 11, 20, 2, tzinfo=UTC), NOON)
    assert (second["native_id"], second["posted_at"]) == ("2", None)
    assert [row["native_id"] for row in removals(pages)] == ["3"]
    assert skips(pages) == []


def test_columns_and_clocks(tmp_path: Path) -> None:
    naive = pa.array([datetime(2026, 11, 20, 11)], pa.timestamp("ms"))
    file = put(tmp_path, {"番号": ["a"], "本文": ["x"], "いつ": naive})
    columns = ("id=番号", "text=本文", "posted_at=いつ")
    assert skips(read(file, columns=columns)) == [("bad_time", "row 1", True)]
    (post,) = posts(read(file, columns=columns, time_zone="Asia/Tokyo"))
    assert post["posted_at"] == datetime(2026, 11, 20, 2, tzinfo=UTC)
    for wrong in ({}, {"columns": ("id=x", "text=本文")}, {"columns": columns, "time_zone": "Tokyo"}):
        with pytest.raises(BadInput):
            read(file, **wrong)


def test_everything_odd_is_counted_with_its_row(tmp_path: Path) -> None:
    file = put(tmp_path, {"id": ["1", None, "", "4"], "text": ["a", "b", "c", None]}, row_group_size=3)
    pages = read(file, page_posts=2)
    assert len(posts(pages)) == 1
    assert skips(pages) == [("no_id", "row 2", False), ("no_id", "row 3", False), ("no_text", "row 4", False)]


def test_what_python_cannot_hold_costs_no_other_row(tmp_path: Path) -> None:
    """Times finer than Python's, times beyond its calendar, texts that are not UTF-8 though the file says so."""
    fine = pa.array([1_795_140_000_123_456_789, None, None], pa.timestamp("ns", "UTC"))
    broken = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(np.array([0, 1, 3, 4], "<i4")), pa.py_buffer(b"a\xff\xfec")]
    )
    pages = read(put(tmp_path, {"id": ["1", "2", "3"], "text": broken, "posted_at": fine}))
    assert [(row["native_id"], row["text"]) for row in posts(pages)] == [("1", "a"), ("3", "c")]
    assert posts(pages)[0]["posted_at"] == datetime(2026, 11, 20, 2, 0, 0, 123456, tzinfo=UTC)
    assert skips(pages) == [("bad_text", "row 2", False)]
    for far in (pa.array([1 << 62], pa.timestamp("us", "UTC")), pa.array([(1 << 31) - 1], pa.date32())):
        pages = read(put(tmp_path, {"id": ["1"], "text": ["a"], "posted_at": far}))
        assert (len(posts(pages)), skips(pages)) == (1, [("bad_time", "row 1", True)])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 20), st.integers(1, 7), st.integers(1, 7), st.data())
def test_resuming_anywhere_is_reading_once(rows: int, group: int, size: int, data: st.DataObject) -> None:
    table = pa.table(
        {"id": pa.array(range(rows), pa.int64()), "text": pa.array([f"t{n}" for n in range(rows)], pa.string())}
    )
    with tempfile.TemporaryDirectory() as folder:
        file = put(Path(folder), table, row_group_size=group)
        pages = read(file, page_posts=size)
        assert [row["native_id"] for row in posts(pages)] == [str(n) for n in range(rows)]
        cut = data.draw(st.integers(0, len(pages)))
        cursor = pages[cut - 1].cursor if cut else None
        again = read(file, cursor, page_posts=data.draw(st.integers(1, 7)))
        assert posts(pages[:cut]) + posts(again) == posts(pages)
        assert posts(read(file, again[-1].cursor)) == []


def test_a_file_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    cursor = read(put(tmp_path, {"id": [1], "text": ["a"]}))[-1].cursor
    pages = read(put(tmp_path, {"id": [1, 2], "text": ["b", "c"]}), cursor)
    assert [row["text"] for row in posts(pages)] == ["b", "c"]
    assert skips(pages) == [("file_replaced", "row 1", True)]


@pytest.mark.parametrize("cut", ["head", "tail", "middle", "empty", "text"])
def test_what_is_no_whole_parquet_is_bad_input(tmp_path: Path, cut: str) -> None:
    file = put(tmp_path, {"id": list(range(1000)), "text": [f"text {n}" for n in range(1000)]})
    whole = file.read_bytes()
    broken = {
        "head": whole[100:], "tail": whole[:-20], "middle": whole[:50] + bytes(4000) + whole[4050:], "empty": b"",
        "text": b"id,text\n1,a\n",
    }[cut]  # fmt: skip
    file.write_bytes(broken)
    with pytest.raises(BadInput):
        read(file)


def test_settings_and_cursor_are_checked(tmp_path: Path) -> None:
    file = put(tmp_path, {"id": [1], "text": ["a"]})
    for options in ({"page_posts": 0}, {"platform": "x" * 51}):
        with pytest.raises(BadInput):
            read(file, **options)
    for path in ("", "-", tmp_path, tmp_path / "no"):
        with pytest.raises(BadInput):
            read(path)
    for cursor in ("yesterday", "1", "1:zz"):
        with pytest.raises(BadInput):
            read(file, cursor)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path, {"id": [1], "text": ["a"]})

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(Refused, match=r"x\.parquet may not be read"):
        read(file)


def test_check_and_context_know_nothing() -> None:
    assert ParquetFile().check(["1"], ParquetFile.Options(), NET)[0].state == "unchecked"
    assert ParquetFile().context("1", ParquetFile.Options(), NET).parents.num_rows == 0
