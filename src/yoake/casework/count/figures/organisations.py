from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.along import axis, columns_of, rows_along, table_along
from yoake.casework.count.events import in_period, of_scope
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL
from yoake.casework.count.periods import Kind
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.people.models import Organisation
from yoake.casework.request.models import Request

__all__ = ["Organisations"]

WENT: Final = {
    OutboxItem.Kind.WARNING: _("warnings that went"),
    OutboxItem.Kind.REQUEST: _("requests that went"),
    OutboxItem.Kind.REPORT: _("reports that went"),
    OutboxItem.Kind.HELP: _("help that went"),
}
COLUMNS: Final = {
    "opened": _("cases opened"),
    "decided": _("decided"),
    "in_scope": _("in scope"),
    **{str(kind.value): label for kind, label in WENT.items()},
}


class Organisations:
    """What each organisation did."""

    title = _("What was done")
    says = _(
        "Cases that were opened, decided and found in scope, and what went to others in the period, by organisation; of a month, a year and"
        " a fiscal year also by day or month (Japan time)."
    )
    out_of = ""
    cut_off = ""
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """A row for each organisation; of one organisation, only its own. Then along the period: what was done, and who found what."""
        n: Counter[tuple[int, str]] = Counter()
        along: Counter[tuple[str, str]] = Counter()
        found: Counter[tuple[str, str]] = Counter()
        for key, what, mark, count in _events(scope):
            n[key, what] += count
            along[mark, what] += count
            found[mark, str(key)] += count if what == "in_scope" else 0
        organisations = Organisation.objects.order_by("pk")
        if scope.organisation_id:
            organisations = organisations.filter(pk=scope.organisation_id)
        names = dict(organisations.values_list("pk", "name"))
        rows = [Row(str(key), name, [Cell(n[key, what]) for what in COLUMNS]) for key, name in names.items()]
        if not scope.organisation_id:
            whole = [Cell(sum(n[key, what] for key in names)) for what in COLUMNS]
            rows.append(Row(ALL, labels.IN_ALL, whole))
        happened = _(
            "Each counts when it happened: what went in the period may be about a case that was decided before."
        )
        requests = _(
            "Requests are counted for each case, also where one mail asks for several; second requests and extensions count, reminders and withdrawals do not."
        )
        notes = [happened, requests, labels.ONCE, labels.REAL]
        told = [
            Table(
                "organisations",
                _("What was done, by organisation"),
                _("case"),
                [Column(key, label) for key, label in COLUMNS.items()],
                rows,
                notes=notes,
                elsewhere=_elsewhere(str(scope.organisation_id or ALL)) if scope.period.kind is not Kind.DAY else {},
                row_sums={} if scope.organisation_id else {ALL: [str(key) for key in names]},
                drawn="" if scope.organisation_id else "bars",
                across="rows",
            )
        ]

        if scope.period.kind is Kind.DAY:
            return told
        told.append(_along(scope, along, notes))
        if not scope.organisation_id:
            called: dict[str, Words] = {str(key): name for key, name in names.items()}
            title = _("In scope, by organisation, along the period")
            told.append(table_along("found", title, _("decision"), scope, called, found, [labels.ONCE, labels.REAL]))
        return told


def _events(scope: Scope) -> Iterator[tuple[int, str, str, int]]:
    """Organisation, what was done, mark of the period's axis, and how often."""
    moment = axis(scope.period).moment
    for case in tallies.opened(scope):
        yield case.organisation, "opened", case.mark, case.n
    for one in tallies.decided(scope):
        yield one.organisation, "decided", one.mark, one.n
        if one.verdict == Decision.Verdict.IN_SCOPE:
            yield one.organisation, "in_scope", one.mark, one.n
    # A mail to a provider may carry requests about several cases: those are counted one by one.
    items = OutboxItem.objects.filter(of_scope(scope), in_period(scope, "sent_at"), kind__in=WENT).order_by()
    others = items.exclude(kind="request").annotate(mark=moment("sent_at"))
    yield from others.values_list("case__organisation", "kind", "mark").annotate(n=Count("pk"))
    asked = Request.objects.filter(of_scope(scope), in_period(scope, "item__sent_at"), item__kind="request")
    asked = asked.exclude(purpose=Request.Purpose.WITHDRAWAL).order_by().annotate(mark=moment("item__sent_at"))
    for key, mark, count in asked.values_list("case__organisation", "mark").annotate(n=Count("pk")):
        yield key, "request", mark, count


def _along(scope: Scope, counts: Counter[tuple[str, str]], notes: Sequence[Words]) -> Table:
    """What all of the scope did, along the period; not published, as `table_along` says."""
    along = axis(scope.period)
    rows = rows_along(scope, list(COLUMNS), counts, {})
    return Table(
        "along",
        _("What was done, along the period"),
        _("case"),
        columns_of(COLUMNS),
        [replace(row, for_publication=False) for row in rows],
        notes=[*notes, labels.IN_HOUSE],
        row_sums={ALL: list(along.marks)},
        drawn="lines",
        across="rows",
    )


def _elsewhere(row: str) -> dict[tuple[str, str], list[tuple[str, str, str, str]]]:
    """The same in other figures, but for what was gone before its warning, and extensions of requests."""
    return {
        (row, "warning"): [("deletion", "watched", "warning", "all")],
        (row, "request"): [("providers", "providers", ALL, "asked")],
    }
