from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.periods import Kind
from yoake.detect.text.extraction import prefectures

__all__ = ["Prefectures"]


class Prefectures:
    """Which prefectures posts in scope speak of."""

    title = _("In scope, by prefecture")
    says = _("Decisions “in scope” by the first prefecture that the post names, or else the profile of its author.")
    out_of = ""
    cut_off = ""
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """A row for each prefecture that any post names, from north to south, and one for those that name none."""
        n: Counter[str] = Counter()
        for one in tallies.decided(scope):
            if one.verdict == Decision.Verdict.IN_SCOPE:
                n[one.prefecture] += one.n
        unknown, usual = n.pop("", 0), prefectures()
        named = sorted(n, key=lambda one: (one not in usual, usual.index(one) if one in usual else 0, one))
        rows: list[tuple[str, Words, int]] = [
            *((one, labels.prefecture(one), n[one]) for one in named),
            (NONE, _("no prefecture is named"), unknown),
            (ALL, labels.IN_ALL, sum(n.values()) + unknown),
        ]
        return [
            Table(
                "prefectures",
                _("In scope, by prefecture"),
                _("decision"),
                [Column("n", _("in scope"))],
                [Row(key, label, [Cell(count)]) for key, label, count in rows],
                notes=[
                    _(
                        "It is the place that words speak of, not where the author is; whoever recruits everywhere names none."
                    ),
                    labels.ONCE,
                    labels.REAL,
                ],
                row_sums={ALL: [*named, NONE]},
                drawn="bars",
                across="rows",
            )
        ]
