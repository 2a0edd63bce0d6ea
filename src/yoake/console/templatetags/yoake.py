"""What `console/words.py` says, as template filters of the same names."""

from __future__ import annotations

import json

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from yoake.casework.cases.categories import is_record_only
from yoake.casework.cases.models import Decision
from yoake.casework.people.models import User
from yoake.console import words
from yoake.console.case import ModelAnswer
from yoake.console.devices import browser_name
from yoake.console.holds import app_name, hold_kind_name
from yoake.console.leases import how_it_ended
from yoake.console.marks import Reason
from yoake.console.palette import KEYS, Key, page_commands
from yoake.console.urgent import minutes_ago

register = template.Library()

for say in (
    app_name,
    browser_name,
    hold_kind_name,
    how_it_ended,
    is_record_only,
    minutes_ago,
    words.age,
    words.bounded,
    words.category_name,
    words.class_name,
    words.clock,
    words.detector_kind,
    words.detector_name,
    words.field_name,
    words.gone_name,
    words.grade_name,
    words.hour_minute,
    words.is_at_risk,
    words.network_name,
    words.problem_text,
    words.score,
    words.searched_field_name,
    words.skipped_name,
    words.verdict_name,
):
    register.filter(say.__name__, say)


@register.filter
def called(user: User) -> str:
    """What colleagues call somebody."""
    return user.get_full_name() or user.username


@register.filter
def cue_name(reason: Reason) -> str:
    """The role the words play."""
    return words.cue_name(reason.category, reason.cue)


@register.filter
def verdict_in_full(decision: Decision | ModelAnswer) -> str:
    """The verdict, with the category when there is one."""
    loaded = decision._state.fields_cache.get("case") if isinstance(decision, Decision) else None
    return words.verdict_in_full(decision.verdict, decision.category, at_risk=loaded is not None and loaded.at_risk)


@register.filter
def verdict_class(decision: Decision | ModelAnswer) -> str:
    """What its mark is drawn by: the verdict, and whether it is about a person who needs help, never an offender."""
    return f"{decision.verdict} at-risk" if words.is_at_risk(decision.category) else decision.verdict


@register.simple_tag
def key_groups() -> list[tuple[str, tuple[Key, ...]]]:
    """Every key there is, in groups."""
    return [(str(title), keys) for title, keys in KEYS]


@register.simple_tag
def command_list() -> str:
    """The commands that pages may have, as JSON for the palette."""
    return json.dumps(page_commands(), ensure_ascii=False)


@register.filter
def unbroken(text: str) -> SafeString:
    """A date inside a sentence, as HTML that no line ends within: browsers would break it at its hyphens."""
    return format_html('<span class="unbroken">{}</span>', text)


@register.filter
def with_code(text: str) -> SafeString:
    """A text in which `names` stand in backticks, as HTML."""
    parts = text.split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(parts))
    )
