"""What F-9, F-10 and F-11 share: five years beside each other, and what others printed where nothing was counted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final

from django.db.models import Case as CaseOf
from django.db.models import IntegerField, Value, When
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Decision
from yoake.casework.count import published
from yoake.casework.count.events import in_period, of_scope
from yoake.casework.count.figure import Cell, Column, Row, Scope, Words
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.outbox.models import OutboxItem

YEARS: Final = 5  # columns: the scope's year and those before it
ILLEGAL, SUICIDE, SERIOUS, RECRUITMENT = "illegal", "suicide_inducing", "serious_crime_related", "criminal_recruitment"

ITEM: Final = _("item")
_SOURCE: Final = _(
    "National Police Agency, White Paper 2025, feature on crime involving social media, {figure}; rules as the white paper states"
    " them, checked by deriving its figures of 2020 to 2024 to the digit from generated cases."
)
NOT_FINAL: Final = _("{years}: not final, the cut-off is still to come.")
RUNNING: Final = _("{years}: not final, the year is not over.")
NOT_COMPARABLE: Final = _(
    "F-10 looks at removals until the end of the following January, F-11 until the end of the fifth business day after the request:"
    " the two are not comparable."
)
UNIT: Final = _(
    "Counting unit: an item, that is a case with one address. It is neither a report that was received nor a request."
)


@dataclass(frozen=True)
class Span:
    """When a class was in force; None: without a beginning, or without an end."""

    since: date | None
    until: date | None

    def touches(self, period: Period) -> bool:
        """Whether it was in force on any day of the period."""
        return (self.since is None or self.since <= period.last) and (self.until is None or period.first <= self.until)


def _joined(told: Sequence[str]) -> str:
    return pgettext("list", ", ").join(told)


_listed = lazy(_joined, str)


def source(figure: str) -> Words:
    """Whose table it is, in the language in force when it is shown."""
    return format_lazy(_SOURCE, figure=figure)


def not_final(told: Sequence[str]) -> Words:
    """Says of which years the figures can still change."""
    return format_lazy(NOT_FINAL, years=_listed(told))


def running(told: Sequence[str]) -> Words:
    """Says which years are not over."""
    return format_lazy(RUNNING, years=_listed(told))


def years(scope: Scope) -> list[Period]:
    """The years (or fiscal years, as the scope's is) that stand beside each other, the oldest first."""
    told = [scope.period]
    while len(told) < YEARS:
        told.insert(0, told[0].before)
    return told


def over(scope: Scope) -> Scope:
    """The same, over all these years."""
    told = years(scope)
    return replace(scope, period=Period(scope.period.kind, told[0].first, told[-1].last))


def year_of(field: str, told: Sequence[Period]) -> CaseOf:
    """In a query: the year in which a time lies, as a number; the time must lie in one of them, oldest first."""
    *before, last = told
    whens = [When(**{f"{field}__lt": one.until}, then=Value(one.first.year)) for one in before]
    return CaseOf(*whens, default=Value(last.first.year), output_field=IntegerField())


def year_on(day: date, told: Sequence[Period]) -> int:
    """The year in which a day lies; it must lie in one of them, oldest first."""
    return next(one.first.year for one in told if day <= one.last)


def end_of_january(year: Period) -> datetime:
    """The first moment after 31 January of the year after it."""
    return datetime.combine(date(year.first.year + 1, 2, 1), time.min, TOKYO)


def in_force(hotline_class: str, *, recruitment: bool | None = None) -> list[Span]:
    """When categories belonged to a class; only recruitment, or all but it, where that is said."""
    known = [one for one in categories().values() if recruitment is None or (one.slug == RECRUITMENT) == recruitment]
    return [Span(told.since, told.until) for one in known for told in one.classes if told.name == hotline_class]


def ever_classed() -> list[Span]:
    """When recruitment had any of the hotline's classes."""
    return [span for name in (ILLEGAL, SUICIDE, SERIOUS) for span in in_force(name, recruitment=True)]


def cell(n: int, year: Period, spans: Sequence[Span]) -> Cell:
    """A count; a dash where nothing could be counted, because no class was in force that year."""
    return Cell(n) if n or any(span.touches(year) for span in spans) else Cell(None)


def table_of(
    figure: str, scope: Scope, labels: Mapping[str, tuple[Words, int]], cells: Mapping[str, Sequence[Cell]]
) -> tuple[list[Column], list[Row], list[Words]]:
    """Columns, rows and notes; years of which nothing at all is held here show what others printed, where they did.

    Args:
        figure: its name, as the files of `published/` call it.
        scope: whose.
        labels: by row, in reading order: what it is called, and its depth.
        cells: by row, a cell a year, oldest first.
    """
    told, printed = years(scope), published.of_figure(figure)
    shown: dict[str, list[Cell]] = {row: list(cells[row]) for row in labels}
    taken: dict[published.Printed, list[int]] = {}
    for place, year in enumerate(told):
        source = printed.get(year.first.year)
        if source is None or any(shown[row][place].value for row in labels) or _anything_in(scope, year):
            continue
        taken.setdefault(source, []).append(year.first.year)
        for row in labels:
            value = source.value(figure, row, year.first.year)
            shown[row][place] = Cell(value, published=value is not None)
    columns = [Column(year.key, year.key) for year in told]
    rows = [Row(row, label, shown[row], depth) for row, (label, depth) in labels.items()]
    return columns, rows, [_note(source, of) for source, of in taken.items()]


def _anything_in(scope: Scope, year: Period) -> bool:
    """Whether the scope holds any event of that year: a decision, or something that left."""
    that = replace(scope, period=year)
    decided = Decision.objects.filter(of_scope(that), in_period(that, "at"))
    left = OutboxItem.objects.filter(of_scope(that), in_period(that, "sent_at"))
    either = decided.order_by().values("pk")[:1], left.order_by().values("pk")[:1]
    return any(query.exists() for query in either)


def _note(source: published.Printed, of: Sequence[int]) -> Words:
    named = {"years": _listed([str(year) for year in of]), "source": source.words}
    if source.verified:
        return format_lazy(
            ngettext_lazy(
                "{years}: published, not counted here. Nothing of this year is held; the figures are those of {source}",
                "{years}: published, not counted here. Nothing of these years is held; the figures are those of {source}",
                len(of),
            ),
            **named,
        )
    return format_lazy(
        ngettext_lazy(
            "{years}: published, not counted here, and nobody compared them with the print. Nothing of this year is held; the figures are those of"
            " {source}",
            "{years}: published, not counted here, and nobody compared them with the print. Nothing of these years is held; the figures are those of"
            " {source}",
            len(of),
        ),
        **named,
    )
