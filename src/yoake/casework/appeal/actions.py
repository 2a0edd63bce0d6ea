"""Answering an objection: a supervisor does, and never whoever drafted, approved or sent the letter."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from yoake.casework.appeal.models import Appeal
from yoake.casework.appeal.queries import whose
from yoake.casework.cases import actions as judging
from yoake.casework.cases.acting import locked, note, person
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import standing_decision
from yoake.casework.outbox import actions as outbox
from yoake.casework.outbox.models import OutboxItem, Sender
from yoake.casework.outbox.reasons import UNCERTAIN
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused

WHY_LONGEST: Final = 500
Kind, State, Way, Outcome = OutboxItem.Kind, OutboxItem.State, OutboxItem.Way, Appeal.Outcome

_CORRECTS: Final = {
    "ja": (
        "先の依頼の取消し",
        """先にお願いした下記の投稿への対応について、当方の判断を改めました。依頼を取り消します。
対応済みの場合は、元に戻すことをご検討ください。ご迷惑をおかけしました。

投稿：{url}""",
    ),
    "en": (
        "A request is taken back",
        """We judged the post below anew and take back what we asked of you. If you acted on it, please consider undoing that.
We apologise for the trouble.

Post: {url}""",
    ),
}


def prove_by_hand(actor: Actor, appeal_id: int, now: datetime | None = None) -> Appeal:
    """A supervisor saw the code in the profile, where no program could look.

    Raises Refused for what is answered, proved, says itself that it is somebody else's, or is about the actor's own letter.
    """
    actor.must("oversee")
    now = now or timezone.now()
    with transaction.atomic():
        appeal = _to_answer(actor, appeal_id)
        if appeal.proved_at is not None or not appeal.proof:
            raise Refused("there is nothing to prove here")
        appeal.proved_at, appeal.proved_by_id, appeal.due_at, appeal.claimed_until = now, person(actor), None, None
        appeal.save(update_fields=["proved_at", "proved_by", "due_at", "claimed_until"])
        note("appeal_proved", actor, appeal.case, now, appeal=appeal.pk)
    return appeal


def uphold(actor: Actor, appeal_id: int, why: str, now: datetime | None = None) -> Appeal:
    """The author is right: everything that was said is taken back, and the case is judged anew as not in scope.

    In one transaction: every warning of this case is withdrawn; for each provider that was asked a correction is drafted, which
    waits for approval like everything that leaves; the standing decision is undone and a new one taken, which is what training
    learns from.

    Raises:
        BadInput: no reason, or too long a one.
        Refused: it is not proved to be the author's; the letter was the actor's own; a colleague or another body holds the post.
    """
    actor.must("oversee")
    now, why = now or timezone.now(), _why(why)
    with transaction.atomic():
        appeal = _to_answer(actor, appeal_id)
        if appeal.proved_at is None:
            raise Refused("this is not proved to be the author’s; what a third party says you can act on yourself")
        case = appeal.case
        withdrawn = _withdraw(actor, case, now)
        corrections = _correct(actor, case, now)
        judged = _judge_anew(actor, case, why, now)
        _answered(actor, appeal, Outcome.UPHELD, why, now)
        note(
            "appeal_upheld", actor, case, now, appeal=appeal.pk, withdrawn=withdrawn, corrections=corrections, judged=judged
        )  # fmt: skip
    return appeal


def dismiss(actor: Actor, appeal_id: int, why: str, now: datetime | None = None) -> Appeal:
    """What was said stands; of a third party's note: it was read. Raises as `uphold`, but for what is not proved."""
    actor.must("oversee")
    now, why = now or timezone.now(), _why(why)
    with transaction.atomic():
        appeal = _to_answer(actor, appeal_id)
        outcome = Outcome.DISMISSED if appeal.proved_at is not None else Outcome.READ
        _answered(actor, appeal, outcome, why, now)
        note("appeal_answered", actor, appeal.case, now, appeal=appeal.pk, outcome=outcome)
    return appeal


def _withdraw(actor: Actor, case: Case, now: datetime) -> int:
    """Every warning of the case that stands, may stand, or shall leave."""
    ours = OutboxItem.objects.filter(organisation_id=actor.organisation_id, case=case, kind=Kind.WARNING).order_by("pk")
    live = [one for one in ours if one.state in (State.DRAFT, State.APPROVED) or outbox.may_withdraw(one)]
    for item in live:
        outbox.withdraw(actor, item.pk, "appeal", now)
    return len(live)


