"""The judge on duty: the lexicon's words and a learned model's wording, one finding a category.

Of two findings about the same post and category the one with the higher grade speaks, then the one with the higher
score: what either would queue is queued, and the sum that explains the score is the speaker's own, so it still adds up.
When the learned one speaks, the lexicon's evidence goes into it: elements, items and frame, and the role of every listed
word that stands where the wording weighs. A plea that the learned judge queues silences every
offence, one that only the lexicon queues those that score no higher: whoever asks for help is not shown under an
offender's category on the same words, and a person sees the post either way.

A learned judge that has a gate is asked first, and only what passes is judged by either: the gate was made to let nearly
every harmful post through and nearly no other. Words that a deployment added itself (the overlay of categories) always pass.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.category import Category
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector, Gated
from yoake.detect.nearest import Nearest
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher
from yoake.tables.findings import FINDINGS, HIGH, LOW, MID, findings_batch, queued

_RANK: Final = {LOW: 0, MID: 1, HIGH: 2}
_NOTHING: Final = pa.RecordBatch.from_pylist([], schema=FINDINGS)


class Together:
    """Runs both and reports one finding per post and category; `detector` and `version` say who speaks."""

    name = "together"

    def __init__(
        self,
        listed: Detector,
        learned: Detector,
        categories: dict[str, Category],
        shipped: dict[str, Category] | None = None,
    ) -> None:
        """`shipped`: the categories as they came, for the phrases that were added since; None: nothing was."""
        self.listed, self.learned, self.categories = listed, learned, categories
        self.added = _added(categories, shipped if shipped is not None else categories)
        self._matcher: PhraseMatcher | None = None
        self._nearest = Nearest(categories)
        self.version = f"{listed.version}+{learned.version}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_matcher": None}  # arrays are rebuilt where they are needed

    @property
    def problems(self) -> list[Exception]:
        """Folders of categories that were left out, with the reason."""
        return list(getattr(self.listed, "problems", []))

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        chosen = np.flatnonzero(self._passing(posts))
        if not len(chosen):
            return _NOTHING
        part = posts.take(pa.array(chosen)) if len(chosen) < posts.num_rows else posts
        listed, learned = self.listed.judge(part), self.learned.judge(part)
        by_row: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
        for finding in listed.to_pylist():
            by_row[finding["row"]][finding["category"]] = finding
        for finding in learned.to_pylist():
            known = by_row[finding["row"]].get(finding["category"])
            by_row[finding["row"]][finding["category"]] = finding if known is None else _stronger(known, finding)
        found = []
        for row in sorted(by_row):
            of_post = sorted(by_row[row].values(), key=lambda one: (-one["score"], one["category"]))
            found += [{**finding, "row": int(chosen[row])} for finding in self._pleas_first(of_post)]
        self._compare(posts, [finding for finding in found if queued(finding)])
        return findings_batch(found) if found else _NOTHING

    def _passing(self, posts: pa.RecordBatch) -> Any:
        """Bool (posts,): which posts are judged."""
        if not isinstance(self.learned, Gated):
            return np.ones(posts.num_rows, np.bool_)
        passed = self.learned.passing(posts)
        if self.added:
            if self._matcher is None:
                self._matcher = PhraseMatcher(self.added)
            for name in FIELDS:
                passed[self._matcher.find(fold(posts.column(name))).rows] = True
        return passed

    def _compare(self, posts: pa.RecordBatch, findings: list[dict[str, Any]]) -> None:
        """Sets the nearest example of findings that somebody will read."""
        if findings:
            text = posts.column("text")
            texts = [text[finding["row"]].as_py() or "" for finding in findings]
            for finding, nearest in zip(
                findings, self._nearest.of(texts, [finding["category"] for finding in findings]), strict=True
            ):
                finding["nearest"] = nearest

    def _pleas_first(self, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
        pleas = [f for f in findings if queued(f) and self.categories[f["category"]].at_risk]
        if not pleas:
            return findings
        sure = any(f["detector"] != self.listed.name for f in pleas)
        most = 1.0 if sure else max(f["score"] for f in pleas)
        return [f for f in findings if self.categories[f["category"]].at_risk or f["score"] > most]


def _added(categories: dict[str, Category], shipped: dict[str, Category]) -> list[str]:
    """Spellings of phrases that a deployment added or weighed anew."""
    found: dict[str, None] = {}
    for slug, category in categories.items():
        known = set(shipped[slug].phrases) if slug in shipped else set()
        for phrase in category.phrases:
            if phrase not in known:
                found |= dict.fromkeys(phrase.spellings())
    return list(found)


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
