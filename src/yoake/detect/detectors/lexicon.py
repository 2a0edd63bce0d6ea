"""Words, the roles they play, and the context they stand in: additive, so that every score can be taken apart.

score = sigmoid(base + rest + sum of the spans' weights)

base    the category's log-odds of a post without any cue
spans   words that were found. Cues of one kind count 1, 1/2, 1/4 of their weights, strongest first, and no more.
        Words of a context that speaks against the harm (a frame: police warning, news, question ...) take away.
rest    combinations: a lure, an errand and a contact mean together what none of them means alone
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from yoake.detect import explanation as words
from yoake.detect.category import FRAME, SHIPPED, Category, digest, load_categories, sought
from yoake.detect.category_keys import FIELDS
from yoake.detect.kernels.bound import could_score
from yoake.detect.model import read_model
from yoake.detect.text.amounts import GRAM, YEN, Amounts, find_amounts, period_of
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded, fingerprint, fold
from yoake.detect.text.items import ITEMS, job_ad_items
from yoake.detect.text.phrases import PhraseMatcher
from yoake.detect.weighing import CUE_SHARES, Candidate, Entry, Weighed, weigh
from yoake.tables.findings import FINDINGS, FLOOR, findings_batch

__all__ = ["Lexicon"]

_CODE_VERSION: Final = "1"  # raise with every change here that can change a finding
_FRAMED: Final = -0.5  # a frame gives the post its name from here on
_PLEA: Final = -6.0  # at least so much is taken from an offence when the post is a plea
_AMOUNTS: Final = 20  # of one rule that are looked at in one field; each may be paid for something else
_UNITS: Final = {"yen": YEN, "gram": GRAM}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_TOKYO_S: Final = 9 * 3600  # no summer time


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
        if self._compiled is None:
            self._compiled = _Compiled(list(sought(self.categories).values()))
        compiled = self._compiled
        columns = [posts.column(name) for name in FIELDS]
        folded = [fold(column) for column in columns]
        hits = compiled.hits(folded, posts.num_rows)
        if not len(hits.rows):
            return _NOTHING
        found: list[dict[str, Any]] = []
        borders = np.flatnonzero(np.diff(hits.rows, prepend=-1, append=-1))
        seen_at = posts.column("seen_at").cast(pa.int64())
        for first, after in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True):
            row = int(hits.rows[first])
            seen_us = seen_at[row].as_py()
            day = None if seen_us is None else date.fromordinal(_EPOCH + (seen_us // 1_000_000 + _TOKYO_S) // 86_400)
            texts = [FieldText(columns[field][row].as_py() or "", folded[field], row) for field in range(len(FIELDS))]
            findings = compiled.judge_post(texts, hits.slice(first, after), day)
            for finding in findings:
                finding |= {
                    "row": row,
                    "uid": posts.column("uid")[row].as_py(),
                    "content_hash": posts.column("content_hash")[row].as_py(),
                    "detector": self.name,
                    "version": self.version,
                }
            found += findings
        return findings_batch(found) if found else _NOTHING


_NOTHING: Final = pa.RecordBatch.from_pylist([], schema=FINDINGS)


@dataclass(frozen=True, slots=True)
class _RowHits:
    """Hits of posts that passed the gate; parallel arrays ordered by row, field, start, end, phrase."""

    rows: Any
    fields: Any
    phrases: Any
    starts: Any
    ends: Any

    def slice(self, first: int, after: int) -> list[tuple[int, int, int, int]]:
        """(field, phrase, start, end) of hits first to after."""
        at = slice(first, after)
        parts = (self.fields[at], self.phrases[at], self.starts[at], self.ends[at])
        return list(zip(*(part.tolist() for part in parts), strict=True))


class _Compiled:
    """The categories as arrays, built once a process."""

    def __init__(self, categories: list[Category]) -> None:
        self.categories = categories
        by_phrase: dict[str, list[Entry]] = {}
        rules: list[Entry] = []
        for number, category in enumerate(categories):
            cues = {cue.name: cue for cue in category.cues}
            for phrase in category.phrases:
                if phrase.cue.startswith(FRAME):
                    entry = Entry(number, phrase.cue, phrase.cue, phrase.weight, _bits(("text", "profile")))
                else:
                    cue = cues[phrase.cue]
                    entry = Entry(number, phrase.cue, cue.kind, phrase.weight, _bits(cue.fields))
                for spelling in dict.fromkeys(phrase.spellings()):
                    by_phrase.setdefault(spelling, []).append(entry)
            for rule in category.amounts:
                cue = cues[rule.cue]
                rules.append(Entry(number, rule.cue, cue.kind, rule.weight, _bits(cue.fields), rule))
        self.matcher = PhraseMatcher(list(by_phrase))
        self.entries = [*by_phrase.values(), *([rule] for rule in rules)]
        self.rules = [(len(by_phrase) + i, rule.rule) for i, rule in enumerate(rules) if rule.rule]
        self.frames = [{frame.name: frame for frame in category.frames} for category in categories]
        self.cues = [{cue.name: cue for cue in category.cues} for category in categories]
        self.typical = [_typical(category) for category in categories]
        self._prepare_gate()

    def _prepare_gate(self) -> None:
        slots: dict[tuple[int, str], int] = {}
        bits: dict[tuple[int, str], int] = {}
        for number, category in enumerate(self.categories):
            for kind in dict.fromkeys(cue.kind for cue in category.cues):
                bits[number, kind] = 1 << sum(key[0] == number for key in bits)
                slots[number, kind] = len(slots)
        counted = [
            [entry for entry in entries if entry.weight > 0 and not entry.cue.startswith(FRAME)]
            for entries in self.entries
        ]
        flat = [entry for entries in counted for entry in entries]
        combinations = [
            (number, sum(bits[number, kind] for kind in set(item.kinds)), item.weight)
            for number, category in enumerate(self.categories)
            for item in category.combinations
            if item.weight > 0
        ]
        floor = math.log(FLOOR / (1 - FLOOR))
        self._gate: tuple[Any, ...] = (
            np.cumsum([0] + [len(entries) for entries in counted]).astype(np.int32),
            np.array([slots[entry.category, entry.kind] for entry in flat], np.int32),
            np.array([entry.weight for entry in flat], np.float64),
            np.array([entry.fields for entry in flat], np.uint8),
            np.array([key[0] for key in slots], np.int32),
            np.array([bits[key] for key in slots], np.int64),
            np.array([floor - category.base for category in self.categories], np.float64),
            np.array([item[0] for item in combinations], np.int32),
            np.array([item[1] for item in combinations], np.int64),
            np.array([item[2] for item in combinations], np.float64),
            sum(CUE_SHARES),
        )

    def hits(self, folded: Sequence[Folded], rows: int) -> _RowHits:
        """Hits of the posts that could reach the floor."""
        parts: list[tuple[Any, ...]] = []
        for field, column in enumerate(folded):
            if not len(column.codes):
                continue
            hits = self.matcher.find(column)
            parts.append((hits.rows, np.full(len(hits), field, np.uint8), hits.phrases, hits.starts, hits.ends))
            if self.rules:
                parts += self._amount_hits(find_amounts(column), field)
        if not parts:
            return _RowHits(*(np.zeros(0, np.int64) for _ in range(5)))
        at, fields, phrases, starts, ends = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        passed = could_score(rows, at, phrases, (1 << fields).astype(np.uint8), *self._gate)
        chosen = np.flatnonzero(passed[at])
        order = chosen[np.lexsort((phrases[chosen], ends[chosen], starts[chosen], fields[chosen], at[chosen]))]
        return _RowHits(at[order], fields[order], phrases[order], starts[order], ends[order])

    def _amount_hits(self, amounts: Amounts, field: int) -> Iterable[tuple[Any, ...]]:
        for number, rule in self.rules:
            big = np.flatnonzero((amounts.units == _UNITS[rule.unit]) & (amounts.values >= rule.at_least))
            if len(big):
                same = np.full(len(big), field, np.uint8), np.full(len(big), number, np.int32)
                yield amounts.rows[big], *same, amounts.starts[big], amounts.ends[big]

    # ------------------------------------------------------------ one post

    def judge_post(
        self, texts: Sequence[FieldText], hits: list[tuple[int, int, int, int]], day: date | None
    ) -> list[dict[str, Any]]:
        """Findings of one post, best first."""
        candidates: dict[int, list[Candidate]] = defaultdict(list)
        seen: Counter[tuple[int, int, bool]] = Counter()
        periods: dict[tuple[int, int, int], tuple[str, int, int]] = {}  # many categories ask about one amount
        for field, phrase, start, end in hits:
            text = texts[field]
            first, after = text.place(start, end)
            quoted = text.quoted(first)
            seen[field, phrase, quoted] += 1
            if seen[field, phrase, quoted] > (1 if self.entries[phrase][0].rule is None else _AMOUNTS):
                continue  # ten thousand hashtags are one
            for entry in self.entries[phrase]:
                if not entry.fields >> field & 1:
                    continue
                place = first, after
                if entry.rule is not None and entry.rule.unit == "yen":
                    if (field, start, end) not in periods:
                        periods[field, start, end] = period_of(text.plain, start - text.first, end - text.first)
                    period, left, right = periods[field, start, end]
                    if period not in entry.rule.per:
                        continue
                    place = text.place(left + text.first, right + text.first)
                candidates[entry.category].append(Candidate(field, *place, entry, phrase, quoted))
        weighed = {number: weigh(self.categories[number], listed) for number, listed in candidates.items()}
        plea = self._plea(weighed)
        if plea is not None:
            weighed = {number: self._yield_to_plea(number, result, plea) for number, result in weighed.items()}
        findings = [
            self._finding(number, result, candidates[number], texts, day)
            for number, result in weighed.items()
            if _sigmoid(result.logit) >= FLOOR
        ]
        return sorted(findings, key=lambda finding: (-finding["score"], finding["category"]))

    def _plea(self, weighed: dict[int, Weighed]) -> Candidate | None:
        """The strongest word of a queued finding about a person at risk."""
        for number, result in sorted(weighed.items(), key=lambda item: (-item[1].logit, item[0])):
            category = self.categories[number]
            if category.at_risk and category.grade(_sigmoid(result.logit)) != "low":
                return max(result.spans, key=lambda pair: (pair[1], -pair[0].start))[0]
        return None

    def _yield_to_plea(self, number: int, result: Weighed, plea: Candidate) -> Weighed:
        """A post that asks for help is no offence: takes away enough to keep it out of the offence's queue."""
        category = self.categories[number]
        if category.at_risk:
            return result
        weight = round(min(_PLEA, _logit(category.queue) - result.logit - 1.0), 6)
        entry = Entry(number, f"{FRAME}plea", f"{FRAME}plea", weight, plea.entry.fields)
        span = Candidate(plea.field, plea.start, plea.end, entry, plea.phrase, plea.quoted)
        frames = {**result.frames, "plea": weight}
        return Weighed(result.logit + weight, result.rest, [*result.spans, (span, weight)], frames)

    def _finding(
        self,
        number: int,
        result: Weighed,
        candidates: Sequence[Candidate],
        texts: Sequence[FieldText],
        day: date | None,
    ) -> dict[str, Any]:
        category = self.categories[number]
        score = _sigmoid(result.logit)
        grade = category.grade(score)
        frame = min(result.frames, key=lambda name: (result.frames[name], name), default="")
        if frame and result.frames[frame] > _FRAMED:
            frame = ""
        spans = [
            {**_spot(candidate, texts), "cue": candidate.entry.cue, "weight": weight}
            for candidate, weight in result.spans
        ]
        elements = []
        for element in category.elements:
            shown = [span for span in spans if span["cue"] in element.cues and span["weight"] > 0]
            if shown:
                evidence = max(shown, key=lambda span: span["weight"])  # the first of the strongest
                elements.append(
                    {"name": element.name, "span": {key: evidence[key] for key in ("field", "start", "end", "text")}}
                )
        reasons = self._reasons(number, result, texts)
        framing = [
            _spot(candidate, texts)["text"]
            for candidate, weight in sorted(result.spans, key=lambda pair: pair[1])
            if candidate.entry.cue == FRAME + frame and weight < 0
        ]
        return {
            "category": category.slug,
            "class": category.classes[-1].name if day is None else category.class_on(day),
            "score": score,
            "grade": grade,
            "base": category.base,
            "rest": result.rest,
            "frame": frame or ("advertisement" if grade != "low" and not category.at_risk else ""),
            "elements": elements,
            "items": _items(category, frame, texts[0]),
            "explanation": words.explanation(category, grade, reasons, self.frames[number].get(frame), framing),
            "counter": self._counter(number, result, candidates, texts, framing),
            "spans": spans,
        }

    def _reasons(self, number: int, result: Weighed, texts: Sequence[FieldText]) -> list[words.Reason]:
        """Decisive words, strongest first: one per role, no two from the same place."""
        chosen: dict[str, Candidate] = {}
        for candidate, weight in sorted(result.spans, key=lambda pair: (-pair[1], pair[0].field, pair[0].start)):
            if weight > 0 and candidate.entry.cue not in chosen and not any(map(candidate.overlaps, chosen.values())):
                chosen[candidate.entry.cue] = candidate
        return [
            words.Reason(FIELDS[candidate.field], _spot(candidate, texts)["text"], self.cues[number][cue])
            for cue, candidate in chosen.items()
        ]

    def _counter(
        self,
        number: int,
        result: Weighed,
        candidates: Sequence[Candidate],
        texts: Sequence[FieldText],
        framing: list[str],
    ) -> dict[str, str]:
        """What would have changed the verdict, found by judging again without it."""
        category = self.categories[number]
        threshold = _logit(category.queue)
        best: dict[str, tuple[Candidate, float]] = {}
        for pair in result.spans:
            kind = pair[0].entry.kind
            if pair[1] > 0 and (kind not in best or pair[1] > best[kind][1]):
                best[kind] = pair
        kinds = sorted(best, key=lambda kind: (-best[kind][1], kind))
        if result.logit >= threshold:
            for removed in [(kind,) for kind in kinds] + [(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :]]:
                without = weigh(self.categories[number], [c for c in candidates if c.entry.kind not in removed])
                if without.logit < threshold:
                    return words.counter_removed([_spot(best[kind][0], texts)["text"] for kind in removed])
            return words.counter_firm()
        if (
            framing
            and weigh(self.categories[number], [c for c in candidates if not c.entry.cue.startswith(FRAME)]).logit
            >= threshold
        ):
            return words.counter_framed(framing)
        present = set(kinds)
        for cue in category.cues:
            typical = self.typical[number].get(cue.name)
            if cue.kind in present or typical is None:
                continue
            more = sum(
                item.weight
                for item in category.combinations
                if cue.kind in item.kinds and present | {cue.kind} >= set(item.kinds)
            )
            if result.logit + typical + more >= threshold:
                return words.counter_added(cue)
        return words.counter_far()


