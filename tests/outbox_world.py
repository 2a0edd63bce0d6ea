"""A case that may be acted on, senders on servers of the tests, and items that were approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from tests.world import arrive, finding, post
from yoake.casework.cases import actions as judging
from yoake.casework.cases.models import Case, Check
from yoake.casework.outbox.actions import approve, draft
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.senders import add_sender, prove_sender
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.net import Net
from yoake.pipeline import last_second
from yoake.pipeline.last_second import Rule

WORDS = "この投稿は犯罪の実行者を募集している可能性があります。応募すると犯罪に加担することになるおそれがあります。"
NO_PAUSE = {"per_hour": 1000, "per_day": 1000, "cooldown_s": 0, "spread_s": 0}


def decided(actor: Actor, source: Source, category: str = "criminal_recruitment", **of_post: Any) -> Case:
    """A case of a post, judged in scope just now."""
    now = timezone.now() - timedelta(minutes=5)
    row = post(**{"native_id": "1", "author_id": "author-1", "author_handle": "someone", **of_post, "seen_at": now})
    taken = arrive(source, [row], [finding(category=category)], now)
    return judged(actor, Case.objects.get(pk=taken.opened[0]), category)


def judged(actor: Actor, case: Case, category: str = "criminal_recruitment") -> Case:
    """The case in scope; what was planned to be looked at is left out."""
    version = case.post.current_id or 0
    judging.decide(
        actor,
        case.pk,
        "in_scope",
        version_id=version,
        category_slug=category,
        now=timezone.now() - timedelta(minutes=4),
    )
    Check.objects.filter(case=case).delete()
    return Case.objects.select_related("post", "post__current", "post__account").get(pk=case.pk)


def to_of(case: Case) -> dict[str, str]:
    """Whom a reply addresses."""
    post, account = case.post, case.post.account
    author = {"author": account.native_id, "handle": account.handle} if account is not None else {}
    return {"post": post.native_id, "url": post.url, **author}


def sender_on(
    administrator: Actor,
    channel: str,
    given: Mapping[str, str],
    *,
    name: str = "",
    limits: Mapping[str, int] | None = None,
) -> Sender:
    """A sender that its server knows."""
    sender = add_sender(administrator, channel, name or channel, given, limits=NO_PAUSE if limits is None else limits)
    prove_sender(administrator, sender.pk, Net(allow_private=True))
    return Sender.objects.get(pk=sender.pk)


def approved(
    actor: Actor, case: Case, sender: Sender | None, *, way: str = "reply", now: datetime | None = None, **more: Any
) -> OutboxItem:
    """Something to say, as a person approved it."""
    told = {"kind": "warning", "to": to_of(case), "body": {"text": WORDS}, **more}
    kind = told.pop("kind")
    channel = sender.channel if sender is not None else "by_hand"
    item = draft(
        actor,
        case.pk,
        kind,
        channel=channel,
        way=way,
        sender_id=sender.pk if sender is not None else None,
        now=now,
        **told,
    )
    return approve(actor, item.pk, item.bound, now=now)


@contextmanager
def rule(kind: str, made: Rule) -> Iterator[None]:
    """What the room of a kind says in the last second, while its own says something else or is not there."""
    before = last_second.RULES.get(kind)
    last_second.RULES[kind] = made
    try:
        yield
    finally:
        if before is None:
            del last_second.RULES[kind]
        else:
            last_second.RULES[kind] = before
