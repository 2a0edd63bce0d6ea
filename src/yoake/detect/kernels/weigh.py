"""Weighs the words of one category in one post: what each adds or takes away, and what combinations mean.

logit = base + rest + sum of the spans' weights

Cues of one kind count 1, 1/2, 1/4 of their weights, strongest first, and no more. Words of a context that speaks
against the harm (a frame: police warning, news, question ...) take away. Combinations go into `rest`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

CUE_SHARES: Final = (1.0, 0.5, 0.25)
FRAME_SHARES: Final = (1.0, 0.7, 0.5, 0.3)
LISTED: Final = 0.5  # of combinations when a frame is there and nobody is invited: a warning lists what it warns of
QUOTED: Final = 0.4  # of a cue inside 「」 when a frame is there: warnings and news quote what they warn of
NO_KIND: Final = 0  # an empty set of kinds


class Words(NamedTuple):
    """Words of posts, each as often as it counts; parallel arrays, ordered by row, field, start, end, phrase."""

    rows: Any  # int64 (words,), rising
    fields: Any  # uint8 (words,), 0 text, 1 profile, 2 parent
    phrases: Any  # int32 (words,)
    starts: Any  # int64 (words,), code points of the original
    ends: Any  # int64 (words,)
    quoted: Any  # bool (words,), inside quotation marks


class Entries(NamedTuple):
    """What each phrase means in some categories: entries at[p] to at[p + 1]."""

    at: Any  # int32 (phrases + 1,)
    category: Any  # int32 (entries,)
    cue: Any  # int32 (entries,), number of the cue's name; rises with the name
    kind: Any  # int32 (entries,), number inside the category, below 62: of a kind of cues, or of a frame
    frame: Any  # bool (entries,)
    weight: Any  # float64 (entries,)
    fields: Any  # uint8 (entries,), bits of the fields in which it counts


class Rules(NamedTuple):
    """How categories weigh. Sets of kinds are int64, a bit a kind."""

    base: Any  # float64 (categories,)
    queue: Any  # float64 (categories,), log-odds from which a post is queued
    limit: Any  # float64 (categories,), what frames together take away at most ...
    limit_kinds: Any  # int64 (categories,), ... when one of these is there
    at_risk: Any  # bool (categories,)
    needs: Any  # int64 (categories, frames), different phrases before a frame counts
    plea: Any  # int32 (categories,), number of the frame `plea`
    plea_cue: int  # number of the cue `frame:plea`
    combination_at: Any  # int32 (categories + 1,)
    combination_kinds: Any  # int64 (combinations,), all of them must be there
    combination_weight: Any  # float64 (combinations,)
    typical_at: Any  # int32 (categories + 1,), cues that have words, in the category's order
    typical_kind: Any  # int32 (cues,)
    typical_weight: Any  # float64 (cues,), of a word in the middle


class Sheet(NamedTuple):
    """Room for one category of one post: its candidates, and the spans that were made of them."""

    word: Any  # int64 (n,)
    entry: Any  # int64 (n,)
    counts: Any  # bool (n,), of words of frames
    span: Any  # int64 (n,), a candidate
    weight: Any  # float64 (n,), of the span
    frames: Any  # float64 (frames,), log-odds, negative


@njit(cache=True, nogil=True)
def rounded(value: float) -> Any:
    """To six places."""
    return np.rint(value * 1e6) / 1e6


@njit(cache=True, nogil=True)
def _overlap(words: Any, one: int, other: int) -> Any:
    return (
        words.fields[one] == words.fields[other]
        and words.starts[one] < words.ends[other]
        and words.starts[other] < words.ends[one]
    )


@njit(cache=True, nogil=True)
def _lies_inside(words: Any, one: int, other: int) -> Any:
    """Whether the other is longer and has every character of this one."""
    return (
        words.ends[other] - words.starts[other] > words.ends[one] - words.starts[one]
        and words.fields[one] == words.fields[other]
        and words.starts[other] <= words.starts[one]
        and words.ends[one] <= words.ends[other]
    )


@njit(cache=True, nogil=True)
def _before(words: Any, one: int, weight: float, other: int, other_weight: float) -> Any:
    """Whether a word is counted before another of its kind: the heavier, then the one that stands first."""
    if abs(weight) != abs(other_weight):
        return abs(weight) > abs(other_weight)
    if words.fields[one] != words.fields[other]:
        return words.fields[one] < words.fields[other]
    if words.starts[one] != words.starts[other]:
        return words.starts[one] < words.starts[other]
    if words.ends[one] != words.ends[other]:
        return words.ends[one] > words.ends[other]
    return words.phrases[one] < words.phrases[other]


@njit(cache=True, nogil=True)
def _share(sheet: Any, n: int, frame: bool, kind: int, quoted: float, spans: int, words: Any, entries: Any) -> int:
    """Adds the strongest candidates of a kind, none overlapping another, each with its share; how many spans there are now."""
    begun = spans
    shares = FRAME_SHARES if frame else (*CUE_SHARES, 0.0)
    for step in range(len(FRAME_SHARES) if frame else len(CUE_SHARES)):
        best, best_weight = -1, 0.0
        for k in range(n):
            e, i = sheet.entry[k], sheet.word[k]
            if entries.frame[e] != frame or entries.kind[e] != kind or (frame and not sheet.counts[k]):
                continue
            weight = entries.weight[e] * (quoted if words.quoted[i] else 1.0)
            if best >= 0 and not _before(words, i, weight, sheet.word[best], best_weight):
                continue
            free = True
            for taken in range(begun, spans):
                other = sheet.word[sheet.span[taken]]
                if words.phrases[other] == words.phrases[i] or _overlap(words, i, other):
                    free = False
                    break
            if free:
                best, best_weight = k, weight
        if best < 0:
            break
        sheet.span[spans] = best
        sheet.weight[spans] = rounded(best_weight * shares[step])
        spans += 1
    return spans


@njit(cache=True, nogil=True)
def weigh_words(
    sheet: Any, n: int, category: int, without: int, bare: bool, words: Any, entries: Any, rules: Any
) -> tuple[float, float, int]:
    """Weighs a category's candidates; `sheet` then has the spans and what each frame takes.

    Args:
        sheet: Sheet.
        n: how many candidates there are.
        category: its number.
        without: kinds of cues that are left out.
        bare: whether the words of frames are left out.
        words: Words.
        entries: Entries.
        rules: Rules.

    Returns:
        Log-odds, rest, number of spans.
    """
    sheet.frames[:] = 0.0
    kinds, framed = np.int64(0), False
    for k in range(n):
        e = sheet.entry[k]
        sheet.counts[k] = False
        if not entries.frame[e]:
            if not without >> entries.kind[e] & 1:
                kinds |= np.int64(1) << entries.kind[e]
        elif not bare:
            sheet.counts[k] = True
            for other in range(n):  # 逮捕 inside 逮捕リスクなし is part of the denial, not of the news
                f = sheet.entry[other]
                if (
                    not entries.frame[f]
                    and not without >> entries.kind[f] & 1
                    and _lies_inside(words, sheet.word[k], sheet.word[other])
                ):
                    sheet.counts[k] = False
                    break
    for k in range(n):
        if not sheet.counts[k]:
            continue
        kind, phrases, known = entries.kind[sheet.entry[k]], 0, False
        for one in range(n):
            if sheet.counts[one] and entries.kind[sheet.entry[one]] == kind:
                if one < k:
                    known = True
                    break
                again = False
                for two in range(k, one):
                    again = (
                        sheet.counts[two]
                        and entries.kind[sheet.entry[two]] == kind
                        and words.phrases[sheet.word[two]] == words.phrases[sheet.word[one]]
                    )
                    if again:
                        break
                phrases += not again
                if phrases >= rules.needs[category, kind]:
                    break
        if known or phrases >= rules.needs[category, kind]:
            continue
        for one in range(n):
            if sheet.counts[one] and entries.kind[sheet.entry[one]] == kind:
                sheet.counts[one] = False
    for k in range(n):
        framed |= sheet.counts[k] and entries.weight[sheet.entry[k]] < 0
    spans: Any = np.int64(0)
    present, left = np.int64(0), kinds
    kind = np.int64(0)
    while left:
        if left & 1:
            begun = spans
            spans = _share(sheet, n, np.bool_(False), kind, QUOTED if framed else 1.0, spans, words, entries)
            for k in range(begun, spans):
                if sheet.weight[k] > 0 and not (framed and words.quoted[sheet.word[sheet.span[k]]]):
                    present |= np.int64(1) << kind
        left >>= 1
        kind += 1
    invited = present & rules.limit_kinds[category] != 0
    together = 0.0
    for k in range(rules.combination_at[category], rules.combination_at[category + 1]):
        if present & rules.combination_kinds[k] == rules.combination_kinds[k]:
            together += rules.combination_weight[k]
    rest = rounded((LISTED if framed and not invited else 1.0) * together)
    cued, taken = spans, 0.0
    for k in range(n):
        if not sheet.counts[k]:
            continue
        kind, known = entries.kind[sheet.entry[k]], False
        for one in range(k):
            known |= sheet.counts[one] and entries.kind[sheet.entry[one]] == kind
        if not known:
            spans = _share(sheet, n, np.bool_(True), np.int64(kind), 1.0, spans, words, entries)
    for k in range(cued, spans):
        taken -= sheet.weight[k]
    for k in range(cued, spans):
        if taken > rules.limit[category] and invited:
            # who asks to be contacted is not the police, whatever else the post says
            sheet.weight[k] = rounded(sheet.weight[k] * rules.limit[category] / taken)
        sheet.frames[entries.kind[sheet.entry[sheet.span[k]]]] += sheet.weight[k]
    total = _order(sheet, spans, words, entries)
    return rules.base[category] + rest + total, rest, spans


@njit(cache=True, nogil=True)
def _order(sheet: Any, spans: int, words: Any, entries: Any) -> Any:
    """Brings the spans into reading order and adds them up."""
    total = 0.0
    for k in range(spans):
        span, weight, to = sheet.span[k], sheet.weight[k], k
        i, cue = sheet.word[span], entries.cue[sheet.entry[span]]
        while to > 0:
            j = sheet.word[sheet.span[to - 1]]
            if words.fields[i] != words.fields[j]:
                earlier = words.fields[i] < words.fields[j]
            elif words.starts[i] != words.starts[j]:
                earlier = words.starts[i] < words.starts[j]
            elif words.ends[i] != words.ends[j]:
                earlier = words.ends[i] < words.ends[j]
            else:
                earlier = cue < entries.cue[sheet.entry[sheet.span[to - 1]]]
            if not earlier:
                break
            sheet.span[to], sheet.weight[to] = sheet.span[to - 1], sheet.weight[to - 1]
            to -= 1
        sheet.span[to], sheet.weight[to] = span, weight
    for k in range(spans):
        total += sheet.weight[k]
    return total
