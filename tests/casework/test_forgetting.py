"""Every column in which words of a post can stand is emptied when the post goes; a new one fails until it is listed here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from tests.world import NOON, arrive, finding, post
from yoake.casework.appeal.models import Appeal
from yoake.casework.cases.erasing import erase, forgetting_rooms
from yoake.casework.cases.keeping import erased_hash, plan_erasure
from yoake.casework.cases.models import (
    Account,
    Advice,
    Case,
    Check,
    Comparison,
    Decision,
    Erasure,
    Finding,
    JudgeAnswer,
    Naming,
    Note,
    Post,
    PostVersion,
    Received,
    ReceivedLine,
    SearchText,
    SecondLook,
    SecondReview,
    Surroundings,
)
from yoake.casework.cases.stop import stop
from yoake.casework.evidence.models import Evidence
from yoake.casework.help.models import HandOver
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import Gold, HashedPost, Sample, TermProposal
from yoake.casework.report.models import Report
from yoake.casework.request.models import Answer, NoRequest, Request
from yoake.casework.sources.models import Source

MARK = "Zq7kXwMARK"
WITH_WORDS = (models.CharField, models.TextField, models.JSONField, models.BinaryField)

# Columns that hold words of a post, its author or what people wrote about it: gone when it is erased.
ERASED = {
    "cases.Account.handle",
    "cases.Account.name",
    "cases.Account.native_id",
    "cases.Advice.answer",
    "cases.Advice.question",
    "cases.Check.note",
    "cases.Check.problem",
    "cases.Check.stamp",
    "cases.Decision.reason",
    "cases.Finding.body",
    "cases.Note.text",
    "cases.Post.native_id",
    "cases.Post.url",
    "cases.PostVersion.author_name",
    "cases.PostVersion.images",
    "cases.PostVersion.labels",
    "cases.PostVersion.parent_id",
    "cases.PostVersion.parent_text",
    "cases.PostVersion.profile",
    "cases.PostVersion.root_id",
    "cases.PostVersion.text",
    "cases.ReceivedLine.problem",
    "cases.ReceivedLine.url",
    "cases.ReceivedLine.why",
    "cases.SearchText.words",
    "cases.SecondLook.problem",
    "cases.SecondReview.elements",
    "cases.SecondReview.reason",
    "cases.Surroundings.body",
    "cases.Surroundings.problem",
    "cases.Naming.problem",
    "cases.JudgeAnswer.answer",
    "evidence.Evidence.digest",
    "evidence.Evidence.fetched",
    "evidence.Evidence.key",
    "evidence.Evidence.problem",
    "evidence.Evidence.stamped_by",
    "evidence.Evidence.versions",
    "outbox.OutboxItem.body",
    "outbox.OutboxItem.problem",
    "outbox.OutboxItem.to",
    "appeal.Appeal.problem",
    "appeal.Appeal.proof",
    "appeal.Appeal.reply_to",
    "appeal.Appeal.why",
    "appeal.Appeal.words",
    "help.HandOver.acknowledged_who",
    "report.Report.note",
    "request.Answer.from_address",
    "request.Answer.message_id",
    "request.Answer.references",
    "request.Answer.subject",
    "request.Answer.text",
    "request.NoRequest.note",
    "request.Request.note",
    "request.Request.problem",
    "quality.Gold.why",
    "quality.Sample.content",
    "quality.Sample.problem",
}
# Gone only when the stop key was pressed; before, they hold no words (see why).
STOPPED = {
    "outbox.OutboxItem.author_key": "a keyed hash",
    "cases.Decision.elements": "names of elements, without places",
    "cases.PostVersion.lang": "a language's code",
    "quality.HashedPost.features": "hashed, what is left to learn from",
    "quality.TermProposal.posts": "ids of posts",
    "cases.Erasure.problem": "why an erasure failed, until it is done",
}
_CODES = "codes, names of rules, digests or numbers of our own, never words of a post"
_PEOPLE = "about staff, not about a post"
_OWN = "words of the deployment or of its staff about the deployment, not about a post"
EXEMPT = {
    _CODES: """
        cases.Account.network cases.Case.category cases.Case.grade cases.Case.prefecture cases.Check.content_hash
        cases.Check.hand cases.Check.how cases.Check.outcome cases.Check.since_what cases.Check.step cases.Comparison.problem
        cases.DailyUse.what cases.Decision.also cases.Decision.batch cases.Decision.category cases.Decision.hotline_class
        cases.Erasure.why cases.Finding.category cases.Finding.detector cases.Finding.detector_version cases.Finding.frame
        cases.Finding.grade cases.Finding.hotline_class cases.Hold.key cases.HoldKey.key cases.JudgeAnswer.about
        cases.JudgeAnswer.key cases.LegalHold.ground cases.Outcome.act cases.Outcome.problem cases.Outcome.seen
        cases.Outcome.step cases.Preservation.problem cases.Post.gone_state cases.Post.network cases.Post.uid
        cases.PostVersion.content_hash cases.SecondLook.detector cases.SecondLook.outcome
        cases.SecondReview.also cases.SecondReview.category cases.SecondReview.final_also cases.SecondReview.final_category
        cases.SecondReview.final_verdict cases.SecondReview.verdict cases.Stop.address_key cases.Stop.key
        cases.Standing.category cases.Standing.found_as cases.Standing.hotline_class cases.Standing.network
        cases.Standing.origin cases.Standing.prefecture cases.Standing.verdict
        request.Answer.mail_key request.Answer.status request.Request.kind request.Request.more request.Request.preservation
        outbox.OutboxItem.bound outbox.OutboxItem.channel outbox.OutboxItem.key
        outbox.OutboxItem.stopped_why outbox.OutboxItem.withdraw_why outbox.Sender.paused_why
        warn.Trial.category warn.Trial.first_digest warn.Trial.language warn.Trial.second_digest
        warn.WarningMessage.category warn.WarningMessage.language warn.WarningMessage.letter_digest
        cases.Surroundings.outcome evidence.Evidence.erased_why evidence.Evidence.master evidence.MasterKey.name link.Signature.minima quality.Alarm.category quality.Alarm.facts
        quality.Benchmark.sha256 quality.Flagged.category quality.Flagged.cues quality.Flagged.detector
        quality.Flagged.detector_version quality.Flagged.words quality.Gold.also quality.Gold.category
        quality.GoldTurn.category quality.HashedPost.author quality.HashedPost.hashing quality.HashedPost.month
        quality.ModelChange.before quality.ModelChange.lacking quality.ModelChange.model quality.ModelCheck.against
        quality.ModelCheck.figures quality.ModelCheck.model quality.Precision.category quality.Precision.name
        quality.Round.name quality.Round.problem quality.Sample.category quality.Sample.uid quality.ScoreCount.cues
        quality.ScoreCount.model quality.ScoreCount.scores quality.ShadowCount.model quality.StoredModel.ref
        quality.StoredModel.sha256 quality.TermProposal.category
        audit.Entry.actor audit.Entry.before audit.Entry.facts audit.Entry.hash audit.Entry.kind audit.Entry.subject
        audit.Head.hash sources.Found.uid sources.Found.verdict sources.HourCount.name sources.NgramCount.buckets
        sources.Plan.categories sources.Query.category sources.Skipped.reason sources.Skipped.where
    """,
    _PEOPLE: """
        people.Invitation.email people.Invitation.name people.Invitation.staff_number people.Invitation.token_hash
        people.Organisation.name people.User.email people.User.first_name people.User.language people.User.last_name
        people.User.password people.User.staff_number people.User.username people.Wellbeing.takes
    """,
    _OWN: """
        outbox.Sender.channel outbox.Sender.handle outbox.Sender.name outbox.Sender.options outbox.Sender.problem
        outbox.Sender.remote_id outbox.Sender.sealed
        cases.Guard.name cases.Guard.note cases.SavedView.filters cases.SavedView.name quality.Alarm.note
        quality.Benchmark.file quality.ModelChange.reason quality.Gold.practice sources.Permission.connector
        sources.Permission.permitted_by sources.Permission.reference sources.Permission.terms sources.Query.cursor
        sources.Query.problem sources.Query.words sources.Source.connector sources.Source.cursor
        sources.Source.lease_holder sources.Source.lease_token sources.Source.name sources.Source.options
        sources.Source.problem wording.CueDraft.category wording.CueDraft.cue wording.CueDraft.note
        wording.CueDraft.phrase wording.CueDraft.strength wording.CueDraft.tried wording.Letter.category
        wording.Letter.language wording.Letter.name wording.Letter.text wording.Letterhead.name_en
        wording.Letterhead.name_ja wording.Letterhead.telephone wording.Switch.category
    """,
    "a word that several confirmed posts share, until a person judged it": """
        quality.TermProposal.folded quality.TermProposal.text
    """,
    "what the organisation itself said, as the network calls it: with it one can take it back": """
        outbox.OutboxItem.remote_id outbox.OutboxItem.remote_url
    """,
    "public bodies and how they are reached": """
        registers.Body.country registers.Body.hosts registers.Body.language registers.Body.name_en registers.Body.name_ja
        registers.Body.networks registers.Body.prefecture registers.Body.slug registers.Contact.body
        registers.Contact.source registers.Contact.value registers.OfficialAccount.body registers.OfficialAccount.handle
        registers.OfficialAccount.name registers.OfficialAccount.native_id registers.OfficialAccount.network
        registers.OfficialAccount.source
    """,
    "to whom a case was reported, and numbers that they gave": """
        appeal.Appeal.reference help.HandOver.body report.EmergencyCall.reference report.Report.body report.Report.receipt report.Report.recipient report.Report.why
    """,
    "of which provider something was asked, and numbers that it gave": """
        request.Answer.body request.Mailbox.problem request.NoRequest.body request.Request.body request.Request.receipt
    """,
    "sealed: what an authorised person holds or must hand over; it ends with its own time": """
        cases.Hold.sealed cases.Stop.sealed
    """,
    "why cleaning the files after a stop failed; no word of a post reaches it": "cases.Stop.problem",
}


def columns() -> set[str]:
    """Every column of our own rooms in which words can stand; those with fixed choices cannot hold any."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        if model.__module__.startswith("yoake."):
            for field in model._meta.concrete_fields:
                if isinstance(field, WITH_WORDS) and not field.choices:
                    found.add(f"{model._meta.label}.{field.name}")
    return found


