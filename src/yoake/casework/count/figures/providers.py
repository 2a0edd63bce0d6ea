from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.utils.functional import lazy
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from yoake.casework.count import labels
from yoake.casework.count.events import in_period, of_scope, taking_down
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.moments import SecondsBetween
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import ABSURD, HOUR, histogram, share
from yoake.casework.count.survival import median_of
from yoake.casework.registers.models import Body
from yoake.casework.registers.shipped import shipped_bodies
from yoake.casework.request.figures import asked, counted

__all__ = ["Providers"]

_KINDS: Final[Mapping[str, Words]] = {
    "removal": pgettext_lazy("request", "Removal of the post"),
    "suspension": pgettext_lazy("request", "Suspension of the account"),
    "preservation": pgettext_lazy("request", "Preservation of records"),
    "disclosure": pgettext_lazy("request", "Inquiry about the author"),
}
_COLUMNS: Final[Mapping[str, Words]] = {
    "asked": _("requests that went"),
    "answered": _("answered"),
    "said_removed": _("they say: removed or done"),
    "refused": _("refused"),
    "otherwise": _("answered otherwise"),
    "bounced": _("did not arrive"),
    "silent": _("no answer in time"),
    "waits": _("still in time"),
    "removed": _("a check found it gone"),
}
_COUNTS: Final = [Column(key, label) for key, label in _COLUMNS.items()]
_SUMS: Final = {
    "asked": ("answered", "bounced", "silent", "waits"),
    "answered": ("said_removed", "refused", "otherwise"),
}
_SHARES: Final = [
    Column("removed", _("a check found it gone, of requests to take down")),
    Column("refused", _("refused, of requests to take down")),
    Column("answered", _("answered, of all requests")),
]
_ONE_BY_ONE: Final = _(
    "A request is about one case; a mail about several is several requests. First and second requests (after a refusal) both count; reminders,"
    " extensions and withdrawals do not."
)
_GONE: Final = _(
    "Gone is what a check found removed, or the account suspended, after the request, whatever they said; somebody else may have made it go."
)

Counts = dict[str, int]


class Providers:
    """What providers were asked, what they answered, and how soon."""

    title = _("Requests to providers")
    says = _(
        "Requests that went in the period, by provider and by what was asked: answered (that it arrived is no answer), refused, found gone by a"
        " check, without an answer when their time was over (five business days after the request or its reminder). Time until they answered."
    )
    out_of = _(
        "requests that went in the period; for what was gone and refused, those to take a post or an account down"
    )
    cut_off = _("everything known when the figure was asked: no fixed time after the request, so F-10 and F-11 differ")
    source = ""
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """By provider: counts, shares, reply times; by kind: counts. Three queries."""
        went = asked(started_at__isnull=False).filter(of_scope(scope), in_period(scope, "started_at"))
        by_both: dict[tuple[str, str], Counts] = defaultdict(Counts)
        bodies: dict[str, tuple[str, int]] = {}
        for row in counted(went, scope.now, "organisation_id", "body", "kind"):
            key = _key(row["body"], row["organisation_id"])
            bodies[key] = row["body"], row["organisation_id"]
            row["otherwise"] = row["answered"] - row["refused"] - row["said_removed"]
            _add(by_both[key, row["kind"]], row)
        names, down = _names(bodies), taking_down()
        providers = _sums({(body,): [n for (one, _kind), n in by_both.items() if one == body] for body in bodies})
        by_kind = _sums({(kind,): [n for (_body, one), n in by_both.items() if one == kind] for _b, kind in by_both})
        downward = _sums(
            {(body,): [n for (one, kind), n in by_both.items() if one == body and kind in down] for body in bodies}
        )
        order = sorted(bodies, key=lambda body: (-providers[body]["asked"], body))
        everything, all_down = _sums({("all",): by_both.values()})["all"], _sums({("all",): downward.values()})["all"]
        took, mistaken = _took(went, scope)
        shares = [Row(labels.ALL, labels.IN_ALL, _shares(everything, all_down))]
        shares += [Row(body, names[body], _shares(providers[body], downward[body])) for body in order]
        times = [Row(labels.ALL, labels.IN_ALL, _reply([one for of in took.values() for one in of]))]
        times += [Row(body, names[body], _reply(took.get(body, ()))) for body in order]
        return [
            Table(
                "providers", _("Requests by provider"), _("request"), _COUNTS,
                [Row(labels.ALL, labels.IN_ALL, _cells(everything)), *(Row(body, names[body], _cells(providers[body])) for body in order)],
                (_ONE_BY_ONE, _GONE), row_sums={labels.ALL: order}, column_sums=_SUMS,
            ),
            Table(
                "kinds", _("Requests by kind"), _("request"), _COUNTS,
                [
                    Row(labels.ALL, labels.IN_ALL, _cells(everything)),
                    *(Row(kind, _KINDS.get(kind, kind), _cells(by_kind[kind])) for kind in sorted(by_kind, key=_place)),
                ],
                (_ONE_BY_ONE, _GONE), row_sums={labels.ALL: sorted(by_kind, key=_place)}, column_sums=_SUMS,
            ),
            Table(
                "shares", _("What became of requests, by provider"), _("share"), _SHARES, shares,
                (_("Intervals of 95 % by Clopper and Pearson: of a few requests they are wide."), _GONE), row_sums={labels.ALL: order}, percent=True,
            ),
            Table(
                "reply", _("Time until providers answered"), _("hour"), [Column("median", _("median"))], times,
                (
                    _("Of requests that were answered. Who answers slowly is not in it yet, and who never answers never is."),
                    _("The interval of 95 % is that of order statistics; of fewer than six answers there is none."),
                    *([labels.MISTAKEN] if mistaken else ()),
                ),
                row_sums={labels.ALL: order},
            ),
        ]  # fmt: skip


