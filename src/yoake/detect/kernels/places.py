"""Where the characters of a post weigh most: stretches on one side, grown to whole words."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import DIGIT, KANJI, KATAKANA, LETTER, PROLONGED, SPACE

LONGEST: Final = 24  # folded characters of one place
FAINT: Final = 0.25  # of the strongest character with its neighbours: weaker ones end a place


@njit(cache=True, nogil=True, inline="always")
def _is_word(kind: Any) -> bool:
    """Whether a place does not end between two characters of this script."""
    return kind in (LETTER, DIGIT, KATAKANA, KANJI, PROLONGED)


@njit(cache=True, nogil=True)
def strong_places(shares: Any, starts: Any, classes: Any) -> tuple[Any, Any, Any, Any]:
    """Stretches of characters that weigh on one side, for and against.

    Args:
        shares: float64 (n,), what each folded character of a post adds: text, profile, parent.
        starts: int64 (4,), where each field begins and the last one ends.
        classes: uint8 (n,), of kernels.characters.

    Returns:
        weight float64, field int64, first int64, after int64 (characters of the field), in no order that means anything.
    """
    n = shares.shape[0]
    smooth = shares.copy()
    third = 1 / 3
    strongest = 0.0
    for field in range(3):
        lo, hi = starts[field], starts[field + 1]
        if hi - lo > 2:
            for i in range(lo, hi):
                before = shares[i - 1] if i > lo else 0.0
                after = shares[i + 1] if i + 1 < hi else 0.0
                smooth[i] = before * third + shares[i] * third + after * third
        for i in range(lo, hi):
            strongest = max(strongest, abs(smooth[i]))
    most = 0 if strongest == 0 else n + 2
    weights = np.zeros(most, np.float64)
    fields = np.zeros(most, np.int64)
    firsts = np.zeros(most, np.int64)
    afters = np.zeros(most, np.int64)
    found = 0
    if strongest == 0:
        return weights, fields, firsts, afters
    least = strongest * FAINT
    for field in range(3):
        lo, hi = starts[field], starts[field + 1]
        for sign in (1.0, -1.0):
            i = lo
            while i < hi:
                if smooth[i] * sign < least:
                    i += 1
                    continue
                begins = i
                while i < hi and smooth[i] * sign >= least:
                    i += 1
                first, after = begins, i
                while (
                    first > lo
                    and i - first < LONGEST
                    and classes[first - 1] == classes[first]
                    and _is_word(classes[first])
                ):
                    first -= 1
                while (
                    after < hi
                    and after - begins < LONGEST
                    and classes[after] == classes[after - 1]
                    and _is_word(classes[after])
                ):
                    after += 1
                while first < after - 1 and classes[first] >= SPACE:
                    first += 1
                while after - 1 > first and classes[after - 1] >= SPACE:
                    after -= 1
                for cut in range(first, after, LONGEST):
                    until = min(cut + LONGEST, after)
                    weight = 0.0
                    for k in range(cut, until):
                        weight += shares[k]
                    if weight * sign <= 0:
                        continue
                    if found == weights.shape[0]:
                        weights, fields = _grown(weights), _grown(fields)
                        firsts, afters = _grown(firsts), _grown(afters)
                    weights[found], fields[found] = weight, field
                    firsts[found], afters[found] = cut - lo, until - lo
                    found += 1
    return weights[:found], fields[:found], firsts[:found], afters[:found]


@njit(cache=True, nogil=True)
def all_strong_places(
    shares: Any,
    starts: Any,
    chosen: Any,
    classes: Any,
    rows: Any,
    profile_classes: Any,
    profile_rows: Any,
    parent_classes: Any,
    parent_rows: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """`strong_places` of many questions.

    Args:
        shares: float64 (n,), as `kernels.linear.attribute` gives them.
        starts: int64 (3 k + 1,), likewise.
        chosen: int64 (k,), posts.
        classes: uint8, of the characters of all texts.
        rows: int64 (posts + 1,), where each text begins.
        profile_classes: the same of the profiles.
        profile_rows: the same of the profiles.
        parent_classes: the same of the parent posts.
        parent_rows: the same of the parent posts.

    Returns:
        at int64 (k + 1,), where the places of each question begin, then what `strong_places` returns.
    """
    at = np.zeros(chosen.shape[0] + 1, np.int64)
    weights = np.zeros(64, np.float64)
    fields = np.zeros(64, np.int64)
    firsts = np.zeros(64, np.int64)
    afters = np.zeros(64, np.int64)
    for k in range(chosen.shape[0]):
        row, first = chosen[k], starts[3 * k]
        kinds = np.concatenate(
            (
                classes[rows[row] : rows[row + 1]],
                profile_classes[profile_rows[row] : profile_rows[row + 1]],
                parent_classes[parent_rows[row] : parent_rows[row + 1]],
            )
        )
        own = strong_places(shares[first : starts[3 * k + 3]], starts[3 * k : 3 * k + 4] - first, kinds)
        found, after = at[k], at[k] + own[0].shape[0]
        while after > weights.shape[0]:
            weights, fields, firsts, afters = _grown(weights), _grown(fields), _grown(firsts), _grown(afters)
        weights[found:after], fields[found:after], firsts[found:after], afters[found:after] = own
        at[k + 1] = after
    return at, weights[: at[-1]], fields[: at[-1]], firsts[: at[-1]], afters[: at[-1]]


@njit(cache=True, nogil=True)
def _grown(array: Any) -> Any:
    larger = np.zeros(2 * array.shape[0], array.dtype)
    larger[: array.shape[0]] = array
    return larger
