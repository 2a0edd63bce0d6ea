"""Adds the lines of lists that people handed in, and forgets the addresses of those that were not added."""

from __future__ import annotations

from datetime import datetime

from yoake.casework.cases import received

__all__ = ["add_lines"]


def add_lines(now: datetime) -> int:
    """Does what is due at `now`; a line that cannot be added is told why, and holds no other up."""
    return received.add_lines(now)
