"""What stands around a post: asked for when its case is opened, kept only if the post is decided in scope.

The duty `context` fetches; nobody waits for a network. Kept are words: no picture, and no address of one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.models import Case, Decision, Post, Surroundings
from yoake.casework.cases.queries import recorded_only, standing_decision
from yoake.casework.cases.schedule import asked_source
from yoake.casework.cases.stopped import stopped_among
from yoake.casework.cases.trials import cases_before
from yoake.casework.people.queries import Actor
from yoake.collect.connector import Context
from yoake.errors import BadInput

KEPT: Final = timedelta(hours=72)  # what was not decided in scope by then goes
_PARENTS: Final = 10
_RECENT: Final = 20
LONGEST: Final = 5000  # code points of one text


def wanted(case: Case) -> bool:
    """Whether anything may be fetched around a post: switched on, real, not erased, and a source that can be asked."""
    post = case.post
    if case.practice or not settings.ENVIRONMENT.context or post.erased_at is not None or not post.native_id:
        return False
    if case.state != Case.State.WAITING:
        standing = case.decisions.filter(undoes=None, undone_by=None).order_by("-at", "-id").first()
        if standing is not None and is_record_only(standing.category):
            return False
    source = asked_source(case)
    return source is not None and source.enabled and not source.practice


def ask(actor: Actor, case_id: int, now: datetime | None = None) -> Surroundings | None:
    """What is known around the post of a case; asked for when nothing is. None where nothing may be fetched.

    Raises BadInput when the actor's organisation has no such case.
    """
    now = now or timezone.now()
    actor.must("read")
    case = cases_before(actor).filter(pk=case_id).select_related("post", "source").first()
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    if recorded_only(case.post) or case.post.erased_at is not None or case.practice:
        return None
    found = Surroundings.objects.filter(post=case.post).first()
    if found is not None or not wanted(case):
        return found
    with transaction.atomic():
        Post.objects.select_for_update(of=("self",)).filter(pk=case.post_id).first()
        row, made = Surroundings.objects.get_or_create(
            post=case.post, defaults={"source": asked_source(case), "asked_at": now, "due_at": now}
        )
        if made:
            record(
                "context_asked",
                actor=actor.name,
                organisation=actor.organisation_id or None,
                subject=f"case:{case.pk}",
                at=now,
            )
    return row


def keep(row: Surroundings, outcome: str, found: Context | None, now: datetime) -> bool:
    """Writes what was fetched, in words, and when it goes; done a second time, it changes nothing.

    Args:
        row: what was claimed.
        outcome: fetched, nothing, unreachable or refused.
        found: what the connector brought.
        now: the time.
    """
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).filter(pk=row.post_id).first()
        if post is None:
            return False
        if post.erased_at is not None:
            Surroundings.objects.filter(pk=row.pk).delete()
            return False
        body = _words(found, post) if found is not None else {}
        written = Surroundings.objects.filter(pk=row.pk, outcome="").update(
            outcome=outcome,
            fetched_at=now,
            body=body,
            due_at=None if stands_in_scope(post) else now + KEPT,
            claimed_until=None,
            attempts=0,
            problem=row.problem,
        )
        if written:
            record("context_fetched", actor="worker", subject=f"post:{post.pk}", at=now, outcome=outcome)
    return bool(written)


def forget(row: Surroundings, now: datetime) -> None:
    """Its time is over: it goes, unless the post was decided in scope in the meantime."""
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).filter(pk=row.post_id).first()
        if post is not None and stands_in_scope(post):
            Surroundings.objects.filter(pk=row.pk).update(due_at=None, claimed_until=None)
        elif Surroundings.objects.filter(pk=row.pk).delete()[0]:
            record("context_erased", actor="worker", subject=f"post:{row.post_id}", at=now)


def follow_decision(post: Post, now: datetime) -> None:
    """A case of the post was decided or reopened: in scope what was fetched stays, else it goes after its time."""
    rows = Surroundings.objects.filter(post=post).exclude(outcome="")
    if not rows.exists():
        return
    if stands_in_scope(post):
        rows.update(due_at=None)
    else:
        rows.filter(due_at=None).update(due_at=now + KEPT)


def stands_in_scope(post: Post) -> bool:
    """Whether some case of the post stands decided in scope under a category of which the text is kept."""
    for case in Case.objects.filter(post=post).exclude(state=Case.State.WAITING).prefetch_related("decisions"):
        standing = standing_decision(sorted(case.decisions.all(), key=lambda d: (d.at, d.pk)))
        if (
            standing is not None
            and standing.verdict == Decision.Verdict.IN_SCOPE
            and not is_record_only(standing.category)
        ):
            return True
    return False


def _words(found: Context, post: Post) -> dict[str, Any]:
    above, beside = found.parents.to_pylist()[-_PARENTS:], found.recent.to_pylist()
    out = {post.uid, *stopped_among([*above, *beside])}
    parents = [_said(row) for row in above if row["uid"] not in out]
    recent = [_said(row) for row in beside if row["uid"] not in out]
    return {
        "parents": parents,
        "recent": recent[:_RECENT],
        "profile": found.profile[:LONGEST],
        "author_name": found.author_name[:300],
    }


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": row["uid"],  # so that it goes when that post is stopped
        "author": (row["author_name"] or "")[:300],
        "handle": (row["author_handle"] or "")[:300],
        "text": row["text"][:LONGEST],
        "at": row["posted_at"].isoformat() if row["posted_at"] else "",
        "pictures": len(row["images"]),
    }
