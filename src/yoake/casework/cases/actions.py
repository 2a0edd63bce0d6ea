"""Everything a person may do with a case. Each action checks the actor, writes its rows and one audit line."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import category, class_on, generation_in_force, is_record_only
from yoake.casework.cases.intake import (
    UNQUEUED,
    add_version,
    erased_hash,
    erasure_reason,
    plan_erasure,
    revise,
    store_post,
    weigh,
)
from yoake.casework.cases.looks import plan_looks
from yoake.casework.cases.models import (
    Account,
    Case,
    Decision,
    Erasure,
    Lease,
    Naming,
    Post,
    PostVersion,
    SecondLook,
    Surroundings,
)
from yoake.casework.cases.queries import RECORD_ONLY, recorded_only, standing_decision
from yoake.casework.cases.schedule import end_schedule, follow_decision, forget_words
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.clean import storable
from yoake.collect.items import PICTURE, PROFILE, SEARCH, Item, item_of
from yoake.detect import serving
from yoake.detect.detector import Detector
from yoake.errors import BadInput, Refused
from yoake.tables.posts import content_hash, posts_batch

log = logging.getLogger("yoake.cases")
LEASE = timedelta(minutes=10)
REASON_LONGEST = 2000
TEXT_LONGEST = 20_000

Verdict = Decision.Verdict


def take_lease(actor: Actor, case_id: int, now: datetime | None = None) -> Lease:
    """Says that this person reads the post now, for ten minutes; taking it again extends it.

    Raises Refused while somebody else holds it, in this organisation or another (then without saying who).
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = _locked(actor, case_id)
        lease = Lease.objects.filter(post=case.post).first()
        if lease is not None and lease.expires_at > now and lease.user_id != actor.user_id:
            who = "a colleague" if lease.organisation_id == actor.organisation_id else "another body"
            raise Refused(f"this post is held by {who}; take another case, or wait until it is released")
        fresh = lease is None or lease.expires_at <= now or lease.user_id != actor.user_id
        lease, _made = Lease.objects.update_or_create(
            post=case.post,
            defaults={
                "organisation_id": actor.organisation_id,
                "user_id": actor.user_id,
                "expires_at": now + LEASE,
                **({"taken_at": now} if fresh else {}),
            },
        )
        if fresh:
            _note("lease_taken", actor, case, now)
    return lease


def release_lease(actor: Actor, case_id: int, now: datetime | None = None) -> None:
    """Gives the post back before its time; harmless when it was not held."""
    now = now or timezone.now()
    with transaction.atomic():
        case = _locked(actor, case_id)
        if Lease.objects.filter(post=case.post, user_id=actor.user_id).delete()[0]:
            _note("lease_released", actor, case, now)


def decide(
    actor: Actor,
    case_id: int,
    verdict: str,
    *,
    version_id: int,
    category_slug: str = "",
    also: tuple[str, ...] = (),
    reason: str = "",
    now: datetime | None = None,
) -> Decision:
    """Records a person's judgement of the version they read.

    Under a record-only category the post is erased at once, down to its address and times, and the reason is not kept;
    on the practice desk, where nothing is real, it stays.

    Raises BadInput for an unknown verdict or category, Refused when the case is decided already, when somebody else
    holds the post, or when the post changed since it was opened.
    """
    now = now or timezone.now()
    actor.must("decide")
    if verdict not in Verdict.values:
        raise BadInput("verdict", verdict, f"one of {', '.join(Verdict.values)}")
    if len(reason) > REASON_LONGEST:
        raise BadInput("reason", reason, f"at most {REASON_LONGEST} characters")
    hotline_class = ""
    if verdict == Verdict.IN_SCOPE:
        for slug in also:
            category(slug)
        hotline_class = class_on(category_slug, now)
        if also and any(map(is_record_only, (category_slug, *also))):
            raise BadInput("category", category_slug, "a record-only category alone: nothing else of the post is kept")
    else:
        category_slug, also = "", ()
    with transaction.atomic():
        case = _locked(actor, case_id)
        if case.state != Case.State.WAITING:
            raise Refused("this case is decided already; undo that decision first")
        if case.post.current_id != version_id:
            raise Refused("the post changed since you opened it; read it again, then decide")
        _must_be_free(actor, case, now)
        record_only = is_record_only(category_slug) and not case.practice
        decision = Decision.objects.create(
            case=case,
            version_id=version_id,
            verdict=verdict,
            category=category_slug,
            also=list(also),
            hotline_class=hotline_class,
            reason="" if record_only else storable(reason.strip(), []),
            by_id=_person(actor),
            at=now,
        )
        case.state, case.changed_at = Case.State.DECIDED, None
        case.save(update_fields=["state", "changed_at"])
        Lease.objects.filter(post=case.post).delete()
        plan_erasure(case.post, now)
        follow_decision(case, decision, now)
        _note("decided", actor, case, now, verdict=verdict, category=category_slug, version=version_id)
        # Where another body pursues the post, the worker erases it once that body is done.
        if record_only and erase(case.post, now, actor):
            Erasure.objects.filter(post=case.post).update(due_at=None, claimed_until=None, problem="")
    return decision


