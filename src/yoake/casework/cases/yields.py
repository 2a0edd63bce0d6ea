"""What people decided about the posts of sources and queries: numbers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count, Prefetch, QuerySet

from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import standing_decision


def decided_by_source(source_ids: Iterable[int], since: datetime) -> dict[int, Counter[str]]:
    """How many cases of each source were decided from `since` on, by verdict; what was undone is left out."""
    counts: dict[int, Counter[str]] = {source_id: Counter() for source_id in source_ids}
    stand = Decision.objects.filter(case__source_id__in=counts, at__gte=since, undoes=None, undone_by=None).order_by()
    for row in stand.values("case__source_id", "verdict").annotate(n=Count("case", distinct=True)):
        counts[row["case__source_id"]][row["verdict"]] = row["n"]
    return counts


def verdicts_of(organisation_id: int, uids: Iterable[str]) -> dict[str, str]:
    """The verdict that stands in an organisation's case of each post (by its uid); posts without one are left out."""
    decided = Case.objects.filter(organisation_id=organisation_id, post__uid__in=list(uids))
    decided = decided.exclude(state=Case.State.WAITING).select_related("post")
    stand = {case.post.uid: standing_decision(list(case.decisions.all())) for case in _with_decisions(decided)}
    return {uid: decision.verdict for uid, decision in stand.items() if decision is not None}


def _with_decisions(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.prefetch_related(Prefetch("decisions", Decision.objects.order_by("at", "id")))
