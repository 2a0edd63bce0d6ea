from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from yoake.casework.cases.categories import any_at_risk
from yoake.casework.count import following, labels
from yoake.casework.count.figure import Cell, Column, Row, Scope, Table, Words
from yoake.casework.count.following import Watched
from yoake.casework.count.periods import Kind, Period
from yoake.casework.count.survival import log_rank
from yoake.casework.due import TOKYO
from yoake.casework.warn.models import Trial

__all__ = ["Letters"]

_HOURS: Final[Mapping[int, Words]] = {
    24: _("after 1 day"),
    72: _("after 3 days"),
    168: _("after 7 days (5 business days)"),
}
_GONE: Final = [Column(str(hours), label) for hours, label in _HOURS.items()]
_COUNTED: Final = [
    Column("went", _("warnings that went")),
    Column("unseen", _("nothing known afterwards")),
    Column("watched", _("watched")),
    Column("gone", _("seen gone")),
    *(Column(f"still.{hours}", format_lazy(_("still there and watched {hours}"), hours=label)) for hours, label in _HOURS.items()),
]  # fmt: skip
_WITHIN: Final = {"watched": ["gone", *(f"still.{hours}" for hours in _HOURS)]}
_AS_DELETED: Final = {  # the same numbers in the figure of how soon posts vanish
    "went": ("watched", "warning", "all"),
    "unseen": ("watched", "warning", "unseen"),
    "watched": ("watched", "warning", "0"),
    "gone": ("beside", "warning", "gone"),
    **{f"still.{hours}": ("watched", "warning", str(hours)) for hours in _HOURS},
}
_LANGUAGES: Final[Mapping[str, Words]] = {"ja": _("Japanese"), "en": _("English")}
FEW: Final = 5  # of fewer that are watched in an arm, or fewer seen gone in both, no test is told
_ESTIMATED: Final = _(
    "Estimated as Kaplan and Meier have it, with an interval of 95 % (log-log), from when posts were seen gone: see how soon posts vanish."
)
_CHOSEN: Final = _(
    "Outside a trial, which letter a post gets depends on its category, its language and the time: a difference between letters shows no cause."
    " Of few warnings the interval is wide; that is how it is."
)
_DRAWN: Final = _(
    "A lot drew the letter for each case, so that a difference between the two is the letter's doing, or chance. Counted is the whole trial"
    " until the end of the period, all warnings that went, also those withdrawn later (until they were)."
)
_OFTEN: Final = _(
    "Whoever looks often at a running trial finds a difference by chance sooner or later: say before how long it runs, and test once. Nobody at"
    " risk is ever in a trial."
)


class Letters:
    """Which letter makes posts vanish how soon: versions side by side, and trials with their test."""

    title = _("Letters and trials")
    says = _(
        "Warnings that went in the period, by the version of the letter they were made from, and how many of their posts were gone a day, three"
        " and seven days later. For trials that ran in the period, both letters, and whether they differ (log-rank test)."
    )
    out_of = _("warned posts of which anything is known afterwards")
    cut_off = _("everything seen until the figure was asked")
    source = _(
        "Kaplan and Meier 1958; log-rank test: Mantel 1966, two-sided, not corrected for several looks or trials."
    )
    kinds = (Kind.MONTH, Kind.YEAR, Kind.FISCAL_YEAR)
    for_publication = True

    def tables(self, scope: Scope) -> Sequence[Table]:
        """Letters: shares and what they rest on; trials: the same by arm, and the test."""
        letters: dict[tuple[str, Words], Watched] = {}
        there: dict[tuple[str, str], Watched] = {}  # by letter and network
        for (network, slug, language, letter_id, number, digest), of in following.warned_by_letter(scope).items():
            place = _letter(slug, language, letter_id, number, digest)
            same = next((one for one in letters if one[0] == place[0]), place)
            letters[same] = letters.get(same, Watched()).and_(of)
            there[same[0], network] = there.get((same[0], network), Watched()).and_(of)
        in_order = dict(sorted(letters.items(), key=lambda one: (-one[1].n, one[0][0])))
        told = [(key, label, 0, of) for (key, label), of in in_order.items()]
        every = Watched()
        for of in letters.values():
            every = every.and_(of)
        return [
            Table("letters", _("Share of posts that were gone, by letter"), _("share"), _GONE, _shares(told), (_ESTIMATED, _CHOSEN), percent=True),
            Table("warnings", _("Warnings by letter"), _("warning"), _COUNTED, [*_counts(told), *_counts([(labels.ALL, labels.IN_ALL, 0, every)])],
                row_sums={labels.ALL: [key for key, *_told in told] or [labels.NONE]}, column_sums={"went": ("unseen", "watched")}, within=_WITHIN,
                elsewhere={(labels.ALL, ours): [("deletion", *place)] for ours, place in _AS_DELETED.items()}),
            *_by_network(told, there),
            *_trials(scope),
        ]  # fmt: skip


