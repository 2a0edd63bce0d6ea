"""The written reason that ticked elements make, in sentences an officer can sign; a proposal, edited by whoever decides.

Pure: words in, words out. It quotes what stands in the post and says no more than that it appears so; on a person at risk it
speaks of help.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from yoake.detect.category import Category

_QUOTED: Final = 60  # code points of one quotation; the middle of a longer one is left out
_ASIDE: Final = re.compile(r"[（(][^（()）]*[）)]")  # advice to the analyst inside a label
_VERB: Final = re.compile(r"[るいうくすつぬぶむただ]$")  # a Japanese label that ends so is a clause, otherwise a noun
_FIELDS_JA: Final = {"profile": "プロフィール欄に", "parent_text": "返信先の投稿に"}
_FIELDS_EN: Final = {"profile": "The profile", "parent_text": "The post it replies to"}


@dataclass(frozen=True)
class Quoted:
    """An element that somebody ticked, with the words that show it."""

    name: str
    field: str  # text, profile, parent_text, image:N
    words: str


def compose(category: Category, ticked: Sequence[Quoted], *, english: bool = False) -> str:
    """The reason, "" when nothing is ticked.

    Args:
        category: the one whose elements they are; elements it does not have are left out.
        ticked: in the order in which they shall stand; of one element the quotations come together.
        english: in English, else in Japanese.
    """
    labels = {element.name: element.label for element in category.elements}
    together: dict[str, list[Quoted]] = {}
    for one in ticked:
        if one.name in labels:
            together.setdefault(one.name, []).append(one)
    if not together:
        return ""
    if english:
        said = [_english(quoted, labels[name].en) for name, quoted in together.items()]
        end = _end_english(category)
        return " ".join((*said, end))
    said = [_japanese(quoted, labels[name].ja, at_risk=category.at_risk) for name, quoted in together.items()]
    return "".join((*said, _end_japanese(category)))


def _japanese(quoted: Sequence[Quoted], label: str, *, at_risk: bool) -> str:
    label = _ASIDE.sub("", label)
    shown, where = "", None
    for one in quoted:
        place = _FIELDS_JA.get(one.field, "画像に" if one.field.startswith("image:") else "")
        shown += (
            ("、" if shown and place != where else "") + (place if place != where else "") + f"「{short(one.words)}」"
        )
        where = place
    clause = _VERB.search(label) is not None
    if at_risk:
        seen = f"{label}ことがうかがわれる。" if clause else f"{label}がうかがわれる。"
    else:
        seen = f"{label}ものと認められる。" if clause else f"{label}に関するものと認められる。"
    return f"{shown}との記載があり、{seen}"


def _end_japanese(category: Category) -> str:
    if category.at_risk:
        return "以上から、投稿者本人又は家族などが支援を必要としている可能性があると判断した。"
    return f"以上を総合し、「{category.name.ja}」に当たる疑いがあると判断した。"


def _english(quoted: Sequence[Quoted], label: str) -> str:
    label = _ASIDE.sub("", label).strip()
    shown = []
    for one in quoted:
        picture = "A picture" if one.field.startswith("image:") else "The post"
        place = _FIELDS_EN.get(one.field, picture)
        shown.append(f"{place} says “{short(one.words)}”")
    joined = "; ".join((shown[0], *(one[0].lower() + one[1:] for one in shown[1:])))
    return f"{joined}, which appears to show: {label[0].lower() + label[1:]}."


def _end_english(category: Category) -> str:
    if category.at_risk:
        return "Taken together, this person may need help."
    return f"Taken together, the post appears to fall under “{category.name.en}”."


def short(words: str) -> str:
    """The words on one line; of long ones beginning and end."""
    line = " ".join(words.split())
    return line if len(line) <= _QUOTED else f"{line[: _QUOTED - 20]}……{line[-18:]}"
