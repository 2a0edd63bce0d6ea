"""Weaves the moves of all states of an automaton into one array (a double array), first place that fits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def weave_moves(move_at: Any, symbols: Any, targets: Any, order: Any, width: int) -> tuple[Any, Any, Any]:
    """Gives every state a base such that its moves lie at base + symbol and no two states share a cell.

    Args:
        move_at: int32 (states + 1,), where the moves of a state begin.
        symbols: int32 (moves,), rising within a state, 1 to width - 1.
        targets: int32 (moves,), next state.
        order: int32 (n,), the states that have moves, most moves first.
        width: number of symbols; every look-up base + symbol with symbol < width lies inside the answer.

    Returns:
        base int32 (states,), check int32 (cells,) (the state that owns a cell, -1 none), target int32 (cells,).
    """
    base = np.zeros(move_at.shape[0] - 1, np.int32)
    check = np.full(2 * (symbols.shape[0] + width), -1, np.int32)
    target = np.zeros(check.shape[0], np.int32)
    free = width  # no cell before this one is free; base is never negative
    at = free
    size = 0
    last = 0
    for state in order:
        lo = move_at[state]
        hi = move_at[state + 1]
        if hi - lo != size:  # the next state of a size mostly fits behind the last one: less is searched
            size = hi - lo
            at = free
        while True:
            if at + width >= check.shape[0]:
                larger = np.full(2 * check.shape[0], -1, np.int32)
                larger[: check.shape[0]] = check
                check = larger
                longer = np.zeros(larger.shape[0], np.int32)
                longer[: target.shape[0]] = target
                target = longer
            fits = check[at] < 0
            for k in range(lo + 1, hi):
                if not fits:
                    break
                fits = check[at + symbols[k] - symbols[lo]] < 0
            if fits:
                break
            at += 1
        base[state] = at - symbols[lo]
        last = max(last, base[state])
        for k in range(lo, hi):
            check[base[state] + symbols[k]] = state
            target[base[state] + symbols[k]] = targets[k]
        while check[free] >= 0:
            free += 1
    cells = last + width
    return base, check[:cells].copy(), target[:cells].copy()
