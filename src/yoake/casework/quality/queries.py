"""What supervisors and analysts see about the judge; every query shows only the actor's own organisation."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.utils import timezone

from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Case, Decision, Post
from yoake.casework.cases.queries import cases_of
from yoake.casework.people.queries import Actor
from yoake.casework.quality import blind
from yoake.casework.quality.blind import Misses
from yoake.casework.quality.models import Alarm, Sample, TermProposal
from yoake.errors import BadInput
from yoake.learn.chances import clopper_pearson
from yoake.learn.choosing import choose, uncertainty, vectors

ESTIMATED_DAYS = 28
_UNSEEN = 0.05
_CANDIDATES = 200  # of each kind, so that a page stays quick


def open_alarms(actor: Actor) -> QuerySet[Alarm]:
    """Alarms that nobody closed yet, newest first."""
    actor.must("quality")
    return (
        Alarm.objects.filter(organisation_id=actor.organisation_id, closed_at=None)
        .select_related("source")
        .order_by("-raised_at", "-pk")
    )


def closed_alarms(actor: Actor, limit: int = 10) -> list[Alarm]:
    """The alarms closed last."""
    actor.must("quality")
    closed = Alarm.objects.filter(organisation_id=actor.organisation_id).exclude(closed_at=None)
    return list(closed.select_related("source", "closed_by").order_by("-closed_at", "-pk")[:limit])


@dataclass(frozen=True)
class Proposed:
    """A term with posts that use it."""

    proposal: TermProposal
    examples: list[Case]


def proposed_terms(actor: Actor, limit: int = 30) -> list[Proposed]:
    """Terms that wait for a person, the surest first, each with up to three confirmed posts that are still kept."""
    actor.must("quality")
    waiting = TermProposal.objects.filter(
        organisation_id=actor.organisation_id, state=TermProposal.State.PROPOSED, category__in=categories()
    )
    return _with_posts(actor, waiting.order_by("-errors", "pk")[:limit])


def terms_in_draft(actor: Actor) -> dict[int, Proposed]:
    """Accepted terms that wait for a second person, as `proposed_terms` shows them, by the id of their draft."""
    actor.must("quality")
    accepted = TermProposal.objects.filter(organisation_id=actor.organisation_id, category__in=categories())
    found = _with_posts(actor, accepted.exclude(draft=None).filter(draft__approved_at=None, draft__rejected_at=None))
    return {one.proposal.draft_id: one for one in found if one.proposal.draft_id}


def _with_posts(actor: Actor, found: QuerySet[TermProposal]) -> list[Proposed]:
    proposals = list(found)
    wanted = {post for proposal in proposals for post in proposal.posts}
    cases = Case.objects.filter(
        organisation_id=actor.organisation_id, practice=False, minor=False, post_id__in=wanted, post__erased_at=None
    ).select_related("post", "post__current")
    of_post = {case.post_id: case for case in cases}
    return [
        Proposed(proposal, [of_post[post] for post in proposal.posts if post in of_post][:3]) for proposal in proposals
    ]


# --- the blind sample -----------------------------------------------------------------------------------------------


def samples_to_review(actor: Actor, now: datetime | None = None) -> QuerySet[Sample]:
    """Samples of days that are over, in the order of their lots: whoever stops half-way has still judged a fair draw."""
    actor.must("decide")
    today = (now or timezone.now()).astimezone(TOKYO).date()
    waiting = Sample.objects.filter(organisation_id=actor.organisation_id, verdict="", day__lt=today)
    return waiting.exclude(content={}).order_by("day", "lot")


def sample_of(actor: Actor, sample_id: int, now: datetime | None = None) -> Sample:
    """One sample that waits. Raises BadInput when there is none of this number for the actor (any more)."""
    sample = samples_to_review(actor, now).filter(pk=sample_id).first()
    if sample is None:
        raise BadInput("sample", sample_id, "it was judged already, or its time is over; take the next one")
    return sample


def estimated_misses(actor: Actor, now: datetime | None = None) -> Misses | None:
    """What the samples of the last four weeks say (`blind`: which of them count); None before one was judged."""
    actor.must("read")
    today = (now or timezone.now()).astimezone(TOKYO).date()
    since = today - timedelta(days=ESTIMATED_DAYS)
    drawn = Sample.objects.filter(organisation_id=actor.organisation_id, day__gte=since, day__lt=today)
    verdicts: Counter[str] = Counter()
    days: set[date] = set()
    for day, verdict, n in blind.fair(drawn).values_list("day", "verdict").annotate(n=Count("pk")):
        verdicts[verdict] += n
        days.add(day)
    return Misses.of(min(days), verdicts, *_posts_and_found(actor, days)) if days else None


def _posts_and_found(actor: Actor, days: set[date]) -> tuple[int, int]:
    """Posts that were not queued on these days, and queued ones that were confirmed in scope."""
    span = min(days), max(days)
    counted = blind.counted(*span).filter(source__organisation_id=actor.organisation_id)
    hours = counted.values_list("hour").annotate(n=Sum(F("posts") - F("queued")))
    posts = sum(n for hour, n in hours if hour.astimezone(TOKYO).date() in days)
    confirmed = blind.found(*span).filter(organisation_id=actor.organisation_id).values_list("opened_at", flat=True)
    return posts, sum(opened_at.astimezone(TOKYO).date() in days for opened_at in confirmed)


# --- what to label next ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ToLabel:
    """A waiting case or a sample that would teach the judge most."""

    case: Case | None
    sample: Sample | None


def most_useful(actor: Actor, count: int = 8, now: datetime | None = None) -> list[ToLabel]:
    """What to judge next so that the judge learns most: where it is unsure, and unlike what was judged lately."""
    actor.must("decide")
    live = cases_of(actor, practice=False).filter(gold_for=None)
    waiting = live.filter(state=Case.State.WAITING, post__erased_at=None).select_related("post__current")
    cases = [case for case in waiting.order_by("-opened_at")[:_CANDIDATES] if case.post.current]
    samples = list(samples_to_review(actor, now)[:_CANDIDATES])
    known = categories()
    texts: list[str] = []
    unsure: list[float] = []
    for case in cases:
        border = known[case.category].queue if case.category in known else 0.5
        texts.append(_text(case.post))
        unsure.append(uncertainty(case.score, min(max(border, 0.01), 0.99)))
    for sample in samples:
        texts.append(str(sample.content.get("text", "")))
        # of what no person ever saw, the detector's certainty is worth little
        unsure.append(max(uncertainty(sample.score, 0.5), _UNSEEN))
    decided = live.filter(state=Case.State.DECIDED, post__erased_at=None).select_related("post__current")
    lately = vectors([_text(case.post) for case in decided.order_by("-pk")[:_CANDIDATES]])
    chosen = choose(unsure, vectors(texts), count, lately)
    return [ToLabel(cases[i], None) if i < len(cases) else ToLabel(None, samples[i - len(cases)]) for i in chosen]


def _text(post: Post) -> str:
    return post.current.text if post.current else ""


# --- how it goes ----------------------------------------------------------------------------------------------------


def decided_by_grade(actor: Actor, since: datetime) -> list[dict[str, Any]]:
    """Of the cases that patrols found and people decided since then: category, how many, and how many in scope."""
    actor.must("read")
    standing = Decision.objects.filter(
        case__organisation_id=actor.organisation_id,
        case__practice=False,
        case__origin=Case.Origin.PATROL,
        case__state=Case.State.DECIDED,
        undoes=None,
        undone_by=None,
        at__gte=since,
    ).order_by("case_id", "at", "id")
    newest: dict[int, tuple[str, str]] = {}
    for case_id, category, verdict in standing.values_list("case_id", "case__category", "verdict"):
        newest[case_id] = category, verdict
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for category, verdict in newest.values():
        if verdict not in (Decision.Verdict.CANNOT_TELL, Decision.Verdict.DUPLICATE):
            counts[category][0] += 1
            counts[category][1] += verdict == Decision.Verdict.IN_SCOPE
    return [
        {"category": category, "decided": n, "in_scope": confirmed, "interval": clopper_pearson(confirmed, n)}
        for category, (n, confirmed) in sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    ]
