"""Trying a word before it counts: what would it bring to the desk, among open cases and shipped texts?"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from django.conf import settings

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import NgramCount
from yoake.casework.wording.models import CueDraft
from yoake.collect import practice
from yoake.detect import serving
from yoake.detect.background import NgramCounts
from yoake.detect.category import Phrase
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher
from yoake.learn.overlay import add_phrase
from yoake.tables.findings import queued
from yoake.tables.posts import posts_batch

OPEN_TRIED: Final = 20_000  # the newest open cases; more would make a person wait
SHOWN: Final = 20  # cases named, so that a person can look at them
DAYS_COUNTED: Final = 60  # tables of a source and day
_CHUNK: Final = 2_000
_FIELDS: Final = ("text", "profile", "parent_text")
_NOT_TRIED: Final[dict[str, Any]] = {
    "open": None,
    "open_with": None,
    "open_raised": None,
    "cases": [],
    "everyday": None,
}


def try_cue(actor: Actor, slug: str, phrase: Phrase) -> dict[str, Any]:
    """What a phrase would change: counts, and ids of cases; no words.

    It would count for every organisation, so that the open cases of each are tried; `told_to` tells each its own only.
    Shipped texts are the examples of every category and the practice stream, each with the answer it should get;
    "harmless" are those that no category should queue, and every one that the phrase newly queues is a false alarm.

    Returns:
        shipped, harmless: texts; harmless_with; harmless_queued: newly; harmful_queued: newly. Of the actor's
        organisation: open: cases looked at; open_with: of them, texts with the phrase; open_raised: of them, with a
        higher grade; cases: up to 20 of open_with; everyday: at most so often in what was read lately (None: nothing was
        counted yet). elsewhere: the same five of every other organisation, by its id.

    Raises:
        BadInput: the category would not load with the phrase.
    """
    with tempfile.TemporaryDirectory() as place:
        overlay = Path(place) / "categories"
        if settings.YOAKE_CATEGORIES.is_dir():
            shutil.copytree(settings.YOAKE_CATEGORIES, overlay)
        add_phrase(overlay, slug, phrase)
        before = serving.in_service(settings.YOAKE_MODELS, settings.YOAKE_CATEGORIES)
        after = serving.in_service(settings.YOAKE_MODELS, overlay)
    has = PhraseMatcher(phrase.spellings())
    own: dict[int, dict[str, Any]] = {
        pk: {"open": 0, "open_with": 0, "open_raised": 0, "cases": [], "everyday": _everyday(pk, phrase)}
        for pk in Organisation.objects.values_list("pk", flat=True)
    }
    for rows in _chunks(chain.from_iterable(_newest_open(pk, OPEN_TRIED // len(own)) for pk in own)):
        for organisation, n in Counter(row[0] for row in rows).items():
            own[organisation]["open"] += n
        found = [row for row, there in zip(rows, _with(has, [row[2:] for row in rows]), strict=True) if there]
        raised = _raised(before, after, [row[2:] for row in found], slug)
        for (organisation, case, *_text), higher in zip(found, raised, strict=True):
            counts = own[organisation]
            counts["open_with"] += 1
            counts["open_raised"] += higher
            counts["cases"] += [case] if len(counts["cases"]) < SHOWN else []
    told: dict[str, Any] = own.pop(actor.organisation_id)
    told["elsewhere"] = {str(organisation): counts for organisation, counts in own.items()}
    texts, harmless = _shipped()
    there = _with(has, texts)
    newly = _newly_queued(before, after, [text for text, one in zip(texts, there, strict=True) if one])
    queued_now = iter(newly)
    told |= {
        "shipped": len(texts),
        "harmless": sum(harmless),
        "harmless_with": 0,
        "harmless_queued": 0,
        "harmful_queued": 0,
    }
    for one, is_harmless in zip(there, harmless, strict=True):
        if one:
            new = next(queued_now)
            told["harmless_with"] += is_harmless
            told["harmless_queued" if is_harmless else "harmful_queued"] += new
    return told


def _newest_open(organisation_id: int, most: int) -> Iterator[tuple[Any, ...]]:
    """Organisation, id and texts of its newest open cases."""
    waiting = (
        Case.objects.filter(organisation_id=organisation_id, state=Case.State.WAITING, practice=False)
        .exclude(post__current=None)
        .order_by("-pk")
        .values_list("organisation_id", "pk", *(f"post__current__{field}" for field in _FIELDS))[:most]
    )
    return waiting.iterator(chunk_size=_CHUNK)


def told_to(organisation_id: int, draft: CueDraft) -> dict[str, Any]:
    """What was found when a word was tried, as an organisation may see it: of the open cases, its own.

    `open` is None for one that was not there yet.
    """
    tried: dict[str, Any] = dict(draft.tried)
    elsewhere = tried.pop("elsewhere", {})
    if organisation_id == draft.organisation_id:
        return tried
    return {**tried, **elsewhere.get(str(organisation_id), _NOT_TRIED)}


def _shipped() -> tuple[list[tuple[str, str, str]], list[bool]]:
    """Texts (text, profile, parent_text) and whether each is harmless."""
    texts, harmless = [], []
    for known in categories().values():
        for example in known.examples:
            texts.append((example.text, example.profile, example.parent_text))
            harmless.append(example.label == "none")
    for row in practice.stream():
        answer = practice.answer(f"2026-11-20/{row['id']}")
        texts.append((row["text"], row["profile"], row["parent_text"]))
        harmless.append(answer is None or answer.verdict != "in_scope")
    return texts, harmless


def _with(has: PhraseMatcher, texts: list[tuple[str, str, str]]) -> list[bool]:
    joined = pa.array(["\n".join(text) for text in texts], pa.string())
    rows = set(has.find(fold(joined)).rows.tolist())
    return [row in rows for row in range(len(texts))]


def _judged(detector: Any, texts: list[tuple[str, str, str]]) -> list[list[dict[str, Any]]]:
    rows = [
        {"network": "trial", "native_id": str(i), "text": text, "profile": profile, "parent_text": parent}
        for i, (text, profile, parent) in enumerate(texts)
    ]
    found: list[list[dict[str, Any]]] = [[] for _ in texts]
    for finding in detector.judge(posts_batch(rows)).to_pylist() if rows else ():
        found[finding["row"]].append(finding)
    return found


def _raised(before: Any, after: Any, texts: list[tuple[str, str, str]], slug: str) -> list[bool]:
    def grade(of_post: list[dict[str, Any]]) -> int:
        return max((("low", "mid", "high").index(f["grade"]) + 1 for f in of_post if f["category"] == slug), default=0)

    pairs = zip(_judged(before, texts), _judged(after, texts), strict=True)
    return [grade(new) > grade(old) for old, new in pairs]


def _newly_queued(before: Any, after: Any, texts: list[tuple[str, str, str]]) -> list[bool]:
    pairs = zip(_judged(before, texts), _judged(after, texts), strict=True)
    return [any(map(queued, new)) and not any(map(queued, old)) for old, new in pairs]


def _everyday(organisation_id: int, phrase: Phrase) -> int | None:
    """At most how often the phrase stood in what an organisation's sources read on the newest days; None: nothing counted."""
    counts, any_there = NgramCounts(), False
    kept = NgramCount.objects.filter(source__organisation_id=organisation_id).order_by("-day")[:DAYS_COUNTED]
    for row in kept.iterator(chunk_size=10):
        counts.merge(NgramCounts(np.frombuffer(bytes(row.buckets), "<u4")))
        any_there = True
    return max(counts.at_most(spelling) for spelling in phrase.spellings()) if any_there else None


def _chunks(rows: Iterable[Any]) -> Iterable[list[Any]]:
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
