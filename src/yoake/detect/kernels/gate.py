"""One label for every post: is there anything in it at all? What does not pass is never looked at again.

The sum of one weight a run and a word (`kernels/linear.py`), repeated ones counted again, over the square root of how
many there are. No table of counts, no norm: a post costs little more than reading it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from yoake.detect.kernels.linear import WORD, extend, place, plain, script, seed_of


@njit(cache=True, nogil=True)
def gate_sums(
    codes: Any,
    rows: Any,
    profile_codes: Any,
    profile_rows: Any,
    parent_codes: Any,
    parent_rows: Any,
    bits: int,
    longest: int,
    weights: Any,
) -> Any:
    """What the gate's weights give every post, without its base.

    Args:
        codes: int32 (n,), masked code points of all texts (`kernels.linear.masked`).
        rows: int64 (posts + 1,), where each text begins.
        profile_codes: the same of the profiles.
        profile_rows: the same of the profiles.
        parent_codes: the same of the parent posts.
        parent_rows: the same of the parent posts.
        bits: of the gate's table.
        longest: characters of the longest run.
        weights: float32 (2 ** bits,).

    Returns:
        float64 (posts,); nan for posts without a character.
    """
    posts = rows.shape[0] - 1
    out = np.zeros(posts, np.float64)
    runs = np.zeros(longest, np.uint32)  # of the character before: its run of length k + 1
    for row in range(posts):
        total, count = _field(codes, rows[row], rows[row + 1], 0, bits, longest, weights, runs)
        if profile_rows[row + 1] > profile_rows[row]:
            more, also = _field(
                profile_codes, profile_rows[row], profile_rows[row + 1], 1, bits, longest, weights, runs
            )
            total, count = total + more, count + also
        if parent_rows[row + 1] > parent_rows[row]:
            more, also = _field(parent_codes, parent_rows[row], parent_rows[row + 1], 2, bits, longest, weights, runs)
            total, count = total + more, count + also
        out[row] = total / np.sqrt(count) if count else np.nan
    return out


@njit(cache=True, nogil=True)
def _field(
    codes: Any, first: int, after: int, field: int, bits: int, longest: int, weights: Any, runs: Any
) -> tuple[float, int]:
    """Sum of the weights of one field's runs and words, and how many these are."""
    seed, word_seed = seed_of(field), seed_of(field + WORD)
    total, count = 0.0, 0
    word, kind = word_seed, 0
    for i in range(first, after):
        code = codes[i]
        digitless = plain(code)
        total += weights[place(extend(seed, code), bits)]
        for length in range(min(i - first, longest - 1), 0, -1):
            runs[length] = extend(runs[length - 1], digitless)
            total += weights[place(runs[length], bits)]
            count += 1
        runs[0] = extend(seed, digitless)
        count += 1
        before, kind = kind, script(code)
        if kind and kind == before:
            word = extend(word, digitless)
        else:
            if before:
                total += weights[place(word, bits)]
                count += 1
            word = extend(word_seed, digitless)
    if kind:
        total += weights[place(word, bits)]
        count += 1
    return total, count
