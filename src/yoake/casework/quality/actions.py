"""What people do about quality: close alarms, judge samples blindly, accept and reject terms."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases import actions as cases
from yoake.casework.cases.categories import category
from yoake.casework.cases.intake import add_version, new_case, store_post
from yoake.casework.cases.models import Case, Decision, Post
from yoake.casework.people.queries import Actor
from yoake.casework.quality.intake import restored
from yoake.casework.quality.lessons import keep_sample_features
from yoake.casework.quality.models import Alarm, Sample, TermProposal
from yoake.casework.quality.queries import sample_of
from yoake.casework.wording.actions import draft_cue
from yoake.casework.wording.models import CueDraft
from yoake.errors import BadInput, Refused
from yoake.tables.posts import POSTS, posts_batch

NOTE_LONGEST = 500

Verdict = Decision.Verdict
# A sample has no case that it could repeat.
SAMPLE_VERDICTS = (Verdict.IN_SCOPE, Verdict.NOT_IN_SCOPE, Verdict.CANNOT_TELL)
State = TermProposal.State


def close_alarm(actor: Actor, alarm_id: int, note: str, now: datetime | None = None) -> Alarm:
    """Says that a supervisor looked at an alarm, and what they found; it stays quiet for a week.

    Raises BadInput without a note, or when the actor's organisation has no such open alarm.
    """
    actor.must("models")
    now, note = now or timezone.now(), note.strip()
    if not note or len(note) > NOTE_LONGEST:
        raise BadInput("note", note, "what you found, in at most 500 characters")
    with transaction.atomic():
        mine = Alarm.objects.select_for_update().filter(organisation_id=actor.organisation_id, closed_at=None)
        alarm = mine.filter(pk=alarm_id).first()
        if alarm is None:
            raise BadInput("alarm", alarm_id, "there is no such open alarm in your organisation")
        alarm.closed_at, alarm.closed_by_id, alarm.note = now, actor.user_id or None, note
        alarm.save(update_fields=["closed_at", "closed_by", "note"])
        record(
            "alarm_closed", actor=actor.name, organisation=actor.organisation_id, subject=f"alarm:{alarm.pk}", at=now,
            alarm=alarm.kind,
        )  # fmt: skip
    return alarm


# --- the blind sample -----------------------------------------------------------------------------------------------


def judge_sample(
    actor: Actor, sample_id: int, verdict: str, *, category_slug: str = "", now: datetime | None = None
) -> Case | None:
    """Records a judgement about a post that was not queued; its content goes at once, and this cannot be undone.

    A post in scope becomes a case that is decided so, and is returned; one out of scope is kept as hashed features.

    Raises BadInput for an unknown verdict or category, or when the sample was judged already or its time is over.
    """
    now = now or timezone.now()
    actor.must("decide")
    if not actor.user_id:
        raise Refused("only a person can do this")
    if verdict not in SAMPLE_VERDICTS:
        raise BadInput("verdict", verdict, f"one of {', '.join(SAMPLE_VERDICTS)}")
    category_slug = category_slug if verdict == Verdict.IN_SCOPE else ""
    if verdict == Verdict.IN_SCOPE:
        category(category_slug)
    row = restored(sample_of(actor, sample_id, now).content)
    batch = posts_batch([{name: value for name, value in row.items() if name in POSTS.names}])
    found = cases.serving_detector().judge(batch).to_pylist() if verdict == Verdict.IN_SCOPE else []
    with transaction.atomic():
        mine = Sample.objects.select_for_update(of=("self",)).filter(organisation_id=actor.organisation_id)
        sample = mine.filter(pk=sample_id, verdict="").exclude(content={}).first()
        if sample is None:
            raise BadInput("sample", sample_id, "it was judged already, or its time is over; take the next one")
        case = None
        if verdict == Verdict.IN_SCOPE:
            case = _opened(actor, batch.to_pylist()[0], found, now)
            if case.state == Case.State.WAITING:
                assert case.post.current_id is not None
                cases.decide(
                    actor, case.pk, verdict, version_id=case.post.current_id, category_slug=category_slug, now=now
                )
        elif verdict == Verdict.NOT_IN_SCOPE:
            keep_sample_features(sample.organisation_id, sample.content, now)
        sample.verdict, sample.category, sample.by_id, sample.decided_at = verdict, category_slug, actor.user_id, now
        sample.content, sample.due_at, sample.claimed_until = {}, None, None
        sample.save()
        record(
            "sample_judged", actor=actor.name, organisation=actor.organisation_id, subject=f"sample:{sample.pk}", at=now,
            verdict=verdict, category=category_slug, case=case.pk if case else None,
        )  # fmt: skip
    return case


def _opened(actor: Actor, row: dict[str, object], found: list[dict[str, object]], now: datetime) -> Case:
    """The organisation's case of a post that a sample turned up; the patrol may have queued it meanwhile."""
    post = Post.objects.select_for_update(of=("self",)).filter(uid=row["uid"]).first()
    if post is not None and post.erased_at is not None:
        raise Refused("this post was judged and erased meanwhile; say that you cannot tell, and take the next one")
    if post is None:
        post = store_post(row)
    if post.current_id is None:
        add_version(post, row, found)
    case = Case.objects.filter(post=post, organisation_id=actor.organisation_id).select_related("post").first()
    if case is None:
        case = new_case(post, actor.organisation_id, found, now, origin=Case.Origin.HAND)
        record(
            "added_by_hand", actor=actor.name, organisation=actor.organisation_id, subject=f"case:{case.pk}", at=now,
            category=case.category, grade=case.grade,
        )  # fmt: skip
    return case


