"""What would have changed a verdict, found by weighing the words again without some of them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.weigh import NO_KIND, rounded, weigh_words

REMOVED: Final = 0  # without the words at `first` (and `second`) it would not be queued
FIRM: Final = 1  # no one or two kinds of words decide
UNFRAMED: Final = 2  # without the words of the frame it would be queued
ADDED: Final = 3  # with the cue `first` as well it would be queued
FAR: Final = 4  # only with several more


@njit(cache=True, nogil=True)
def find_change(
    out: Any,
    sheet: Any,
    n: int,
    spans: int,
    category: int,
    logit: float,
    named: bool,
    words: Any,
    entries: Any,
    rules: Any,
) -> None:
    """What would have changed the verdict, found by weighing again without it.

    Args:
        out: int32 (3,), is written: what of REMOVED ... FAR, first, second.
        sheet: Sheet with the candidates and the spans; the spans are lost.
        n: how many candidates there are.
        spans: how many spans.
        category: its number.
        logit: what it came to.
        named: whether a frame gives the post its name.
        words: Words.
        entries: Entries.
        rules: Rules.
    """
    out[:] = -1
    # the strongest span of each kind of cues, the strongest kind first; kinds are numbered by their names
    strongest = np.zeros(64, np.int32)
    kinds = np.zeros(64, np.int32)
    listed, present, framed = 0, np.int64(0), False
    for k in range(n):
        framed |= entries.frame[sheet.entry[k]]
    for kind in range(63):
        best = -1
        for k in range(spans):
            e = sheet.entry[sheet.span[k]]
            if (
                not entries.frame[e]
                and entries.kind[e] == kind
                and sheet.weight[k] > 0
                and (best < 0 or sheet.weight[k] > sheet.weight[best])
            ):
                best = k
        if best < 0:
            continue
        present |= np.int64(1) << kind
        to = listed
        while to > 0 and sheet.weight[strongest[to - 1]] < sheet.weight[best]:
            strongest[to], kinds[to] = strongest[to - 1], kinds[to - 1]
            to -= 1
        strongest[to], kinds[to] = best, kind
        listed += 1
    queue = rules.queue[category]
    if logit >= queue:
        for one in range(listed):
            without = np.int64(1) << kinds[one]
            if _weigh_without(sheet, n, spans, category, without, present, framed, words, entries, rules) < queue:
                out[0], out[1] = REMOVED, strongest[one]
                return
        for one in range(listed):
            for two in range(one + 1, listed):
                without = np.int64(1) << kinds[one] | np.int64(1) << kinds[two]
                if _weigh_without(sheet, n, spans, category, without, present, framed, words, entries, rules) < queue:
                    out[0], out[1], out[2] = REMOVED, strongest[one], strongest[two]
                    return
        out[0] = FIRM
        return
    if named and weigh_words(sheet, n, category, np.int64(NO_KIND), np.bool_(True), words, entries, rules)[0] >= queue:
        out[0] = UNFRAMED
        return
    for k in range(rules.typical_at[category], rules.typical_at[category + 1]):
        own = np.int64(1) << rules.typical_kind[k]
        if present & own:
            continue
        more = 0.0
        for j in range(rules.combination_at[category], rules.combination_at[category + 1]):
            asked = rules.combination_kinds[j]
            if asked & own and (present | own) & asked == asked:
                more += rules.combination_weight[j]
        if logit + rules.typical_weight[k] + more >= queue:
            out[0], out[1] = ADDED, k - rules.typical_at[category]
            return
    out[0] = FAR


@njit(cache=True, nogil=True)
def _weigh_without(
    sheet: Any,
    n: int,
    spans: int,
    category: int,
    without: int,
    present: int,
    framed: bool,
    words: Any,
    entries: Any,
    rules: Any,
) -> Any:
    """Log-odds when words of some kinds are not there; where no frame is, the other kinds stay as they are."""
    if framed:
        return weigh_words(sheet, n, category, without, np.bool_(False), words, entries, rules)[0]
    left = present & ~without
    together, total = 0.0, 0.0
    for k in range(rules.combination_at[category], rules.combination_at[category + 1]):
        if left & rules.combination_kinds[k] == rules.combination_kinds[k]:
            together += rules.combination_weight[k]
    for k in range(spans):
        if not without >> entries.kind[sheet.entry[sheet.span[k]]] & 1:
            total += sheet.weight[k]
    return rules.base[category] + rounded(together) + total
