"""What may stand in category.toml, and where exactly a mistake stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from yoake.errors import BadInput

FORMAT: Final = 1
CLASSES: Final = ("illegal", "serious_crime_related", "suicide_inducing", "harmful", "at_risk", "record_only")
ACTIONS: Final = ("warn", "request", "report", "help")
FIELDS: Final = ("text", "profile", "parent_text")
UNITS: Final = ("yen", "gram")
PERIODS: Final = ("hour", "day", "week", "month", "job", "none")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_text(file: Path) -> str:
    """The text of a file of a category folder. Raises BadInput when it cannot be read."""
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as problem:
        line = file.read_bytes()[: problem.start].count(b"\n") + 1
        raise BadInput(f"{file} line {line}", problem.object[problem.start : problem.end], "text in UTF-8") from None
    except OSError as problem:
        raise BadInput(str(file), problem.strerror, "a readable file") from None


def read_toml(file: Path, *, needed: bool) -> tuple[dict[str, Any], list[str]]:
    """Keys and lines of category.toml; ({}, []) when it is absent and not needed. Raises BadInput."""
    if not file.exists():
        if needed:
            raise BadInput(str(file), "missing", "a category folder has a category.toml")
        return {}, []
    text = read_text(file)
    try:
        return tomllib.loads(text), text.splitlines()
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        where = f"{file} line {line[1] if line else len(text.splitlines())}"
        raise BadInput(where, "not TOML", str(problem)) from None
    except (ValueError, RecursionError) as problem:  # a number of thousands of digits, brackets by the thousand
        raise BadInput(str(file), "not TOML", f"plain keys and values ({problem})") from None


_Check = Callable[[Any], str]  # what is accepted, or "" when the value is


def _is(kind: type | tuple[type, ...], accepted: str, also: Callable[[Any], bool] = lambda _: True) -> _Check:
    def check(value: Any) -> str:
        # True is an int in Python; where a number is asked for it is a mistake
        right = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
        return "" if right and also(value) else accepted

    return check


def _list_of(check: _Check, accepted: str) -> _Check:
    return lambda value: "" if isinstance(value, list) and value and not any(map(check, value)) else accepted


def _one_of(names: Iterable[str]) -> _Check:
    names = tuple(names)
    return _is(str, f"one of {', '.join(names)}", lambda value: value in names)


_STRING = _is(str, "a string with something in it", lambda value: bool(value.strip()))
_IDENTIFIER = _is(str, "a name of small letters, digits and _", lambda value: bool(_NAME.fullmatch(value)))
_BOOL = _is(bool, "true or false")
_DATE = _is(date, "a date such as 2025-03-01", lambda value: not isinstance(value, datetime))
_NUMBER = _is((int, float), "a number from -20 to 20", lambda value: -20 <= value <= 20)
_SCORE = _is((int, float), "a score above 0 and below 1", lambda value: 0 < value < 1)
_AMOUNT = _is((int, float), "an amount of 0 or more", lambda value: 0 <= value <= 1e12)
_IDENTIFIERS = _list_of(_IDENTIFIER, "a list of names")
_WORDS: Final[dict[str, Any]] = {"ja": _STRING, "en": _STRING}

# Plain dict: a table. List of one dict: an array of tables. A key that ends in "?" may be left out.
_SHAPE: Final[dict[str, Any]] = {
    "format": _is(int, f"{FORMAT}, the format this program reads", lambda value: value == FORMAT),
    "severity": _is(int, "a whole number from 1 to 5", lambda value: 1 <= value <= 5),
    "at_risk": _BOOL,
    "job_ad?": _BOOL,
    "never_alone?": _IDENTIFIERS,
    "record_only?": _BOOL,
    "enabled?": _BOOL,
    "at_most?": _one_of(("mid",)),  # only downwards: who lays a folder over this one cannot lift the cap
    "measured?": _BOOL,
    "second_review?": _BOOL,
    "sensitive?": _BOOL,
    "help?": [{**_WORDS, "number?": _STRING}],
    "actions": _list_of(_one_of(ACTIONS), f"a list of {', '.join(ACTIONS)}"),
    "base": _NUMBER,
    "name": _WORDS,
    "summary": _WORDS,
    "thresholds": {"queue": _SCORE, "high": _SCORE},
    "explanation": {"found": _WORDS, "not_found": _WORDS},
    "class": [{"name": _one_of(CLASSES), "since?": _DATE, "until?": _DATE}],
    "legal_basis?": [{"act": _WORDS, "article": _STRING, "verified": _BOOL}],
    "element": [{"name": _IDENTIFIER, **_WORDS, "cues": _IDENTIFIERS}],
    "cue": [
        {
            "name": _IDENTIFIER,
            **_WORDS,
            "kind?": _IDENTIFIER,
            "fields?": _list_of(_one_of(FIELDS), "a list of " + ", ".join(FIELDS)),
        }
    ],
    "frame?": [{"name": _IDENTIFIER, **_WORDS, "needs?": _is(int, "1 to 5", lambda value: 1 <= value <= 5)}],
    "combination?": [{"kinds": _IDENTIFIERS, "weight": _NUMBER, "why": _STRING}],
    "amount?": [
        {
            "cue": _IDENTIFIER,
            "unit": _one_of(UNITS),
            "per?": _list_of(_one_of(PERIODS), "a list of " + ", ".join(PERIODS)),
            "at_least": _AMOUNT,
            "weight": _is((int, float), "a number from 0 to 10", lambda value: 0 <= value <= 10),
        }
    ],
    "frame_limit?": {
        "kinds": _IDENTIFIERS,
        "weight": _is((int, float), "a number from 0 to 20", lambda value: 0 <= value <= 20),
    },
}

# What a category that no detector seeks says; every other key would do nothing.
_RECORD_ONLY: Final = (
    "format",
    "record_only?",
    "sensitive?",
    "second_review?",
    "actions",
    "name",
    "summary",
    "class",
    "legal_basis?",
)
_OF_DETECTORS: Final = tuple(key.removesuffix("?") for key in _SHAPE if key not in _RECORD_ONLY)


_HEAD = re.compile(r"\s*\[\[?\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"\s*([\w-]+(?:\.[\w-]+)*)\s*=")
_INLINE = re.compile(r"[{,]\s*([\w-]+)\s*=")


def line_of(lines: list[str], path: tuple[str, ...], nth: int = 0) -> int:
    """Line (from 1) where a key is written, or the table that should have it; for messages.

    Args:
        lines: of category.toml.
        path: the key, with the tables it stands in.
        nth: which table of an array, from 0.
    """
    places = _places(tuple(lines))
    for depth in range(len(path), 0, -1):
        if (path[:depth], nth) in places:
            return places[path[:depth], nth]
    return 1


@lru_cache(maxsize=4)  # asked once for every key of a file
def _places(lines: tuple[str, ...]) -> dict[tuple[tuple[str, ...], int], int]:
    """Where each key and table (with its number in an array) is written: its line, from 1."""
    places: dict[tuple[tuple[str, ...], int], int] = {}
    table: tuple[str, ...] = ()
    number = 0
    for line, text in enumerate(lines, 1):
        if head := _HEAD.match(text):
            table = tuple(head[1].split("."))
            number = 0
            while (table, number) in places:
                number += 1
            places[table, number] = line
        elif key := _KEY.match(text):
            here = (*table, *key[1].split("."))
            places.setdefault((here, number), line)
            for inner in _INLINE.finditer(text, key.end()):
                places.setdefault(((*here, inner[1]), number), line)
    return places


def check_keys(file: Path, lines: list[str], keys: dict[str, Any], *, partial: bool) -> None:
    """Checks what category.toml holds.

    Args:
        file: where the keys come from.
        lines: its lines, to name the one with a mistake.
        keys: what was read.
        partial: True for a file that is laid over another one: then keys may be missing at the top.

    Raises:
        BadInput: an unknown key, a value that is not accepted, or something missing.
    """
    shape = _SHAPE
    if keys.get("record_only") is True:
        shape = {key: _SHAPE[key] for key in _RECORD_ONLY}
        for key in _OF_DETECTORS:
            if key in keys:
                where = f"{file} line {line_of(lines, (key,))} {key}"
                raise BadInput(where, keys[key], "left out, because no detector seeks a record-only category")
    _walk(file, lines, keys, shape, (), 0, partial=partial)


def _walk(
    file: Path,
    lines: list[str],
    keys: dict[str, Any],
    shape: dict[str, Any],
    path: tuple[str, ...],
    nth: int,
    *,
    partial: bool,
) -> None:
    known = {key.removesuffix("?"): key for key in shape}

    def refuse(here: tuple[str, ...], value: object, accepted: str) -> BadInput:
        return BadInput(f"{file} line {line_of(lines, here, nth)} {'.'.join(here)}", value, accepted)

    for key, value in keys.items():
        here = (*path, key)
        if key not in known:
            raise refuse(here, value, f"an unknown key; known here are {', '.join(known)}")
        wanted = shape[known[key]]
        if isinstance(wanted, dict):
            if not isinstance(value, dict):
                raise refuse(here, value, f"a table with {', '.join(wanted)}")
            _walk(file, lines, value, wanted, here, nth, partial=partial)
        elif isinstance(wanted, list):
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise refuse(here, value, f"written as [[{key}]] with {', '.join(wanted[0])}")
            for number, item in enumerate(value):
                _walk(file, lines, item, wanted[0], here, number, partial=False)
        elif accepted := wanted(value):
            raise refuse(here, value, accepted)
    if not partial:
        for key, written in known.items():
            if key == written and key not in keys:
                raise refuse((*path, key), "missing", "it must be given")
