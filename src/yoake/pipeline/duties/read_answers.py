"""Reads what providers wrote back into the organisation's mailboxes (`pipeline/requesting.py`)."""

from __future__ import annotations

from datetime import datetime

from yoake.pipeline.requesting import read_mailboxes

__all__ = ["read_answers"]


def read_answers(now: datetime) -> int:
    """Does what is due at `now`; returns how many mails were kept."""
    return read_mailboxes(now)
