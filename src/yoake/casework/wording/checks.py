"""What may not stand in a letter. Each rule has its ground in ../../../docs/howto/wording.md."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import pyarrow as pa

from yoake.casework.cases.categories import categories, generation_in_force
from yoake.casework.wording.letters import FIELDS, HELP, LONGEST, REQUEST, WARNING, parsed
from yoake.detect.category import FRAME, Category, sought
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher
from yoake.errors import BadInput

# A tag of digits alone is no hashtag on any network asked so far: #9110 stays what people know.
_TAG: Final = re.compile(r"[#＃](?!\d+(?![\w]))\w")
_MENTION: Final = re.compile(r"(?<![\w.])[@＠]\w")
_LINK: Final = re.compile(r"https?://|www\.", re.IGNORECASE)
_HEDGE: Final = {
    "ja": re.compile("おそれ|恐れ|可能性|疑い"),
    "en": re.compile(r"\b(may|might|could|possibl[ey])\b", re.I),
}
_ARTICLE: Final = re.compile(r"第\s*(\d+(?:-\d+)?)\s*条(?:の\s*(\d+))?|\bArticles?\s+(\d+(?:-\d+)?)", re.IGNORECASE)
_ACCUSES: Final = re.compile(
    "犯人|犯罪者|逮捕します|違法です|犯罪です|処罰されます|警告します|you are a criminal|is illegal", re.I
)
_TRIGGER_FROM: Final = 1.8  # log-odds: words that nearly alone bring a post to the desk, ours included
LIMITS: Final = {"bluesky": 300, "x": 280, "mastodon": 500, "misskey": 3000}


@dataclass(frozen=True)
class Problem:
    """A rule that a letter breaks, with the words it is about."""

    rule: str  # a key of SENTENCES
    about: str = ""

    def __str__(self) -> str:
        return SENTENCES[self.rule].format(about=self.about)


SENTENCES: Final = {
    "empty": "the letter says nothing",
    "long": "the letter is longer than {about} characters",
    "unknown_field": "{{{about}}} is no field of this letter",
    "missing_field": "{{{about}}} must stand in it, so that a reader can ask back",
    "hashtag": "a hashtag ({about}): networks count it, and an account was frozen over one",
    "mention": "a mention ({about}) calls other people",
    "link": "a web address: readers cannot tell it from those of swindlers",
    "trigger": "the word {about}: filters look for it, also in letters",
    "hedge": "nothing says that this is a possibility only (for example おそれ, may)",
    "accuses": "the words “{about}” accuse; nobody has been found guilty",
    "article": "article {about}: not among the verified articles of this category",
    "help_lines": "#9110 or another help line must stand in it",
}


def problems(known: Category, name: str, language: str, text: str) -> list[Problem]:
    """Every rule that the text breaks; none: it may be submitted.

    Args:
        known: the category the letter belongs to.
        name: warning, request or help.
        language: ja or en.
        text: the letter, with fields in braces.
    """
    if not text.strip():
        return [Problem("empty")]
    found = [Problem("long", str(LONGEST))] if len(text) > LONGEST else []
    fields = {field for _literal, field in parsed(text) if field is not None}
    found += [Problem("unknown_field", field) for field in sorted(fields - set(FIELDS[name]))]
    needed = FIELDS[name][:2] if name != REQUEST else ("organisation", "telephone", "url")
    found += [Problem("missing_field", field) for field in needed if field not in fields]
    if (seen := _ACCUSES.search(text)) is not None:
        found.append(Problem("accuses", seen[0]))
    found += unverified_articles(known, text)
    if name == REQUEST:  # goes to an office: links and terms are in place there
        return found
    for rule, pattern in (("hashtag", _TAG), ("mention", _MENTION), ("link", _LINK)):
        if (seen := pattern.search(text)) is not None:
            found.append(Problem(rule, text[seen.start() : seen.start() + 20].split(maxsplit=1)[0]))
    found += [Problem("trigger", word) for word in _triggers_in(text)]
    if name == WARNING and not _HEDGE[language].search(text):
        found.append(Problem("hedge"))
    if name in (WARNING, HELP) and not re.search(r"#9110|110|119|0120|0570", text):
        found.append(Problem("help_lines"))
    return found


def unverified_articles(known: Category, text: str) -> list[Problem]:
    """The articles a text names that nobody verified for the category: they stand in nothing that leaves the building."""
    verified = {basis.article for basis in known.legal_basis if basis.verified}
    return [Problem("article", seen[0]) for seen in _ARTICLE.finditer(text) if _number(seen) not in verified]


def must_name_verified_articles(known: Category, field: str, text: str) -> None:
    """Raises BadInput about `field` for a text that names another article."""
    if broken := unverified_articles(known, text):
        article = broken[0].about
        raise BadInput(
            field, article, f"words that name no article which nobody verified for this category ({article})"
        )


def must_be_sound(known: Category, name: str, language: str, text: str) -> None:
    """Raises BadInput naming every broken rule."""
    if broken := problems(known, name, language, text):
        raise BadInput("letter", f"{known.slug} {name}.{language}", "; ".join(map(str, broken)))


def length_on(network: str, text: str) -> int:
    """How many characters a network counts: X counts East Asian characters twice (its weighted length), the others once."""
    if network != "x":
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in text)


def _number(seen: re.Match[str]) -> str:
    article, branch, english = seen.groups()
    return english or (f"{article}-{branch}" if branch else article)


def _triggers_in(text: str) -> list[str]:
    words, matcher = _triggers(generation_in_force())
    hits = matcher.find(fold(pa.array([text], pa.string())))
    return list(dict.fromkeys(words[number] for number in hits.phrases.tolist()))


@lru_cache(maxsize=1)
def _triggers(generation: str) -> tuple[list[str], PhraseMatcher]:
    """Words that speak so strongly for an offence that filters of networks know them; made anew with the categories."""
    words = [
        spelling
        for known in sought(categories()).values()
        if not known.at_risk
        for phrase in known.phrases
        if not phrase.cue.startswith(FRAME) and phrase.weight >= _TRIGGER_FROM
        for spelling in phrase.spellings()
    ]
    return words, PhraseMatcher(words)
