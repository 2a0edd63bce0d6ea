"""The audit: who did what, when; for auditors and administrators. Reading it is itself noted; nothing here changes it.

Of a case that waits for a second judgement, whoever may give that reads the entries only afterwards.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from yoake.casework.audit.actions import note_view
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import Filters, Proof
from yoake.casework.cases.second import untold
from yoake.casework.people.log import COLUMNS, entries_seen_by, export_entries, prove_newest
from yoake.casework.people.queries import Actor, names_of, people_of
from yoake.console import happened
from yoake.console.page import number, page, page_for
from yoake.tables.cells import harmless

TOKYO = ZoneInfo("Asia/Tokyo")
ROWS = 100
PROVED = 20_000  # entries the button looks at: under a second


@dataclass(frozen=True)
class Line:
    """One entry as the page shows it."""

    entry: Entry
    who: str
    text: str
    subject: str  # what it is about, as people call it


@require_safe
@page_for("audit")
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The newest entries first, a page at a time."""
    return _page(request, actor)


@require_POST
@page_for("audit")
def prove(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Walks along the newest part of the chain and says since when it is whole."""
    return _page(request, actor, proof=prove_newest(actor, PROVED))


@require_POST
@page_for("audit")
def file(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What is shown as a CSV file, with staff numbers instead of names; the file is noted before it is handed out."""
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow(COLUMNS)
    for row in export_entries(actor, filters_of(dict(request.POST.items())), but=untold(actor)):
        writer.writerow([harmless(value) for value in row])
    response = HttpResponse("\ufeff" + told.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="yoake-audit.csv"'
    return response


def filters_of(asked: Mapping[str, object]) -> Filters:
    """What a form asks for; what cannot be read is left out."""
    told = {name: str(value) for name, value in asked.items()}
    person = number(told.get("person", ""))
    return Filters(
        actor=f"user:{person}" if person else "",
        kind=told.get("kind", "")[:40],
        subject=happened.subject_asked(told.get("subject", "")[:60]),
        since=_day(told.get("since", "")),
        until=_day(told.get("until", ""), timedelta(days=1)),
    )


def _page(request: HttpRequest, actor: Actor, proof: Proof | None = None) -> HttpResponse:
    asked = {name: value for name, value in request.GET.items() if name != "before" and value}
    filters = filters_of(asked)
    before = number(request.GET.get("before", ""))
    note_view(
        "audit_viewed",
        actor=actor.name,
        subject=f"organisation:{actor.organisation_id}",
        organisation=actor.organisation_id,
    )
    entries = list(entries_seen_by(actor, filters, before=before).exclude(untold(actor))[: ROWS + 1])
    more, entries = len(entries) > ROWS, entries[:ROWS]
    users = {int(entry.actor[5:]) for entry in entries if entry.actor.startswith("user:")}
    names = names_of(actor, users)
    return page(
        request,
        actor,
        "yoake/audit.html",
        {
            "place": "audit",
            "lines": [_line(one, names) for one in entries],
            "asked": asked,
            "subject": happened.subject_name(filters.subject),
            "people": people_of(actor),
            "kinds": happened.kinds(),
            "following": entries[-1].pk if more and entries else 0,
            "first": not before,
            "proof": proof,
        },
    )


def _line(one: Entry, names: Mapping[int, str]) -> Line:
    who = happened.actor_name(one.actor, names)
    return Line(one, who, happened.entry_text(one), happened.subject_name(one.subject))


def _day(text: str, later: timedelta = timedelta()) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    try:
        return datetime.combine(day, time(), TOKYO) + later
    except OverflowError:
        return None
