"""What the outbox keeps of a post: addressee and words. That something was said, when, by whom and where it stands, stays."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from yoake.casework.cases.forgetting import STOPPED
from yoake.casework.cases.keeping import erased_hash
from yoake.casework.cases.models import Case, Post
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.outbox.reasons import UNCERTAIN

HOLDS: tuple[type[models.Model], ...] = (OutboxItem,)
State = OutboxItem.State


def forget(post: Post, why: str) -> None:
    """Words and addressee go. What did not leave yet is stopped; what was just leaving, a person looks after."""
    cases = Case.everything.filter(post=post)
    items = OutboxItem.objects.filter(Q(post=post) | Q(case__in=cases) | Q(pk__in=_also(post)))
    items.filter(state__in=(State.DRAFT, State.APPROVED)).update(
        state=State.STOPPED, stopped_why="erased", due_at=None, claimed_until=None
    )
    items.filter(state=State.SENDING).update(state=State.FAILED, stopped_why=UNCERTAIN, due_at=None, claimed_until=None)
    items.exclude(sent_by=None).update(remote_url="", remote_id="")  # what a person typed may name the post
    for item in items.exclude(to={}, body={}):
        OutboxItem.objects.filter(pk=item.pk).update(to={}, body={}, problem="", bound=erased_hash(item.bound))
    if why == STOPPED:
        items.update(author_key="")


def _also(post: Post) -> models.QuerySet[OutboxItem, int]:
    return OutboxItem.objects.filter(also__post=post).values_list("pk", flat=True)