def _typical(category: Category) -> dict[str, float]:
    """The middle weight of each cue's phrases; a cue without phrases has none."""
    weights: dict[str, list[float]] = defaultdict(list)
    for phrase in category.phrases:
        weights[phrase.cue].append(phrase.weight)
    return {cue: sorted(listed)[len(listed) // 2] for cue, listed in weights.items()}


def _bits(fields: Iterable[str]) -> int:
    return sum(1 << FIELDS.index(field) for field in fields)


def _spot(candidate: Candidate, texts: Sequence[FieldText]) -> dict[str, Any]:
    text = texts[candidate.field].original[candidate.start : candidate.end]
    return {"field": FIELDS[candidate.field], "start": candidate.start, "end": candidate.end, "text": text}


def _items(category: Category, frame: str, text: FieldText) -> dict[str, Any]:
    """The six items of a job ad, for posts that may be one."""
    if not category.job_ad or frame not in ("", "honest_job"):
        return {"present": [], "missing": []}
    present = []
    for name, start, end in job_ad_items(text.plain):
        first, after = text.place(text.first + start, text.first + end)
        spot = {"field": "text", "start": first, "end": after, "text": text.original[first:after]}
        present.append({"name": name, "span": spot})
    found = {item["name"] for item in present}
    return {"present": present, "missing": [name for name in ITEMS if name not in found]}


def _logit(score: float) -> float:
    return math.log(score / (1 - score))


def _sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))
