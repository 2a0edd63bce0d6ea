"""What every action on a case begins and ends with: the locked case, the person, the audit line."""

from __future__ import annotations

from datetime import datetime

from yoake.casework.audit.actions import record
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.trials import cases_before
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput, Refused


def locked(actor: Actor, case_id: int) -> Case:
    """The case, with its post and itself locked, in the order everybody locks: so two bodies never pass at once.

    Raises BadInput when the actor's organisation has no such case.
    """
    mine = cases_before(actor).filter(pk=case_id)
    post_id = mine.values_list("post_id", flat=True).first()
    if post_id is not None:
        Post.objects.select_for_update(of=("self",)).filter(pk=post_id).first()
    case = mine.select_for_update(of=("self",)).select_related("post").first()
    if case is None:
        raise BadInput("case", case_id, "there is no such case in your organisation")
    return case


def person(actor: Actor) -> int:
    """The acting person's id. Raises Refused for a part of the system."""
    if not actor.user_id:
        raise Refused("only a person can do this")
    return actor.user_id


def organisation(actor: Actor) -> int:
    """The id of the actor's organisation. Raises Refused for somebody without one."""
    if not actor.organisation_id:
        raise Refused("only somebody of an organisation can do this")
    return actor.organisation_id


def note(kind: str, actor: Actor, case: Case, now: datetime, **facts: str | int | bool | None) -> None:
    """One audit line about the case; call it last, its lock is everybody's."""
    record(
        kind, actor=actor.name, organisation=actor.organisation_id or None, subject=f"case:{case.pk}", at=now, **facts
    )
