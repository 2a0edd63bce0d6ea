"""Additive weighing: what each word in a post adds or takes away, and what combinations mean.

logit = base + rest + sum of the spans' weights

Cues of one kind count 1, 1/2, 1/4 of their weights, strongest first, and no more. Words of a context that speaks
against the harm (a frame: police warning, news, question ...) take away. Combinations go into `rest`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yoake.detect.category import FRAME, AmountRule, Category

CUE_SHARES: Final = (1.0, 0.5, 0.25)
LISTED: Final = 0.5  # of combinations when a frame is there and nobody is invited: a warning lists what it warns of
FRAME_SHARES: Final = (1.0, 0.7, 0.5, 0.3)
QUOTED: Final = 0.4  # of a cue inside 「」 when a frame is there: warnings and news quote what they warn of


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase means in one category."""

    category: int
    cue: str  # a cue's name, or frame:<name>
    kind: str  # of the cue, or frame:<name>
    weight: float
    fields: int  # bits of FIELDS
    rule: AmountRule | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word in a post that may count in one category. Positions are code points of the original."""

    field: int
    start: int
    end: int
    entry: Entry
    phrase: int
    quoted: bool

    def overlaps(self, other: Candidate) -> bool:
        """Whether both share a character."""
        return self.field == other.field and self.start < other.end and other.start < self.end

    def lies_inside(self, other: Candidate) -> bool:
        """Whether the other is longer and has every character of this one."""
        longer = other.end - other.start > self.end - self.start
        return longer and self.field == other.field and other.start <= self.start and self.end <= other.end


@dataclass(frozen=True, slots=True)
class Weighed:
    """Candidates after sharing, contexts and combinations."""

    logit: float
    rest: float
    spans: list[tuple[Candidate, float]]  # with the weight each one got
    frames: dict[str, float]  # log-odds per frame, negative


def weigh(category: Category, candidates: Sequence[Candidate]) -> Weighed:
    """Weighs the candidates of one category in one post; the same candidates in any order give the same result."""
    framing: dict[str, list[Candidate]] = defaultdict(list)
    cueing: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        (framing if candidate.entry.cue.startswith(FRAME) else cueing)[candidate.entry.kind].append(candidate)
    if framing:
        # 逮捕 inside 逮捕リスクなし is part of the denial, not of the news
        longer = [c for listed in cueing.values() for c in listed]
        needs = {FRAME + frame.name: frame.needs for frame in category.frames}
        framing = {kind: [c for c in listed if not any(map(c.lies_inside, longer))] for kind, listed in framing.items()}
        framing = {
            kind: listed
            for kind, listed in framing.items()
            if len({candidate.phrase for candidate in listed}) >= needs[kind]
        }
    framed = any(candidate.entry.weight < 0 for listed in framing.values() for candidate in listed)
    spans: list[tuple[Candidate, float]] = []
    present: set[str] = set()
    for kind, listed in cueing.items():
        for candidate, weight in _share(listed, CUE_SHARES, QUOTED if framed else 1.0):
            spans.append((candidate, weight))
            if weight > 0 and not (framed and candidate.quoted):
                present.add(kind)
    invited = bool(present.intersection(category.limit_kinds))
    share = LISTED if framed and not invited else 1.0
    rest = round(share * sum(item.weight for item in category.combinations if present.issuperset(item.kinds)), 6)
    taken = [pair for listed in framing.values() for pair in _share(listed, FRAME_SHARES, 1.0)]
    total = -sum(weight for _, weight in taken)
    if total > category.limit and invited:
        # who asks to be contacted is not the police, whatever else the post says
        taken = [(candidate, round(weight * category.limit / total, 6)) for candidate, weight in taken]
    frames: dict[str, float] = defaultdict(float)
    for candidate, weight in taken:
        frames[candidate.entry.cue.removeprefix(FRAME)] += weight
    spans = sorted(spans + taken, key=lambda pair: (pair[0].field, pair[0].start, pair[0].end, pair[0].entry.cue))
    return Weighed(category.base + rest + sum(weight for _, weight in spans), rest, spans, dict(frames))


def _share(candidates: list[Candidate], shares: Sequence[float], quoted: float) -> list[tuple[Candidate, float]]:
    """The strongest candidates that do not overlap, each with its share of its weight."""
    pairs = [(c, c.entry.weight * (quoted if c.quoted else 1.0)) for c in candidates]
    pairs.sort(key=lambda pair: (-abs(pair[1]), pair[0].field, pair[0].start, -pair[0].end, pair[0].phrase))
    taken: list[tuple[Candidate, float]] = []
    phrases: set[int] = set()
    for candidate, weight in pairs:
        if candidate.phrase in phrases or any(candidate.overlaps(other) for other, _ in taken):
            continue
        phrases.add(candidate.phrase)
        taken.append((candidate, round(weight * shares[len(taken)], 6)))
        if len(taken) == len(shares):
            break
    return taken
