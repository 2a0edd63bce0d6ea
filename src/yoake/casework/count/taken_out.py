"""The line of audit for figures that left as a file: which, of which period, in which form. Figures hold no words of posts."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from yoake.casework.audit.actions import record
from yoake.casework.count.periods import Period
from yoake.casework.people.queries import Actor


def note_taken_out(
    actor: Actor, form: str, period: Period, figure: str = "", *, published: bool = False, now: datetime | None = None
) -> None:
    """Says that figures of a period left as a file of this form; `figure` "": all that stand on its page.

    Raises NotAllowed: the actor may not read.
    """
    actor.must("read")
    with transaction.atomic():
        record(
            "figures_exported",
            actor=actor.name,
            organisation=actor.organisation_id or None,
            subject=f"organisation:{actor.organisation_id}",
            at=now,
            format=form,
            period=period.key,
            figure=figure,
            published=published,
        )
