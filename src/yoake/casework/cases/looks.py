"""Which stored versions wait for a second look, what such looks may use a day, and what a judge answered before.

`second_look` in pipeline/duties does the looking, `second_looks.py` beside this file takes in what it found.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.folds import plan_comparison
from yoake.casework.cases.models import Case, DailyUse, JudgeAnswer, Post, PostVersion, SecondLook
from yoake.detect.protected import ABOUT_MINORS, why_not

PICTURES = "pictures"
WEAK_PICTURES = "pictures:weak"  # what DailyUse calls the posts that are kept only until their pictures were read
SHORT = 80  # code points of a post whose picture may say the rest
_KEPT = timedelta(days=30)  # how long an answer saves asking again


def plan_looks(post: Post, now: datetime) -> None:
    """A case of this post waits: what it says now is to be looked at again by everything that is switched on."""
    if post.network == "practice" or post.erased_at is not None or post.current is None:
        return
    plan(post.current, settings.ENVIRONMENT.second_looks, now)
    plan_comparison(post, now)


def plan(version: PostVersion, detectors: Iterable[str], now: datetime, source_id: int | None = None) -> None:
    """Writes the rows; those that are there already stay as they are."""
    rows = [SecondLook(version=version, detector=name, due_at=now, source_id=source_id) for name in detectors]
    _write([row for row in rows if row.detector != PICTURES or version.images])


def _write(rows: list[SecondLook]) -> None:
    SecondLook.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def plan_missing(now: datetime) -> None:
    """What waited when a second look was switched on is looked at too."""
    for name in settings.ENVIRONMENT.second_looks:
        looked = SecondLook.objects.filter(version=OuterRef("pk"), detector=name)
        waiting = Case.objects.filter(state=Case.State.WAITING, practice=False, post__erased_at=None)
        current = PostVersion.objects.filter(pk__in=waiting.values("post__current")).exclude(Exists(looked))
        if name == PICTURES:
            current = current.exclude(images=[])
        _write([SecondLook(version_id=pk, detector=name, due_at=now) for pk in current.values_list("pk", flat=True)])


def put_off_all(detector: str, now: datetime, until: datetime, problem: str) -> None:
    """Nothing of this detector can be done before `until`; the rows say why, and no attempt counts as failed."""
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = SecondLook.objects.filter(free, detector=detector, due_at__lte=until)
    due.update(due_at=until, claimed_until=None, problem=problem)


# --- pictures of posts that nobody queued ---------------------------------------------------------------------------


def worth_reading(row: Mapping[str, Any], findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a post (row of POSTS) that is not queued has a picture that may say what its few words leave out.

    That is: short, with a picture, with a weak cue of some harm, and none of a person at risk; nothing adult.
    """
    if not row["images"] or len(row["text"]) > SHORT:
        return False
    known = categories()
    cued = [f for f in findings if not f["shadow"] and any(span["weight"] > 0 for span in f["spans"])]
    if not cued or any(f["category"] in known and known[f["category"]].at_risk for f in findings):
        return False
    if any(f["category"] in ABOUT_MINORS for f in findings):
        return False
    return not why_not(row["labels"], texts_of(row))


def texts_of(row: Mapping[str, Any]) -> list[str]:
    """Everything known of a post in words."""
    described = [image.get("alt") or "" for image in row["images"]]
    return [row["text"], row["profile"], row["parent_text"], *described]


# --- limits of a day ------------------------------------------------------------------------------------------------


def use(what: str, wanted: int, limit: int, now: datetime) -> int:
    """Takes up to `wanted` of what is left of today's limit; returns how much that was."""
    with transaction.atomic():
        row = _today(what, now)
        granted = max(0, min(wanted, limit - row.n))
        if granted:
            DailyUse.objects.filter(pk=row.pk).update(n=F("n") + granted)
    return granted


def correct_use(what: str, by: int, now: datetime) -> None:
    """What was taken turned out to be more (or, negative, less) when it was used."""
    with transaction.atomic():
        row = _today(what, now)
        DailyUse.objects.filter(pk=row.pk).update(n=max(0, row.n + by))


def used(what: str, now: datetime) -> int:
    """How much of something was used today."""
    row = DailyUse.objects.filter(day=now.astimezone(TOKYO).date(), what=what).first()
    return row.n if row else 0


def tomorrow(now: datetime) -> datetime:
    """When the limits of a day begin anew."""
    here = now.astimezone(TOKYO) + timedelta(days=1)
    return here.replace(hour=0, minute=0, second=0, microsecond=0)


def _today(what: str, now: datetime) -> DailyUse:
    day = now.astimezone(TOKYO).date()
    DailyUse.objects.get_or_create(day=day, what=what)
    return DailyUse.objects.select_for_update().get(day=day, what=what)


# --- answers --------------------------------------------------------------------------------------------------------


def answer_key(model: str, version: str, content_hash: str) -> str:
    """Under which an answer is kept: keyed, so that a short text cannot be found by trying."""
    told = "\0".join((model, version, content_hash))
    return hmac.new(settings.SECRET_KEY.encode(), f"judge answer\0{told}".encode(), "sha256").hexdigest()


def kept_answer(key: str) -> Any:
    """The answer that was given before, or None."""
    row = JudgeAnswer.objects.filter(key=key).first()
    return None if row is None else row.answer


def keep_answer(key: str, about: str, answer: Mapping[str, Any], now: datetime) -> None:
    """Keeps an answer for 30 days, or until the post it is about goes (`about`: keyed hash of its content)."""
    JudgeAnswer.objects.filter(at__lt=now - _KEPT).delete()
    JudgeAnswer.objects.update_or_create(key=key, defaults={"about": about, "answer": answer, "at": now})
