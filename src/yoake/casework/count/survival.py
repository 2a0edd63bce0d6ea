"""How long something lasted when not everything was watched to its end: Kaplan and Meier's curve, and the log-rank test.

Takes what a database grouped (`Seen`: so many of them, at that time), never a row a case. The curve is the product-limit
estimator of Kaplan and Meier (1958) with Greenwood's variance; its interval of 95 % is taken of log(-log S), as Kalbfleisch
and Prentice have it, so that it never leaves 0 to 1. The test is Mantel's and Cox's. Compared with scipy's in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, chdtrc, ndtri

from yoake.learn.chances import clopper_pearson

Z: Final = float(ndtri(0.975))
Whole = NDArray[np.int64]
Real = NDArray[np.float64]


class Seen(NamedTuple):
    """So many that were watched for that long (any unit, at least 0); `gone`: it ended then, else nobody looked later."""

    time: float
    gone: bool
    n: int


class Share(NamedTuple):
    """A share from 0 to 1 with its interval of 95 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """What is left over time; times rise, every array is of one length."""

    times: Real  # at which something ended, or was last seen
    at_risk: Whole  # still there just before that time, and watched
    ended: Whole  # at that time
    left: Real  # share that is left after it
    deviation: Real  # of log(-log(left)); nan where that has none (nothing ended yet, or nothing is left)
    n: int  # that were watched at all

    def gone_by(self, time: float) -> Share | None:
        """The share that ended until then (that moment included); None where nobody was watched that long.

        Where nothing ended yet, the formula has no interval: then it is the exact one (Clopper and Pearson) of those who were watched
        until then. Nor has it one where nothing is left: then it begins where it last did while something was left, or where the
        exact one begins of the last of whom everybody ended, whichever is higher (each errs in 2.5 %, and the upper end never).
        """
        place = self._before(time)
        if not self.n or (time > self.times[-1] and self.left[-1] > 0):
            return None
        left = float(self.left[place]) if place >= 0 else 1.0
        if left == 1.0:
            return Share(0.0, *clopper_pearson(0, max(self.still_at(time), 1)))
        if left == 0.0:
            return Share(1.0, self._least_gone(place), 1.0)
        around = Z * float(self.deviation[place])
        return Share(1 - left, 1 - left ** math.exp(-around), 1 - left ** math.exp(around))

    def still_at(self, time: float) -> int:
        """How many were still there just before that time, and watched."""
        later = np.searchsorted(self.times, time)
        return int(self.at_risk[later]) if later < len(self.times) else 0

    def ended_by(self, time: float) -> int:
        """How many were seen to end until then, that moment included."""
        return int(self.ended[: self._before(time) + 1].sum())

    def median(self) -> tuple[float, float | None, float | None] | None:
        """When half had ended, with its interval of 95 % (Brookmeyer and Crowley); None where it never came to half.

        An end of the interval is None where it cannot be told.
        """
        reached = self.times[self.left <= 0.5]
        if not len(reached):
            return None
        shares = [self.gone_by(float(time)) for time in self.times]
        early = (float(t) for t, share in zip(self.times, shares, strict=True) if share and share.high >= 0.5)
        late = (float(t) for t, share in zip(self.times, shares, strict=True) if share and share.low >= 0.5)
        return float(reached[0]), next(early, None), next(late, None)

    def _least_gone(self, place: int) -> float:
        """The lower end of the share that ended once nothing is left."""
        to_come = np.cumsum(self.ended[::-1])[::-1]
        last = int(self.at_risk[self.at_risk == to_come].max())  # nobody of them was lost from sight
        exact: float = clopper_pearson(last, last)[0]
        before = np.flatnonzero((self.left[:place] > 0) & (self.left[:place] < 1))
        told = self.gone_by(float(self.times[before[-1]])) if len(before) else None
        return max(exact, told.low) if told else exact

    def _before(self, time: float) -> int:
        """The place of the last time that is not later; -1 where there is none."""
        return int(np.searchsorted(self.times, time, side="right")) - 1


