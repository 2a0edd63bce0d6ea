"""Hashed runs of characters, weighed: the features of learned detectors, their sums, and who added what.

A post is a bag of runs of 1 to `longest` folded characters, and of words (neighbours of one script), of its three fields
(each field in a space of its own), hashed into 2 ** `bits` buckets. The value of a bucket is (1 + ln count) * idf[bucket],
divided by the Euclidean norm of the whole post. Digits count as one digit in runs of two or more and in words, so that
日給5万 and 日給8万 share them; the characters of an id (letters with a digit or _) count as one character, so that nobody is
found by a name alone.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.reading import ID

FIELDS: Final = 3
TEXT: Final = 0  # fields of a post; given to kernels as int64, or each number would have its own machine code
PROFILE: Final = 1
PARENT: Final = 2
WORD: Final = 3  # added to a field's number: the space of its words
_PRIME: Final = np.uint32(16777619)
_MIX: Final = np.uint32(0x85EBCA6B)
_MIX_TWO: Final = np.uint32(0xC2B2AE35)
_LOGS: Final = np.concatenate([[0.0], 1.0 + np.log(np.arange(1, 64))]).astype(np.float64)


@njit(cache=True, nogil=True, inline="always")
def seed_of(field: Any) -> Any:
    """First hash value (uint32) of a field's runs."""
    return np.uint32((np.uint32(field) + np.uint32(1)) * np.uint32(0x9E3779B1))


@njit(cache=True, nogil=True, inline="always")
def extend(value: Any, code: Any) -> Any:
    """Hash (uint32) of a run that is longer by one folded code point."""
    return np.uint32((value ^ np.uint32(code)) * _PRIME)


@njit(cache=True, nogil=True, inline="always")
def place(value: Any, bits: Any) -> Any:
    """Bucket (int64, 0 to 2 ** bits - 1) of a hash (uint32)."""
    mixed = np.uint32((value ^ (value >> np.uint32(15))) * _MIX)
    mixed = np.uint32((mixed ^ (mixed >> np.uint32(13))) * _MIX_TWO)
    return np.int64(mixed >> np.uint32(32 - bits))


@njit(cache=True, nogil=True, inline="always")
def plain(code: Any) -> Any:
    """A folded code point as it counts in runs of two or more: every digit is 0."""
    return 48 if 48 <= code <= 57 else code


@njit(cache=True, nogil=True, inline="always")
def script(code: Any) -> Any:
    """Which script a folded code point is of: neighbours of one are a word; 0 for what is in no word."""
    if code < 128:
        return 1 if 97 <= code <= 122 else 2 if 48 <= code <= 57 else 0
    if 0x30A1 <= code <= 0x30FE or 0x3041 <= code <= 0x3096:
        return 3 if code <= 0x3096 else 4
    if 0x4E00 <= code <= 0x9FFF or code == 0x3005:
        return 5
    if 0xAC00 <= code <= 0xD7A3:
        return 6
    return 1 if 0xC0 <= code <= 0x24F or 0x1E00 <= code <= 0x1EFF or code == ID else 0


@njit(cache=True, nogil=True, inline="always")
def word_end(codes: Any, first: int, after: int) -> int:
    """One past the last character of the word that begins at `first`; `first` when none does."""
    kind = script(codes[first])
    if kind == 0:
        return first
    end = first + 1
    while end < after and script(codes[end]) == kind:
        end += 1
    return end


@njit(cache=True, nogil=True, inline="always")
def word_hash(codes: Any, first: int, end: int, field: Any) -> Any:
    """Hash (uint32) of the word from `first` to `end` in a field."""
    value = seed_of(field + WORD)
    for i in range(first, end):
        value = extend(value, plain(codes[i]))
    return value


@njit(cache=True, nogil=True, inline="always")
def damped(count: Any) -> Any:
    """1 + ln count, for count >= 1."""
    return _LOGS[count] if count < 64 else 1.0 + np.log(count)


@njit(cache=True, nogil=True)
def collect(
    codes: Any, first: int, after: int, field: int, bits: int, longest: int, counts: Any, touched: Any, n: int
) -> int:
    """Counts the runs and words of one field of one post.

    Args:
        codes: int32 (n,), code points as they are read of a column.
        first: first of the post's.
        after: one past its last.
        field: 0, 1, 2.
        bits: of the table.
        longest: characters of the longest run.
        counts: int32 (2 ** bits,), counted in place; all 0 before the first field of a post.
        touched: int32 (2 ** bits,), buckets that are no longer 0, written from place n on.
        n: how many are touched already.

    Returns:
        How many buckets are touched now.
    """
    begins = first
    while begins < after:
        end = word_end(codes, begins, after)
        if end > begins:
            at = place(word_hash(codes, begins, end, field), bits)
            if counts[at] == 0:
                touched[n] = at
                n += 1
            counts[at] += 1
        begins = max(end, begins + 1)
    for i in range(first, after):
        single = extend(seed_of(field), codes[i])
        at = place(single, bits)
        if counts[at] == 0:
            touched[n] = at
            n += 1
        counts[at] += 1
        value = extend(seed_of(field), plain(codes[i]))
        for j in range(i + 1, min(i + longest, after)):
            value = extend(value, plain(codes[j]))
            at = place(value, bits)
            if counts[at] == 0:
                touched[n] = at
                n += 1
            counts[at] += 1
    return n


