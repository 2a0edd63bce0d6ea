"""The statistics: a day for the morning meeting, a month, a year, one figure with its definition and its query, and their charts.

Nothing is counted here: figures are told by `casework/count`, kept for ten minutes by `statistics_kept.py` and put into words by
`statistics_shown.py`. Files are made in `statistics_downloads.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import sqlparse
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_safe

from yoake import charts, shelf
from yoake.casework.count import drawing, figures, ledger, pages
from yoake.casework.count.periods import FIRST_YEAR, FISCAL_FROM, Kind, Period
from yoake.casework.due import TOKYO
from yoake.casework.people.queries import Actor
from yoake.console.page import page, staff_page
from yoake.console.statistics_kept import Told, drawn, published_and_kept, told
from yoake.console.statistics_morning import WANTED, four_weeks, morning_shown
from yoake.console.statistics_shown import (
    PUBLICATION,
    WIDTHS,
    figure_shown,
    file_address,
    marks_used,
    notes_in_common,
    nothing,
    query,
)
from yoake.errors import BadInput

LONGEST_LAID_OUT: Final = 20_000  # characters
YEARS_OFFERED, MONTHS_OFFERED, DAYS_OFFERED = 6, 24, 31
KINDS: Final = {
    Kind.YEAR: pgettext_lazy("periods", "Years"),
    Kind.FISCAL_YEAR: pgettext_lazy("periods", "Fiscal years"),
    Kind.MONTH: pgettext_lazy("periods", "Months"),
    Kind.DAY: pgettext_lazy("periods", "Days"),
}
# A picture is shown by <img> and as a page of its own: then nothing in it may run or load.
_OWN_POLICY: Final = "default-src 'none'; sandbox"


@require_safe
@staff_page
def morning(request: HttpRequest, actor: Actor, period: str = "") -> HttpResponse:
    """One screen for the morning meeting: yesterday (or another day that is over), and what waits now."""
    today = _today()
    chosen = read_period(period, today) if period else Period.day(today - timedelta(days=1))
    if chosen.kind is not Kind.DAY:
        return redirect(period_address(chosen))
    anew = "anew" in request.GET
    counted = told(actor, chosen, WANTED, anew=anew)
    shown = morning_shown(actor, counted, anew=anew)
    if anew:
        return redirect(request.path)
    after = Period.day(chosen.first + timedelta(days=1))
    context = {
        "place": "statistics",
        "tab": "day",
        "told": counted,
        "period": chosen,
        "newest": chosen.last == today - timedelta(days=1),
        "before": period_address(chosen.before),
        "before_label": chosen.before.label,
        "after": period_address(after) if after.first < today else "",
        "after_label": after.label,
        "shown": shown,
        "more": [
            (one.title, f"{reverse('statistics_figure', args=[name])}?{query(counted)}")
            for name in pages.MORNING
            if (one := ledger.figure(name))
        ],
        **_tabs(today),
    }
    return page(request, actor, "yoake/statistics.html", context)


@require_safe
@staff_page
def of_period(request: HttpRequest, actor: Actor, kind: str, period: str) -> HttpResponse:
    """The figures of a month, a year or a fiscal year, each with its chart and its table."""
    today = _today()
    chosen = read_period(period, today)
    if _page_of(chosen) != kind:
        return redirect(period_address(chosen))
    published = request.GET.get("for") == PUBLICATION
    wanted = figures_of(chosen, published=published)
    if "anew" in request.GET:
        told(actor, chosen, wanted, published=published, anew=True)
        return redirect(period_address(chosen, published=published))
    counted = told(actor, chosen, wanted, published=published)
    after = Period.day(chosen.last + timedelta(days=1))
    following = _same_kind(chosen.kind, after.first)
    common = notes_in_common(counted.counted)
    context = {
        "place": "statistics",
        "tab": kind,
        "told": counted,
        "period": chosen,
        "published": published,
        "versions": _versions(published, period_address(chosen), period_address(chosen, published=True)),
        "running": chosen.last >= today,
        "before": period_address(chosen.before, published=published) if chosen.before.first.year >= FIRST_YEAR else "",
        "before_label": chosen.before.label,
        "after": period_address(following, published=published) if following.first <= today else "",
        "after_label": following.label,
        "figures": [figure_shown(counted, one, common) for one in counted.counted],
        "common": common,
        "marks": marks_used(counted.counted),
        "empty": all(nothing(one.tables) for one in counted.counted),
        "files": _files(counted),
        "choices": _choices((Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR), today, chosen),
        **_tabs(today),
    }
    return page(request, actor, "yoake/statistics_period.html", context)


@require_safe
@staff_page
def figure(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """One figure with its definition, its denominator and the very queries behind it."""
    one = _figure(name)
    today = _today()
    asked = request.GET.get("period", "")
    chosen = read_period(asked, today) if asked else _usual(one.kinds, today)
    if chosen.kind not in one.kinds:
        kinds = gettext(", ").join(str(KINDS[kind]) for kind in KINDS if kind in one.kinds)
        raise BadInput("period", asked[:20], gettext("this figure is told for: %(kinds)s") % {"kinds": kinds})
    published = request.GET.get("for") == PUBLICATION
    counted = told(actor, chosen, [name], published=published, anew="anew" in request.GET)
    if "anew" in request.GET:
        return redirect(f"{request.path}?{query(counted)}")
    (of_figure,) = counted.counted
    context = {
        "place": "statistics",
        "tab": "figures",
        "told": counted,
        "period": chosen,
        "published": published,
        "versions": _versions(
            published, *(f"{request.path}?{query(replace(counted, published=one))}" for one in (False, True))
        )
        if one.for_publication and chosen.kind is not Kind.DAY
        else [],
        "running": chosen.last >= today,
        "one": figure_shown(counted, of_figure),
        "marks": marks_used(counted.counted),
        "empty": nothing(of_figure.tables),
        "units": list(dict.fromkeys(str(table.unit) for table in of_figure.tables if table.unit)),
        "queries": [] if published else [_sql(sql) for sql in of_figure.queries],
        "milliseconds": round(of_figure.seconds * 1000),
        "files": _files(counted, name),
        "kinds": [KINDS[kind] for kind in KINDS if kind in one.kinds],
        "choices": _choices([kind for kind in one.kinds if not published or kind is not Kind.DAY], today, chosen),
        **_tabs(today),
    }
    return page(request, actor, "yoake/statistics_figure.html", context)


@require_safe
@staff_page
def contents(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every figure there is, and what it counts; those of the year's page first, in its order."""
    there = shelf.names(figures)
    order = [name for name in dict.fromkeys((*pages.YEAR, *pages.MONTH, *pages.MORNING, *there)) if name in there]
    today = _today()
    told_of = [(name, ledger.figure(name)) for name in order]
    context = {
        "place": "statistics",
        "tab": "figures",
        "figures": [
            {
                "name": name,
                "figure": one,
                "kinds": [KINDS[kind] for kind in KINDS if kind in one.kinds],
                "address": f"{reverse('statistics_figure', args=[name])}?period={_usual(one.kinds, today).key}",
            }
            for name, one in told_of
        ],
        **_tabs(today),
    }
    return page(request, actor, "yoake/statistics_figures.html", context)


