"""When it is checked whether a post is still there: planned with a decision, ended when the post is gone.

The duty `check` asks, `checks.py` beside this file writes what came of it. A row without an outcome may be taken back;
one with an outcome is never touched again.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count

from yoake.casework.cases import outcomes
from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.models import Case, Check, Decision, Post
from yoake.casework.due import business_days_after
from yoake.casework.sources.models import Source

# What a check may come to. `removed`: gone, and nobody says by whom.
OUTCOMES: Final = (
    "up",
    "edited",
    "deleted_by_author",
    "removed_by_provider",
    "removed",
    "account_suspended",
    "private",
    "unreachable",
)
GONE: Final = ("deleted_by_author", "removed_by_provider", "removed", "account_suspended", "private")
LASTING: Final = ("deleted_by_author", "removed_by_provider", "removed")  # an account may come back: it is asked again

# The steps after a decision or an act: name, hours or business days or days.
HOURS: Final = {"1h": 1, "6h": 6}
BUSINESS_DAYS: Final = {"1d": 1, "2d": 2, "3d": 3, "5d": 5}
DAYS: Final = {"2w": 14}
STEPS: Final = (*HOURS, *BUSINESS_DAYS, *DAYS)
NOW, BEFORE_ACT, STREAM = "now", "before_act", "stream"

_JITTER: Final = 0.1  # of a step's time, and at most
_JITTER_MOST: Final = timedelta(minutes=30)

# What a stream says of a post (REMOVALS) as an outcome.
_OF_STREAM: Final = {
    "deleted_by_author": "deleted_by_author",
    "removed_by_provider": "removed_by_provider",
    "deactivated": "private",
    "suspended": "account_suspended",
}


def due_at(step: str, since: datetime, seed: str) -> datetime:
    """When a step is due: never before its time, a little after it, the same for the same seed.

    Business days are those of Japan; the time of day stays that of `since`. The spread keeps posts that were decided
    together from being asked about in one moment.
    """
    if step in HOURS:
        at = since + timedelta(hours=HOURS[step])
    elif step in BUSINESS_DAYS:
        at = business_days_after(since, BUSINESS_DAYS[step])
    else:
        at = since + timedelta(days=DAYS[step])
    most = min((at - since) * _JITTER, _JITTER_MOST)
    return at + most * random.Random(f"{seed}/{step}/{since.isoformat()}").random()  # noqa: S311 - spreads, no secret


def checkable(case: Case) -> bool:
    """Whether anybody could look whether the post is there.

    Not on the practice desk, not where a text was typed without an address, not of what is only recorded.
    """
    post = case.post
    return not case.practice and post.erased_at is None and (bool(post.url) or post.network != "hand")


def plan_checks(case: Case, since: datetime, now: datetime, *, what: str = "decision") -> list[Check]:
    """Writes the steps after a decision or an act; steps whose time is over are left out, those that are there stay.

    Nothing is followed any more of a case that does not stand in scope, whatever left about it.
    """
    if not checkable(case) or not _followed(case):
        return []
    source = asked_source(case)
    rows = [
        Check(
            case=case,
            source=source,
            step=step,
            since=since,
            since_what=what,
            due_at=due_at(step, since, case.post.uid),
            hand="" if source else "no_source",
        )
        for step in STEPS
    ]
    rows = [row for row in rows if row.due_at is not None and row.due_at >= now]
    Check.objects.bulk_create(rows, ignore_conflicts=True)
    return rows


def plan_one(case: Case, step: str, now: datetime) -> tuple[Check, bool]:
    """One check that is due at once (`now`, `before_act`), and whether it was made now: one that still waits is left as it is."""
    waits = (
        Check.objects.filter(case=case, step__startswith=step, outcome="").exclude(due_at=None).order_by("-pk").first()
    )
    if waits is not None:
        return waits, False
    since, what = clock_of(case, now)
    source = asked_source(case)
    # Two such checks may count from the same decision: the constraint tells them apart by their number.
    n = Check.objects.filter(case=case, since=since, step__startswith=step).count()
    made = Check.objects.create(
        case=case,
        source=source,
        step=step if not n else f"{step}.{n}",
        since=since,
        since_what=what,
        due_at=now,
        hand="" if source else "no_source",
    )
    return made, True


def _followed(case: Case) -> bool:
    """Whether it stands in scope, and more is kept of it than its address."""
    if case.state == Case.State.WAITING:
        return False
    standing = case.decisions.filter(undoes=None, undone_by=None).order_by("-at", "-id").first()
    if standing is None or standing.verdict != Decision.Verdict.IN_SCOPE:
        return False
    return not is_record_only(standing.category)


def clock_of(case: Case, now: datetime) -> tuple[datetime, str]:
    """From when a check counts its time, and what happened then: the newest act, else the decision, else now."""
    newest = Check.objects.filter(case=case).exclude(since_what="opened").order_by("-since").first()
    if newest is not None:
        return newest.since, newest.since_what
    decision = case.decisions.filter(undoes=None, undone_by=None).order_by("-at", "-id").first()
    return (decision.at, "decision") if decision is not None else (now, "opened")


def follow_decision(case: Case, decision: Decision, now: datetime) -> None:
    """A decision was taken: in scope begins the schedule, unless only the address is kept; anything else ends it."""
    if _followed(case):
        plan_checks(case, decision.at, now)
    else:
        end_schedule(case)


def end_schedule(case: Case) -> int:
    """Takes back what is not done; returns how many. What was found stays."""
    return Check.objects.filter(case=case, outcome="").delete()[0]


def gone_by_stream(post: Post, state: str, at: datetime) -> None:
    """A network said by itself that a post is gone: that is the outcome, and nobody needs to ask any more.

    Call it with the post locked, when its state changed.
    """
    outcome = _OF_STREAM.get(state, "removed")
    for case in Case.objects.filter(post=post, checks__outcome="").distinct().order_by("pk"):
        since, what = clock_of(case, at)
        n = Check.objects.filter(case=case, since=since, step__startswith=STREAM).count()
        check = Check.objects.create(
            case=case,
            source=case.source,
            step=STREAM if not n else f"{STREAM}.{n}",
            since=since,
            since_what=what,
            outcome=outcome,
            how="stream",
            checked_at=at,
            elapsed_s=int((at - since).total_seconds()),
        )
        outcomes.gone(check, case, outcome, at)
        end_schedule(case)


def back_by_stream(post: Post, now: datetime) -> None:
    """An account came back: posts that are followed are asked about again, and at the steps that are left."""
    for case in Case.objects.filter(post=post, state=Case.State.DECIDED).order_by("pk"):
        if not Check.objects.filter(case=case).exists() or not checkable(case):
            continue
        since, what = clock_of(case, now)
        if what == "opened":
            continue
        plan_checks(case, since, now, what=what)
        plan_one(case, NOW, now)


def asked_source(case: Case) -> Source | None:
    """Whose connector is asked about a post: the source that found it, else one of the organisation on the same network.

    A page that somebody entered by its address is never opened by a program: its maker would learn who looks.
    """
    if case.source is not None:
        return case.source
    if case.post.network in ("web", "hand"):
        return None
    on_network = Source.objects.filter(
        organisation_id=case.organisation_id, practice=False, enabled=True, cases__post__network=case.post.network
    )
    return on_network.annotate(n=Count("pk")).order_by("-n", "pk").first()


def ask_source_anew(post: Post) -> None:
    """A post that people entered turned out to be a network's: a source of that network can be asked from now on."""
    waits = Check.objects.filter(case__post=post, outcome="", hand="no_source").select_related("case", "case__post")
    for row in waits:
        source = asked_source(row.case)
        if source is not None:
            Check.objects.filter(pk=row.pk).update(source=source, hand="")


def forget_words(post: Post) -> None:
    """The post is erased: what networks said beside the outcomes goes; outcomes and times stay."""
    erased: dict[str, Any] = {"note": "", "content_hash": "", "stamp": "", "problem": ""}
    Check.objects.filter(case__post=post).update(**erased)
    Check.objects.filter(case__post=post, outcome="").delete()
