"""How many there are of what two lists brought independently: capture and recapture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from yoake.learn.chances import clopper_pearson

LEAST: Final = 7  # that both brought; Seber's rule of thumb (1982, p. 60): below it the estimate is too low
_Z: Final = 1.959964
_FARTHEST: Final = 500.0  # of an exponent; beyond it every upper end is the other one


@dataclass(frozen=True)
class Estimate:
    """How many there were in all, seen and unseen, with an interval of 95 %."""

    n: float
    low: float
    high: float

    def apart(self, other: Estimate) -> bool:
        """Whether the intervals have nothing in common."""
        return self.high < other.low or other.high < self.low


def estimate(first: int, second: int, both: int) -> Estimate | None:
    """How many there are in all, of which one list brought `first`, the other `second` and both of them `both`.

    The estimate is Chapman's (1951): (first + 1)(second + 1) / (both + 1) - 1. Its interval is Sadinle's transformed logit
    interval (Communications in Statistics - Simulation and Computation 38, 2009, 1909-1924), which covers the truth also
    where numbers are small. Where nearly all that a list brought is in the other one, its upper end flies off; there it ends
    where the exact interval (Clopper and Pearson) of the share that the lists have in common ends. It never begins below what was
    seen.

    Args:
        first: items of one list, at least `both`.
        second: items of the other one, at least `both`.
        both: items of both.

    Returns:
        None where fewer than seven are in both: nothing can be said then.
    """
    if both < LEAST:
        return None
    a, b, c = both + 0.5, first - both + 0.5, second - both + 0.5
    seen = first + second - both
    middle = (first + 1) * (second + 1) / (both + 1) - 1
    unseen, wide = b * c / a, math.exp(min(_FARTHEST, _Z * math.sqrt(1 / a + 1 / b + 1 / c + a / (b * c))))
    most = max(first / clopper_pearson(both, second)[0], second / clopper_pearson(both, first)[0])
    low = max(float(seen), seen - 0.5 + unseen / wide)
    high = min(seen - 0.5 + unseen * wide, most)
    return Estimate(middle, min(low, middle), max(high, middle))
