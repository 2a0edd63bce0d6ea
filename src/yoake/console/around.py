"""Beside a post: thread, profile and newest posts, fetched in the background; the case page never waits for a network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yoake.casework.cases.queries import CaseView, case_view
from yoake.casework.cases.seen import note_seen
from yoake.casework.cases.surroundings import ask, wanted
from yoake.casework.people.queries import Actor
from yoake.console.page import staff_page

SOON = timedelta(minutes=1)  # for so long somebody who reads is told that it comes
_OFTEN_S, _SELDOM_S = 3, 30  # between two looks of the page


@dataclass(frozen=True)
class Said:
    """A post of the thread, or one of the author's newest."""

    author: str
    handle: str
    text: str
    at: datetime | None
    pictures: int


def may_come(view: CaseView) -> bool:
    """Whether the page has a place for what surrounds the post."""
    if view.record_only or view.case.post.erased_at is not None or view.case.practice:
        return False
    return "surroundings" in view.beside or wanted(view.case)


@require_POST
@staff_page
def show(request: HttpRequest, actor: Actor, case_id: int) -> HttpResponse:
    """What is known around the post; asked for when nothing is, and looked at again until it is there."""
    view = case_view(actor, case_id)
    row = None if view.record_only else ask(actor, case_id)
    if row is None:
        return HttpResponse("")
    if row.outcome:
        note_seen(actor, view.case, "context_viewed")
    body = row.body
    version = view.version
    profile = body.get("profile", "")
    return render(
        request,
        "yoake/around.html",
        {
            "case": view.case,
            "row": row,
            "waits": not row.outcome,
            "late": timezone.now() - row.asked_at > SOON,
            "every_s": _OFTEN_S if timezone.now() - row.asked_at <= SOON else _SELDOM_S,
            "parents": [_said(told) for told in body.get("parents", ())],
            "recent": [_said(told) for told in body.get("recent", ())],
            # shown once: what the post itself brought stands above
            "profile": profile if version is None or profile != version.profile else "",
        },
    )


def _said(told: dict[str, Any]) -> Said:
    at = datetime.fromisoformat(told["at"]) if told.get("at") else None
    return Said(told.get("author", ""), told.get("handle", ""), told.get("text", ""), at, int(told.get("pictures", 0)))
