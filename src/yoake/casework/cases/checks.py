"""What came of asking whether a post is still there: written once, by the worker or by a person who looked.

An outcome is what the network or the person said, with the time since the decision or act; it is never overwritten and
never guessed. Later rooms call `check_before` ahead of an act, read `fresh_outcome`, and `plan_checks` (schedule.py) after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases import outcomes
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.intake import revise, store_post
from yoake.casework.cases.models import Case, Check, Post
from yoake.casework.cases.queries import recorded_only, standing_decision
from yoake.casework.cases.ranking import rank_anew
from yoake.casework.cases.schedule import (
    BEFORE_ACT,
    GONE,
    LASTING,
    NOW,
    OUTCOMES,
    checkable,
    end_schedule,
    plan_one,
)
from yoake.casework.cases.trials import cases_before, must_be_real
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

# What a person can say who opened a post, as an outcome. Who deleted it, a person cannot see.
BY_HAND: Final = {"gone": "removed", "up": "up", "edited": "edited", "unreachable": "unreachable"}
_BACK: Final = ("deactivated", "suspended", "account_suspended", "private", "removed", "removed_by_provider")


def check_now(actor: Actor, case_id: int, now: datetime | None = None) -> Check:
    """Somebody wants to know whether the post is still there: one check, due at once.

    Raises Refused where nothing can be asked: on the practice desk, without an address, after erasure.
    """
    return _ask_for(actor, case_id, NOW, now)


def check_before(actor: Actor, case_id: int, now: datetime | None = None) -> Check:
    """As `check_now`, ahead of an act (a warning, a request): the act waits until `fresh_outcome` has an answer."""
    return _ask_for(actor, case_id, BEFORE_ACT, now)


def fresh_outcome(case: Case, within: timedelta, now: datetime) -> Check | None:
    """The newest outcome that is not older than `within`; None: ask again before acting."""
    done = Check.objects.filter(case=case, checked_at__gte=now - within).exclude(outcome="")
    return done.order_by("-checked_at", "-pk").first()


def mark_by_hand(actor: Actor, check_id: int, seen: str, now: datetime | None = None) -> Check:
    """What a person saw who opened the post: `gone`, `up`, `edited` or `unreachable`; kept as "by hand" with who it was.

    Other checks of this case that wait for a person and were due already go: nobody looked at their time.

    Raises BadInput for another word or no such check, Refused when it is answered already.
    """
    now = now or timezone.now()
    actor.must("decide")
    if not actor.user_id:
        raise Refused("only a person can do this")
    if seen not in BY_HAND:
        raise BadInput("seen", seen, f"one of {', '.join(BY_HAND)}")
    with transaction.atomic():
        post_id = (
            Check.objects.filter(pk=check_id, case__organisation_id=actor.organisation_id)
            .values_list("case__post_id", flat=True)
            .first()
        )
        if post_id is None:
            raise BadInput("case", check_id, "there is no such case in your organisation")
        post = Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
        must_be_free(actor, post=post, inside=True, but_colleagues=True, now=now)
        row = Check.objects.filter(pk=check_id, outcome="").exclude(hand="").first()
        if row is None or row.due_at is None or row.due_at > now:
            raise Refused("this check is answered already, or its time has not come")
        finish_check(row, BY_HAND[seen], now, how="by_hand", by=actor)
        also_due = Check.objects.filter(case_id=row.case_id, outcome="", due_at__lte=now).exclude(hand="")
        also_due.delete()
    return Check.objects.get(pk=row.pk)


def finish_check(
    row: Check,
    outcome: str,
    checked_at: datetime,
    *,
    how: str = "automatic",
    by: Actor | None = None,
    note: str = "",
    content_hash: str = "",
    stamp: str = "",
    new: tuple[dict[str, Any], Iterable[dict[str, Any]]] | None = None,
) -> bool:
    """Writes an outcome once; done a second time, it changes nothing.

    Args:
        row: the check that was claimed or answered.
        outcome: one of OUTCOMES.
        checked_at: when it was true.
        how: automatic or by_hand.
        by: who looked, by hand.
        note: what the network said beside, one sentence.
        content_hash: of what stood there, where that was read.
        stamp: the network's validators, for the next check.
        new: of an edited post, what it says now (row of POSTS) and what the detector says of that (rows of FINDINGS).

    Returns:
        Whether it was written now.
    """
    if outcome not in OUTCOMES:
        raise BadInput("outcome", outcome, f"one of {', '.join(OUTCOMES)}")
    with transaction.atomic():  # everybody locks in one order: posts, cases, then the rest
        post = Post.objects.select_for_update(of=("self",)).filter(cases=row.case_id).first()
        if post is None:
            return False
        case = Case.everything.select_for_update(of=("self",)).select_related("post").get(pk=row.case_id)
        still = Check.objects.filter(pk=row.pk, outcome="").exclude(due_at=None)
        if not checkable(case):
            still.delete()
            return False
        elapsed_s = int((checked_at - row.since).total_seconds())
        written = still.update(
            outcome=outcome,
            how=how,
            by_id=by.user_id if by else None,
            checked_at=checked_at,
            elapsed_s=elapsed_s,
            note=note[:300],
            content_hash=content_hash,
            stamp=stamp[:2000],
            due_at=None,
            claimed_until=None,
            problem="",
        )
        if not written:
            return False
        became = outcomes.gone if outcome in GONE else outcomes.there
        became(row, case, outcome, checked_at)
        notes = _follow(post, case, outcome, checked_at, new)
        record(
            "checked",
            actor=by.name if by else "worker",
            organisation=case.organisation_id,
            subject=f"case:{case.pk}",
            at=checked_at,
            outcome=outcome,
            step=row.step,
            how=how,
            seconds=elapsed_s,
        )
        for line in notes:
            record(**line, at=checked_at)
    return True


def _follow(
    post: Post,
    case: Case,
    outcome: str,
    at: datetime,
    new: tuple[dict[str, Any], Iterable[dict[str, Any]]] | None,
) -> list[dict[str, Any]]:
    """What an outcome means for the post and its case; returns the audit lines to write."""
    notes: list[dict[str, Any]] = []
    actor, subject = "worker", f"post:{post.pk}"
    if outcome in GONE:
        if not post.gone_state:
            post.gone_state, post.gone_at = outcome, at
            post.save(update_fields=["gone_state", "gone_at"])
            rank_anew(post)
            notes.append({"kind": "post_gone", "actor": actor, "subject": subject, "state": outcome})
        if outcome in LASTING:
            end_schedule(case)
    elif outcome in ("up", "edited") and post.gone_state in _BACK:
        post.gone_state, post.gone_at = "", None
        post.save(update_fields=["gone_state", "gone_at"])
        rank_anew(post)
        notes.append({"kind": "post_back", "actor": actor, "subject": subject})
    if outcome == "edited":
        if new is not None and not recorded_only(post):
            row, findings = new
            stored = store_post({**row, "uid": post.uid})
            notes.append({"kind": "post_changed", "actor": actor, "subject": subject})
            notes += revise(stored, row, list(findings), at)
        elif case.changed_at is None:
            Case.objects.filter(pk=case.pk).update(changed_at=at)
    return notes


def hand_over(row: Check, why: str, problem: str = "") -> None:
    """No program may or can ask: the row becomes a to-do for a person (`why`: see Check.hand)."""
    Check.objects.filter(pk=row.pk, outcome="").update(hand=why, claimed_until=None, problem=problem[:300])


def is_wanted(row: Check) -> bool:
    """Whether the case still stands in scope, or somebody asked for this one check."""
    case = row.case
    if not checkable(case):
        return False
    if row.step.partition(".")[0] in (NOW, BEFORE_ACT):
        return True
    standing = standing_decision(sorted(case.decisions.all(), key=lambda decision: (decision.at, decision.pk)))
    return case.state != Case.State.WAITING and standing is not None and standing.verdict == "in_scope"


def _ask_for(actor: Actor, case_id: int, step: str, now: datetime | None) -> Check:
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        mine = cases_before(actor).filter(pk=case_id)
        post_id = mine.values_list("post_id", flat=True).first()
        if post_id is not None:
            Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
        case = mine.select_related("post", "source").first()
        if case is None:
            raise BadInput("case", case_id, "there is no such case in your organisation")
        must_be_real(case)
        if not checkable(case):
            raise Refused("whether this post is still there cannot be asked: it has no address, or is not real")
        must_be_free(actor, post=case.post, inside=True, but_colleagues=True, now=now)
        check, made = plan_one(case, step, now)
        if made:  # who asks again while it waits asks for nothing new
            record(
                "check_asked",
                actor=actor.name,
                organisation=actor.organisation_id or None,
                subject=f"case:{case.pk}",
                at=now,
                step=check.step,
            )
    return check
