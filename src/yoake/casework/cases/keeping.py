"""How long a post is kept: why it must go, when, and what holds it back.

Out of scope it goes after 72 hours. In scope it is kept for so many months as its class or its judgement has in
YOAKE_KEEP_MONTHS, counted from the judgement, and shorter where its author seems to be under 18. A legal hold keeps
what a schedule would erase; neither it nor any schedule keeps what was stopped or is recorded only.
"""

from __future__ import annotations

import hmac
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet

from yoake.casework.cases import surroundings
from yoake.casework.cases.categories import TOKYO
from yoake.casework.cases.models import Case, Decision, Erasure, LegalHold, Post
from yoake.casework.cases.preserving import note_change
from yoake.casework.cases.queries import RECORD_ONLY, kept_as_record, recorded_only, standing_decision
from yoake.casework.due import CLAIM
from yoake.casework.people.models import Organisation
from yoake.tables.posts import uid_of

OUT_OF_SCOPE_KEPT: Final = timedelta(hours=72)
PRACTICE_KEPT: Final = timedelta(days=2)  # the practice day repeats: an unread desk does not pile up
UNREAD_KEPT: Final = timedelta(days=1)  # a post without a case goes once its pictures were read, and at the latest then
NOT_IN_SCOPE: Final = "not_in_scope"  # why a post goes that nobody pursues
DUPLICATE: Final = "duplicate"  # why a post goes that repeats another case
UNQUEUED: Final = "unqueued"  # why a post goes that nobody has a case of
RETENTION: Final = "retention"  # why a post goes whose time is over
CONSENT: Final = "consent"  # why a post goes before its time: two persons agreed
MINOR: Final = "minor"  # what YOAKE_KEEP_MONTHS calls the limit for authors who seem to be under 18
FOREVER: Final = datetime(9000, 1, 1, tzinfo=UTC)  # a hold without an end ends then
_KEPT: Final = {"practice": PRACTICE_KEPT, RECORD_ONLY: timedelta(), UNQUEUED: UNREAD_KEPT}
_HELD_BACK: Final = (NOT_IN_SCOPE, DUPLICATE, RETENTION, CONSENT)  # what a legal hold keeps


def erased_hash(content_hash: str) -> str:
    """What is kept of a version's hash after erasure: keyed, so that a short text cannot be found by trying."""
    return hmac.new(settings.SECRET_KEY.encode(), content_hash.encode(), "sha256").hexdigest()


def erased_uid(post: Post) -> str:
    """The identity of a post once its words are gone: keyed where it is made of the text that somebody typed."""
    if post.network != "hand" or post.uid not in entered_uids(post):
        return post.uid
    keyed = erased_hash(post.uid)
    return keyed if not Post.objects.filter(uid=keyed).exists() else erased_hash(f"{keyed}\0{post.pk}")


def entered_uids(post: Post) -> set[str]:
    """The identities that a post's item has where people entered it: the item's own, and one for each organisation."""
    bodies = Organisation.objects.values_list("pk", flat=True)
    return {uid_of(post.network, one) for one in (post.native_id, *(f"{post.native_id}\0{body}" for body in bodies))}


def erasure_reason(post: Post) -> str:
    """Why a post must go, now or when its time is over; "" when it must stay.

    practice: all its cases are. record_only: somebody decided it under a category of which only address, time and count
    are kept, and no other body holds it in scope under one that is kept (whoever has not decided can open the address).
    not_in_scope: decided so everywhere. duplicate: decided so, or not in scope, everywhere. retention: decided
    everywhere, see `kept_until`. unqueued: nobody has a case of it; it was kept until its pictures were read.
    """
    if post.stopped_at is not None:
        return ""
    cases = list(Case.objects.filter(post=post).prefetch_related("decisions"))
    if not cases:
        return UNQUEUED
    if all(case.practice for case in cases):
        return "practice"
    said: set[str] = set()  # of every case: waiting, record_only, or the verdict that stands
    for case in cases:
        standing = _standing(case)
        if standing is None:
            said.add("waiting")
            if case.state == Case.State.SECOND_REVIEW:
                said.add(Decision.Verdict.IN_SCOPE)  # only that is put before a second person: it is being pursued
        else:
            said.add(RECORD_ONLY if kept_as_record(case, standing) else standing.verdict)
    if RECORD_ONLY in said and Decision.Verdict.IN_SCOPE not in said:
        return RECORD_ONLY
    if said == {Decision.Verdict.NOT_IN_SCOPE}:
        return NOT_IN_SCOPE
    # What a duplicate says stands in the case that it repeats.
    if said <= {Decision.Verdict.NOT_IN_SCOPE, Decision.Verdict.DUPLICATE}:
        return DUPLICATE
    return "" if "waiting" in said else RETENTION


