"""What `console/words.py` says, as template filters of the same names."""

from __future__ import annotations

from django import template

from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.models import Decision
from yoake.casework.sources.models import Source
from yoake.console import words
from yoake.console.case import ModelAnswer
from yoake.console.marks import Reason

register = template.Library()

for say in (
    is_record_only,
    words.age,
    words.category_name,
    words.class_name,
    words.clock,
    words.detector_name,
    words.field_name,
    words.gone_name,
    words.grade_name,
    words.hour_minute,
    words.is_at_risk,
    words.network_name,
    words.score,
    words.skipped_name,
    words.verdict_name,
):
    register.filter(say.__name__, say)


@register.filter
def cue_name(reason: Reason) -> str:
    """The role the words play."""
    return words.cue_name(reason.category, reason.cue)


@register.filter
def verdict_in_full(decision: Decision | ModelAnswer) -> str:
    """The verdict, with the category when there is one."""
    return words.verdict_in_full(decision.verdict, decision.category)


@register.filter
def problem_of(source: Source) -> str:
    """Why a source waits or is paused, in the reader's language where the catalogue has it."""
    return words.plain_sentence(source.problem)