@require_safe
@staff_page
def choose(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Leads to the page of a period."""
    return redirect(period_address(read_period(request.GET.get("period", ""), _today())))


@require_safe
@staff_page
def chart(request: HttpRequest, actor: Actor, name: str, table: str) -> HttpResponse:
    """The picture of one table as SVG, light or dark."""
    look = "dark" if request.GET.get("look") == "dark" else "light"
    width = WIDTHS.get(request.GET.get("width", ""), WIDTHS["beside"])
    chosen = read_period(request.GET.get("period", ""))
    if "weeks" in request.GET and chosen.kind is Kind.DAY:
        chosen = four_weeks(chosen)
    published = request.GET.get("for") == PUBLICATION
    if published and published_and_kept(actor, chosen, [name]) is None:
        raise Http404  # a page that was open too long: each of its pictures would count the whole period again
    octets = picture(actor, chosen, name, table, f"svg {look} {width}", published=published)
    response = HttpResponse(octets, content_type="image/svg+xml")
    response["Content-Security-Policy"] = _OWN_POLICY
    return response


def picture(actor: Actor, chosen: Period, name: str, key: str, form: str, *, published: bool) -> bytes:
    """A chart as octets: "svg dark 560" is an SVG of that look and width without its title, "svg" and "png" are files.

    Raises Http404 where the figure has no such chart.
    """
    one = _figure(name)
    if chosen.kind not in one.kinds:
        raise Http404
    counted = told(actor, chosen, [name], published=published)
    table = counted.table(name, key)
    chart = drawing.chart_of(table) if table else None
    if chart is None:
        raise Http404

    def draw() -> bytes:
        kind, *how = form.split()
        if how:
            return charts.svg(chart, how[0], width=int(how[1]), titled=False)
        return charts.svg(chart, "paper") if kind == "svg" else charts.png(chart, "paper")

    return drawn(actor, counted, f"{name}/{key}/{form}", draw)


def read_period(text: str, today: date | None = None) -> Period:
    """The period that an address names. Raises BadInput for what is none, or has not begun."""
    chosen = Period.read(text[:20])
    if chosen.first > (today or _today()):
        raise BadInput("period", chosen.key, gettext("one that has begun"))
    return chosen


def period_address(period: Period, *, published: bool = False) -> str:
    """The page of a period."""
    if period.kind is Kind.DAY:
        return reverse("statistics_day", args=[period.key])
    more = f"?for={PUBLICATION}" if published else ""
    return reverse("statistics_period", kwargs={"kind": _page_of(period), "period": period.key}) + more


def figures_of(period: Period, *, published: bool = False) -> list[str]:
    """The figures on the page of a period, in reading order; those that may leave the house alone where they are `published`."""
    wanted: Sequence[str] = {Kind.DAY: pages.MORNING, Kind.MONTH: pages.MONTH}.get(period.kind, pages.YEAR)
    there = [(name, ledger.figure(name)) for name in wanted]
    return [name for name, one in there if period.kind in one.kinds and (one.for_publication or not published)]


def _page_of(period: Period) -> str:
    return {Kind.DAY: "day", Kind.MONTH: "month"}.get(period.kind, "year")


def _figure(name: str) -> Any:
    if name not in shelf.names(figures):
        raise Http404
    return ledger.figure(name)


def _today() -> date:
    return timezone.now().astimezone(TOKYO).date()


def _usual(kinds: Sequence[Kind], today: date) -> Period:
    """The period in which somebody who names none is shown a figure: the last that is over, a month where it is told for months."""
    kind = next(one for one in (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR, Kind.DAY) if one in kinds)
    return _same_kind(kind, today).before


def _same_kind(kind: Kind, day: date) -> Period:
    match kind:
        case Kind.DAY:
            return Period.day(day)
        case Kind.MONTH:
            return Period.month(day.year, day.month)
        case Kind.FISCAL_YEAR:
            return Period.fiscal_year(day.year - (day.month < FISCAL_FROM))
        case _:
            return Period.year(day.year)


def _choices(kinds: Sequence[Kind], today: date, chosen: Period) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Periods to choose from, in groups: key, words, whether it is the one that is shown."""
    groups = []
    for kind, title in KINDS.items():
        if kind not in kinds:
            continue
        offered = [_same_kind(kind, today)]
        how_many = {Kind.DAY: DAYS_OFFERED, Kind.MONTH: MONTHS_OFFERED}.get(kind, YEARS_OFFERED)
        while len(offered) < how_many:
            offered.append(offered[-1].before)
        if chosen.kind is kind and chosen not in offered:
            offered.append(chosen)
        groups.append((str(title), [(one.key, one.label, one == chosen) for one in offered]))
    return groups


def _tabs(today: date) -> dict[str, str]:
    month = Period.month(today.year, today.month).before
    return {"last_month": period_address(month), "last_year": period_address(Period.year(today.year).before)}


def _versions(published: bool, counted: str, suppressed: str) -> list[tuple[str, str, bool]]:
    """As counted, and for publication: words, address, whether it is the one that is shown."""
    return [
        (gettext("As counted, for the house"), counted, not published),
        (gettext("For publication"), suppressed, published),
    ]


def _files(counted: Told, name: str = "") -> list[tuple[str, str, str]]:
    """What the figures can be taken out as: how it is called, address, language of the paper."""
    only = {"figure": name} if name else {}
    files = [(what.upper(), file_address(counted, what, **only), "") for what in ("xlsx", "csv", "json")]
    papers = [("PDF", file_address(counted, f"pdf-{language}", **only), language) for language in ("ja", "en")]
    return files if name else [*files, *papers]


def _sql(sql: str) -> str:
    """The query over several lines; one that is too long for that as it is."""
    return sql if len(sql) > LONGEST_LAID_OUT else sqlparse.format(sql, reindent=True, keyword_case="upper")