def kept_until(post: Post) -> datetime | None:
    """When the time of a decided post is over: the latest of its cases'; None while one of them waits."""
    months, ends = settings.ENVIRONMENT.keep_months, list[datetime]()
    cases = list(Case.objects.filter(post=post, practice=False).prefetch_related("decisions"))
    for case in cases:
        standing = _standing(case)
        if standing is None:
            return None
        name = standing.hotline_class if standing.verdict == Decision.Verdict.IN_SCOPE else standing.verdict
        kept = months.get(name) or max(months.values())  # no rule, as on a day without a class: the longest
        # An organisation that sees a minor shortens its own time, not another's.
        ends.append(months_after(standing.at, min(kept, months[MINOR]) if case.minor else kept))
    return max(ends, default=None)


def held_back(post: Post, now: datetime) -> QuerySet[LegalHold]:
    """The legal holds in force on any case of a post."""
    lasting = Q(until=None) | Q(until__gt=now)
    return LegalHold.objects.filter(lasting, case__post=post, lifted_at=None)


def must_stay(post: Post, why: str, now: datetime) -> bool:
    """Whether a post that goes for this reason must stay for now: a legal hold is on it, or its time is not over."""
    if why in _HELD_BACK and held_back(post, now).exists():
        return True
    if why != RETENTION:
        return False
    until = kept_until(post)
    return until is None or until > now


def plan_erasure(post: Post, now: datetime) -> None:
    """Plans, keeps or cancels the erasure of a post; call it whenever a case of it was opened, decided, reopened or held."""
    note_change(post, now)
    plan_anew(post, now)


def plan_anew(post: Post, now: datetime) -> None:
    """As `plan_erasure`, where nothing became of the post, but rules or time did."""
    surroundings.follow_decision(post, now)
    if recorded_only(post):
        return
    why = erasure_reason(post)
    due_at = kept_until(post) if why == RETENTION else now + _KEPT.get(why, OUT_OF_SCOPE_KEPT)
    if not why or due_at is None:
        Erasure.objects.filter(post=post).delete()
        return
    held = _held_until(post, now) if why in _HELD_BACK else None
    planned = Erasure.objects.filter(post=post).first()
    before = planned.claimed_until if planned is not None and is_held(planned, now) else None
    if planned is not None and planned.why == why and planned.due_at is not None and why != RETENTION:
        over = before is not None and held is None and planned.due_at <= now  # its time ended under a hold
        due_at = due_at if over else min(due_at, planned.due_at)
    if planned is None or (planned.why, planned.due_at, before) != (why, due_at, held):
        fresh = {"due_at": due_at, "why": why, "claimed_until": held, "attempts": 0, "problem": ""}
        Erasure.objects.update_or_create(post=post, defaults=fresh)


def is_held(planned: Erasure, now: datetime) -> bool:
    """Whether a legal hold keeps the worker from this row: nobody else claims one for so long.

    Its `due_at` stays what the schedule says: it tells other bodies nothing of the hold.
    """
    return planned.claimed_until is not None and planned.claimed_until > now + CLAIM


def _held_until(post: Post, now: datetime) -> datetime | None:
    """Until when legal holds keep a post, FOREVER while one has no end; None where there is none."""
    return max((hold.until or FOREVER for hold in held_back(post, now)), default=None)


def months_after(at: datetime, months: int) -> datetime:
    """The same time of day (Asia/Tokyo) so many months later; the last day of a month that is too short."""
    here = at.astimezone(TOKYO)
    year, month = divmod(here.year * 12 + here.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return here.replace(year=year, month=month + 1, day=min(here.day, last)).astimezone(at.tzinfo)


def _standing(case: Case) -> Decision | None:
    """The decision that holds for a case; None while it waits, for a first or for a second judgement."""
    if case.state not in (Case.State.DECIDED, Case.State.CLOSED):
        return None
    return standing_decision(sorted(case.decisions.all(), key=lambda d: (d.at, d.pk)))
