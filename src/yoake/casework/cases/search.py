"""Finding a case by the words of its post: what is kept for it, and how a question is asked of it.

Kept are folded bigrams, so that 叩き is found where somebody wrote タタキ, and single characters; a Latin word of one or two
letters is kept whole, so that UD is not found inside "cloud". Each stands there as a keyed hash in letters: SQLite's FTS5
and PostgreSQL's text search then cut the same tokens, and neither the index nor what a database leaves behind holds a word
of anybody. A question is asked in two spellings, folded and plain (an address is no disguise), and whatever is found is
compared with the post itself before it is shown: neither a missing order nor a shared hash gives a wrong answer.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from operator import add
from typing import Final

import pyarrow as pa
from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from yoake.casework.cases.models import Case, Post, PostVersion, SearchText
from yoake.detect.text.fold import Folded, fold

LONGEST: Final = 20_000  # characters of a field that are searched
LONGEST_QUESTION: Final = 200
_KANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}  # katakana to hiragana
_SAME: Final = (("叩き", "たたき"),)  # folding leaves them apart: たたき is also a dish
_RUN = re.compile(r"[a-z0-9]+|[^a-z0-9]+")
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")

# FTS5 takes a table's name where others take a column's: no parameter, and nothing of a question stands in the SQL.
_SQLITE: Final = "SELECT rowid FROM cases_search WHERE cases_search MATCH %s"
_POSTGRESQL: Final = (
    "SELECT case_id FROM cases_searchtext WHERE to_tsvector('simple'::regconfig, words) @@ to_tsquery('simple', %s)"
)


def index_case(case: Case) -> None:
    """Keeps what search finds a case by as the case is now; call it when its post or its notes changed.

    What must not be shown any more (erased, stopped) is found by nothing.
    """
    post = Post.objects.select_related("account", "current").get(pk=case.post_id)
    if post.erased_at is not None or post.stopped_at is not None or post.current is None:
        forget(post)
        return
    words = words_of(fields_of(post, post.current, case.notes.values_list("text", flat=True)).values())
    SearchText.objects.update_or_create(case=case, defaults={"words": words})


def forget(post: Post) -> None:
    """Nothing finds the cases of a post any more."""
    SearchText.objects.filter(case__post=post).delete()


def purge() -> None:
    """Rewrites the index without what was deleted from it. SQLite keeps deleted tokens until then; PostgreSQL vacuums itself."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO cases_search(cases_search) VALUES ('optimize')")


def fields_of(post: Post, version: PostVersion, notes: Iterable[str]) -> dict[str, str]:
    """What is searched of a case, by field."""
    account = post.account
    return {
        "text": version.text,
        "author": version.author_name or (account.name if account else ""),
        "handle": account.handle if account else "",
        "url": post.url,
        "note": "\n".join(notes),
    }


def words_of(texts: Iterable[str]) -> str:
    """What is kept of texts: their tokens, each once, joined by blanks."""
    return words_of_each([texts])[0]


def words_of_each(cases: Iterable[Iterable[str]]) -> list[str]:
    """The same of many cases at once."""
    each = [[text[:LONGEST] for text in texts if text] for texts in cases]
    folded = fold(pa.array([text for texts in each for text in texts], pa.string()))
    rows = count()
    return [
        _kept(run for text in texts for way in (folded.text(next(rows)), _plain(text)) for run in _runs(way))
        for texts in each
    ]


def _kept(runs: Iterable[str]) -> str:
    parts = {part for run in set(runs) for part in _of_run(run)}
    return " ".join(sorted(map(_token, parts)))


def narrow(cases: QuerySet[Case], question: str) -> QuerySet[Case]:
    """The cases that may answer a question; `Question.places` tells whether one does. None for an empty question."""
    asked = Question.of(question)
    query = asked.expression(" AND ", " OR ") if connection.vendor == "sqlite" else asked.expression(" & ", " | ")
    if not query:
        return cases.none()
    sql = _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL
    return cases.filter(pk__in=RawSQL(sql, [query]))  # noqa: S611 - the question is a parameter


