from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case as CaseRow
from yoake.casework.cases.models import Decision, Received, ReceivedLine
from yoake.casework.count import labels
from yoake.casework.count.events import standing
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.periods import Kind
from yoake.casework.count.recapture import Estimate, estimate
from yoake.casework.quality.models import Sample

__all__ = ["Missed"]

WITHIN: Final = 14 * 24 * 3600  # seconds after the decision; until so long after the period not every item had them
PATROL, REPORTS, HAND = "patrol", "reports", "hand"
LISTS: Final[Mapping[str, Words]] = {PATROL: _("patrol"), REPORTS: _("reports (lists)"), HAND: _("found by hand")}
PAIRS: Final[Mapping[str, tuple[str, str, Words]]] = {
    "patrol_reports": (PATROL, REPORTS, _("patrol and reports (lists)")),
    "patrol_hand": (PATROL, HAND, _("patrol and found by hand")),
    "reports_hand": (REPORTS, HAND, _("reports (lists) and found by hand")),
}
_ITEM: Final = _("item")

Lists = frozenset[str]
Brought = Mapping[Lists, int]  # how many items exactly these lists brought


class Missed:
    """Capture and recapture between patrol, reports and what people find by hand."""

    title = _("How much is missed")
    says = _(
        "Items whose standing decision is “in scope”, in the period (Japan time) of that decision, by who brought them: the patrol (it opened the"
        " case, or later met what people had entered and would have queued it), reports (lists of addresses that were handed in), and"
        " people's own finds (form, bookmarklet, picture, or entered otherwise). From how many two of these brought both it follows how many"
        " there are in all, also of those that nobody brought. Left out are words without an address, because nobody can tell whether the"
        " patrol met them, and what only the blind sample turned up."
    )
    out_of = _("The share: what the patrol brought, of the estimated number of items in scope.")
    cut_off = _("What a second list brings up to 14 days after the decision counts.")
    source = _(
        "Chapman's estimator (1951) with Sadinle's transformed logit interval (2009) of 95 %; below seven items in both lists nothing is said"
        " (rule of thumb, Seber 1982). The lists, and the 14 days, are Yoake's own."
    )
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By category and by network: what each list brought, how many there are by each pair, and the patrol's share."""
        by_category: dict[str, Counter[Lists]] = {}
        by_network: dict[str, Counter[Lists]] = {}
        for row in _grouped(scope):
            if of := _lists(row):
                by_category.setdefault(row["category"], Counter())[of] += row["n"]
                by_network.setdefault(row["case__post__network"], Counter())[of] += row["n"]
        return [
            *_tables("category", by_category, labels.in_order(set(by_category)), labels.category, scope),
            *_tables("network", by_network, sorted(by_network), _network, scope),
        ]


def _grouped(scope: Scope) -> Iterable[dict[str, Any]]:
    """Standing decisions in scope by category, network and the lists that brought the item: one query.

    `lines`: the sum of what lines brought it in time (1: a list, 2: a person's find); None where it has no line at all.
    """
    in_time = Q(late__lte=WITHIN, received__at__lt=scope.now)
    listed = Q(received__how__in=(Received.How.LIST, Received.How.CSV, Received.How.XLSX))
    lines = (
        ReceivedLine.objects.filter(case=OuterRef("case"))
        .order_by()
        .values("case")
        .annotate(late=SecondsBetween(OuterRef("at"), F("received__at")))
        .values("case")
        .annotate(brought=Max(_one(in_time & listed)) + Max(_one(in_time & ~listed)) * 2)
    )
    entered = Q(case__origin=CaseRow.Origin.HAND)
    met = entered & Q(late__lte=WITHIN, case__met_at__lt=scope.now)
    sampled = Sample.objects.filter(
        uid=OuterRef("case__post__uid"), organisation=OuterRef("case__organisation"), verdict=Decision.Verdict.IN_SCOPE
    )  # of the same organisation: what another one's sample turned up is somebody's find here
    decided: Any = (
        standing(scope, verdict=Decision.Verdict.IN_SCOPE)
        .exclude(case__post__network="hand")
        .annotate(
            late=SecondsBetween(F("at"), F("case__met_at")),
            patrol=_one(~entered | met),
            lines=Subquery(lines.values("brought")),
            alone=_one(entered & Q(lines=None) & Q(~Exists(sampled))),
        )
        .values("category", "case__post__network", "patrol", "lines", "alone")
        .annotate(n=Count("pk"))
    )
    grouped: Iterable[dict[str, Any]] = decided
    return grouped


def _lists(row: Mapping[str, Any]) -> Lists:
    """The lists that brought the items of a row."""
    lines = row["lines"] or 0
    brought = {PATROL: row["patrol"], REPORTS: lines & 1, HAND: lines & 2 or row["alone"]}
    return frozenset(name for name, did in brought.items() if did)


def _one(condition: Q) -> Case:
    """1 where it holds, else 0."""
    return Case(When(condition, then=Value(1)), default=Value(0))


