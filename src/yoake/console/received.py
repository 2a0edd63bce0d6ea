"""What was received, by day and way, and what became of it; as a page, as CSV and as XLSX."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, pgettext
from django.views.decorators.http import require_safe

from yoake.casework.cases.models import Decision, Received, ReceivedLine
from yoake.casework.cases.received import note_export
from yoake.casework.cases.received_counts import (
    ARRIVED,
    BECAME,
    HAND,
    PATROL,
    REMOVED,
    TO_ADD,
    WAITING,
    ReceivedRow,
    latest_received,
    received_rows,
    sum_of,
)
from yoake.casework.due import TOKYO
from yoake.casework.people.queries import Actor
from yoake.console.page import page, staff_page
from yoake.console.words import sentence, verdict_name
from yoake.errors import BadInput
from yoake.tables.cells import harmless

DAYS: Final = 7  # shown at first
_COLUMNS: Final = (*ARRIVED, *BECAME)
_NAMES: Final = {
    TO_ADD: gettext_noop("waiting to be added"),
    WAITING: gettext_noop("waiting for a decision"),
    REMOVED: gettext_noop("case removed"),
    PATROL: gettext_noop("patrol"),
    HAND: gettext_noop("added otherwise by hand"),
}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_safe
@staff_page
def show(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The counts of some days, and the newest lists."""
    today = timezone.now().astimezone(TOKYO).date()
    problem = ""
    try:
        first, last = _days(request, today)
        rows = received_rows(actor, first, last)
    except BadInput as error:
        problem, first, last = sentence(error), today - timedelta(days=DAYS - 1), today
        rows = received_rows(actor, first, last)
    context = {
        "place": "received",
        "tab": "received",
        "first": first,
        "last": last,
        "problem": problem,
        "heads": [(name, received_as(name)) for name in _COLUMNS],
        "n_arrived": len(ARRIVED),
        "n_became": len(BECAME),
        "rows": [_shown(row) for row in rows],
        "total": _shown(sum_of(rows, first)),
        "lists": latest_received(actor),
    }
    return page(request, actor, "yoake/received.html", context, status=400 if problem else 200)


@require_safe
@staff_page
def export(request: HttpRequest, actor: Actor, kind: str) -> HttpResponse:
    """The same counts as a file: csv (UTF-8 with its mark) or xlsx (days as dates, counts as numbers)."""
    first, last = _days(request, timezone.now().astimezone(TOKYO).date())
    rows = received_rows(actor, first, last)
    head = [gettext("Day"), gettext("How"), pgettext("how many", "Lines"), *map(received_as, _COLUMNS)]
    table = [[row.day, received_how(row.how), row.lines, *(row.n[name] for name in _COLUMNS)] for row in rows]
    octets, content_type = (
        (_as_csv(head, table), "text/csv; charset=utf-8") if kind == "csv" else (_as_xlsx(head, table), _XLSX)
    )
    note_export(actor, kind, first, last)
    response = HttpResponse(octets, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="received-{first}-{last}.{kind}"'
    return response


def received_as(name: str) -> str:
    """What a line can be, and what can become of a case."""
    if name in Decision.Verdict.values:
        return verdict_name(name)
    return str(ReceivedLine.Outcome(name).label) if name in ReceivedLine.Outcome.values else gettext(_NAMES[name])


def received_how(how: str) -> str:
    """The way in which something was received; "" for all ways together."""
    if how in Received.How.values:
        return str(Received.How(how).label)
    return gettext(_NAMES[how]) if how else ""


def _days(request: HttpRequest, today: date) -> tuple[date, date]:
    """The days asked for; the last week when none are. Raises BadInput for what is no day."""
    found = []
    for name, default in (("first", today - timedelta(days=DAYS - 1)), ("last", today)):
        given = request.GET.get(name, "")
        try:
            found.append(date.fromisoformat(given) if given else default)
        except ValueError:
            raise BadInput("days", given[:20], gettext("days written like 2026-11-20")) from None
    return found[0], found[1]


def _shown(row: ReceivedRow) -> dict[str, Any]:
    cells = [(name, row.n[name]) for name in _COLUMNS]
    return {"day": row.day, "how": received_how(row.how), "lines": row.lines, "cells": cells}


def _as_csv(head: list[str], table: list[list[Any]]) -> bytes:
    told = io.StringIO(newline="")
    csv.writer(told).writerows([harmless(value) for value in line] for line in [head, *table])
    return told.getvalue().encode("utf-8-sig")


def _as_xlsx(head: list[str], table: list[list[Any]]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = gettext("Received")[:31]
    sheet.append(head)
    for row in table:
        sheet.append(row)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for line in sheet.iter_rows():
        for cell in line:
            if isinstance(cell.value, str):  # words are words, whatever they begin with
                cell.data_type = "s"
                cell.quotePrefix = True
    for place, name in enumerate(head, 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(12, len(name) * 2)
    for day in sheet["A"][1:]:
        day.number_format = "yyyy-mm-dd"
    sheet.freeze_panes = "A2"
    octets = io.BytesIO()
    book.save(octets)
    return octets.getvalue()
