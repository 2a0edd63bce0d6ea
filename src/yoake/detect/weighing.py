"""The categories' words, roles and combinations as the arrays of kernels/weigh.py, built once a process."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from yoake.detect.category import FRAME, AmountRule, Category, Cue
from yoake.detect.category_keys import FIELDS, PERIODS
from yoake.detect.kernels.weigh import CUE_SHARES, Entries, Rules
from yoake.tables.findings import FLOOR

PLEA_FRAME: Final = "plea"  # of an offence in a post that asks for help
_AMOUNTS: Final = 20  # of one rule that are looked at in one field; each may be paid for something else


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase means in one category."""

    category: int
    cue: str  # a cue's name, or frame:<name>
    kind: str  # of the cue, or frame:<name>
    weight: float
    fields: int  # bits of FIELDS
    rule: AmountRule | None = None


class Tables:
    """What the kernels need to know of the categories, and the names for their numbers."""

    def __init__(self, categories: Sequence[Category]) -> None:
        by_phrase, rules = _entries(categories)
        self.phrases = list(by_phrase)
        self.amounts = [(len(by_phrase) + i, rule.rule) for i, rule in enumerate(rules) if rule.rule]
        # a bit for each of PERIODS that an amount may be paid for; 0 where it is not asked
        self.paid = np.array([_paid(rule) for _number, rule in self.amounts], np.int64)
        listed = [*by_phrase.values(), *([rule] for rule in rules)]
        self.most = np.ones(len(listed), np.int32)  # ten thousand hashtags are one
        self.most[len(by_phrase) :] = _AMOUNTS
        flat = [entry for entries in listed for entry in entries]
        names = {entry.cue for entry in flat} | {FRAME + PLEA_FRAME}
        names |= {cue.name for category in categories for cue in category.cues}
        self.cues = sorted(names)
        self.frames = [sorted({frame.name for frame in category.frames} | {PLEA_FRAME}) for category in categories]
        self.typical = [_typical(category) for category in categories]
        kinds = [sorted({cue.kind for cue in category.cues}) for category in categories]
        numbers = {name: number for number, name in enumerate(self.cues)}
        of_kind = [
            {kind: number for number, kind in enumerate(own)}
            | {FRAME + name: number for number, name in enumerate(frames)}
            for own, frames in zip(kinds, self.frames, strict=True)
        ]
        self.entries = Entries(
            np.cumsum([0, *map(len, listed)]).astype(np.int32),
            np.array([entry.category for entry in flat], np.int32),
            np.array([numbers[entry.cue] for entry in flat], np.int32),
            np.array([of_kind[entry.category][entry.kind] for entry in flat], np.int32),
            np.array([entry.cue.startswith(FRAME) for entry in flat], np.bool_),
            np.array([entry.weight for entry in flat], np.float64),
            np.array([entry.fields for entry in flat], np.uint8),
        )
        self.rules = self._rules(categories, of_kind, numbers[FRAME + PLEA_FRAME])
        self.gate = self._gate(categories)

    def _rules(self, categories: Sequence[Category], of_kind: list[dict[str, int]], plea_cue: int) -> Rules:
        needs = np.zeros((len(categories), max(map(len, self.frames), default=1)), np.int64)
        for number, category in enumerate(categories):
            for frame in category.frames:
                needs[number, self.frames[number].index(frame.name)] = frame.needs

        def bits(number: int, kinds: Iterable[str]) -> int:
            return sum({1 << of_kind[number][kind] for kind in kinds})

        together = [
            (bits(number, item.kinds), item.weight)
            for number, category in enumerate(categories)
            for item in category.combinations
        ]
        typical = [(of_kind[n][cue.kind], weight) for n, own in enumerate(self.typical) for cue, weight in own]
        return Rules(
            np.array([category.base for category in categories], np.float64),
            np.array([logit(category.queue) for category in categories], np.float64),
            np.array([category.limit for category in categories], np.float64),
            np.array([bits(n, category.limit_kinds) for n, category in enumerate(categories)], np.int64),
            np.array([category.at_risk for category in categories], np.bool_),
            needs,
            np.array([frames.index(PLEA_FRAME) for frames in self.frames], np.int32),
            plea_cue,
            np.cumsum([0, *(len(category.combinations) for category in categories)]).astype(np.int32),
            np.array([kinds for kinds, _weight in together], np.int64),
            np.array([weight for _kinds, weight in together], np.float64),
            np.cumsum([0, *map(len, self.typical)]).astype(np.int32),
            np.array([kind for kind, _weight in typical], np.int32),
            np.array([weight for _kind, weight in typical], np.float64),
        )

    def _gate(self, categories: Sequence[Category]) -> tuple[Any, ...]:
        """What `could_score` needs: only what adds counts there."""
        used = (self.entries.weight > 0) & ~self.entries.frame
        slot = self.entries.category.astype(np.int64) * 64 + self.entries.kind
        slots = np.unique(slot[used])
        owner = np.repeat(np.arange(len(categories)), np.diff(self.rules.combination_at))
        adding = self.rules.combination_weight > 0
        return (
            np.append(0, np.cumsum(used))[self.entries.at].astype(np.int32),
            np.searchsorted(slots, slot[used]).astype(np.int32),
            self.entries.weight[used],
            self.entries.fields[used],
            (slots // 64).astype(np.int32),
            np.int64(1) << (slots % 64),
            logit(FLOOR) - self.rules.base,
            owner[adding].astype(np.int32),
            self.rules.combination_kinds[adding],
            self.rules.combination_weight[adding],
            sum(CUE_SHARES),
        )


def logit(score: float) -> float:
    """Log-odds of a score below 1."""
    return math.log(score / (1 - score)) if score > 0 else -math.inf


def _entries(categories: Sequence[Category]) -> tuple[dict[str, list[Entry]], list[Entry]]:
    """What every spelling means, and the rules about amounts."""
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
    return by_phrase, rules


def _typical(category: Category) -> list[tuple[Cue, float]]:
    """The cues that have phrases, each with the middle weight of these."""
    weights: dict[str, list[float]] = defaultdict(list)
    for phrase in category.phrases:
        weights[phrase.cue].append(phrase.weight)
    middle = {cue: sorted(listed)[len(listed) // 2] for cue, listed in weights.items()}
    return [(cue, middle[cue.name]) for cue in category.cues if cue.name in middle]


def _paid(rule: AmountRule) -> int:
    return sum(1 << PERIODS.index(period) for period in rule.per) if rule.unit == "yen" else 0


def _bits(fields: Iterable[str]) -> int:
    return sum(1 << FIELDS.index(field) for field in fields)
