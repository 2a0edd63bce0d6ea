"""What the case page shows of legal advice."""

from __future__ import annotations

from typing import Any

from yoake.casework.cases.advice import QUESTION_LONGEST, advices_about
from yoake.casework.cases.queries import CaseView
from yoake.casework.people.queries import Actor


def on_case(actor: Actor, view: CaseView) -> dict[str, Any]:
    """What the case page shows of it."""
    case = view.case
    advices = advices_about(actor, case) if "advices" in view.beside else []
    free = case.post.erased_at is None and case.post.stopped_at is None and not case.practice
    return {
        "advices": advices,
        "may_ask_advice": free and actor.may("ask_advice") and all(advice.answered_at for advice in advices),
        "question_longest": QUESTION_LONGEST,
    }
