"""Sends what people approved, one item after another (`pipeline/sending.py`)."""

from __future__ import annotations

from datetime import datetime

from yoake.pipeline.sending import send_one

__all__ = ["send"]


def send(now: datetime) -> int:
    """Works on the item that is due first; returns how many that were."""
    return send_one(now)
