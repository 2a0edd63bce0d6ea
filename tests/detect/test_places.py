"""Where characters weigh most: the kernel against its slow plain twin, one post at a time and many at once."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tests.detect.worlds import steady, texts
from yoake.detect.kernels.characters import DIGIT, KANJI, KATAKANA, LETTER, PROLONGED, SPACE
from yoake.detect.kernels.places import FAINT, LONGEST, all_strong_places, strong_places
from yoake.detect.text.fold import fold

WORDS = (LETTER, DIGIT, KATAKANA, KANJI, PROLONGED)
# shares of characters, repeated over the post; eighths add up exactly in any order
shares = st.lists(st.integers(-8, 8).map(lambda n: n / 8), min_size=1, max_size=9)


def slowly(share: Any, kinds: list[int], strongest: float) -> list[tuple[float, int, int]]:
    """Stretches of one field."""
    smooth, found = smoothed(share), []
    for sign in (1.0, -1.0):
        strong = (smooth * sign >= strongest * FAINT).tolist()
        runs = [(on, list(of)) for on, of in itertools.groupby(range(len(strong)), key=strong.__getitem__)]
        for begins, ends in [(of[0], of[-1] + 1) for on, of in runs if on]:
            first, after = begins, ends
            while first > 0 and ends - first < LONGEST and kinds[first - 1] == kinds[first] and kinds[first] in WORDS:
                first -= 1
            while after < len(kinds) and after - begins < LONGEST and kinds[after] == kinds[after - 1] in WORDS:
                after += 1
            while first < after - 1 and kinds[first] >= SPACE:
                first += 1
            while after - 1 > first and kinds[after - 1] >= SPACE:
                after -= 1
            for cut in range(first, after, LONGEST):
                until = min(cut + LONGEST, after)
                weight = float(share[cut:until].sum())
                if weight * sign > 0:
                    found.append((weight, cut, until))
    return found


def smoothed(share: Any) -> Any:
    if len(share) < 3:
        return share
    around = np.concatenate([[0.0], share, [0.0]])
    third = 1 / 3
    return around[:-2] * third + around[1:-1] * third + around[2:] * third


@steady
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=3), shares)
def test_kernel_equals_plain_twin(posts: list[tuple[str, str]], pattern: list[float]) -> None:
    columns = [fold(pa.array(part, pa.string())) for part in ([a for a, _ in posts], [b for _, b in posts], [""] * len(posts))]  # fmt: skip
    lengths = np.array([np.diff(column.rows) for column in columns]).T.ravel()
    starts = np.append(0, np.cumsum(lengths)).astype(np.int64)
    given_shares = np.resize(np.array(pattern), int(starts[-1]))
    args = [part for column in columns for part in (column.classes, column.rows)]
    at, *many = all_strong_places(given_shares, starts, np.arange(len(posts)), *args)
    for row in range(len(posts)):
        parts = [given_shares[starts[3 * row + f] : starts[3 * row + f + 1]] for f in range(3)]
        kinds = [column.classes[column.rows[row] : column.rows[row + 1]] for column in columns]
        strongest = max((float(np.abs(smoothed(part)).max(initial=0.0)) for part in parts), default=0.0)
        expected = [
            (weight, field, first, after)
            for field, (part, kind) in enumerate(zip(parts, kinds, strict=True))
            for weight, first, after in (slowly(part, kind.tolist(), strongest) if strongest else [])
        ]
        here = starts[3 * row : 3 * row + 4] - starts[3 * row]
        alone = strong_places(np.concatenate(parts), here, np.concatenate(kinds))
        assert list(zip(*(part.tolist() for part in alone), strict=True)) == expected
        own = slice(int(at[row]), int(at[row + 1]))
        assert list(zip(*(part[own].tolist() for part in many), strict=True)) == expected
