"""Weighs the words of many posts at once, in every category, and lets pleas silence offences."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

from yoake.detect.kernels.change import find_change
from yoake.detect.kernels.weigh import NO_KIND, Sheet, rounded, weigh_words

FRAMED: Final = -0.5  # a frame gives the post its name from here on
PLEA: Final = -6.0  # at least so much is taken from an offence when the post is a plea
_SLACK: Final = 1e-9  # logarithms and sums are rounded: who is this near to the floor is told


class Found(NamedTuple):
    """What was found, ordered by row, then category; spans span_at[i] to span_at[i + 1] are those of finding i."""

    rows: Any  # int64 (findings,)
    categories: Any  # int32 (findings,)
    logits: Any  # float64 (findings,)
    rests: Any  # float64 (findings,)
    frames: Any  # int32 (findings,), number of the frame that gives the post its name, -1 none
    changes: Any  # int32 (findings, 3): REMOVED ... FAR, first, second; of REMOVED two spans counted from 0, -1 none
    span_at: Any  # int64 (findings + 1,)
    span_fields: Any  # uint8 (spans,)
    span_starts: Any  # int64 (spans,)
    span_ends: Any  # int64 (spans,)
    span_cues: Any  # int32 (spans,)
    span_weights: Any  # float64 (spans,)


@njit(cache=True, nogil=True)
def countable(words: Any, most: Any) -> Any:
    """Which words count, bool (words,): of each phrase in each field, inside and outside quotation marks, the first `most`.

    Args:
        words: Words, of all that were found.
        most: int32 (phrases,).
    """
    seen = np.zeros((most.shape[0], 6), np.int32)
    kept = np.zeros(words.rows.shape[0], np.bool_)
    first = 0
    while first < kept.shape[0]:
        after = first
        while after < kept.shape[0] and words.rows[after] == words.rows[first]:
            place = 2 * words.fields[after] + words.quoted[after]
            seen[words.phrases[after], place] += 1
            kept[after] = seen[words.phrases[after], place] <= most[words.phrases[after]]
            after += 1
        for i in range(first, after):
            seen[words.phrases[i], :] = 0
        first = after
    return kept


@njit(cache=True, nogil=True)
def weigh_posts(words: Any, entries: Any, rules: Any, floor: float) -> Any:
    """Weighs the words of posts.

    A post that is queued as a plea is no offence: the strongest word of the plea then takes enough from every category
    that is not about a person at risk.

    Args:
        words: Words.
        entries: Entries.
        rules: Rules.
        floor: log-odds below which nothing is told.

    Returns:
        Found.
    """
    categories = rules.base.shape[0]
    most = 1
    room = 0
    for i in range(words.rows.shape[0]):
        own = entries.at[words.phrases[i] + 1] - entries.at[words.phrases[i]]
        room = own if i == 0 or words.rows[i] != words.rows[i - 1] else room + own
        most = max(most, room)
    sheet = Sheet(
        np.zeros(most, np.int64),
        np.zeros(most, np.int64),
        np.zeros(most, np.bool_),
        np.zeros(most + 1, np.int64),
        np.zeros(most + 1, np.float64),
        np.zeros(rules.needs.shape[1], np.float64),
    )
    # the candidates of a post, by category
    word = np.zeros(most, np.int64)
    entry = np.zeros(most, np.int64)
    at = np.zeros(categories + 1, np.int64)
    place = np.zeros(categories, np.int64)
    # what each category of a post comes to
    logits = np.zeros(categories, np.float64)
    rests = np.zeros(categories, np.float64)
    frames = np.zeros(categories, np.int32)
    changes = np.zeros((categories, 3), np.int32)
    own_at = np.zeros(categories + 1, np.int64)
    own_span = np.zeros(most, np.int64)
    own_weight = np.zeros(most, np.float64)

    n, m = 0, 0
    out_row = np.zeros(64, np.int64)
    out_category = np.zeros(64, np.int32)
    out_logit = np.zeros(64, np.float64)
    out_rest = np.zeros(64, np.float64)
    out_frame = np.zeros(64, np.int32)
    out_change = np.zeros((64, 3), np.int32)
    out_at = np.zeros(65, np.int64)
    span_field = np.zeros(256, np.uint8)
    span_start = np.zeros(256, np.int64)
    span_end = np.zeros(256, np.int64)
    span_cue = np.zeros(256, np.int32)
    span_weight = np.zeros(256, np.float64)

    first = 0
    while first < words.rows.shape[0]:
        after = first
        at[:] = 0
        while after < words.rows.shape[0] and words.rows[after] == words.rows[first]:
            for e in range(entries.at[words.phrases[after]], entries.at[words.phrases[after] + 1]):
                if entries.fields[e] >> words.fields[after] & 1:
                    at[entries.category[e] + 1] += 1
            after += 1
        for c in range(categories):
            at[c + 1] += at[c]
            place[c] = at[c]
        for i in range(first, after):
            for e in range(entries.at[words.phrases[i]], entries.at[words.phrases[i] + 1]):
                if entries.fields[e] >> words.fields[i] & 1:
                    c = entries.category[e]
                    word[place[c]] = i
                    entry[place[c]] = e
                    place[c] += 1
        plea, plea_word = -1, -1
        for c in range(categories):
            own_at[c + 1] = own_at[c]
            size = at[c + 1] - at[c]
            if size == 0:
                continue
            for k in range(size):
                sheet.word[k] = word[at[c] + k]
                sheet.entry[k] = entry[at[c] + k]
            logits[c], rests[c], spans = weigh_words(
                sheet, size, c, np.int64(NO_KIND), np.bool_(False), words, entries, rules
            )
            for k in range(spans):
                own_span[own_at[c] + k] = at[c] + sheet.span[k]
                own_weight[own_at[c] + k] = sheet.weight[k]
            own_at[c + 1] += spans
            frames[c] = _name(sheet.frames, rules.needs.shape[1])
            asks = rules.at_risk[c] and spans > 0 and logits[c] >= rules.queue[c]
            if asks and (plea < 0 or logits[c] > logits[plea]):
                plea = c
        if plea >= 0:
            best = own_at[plea]
            for k in range(own_at[plea] + 1, own_at[plea + 1]):
                heavier = own_weight[k] - own_weight[best]
                if heavier > 0 or (
                    heavier == 0 and words.starts[word[own_span[k]]] < words.starts[word[own_span[best]]]
                ):
                    best = k
            plea_word = word[own_span[best]]
        for c in range(categories):
            size = at[c + 1] - at[c]
            if size == 0:
                continue
            taken = 0.0
            if plea >= 0 and not rules.at_risk[c]:
                taken = rounded(min(PLEA, rules.queue[c] - logits[c] - 1.0))
                logits[c] += taken
            if logits[c] < floor - _SLACK:
                continue
            for k in range(size):
                sheet.word[k] = word[at[c] + k]
                sheet.entry[k] = entry[at[c] + k]
            if taken < 0:  # what else speaks against it is weighed again, to see which of them gives the name
                weigh_words(sheet, size, c, np.int64(NO_KIND), np.bool_(False), words, entries, rules)
                sheet.frames[rules.plea[c]] = taken
                frames[c] = _name(sheet.frames, rules.needs.shape[1])
            for k in range(own_at[c + 1] - own_at[c]):
                sheet.span[k] = own_span[own_at[c] + k] - at[c]
                sheet.weight[k] = own_weight[own_at[c] + k]
            find_change(
                changes[c], sheet, size, own_at[c + 1] - own_at[c], c, logits[c], frames[c] >= 0, words, entries, rules
            )
            spans = own_at[c + 1] - own_at[c]
            if n == out_row.shape[0]:
                out_row = _grown(out_row)
                out_category = _grown(out_category)
                out_logit = _grown(out_logit)
                out_rest = _grown(out_rest)
                out_frame = _grown(out_frame)
                wider = np.zeros((2 * n, 3), np.int32)
                wider[:n] = out_change
                out_change = wider
                longer = np.zeros(2 * n + 1, np.int64)
                longer[: n + 1] = out_at
                out_at = longer
            while m + spans + 1 > span_field.shape[0]:
                span_field = _grown(span_field)
                span_start = _grown(span_start)
                span_end = _grown(span_end)
                span_cue = _grown(span_cue)
                span_weight = _grown(span_weight)
            for k in range(own_at[c], own_at[c + 1]):
                i = word[own_span[k]]
                span_field[m], span_start[m], span_end[m] = words.fields[i], words.starts[i], words.ends[i]
                span_cue[m], span_weight[m] = entries.cue[entry[own_span[k]]], own_weight[k]
                m += 1
            if taken < 0:
                i = plea_word
                span_field[m], span_start[m], span_end[m] = words.fields[i], words.starts[i], words.ends[i]
                span_cue[m], span_weight[m] = rules.plea_cue, taken
                m += 1
            out_row[n], out_category[n], out_logit[n] = words.rows[first], c, logits[c]
            out_rest[n], out_frame[n] = rests[c], frames[c]
            out_change[n] = changes[c]
            n += 1
            out_at[n] = m
        first = after
    return Found(
        out_row[:n].copy(), out_category[:n].copy(), out_logit[:n].copy(), out_rest[:n].copy(), out_frame[:n].copy(),
        out_change[:n].copy(), out_at[: n + 1].copy(), span_field[:m].copy(), span_start[:m].copy(),
        span_end[:m].copy(), span_cue[:m].copy(), span_weight[:m].copy(),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _name(frames: Any, n: int) -> int:
    """The frame that takes most, -1 when none takes enough to give the post its name."""
    best = 0
    for frame in range(1, n):
        if frames[frame] < frames[best]:
            best = frame
    return best if frames[best] <= FRAMED else -1


@njit(cache=True, nogil=True)
def _grown(array: Any) -> Any:
    larger = np.zeros(2 * array.shape[0], array.dtype)
    larger[: array.shape[0]] = array
    return larger
