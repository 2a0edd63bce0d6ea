"""Decisions as training rows: texts of what is in scope, hashed features of what is not, nothing of practice or of minors.

A post out of scope is erased 72 hours after the decision; its features are taken from the version that was read, in the
transaction that erases it (`keep_features`, called by the duty `erase`), so none is lost and none outlives an undoing.
"""

from __future__ import annotations

import hmac
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import TOKYO, is_record_only
from yoake.casework.cases.keeping import NOT_IN_SCOPE, erasure_reason, must_stay
from yoake.casework.cases.models import Account, Case, Decision, Post
from yoake.casework.cases.queries import standing_decision
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import HashedPost
from yoake.detect.text.minors import says_minor
from yoake.learn.corpus import NONE
from yoake.learn.hashed import Hashed

Verdict = Decision.Verdict


def keep_features(post: Post, now: datetime) -> bool:
    """Keeps the features of a post that is about to be erased as out of scope.

    Call it in the transaction that erases the post, with the post locked.

    Returns whether they were kept: not of practice, not of a minor, not when a decision says anything else, duplicate
    included, and not when the post must stay.
    """
    if Case.objects.filter(post=post, minor=True).exists():  # what a child wrote is nobody's example
        return False
    said = _standing(post)
    if not said or erasure_reason(post) != NOT_IN_SCOPE or must_stay(post, NOT_IN_SCOPE, now):
        return False
    decision = said[0]
    version = decision.version
    if not (version.text or version.profile or version.parent_text):
        return False
    hashed = Hashed.of(version.text, version.profile, version.parent_text)
    HashedPost.objects.update_or_create(
        post=post,
        defaults=_columns(hashed, decision.case.organisation_id, author_hash(post.account), decision.at, now),
    )
    return True


def keep_sample_features(organisation_id: int, content: dict[str, Any], at: datetime) -> None:
    """Keeps the features of a sample that was judged out of scope; call it in the transaction of the judgement.

    Not where its author says to be a minor.
    """
    if says_minor(content["text"], content["profile"]):
        return
    hashed = Hashed.of(content["text"], content["profile"], content["parent_text"])
    native_id = content["author_id"] or content["author_handle"]
    author = _keyed(content["network"], native_id[:300]) if native_id else ""
    HashedPost.objects.create(**_columns(hashed, organisation_id, author, at, at))


def author_hash(account: Account | None) -> str:
    """A keyed hash of an author: rows of one author can be kept together, and nobody without the key finds them."""
    return _keyed(account.network, account.native_id) if account else ""


def training_rows(organisation: Organisation | None = None) -> Iterator[dict[str, Any]]:
    """Every decision that stands as a row for `yoake train`.

    Left out: practice, "cannot tell", duplicates, record-only categories, posts about which two organisations disagree, and
    posts whose author may be a minor.

    Args:
        organisation: only what it decided; None: everybody.
    """
    posts = (
        Post.objects.filter(cases__practice=False, cases__state=Case.State.DECIDED)
        .exclude(cases__minor=True)
        .distinct()
    )
    if organisation is not None:
        posts = posts.filter(cases__organisation=organisation)
    for post in posts.select_related("account").order_by("pk").iterator(chunk_size=500):
        row = _row(post, organisation)
        if row is not None:
            yield row
    kept = HashedPost.objects.exclude(post__cases__minor=True).order_by("pk")
    if organisation is not None:
        kept = kept.filter(organisation=organisation)
    for one in kept.iterator(chunk_size=500):
        hashed = Hashed.unpacked(bytes(one.features), one.bits, one.longest, one.hashing)
        yield {**hashed.row(), "label": NONE, "group": one.author, "time": one.month}


def write_training_rows(actor: Actor, file: Path, organisation: Organisation | None = None) -> Counter[str]:
    """Writes `training_rows` as JSON lines, for their owner only; returns how many of each label."""
    actor.must("models")
    counts: Counter[str] = Counter()
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as lines:
            for row in training_rows(organisation):
                counts["hashed" if "features" in row else "texts"] += 1
                counts.update(f"label:{label}" for label in _listed(row["label"]))
                lines.write(json.dumps(row, ensure_ascii=False) + "\n")
        with transaction.atomic():
            record(
                "decisions_written",
                actor=actor.name,
                organisation=organisation.pk if organisation else None,
                subject="training",
                texts=counts["texts"],
                hashed=counts["hashed"],
            )
            half.replace(file)
    finally:
        half.unlink(missing_ok=True)
    return counts


def _row(post: Post, organisation: Organisation | None) -> dict[str, Any] | None:
    said = [d for d in _standing(post) if organisation is None or d.case.organisation_id == organisation.pk]
    said = [decision for decision in said if decision.verdict not in (Verdict.CANNOT_TELL, Verdict.DUPLICATE)]
    if not said or post.erased_at is not None:  # what was out of scope and is erased comes as a HashedPost
        return None
    verdicts = {decision.verdict for decision in said}
    slugs = {slug for decision in said for slug in (decision.category, *decision.also) if slug}
    if len(verdicts) > 1 or any(is_record_only(slug) for slug in slugs):
        return None
    version = max(said, key=lambda decision: (decision.at, decision.pk)).version
    told = {"group": author_hash(post.account), "time": _month(said[0].at)}
    if verdicts == {Verdict.NOT_IN_SCOPE}:
        hashed = Hashed.of(version.text, version.profile, version.parent_text)
        return {**hashed.row(), "label": NONE, **told}
    labels = sorted(slugs)
    texts = {"text": version.text, "profile": version.profile, "parent_text": version.parent_text}
    return {**texts, "label": labels[0] if len(labels) == 1 else labels, **told}


def _standing(post: Post) -> list[Decision]:
    """The decisions that hold for a post, one a case that is decided; of practice none."""
    found = []
    cases = Case.objects.filter(post=post, practice=False, state=Case.State.DECIDED)
    for case in cases.prefetch_related("decisions__version").order_by("pk"):
        standing = standing_decision(sorted(case.decisions.all(), key=lambda decision: (decision.at, decision.pk)))
        if standing is not None:
            found.append(standing)
    return found


def _columns(hashed: Hashed, organisation_id: int, author: str, at: datetime, now: datetime) -> dict[str, Any]:
    return {
        "organisation_id": organisation_id, "author": author, "month": _month(at), "bits": hashed.bits,
        "longest": hashed.longest, "hashing": hashed.hashing, "features": hashed.packed(), "taken_at": now or timezone.now(),
    }  # fmt: skip


def _month(at: datetime) -> str:
    return at.astimezone(TOKYO).strftime("%Y-%m")


def _keyed(network: str, native_id: str) -> str:
    told = f"author\0{network}\0{native_id}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), told, "sha256").hexdigest()[:32]


def _listed(label: str | list[str]) -> list[str]:
    return [label] if isinstance(label, str) else label
