from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case, Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.events import in_period, of_scope, standing
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import ABSURD, MINUTE, histogram, quantile
from yoake.casework.outbox.models import OutboxItem
from yoake.casework.report.models import EmergencyCall
from yoake.casework.request.models import Request

__all__ = ["Times"]

ACTS: Final = (OutboxItem.Kind.WARNING, OutboxItem.Kind.REQUEST, OutboxItem.Kind.REPORT, OutboxItem.Kind.HELP)
COLUMNS: Final = [
    Column("n", _("how many")),
    Column("median", _("half within"), _("minute")),
    Column("ninety", _("nine of ten within"), _("minute")),
]  # fmt: skip
STEPS: Final = _(
    "Half, and nine of ten, took at most so long (nearest rank). Exact to the minute below a day, to the hour below 31 days, to the day above."
)

Histograms = dict[str, Counter[int]]  # by category: seconds -> how many


class Times:
    """How long it took from posting to the queue, to the decision, to the first act."""

    title = _("How long it took")
    says = _(
        "Time from posting to the queue (cases of patrols that were opened in the period), from the queue to the decision that stands, and from"
        " that decision to the first warning, request, report or help that went (decisions of the period); for people at risk, from the queue"
        " to the first help."
    )
    out_of = _("those of which both times are known")
    cut_off = _("Acts are looked at until now, also for a period that is long over.")
    source = _(
        "Quantiles by nearest rank: Hyndman and Fan (1996), The American Statistician 50, 361-365, definition 1."
    )
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """A table a way, each by category."""
        found = Case.objects.filter(
            of_scope(scope, ""), in_period(scope, "opened_at"), origin=Case.Origin.PATROL, post__posted_at__isnull=False
        ).order_by()
        posted = _counted(found, "category", SecondsBetween("post__posted_at", "opened_at"))
        decided: Histograms = defaultdict(Counter)
        for one in tallies.judged(scope):
            decided[one.category or NONE][one.step] += one.n
        inside = standing(scope, verdict=Decision.Verdict.IN_SCOPE)
        acted = _counted(inside.annotate(first=_first_act("at")), "category", SecondsBetween("at", "first"))
        helped = _counted(
            inside.filter(at_risk=True).annotate(first=_first_help()),
            "category",
            SecondsBetween("case__opened_at", "first"),
        )
        after = _("Of decisions “in scope” after which nothing went, no time can be told: they are left out.")
        return [
            _table(
                "to_queue",
                _("From posting to the queue"),
                _("case"),
                posted,
                [_("When a post was written is what its author's client claims.")],
            ),
            _table("to_decision", _("From the queue to the decision"), _("decision"), decided, [labels.ONCE]),
            _table("to_act", _("From the decision to the first act"), _("decision"), acted, [after, labels.MAIN]),
            _table(
                "to_help",
                _("People at risk: from the queue to the first help"),
                _("decision"),
                helped,
                [
                    _("Help is what went to a desk, a network or the person, and a call to 110 or to the force's own emergency desk."),
                    after,
                ],
            ),
        ]  # fmt: skip


def _counted(rows: QuerySet[Any], category: str, seconds: SecondsBetween) -> Histograms:
    """Histograms by category; what has no second time is left out."""
    n: Histograms = defaultdict(Counter)
    for slug, step, count, _seconds in histogram(rows.annotate(seconds=seconds), category):
        n[slug or NONE][step] += count
    return n


def _first_act(since: str) -> Any:
    """When the first act about a decision's case went, not before `since`; a mail may carry requests about several cases."""
    own = OutboxItem.objects.filter(case=OuterRef("case"), kind__in=ACTS, sent_at__gte=OuterRef(since))
    asked = Request.objects.filter(case=OuterRef("case"), item__sent_at__gte=OuterRef(since))
    return _earlier(
        Subquery(own.order_by("sent_at").values("sent_at")[:1]),
        Subquery(asked.order_by("item__sent_at").values("item__sent_at")[:1]),
    )


def _first_help() -> Any:
    """When somebody who helps was told of a decision's case first."""
    told = OutboxItem.objects.filter(case=OuterRef("case"), kind=OutboxItem.Kind.HELP, sent_at__isnull=False)
    called = EmergencyCall.objects.filter(case=OuterRef("case")).exclude(how=EmergencyCall.How.NO_DANGER)
    return _earlier(
        Subquery(told.order_by("sent_at").values("sent_at")[:1]), Subquery(called.order_by("at").values("at")[:1])
    )


def _earlier(one: Any, other: Any) -> Any:
    """The earlier of two times of which either may be missing: SQLite then says that nothing is the least."""
    return Coalesce(Least(one, other), one, other)


def _table(
    key: str, title: Words, unit: Words, counted: Histograms, notes: Sequence[Words]
) -> Table:  # fmt: skip
    left_out = sum(one.pop(ABSURD, 0) for one in counted.values())
    counted = {slug: one for slug, one in counted.items() if one}
    slugs = [slug or NONE for slug in labels.in_order({"" if slug == NONE else slug for slug in counted})]
    whole: Counter[int] = Counter()
    for one in counted.values():
        whole.update(one)
    rows = [_row(ALL, labels.IN_ALL, whole, 0)]
    rows += [_row(slug, labels.category("" if slug == NONE else slug), counted[slug], 1) for slug in slugs]
    told = [*notes, STEPS, labels.REAL]
    if left_out:
        told.append(labels.MISTAKEN)
    return Table(key, title, unit, COLUMNS, rows, notes=told, row_sums={ALL: slugs} if slugs else {}, across="rows")


def _row(key: str, label: Words, counted: Counter[int], depth: int) -> Row:
    told = [quantile(counted.items(), part) for part in (0.5, 0.9)]
    n = counted.total()
    times = [Cell(None) if seconds is None else Cell(seconds / MINUTE, of=n) for seconds in told]
    return Row(key, label, [Cell(n), *times], depth)
