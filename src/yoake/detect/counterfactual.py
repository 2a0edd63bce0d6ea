"""What would have changed the verdict: found by taking words away, or adding words of another context, and judging again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from yoake.detect.category import FRAME, Category
from yoake.detect.category_keys import FIELDS
from yoake.detect.detector import Detector
from yoake.tables.findings import queued
from yoake.tables.posts import posts_batch

_WEIGHTIEST: Final = 8  # places that are taken away one by one, in pairs and in threes
_TOGETHER: Final = 3
_CHARACTERS: Final = 400_000  # judged for one answer, over all changed posts; a long post is changed less often
_CONTEXTS: Final = 3
_LITTLE: Final = 0.3  # of a post, in characters: what is left is hardly that post

Span = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What changes whether a post is queued under a category; every part was judged, nothing is estimated."""

    queued: bool  # as the post stands
    without: tuple[str, ...]  # the fewest words in whose absence it is not queued (queued posts); () when no few do
    hardly_left: bool  # without them little of the post would be left
    only_context: tuple[str, ...]  # the words in whose absence it would be queued (posts that are not); or ()
    contexts: tuple[tuple[str, str], ...]  # frame, words: with them added it is not queued


def would_change(detector: Detector, post: Mapping[str, Any], category: Category, spans: Sequence[Span]) -> Change:
    """Judges a post again and again, each time with something changed.

    Args:
        detector: the judge.
        post: a row of the schema POSTS.
        category: whose verdict is asked about.
        spans: of its finding.
    """
    fields = {name: str(post.get(name) or "") for name in FIELDS}
    places = _places([span for span in spans if span["weight"] > 0], fields)
    against = _places([span for span in spans if span["weight"] < 0], fields)
    sets = list(_sets(places, max(_WEIGHTIEST, _CHARACTERS // (1 + sum(map(len, fields.values()))))))
    contexts = list(_contexts(category))
    changed = [fields, *(_without(fields, chosen) for chosen in sets), _without(fields, against)]
    changed += [{**fields, "text": f"{fields['text']}\n{words}"} for _frame, words in contexts]
    batch = posts_batch([{**post, **texts} for texts in changed])
    kept = {f["row"] for f in detector.judge(batch).to_pylist() if f["category"] == category.slug and queued(f)}
    stands = 0 in kept
    enough = next((chosen for number, chosen in enumerate(sets, 1) if number not in kept), ())
    first = len(sets) + 2
    escaped = [named for number, named in enumerate(contexts, first) if number not in kept]
    return Change(
        queued=stands,
        without=_words(enough) if stands else (),
        hardly_left=_length(_without(fields, enough)) < _LITTLE * _length(fields),
        only_context=_words(against) if not stands and against and len(sets) + 1 in kept else (),
        contexts=tuple(escaped[:_CONTEXTS]) if stands else (),
    )


def _places(spans: Sequence[Span], fields: Mapping[str, str]) -> list[Span]:
    """Places inside the post, heaviest first, each once; pictures cannot be changed here."""
    found: dict[tuple[str, int, int], Span] = {}
    for span in sorted(spans, key=lambda one: (-abs(one["weight"]), one["field"], one["start"])):
        if span["field"] in fields and 0 <= span["start"] < span["end"] <= len(fields[span["field"]]):
            found.setdefault((span["field"], span["start"], span["end"]), span)
    return list(found.values())


def _sets(places: list[Span], most: int) -> Iterator[tuple[Span, ...]]:
    """What to take away, fewest places first and the heaviest of them first."""
    given = 0
    for size in range(1, _TOGETHER + 1):
        for chosen in combinations(places[:_WEIGHTIEST], size):
            if given == most:
                return
            given += 1
            yield chosen


def _without(fields: Mapping[str, str], chosen: Sequence[Span]) -> dict[str, str]:
    """The texts with a line break in place of what is taken away, so that its neighbours do not become a word."""
    changed = {}
    for name, text in fields.items():
        kept, at = [], 0  # places may overlap
        for span in sorted((one for one in chosen if one["field"] == name), key=lambda one: (one["start"], one["end"])):
            if span["end"] > at:
                kept += [text[at : max(at, span["start"])], "\n"]
                at = span["end"]
        changed[name] = "".join([*kept, text[at:]])
    return changed


def _length(fields: Mapping[str, str]) -> int:
    """Characters that can be seen."""
    return sum(len("".join(text.split())) for text in fields.values())


def _contexts(category: Category) -> Iterator[tuple[str, str]]:
    """The strongest words of each frame."""
    for frame in category.frames:
        words = [one for one in category.phrases if one.cue == f"{FRAME}{frame.name}" and one.weight < 0]
        if words:
            strongest = min(words, key=lambda one: (one.weight, one.phrase))
            yield frame.name, strongest.spellings()[0]


def _words(chosen: Sequence[Span]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(span["text"]) for span in sorted(chosen, key=lambda s: (s["field"], s["start"]))))
