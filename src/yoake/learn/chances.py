"""What a count of hits says about a share: intervals of 95 %."""

from __future__ import annotations

import math
from typing import Final

from scipy.special import betaincinv

_Z: Final = 1.959964


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Interval of a share by Wilson's score; (0, 1) for n = 0."""
    if not n:
        return 0.0, 1.0
    share, square = hits / n, _Z * _Z
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(hits: int, n: int) -> tuple[float, float]:
    """Exact interval of a share: never too narrow, also for none or one hit; (0, 1) for n = 0."""
    if not n:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, 0.025))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 0.975))
    return low, high


def difference(hits: int, n: int, hits_before: int, n_before: int) -> tuple[float, float]:
    """Interval of a share minus an earlier one, by Newcombe's hybrid of two Wilson intervals."""
    now, before = hits / n if n else 0.5, hits_before / n_before if n_before else 0.5
    low, high = wilson(hits, n)
    low_before, high_before = wilson(hits_before, n_before)
    down = math.hypot(now - low, high_before - before)
    up = math.hypot(high - now, before - low_before)
    return now - before - down, now - before + up
