"""The second looks of this installation: each is a detector of the shelf, with what it needs from outside handed to it.

Off unless configured: `encoder` (YOAKE_ENCODER), `llm_judge` (YOAKE_JUDGE_URL), `pictures` (YOAKE_PICTURES).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import pyarrow as pa
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from yoake import shelf
from yoake.casework.cases.actions import serving_detector
from yoake.casework.cases.categories import generation_in_force
from yoake.casework.cases.looks import PICTURES, WEAK_PICTURES, texts_of, used
from yoake.casework.cases.models import Case, PostVersion, SecondLook
from yoake.casework.cases.second_looks import is_plea
from yoake.casework.sources.models import Source
from yoake.detect import detectors, serving
from yoake.detect.detector import Detector
from yoake.detect.protected import ABOUT_MINORS, MINOR_AND_SEX, suggests_minor_and_sex
from yoake.detect.reading import Reader
from yoake.errors import Refused, TryLater, YoakeError
from yoake.pipeline.judging import CALLS, TOKENS, Asker, Endpoint
from yoake.pipeline.pictures import Fetcher
from yoake.tables.posts import posts_batch

ENCODER: Final = "encoder"
JUDGE: Final = "llm_judge"
NAMES: Final = (ENCODER, JUDGE, PICTURES)
_READER: Final = Reader()  # remembers pictures for as long as this process lives


@dataclass(frozen=True)
class Looked:
    """What a look came to."""

    found: list[dict[str, Any]] = field(default_factory=list)  # rows of FINDINGS
    outcome: str = ""  # why it was not looked; "" when it was


Look = Callable[[SecondLook, PostVersion, datetime], Looked]


def look_called(name: str) -> Look:
    """The second look `name` (encoder, llm_judge, pictures), ready. Raises Refused or BadInput when it cannot be used."""
    if name == ENCODER:
        return _with_encoder(_encoder(str(settings.ENVIRONMENT.encoder), _generation()))
    if name == JUDGE:
        return _with_judge(_judge(settings.ENVIRONMENT.judge_model, generation_in_force()))
    assert name == PICTURES
    return _with_pictures(_pictures(generation_in_force()))


def state_of(name: str, now: datetime | None = None) -> dict[str, Any]:
    """Facts about a second look that is switched on and can be used. Raises Refused, BadInput or TryLater when it cannot.

    Returns:
        encoder: folder. llm_judge: host, model, calls, calls_limit, tokens, tokens_limit (of today).
        pictures: tesseract (its version), weak, weak_limit (of today).
    """
    told, now = settings.ENVIRONMENT, now or timezone.now()
    if name == JUDGE:
        endpoint = Endpoint.from_settings()
        if (status := endpoint.look()) >= 500:
            raise TryLater(f"{endpoint.host} answered status {status}", after_s=60)
        return {
            "host": endpoint.host,
            "model": endpoint.model,
            "calls": used(CALLS, now),
            "calls_limit": told.judge_calls_per_day,
            "tokens": used(TOKENS, now),
            "tokens_limit": told.judge_tokens_per_day,
        }
    try:
        look_called(name)
    except (YoakeError, DatabaseError):
        raise
    except Exception as problem:  # a package that is missing, a file that is cut
        raise Refused(f"it cannot be loaded ({type(problem).__name__}: {problem})") from None
    if name == ENCODER:
        return {"folder": str(told.encoder)}
    return {
        "tesseract": _READER.version(),
        "weak": used(WEAK_PICTURES, now),
        "weak_limit": told.pictures_weak_per_day,
    }


def batch_of(version: PostVersion) -> pa.RecordBatch:
    """A stored version as one row of POSTS."""
    post, account = version.post, version.post.account
    row = {
        "network": post.network,
        "native_id": post.native_id,
        "url": post.url,
        "author_id": account.native_id if account else "",
        "author_handle": account.handle if account else "",
        "author_name": version.author_name,
        "profile": version.profile,
        "text": version.text,
        "parent_id": version.parent_id,
        "parent_text": version.parent_text,
        "root_id": version.root_id,
        "lang": version.lang,
        "labels": version.labels,
        "images": version.images,
        "posted_at": post.posted_at,
        "seen_at": version.seen_at,
    }
    batch = posts_batch([row])
    for name, kept in (
        ("uid", post.uid),
        ("content_hash", version.content_hash),
    ):  # of an entry by hand they may differ
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, name, pa.array([kept], pa.string()))
    return batch


def _with_encoder(detector: Detector) -> Look:
    def look(row: SecondLook, version: PostVersion, now: datetime) -> Looked:
        return Looked(detector.judge(batch_of(version)).to_pylist())

    return look


def _with_judge(detector: Any) -> Look:
    told, endpoint = settings.ENVIRONMENT, Endpoint.from_settings()

    def look(row: SecondLook, version: PostVersion, now: datetime) -> Looked:
        batch = batch_of(version)
        known = _known(version)
        if endpoint.external:  # who asks for help, and what may show a child, is not told to anybody outside
            if is_plea(known):
                return Looked(outcome="at_risk")
            if _about_minors(known) or suggests_minor_and_sex(texts_of(batch.to_pylist()[0])):
                return Looked(outcome=MINOR_AND_SEX)
        asker = Asker(
            endpoint, calls_per_day=told.judge_calls_per_day, tokens_per_day=told.judge_tokens_per_day, now=now
        )
        declined: list[None] = []

        def ask(prompts: Any) -> Any:
            answers = asker(prompts)
            declined.extend(answer for answer in answers if answer is None)
            return answers

        detector.ask = ask
        case = Case.objects.filter(post=version.post).order_by("-rank", "pk").first()
        found = detector.judge(batch, [case.category if case else ""]).to_pylist()
        return Looked(found, "declined" if declined and not found else "")

    return look


def _with_pictures(detector: Any) -> Look:
    def look(row: SecondLook, version: PostVersion, now: datetime) -> Looked:
        if version.post.gone_state:
            return Looked(outcome="gone")
        known = _known(version)
        if is_plea(known):
            return Looked(outcome="at_risk")
        if _about_minors(known):
            return Looked(outcome=MINOR_AND_SEX)
        detector.fetch = Fetcher(row.source or _source_of(version))
        found = detector.judge(batch_of(version)).to_pylist()
        return Looked(found, detector.left_out[0][:30] if detector.left_out and not found else "")

    return look


def _known(version: PostVersion) -> list[dict[str, Any]]:
    return [dict(finding) for finding in version.findings.values("category", "grade", "score", "shadow")]


def _about_minors(known: list[dict[str, Any]]) -> bool:
    return any(finding["category"] in ABOUT_MINORS for finding in known)


def _source_of(version: PostVersion) -> Source | None:
    case = Case.objects.filter(post=version.post).exclude(source=None).select_related("source").order_by("pk").first()
    return case.source if case else None


# --- loaded once, and again when what lies behind them changed ---


def _generation() -> str:
    return f"{generation_in_force()} {serving.generation(None, settings.ENVIRONMENT.encoder)}"


@lru_cache(maxsize=1)
def _encoder(folder: str, generation: str) -> Detector:
    made: Detector = shelf.take(detectors, ENCODER)(settings.ENVIRONMENT.encoder, settings.YOAKE_CATEGORIES)
    return made


@lru_cache(maxsize=1)
def _judge(model: str, generation: str) -> Any:
    return shelf.take(detectors, JUDGE)(
        None, settings.YOAKE_CATEGORIES, served=model, secret=f"judge mark {settings.SECRET_KEY}"
    )


@lru_cache(maxsize=1)
def _pictures(generation: str) -> Any:
    return shelf.take(detectors, PICTURES)(None, settings.YOAKE_CATEGORIES, on_duty=serving_detector(), reader=_READER)
