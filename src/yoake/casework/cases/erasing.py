"""Erasing a post everywhere: every room that keeps something of it forgets it in the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from django.apps import apps
from django.db import models, transaction
from django.utils import timezone
from django.utils.module_loading import module_has_submodule

from yoake.casework.audit.actions import record
from yoake.casework.cases.echoes import Echoes, forget_echoes
from yoake.casework.cases.forgetting import forget_account
from yoake.casework.cases.keeping import UNQUEUED, erased_uid, erasure_reason, must_stay
from yoake.casework.cases.models import Decision, Post
from yoake.casework.cases.queries import RECORD_ONLY, recorded_only
from yoake.casework.people.queries import Actor


class Forgetting(Protocol):
    """The file `forgetting.py` of a room that keeps words of posts, or anything made of them."""

    HOLDS: tuple[type[models.Model], ...]  # the models that do: the stop key cleans their tables down to the file

    def forget(self, post: Post, why: str) -> None:
        """Lets everything go; the post is locked. `why` is why a post is erased, or "stopped": then nothing may stay."""


@runtime_checkable
class Echoing(Protocol):
    """The same file of a room in which words stand also beside other posts than their own."""

    def forget_echoes(self, echoes: Echoes) -> None:
        """Lets go what is kept there of posts that were stopped."""


def forgetting_rooms() -> Iterator[Forgetting]:
    """Every room that keeps words of posts, those below first (the order in which the settings install them)."""
    for config in apps.get_app_configs():
        if config.module is not None and module_has_submodule(config.module, "forgetting"):
            yield cast(Forgetting, import_module(f"{config.name}.forgetting"))


def forget_everywhere(post: Post, why: str) -> None:
    """Every room lets go what it keeps of a post; call it with the post locked, in the transaction of the act."""
    for room in forgetting_rooms():
        room.forget(post, why)


def forget_echoes_everywhere(echoes: Echoes) -> list[int]:
    """Every room lets go what other posts repeat of posts that were stopped; returns those posts. In the stop's transaction."""
    for room in forgetting_rooms():
        if isinstance(room, Echoing):
            room.forget_echoes(echoes)
    return forget_echoes(echoes)


def erase(post: Post, now: datetime | None = None, actor: Actor | None = None, why: str = "") -> bool:
    """Text, profile, pictures' references, author and link go; identity, decisions and numbers stay.

    The account goes too when no other post of it is kept. What a decision's reason quotes goes with the text.
    A practice post goes whole, with its case, and so does one of which nobody has a case. Of a record-only post the
    address stays (the native id where it has no other), and what detectors said goes too. The identity of a text that was
    typed is made of the text: its hash is keyed from then on. Returns False, and changes nothing, when the post must stay
    after all.

    Args:
        post: what is erased.
        now: the time; the clock's when left out.
        actor: who does it; the worker when left out.
        why: what people agreed on (consent) where the post's time is not over; the reason is found when left out.
    """
    now = now or timezone.now()
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).select_related("account").get(pk=post.pk)
        found = erasure_reason(post)
        if not found or recorded_only(post):
            return False
        why = why or found
        if must_stay(post, why, now):
            return False
        who = actor.name if actor else "worker"
        account = post.account
        forget_everywhere(post, why)
        if why in ("practice", UNQUEUED):
            Decision.objects.filter(case__post=post).delete()  # they protect the version they point at
            key = post.pk
            post.delete()
            forget_account(account)
            record("erased", actor=who, subject=f"post:{key}", at=now, why=why)
            return True
        post.uid = erased_uid(post)
        if why != RECORD_ONLY:
            post.native_id, post.url = "", ""
        elif post.url or post.network == "hand":  # a text typed without an address has an id made of that text
            post.native_id = ""
        post.account, post.erased_at = None, now
        post.save(update_fields=["uid", "native_id", "url", "account", "erased_at"])
        forget_account(account)
        record("erased", actor=who, subject=f"post:{post.pk}", at=now, why=why)
    return True
