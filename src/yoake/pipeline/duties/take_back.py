"""Takes back what people withdrew, and what was to go by itself (`pipeline/sending.py`)."""

from __future__ import annotations

from datetime import datetime

from yoake.pipeline.sending import take_back_one

__all__ = ["take_back"]


def take_back(now: datetime) -> int:
    """Deletes the reply that is due first; returns how many that were."""
    return take_back_one(now)
