"""Trials: two letters of which a lot draws one for each case, so that it can be measured which makes posts vanish faster.

Every case is warned all the same, only the words differ; nobody at risk is in a trial, because nobody at risk is warned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.acting import organisation, person
from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Check
from yoake.casework.cases.schedule import GONE
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.casework.warn.choosing import digest_of, runs, text_of
from yoake.casework.warn.models import Trial, WarningMessage
from yoake.casework.wording.checks import must_be_sound
from yoake.casework.wording.letters import WARNING
from yoake.casework.wording.models import Letter
from yoake.errors import BadInput, Refused

State = OutboxItem.State


@dataclass(frozen=True)
class ArmResult:
    """What became of the cases of one arm so far; counted, not compared."""

    arm: str
    drawn: int
    sent: int  # warnings that went, also those withdrawn later
    gone: int  # of these: a check after the warning found the post gone


@dataclass(frozen=True)
class TrialShown:
    """A trial with its counts."""

    trial: Trial
    runs: bool  # False: a shipped letter changed since, and nothing is drawn any more
    arms: list[ArmResult]


def start_trial(actor: Actor, slug: str, language: str, first: int, second: int, now: datetime | None = None) -> Trial:
    """From now on a lot draws one of two approved letters for each case of a category.

    Args:
        actor: somebody who may edit wording.
        slug: a category that provides for warnings.
        language: ja or en.
        first: id of an approved letter of the organisation, 0 for the shipped one.
        second: the other one.
        now: the time; the clock's when left out.

    Raises:
        BadInput: a letter that was not approved, or is of something else; twice the same; a letter that breaks a rule of today.
        Refused: a category of people at risk, or without warnings; a trial of this letter is open.
    """
    actor.must("wording")
    now, known = now or timezone.now(), category(slug)
    if known.at_risk or "warn" not in known.actions:
        raise Refused("nobody is warned under this category, so there is nothing to try")
    with transaction.atomic():
        letters = [_approved(actor, slug, language, one) for one in (first, second)]
        texts = [text_of(one, slug, language) for one in letters]
        if texts[0] == texts[1]:
            raise BadInput("letter", "", "two letters that say different things")
        for text in texts:
            must_be_sound(known, WARNING, language, text)
        trial = Trial(
            organisation_id=organisation(actor), category=slug, language=language, first=letters[0], second=letters[1],
            first_digest=digest_of(texts[0]), second_digest=digest_of(texts[1]), by_id=person(actor), at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                trial.save()
        except IntegrityError:
            raise Refused("a trial of this letter is open; end it first") from None
        _note("trial_started", actor, trial, now)
    return trial


def end_trial(actor: Actor, trial_id: int, now: datetime | None = None) -> Trial:
    """No letter is drawn any more; what was counted stays. Raises BadInput when no such trial is open."""
    actor.must("wording")
    now = now or timezone.now()
    with transaction.atomic():
        mine = Trial.objects.select_for_update(of=("self",)).filter(organisation_id=actor.organisation_id)
        trial = mine.filter(pk=trial_id, ended_at=None).first()
        if trial is None:
            raise BadInput("trial", trial_id, "there is no such open trial in your organisation")
        trial.ended_by_id, trial.ended_at = person(actor), now
        trial.save(update_fields=["ended_by", "ended_at"])
        _note("trial_ended", actor, trial, now)
    return trial


def trials_of(actor: Actor) -> list[TrialShown]:
    """The organisation's trials with their counts, the open ones first, then the newest: two queries."""
    actor.must("read")
    rows = Trial.objects.filter(organisation_id=actor.organisation_id)
    trials = sorted(rows.select_related("first", "second", "by"), key=lambda one: (one.ended_at is not None, -one.pk))
    after = Check.objects.filter(case=OuterRef("case"), outcome__in=GONE, checked_at__gte=OuterRef("item__sent_at"))
    went = Q(item__sent_at__isnull=False)
    counted = WarningMessage.objects.filter(trial__in=trials).order_by().values_list("trial_id", "arm").annotate(
        drawn=Count("pk"), sent=Count("pk", filter=went), gone=Count("pk", filter=went & Q(Exists(after)))
    )  # fmt: skip
    counts = {(trial_id, arm): of_arm for trial_id, arm, *of_arm in counted}
    return [
        TrialShown(
            trial, runs(trial), [ArmResult(arm, *counts.get((trial.pk, arm), (0, 0, 0))) for arm in Trial.Arm.values]
        )
        for trial in trials
    ]


def _approved(actor: Actor, slug: str, language: str, letter_id: int) -> Letter | None:
    if not letter_id:
        return None
    mine = Letter.objects.filter(organisation_id=actor.organisation_id, category=slug, name=WARNING, language=language)
    letter = mine.filter(pk=letter_id, approved_at__isnull=False).first()
    if letter is None:
        raise BadInput("letter", letter_id, "an approved letter of this category and language")
    return letter


def _note(kind: str, actor: Actor, trial: Trial, now: datetime) -> None:
    record(
        kind, actor=actor.name, organisation=trial.organisation_id, subject=f"trial:{trial.pk}", at=now,
        category=trial.category, language=trial.language, first=trial.first_id or 0, second=trial.second_id or 0,
    )  # fmt: skip
