"""Ends leases whose time is over, so that the history of a case tells when somebody stopped having it."""

from __future__ import annotations

from datetime import datetime

from yoake.casework.cases import leases

__all__ = ["expire_leases"]


def expire_leases(now: datetime) -> int:
    """Ends the leases that ran out before `now`; returns how many. Whoever takes the case first does the same."""
    return leases.expire_leases(now)
