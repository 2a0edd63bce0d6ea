"""One source: how it is, what it could not read; for administrators: resuming, switching, its settings, the permission."""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings as django_settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from yoake import shelf
from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import (
    NAMED_LONGEST,
    TERMS_LONGEST,
    Changed,
    change_source,
    record_permission,
    resume_source,
    switch_source,
    withdraw_permission,
)
from yoake.casework.sources.models import Source
from yoake.casework.sources.plans import searches
from yoake.casework.sources.queries import (
    counts_since,
    newest_skipped,
    permission_of,
    restriction_of,
    source_of,
)
from yoake.collect import connectors
from yoake.console.connectors import (
    Setting,
    given_settings,
    must_hold_no_secret,
    reads_files,
    settings_of,
    wrong_setting,
)
from yoake.console.inbox import source_now
from yoake.console.page import page, staff_page
from yoake.console.words import sentence, skipped_name, told
from yoake.errors import BadInput, Refused

SKIPPED_SHOWN = 20


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The source's page."""
    return _page(request, actor, source_of(actor, source_id))


def _page(request: HttpRequest, actor: Actor, source: Source, problem: BadInput | None = None) -> HttpResponse:
    now = timezone.now()
    since = (now - timedelta(hours=23)).replace(minute=0, second=0, microsecond=0)
    counts = counts_since(source, since)
    reasons = {name.removeprefix("skipped:"): n for name, n in counts.items() if name.startswith("skipped:")}
    restricted, permission = restriction_of(source.connector), permission_of(source.organisation_id, source.connector)
    lacks = bool(restricted) and permission is None
    return page(
        request,
        actor,
        "yoake/source.html",
        {
            "place": "sources",
            "source": source,
            "now": source_now(source, counts, since, now),
            "desk": "practice" if source.practice else "live",
            "reasons": sorted(((skipped_name(reason), n) for reason, n in reasons.items()), key=lambda item: -item[1]),
            "skipped": newest_skipped(source, 200),
            "may_switch": actor.may("sources") and (source.enabled or not lacks),
            "may_resume": source.state == source.State.PAUSED and actor.may("sources") and not lacks,
            "searches": searches(source.connector) is not None,
            "settings": settings_in_force(source),
            "may_change": actor.may("sources") and may_be_changed(source),
            "restricted": told(restricted),
            "permission": permission,
            "lacks_permission": lacks,
            "may_permit": actor.may("sources"),
            "entered": request.POST,
            "problem": sentence(problem) if problem else "",
            "wrong_field": problem.field if problem else "",
            "named_longest": NAMED_LONGEST,
            "terms_longest": TERMS_LONGEST,
        },
        status=400 if problem else 200,
    )


@require_http_methods(["GET", "POST"])
@staff_page
def change(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The settings of a source, to be changed."""
    source = source_of(actor, source_id)
    actor.must("sources")
    if not may_be_changed(source):
        raise Refused(gettext("the settings of this source cannot be changed here"))
    kind = shelf.take(connectors, source.connector)
    of_plan = {"queries"} if searches(source.connector) is not None else set()  # its page changes them
    known = [setting for setting in settings_of(kind, source.options) if setting.name not in of_plan]
    problem = field = ""
    if request.method == "POST":
        given = given_settings(request.POST, known)
        try:
            must_hold_no_secret(kind, given)
            done = change_source(actor, source, given | {k: v for k, v in source.options.items() if k in of_plan})
        except (BadInput, Refused) as error:
            problem, field = sentence(error), getattr(error, "field", "")
            known = [setting for setting in settings_of(kind, given) if setting.name not in of_plan]
        else:
            messages.success(request, _said_of(source, done))
            return redirect("source", source_id=source_id)
    context = {
        "place": "sources",
        "source": source,
        "title": told(kind.title),
        "settings": known,
        "of_plan": bool(of_plan),
        "secrets": django_settings.ENVIRONMENT.data / "secrets",
        "problem": problem,
        "wrong_field": wrong_setting(field),
    }
    return page(request, actor, "yoake/source_change.html", context, status=400 if problem else 200)


def _said_of(source: Source, done: Changed) -> str:
    if not done.settings:
        return gettext("Nothing was changed.")
    if done.begins_anew:
        said = gettext(
            "The settings of %(source)s are changed. Reading begins as for a new source: its place belonged to them."
        )
    elif source.enabled:
        said = gettext(
            "The settings of %(source)s are changed and hold within a few seconds; reading goes on where it stood."
        )
    else:
        said = gettext("The settings of %(source)s are changed; reading goes on where it stood once it is switched on.")
    return said % {"source": source.name}


def settings_in_force(source: Source) -> list[Setting]:
    """The settings of a source; none where its connector is gone."""
    try:
        return settings_of(shelf.take(connectors, source.connector), source.options)
    except BadInput:
        return []


def may_be_changed(source: Source) -> bool:
    """Whether a page can change the settings: there are some, and they name no file of the server."""
    try:
        kind = shelf.take(connectors, source.connector)
    except BadInput:
        return False
    return bool(settings_of(kind)) and not reads_files(kind)


@require_safe
@staff_page
def skipped(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The newest rows that could not be read, for unfolding in the inbox."""
    source = source_of(actor, source_id)
    return render(request, "yoake/skipped.html", {"source": source, "skipped": newest_skipped(source, SKIPPED_SHOWN)})


@require_POST
@staff_page
def resume(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """Lets a paused source go on."""
    source = source_of(actor, source_id)
    resume_source(actor, source)
    messages.success(request, gettext("%(source)s resumes within a few seconds.") % {"source": source.name})
    return redirect("source", source_id=source_id)


@require_POST
@staff_page
def switch(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """Switches the patrol of a source off, or on again."""
    source, on = source_of(actor, source_id), request.POST.get("on") == "1"
    switch_source(actor, source, on=on)
    permission = permission_of(source.organisation_id, source.connector)
    if on and permission is not None and restriction_of(source.connector):
        words = gettext("%(source)s is patrolled within a few seconds, as %(by)s permitted on %(on)s.")
        said = {"source": source.name, "by": permission.permitted_by, "on": permission.permitted_on.isoformat()}
        messages.success(request, words % said)
        return redirect("source", source_id=source_id)
    if on:
        words = gettext("%(source)s is patrolled again within a few seconds.")
    else:
        words = gettext("%(source)s is switched off: nothing is read from it until somebody switches it on.")
    messages.success(request, words % {"source": source.name})
    return redirect("source", source_id=source_id)


@require_POST
@staff_page
def permission(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """Records that the source's service permits such use."""
    source = source_of(actor, source_id)
    try:
        given_on: date | None = date.fromisoformat(request.POST.get("permitted_on", ""))
    except ValueError:
        given_on = None
    try:
        record_permission(
            actor,
            source.connector,
            permitted_by=request.POST.get("permitted_by", ""),
            permitted_on=given_on,
            terms=request.POST.get("terms", ""),
            reference=request.POST.get("reference", ""),
        )
    except BadInput as problem:
        return _page(request, actor, source, problem)
    messages.success(
        request, gettext("The permission is recorded. %(source)s can be switched on now.") % {"source": source.name}
    )
    return redirect("source", source_id=source_id)


@require_POST
@staff_page
def withdraw(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The service permits it no longer."""
    source = source_of(actor, source_id)
    withdraw_permission(actor, source.connector)
    messages.success(request, gettext("The permission is withdrawn; the sources that needed it are switched off."))
    return redirect("source", source_id=source_id)
