"""What is written into evidence about a post and its case: canonical JSON, staff numbers and never names."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from yoake import __version__
from yoake.casework.cases.models import Case, Decision, PostVersion, SecondReview
from yoake.casework.evidence.canonical import canonical, moment
from yoake.casework.evidence.models import Evidence
from yoake.casework.people.queries import staff_numbers

_BY_HAND: Final = ("web", "hand")  # networks of posts that people entered


def version_record(case: Case, version: PostVersion, now: datetime) -> bytes:
    """One version of a post, whole, as it is stored."""
    post, account = case.post, case.post.account
    return canonical(
        {
            "schema": "yoake.version/1",
            "network": post.network,
            "native_id": post.native_id,
            "url": post.url,
            "uid": post.uid,
            "author": {
                "id": account.native_id if account else "",
                "handle": account.handle if account else "",
                "name": version.author_name,
            },
            "posted_at": moment(post.posted_at),
            "seen_at": moment(version.seen_at),
            "captured_at": moment(now),
            "entered_by_hand": version.organisation_id is not None or post.network in _BY_HAND,
            "content_hash": version.content_hash,
            "text": version.text,
            "profile": version.profile,
            "parent_id": version.parent_id,
            "parent_text": version.parent_text,
            "root_id": version.root_id,
            "lang": version.lang,
            "labels": version.labels,
            "images": version.images,
        }
    )


def case_record(row: Evidence, case: Case, decision: Decision, now: datetime) -> bytes:
    """What is known of the case when it is sealed: times, who judged what, what detectors said, what could not be had."""
    decisions = list(case.decisions.order_by("at", "pk"))
    reviews = list(case.reviews.exclude(by=None).order_by("pk"))  # by a second person
    people = [
        *(one.by_id for one in decisions),
        *(pk for one in reviews for pk in (one.by_id, one.settled_by_id) if pk),
    ]
    numbers = staff_numbers(people)
    order = {pk: n for n, pk in enumerate(row.versions, 1)}
    return canonical(
        {
            "schema": "yoake.case/1",
            "evidence": {"number": row.number, "uid": str(row.uid)},
            "organisation": {"name": case.organisation.name, "kind": case.organisation.kind},
            "case": {
                "id": case.pk,
                "origin": case.origin,
                "opened_at": moment(case.opened_at),
                "source": case.source.connector if case.source else None,
            },
            "captured_at": moment(row.captured_at),
            "fetched_at": moment(row.fetched_at),
            "sealed_at": moment(now),
            "yoake": __version__,
            "fetched": row.fetched,
            "gone": {"state": case.post.gone_state, "at": moment(case.post.gone_at)} if case.post.gone_state else None,
            "versions": [{"file": f"versions/{n}.json", "id": pk} for pk, n in order.items()],
            "decided": {"decision": decision.pk, "version": order.get(decision.version_id)},
            "decisions": [_told(one, numbers, order) for one in decisions],
            "reviews": [_reviewed(one, numbers) for one in reviews],
            "findings": list(_findings(decision.version)),
        }
    )


def _told(one: Decision, numbers: dict[int, str], order: dict[int, int]) -> dict[str, Any]:
    return {
        "id": one.pk,
        "verdict": one.verdict or None,
        "undoes": one.undoes_id,
        "category": one.category,
        "also": one.also,
        "class": one.hotline_class,
        "elements": one.elements,
        "reason": one.reason,
        "by": numbers.get(one.by_id, f"#{one.by_id}"),
        "at": moment(one.at),
        "version": order.get(one.version_id),
    }


def _reviewed(one: SecondReview, numbers: dict[int, str]) -> dict[str, Any]:
    return {
        "of": one.first_id,
        "state": one.state,
        "verdict": one.verdict,
        "category": one.category,
        "by": numbers.get(one.by_id or 0),
        "at": moment(one.at),
        "settled_by": numbers.get(one.settled_by_id or 0),
    }


def _findings(version: PostVersion) -> Iterable[dict[str, Any]]:
    for one in version.findings.filter(shadow=False).order_by("pk"):
        yield {
            "category": one.category,
            "class": one.hotline_class,
            "grade": one.grade,
            "score": f"{one.score:.4f}",
            "detector": one.detector,
            "version": one.detector_version,
        }
