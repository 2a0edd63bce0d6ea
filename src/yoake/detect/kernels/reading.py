"""How a learned model reads folded text: what hides, names or only repeats is taken together."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from yoake.detect.kernels.characters import BREAK, DIGIT, JOINT, is_japanese

ID: Final = 0xE000  # stands for an id (private use, folded text has none)
_SHORTEST_ID: Final = 5
_LONG_NUMBER: Final = 7
_REPEATS: Final = 3  # of one character; more say nothing more
_SHORT_LINES: Final = 3  # breaks in a text that is cut into short lines
_SHORT_LINE: Final = 9  # characters of a line there, on average


@njit(cache=True, nogil=True, inline="always")
def _is_of_id(code: int) -> bool:
    return 97 <= code <= 122 or 48 <= code <= 57 or code == 95  # a-z 0-9 _


@njit(cache=True, nogil=True)
def read(codes: Any, starts: Any, ends: Any, classes: Any, rows: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Makes folded columns what a learned model reads.

    - Joints between Japanese characters go (口座・通帳 -> 口座通帳), and the breaks of a text that is cut into short lines.
    - An id is one character ID: five or more small letters, digits and underscores, with a letter, and with a digit or an
      underscore; and so is a number of seven digits or more. Nobody's name teaches anything.
    - Of a repeated character three stay, digits aside: no row of ｗ outweighs what stands before it.

    Args:
        codes: int32 (n,), folded code points; changed in place, as are the others.
        starts: int32 (n,), where the original of each character begins.
        ends: int32 (n,), one past where it ends.
        classes: uint8 (n,), classes of kernels.characters.
        rows: int64 (rows + 1,), where each row begins.

    Returns:
        The five arrays, shorter.
    """
    to = np.int64(0)
    for row in range(rows.shape[0] - 1):
        lo, until = rows[row], rows[row + 1]
        rows[row] = to
        first = to
        breaks = 0
        for i in range(lo, until):
            breaks += classes[i] == BREAK
        short = breaks >= _SHORT_LINES and until - lo <= _SHORT_LINE * (breaks + 1)
        repeated = 0
        looked = lo  # up to here no id begins
        i = lo
        while i < until:
            code, kind = codes[i], classes[i]
            if (kind == JOINT or (short and kind == BREAK)) and to > first and is_japanese(classes[to - 1]):
                after = i + 1
                while after < until and (classes[after] == JOINT or (short and classes[after] == BREAK)):
                    after += 1
                if after < until and is_japanese(classes[after]):
                    i = after
                    continue
            if i >= looked and code <= 122 and _is_of_id(code):
                letters, digits = 0, 0
                looked = i
                while looked < until and _is_of_id(codes[looked]):
                    letters += codes[looked] >= 97
                    digits += codes[looked] <= 57
                    looked += 1
                size = looked - i
                if (size >= _SHORTEST_ID and 0 < letters < size) or (digits == size and size >= _LONG_NUMBER):
                    codes[to], starts[to], ends[to], classes[to] = ID, starts[i], ends[looked - 1], kind
                    to += 1
                    repeated = 0
                    i = looked
                    continue
            repeated = repeated + 1 if to > first and codes[to - 1] == code and kind != DIGIT else 0
            if repeated >= _REPEATS:
                ends[to - 1] = ends[i]
            else:
                codes[to], starts[to], ends[to], classes[to] = code, starts[i], ends[i], kind
                to += 1
            i += 1
    rows[rows.shape[0] - 1] = to
    return codes[:to], starts[:to], ends[:to], classes[:to], rows
