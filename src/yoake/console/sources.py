"""All sources at a glance, and adding one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import MISSING, Field, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_safe

from yoake import shelf
from yoake.casework.cases.categories import categories
from yoake.casework.cases.yields import decided_by_source
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.sources import plans
from yoake.casework.sources.actions import NAME_LONGEST, add_source, lacks_permission
from yoake.casework.sources.models import Source
from yoake.casework.sources.queries import counts_of_all, sources_of
from yoake.collect import connectors
from yoake.collect.connector import Searches
from yoake.console.inbox import SourceNow, source_now
from yoake.console.page import page, staff_page
from yoake.console.words import TOKYO, sentence, told
from yoake.errors import BadInput, Refused

NAMES_KEY = re.compile(r"name of (?:the|a) secret", re.IGNORECASE)  # as the options of connectors say it


@dataclass(frozen=True)
class SourceRow:
    """How a source is and what it brought today."""

    now: SourceNow
    rate: str  # posts a second, over the last one to two hours
    posts: str  # read today
    queued: str
    decided: int  # of its cases today, in scope or not
    in_scope: int
    unreadable: int
    todo: str  # what a person must do: permission, resume, switch_on, start; "" for nothing


@dataclass(frozen=True)
class Offer:
    """A connector that the console can add a source of."""

    name: str
    title: str
    about: str  # first line of its docstring, English
    restricted: str  # what its service restricts, "" for nothing
    job_board: bool
    searches: bool


@dataclass(frozen=True)
class Setting:
    """A field of a connector's options, as a form shows it."""

    name: str
    kind: str  # text, number, yes_no, list
    value: Any
    help: str  # from the options' docstring, English
    required: bool
    names_key: bool  # holds the name of a secret, never the secret


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list."""
    rows = source_rows(actor, timezone.now())
    return page(
        request,
        actor,
        "yoake/sources.html",
        {
            "place": "sources",
            "rows": [row for row in rows if not row.now.source.practice],
            "practice_rows": [row for row in rows if row.now.source.practice],
            "todo": sum(bool(row.todo) for row in rows),
            "may_change": actor.may("sources"),
        },
    )


@require_safe
@staff_page
def choose(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The connectors that can be added here."""
    actor.must("sources")
    names = shelf.names(connectors)
    of_files = [name for name in names if reads_files(shelf.take(connectors, name))]
    context = {
        "place": "sources",
        "offers": [offer_of(name) for name in names if name not in of_files],
        "of_files": of_files,
    }
    return page(request, actor, "yoake/source_choose.html", context)


@require_http_methods(["GET", "POST"])
@staff_page
def add(request: HttpRequest, actor: Actor, connector: str) -> HttpResponse:
    """The settings of a new source."""
    actor.must("sources")
    kind = shelf.take(connectors, connector)
    if reads_files(kind):  # whoever has the server's command line adds them: no page can read its disk
        raise Refused(gettext("files are read from the command line: yoake patrol"))
    problem = field = ""
    given: dict[str, Any] = {}
    name = request.POST.get("name", "").strip()
    if request.method == "POST":
        given = _given(request, settings_of(kind.Options))
        try:
            source = add_source(
                actor,
                Organisation.objects.get(pk=actor.organisation_id),
                connector,
                name=name,
                options=given,
                practice=connector == "practice",
            )
        except (BadInput, Refused) as error:
            problem, field = sentence(error), getattr(error, "field", "")
        else:
            if (plan := plans.plan_of(source)) is not None:  # so that people see at once what will be searched for
                plans.refresh(plan, categories(), timezone.now())
            if source.enabled:
                said = gettext("%(source)s is added and is patrolled within a few seconds.")
            else:
                said = gettext("%(source)s is added and stays off: record the permission of its service first.")
            messages.success(request, said % {"source": source.name})
            return redirect("source", source_id=source.pk)
    context = {
        "place": "sources",
        "offer": offer_of(connector),
        "settings": settings_of(kind.Options, given),
        "name": name or free_name(connector),
        "name_longest": NAME_LONGEST,
        "secrets": settings.ENVIRONMENT.data / "secrets",
        "problem": problem,
        "wrong_field": field.removeprefix("option ").partition(" ")[0],
    }
    return page(request, actor, "yoake/source_add.html", context, status=400 if problem else 200)


def reads_files(kind: Any) -> bool:
    """Whether a connector reads files of the server."""
    return not kind.live and any(field.name == "path" for field in fields(kind.Options))


