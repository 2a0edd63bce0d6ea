"""What stands beside a post on its page: pictures in words, what can be read from it, the author's other cases, help lines."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext, gettext_lazy, gettext_noop

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case
from yoake.casework.cases.queries import CaseView, OtherCase, others_of_author
from yoake.casework.people.queries import Actor
from yoake.console import words
from yoake.detect.text.extraction import extract

READ_SHOWN = 60  # things read from a post; what floods a page helps nobody
_CHILDREN = "runaway_at_risk"  # whose help is for the young
_PERIODS = {
    "hour": gettext_noop("%(amount)s an hour"),
    "day": gettext_noop("%(amount)s a day"),
    "week": gettext_noop("%(amount)s a week"),
    "month": gettext_noop("%(amount)s a month"),
    "job": gettext_noop("%(amount)s a job"),
}
READ_KINDS = {
    "money": gettext_lazy("Money"),
    "grams": gettext_lazy("Grams"),
    "app": gettext_lazy("App"),
    "contact": gettext_lazy("Contact"),
    "url": gettext_lazy("Web address"),
    "wallet": gettext_lazy("Wallet"),
    "phone": gettext_lazy("Telephone"),
    "bank": gettext_lazy("Bank"),
    "place": gettext_lazy("Place"),
    "date": gettext_lazy("Date"),
}


@dataclass(frozen=True)
class Read:
    """What was read of one kind: the words as written, and what they mean where that is not the same."""

    kind: Any
    found: list[tuple[str, str]]


@dataclass(frozen=True)
class Picture:
    """A picture in words; it is not shown."""

    number: int
    described: str  # as its author described it
    read: list[str]  # what a machine read in it, as far as it counted


@dataclass(frozen=True)
class Line:
    """Where help is found."""

    label: str
    number: str


def indicators(view: CaseView) -> list[Read]:
    """Amounts, contacts, wallets, places, days in what the author wrote, each meaning once, by kind."""
    if view.version is None or view.record_only:
        return []
    posted = localtime(view.case.post.posted_at or view.case.post.first_seen_at).date()
    read = {
        (one.kind, one.value): (text[one.start : one.end], one.value)
        for text in (view.version.profile, view.version.text)
        for one in extract(text, posted)
    }
    kinds: dict[str, list[tuple[str, str]]] = {}
    for (kind, _value), found in list(read.items())[:READ_SHOWN]:
        kinds.setdefault(kind, []).append(found)
    return [
        Read(READ_KINDS[kind], [(written, _meaning(kind, value, written)) for written, value in kinds[kind]])
        for kind in READ_KINDS
        if kind in kinds
    ]


def _meaning(kind: str, value: str, written: str) -> str:
    """What was read, as people write it; "" where the words say it themselves."""
    if kind == "money":
        value = _money(value)
    elif kind == "app":
        value = ""  # a spelling of the name that stands there
    elif kind == "grams":
        value += " g"
    return "" if value.casefold() == unicodedata.normalize("NFKC", written).casefold() else value


def _money(value: str) -> str:
    amounts, _, period = value.partition("/")
    low, _, high = amounts.removesuffix(" JPY").partition("-")
    said = "–".join(_yen(int(amount)) for amount in (low, high) if amount)
    return gettext(_PERIODS[period]) % {"amount": said} if period else said


def _yen(amount: int) -> str:
    if get_language() != "ja":
        return f"¥{amount:,}"
    man, rest = divmod(amount, 10_000)
    return f"{f'{man:,}万' if man else ''}{rest or '' if man else rest}円"


def pictures(view: CaseView) -> list[Picture]:
    """The post's pictures in words."""
    if view.version is None or view.record_only:
        return []
    read: dict[str, dict[str, None]] = {}
    for finding in view.findings:
        for span in sorted(finding.body.get("spans", ()), key=lambda span: int(span["start"])):
            if span["field"].startswith("image:") and span["text"]:
                read.setdefault(span["field"], {})[span["text"]] = None
    return [
        Picture(number, image.get("alt") or "", list(read.get(f"image:{number}", ())))
        for number, image in enumerate(view.version.images, 1)
    ]


def others(actor: Actor, view: CaseView) -> tuple[list[OtherCase], int]:
    """The author's other cases; none of a post of which only the record is left."""
    return ([], 0) if view.record_only or view.case.post.erased_at is not None else others_of_author(actor, view.case)


def help_lines(case: Case, found: list[str]) -> list[Line]:
    """Where somebody like this author finds help: what the categories name, each number once; [] where none is meant.

    Args:
        case: at risk, or by somebody who seems to be under 18; or found as something that names help.
        found: the categories found, the strongest first.
    """
    meant = (case.category, *found, *((_CHILDREN,) if case.minor else ()))
    known = [categories()[slug] for slug in dict.fromkeys(meant) if slug in categories()]
    lines: dict[str, Line] = {}
    for line in (line for one in known for line in one.help):
        lines.setdefault(
            line.number or line.label.ja, Line(words.told({"ja": line.label.ja, "en": line.label.en}), line.number)
        )
    return list(lines.values())
