"""Amounts of money and grams, and what an amount is paid for: per hour, day, job, month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from yoake.detect.kernels import amounts as kernel
from yoake.detect.text.fold import Folded

YEN: Final = kernel.YEN
GRAM: Final = kernel.GRAM

_BEFORE: Final = 8  # folded characters in which a period may stand before an amount (日給は、5万)
_AFTER: Final = 6  # and after it (5万円/日)
# Folded words; the nearest one decides.
_PERIODS: Final = (
    ("時給", "hour"),
    ("時間", "hour"),
    ("日給", "day"),
    ("日当", "day"),
    ("日払い", "day"),
    ("日収", "day"),
    ("1日", "day"),
    ("一日", "day"),
    ("/日", "day"),
    ("1晩", "day"),
    ("一晩", "day"),
    ("即日", "day"),
    ("即金", "day"),
    ("day", "day"),
    ("週給", "week"),
    ("週払い", "week"),
    ("1週", "week"),
    ("週", "week"),
    ("月給", "month"),
    ("月収", "month"),
    ("月々", "month"),
    ("1か月", "month"),
    ("/月", "month"),
    ("月", "month"),
    ("1件", "job"),
    ("一件", "job"),
    ("1回", "job"),
    ("一回", "job"),
    ("1本", "job"),
    ("報酬", "job"),
    ("手渡し", "job"),
    ("手取り", "job"),
    ("案件", "job"),
)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts in a folded column; parallel arrays, ordered by row, then place."""

    rows: Any  # int32 (n,)
    starts: Any  # int64 (n,): first folded character, an index into Folded.codes
    ends: Any  # int64 (n,): one past the last
    units: Any  # uint8 (n,): YEN or GRAM
    values: Any  # float64 (n,): yen or grams


def find_amounts(folded: Folded) -> Amounts:
    """All amounts of a folded column."""
    return Amounts(*kernel.find_amounts(folded.codes, folded.classes, folded.rows))


def period_of(text: str, start: int, end: int) -> tuple[str, int, int]:
    """What the amount at text[start:end] (folded) is paid for, and the span with the word that says so.

    Returns:
        ("hour" | "day" | "week" | "month" | "job" | "none", start, end)
    """
    first = max(start - _BEFORE, 0)
    before, after = text[first:start], text[end : end + _AFTER]
    near = before + after
    nearest = (99, "none", start, end)
    for word, period in _PERIODS:
        if word not in near:
            continue
        at = before.rfind(word)
        if at >= 0:
            nearest = min(nearest, (len(before) - at - len(word), period, first + at, end))
        at = after.find(word)
        if at >= 0:
            nearest = min(nearest, (at, period, start, end + at + len(word)))
    return nearest[1:]
