"""Taking in what a network says an entered post is called: it becomes the post that a patrol finds, or joins the one it found."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.cases.clocks import hasten
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.intake import by_a_minor, name_post, weigh
from yoake.casework.cases.keeping import plan_erasure
from yoake.casework.cases.looks import plan_looks
from yoake.casework.cases.models import Case, Claim, Naming, Post
from yoake.casework.cases.prefectures import prefecture_of
from yoake.casework.cases.queries import recorded_only
from yoake.casework.cases.search import index_case
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
        typed = found.current is not None and found.current.organisation_id is not None  # by whom alone it may be read
        if found.erased_at is None and not typed and not recorded_only(found):
            _join(entered, found, now)


def _join(entered: Post, found: Post, now: datetime) -> None:
    cases = Case.objects.select_for_update(of=("self",)).filter(post=entered, decisions=None).order_by("pk")
    joined = [case.pk for case in cases]
    for case in cases:
        come_out(case)
        case.claims.filter(ended_at=None).update(ended_at=now, how=Claim.End.RELEASED)  # the lease goes with the post
        there = Case.objects.select_for_update(of=("self",)).filter(post=found, organisation_id=case.organisation_id)
        if (known := there.first()) is not None:
            _add_to(known, case)
        else:
            _move(case, found, now)
    plan_looks(found, now)
    plan_erasure(found, now)
    if not Case.objects.filter(post=entered).exists():
        entered.delete()
    for key in joined:
        record("case_joined", actor="worker", subject=f"case:{key}", at=now, post=found.pk)


def _add_to(there: Case, case: Case) -> None:
    """The organisation has this post before it already: what people left beside the entered case stands there from now on."""
    for rows in (case.received_lines, case.notes, case.advices, case.legal_holds, case.claims, case.emergency_calls):
        rows.update(case=there)
    case.checks.exclude(since__in=there.checks.values("since")).update(case=there)
    case.duplicates.update(duplicate_of=there)
    if case.minor and not there.minor:
        there.minor = True
        come_out(there)
    if there.state == Case.State.WAITING:
        there.assignee_id = there.assignee_id or case.assignee_id
    if there.origin == Case.Origin.HAND:
        there.met_at = there.met_at or case.met_at
    there.save(update_fields=["minor", "assignee", "met_at"])
    case.delete()
    index_case(there)


def _move(case: Case, found: Post, now: datetime) -> None:
    """The case is about the post that the network knows: weighed, found and looked at by what stands there."""
    case.post = found
    if found.current is not None:
        weigh(case, list(found.current.findings.values("category", "grade", "score", "shadow")))
    hasten(case, now)
    case.prefecture = prefecture_of(found.current) or case.prefecture
    case.minor = case.minor or by_a_minor(found.current)
    case.save()
    index_case(case)
