"""A trie of many phrases, and what makes an Aho-Corasick automaton of it: where to go on when a move is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def plant(keys: Any, at: Any, order: Any, longest: int) -> tuple[Any, Any, Any, Any]:
    """One state for every distinct beginning of a phrase; state 0 is the root.

    Args:
        keys: int32 (n,), symbols of all phrases, one after the other.
        at: int64 (phrases + 1,), where each phrase begins.
        order: int64 (phrases,), the phrases in the order of their symbols.
        longest: symbols of the longest phrase.

    Returns:
        parents int32 (states,), symbols int32 (states,) that lead there (rising among states of one parent),
        depths int32 (states,), ends int32 (phrases,): the state in which each phrase ends.
    """
    parents = np.zeros(keys.shape[0] + 1, np.int32)
    symbols = np.zeros(keys.shape[0] + 1, np.int32)
    depths = np.zeros(keys.shape[0] + 1, np.int32)
    ends = np.zeros(order.shape[0], np.int32)
    path = np.zeros(longest + 1, np.int32)  # states of the phrase before
    size, states = 0, 1  # symbols of the phrase before
    for phrase in order:
        first, length = at[phrase], at[phrase + 1] - at[phrase]
        shared = 0
        while shared < min(length, size) and symbols[path[shared + 1]] == keys[first + shared]:
            shared += 1
        for depth in range(shared + 1, length + 1):
            parents[states] = path[depth - 1]
            symbols[states] = keys[first + depth - 1]
            depths[states] = depth
            path[depth] = states
            states += 1
        ends[phrase] = path[length]
        size = length
    return parents[:states].copy(), symbols[:states].copy(), depths[:states].copy(), ends


@njit(cache=True, nogil=True)
def connect(
    parents: Any, symbols: Any, by_depth: Any, ends: Any, root: Any, base: Any, check: Any, target: Any
) -> tuple[Any, Any, Any]:
    """For each state where to go on when it has no move, and the phrases that end there.

    Args:
        parents: int32 (states,), as `plant` gives them.
        symbols: int32 (states,), likewise.
        by_depth: int64 (states,), the states, the root first, none before one that is less deep.
        ends: int32 (phrases,), as `plant` gives them.
        root: int32 (width,), next state from the root.
        base: int32 (states,), where the moves of a state lie (`weave_moves`).
        check: int32 (cells,), the state that owns a cell, -1 none.
        target: int32 (cells,), next state of the cell.

    Returns:
        fail int32 (states,): the state of the longest other beginning that the state ends with; out_at int32
        (states + 1,) and out int32 (m,): phrase numbers that end in a state, longest first.
    """
    states = parents.shape[0]
    fail = np.zeros(states, np.int32)
    own = np.zeros(states + 1, np.int32)
    for phrase in range(ends.shape[0]):
        own[ends[phrase] + 1] += 1
    counts = own[1:].copy()
    for state in by_depth[1:]:
        behind = parents[state]
        if behind:  # else one symbol: nothing shorter
            symbol = symbols[state]
            behind = fail[behind]
            while behind and check[base[behind] + symbol] != behind:
                behind = fail[behind]
            fail[state] = target[base[behind] + symbol] if behind else root[symbol]
        counts[state] += counts[fail[state]]
    out_at = np.zeros(states + 1, np.int32)
    for state in range(states):
        out_at[state + 1] = out_at[state] + counts[state]
    out = np.zeros(out_at[states], np.int32)
    place = out_at[:-1].copy()
    for phrase in range(ends.shape[0]):
        out[place[ends[phrase]]] = phrase
        place[ends[phrase]] += 1
    for state in by_depth[1:]:
        for k in range(out_at[fail[state]], out_at[fail[state] + 1]):
            out[place[state]] = out[k]
            place[state] += 1
    return fail, out_at, out