@njit(cache=True, nogil=True)
def collect_post(
    codes: Any,
    rows: Any,
    profile_codes: Any,
    profile_rows: Any,
    parent_codes: Any,
    parent_rows: Any,
    row: int,
    bits: int,
    longest: int,
    counts: Any,
    touched: Any,
) -> Any:
    """Counts the runs of all fields of one post; arguments as in `sums` and `collect`, the answer as in `collect`."""
    n = collect(codes, rows[row], rows[row + 1], np.int64(TEXT), bits, longest, counts, touched, np.int64(0))
    n = collect(
        profile_codes, profile_rows[row], profile_rows[row + 1], np.int64(PROFILE), bits, longest, counts, touched, n
    )
    return collect(
        parent_codes, parent_rows[row], parent_rows[row + 1], np.int64(PARENT), bits, longest, counts, touched, n
    )


@njit(cache=True, nogil=True)
def features(
    codes: Any,
    rows: Any,
    profile_codes: Any,
    profile_rows: Any,
    parent_codes: Any,
    parent_rows: Any,
    bits: int,
    longest: int,
) -> Any:
    """The runs of every post: a matrix of compressed rows.

    Args:
        codes: int32 (n,), code points as they are read of all texts.
        rows: int64 (posts + 1,), where each text begins.
        profile_codes: the same of the profiles.
        profile_rows: the same of the profiles.
        parent_codes: the same of the parent posts.
        parent_rows: the same of the parent posts.
        bits: of the table.
        longest: characters of the longest run.

    Returns:
        starts int64 (posts + 1,), buckets int32 (m,) rising inside a post, values float32 (m,) = 1 + ln count.
    """
    posts = rows.shape[0] - 1
    counts = np.zeros(1 << bits, np.int32)
    touched = np.zeros(1 << bits, np.int32)
    most = (longest + 1) * (codes.shape[0] + profile_codes.shape[0] + parent_codes.shape[0])
    buckets = np.zeros(most, np.int32)
    values = np.zeros(most, np.float32)
    starts = np.zeros(posts + 1, np.int64)
    m = 0
    for row in range(posts):
        n = collect_post(
            codes, rows, profile_codes, profile_rows, parent_codes, parent_rows, row, bits, longest, counts, touched
        )
        listed = np.sort(touched[:n])
        for k in range(n):
            buckets[m] = listed[k]
            values[m] = damped(counts[listed[k]])
            counts[listed[k]] = 0
            m += 1
        starts[row + 1] = m
    return starts, buckets[:m].copy(), values[:m].copy()


@njit(cache=True, nogil=True)
def sums(
    codes: Any,
    rows: Any,
    profile_codes: Any,
    profile_rows: Any,
    parent_codes: Any,
    parent_rows: Any,
    bits: int,
    longest: int,
    chosen: Any,
    idf: Any,
    weights: Any,
    damping: float,
) -> Any:
    """What the weights give each of the chosen posts, without any base.

    Args:
        codes: int32 (n,), code points as they are read of all texts.
        rows: int64 (posts + 1,), where each text begins.
        profile_codes: the same of the profiles.
        profile_rows: the same of the profiles.
        parent_codes: the same of the parent posts.
        parent_rows: the same of the parent posts.
        bits: of the table.
        longest: characters of the longest run.
        chosen: int64 (k,), posts.
        idf: float32 (2 ** bits,), how rare a bucket is, > 0.
        weights: float32 (2 ** bits, labels).
        damping: added to the square of the norm, >= 0.

    Returns:
        float64 (k, labels); nan in the rows of posts without a character.
    """
    labels = weights.shape[1]
    counts = np.zeros(1 << bits, np.int32)
    touched = np.zeros(1 << bits, np.int32)
    out = np.zeros((chosen.shape[0], labels), np.float64)
    for k in range(chosen.shape[0]):
        row = chosen[k]
        n = collect_post(
            codes, rows, profile_codes, profile_rows, parent_codes, parent_rows, row, bits, longest, counts, touched
        )
        square = 0.0
        for i in range(n):
            at = touched[i]
            value = damped(counts[at]) * idf[at]
            counts[at] = 0
            square += value * value
            for label in range(labels):
                out[k, label] += value * weights[at, label]
        if n == 0:
            out[k, :] = np.nan
        else:
            out[k, :] /= np.sqrt(square + damping)
    return out


