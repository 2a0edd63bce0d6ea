"""What a chief is told in the morning: what waits now, what a day brought, and how that stands beside the days before.

Every number is a cell of a figure and leads to it. The days before are the same figures, told for the day before and for four weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext, pgettext_lazy

from yoake.casework.count import drawing
from yoake.casework.count.durations import duration
from yoake.casework.count.events import days_before
from yoake.casework.count.figure import Cell
from yoake.casework.count.labels import ALL
from yoake.casework.count.periods import Kind, Period
from yoake.casework.people.queries import Actor
from yoake.console.statistics_kept import Told, told
from yoake.console.statistics_shown import DASH, amount, chart_addresses, figure_address, nothing, rounded

DAYS: Final = 28
WANTED: Final = ("pace", "decided", "organisations", "categories", "times")
COMPARED: Final = ("decided", "organisations")
CATEGORIES: Final = 6  # shown, the largest first

Place = tuple[str, str, str, str]  # figure, table, row, column; "" as row: the actor's organisation


@dataclass(frozen=True)
class Tile:
    """A number, where it is from, and how it was before."""

    label: str
    value: str
    address: str
    kind: str = ""  # risk, late, quiet (a zero)
    beside: str = ""  # in words: what else must be said of it
    before: str = ""  # the difference to the day before
    usual: str = ""  # the mean of four weeks, or of the days since there is anything
    usual_of: str = ""  # which of these, in words
    more: tuple[str, str] = ("", "")  # another address: words, where


@dataclass(frozen=True)
class ChartShown:
    """A chart of four weeks."""

    title: str
    address: str
    charts: dict[str, str]
    alt: str


@dataclass(frozen=True)
class Morning:
    """The page."""

    now: list[Tile]
    day: list[Tile]
    done: list[Tile]
    charts: list[ChartShown]
    beside: str  # what numbers stand beside
    categories: list[tuple[str, str, int]] = field(default_factory=list)  # label, count, per cent of the largest
    categories_address: str = ""
    empty: bool = False


_DAY: Final[Sequence[tuple[Promise, Place]]] = (
    (pgettext_lazy("morning", "arrived"), ("decided", "arrived", ALL, ALL)),
    (pgettext_lazy("morning", "decided"), ("decided", "decided", ALL, ALL)),
    (pgettext_lazy("morning", "in scope"), ("decided", "decided", ALL, "in_scope")),
)
_DONE: Final[Sequence[tuple[Promise, Place]]] = (
    (gettext_lazy("warnings that went"), ("organisations", "organisations", "", "warning")),
    (gettext_lazy("requests that went"), ("organisations", "organisations", "", "request")),
    (gettext_lazy("reports that went"), ("organisations", "organisations", "", "report")),
    (gettext_lazy("help that went"), ("organisations", "organisations", "", "help")),
)


def four_weeks(day: Period) -> Period:
    """The day and the 27 before it, day by day."""
    return Period(Kind.MONTH, day.first - timedelta(days=DAYS - 1), day.last)


def morning_shown(actor: Actor, counted: Told, *, anew: bool = False) -> Morning:
    """The page of a day; `counted` are the figures WANTED of it."""
    day = counted.scope.period
    before = told(actor, day.before, COMPARED, anew=anew)
    usual = told(actor, Period(Kind.DAY, day.first - timedelta(days=DAYS), day.before.last), COMPARED, anew=anew)
    along = told(actor, four_weeks(day), ["decided"], anew=anew)
    days = days_before(counted.scope.organisation_id, day, DAYS)

    def tiles(of: Sequence[tuple[Promise, Place]]) -> list[Tile]:
        return [_compared(str(label), place, counted, before, usual, days) for label, place in of]

    largest = _largest(counted)
    return Morning(
        now=_now(counted),
        day=[*tiles(_DAY), _in_time(counted)],
        done=[*tiles(_DONE), _until_help(counted)],
        charts=_charts(counted, along),
        beside=_beside(days),
        categories=largest,
        categories_address=figure_address(counted, "categories"),
        empty=all(nothing(one.tables) for one in (*counted.counted, *along.counted)),
    )


def _now(counted: Told) -> list[Tile]:
    """What waits, people at risk first."""
    inbox = reverse("desk", kwargs={"desk": "live"})
    at_risk, overdue, waiting = (
        _number(counted, ("pace", "waiting", row, "n")) for row in ("at_risk", "overdue", "waiting")
    )
    second, half = (_number(counted, ("pace", "waiting", row, "n")) for row in ("second", "half"))
    beside = [gettext("half for at most %(time)s") % {"time": duration(half * 60)}] if waiting else []
    if second:
        beside.append(gettext("%(n)s for a second judgement") % {"n": amount(second)})
    address = figure_address(counted, "pace")
    to_inbox = gettext("to the inbox")
    return [
        Tile(gettext("people at risk wait"), amount(at_risk), address, "risk" if at_risk else "quiet", more=(to_inbox, inbox)),
        Tile(pgettext("morning", "overdue"), amount(overdue), address, "late" if overdue else "quiet", more=(to_inbox, f"{inbox}?overdue=1")),
        Tile(gettext("wait in all"), amount(waiting), address, "" if waiting else "quiet", " · ".join(beside)),
    ]  # fmt: skip


def _compared(label: str, place: Place, counted: Told, before: Told, usual: Told, days: int) -> Tile:
    n, then, weeks = (_number(one, place) for one in (counted, before, usual))
    difference = n - then
    sign = "+" if difference > 0 else "−" if difference < 0 else "±"
    return Tile(
        label,
        amount(n),
        figure_address(counted, place[0]),
        "" if n else "quiet",
        before=f"{sign}{amount(abs(difference))}",
        usual=rounded(weeks / days, 1) if days else DASH,
        usual_of=_average(days),
    )


def _average(days: int) -> str:
    """Of how many days the mean is."""
    if days == DAYS:
        return gettext("average of four weeks:")
    return ngettext("average of %(n)d day:", "average of %(n)d days:", days) % {"n": days}


def _beside(days: int) -> str:
    """What the numbers of a day stand beside."""
    if days == DAYS:
        return gettext("against the day before · a day on average in the four weeks before")
    if not days:
        return gettext("against the day before")
    told = ngettext(
        "against the day before · the %(n)d day before",
        "against the day before · a day on average in the %(n)d days before",
        days,
    )
    return told % {"n": days}


def _in_time(counted: Told) -> Tile:
    """How many of the day's decisions kept their clock."""
    cell = _cell(counted, ("pace", "clock", ALL, "share"))
    beside = gettext("%(part)s of %(of)s with a clock") % {"part": amount(cell.part or 0), "of": amount(cell.of or 0)}
    text = DASH if cell.value is None else amount(cell.value, percent=True)
    return Tile(gettext("decided in time"), text, figure_address(counted, "pace"), beside=beside if cell.of else "")


