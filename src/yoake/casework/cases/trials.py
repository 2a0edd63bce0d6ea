"""Copies of cases whose answer is known, each before one person (`quality/gold.py`): to that person a case like any other.

`Case.objects` leaves them out, so nobody counts, finds, folds or learns from one. Where a person meets their own queue
they are taken in by `cases_before`; an action that judges refuses them (`must_be_real`), and quality takes the answer.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor
from yoake.errors import Refused


def cases_before(actor: Actor) -> QuerySet[Case]:
    """The cases of the actor's organisation, with the copies that are before this person."""
    mine = Q(gold_for=None) | Q(gold_for_id=actor.user_id) if actor.user_id else Q(gold_for=None)
    return Case.everything.filter(mine, organisation_id=actor.organisation_id)


def posts_on_trial(actor: Actor) -> QuerySet[Case, int]:
    """The posts of copies that wait before this person (keys): whoever finds the original learns that it is one."""
    waiting = Case.everything.filter(gold_for_id=actor.user_id or None, state=Case.State.WAITING)
    return waiting.exclude(gold_for=None).values_list("post_id", flat=True)


def must_be_real(case: Case) -> None:
    """Raises Refused for a copy: what is done to it would act on nothing, and look as if it had."""
    if case.gold_for_id is not None:
        raise Refused("this case has a known answer; only a judgement on its page is taken")