def _took(went: Any, scope: Scope) -> tuple[dict[str, list[tuple[float, int]]], bool]:
    """By provider, hours until the answer and how many took so long; and whether some are no times but mistakes."""
    told = went.filter(answered_at__lte=scope.now).annotate(seconds=SecondsBetween("started_at", "answered_at"))
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    mistaken = False
    for organisation_id, body, step, n, _seconds in histogram(told, "organisation_id", "body"):
        if step == ABSURD:
            mistaken = True
        else:
            found[_key(body, organisation_id)].append((step / HOUR, n))
    return found, mistaken


def _reply(times: Iterable[tuple[float, int]]) -> list[Cell]:
    counted_times = list(times)
    found = median_of(counted_times)
    n = sum(n for _hours, n in counted_times)
    return [Cell(None, of=0) if found is None else Cell(*found, of=n)]


def _shares(every: Mapping[str, int], down: Mapping[str, int]) -> list[Cell]:
    return [
        share(down["removed"], down["asked"]), share(down["refused"], down["asked"]), share(every["answered"], every["asked"])
    ]  # fmt: skip


def _cells(n: Mapping[str, int]) -> list[Cell]:
    return [Cell(n[key]) for key in _COLUMNS]


def _add(to: Counts, row: Mapping[str, Any]) -> None:
    for key in _COLUMNS:
        to[key] = to.get(key, 0) + row[key]


def _sums(groups: Mapping[tuple[str], Iterable[Counts]]) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for (key,), counts in groups.items():
        found[key] = dict.fromkeys(_COLUMNS, 0)
        for one in counts:
            _add(found[key], one)
    return found


def _key(slug: str, organisation_id: int) -> str:
    """Bodies that are shipped are the same for all; two organisations may each have added one of the same short name."""
    return slug if slug in shipped_bodies() else f"{slug}.{organisation_id}"


def _names(bodies: Mapping[str, tuple[str, int]]) -> dict[str, Words]:
    """What bodies are called, also those that were taken out since; one that stands in no register by its short name."""
    shipped = shipped_bodies()
    own = {slug for slug, _organisation_id in bodies.values() if slug not in shipped}
    rows = Body.objects.filter(slug__in=own, organisation__in={one for _slug, one in bodies.values()}) if own else ()
    called = {(one.slug, one.organisation_id): _name(one.name_ja, one.name_en) for one in rows}
    return {
        key: _name(shipped[slug].name_ja, shipped[slug].name_en) if slug in shipped else called.get((slug, one), slug)
        for key, (slug, one) in bodies.items()
    }


def _in_language(ja: str, en: str) -> str:
    return en if (get_language() or "ja").startswith("en") else ja


_name = lazy(_in_language, str)


def _place(kind: str) -> tuple[bool, int, str]:
    return kind not in _KINDS, list(_KINDS).index(kind) if kind in _KINDS else 0, kind
