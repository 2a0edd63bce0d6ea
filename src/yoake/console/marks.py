"""Where the evidence stands in a text, cut into pieces that a template prints safely.

Offsets are code points of the original, which is what slicing a Python string counts. Spans may overlap, repeat or
reach beyond the text; every character is printed exactly once, and characters nobody can see are named instead.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

# Characters without a glyph, used to break words apart or to turn text around. Named, never sent to the browser.
_JAPANESE_OR_LATIN = "0-9A-Za-z\u3040-\u30ff\u3400-\u9fff\uff00-\uffef"
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u2064\u2066-\u206f\u3164\ufeff\uffa0]"
    f"|(?<=[{_JAPANESE_OR_LATIN}])[\u200c\u200d](?=[{_JAPANESE_OR_LATIN}])"
)
_APART = re.compile(f"{_UNSEEN.pattern}|\r(?=\n)")
_JOINER = "\u200d"


@dataclass(frozen=True)
class Reason:
    """One piece of evidence: words in a field that speak for a category or against it."""

    number: int  # its place in the legend, from 1
    field: str  # text, profile, parent_text, image:N
    text: str
    cue: str
    category: str
    weight: float  # log-odds; negative takes away

    @property
    def speaks_for(self) -> bool:
        """Whether it raises the score."""
        return self.weight >= 0

    @property
    def strength(self) -> int:
        """1 (hardly) to 3 (strongly)."""
        return 1 + (abs(self.weight) >= 0.8) + (abs(self.weight) >= 1.8)

    @property
    def signed(self) -> str:
        """The weight as people read it."""
        return f"{self.weight:+.1f}".replace("-", "−")


@dataclass(frozen=True)
class Part:
    """Text to print, or the name of one character that cannot be seen."""

    text: str
    unseen: str = ""  # "U+202E"
    folded: bool = False  # a carriage return before a line feed: browsers make one character of the two


@dataclass(frozen=True)
class Piece:
    """A stretch of text under the same evidence (often none)."""

    parts: tuple[Part, ...]
    reasons: tuple[Reason, ...] = ()
    ends: tuple[Reason, ...] = ()  # whose span ends here: their numbers are printed behind it
    ticked: tuple[str, ...] = ()  # elements that a person tied to these words

    @property
    def speaks_for(self) -> bool:
        """Whether all evidence here taken together raises the score."""
        return sum(reason.weight for reason in self.reasons) >= 0

    @property
    def strength(self) -> int:
        """1 (hardly) to 3 (strongly): that of the strongest evidence here."""
        return max((reason.strength for reason in self.reasons), default=1)


def reasons(
    findings: Iterable[tuple[str, Mapping[str, Any]]], fields: Mapping[str, str]
) -> list[tuple[Reason, int, int]]:
    """The evidence of several findings, each span once, in reading order, numbered from 1.

    Args:
        findings: (category, span) for each span, strongest finding first.
        fields: what each field says, in the order in which the page shows them.
    """
    order = {name: place for place, name in enumerate(fields)}
    seen: dict[tuple[str, int, int, str], tuple[str, Mapping[str, Any]]] = {}
    for category, span in findings:
        start, end = span["start"], span["end"]
        if span["field"] in fields:  # else a picture: its words stand in the legend only
            start, end = whole(fields[span["field"]], start, end)
            if start >= end:
                continue  # points nowhere
        seen.setdefault((span["field"], start, end, span["cue"]), (category, span))
    ordered = sorted(seen.items(), key=lambda item: (order.get(item[0][0], len(order)), item[0]))
    return [
        (Reason(number, field, span["text"], cue, category, float(span["weight"])), start, end)
        for number, ((field, start, end, cue), (category, span)) in enumerate(ordered, 1)
    ]


def pieces(
    text: str, evidence: Iterable[tuple[Reason, int, int]], ticked: Iterable[tuple[str, int, int]] = ()
) -> list[Piece]:
    """`text` cut at every border of the evidence (reason, start, end) and of what was ticked; joined again it is the text."""
    spans = [(reason, *whole(text, start, end)) for reason, start, end in evidence]
    spans = [(reason, start, end) for reason, start, end in spans if start < end]
    tied = [(label, *whole(text, start, end)) for label, start, end in ticked]
    borders = sorted(
        {0, len(text)}.union(
            *((start, end) for _what, start, end in spans), *((start, end) for _what, start, end in tied)
        )
    )
    cut = []
    for start, end in pairwise(borders):
        over = tuple(r for r, s, e in spans if s <= start and end <= e)
        under = tuple(dict.fromkeys(label for label, s, e in tied if s <= start and end <= e))
        cut.append(Piece(tuple(parts(text[start:end])), over, tuple(r for r, _s, e in spans if e == end), under))
    return cut


def excerpt(text: str, evidence: list[tuple[Reason, int, int]], length: int = 110) -> list[Piece]:
    """At most `length` code points around the strongest evidence, on one line, with "…" where something was left out."""
    start = 0
    if evidence and len(text) > length:
        strongest = max(evidence, key=lambda item: abs(item[0].weight))
        start = _phrase_start(text, max(0, min(strongest[1] - length // 4, len(text) - length)))
    start, end = whole(text, start, min(len(text), start + length))
    window = "".join(" " if c.isspace() else c for c in text[start:end])
    inside = [(r, max(s - start, 0), min(e - start, end - start)) for r, s, e in evidence if s < end and e > start]
    cut = pieces(window, inside)
    if start > 0:
        cut.insert(0, Piece((Part("… "),)))
    if end < len(text):
        cut.append(Piece((Part(" …"),)))
    return cut


def parts(text: str) -> Iterable[Part]:
    """The text with every character that cannot be seen set apart by name."""
    at = 0
    for found in _APART.finditer(text):
        if found.start() > at:
            yield Part(text[at : found.start()])
        if found[0] == "\r":
            yield Part("\r", folded=True)
        else:
            yield Part("", f"U+{ord(found[0]):04X}")
        at = found.end()
    if at < len(text):
        yield Part(text[at:])


def unseen_count(text: str) -> int:
    """How many characters of the text cannot be seen."""
    return len(_UNSEEN.findall(text))


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The span inside the text, widened so that it splits no accent, variation selector or joined emoji."""
    start, end = max(0, min(start, len(text))), max(0, min(end, len(text)))
    if start >= end:
        return start, start
    while 0 < start < len(text) and (
        _continues(text[start]) or (text[start - 1] == _JOINER and not _UNSEEN.match(text, start - 1))
    ):
        start -= 1
    while 0 < end < len(text) and (
        _continues(text[end]) or (text[end - 1] == _JOINER and not _UNSEEN.match(text, end - 1))
    ):
        end += 1
    return start, end


def _phrase_start(text: str, at: int) -> int:
    """The beginning of the phrase around `at`, at most 20 code points before it."""
    found = max((text.rfind(mark, max(0, at - 20), at) for mark in "\n 　。！？!?、"), default=-1)
    return found + 1 if found >= 0 else at


def _continues(character: str) -> bool:
    code = ord(character)
    return (
        character == _JOINER
        or 0xFE00 <= code <= 0xFE0F  # variation selectors
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or unicodedata.category(character) in ("Mn", "Me")
    )
