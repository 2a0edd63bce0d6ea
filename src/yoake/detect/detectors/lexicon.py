"""Words, the roles they play, and the context they stand in: additive, so that every score can be taken apart.

score = sigmoid(base + rest + sum of the spans' weights)

base    the category's log-odds of a post without any cue
spans   words that were found. Cues of one kind count 1, 1/2, 1/4 of their weights, strongest first, and no more.
        Words of a context that speaks against the harm (a frame: police warning, news, question ...) take away.
rest    combinations: a lure, an errand and a contact mean together what none of them means alone
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect import explanation as words
from yoake.detect.category import FRAME, SHIPPED, Category, digest, load_categories, sought
from yoake.detect.category_keys import FIELDS, PERIODS
from yoake.detect.kernels import change
from yoake.detect.kernels.bound import could_score
from yoake.detect.kernels.weigh import Words
from yoake.detect.kernels.weigh_posts import Found, countable, weigh_posts
from yoake.detect.model import read_model
from yoake.detect.text.amounts import GRAM, YEN, Amounts, find_amounts, period_of
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded, fingerprint, fold
from yoake.detect.text.items import ITEMS, job_ad_items
from yoake.detect.text.phrases import PhraseMatcher
from yoake.detect.weighing import Tables, logit
from yoake.tables.findings import FLOOR, LOW, findings_batch

__all__ = ["Lexicon"]

_CODE_VERSION: Final = "1"  # raise with every change here that can change a finding
_UNITS: Final = {"yen": YEN, "gram": GRAM}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TOKYO_S: Final = 9 * 3600  # no summer time

Span = tuple[int, int, int, int, float, str]  # field, start, end, number of the cue, weight, text


class Lexicon:
    """Finds posts by phrases, their roles and their context; the words and weights are the categories' data."""

    name = "lexicon"

    def __init__(self, model: Path | None = None, overlay: Path | None = None) -> None:
        shipped, prefix = SHIPPED, _CODE_VERSION
        if model is not None:
            prefix = f"{read_model(model).version}-{_CODE_VERSION}"
            if (model / "categories").is_dir():
                shipped = model / "categories"
        self.categories, self.problems = load_categories(overlay, shipped)
        self.version = f"{prefix}-{digest(self.categories)}-{fingerprint()}"
        self._compiled: _Compiled | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": None}  # arrays are rebuilt where they are needed

    def judge(self, posts: pa.RecordBatch) -> pa.RecordBatch:
        """Posts (schema POSTS) to findings (schema FINDINGS), ordered by row, then by falling score; scores >= FLOOR."""
        told = sorted(self.tell(posts), key=lambda one: (one.row, -one.score, one.category))
        return findings_batch([one.finding() for one in told])

    def tell(self, posts: pa.RecordBatch) -> Sequence[ListedTold]:
        """What `judge` would find, ordered by row."""
        if self._compiled is None:
            self._compiled = _Compiled(list(sought(self.categories).values()))
        return _Judged(self._compiled, posts, self.name, self.version).told


