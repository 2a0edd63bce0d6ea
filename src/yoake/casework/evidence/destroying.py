"""Destroying evidence: its key first, in the transaction of the act, then what lies beside the database."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from yoake.casework.evidence.boxes import remove_boxes
from yoake.casework.evidence.keys import relist
from yoake.casework.evidence.models import Evidence

State = Evidence.State


def destroy(row: Evidence, why: str, now: datetime) -> None:
    """Destroys the key of evidence, in its row and in the list, and its files; call it in the transaction of the act.

    The row and the list are overwritten. Until the files are removed `due_at` asks for it: a worker that is killed in
    between leaves what nobody can read.
    """
    row.state, row.key, row.master = State.ERASED, b"", ""
    row.erased_at, row.erased_why = now, why
    row.fetched, row.versions, row.digest, row.stamped_by = {}, [], "", ""
    row.ask_at = row.fetched_at = row.sealed_at = row.stamped_at = row.decision = None
    row.due_at, row.claimed_until, row.attempts, row.problem = now, None, 0, ""
    row.save()
    transaction.on_commit(lambda: clean(row), robust=True)  # what fails here is done by the worker


def clean(row: Evidence) -> None:
    """Removes what a destroyed key leaves outside of the database; the row stays, without content."""
    relist(row)
    remove_boxes(row)
    Evidence.objects.filter(pk=row.pk, state=State.ERASED).update(due_at=None, claimed_until=None, problem="")
