"""Words that stand in confirmed posts more often than everyday text explains.

The measure is the log-odds of a term in the confirmed posts against the background, with a prior of the background's own
shape, half a count at least (Monroe, Colaresi, Quinn: Fightin' Words, 2008), divided by its standard error. The background holds counts of
hashed character runs and no text; a term's count there is at most that of its rarest run, so the log-odds are at least
what is said here.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from yoake.detect.background import NgramCounts
from yoake.detect.kernels.characters import DIGIT, HIRAGANA, KANJI, KATAKANA, LETTER, PROLONGED, SPACE
from yoake.detect.kernels.grams import LONGEST
from yoake.detect.text.fold import fold, fold_text

_PRIOR: Final = 1000.0  # characters of background that count as seen in the confirmed posts
_SURE: Final = 3.0  # standard errors
_TIMES: Final = math.log(3.0)
_LONGEST_TERM: Final = 20  # folded characters
_MOST_TOKENS: Final = 10
_MOST_CANDIDATES: Final = 3000
_PRIVATE: Final = re.compile(
    r"(?:https?://|www\.)\S+|[@＠][A-Za-z0-9_.]+|[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+|[\d０-９][\d０-９\s().ー－-]{5,}"
)
_LIKE_AN_ID: Final = re.compile(r"(?=.*\d)(?=.*[a-z])[a-z0-9_.]{5,}|\d+")
_SCRIPT: Final = (HIRAGANA, KATAKANA, KANJI, PROLONGED)


@dataclass(frozen=True, slots=True)
class Term:
    """A word to propose."""

    text: str  # as it is written most often
    folded: str
    posts: tuple[int, ...]  # where it stands: indices of the confirmed texts
    groups: int  # how many groups (authors, near copies) use it
    background: int  # at most so often in everyday text
    log_odds: float
    errors: float  # log-odds in standard errors


def propose(
    texts: Sequence[str],
    groups: Sequence[int],
    background: NgramCounts,
    known: Collection[str],
    *,
    fewest: int = 3,
    most: int = 20,
) -> list[Term]:
    """Terms over-used in confirmed posts, the surest first.

    Args:
        texts: confirmed posts of one category.
        groups: which belong together (author, near copies); each group counts once.
        background: counts of everyday text; without any there is nothing to compare with, and nothing is proposed.
        known: folded phrases that need no proposing, or were rejected.
        fewest: groups that must use a term.
        most: terms.
    """
    everyday = float(background.table.sum()) / LONGEST
    if not everyday or len(set(groups)) < fewest:
        return []
    masked = [_PRIVATE.sub(lambda found: "\n" * len(found.group()), text) for text in texts]
    segments = _segments(masked)
    standing = _frequent(segments, groups, fewest)
    confirmed = float(sum(max(len(text) for text in members) for members in _by_group(masked, groups)))
    found = []
    for words in _closed(standing, groups)[:_MOST_CANDIDATES]:
        if not _wordlike(words) or _known(words, known):
            continue
        rows = standing[words]
        used = len({groups[row] for row in rows})
        common = background.at_most(words)
        odds, errors = _log_odds(used, confirmed, common, everyday)
        if odds >= _TIMES and errors >= _SURE:
            found.append(Term(_surface(masked, words, rows), words, tuple(rows), used, common, odds, errors))
    found.sort(key=lambda term: (-term.errors, term.folded))
    chosen: list[Term] = []
    for term in found:
        if not any(term.folded in other.folded or other.folded in term.folded for other in chosen):
            chosen.append(term)
    return chosen[:most]


def _by_group(texts: Sequence[str], groups: Sequence[int]) -> list[list[str]]:
    members: dict[int, list[str]] = defaultdict(list)
    for text, group in zip(texts, groups, strict=True):
        members[group].append(text)
    return list(members.values())


def _log_odds(used: int, confirmed: float, common: int, everyday: float) -> tuple[float, float]:
    prior = max(0.5, _PRIOR * (used + common) / (confirmed + everyday))
    own = math.log((used + prior) / max(confirmed + _PRIOR - used - prior, 1e-9))
    other = math.log((common + prior) / max(everyday + _PRIOR - common - prior, 1e-9))
    error = math.sqrt(1 / (used + prior) + 1 / (common + prior))
    return own - other, (own - other) / error


def _segments(texts: Sequence[str]) -> list[list[list[str]]]:
    """Of each text its stretches without punctuation; a stretch is a list of tokens that are never cut.

    A token is a character of a script without blanks, a Latin word with the blank before it, or an emoji.
    """
    folded = fold(pa.array(list(texts), pa.string()))
    found: list[list[list[str]]] = []
    for row in range(len(texts)):
        text = folded.text(row)
        classes = folded.classes[folded.rows[row] : folded.rows[row + 1]].tolist()
        stretches: list[list[str]] = [[]]
        blank = ""
        for char, kind in zip(text, classes, strict=True):
            last = stretches[-1]
            if kind in (LETTER, DIGIT):
                if last and not blank and last[-1][-1].isalnum() and last[-1][-1].isascii() == char.isascii():
                    last[-1] += char
                elif last and blank and last[-1][-1].isalnum() and kind == LETTER:
                    last.append(" " + char)
                elif last and blank:
                    stretches.append([char])
                else:
                    last.append(char)
                blank = ""
            elif kind == SPACE:
                blank = " "
            elif kind in _SCRIPT or unicodedata.category(char)[0] == "L" or unicodedata.category(char) == "So":
                if blank:
                    stretches.append([])
                stretches[-1].append(char)
                blank = ""
            else:
                stretches.append([])
                blank = ""
        found.append([stretch for stretch in stretches if stretch])
    return found


def _frequent(segments: list[list[list[str]]], groups: Sequence[int], fewest: int) -> dict[str, list[int]]:
    """Runs of tokens that at least `fewest` groups use, with the rows they stand in; longer ones grow from shorter ones."""
    standing: dict[str, list[int]] = {}
    starts = [
        (row, stretch, i) for row, of_row in enumerate(segments) for stretch in of_row for i in range(len(stretch))
    ]
    for size in range(1, _MOST_TOKENS + 1):
        rows: dict[str, dict[int, None]] = defaultdict(dict)
        fitting = []
        for row, stretch, i in starts:
            if i + size > len(stretch):
                continue
            words = "".join(stretch[i : i + size]).strip()
            if len(words) <= _LONGEST_TERM:
                rows[words][row] = None
                fitting.append((row, stretch, i, words))
        often = {words: list(of) for words, of in rows.items() if len({groups[row] for row in of}) >= fewest}
        standing |= often
        starts = [(row, stretch, i) for row, stretch, i, words in fitting if words in often]
        if not starts:
            break
    return standing


def _closed(standing: dict[str, list[int]], groups: Sequence[int]) -> list[str]:
    """Those that no longer one replaces: テレグラ never stands without ム. The most used first."""
    used = {words: len({groups[row] for row in rows}) for words, rows in standing.items()}
    replaced = set()
    for words, often in used.items():
        for first in range(len(words)):
            for after in range(first + 1, len(words) + 1):
                part = words[first:after]
                if part != words and used.get(part, 0) and often >= 0.8 * used[part]:
                    replaced.add(part)
    return sorted((words for words in used if words not in replaced), key=lambda words: (-used[words], words))


def _wordlike(words: str) -> bool:
    """Whether it may be a word: not a mere ending, a number or something that looks like an id."""
    if len(words) == 1:
        return unicodedata.category(words) == "So"
    if _LIKE_AN_ID.fullmatch(words) or any("{" <= char <= "}" or char == "\t" for char in words):
        return False
    hiragana = sum("ぁ" <= char <= "ゖ" for char in words)  # katakana is hiragana here too: folding makes them one
    return hiragana < len(words) or len(words) >= 4


def _known(words: str, known: Collection[str]) -> bool:
    """Whether a listed phrase is it, holds it, or makes up half of it."""
    return any(words in phrase or (phrase in words and 2 * len(phrase) >= len(words)) for phrase in known)


def _surface(texts: Sequence[str], words: str, rows: Sequence[int]) -> str:
    """How the term is written most often."""
    chosen = [texts[row] for row in rows[:50]]
    folded = fold(pa.array(chosen, pa.string()))
    written: Counter[str] = Counter()
    for row, text in enumerate(chosen):
        at = folded.text(row).find(words)
        if at >= 0:
            first = int(folded.rows[row]) + at
            start, end = int(folded.starts[first]), int(folded.ends[first + len(words) - 1])
            surface = text[start:end].strip()
            if surface and "\n" not in surface and fold_text(surface) == words:
                written[surface] += 1
    return max(written, key=lambda surface: (written[surface], surface), default=words)
