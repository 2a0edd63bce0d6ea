"""A text model as a second look: any that others or `yoake finetune` made, in a folder (see detect/encoder_model.py).

score = sigmoid(base + rest + sum of the spans' weights)

base    log-odds that the model gives an empty post
spans   the places that add or take away most, found by taking pieces of the post away (see detect/occlusion.py)
rest    what the remaining pieces give together
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect import occlusion, wording
from yoake.detect.category import Category, digest, load_categories, sought
from yoake.detect.category_keys import FIELDS
from yoake.detect.encoder_model import DETECTOR, NOTHING, read_encoder
from yoake.detect.encoder_running import Reading, RunningEncoder
from yoake.detect.linear_model import sigmoid
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded, fingerprint, fold
from yoake.errors import BadInput, Refused
from yoake.tables.findings import FINDINGS, FLOOR, LOW, findings_batch

__all__ = ["Encoder"]

_CODE_VERSION: Final = "1"  # raise with every change here that can change a finding
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TOKYO_S: Final = 9 * 3600  # no summer time
_NOTHING: Final = pa.RecordBatch.from_pylist([], schema=FINDINGS)
_FLOOR: Final = math.log(FLOOR / (1 - FLOOR))


class Encoder:
    """Judges by a text model; reports only labels that are categories on the shelf."""

    name = DETECTOR

    def __init__(self, model: Path | None = None, overlay: Path | None = None) -> None:
        if model is None:
            raise BadInput("model", "none", "a folder made by yoake finetune, or a text model that classifies")
        self.folder = model
        self.categories, self.problems = load_categories(overlay)
        self._model: RunningEncoder | None = RunningEncoder(read_encoder(model))
        told = self._model.model
        self.model_version = told.version
        self._kept = [number for number, label in enumerate(told.labels) if label != NOTHING]
        self.labels = tuple(told.labels[number] for number in self._kept)
        reported = sought(self.categories)
        self.known = [label for label in self.labels if label in reported]
        judged = {slug: self.categories[slug] for slug in self.known}
        self.version = f"{self.model_version}-{_CODE_VERSION}-{digest(judged)}-{fingerprint()}"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}  # read again where it is needed

    @property
    def model(self) -> RunningEncoder:
        """The loaded model, read again after pickling."""
        if self._model is None:
            told = read_encoder(self.folder)
            if told.version != self.model_version:
                raise Refused(f"the model {self.folder} was replaced while it served: load it again")
            self._model = RunningEncoder(told)
        return self._model

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        if not self.known or not posts.num_rows:
            return _NOTHING
        columns = [posts.column(name) for name in FIELDS]
        folded = [fold(column) for column in columns]
        seen_at = posts.column("seen_at").cast(pa.int64())
        found: list[dict[str, Any]] = []
        for row in range(posts.num_rows):
            fields = [FieldText(columns[f][row].as_py() or "", folded[f], row) for f in range(len(FIELDS))]
            reading = self.model.read(*(field.original for field in fields))
            seen_us = seen_at[row].as_py()
            day = None if seen_us is None else date.fromordinal(_EPOCH + (seen_us // 1_000_000 + _TOKYO_S) // 86_400)
            for finding in self._findings(fields, folded, reading, day):
                finding |= {
                    "row": row,
                    "uid": posts.column("uid")[row].as_py(),
                    "content_hash": posts.column("content_hash")[row].as_py(),
                    "detector": self.name,
                    "version": self.version,
                }
                found.append(finding)
        return findings_batch(found) if found else _NOTHING

    def probabilities(self, posts: pa.RecordBatch) -> Any:
        """float64 (posts, labels): what the model says of each of its labels, on the shelf or not."""
        rows = zip(*(posts.column(name).to_pylist() for name in FIELDS), strict=True)
        said = [self._said([self.model.read(*(field or "" for field in row))])[0] for row in rows]
        return sigmoid(np.array(said).reshape(posts.num_rows, len(self.labels)))

    def _findings(
        self, fields: Sequence[FieldText], folded: Sequence[Folded], reading: Reading, day: date | None
    ) -> list[dict[str, Any]]:
        """Findings of one post, best first."""
        places = occlusion.pieces(fields, folded, reading)
        if not places:
            return []  # nothing that anybody could read
        model = self.model
        said = self._said([reading])[0]
        numbers = [self.labels.index(slug) for slug in self.known]
        numbers = [number for number in numbers if said[number] >= _FLOOR]
        if not numbers:
            return []
        bases = model.base[self._kept]
        shorter = occlusion.shortened(places, reading)
        told = self._said(shorter) if shorter else np.zeros((0, len(self.labels)))
        cut = [field.original != part for field, part in zip(fields, reading, strict=True)]
        cut = [was and FIELDS[f] in model.model.fields for f, was in enumerate(cut)]
        listed = []
        for number in numbers:
            base, logit = float(bases[number]), float(said[number])
            shares = occlusion.shares(places, fields, base, told[:, number].tolist(), logit)
            spans = wording.spans(fields, folded, shares, phrases=True)
            finding = self._finding(self.categories[self.labels[number]], base, logit, spans, day)
            if finding["score"] < FLOOR or (finding["grade"] == LOW and not any(span["weight"] > 0 for span in spans)):
                continue  # nothing to point at, and nothing for a person to do
            finding["explanation"] = _with_cut(finding["explanation"], cut, reading)
            listed.append(finding)
        return sorted(listed, key=lambda finding: (-finding["score"], finding["category"]))

    def _said(self, readings: Sequence[Reading]) -> Any:
        return self.model.log_odds(readings)[:, self._kept]

    def _finding(
        self, category: Category, base: float, logit: float, spans: list[dict[str, Any]], day: date | None
    ) -> dict[str, Any]:
        rest = round(logit - base - sum(span["weight"] for span in spans), 6)
        score = wording.sigmoid(base + rest + sum(span["weight"] for span in spans))
        told = self.model.model
        grade = category.grade(score, told.queue, told.high)
        queue = category.queue if told.queue is None else told.queue
        return {
            "category": category.slug,
            "class": category.classes[-1].name if day is None else category.class_on(day),
            "score": score,
            "grade": grade,
            "base": base,
            "rest": rest,
            "frame": "advertisement" if grade != LOW and not category.at_risk else "",
            "explanation": wording.explanation(category, grade, spans),
            "counter": wording.counter(grade, base + rest, spans, math.log(queue / (1 - queue))),
            "spans": spans,
        }


def _with_cut(said: dict[str, str], cut: Sequence[bool], reading: Reading) -> dict[str, str]:
    """The explanation, with what was not read."""
    ja, en = said["ja"], said["en"]
    if cut[0]:
        ja += f"投稿が長いため、はじめの{len(reading.text)}文字だけを読んだ判断です。"
        en += f" The post is long: only its first {len(reading.text)} characters were read."
    if cut[1] or cut[2]:
        ja += "プロフィールや返信先の投稿は、はじめの部分だけを読みました。"
        en += " Of the profile or the parent post only the beginning was read."
    return {"ja": ja, "en": en}
