"""Taking in what a second look found: findings beside those that are there, in one transaction with its row.

A second look adds a finding or raises a case; it removes neither. It never puts an offender's finding on a post that
is queued as a plea.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import categories
from yoake.casework.cases.clocks import hasten
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.intake import Taken, add_findings, open_case, weigh
from yoake.casework.cases.models import Case, Finding, Post, SecondLook
from yoake.casework.cases.preserving import note_change
from yoake.casework.cases.queries import recorded_only
from yoake.detect.protected import MINOR_AND_SEX
from yoake.tables.findings import queued

_COLUMNS = ("category", "grade", "score", "shadow")


def waits_for_a_person(post: Post) -> bool:
    """Whether a look can still help somebody: a case of the post waits, or it has none yet."""
    states = list(Case.objects.filter(post=post).values_list("state", flat=True))
    return not states or Case.State.WAITING in states


def is_plea(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether some finding queues a post because somebody may need help."""
    known = categories()
    return any(queued(f) and f["category"] in known and known[f["category"]].at_risk for f in findings)


def finish_look(look: SecondLook, outcome: str, found: Iterable[dict[str, Any]], now: datetime) -> bool:
    """Writes what a look came to; done a second time, it changes nothing.

    Args:
        look: the row that was claimed.
        outcome: why it was not looked, or "".
        found: findings of the look (rows of FINDINGS).
        now: the time.

    Returns:
        Whether the post has a case; one that has none was kept only for this look.
    """
    with transaction.atomic():  # everybody locks in one order: posts, cases, then the rest
        post = Post.objects.select_for_update(of=("self",)).filter(versions=look.version_id).first()
        if post is None:  # erased whole in the meantime, and the row with it
            return True
        still = SecondLook.objects.filter(pk=look.pk).exclude(due_at=None).select_related("source").first()
        if still is not None:
            if post.erased_at is not None or recorded_only(post):
                outcome = "erased"
            elif post.current_id != look.version_id:
                outcome = "superseded"
            else:
                outcome = outcome or ("found" if _add(post, still, list(found), now) else "nothing")
            SecondLook.objects.filter(pk=look.pk).update(
                due_at=None, claimed_until=None, problem=look.problem, outcome=outcome, done_at=now
            )
            if outcome in ("found", MINOR_AND_SEX):
                note_change(post, now)  # a picture that was kept as evidence may have to go
        return Case.objects.filter(post=post).exists()


def _add(post: Post, look: SecondLook, found: list[dict[str, Any]], now: datetime) -> int:
    """Adds the findings that may stand on this post and lets its cases follow; returns how many were new."""
    assert post.current is not None
    known = categories()
    before = list(post.current.findings.values(*_COLUMNS))
    if is_plea([*before, *found]):
        found = [finding for finding in found if finding["category"] in known and known[finding["category"]].at_risk]
    if not found:
        return 0
    n_before = Finding.objects.filter(version=post.current).count()
    add_findings(post.current, found)
    n_added = Finding.objects.filter(version=post.current).count() - n_before
    after = list(post.current.findings.values(*_COLUMNS))
    cases = list(Case.objects.select_for_update(of=("self",)).filter(post=post).order_by("pk"))
    for case in cases:
        newest = Case(post=post, opened_at=case.opened_at)
        weigh(newest, after)
        if case.state == Case.State.WAITING and (newest.at_risk, newest.rank) > (case.at_risk, case.rank):
            seemed = case.category, case.grade, case.at_risk
            weigh(case, after)
            hasten(case, now)
            case.save(update_fields=["category", "grade", "score", "at_risk", "rank", "decide_by", "folded_into"])
            if seemed != (case.category, case.grade, case.at_risk):
                come_out(case)
    taken = Taken()
    if look.source is not None and any(queued(finding) for finding in after):
        theirs = look.source.organisation_id
        if not cases or theirs in [case.organisation_id for case in cases]:
            open_case(look.source, post, after, now, taken)
    strongest = max(found, key=lambda finding: (queued(finding), finding["score"]))
    record(
        "second_look",
        actor="worker",
        subject=f"post:{post.pk}",
        at=now,
        detector=look.detector,
        version=post.current_id,
        findings=n_added,
        category=strongest["category"],
        grade=strongest["grade"],
    )
    for note in taken.notes:
        record(**note, at=now)
    return n_added
