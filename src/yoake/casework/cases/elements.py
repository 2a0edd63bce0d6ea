"""The elements of a category that a person ticks, each tied to words of the post.

A detector proposes where they stand; nothing is ticked until a person does so. Spans go when the words go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Decision, Finding, Post, PostVersion
from yoake.casework.cases.reasons import Quoted, compose
from yoake.errors import BadInput

MOST: Final = 40  # spans of one decision
FIELDS: Final = ("text", "profile", "parent_text")


@dataclass(frozen=True)
class Tied:
    """An element and where it stands: code points of the version as it was published."""

    name: str
    field: str  # text, profile, parent_text, image:N
    start: int
    end: int

    def row(self) -> dict[str, Any]:
        """As it is stored in `Decision.elements`."""
        return {"name": self.name, "field": self.field, "start": self.start, "end": self.end}


def proposed(findings: Iterable[Finding], slug: str) -> dict[str, tuple[Tied, str]]:
    """Where detectors see each element of a category, by name, with the words; the strongest finding's comes first."""
    found: dict[str, tuple[Tied, str]] = {}
    for finding in findings:
        if finding.category != slug or finding.shadow:
            continue
        for element in finding.body.get("elements", ()):
            span = element.get("span") or {}
            if span.get("text") and span["end"] > span["start"]:
                tied = Tied(element["name"], span["field"], span["start"], span["end"])
                found.setdefault(tied.name, (tied, span["text"]))
    return found


def checked(version: PostVersion, slug: str, given: Iterable[Tied]) -> list[Tied]:
    """What was ticked, each span once and in the order of the category's elements.

    Raises BadInput for an element the category does not have, or a span that is not in the version.
    """
    order = {element.name: place for place, element in enumerate(category(slug).elements)}
    ticked = list(dict.fromkeys(given))
    if len(ticked) > MOST:
        raise BadInput("elements", len(ticked), f"at most {MOST} marked places")
    texts = {name: getattr(version, name) for name in FIELDS}
    pictures: set[tuple[str, int, int]] | None = None
    for one in ticked:
        if one.name not in order:
            raise BadInput("elements", one.name, "elements of the chosen category")
        if one.field.startswith("image:"):
            if pictures is None:
                pictures = {(span["field"], span["start"], span["end"]) for span in _spans_of(version)}
            inside = (one.field, one.start, one.end) in pictures
        else:
            inside = one.field in texts and 0 <= one.start < one.end <= len(texts[one.field])
        if not inside:
            raise BadInput(
                "elements", f"{one.field} {one.start}-{one.end}", "words that stand in the post as you read it"
            )
    return sorted(ticked, key=lambda one: (order[one.name], one.field, one.start, one.end))


def quoted(version: PostVersion, ticked: Iterable[Tied]) -> list[Quoted]:
    """The same with their words; what stands in no text any more is left out."""
    words: dict[tuple[str, int, int], str] | None = None
    found = []
    for one in ticked:
        if one.field in FIELDS:
            said = str(getattr(version, one.field))[one.start : one.end]
        else:
            if words is None:
                words = {(span["field"], span["start"], span["end"]): span["text"] for span in _spans_of(version)}
            said = words.get((one.field, one.start, one.end), "")
        if said.strip():
            found.append(Quoted(one.name, one.field, said))
    return found


def tied_of(decision: Decision) -> list[Tied]:
    """What was ticked with a decision."""
    return [tied(row) for row in decision.elements]


def reason_in(language: str, decision: Decision, version: PostVersion | None) -> str:
    """Why it was decided so, for somebody who reads `language` (ja, en): what a person wrote, or what the ticks make.

    In English always as the ticks make it. In Japanese what a person wrote stays; a reason that a page in English made of the
    ticks is made anew.
    """
    if version is None:
        return decision.reason
    known, ticked, english = category(decision.category), quoted(version, tied_of(decision)), language == "en"
    made = compose(known, ticked, english=english)
    if made and (english or decision.reason in ("", compose(known, ticked, english=True))):
        return made
    return decision.reason or made


def tied(row: Mapping[str, Any]) -> Tied:
    """A stored element as an object."""
    return Tied(str(row["name"]), str(row.get("field", "")), int(row.get("start", 0)), int(row.get("end", 0)))


def forget_spans(post: Post) -> None:
    """The post is erased: which elements were ticked stays, where they stood goes."""
    for decision in Decision.objects.filter(case__post=post).exclude(elements=[]):
        names = dict.fromkeys(row["name"] for row in decision.elements)
        decision.elements = [Tied(name, "", 0, 0).row() for name in names]
        decision.save(update_fields=["elements"])


def _spans_of(version: PostVersion) -> list[dict[str, Any]]:
    """Places in pictures that detectors told of this version: the only text of a picture that is kept."""
    bodies = [finding.body for finding in version.findings.all()]
    spans = [element.get("span") or {} for body in bodies for element in body.get("elements", ())]
    spans += [span for body in bodies for span in body.get("spans", ())]
    return [span for span in spans if str(span.get("field", "")).startswith("image:")]
