"""Taking in what a network says an entered post is called: it becomes the post that a patrol finds, or joins the one it found."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.cases.intake import name_post, plan_erasure, weigh
from yoake.casework.cases.models import Case, Naming, Post
from yoake.casework.cases.queries import recorded_only
from yoake.casework.sources.models import Source
from yoake.collect.items import Item
from yoake.tables.posts import uid_of


def askable_sources(naming: Naming, network: str) -> list[Source]:
    """Sources of that network, of the organisations that entered the post; those that are on."""
    bodies = Case.objects.filter(post=naming.post_id, practice=False).values("organisation")
    found = Source.objects.filter(organisation__in=bodies, practice=False, enabled=True)
    return list(found.filter(cases__post__network=network).exclude(state=Source.State.PAUSED).distinct().order_by("pk"))


def finish_naming(naming: Naming, item: Item | None, now: datetime) -> None:
    """Writes what the network said; None: it knows no such name, and the post stays as it was entered.

    Where a patrol stored the post already, cases nobody decided move to that one; a decided case stays where what was
    read stands. Done a second time, it changes nothing.
    """
    with transaction.atomic():  # everybody locks in one order: posts by their keys, cases, then the rest
        uid = uid_of(item.network, item.native_id) if item is not None else ""
        keys = (
            Post.objects.filter(pk=naming.post_id)
            .values_list("pk", flat=True)
            .union(Post.objects.filter(uid=uid).values_list("pk", flat=True))
        )
        posts = list(Post.objects.select_for_update(of=("self",)).filter(pk__in=list(keys)).order_by("pk"))
        entered = next((post for post in posts if post.pk == naming.post_id), None)
        if not Naming.objects.filter(pk=naming.pk).delete()[0] or entered is None or item is None:
            return
        found = next((post for post in posts if post.uid == uid and post.pk != entered.pk), None)
        if entered.network != "web" or entered.erased_at is not None:
            return
        if found is None:
            name_post(entered, item.network, item.native_id, item.url)
            record("post_named", actor="worker", subject=f"post:{entered.pk}", at=now, network=item.network[:60])
            return
        if found.erased_at is None and not recorded_only(found):
            _join(entered, found, now)


def _join(entered: Post, found: Post, now: datetime) -> None:
    cases = Case.objects.select_for_update(of=("self",)).filter(post=entered, decisions=None).order_by("pk")
    for case in cases:
        if Case.objects.filter(post=found, organisation_id=case.organisation_id).exists():
            key = case.pk
            case.delete()  # the organisation has this post before it already
        else:
            key, case.post = case.pk, found
            if found.current is not None:
                weigh(case, list(found.current.findings.values("category", "grade", "score", "shadow")))
            case.save()
        record("case_joined", actor="worker", subject=f"case:{key}", at=now, post=found.pk)
    if not Case.objects.filter(post=entered).exists():
        entered.delete()
    plan_erasure(found, now)
