"""The slow plain twin of kernels/weigh_posts.py and what it uses: one post and category after the other, with dicts and lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yoake.detect.category import FRAME, Category
from yoake.detect.kernels.change import ADDED, FAR, FIRM, REMOVED, UNFRAMED
from yoake.detect.weighing import Entry, logit

CUE_SHARES: Final = (1.0, 0.5, 0.25)
LISTED: Final = 0.5  # of combinations when a frame is there and nobody is invited: a warning lists what it warns of
FRAME_SHARES: Final = (1.0, 0.7, 0.5, 0.3)
QUOTED: Final = 0.4  # of a cue inside 「」 when a frame is there: warnings and news quote what they warn of


PLEA: Final = -6.0
FRAMED: Final = -0.5


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


Told = tuple[int, float, float, str, list[tuple[int, int, int, str, float]], list[str]]


def judge(categories: Sequence[Category], candidates: dict[int, list[Candidate]], floor: float) -> list[Told]:
    """What is found in one post: category, log-odds, rest, frame, spans, and what would change it, in words."""
    weighed = {number: weigh(categories[number], listed) for number, listed in candidates.items()}
    plea = _plea(categories, weighed)
    found = []
    for number, said in sorted(weighed.items()):
        silenced = plea is not None and not categories[number].at_risk
        result = _yield(categories[number], number, said, plea) if plea is not None and silenced else said
        if result.logit < floor:
            continue
        frame = min(result.frames, key=lambda name: (result.frames[name], name), default="")
        if frame and result.frames[frame] > FRAMED:
            frame = ""
        spans = [(c.field, c.start, c.end, c.entry.cue, weight) for c, weight in result.spans]
        change = _change(categories[number], result, candidates[number], frame)
        found.append((number, result.logit, result.rest, frame, spans, change))
    return found


def _plea(categories: Sequence[Category], weighed: dict[int, Weighed]) -> Candidate | None:
    for number, result in sorted(weighed.items(), key=lambda item: (-item[1].logit, item[0])):
        if categories[number].at_risk and result.spans and result.logit >= logit(categories[number].queue):
            return max(result.spans, key=lambda pair: (pair[1], -pair[0].start))[0]
    return None


def _yield(category: Category, number: int, result: Weighed, plea: Candidate) -> Weighed:
    weight = round(min(PLEA, logit(category.queue) - result.logit - 1.0), 6)
    entry = Entry(number, f"{FRAME}plea", f"{FRAME}plea", weight, plea.entry.fields)
    span = Candidate(plea.field, plea.start, plea.end, entry, plea.phrase, plea.quoted)
    frames = {**result.frames, "plea": weight}
    return Weighed(result.logit + weight, result.rest, [*result.spans, (span, weight)], frames)


def _change(category: Category, result: Weighed, candidates: Sequence[Candidate], frame: str) -> list[str]:
    threshold = logit(category.queue)
    best: dict[str, tuple[Candidate, float]] = {}
    for pair in result.spans:
        kind = pair[0].entry.kind
        if pair[1] > 0 and (kind not in best or pair[1] > best[kind][1]):
            best[kind] = pair
    kinds = sorted(best, key=lambda kind: (-best[kind][1], kind))
    if result.logit >= threshold:
        for removed in [(kind,) for kind in kinds] + [(a, b) for i, a in enumerate(kinds) for b in kinds[i + 1 :]]:
            if weigh(category, [c for c in candidates if c.entry.kind not in removed]).logit < threshold:
                places = [best[kind][0] for kind in removed]
                return [str(REMOVED), *(f"{place.field} {place.start} {place.end}" for place in places)]
        return [str(FIRM)]
    bare = [c for c in candidates if not c.entry.cue.startswith(FRAME)]
    if frame and weigh(category, bare).logit >= threshold:
        return [str(UNFRAMED)]
    weights: dict[str, list[float]] = defaultdict(list)
    for phrase in category.phrases:
        weights[phrase.cue].append(phrase.weight)
    present = set(kinds)
    for cue in category.cues:
        if cue.kind in present or cue.name not in weights:
            continue
        typical = sorted(weights[cue.name])[len(weights[cue.name]) // 2]
        more = sum(
            item.weight
            for item in category.combinations
            if cue.kind in item.kinds and present | {cue.kind} >= set(item.kinds)
        )
        if result.logit + typical + more >= threshold:
            return [str(ADDED), cue.name]
    return [str(FAR)]
