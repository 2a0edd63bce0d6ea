from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Case, CharField, Count, F, OuterRef, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision, Finding, SecondReview
from yoake.casework.count import labels, tallies
from yoake.casework.count.events import in_period, of_scope
from yoake.casework.count.figure import Column, Row, Scope, Table, Words
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import share
from yoake.casework.quality.measuring import double_right, single_right
from yoake.casework.quality.models import Flagged
from yoake.tables.findings import HIGH, MID

__all__ = ["Precision"]

DOUBLE, SINGLE = "double", "single"
COLUMNS: Final = (
    Column(HIGH, _("strong signs")),
    Column(MID, _("some signs")),
    Column(labels.ALL, _("strong or some signs")),
)

MOST: Final = 100_000  # judgements by one person that are looked at; of more, every second, third ...

Place = tuple[str, str]  # detector with its version, category; "" for all
Counts = Counter[tuple[Place, str, str]]  # place, grade, what: double, single, and these with _right


class Precision:
    """How much of what detectors flagged was right."""

    title = _("How right the detector is")
    says = _(
        "Findings with strong signs (grade high) or some signs (grade mid) on what people judged “in scope” or “not in scope” in the period (Japan time of the first"
        " judgement). A finding is right when the item was judged in scope under the finding's category, first or beside another one. By two"
        " people: of the judgements that the lot put before a second person (who did not see the first), what both or a supervisor say. By one"
        " person: the judgement that stands. Left out are “cannot tell”, duplicates, judgements taken back, reviews that a rule demanded,"
        " and practice."
    )
    out_of = _("findings of that grade whose item was judged")
    cut_off = _("What is known when the figure is told: a second judgement may come after the period.")
    source = _("Interval of 95 %: Clopper and Pearson (1934), Biometrika 26, 404-413.")
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By category and by detector version: first by two people, then by one."""
        counts, step = _counted(scope)
        weaker = (_ONE, *([format_lazy(_EVERY, step=step)] if step > 1 else ()))
        categories = labels.in_order({category for (_detector, category), _grade, _what in counts if category})
        detectors = sorted({detector for (detector, _category), _grade, _what in counts if detector})
        by_category = [*((("", one), one, labels.category(one), 0) for one in categories), _WHOLE]
        by_detector: list[tuple[Place, str, Words, int]] = []
        for detector in detectors:
            by_detector.append(((detector, ""), detector, detector, 0))
            there = [one for one in categories if any(place == (detector, one) for place, _grade, _what in counts)]
            by_detector += [((detector, one), f"{detector} / {one}", labels.category(one), 1) for one in there]
        by_detector.append(_WHOLE)
        return [
            _table("double_by_category", _("By category, judged by two people"), counts, by_category, DOUBLE, (_TWO,)),
            _table(
                "single_by_category",
                _("By category, judged by one person (weaker)"),
                counts,
                by_category,
                SINGLE,
                weaker,
            ),
            _table(
                "double_by_detector",
                _("By detector version, judged by two people"),
                counts,
                by_detector,
                DOUBLE,
                (_TWO,),
            ),
            _table(
                "single_by_detector",
                _("By detector version, judged by one person (weaker)"),
                counts,
                by_detector,
                SINGLE,
                weaker,
            ),
        ]


_WHOLE: Final[tuple[Place, str, Words, int]] = (("", ""), labels.ALL, labels.IN_ALL, 0)


def _counted(scope: Scope) -> tuple[Counts, int]:
    """How many there are and how many were right, at every place and its sums; and of how many one person's are one."""
    counts: Counts = Counter()
    step = -(-sum(one.n for one in tallies.decided(scope)) // MOST) or 1
    every: Any = (
        Decision.objects.filter(in_period(scope, "at")).annotate(place=F("pk") % step).filter(place=0).values("pk")
    )
    drawn: Any = SecondReview.objects.filter(drawn=True).values("first")
    flags = Flagged.objects.filter(of_scope(scope, "decision__case"), in_period(scope, "decision__at")).order_by()
    # Right or not is grouped by, not counted with a condition: so each is asked once.
    for what, right, of in ((SINGLE, single_right(), every), (DOUBLE, double_right(), drawn)):
        told = flags.filter(decision__in=of).annotate(told=_grade(), right=right).exclude(right=None)
        rows = told.values_list("detector", "detector_version", "category", "told", "right").annotate(n=Count("pk"))
        for detector, version, category, grade, is_right, n in rows:
            named = f"{detector} {version}"
            for place in ((named, category), (named, ""), ("", category), ("", "")):
                for one in {grade, labels.ALL}:
                    counts[place, one, what] += n
                    counts[place, one, f"{what}_right"] += n * is_right
    return counts, step


def _grade() -> Case:
    """The grade a finding had: as its case says where it is the strongest there, else as the finding itself says.

    Of what is recorded only, or was stopped, the finding is gone; "" where the case does not know either.
    """
    said = Finding.objects.filter(
        version=OuterRef("decision__version"), category=OuterRef("category"), detector=OuterRef("detector"),
        detector_version=OuterRef("detector_version"),
    )  # fmt: skip
    return Case(
        When(decision__case__category=F("category"), decision__case__score=F("score"), then=F("decision__case__grade")),
        default=Coalesce(Subquery(said.values("grade")[:1]), Value("")),
        output_field=CharField(),
    )


def _table(
    key: str,
    title: Words,
    counts: Counts,
    places: Sequence[tuple[Place, str, Words, int]],
    of: str,
    notes: Sequence[Words],
) -> Table:
    told = [
        Row(name, label, [share(counts[place, c.key, f"{of}_right"], counts[place, c.key, of]) for c in COLUMNS], depth)
        for place, name, label, depth in places
    ]
    sums: dict[str, Sequence[str]] = {labels.ALL: [row.key for row in told if not row.depth and row.key != labels.ALL]}
    for row in (row for row in told if not row.depth and row.key != labels.ALL):
        if below := [one.key for one in told if one.key.startswith(f"{row.key} / ")]:
            sums[row.key] = below
    graded = sum(counts[("", ""), grade, of] for grade in (HIGH, MID)) == counts[("", ""), labels.ALL, of]
    return Table(
        key,
        title,
        _("share of findings that were right"),
        COLUMNS,
        told,
        notes=(*_NOTES, *notes),
        row_sums=sums,
        column_sums={labels.ALL: (HIGH, MID)} if graded else {},
        drawn="bars" if key == "double_by_category" else "",
        across="rows",
        percent=True,
    )


_NOTES: Final[tuple[Words, ...]] = (
    _("One item may have several findings: of several categories, or of several detectors. Each counts once."),
    _("What people entered themselves is counted too where the detector would have queued it."),
    _(
        "Of a few items (recorded only, or stopped) it is no longer known which grade a finding had: they stand under “strong or some signs” alone."
    ),
)
_TWO: Final = _(
    "The lot chose these items whatever was judged: they are a fair draw of all judgements, and this is the figure to quote."
)
_ONE: Final = _(
    "Weaker than what two people judged: whoever judges sees what the detector said, and one person's slip stands. It tells how"
    " the share moves, not how right the detector is."
)
_EVERY: Final = _("There are so many judgements by one person that only one in {step} was looked at.")
