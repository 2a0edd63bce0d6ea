"""Objections as people see them: the queue with its clock, and those of one case."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from yoake.casework.appeal.models import Appeal
from yoake.casework.cases.holds import readable
from yoake.casework.cases.models import Case
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput

# Whose it is, and what became of it.
UNPROVED: Final = "unproved"  # says that it is the author's; the code was not seen yet
AUTHORS: Final = "authors"
NOTE: Final = "note"  # somebody else's, or never proved
DONE: Final = "done"


def stands(appeal: Appeal, now: datetime | None = None) -> str:
    """Where an objection stands, one of the words above."""
    if appeal.outcome:
        return DONE
    if appeal.proved_at is not None:
        return AUTHORS
    waits = appeal.prove_by is not None and appeal.prove_by > (now or timezone.now())
    return UNPROVED if waits else NOTE


def whose(item: OutboxItem) -> set[int]:
    """The people whose letter it is: who drafted it (that is, asked for it), approved it, or carried it out."""
    return {one for one in (item.drafted_by_id, item.approved_by_id, item.second_by_id, item.sent_by_id) if one}


def appeals_waiting(actor: Actor, now: datetime | None = None) -> list[Appeal]:
    """The queue: proved ones first, then by their clock."""
    actor.must("read")
    waiting = _mine(actor, now or timezone.now()).filter(outcome="").order_by("decide_by", "pk")
    return sorted(waiting, key=lambda one: one.proved_at is None)


def appeals_done(actor: Actor, limit: int = 50, now: datetime | None = None) -> list[Appeal]:
    """Those that were answered, the newest first."""
    actor.must("read")
    return list(_mine(actor, now or timezone.now()).exclude(outcome="").order_by("-decided_at", "-pk")[:limit])


def appeals_about(actor: Actor, case: Case) -> list[Appeal]:
    """Those of one case, the newest first."""
    actor.must("read")
    rows = Appeal.objects.filter(organisation_id=actor.organisation_id, case=case)
    return list(rows.select_related("item", "by").order_by("-pk"))


def appeal_of(actor: Actor, appeal_id: int, now: datetime | None = None) -> Appeal:
    """One objection. Raises BadInput when the actor's organisation has no such one, or another body holds its post now."""
    actor.must("read")
    found = _mine(actor, now or timezone.now()).filter(pk=appeal_id).first()
    if found is None:
        raise BadInput("appeal", appeal_id, "there is no such objection in your organisation")
    return found


def _mine(actor: Actor, now: datetime) -> QuerySet[Appeal]:
    rows = Appeal.objects.filter(organisation_id=actor.organisation_id)
    shown = readable(Case.objects.filter(organisation_id=actor.organisation_id), actor, now)
    rows = rows.filter(Exists(shown.filter(pk=OuterRef("case_id"))))
    return rows.select_related("item", "case", "case__post", "case__post__account", "by", "proved_by")
