"""The contract of a duty."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Duty(Protocol):
    """Something the worker does when rows are due.

    Write a file `pipeline/duties/<name>.py` with one public function in `__all__`: it claims rows that are due
    (`yoake.casework.due.claim_due`), works on each in its own transaction, puts off what failed, and returns how many
    rows it worked on. Killed at any moment, it loses nothing: the claim expires and the row is claimed again. One row that
    nobody foresaw holds up no other (`mishaps.put_off_unforeseen`); a duty that fails whole pauses by itself.
    """

    def __call__(self, now: datetime) -> int:
        """Does what is due at `now`; returns how many rows were worked on."""
        ...
