"""Asks whether posts are still there (`pipeline/checking.py`)."""

from __future__ import annotations

from datetime import datetime

from yoake.pipeline.checking import check_due

__all__ = ["check"]


def check(now: datetime) -> int:
    """Does the checks that are due at `now`; returns how many rows were worked on."""
    return check_due(now)
