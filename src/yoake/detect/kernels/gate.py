"""One label for every post: is there anything in it at all? What does not pass is never looked at again.

The sum of one weight a run and a word (`kernels/linear.py`), repeated ones counted again, over the square root of how
many there are. No table of counts, no norm: a post costs little more than reading it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from yoake.detect.kernels.linear import PARENT, PROFILE, TEXT, WORD, extend, place, plain, script, seed_of


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
        codes: int32 (n,), code points of all texts as they are read (`kernels.reading`).
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
    runs = np.zeros(max(longest, 3), np.uint32)  # of the character before: its run of length k + 1, from three on
    for row in range(posts):
        total, count = _field(codes, rows[row], rows[row + 1], np.int64(TEXT), bits, longest, weights, runs)
        if profile_rows[row + 1] > profile_rows[row]:
            more, also = _field(
                profile_codes, profile_rows[row], profile_rows[row + 1], np.int64(PROFILE), bits, longest, weights, runs
            )
            total, count = total + more, count + also
        if parent_rows[row + 1] > parent_rows[row]:
            more, also = _field(
                parent_codes, parent_rows[row], parent_rows[row + 1], np.int64(PARENT), bits, longest, weights, runs
            )
            total, count = total + more, count + also
        out[row] = total / np.sqrt(count) if count else np.nan
    return out


@njit(cache=True, nogil=True)
def _field(
    codes: Any, first: int, after: int, field: int, bits: int, longest: int, weights: Any, runs: Any
) -> tuple[float, int]:
    """Sum of the weights of one field's runs and words, and how many these are.

    Several sums side by side, because an addition waits for the one before it; an unsigned place needs no check whether it
    counts from the end. Runs of up to three characters are written out; the others take the loop.
    """
    seed, word_seed = seed_of(field), seed_of(field + WORD)
    ones, twos, threes, others = 0.0, 0.0, 0.0, 0.0
    word, words, kind = word_seed, 0, 0
    run_of_one, run_of_two = seed, seed  # those that end at the character before
    for i in range(after - first):
        code = codes[np.uint64(first + i)]
        digitless = plain(code)
        ones += weights[place(extend(seed, code), bits)]
        longer = extend(run_of_one, digitless)
        if i > 0 and longest > 1:
            twos += weights[place(longer, bits)]
            if i > 1 and longest > 2:
                longest_yet = extend(run_of_two, digitless)
                threes += weights[place(longest_yet, bits)]
                for length in range(min(i, longest - 1), 2, -1):
                    runs[length] = extend(runs[length - 1], digitless)
                    others += weights[place(runs[length], bits)]
                runs[2] = longest_yet
        run_of_one, run_of_two = extend(seed, digitless), longer
        before, kind = kind, script(code)
        if kind and kind == before:
            word = extend(word, digitless)
        else:
            if before:
                others += weights[place(word, bits)]
                words += 1
            word = extend(word_seed, digitless)
    if kind:
        others += weights[place(word, bits)]
        words += 1
    for length in range(longest):
        words += max(after - first - length, 0)
    return ones + twos + threes + others, words
