from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.events import in_period, of_scope
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table
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
        "Cases that were opened, decided and found in scope, and what went to others in the period, by organisation."
    )
    out_of = ""
    cut_off = ""
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """A row for each organisation; of one organisation, only its own."""
        n: Counter[tuple[int, str]] = Counter()
        for case in tallies.opened(scope):
            n[case.organisation, "opened"] += case.n
        for one in tallies.decided(scope):
            n[one.organisation, "decided"] += one.n
            n[one.organisation, "in_scope"] += one.n if one.verdict == Decision.Verdict.IN_SCOPE else 0
        # A mail to a provider may carry requests about several cases: those are counted one by one.
        items = OutboxItem.objects.filter(of_scope(scope), in_period(scope, "sent_at"), kind__in=WENT).order_by()
        for key, kind, count in items.exclude(kind="request").values_list("case__organisation", "kind").annotate(n=Count("pk")):  # fmt: skip
            n[key, kind] = count
        asked = Request.objects.filter(of_scope(scope), in_period(scope, "item__sent_at"), item__kind="request")
        asked = asked.exclude(purpose=Request.Purpose.WITHDRAWAL).order_by()
        for key, count in asked.values_list("case__organisation").annotate(n=Count("pk")):
            n[key, "request"] = count
        organisations = Organisation.objects.order_by("pk")
        if scope.organisation_id:
            organisations = organisations.filter(pk=scope.organisation_id)
        names = dict(organisations.values_list("pk", "name"))
        rows = [Row(str(key), name, [Cell(n[key, what]) for what in COLUMNS]) for key, name in names.items()]
        if not scope.organisation_id:
            whole = [Cell(sum(n[key, what] for key in names)) for what in COLUMNS]
            rows.append(Row(ALL, labels.IN_ALL, whole))
        return [
            Table(
                "organisations",
                _("What was done, by organisation"),
                _("case"),
                [Column(key, label) for key, label in COLUMNS.items()],
                rows,
                notes=[
                    _(
                        "Each counts when it happened: what went in the period may be about a case that was decided before."
                    ),
                    _(
                        "Requests are counted for each case, also where one mail asks for several; second requests and extensions count, reminders and withdrawals do not."
                    ),
                    labels.ONCE,
                    labels.REAL,
                ],
                elsewhere=_elsewhere(str(scope.organisation_id or ALL)) if scope.period.kind is not Kind.DAY else {},
                row_sums={} if scope.organisation_id else {ALL: [str(key) for key in names]},
                drawn="" if scope.organisation_id else "bars",
                across="rows",
            )
        ]


def _elsewhere(row: str) -> dict[tuple[str, str], list[tuple[str, str, str, str]]]:
    """The same in other figures, but for what was gone before its warning, and extensions of requests."""
    return {
        (row, "warning"): [("deletion", "watched", "warning", "all")],
        (row, "request"): [("providers", "providers", ALL, "asked")],
    }
