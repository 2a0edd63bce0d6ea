"""What waits, what a case holds, what may be done with it. Every query takes the actor and shows only their organisation's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import entries_about
from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.holds import ELSEWHERE, readable, who_holds
from yoake.casework.cases.models import (
    URL_START,
    Advice,
    Case,
    Check,
    Decision,
    Erasure,
    Finding,
    Lease,
    Note,
    Post,
    PostVersion,
    SecondReview,
    Surroundings,
)
from yoake.casework.cases.second import as_unjudged, blind_reviews, is_blind, review_of, without_blind
from yoake.casework.cases.trials import cases_before, posts_on_trial
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

_OF_ONE_AUTHOR = 1000  # newest posts of an author that are looked through
RECORD_ONLY = "record_only"  # why a post was erased down to its address and times


def at_address(url: str, of: str = "") -> Q:
    """Posts of exactly this address, found by an index; `of` is the way to the post (`post__`)."""
    return Q(**{f"{of}url_start": url[:URL_START], f"{of}url": url})


def cases_of(actor: Actor, *, practice: bool) -> QuerySet[Case]:
    """All cases of the actor's organisation on one desk."""
    actor.must("read")
    return cases_before(actor).filter(practice=practice)


def earlier_versions(actor: Actor, case: Case) -> list[PostVersion]:
    """What the post said before it was edited, newest first."""
    actor.must("read")
    told = Q(organisation=None) | Q(organisation=case.organisation_id)  # what others typed stays theirs
    versions = case.post.versions.filter(told).order_by("-seen_at", "-pk")
    return [version for version in versions if version.pk != case.post.current_id]


def recently_decided(actor: Actor, *, practice: bool, limit: int = 20) -> list[Decision]:
    """The newest decisions that stand, newest first; one that a newer one or a reopened case replaced is left out."""
    actor.must("read")
    of_case = Decision.objects.filter(case=OuterRef("case"), undoes=None, undone_by=None).order_by("-at", "-id")
    stands = (
        without_blind(Decision.objects.all(), actor)
        .filter(
            pk=Subquery(of_case.values("pk")[:1]),
            case__organisation_id=actor.organisation_id,
            case__practice=practice,
        )
        .exclude(case__state=Case.State.WAITING)
        .select_related("case", "case__post", "case__post__current", "by")
    )
    found: list[Decision] = []
    before, looked_at = Q(), 8 * limit  # from the newest back: no database sorts all decisions for a handful of them
    while len(found) < limit:
        newest = list(Decision.objects.filter(before).order_by("-at", "-id").values_list("at", "pk")[:looked_at])
        if newest:
            chosen = stands.filter(pk__in=[pk for _at, pk in newest])
            found += chosen.order_by("-at", "-id")[: limit - len(found)]
        if len(newest) < looked_at:
            break
        at, pk = newest[-1]
        before, looked_at = Q(at__lt=at) | Q(at=at, pk__lt=pk), min(2000, 4 * looked_at)
    return found


@dataclass(frozen=True)
class CaseView:
    """Everything the case page shows."""

    case: Case
    version: PostVersion | None
    findings: list[Finding]  # of the current version, strongest first
    decisions: list[Decision]  # oldest first
    standing: Decision | None  # the decision that holds, if any
    lease: Lease | None  # unexpired, of this organisation, whoever has it
    elsewhere: bool  # another body holds the post: then nothing of what it says is in this view
    log: list[Entry]
    allowed: frozenset[
        str
    ]  # decide, undo, note, minor: what this actor may do with this case now; the page draws these
    notes: list[Note]  # what colleagues wrote beside it, oldest first
    checks: list[Check]  # whether the post is still there: what was found, newest first, then what is planned
    review: SecondReview | None  # by a second person: the newest that did not lapse
    blind: bool  # the actor sees nothing of the first judgement; while it waits the case looks as if nobody had judged
    record_only: bool  # of this post only address, times and decisions are shown, whether the rest is gone yet or not
    beside: frozenset[str]  # of decisions, notes, checks, reviews, advices, surroundings, earlier: what there is any of


