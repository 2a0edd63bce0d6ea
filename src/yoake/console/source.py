"""One source: how it is, what it could not read, and (for administrators) resuming it or switching it off and on."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.people.queries import Actor
from yoake.casework.sources.actions import resume_source, switch_source
from yoake.casework.sources.queries import counts_since, newest_skipped, source_of
from yoake.console.inbox import source_now
from yoake.console.page import page, staff_page
from yoake.console.words import skipped_name

SKIPPED_SHOWN = 20


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor, source_id: int) -> HttpResponse:
    """The source's page."""
    source, now = source_of(actor, source_id), timezone.now()
    since = (now - timedelta(hours=23)).replace(minute=0, second=0, microsecond=0)
    counts = counts_since(source, since)
    reasons = {name.removeprefix("skipped:"): n for name, n in counts.items() if name.startswith("skipped:")}
    return page(
        request,
        actor,
        "yoake/source.html",
        {
            "source": source,
            "now": source_now(source, counts, since, now),
            "desk": "practice" if source.practice else "live",
            "reasons": sorted(((skipped_name(reason), n) for reason, n in reasons.items()), key=lambda item: -item[1]),
            "skipped": newest_skipped(source, 200),
            "may_switch": actor.may("sources"),
            "may_resume": source.state == source.State.PAUSED and actor.may("sources"),
        },
    )


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
    if on:
        told = gettext("%(source)s is patrolled again within a few seconds.")
    else:
        told = gettext("%(source)s is switched off: nothing is read from it until somebody switches it on.")
    messages.success(request, told % {"source": source.name})
    return redirect("source", source_id=source_id)
