"""What is said: to a desk, to a network, and in public; and what must not be said in public.

A public reply marks its target: the replies of an official account are a list for those who look for prey. So it names no
person, place or age, repeats nothing of the post, and is never a warning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yoake.casework.cases.categories import category
from yoake.casework.cases.models import Case
from yoake.casework.due import TOKYO
from yoake.casework.wording import checks
from yoake.casework.wording.letters import HELP
from yoake.detect.text.extraction import extract
from yoake.errors import BadInput

# What a supervisor begins with; nothing in it is about the person who reads it. The number: domain notes, and every category.
REPLY: Final[Mapping[str, str]] = {
    "ja": "困ったときは、ひとりで抱えずに相談できます。名前を言わなくてもかまいません。\n警察相談専用電話 #9110（今すぐ危ないときは110）",
    "en": "If something troubles you, you can talk to somebody about it. You need not give your name.\n"
    "Police consultation line #9110 (110 if you are in danger now)",
}
# To the people who run a network: what they see there themselves needs no words of ours about the person.
NETWORK: Final = (
    "The author of this post, or somebody close to them, may be in danger. Please look at it with your safety team and offer "
    "them help. This is no complaint about the author.\n"
    "この投稿をした人、または近くにいる人が危険な状態にあるおそれがあります。安全を守る担当の方が確認し、支援を案内してください。"
    "投稿者への苦情ではありません。"
)
_ROWS: Final[Mapping[str, tuple[str, str]]] = {
    "number": ("引継ぎ番号", "Hand-over number"),
    "url": ("投稿のURL", "Address of the post"),
    "author": ("投稿者", "Author"),
    "posted_at": ("投稿日時", "Posted"),
    "category": ("区分", "Category"),
    "elements": ("確認したこと", "What was seen"),
    "minor": ("年齢", "Age"),
    "places": ("出てくる地名", "Places named"),
    "text": ("投稿の本文", "What it says"),
    "by": ("担当（職員番号）", "In charge (staff number)"),
}
_MINOR: Final = ("18歳未満の可能性があります", "may be under 18")
_TITLE: Final = (
    "助けを必要としている可能性がある人の引継ぎです。本人を責めず、まず安全の確認をお願いします。",
    "This is about somebody who may need help. Please see first that they are safe; they are not accused of anything.",
)

_AGE: Final = re.compile(
    r"\d\s*(?:歳|才|代|yo\b|y/o|years?[ -]old)|[一二三四五六七八九十]\s*(?:歳|才|代)|[小中高大]学?(?:生|校)|[小中高][一二三四五六123456]|"
    r"未成年|児童|子ども|子供|こども|少年|少女|若者|若い|女子|男子|女性|男性|娘|息子|彼女|彼氏|\b[JD][KCS]\b|"
    r"\b(?:teen\w*|minors?|child(?:ren)?|kids?|girls?|boys?|young|youth|students?|daughter|son|woman|man|she|he|her|his)\b",
    re.IGNORECASE,
)
_WARNS: Final = re.compile(
    r"警告|注意喚起|違法|犯罪|逮捕|処罰|闇バイト|裏バイト|応募|\bwarn|\billegal|\bcrim|\barrest|\bappl(?:y|ied)", re.I
)
_REPEATS: Final = 8  # characters of the post in a row that a reply must not repeat


@dataclass(frozen=True)
class Problem:
    """Why a public reply may not say this."""

    rule: str
    about: str = ""

    def __str__(self) -> str:
        return _SENTENCES[self.rule].format(about=self.about)


_SENTENCES: Final = {
    "age": "“{about}” tells something about age or person",
    "place": "“{about}” names a place",
    "author": "“{about}” names the author",
    "repeats": "“{about}” repeats the post",
    "warns": "“{about}”: help is never a warning, and says nothing of an offence",
}


def problems(text: str, case: Case, slug: str, language: str) -> list[checks.Problem | Problem]:
    """Everything that speaks against saying this in public under the post of a case; none: it may be drafted."""
    plain = unicodedata.normalize("NFKC", text)
    found: list[checks.Problem | Problem] = [
        one for one in checks.problems(category(slug), HELP, language, text) if one.rule != "missing_field"
    ]
    if (seen := _AGE.search(plain)) is not None:
        found.append(Problem("age", seen[0]))
    if (warned := _WARNS.search(plain)) is not None:
        found.append(Problem("warns", warned[0]))
    found += [Problem("place", plain[one.start : one.end]) for one in extract(plain) if one.kind == "place"][:1]
    found += [Problem("author", name) for name in _names(case) if name.casefold() in plain.casefold()][:1]
    if repeated := _repeated(plain, case):
        found.append(Problem("repeats", repeated))
    return found


def must_say_nothing_of_the_person(text: str, case: Case, slug: str, language: str) -> None:
    """Raises BadInput naming everything that may not stand in a public reply."""
    if broken := problems(text, case, slug, language):
        raise BadInput("text", text, "; ".join(map(str, broken)))


def facts(case: Case, elements: list[str], places: list[str], *, slug: str, number: str, by: str, language: str) -> str:
    """What is read out to a desk or written on its sheet: where the post stands, what it says, what a person saw in it."""
    at = 1 if language == "en" else 0
    post, version, account = case.post, case.post.current, case.post.account
    known = category(slug)
    labels = {one.name: (one.label.ja, one.label.en)[at] for one in known.elements}
    name = (version.author_name if version is not None else "") or (account.name if account is not None else "")
    handle = f"@{account.handle}" if account is not None and account.handle else ""
    told = {
        "number": number,
        "url": post.url or post.native_id,
        "author": " ".join(part for part in (name, handle) if part),
        "posted_at": _time(post.posted_at),
        "category": (known.name.ja, known.name.en)[at],
        "elements": ("、", ", ")[at].join(dict.fromkeys(labels.get(one, one) for one in elements)),
        "minor": _MINOR[at] if case.minor else "",
        "places": ("、", ", ")[at].join(dict.fromkeys(places)),
        "text": version.text if version is not None else "",
        "by": by,
    }
    lines = [f"{_ROWS[row][at]}{('：', ': ')[at]}{value}" for row, value in told.items() if value]
    return "\n".join([_TITLE[at], "", *lines])


def _time(at: datetime | None) -> str:
    return at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M JST") if at is not None else ""


def _names(case: Case) -> list[str]:
    version, account = case.post.current, case.post.account
    given = [version.author_name if version is not None else ""]
    given += [account.name, account.handle, account.handle.partition(".")[0]] if account is not None else []
    return [
        name for name in dict.fromkeys(unicodedata.normalize("NFKC", one).strip() for one in given) if len(name) > 1
    ]


def _repeated(plain: str, case: Case) -> str:
    """The first stretch of the post, or of the profile beside it, that stands in a text; what the shipped words say is none."""
    version = case.post.current
    if version is None:
        return ""
    said = "".join(plain.split())
    own = unicodedata.normalize("NFKC", "".join("".join(REPLY.values()).split()))
    for theirs in (version.text, version.profile, version.parent_text):
        there = "".join(unicodedata.normalize("NFKC", theirs).split())
        for start in range(len(said) - _REPEATS + 1):
            stretch = said[start : start + _REPEATS]
            if stretch in there and stretch not in own:
                return stretch
    return ""
