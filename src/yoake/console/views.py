"""Ways to look at the inbox: the filter form and its words, and the views that people saved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, pgettext
from django.views.decorators.http import require_POST

from yoake.casework.cases.categories import categories
from yoake.casework.cases.filters import ME, NOBODY, NONE, YES, Filter, classes_today
from yoake.casework.cases.models import SavedView
from yoake.casework.cases.saved_views import delete_view, may_change, rename_view, save_view, views_of
from yoake.casework.people.queries import Actor, colleagues
from yoake.casework.sources.queries import sources_of_desk
from yoake.console.page import refused, staff_page
from yoake.console.words import category_name, class_name, grade_name, sentence
from yoake.detect.text.extraction import prefectures
from yoake.errors import BadInput, Refused

AGES = {
    "new": gettext_lazy("came within the last hour"),
    "1h": gettext_lazy("has waited an hour or longer"),
    "1d": gettext_lazy("has waited a day or longer"),
    "3d": gettext_lazy("has waited three days or longer"),
    "7d": gettext_lazy("has waited a week or longer"),
}
FLAGS = {
    "overdue": gettext_lazy("overdue"),
    "edited": gettext_lazy("edited"),
    "hand": gettext_lazy("added by hand"),
}


@dataclass(frozen=True)
class Choice:
    """One select of the form."""

    name: str
    label: str
    options: list[tuple[str, str]]  # value, words
    chosen: str

    @property
    def said(self) -> str:
        """What was chosen, in words; "" when nothing was."""
        return dict(self.options).get(self.chosen, self.chosen)


@dataclass(frozen=True)
class ViewChip:
    """A saved view as a chip."""

    view: SavedView
    query: str
    current: bool
    may_change: bool
    by: str  # whose it is, "" for one's own


def choices(actor: Actor, chosen: Filter, *, practice: bool, now: datetime) -> list[Choice]:
    """The selects of the filter form, each with what may be asked for."""
    known = categories()
    none = pgettext("filter", "none")
    named = sorted((slug for slug in known), key=lambda slug: (known[slug].record_only, not known[slug].at_risk, slug))
    asked: list[tuple[str, str, list[tuple[str, str]]]] = [
        ("category", gettext("Category"), [*((s, category_name(s)) for s in named), (NONE, gettext("no finding"))]),
        ("hotline_class", gettext("Class"), [(name, class_name(name)) for name in classes_today(now)]),
        ("prefecture", gettext("Prefecture"), [*((name, name) for name in prefectures()), (NONE, none)]),
        (
            "source",
            gettext("Source"),
            [
                *((str(one.pk), one.name) for one in sources_of_desk(actor, practice=practice)),
                (NONE, gettext("added by hand")),
            ],
        ),
        ("age", gettext("Age"), [(name, str(said)) for name, said in AGES.items()]),
        ("grade", gettext("Grade"), [*((g, grade_name(g)) for g in ("high", "mid", "low")), (NONE, none)]),
        (
            "assignee",
            gettext("Assigned to"),
            [
                (ME, gettext("me")),
                (NOBODY, gettext("nobody")),
                *((str(key), name) for key, name in colleagues(actor).items()),
            ],
        ),
    ]
    return [Choice(name, label, options, getattr(chosen, name)) for name, label, options in asked]


def in_words(chosen: Filter, selects: list[Choice]) -> list[tuple[str, str]]:
    """What a filter asks for, one pair each: the words, and the address without it."""
    told = {choice.name: choice.said for choice in selects} | {name: str(said) for name, said in FLAGS.items()}
    without = {name: Filter.of({k: v for k, v in chosen.values.items() if k != name}) for name in chosen.values}
    return [(told.get(name, value), without[name].query) for name, value in chosen.values.items()]


def asked_in_words(actor: Actor, chosen: Filter, *, practice: bool) -> str:
    """What a filter asks for, in a line; "" when it asks for nothing."""
    if not chosen:
        return ""
    selects = choices(actor, chosen, practice=practice, now=timezone.now())
    return "、".join(words for words, _without in in_words(chosen, selects))


def chips(actor: Actor, chosen: Filter) -> list[ViewChip]:
    """The saved views; the current one is the one that asks the same."""
    told = []
    for view in views_of(actor):
        asks = Filter.of(view.filters)
        by = "" if view.user_id == actor.user_id else view.user.get_full_name() or view.user.username
        told.append(ViewChip(view, asks.query, bool(chosen) and asks == chosen, may_change(actor, view), by))
    return told


@require_POST
@staff_page
def save(request: HttpRequest, actor: Actor, desk: str) -> HttpResponse:
    """Keeps the filter that is shown under a name."""
    asked = Filter.of_query(request.POST.get("view", ""))
    try:
        view = save_view(actor, request.POST.get("name", ""), asked.values, shared=request.POST.get("shared") == YES)
    except (BadInput, Refused) as error:
        return refused(request, sentence(error), status=409)
    messages.success(request, gettext("The view “%(name)s” is saved.") % {"name": view.name})
    return _back(desk, asked)


@require_POST
@staff_page
def change(request: HttpRequest, actor: Actor, desk: str, view_id: int) -> HttpResponse:
    """Renames or deletes a view."""
    asked = Filter.of_query(request.POST.get("view", ""))
    try:
        if request.POST.get("do") == "delete":
            delete_view(actor, view_id)
            messages.success(request, gettext("The view is deleted; the cases are as they were."))
        else:
            rename_view(actor, view_id, request.POST.get("name", ""))
            messages.success(request, gettext("The view has a new name."))
    except (BadInput, Refused) as error:
        return refused(request, sentence(error), status=409)
    return _back(desk, asked)


def _back(desk: str, asked: Filter) -> HttpResponse:
    address = reverse("desk", kwargs={"desk": desk})
    return redirect(f"{address}?{asked.query}" if asked else address)