def curve(seen: Iterable[Seen]) -> Curve:
    """The curve of those that were watched. Whoever ended at the moment at which another was last seen, ended first."""
    times, ended, lost = _table(list(seen))
    at_risk = np.cumsum((ended + lost)[::-1])[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.cumprod((at_risk - ended) / at_risk, dtype=np.float64)
        greenwood = np.cumsum(ended / (at_risk * (at_risk - ended)))
        deviation: Real = np.sqrt(greenwood) / np.abs(np.log(left))
    return Curve(times, at_risk, ended, left, deviation, int(at_risk[0]) if len(at_risk) else 0)


class Compared(NamedTuple):
    """Whether two curves differ: the square that is distributed as chi-squared of one degree, and the chance of one as large."""

    chi_squared: float
    p: float


def log_rank(first: Iterable[Seen], second: Iterable[Seen]) -> Compared | None:
    """Whether the one ends sooner than the other; None where nothing ended, or one of them was not watched meanwhile."""
    groups = [[one for one in group if one.n] for group in (first, second)]
    times = np.unique(np.array([one.time for group in groups for one in group if one.gone], dtype=np.float64))
    here, there = (curve(group) for group in groups)
    n = np.array([[of.still_at(time) for time in times] for of in (here, there)], dtype=np.float64)
    ended = np.array([[_ended_at(of, time) for time in times] for of in (here, there)], dtype=np.float64)
    all_n, all_ended = n.sum(axis=0), ended.sum(axis=0)
    more = all_n > 1  # of a last one nothing is left to chance
    expected = (all_ended * n[0] / np.maximum(all_n, 1)).sum()
    variance = (
        all_ended[more] * (all_n - all_ended)[more] * n[0][more] * n[1][more] / (all_n[more] ** 2 * (all_n[more] - 1))
    ).sum()
    if variance <= 0:
        return None
    square = float((ended[0].sum() - expected) ** 2 / variance)
    return Compared(square, float(chdtrc(1, square)))


def median_of(times: Iterable[tuple[float, int]]) -> tuple[float, float | None, float | None] | None:
    """The median of counted times (time, how many) with its interval of 95 % by order statistics; None where there are none.

    The interval lies between the j-th smallest and the j-th largest, for the largest j with which it covers the median with at
    least 95 % (binomial, whatever the distribution is); below six times there is none.
    """
    counted = sorted((time, n) for time, n in times if n)
    if not counted:
        return None
    values, upto = [time for time, _n in counted], np.cumsum([n for _time, n in counted])
    n = int(upto[-1])

    def at(place: int) -> float:  # the place-th smallest, from 1
        return values[int(np.searchsorted(upto, place))]

    middle = (at((n + 1) // 2) + at(n // 2 + 1)) / 2
    j = _order(n)
    return (middle, at(j), at(n + 1 - j)) if j else (middle, None, None)


def _order(n: int) -> int:
    """The largest j for which P(fewer than j of n lie below the median) is at most 2.5 %; 0 where there is none."""
    low, high = 0, n // 2
    while low < high:
        j = (low + high + 1) // 2
        if bdtr(j - 1, n, 0.5) <= 0.025:
            low = j
        else:
            high = j - 1
    return low


def _ended_at(of: Curve, time: float) -> int:
    place = int(np.searchsorted(of.times, time))
    return int(of.ended[place]) if place < len(of.times) and of.times[place] == time else 0


def _table(seen: Sequence[Seen]) -> tuple[Real, Whole, Whole]:
    """Distinct times, how many ended at each, and how many were seen last."""
    seen = [one for one in seen if one.n]
    times, place = np.unique(np.array([one.time for one in seen], dtype=np.float64), return_inverse=True)
    ended, lost = np.zeros(len(times), dtype=np.int64), np.zeros(len(times), dtype=np.int64)
    for at, one in zip(place, seen, strict=True):
        (ended if one.gone else lost)[at] += one.n
    return times, ended, lost
