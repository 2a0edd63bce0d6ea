"""The moves of an automaton of many words, woven into a double array for the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from yoake.detect.kernels.weave import weave_moves


def double_array(parents: Any, symbols: Any, width: int) -> tuple[Any, Any, Any, Any]:
    """Root table (width,), base (states,), check and target (cells,): the moves of all states woven into one array."""
    root = np.zeros(width, np.int32)
    beginnings = np.flatnonzero(parents == 0)[1:]  # the root is its own parent
    root[symbols[beginnings]] = beginnings
    moving = np.flatnonzero(parents)  # the root has its own table
    moving = moving[np.argsort(parents[moving], kind="stable")]
    sizes = np.bincount(parents[moving], minlength=len(parents))
    owners = np.flatnonzero(sizes)
    base, check, target = weave_moves(
        np.append(0, np.cumsum(sizes)).astype(np.int32),
        symbols[moving],
        moving.astype(np.int32),
        owners[np.lexsort((owners, -sizes[owners]))].astype(np.int32),
        width,
    )
    return root, base, check, target
