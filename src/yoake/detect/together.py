"""The judge on duty: the lexicon's words and a learned model's wording, one finding a category.

Of two findings about the same post and category the one with the higher grade speaks, then the one with the higher
score: what either would queue is queued, and the sum that explains the score is the speaker's own, so it still adds up.
When the learned one speaks, the lexicon's evidence goes into it: elements, items and frame, and the role of every listed
word that stands where the wording weighs. A plea that the learned judge queues silences every
offence, one that only the lexicon queues those that score no higher: whoever asks for help is not shown under an
offender's category on the same words, and a person sees the post either way. Beside a finding that queues a post, low
ones below 0.05 are left out: a queued post is read by a person, and ten categories that it is not say nothing.

A learned judge that has a gate is asked first, and only what passes is judged by either: the gate was made to let nearly
every harmful post through and nearly no other. Words that a deployment added itself (the overlay of categories) always pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect.category import Category
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector, Gated, Telling, Told
from yoake.detect.nearest import Nearest
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher
from yoake.tables.findings import FINDINGS, HIGH, LEAST_BESIDE, LOW, MID, findings_batch, queued

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
        by_row: dict[int, dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
        for detector in (self.listed, self.learned):
            for one in told_by(detector, part):
                by_row[one.row][one.category].append(one)
        found, row_of = [], chosen.tolist()
        for row in sorted(by_row):
            of_post = sorted(self._of_post(by_row[row].values()), key=lambda one: (-one["score"], one["category"]))
            for finding in of_post:
                finding["row"] = row_of[row]
            found += of_post
        self._compare(posts, [finding for finding in found if queued(finding)])
        return findings_batch(found)

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

    def _of_post(self, said: Iterable[Sequence[Told]]) -> list[dict[str, Any]]:
        """The findings about one post, of what was said about each category."""
        loud: list[Sequence[Told]] = []
        quiet: list[Sequence[Told]] = []
        for about in said:
            low = about[0].grade == about[-1].grade == LOW
            (quiet if low else loud).append(about)
        loud.sort(key=lambda about: not self.categories[about[0].category].at_risk)
        found: list[dict[str, Any]] = []
        silenced, least = 0.0, 0.0  # an offence up to this score, a low finding below that
        for number, about in enumerate((*loud, *quiet)):
            at_risk = self.categories[about[0].category].at_risk
            most = about[0].score if len(about) == 1 else max(one.score for one in about)
            if (most < least and number >= len(loud)) or (most <= silenced and not at_risk):
                continue  # not worth making
            finding = _spoken(about)
            if finding is None or (finding["score"] <= silenced and not at_risk):
                continue
            if queued(finding):
                least = LEAST_BESIDE
                if at_risk:
                    silenced = max(silenced, finding["score"] if finding["detector"] == self.listed.name else 1.0)
            elif finding["score"] < least:
                continue
            found.append(finding)
        return found


class _Made:
    """What a detector said that only makes findings."""

    def __init__(self, finding: dict[str, Any]) -> None:
        self._finding = finding
        self.row, self.category = finding["row"], finding["category"]
        self.score, self.grade = finding["score"], finding["grade"]

    def evidence(self) -> dict[str, Any]:
        """The finding has it."""
        return self._finding

    def finding(self) -> dict[str, Any]:
        """As it was made."""
        return self._finding


def told_by(detector: Detector, posts: pa.RecordBatch) -> Sequence[Told]:
    """What a detector says about posts, whether or not it tells before it makes findings."""
    if isinstance(detector, Telling):
        return detector.tell(posts)
    return [_Made(finding) for finding in detector.judge(posts).to_pylist()]


def _added(categories: dict[str, Category], shipped: dict[str, Category]) -> list[str]:
    """Spellings of phrases that a deployment added or weighed anew."""
    found: dict[str, None] = {}
    for slug, category in categories.items():
        known = set(shipped[slug].phrases) if slug in shipped else set()
        for phrase in category.phrases:
            if phrase not in known:
                found |= dict.fromkeys(phrase.spellings())
    return list(found)


def _spoken(said: Sequence[Told]) -> dict[str, Any] | None:
    """The finding of who speaks about a category: the lexicon, or the learned one with the evidence of the other."""
    if len(said) == 1:
        return said[0].finding()
    listed, learned = said
    if (_RANK[listed.grade], listed.score) >= (_RANK[learned.grade], learned.score):
        return listed.finding()
    found = learned.finding()
    if found is None:
        return listed.finding()
    known = listed.evidence()
    for span in found["spans"]:
        span["cue"] = _role(span, known["spans"])
    found |= {"elements": known["elements"], "items": known["items"], "frame": known["frame"] or found["frame"]}
    return found


def _role(span: dict[str, Any], listed: list[dict[str, Any]]) -> str:
    """The cue of the listed word that shares most characters with a place and weighs on the same side."""
    best, role = 0, span["cue"]
    field, start, end, weighs = span["field"], span["start"], span["end"], span["weight"] > 0
    for other in listed:
        if other["start"] >= end or other["end"] <= start or other["field"] != field:
            continue
        shared = min(end, other["end"]) - max(start, other["start"])
        if shared > best and (other["weight"] > 0) == weighs:
            best, role = shared, other["cue"]
    return str(role)
