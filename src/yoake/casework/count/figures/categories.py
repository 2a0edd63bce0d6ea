from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.models import Decision
from yoake.casework.count import labels, tallies
from yoake.casework.count.along import axis, columns_of, rows_along
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table
from yoake.casework.count.labels import ALL, NONE
from yoake.casework.count.periods import Kind
from yoake.casework.count.white_paper import RECRUITMENT

__all__ = ["Categories"]


class Categories:
    """What was decided in scope, by category and by the hotline's class."""

    title = _("In scope, by category")
    says = _(
        "Decisions “in scope” by the category that was chosen, by hour, day or month (Japan time), and by the hotline's class that was valid that day."
    )
    out_of = ""
    cut_off = ""
    source = ""
    kinds = (Kind.DAY, Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By category, by category along the period, and by class."""
        along = axis(scope.period)
        n: Counter[tuple[str, str]] = Counter()
        whole: Counter[str] = Counter()
        classes: Counter[str] = Counter()
        classed: defaultdict[str, set[str]] = defaultdict(set)
        for one in tallies.decided(scope):
            if one.verdict == Decision.Verdict.IN_SCOPE:
                n[one.mark, one.category or NONE] += one.n
                whole[one.category or NONE] += one.n
                classes[one.hotline_class or NONE] += one.n
                classed[one.category or NONE].add(one.hotline_class or NONE)
        slugs = [slug or NONE for slug in labels.in_order({"" if slug == NONE else slug for slug in whole})]
        names = {slug: labels.category("" if slug == NONE else slug) for slug in slugs}
        told_classes = [*labels.CLASSES, *sorted(set(classes) - set(labels.CLASSES))]
        # Who knows which category is of which class adds categories up; of one that changed its class, only the rest is known.
        of_one_class = {
            (name, "n"): [("categories", "categories", slug, "n") for slug in slugs if classed[slug] == {name}]
            for name in told_classes
        }
        of_year = scope.period.kind is Kind.YEAR and RECRUITMENT in whole
        in_f10 = {(RECRUITMENT, "n"): [("f10", "recruitment", "analysed", scope.period.key)]} if of_year else {}
        notes = [labels.MAIN, labels.ONCE, labels.REAL]
        sums = {ALL: slugs}
        count_column = [Column("n", _("in scope"))]
        return [
            Table(
                "categories",
                _("In scope, by category"),
                _("decision"),
                count_column,
                [
                    *(Row(slug, names[slug], [Cell(whole[slug])]) for slug in slugs),
                    Row(ALL, labels.IN_ALL, [Cell(whole.total())]),
                ],
                notes=notes,
                row_sums=sums,
                elsewhere=in_f10,
                drawn="bars",
                across="rows",
            ),
            Table(
                "along",
                _("In scope, by category, along the period"),
                _("decision"),
                columns_of({**names, ALL: labels.IN_ALL}),
                rows_along(scope, [*slugs, ALL], n, sums),
                notes=notes,
                row_sums={ALL: list(along.marks)},
                column_sums=sums,
                drawn="stacked",
                across="rows",
            ),
            Table(
                "classes",
                _("In scope, by the hotline's class"),
                _("decision"),
                count_column,
                [
                    *(
                        Row(name, labels.hotline_class("" if name == NONE else name), [Cell(classes[name])])
                        for name in told_classes
                    ),
                    Row(ALL, labels.IN_ALL, [Cell(classes.total())]),
                ],
                notes=[_("The class is the one that was valid on the day of the decision."), labels.ONCE, labels.REAL],
                row_sums={ALL: told_classes},
                elsewhere=of_one_class,
                drawn="bars",
                across="rows",
            ),
        ]
