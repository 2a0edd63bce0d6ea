"""Asking for cases by words: an act that shows content, so it is written down; the words are not."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.holds import readable
from yoake.casework.cases.models import Case, Decision
from yoake.casework.cases.queries import cases_of, standing_decision
from yoake.casework.cases.search import LONGEST_QUESTION, Question, fields_of, narrow
from yoake.casework.cases.second import as_unjudged, judged_unseen
from yoake.casework.cases.trials import posts_on_trial
from yoake.casework.cases.waiting import ready_to_show
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

ROWS: Final = 30
LOOKED_AT: Final = 600  # cases that are compared with the question for one page
_BATCH: Final = 60
STATES: Final = ("waiting", "done")  # what a search may be restricted to


@dataclass(frozen=True)
class Found:
    """A case that answers."""

    case: Case
    standing: Decision | None  # the decision that holds, if it is decided and this person may know
    fields: dict[str, str]  # what was searched, by field
    places: dict[str, list[tuple[int, int]]]  # where the words stand, by field: code points


@dataclass(frozen=True)
class Answer:
    """A page of what was found, newest first."""

    found: list[Found]
    following: int  # the next page begins before this case; 0: there is none


def search(
    actor: Actor,
    asked: str,
    *,
    chosen: Filter,
    state: str = "",
    practice: bool = False,
    before: int = 0,
    now: datetime | None = None,
) -> Answer:
    """Cases of the actor's organisation that hold all the words, whatever became of them, newest first.

    Args:
        actor: who asks.
        asked: at most 200 characters; every word must stand in text, author, handle, address or a note of a case, in
            any disguise that folding undoes.
        chosen: what else must hold.
        state: waiting, done (decided or closed), "" for both.
        practice: on the practice desk.
        before: only cases older than this one (id), for the next page; 0: from the newest.
        now: the time; the clock's when left out.

    Raises:
        BadInput: the question is too long.
    """
    now = now or timezone.now()
    actor.must("read")
    if len(asked) > LONGEST_QUESTION:
        raise BadInput("question", asked, "at most 200 characters")
    question = Question.of(asked)
    if not question.plain:
        return Answer([], 0)
    cases = readable(chosen.narrow(cases_of(actor, practice=practice), actor, now), actor, now)
    cases = cases.exclude(post__in=posts_on_trial(actor))
    waits = Q(state=Case.State.WAITING) | Q(judged_unseen(actor))
    if state in STATES:
        cases = cases.filter(waits if state == "waiting" else ~waits)
    candidates = narrow(cases, asked).order_by("-pk").values_list("pk", flat=True)
    found: list[Found] = []
    looked, following = 0, 0
    while len(found) < ROWS and looked < LOOKED_AT:
        keys = list((candidates.filter(pk__lt=before) if before else candidates)[:_BATCH])
        batch = list(
            ready_to_show(Case.objects.filter(pk__in=keys)).prefetch_related("notes", "decisions").order_by("-pk")
        )
        judges = as_unjudged(actor, batch)
        for case in batch:
            before, looked = case.pk, looked + 1
            if (one := _answer(question, case, judges.get(case.pk, 0))) is not None:
                found.append(one)
            if len(found) == ROWS:
                break
        following = before if len(keys) == _BATCH or len(found) == ROWS else 0
        if not following:
            break
    with transaction.atomic():  # not around the looking: on SQLite that would keep every writer waiting
        record(
            "searched",
            actor=actor.name,
            organisation=actor.organisation_id or None,
            subject=f"organisation:{actor.organisation_id}",
            at=now,
            question=_digest(question),
            found=len(found),
            cases=_shown(found),
        )
    return Answer(found, following)


def _answer(question: Question, case: Case, judge: int) -> Found | None:
    """The case if it answers; `judge` is who judged it first where nothing of that may be seen, else 0."""
    post, version = case.post, case.post.current
    if version is None or post.erased_at is not None or post.stopped_at is not None:
        return None
    decisions = sorted(case.decisions.all(), key=lambda one: (one.at, one.pk))
    standing = None if case.state == Case.State.WAITING else standing_decision(decisions)
    fields = fields_of(post, version, (note.text for note in case.notes.all() if note.by_id != judge))
    places = question.places(fields)
    return Found(case, standing, fields, places) if places else None


def _shown(found: list[Found]) -> str:
    """Which cases were shown: whoever knows their numbers can prove it."""
    return sha256(",".join(str(one.case.pk) for one in found).encode()).hexdigest()[:32]


def _digest(question: Question) -> str:
    """Tells two questions apart without saying either."""
    words = " ".join(sorted(spellings[0] for spellings in question.folded))
    return hmac.digest(b"searched\0" + settings.SECRET_KEY.encode(), words.encode(), "sha256").hex()[:32]
