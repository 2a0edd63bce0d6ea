"""The judge on duty: the lexicon's words and a learned model's wording, one finding a category.

Of two findings about the same post and category the one with the higher grade speaks, then the one with the higher
score: what either would queue is queued, and the sum that explains the score is the speaker's own, so it still adds up.
When the learned one speaks, the lexicon's evidence goes into it: elements, items and frame, and the role of every listed
word that stands where the wording weighs. A plea that is queued silences offences that score no higher: whoever asks for
help is never shown under an offender's category on the same words.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pyarrow as pa

from yoake.detect.category import Category
from yoake.detect.detector import Detector
from yoake.tables.findings import FINDINGS, HIGH, LOW, MID, findings_batch, queued

_RANK: Final = {LOW: 0, MID: 1, HIGH: 2}


class Together:
    """Runs both and reports one finding per post and category; `detector` and `version` say who speaks."""

    name = "together"

    def __init__(self, listed: Detector, learned: Detector, categories: dict[str, Category]) -> None:
        self.listed, self.learned, self.categories = listed, learned, categories
        self.version = f"{listed.version}+{learned.version}"

    @property
    def problems(self) -> list[Exception]:
        """Folders of categories that were left out, with the reason."""
        return list(getattr(self.listed, "problems", []))

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        # Their kernels let go of Python's lock, so two cores serve one page.
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(self.listed.judge, posts)
            learned = self.learned.judge(posts)
            listed = asked.result()
        if not learned.num_rows:
            return listed
        by_row: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
        for finding in listed.to_pylist():
            by_row[finding["row"]][finding["category"]] = finding
        for finding in learned.to_pylist():
            known = by_row[finding["row"]].get(finding["category"])
            by_row[finding["row"]][finding["category"]] = finding if known is None else _stronger(known, finding)
        found = []
        for row in sorted(by_row):
            of_post = sorted(by_row[row].values(), key=lambda one: (-one["score"], one["category"]))
            found += self._pleas_first(of_post)
        return findings_batch(found) if found else pa.RecordBatch.from_pylist([], schema=FINDINGS)

    def _pleas_first(self, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        pleas = [f["score"] for f in findings if queued(f) and self.categories[f["category"]].at_risk]
        if not pleas:
            return findings
        return [f for f in findings if self.categories[f["category"]].at_risk or f["score"] > max(pleas)]


def _stronger(listed: dict[str, Any], learned: dict[str, Any]) -> dict[str, Any]:
    """The finding that speaks; the learned one with the evidence of the other."""
    if (_RANK[listed["grade"]], listed["score"]) >= (_RANK[learned["grade"]], learned["score"]):
        return listed
    spans = [{**span, "cue": _role(span, listed["spans"])} for span in learned["spans"]]
    evidence = {name: listed[name] for name in ("elements", "items", "nearest")}
    return {**learned, **evidence, "frame": listed["frame"] or learned["frame"], "spans": spans}


def _role(span: dict[str, Any], listed: list[dict[str, Any]]) -> str:
    """The cue of the listed word that shares most characters with a place and weighs on the same side."""
    best, role = 0, span["cue"]
    for other in listed:
        shared = min(span["end"], other["end"]) - max(span["start"], other["start"])
        if other["field"] == span["field"] and shared > best and (other["weight"] > 0) == (span["weight"] > 0):
            best, role = shared, other["cue"]
    return str(role)