_CASE, _POST = OuterRef("pk"), OuterRef("post_id")
_BESIDE: dict[
    str, QuerySet[Any]
] = {  # of most waiting cases nothing is there: one look at the indexes, not a query each
    "decisions": Decision.objects.filter(case=_CASE),
    "notes": Note.objects.filter(case=_CASE),
    "checks": Check.objects.filter(case=_CASE),
    "reviews": SecondReview.objects.filter(case=_CASE),
    "advices": Advice.objects.filter(case=_CASE),
    "surroundings": Surroundings.objects.filter(post=_POST),
    "earlier": PostVersion.objects.filter(post=_POST).exclude(pk=OuterRef("post__current_id")),
}


def case_view(
    actor: Actor, case_id: int, now: datetime | None = None, *, even_held_elsewhere: bool = False
) -> CaseView:
    """One case, whole.

    Raises BadInput when the actor's organisation has no such case, Refused when another body holds its post; with
    `even_held_elsewhere` the view then holds nothing of what the post says, and nothing is allowed.
    """
    now = now or timezone.now()
    actor.must("read")
    case = (
        cases_before(actor)
        .filter(pk=case_id)
        .select_related("post", "post__account", "post__current", "source")
        .prefetch_related(Prefetch("post__current__findings", Finding.objects.order_by("shadow", "-score", "category")))
        .annotate(**{f"has_{name}": Exists(rows) for name, rows in _BESIDE.items()})
        .first()
    )
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    beside = frozenset(name for name in _BESIDE if getattr(case, f"has_{name}"))
    holding = who_holds(actor, [case.post_id], now).get(case.post_id)
    elsewhere = holding is not None and holding.elsewhere
    if elsewhere and not even_held_elsewhere:
        raise Refused(ELSEWHERE)
    version = None if elsewhere else case.post.current
    of_case, told = case.decisions.select_related("by", "version"), case.notes.select_related("by")
    decisions = list(of_case.order_by("at", "id")) if "decisions" in beside else []
    notes = list(told.order_by("at", "pk")) if "notes" in beside else []
    log, checks = _log_of(case), checks_of(case) if "checks" in beside else []
    review = review_of(case) if "reviews" in beside else None
    blind = is_blind(actor, review)
    if blind and review is not None:
        # As if nobody had judged it: also what followed from the first judgement would give it away.
        decisions, log = [], [entry for entry in log if entry.at < review.first.at]
        checks = [check for check in checks if check.since < review.first.at]
        notes = [note for note in notes if note.by_id != review.first.by_id]
        if review.state == SecondReview.State.WAITING:
            case.state, case.changed_at = Case.State.WAITING, None  # for the page only: a view is never saved
    standing = None if case.state == Case.State.WAITING else standing_decision(decisions)
    allowed = set()
    free = holding is None or holding.is_of(actor)
    recorded = recorded_only(case.post)
    if (case.post.erased_at is None or recorded) and free and actor.may("decide"):
        if case.state == Case.State.WAITING:  # another body recorded it; the address can still be opened and judged
            allowed.add("decide")
        elif recorded:
            pass
        elif review is not None and review.state == SecondReview.State.DISAGREED:
            pass  # a supervisor settles it, see quality
        elif standing is not None and (standing.by_id == actor.user_id or actor.may("undo_others")):
            allowed.add("undo")
    record_only = recorded or kept_as_record(case, standing)
    if case.post.erased_at is None and not record_only:
        allowed |= {name for name, permission in (("note", "note"), ("minor", "decide")) if actor.may(permission)}
    return CaseView(
        case=case,
        version=version,
        findings=list(version.findings.all()) if version and not record_only else [],
        decisions=decisions,
        standing=standing,
        lease=holding.lease if holding is not None else None,
        elsewhere=elsewhere,
        log=log,
        allowed=frozenset() if elsewhere else frozenset(allowed),
        notes=notes if not record_only and not elsewhere else [],
        checks=checks,
        review=review,
        blind=blind,
        record_only=record_only,
        beside=beside,
    )


@dataclass(frozen=True)
class OtherCase:
    """Another case of the same author, and the decision that holds there."""

    case: Case
    standing: Decision | None


