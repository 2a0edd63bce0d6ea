from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON
from yoake.collect.lines import LINE_LIMIT_BYTES, LineReader, read_line


@pytest.mark.parametrize(
    ("line", "post"),
    [
        (b'{"id":"a","text":"x"}', {"native_id": "a", "text": "x"}),
        (b'{"id":7,"text":""}', {"native_id": "7", "text": ""}),
        (b'{"id":-7,"text":"x"}', {"native_id": "-7", "text": "x"}),
        (b'{"id":18446744073709551615,"text":"x"}', {"native_id": "18446744073709551615", "text": "x"}),
        (b'\xef\xbb\xbf{"id":"a","text":"x"}', {"native_id": "a", "text": "x"}),
        (b' {"id":"a","text":"x"} \r', {"native_id": "a", "text": "x"}),
        (b'{"id":"a","text":"x","text":"y"}', {"native_id": "a", "text": "y"}),
        (b'{"id":"a","text":"x","author":null,"posted_at":null,"lang":null}', {"native_id": "a", "text": "x"}),
        (b'{"id":"a","text":"x","more":{"deep":[1]},"removed":false}', {"native_id": "a", "text": "x"}),
        (
            b'{"id":"a","text":"x","author":"u","profile":"p","parent_text":"q","lang":"ja","url":"https://e.example/1"}',
            {"native_id": "a", "text": "x", "author_id": "u", "profile": "p", "parent_text": "q", "lang": "ja"}
            | {"url": "https://e.example/1"},
        ),
        (b'{"id":"a","text":"x","author":12}', {"native_id": "a", "text": "x", "author_id": "12"}),
        (
            b'{"id":"a","text":"x","posted_at":"2026-11-20T12:00:00+09:00"}',
            {"native_id": "a", "text": "x", "posted_at": NOON},
        ),
    ],
)
def test_lines_that_are_posts(line: bytes, post: dict[str, Any]) -> None:
    read = read_line(line, NOON)
    assert read.post == post
    assert (read.reason, read.notes, read.removed) == ("", (), False)


@pytest.mark.parametrize(
    ("line", "changed", "notes"),
    [
        (rb'{"id":"a","text":"\ud800x"}', {"text": "�x"}, ["unstorable_text"]),
        (rb'{"id":"a","text":"\u0000x"}', {"text": "�x"}, ["unstorable_text"]),
        (rb'{"id":"a","text":"\ud83d\ude00"}', {"text": "😀"}, []),
        (rb'{"id":"a","text":"x","profile":"\u0000"}', {"profile": "�"}, ["unstorable_text"]),
        (b'{"id":"a","text":"' + b"x" * 1_000_000 + b'"}', {"text": "x" * 100_000}, ["too_long"]),
        (b'{"id":"a","text":"x","posted_at":"yesterday"}', {"posted_at": None}, ["bad_time"]),
        (b'{"id":"a","text":"x","posted_at":"2027-01-01T00:00:00Z"}', {"posted_at": None}, ["future_time"]),
        (b'{"id":"a","text":"x","author":[]}', {"author_id": ""}, ["wrong_type"]),
        (b'{"id":"a","text":"x","lang":5}', {"lang": ""}, ["wrong_type"]),
        (b'{"id":"a","text":"x","url":"javascript:alert(1)"}', {"url": ""}, ["bad_url"]),
        (b'{"id":"a","text":"x","platform":{}}', {}, ["wrong_type"]),
        (b'{"id":"a","text":"x","platform":"' + b"p" * 51 + b'"}', {}, ["bad_name"]),
        (b'{"id":"a","text":"x","author":"' + b"p" * 301 + b'"}', {"author_id": ""}, ["bad_name"]),
        (rb'{"id":"a","text":"x","author":"\u0000"}', {"author_id": ""}, ["bad_name"]),
        (b'{"id":"a","text":"x","author":[],"lang":{}}', {"author_id": ""}, ["wrong_type"]),
        (b'{"id":"a","text":"x","labels":["nsfw",3,"b"]}', {"labels": ["nsfw", "b"]}, ["wrong_type"]),
        (b'{"id":"a","text":"x","labels":"nsfw","images":{}}', {"labels": [], "images": []}, ["wrong_type"]),
        (b'{"id":"a","text":"x","images":["javascript:x",{"alt":"b"},7,null]}', {"images": []}, ["bad_image"]),
        (b'{"id":"a","text":"x","labels":[' + b'"a",' * 30 + b'"a"]}', {"labels": ["a"] * 20}, ["too_many"]),
    ],
)
def test_lines_that_are_posts_with_notes(line: bytes, changed: dict[str, Any], notes: list[str]) -> None:
    read = read_line(line, NOON)
    assert read.post is not None
    assert {key: read.post[key] for key in changed} == changed
    assert list(read.notes) == notes