def test_every_column_that_can_hold_words_is_accounted_for() -> None:
    listed = [*ERASED, *STOPPED, *(name for names in EXEMPT.values() for name in names.split())]
    assert len(listed) == len(set(listed)), "a column stands in two lists"
    generated = {"cases.Post.url_start"}  # made of the address by the database
    assert columns() - set(listed) - generated == set(), "say in this file how these go, or why they may stay"
    assert set(listed) - columns() == set(), "these are no columns any more"


def test_every_table_that_holds_words_is_cleaned_down_to_the_file() -> None:
    held = {model._meta.label for room in forgetting_rooms() for model in room.HOLDS}
    assert {name.rpartition(".")[0] for name in (*ERASED, *STOPPED)} <= held


@pytest.fixture
def everywhere(as_analyst: Actor, as_supervisor: Actor, live: Source, police: Organisation) -> Case:
    """A case of which every column that can hold words holds the mark, as far as its type lets it."""
    row = post(
        f"{MARK}1",
        f"{MARK} 本文",
        url=f"https://x.example/{MARK}",
        author_id=MARK,
        author_handle=MARK,
        author_name=MARK,
    )
    taken = arrive(live, [row], [finding()])
    case = Case.objects.select_related("post", "post__current").get(pk=taken.opened[0])
    version = case.post.current
    assert version is not None
    PostVersion.objects.filter(pk=version.pk).update(
        author_name=MARK, profile=MARK, parent_id=MARK, parent_text=MARK, root_id=MARK, labels=[MARK],
        images=[{"ref": MARK, "alt": MARK}], lang=MARK,
    )  # fmt: skip
    Finding.objects.filter(version=version).update(body={"spans": [{"text": MARK}]})
    user = as_analyst.user_id
    decision = Decision.objects.create(
        case=case, version=version, verdict="not_in_scope", by_id=user, at=NOON, reason=MARK,
        elements=[{"name": "work", "field": "text", "start": 0, "end": 3, "text": MARK}],
    )  # fmt: skip
    SecondReview.objects.create(
        case=case, first=decision, why="lot", drawn=True, asked_at=NOON, reason=MARK, elements=[{"text": MARK}]
    )
    Note.objects.create(case=case, by_id=user, at=NOON, text=MARK)
    Advice.objects.create(case=case, asked_by_id=user, asked_at=NOON, question=MARK, answer=MARK)
    SearchText.objects.update_or_create(case=case, defaults={"words": MARK})
    Comparison.objects.get_or_create(case=case, defaults={"version": version, "due_at": NOON})
    done = {"since": NOON, "outcome": "up", "how": "by_hand", "by_id": user, "checked_at": NOON}
    Check.objects.create(case=case, step="now", note=MARK, stamp=MARK, problem=MARK, content_hash="0", **done)
    Surroundings.objects.create(post=case.post, asked_at=NOON, outcome="fetched", body={"profile": MARK}, problem=MARK)
    Naming.objects.create(post=case.post, problem=MARK)
    SecondLook.objects.create(version=version, detector="encoder", problem=MARK)
    JudgeAnswer.objects.create(key="k", about=erased_hash(version.content_hash), answer={"said": MARK}, at=NOON)
    Evidence.objects.create(
        case=case, captured_at=NOON, key=MARK.encode(), master="m", versions=[MARK], fetched={"raw": MARK}, digest=MARK,
        stamped_by=MARK, problem=MARK,
    )  # fmt: skip
    item = OutboxItem.objects.create(
        organisation=police, case=case, kind="report", channel="by_hand", way="hand", key="report", bound="0",
        drafted_by_id=user, drafted_at=NOON, post=case.post, to={"handle": MARK}, body={"text": MARK}, problem=MARK, author_key=MARK,
    )  # fmt: skip
    Report.objects.create(item=item, organisation=police, case=case, recipient="hotline", body="h", note=MARK)
    Request.objects.create(item=item, organisation=police, case=case, kind="removal", body="h", note=MARK, problem=MARK)
    NoRequest.objects.create(organisation=police, case=case, why="other", note=MARK, by_id=user, at=NOON)
    Answer.objects.create(
        organisation=police, item=item, mail_key="m", message_id=MARK, references=MARK, from_address=MARK, subject=MARK,
        text=MARK, at=NOON,
    )  # fmt: skip
    help_item = OutboxItem.objects.create(
        organisation=police, case=case, kind="help", channel="by_hand", way="hand", key="help", bound="0",
        drafted_by_id=user, drafted_at=NOON, post=case.post, to={"handle": MARK}, body={"text": MARK},
    )  # fmt: skip
    Appeal.objects.create(
        organisation=police, item=item, case=case, reference="r", who="author", words=MARK, reply_to=MARK, at=NOON,
        proof=MARK, why=MARK, problem=MARK, decide_by=NOON,
    )  # fmt: skip
    HandOver.objects.create(item=help_item, organisation=police, case=case, how="desk", acknowledged_who=MARK)
    received = Received.objects.create(organisation=police, user_id=user, at=NOON, how="csv")
    ReceivedLine.objects.create(received=received, number=1, url=MARK, why=MARK, problem=MARK, case=case)
    Sample.objects.create(
        organisation=police,
        day=NOON.date(),
        lot=1,
        uid=case.post.uid,
        content={"text": MARK},
        problem=MARK,
        due_at=NOON,
    )
    HashedPost.objects.create(
        organisation=police, post=case.post, month="2026-11", bits=18, longest=4, hashing="x", features=MARK.encode(),
        taken_at=NOON,
    )  # fmt: skip
    TermProposal.objects.create(
        organisation=police, category="drug_ad", folded="word", text="word", groups=3, background=0, log_odds=1.0,
        errors=4.0, posts=[case.post_id], found_at=NOON,
    )  # fmt: skip
    Gold.objects.create(
        organisation=police,
        post=case.post,
        case=case,
        verdict="in_scope",
        why=MARK,
        by_id=as_supervisor.user_id,
        at=NOON,
    )
    Case.objects.filter(pk=case.pk).update(state="decided")
    plan_erasure(case.post, NOON)
    Erasure.objects.update_or_create(post=case.post, defaults={"why": "not_in_scope", "due_at": NOON, "problem": MARK})
    return case


