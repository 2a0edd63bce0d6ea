"""A learned judge: weights of character runs, so that wording nobody listed is found, and every score can be taken apart.

score = sigmoid(base + rest + sum of the spans' weights)

base    log-odds of a post whose runs weigh nothing: the label's own, or those of any harm for the likeliest label
spans   the places that add or take away most; a place gets what the runs inside it give its characters
rest    what the remaining characters give together
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect import wording
from yoake.detect.category import Category, digest, load_categories, sought
from yoake.detect.category_keys import FIELDS
from yoake.detect.kernels.linear import attribute
from yoake.detect.linear_model import LinearModel, columns, read_linear
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded, fold
from yoake.errors import BadInput, Refused
from yoake.tables.findings import FINDINGS, LOW, findings_batch

__all__ = ["Linear"]

_CODE_VERSION: Final = "2"  # raise with every change here that can change a finding
_LEAST: Final = 0.05  # of a score: what lies below says little more than how many rows of the corpus are harmful
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TOKYO_S: Final = 9 * 3600  # no summer time
_NOTHING: Final = pa.RecordBatch.from_pylist([], schema=FINDINGS)


class Linear:
    """Judges by a learned model folder (yoake train); reports only labels that are categories on the shelf."""

    name = "linear"

    def __init__(self, model: Path | None = None, overlay: Path | None = None) -> None:
        if model is None:
            raise BadInput("model", "none", "a folder made by yoake train")
        self.folder = model
        self.categories, self.problems = load_categories(overlay)
        self._model: LinearModel | None = read_linear(model)
        self._weights: Any = None
        self._of_label: dict[int, Any] = {}  # one label's weights in a row, copied once
        self.model_version = self._model.version
        self.labels = self._model.labels
        reported = sought(self.categories)
        self.known = [label for label in self._model.labels if label in reported]
        judged = {slug: self.categories[slug] for slug in self.known}
        self.version = f"{self.model_version}-{_CODE_VERSION}-{digest(judged)}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None, "_weights": None, "_of_label": {}}  # read again where they are needed

    @property
    def model(self) -> LinearModel:
        """The arrays, read again after pickling."""
        if self._model is None:
            found = read_linear(self.folder)
            if found.version != self.model_version:
                raise Refused(f"the model {self.folder} was replaced while it served: load it again")
            self._model = found
        return self._model

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= .05."""
        model = self.model
        if not self.known or not posts.num_rows:
            return _NOTHING
        if self._weights is None:
            self._weights = model.weights()
        texts = [posts.column(name) for name in FIELDS]
        folded = [fold(column) for column in texts]
        chosen = np.flatnonzero(model.gated(folded) >= 0)
        if not len(chosen):
            return _NOTHING
        logits = model.logits(folded, self._weights, chosen)
        arrays, bases = columns(folded), model.bases()
        found: list[dict[str, Any]] = []
        seen_at = posts.column("seen_at").cast(pa.int64())
        numbers = [model.labels.index(slug) for slug in self.known]
        floor = _logit(_LEAST)
        for place, row in enumerate(chosen.tolist()):
            seen_us = seen_at[row].as_py()
            day = None if seen_us is None else date.fromordinal(_EPOCH + (seen_us // 1_000_000 + _TOKYO_S) // 86_400)
            fields = [FieldText(texts[f][row].as_py() or "", folded[f], row) for f in range(len(FIELDS))]
            own = logits[place, :-1]
            top, listed = int(own.argmax()), []
            for number in numbers:
                # the likeliest label speaks with the vector of any harm when that says more
                used = len(own) if number == top and logits[place, -1] > own[top] else number
                if logits[place, used] >= floor:
                    category = self.categories[model.labels[number]]
                    logit = float(logits[place, used])
                    listed.append(
                        self._finding(category, used, logit, float(bases[used]), folded, arrays, row, fields, day)
                    )
            for finding in sorted(listed, key=lambda one: (-one["score"], one["category"])):
                if finding["score"] < _LEAST or not any(s["text"].strip() for s in finding["spans"]):
                    continue  # nothing to point at is no finding
                finding |= {
                    "row": row,
                    "uid": posts.column("uid")[row].as_py(),
                    "content_hash": posts.column("content_hash")[row].as_py(),
                    "detector": self.name,
                    "version": self.version,
                }
                found.append(finding)
        return findings_batch(found) if found else _NOTHING

    def passing(self, posts: pa.RecordBatch) -> Any:
        """Bool (posts,): which posts pass the gate; the others have no finding."""
        return self.model.gated([fold(posts.column(name)) for name in FIELDS]) >= 0

    def probabilities(self, posts: pa.RecordBatch) -> Any:
        """float64 (posts, labels): what the model says of each of its labels, on the shelf or not."""
        return self._told(posts)[0]

    def harm(self, posts: pa.RecordBatch) -> Any:
        """float64 (posts,): how likely any harm is, as the finding about the likeliest label has it."""
        return self._told(posts)[1]

    def _told(self, posts: pa.RecordBatch) -> tuple[Any, Any]:
        return self.model.probabilities([fold(posts.column(name)) for name in FIELDS])

    def grade(self, category: Category, score: float) -> str:
        """low, mid or high by the thresholds of the model: it knows best what its probabilities are worth."""
        return category.grade(score, self.queue(category), self.model.high)

    def queue(self, category: Category) -> float:
        """The score from which a finding of this category is queued."""
        return self.model.queue_at_risk if category.at_risk else self.model.queue

    def _finding(
        self,
        category: Category,
        number: int,
        logit: float,
        base: float,
        folded: Sequence[Folded],
        arrays: tuple[Any, ...],
        row: int,
        fields: Sequence[FieldText],
        day: date | None,
    ) -> dict[str, Any]:
        model = self.model
        base = round(base, 6)
        weights = self._of_label.get(number)
        if weights is None:
            weights = self._of_label[number] = np.ascontiguousarray(self._weights[:, number])
        shares = attribute(*arrays, model.bits, model.longest, row, model.idf, weights, model.damping)
        phrases = self.grade(category, wording.sigmoid(logit)) != LOW
        spans = wording.spans(fields, folded, shares, phrases=phrases)
        rest = round(logit - base - sum(span["weight"] for span in spans), 6)
        score = wording.sigmoid(base + rest + sum(span["weight"] for span in spans))
        grade = self.grade(category, score)
        return {
            "category": category.slug,
            "class": category.classes[-1].name if day is None else category.class_on(day),
            "score": score,
            "grade": grade,
            "base": base,
            "rest": rest,
            "frame": "advertisement" if grade != "low" and not category.at_risk else "",
            "explanation": wording.explanation(category, grade, spans),
            "counter": wording.counter(grade, base + rest, spans, _logit(self.queue(category))),
            "spans": spans,
        }


def _logit(score: float) -> float:
    return math.log(score / (1 - score))