def erase_sample(sample: Sample) -> None:
    """The time of a sample is over: its content goes, its lot stays."""
    Sample.objects.filter(pk=sample.pk).update(content={}, due_at=None, claimed_until=None, problem="")


# --- terms ----------------------------------------------------------------------------------------------------------


def accept_term(actor: Actor, proposal_id: int, cue: str, strength: str, now: datetime | None = None) -> CueDraft:
    """Makes a proposed term a draft like one written by hand: tried at once, counting once a second person approved it.

    Args:
        actor: a supervisor.
        proposal_id: of the actor's organisation, and not judged yet.
        cue: the role the term plays, a cue of the category.
        strength: weak, medium or strong.
        now: the time; the clock's when left out.

    Raises:
        BadInput: there is no such proposal, cue or strength, or the category folder would not load with it.
    """
    actor.must("terms")
    now = now or timezone.now()
    found = _open_terms(actor).filter(pk=proposal_id).first()
    if found is None:
        raise _no_such_term(proposal_id)

    def accepted(draft: CueDraft) -> None:
        proposal = _proposed(actor, proposal_id)  # somebody may have judged it while it was tried
        proposal.state, proposal.draft = State.ACCEPTED, draft
        proposal.by_id, proposal.decided_at = actor.user_id, now
        proposal.save()
        record(
            "term_accepted", actor=actor.name, organisation=actor.organisation_id, subject=f"term:{proposal.pk}", at=now,
            category=proposal.category, draft=str(draft.pk),
        )  # fmt: skip

    return draft_cue(actor, found.category, cue, found.text, strength, now=now, together_with=accepted)


def reject_term(actor: Actor, proposal_id: int, now: datetime | None = None) -> TermProposal:
    """Says that a term is no sign of the harm; it is not proposed again."""
    actor.must("terms")
    now = now or timezone.now()
    with transaction.atomic():
        proposal = _proposed(actor, proposal_id)
        proposal.state, proposal.by_id, proposal.decided_at = State.REJECTED, actor.user_id or None, now
        proposal.save()
        record(
            "term_rejected", actor=actor.name, organisation=actor.organisation_id, subject=f"term:{proposal.pk}", at=now,
            category=proposal.category,
        )  # fmt: skip
    return proposal


def _open_terms(actor: Actor) -> QuerySet[TermProposal]:
    return TermProposal.objects.filter(organisation_id=actor.organisation_id, state=State.PROPOSED)


def _proposed(actor: Actor, proposal_id: int) -> TermProposal:
    proposal = _open_terms(actor).select_for_update().filter(pk=proposal_id).first()
    if proposal is None:
        raise _no_such_term(proposal_id)
    return proposal


def _no_such_term(proposal_id: int) -> BadInput:
    return BadInput("term", proposal_id, "there is no such open proposal in your organisation")
