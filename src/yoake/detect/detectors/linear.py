"""A learned judge: weights of character runs, so that wording nobody listed is found, and every score can be taken apart.

score = sigmoid(base + rest + sum of the spans' weights)

base    log-odds of a post whose runs weigh nothing: the label's own, or those of any harm for the likeliest label
spans   the places that add or take away most; a place gets what the runs inside it give its characters
rest    what the remaining characters give together
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect import wording
from yoake.detect.category import Category, digest, load_categories, sought
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Told
from yoake.detect.kernels.linear import attribute
from yoake.detect.kernels.places import all_strong_places
from yoake.detect.linear_model import LinearModel, bounded, columns, read_linear
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded, read
from yoake.detect.weighing import logit as logit_of
from yoake.errors import BadInput, Refused
from yoake.tables.findings import LOW, findings_batch

__all__ = ["Linear"]

_CODE_VERSION: Final = "3"  # raise with every change here that can change a finding
_LEAST: Final = 0.05  # of a score: what lies below says little more than how many rows of the corpus are harmful
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TOKYO_S: Final = 9 * 3600  # no summer time
_FLOOR: Final = logit_of(_LEAST)


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
        self.model_version = self._model.version
        self.labels = self._model.labels
        reported = sought(self.categories)
        self.known = [label for label in self._model.labels if label in reported]
        judged = {slug: self.categories[slug] for slug in self.known}
        self.version = f"{self.model_version}-{_CODE_VERSION}-{digest(judged)}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None, "_weights": None}  # read again where they are needed

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
        made = [one.finding() for one in self.tell(posts)]
        found = [finding for finding in made if finding is not None]
        return findings_batch(sorted(found, key=lambda one: (one["row"], -one["score"], one["category"])))

    def tell(self, posts: pa.RecordBatch) -> Sequence[Told]:
        """What `judge` would find, ordered by row."""
        model = self.model
        if not self.known or not posts.num_rows:
            return []
        if self._weights is None:
            self._weights = model.weights()
        folded = [read(posts.column(name)) for name in FIELDS]
        chosen = np.flatnonzero(model.gated(folded) >= 0)
        if not len(chosen):
            return []
        logits = model.logits(folded, self._weights, chosen)
        own = bounded(logits[:, :-1], logits[:, -1])
        top = own.argmax(axis=1)
        # the likeliest label speaks with the vector of any harm when that says more
        best, harm = np.arange(len(chosen)), own.shape[1]
        used = np.broadcast_to(np.arange(harm), own.shape).copy()
        used[best, top] = np.where(logits[:, harm] > own[best, top], harm, top)
        numbers = np.array([model.labels.index(slug) for slug in self.known])
        used = used[:, numbers]
        odds = np.concatenate([own, logits[:, harm:]], axis=1)[best[:, None], used]
        place, label = np.nonzero(odds >= _FLOOR)
        if not len(place):
            return []
        asked = used[place, label]
        starts, shares = attribute(
            *columns(folded), model.bits, model.longest, chosen[place], asked, model.idf, self._weights, model.damping
        )
        classes = [part for column in folded for part in (column.classes, column.rows)]
        batch = _Batch(
            self, posts, folded, starts.tolist(), shares, all_strong_places(shares, starts, chosen[place], *classes)
        )
        bases = model.bases()[asked].round(6).tolist()
        told = []
        for at, (row, number, logit, base) in enumerate(
            zip(chosen[place].tolist(), label.tolist(), odds[place, label].tolist(), bases, strict=True)
        ):
            one = _Told(batch, at, row, self.categories[self.known[number]], logit, base)
            if one.score >= _LEAST:
                told.append(one)
        return told

    def passing(self, posts: pa.RecordBatch) -> Any:
        """Bool (posts,): which posts pass the gate; the others have no finding."""
        return self.model.gated([read(posts.column(name)) for name in FIELDS]) >= 0

    def probabilities(self, posts: pa.RecordBatch) -> Any:
        """float64 (posts, labels): what the model says of each of its labels, on the shelf or not."""
        return self._told(posts)[0]

    def harm(self, posts: pa.RecordBatch) -> Any:
        """float64 (posts,): how likely any harm is, as the finding about the likeliest label has it."""
        return self._told(posts)[1]

    def _told(self, posts: pa.RecordBatch) -> tuple[Any, Any]:
        return self.model.probabilities([read(posts.column(name)) for name in FIELDS])

    def grade(self, category: Category, score: float) -> str:
        """low, mid or high by the thresholds of the model: it knows best what its probabilities are worth."""
        return category.grade(score, self.queue(category), self.model.high)

    def queue(self, category: Category) -> float:
        """The score from which a finding of this category is queued."""
        return self.model.queue_at_risk if category.at_risk else self.model.queue


class _Batch:
    """What findings about one batch share."""

    def __init__(
        self,
        judge: Linear,
        posts: pa.RecordBatch,
        folded: Sequence[Folded],
        starts: list[int],
        shares: Any,
        places: tuple[Any, ...],
    ) -> None:
        self.judge, self.folded = judge, folded
        self._starts, self._shares = starts, shares
        self._at, *found = (part.tolist() for part in places)
        self._places: list[wording.Place] = list(zip(*found, strict=True))
        self._columns = [posts.column(name) for name in (*FIELDS, "uid", "content_hash", "seen_at")]
        self._row = -1
        self._fields: list[FieldText] = []

    def shares(self, at: int) -> list[Any]:
        """What each folded character of text, profile and parent adds to what was asked."""
        first = self._starts[3 * at : 3 * at + 4]
        return [self._shares[begins:ends] for begins, ends in itertools.pairwise(first)]

    def spans(self, at: int, row: int, *, phrases: bool) -> list[dict[str, Any]]:
        """The places that weigh most for what was asked of a post."""
        found = self._places[self._at[at] : self._at[at + 1]]
        return wording.chosen(found, self.fields(row), self.folded, self.shares(at), phrases=phrases)

    def fields(self, row: int) -> list[FieldText]:
        """Text, profile, parent of a post."""
        if row != self._row:
            texts = [column[row].as_py() or "" for column in self._columns[: len(FIELDS)]]
            self._fields = [FieldText(text, self.folded[f], row) for f, text in enumerate(texts)]
            self._row = row
        return self._fields

    def about(self, row: int) -> tuple[str, str, date | None]:
        """uid, content hash, and the day in Tokyo on which it was seen."""
        uid, content_hash, seen = (column[row] for column in self._columns[len(FIELDS) :])
        us = seen.value
        day = None if us is None else date.fromordinal(_EPOCH + (us // 1_000_000 + _TOKYO_S) // 86_400)
        return uid.as_py(), content_hash.as_py(), day


class _Told:
    """A finding before its words are made."""

    __slots__ = ("_at", "_base", "_batch", "_category", "_logit", "category", "grade", "row", "score")

    def __init__(self, batch: _Batch, at: int, row: int, category: Category, logit: float, base: float) -> None:
        self._batch, self._at, self._category, self._logit, self._base = batch, at, category, logit, base
        self.row, self.category = row, category.slug
        self.score = wording.sigmoid(round(logit, 6))  # base, rest and weights have six places
        self.grade = batch.judge.grade(category, self.score)

    def evidence(self) -> dict[str, Any]:
        """Elements, items, frame and spans."""
        return {"elements": [], "items": {"present": [], "missing": []}, "frame": self._frame(), "spans": self._spans()}

    def finding(self) -> dict[str, Any] | None:
        """The finding; nothing to point at is none."""
        category, judge, base, spans = self._category, self._batch.judge, self._base, self._spans()
        if not any(span["text"].strip() for span in spans):
            return None
        weight = sum(span["weight"] for span in spans)
        rest = round(self._logit - base - weight, 6)
        uid, content_hash, day = self._batch.about(self.row)
        return {
            "row": self.row,
            "uid": uid,
            "content_hash": content_hash,
            "category": category.slug,
            "class": category.classes[-1].name if day is None else category.class_on(day),
            "score": wording.sigmoid(base + rest + weight),
            "grade": self.grade,
            "detector": judge.name,
            "version": judge.version,
            "shadow": False,
            "elements": [],
            "items": {"present": [], "missing": []},
            "nearest": None,
            "base": base,
            "rest": rest,
            "frame": self._frame(),
            "explanation": wording.explanation(category, self.grade, spans),
            "counter": wording.counter(self.grade, base + rest, spans, logit_of(judge.queue(category))),
            "spans": spans,
        }

    def _frame(self) -> str:
        return "advertisement" if self.grade != LOW and not self._category.at_risk else ""

    def _spans(self) -> list[dict[str, Any]]:
        return self._batch.spans(self._at, self.row, phrases=self.grade != LOW)
