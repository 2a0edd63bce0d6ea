from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yoake.casework.count import following, labels
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.following import Watched
from yoake.casework.count.periods import Kind
from yoake.casework.count.shares import share
from yoake.casework.count.survival import Curve

__all__ = ["Deletion"]

_AFTER: Final[Mapping[str, Words]] = {
    "warning": _("after a warning"),
    "request": _("after a request to take it down"),
    "nothing": _("in scope, and nothing left yet"),
}
_HOURS: Final[Mapping[int, Words]] = {
    1: _("after 1 hour"),
    6: _("after 6 hours"),
    24: _("after 1 day"),
    72: _("after 3 days"),
    168: _("after 7 days (5 business days)"),
    336: _("after 2 weeks"),
}
_CURVE: Final = (0, 1, 2, 3, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120, 144, 168, 192, 216, 240, 288, 336)
# Aichi, as it was published: its first year, and so many warnings, of which about four in five were deleted.
_AICHI_WARNED: Final = 2202
_AICHI_GONE: Final = 0.8

_NO_SAMPLE: Final = _(
    "Warned posts are no random sample: who is warned, people choose, and what is not warned is mostly what may not be warned. The groups differ"
    " in more than the act, so that this shows no cause. Only a trial of two letters does."
)
_SEEN: Final = _(
    "The time is when a post was seen gone, not when it went: between two looks (an hour, six, then business days) nobody knows. Before a"
    " weekend the look after one day comes up to three days later. Looks count at the full hour (below four hours at the quarter) before them."
)
_WATCHED: Final = _(
    "Estimated as Kaplan and Meier have it: a post counts as long as it was watched. Nobody watches it any more after the last look that saw"
    " it there, and from the moment something else left about it; intervals are of the log-log kind, 95 %."
)
_IN_GROUP: Final = _(
    "Who was gone before the act is in no group; what came back counts as there. A withdrawn warning counts until it was withdrawn."
)


