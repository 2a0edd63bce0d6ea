"""What a learned judge points at: places of a post that weigh most, and the sentences that name them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from yoake.detect.category import Category
from yoake.detect.category_keys import FIELDS
from yoake.detect.explanation import unverified
from yoake.detect.kernels.characters import DIGIT, HIRAGANA, KANJI, KATAKANA, LETTER, PROLONGED
from yoake.detect.kernels.places import strong_places
from yoake.detect.text.borders import border
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded

CUE: Final = "wording"  # of a place for which no listed phrase stands
_MOST: Final = 6  # places
_JAPANESE: Final = frozenset((HIRAGANA, KATAKANA, KANJI, PROLONGED))
_WITH_NUMBERS: Final = frozenset((DIGIT, KANJI, LETTER))
_FURTHER: Final = 6  # folded characters that a place grows at one side to be a whole phrase
_MARKS: Final = frozenset(
    map(ord, "、。，．,.!?「」『』【】()[]・…：:;〜~■□◆◇●○★☆▼▲※")
)  # no place begins or ends with one
_LEAST: Final = 0.02  # log-odds of a place worth showing
_NAMED: Final = 3
_QUOTED: Final = 24

Place = tuple[float, int, int, int]


def spans(
    fields: Sequence[FieldText], folded: Sequence[Folded], shares: Sequence[Any], *, phrases: bool
) -> list[dict[str, Any]]:
    """The strongest places, for and against, in reading order; each has exactly what its characters got.

    Args:
        fields: text, profile, parent of the post.
        folded: their columns.
        shares: float64, one value a folded character of the post's field (kernels.linear.attribute).
        phrases: whether places grow to whole phrases, for somebody who will read them; it takes its time.
    """
    ends = np.array([0, *itertools.accumulate(map(len, shares))])
    kinds = [
        column.classes[field.first : field.first + len(share)]
        for field, column, share in zip(fields, folded, shares, strict=True)
        if len(share)
    ]
    if len(kinds) == 1 and len(shares[0]):  # most posts have neither profile nor parent
        places = strong_places(shares[0], ends, kinds[0])
    elif kinds:
        places = strong_places(np.concatenate(shares), ends, np.concatenate(kinds))
    else:
        return []
    found = list(zip(*(part.tolist() for part in places), strict=True))
    return chosen(found, fields, folded, shares, phrases=phrases)


def chosen(
    found: Sequence[Place],
    fields: Sequence[FieldText],
    folded: Sequence[Folded],
    shares: Sequence[Any],
    *,
    phrases: bool,
) -> list[dict[str, Any]]:
    """What `spans` shows of places (weight, field, first, after) that were found before (kernels/places.py)."""
    taken: list[Place] = []
    spots: list[tuple[int, int, int]] = []  # field, start and end in the original: several characters may come from one

    def take(weight: float, field: int, first: int, after: int) -> bool:
        start, end = fields[field].place(fields[field].first + first, fields[field].first + after)
        if any(field == f and start < b and a < end for f, a, b in spots):
            return False
        taken.append((weight, field, first, after))
        spots.append((field, start, end))
        return True

    for weight, field, first, after in sorted(found, key=lambda one: (-abs(one[0]), one[1], one[2])):
        if abs(weight) < _LEAST or len(taken) == _MOST:
            break
        if phrases:
            from_, until = _phrase(fields[field], folded[field], first, after)
            whole = sum(shares[field][from_:until].tolist())
            if whole * weight > 0 and abs(whole) >= _LEAST and take(whole, field, from_, until):
                continue
        take(weight, field, first, after)
    listed = []
    for weight, field, first, after in sorted(taken, key=lambda one: one[1:]):
        text = fields[field]
        start, end = text.place(text.first + first, text.first + after)
        spot = {"field": FIELDS[field], "start": start, "end": end, "text": text.original[start:end]}
        listed.append({**spot, "cue": CUE, "weight": round(weight, 6)})
    return listed


def _phrase(field: FieldText, column: Folded, first: int, after: int) -> tuple[int, int]:
    """The place grown to whole phrases, without marks at its ends; as it was where no phrase ends nearby."""
    length = int(column.rows[field.row + 1]) - field.first
    low, high = max(first - _FURTHER - 1, 0), min(after + _FURTHER + 1, length)
    near = slice(field.first + low, field.first + high)
    kinds, starts, original = column.classes[near].tolist(), column.starts[near].tolist(), field.original

    def cut(at: int) -> bool:
        """Whether a phrase may end before a character, counted from `low`."""
        place: int = starts[at]
        if place == starts[at - 1]:  # both come from one character: an emoji and its word
            return False
        pair = {kinds[at - 1], kinds[at]}
        if DIGIT in pair and pair <= _WITH_NUMBERS:  # 5万, 30g: a number and its unit are one
            return False
        if not pair <= _JAPANESE:
            return True
        return border(original, place)

    begin, furthest = first, max(first - _FURTHER, 0)
    while begin > 0 and not cut(begin - low):
        if begin == furthest:
            begin = first
            break
        begin -= 1
    end, furthest = after, min(after + _FURTHER, length)
    while end < length and not cut(end - low):
        if end == furthest:
            end = after
            break
        end += 1
    while begin < end - 1 and column.codes[field.first + begin] in _MARKS:
        begin += 1
    while end - 1 > begin and column.codes[field.first + end - 1] in _MARKS:
        end -= 1
    return begin, end


def explanation(category: Category, grade: str, shown: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why a post got its grade: names the strongest places; a queued finding is always hedged."""
    words = _strongest(shown, 1.0)
    against = _strongest(shown, -1.0)[:2]
    ja, en = "".join(map(_ja, words)), _and([_en(word) for word in words])
    many = len(words) > 1
    if not words:
        ja, en = "全体の書き方", "the wording as a whole"
    else:
        ja, en = f"{ja}という書き方", f"{'wordings such as' if many else 'the wording'} {en}"
    if grade == "low":
        said = {
            "ja": f"{ja}がありますが、{category.not_found.ja}",
            "en": f"The post has {en}, but {category.not_found.en}",
        }
    else:
        said = {
            "ja": f"{ja}が、これまでの例と似ていることから、{category.found.ja}",
            "en": f"The post has {en}, like known examples, so {category.found.en}",
        }
    if against and grade != "low":
        said["ja"] += f"一方で、{''.join(map(_ja, against))}は、そうでないことを示す書き方です。"
        said["en"] += (
            f" On the other hand, {_and([_en(word) for word in against])} speak{'s' if len(against) == 1 else ''} against it."
        )
    return unverified(category, said)


