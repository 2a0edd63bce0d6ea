from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.moments import TokyoDay
from yoake.casework.count.periods import Kind, Period
from yoake.casework.due import TOKYO
from yoake.casework.quality import blind
from yoake.casework.quality.blind import Misses
from yoake.casework.quality.models import Sample
from yoake.learn.chances import clopper_pearson

__all__ = ["BlindSample"]

A_HUNDRED_THOUSAND: Final = 100_000
JUDGED: Final = (Column("judged", _("judged")), Column("missed", _("missed")), Column("unsure", _("cannot tell")))

Day = tuple[int, date]  # of an organisation


class BlindSample:
    """What the lot turned up among posts that were not queued."""

    title = _("What the queue missed, by the blind sample")
    says = _(
        "Of the posts that the patrol read and did not queue, so many a day are drawn by lot and judged by people who do not see what the detector"
        " said. They count for the day (Japan time) on which the post was read. Of a day only the lowest lots count, up to the first that nobody"
        " judged: whoever judges out of order does not bend the estimate. Days count by their samples. Missed is what was judged in scope;"
        " “cannot tell” is left out of the share. Nothing is said here of posts that the patrol never read."
    )
    out_of = _(
        "The share: samples judged “in scope” or “not in scope”. The queue's recall: what it found and what it missed on the sampled days."
    )
    cut_off = _("Judgements known when the figure is told; a sample can be judged for seven days.")
    source = _(
        "Interval of 95 %: Clopper and Pearson (1934), Biometrika 26, 404-413; that of the recall follows from it."
    )
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By month: how many were judged, what was missed and how much of all was found; and what was missed, by category."""
        last = min(scope.period.last, scope.now.astimezone(TOKYO).date() - timedelta(days=1))  # days that are over
        verdicts: defaultdict[Day, Counter[str]] = defaultdict(Counter)
        categories: Counter[str] = Counter()
        drawn = Sample.objects.filter(day__gte=scope.period.first, day__lte=last)
        if scope.organisation_id:
            drawn = drawn.filter(organisation_id=scope.organisation_id)
        lost: set[Day] = set()  # a source of theirs was removed, and its counts with it
        judged = blind.fair(drawn).values_list("organisation", "day", "verdict", "category")
        told_of = judged.annotate(n=Count("pk"), lost=Count("pk", filter=Q(source=None)))
        for organisation, day, verdict, category, n, of_removed in told_of:
            verdicts[organisation, day][verdict] += n
            if of_removed:
                lost.add((organisation, day))
            if verdict == Decision.Verdict.IN_SCOPE:
                categories[category] += n
        posts, found = _posts_and_found(scope, verdicts)
        counted = {day: one for day, one in verdicts.items() if posts[day] > 0 and day not in lost}
        months = scope.period.months() if scope.period.kind != Kind.MONTH else []
        spans = [(one.key, labels.period(one), one) for one in months]
        spans.append((labels.ALL, labels.IN_ALL if months else labels.period(scope.period), scope.period))
        told = [
            _Told(key, label, _misses(one, verdicts, posts, found), _misses(one, counted, posts, found))
            for key, label, one in spans
        ]
        return [*_by_month(told, whole=len(counted) == len(verdicts)), _by_category(told[-1].judged, categories)]


class _Told(NamedTuple):
    """What is told of a stretch of time: of all days with a sample that counts, and of those whose posts are counted."""

    key: str
    label: Words
    judged: Misses | None
    counted: Misses | None


def _posts_and_found(scope: Scope, days: Mapping[Day, object]) -> tuple[Counter[Day], Counter[Day]]:
    """Of the sampled days: posts that were not queued, and queued ones that were confirmed in scope."""
    posts: Counter[Day] = Counter()
    found: Counter[Day] = Counter()
    if not days:
        return posts, found
    span = min(day for _one, day in days), max(day for _one, day in days)
    counted, confirmed = blind.read(*span), blind.found(*span)
    if scope.organisation_id:
        counted = counted.filter(source__organisation_id=scope.organisation_id)
        confirmed = confirmed.filter(organisation_id=scope.organisation_id)
    by_hour = (
        counted.order_by().values_list("source__organisation", TokyoDay("hour")).annotate(not_queued=blind.NOT_QUEUED)
    )
    by_day = confirmed.order_by().values_list("organisation", TokyoDay("opened_at")).annotate(n=Count("pk"))
    for into, rows in ((posts, by_hour), (found, by_day)):
        for organisation, day, n in rows:
            if (key := (organisation, date.fromisoformat(day))) in days:
                into[key] += n
    return posts, found


def _misses(
    period: Period, verdicts: Mapping[Day, Counter[str]], posts: Mapping[Day, int], found: Mapping[Day, int]
) -> Misses | None:
    """What the samples of a period say; None where none counts."""
    days = [key for key in verdicts if period.first <= key[1] <= period.last]
    together: Counter[str] = Counter()
    for key in days:
        together.update(verdicts[key])
    if not days:
        return None
    since = min(day for _organisation, day in days)
    return Misses.of(since, together, sum(posts[key] for key in days), sum(found[key] for key in days))


def _by_month(told: Sequence[_Told], *, whole: bool) -> list[Table]:
    months = [one.key for one in told if one.key != labels.ALL]
    sums = {labels.ALL: months} if months else {}
    of_days = [_FAIR, _DAYS] if whole else [_FAIR, _DAYS, _REMOVED]
    return [
        Table(
            "judged",
            _("Samples judged"),
            _("sample"),
            JUDGED,
            [
                Row(key, label, [Cell(n) for n in ((one.judged, one.missed, one.unsure) if one else (0, 0, 0))])
                for key, label, one, _counted in told
            ],
            notes=[_FAIR],
            row_sums=sums,
        ),
        Table(
            "missed",
            _("Missed of 100,000 posts"),
            _("of 100,000 posts that were not queued"),
            [Column("missed", _("missed"))],
            [Row(key, label, [_of_many(one)]) for key, label, one, _counted in told],
            notes=[_FAIR, _NONE_IS_NOT_ZERO],
            drawn="lines" if months else "",
            across="rows",
        ),
        Table(
            "found_and_missed",
            _("Found and missed on the days sampled"),
            _("item"),
            [
                Column("posts", _("posts not queued")),
                Column("found", _("found by the queue")),
                Column("missed", _("missed (estimate)")),
            ],
            [
                Row(key, label, [Cell(one.posts), Cell(one.found), _expected(one)] if one else [Cell(None)] * 3)
                for key, label, _judged, one in told
            ],
            notes=of_days,
            row_sums=sums,
        ),
        Table(
            "recall",
            _("What the queue found of all there was"),
            _("share of items in scope"),
            [Column("recall", _("found by the queue"))],
            [Row(key, label, [_recall(one)]) for key, label, _judged, one in told],
            notes=of_days,
            drawn="lines" if months else "",
            across="rows",
            percent=True,
        ),
    ]


def _by_category(whole: Misses | None, categories: Counter[str]) -> Table:
    told = whole.told if whole else 0
    rows = []
    for slug in labels.in_order(set(categories)):
        n = categories[slug]
        rows.append(Row(slug or labels.NONE, labels.category(slug), [Cell(n), _rate(n, told)]))
    rows.append(Row(labels.ALL, labels.IN_ALL, [Cell(categories.total()), _of_many(whole)]))
    return Table(
        "category",
        _("What was missed, by category"),
        _("sample"),
        [Column("missed", _("missed")), Column("rate", _("of 100,000 posts that were not queued"))],
        rows,
        notes=[_FAIR, _NONE_IS_NOT_ZERO],
        row_sums={labels.ALL: [row.key for row in rows[:-1]]},
    )


def _rate(missed: int, told: int) -> Cell:
    """Of 100,000 posts, with its interval; nothing can be said of no sample."""
    if not told:
        return Cell(None)
    low, high = clopper_pearson(missed, told)
    return Cell(A_HUNDRED_THOUSAND * missed / told, A_HUNDRED_THOUSAND * low, A_HUNDRED_THOUSAND * high)


def _of_many(one: Misses | None) -> Cell:
    return _rate(one.missed, one.told) if one else Cell(None)


def _expected(one: Misses) -> Cell:
    """The estimate in whole posts, its interval rounded outwards."""
    estimate, low, high = one.expected
    return Cell(round(estimate), math.floor(low), math.ceil(high)) if one.told else Cell(None)


def _recall(one: Misses | None) -> Cell:
    """Nothing can be said where nobody could tell, nor where nothing was found or missed."""
    return Cell(*one.recall) if one and one.told and one.found + one.missed else Cell(None)


_FAIR: Final = _("Of each day the lowest lots count, up to the first that nobody judged; days count by their samples.")
_NONE_IS_NOT_ZERO: Final = _(
    "That no sample was in scope does not mean that nothing was missed: the upper end of the interval says how much it can be."
)
_REMOVED: Final = _(
    "Days are left out of which it is no longer known how many posts were read, because a source was removed since."
)
_DAYS: Final = _("Only days with a sample that counts: what was read, found and missed on other days is not in it.")