def _by_network(letters: _Told, there: Mapping[tuple[str, str], Watched]) -> list[Table]:
    """The same by the network that the posts stand on: groups so small that they stay in the house."""
    told = [
        (f"{key}/{network or labels.NONE}", format_lazy(_("{letter}: {network}"), letter=label, network=labels.network(network)), 0, there[of, network])
        for key, label, _depth, _every in letters
        for of, network in sorted(there) if of == key
    ]  # fmt: skip
    kept, notes = {one[0] for one in told} | {labels.NONE}, (_ESTIMATED, _CHOSEN, labels.IN_HOUSE)
    return [
        Table("networks", _("Share of posts that were gone, by letter and network"), _("share"), _GONE, _leaving(_shares(told), kept), notes, percent=True),
        Table("network_warnings", _("Warnings by letter and network"), _("warning"), _COUNTED, _leaving(_counts(told), kept), (labels.IN_HOUSE,),
            column_sums={"went": ("unseen", "watched")}, within=_WITHIN),
    ]  # fmt: skip


def _letter(slug: str, language: str, letter_id: int | None, number: int | None, digest: str) -> tuple[str, Words]:
    """Key and name of a version: one's own by its number, a shipped one by the start of its digest, for it changes with the program."""
    spoken = _LANGUAGES.get(language, language)
    if letter_id is not None:
        told = format_lazy(
            _("{category}, {language}: version {n}"), category=labels.category(slug), language=spoken, n=number or 0
        )
        return f"letter.{letter_id}", told
    told = format_lazy(
        _("{category}, {language}: shipped letter {digest}"),
        category=labels.category(slug),
        language=spoken,
        digest=digest[:8],
    )
    return f"shipped.{slug}.{language}.{digest[:8]}", told  # fmt: skip


