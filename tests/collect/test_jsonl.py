from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON, Clock, posts, removals, skips
from yoake.collect.connector import Page
from yoake.collect.connectors.jsonl import JsonLines
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused
from yoake.tables.posts import POSTS, REMOVALS

NET = Net(clock=Clock())


def read(path: Path, cursor: str | None = None, page_posts: int = 2000, platform: str = "") -> list[Page]:
    return list(JsonLines().pages(JsonLines.Options(str(path), platform, page_posts), cursor, NET))


def network_of(file: Path) -> str:
    return f"file:{file.stem}-{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"


def test_a_file_becomes_posts(tmp_path: Path) -> None:
    file = tmp_path / "board.jsonl"
    file.write_text(
        '{"id":"1","text":"高収入","author":"u","posted_at":"2026-11-20T11:00:00+09:00","url":"https://b.example/1"}\n'
        "\n"
        '{"id":2,"text":"b","platform":"other"}\r\n'
        '{"id":1,"removed":true}\n'
    )
    pages = read(file)
    assert all(page.posts.schema == POSTS and page.removed.schema == REMOVALS for page in pages)
    first, second = posts(pages)
    assert (first["network"], first["native_id"], first["text"]) == (network_of(file), "1", "高収入")
    assert (first["author_id"], first["url"], first["seen_at"]) == ("u", "https://b.example/1", NOON)
    assert first["posted_at"].isoformat() == "2026-11-20T02:00:00+00:00"
    assert (second["network"], second["native_id"]) == ("file:other", "2")
    (gone,) = removals(pages)
    assert gone == {
        "kind": "post",
        "network": network_of(file),
        "native_id": "1",
        "state": "deleted_by_author",
        "removed_at": NOON,
    }
    assert skips(pages) == []
    assert (pages[-1].cursor or "").partition(":")[0] == str(file.stat().st_size)


def test_the_platform_of_a_source_names_its_network(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text('{"id":1,"text":"a"}\n')
    assert posts(read(file, platform="求人板"))[0]["network"] == "file:求人板"


def test_files_of_one_name_in_two_folders_are_two_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for folder in ("a", "b"):
        file = tmp_path / folder / ("export" * 20 + ".jsonl")
        file.parent.mkdir()
        file.write_text('{"id":1,"text":"a"}\n')
        (post,) = posts(read(file))
        found.append(post)
        assert post["network"].startswith("file:exportexport")
        assert len(post["network"]) == len("file:") + 50
    assert found[0]["uid"] != found[1]["uid"]
    monkeypatch.chdir(tmp_path / "a")  # the same file by another path stays the same network
    (again,) = posts(read(Path("..", "a", "export" * 20 + ".jsonl")))
    assert again["uid"] == found[0]["uid"]


def test_everything_odd_is_counted_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(
        b'{"id":1,"text":"a"}\n'
        b"nonsense\n"
        b"\n"
        b'{"id":2,"text":"\\u0000","posted_at":"?"}\n'
        b'{"text":"x"}\n'
        b'{"id":3,"text":"\xff"}\n'
        b'{"id":4,"text":"z"}\n'
    )
    expected = [
        ("not_json", "line 2", False),
        ("unstorable_text", "line 4", True),
        ("bad_time", "line 4", True),
        ("no_id", "line 5", False),
        ("not_utf8", "line 6", False),
    ]
    for size in (1, 2, 3, 100):
        pages = read(file, page_posts=size)
        assert [post["native_id"] for post in posts(pages)] == ["1", "2", "4"]
        assert skips(pages) == expected
    # also when reading resumes in the middle
    after_first = read(file, page_posts=1)[0].cursor
    assert skips(read(file, after_first)) == expected


def test_a_half_written_last_line_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "grows.jsonl"
    file.write_bytes(b'{"id":1,"text":"a"}\n{"id":2,"te')
    first = read(file)
    assert [post["native_id"] for post in posts(first)] == ["1"]
    assert skips(first) == [("half_line", "line 2", False)]
    assert (first[-1].cursor or "").partition(":")[0] == "20"
    with file.open("ab") as growing:
        growing.write(b'xt":"b"}')  # whole now, though its line break is still missing
    second = read(file, first[-1].cursor)
    assert [post["native_id"] for post in posts(second)] == ["2"]
    assert skips(second) == []
    with file.open("ab") as growing:
        growing.write(b'\n{"id":3,"text":"c"}\nbad\n')
    third = read(file, second[-1].cursor)
    assert [post["native_id"] for post in posts(third)] == ["3"]
    assert skips(third) == [("not_json", "line 4", False)]
    assert posts(read(file, third[-1].cursor)) == []


def test_a_file_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'{"id":1,"text":"a"}\n')
    pages = read(file, "5000")
    assert [post["native_id"] for post in posts(pages)] == ["1"]
    assert skips(pages) == [("file_replaced", "byte 5000 of 20", True)]


LINES = [f'{{"id":{n},"text":"{"あ" * 30}"}}\n'.encode() for n in range(100)]