class _Compiled:
    """The categories as arrays, built once a process."""

    def __init__(self, categories: list[Category]) -> None:
        self.categories = categories
        self.tables = Tables(categories)
        self.matcher = PhraseMatcher(self.tables.phrases)
        self.frames = [{frame.name: frame for frame in category.frames} for category in categories]
        self.cues = [{cue.name: cue for cue in category.cues} for category in categories]
        numbers = {name: number for number, name in enumerate(self.tables.cues)}
        self.elements: list[dict[int, list[int]]] = [{} for _ in categories]  # by the number of a cue
        for own, category in zip(self.elements, categories, strict=True):
            for number, element in enumerate(category.elements):
                for cue in element.cues:
                    own.setdefault(numbers[cue], []).append(number)

    def hits(self, folded: Sequence[Folded], rows: int) -> tuple[Any, ...]:
        """Hits of the posts that could reach the floor: row, field, phrase, start, end (of the field's folded characters).

        Parallel arrays, ordered by row, field, start, end, phrase.
        """
        parts: list[tuple[Any, ...]] = []
        for field, column in enumerate(folded):
            if not len(column.codes):
                continue
            hits = self.matcher.find(column)
            parts.append((hits.rows, np.full(len(hits), field, np.uint8), hits.phrases, hits.starts, hits.ends))
            if self.tables.amounts:
                parts += self._amount_hits(find_amounts(column), field)
        if not parts:
            return tuple(np.zeros(0, np.int64) for _ in range(5))
        at, fields, phrases, starts, ends = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        passed = could_score(rows, at, phrases, (1 << fields).astype(np.uint8), *self.tables.gate)
        chosen = np.flatnonzero(passed[at])
        order = chosen[np.lexsort((phrases[chosen], ends[chosen], starts[chosen], fields[chosen], at[chosen]))]
        return at[order].astype(np.int64), fields[order], phrases[order], starts[order], ends[order]

    def _amount_hits(self, amounts: Amounts, field: int) -> Iterable[tuple[Any, ...]]:
        for number, rule in self.tables.amounts:
            big = np.flatnonzero((amounts.units == _UNITS[rule.unit]) & (amounts.values >= rule.at_least))
            if len(big):
                same = np.full(len(big), field, np.uint8), np.full(len(big), number, np.int32)
                yield amounts.rows[big], *same, amounts.starts[big], amounts.ends[big]


class _Judged:
    """A batch that was judged: numbers first, and of each finding the words when somebody asks for them."""

    def __init__(self, compiled: _Compiled, posts: pa.RecordBatch, name: str, version: str) -> None:
        self.compiled, self.name, self.version = compiled, name, version
        self.told: list[ListedTold] = []
        columns = [posts.column(name) for name in FIELDS]
        self._folded = [fold(column) for column in columns]
        hits = compiled.hits(self._folded, posts.num_rows)
        if not len(hits[0]):
            return
        rows = np.unique(hits[0])
        at = pa.array(rows)
        own = (posts.column(name).take(at).to_pylist() for name in (*FIELDS, "uid", "content_hash"))
        seen = posts.column("seen_at").cast(pa.int64()).take(at).to_pylist()
        self._posts = {
            row: _Post(row, self._folded, *told) for row, *told in zip(rows.tolist(), *own, seen, strict=True)
        }
        found = weigh_posts(self._words(*hits), compiled.tables.entries, compiled.tables.rules, logit(FLOOR))
        self._tell(found)

    def _words(self, rows: Any, fields: Any, phrases: Any, starts: Any, ends: Any) -> Words:
        """What counts of the hits, at its place in the original."""
        first, after = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        for field, column in enumerate(self._folded):
            own = fields == field
            first[own], after[own] = column.starts[starts[own]], column.ends[ends[own] - 1]
        found = Words(rows, fields, phrases, first, after, self._quoted(rows, fields, first))
        kept = countable(found, self.compiled.tables.most)
        kept = self._paid_for(found, starts, ends, kept)
        return Words(*(array[kept] for array in found))

    def _quoted(self, rows: Any, fields: Any, first: Any) -> Any:
        """Bool: whether each hit begins inside quotation marks."""
        quoted = np.zeros(len(rows), np.bool_)
        borders = np.flatnonzero(np.diff(rows * len(FIELDS) + fields, prepend=-1, append=-1)).tolist()
        for begins, ends in pairwise(borders):
            text = self._posts[int(rows[begins])].field(int(fields[begins]))
            if text.quotes()[0]:
                quoted[begins:ends] = [text.quoted(at) for at in first[begins:ends].tolist()]
        return quoted

    def _paid_for(self, found: Words, starts: Any, ends: Any, kept: Any) -> Any:
        """Which words count when what an amount is paid for is looked at; a place then has the word that says so."""
        of_rules = np.flatnonzero(kept & (found.phrases >= len(self.compiled.tables.phrases)))
        paid = self.compiled.tables.paid[found.phrases[of_rules] - len(self.compiled.tables.phrases)]
        asked, paid = of_rules[paid > 0], paid[paid > 0]
        if not len(asked):
            return kept
        # rules of many categories ask about one amount, one after the other
        places = np.stack([found.fields[asked], starts[asked], ends[asked]])
        new = np.append(True, (places[:, 1:] != places[:, :-1]).any(axis=0))
        told = []
        for row, field, start, end in zip(found.rows[asked[new]].tolist(), *places[:, new].tolist(), strict=True):
            text = self._posts[row].field(field)
            period, left, right = period_of(text.plain, start - text.first, end - text.first)
            told.append((1 << PERIODS.index(period), *text.place(left + text.first, right + text.first)))
        periods, first, after = np.array(told, np.int64)[np.cumsum(new) - 1].T
        found.starts[asked], found.ends[asked] = first, after
        kept[asked] = paid & periods > 0
        return kept

    def _tell(self, found: Found) -> None:
        rows, categories, logits = found.rows.tolist(), found.categories.tolist(), found.logits.tolist()
        self.rests, self.changes = found.rests.tolist(), found.changes.tolist()
        self.frames, self._span_at = found.frames.tolist(), found.span_at.tolist()
        self._spans = list(zip(*(part.tolist() for part in found[7:]), strict=True))
        for at, (row, number, odds) in enumerate(zip(rows, categories, logits, strict=True)):
            score = _sigmoid(odds)
            if score >= FLOOR:
                self.told.append(
                    ListedTold(self, at, self._posts[row], number, self.compiled.categories[number], score)
                )

    def spans(self, at: int, post: _Post) -> list[Span]:
        """The spans of a finding, with their words."""
        texts = post.texts
        own = self._spans[self._span_at[at] : self._span_at[at + 1]]
        return [(*span, texts[span[0]][span[1] : span[2]]) for span in own]


