"""Finds amounts of money and of grams in folded text: 5万, 50,000円, 十万, 3k, 0.5g."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import DIGIT, LETTER

YEN: Final = 0
GRAM: Final = 1

# Folded code points.
_MAN, _OLD_MAN, _SEN, _EN, _K, _G = 0x4E07, 0x842C, 0x5343, 0x5186, 0x6B, 0x67  # 万 萬 千 円 k g
_MA, _N, _GU, _RA, _MU = 0x307E, 0x3093, 0x3050, 0x3089, 0x3080  # まん ぐらむ
_DOT, _COMMA, _YEN_SIGN, _TEN, _HUNDRED = 0x2E, 0x2C, 0xA5, 0x5341, 0x767E
_ZERO = 0x30
LONGEST: Final = 16  # characters of a number; longer runs of digits are ids, not amounts


@njit(cache=True, nogil=True)
def _kanji_digit(code: int) -> int:
    """一 to 九 as 1 to 9, else 0."""
    if code == 0x4E00:
        return 1
    if code == 0x4E8C:
        return 2
    if code == 0x4E09:
        return 3
    if code == 0x56DB:
        return 4
    if code == 0x4E94:
        return 5
    if code == 0x516D:
        return 6
    if code == 0x4E03:
        return 7
    if code == 0x516B:
        return 8
    if code == 0x4E5D:
        return 9
    return 0


@njit(cache=True, nogil=True)
def _number_before(codes: Any, classes: Any, lo: int, at: int) -> tuple[int, float]:
    """Where the number that ends before `at` begins (`at` when there is none), and its value."""
    first = at
    kanji = False
    while first > lo and at - first < LONGEST:
        code = codes[first - 1]
        if (classes[first - 1] == DIGIT and not kanji) or (
            code in (_DOT, _COMMA) and first - 2 >= lo and classes[first - 2] == DIGIT and first < at and not kanji
        ):
            first -= 1
        elif _kanji_digit(code) or code in (_TEN, _HUNDRED):
            if first < at and not kanji:
                break
            kanji = True
            first -= 1
        else:
            break
    if first == at or (first > lo and at - first == LONGEST and classes[first - 1] == DIGIT):
        return at, 0.0
    value = 0.0
    if kanji:
        part = 0.0
        for i in range(first, at):
            digit = _kanji_digit(codes[i])
            if digit:
                part = part * 10 + digit
            else:
                value += max(part, 1.0) * (100.0 if codes[i] == _HUNDRED else 10.0)
                part = 0.0
        return first, value + part
    scale = 0.0
    for i in range(first, at):
        if codes[i] == _DOT:
            scale = max(scale, 1.0)
        elif codes[i] != _COMMA:
            value = value * 10 + (codes[i] - _ZERO)
            scale *= 10
    return first, value / scale if scale > 1 else value


@njit(cache=True, nogil=True)
def find_amounts(codes: Any, classes: Any, rows: Any) -> tuple[Any, Any, Any, Any, Any]:
    """All amounts.

    Args:
        codes: int32 (n,), folded code points.
        classes: uint8 (n,), their classes.
        rows: int64 (rows + 1,), where each row begins.

    Returns:
        row int32, start int64, end int64 (indices into codes), unit uint8 (YEN or GRAM), value float64 (yen or grams).
    """
    capacity = 64
    hit_row = np.empty(capacity, np.int32)
    hit_start = np.empty(capacity, np.int64)
    hit_end = np.empty(capacity, np.int64)
    hit_unit = np.empty(capacity, np.uint8)
    hit_value = np.empty(capacity, np.float64)
    found = 0
    for row in range(rows.shape[0] - 1):
        lo = rows[row]
        hi = rows[row + 1]
        done = lo  # amounts do not overlap
        for i in range(lo + 1, hi):
            code = codes[i]
            factor = 0.0
            unit = YEN
            end = i + 1
            if code in (_MAN, _OLD_MAN):
                factor = 10_000.0
            elif code == _EN:
                factor = 1.0
            elif code == _SEN:
                factor = 1_000.0 if end < hi and codes[end] == _EN else 0.0
            elif code == _K:
                factor = 0.0 if end < hi and classes[end] == LETTER else 1_000.0
            elif code == _G:
                factor = 0.0 if end < hi and classes[end] == LETTER else 1.0
                unit = GRAM
            elif code == _MA:
                factor = 10_000.0 if end < hi and codes[end] == _N else 0.0
                end += 1
            elif code == _GU:
                factor = 1.0 if end + 1 < hi and codes[end] == _RA and codes[end + 1] == _MU else 0.0
                unit = GRAM
                end += 2
            if factor == 0.0:
                continue
            first, value = _number_before(codes, classes, done, i)
            if first == i or value == 0.0:
                continue
            if unit == YEN and factor > 1.0 and end < hi and codes[end] == _EN:
                end += 1
            if first > done and codes[first - 1] == _YEN_SIGN:
                first -= 1
            if found == capacity:
                capacity *= 2
                hit_row = _grown(hit_row, capacity)
                hit_start = _grown(hit_start, capacity)
                hit_end = _grown(hit_end, capacity)
                hit_unit = _grown(hit_unit, capacity)
                hit_value = _grown(hit_value, capacity)
            hit_row[found] = row
            hit_start[found] = first
            hit_end[found] = end
            hit_unit[found] = unit
            hit_value[found] = value * factor
            found += 1
            done = end
    return (
        hit_row[:found].copy(),
        hit_start[:found].copy(),
        hit_end[:found].copy(),
        hit_unit[:found].copy(),
        hit_value[:found].copy(),
    )


@njit(cache=True, nogil=True)
def _grown(array: Any, capacity: int) -> Any:
    larger = np.empty(capacity, array.dtype)
    larger[: array.shape[0]] = array
    return larger
