"""Lets through only the posts whose cues could reach the floor: the other 90 % and more never touch Python."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def could_score(
    rows: int,
    hit_rows: Any,
    hit_phrases: Any,
    hit_fields: Any,
    entry_at: Any,
    entry_slot: Any,
    entry_weight: Any,
    entry_fields: Any,
    slot_category: Any,
    slot_bit: Any,
    needed: Any,
    combination_category: Any,
    combination_mask: Any,
    combination_weight: Any,
    most: float,
) -> Any:
    """Which posts could get a finding: an upper bound on the log-odds, so that nothing is lost.

    A slot is one kind of cue in one category. Of a slot no more than `most` times its strongest cue can count, and no
    more than the sum of what was hit; combinations count when all their kinds were hit; subtractions are ignored.

    Args:
        rows: number of posts.
        hit_rows: int32 (hits,), post of each hit.
        hit_phrases: int32 (hits,), phrase of each hit.
        hit_fields: uint8 (hits,), bit of the field it stands in.
        entry_at: int32 (phrases + 1,), where the entries of a phrase begin.
        entry_slot: int32 (entries,), slot of each entry.
        entry_weight: float64 (entries,), > 0.
        entry_fields: uint8 (entries,), bits of the fields in which the entry counts.
        slot_category: int32 (slots,), category of each slot.
        slot_bit: int64 (slots,), bit of its kind inside the category.
        needed: float64 (categories,), log-odds that cues must add to reach the floor.
        combination_category: int32 (combinations,).
        combination_mask: int64 (combinations,), bits of the kinds that must all be there.
        combination_weight: float64 (combinations,), > 0.
        most: shares of all cues of one kind, added up (>= 1).

    Returns:
        bool (rows,).
    """
    slots = slot_category.shape[0]
    categories = needed.shape[0]
    best = np.zeros((rows, slots), np.float64)
    total = np.zeros((rows, slots), np.float64)
    touched = np.zeros(rows, np.bool_)
    for i in range(hit_rows.shape[0]):
        row = hit_rows[i]
        for k in range(entry_at[hit_phrases[i]], entry_at[hit_phrases[i] + 1]):
            if entry_fields[k] & hit_fields[i]:
                slot = entry_slot[k]
                touched[row] = True
                total[row, slot] += entry_weight[k]
                best[row, slot] = max(best[row, slot], entry_weight[k])
    passed = np.zeros(rows, np.bool_)
    bound = np.zeros(categories, np.float64)
    seen = np.zeros(categories, np.int64)
    for row in range(rows):
        if not touched[row]:
            continue
        bound[:] = 0.0
        seen[:] = 0
        for slot in range(slots):
            if best[row, slot] > 0.0:
                bound[slot_category[slot]] += min(total[row, slot], most * best[row, slot])
                seen[slot_category[slot]] |= slot_bit[slot]
        for k in range(combination_mask.shape[0]):
            category = combination_category[k]
            if seen[category] & combination_mask[k] == combination_mask[k]:
                bound[category] += combination_weight[k]
        for category in range(categories):
            # a hair of slack: the exact score is added up in another order
            if bound[category] + 1e-9 >= needed[category]:
                passed[row] = True
    return passed
