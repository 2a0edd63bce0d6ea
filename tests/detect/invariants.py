"""What holds for every text there is: shared by the tests of odd input and by `python -m bench.fuzz`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tests.detect import naive
from tests.detect.worlds import holds, posts
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector
from yoake.detect.text.fold import Folded, fold, fold_text
from yoake.tables.findings import FINDINGS

_SPANS = 60  # more places than a person reads are no explanation


def texts_of(octets: bytes) -> dict[str, str]:
    """The three fields of a post from any octets, divided at U+001E; what is not UTF-8 becomes U+FFFD, as in the collectors."""
    parts = octets.decode("utf-8", "replace").split("\x1e", len(FIELDS) - 1)
    return dict(zip(FIELDS, [*parts, "", ""], strict=False))


def folds(text: str) -> Folded:
    """Folds the text and checks the map: places rise, lie inside the text, and folding again changes nothing."""
    folded = fold(pa.array([text], pa.string()))
    assert len(folded.codes) == len(folded.starts) == len(folded.ends) == len(folded.classes) == folded.rows[-1]
    assert (folded.starts >= 0).all()
    assert (folded.ends <= len(text)).all()
    assert (folded.starts < folded.ends).all()
    assert (np.diff(folded.starts) >= 0).all()
    assert (np.diff(folded.ends) >= 0).all()
    once = folded.text(0)
    assert fold_text(once) == once
    return folded


def folds_as_its_twin(text: str) -> None:
    """The kernel and its slow plain twin give the same characters, places and classes."""
    folded = folds(text)
    arrays = (folded.codes, folded.starts, folded.ends, folded.classes)
    assert list(zip(*(a.tolist() for a in arrays), strict=True)) == [tuple(c) for c in naive.fold(text)]


def judges(detector: Detector, fields: dict[str, str]) -> list[dict[str, Any]]:
    """Judges a post and checks every finding: its sum is its score, and each of its places stands in the post."""
    batch = detector.judge(posts(dict(fields)))
    assert batch.schema == FINDINGS
    found: list[dict[str, Any]] = batch.to_pylist()
    assert len({f["category"] for f in found}) == len(found)
    for finding in found:
        holds(finding, fields)
        assert len(finding["spans"]) < _SPANS
        named = [one["span"] for one in (*finding["elements"], *finding["items"]["present"])]
        for span in (*finding["spans"], *named):
            assert 0 <= span["start"] < span["end"] <= len(fields[span["field"]])
            assert fields[span["field"]][span["start"] : span["end"]] == span["text"]
    return found