class _Post:
    """What findings of one post share."""

    def __init__(self, row: int, folded: Sequence[Folded], *told: Any) -> None:
        """`told`: text, profile, parent, uid, content hash, and when it was seen (microseconds)."""
        self.row, self._folded = row, folded
        self.texts = [text or "" for text in told[: len(FIELDS)]]
        self.uid, self.content_hash, seen = told[len(FIELDS) :]
        self.day = None if seen is None else date.fromordinal(_EPOCH + (seen // 1_000_000 + _TOKYO_S) // 86_400)
        self._fields: list[FieldText | None] = [None] * len(FIELDS)
        self._items: list[dict[str, Any]] | None = None

    def field(self, number: int) -> FieldText:
        """One of its fields."""
        found = self._fields[number]
        if found is None:
            found = self._fields[number] = FieldText(self.texts[number], self._folded[number], self.row)
        return found

    def items(self) -> dict[str, Any]:
        """The six items of a job ad."""
        if self._items is None:
            text, self._items = self.field(0), []
            for name, start, end in job_ad_items(text.plain):
                first, after = text.place(text.first + start, text.first + end)
                spot = {"field": "text", "start": first, "end": after, "text": text.original[first:after]}
                self._items.append({"name": name, "span": spot})
        found = {item["name"] for item in self._items}
        return {"present": list(self._items), "missing": [name for name in ITEMS if name not in found]}


class ListedTold:
    """A finding before its words are made."""

    __slots__ = ("_at", "_category", "_judged", "_number", "_post", "category", "grade", "row", "score")

    def __init__(self, judged: _Judged, at: int, post: _Post, number: int, category: Category, score: float) -> None:
        self._judged, self._at, self._post, self._number, self._category = judged, at, post, number, category
        self.row, self.category, self.score = post.row, category.slug, score
        self.grade = category.grade(score)

    def evidence(self) -> dict[str, Any]:
        """Elements, items, frame and spans."""
        spans = self._judged.spans(self._at, self._post)
        return self._evidence(spans, _strongest(spans), self._frame())

    def finding(self) -> dict[str, Any]:
        """The finding."""
        judged, category, post, frame = self._judged, self._category, self._post, self._frame()
        spans = judged.spans(self._at, post)
        strongest = _strongest(spans)
        framing = self._framing(spans, frame) if frame else []
        found = judged.compiled.frames[self._number].get(frame)
        return {
            "row": post.row,
            "uid": post.uid,
            "content_hash": post.content_hash,
            "category": self.category,
            "class": category.classes[-1].name if post.day is None else category.class_on(post.day),
            "score": self.score,
            "grade": self.grade,
            "detector": judged.name,
            "version": judged.version,
            "shadow": False,
            "nearest": None,
            "base": category.base,
            "rest": judged.rests[self._at],
            "explanation": words.explanation(category, self.grade, self._reasons(strongest), found, framing),
            "counter": self._counter(spans, framing),
            **self._evidence(spans, strongest, frame),
        }

    def _evidence(self, spans: list[Span], strongest: list[Span], frame: str) -> dict[str, Any]:
        category, compiled = self._category, self._judged.compiled
        cues, elements = compiled.tables.cues, compiled.elements[self._number]
        shown: dict[int, Span] = {}  # of each element the first of the strongest
        for span in strongest:
            for element in elements.get(span[3], ()):
                shown.setdefault(element, span)
        looked = category.job_ad and frame in ("", "honest_job")
        return {
            "elements": [
                {
                    "name": category.elements[element].name,
                    "span": {"field": FIELDS[field], "start": start, "end": end, "text": text},
                }
                for element, (field, start, end, _cue, _weight, text) in sorted(shown.items())
            ],
            "items": self._post.items() if looked else {"present": [], "missing": []},
            "frame": frame or ("advertisement" if self.grade != LOW and not category.at_risk else ""),
            "spans": [
                {"field": FIELDS[field], "start": start, "end": end, "text": text, "cue": cues[cue], "weight": weight}
                for field, start, end, cue, weight, text in spans
            ],
        }

    def _frame(self) -> str:
        """The context that speaks against it, or ""."""
        number = self._judged.frames[self._at]
        return "" if number < 0 else self._judged.compiled.tables.frames[self._number][number]

    def _framing(self, spans: list[Span], frame: str) -> list[str]:
        """The words of a context, strongest first."""
        cues = self._judged.compiled.tables.cues
        own = [span for span in spans if span[4] < 0 and cues[span[3]] == FRAME + frame]
        return [span[5] for span in sorted(own, key=_WEIGHT)]

    def _reasons(self, strongest: list[Span]) -> list[words.Reason]:
        """Decisive words, strongest first: one per role, no two from the same place."""
        chosen: dict[int, Span] = {}
        for span in strongest:
            if span[3] in chosen:
                continue
            for other in chosen.values():
                if span[0] == other[0] and span[1] < other[2] and other[1] < span[2]:
                    break
            else:
                chosen[span[3]] = span
                if len(chosen) == words.MOST:
                    break
        names, cues = self._judged.compiled.tables.cues, self._judged.compiled.cues[self._number]
        return [words.Reason(FIELDS[span[0]], span[5], cues[names[cue]]) for cue, span in chosen.items()]

    def _counter(self, spans: list[Span], framing: list[str]) -> dict[str, str]:
        """What would have changed the verdict, as the kernel found by weighing again."""
        what, first, second = self._judged.changes[self._at]
        if what == change.REMOVED:
            return words.counter_removed([spans[at][5] for at in (first, second) if at >= 0])
        if what == change.FIRM:
            return words.counter_firm()
        if what == change.UNFRAMED:
            return words.counter_framed(framing)
        if what == change.ADDED:
            return words.counter_added(self._judged.compiled.tables.typical[self._number][first][0])
        return words.counter_far()


_WEIGHT: Final = itemgetter(4)


def _strongest(spans: list[Span]) -> list[Span]:
    """Spans that speak for it, the heaviest first, of equal ones the first in the post."""
    return sorted([span for span in spans if span[4] > 0], key=_WEIGHT, reverse=True)


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
