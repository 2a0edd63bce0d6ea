"""The contract of a recipient: a sort of body to which cases are reported.

A file of the shelf `recipients/` is one object that says which register its bodies stand in (`kind`), by which channels they
take a report, and which of them it proposes for a case, with the reasons. It proposes; a person chooses, also a body
that nothing speaks for. To add one: a file here, and its kind in the registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol

from yoake.casework.cases.prefectures import Sign
from yoake.casework.registers.queries import Listed
from yoake.detect.category import Category

BY_HAND: Final = "by_hand"
HOTLINE_FORM: Final = "hotline_form"
EMAIL: Final = "email"
NEEDS: Final[Mapping[str, str]] = {
    BY_HAND: "address",
    HOTLINE_FORM: "form",
    EMAIL: "email",
}  # confirmed in the registers

# Why a body is proposed. The console and `said.py` put each into a sentence.
SIGN: Final = "sign"  # words of the post name the prefecture
JOB_AD: Final = "job_ad"  # it is a job ad, which labour bureaus supervise
HOTLINE_CLASS: Final = "hotline_class"  # of a class that the hotline takes
HOSTED_ABROAD: Final = "hosted_abroad"  # its provider sits in that country
CHOSEN: Final = "chosen"  # nothing speaks for it: a person chose it


@dataclass(frozen=True)
class Reason:
    """One reason why a body is proposed."""

    code: str
    prefecture: str = ""
    field: str = ""  # where the sign stands: text, profile, parent_text
    words: str = ""  # of the post; shown, never kept in a report
    about: str = ""  # hotline class, country

    def row(self) -> dict[str, str]:
        """As a report keeps it: without the post's words."""
        return {name: value for name, value in asdict(self).items() if value and name != "words"}


@dataclass(frozen=True)
class Seen:
    """A case as recipients see it."""

    category: Category
    hotline_class: str  # valid that day
    signs: Sequence[Sign]  # of prefectures, in text, profile and parent
    organisation_kind: str  # of whoever reports
    bodies: Mapping[str, Sequence[Listed]]  # by kind, in the order of the registers
    abroad: frozenset[str]  # countries in which the post's provider sits, Japan left out


@dataclass(frozen=True)
class Candidate:
    """A body that is proposed."""

    recipient: str  # name on the shelf
    body: Listed
    reasons: tuple[Reason, ...]
    channels: tuple[str, ...] = ()  # those of the recipient whose contact somebody confirmed; see routing
    unconfirmed: tuple[str, ...] = field(default=())  # those whose contact nobody confirmed


class Recipient(Protocol):
    """What every recipient has."""

    label: str  # English, as a page names it; the console translates it
    kind: str  # of the registers
    channels: tuple[str, ...]  # by which its bodies take reports, the best first

    def candidates(self, seen: Seen) -> list[tuple[Listed, list[Reason]]]:
        """The bodies it proposes, the strongest first; [] where it has nothing to do with the case."""
        ...


def signs_by_prefecture(seen: Seen) -> dict[str, list[Reason]]:
    """A reason for each sign, by prefecture: signs of the post first, each word once in a field."""
    found: dict[str, dict[tuple[str, str], Reason]] = {}
    for sign in seen.signs:
        reasons = found.setdefault(sign.prefecture, {})
        reasons.setdefault((sign.field, sign.words), Reason(SIGN, sign.prefecture, sign.field, sign.words))
    return {prefecture: list(reasons.values()) for prefecture, reasons in found.items()}


def told(row: Mapping[str, Any]) -> Reason:
    """A kept reason as an object."""
    return Reason(**{name: str(value) for name, value in row.items()})
