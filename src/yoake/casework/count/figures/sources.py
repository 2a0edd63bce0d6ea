from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import share
from yoake.casework.sources.models import Source

__all__ = ["Sources"]

Verdict = Decision.Verdict
OPENED: Final = "opened"
COLUMNS: Final = [
    Column("opened", _("cases opened")),
    Column("decided", _("decided")),
    Column("in_scope", _("in scope")),
    Column("share", _("share in scope")),
]
NOTES: Final = [
    _(
        "Cases count as opened when they were opened, and as decided when they were decided: a case that was opened in the last period counts here only as decided."
    ),
    _("The share is that of “in scope” among “in scope” and “not in scope”; “cannot tell” and duplicates stand on neither side."),
    labels.ONCE,
    labels.REAL,
]  # fmt: skip

Counts = Counter[tuple[str, str]]  # by key of the row; opened, or a verdict


class Sources:
    """What sources and networks bring, and how much of it is in scope."""

    title = _("Where it came from")
    says = _(
        "Cases that were opened, decided and found in scope, by the source that brought them and by the network they stand on."
    )
    out_of = _("decisions “in scope” or “not in scope” of the period")
    cut_off = ""
    source = _("Interval of 95 %: Clopper and Pearson (1934), Biometrika 26, 404-413.")
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By source, and by network."""
        by_source: Counts = Counter()
        by_network: Counts = Counter()
        for case in tallies.opened(scope):
            by_source[_key(case.source), OPENED] += case.n
            by_network[_key(case.network), OPENED] += case.n
        for one in tallies.decided(scope):
            by_source[_key(one.source), one.verdict] += one.n
            by_network[_key(one.network), one.verdict] += one.n
        sources = Source.objects.filter(practice=False).order_by("name")
        if scope.organisation_id:
            sources = sources.filter(organisation_id=scope.organisation_id)
        names: dict[str, Words] = {str(pk): name for pk, name in sources.values_list("pk", "name")}
        names[NONE] = _("no source: added by hand, or the source was removed")

        def called(key: str) -> Words:
            return names.get(key, key)

        return [
            _table("sources", _("By source"), by_source, list(names), called),
            _table("networks", _("By network"), by_network, sorted({key for key, _what in by_network}), labels.network),
        ]


def _key(value: int | str | None) -> str:
    return NONE if value in (None, "") else str(value)


def _table(key: str, title: Words, n: Counts, rows: Sequence[str], called: Callable[[str], Words]) -> Table:
    """One with a row for each key, and all together; keys that are not named by `rows` stand behind them."""
    keys = [*rows, *sorted({row for row, _what in n} - set(rows))]
    whole: Counts = Counter()
    for (_row, what), count in n.items():
        whole[ALL, what] += count

    def row(one: str, label: Words, counts: Counts) -> Row:
        inside, outside = counts[one, Verdict.IN_SCOPE], counts[one, Verdict.NOT_IN_SCOPE]
        decided = sum(counts[one, verdict] for verdict in Verdict.values)
        return Row(
            one, label, [Cell(counts[one, OPENED]), Cell(decided), Cell(inside), share(inside, inside + outside)]
        )

    return Table(
        key,
        title,
        _("case"),
        COLUMNS,
        [*(row(one, called(one), n) for one in keys), row(ALL, labels.IN_ALL, whole)],
        notes=NOTES,
        row_sums={ALL: keys},
        drawn="bars",
        across="rows",
    )
