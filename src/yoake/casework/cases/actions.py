"""Everything a person may do with a case. Each action checks the actor, writes its rows and one audit line."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, note, organisation, person
from yoake.casework.cases.categories import any_at_risk, category, class_on, generation_in_force, is_record_only
from yoake.casework.cases.duplicates import lock_both, repeated_case
from yoake.casework.cases.elements import Tied, checked
from yoake.casework.cases.erasing import erase
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.intake import (
    add_version,
    new_case,
    revise,
    store_post,
)
from yoake.casework.cases.keeping import erased_hash, plan_erasure
from yoake.casework.cases.leases import end_lease
from yoake.casework.cases.models import (
    Account,
    Case,
    Claim,
    Decision,
    Erasure,
    Naming,
    Post,
)
from yoake.casework.cases.queries import at_address, recorded_only, standing_decision
from yoake.casework.cases.schedule import end_schedule, follow_decision
from yoake.casework.cases.second import ask_second, needs_second, take_back
from yoake.casework.cases.stopped import must_not_be_stopped
from yoake.casework.cases.trials import must_be_real
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.clean import storable
from yoake.collect.items import PICTURE, PROFILE, SEARCH, Item, item_of
from yoake.detect import serving
from yoake.detect.detector import Detector
from yoake.errors import BadInput, Refused
from yoake.tables.posts import content_hash, posts_batch, uid_of

log = logging.getLogger("yoake.cases")
REASON_LONGEST = 2000
TEXT_LONGEST = 20_000
FROM_PICTURE = "read_from_picture"  # label of a version whose text a machine read from a picture

Verdict = Decision.Verdict


def decide(
    actor: Actor,
    case_id: int,
    verdict: str,
    *,
    version_id: int,
    category_slug: str = "",
    also: tuple[str, ...] = (),
    reason: str = "",
    elements: Iterable[Tied] = (),
    duplicate_of: int = 0,
    batch: str = "",
    now: datetime | None = None,
) -> Decision:
    """Records a person's judgement of the version they read.

    Under a record-only category the post is erased at once, down to its address and times, and the reason is not kept;
    on the practice desk, where nothing is real, it stays. A duplicate names the case that it repeats (`duplicate_of`).

    `batch` names decisions that were taken together on cases that are alike.

    `elements` are what the person ticked, tied to words of that version; only "in scope" has any. Where a second person
    must judge too (`second.needs_second`) the case waits for them.

    Raises BadInput for an unknown verdict or category, an element or span that is not there, or a duplicate of nothing,
    Refused when the case is decided already, when somebody else holds the post, or when the post changed since it was
    opened.
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
        if verdict == Verdict.DUPLICATE:
            lock_both(actor, case_id, duplicate_of)
        case = locked(actor, case_id)
        must_be_real(case)
        if case.state != Case.State.WAITING:
            raise Refused("this case is decided already; undo that decision first")
        if case.post.current_id != version_id:
            raise Refused("the post changed since you opened it; read it again, then decide")
        must_be_free(actor, post=case.post, inside=True, now=now)
        repeats = repeated_case(actor, case, duplicate_of) if verdict == Verdict.DUPLICATE else None
        record_only = is_record_only(category_slug) and not case.practice
        read = case.post.current if verdict == Verdict.IN_SCOPE and not record_only else None
        ticked = checked(read, category_slug, elements) if read is not None else []
        decision = Decision.objects.create(
            case=case,
            version_id=version_id,
            verdict=verdict,
            category=category_slug,
            also=list(also),
            at_risk=any_at_risk((category_slug, *also)),
            hotline_class=hotline_class,
            reason="" if record_only else storable(reason.strip(), []),
            by_id=person(actor),
            at=now,
            duplicate_of=repeats,
            elements=[element.row() for element in ticked],
            batch=batch,
        )
        second = verdict == Verdict.IN_SCOPE and needs_second(case, category_slug, actor.name)
        case.state, case.changed_at = Case.State.SECOND_REVIEW if second else Case.State.DECIDED, None
        case.save(update_fields=["state", "changed_at"])
        ask_second(case, decision, now, demanded=second)
        come_out(case)
        end_lease(case, person(actor), Claim.End.DECIDED, now)
        plan_erasure(case.post, now)
        follow_decision(case, decision, now)
        repeated = {"duplicate_of": repeats.pk} if repeats is not None else {}
        # Where another body pursues the post, the worker erases it once that body is done.
        if record_only and erase(case.post, now, actor):
            Erasure.objects.filter(post=case.post).update(due_at=None, claimed_until=None, problem="")
        note("decided", actor, case, now, verdict=verdict, category=category_slug, version=version_id, **repeated)
    return decision


