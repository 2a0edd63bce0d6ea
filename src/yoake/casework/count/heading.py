"""What stands above figures: whose they are, whether their period is over, and what most of their tables say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.utils.translation import get_language, gettext

from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.labels import IN_HOUSE
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation
from yoake.casework.wording.letters import head_of

_MOMENT: Final = "%Y-%m-%d %H:%M JST"


def whose(scope: Scope) -> str:
    """Whose figures: the organisation as it signs its letters in the language in force, or all of them."""
    if not scope.organisation_id:
        return gettext("all organisations of this deployment")
    head = head_of(scope.organisation_id)
    if head is not None:
        return head.name_en if (get_language() or "ja").startswith("en") else head.name_ja
    return Organisation.objects.get(pk=scope.organisation_id).name


def moment(scope: Scope) -> str:
    """When they were counted: 2024-06-03 10:00 JST."""
    return scope.now.astimezone(TOKYO).strftime(_MOMENT)


def is_over(scope: Scope) -> bool:
    """Whether nothing can happen any more in the period: it was counted to its end."""
    return scope.now >= scope.period.until


def unfinished(scope: Scope) -> str:
    """A sentence for a period that still runs; "" once it is over."""
    if is_over(scope):
        return ""
    return gettext("Counted until %(moment)s: the period is not over.") % {"moment": moment(scope)}


def in_common(tables: Sequence[Table]) -> list[str]:
    """The notes that most of a figure's tables have: they are said once, above them. What a note says of "this table" stays there."""
    said = Counter(note for table in tables for note in dict.fromkeys(str(note) for note in table.notes))
    return [note for note, n in said.items() if n > 1 and 2 * n > len(tables) and note != str(IN_HOUSE)]