def _trials(scope: Scope) -> list[Table]:
    """Trials that were open at any time of the period, each from its beginning."""
    end = min(scope.period.until, scope.now)
    ran = Trial.objects.filter(Q(ended_at=None) | Q(ended_at__gte=scope.period.since), at__lt=end)
    if scope.organisation_id:
        ran = ran.filter(organisation_id=scope.organisation_id)
    trials = [one for one in ran.order_by("-at", "-pk") if not any_at_risk([one.category])]
    arms: dict[tuple[int, str], Watched] = {}
    if trials:
        first = min(one.at for one in trials).astimezone(TOKYO).date()
        whole = replace(scope, period=Period(scope.period.kind, min(first, scope.period.first), scope.period.last))
        found = following.warned(whole, "trial_id", "arm", trial__in=trials)
        arms = {(trial_id, arm): of for (trial_id, arm), of in found.items()}
    told, tested, sums, made = [], [], {}, {}
    running: set[str] = set()
    for trial in trials:
        key = f"trial.{trial.pk}"
        of = {arm: arms.get((trial.pk, arm), Watched()) for arm in Trial.Arm.values}
        told.append((key, _trial(trial, scope), 0, of["first"].and_(of["second"])))
        told += [(f"{key}.{arm}", Trial.Arm(arm).label, 1, one) for arm, one in of.items()]
        sums[key] = [f"{key}.{arm}" for arm in of]
        fewer = min(of, key=lambda arm: of[arm].gone)
        made[key, "p"] = [("letters", "trial_warnings", f"{key}.{fewer}", "gone")]
        if not _is_over(trial, scope):
            running.update((key, *sums[key]))
        tested.append(Row(key, _trial(trial, scope), _tested(of["first"], of["second"], over=_is_over(trial, scope))))
    notes = (_DRAWN, _OFTEN)
    return [
        Table("trials", _("Trials: share of posts that were gone, by letter"), _("share"), _GONE, _leaving(_shares(told), running), (_ESTIMATED, *notes), percent=True),
        Table("trial_warnings", _("Trials: warnings by letter"), _("warning"), _COUNTED, _leaving(_counts(told), running), notes, row_sums=sums, column_sums={"went": ("unseen", "watched")}, within=_WITHIN),
        Table(
            "tests",
            _("Trials: do the two letters differ?"),
            pgettext_lazy("test", "p value"),
            [Column("p", _("p of the log-rank test"))],
            _leaving(tested, running) or [Row(labels.NONE, _("no trial ran"), [Cell(None)])],
            (
                _("How likely a difference at least as large is, if both letters did the same. It does not say how large the difference is."),
                _("A dash: the trial still runs, or fewer than five are watched with a letter, or fewer than five were seen gone."),
                *notes,
            ),
            elsewhere=made,
        ),
    ]  # fmt: skip


def _leaving(rows: Sequence[Row], kept: set[str]) -> list[Row]:
    """Rows of which some stay in the house: those of trials that run, which nobody is to act upon yet, and of groups too small."""
    return [replace(row, for_publication=row.key not in kept) for row in rows]


def _is_over(trial: Trial, scope: Scope) -> bool:
    """Whether it had ended when the period, or what is known of it, did."""
    return trial.ended_at is not None and trial.ended_at < min(scope.period.until, scope.now)


def _trial(trial: Trial, scope: Scope) -> Words:
    words = (
        _("{category}, {language}, since {day} (over)")
        if _is_over(trial, scope)
        else _("{category}, {language}, since {day} (runs)")
    )
    return format_lazy(
        words, category=labels.category(trial.category), language=_LANGUAGES.get(trial.language, trial.language),
        day=trial.at.astimezone(TOKYO).date().isoformat(),
    )  # fmt: skip


def _tested(first: Watched, second: Watched, *, over: bool) -> list[Cell]:
    """The test, with how many it rests on; nothing of a handful, nor of a trial that runs: whoever looks often finds a difference."""
    n = [one.n - one.unseen for one in (first, second)]
    enough = min(n) >= FEW and first.gone + second.gone >= FEW
    compared = log_rank(first.seen, second.seen) if over and enough else None
    fewest = min(first.gone, second.gone)
    return [Cell(compared.p, of=sum(n), rests_on=fewest) if compared else Cell(None, of=sum(n))]


_Told = Sequence[tuple[str, Words, int, Watched]]


def _shares(told: _Told) -> list[Row]:
    rows = [
        Row(key, label, [following.cell(of.curve, hours) for hours in _HOURS], depth) for key, label, depth, of in told
    ]
    return rows or [Row(labels.NONE, _("none"), [Cell(None) for _hours in _HOURS])]


def _counts(told: _Told) -> list[Row]:
    rows = []
    for key, label, depth, of in told:
        curve = of.curve
        still = [Cell(curve.still_at(hours)) for hours in _HOURS]
        rows.append(Row(key, label, [Cell(of.n), Cell(of.unseen), Cell(curve.n), Cell(of.gone), *still], depth))
    return rows or [Row(labels.NONE, _("none"), [Cell(0) for _column in _COUNTED])]