def undo(actor: Actor, case_id: int, now: datetime | None = None) -> Decision:
    """Takes the standing decision back: a new decision that undoes it, and the case waits again.

    One's own decisions, or as a supervisor anybody's. Raises Refused when there is nothing to undo, or the post was erased.
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = _locked(actor, case_id)
        standing = standing_decision(list(case.decisions.order_by("at", "id")))
        if standing is None or case.state == Case.State.WAITING:
            raise Refused("there is no decision to undo on this case")
        if case.post.erased_at is not None:
            raise Refused("the post was erased; the decision can no longer be undone")
        if standing.by_id != actor.user_id:
            actor.must("undo_others")
        _must_be_free(actor, case, now)
        undoing = Decision.objects.create(
            case=case, version=standing.version, by_id=_person(actor), at=now, undoes=standing
        )
        case.state = Case.State.WAITING
        case.save(update_fields=["state"])
        plan_erasure(case.post, now)
        end_schedule(case)
        _note("undone", actor, case, now, decision=standing.pk)
    return undoing


@dataclass(frozen=True)
class Added:
    """What came of adding by hand."""

    case: Case
    was_there: bool  # the organisation had this case before


def add_by_hand(
    actor: Actor, *, url: str = "", text: str = "", practice: bool = False, now: datetime | None = None
) -> Added:
    """A URL or a text becomes a case whatever the detector says; its opinion stands beside it.

    Args:
        actor: who adds it.
        url: the item's own address (http or https), at most 2,000 characters; it is not fetched.
        text: what the post says, at most 20,000 characters.
        practice: on the practice desk.
        now: the time; the clock's when left out.
    """
    now = now or timezone.now()
    actor.must("add")
    url, text = url.strip(), storable(text.strip(), [])
    if not url and not text:
        raise BadInput("post", "", "give the post's URL, its text, or both")
    if len(text) > TEXT_LONGEST:
        raise BadInput("text", text, f"at most {TEXT_LONGEST} characters")
    item = _one_item(url) if url else Item("", "")
    url = item.url
    # the same text typed twice is one post, except where people practise
    if practice:
        network, native_id = "practice", f"hand/{uuid.uuid4()}"
    else:
        network, native_id = _identity(item) or (("web", url) if url else ("hand", f"text/{content_hash(text)}"))
    row = posts_batch([{"network": network, "native_id": native_id, "url": url, "text": text, "seen_at": now}])
    found = serving_detector().judge(row).to_pylist()
    (post_row,) = row.to_pylist()
    with transaction.atomic():
        known = None if practice else _known(url, post_row["uid"])
        revised = False
        if known is None:
            post = store_post(post_row)
            add_version(post, post_row, found)
        else:
            post = known
            # What a network said itself is never replaced by what somebody typed.
            typed = post.network in _BY_HAND and text and (post.current is None or post.current.text != text)
            if (post.erased_at is not None or typed) and not recorded_only(post):
                post = store_post({**post_row, "uid": post.uid})
                notes = revise(post, post_row, found, now, reopen_for=actor.organisation_id)
                revised = True
                record("post_changed", actor=actor.name, subject=f"post:{post.pk}", at=now)
                for note in notes:
                    record(**note, at=now)
        case = Case.objects.filter(post=post, organisation_id=actor.organisation_id).first()
        if case is not None:
            return Added(case, was_there=not revised)
        case = Case(
            post=post,
            organisation_id=_organisation(actor),
            origin=Case.Origin.HAND,
            practice=practice,
            opened_at=now,
        )
        assert post.current is not None
        weigh(case, list(post.current.findings.values("category", "grade", "score", "shadow")))
        case.save()
        plan_erasure(post, now)
        plan_looks(post, now)
        if item.author and post.network in _BY_HAND:
            Naming.objects.get_or_create(post=post, defaults={"due_at": now})
        _note("added_by_hand", actor, case, now, category=case.category, grade=case.grade)
    return Added(case, was_there=False)


def _one_item(url: str) -> Item:
    """What the address names; one that plainly names no single post is refused in a sentence that says what to do."""
    item = item_of(url)
    if item.kind == SEARCH:
        raise BadInput("url", url, "a search or a hashtag; the hotline takes one item URL: open the post, copy its own")
    if item.kind == PROFILE:
        raise BadInput("url", url, "a profile; the hotline takes one item URL: open the post, copy its own")
    if item.kind == PICTURE:
        raise BadInput("url", url, "a picture, no post; the hotline takes one item URL and no screenshot")
    return item


def _identity(item: Item) -> tuple[str, str] | None:
    """Network and native id of a post by its address, as the patrol would give them; None when nobody here knows."""
    if item.network and item.native_id:
        return item.network, item.native_id
    if not (item.network and item.author and item.key):
        return None
    # The address has a handle where the network has a lasting id: known when a post of that handle was stored.
    wrote = Account.objects.filter(network=item.network, handle__iexact=item.author).order_by("-pk").first()
    by_id = item_of(item.url.replace(item.author, wrote.native_id, 1)) if wrote is not None else None
    return (by_id.network, by_id.native_id) if by_id is not None and by_id.native_id else None


_BY_HAND = ("web", "hand")  # networks of posts that people entered


def _known(url: str, uid: str) -> Post | None:
    """The post of this address or identity, whatever brought it; its row is locked."""
    same = Q(uid=uid) | Q(url=url) if url else Q(uid=uid)
    known = Post.objects.exclude(network="practice").filter(same).order_by("pk").first()
    if known is None:
        return None
    return Post.objects.select_for_update(of=("self",)).select_related("current").get(pk=known.pk)


def erase(post: Post, now: datetime | None = None, actor: Actor | None = None) -> bool:
    """Text, profile, pictures' references, author and link go; identity, decisions and numbers stay.

    The account goes too when no other post of it is kept. What a decision's reason quotes goes with the text.
    A practice post goes whole, with its case, and so does one of which nobody has a case. Of a record-only post the
    address stays (the native id where it has no other), and what detectors said goes too. Returns False, and changes
    nothing, when the post must stay after all.
    """
    now = now or timezone.now()
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).select_related("account").get(pk=post.pk)
        why = erasure_reason(post)
        if not why or recorded_only(post):
            return False
        who = actor.name if actor else "worker"
        account = post.account
        if why in ("practice", UNQUEUED):
            Decision.objects.filter(case__post=post).delete()  # they protect the version they point at
            key = post.pk
            post.delete()
            _delete_if_unused(account)
            record("erased", actor=who, subject=f"post:{key}", at=now, why=why)
            return True
        SecondLook.objects.filter(version__post=post).delete()
        forget_words(post)
        Surroundings.objects.filter(post=post).delete()
        record_only = why == RECORD_ONLY
        for version in post.versions.all():
            if record_only:
                version.findings.all().delete()
            else:
                version.findings.update(body={})
            PostVersion.objects.filter(pk=version.pk).update(
                content_hash=erased_hash(version.content_hash),
                author_name="",
                profile="",
                text="",
                parent_id="",
                parent_text="",
                root_id="",
                labels=[],
                images=[],
                **({"lang": ""} if record_only else {}),
            )
        Decision.objects.filter(case__post=post).update(reason="")
        if not record_only:
            post.native_id, post.url = "", ""
        elif post.url or post.network == "hand":  # a text typed without an address has an id made of that text
            post.native_id = ""
        post.account, post.erased_at = None, now
        post.save(update_fields=["native_id", "url", "account", "erased_at"])
        _delete_if_unused(account)
        record("erased", actor=who, subject=f"post:{post.pk}", at=now, why=why)
    return True


def remove_practice(actor: Actor, now: datetime | None = None) -> int:
    """Removes the organisation's practice desk: its sources, posts, cases and decisions. Returns how many cases went."""
    now = now or timezone.now()
    actor.must("sources")
    with transaction.atomic():
        cases = Case.objects.filter(organisation_id=actor.organisation_id, practice=True)
        n = cases.count()
        posts = list(cases.values_list("post_id", flat=True))
        accounts = set(Post.objects.filter(pk__in=posts).exclude(account=None).values_list("account_id", flat=True))
        Decision.objects.filter(case__in=cases).delete()  # they protect the version they point at
        cases.delete()
        Post.objects.filter(pk__in=posts, cases=None).delete()  # another organisation may practise on the same post
        Account.objects.filter(pk__in=accounts, posts=None).delete()
        Source.objects.filter(organisation_id=actor.organisation_id, practice=True).delete()
        record(
            "practice_removed",
            actor=actor.name,
            organisation=actor.organisation_id or None,
            subject=f"organisation:{actor.organisation_id}",
            at=now,
            cases=n,
        )
    return n


