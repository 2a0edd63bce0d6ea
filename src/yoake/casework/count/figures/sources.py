from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.along import table_along
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
        "Cases that were opened, decided and found in scope, by the source that brought them and by the network they stand on; of a month, a"
        " year and a fiscal year those in scope also by day or month (Japan time)."
    )
    out_of = _("decisions “in scope” or “not in scope” of the period")
    cut_off = ""
    source = _("Interval of 95 %: Clopper and Pearson (1934), Biometrika 26, 404-413.")
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By source, and by network: the whole period, and what was in scope along it."""
        by_source: Counts = Counter()
        by_network: Counts = Counter()
        sources_along: Counts = Counter()  # by mark and row
        networks_along: Counts = Counter()
        for case in tallies.opened(scope):
            by_source[_key(case.source), OPENED] += case.n
            by_network[_key(case.network), OPENED] += case.n
        for one in tallies.decided(scope):
            by_source[_key(one.source), one.verdict] += one.n
            by_network[_key(one.network), one.verdict] += one.n
            if one.verdict == Verdict.IN_SCOPE:
                sources_along[one.mark, _key(one.source)] += one.n
                networks_along[one.mark, _key(one.network)] += one.n
        sources = Source.objects.filter(practice=False).order_by("name")
        if scope.organisation_id:
            sources = sources.filter(organisation_id=scope.organisation_id)
        names: dict[str, Words] = {str(pk): name for pk, name in sources.values_list("pk", "name")}
        names[NONE] = _("no source: added by hand, or the source was removed")

        source_keys = _keys(by_source, list(names))
        of_sources = {key: names.get(key, key) for key in source_keys}
        of_networks = {key: labels.network("" if key == NONE else key) for key in _keys(by_network, [])}
        told = [
            _table("sources", _("By source"), by_source, of_sources),
            _table("networks", _("By network"), by_network, of_networks),
        ]
        if scope.period.kind is Kind.DAY:
            return told
        notes = [labels.ONCE, labels.REAL]
        return [
            *told,
            table_along(
                "sources_along",
                _("In scope, by source, along the period"),
                _("decision"),
                scope,
                _found(of_sources, sources_along),
                sources_along,
                notes,
                drawn="",
            ),
            table_along(
                "networks_along",
                _("In scope, by network, along the period"),
                _("decision"),
                scope,
                _found(of_networks, networks_along),
                networks_along,
                notes,
            ),
        ]


def _keys(n: Counts, first: Sequence[str]) -> list[str]:
    """These keys, and behind them others of which something was counted."""
    return [*first, *sorted({row for row, _what in n} - set(first))]


def _key(value: int | str | None) -> str:
    return NONE if value in (None, "") else str(value)


def _found(names: Mapping[str, Words], along: Counts) -> Mapping[str, Words]:
    """The names under which anything was found; all of them where nothing was."""
    found = {name for (_mark, name), n in along.items() if n}
    return {key: label for key, label in names.items() if key in found} or names


def _table(key: str, title: Words, n: Counts, names: Mapping[str, Words]) -> Table:
    """One with a row for each name, and all together."""
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
        [*(row(one, label, n) for one, label in names.items()), row(ALL, labels.IN_ALL, whole)],
        notes=NOTES,
        row_sums={ALL: list(names)},
        drawn="bars",
        across="rows",
    )