def _correct(actor: Actor, case: Case, now: datetime) -> int:
    """A correction to every provider that was asked, by the way it was asked: also where one mail spoke of several posts.

    What cannot be answered that way (a network's own report, a sender that was ended, an addressee that is not kept any more) a
    person carries out by hand, so that nothing else of an upheld objection waits for it.
    """
    about = Q(case=case) | Q(also=case)
    asked = OutboxItem.objects.filter(about, organisation_id=actor.organisation_id, kind=Kind.REQUEST)
    # What a program is handing over this moment is there in the next one, and nothing could take it back.
    under_way = Q(state=State.SENDING) & ~Q(way=Way.HAND)
    may_have_gone = Q(state=State.SENT) | Q(state=State.FAILED, stopped_why=UNCERTAIN) | under_way
    corrected = OutboxItem.objects.filter(corrects=OuterRef("pk"), case=case).exclude(state=State.STOPPED)
    drafted = 0
    for item in asked.filter(may_have_gone, ~Exists(corrected)).select_related("sender").distinct().order_by("pk"):
        language = "en" if (item.body.get("facts") or {}).get("language") == "en" else "ja"
        title, text = _CORRECTS[language]
        words = {"text": text.format(url=case.post.url or case.post.native_id), "language": language}
        ended = item.sender is None or item.sender.state == Sender.State.ENDED
        mail = item.way == Way.MAIL and not ended and bool(item.to.get("mail"))
        if mail:
            words |= {"subject": title, "in_reply_to": item.remote_id, "references": item.remote_id}
        outbox.draft(
            actor, case.pk, Kind.CORRECTION, channel=item.channel if mail else "by_hand", way=Way.MAIL if mail else Way.HAND,
            to=item.to, body=words, sender_id=item.sender_id if mail else None, corrects=item.pk, now=now,
        )  # fmt: skip
        drafted += 1
    return drafted


def _judge_anew(actor: Actor, case: Case, why: str, now: datetime) -> bool:
    """Undoes what stands in scope, and decides that it is not; False where nothing stands, or nothing is left to judge."""
    standing = standing_decision(list(case.decisions.order_by("at", "pk")))
    if standing is None or standing.verdict != Decision.Verdict.IN_SCOPE or case.post.erased_at is not None:
        return False
    version = case.post.current_id
    if case.state == Case.State.WAITING or version is None:
        return False
    judging.undo(actor, case.pk, now)
    judging.decide(actor, case.pk, Decision.Verdict.NOT_IN_SCOPE, version_id=version, reason=why, now=now)
    return True


def _answered(actor: Actor, appeal: Appeal, outcome: str, why: str, now: datetime) -> None:
    appeal.outcome, appeal.why, appeal.by_id, appeal.decided_at = outcome, why, person(actor), now
    appeal.due_at, appeal.claimed_until = None, None
    appeal.save(update_fields=["outcome", "why", "by", "decided_at", "due_at", "claimed_until"])


def _to_answer(actor: Actor, appeal_id: int) -> Appeal:
    appeal = _locked(actor, appeal_id)
    if person(actor) in whose(appeal.item):
        raise Refused("you drafted, approved or sent this letter; somebody else answers the objection")
    return appeal


def _locked(actor: Actor, appeal_id: int) -> Appeal:
    """The objection with its case, locked in the order everybody locks. Raises Refused once it is answered."""
    mine = Appeal.objects.filter(organisation_id=actor.organisation_id)
    case_id = mine.filter(pk=appeal_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise BadInput("appeal", appeal_id, "there is no such objection in your organisation")
    case = locked(actor, case_id)
    appeal = mine.select_for_update(of=("self",)).select_related("item").get(pk=appeal_id)
    if appeal.outcome:
        raise Refused("this objection is answered already")
    appeal.case = case
    return appeal


def _why(why: str) -> str:
    why = why.replace("\r\n", "\n").strip()
    if not why or len(why) > WHY_LONGEST:
        raise BadInput("reason", why, f"one to {WHY_LONGEST} characters")
    return why
