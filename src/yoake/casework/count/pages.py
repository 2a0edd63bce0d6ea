"""Which figures stand on the page of the morning, of the month and of the year, in reading order."""

from __future__ import annotations

from typing import Final

# What a chief asks at half past eight: what came yesterday and was done, what waits, what is overdue, who is at risk.
MORNING: Final = ("pace", "decided", "organisations", "categories", "sources", "times")

_BOTH: Final = (
    "decided", "categories", "sources", "prefectures", "organisations", "times", "pace",
    "deletion", "letters", "providers", "no_request", "missed", "blind_sample", "precision", "terms",
)  # fmt: skip

MONTH: Final = _BOTH
YEAR: Final = ("f9", "f10", "f11", *_BOTH)