def _until_help(counted: Told) -> Tile:
    """How long people at risk waited for the first help."""
    cell = _cell(counted, ("times", "to_help", ALL, "median"))
    text = DASH if cell.value is None else duration(cell.value * 60)
    return Tile(
        gettext("from the queue to help (median)"),
        text,
        figure_address(counted, "times"),
        "" if cell.value is not None else "quiet",
        beside="" if cell.value is not None else pgettext("of a time", "nobody"),
    )


def _charts(counted: Told, along: Told) -> list[ChartShown]:
    shown = []
    for key in ("arrived", "decided"):
        table = along.table("decided", key)
        if table is not None and not nothing([table]):
            charts = chart_addresses(counted, "decided", key, weeks="1")
            shown.append(
                ChartShown(str(table.title), figure_address(counted, "decided"), charts, drawing.describing(table))
            )
    return shown


def _largest(counted: Told) -> list[tuple[str, str, int]]:
    table = counted.table("categories", "categories")
    rows = [(str(row.label), int(row.cells[0].value or 0)) for row in table.rows if row.key != ALL] if table else []
    rows = sorted((row for row in rows if row[1]), key=lambda row: -row[1])[:CATEGORIES]
    return [(label, amount(n), round(100 * n / rows[0][1])) for label, n in rows]


def _cell(counted: Told, place: Place) -> Cell:
    figure, key, row, column = place
    table = counted.table(figure, key)
    assert table is not None
    return table.cell(row or str(counted.scope.organisation_id), column)


def _number(counted: Told, place: Place) -> int:
    return int(_cell(counted, place).value or 0)