def source_rows(actor: Actor, now: datetime) -> list[SourceRow]:
    """How every source of the actor's organisation is; only a restricted one costs queries of its own."""
    sources = list(sources_of(actor))
    hours = (now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    midnight = now.astimezone(TOKYO).replace(hour=0, minute=0, second=0, microsecond=0)
    recent, today = counts_of_all(sources, hours), counts_of_all(sources, midnight)
    decided = decided_by_source([source.pk for source in sources], midnight)
    rows = [
        _row(source, recent[source.pk], today[source.pk], decided[source.pk], hours, now, midnight)
        for source in sources
    ]
    return sorted(rows, key=lambda row: not row.todo)  # what needs a person stands first


def _row(
    source: Source,
    recent: Counter[str],
    today: Counter[str],
    decided: Counter[str],
    hours: datetime,
    now: datetime,
    midnight: datetime,
) -> SourceRow:
    shown = source_now(source, today, midnight, now)
    seconds = max((now - max(hours, source.added_at)).total_seconds(), 1.0)
    todo = ""
    if lacks_permission(source.organisation_id, source.connector):
        todo = "permission"
    elif source.enabled and source.state == Source.State.PAUSED:
        todo = "resume"
    elif shown.state == "quiet":
        todo = "look"
    return SourceRow(
        shown,
        rate_text(recent["posts"] / seconds),
        shown.posts,
        shown.queued,
        decided["in_scope"] + decided["not_in_scope"],
        decided["in_scope"],
        shown.skipped,
        todo,
    )


def rate_text(per_s: float) -> str:
    """Posts a second, with as many digits as say something."""
    if per_s == 0:
        return "0"
    if per_s < 0.01:
        return "< 0.01"
    return f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.1f}" if per_s >= 1 else f"{per_s:.2f}"


def offer_of(name: str) -> Offer:
    """A connector in words."""
    kind = shelf.take(connectors, name)
    return Offer(
        name,
        told(kind.title),
        (kind.__doc__ or "").strip().partition("\n")[0],
        told(getattr(kind, "restricted", None)),
        bool(getattr(kind, "job_board", False)),
        isinstance(kind(), Searches),
    )


def free_name(connector: str) -> str:
    """A name for a new source that no other has."""
    taken = set(Source.objects.filter(name__startswith=connector).values_list("name", flat=True))
    numbered = (connector if n == 1 else f"{connector}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)


def settings_of(options: Any, given: dict[str, Any] | None = None) -> list[Setting]:
    """The settings of a connector with what was entered, or else their defaults."""
    helps, given = helps_of(options.__doc__ or ""), given or {}
    return [_setting(field, helps.get(field.name, ""), given) for field in fields(options)]


def helps_of(docstring: str) -> dict[str, str]:
    """What the section `Args:` of a docstring says of each name."""
    helps: dict[str, str] = {}
    name, inside = "", False
    for line in docstring.splitlines():
        if line.strip() == "Args:":
            inside = True
        elif inside and (found := re.match(r"\s*(\w+)(?: \([^)]*\))?: (.*)", line)):
            name = found[1]
            helps[name] = found[2].strip()
        elif inside and name and line.strip():
            helps[name] += " " + line.strip()
    return helps


def _setting(field: Field[Any], said: str, given: dict[str, Any]) -> Setting:
    kind = str(field.type)
    shown = {"int": "number", "float": "number", "bool": "yes_no"}.get(kind, "list" if "tuple" in kind else "text")
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    value = given.get(field.name, "" if default is MISSING else default)
    if shown == "list" and not isinstance(value, str):
        value = "\n".join(map(str, value))
    required = field.default is MISSING and field.default_factory is MISSING
    return Setting(field.name, shown, value, said, required, bool(NAMES_KEY.search(said)))


def _given(request: HttpRequest, known: Iterable[Setting]) -> dict[str, Any]:
    """What was entered; a field that was left empty keeps its default."""
    given: dict[str, Any] = {}
    for setting in known:
        entered = request.POST.get(setting.name, "").strip()
        if setting.kind == "yes_no":
            given[setting.name] = entered == "1"
        elif setting.kind == "list":
            given[setting.name] = tuple(line.strip() for line in entered.splitlines() if line.strip())
        elif entered or (setting.kind == "text" and not setting.required):
            given[setting.name] = entered
    return given
