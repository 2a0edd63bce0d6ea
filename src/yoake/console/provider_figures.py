"""How a provider answered so far, for its page in the registers and for whoever writes to it."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext_lazy

from yoake.casework.people.queries import Actor
from yoake.casework.request.figures import HANDFUL, Answering, answering

KINDS: Final = {
    "removal": pgettext_lazy("request", "Removal of the post"),
    "suspension": pgettext_lazy("request", "Suspension of the account"),
    "preservation": pgettext_lazy("request", "Preservation of records"),
    "disclosure": pgettext_lazy("request", "Inquiry about the author"),
}
_ROWS: Final = {
    "answered": gettext_lazy("Answered"),
    "refused": gettext_lazy("Refused"),
    "said_removed": gettext_lazy("They say: removed or done"),
    "removed": gettext_lazy("A check found it gone"),
    "silent": gettext_lazy("No answer in time"),
    "waits": gettext_lazy("Still in time"),
}


def figures_context(actor: Actor, slug: str) -> dict[str, Any]:
    """What provider_figures.html shows: a column a kind of request; none while nothing was asked of this provider."""
    rows = answering(actor, slug)
    told = [
        (gettext("Sent"), [str(one.asked) for one in rows]),
        (gettext("Median time to an answer"), [_took(one.hours) for one in rows]),
        *((str(label), [_figure(one, getattr(one, name)) for one in rows]) for name, label in _ROWS.items()),
    ]
    return {
        "figures_of": [str(KINDS.get(one.kind, one.kind)) for one in rows],
        "figures": told if rows else [],
        "figures_few": any(not one.enough for one in rows),
        "handful": HANDFUL,
    }


def _figure(one: Answering, n: int) -> str:
    """The count, and its share only where there are enough for one."""
    return gettext("%(n)d (%(percent)d%%)") % {"n": n, "percent": one.percent(n)} if one.enough and n else str(n)


def _took(hours: float | None) -> str:
    if hours is None:
        return "—"
    if hours < 48:
        n = max(1, round(hours))
        return ngettext("%d hour", "%d hours", n) % n
    n = round(hours / 24)
    return ngettext("%d day", "%d days", n) % n
