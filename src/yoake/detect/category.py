"""Categories: what each harm is, read from data folders (how to write one: docs/howto/category.md)."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from yoake.errors import BadInput

SHIPPED: Final = Path(__file__).parent / "categories"
FORMAT: Final = 1
CLASSES: Final = ("illegal", "serious_crime_related", "suicide_inducing", "harmful", "at_risk", "record_only")
ACTIONS: Final = ("warn", "request", "report", "help")
FIELDS: Final = ("text", "profile", "parent_text")
UNITS: Final = ("yen", "gram")
PERIODS: Final = ("hour", "day", "week", "month", "job", "none")
FRAME: Final = "frame:"
COLUMNS: Final = ("cue", "phrase", "weight", "lang", "first_seen", "source", "note")

_SLUG = re.compile(r"[a-z][a-z0-9_]{1,60}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SEEN = re.compile(r"(19|20)\d\d(-(0[1-9]|1[0-2]))?")
_LANG = re.compile(r"[a-z]{2,3}|any")


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Japanese and English."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class HotlineClass:
    """How the hotline's guideline classes this harm, between two days (both included, Asia/Tokyo)."""

    name: str  # one of CLASSES
    since: date | None  # None: from the beginning
    until: date | None  # None: still


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """An article. One that nobody checked (`verified` false) appears in no text that leaves the building."""

    act: Words
    article: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Element:
    """Something an analyst ticks; `cues` that fired are its evidence."""

    name: str
    label: Words
    cues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """A role that words play. Cues of one `kind` share one weight: the strongest counts, the next ones less."""

    name: str
    label: Words  # ja: stands before 「…」という言葉; en: a noun phrase
    kind: str
    fields: tuple[str, ...]  # where it counts


@dataclass(frozen=True, slots=True)
class Frame:
    """A context that speaks against the harm (news, police warning, question), with words of its own."""

    name: str
    label: Words
    needs: int  # how many different phrases must be there before it counts


@dataclass(frozen=True, slots=True)
class Combination:
    """Log-odds added when cues of all `kinds` are there."""

    kinds: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class AmountRule:
    """An amount of at least so much, per one of `per`, is a cue."""

    cue: str
    unit: str  # yen, gram
    per: tuple[str, ...]  # of PERIODS; ("none",) for grams
    at_least: float
    weight: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """A word or phrase and what it weighs (log-odds)."""

    cue: str  # name of a cue, or frame:<name of a frame>
    phrase: str
    weight: float
    lang: str
    first_seen: str  # year or year-month; words age
    source: str
    note: str


@dataclass(frozen=True, slots=True)
class Example:
    """A text written for the project, with the category that should queue it ("none": none should)."""

    text: str
    label: str
    note: str
    profile: str
    parent_text: str
    known_miss: bool


@dataclass(frozen=True, slots=True)
class Category:
    """One harm."""

    slug: str
    name: Words
    summary: Words
    classes: tuple[HotlineClass, ...]
    legal_basis: tuple[LegalBasis, ...]
    severity: int  # 1 to 5
    at_risk: bool  # the writer or a third person needs help: never an offender
    job_ad: bool  # whether the six items of a job ad are looked for
    actions: tuple[str, ...]
    base: float  # log-odds of a post without any cue
    queue: float  # score from which a person looks at it
    high: float
    elements: tuple[Element, ...]
    cues: tuple[Cue, ...]
    frames: tuple[Frame, ...]
    combinations: tuple[Combination, ...]
    amounts: tuple[AmountRule, ...]
    limit_kinds: tuple[str, ...]  # when a cue of these kinds is there ...
    limit: float  # ... frames together take away at most this (log-odds)
    found: Words  # ends the sentence that explains a queued finding
    not_found: Words  # ends the one that explains a low finding
    phrases: tuple[Phrase, ...]
    examples: tuple[Example, ...]

    def class_on(self, day: date) -> str:
        """The hotline class valid on a day (Asia/Tokyo), "" when the guideline had none then."""
        for item in self.classes:
            if (item.since is None or item.since <= day) and (item.until is None or day <= item.until):
                return item.name
        return ""

    def grade(self, score: float) -> str:
        """low, mid or high."""
        return "low" if score < self.queue else "mid" if score < self.high else "high"


