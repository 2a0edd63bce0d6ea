from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.db.models import Count, DateTimeField, Q, Value
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Case, Claim
from yoake.casework.count import labels, tallies
from yoake.casework.count.events import WAITS, in_period, of_scope
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import HOUR, MINUTE, histogram, quantile, share

__all__ = ["Pace"]

End = Claim.End
HANDFUL: Final = 5  # of fewer people nothing is told that would tell about one of them
FINEST: Final = 1  # seconds: most cases are read within a minute


class Pace:
    """How work goes: decisions an hour, what waits, and whether clocks are kept."""

    title = _("How work goes")
    says = _(
        "Decisions an hour of work and how long people had a case (from when they opened it until they decided, skipped, gave back or handed on),"
        " in the period; what waits now; and how many of the period's decisions kept the service clock of their case."
    )
    out_of = _("of the clock: decisions of the period whose case has a clock")
    cut_off = _("What waits, and what is overdue, is told as it is now.")
    source = _("Interval of 95 %: Clopper and Pearson (1934), Biometrika 26, 404-413.")
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = False

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Work, what waits now, and the clock."""
        return [_work(scope), _waiting(scope), _clock(scope)]


def _work(scope: Scope) -> Table:
    claims = Claim.objects.filter(of_scope(scope), in_period(scope, "ended_at")).order_by()
    people = len(claims.values_list("user").distinct()[:HANDFUL])
    ended: Counter[str] = Counter()
    held: Counter[int] = Counter()
    seconds = 0
    timed = claims.annotate(seconds=SecondsBetween("taken_at", "ended_at"))
    for how, step, n, total in histogram(timed, "how", finest=FINEST):
        ended[how] += n
        if how != End.EXPIRED:
            seconds += total
        if how == End.DECIDED:
            held[step] += n
    enough = people >= HANDFUL
    median = quantile(held.items(), 0.5)
    rows = [
        ("hour", _("decisions an hour of work"), _made(ended[End.DECIDED] / (seconds / HOUR) if seconds else None, ended[End.DECIDED]), _("decision")),
        ("held", _("half of the decided cases were held at most"), _made(None if median is None else median / MINUTE, held.total()), _("minute")),
        ("decided", _("decided"), Cell(ended[End.DECIDED]), _("case")),
        ("skipped", _("skipped"), Cell(ended[End.SKIPPED]), _("case")),
        ("handed_on", _("handed on"), Cell(ended[End.HANDED_ON]), _("case")),
        ("released", _("given back"), Cell(ended[End.RELEASED]), _("case")),
        ("expired", _("time ran out"), Cell(ended[End.EXPIRED]), _("case")),
    ]  # fmt: skip
    return Table(
        "work",
        _("Work"),
        _("case"),
        [Column("n", _("in the period"))],
        [Row(key, label, [cell if enough else Cell(None)], unit=unit) for key, label, cell, unit in rows],
        notes=[
            _("A line of this table is told only where at least five people worked in the period: fewer, and it would tell about one of them."),
            _("An hour of work is an hour in which somebody had a case before them; time that ran out does not count. Decisions that were taken on several cases at once count with the time of the one that was open."),
            labels.REAL,
        ],
    )  # fmt: skip


def _made(value: float | None, of: int) -> Cell:
    """A time or a rate, made of so many."""
    return Cell(None) if value is None else Cell(value, of=of)


def _waiting(scope: Scope) -> Table:
    waiting = Case.objects.filter(of_scope(scope, ""), opened_at__lte=scope.now, state__in=WAITS).order_by()
    n = waiting.aggregate(
        all=Count("pk"),
        second=Count("pk", filter=Q(state=Case.State.SECOND_REVIEW)),
        folded=Count("pk", filter=Q(folded_into__isnull=False)),
        at_risk=Count("pk", filter=Q(at_risk=True)),
        overdue=Count("pk", filter=Q(decide_by__lt=scope.now)),
    )
    now = Value(scope.now, DateTimeField())
    timed = waiting.annotate(seconds=SecondsBetween("opened_at", now))
    ages = {step: n for step, n, _seconds in histogram(timed)}
    times = [quantile(ages.items(), part) for part in (0.5, 0.9)]
    rows = [
        Row("waiting", _("waiting"), [Cell(n["all"])]),
        Row("second", _("of these for a second judgement"), [Cell(n["second"])], 1),
        Row("folded", _("of these behind another that says nearly the same"), [Cell(n["folded"])], 1),
        Row("at_risk", _("of these about somebody at risk"), [Cell(n["at_risk"])], 1),
        Row("overdue", _("of these overdue by their service clock"), [Cell(n["overdue"])], 1),
        *(
            Row(key, label, [_made(None if seconds is None else seconds / MINUTE, n["all"])], unit=_("minute"))
            for key, label, seconds in zip(
                ("half", "nine_of_ten"),
                (_("half of them have waited at most"), _("nine of ten have waited at most")),
                times,
                strict=True,
            )
        ),
    ]
    return Table(
        "waiting",
        _("What waits now"),
        _("case"),
        [Column("n", _("now"))],
        rows,
        notes=[_("As it is now, whichever period is looked at."), labels.REAL],
    )


def _clock(scope: Scope) -> Table:
    decided: Counter[str] = Counter()
    in_time: Counter[str] = Counter()
    for one in tallies.judged(scope):
        if one.kept is not None:
            decided[one.category or NONE] += one.n
            in_time[one.category or NONE] += one.n if one.kept else 0
    slugs = [slug or NONE for slug in labels.in_order({"" if slug == NONE else slug for slug in decided})]

    def row(key: str, label: Words, kept: int, n: int, depth: int) -> Row:
        return Row(key, label, [Cell(n), Cell(kept), share(kept, n)], depth)

    rows = [row(ALL, labels.IN_ALL, in_time.total(), decided.total(), 0)]
    for slug in slugs:
        rows.append(row(slug, labels.category("" if slug == NONE else slug), in_time[slug], decided[slug], 1))
    return Table(
        "clock",
        _("Decided in time"),
        _("decision"),
        [Column("n", _("decided")), Column("kept", _("in time")), Column("share", _("share in time"))],
        rows,
        notes=[
            _("By the category that the detector named: it set the clock."),
            _("A case that was opened again is measured by its newest clock."),
            labels.ONCE,
            labels.REAL,
        ],
        row_sums={ALL: slugs} if slugs else {},
        across="rows",
    )
