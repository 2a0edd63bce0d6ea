"""The gate against its plain twin; that it loses nothing is tested with the whole detector (test_lexicon.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.detect import naive
from tests.detect.worlds import steady
from yoake.detect.kernels.bound import could_score

PHRASES, CATEGORIES, KINDS = 5, 2, 3
weights = st.sampled_from([0.1, 0.5, 1.0, 2.5])
entry = st.tuples(st.integers(0, CATEGORIES - 1), st.sampled_from([1, 2, 4]), weights, st.integers(1, 7))


@steady
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, PHRASES - 1), st.sampled_from([1, 2, 4])), max_size=12),
    st.lists(st.lists(entry, max_size=3), min_size=PHRASES, max_size=PHRASES),
    st.lists(st.floats(0.05, 6), min_size=CATEGORIES, max_size=CATEGORIES),
    st.lists(st.tuples(st.integers(0, CATEGORIES - 1), st.integers(1, 7), weights), max_size=3),
)
def test_gate_equals_plain_twin(hits: Any, entries: Any, needed: Any, combinations: Any) -> None:
    flat = [e for listed in entries for e in listed]
    bits = [1, 2, 4]
    got = could_score(
        3,
        np.array([h[0] for h in hits], np.int32),
        np.array([h[1] for h in hits], np.int32),
        np.array([h[2] for h in hits], np.uint8),
        np.cumsum([0] + [len(listed) for listed in entries]).astype(np.int32),
        np.array([e[0] * KINDS + bits.index(e[1]) for e in flat], np.int32),
        np.array([e[2] for e in flat], np.float64),
        np.array([e[3] for e in flat], np.uint8),
        np.array([c for c in range(CATEGORIES) for _ in bits], np.int32),
        np.array(bits * CATEGORIES, np.int64),
        np.array(needed, np.float64),
        np.array([c[0] for c in combinations], np.int32),
        np.array([c[1] for c in combinations], np.int64),
        np.array([c[2] for c in combinations], np.float64),
        1.75,
    )
    assert got.tolist() == naive.could_score(3, hits, entries, needed, combinations, 1.75)
