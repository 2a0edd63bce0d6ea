"""What may stand in a cell of a file for Excel."""

from __future__ import annotations

from datetime import date

import pytest

from yoake.tables.cells import harmless


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("=1+1", "'=1+1"),
        ("+81", "'+81"),
        ("-", "-"),
        ("-1+1", "'-1+1"),
        ("@somebody", "'@somebody"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        (-3, -3),
        (0.5, 0.5),
        (date(2026, 11, 1), "2026-11-01"),
    ],
)
def test_words_begin_no_formula(value: object, told: object) -> None:
    assert harmless(value) == told
