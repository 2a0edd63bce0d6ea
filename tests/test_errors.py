"""Errors are sentences, carry an exit code, and survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from yoake.errors import BadInput, Refused, TryLater, YoakeError


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("port", "x", "a number"), 2), (Refused("ask a person"), 4), (TryLater("busy", after_s=3.5), 5)],
)
def test_errors_pickle(error: YoakeError, code: int) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__
    assert error.exit_code == code


def test_a_megabyte_does_not_end_up_in_a_sentence() -> None:
    assert len(str(BadInput("text", "あ" * 1_000_000, "at most 20,000 characters"))) < 300