def counter(grade: str, ground: float, shown: Sequence[dict[str, Any]], threshold: float) -> dict[str, str]:
    """What would have changed the verdict.

    Args:
        grade: low, mid, high.
        ground: base + rest.
        shown: the spans.
        threshold: log-odds from which a finding is queued.
    """
    logit = ground + sum(span["weight"] for span in shown)
    if grade != "low":
        removed: list[str] = []
        for span in sorted((s for s in shown if s["weight"] > 0), key=lambda s: (-s["weight"], s["field"], s["start"]))[
            :2
        ]:
            removed.append(span["text"])
            logit -= span["weight"]
            if logit < threshold:
                return {
                    "ja": f"{''.join(map(_ja, removed))}がなければ、確認の対象になる基準を下回ります。",
                    "en": f"Without {_and([_en(word) for word in removed])} it would fall below the queue threshold.",
                }
        return {
            "ja": "全体の書き方によるため、どれか一つや二つの言葉がなくても判定は変わりません。",
            "en": "It rests on the wording as a whole: without any one or two words the verdict would be the same.",
        }
    against = _strongest(shown, -1.0)[:2]
    if against and logit - sum(min(span["weight"], 0.0) for span in shown) >= threshold:
        return {
            "ja": f"{''.join(map(_ja, against))}などの言葉がなければ、確認の対象になっていました。",
            "en": f"Without words such as {_and([_en(word) for word in against])} it would have been queued.",
        }
    return {
        "ja": "ほかに手がかりがなければ、確認の対象にはなりません。",
        "en": "Only further cues would bring it into the queue.",
    }


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-x)) without overflow."""
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else math.exp(logit) / (1 + math.exp(logit))


def _strongest(shown: Sequence[dict[str, Any]], sign: float) -> list[str]:
    """Words of the strongest places of one side, each once."""
    listed = [span for span in shown if span["weight"] * sign > 0]
    listed.sort(key=lambda span: (-abs(span["weight"]), span["field"], span["start"]))
    words = [" ".join(span["text"].replace("「", "").replace("」", "").split()) for span in listed]
    return [word for word in dict.fromkeys(words) if word][:_NAMED]


def _short(word: str) -> str:
    return word if len(word) <= _QUOTED else word[: _QUOTED - 1] + "…"


def _ja(word: str) -> str:
    return f"「{_short(word)}」"


def _en(word: str) -> str:
    return f'"{_short(word)}"'


def _and(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
