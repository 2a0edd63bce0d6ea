"""Cases with a known answer: marked by a supervisor, mixed into people's queues, and explained afterwards.

A copy is a case row of one person's on the same post: page, address and place in the queue are those of any other, and
what they answer is kept as a `GoldTurn`, counts nowhere else and acts on nothing. It comes by a keyed lot of the person's
own decisions, from what they never had before them. Never gold: what is about somebody who may be a minor or at risk,
what is recorded only, and what waits to be judged twice. Copies go with the words of their post, and a week after the answer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import locked, organisation, person
from yoake.casework.cases.actions import TEXT_LONGEST, Verdict, serving_detector
from yoake.casework.cases.categories import categories, category
from yoake.casework.cases.clocks import set_clock
from yoake.casework.cases.duplicates import standing_of
from yoake.casework.cases.holds import must_be_free
from yoake.casework.cases.intake import add_version, by_a_minor, store_post, weigh
from yoake.casework.cases.leases import end_lease
from yoake.casework.cases.models import Case, Claim, Decision, Post, SecondReview
from yoake.casework.cases.ranking import rank_of
from yoake.casework.cases.search import index_case
from yoake.casework.cases.second import review_of
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor, working
from yoake.casework.quality.alarms import raise_alarm
from yoake.casework.quality.models import Alarm, Gold, GoldTurn
from yoake.collect import practice
from yoake.errors import BadInput, Refused
from yoake.tables.posts import content_hash, posts_batch

WHY_LONGEST = 1000
AT_ONCE = 3  # copies that wait before one person at most
ANSWER_KEPT = timedelta(days=7)
WAITS_AT_MOST = timedelta(days=14)
_LOOKED_BACK = timedelta(hours=24)

_OPEN = (SecondReview.State.WAITING, SecondReview.State.DISAGREED)


def mark_gold(actor: Actor, case_id: int, why: str, now: datetime | None = None) -> Gold:
    """Says that the answer to a decided case is sure; why is what people read after they answered it.

    Raises BadInput without a reason, Refused for a case that is not decided, is judged twice just now, or must never be gold.
    """
    now, why = now or timezone.now(), why.strip()
    actor.must("oversee")
    if not why or len(why) > WHY_LONGEST:
        raise BadInput("why", why, f"why the answer is sure, in at most {WHY_LONGEST} characters")
    with transaction.atomic():
        case = locked(actor, case_id)
        standing = standing_of(case)
        review = review_of(case)
        if case.gold_for_id or case.practice or standing is None or case.state != Case.State.DECIDED:
            raise Refused("only a case that is decided can have a known answer")
        if review is not None and review.state in _OPEN:
            raise Refused("this case is being judged twice; mark it once that is over")
        if standing.verdict not in (Verdict.IN_SCOPE, Verdict.NOT_IN_SCOPE):
            raise Refused("only “in scope” and “not in scope” are answers that are sure")
        if standing.version_id != case.post.current_id:
            raise Refused("the post changed since it was decided; judge it anew first")
        if problem := _never(case, standing.category):
            raise Refused(problem)
        gold, made = Gold.objects.get_or_create(
            organisation_id=organisation(actor),
            post=case.post,
            withdrawn_at=None,
            defaults={
                "case": case,
                "verdict": standing.verdict,
                "category": standing.category,
                "also": standing.also,
                "why": why,
                "by_id": person(actor),
                "at": now,
            },
        )
        if not made:
            raise Refused("this case has a known answer already")
        _note("gold_marked", actor, gold, now)
    return gold


def gold_from_practice(actor: Actor, ident: str, now: datetime | None = None) -> Gold:
    """Takes an invented post of the practice stream, with its model answer, as a text that somebody added by hand.

    Raises BadInput when there is no such post with an answer, Refused when it must never be gold or is gold already.
    """
    now = now or timezone.now()
    actor.must("oversee")
    row = next((row for row in practice.stream() if row["id"] == ident), None)
    answer = practice.answer(f"x/{ident}") if row is not None else None
    if row is None or answer is None:
        raise BadInput("practice", ident, "a post of the practice stream that has a model answer")
    if answer.verdict not in (Verdict.IN_SCOPE, Verdict.NOT_IN_SCOPE) or not row["text"].strip():
        raise Refused("only “in scope” and “not in scope” are answers that are sure")
    text = row["text"][:TEXT_LONGEST]
    batch = posts_batch([{"network": "hand", "native_id": f"text/{content_hash(text)}", "text": text, "seen_at": now}])
    found = serving_detector().judge(batch).to_pylist()
    (told,) = batch.to_pylist()
    with transaction.atomic():
        post = Post.objects.select_for_update(of=("self",)).filter(uid=told["uid"]).first()
        if post is not None and (post.cases.exists() or post.erased_at is not None):
            raise Refused("somebody added this very text by hand; take another post")
        if post is None:
            post = store_post(told)
            add_version(post, told, found)
        trial = Case(post=post, opened_at=now, minor=by_a_minor(post.current))
        weigh(trial, found)
        if problem := _never(trial, answer.category):
            raise Refused(problem)
        gold, made = Gold.objects.get_or_create(
            organisation_id=organisation(actor),
            post=post,
            withdrawn_at=None,
            defaults={
                "verdict": answer.verdict,
                "category": answer.category,
                "practice": ident,
                "by_id": person(actor),
                "at": now,
            },
        )
        if not made:
            raise Refused("this case has a known answer already")
        record(
            "added_by_hand", actor=actor.name, organisation=actor.organisation_id, subject=f"post:{post.pk}", at=now,
            category=trial.category, grade=trial.grade,
        )  # fmt: skip
        _note("gold_marked", actor, gold, now)
    return gold


def withdraw_gold(actor: Actor, gold_id: int, now: datetime | None = None) -> Gold:
    """No more copies are made, and those nobody answered go; what was answered stays."""
    now = now or timezone.now()
    actor.must("oversee")
    with transaction.atomic():
        gold = _locked(gold_id, actor.organisation_id)
        if gold is None:
            raise BadInput("gold", gold_id, "there is no such case with a known answer in your organisation")
        _end(gold, now)
        _note("gold_withdrawn", actor, gold, now)
    return gold


def answer(
    actor: Actor, case_id: int, verdict: str, *, version_id: int, category_slug: str = "", now: datetime | None = None
) -> GoldTurn:
    """Takes a person's answer to a copy; nothing follows from it but that they see the known one.

    Raises BadInput for an unknown verdict or category, Refused when it was answered, or somebody else holds the post.
    """
    now = now or timezone.now()
    actor.must("decide")
    if verdict not in Verdict.values:
        raise BadInput("verdict", verdict, f"one of {', '.join(Verdict.values)}")
    if verdict == Verdict.IN_SCOPE:
        category(category_slug)
    else:
        category_slug = ""
    with transaction.atomic():
        case = locked(actor, case_id)
        turns = GoldTurn.objects.select_for_update(of=("self",)).select_related("gold__post", "gold__case__post")
        turn = turns.filter(copy=case).first()
        if case.gold_for_id != person(actor) or turn is None:
            raise BadInput("case", case_id, "there is no such case in your organisation")
        if case.state != Case.State.WAITING:
            raise Refused("this case is decided already; undo that decision first")
        if case.post.current_id != version_id:
            raise Refused("the post changed since you opened it; read it again, then decide")
        must_be_free(actor, post=case.post, inside=True, now=now)
        turn.verdict, turn.category, turn.answered_at = verdict, category_slug, now
        known = turn.gold
        # Whoever found the original knew more than the page tells; and nobody is wrong about words nobody judged.
        if verdict != Verdict.DUPLICATE and _still_fits(known):
            turn.right = verdict == known.verdict and category_slug in (known.category, *known.also)
        turn.save()
        case.state = Case.State.DECIDED
        case.save(update_fields=["state"])
        end_lease(case, person(actor), Claim.End.DECIDED, now)
        record(
            "gold_answered", actor=actor.name, organisation=actor.organisation_id, subject=f"case:{case.pk}", at=now,
            turn=turn.pk, verdict=verdict, category=category_slug,
        )  # fmt: skip
    return turn


def turn_of(actor: Actor, case: Case) -> GoldTurn | None:
    """The answered turn behind a copy, for the person who answered; None for any other case, and before the answer."""
    if case.gold_for_id is None or case.gold_for_id != actor.user_id:
        return None
    return GoldTurn.objects.filter(copy=case).exclude(answered_at=None).select_related("gold").first()


def gold_in_force(actor: Actor) -> list[Gold]:
    """What is marked now, newest first."""
    actor.must("oversee")
    marked = Gold.objects.filter(organisation_id=actor.organisation_id, withdrawn_at=None)
    return list(marked.select_related("post", "post__current", "by", "case").order_by("-pk"))


@dataclass(frozen=True)
class Offer:
    """A post of the practice stream that could become gold."""

    ident: str
    text: str
    verdict: str
    category: str


def practice_to_offer(actor: Actor, limit: int = 12) -> list[Offer]:
    """Posts of the practice stream that could become gold."""
    actor.must("oversee")
    there = set(Gold.objects.filter(organisation_id=actor.organisation_id).values_list("post__native_id", flat=True))
    known = categories()
    offered: list[Offer] = []
    for row in practice.stream():
        told = practice.answer(f"x/{row['id']}")
        if told is None or told.verdict not in (Verdict.IN_SCOPE, Verdict.NOT_IN_SCOPE) or not row["text"].strip():
            continue
        at_risk = told.category in known and known[told.category].at_risk
        if at_risk or f"text/{content_hash(row['text'])}" in there:
            continue
        offered.append(Offer(row["id"], row["text"], told.verdict, told.category))
        if len(offered) == limit:
            break
    return offered


# --- what the worker does -------------------------------------------------------------------------------------------


def deal(organisation_of: Organisation, now: datetime) -> int:
    """Gives copies to people whose decisions of the last day the lot drew; returns how many. Each decision draws once."""
    share = settings.ENVIRONMENT.gold_share
    if not share:
        return 0
    fit = [gold for gold in _in_force(organisation_of) if _still_fits(gold)]
    if not fit:
        return 0
    people = set(working(organisation_of.pk, "decide").values_list("user_id", flat=True))
    taken = Decision.objects.filter(
        case__organisation=organisation_of,
        case__practice=False,
        undoes=None,
        at__gt=now - _LOOKED_BACK,
        by_id__in=people,
    )
    given = 0
    for decision in taken.exclude(Exists(GoldTurn.objects.filter(drawn_by=OuterRef("pk")))).order_by("pk"):
        if _lot(decision) < share:
            given += _give(decision, fit, now)
    return given


def clear_away(organisation_of: Organisation, now: datetime) -> list[Gold]:
    """Copies whose time is over go, and gold that no longer fits is withdrawn, with an alarm; returns what was withdrawn.

    Each in a transaction of its own, which begins with the post: call it in none.
    """
    over = Q(answered_at__lt=now - ANSWER_KEPT) | Q(answered_at=None, given_at__lt=now - WAITS_AT_MOST)
    old = GoldTurn.objects.filter(over, gold__organisation=organisation_of).exclude(copy=None)
    for turn_id, post_id in list(old.values_list("pk", "gold__post_id")):
        with transaction.atomic():
            Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
            _remove(old.filter(pk=turn_id))  # unless it was answered meanwhile
    withdrawn = []
    for misfit in [gold for gold in _in_force(organisation_of) if not _still_fits(gold)]:
        with transaction.atomic():
            gold = _locked(misfit.pk, organisation_of.pk)
            if gold is not None and not _still_fits(gold):
                _end(gold, now)
                raise_alarm(
                    organisation_of, Alarm.Kind.GOLD, now, category=gold.category, gold=gold.pk, case=gold.case_id
                )
                record(
                    "gold_withdrawn", actor="worker", organisation=organisation_of.pk, subject=f"gold:{gold.pk}", at=now
                )
                withdrawn.append(gold)
    return withdrawn


def _locked(gold_id: int, organisation_id: int) -> Gold | None:
    """Gold in force, locked, and its post before it: everybody who makes, answers or removes copies begins with the post."""
    mine = Gold.objects.filter(pk=gold_id, organisation_id=organisation_id, withdrawn_at=None)
    post_id = mine.values_list("post_id", flat=True).first()
    if post_id is None:
        return None
    Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
    return mine.select_for_update(of=("self",)).select_related("post", "post__current", "case", "case__post").first()


def _in_force(organisation_of: Organisation) -> list[Gold]:
    marked = Gold.objects.filter(organisation=organisation_of, withdrawn_at=None)
    return list(marked.select_related("post", "post__current", "case", "case__post").order_by("pk"))


def _still_fits(gold: Gold) -> bool:
    post, case = gold.post, gold.case
    if post.erased_at is not None or post.stopped_at is not None or post.current_id is None:
        return False
    if Case.everything.filter(post=post, organisation_id=gold.organisation_id, minor=True).exists():
        return False  # somebody saw a sign, on the case or on a copy
    if case is None:
        return True
    standing = standing_of(case)
    if standing is None or case.state != Case.State.DECIDED or _never(case, standing.category):
        return False
    if standing.version_id != post.current_id:
        return False  # it was edited: the answer is about other words
    return (standing.verdict, standing.category) == (gold.verdict, gold.category)


def _never(case: Case, slug: str) -> str:
    """Why a case must never be gold; "" when it may."""
    known = categories().get(slug)
    if case.minor:
        return "the author may be a minor: such a case is nobody's trial"
    if case.at_risk or (known is not None and known.at_risk):
        return "somebody may be at risk: such a case is nobody's trial"
    if known is not None and known.record_only:
        return "of this post only address, time and count are kept"
    if case.post.erased_at is not None or case.post.stopped_at is not None:
        return "the post was erased; there is nothing left to judge"
    return ""


def _give(decision: Decision, fit: list[Gold], now: datetime) -> int:
    user = decision.by_id
    before = Case.everything.filter(gold_for_id=user, state=Case.State.WAITING)
    if before.exclude(claims__how=Claim.End.HANDED_ON).count() >= AT_ONCE:
        return 0
    had = set(GoldTurn.objects.filter(user_id=user).values_list("gold__post_id", flat=True))
    for chosen in sorted(fit, key=lambda one: _keyed(f"choice\0{decision.pk}\0{one.pk}")):
        if chosen.post_id not in had and chosen.by_id != user and not _met(user, chosen):
            break
    else:
        return 0
    with transaction.atomic():
        gold = _locked(chosen.pk, chosen.organisation_id)
        if gold is None or not _still_fits(gold):
            return 0  # meanwhile; the decision draws again in the next round
        post, original = gold.post, gold.case
        copy = Case(
            post=post,
            organisation_id=gold.organisation_id,
            gold_for=User(pk=user),
            source_id=original.source_id if original else None,
            origin=original.origin if original else Case.Origin.HAND,
            opened_at=now,
        )
        assert post.current is not None
        weigh(copy, list(post.current.findings.values("category", "grade", "score", "shadow")))
        set_clock(copy, now)
        if original is not None:
            copy.prefecture, copy.changed_at = original.prefecture, None
            copy.opened_at = original.opened_at  # as the page tells it; its place is that of a new one
        copy.rank = rank_of(copy.category, copy.score, now, gone=bool(post.gone_state))
        copy.save()
        turn = GoldTurn.objects.create(gold=gold, user_id=user, copy=copy, drawn_by=decision, given_at=now)
        record(
            "gold_given", actor="worker", organisation=gold.organisation_id, subject=f"gold:{gold.pk}", at=now, turn=turn.pk
        )  # fmt: skip
    return 1


def _met(user: int, gold: Gold) -> bool:
    """Whether a person had the case before them: decided it, held it, or judged it as the second."""
    if gold.case_id is None:
        return False
    return (
        Decision.objects.filter(case_id=gold.case_id, by_id=user).exists()
        or Claim.objects.filter(case_id=gold.case_id, user_id=user).exists()
        or SecondReview.objects.filter(case_id=gold.case_id).filter(Q(by_id=user) | Q(settled_by_id=user)).exists()
    )


def _end(gold: Gold, now: datetime) -> None:
    """Withdraws gold that is locked, and takes away the copies nobody answered."""
    Gold.objects.filter(pk=gold.pk).update(withdrawn_at=now)
    gold.withdrawn_at = now
    _remove(gold.turns.filter(answered_at=None).exclude(copy=None))
    post = gold.post
    if gold.case_id is None and not Case.everything.filter(post=post).exists() and not Gold.objects.filter(
        post=post, withdrawn_at=None
    ).exists():  # fmt: skip
        Gold.objects.filter(pk=gold.pk).update(why="")


def _remove(turns: QuerySet[GoldTurn]) -> None:
    """Takes copies away; notes beside one are about the post, and go to the case it is a copy of."""
    for copy in Case.everything.filter(pk__in=list(turns.values_list("copy_id", flat=True))).exclude(gold_for=None):
        original = Case.objects.filter(post_id=copy.post_id, organisation_id=copy.organisation_id).first()
        if original is not None and copy.notes.update(case=original):
            index_case(original)
        copy.delete()


def _lot(decision: Decision) -> float:
    return _keyed(f"gold\0{decision.pk}\0{decision.by_id}\0{decision.at.timestamp():.6f}")


def _keyed(told: str) -> float:
    drawn = hmac.new(settings.SECRET_KEY.encode(), told.encode(), "sha256").digest()
    return int.from_bytes(drawn[:8]) / (1 << 64)


def _note(kind: str, actor: Actor, gold: Gold, now: datetime) -> None:
    record(
        kind, actor=actor.name, organisation=actor.organisation_id, subject=f"gold:{gold.pk}", at=now,
        verdict=gold.verdict, category=gold.category, case=gold.case_id,
    )  # fmt: skip