def test_pictures_and_labels_of_a_line() -> None:
    line = {
        "id": "a",
        "text": "x",
        "labels": ["adult"],
        "images": [
            "https://e.example/1.png",
            {"url": "http://e.example/2", "alt": "求人", "mime": "IMAGE/JPEG", "size_bytes": 120},
            {"url": "https://e.example/3", "alt": 3, "mime": [], "size_bytes": -1},
        ],
    }
    read = read_line(json.dumps(line).encode(), NOON)
    assert read.post is not None
    assert read.notes == ()
    assert read.post["labels"] == ["adult"]
    assert [tuple(image.values()) for image in read.post["images"]] == [
        ("https://e.example/1.png", "", "", None),
        ("http://e.example/2", "求人", "image/jpeg", 120),
        ("https://e.example/3", "", "", None),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "ident"),
    [
        (b"", "not_json", None),
        (b"{", "not_json", None),
        (b'{"id":"a","text":"x"', "not_json", None),
        (b'{"id":"a","text":"x"}{}', "not_json", None),
        (b'["id","text"]', "not_json", None),
        (b'"id text"', "not_json", None),
        (b"null", "not_json", None),
        (b'{"id":"a","text":"x","n":NaN}', "not_json", None),
        (b"[" * 100_000, "not_json", None),
        (b'{"id":' + b"9" * 5000 + b',"text":"x"}', "not_json", None),
        (b'{"id":"a","text":"\xff"}', "not_utf8", None),
        ('{"id":"a","text":"闇"}'.encode("cp932"), "not_utf8", None),
        (b'{"id":"a","text":"\xed\xa0\x80"}', "not_utf8", None),  # a surrogate as bytes
        (b'{"text":"x"}', "no_id", None),
        (b'{"id":null,"text":"x"}', "no_id", None),
        (b'{"id":"","text":"x"}', "no_id", None),
        (b'{"id":1.0,"text":"x"}', "bad_id", None),
        (b'{"id":true,"text":"x"}', "bad_id", None),
        (b'{"id":18446744073709551616,"text":"x"}', "bad_id", None),
        (b'{"id":[1],"text":"x"}', "bad_id", None),
        (rb'{"id":"a\u0000","text":"x"}', "bad_id", None),
        (rb'{"id":"\ud800","text":"x"}', "bad_id", None),
        (b'{"id":"a"}', "no_text", "a"),
        (b'{"id":5,"text":null}', "no_text", 5),
        (b'{"id":"a","text":5}', "bad_text", "a"),
        (b'{"id":"a","text":["x"]}', "bad_text", "a"),
        (None, "too_long", None),
    ],
)
def test_lines_that_are_no_posts(line: bytes | None, reason: str, ident: object) -> None:
    read = read_line(line, NOON)
    assert (read.post, read.reason, read.id) == (None, reason, ident)


@pytest.mark.parametrize("line", [b'{"id":"a","removed":true}', b'{"id":"a","text":"x","removed":true,"platform":"p"}'])
def test_a_line_may_report_a_removal(line: bytes) -> None:
    read = read_line(line, NOON)
    assert (read.post, read.removed, read.id, read.reason) == (None, True, "a", "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=5,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("id", "text", "author", "posted_at", "url", "removed", "platform"), json_values)
    )
)
def test_whatever_json_holds_a_line_is_a_post_a_removal_or_refused(fields: dict[str, Any]) -> None:
    read = read_line(json.dumps(fields).encode(), NOON)
    assert [read.post is not None, read.removed, read.reason != ""].count(True) == 1
    if read.post is not None:
        assert isinstance(fields["text"], str)
        for value in read.post.values():
            if isinstance(value, str):
                value.encode()
                assert "\0" not in value


@given(st.binary())
def test_whatever_bytes_a_line_is_a_post_a_removal_or_refused(raw: bytes) -> None:
    read = read_line(raw, NOON)
    assert [read.post is not None, read.removed, read.reason != ""].count(True) == 1


# --- reading ---------------------------------------------------------------------------------------------------------


class Pieces(io.RawIOBase):
    """A stream that gives what it has in pieces of its own choosing."""

    def __init__(self, pieces: list[bytes], between: Callable[[], None] = lambda: None) -> None:
        self.pieces, self.between = list(pieces), between

    def read(self, size: int = -1) -> bytes:
        self.between()
        return self.pieces.pop(0) if self.pieces else b""


def read_all(pieces: list[bytes], limit: int) -> tuple[list[bytes | None], bytes | None, int]:
    lines: list[bytes | None] = []
    with LineReader(lambda: Pieces([piece for piece in pieces if piece])) as reader:
        while not reader.ended:
            lines += reader.batch(limit, 5)
        return lines, reader.rest, reader.offset


@settings(deadline=None)
@given(st.lists(st.binary(max_size=12) | st.just(b"\n")), st.integers(1, 5))
def test_however_the_bytes_come_the_lines_are_the_same(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    *lines, rest = whole.split(b"\n")
    assert read_all(pieces, limit) == (lines, rest, len(whole) - len(rest))


def test_an_endless_line_is_dropped_and_the_next_one_is_read() -> None:
    piece = b"x" * (LINE_LIMIT_BYTES // 4)
    pieces = [b"a\n" + piece, *[piece] * 4, b"yy\nb\n", b"c"]
    assert read_all(pieces, 100) == ([b"a", None, b"b"], b"c", 2 + 5 * len(piece) + 3 + 2)
    lines, rest, offset = read_all([piece] * 5, 100)
    assert (lines, rest, offset) == ([], None, 0)


def test_a_batch_does_not_wait_for_a_slow_pipe() -> None:
    read_end, write_end = os.pipe()
    with LineReader(lambda: os.fdopen(read_end, "rb", buffering=0)) as reader:
        assert reader.batch(10, 0.02) == []
        os.write(write_end, b"one\ntw")
        assert reader.batch(10, 0.2) == [b"one"]
        os.write(write_end, b"o\nthree\n")
        began = time.monotonic()
        assert reader.batch(2, 10) == [b"two", b"three"]  # full: no need to wait
        assert time.monotonic() - began < 5
        assert not reader.ended
        os.close(write_end)
        assert reader.batch(10, 10) == []
        assert reader.ended


def test_reading_that_fails_is_told() -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    with LineReader(lambda: Pieces([], fail)) as reader, pytest.raises(OSError, match="Input/output"):
        reader.batch(1, 5)