@pytest.mark.parametrize("after", [1, 3, 60], ids=["less than a probe", "about a probe", "more than a probe"])
@pytest.mark.parametrize("how", ["rewritten", "renamed over"])
@pytest.mark.parametrize("changed", [0, -1], ids=["its first line", "the last one read"])
def test_an_export_that_was_overwritten_is_read_from_its_beginning(
    tmp_path: Path, after: int, how: str, changed: int
) -> None:
    """Also at the same or a greater length, and wherever the patrol stood."""
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(LINES[:after]))
    cursor = read(file)[-1].cursor
    other = [*LINES[:after], *LINES]
    other[changed if changed == 0 else after - 1] = '{"id":"new","text":"い"}\n'.encode()
    new = file if how == "rewritten" else tmp_path / "new"
    new.write_bytes(b"".join(other))
    new.replace(file)
    pages = read(file, cursor)
    assert len(posts(pages)) == len(other)
    offset = (cursor or "").partition(":")[0]
    assert skips(pages) == [("file_replaced", f"byte {offset} of {file.stat().st_size}", True)]
    assert skips(read(file, pages[-1].cursor)) == []


def test_a_file_replaced_while_it_is_read_is_not_taken_for_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_bytes(b"".join(LINES))
    reading = JsonLines().pages(JsonLines.Options(str(file), page_posts=10), None, NET)
    next(reading)
    (tmp_path / "new").write_bytes(b"".join(reversed(LINES)))
    (tmp_path / "new").replace(file)
    old = list(reading)
    assert len(posts(old)) == 90  # of the file it was
    pages = read(file, old[-1].cursor)
    assert len(posts(pages)) == 100
    assert [reason for reason, _, _ in skips(pages)] == ["file_replaced"]


def test_a_cursor_of_an_older_version_is_only_a_number(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b"".join(LINES[:2]))
    pages = read(file, str(len(LINES[0])))
    assert ([post["native_id"] for post in posts(pages)], skips(pages)) == (["1"], [])


def test_an_empty_file_is_one_empty_page(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.touch()
    (page,) = read(file)
    assert (page.posts.num_rows, page.cursor, page.skipped) == (0, "0", ())


@pytest.mark.parametrize("path", ["", "/no/such/file", "."])
def test_what_cannot_be_read_is_bad_input(path: str) -> None:
    with pytest.raises(BadInput):
        list(JsonLines().pages(JsonLines.Options(path), None, NET))


def test_settings_and_cursor_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.touch()
    with pytest.raises(BadInput):
        read(file, page_posts=0)
    with pytest.raises(BadInput):
        read(file, "yesterday")


@pytest.mark.parametrize("step", ["stat", "open"])
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    file = tmp_path / "x.jsonl"
    file.touch()

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # as for anybody but root, whose tests would be let through

    monkeypatch.setattr(Path, step, deny)
    with pytest.raises(Refused, match=r"x\.jsonl may not be read"):
        read(file)


def test_a_slow_pipe_brings_a_page_every_second_and_can_be_left(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    written = threading.Event()

    def write() -> None:
        with pipe.open("wb", buffering=0) as out:
            out.write(b'{"id":1,"text":"a"}\n{"id":2')
            written.wait(10)
            out.write(b',"text":"b"}\n')

    writer = threading.Thread(target=write)
    writer.start()
    pages = JsonLines().pages(JsonLines.Options(str(pipe)), None, NET)
    began = time.monotonic()
    assert [post["native_id"] for post in posts([next(pages)])] == ["1"]
    assert time.monotonic() - began < 3
    written.set()
    assert [post["native_id"] for post in posts(list(pages))] == ["2"]
    writer.join()


def test_reading_stops_with_the_patrol(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("".join(f'{{"id":{n},"text":"a"}}\n' for n in range(100)))
    stop = threading.Event()
    pages = JsonLines().pages(JsonLines.Options(str(file), page_posts=10), None, Net(stop=stop))
    first = next(pages)
    stop.set()
    assert list(pages) == []
    assert len(posts([first])) + len(posts(read(file, first.cursor))) == 100


lines = st.lists(
    st.one_of(
        st.builds(lambda n, text: json.dumps({"id": n, "text": text}).encode(), st.integers(0, 9), st.text(max_size=5)),
        st.sampled_from(
            [b"", b"  ", b"bad", b'{"id":1,"removed":true}', b'{"id":1}', '{"id":1,"text":"夜"}\r'.encode()]
        ),
    )
)


@settings(deadline=None, max_examples=50)
@given(lines, st.booleans(), st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), max_size=8))
def test_resuming_anywhere_is_reading_once(content: list[bytes], ends: bool, runs: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.jsonl"
        file.write_bytes(b"\n".join(content) + (b"\n" if ends else b""))
        once = read(file)
        parts: list[Page] = []
        cursor: str | None = None
        for page_posts, pages in [*runs, (3, 10_000)]:  # run after run, each ended after some pages
            run = JsonLines().pages(JsonLines.Options(str(file), page_posts=page_posts), cursor, NET)
            parts += islice(run, pages)
            run.close()
            cursor = parts[-1].cursor
        assert posts(parts) == posts(once)
        assert removals(parts) == removals(once)
        half = [skip for skip in skips(parts) if skip[0] == "half_line"]
        assert [skip for skip in skips(parts) if skip[0] != "half_line"] == [
            skip for skip in skips(once) if skip[0] != "half_line"
        ]
        assert set(half) == {skip for skip in skips(once) if skip[0] == "half_line"}


def test_a_file_says_nothing_about_its_posts(tmp_path: Path) -> None:
    options = JsonLines.Options(str(tmp_path))
    assert [(found.ref, found.state) for found in JsonLines().check(["a", "b"], options, NET)] == [
        ("a", "unchecked"),
        ("b", "unchecked"),
    ]
    context = JsonLines().context("a", options, NET)
    assert (context.parents.num_rows, context.recent.num_rows) == (0, 0)