def serving_detector() -> Detector:
    """The detector in force, a new one when categories or model changed."""
    return _loaded_detector(generation_in_force())


@lru_cache(maxsize=1)
def _loaded_detector(generation: str) -> Detector:
    detector = serving.on_duty(settings.YOAKE_MODELS, settings.YOAKE_CATEGORIES)
    if problem := getattr(detector, "problem", ""):
        log.warning("the model in shadow is left out: %s", problem)
    return detector


def _locked(actor: Actor, case_id: int) -> Case:
    """The case, with its post and itself locked, in the order everybody locks: so two bodies never pass at once."""
    mine = Case.objects.filter(organisation_id=actor.organisation_id, pk=case_id)
    post_id = mine.values_list("post_id", flat=True).first()
    if post_id is not None:
        Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
    case = mine.select_for_update(of=("self",)).select_related("post").first()
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    return case


def _must_be_free(actor: Actor, case: Case, now: datetime) -> None:
    """Nobody else may hold the post (`_locked` holds its row)."""
    if Lease.objects.filter(post=case.post, expires_at__gt=now).exclude(user_id=actor.user_id).exists():
        raise Refused("this post is held by somebody else; take another case, or wait until it is released")


def _delete_if_unused(account: Account | None) -> None:
    if account is not None and not account.posts.exists():
        account.delete()


def _person(actor: Actor) -> int:
    if not actor.user_id:
        raise Refused("only a person can do this")
    return actor.user_id


def _organisation(actor: Actor) -> int:
    if not actor.organisation_id:
        raise Refused("only somebody of an organisation can do this")
    return actor.organisation_id


def _note(kind: str, actor: Actor, case: Case, now: datetime, **facts: str | int | bool | None) -> None:
    record(
        kind, actor=actor.name, organisation=actor.organisation_id or None, subject=f"case:{case.pk}", at=now, **facts
    )