def _tables(
    of: str, counts: Mapping[str, Counter[Lists]], keys: Sequence[str], called: Callable[[str], Words], scope: Scope
) -> list[Table]:
    """The three tables by one thing (category, network), each with a row for all together."""
    whole: Counter[Lists] = Counter()
    for one in counts.values():
        whole.update(one)
    told = [*((key or labels.NONE, called(key), counts[key]) for key in keys), (labels.ALL, labels.IN_ALL, whole)]
    estimates = {key: {pair: _of_pair(brought, pair) for pair in PAIRS} for key, _label, brought in told}
    names = {"category": _NAMES_CATEGORY, "network": _NAMES_NETWORK}[of]
    sums = {labels.ALL: [key for key, _label, _brought in told[:-1]]}
    pairs = [Column(pair, label) for pair, (_first, _second, label) in PAIRS.items()]
    with_patrol = [column for column in pairs if PATROL in PAIRS[column.key][:2]]
    notes = [*_ASSUMED, *_disagree(told, estimates), *(_OF_NETWORKS if of == "network" else ())]
    not_final = [_NOT_FINAL] if scope.now < scope.period.until + timedelta(seconds=WITHIN) else []
    notes += not_final
    if not scope.organisation_id:
        notes.append(_OF_ALL)
    return [
        Table(
            f"brought_by_{of}",
            names[0],
            _ITEM,
            [*(Column(name, label) for name, label in LISTS.items()), *(Column(c.key, _both(c.label)) for c in pairs)],
            [Row(key, label, _brought(brought)) for key, label, brought in told],
            notes=[_LISTS, *not_final],
            row_sums=sums,
        ),
        Table(
            f"estimated_by_{of}",
            names[1],
            _ITEM,
            pairs,
            [Row(key, label, [_cell(estimates[key][pair]) for pair in PAIRS]) for key, label, _brought in told],
            notes=notes,
            drawn="bars",
            across="rows",
        ),
        Table(
            f"share_by_{of}",
            names[2],
            _("share of the estimate"),
            with_patrol,
            [
                Row(key, label, [_share(_sum(brought, PATROL), estimates[key][c.key]) for c in with_patrol])
                for key, label, brought in told
            ],
            notes=notes,
            drawn="bars",
            across="rows",
            percent=True,
        ),
    ]


def _sum(brought: Brought, *names: str) -> int:
    """How many items all of these lists brought."""
    return sum(n for of, n in brought.items() if of.issuperset(names))


def _brought(brought: Brought) -> list[Cell]:
    pairs = (pair[:2] for pair in PAIRS.values())
    return [*(Cell(_sum(brought, name)) for name in LISTS), *(Cell(_sum(brought, *pair)) for pair in pairs)]


def _of_pair(brought: Brought, pair: str) -> Estimate | None:
    first, second, _label = PAIRS[pair]
    return estimate(_sum(brought, first), _sum(brought, second), _sum(brought, first, second))


def _cell(found: Estimate | None) -> Cell:
    """An estimate in whole items, its interval rounded outwards."""
    return Cell(None) if found is None else Cell(round(found.n), math.floor(found.low), math.ceil(found.high))


def _share(part: int, found: Estimate | None) -> Cell:
    """What the patrol brought as a share of what there is; the more there is, the smaller it is."""
    return Cell(None) if found is None else Cell(part / found.n, part / found.high, min(1.0, part / found.low))


def _disagree(
    told: Sequence[tuple[str, Words, Brought]], estimates: Mapping[str, Mapping[str, Estimate | None]]
) -> list[Words]:
    """One sentence where the intervals of two pairs have nothing in common."""
    apart = []
    for key, label, _brought in told:
        known = [one for one in estimates[key].values() if one is not None]
        if any(one.apart(other) for one in known for other in known):
            apart.append(label)
    return [format_lazy(_DISAGREE, rows=_joined(apart))] if apart else []


def _listed(told: Sequence[Words]) -> str:
    return " / ".join(str(one) for one in told)


_joined = lazy(_listed, str)


def _both(pair: Words) -> Words:
    return format_lazy(_("by both: {pair}"), pair=pair)


def _network(name: str) -> Words:
    return _("web page, or a network not known by its address") if name == "web" else labels.network(name)


_NAMES_CATEGORY: Final = (
    _("Who brought it, by category"),
    _("How many there are, by category"),
    _("What the patrol found, by category"),
)
_NAMES_NETWORK: Final = (
    _("Who brought it, by network"),
    _("How many there are, by network"),
    _("What the patrol found, by network"),
)
_LISTS: Final = _("An item that two lists brought stands in both: the lists do not add up to all items.")
_DISAGREE: Final = _(
    "The pairs do not agree here (their intervals lie apart): {rows}. Then the lists are not independent of one another, and no one"
    " of these estimates should be quoted alone."
)
_ASSUMED: Final[tuple[Words, ...]] = (
    _("Nothing is said (a dash) where fewer than seven items were brought by both lists."),
    _(
        "The estimate supposes that the lists are independent. Where both easily find the same (conspicuous) items, it is too low; where"
        " people search just where the patrol does not, it is too high."
    ),
    _(
        "It also supposes that items neither come nor go between the lists, and that the same item is recognised in both: what was deleted before"
        " the second list could meet it makes the estimate too high."
    ),
    _(
        "That a patrol met what people had entered is recorded since the version that introduced this figure: for earlier periods the"
        " estimates with the patrol are too high."
    ),
)
_OF_NETWORKS: Final = (
    _(
        "What was handed in by an address that names no network counts as a web page until the network names it: where that is"
        " common, the rows of networks say less than the rows of categories."
    ),
)
_NOT_FINAL: Final = _("Not final: not every item of this period has had its 14 days yet.")
_OF_ALL: Final = _(
    "Of all organisations together each organisation's cases count by themselves: what one found and another was told of is not seen"
    " as the same item, and the estimates are too high."
)
