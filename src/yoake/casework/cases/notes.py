"""What colleagues write beside a case, and the flag that its author seems to be under 18."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone

from yoake.casework.cases.acting import locked, note, person
from yoake.casework.cases.folds import come_out
from yoake.casework.cases.keeping import plan_erasure
from yoake.casework.cases.models import Case, Note
from yoake.casework.cases.search import index_case
from yoake.casework.people.queries import Actor
from yoake.collect.clean import storable
from yoake.errors import BadInput, Refused

NOTE_LONGEST: Final = 2000  # code points


def add_note(actor: Actor, case_id: int, text: str, now: datetime | None = None) -> Note:
    """Writes a note beside a case; it goes with the post's words.

    Raises BadInput for an empty or too long one, Refused when the words of the post are gone already.
    """
    now = now or timezone.now()
    actor.must("note")
    text = storable(text.strip(), [])
    if not text:
        raise BadInput("note", "", "a few words for colleagues")
    if len(text) > NOTE_LONGEST:
        raise BadInput("note", text, f"at most {NOTE_LONGEST} characters")
    with transaction.atomic():
        case = locked(actor, case_id)
        if case.post.erased_at is not None:
            raise Refused("the post was erased, and notes go with it; nothing more can be written beside it")
        written = Note.objects.create(case=case, by_id=person(actor), at=now, text=text)
        index_case(case)
        note("noted", actor, case, now, note=written.pk)
    return written


def mark_minor(actor: Actor, case_id: int, minor: bool, now: datetime | None = None) -> Case:
    """Sets or clears the sign that the author is under 18; saying what is said already changes nothing.

    Whoever clears a sign that is not their own does not judge such a case alone (`second.needs_second`).
    """
    now = now or timezone.now()
    actor.must("decide")
    with transaction.atomic():
        case = locked(actor, case_id)
        if case.minor != minor:
            person(actor)
            case.minor = minor
            case.save(update_fields=["minor"])
            come_out(case)
            plan_erasure(case.post, now)  # kept for a shorter time
            note("minor_set" if minor else "minor_cleared", actor, case, now)
    return case