@dataclass(frozen=True)
class Question:
    """What somebody looks for: every word must be there, in some field, in either spelling."""

    folded: tuple[tuple[str, ...], ...]  # word by word, in each spelling that means the same
    plain: tuple[str, ...]

    @classmethod
    def of(cls, asked: str) -> Question:
        """A question of at most LONGEST_QUESTION characters; signs alone ask nothing."""
        words = [word for word in dict.fromkeys(asked[:LONGEST_QUESTION].split()) if any(_runs(_plain(word)))]
        if not words:
            return cls((), ())
        folded = fold(pa.array(words, pa.string()))
        return cls(
            tuple(_spellings(folded.text(row).strip() or _plain(word)) for row, word in enumerate(words)),
            tuple(_plain(word) for word in words),
        )

    def expression(self, both: str, either: str) -> str:
        """The question to a database: tokens in letters, joined by its words for "and" and "or"."""
        words = []
        for folded, plain in zip(self.folded, self.plain, strict=True):
            ways = dict.fromkeys(
                both.join(sorted({_token(part) for run in _runs(spelling) for part in _asked(run)}))
                for spelling in (*folded, plain)
            )
            words.append("(" + either.join(f"({way})" for way in ways if way) + ")")
        return both.join(word for word in words if word != "()")

    def places(self, fields: dict[str, str]) -> dict[str, list[tuple[int, int]]]:
        """Where the words stand (code points, start and end), by field; empty unless every word stands somewhere."""
        named = [(name, text[:LONGEST]) for name, text in fields.items() if text]
        folded = fold(pa.array([text for _name, text in named], pa.string()))
        spelled = [_spelled(text) for _name, text in named]
        found: dict[str, list[tuple[int, int]]] = {}
        for spellings, by_letter in zip(self.folded, self.plain, strict=True):
            there = False
            for row, (name, _text) in enumerate(named):
                spans = set(_in_plain(*spelled[row], by_letter))
                for spelling in spellings:
                    spans |= set(_in_folded(folded, row, spelling))
                there = there or bool(spans)
                found.setdefault(name, []).extend(sorted(spans))
            if not there:
                return {}
        return {name: sorted(spans) for name, spans in found.items() if spans}


def _spellings(folded: str) -> tuple[str, ...]:
    """A folded word, and the same with each role that people write in two ways written in the other."""
    ways = {folded}
    for one, other in _SAME:
        ways |= {way.replace(one, other) for way in ways} | {way.replace(other, one) for way in ways}
    return tuple(sorted(ways))


def _in_folded(folded: Folded, row: int, word: str) -> Iterator[tuple[int, int]]:
    first = int(folded.rows[row])
    for start, end in _found(folded.text(row), word):
        yield int(folded.starts[first + start]), int(folded.ends[first + end - 1])


def _spelled(text: str) -> tuple[str, list[int]]:
    """A text letter by letter, and where each letter of that stands in it."""
    letters = [_PLAIN[ord(letter)] for letter in text]
    return "".join(letters), [place for place, plain in enumerate(letters) for _ in plain]


def _in_plain(spelled: str, places: list[int], word: str) -> Iterator[tuple[int, int]]:
    for start, end in _found(spelled, word):
        yield places[start], places[end - 1] + 1


def _found(text: str, word: str) -> Iterator[tuple[int, int]]:
    """Where a word stands in a text; at its ends a short Latin word touches no other letter of its kind."""
    runs = _RUN.findall(word)
    before = r"(?<![a-z0-9])" if runs and _is_short(runs[0]) else ""
    after = r"(?![a-z0-9])" if runs and _is_short(runs[-1]) else ""
    for match in re.finditer(before + re.escape(word) + after, text):
        yield match.span()


def _runs(spelling: str) -> Iterator[str]:
    """Stretches of letters, digits and pictures of one kind: Latin, or all others."""
    for stretch in spelling.translate(_SPOKEN).split():
        yield from _RUN.findall(stretch)


class _Spoken(dict[int, int]):
    """For str.translate: what says nothing becomes a blank; each character is looked at once."""

    def __missing__(self, code: int) -> int:
        kind = unicodedata.category(chr(code))
        self[code] = code if kind[0] in "LMN" or kind == "So" else ord(" ")
        return self[code]


_SPOKEN: Final = _Spoken()


def _of_run(run: str) -> Iterator[str]:
    """What is kept of a run: pairs and, where letters are few and many, the run itself or each character."""
    yield from map(add, run, run[1:])
    if not run.isascii():
        yield from run
    elif _is_short(run):
        yield f"={run}"


def _asked(run: str) -> Iterator[str]:
    """What must be kept of a post that has this run, or has it inside a longer one."""
    if _is_short(run):
        yield f"={run}"
    elif len(run) == 1:
        yield run
    else:
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def _is_short(run: str) -> bool:
    return run.isascii() and run.isalnum() and len(run) <= 2


def _plain(text: str) -> str:
    """Compatibility forms, small letters and hiragana, character by character: nothing is guessed."""
    return text.translate(_PLAIN)


class _Plain(dict[int, str]):
    """For str.translate, as _Spoken."""

    def __missing__(self, code: int) -> str:
        self[code] = unicodedata.normalize("NFKC", chr(code)).casefold().translate(_KANA)
        return self[code]


_PLAIN: Final = _Plain()


@lru_cache(maxsize=65_536)
def _token(part: str) -> str:
    """A keyed hash in twelve letters: one word to every database."""
    key = b"search\0" + settings.SECRET_KEY.encode()
    return hmac.digest(key, part.encode("utf-8", "surrogatepass"), "sha256").hex()[:12].translate(_LETTERS)
