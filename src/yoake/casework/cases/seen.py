"""That somebody saw what a case holds; what is invented for practice is not noted."""

from __future__ import annotations

from collections.abc import Iterable

from yoake.casework.audit.actions import note_views
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor


def note_seen(actor: Actor, case: Case, kind: str = "case_viewed") -> None:
    """Notes that a person looks at a case (case_viewed) or at what surrounds it (context_viewed), once in ten minutes.

    Call it before anything is shown and outside of a transaction.
    """
    note_all_seen(actor, [case], kind)


def note_all_seen(actor: Actor, cases: Iterable[Case], kind: str = "case_viewed") -> None:
    """The same of all cases of which a page shows words; as many queries for one as for fifty."""
    subjects = [f"case:{case.pk}" for case in cases if not case.practice]
    if actor.user_id and subjects:
        note_views(kind, actor=actor.name, subjects=subjects, organisation=actor.organisation_id or None)
