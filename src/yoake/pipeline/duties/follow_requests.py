"""Keeps the clocks of requests to providers: begun when one went, run out, put to a supervisor."""

from __future__ import annotations

from datetime import datetime

from yoake.casework.request.clock import begin_clocks, run_clocks
from yoake.pipeline.mishaps import Resting, put_off_unforeseen

__all__ = ["follow_requests"]

_resting = Resting()


def follow_requests(now: datetime) -> int:
    """Does what is due at `now`; returns how many rows were worked on."""
    begun = begin_clocks(now, _resting.at(now), lambda pk, problem: _resting.put("request", pk, now, problem))
    return begun + run_clocks(now, lambda row, problem: put_off_unforeseen(row, now, problem))
