"""Which letter a warning is made of: the one in force, or while a trial is open the one that the lot draws for the case."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings

from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case
from yoake.casework.warn.grounds import broken, said
from yoake.casework.warn.models import Trial
from yoake.casework.wording.letters import WARNING, filled, head_of, in_force, shipped
from yoake.casework.wording.models import Letter
from yoake.errors import Refused


@dataclass(frozen=True)
class Chosen:
    """A letter, filled in as it would leave."""

    text: str
    letter: Letter | None  # None: the shipped one
    digest: str  # of the letter before it was filled in
    trial: Trial | None
    arm: str  # "" outside of a trial


def chosen(case: Case, slug: str, language: str) -> Chosen:
    """The letter for a case.

    Raises:
        BadInput: another language than ja and en.
        Refused: the organisation has no letterhead, or the letter breaks a rule of today (an article nobody verified, a new
            trigger word): then it is mended first.
    """
    organisation_id, known = case.organisation_id, category(slug)
    head = head_of(organisation_id)
    if head is None:
        raise Refused("the organisation has no letterhead yet; set its name and telephone on the page of letters first")
    trial = open_trial(organisation_id, slug, language)
    if trial is not None:
        arm = arm_of(trial, case)
        letter = trial.first if arm == Trial.Arm.FIRST else trial.second
        text = text_of(letter, slug, language)
        whole = filled(text, head, language)
        if not broken(known, language, whole) and runs(trial):
            return Chosen(whole, letter, digest_of(text), trial, arm)
    now = in_force(organisation_id, slug, WARNING, language)
    whole = filled(now.text, head, language)
    if broken(known, language, whole):
        raise Refused(said("letter"))
    return Chosen(whole, now.letter, digest_of(now.text), None, "")


def open_trial(organisation_id: int, slug: str, language: str) -> Trial | None:
    """The trial that runs for a letter; None when there is none."""
    rows = Trial.objects.filter(organisation_id=organisation_id, category=slug, language=language, ended_at=None)
    return rows.select_related("first", "second").first()


def runs(trial: Trial) -> bool:
    """Whether both letters still are what they were when it began; a shipped one may change with the program."""
    told = (digest_of(text_of(one, trial.category, trial.language)) for one in (trial.first, trial.second))
    return tuple(told) == (trial.first_digest, trial.second_digest)


def arm_of(trial: Trial, case: Case) -> str:
    """The arm that the lot draws for a case: always the same one, and nobody without the key can foresee it."""
    told = f"warning trial\0{trial.pk}\0{case.pk}"
    drawn = hmac.new(settings.SECRET_KEY.encode(), told.encode(), "sha256").digest()
    return Trial.Arm.FIRST if drawn[0] < 128 else Trial.Arm.SECOND


def text_of(letter: Letter | None, slug: str, language: str) -> str:
    """What a letter says, the shipped one for None."""
    return letter.text if letter is not None else shipped(slug, WARNING, language)


def digest_of(text: str) -> str:
    """Hex sha256 of a letter."""
    return sha256(text.encode()).hexdigest()
