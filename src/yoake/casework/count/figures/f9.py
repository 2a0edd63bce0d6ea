from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import white_paper as paper
from yoake.casework.count.events import standing
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Kind

__all__ = ["F9"]

CLASSES = (paper.ILLEGAL, paper.SUICIDE, paper.SERIOUS)
LABELS = {
    "total": (_("Items analysed, total"), 0),
    paper.ILLEGAL: (_("Illegal information"), 0),
    paper.SUICIDE: (_("Suicide-inducing information"), 0),
    paper.SERIOUS: (_("Information closely related to serious crimes"), 0),
    "recruitment": (_("of these, recruitment of perpetrators"), 1),
    "others": (_("of these, others"), 1),
}


class F9:
    """F-9: items analysed, by the hotline's class."""

    title = _("F-9: Items analysed, by class")
    says = _(
        "Items whose standing decision is “in scope”, in the year (Japan time) of that decision, by the hotline's class that was valid that day:"
        " illegal, suicide-inducing, or closely related to serious crimes. Left out is what is not subject to analysis: out of scope, cannot tell,"
        " duplicates, decisions that were taken back or wait for a second person, practice, and the classes harmful, at risk and record-only."
    )
    out_of = ""
    cut_off = ""
    source = paper.source("F-9")
    kinds = (Kind.YEAR,)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """One table: five years."""
        told = paper.years(scope)
        decided = standing(paper.over(scope), verdict=Decision.Verdict.IN_SCOPE, hotline_class__in=CLASSES)
        by_day = decided.values_list("day", "hotline_class", "category").annotate(n=Count("pk"))
        n: Counter[tuple[int, str]] = Counter()
        for day, named, slug, count in by_day:
            year = paper.year_on(day, told)
            n[year, "total"] += count
            n[year, named] += count
            if named == paper.SERIOUS:
                n[year, "recruitment" if slug == paper.RECRUITMENT else "others"] += count
        spans = {name: paper.in_force(name) for name in CLASSES}
        spans |= {
            "total": [span for name in CLASSES for span in spans[name]],
            "recruitment": paper.in_force(paper.SERIOUS, recruitment=True),
            "others": paper.in_force(paper.SERIOUS, recruitment=False),
        }
        cells = {row: [paper.cell(n[one.first.year, row], one, spans[row]) for one in told] for row in LABELS}
        columns, rows, printed = paper.table_of("f9", scope, LABELS, cells)
        notes = (
            paper.UNIT,
            _(
                "The classes harmful, at risk and record-only are not part of this table. Illegal information of which only address and time are recorded"
                " (obscene display, for instance) is: what counts is the class."
            ),
            _(
                "A dash: the class did not exist in that year. Information closely related to serious crimes has existed since 15 February 2023;"
                " recruitment of perpetrators belonged to it from 29 September 2023 to 28 February 2025 and is illegal information since 1 March"
                " 2025."
            ),
            *printed,
            *([paper.running(open_)] if (open_ := [one.key for one in told if scope.now < one.until]) else ()),
        )
        sums = {"total": CLASSES, paper.SERIOUS: ("recruitment", "others")}
        return [Table("analysed", self.title, paper.ITEM, columns, rows, notes, row_sums=sums, drawn="stacked")]
