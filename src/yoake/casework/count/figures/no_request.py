from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from django.db.models import Count, Exists, OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels
from yoake.casework.count.events import requests_that_went, standing, taking_down
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.periods import Kind
from yoake.casework.request.models import NoRequest

__all__ = ["NoRequests"]

_ITEMS, _REQUESTED, _REASONED, _NEITHER = "items", "requested", "no_request", "neither"
_ROWS: Final[Mapping[str, tuple[Words, int]]] = {
    _ITEMS: (_("items in scope"), 0),
    _REQUESTED: (_("a request to take it down went"), 1),
    _REASONED: (_("nothing is requested, with a reason"), 1),
    **{str(why.value): (why.label, 2) for why in NoRequest.Why},
    _NEITHER: (_("neither a request nor a reason"), 1),
}


class NoRequests:
    """Why nothing was requested, beside what was."""

    title = _("Why nothing was requested")
    says = _(
        "Items decided in scope in the period (the decision that stands), each counted once: a first request to take the post or its account down"
        " went; or somebody wrote down why none is made; or neither. By the hotline class of the decision."
    )
    out_of = _("items decided in scope in the period")
    cut_off = _("requests that went, and reasons that stand, when the figure was asked")
    source = ""
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """One table, of one query."""
        went = requests_that_went(taking_down(), case=OuterRef("case"), started_at__lt=scope.now)
        reasons = NoRequest.objects.filter(case=OuterRef("case"), withdrawn_at=None, at__lt=scope.now).order_by()
        grouped = (
            standing(scope, verdict=Decision.Verdict.IN_SCOPE)
            .annotate(requested=Exists(went), why=Subquery(reasons.values("why")[:1]))
            .values_list("hotline_class", "requested", "why")
            .annotate(n=Count("pk"))
        )
        counts: Counter[tuple[str, str]] = Counter()
        for hotline_class, requested, why, n in grouped:
            part = _REQUESTED if requested else why or _NEITHER
            parts = {_ITEMS, part} if requested or not why else {_ITEMS, _REASONED, part}
            for row in parts:
                counts[row, hotline_class or labels.NONE] += n
                counts[row, labels.ALL] += n
        named = [name for name in labels.CLASSES if counts[_ITEMS, name]]
        others = sorted({name for _row, name in counts} - {*labels.CLASSES, labels.ALL, labels.NONE})
        classes = [*named, *others, *([labels.NONE] if counts[_ITEMS, labels.NONE] else [])]
        columns = [Column(labels.ALL, labels.IN_ALL)]
        columns += [Column(name, labels.hotline_class("" if name == labels.NONE else name)) for name in classes]
        return [
            Table(
                "reasons",
                self.title,
                _("item"),
                columns,
                [
                    Row(row, label, [Cell(counts[row, column.key]) for column in columns], depth)
                    for row, (label, depth) in _ROWS.items()
                ],
                (
                    labels.ONCE,
                    _("Where a request went although somebody had written down why none is made, the request counts."),
                    _("A request that is drafted or waits for approval did not go: it stands under “neither”. So does what only a warning went to."),
                ),
                row_sums={
                    _ITEMS: (_REQUESTED, _REASONED, _NEITHER),
                    _REASONED: tuple(str(why.value) for why in NoRequest.Why),
                },
                column_sums={labels.ALL: tuple(classes)},
            )
        ]  # fmt: skip
