"""How far people agree when they judge the same things: Cohen's kappa, Krippendorff's alpha, and whether an order sorts.

- Kappa: J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20 (1960).
- Alpha: K. Krippendorff, Computing Krippendorff's alpha-reliability (2011), for two judgements a thing, nominal.
- Concordance: J. A. Hanley and B. J. McNeil, The meaning and use of the area under a ROC curve, Radiology 143 (1982).

Intervals are of 95 %. Those of kappa and alpha hold the agreement by chance fixed, as Cohen's own do, and carry over
Wilson's interval of the raw agreement: full agreement about five things is no certainty, which the usual normal
interval (of width zero) would make of it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from yoake.learn.chances import wilson

_Z: Final = 1.959964
Pair = tuple[Hashable, Hashable]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two judgements were the same, as it is and beyond chance."""

    n: int  # things judged twice
    alike: int
    beyond: float | None  # kappa or alpha, at most 1; None where chance alone would agree always
    low: float | None  # its interval
    high: float | None

    @property
    def raw(self) -> float:
        """Share that was judged alike; 0 for n = 0."""
        return self.alike / self.n if self.n else 0.0


def kappa(pairs: Sequence[Pair]) -> Agreement:
    """Cohen's kappa of (one's label, the other's label) for things both judged."""
    one, other = Counter(a for a, _b in pairs), Counter(b for _a, b in pairs)
    n = len(pairs)
    by_chance = sum(one[label] * other[label] for label in one) / (n * n) if n else 1.0
    return _beyond(sum(a == b for a, b in pairs), n, by_chance)


def alpha(pairs: Sequence[Pair]) -> Agreement:
    """Krippendorff's nominal alpha of two judgements a thing, whoever gave them: the order within a pair plays no part."""
    labels = Counter(label for pair in pairs for label in pair)
    values = 2 * len(pairs)
    apart = sum(count * (values - count) for count in labels.values())
    # 1 - alpha = share apart / expected share apart, the latter drawn without putting back
    by_chance = 1.0 - apart / (values * (values - 1)) if values else 1.0
    return _beyond(sum(a == b for a, b in pairs), len(pairs), by_chance)


def _beyond(alike: int, n: int, by_chance: float) -> Agreement:
    if not n or by_chance >= 1.0:
        return Agreement(n, alike, None, None, None)

    def beyond(share: float) -> float:
        return (share - by_chance) / (1.0 - by_chance)

    low, high = wilson(alike, n)
    return Agreement(n, alike, beyond(alike / n), max(-1.0, beyond(low)), min(1.0, beyond(high)))


def concordance(right: Sequence[float], wrong: Sequence[float]) -> tuple[float, float, float] | None:
    """Of all pairs of a right and a wrong thing, the share in which the right one stands higher; a tie is half.

    Returns:
        The share (0.5: the order says nothing) and its interval, by the standard error of Hanley and McNeil; None
        where there is no such pair.
    """
    if not right or not wrong:
        return None
    below = sorted(wrong)
    wins = sum((bisect_left(below, value) + bisect_right(below, value)) / 2 for value in right)
    area = wins / (len(right) * len(wrong))
    both_right, both_wrong = area / (2 - area), 2 * area * area / (1 + area)
    spread = (
        area * (1 - area)
        + (len(right) - 1) * (both_right - area * area)
        + (len(wrong) - 1) * (both_wrong - area * area)
    ) / (len(right) * len(wrong))
    half = _Z * math.sqrt(max(0.0, spread))
    return area, max(0.0, area - half), min(1.0, area + half)
