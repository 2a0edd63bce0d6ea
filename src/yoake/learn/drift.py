"""Is what a detector says still what it used to say? Counts of a recent window against those of a window before.

Two questions, because one number hides one of them: does it find as *often* (findings among posts), and are the
findings *made of* the same scores and cues (population stability index, PSI)? Neither says why: a wave of one campaign, a
change of the network and a detector that went blind look alike. Therefore an alarm asks a person, and nothing switches off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

BINS: Final = 10  # of scores from 0 to 1
FEWEST: Final = 100  # findings in each window, below which a PSI is chance
SHIFTED: Final = 0.25  # PSI beyond what chance brings; the customary border of a major shift
TIMES: Final = 3.0  # as often, or as seldom, from which a rate is an alarm
_Z: Final = 3.29  # 99.9 %


@dataclass(frozen=True, slots=True)
class Shift:
    """How far two distributions are apart."""

    psi: float
    by_chance: float  # the PSI that two windows of these sizes show although nothing changed
    alarming: bool


def psi(before: Sequence[float], recent: Sequence[float]) -> Shift:
    """The population stability index of two lists of counts of the same length."""
    old, new = np.asarray(before, np.float64), np.asarray(recent, np.float64)
    if old.sum() < FEWEST or new.sum() < FEWEST:
        return Shift(0.0, math.inf, alarming=False)
    used = (old + new) > 0
    old, new = old[used] + 0.5, new[used] + 0.5  # a cell that is empty on one side only must not count as infinite
    by_chance = (len(old) - 1) * (1 / old.sum() + 1 / new.sum())
    share, share_before = new / new.sum(), old / old.sum()
    found = float(((share - share_before) * np.log(share / share_before)).sum())
    return Shift(found, float(by_chance), alarming=found - by_chance > SHIFTED)


def psi_of(before: Mapping[str, int], recent: Mapping[str, int]) -> Shift:
    """The same of counts by name; a name that is missing counts 0."""
    names = sorted({*before, *recent})
    return psi([before.get(name, 0) for name in names], [recent.get(name, 0) for name in names])


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something was found, before and recently."""

    before: float  # among 10,000 posts
    recent: float
    alarming: bool


def rate(found_before: int, posts_before: int, found: int, posts: int) -> Rate:
    """Whether something is found three times as often or as seldom as before, beyond what chance explains."""
    if not posts or not posts_before:
        return Rate(0.0, 0.0, alarming=False)
    before, recent = found_before / posts_before, found / posts
    # half a finding more on either side: log and variance exist, and a detector that fell silent is seen
    times = math.log((found + 0.5) / posts) - math.log((found_before + 0.5) / posts_before)
    half = _Z * math.sqrt(1 / (found + 0.5) + 1 / (found_before + 0.5))
    alarming = abs(times) >= math.log(TIMES) and abs(times) > half
    return Rate(before * 10_000, recent * 10_000, alarming)
