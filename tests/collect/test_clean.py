from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.collect.loopback import NOON
from yoake.collect.clean import TEXT_LIMIT, claimed_time, is_id, storable, whole_text


@pytest.mark.parametrize(
    ("text", "kept", "notes"),
    [
        ("高収入", "高収入", []),
        ("", "", []),
        ("a\0b", "a�b", ["unstorable_text"]),
        ("\0\0", "��", ["unstorable_text"]),
        ("a\ud800", "a�", ["unstorable_text"]),
        ("\udc00\ud800", "��", ["unstorable_text"]),
        ("😀\U0010ffff\ufffe", "😀\U0010ffff\ufffe", []),
        ("\x01\x1b\u202e", "\x01\x1b\u202e", []),  # odd, and evidence
    ],
)
def test_what_a_database_refuses_is_replaced_one_for_one(text: str, kept: str, notes: list[str]) -> None:
    found: list[str] = []
    assert storable(text, found) == kept
    assert found == notes
    assert len(kept) == len(text)


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_stored_afterwards(text: str) -> None:
    kept = storable(text, [])
    kept.encode()
    assert "\0" not in kept
    assert len(kept) == len(text)


def test_a_text_is_cut_at_its_limit() -> None:
    notes: list[str] = []
    assert whole_text("あ" * TEXT_LIMIT, notes) == "あ" * TEXT_LIMIT
    assert notes == []
    assert whole_text("あ" * 1_000_000, notes) == "あ" * TEXT_LIMIT
    assert notes == ["too_long"]


@pytest.mark.parametrize(
    ("ident", "good"), [("1", True), ("", False), ("a\0", False), ("\ud800", False), ("x" * 2001, False)]
)
def test_ids(ident: str, good: bool) -> None:
    assert is_id(ident) is good


@pytest.mark.parametrize(
    ("value", "time", "note"),
    [
        ("2026-11-20T03:00:00Z", NOON, None),
        ("2026-11-20T12:00:00+09:00", NOON, None),
        ("2026-11-20T02:59:59.123456789Z", NOON - timedelta(microseconds=876544), None),
        ("2026-11-20T03:10:00Z", NOON + timedelta(minutes=10), None),  # clocks differ
        ("2026-11-20T03:10:00.000001Z", None, "future_time"),
        ("9999-12-31T23:59:59Z", None, "future_time"),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC), None),
        ("1969-12-31T23:59:59Z", None, "bad_time"),  # nobody posted yet
        ("0001-01-01T00:00:00Z", None, "bad_time"),  # a program's "no time"
        ("0001-01-01T00:00:00+09:00", None, "bad_time"),  # before the calendar begins
        ("9999-12-31T23:59:59-12:00", None, "bad_time"),  # after it ends
        ("2026-11-20T03:00:00", None, "bad_time"),  # whose three o'clock?
        ("2026-11-20", None, "bad_time"),
        ("20 Nov 2026", None, "bad_time"),
        ("", None, "bad_time"),
        (1_763_600_000, None, "bad_time"),
        (True, None, "bad_time"),
        ({}, None, "bad_time"),
    ],
)
def test_claimed_times(value: object, time: datetime | None, note: str | None) -> None:
    notes: list[str] = []
    assert claimed_time(value, NOON, notes) == time
    assert notes == ([note] if note else [])
