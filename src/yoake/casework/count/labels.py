"""What codes are called in tables: lazy, so that one table is told in every language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from django.utils.dates import MONTHS
from django.utils.functional import lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Decision
from yoake.casework.count.figure import Words
from yoake.casework.count.periods import Period
from yoake.casework.registers.shipped import shipped_bodies

ALL: Final = "all"  # key of a row or column that is the sum of the others
NONE: Final = "-"  # key of what has no category, source, network or prefecture
IN_ALL: Final = _("all together")

CLASSES: Final[Mapping[str, Words]] = {  # in the order of the white paper
    "illegal": _("illegal information"),
    "suicide_inducing": _("suicide-inducing information"),
    "serious_crime_related": _("closely related to serious crimes"),
    "harmful": _("harmful information"),
    "at_risk": _("person at risk"),
    "record_only": _("record only"),
}
NETWORKS: Final[Mapping[str, Words]] = {  # by their names in the code; the desk calls them so too
    "bluesky": "Bluesky",
    "fediverse": "Mastodon, Misskey",
    "nostr": "Nostr",
    "threads": "Threads",
    "x": "X",
    "web": _("web page"),
    "hand": _("added by hand"),
    "practice": _("practice"),
}
# Notes that several tables need.
ONCE: Final = _(
    "A decision counts when it was taken and once for a case: the newest that nobody undid; one that waits for a second judgement does not count yet."
)
REAL: Final = _("The practice desk and copies with a known answer are left out.")
MISTAKEN: Final = _(
    "Some are left out: the second time is before the first, or more than ten years after it."
)  # how many is not told: notes are published as they stand
MAIN: Final = _("A case counts under its main category only.")
IN_HOUSE: Final = _("This table is not published: its groups are too small.")

VERDICTS: Final[Mapping[str, Words]] = {str(one.value): one.label for one in Decision.Verdict}


def _category_name(slug: str) -> str:
    known = categories().get(slug)
    if known is None:
        return slug
    return known.name.en if (get_language() or "ja").startswith("en") else known.name.ja


def _period_label(period: Period) -> str:
    return period.label


def _prefecture_name(name: str) -> str:
    return _romanised().get(name, name) if (get_language() or "ja").startswith("en") else name


@cache
def _romanised() -> Mapping[str, str]:
    """Prefectures by their Japanese names, as their labour bureaus write them: Tokyo Labour Bureau."""
    bureaus = (body for body in shipped_bodies().values() if body.kind == "labour_bureau")
    return {body.prefecture: body.name_en.removesuffix(" Labour Bureau") for body in bureaus}


_category = lazy(_category_name, str)
_prefecture = lazy(_prefecture_name, str)
_period = lazy(_period_label, str)


def category(slug: str) -> Words:
    """What a category is called; one that no longer exists as it is."""
    return _category(slug) if slug else _("no category")


def hotline_class(name: str) -> Words:
    """What a hotline class is called; one that nobody named as it is, "" where the guideline had none that day."""
    return CLASSES.get(name, name) if name else _("no class")


def prefecture(name: str) -> Words:
    """What a prefecture (東京都) is called."""
    return _prefecture(name)


def in_order(slugs: set[str]) -> list[str]:
    """Categories in the order of the shipped list, those that no longer exist behind them, "" last."""
    known = list(categories())
    return sorted(
        slugs, key=lambda slug: (not slug, slug not in known, known.index(slug) if slug in known else 0, slug)
    )


def period(one: Period) -> Words:
    """A period as it is written out."""
    return _period(one)


def month(one: Period) -> Words:
    """The name of a month without its year."""
    return MONTHS[one.first.month]


def network(name: str) -> Words:
    """A network by its own name; what came from a file is told by the network it was written on."""
    kind, _colon, platform = name.partition(":")
    told = platform if kind == "file" and platform else name
    return NETWORKS.get(told, told) or _("unknown network")
