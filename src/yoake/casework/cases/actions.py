"""Everything a person may do with a case. Each action checks the actor, writes its rows and one audit line."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import category, class_on, generation_in_force
from yoake.casework.cases.intake import (
    add_version,
    erased_hash,
    erasure_reason,
    plan_erasure,
    revise,
    store_post,
    weigh,
)
from yoake.casework.cases.models import Account, Case, Decision, Lease, Post, PostVersion
from yoake.casework.cases.queries import standing_decision
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.clean import storable
from yoake.detect import serving
from yoake.detect.detector import Detector
from yoake.errors import BadInput, Refused
from yoake.tables.posts import content_hash, posts_batch

LEASE = timedelta(minutes=10)
REASON_LONGEST = 2000
TEXT_LONGEST = 20_000
URL_LONGEST = 2_000

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
    else:
        category_slug, also = "", ()
    with transaction.atomic():
        case = _locked(actor, case_id)
        if case.state != Case.State.WAITING:
            raise Refused("this case is decided already; undo that decision first")
        if case.post.current_id != version_id:
            raise Refused("the post changed since you opened it; read it again, then decide")
        _must_be_free(actor, case, now)
        decision = Decision.objects.create(
            case=case,
            version_id=version_id,
            verdict=verdict,
            category=category_slug,
            also=list(also),
            hotline_class=hotline_class,
            reason=storable(reason.strip(), []),
            by_id=_person(actor),
            at=now,
        )
        case.state, case.changed_at = Case.State.DECIDED, None
        case.save(update_fields=["state", "changed_at"])
        Lease.objects.filter(post=case.post).delete()
        plan_erasure(case.post, now)
        _note("decided", actor, case, now, verdict=verdict, category=category_slug, version=version_id)
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
            raise Refused("the post was erased after its time; the decision can no longer be undone")
        if standing.by_id != actor.user_id:
            actor.must("undo_others")
        _must_be_free(actor, case, now)
        undoing = Decision.objects.create(
            case=case, version=standing.version, by_id=_person(actor), at=now, undoes=standing
        )
        case.state = Case.State.WAITING
        case.save(update_fields=["state"])
        plan_erasure(case.post, now)
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
    url = canonical_url(url) if url else ""
    network = "practice" if practice else ("web" if url else "hand")
    # the same text typed twice is one post, except where people practise
    native_id = f"hand/{uuid.uuid4()}" if practice else url or f"text/{content_hash(text)}"
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
            if post.erased_at is not None or typed:
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
        _note("added_by_hand", actor, case, now, category=case.category, grade=case.grade)
    return Added(case, was_there=False)


_BY_HAND = ("web", "hand")  # networks of posts that people entered


def _known(url: str, uid: str) -> Post | None:
    """The post of this address or identity, whatever brought it; its row is locked."""
    same = Q(uid=uid) | Q(url=url) if url else Q(uid=uid)
    known = Post.objects.exclude(network="practice").filter(same).order_by("pk").first()
    if known is None:
        return None
    return Post.objects.select_for_update(of=("self",)).select_related("current").get(pk=known.pk)


def canonical_url(url: str) -> str:
    """The item's address without what changes nothing: tracking parameters, anchors, default port, case of the host.

    A fragment that begins with / or ! is kept: pages made by script tell posts apart by it. Raises BadInput.
    """
    accepted = "a web address that begins with http:// or https://"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInput("url", url, accepted) from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https") or not parts.hostname or any(c.isspace() or ord(c) < 32 for c in url):
        raise BadInput("url", url, accepted)
    if len(url) > URL_LONGEST:
        raise BadInput("url", url, f"at most {URL_LONGEST} characters")
    if parts.username is not None or parts.password is not None:
        raise BadInput("url", "(not shown)", "an address without a user name and password in it")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is not None and port != {"http": 80, "https": 443}[scheme]:
        host = f"{host}:{port}"
    if host.removeprefix("www.").removeprefix("mobile.") in ("x.com", "twitter.com"):  # one network, many ways to share
        return storable(urlunsplit(("https", "x.com", parts.path or "/", "", "")), [])
    query = "&".join(pair for pair in parts.query.split("&") if not pair.lower().startswith("utm_"))
    fragment = parts.fragment if parts.fragment.startswith(("/", "!")) else ""
    return storable(urlunsplit((scheme, host, parts.path or "/", query, fragment)), [])


def erase(post: Post, now: datetime | None = None) -> bool:
    """Text, profile, pictures' references, author and link go; identity, decisions and numbers stay.

    The account goes too when no other post of it is kept. What a decision's reason quotes goes with the text.
    A practice post goes whole, with its case. Returns False, and changes nothing, when the post must stay after all.
    """
    now = now or timezone.now()
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).select_related("account").get(pk=post.pk)
        why = erasure_reason(post)
        if not why:
            return False
        account = post.account
        if why == "practice":
            Decision.objects.filter(case__post=post).delete()  # they protect the version they point at
            key = post.pk
            post.delete()
            _delete_if_unused(account)
            record("erased", actor="worker", subject=f"post:{key}", at=now, why=why)
            return True
        for version in post.versions.all():
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
            )
        Decision.objects.filter(case__post=post).update(reason="")
        post.native_id, post.url, post.account, post.erased_at = "", "", None, now
        post.save(update_fields=["native_id", "url", "account", "erased_at"])
        _delete_if_unused(account)
        record("erased", actor="worker", subject=f"post:{post.pk}", at=now, why=why)
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
    return serving.load(overlay=settings.YOAKE_CATEGORIES)


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
