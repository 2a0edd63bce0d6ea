from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, Case, QuerySet, Sum, Value, When
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.categories import categories
from yoake.casework.count import labels
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.periods import Kind
from yoake.casework.due import TOKYO
from yoake.casework.quality.looking import COUNTS_KEPT
from yoake.casework.quality.models import ScoreCount
from yoake.casework.sources.models import QueryDay
from yoake.detect.category import FRAME

__all__ = ["Terms"]

SHOWN: Final = 20
ALL_POSTS: Final = "posts"
PER: Final = 1_000

NOTES: Final = (
    _("The {n} that changed most, the growing ones first: by how far the two rates lie apart, in standard errors."),
    _("Rates are per 1,000 posts, so that a period that is not over can stand beside a whole one."),
)  # fmt: skip


class Terms:
    """Which cues and words of the searches grow and which fall."""

    title = _("Terms that grow and fall")
    says = _(
        "How often the detector met each cue, and how many posts each search brought, in the period and in the one before. Sources of the practice desk are left out."
    )
    out_of = _("all posts that were read; of searches, all posts that searches brought")
    cut_off = ""
    source = _(
        "Change: the logarithm of the ratio of two rates over its standard error, with one half added to each count."
    )
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = False

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Cues, and words that are searched for."""
        return [_cues(scope), _searches(scope)]


@dataclass(frozen=True)
class _Term:
    """A term in the period and in the one before."""

    key: str
    label: Words
    n: int
    before: int
    in_scope: int = 0


def _cues(scope: Scope) -> Table:
    """Counts of hours are kept for 90 days: where a part of a period is gone already, nothing is said of it."""
    kept_from = scope.now - COUNTS_KEPT
    kept, kept_before = (one.since >= kept_from for one in (scope.period, scope.period.before))
    counted = ScoreCount.objects.filter(source__practice=False, hour__gte=scope.period.before.since).order_by()
    counted = counted.filter(hour__lt=min(scope.period.until, scope.now))
    if scope.organisation_id:
        counted = counted.filter(source__organisation_id=scope.organisation_id)
    counted = counted.annotate(is_now=_is_now("hour", scope.period.since))
    posts, posts_before = 0, 0
    n: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    if kept:
        told = dict(counted.values_list("is_now").annotate(n=Sum("posts")))
        posts, posts_before = told.get(True, 0), told.get(False, 0)
        for is_now, slug, cue, spans in _spans(counted):
            n[slug, cue][0 if is_now else 1] += spans
    terms = [_Term(f"{slug}:{cue}", _cue_label(slug, cue), *both) for (slug, cue), both in n.items()]
    notes: list[Words] = []
    if not kept_before:
        notes.append(_("Counts of cues are kept for 90 days: what is older cannot be told any more."))
    return _table(
        "cues",
        _("Cues the detector met"),
        _("place in a post"),
        _("posts read"),
        (posts, posts_before),
        terms,
        (kept, kept_before),
        notes,
    )


def _spans(counted: QuerySet[Any]) -> list[tuple[bool, str, str, int]]:
    """How many spans of each category and cue: the database opens the rows and sums, whatever their number."""
    inner, values = counted.values("is_now", "cues").query.sql_with_params()
    if connection.vendor == "postgresql":
        opened = "jsonb_each(t.cues) AS c(slug, each), jsonb_each_text(c.each) AS w(cue, n)"
        sql = f"SELECT t.is_now, c.slug, w.cue, SUM(w.n::bigint) FROM ({inner}) t, {opened} GROUP BY 1, 2, 3"  # noqa: S608
    else:
        opened = "json_each(t.cues) c, json_each(c.value) w"
        sql = f"SELECT t.is_now, c.key, w.key, SUM(w.value) FROM ({inner}) t, {opened} GROUP BY 1, 2, 3"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [(bool(is_now), slug, cue, int(n)) for is_now, slug, cue, n in cursor.fetchall()]


def _searches(scope: Scope) -> Table:
    before, until = scope.period.before, min(scope.period.last, scope.now.astimezone(TOKYO).date())
    days = QueryDay.objects.filter(query__source__practice=False, day__gte=before.first, day__lte=until).order_by()
    if scope.organisation_id:
        days = days.filter(query__source__organisation_id=scope.organisation_id)
    days = days.annotate(is_now=_is_now("day", scope.period.first))
    n: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for words, is_now, posts, in_scope in days.values_list("query__words", "is_now").annotate(
        n=Sum("posts"), inside=Sum("in_scope")
    ):
        n[words][0 if is_now else 1] += posts
        n[words][2] += in_scope if is_now else 0
    terms = [_Term(words, words, *counts) for words, counts in n.items()]
    posts = sum(term.n for term in terms), sum(term.before for term in terms)
    notes = [_("Whether a post was in scope counts on the day on which a search brought it.")]
    return _table(
        "searches",
        _("Words that were searched for"),
        _("post"),
        _("posts that searches brought"),
        posts,
        terms,
        (True, True),
        notes,
        in_scope=True,
    )


def _is_now(field: str, since: Any) -> Case:
    return Case(When(**{f"{field}__gte": since}, then=Value(True)), default=Value(False), output_field=BooleanField())


def _table(
    key: str,
    title: Words,
    unit: Words,
    all_label: Words,
    posts: tuple[int, int],
    terms: Iterable[_Term],
    kept: tuple[bool, bool],
    notes: Sequence[Words],
    *,
    in_scope: bool = False,
) -> Table:
    """The terms that changed most; `kept` says of this period and the one before whether anything can be told."""
    known, known_before = kept

    def change(term: _Term) -> float:
        if not (known_before and posts[0] and posts[1]):
            return term.n
        n, before = term.n + 0.5, term.before + 0.5
        return (math.log(n / posts[0]) - math.log(before / posts[1])) / math.sqrt(1 / n + 1 / before)

    def rate(n: int, of: int, told: bool) -> Cell:
        return Cell(PER * n / of, of=of, rests_on=n) if told and of else Cell(None)

    def cells(term: _Term) -> list[Cell]:
        told = [Cell(term.n if known else None), Cell(term.before if known_before else None)]
        rates = [rate(term.n, posts[0], known), rate(term.before, posts[1], known_before)]
        return [*told, *rates, *([Cell(term.in_scope)] if in_scope else [])]

    most = sorted(terms, key=lambda term: (-abs(change(term)), term.key))[:SHOWN]
    shown = sorted(most, key=lambda term: (-change(term), term.key))
    every = _Term(ALL_POSTS, all_label, *posts)
    first = [Cell(every.n if known else None), Cell(every.before if known_before else None), Cell(None), Cell(None)]
    columns = [
        Column("n", _("this period")),
        Column("before", _("the one before")),
        Column("rate", _("per 1,000 posts")),
        Column("rate_before", _("per 1,000 posts before")),
        *([Column("in_scope", _("in scope"))] if in_scope else []),
    ]
    rows = [
        Row(every.key, all_label, [*first, *([Cell(None)] if in_scope else [])], unit=_("post")),
        *(Row(term.key, term.label, cells(term)) for term in shown),
    ]
    return Table(
        key, title, unit, columns, rows, notes=[format_lazy(NOTES[0], n=SHOWN), NOTES[1], *notes], across="rows"
    )


def _cue_name(slug: str, cue: str) -> str:
    known = categories().get(slug)
    name = cue
    if known is not None:
        told = {one.name: one.label for one in known.cues}
        told |= {FRAME + one.name: one.label for one in known.frames}
        if cue in told:
            name = told[cue].en if (get_language() or "ja").startswith("en") else told[cue].ja
    return pgettext("a category and a cue", "%(category)s: %(cue)s") % {
        "category": labels.category(slug),
        "cue": name,
    }


_cue_label = lazy(_cue_name, str)
