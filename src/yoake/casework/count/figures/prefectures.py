from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.along import table_along
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.periods import Kind
from yoake.detect.text.extraction import prefectures

__all__ = ["Prefectures"]

SHOWN: Final = 10  # prefectures that stand day by day: those with the most
OTHERS: Final = "others"


class Prefectures:
    """Which prefectures posts in scope speak of."""

    title = _("In scope, by prefecture")
    says = _(
        "Decisions “in scope” by the first prefecture that the post names, or else the profile of its author; of a month, a year and a fiscal"
        " year also by day or month (Japan time)."
    )
    out_of = ""
    cut_off = ""
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """A row for each prefecture that any post names, from north to south, and one for those that name none; the same along the period."""
        n: Counter[str] = Counter()
        along: Counter[tuple[str, str]] = Counter()
        for one in tallies.decided(scope):
            if one.verdict == Decision.Verdict.IN_SCOPE:
                n[one.prefecture] += one.n
                along[one.mark, one.prefecture or NONE] += one.n
        unknown, usual = n.pop("", 0), prefectures()
        named = sorted(n, key=lambda one: (one not in usual, usual.index(one) if one in usual else 0, one))
        rows: list[tuple[str, Words, int]] = [
            *((one, labels.prefecture(one), n[one]) for one in named),
            (NONE, _("no prefecture is named"), unknown),
            (ALL, labels.IN_ALL, sum(n.values()) + unknown),
        ]
        place = _(
            "It is the place that words speak of, not where the author is; whoever recruits everywhere names none."
        )
        notes = [place, labels.ONCE, labels.REAL]
        told = [
            Table(
                "prefectures",
                _("In scope, by prefecture"),
                _("decision"),
                [Column("n", _("in scope"))],
                [Row(key, label, [Cell(count)]) for key, label, count in rows],
                notes=notes,
                row_sums={ALL: [*named, NONE]},
                drawn="bars",
                across="rows",
            )
        ]
        if scope.period.kind is Kind.DAY:
            return told
        shown = named
        if scope.period.kind is Kind.MONTH and len(named) > SHOWN + 1:
            most = sorted(named, key=lambda one: -n[one])[:SHOWN]
            shown = [one for one in named if one in most]
            along = _with_others(along, {*shown, NONE})
            notes = [_("By day stand the prefectures with the most; each one stands in the table above."), *notes]
        names: dict[str, Words] = {one: labels.prefecture(one) for one in shown}
        names |= {} if shown == named else {OTHERS: _("other prefectures")}
        names[NONE] = _("no prefecture is named")
        title = _("In scope, by prefecture, along the period")
        across = scope.period.kind is Kind.MONTH
        return [*told, table_along("along", title, _("decision"), scope, names, along, notes, names_across=across)]


def _with_others(along: Counter[tuple[str, str]], shown: set[str]) -> Counter[tuple[str, str]]:
    """Those that are not shown as one."""
    told: Counter[tuple[str, str]] = Counter()
    for (mark, name), count in along.items():
        told[mark, name if name in shown else OTHERS] += count
    return told