def others_of_author(actor: Actor, case: Case, limit: int = 8) -> tuple[list[OtherCase], int]:
    """The organisation's other cases of whoever wrote this post, newest first, at most `limit`; and how many there are."""
    if case.post.account_id is None:
        return [], 0
    # First the posts, by their index: what may not be read is asked of them alone, not of all cases.
    posts = Post.objects.filter(account_id=case.post.account_id).exclude(pk=case.post_id).order_by("-pk")
    keys = list(posts.values_list("pk", flat=True)[:_OF_ONE_AUTHOR])
    if not keys:
        return [], 0
    others = cases_of(actor, practice=case.practice).filter(post__in=keys)
    others = others.filter(gold_for=None).exclude(
        post__in=posts_on_trial(actor)
    )  # neither a copy nor what tells of one
    others = readable(others, actor, timezone.now())
    shown = others.select_related("post", "post__current").order_by("-opened_at", "-pk")[: limit + 1]
    rows = list(shown.prefetch_related(Prefetch("decisions", Decision.objects.order_by("at", "id"))))
    as_unjudged(actor, rows)
    found = [
        OtherCase(one, None if one.state == Case.State.WAITING else standing_decision(list(one.decisions.all())))
        for one in rows
    ]
    return found[:limit], len(found) if len(found) <= limit else others.count()


def _log_of(case: Case) -> list[Entry]:
    """The audit's lines about a case and its post, oldest first; before those of a copy stands how its original came here."""
    own = Q(organisation=None) | Q(organisation=case.organisation_id)  # what another body did to the post is theirs
    entries = entries_about([f"case:{case.pk}", f"post:{case.post_id}"]).filter(own)
    if case.gold_for_id is None:
        return list(entries)
    originals = Case.objects.filter(post=case.post_id, organisation=case.organisation_id).values_list("pk", flat=True)
    came = entries_about(f"case:{pk}" for pk in originals).filter(kind__in=("case_opened", "added_by_hand"))
    return sorted([*came, *entries], key=lambda entry: entry.pk)


def checks_of(case: Case) -> list[Check]:
    """What was found about whether a post is still there, newest first; then what is planned, the next one first."""
    rows = list(Check.objects.filter(case=case).select_related("by").order_by("due_at", "pk"))
    done = sorted((row for row in rows if row.outcome), key=lambda row: (row.checked_at, row.pk), reverse=True)
    return done + [row for row in rows if not row.outcome]


def checks_by_hand(actor: Actor, now: datetime) -> list[Check]:
    """The oldest check of each case that waits for a person, the longest waiting first."""
    due = _by_hand(actor, now).select_related(
        "case", "case__post", "case__post__current", "case__post__account", "case__source"
    )
    oldest: dict[int, Check] = {}
    for row in due.order_by("due_at", "pk"):
        oldest.setdefault(row.case_id, row)
    return list(oldest.values())


def checks_by_hand_count(actor: Actor, now: datetime) -> int:
    """How many cases have a check that waits for a person."""
    return len(set(_by_hand(actor, now).order_by().values_list("case_id", flat=True)))


def _by_hand(actor: Actor, now: datetime) -> QuerySet[Check]:
    """Left out is what another body holds, and cases to be judged a second time: that they are checked tells the first judgement."""
    actor.must("read")
    due = Check.objects.filter(case__organisation_id=actor.organisation_id, outcome="", due_at__lte=now)
    due = due.filter(case__gold_for=None)
    unseen = Exists(blind_reviews(actor).filter(case=OuterRef("case_id")))
    return readable(due.exclude(hand="").exclude(unseen), actor, now, "case__")


def kept_as_record(case: Case, standing: Decision | None) -> bool:
    """Whether the case stands decided under a record-only category; on the practice desk nothing is real, so never."""
    return standing is not None and not case.practice and is_record_only(standing.category)


def recorded_only(post: Post) -> bool:
    """Whether of a post at most address, times and decisions are left, for good: what it says later is not stored either."""
    if post.erased_at is None or post.stopped_at is not None:
        return post.stopped_at is not None
    return Erasure.objects.filter(post=post, why=RECORD_ONLY, due_at=None).exists()


def standing_decision(decisions: list[Decision]) -> Decision | None:
    """The newest decision that nobody undid."""
    undone = {decision.undoes_id for decision in decisions}
    standing = [d for d in decisions if d.undoes_id is None and d.pk not in undone]
    return standing[-1] if standing else None