def undo(actor: Actor, case_id: int, now: datetime | None = None) -> Decision:
    """Takes the standing decision back: a new decision that undoes it, and the case waits again.

    One's own decisions, or as a supervisor anybody's. Raises Refused when there is nothing to undo, or the post was erased.
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = locked(actor, case_id)
        standing = standing_decision(list(case.decisions.order_by("at", "id")))
        if standing is None or case.state == Case.State.WAITING:
            raise Refused("there is no decision to undo on this case")
        if case.post.erased_at is not None:
            raise Refused("the post was erased; the decision can no longer be undone")
        if standing.by_id != actor.user_id:
            actor.must("undo_others")
        must_be_free(actor, post=case.post, inside=True, now=now)
        take_back(standing, now)
        undoing = Decision.objects.create(
            case=case, version=standing.version, by_id=person(actor), at=now, undoes=standing
        )
        case.state = Case.State.WAITING
        case.save(update_fields=["state"])
        plan_erasure(case.post, now)
        end_schedule(case)
        note("undone", actor, case, now, decision=standing.pk)
    return undoing


@dataclass(frozen=True)
class Added:
    """What came of adding by hand."""

    case: Case
    was_there: bool  # the organisation had this case before


def add_by_hand(
    actor: Actor,
    *,
    url: str = "",
    text: str = "",
    practice: bool = False,
    from_picture: bool = False,
    now: datetime | None = None,
) -> Added:
    """A URL or a text becomes a case whatever the detector says; its opinion stands beside it.

    Args:
        actor: who adds it.
        url: the item's own address (http or https), at most 2,000 characters; it is not fetched.
        text: what the post says, at most 20,000 characters.
        practice: on the practice desk.
        from_picture: the text was read from a picture by a machine; the post says so.
        now: the time; the clock's when left out.
    """
    now = now or timezone.now()
    actor.must("add")
    url, text = url.strip(), storable(text.strip(), [])
    if not url and not text:
        raise BadInput("post", "", "give the post's URL, its text, or both")
    if len(text) > TEXT_LONGEST:
        raise BadInput("text", text, f"at most {TEXT_LONGEST} characters")
    item = one_item(url) if url else Item("", "")
    url = item.url
    # the same text typed twice is one post, except where people practise
    if practice:
        network, native_id = "practice", f"hand/{uuid.uuid4()}"
    else:
        network, native_id = _identity(item) or (("web", url) if url else ("hand", f"text/{content_hash(text)}"))
    told = {"network": network, "native_id": native_id, "url": url, "text": text, "seen_at": now}
    row = posts_batch([told | {"labels": [FROM_PICTURE] if from_picture and text else []}])
    found = serving_detector().judge(row).to_pylist()
    (post_row,) = row.to_pylist()
    with transaction.atomic():
        own_uid = uid_of(network, f"{native_id}\0{organisation(actor)}")  # of words that no other body is to see
        known = None if practice else _known(url, {post_row["uid"], own_uid}, organisation(actor))
        must_not_be_stopped(post_row, known)
        # What a network said itself is never replaced by what somebody typed.
        typed = known is not None and text and known.network in _BY_HAND and _says_else(known, text)
        says_new = known is not None and (known.erased_at is not None or typed) and not recorded_only(known)
        if known is not None and says_new and text and known.cases.exclude(organisation=organisation(actor)).exists():
            known = None  # another body judges that one
        of_others = (post_row["uid"], erased_hash(post_row["uid"]))
        if known is None and Post.objects.filter(uid__in=of_others).exists():
            post_row["uid"] = own_uid
        revised = False
        if known is None:
            post = store_post(post_row)
            add_version(post, post_row, found, entered_by=organisation(actor))
        else:
            post = known
            if says_new:
                post = store_post({**post_row, "uid": post.uid})
                notes = revise(post, post_row, found, now, entered_by=organisation(actor))
                revised = True
                record(
                    "post_changed",
                    actor=actor.name,
                    organisation=actor.organisation_id,
                    subject=f"post:{post.pk}",
                    at=now,
                )
                for line in notes:
                    record(**line, at=now)
        case = Case.objects.filter(post=post, organisation_id=actor.organisation_id).first()
        if case is not None:
            return Added(case, was_there=not revised)
        assert post.current is not None
        known_of_it = list(post.current.findings.values("category", "grade", "score", "shadow"))
        case = new_case(post, organisation(actor), known_of_it, now, origin=Case.Origin.HAND, practice=practice)
        if item.author and post.network in _BY_HAND:
            Naming.objects.get_or_create(post=post, defaults={"due_at": now})
        note("added_by_hand", actor, case, now, category=case.category, grade=case.grade)
    return Added(case, was_there=False)


def one_item(url: str) -> Item:
    """What an address names that a person gives; one that plainly names no single post is refused in a sentence that says what to do."""
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


def _says_else(post: Post, text: str) -> bool:
    return post.current is None or post.current.text != text


def _known(url: str, uids: set[str], organisation_id: int) -> Post | None:
    """The post of this address or identity, whatever brought it; its row is locked.

    Words that another body typed are not shown to this one: such a post it knows only if it has a case of it already,
    and one of its own comes first. What a feed says of another site's page, and one of several offers on a page, has the page's address and is not it.
    """
    uids = uids | {erased_hash(uid) for uid in uids}  # that of a typed text is keyed once it is erased
    is_it = ~Q(network="web") | Q(native_id__in=("", url))
    same = Q(uid__in=uids) | at_address(url) & is_it if url else Q(uid__in=uids)
    posts = Post.objects.exclude(network="practice").filter(same)
    own = Q(current__organisation__isnull=False, current__organisation=organisation_id)
    there = Exists(Case.objects.filter(post=OuterRef("pk"), organisation=organisation_id))
    open_ones = posts.annotate(own=Q(own), there=there).filter(
        Q(own=True) | Q(there=True) | Q(current__organisation=None)
    )
    known = open_ones.order_by("-own", "-there", "pk").first()
    if known is None:
        return None
    return Post.objects.select_for_update(of=("self",)).select_related("current").get(pk=known.pk)


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
