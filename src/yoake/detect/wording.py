"""What a learned judge points at: places of a post that weigh most, and the sentences that name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from yoake.detect.category import Category
from yoake.detect.category_keys import FIELDS
from yoake.detect.explanation import unverified
from yoake.detect.kernels.fold import DIGIT, HIRAGANA, KANJI, KATAKANA, LETTER, PROLONGED, SPACE
from yoake.detect.text.borders import border
from yoake.detect.text.field_text import FieldText
from yoake.detect.text.fold import Folded

CUE: Final = "wording"  # of a place for which no listed phrase stands
_MOST: Final = 6  # places
_LONGEST: Final = 24  # folded characters of one place
_FAINT: Final = 0.25  # of the strongest character with its neighbours: weaker ones end a place
_WORDS: Final = (
    LETTER,
    DIGIT,
    KATAKANA,
    KANJI,
    PROLONGED,
)  # a place does not end inside a word of one of these scripts
_JAPANESE: Final = (HIRAGANA, KATAKANA, KANJI, PROLONGED)
_FURTHER: Final = 6  # folded characters that a place grows at one side to be a whole phrase
_MARKS: Final = frozenset(
    map(ord, "、。，．,.!?「」『』【】()[]・…：:;〜~■□◆◇●○★☆▼▲※")
)  # no place begins or ends with one
_LEAST: Final = 0.02  # log-odds of a place worth showing
_NAMED: Final = 3
_QUOTED: Final = 24


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
    smooth = [
        np.convolve(share, np.full(3, 1 / 3), "same")[: len(share)] if len(share) > 2 else share for share in shares
    ]
    strongest = max((float(np.abs(share).max(initial=0.0)) for share in smooth), default=0.0)
    if strongest == 0:
        return []
    found: list[tuple[float, int, int, int]] = []
    for field, share in enumerate(shares):
        if not len(share):  # most posts have neither profile nor parent
            continue
        kinds = folded[field].classes[fields[field].first : fields[field].first + len(share)]
        for sign in (1.0, -1.0):
            found += [(w, field, a, b) for w, a, b in _runs(share, smooth[field], kinds, sign, strongest * _FAINT)]
    taken: list[tuple[float, int, int, int]] = []
    for weight, field, first, after in sorted(found, key=lambda one: (-abs(one[0]), one[1], one[2])):
        if abs(weight) < _LEAST or len(taken) == _MOST:
            break
        others = [(a, b) for _, f, a, b in taken if f == field]
        if any(first < b and a < after for a, b in others):
            continue
        from_, until = _phrase(fields[field], folded[field], first, after) if phrases else (first, after)
        whole = float(shares[field][from_:until].sum())
        if whole * weight > 0 and abs(whole) >= _LEAST and not any(from_ < b and a < until for a, b in others):
            taken.append((whole, field, from_, until))
        else:
            taken.append((weight, field, first, after))
    listed = []
    for weight, field, first, after in sorted(taken, key=lambda one: one[1:]):
        text = fields[field]
        start, end = text.place(text.first + first, text.first + after)
        spot = {"field": FIELDS[field], "start": start, "end": end, "text": text.original[start:end]}
        listed.append({**spot, "cue": CUE, "weight": round(weight, 6)})
    return listed


def _runs(share: Any, smooth: Any, kinds: Any, sign: float, least: float) -> list[tuple[float, int, int]]:
    """Stretches of characters that weigh on one side, grown to whole words."""
    marked = np.zeros(len(smooth) + 2, np.bool_)
    np.greater_equal(smooth * sign, least, out=marked[1:-1])
    strong = np.flatnonzero(marked[1:] != marked[:-1])
    if not len(strong):
        return []
    kinds = kinds.tolist()
    found = []
    for begins, ends in zip(strong[0::2].tolist(), strong[1::2].tolist(), strict=True):
        first, after = begins, ends
        while first > 0 and ends - first < _LONGEST and kinds[first - 1] == kinds[first] and kinds[first] in _WORDS:
            first -= 1
        while after < len(share) and after - begins < _LONGEST and kinds[after] == kinds[after - 1] in _WORDS:
            after += 1
        while first < after - 1 and kinds[first] >= SPACE:
            first += 1
        while after - 1 > first and kinds[after - 1] >= SPACE:
            after -= 1
        for cut in range(first, after, _LONGEST):
            until = min(cut + _LONGEST, after)
            weight = float(share[cut:until].sum())
            if weight * sign > 0:
                found.append((weight, cut, until))
    return found


def _phrase(field: FieldText, column: Folded, first: int, after: int) -> tuple[int, int]:
    """The place grown to whole phrases, without marks at its ends; as it was where no phrase ends nearby."""
    length = int(column.rows[field.row + 1]) - field.first
    low, high = max(first - _FURTHER - 1, 0), min(after + _FURTHER + 1, length)
    near = slice(field.first + low, field.first + high)
    kinds, codes, starts = (part[near].tolist() for part in (column.classes, column.codes, column.starts))

    def cut(at: int) -> bool:
        if at <= 0 or at >= length:
            return True
        at -= low
        if kinds[at - 1] not in _JAPANESE or kinds[at] not in _JAPANESE:
            return True
        return starts[at] != starts[at - 1] and border(field.original, starts[at])

    begin = next((at for at in range(first, max(first - _FURTHER, 0) - 1, -1) if cut(at)), first)
    end = next((at for at in range(after, min(after + _FURTHER, length) + 1) if cut(at)), after)
    while begin < end - 1 and codes[begin - low] in _MARKS:
        begin += 1
    while end - 1 > begin and codes[end - 1 - low] in _MARKS:
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
            "ja": "全体の書き方によるため、どれか一つや二つの言葉がなくても判断は変わりません。",
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