class Deletion:
    """Time until posts were seen gone: after a warning, after a request, and without either."""

    title = _("How soon posts vanish")
    says = _(
        "Posts of the period: to which a warning went; for which a first request to take the post or its account down went; which were decided"
        " in scope (until a warning, request, report or help left about them, from whatever organisation). Gone is: removed, account suspended or"
        " hidden, as a check or the network said."
    )
    out_of = _("posts of which anything is known after the act or the decision")
    cut_off = _("everything seen until the figure was asked")
    source = _(
        "Kaplan and Meier 1958; variance of Greenwood. Aichi prefectural police, 2019 to 2020: published figure, not counted here."
    )
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Shares by time with their intervals, how many were watched, medians, by network, the curve, and Aichi beside ours."""
        by_network = {
            "warning": following.by_first(following.warned_by_letter(scope)),
            "request": following.requested(scope, following.NETWORK),
            "nothing": following.without_an_act(scope, following.NETWORK),
        }
        groups = {after: following.all_of(of) for after, of in by_network.items()}
        curves = {after: of.curve for after, of in groups.items()}
        columns = [Column(str(hours), label) for hours, label in _HOURS.items()]
        networks = sorted({network for of in by_network.values() for (network,) in of})
        parts = {after: [_key(one, after) for one in networks if (one,) in of] for after, of in by_network.items()}
        return [
            Table(
                "gone",
                _("Share of posts that were gone"),
                _("share"),
                columns,
                [Row(after, _AFTER[after], _shares(of, _HOURS)) for after, of in curves.items()],
                (_WATCHED, _NO_SAMPLE, _SEEN, _IN_GROUP),
                elsewhere={
                    (after, one.key): [("deletion", "networks", row, one.key) for row in rows]
                    for after, rows in parts.items()
                    for one in columns
                },
                percent=True,
            ),
            Table(
                "watched",
                _("Posts still there and watched"),
                _("post"),
                [
                    Column("all", pgettext_lazy("posts", "in the group")),
                    Column("unseen", _("nothing known afterwards")),
                    Column("0", _("watched")),
                    *columns,
                ],
                [
                    row
                    for after, whole in groups.items()
                    for row in [
                        _counted(after, _AFTER[after], whole, 0),
                        *(
                            _counted(_key(one, after), labels.network(one), by_network[after][one,], 1)
                            for one in networks
                            if (one,) in by_network[after]
                        ),
                    ]
                ],
                (_("So many the share at that time rests on: still there just before it, and looked at later."),),
                row_sums={after: rows for after, rows in parts.items() if rows},
                column_sums={"all": ("unseen", "0")},
                within={"0": [one.key for one in columns]},
            ),
            Table(
                "median",
                _("Time until half of the posts were gone"),
                _("hour"),
                [Column("median", _("median"))],
                [Row(after, _AFTER[after], [_median(of)]) for after, of in curves.items()],
                (_("A dash: half of them were never gone while they were watched."), _SEEN),
            ),
            _networks(by_network),
            Table(
                "curve",
                _("Share of posts that were gone, by hours"),
                _("share"),
                [Column(str(hours), str(hours)) for hours in _CURVE],
                [Row(after, _AFTER[after], _shares(of, _CURVE)) for after, of in curves.items()],
                (_NO_SAMPLE, _SEEN),
                drawn="steps",
                percent=True,
            ),
            _beside(groups["warning"]),
        ]


def _shares(of: Curve, hours: Sequence[int] | Mapping[int, Words]) -> list[Cell]:
    return [following.cell(of, one) for one in hours]


def _counted(key: str, label: Words, of: Watched, depth: int) -> Row:
    watched = of.curve
    still = [Cell(watched.still_at(hours)) for hours in _HOURS]
    return Row(key, label, [Cell(of.n), Cell(of.unseen), Cell(watched.n), *still], depth)


def _key(network: str, after: str) -> str:
    return f"{network or labels.NONE}.{after}"


def _median(of: Curve) -> Cell:
    found = of.median()
    return Cell(None) if found is None else Cell(*found, of=of.n, rests_on=int(of.ended.sum()))


def _networks(groups: Mapping[str, Mapping[tuple[str, ...], Watched]]) -> Table:
    """A row a network and act: as many as there are networks, each with those that were watched there."""
    names = sorted({network for of in groups.values() for (network,) in of})
    rows = []
    for network in names:
        for after, of in groups.items():
            watched = of.get((network,))
            if watched is None:
                continue
            label = format_lazy(_("{network}: {after}"), network=labels.network(network), after=_AFTER[after])
            rows.append(Row(_key(network, after), label, _shares(watched.curve, _HOURS)))
    if not rows:
        rows = [Row(labels.NONE, _("no network"), [Cell(None) for _hours in _HOURS])]
    return Table(
        "networks",
        _("Share of posts that were gone, by network"),
        _("share"),
        [Column(str(hours), label) for hours, label in _HOURS.items()],
        rows,
        (_WATCHED, _NO_SAMPLE, _("Networks differ in what can be looked at, and how soon.")),
        percent=True,
    )


def _beside(ours: Watched) -> Table:
    """Ours counted as Aichi's was: how many of the warned posts went, at whatever time."""
    return Table(
        "beside",
        _("Warned posts that were deleted, at whatever time"),
        _("share"),
        [Column("gone", _("deleted"))],
        [
            Row("warning", _("counted here, in the period"), [share(ours.gone, ours.n)]),
            Row("aichi", _("Aichi prefectural police, 2019 to 2020"), [Cell(_AICHI_GONE, of=_AICHI_WARNED, published=True)]),
        ],
        (
            _("Aichi: “about 80 %” of 2,202 warnings of its first year; a published figure. It is no rate after a fixed time, its posts and rules were others, and its interval is not known."),
            _NO_SAMPLE,
        ),
        percent=True,
    )  # fmt: skip
