"""Every key there is, for the cheat sheet and the palette; and what the palette finds: screens, saved views, cases by number.

A command of a page is offered only where the page draws it, and the page draws what the server allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop, override
from django.views.decorators.http import require_safe

from yoake.casework.cases.queries import cases_of
from yoake.casework.cases.saved_views import views_of
from yoake.casework.people.queries import Actor
from yoake.console.page import number, staff_page
from yoake.console.words import category_name

CASES_FOUND = 5


@dataclass(frozen=True)
class Key:
    """A key and what it does; `keys` are those of `data-keys`, each enough; `shown` is what the cheat sheet prints."""

    keys: str
    does: str
    shown: str = ""

    @property
    def said(self) -> str:
        """What it does, in the reader's language."""
        return gettext(self.does)

    @property
    def printed(self) -> list[str]:
        """The keys one by one."""
        return (self.shown or self.keys).split(" ")


KEYS: tuple[tuple[Any, tuple[Key, ...]], ...] = (
    (
        gettext_lazy("Everywhere"),
        (
            Key("", gettext_noop("find a command, a screen, a view or a case"), "Ctrl+K"),
            Key("?", gettext_noop("show the keys")),
            Key("u", gettext_noop("undo")),
            Key("a", gettext_noop("add a post by hand")),
        ),
    ),
    (
        gettext_lazy("Inbox"),
        (
            Key("", gettext_noop("next, previous row"), "j k"),
            Key("", gettext_noop("open"), "Enter"),
            Key("f", gettext_noop("filter")),
            Key("/", gettext_noop("search")),
        ),
    ),
    (
        gettext_lazy("Judging a case"),
        (
            Key("", gettext_noop("not in scope, recorded at once"), "Shift+N"),
            Key("1", gettext_noop("in scope"), "1 i"),
            Key("2", gettext_noop("not in scope"), "2 n"),
            Key("3", gettext_noop("cannot tell"), "3 c"),
            Key("4", gettext_noop("duplicate")),
            Key("", gettext_noop("tick an element, with the words you selected or those proposed"), "5 … 0 - ;"),
            Key("", gettext_noop("record"), "Enter Ctrl+Enter"),
            Key("r", gettext_noop("write the reason")),
            Key("m", gettext_noop("write a note")),
            Key("y", gettext_noop("the author may be under 18, or not")),
            Key("s", gettext_noop("skip the case")),
            Key("h", gettext_noop("hand the case on")),
            Key("x", gettext_noop("stop: this must not be held")),
            Key("e", gettext_noop("30 minutes more")),
        ),
    ),
    (
        gettext_lazy("Reading a case"),
        (
            Key("j", gettext_noop("next case")),
            Key("k", gettext_noop("previous case")),
            Key("b", gettext_noop("back to the inbox")),
            Key("g", gettext_noop("compare with the posts that say nearly the same")),
            Key("t", gettext_noop("into the text of the post")),
            Key("", gettext_noop("there: move by characters, with Shift select"), "← →"),
            Key("o", gettext_noop("open the original")),
            Key("v", gettext_noop("show a veiled post")),
            Key("w", gettext_noop("warn by reply")),
        ),
    ),
    (
        gettext_lazy("Outgoing"),
        (
            Key("", gettext_noop("approve"), "Enter"),
            Key("d", gettext_noop("discard the draft")),
            Key("n", gettext_noop("the next to approve")),
        ),
    ),
)

# Address, desk, words, permission.
_SCREENS: tuple[tuple[str, str, str, str], ...] = (
    ("desk", "live", gettext_noop("Live desk"), "read"),
    ("desk", "practice", gettext_noop("Practice desk"), "read"),
    ("add", "", gettext_noop("Add by hand"), "add"),
    ("checks", "", gettext_noop("To check by hand"), "read"),
    ("received", "", gettext_noop("Received"), "read"),
    ("search", "", gettext_noop("Search"), "read"),
    ("reviews", "", gettext_noop("Second judgement"), "decide"),
    ("own_decisions", "", gettext_noop("My decisions"), "decide"),
    ("sources", "", gettext_noop("Sources"), "read"),
    ("statistics_morning", "", gettext_noop("Statistics"), "read"),
    ("quality", "", gettext_noop("Quality"), "read"),
    ("wording", "", gettext_noop("Letters and words"), "read"),
    ("sending", "", gettext_noop("Sending"), "read"),
    ("outgoing", "", gettext_noop("Outgoing"), "read"),
    ("reports", "", gettext_noop("Reports"), "read"),
    ("registers", "", gettext_noop("Registers"), "read"),
    ("holds", "", gettext_noop("Hands off"), "hold"),
    ("people", "", gettext_noop("People"), "people"),
    ("audit", "", gettext_noop("Audit"), "audit"),
    ("wellbeing", "", gettext_noop("My day"), "read"),
    ("undecided_evidence", "", gettext_noop("Captured and undecided"), "evidence"),
    ("retention", "", gettext_noop("Retention and removal"), "retain"),
    ("mfa_index", "", gettext_noop("Security"), "read"),
    ("account_change_password", "", gettext_noop("Change password"), "read"),
)


def page_commands() -> list[dict[str, str]]:
    """The commands of pages, in both languages; the script offers those whose key the page has."""
    return [
        {**_named(key.does), "key": key.keys, "shown": key.printed[0]}
        for _group, keys in (*KEYS[1:], KEYS[0])  # the page's own first: Enter at once must not lead away from it
        for key in keys
        if key.keys and key.keys != "?"
    ]


@require_safe
@staff_page
def find(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Screens and views (without a question), or the cases whose number begins the question."""
    asked = request.GET.get("q", "").strip().lstrip("#")
    items: list[dict[str, str]] = []
    if asked:
        if wanted := number(asked):
            for case in _numbered(actor, wanted):
                label = gettext("Case %(number)s") % {"number": case[0]}
                items.append({"label": f"{label} · {category_name(case[1])}", "href": reverse("case", args=[case[0]])})
        searched = gettext("Search in all cases: %(words)s") % {"words": asked[:60]}
        items.append({"label": searched, "href": f"{reverse('search')}?{urlencode({'q': asked[:200]})}"})
    else:
        for name, desk, said, permission in _SCREENS:
            if actor.may(permission):
                items.append({**_named(said), "href": reverse(name, kwargs={"desk": desk} if desk else {})})
        for view in views_of(actor):
            items.append(
                {
                    "label": view.name,
                    "note": gettext("view"),
                    "href": f"{reverse('desk', kwargs={'desk': 'live'})}?{urlencode(view.filters)}",
                }
            )
    return JsonResponse({"items": items})


def _numbered(actor: Actor, wanted: int) -> list[tuple[int, str]]:
    """The case of this number, and those of ten times it: what somebody may still be typing."""
    found: list[tuple[int, str]] = []
    for practice in (False, True):
        mine = cases_of(actor, practice=practice)
        found += mine.filter(pk=wanted).values_list("pk", "category")
        found += mine.filter(pk__gte=wanted * 10, pk__lt=wanted * 10 + 10).order_by("pk").values_list("pk", "category")
    return found[:CASES_FOUND]


def _named(said: str) -> dict[str, str]:
    other = "ja" if (get_language() or "ja").startswith("en") else "en"
    with override(other):
        also = gettext(said)
    return {"label": gettext(said), "also": also}
