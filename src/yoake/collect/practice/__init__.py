"""The practice network: invented posts that arrive through the day, with a model answer for each.

`stream.jsonl` holds the rows: id, offset_s (second of a day that repeats), author_id, author_handle, author_name,
profile, text, parent_text, lang, answer (verdict, category, ja, en). Everything in it is synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

NETWORK: Final = "practice"
TOKYO: Final = timezone(timedelta(hours=9))  # Japan has had no daylight saving time since 1951
DAY_S: Final = 86_400


@dataclass(frozen=True)
class Answer:
    """What an experienced analyst would decide about a practice post, and why."""

    verdict: str  # in_scope, not_in_scope or cannot_tell
    category: str  # slug of the harm, "" when there is none
    ja: str
    en: str


@cache
def stream() -> tuple[dict[str, Any], ...]:
    """The rows of the practice day, by falling due."""
    lines = files(__package__).joinpath("stream.jsonl").read_bytes().splitlines()
    return tuple(sorted((orjson.loads(line) for line in lines if line.strip()), key=lambda row: row["offset_s"]))


def answer(native_id: str) -> Answer | None:
    """The model answer to a practice post (native_id is day/id); None when it is not one."""
    return _answers().get(native_id.partition("/")[2])


def native_id(row: dict[str, Any], at: datetime) -> str:
    """The id of a row's post on the day it falls due: the same row is a new post every day."""
    return f"{at.astimezone(TOKYO).date()}/{row['id']}"


@cache
def _answers() -> dict[str, Answer]:
    found = ((row["id"], row.get("answer")) for row in stream())
    return {
        ident: Answer(given["verdict"], given.get("category") or "", given["ja"], given["en"])
        for ident, given in found
        if given
    }