def load_categories(overlay: Path | None = None, shipped: Path = SHIPPED) -> tuple[dict[str, Category], list[BadInput]]:
    """All categories, sorted by slug, with `overlay` (a folder of folders, may be missing) laid over the shipped ones.

    Returns:
        The categories, and the problems of overlay folders that were left out; a shipped folder that fails raises.

    Raises:
        BadInput: a shipped folder is faulty; names file, line and reason.
    """
    sources = {folder.name: _read(folder, folder.name, None) for folder in _folders(shipped)}
    categories = {slug: _build(source) for slug, source in sources.items()}
    problems: list[BadInput] = []
    for folder in _folders(overlay) if overlay else ():
        try:
            categories[folder.name] = _build(_read(folder, folder.name, sources.get(folder.name)))
        except BadInput as problem:
            problems.append(problem)
    return dict(sorted(categories.items())), problems


def digest(categories: dict[str, Category]) -> str:
    """Short hash of everything in the categories that can change a finding; examples and notes cannot."""
    text = repr(
        [
            [getattr(category, name) for name in Category.__slots__ if name not in ("phrases", "examples", "summary")]
            + [(phrase.cue, phrase.phrase, phrase.weight) for phrase in category.phrases]
            for category in categories.values()
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# ---------------------------------------------------------------- reading a folder


@dataclass(frozen=True, slots=True)
class _Source:
    """A folder as read, before its parts are checked against each other."""

    slug: str
    file: Path
    lines: list[str]
    keys: dict[str, Any]
    phrases: dict[tuple[str, str], tuple[Phrase, str]]  # (cue, phrase) -> phrase, where it stands
    examples: tuple[Example, ...]


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    # a leading dot or underscore: something half written, or Python's own
    return sorted(p for p in place.iterdir() if p.is_dir() and p.name[0] not in "._")


def _read(folder: Path, slug: str, under: _Source | None) -> _Source:
    if not _SLUG.fullmatch(slug):
        raise BadInput(f"category folder {folder}", slug, "a name of small letters, digits and _, such as drug_ad")
    file = folder / "category.toml"
    known = {"category.toml", "phrases.tsv", "examples.jsonl", "letters"}
    for entry in sorted(folder.iterdir()):
        if entry.name not in known and entry.name[0] not in "._":
            raise BadInput(f"category folder {folder}", entry.name, f"a category has only {', '.join(sorted(known))}")
    keys, lines = _toml(file, needed=under is None)
    if keys:
        _check_keys(file, lines, keys)
    phrases = _phrases(folder / "phrases.tsv", needed=under is None)
    examples = _examples(folder / "examples.jsonl")
    if under is not None:
        keys = _laid_over(under.keys, keys)
        phrases = {**under.phrases, **phrases}
        examples = under.examples + examples
        if not lines:
            file, lines = under.file, under.lines
    return _Source(slug, file, lines, keys, phrases, examples)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as problem:
        line = file.read_bytes()[: problem.start].count(b"\n") + 1
        raise BadInput(f"{file} line {line}", problem.object[problem.start : problem.end], "text in UTF-8") from None
    except OSError as problem:
        raise BadInput(str(file), problem.strerror, "a readable file") from None


def _toml(file: Path, *, needed: bool) -> tuple[dict[str, Any], list[str]]:
    if not file.exists():
        if needed:
            raise BadInput(str(file), "missing", "a category folder has a category.toml")
        return {}, []
    text = _text(file)
    try:
        return tomllib.loads(text), text.splitlines()
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        where = f"{file} line {line[1] if line else len(text.splitlines())}"
        raise BadInput(where, "not TOML", str(problem)) from None


def _laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        merged[key] = _laid_over(under[key], value) if both else value
    return merged


def _rows(file: Path) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(_text(file).removeprefix("\ufeff").split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.removesuffix("\r")


def _phrases(file: Path, *, needed: bool) -> dict[tuple[str, str], tuple[Phrase, str]]:
    if not file.exists():
        if needed:
            raise BadInput(str(file), "missing", "a category folder has a phrases.tsv")
        return {}
    phrases: dict[tuple[str, str], tuple[Phrase, str]] = {}
    header = False
    for number, line in _rows(file):
        where = f"{file} line {number}"
        cells = line.split("\t")
        if not header:
            if tuple(cells) != COLUMNS:
                raise BadInput(where, line, f"the header line is {' TAB '.join(COLUMNS)}")
            header = True
            continue
        if len(cells) != len(COLUMNS):
            raise BadInput(where, line, f"{len(COLUMNS)} columns separated by tabs, this line has {len(cells)}")
        cue, phrase, weight_text, lang, first_seen, source, note = (cell.strip() for cell in cells)
        if not phrase:
            raise BadInput(f"{where} phrase", phrase, "a phrase of one or more characters")
        try:
            weight = float(weight_text)
        except ValueError:
            weight = math.nan
        if not -10 <= weight <= 10:
            raise BadInput(f"{where} weight", weight_text, "a number of log-odds from -10 to 10")
        if cue.startswith(FRAME) and weight > 0:
            raise BadInput(f"{where} weight", weight_text, "words of a frame take away: 0 or less")
        if not cue.startswith(FRAME) and weight < 0:
            raise BadInput(f"{where} weight", weight_text, "words of a cue add: 0 or more (a denial never exempts)")
        if not _LANG.fullmatch(lang):
            raise BadInput(f"{where} lang", lang, "a language such as ja or en, or any")
        if not _SEEN.fullmatch(first_seen):
            raise BadInput(f"{where} first_seen", first_seen, "a year such as 2022 or a month such as 2022-03")
        if not source:
            raise BadInput(f"{where} source", source, "where the phrase and its weight come from")
        if (cue, phrase) in phrases:
            raise BadInput(
                f"{where} phrase", phrase, f"each phrase once per cue; it also stands at {phrases[cue, phrase][1]}"
            )
        phrases[cue, phrase] = Phrase(cue, phrase, weight, lang, first_seen, source, note), where
    if not header:
        raise BadInput(str(file), "empty", f"a header line: {' TAB '.join(COLUMNS)}")
    return phrases


def _examples(file: Path) -> tuple[Example, ...]:
    if not file.exists():
        return ()
    found = []
    for number, line in _rows(file):
        where = f"{file} line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as problem:
            raise BadInput(where, line, f"one JSON object a line ({problem.msg})") from None
        if not isinstance(row, dict) or not {"text", "label"} <= row.keys():
            raise BadInput(where, line, 'an object with "text" and "label" (a category, or "none")')
        unknown = row.keys() - {"text", "label", "note", "profile", "parent_text", "known_miss"}
        if unknown:
            raise BadInput(
                where, sorted(unknown)[0], "known keys are text, label, note, profile, parent_text, known_miss"
            )
        if not all(isinstance(value, bool if key == "known_miss" else str) for key, value in row.items()):
            raise BadInput(where, line, "strings everywhere, and true or false for known_miss")
        if row["label"] != "none" and not _SLUG.fullmatch(row["label"]):
            raise BadInput(f"{where} label", row["label"], 'a category, or "none"')
        texts = (row.get("note", ""), row.get("profile", ""), row.get("parent_text", ""))
        found.append(Example(row["text"], row["label"], *texts, row.get("known_miss", False)))
    return tuple(found)


# ---------------------------------------------------------------- checking category.toml

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


def _line_of(lines: list[str], path: tuple[str, ...], nth: int = 0) -> int:
    """Line (from 1) where a key is written: best effort, for messages; nth counts tables of an array from 0."""
    at, seen = 0, -1
    if len(path) > 1:
        heads = [
            re.compile(rf"\s*\[+\s*{re.escape('.'.join(path[:depth]))}\s*[\].]")
            for depth in range(len(path) - 1, 0, -1)
        ]
        for head in heads:
            for number, line in enumerate(lines):
                if head.match(line) and (seen := seen + 1) == nth:
                    at = number
                    break
            if at:
                break
    key = re.compile(rf"\s*(\[+\s*)?([\w.]+\.)?{re.escape(path[-1])}\s*(=|\]|\.)")
    for number in range(at, len(lines)):
        if key.match(lines[number]) or (number == at and at and f"{path[-1]} =" in lines[number]):
            return number + 1
    return at + 1


def _check_keys(file: Path, lines: list[str], keys: dict[str, Any]) -> None:
    """Every key known and every value acceptable; whether something is missing is asked after laying over."""
    _walk(file, lines, keys, _SHAPE, (), 0, partial=True)


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
    for key, value in keys.items():
        here = (*path, key)
        where = f"{file} line {_line_of(lines, here, nth)} {'.'.join(here)}"
        if key not in known:
            raise BadInput(where, value, f"an unknown key; known here are {', '.join(known)}")
        wanted = shape[known[key]]
        if isinstance(wanted, dict):
            if not isinstance(value, dict):
                raise BadInput(where, value, f"a table with {', '.join(wanted)}")
            _walk(file, lines, value, wanted, here, nth, partial=partial)
        elif isinstance(wanted, list):
            if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
                raise BadInput(where, value, f"written as [[{key}]] with {', '.join(wanted[0])}")
            for number, item in enumerate(value):
                _walk(file, lines, item, wanted[0], here, number, partial=False)
        elif accepted := wanted(value):
            raise BadInput(where, value, accepted)
    if not partial:
        for key, written in known.items():
            if key == written and key not in keys:
                where = f"{file} line {_line_of(lines, (*path, key), nth)} {'.'.join((*path, key))}"
                raise BadInput(where, "missing", "it must be given")


def _words(table: dict[str, str]) -> Words:
    return Words(table["ja"], table["en"])


def _build(source: _Source) -> Category:
    """The category, after everything was checked against everything else."""
    file, lines, keys = source.file, source.lines, source.keys
    _walk(file, lines, keys, _SHAPE, (), 0, partial=False)

    def refuse(path: tuple[str, ...], value: object, accepted: str, nth: int = 0) -> BadInput:
        return BadInput(f"{file} line {_line_of(lines, path, nth)} {'.'.join(path)}", value, accepted)

    if keys["thresholds"]["queue"] >= keys["thresholds"]["high"]:
        raise refuse(("thresholds", "queue"), keys["thresholds"]["queue"], "a score below thresholds.high")
    if keys["actions"] != list(dict.fromkeys(keys["actions"])):
        raise refuse(("actions",), keys["actions"], "each action once")
    last: date | None = None
    for nth, item in enumerate(keys["class"]):
        since, until = item.get("since"), item.get("until")
        if nth and (last is None or since is None or since <= last):
            raise refuse(("class", "since"), since, "classes in order of time that do not overlap", nth)
        if since and until and until < since:
            raise refuse(("class", "until"), until, "a day not before since", nth)
        last = until
    cues = tuple(
        Cue(c["name"], _words(c), c.get("kind", c["name"]), tuple(c.get("fields", ("text", "profile"))))
        for c in keys["cue"]
    )
    frames = tuple(Frame(f["name"], _words(f), f.get("needs", 1)) for f in keys.get("frame", ()))
    names, kinds = {cue.name for cue in cues}, {cue.kind for cue in cues}
    frame_names = {frame.name for frame in frames}
    for table, given, known in (
        ("element", [e["cues"] for e in keys["element"]], names),
        ("combination", [c["kinds"] for c in keys.get("combination", ())], kinds),
        ("amount", [[a["cue"]] for a in keys.get("amount", ())], names),
        ("frame_limit", [keys["frame_limit"]["kinds"]] if "frame_limit" in keys else [], kinds),
    ):
        for nth, listed in enumerate(given):
            for name in listed:
                if name not in known:
                    key = "kinds" if known is kinds else "cue" if table == "amount" else "cues"
                    raise refuse((table, key), name, f"known here are {', '.join(sorted(known))}", nth)
    if len(cues) != len(names) or len(frames) != len(frame_names) or len(kinds) > 60:
        raise refuse(("cue",), len(cues), "each cue and frame once, and at most 60 kinds")
    for phrase, where in source.phrases.values():
        known = {FRAME + name for name in frame_names} if phrase.cue.startswith(FRAME) else names
        if phrase.cue not in known:
            raise BadInput(f"{where} cue", phrase.cue, f"a cue of category.toml: {', '.join(sorted(known))}")
    limit = keys.get("frame_limit")
    return Category(
        slug=source.slug,
        name=_words(keys["name"]),
        summary=_words(keys["summary"]),
        classes=tuple(HotlineClass(c["name"], c.get("since"), c.get("until")) for c in keys["class"]),
        legal_basis=tuple(
            LegalBasis(_words(b["act"]), b["article"], b["verified"]) for b in keys.get("legal_basis", ())
        ),
        severity=keys["severity"],
        at_risk=keys["at_risk"],
        job_ad=keys.get("job_ad", False),
        actions=tuple(keys["actions"]),
        base=float(keys["base"]),
        queue=float(keys["thresholds"]["queue"]),
        high=float(keys["thresholds"]["high"]),
        elements=tuple(Element(e["name"], _words(e), tuple(e["cues"])) for e in keys["element"]),
        cues=cues,
        frames=frames,
        combinations=tuple(Combination(tuple(c["kinds"]), float(c["weight"])) for c in keys.get("combination", ())),
        amounts=tuple(
            AmountRule(a["cue"], a["unit"], tuple(a.get("per", PERIODS)), float(a["at_least"]), float(a["weight"]))
            for a in keys.get("amount", ())
        ),
        limit_kinds=tuple(limit["kinds"]) if limit else (),
        limit=float(limit["weight"]) if limit else math.inf,
        found=_words(keys["explanation"]["found"]),
        not_found=_words(keys["explanation"]["not_found"]),
        phrases=tuple(phrase for phrase, _ in source.phrases.values()),
        examples=source.examples,
    )
