"""What waits, what a case holds, what may be done with it. Every query takes the actor and shows only their organisation's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import entries_about
from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.models import Case, Check, Decision, Erasure, Finding, Lease, Post, PostVersion
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

RECORD_ONLY = "record_only"  # why a post was erased down to its address and times
INBOX_ORDER = ("-at_risk", "-weight", "opened_at", "id")  # at-risk first, then severity x score, then the oldest


def cases_of(actor: Actor, *, practice: bool) -> QuerySet[Case]:
    """All cases of the actor's organisation on one desk."""
    actor.must("read")
    return Case.objects.filter(organisation_id=actor.organisation_id, practice=practice)


def cases_awaiting_review(actor: Actor, *, practice: bool, category: str = "") -> QuerySet[Case]:
    """The inbox in its order, ready to be shown (post, version, account, source, lease come along)."""
    waiting = cases_of(actor, practice=practice).filter(state=Case.State.WAITING)
    if category:
        waiting = waiting.filter(category=category)
    return waiting.select_related(
        "post", "post__current", "post__account", "post__lease", "post__lease__user", "source"
    ).order_by(*INBOX_ORDER)


def with_findings(cases: QuerySet[Case]) -> QuerySet[Case]:
    """The same cases, with the findings of what the post says now, strongest first: one query for all rows of a list."""
    findings = Finding.objects.order_by("shadow", "-score", "category")
    return cases.prefetch_related(Prefetch("post__current__findings", findings))


@dataclass(frozen=True)
class Waiting:
    """How many cases wait on a desk."""

    all: int
    at_risk: int


def waiting_counts(actor: Actor) -> dict[bool, Waiting]:
    """How many wait on the live desk (False) and on the practice desk (True)."""
    actor.must("read")
    rows = (
        Case.objects.filter(organisation_id=actor.organisation_id, state=Case.State.WAITING)
        .order_by()
        .values("practice")
        .annotate(n=Count("pk"), n_at_risk=Count("pk", filter=Q(at_risk=True)))
    )
    counts = {row["practice"]: Waiting(row["n"], row["n_at_risk"]) for row in rows}
    return {desk: counts.get(desk, Waiting(0, 0)) for desk in (False, True)}


def waiting_by_category(actor: Actor, *, practice: bool) -> dict[str, int]:
    """How many wait of each category on a desk, at-risk categories first, then the commonest; "" is without a finding."""
    waiting = cases_of(actor, practice=practice).filter(state=Case.State.WAITING).order_by()
    rows = waiting.values("category").annotate(n=Count("pk"), n_at_risk=Count("pk", filter=Q(at_risk=True)))
    ordered = sorted(rows, key=lambda row: (-row["n_at_risk"], -row["n"], row["category"]))
    return {row["category"]: row["n"] for row in ordered}


def neighbours(
    actor: Actor, case: Case, *, category: str = "", now: datetime | None = None
) -> tuple[int | None, int | None]:
    """The waiting cases before and after this one in the inbox's order (ids); those somebody else holds are passed over.

    Behind the last comes the first again, so that nothing that was passed over is forgotten; None when there is no other.
    """
    now = now or timezone.now()
    free = cases_of(actor, practice=case.practice).filter(state=Case.State.WAITING).exclude(pk=case.pk)
    held = Lease.objects.filter(expires_at__gt=now).exclude(user_id=actor.user_id)
    free = free.exclude(post_id__in=held.values("post_id"))
    if category:
        free = free.filter(category=category)
    same_risk = Q(at_risk=case.at_risk)
    same_weight = same_risk & Q(weight=case.weight)
    same_time = same_weight & Q(opened_at=case.opened_at)
    after = (
        (same_risk & Q(weight__lt=case.weight))
        | (same_weight & Q(opened_at__gt=case.opened_at))
        | (same_time & Q(pk__gt=case.pk))
    )
    if case.at_risk:
        after |= Q(at_risk=False)
    in_order = free.order_by(*INBOX_ORDER).values_list("pk", flat=True)
    backwards = in_order.reverse()
    following = in_order.filter(after).first() or in_order.first()
    before = backwards.exclude(after).first() or backwards.first()
    return before, following


def earlier_versions(actor: Actor, case: Case) -> list[PostVersion]:
    """What the post said before it was edited, newest first."""
    actor.must("read")
    versions = case.post.versions.order_by("-seen_at", "-pk")
    return [version for version in versions if version.pk != case.post.current_id]


