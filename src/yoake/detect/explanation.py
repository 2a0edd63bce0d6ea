"""Sentences that say why: for a person who must decide, and perhaps read the reason aloud to somebody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from yoake.detect.category import Category, Cue, Frame, Words
from yoake.tables.findings import HIGH

MOST = 3  # words named in a sentence; more are a list, not a reason
_LONGEST = 24  # characters of a quoted word


class Reason(NamedTuple):
    """A decisive word: where it stands and which role it plays."""

    field: str  # text, profile, parent_text
    text: str
    cue: Cue


_PLACES = {
    "text": Words("", ""),
    "profile": Words("プロフィールで", "in the profile "),
    "parent_text": Words("返信先の投稿で", "in the parent post "),
}


def explanation(
    category: Category, grade: str, reasons: Sequence[Reason], frame: Frame | None, framing: Sequence[str]
) -> dict[str, str]:
    """Why a post got its grade.

    Args:
        category: the category.
        grade: low, mid, high.
        reasons: decisive words, strongest first; one per role.
        frame: the context that speaks against it, if there is one.
        framing: words of that context.

    Returns:
        {"ja": ..., "en": ...}: plain sentences; a queued finding is always hedged.
    """
    named = [(_PLACES[reason.field], reason.cue.label, _short(reason.text)) for reason in reasons[:MOST]]
    words_ja = "、".join([f"{place.ja}{label.ja}「{word}」" for place, label, word in named])
    words_en = _and([f'{place.en}"{word}" ({label.en})' for place, label, word in named])
    if grade == "low":
        ja = f"{words_ja}という言葉がありますが、{category.not_found.ja}"
        en = f"The post has {words_en}, but {category.not_found.en}"
    else:
        together = "という言葉がそろっていることから" if len(named) > 1 else "という言葉があることから"
        ja = f"{words_ja}{together}、{category.found.ja}"
        en = f"The post has {words_en}, so {category.found.en}"
    if frame is not None and framing:
        shown = list(framing[:2])
        ja += f"{'一方で' if grade != 'low' else 'また'}、{''.join(map(_ja, shown))}など、{frame.label.ja}とも読める言葉があります。"
        en += f" {'On the other hand' if grade != 'low' else 'Also'}, {_and(list(map(_en, shown)))} could be {frame.label.en}."
    return unverified(category, {"ja": ja, "en": en})


def unverified(category: Category, said: dict[str, str]) -> dict[str, str]:
    """The same, with the sentence that every explanation of a category graded at most mid ends with."""
    if category.at_most == HIGH:
        return said
    return {
        "ja": said["ja"] + "事実かどうかは確認されていません。",
        "en": said["en"] + " Whether it is true is unverified.",
    }


def counter_removed(words: Sequence[str]) -> dict[str, str]:
    """What would have changed the verdict: these words not being there."""
    return {
        "ja": f"{''.join(map(_ja, words))}がなければ、確認の対象になる基準を下回ります。",
        "en": f"Without {_and(list(map(_en, words)))} it would fall below the queue threshold.",
    }


def counter_firm() -> dict[str, str]:
    """Several independent reasons: no one or two of them decide."""
    return {
        "ja": "複数の手がかりがあるため、どれか一つや二つがなくても判定は変わりません。",
        "en": "There are several independent cues: without any one or two of them the verdict would be the same.",
    }


def counter_framed(words: Sequence[str]) -> dict[str, str]:
    """A low finding that only its context keeps low."""
    shown = list(words[:2])
    return {
        "ja": f"{''.join(map(_ja, shown))}などの言葉がなければ、確認の対象になっていました。",
        "en": f"Without words such as {_and(list(map(_en, shown)))} it would have been queued.",
    }


def counter_added(cue: Cue) -> dict[str, str]:
    """A low finding that one more cue would queue."""
    return {
        "ja": f"さらに{cue.label.ja}言葉があれば、確認の対象になります。",
        "en": f"With {cue.label.en} as well it would be queued.",
    }


def counter_far() -> dict[str, str]:
    """A low finding far from the threshold."""
    return {
        "ja": "ほかに複数の手がかりがなければ、確認の対象にはなりません。",
        "en": "Only several further cues would bring it into the queue.",
    }


def _ja(word: str) -> str:
    return f"「{_short(word)}」"


def _en(word: str) -> str:
    return f'"{_short(word)}"'


def _short(word: str) -> str:
    shown = " ".join(word.replace("「", "").replace("」", "").split())
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