def with_mark() -> set[str]:
    """Every column of any row in the database in which the mark stands."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        fields = [field.name for field in model._meta.concrete_fields]
        for row in model._base_manager.values_list(*fields):
            for name, value in zip(fields, row, strict=True):
                told: Any = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                if MARK.encode() in told:
                    found.add(f"{model._meta.label}.{name}")
    return found - {"cases.Post.url_start"}


def test_the_marked_case_has_the_mark_in_every_column(everywhere: Case) -> None:
    """Otherwise the tests below would prove nothing."""
    assert with_mark() >= ERASED
    assert with_mark() >= set(STOPPED) - {"quality.TermProposal.posts"}


def test_erasing_empties_every_column(everywhere: Case) -> None:
    assert erase(everywhere.post, NOON + timedelta(days=4))
    Erasure.objects.update(problem="")  # as the duty does once it is done
    assert with_mark() <= {"quality.HashedPost.features", "cases.PostVersion.lang", "outbox.OutboxItem.author_key"}
    assert not Account.objects.exists()
    assert not TermProposal.objects.exists()
    assert Gold.objects.get().withdrawn_at is not None
    assert Decision.objects.filter(verdict="not_in_scope").exists(), "the numbers stay"


def test_stopping_empties_every_column_and_what_was_learned(everywhere: Case, as_analyst: Actor) -> None:
    stop(as_analyst, everywhere.pk, NOON)
    assert with_mark() == set()
    assert not HashedPost.objects.exists()
    kept = Post.objects.get()
    assert kept.stopped_at == NOON
    assert Decision.objects.get().elements == []
