"""Why something must not leave: what holds for every kind, asked at drafting, at approval, and again in the last second.

`must_be_allowed` raises for what a person may not do at all; `reason_to_stop` names a code for what happened since. The
rooms of the kinds add theirs, and `pipeline/sending.py` what has to be asked outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q, QuerySet

from yoake.casework.cases.categories import categories
from yoake.casework.cases.holds import ELSEWHERE, must_be_free
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import recorded_only
from yoake.casework.cases.trials import must_be_real
from yoake.casework.outbox.bound import ACTION, bound_of, standing
from yoake.casework.outbox.models import OutboxItem, Standstill
from yoake.casework.people.queries import Actor, system
from yoake.errors import Refused

Kind, State, Way = OutboxItem.Kind, OutboxItem.State, OutboxItem.Way

_ABOUT_TO: Final = timedelta(days=1)  # so long what another organisation approved, and does not send, keeps a post
UNCERTAIN: Final = "uncertain"
REFUSED: Final = "refused"
SAID_SINCE: Final = "said_since"
# What stands there, stood, or may stand: whatever would say the same a second time does not leave.
GONE_OUT: Final = Q(state__in=(State.SENDING, State.SENT, State.WITHDRAWN)) | Q(
    state=State.FAILED, stopped_why=UNCERTAIN
)
# Codes of `stopped_why`, each in a sentence that says what to do; the console translates them. Rooms may add their own.
SAID: Final = {
    "discarded": "somebody discarded this",
    "taken_back": "somebody took this back before it went",
    "changed": "the post, its author's name, its parent or these words changed since; read it again and draft anew",
    "gone": "the post is gone; nothing needs to be said to it",
    "answered": "an official account answered this post already",
    "twice": "this post was warned already; nobody is warned twice",
    "author": "the author of this post was warned not long ago",
    "said_since": "the same was said meanwhile, by something drafted later",
    "held": "another body holds this post; wait until it is released",
    "forbidden": "the case does not stand in scope any more, or its category does not provide for this",
    "practice": "nothing leaves the practice desk",
    "erased": "the post was erased, and what was to be said with it",
    "second": "this needs a second person by now, and one approved it; draft it anew",
    "standstill": "all sending is stopped; a supervisor lets it go on",
    "ended": "this sender was ended; draft it anew for another one",
}


def said(code: str) -> str:
    """What a code means, in one sentence; a code of a room stands as it is."""
    return SAID.get(code, code)


def must_be_allowed(actor: Actor, cases: Sequence[Case], kind: str, now: datetime) -> bool:
    """Raises Refused where a person may not do this to these cases; their posts and they are locked.

    Returns:
        Whether a category demands a second person.
    """
    demanded = False
    for case in cases:
        must_be_real(case)
        if case.practice:
            raise Refused(said("practice"))
        must_be_free(actor, post=case.post, account=case.post.account, now=now)
        if kind in ACTION:
            demanded |= _must_stand(case, kind)
    return demanded


def _must_stand(case: Case, kind: str) -> bool:
    if _nothing_left(case, kind):
        raise Refused(said("erased"))
    decision = standing(case, kind)
    if decision is None or not _provides(decision, kind):
        action = ACTION[Kind(kind)]
        raise Refused(
            f"this case does not stand in scope of a category that provides for this act ({action}); a person decides it first"
        )
    if case.changed_at is not None and kind in (Kind.WARNING, Kind.REQUEST):
        raise Refused("the post changed since it was judged; judge what it says now first")
    return _second_demanded(decision)


def _second_demanded(decision: Decision) -> bool:
    known = categories()
    return any(slug in known and known[slug].second_review for slug in _held(decision))


def _nothing_left(case: Case, kind: str) -> bool:
    """Whether a post is gone; what is recorded only keeps its address, which is all that requests and reports need."""
    post = case.post
    if post.stopped_at is not None or post.erased_at is None:
        return post.stopped_at is not None
    return kind not in (Kind.REQUEST, Kind.REPORT) or not recorded_only(post)


def _held(decision: Decision) -> list[str]:
    return [decision.category, *decision.also]


def _provides(decision: Decision, kind: str) -> bool:
    """Whether what was decided provides for the act: a warning must fit every category that holds, another act one of them.

    So somebody who is also at risk, or whom a warning would alert, gets none.
    """
    known, action = categories(), ACTION[Kind(kind)]
    allowed = [slug in known and action in known[slug].actions for slug in _held(decision)]
    if kind == Kind.WARNING:
        return all(allowed) and not any(slug in known and known[slug].at_risk for slug in _held(decision))
    return any(allowed)


def reason_to_stop(item: OutboxItem, cases: Sequence[Case], now: datetime) -> str:
    """The code why an item must not leave now, "" when nothing speaks against it; posts and cases are locked.

    Asked at approval, before anybody outside is asked, and again in the transaction in which the worker begins to send.
    """
    worker = system("worker", item.organisation_id)
    for case in cases:
        if case.practice:
            return "practice"
        if item.kind in ACTION and _nothing_left(case, item.kind):
            return "erased"
        if _held_elsewhere(worker, case, now):
            return "held"
        if item.kind in ACTION:
            decision = standing(case, item.kind)
            if decision is None or not _provides(decision, item.kind):
                return "forbidden"
            if item.state != State.DRAFT and item.second_by_id is None and _second_demanded(decision):
                return "second"  # the category demands it since, or another one holds by now
        if case.changed_at is not None and item.kind in (Kind.WARNING, Kind.REQUEST):
            return "changed"
    if bound_of(item, cases) != item.bound:
        return "changed"
    if item.kind == Kind.WARNING:
        return _warned_already(item, now)
    if item.kind == Kind.CORRECTION:
        same = OutboxItem.objects.filter(kind=Kind.CORRECTION, corrects=item.corrects_id, case=item.case_id)
        return SAID_SINCE if same.filter(GONE_OUT).exclude(pk=item.pk).exists() else ""
    return ""


def _held_elsewhere(worker: Actor, case: Case, now: datetime) -> bool:
    """Whether another body holds post or account; a colleague who reads it does not stop what the organisation approved."""
    for towards in ({"post": case.post}, {"account": case.post.account}):
        try:
            must_be_free(worker, **towards, but_colleagues=True, now=now)
        except Refused as refusal:
            if str(refusal) == ELSEWHERE:
                return True
    return False


def _warned_already(item: OutboxItem, now: datetime) -> str:
    """Never twice to a post, by whomever; nor to an author within YOAKE_WARN_AUTHOR_DAYS."""
    others = OutboxItem.objects.filter(kind=Kind.WARNING).exclude(pk=item.pk)
    about_to = Q(state=State.APPROVED, approved_at__gt=now - _ABOUT_TO) | Q(
        state=State.APPROVED, organisation=item.organisation
    )
    if others.filter(GONE_OUT | about_to, post=item.post).exists():
        return "twice"
    since = now - timedelta(days=settings.ENVIRONMENT.warn_author_days)
    recent = others.filter(GONE_OUT, author_key=item.author_key, tried_at__gt=since)
    return "author" if item.author_key and recent.exists() else ""


def must_not_be_twice(item: OutboxItem) -> None:
    """Raises Refused for a warning to a post that another warning went to meanwhile."""
    gone_out = Q(state__in=(State.SENDING, State.SENT, State.WITHDRAWN))
    others = OutboxItem.objects.filter(gone_out, kind=Kind.WARNING, post=item.post).exclude(pk=item.pk)
    if item.kind == Kind.WARNING and others.exists():
        raise Refused(said("twice"))


def why_not_now(item: OutboxItem, now: datetime) -> str:
    """The code why what waits for a person's hand must not be carried out now, "" for none; asked whenever it is shown."""
    if standing_still(item.organisation_id):
        return "standstill"
    return reason_to_stop(item, list(cases_of(item.pk)), now)


def cases_of(item_id: int) -> QuerySet[Case]:
    """The cases an item speaks of, with posts, versions and accounts."""
    first = OutboxItem.objects.filter(pk=item_id).exclude(case=None).values_list("case_id", flat=True)
    also = OutboxItem.also.through.objects.filter(outboxitem_id=item_id).values_list("case_id", flat=True)
    cases = Case.everything.filter(pk__in=[*first, *also])
    return cases.select_related("post", "post__account", "post__current").order_by("pk")


def standing_still(organisation_id: int) -> bool:
    """Whether somebody pressed the stop switch."""
    return Standstill.objects.filter(organisation_id=organisation_id, ended_at=None).exists()
