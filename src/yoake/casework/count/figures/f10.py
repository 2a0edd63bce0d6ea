from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db.models import Case as CaseOf
from django.db.models import Count, DateTimeField, Exists, OuterRef, Value, When
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision, Outcome
from yoake.casework.count import white_paper as paper
from yoake.casework.count.events import REMOVED, requests_that_went, standing, taking_down
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Kind

__all__ = ["F10"]

LABELS = {
    "analysed": (_("Items analysed"), 0),
    "requests": (_("Response requests"), 0),
    "removed": (_("Removals completed"), 0),
}


class F10:
    """F-10: recruitment of perpetrators, from analysis to removal."""

    title = _("F-10: Recruitment of perpetrators: analysed, requested, removed")
    says = _(
        "Items analysed in the year (Japan time) as recruitment of perpetrators, whichever class that was on the day of the decision. Response"
        " requests: how many of them were the subject of a first request to remove the post or suspend the account that went. Removals completed:"
        " how many of these were found removed, or the account suspended, after that request; also where it came back later."
    )
    out_of = _("items analysed in the year")
    cut_off = _("requests and removals until the end of 31 January of the following year (Japan time)")
    source = paper.source("F-10")
    kinds = (Kind.YEAR,)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """One table: five years."""
        told = paper.years(scope)
        whens = [When(at__lt=one.until, then=Value(min(paper.end_of_january(one), scope.now))) for one in told]
        cohort = (
            standing(paper.over(scope), verdict=Decision.Verdict.IN_SCOPE, category=paper.RECRUITMENT)
            .exclude(hotline_class="")
            .annotate(year=paper.year_of("at", told), cut_off=CaseOf(*whens, output_field=DateTimeField()))
        )
        went = requests_that_went(taking_down(), case=OuterRef("case"))
        gone = Outcome.objects.filter(case=OuterRef("case"), what__in=REMOVED, at__lt=OuterRef("cut_off"))
        gone = gone.filter(Exists(went.filter(started_at__lte=OuterRef("at"))))
        grouped = cohort.annotate(
            requested=Exists(went.filter(started_at__lt=OuterRef("cut_off"))), removed=Exists(gone)
        ).values("year", "requested", "removed")
        n: Counter[tuple[int, str]] = Counter()
        for year, requested, removed, count in grouped.annotate(n=Count("pk")).values_list(
            "year", "requested", "removed", "n"
        ):
            n[year, "analysed"] += count
            n[year, "requests"] += requested * count
            n[year, "removed"] += removed * count
        spans = paper.ever_classed()
        cells = {row: [paper.cell(n[one.first.year, row], one, spans) for one in told] for row in LABELS}
        columns, rows, printed = paper.table_of("f10", scope, LABELS, cells)
        open_ = [one.key for one in told if scope.now < paper.end_of_january(one)]
        notes = [
            paper.UNIT,
            _("A dash: the hotline had no such class in that year. Recruitment was added on 29 September 2023."),
            paper.NOT_COMPARABLE,
            *printed,
        ]
        if open_:
            notes.append(paper.not_final(open_))
        # Recruitment of the class closely related to serious crimes, and beside it of other classes.
        elsewhere = {("analysed", one.key): [("f9", "analysed", "recruitment", one.key)] for one in told}
        return [Table("recruitment", self.title, paper.ITEM, columns, rows, notes, elsewhere=elsewhere, drawn="bars")]