def recently_decided(actor: Actor, *, practice: bool, limit: int = 20) -> list[Decision]:
    """The newest decisions that stand, newest first; one that a newer one or a reopened case replaced is left out."""
    actor.must("read")
    of_case = Decision.objects.filter(case=OuterRef("case"), undoes=None, undone_by=None).order_by("-at", "-id")
    return list(
        Decision.objects.filter(
            pk=Subquery(of_case.values("pk")[:1]),
            case__organisation_id=actor.organisation_id,
            case__practice=practice,
        )
        .exclude(case__state=Case.State.WAITING)
        .select_related("case", "case__post", "case__post__current", "by")
        .order_by("-at", "-id")[:limit]
    )


@dataclass(frozen=True)
class CaseView:
    """Everything the case page shows."""

    case: Case
    version: PostVersion | None
    findings: list[Finding]  # of the current version, strongest first
    decisions: list[Decision]  # oldest first
    standing: Decision | None  # the decision that holds, if any
    lease: Lease | None  # unexpired, whoever holds it
    log: list[Entry]
    allowed: frozenset[str]  # decide, undo: what this actor may do with this case now
    checks: list[Check]  # whether the post is still there: what was found, newest first, then what is planned
    record_only: bool  # of this post only address, times and decisions are shown, whether the rest is gone yet or not


def case_view(actor: Actor, case_id: int, now: datetime | None = None) -> CaseView:
    """One case, whole. Raises BadInput when the actor's organisation has no such case."""
    now = now or timezone.now()
    actor.must("read")
    case = (
        Case.objects.filter(organisation_id=actor.organisation_id, pk=case_id)
        .select_related("post", "post__account", "post__current", "source")
        .prefetch_related(
            Prefetch("decisions", Decision.objects.select_related("by", "version").order_by("at", "id")),
            Prefetch("post__current__findings", Finding.objects.order_by("shadow", "-score", "category")),
        )
        .first()
    )
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    version = case.post.current
    decisions = list(case.decisions.all())
    standing = None if case.state == Case.State.WAITING else standing_decision(decisions)
    lease = Lease.objects.filter(post=case.post, expires_at__gt=now).select_related("user").first()
    allowed = set()
    free = lease is None or lease.user_id == actor.user_id
    recorded = recorded_only(case.post)
    if (case.post.erased_at is None or recorded) and free and actor.may("decide"):
        if case.state == Case.State.WAITING:  # another body recorded it; the address can still be opened and judged
            allowed.add("decide")
        elif recorded:
            pass
        elif standing is not None and (standing.by_id == actor.user_id or actor.may("undo_others")):
            allowed.add("undo")
    record_only = recorded or kept_as_record(case, standing)
    return CaseView(
        case=case,
        version=version,
        findings=list(version.findings.all()) if version and not record_only else [],
        decisions=decisions,
        standing=standing,
        lease=lease,
        log=list(entries_about([f"case:{case.pk}", f"post:{case.post_id}"])),
        allowed=frozenset(allowed),
        checks=checks_of(case),
        record_only=record_only,
    )


def checks_of(case: Case) -> list[Check]:
    """What was found about whether a post is still there, newest first; then what is planned, the next one first."""
    rows = list(Check.objects.filter(case=case).select_related("by").order_by("due_at", "pk"))
    done = sorted((row for row in rows if row.outcome), key=lambda row: (row.checked_at, row.pk), reverse=True)
    return done + [row for row in rows if not row.outcome]


def checks_by_hand(actor: Actor, now: datetime) -> list[Check]:
    """The oldest check of each case that waits for a person, the longest waiting first."""
    actor.must("read")
    due = (
        Check.objects.filter(case__organisation_id=actor.organisation_id, outcome="", due_at__lte=now)
        .exclude(hand="")
        .select_related("case", "case__post", "case__post__current", "case__post__account", "case__source")
        .order_by("due_at", "pk")
    )
    oldest: dict[int, Check] = {}
    for row in due:
        oldest.setdefault(row.case_id, row)
    return list(oldest.values())


def checks_by_hand_count(actor: Actor, now: datetime) -> int:
    """How many cases have a check that waits for a person."""
    actor.must("read")
    due = Check.objects.filter(case__organisation_id=actor.organisation_id, outcome="", due_at__lte=now)
    return due.exclude(hand="").values("case").distinct().count()


def kept_as_record(case: Case, standing: Decision | None) -> bool:
    """Whether the case stands decided under a record-only category; on the practice desk nothing is real, so never."""
    return standing is not None and not case.practice and is_record_only(standing.category)


def recorded_only(post: Post) -> bool:
    """Whether of a post only address, times and decisions are left, for good: what it says later is not stored either."""
    return post.erased_at is not None and Erasure.objects.filter(post=post, why=RECORD_ONLY, due_at=None).exists()


def standing_decision(decisions: list[Decision]) -> Decision | None:
    """The newest decision that nobody undid."""
    undone = {decision.undoes_id for decision in decisions}
    standing = [d for d in decisions if d.undoes_id is None and d.pk not in undone]
    return standing[-1] if standing else None
