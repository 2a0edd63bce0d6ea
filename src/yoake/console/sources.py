"""All sources at a glance, and adding one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
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
from yoake.console.connectors import (
    given_settings,
    must_hold_no_secret,
    offer_of,
    reads_files,
    settings_of,
    wrong_setting,
)
from yoake.console.inbox import SourceNow, source_now
from yoake.console.page import page, staff_page
from yoake.console.words import TOKYO, sentence
from yoake.errors import BadInput, Refused


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
        given = given_settings(request.POST, settings_of(kind))
        try:
            must_hold_no_secret(kind, given)
            with transaction.atomic():
                source = add_source(
                    actor,
                    Organisation.objects.get(pk=actor.organisation_id),
                    connector,
                    name=name,
                    options=given,
                    practice=connector == "practice",
                )
                if (plan := plans.plan_of(source)) is not None:  # so that people see at once what will be searched for
                    plans.refresh(plan, categories(), timezone.now())
        except (BadInput, Refused) as error:
            problem, field = sentence(error), getattr(error, "field", "")
        else:
            if source.enabled:
                said = gettext("%(source)s is added and is patrolled within a few seconds.")
            else:
                said = gettext("%(source)s is added and stays off: record the permission of its service first.")
            messages.success(request, said % {"source": source.name})
            return redirect("source", source_id=source.pk)
    context = {
        "place": "sources",
        "offer": offer_of(connector),
        "settings": settings_of(kind, given),
        "name": name or free_name(connector),
        "name_longest": NAME_LONGEST,
        "secrets": settings.ENVIRONMENT.data / "secrets",
        "problem": problem,
        "wrong_field": wrong_setting(field),
    }
    return page(request, actor, "yoake/source_add.html", context, status=400 if problem else 200)


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


def free_name(connector: str) -> str:
    """A name for a new source that no other has."""
    taken = set(Source.objects.filter(name__startswith=connector).values_list("name", flat=True))
    numbered = (connector if n == 1 else f"{connector}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)