@njit(cache=True, nogil=True)
def attribute(
    codes: Any,
    rows: Any,
    profile_codes: Any,
    profile_rows: Any,
    parent_codes: Any,
    parent_rows: Any,
    bits: int,
    longest: int,
    chosen: Any,
    labels: Any,
    idf: Any,
    weights: Any,
    damping: float,
) -> Any:
    """What each folded character of some posts adds to a label: a run's share of its bucket is spread over its characters.

    Args:
        codes: int32 (n,), code points as they are read of all texts.
        rows: int64 (posts + 1,), where each text begins.
        profile_codes: the same of the profiles.
        profile_rows: the same of the profiles.
        parent_codes: the same of the parent posts.
        parent_rows: the same of the parent posts.
        bits: of the table.
        longest: characters of the longest run.
        chosen: int64 (k,), posts; those of one post beside each other.
        labels: int64 (k,), what is asked of each.
        idf: float32 (2 ** bits,).
        weights: float32 (2 ** bits, labels).
        damping: as in `sums`.

    Returns:
        starts int64 (3 k + 1,), shares float64 (starts[-1],): one value a folded character; of question i those of the
        text are shares[starts[3 i]:starts[3 i + 1]], then those of profile and parent; together they add up to `sums`.
    """
    starts = np.zeros(3 * chosen.shape[0] + 1, np.int64)
    for k in range(chosen.shape[0]):
        row = chosen[k]
        starts[3 * k + 1] = starts[3 * k] + rows[row + 1] - rows[row]
        starts[3 * k + 2] = starts[3 * k + 1] + profile_rows[row + 1] - profile_rows[row]
        starts[3 * k + 3] = starts[3 * k + 2] + parent_rows[row + 1] - parent_rows[row]
    out = np.zeros(starts[-1], np.float64)
    counts = np.zeros(1 << bits, np.int32)
    touched = np.zeros(1 << bits, np.int32)
    n, norm = 0, 1.0
    for k in range(chosen.shape[0]):
        row = chosen[k]
        if k == 0 or row != chosen[k - 1]:
            for i in range(n):
                counts[touched[i]] = 0
            n = collect_post(
                codes, rows, profile_codes, profile_rows, parent_codes, parent_rows, row, bits, longest, counts, touched
            )
            square = 0.0
            for i in range(n):
                value = damped(counts[touched[i]]) * idf[touched[i]]
                square += value * value
            norm = np.sqrt(square + damping) if n else 1.0
        first, after = rows[row], rows[row + 1]
        _spread(
            codes,
            first,
            after,
            np.int64(TEXT),
            bits,
            longest,
            counts,
            idf,
            weights,
            labels[k],
            norm,
            out,
            starts[3 * k],
        )
        first, after = profile_rows[row], profile_rows[row + 1]
        _spread(
            profile_codes,
            first,
            after,
            np.int64(PROFILE),
            bits,
            longest,
            counts,
            idf,
            weights,
            labels[k],
            norm,
            out,
            starts[3 * k + 1],
        )
        first, after = parent_rows[row], parent_rows[row + 1]
        _spread(
            parent_codes,
            first,
            after,
            np.int64(PARENT),
            bits,
            longest,
            counts,
            idf,
            weights,
            labels[k],
            norm,
            out,
            starts[3 * k + 2],
        )
    return starts, out


@njit(cache=True, nogil=True)
def _spread(
    codes: Any,
    first: int,
    after: int,
    field: int,
    bits: int,
    longest: int,
    counts: Any,
    idf: Any,
    weights: Any,
    label: int,
    norm: float,
    out: Any,
    to: int,
) -> None:
    """Adds to out[to:] what each character of one field gets."""
    begins = first
    while begins < after:
        end = word_end(codes, begins, after)
        if end > begins:
            at = place(word_hash(codes, begins, end, field), bits)
            out[to + begins - first : to + end - first] += (
                damped(counts[at]) * idf[at] * weights[at, label] / (norm * counts[at] * (end - begins))
            )
        begins = max(end, begins + 1)
    for i in range(first, after):
        at = place(extend(seed_of(field), codes[i]), bits)
        out[to + i - first] += damped(counts[at]) * idf[at] * weights[at, label] / (norm * counts[at])
        value = extend(seed_of(field), plain(codes[i]))
        for j in range(i + 1, min(i + longest, after)):
            value = extend(value, plain(codes[j]))
            at = place(value, bits)
            share = damped(counts[at]) * idf[at] * weights[at, label] / (norm * counts[at] * (j - i + 1))
            for k in range(i, j + 1):
                out[to + k - first] += share
