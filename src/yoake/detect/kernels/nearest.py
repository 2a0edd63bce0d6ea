"""The likest of some known texts: cosines of weighed runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def likest(
    starts: Any,
    buckets: Any,
    values: Any,
    rarity: Any,
    groups: Any,
    group_at: Any,
    known_at: Any,
    known_buckets: Any,
    known_shares: Any,
) -> tuple[Any, Any]:
    """For each text the likest one of its group.

    Args:
        starts: int64 (texts + 1,), where the runs of each text begin.
        buckets: int32 (n,), of the runs.
        values: float32 (n,), 1 + ln count.
        rarity: float32 (buckets,), what a run weighs.
        groups: int64 (texts,), the group of known texts that each is compared with; -1 none.
        group_at: int64 (groups + 1,), the known texts of each group.
        known_at: int64 (known + 1,), where the runs of each known text begin.
        known_buckets: int32 (m,).
        known_shares: float32 (m,), weights of a length of 1.

    Returns:
        place int64 (texts,), counted inside the group, and likeness float64 (texts,); 0 and 0 where nothing is alike.
    """
    places = np.zeros(groups.shape[0], np.int64)
    likenesses = np.zeros(groups.shape[0], np.float64)
    scratch = np.zeros(rarity.shape[0], np.float64)
    for i in range(groups.shape[0]):
        square = 0.0
        for k in range(starts[i], starts[i + 1]):
            weight = values[k] * rarity[buckets[k]]
            scratch[buckets[k]] = weight
            square += weight * weight
        if groups[i] >= 0 and square > 0:
            first = group_at[groups[i]]
            for known in range(first, group_at[groups[i] + 1]):
                total = 0.0
                for k in range(known_at[known], known_at[known + 1]):
                    total += known_shares[k] * scratch[known_buckets[k]]
                total /= np.sqrt(square)
                if total > likenesses[i]:
                    places[i], likenesses[i] = known - first, total
        for k in range(starts[i], starts[i + 1]):
            scratch[buckets[k]] = 0.0
    return places, likenesses
