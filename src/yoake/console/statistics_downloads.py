"""Statistics as files: XLSX, CSV, JSON, a PDF report in either language, and each chart as SVG and PNG; each leaves a line of audit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import override
from django.views.decorators.http import require_safe

from yoake.casework.count import exporting, report
from yoake.casework.count.periods import Period
from yoake.casework.count.taken_out import note_taken_out
from yoake.casework.people.queries import Actor
from yoake.console.page import staff_page
from yoake.console.statistics import figures_of, picture, read_period
from yoake.console.statistics_kept import Told, told
from yoake.console.statistics_shown import PUBLICATION
from yoake.errors import BadInput

_LANGUAGES: Final = ("ja", "en")
_TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "png": "image/png",
}


@require_safe
@staff_page
def download(request: HttpRequest, actor: Actor, period: str, what: str) -> HttpResponse:
    """The figures of a period, or one of them (?figure=), or one chart (?figure=&table=), as a file."""
    chosen = read_period(period)
    form, _, language = what.partition("-")
    name, table = request.GET.get("figure", ""), request.GET.get("table", "")
    published = request.GET.get("for") == PUBLICATION
    if form not in _TYPES or (form == "pdf") != (language in _LANGUAGES) or (language and form != "pdf"):
        raise Http404
    if form in ("svg", "png"):
        octets = picture(actor, chosen, name, table, form, published=published)
    elif form == "pdf":
        with override(language):
            counted = _figures(actor, chosen, name, published)
            octets = report.month_report(counted.counted, counted.scope, language)
    else:
        counted = _figures(actor, chosen, name, published)
        octets = _MADE[form](counted)
    # Of what an address names, only what was found stands in the name of the file: a figure, and of a picture its table.
    names = [
        chosen.key,
        *filter(None, (name, table if form in ("svg", "png") else "", language)),
        *(["publication"] if published else []),
    ]
    note_taken_out(actor, form, chosen, name, published=published)
    response = HttpResponse(octets, content_type=_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="yoake-{"-".join(names)}.{form}"'
    return response


def _figures(actor: Actor, period: Period, name: str, published: bool) -> Told:
    if not name:
        return told(actor, period, figures_of(period, published=published), published=published)
    try:
        return told(actor, period, [name], published=published)
    except BadInput as error:  # an address that no page of ours has
        raise Http404 from error


def _as_json(counted: Told) -> bytes:
    facts = exporting.data(counted.counted, counted.scope)
    return json.dumps(facts, ensure_ascii=False, indent=2).encode()


_MADE: Final[dict[str, Callable[[Told], bytes]]] = {
    "xlsx": lambda counted: exporting.xlsx(counted.counted, counted.scope),
    "csv": lambda counted: exporting.csv(counted.counted, counted.scope),
    "json": _as_json,
}
