"""Categories: what each harm is, read from data folders (how to write one: docs/howto/category.md)."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from yoake.detect.category_keys import PERIODS, check_keys, line_of, read_text, read_toml
from yoake.errors import BadInput
from yoake.tables.findings import HIGH, LOW, MID

SHIPPED: Final = Path(__file__).parent / "categories"
FRAME: Final = "frame:"  # a cue of phrases.tsv that names a frame
NEVER: Final = -50.0  # log-odds of a post for a category that no detector seeks
COLUMNS: Final = ("cue", "phrase", "weight", "lang", "first_seen", "source", "note")

_SLUG = re.compile(r"[a-z][a-z0-9_]{1,60}")
_SEEN = re.compile(r"(19|20)\d\d(-(0[1-9]|1[0-2]))?")
_LANG = re.compile(r"[a-z]{2,3}|any")
_BRACES = re.compile(r"[^{}|]*(?:\{[^{}]*\}[^{}|]*)*")
_MOST_SPELLINGS: Final = 400
# Folding leaves something of each of these; a spelling without any is folded to see whether anything is left.
_SOLID: Final = re.compile("[0-9A-Za-zぁ-ゖァ-ヶ一-鿿☀-➿\U0001f300-\U0001f3fa\U0001f400-\U0001faff]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")  # JSON can spell them one by one, UTF-8 has no bytes for them
_SILENT: Final = (
    "phrases",
    "examples",
    "summary",
    "measured",
    "second_review",
    "sensitive",
    "help",
    "never_alone",
)  # cannot change a finding, or are counted apart


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
class HelpLine:
    """Where a person who needs help finds it, as a page and a letter name it."""

    label: Words
    number: str  # as one dials it; "" for a desk whose number differs from place to place


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

    def spellings(self) -> list[str]:
        """The phrase, or all it stands for when alternatives stand in braces: 送っ{た|ちゃった} is 送った and 送っちゃった."""
        parts = [part.split("|") if i % 2 else [part] for i, part in enumerate(re.split(r"[{}]", self.phrase))]
        return ["".join(chosen) for chosen in itertools.product(*parts)]

    def spelling_count(self) -> int:
        """How many `spellings` gives, without making them: {a|b} forty times would fill the memory."""
        return math.prod(part.count("|") + 1 for part in re.findall(r"\{([^{}]*)\}", self.phrase))


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
    never_alone: tuple[str, ...]  # elements that every incomplete job ad shows: alone no ground for a warning
    actions: tuple[str, ...]
    base: float  # log-odds of a post without any cue
    queue: float  # score from which a person looks at it
    high: float
    at_most: str  # the highest grade a finding may have: high, or mid where nobody can know from the words alone
    measured: bool  # whether figures of accuracy count it: not where true and false posts may be the same words
    record_only: bool  # people choose it, no detector seeks it; of its posts only address, time and count are kept
    second_review: bool  # a decision "in scope" holds once a second person, blind to the first, has judged too
    sensitive: bool  # reading it wears people down: it is offered only to those who chose to take it
    help: tuple[HelpLine, ...]  # the nearest first; shown before those everybody may call
    enabled: bool  # false: the deployment switched it off, and no detector seeks it
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

    def grade(self, score: float, queue: float | None = None, high: float | None = None) -> str:
        """low, mid or high, by the category's own thresholds or those given; never above `at_most`."""
        if score < (self.queue if queue is None else queue):
            return LOW
        return MID if self.at_most == MID or score < (self.high if high is None else high) else HIGH


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


def sought(categories: dict[str, Category]) -> dict[str, Category]:
    """Those that a detector may report: all but the record-only ones and those that are switched off."""
    return {slug: category for slug, category in categories.items() if category.enabled and not category.record_only}


def digest(categories: dict[str, Category]) -> str:
    """Short hash of everything in the categories that can change a finding; examples and notes cannot."""
    text = repr(
        [
            [getattr(category, name) for name in Category.__slots__ if name not in _SILENT]
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
    keys, lines = read_toml(file, needed=under is None)
    if keys:
        check_keys(file, lines, keys, partial=True)
    phrases = _phrases(folder / "phrases.tsv", needed=under is None and keys.get("record_only") is not True)
    examples = _examples(folder / "examples.jsonl")
    if under is not None:
        keys = _laid_over(under.keys, keys)
        phrases = {**under.phrases, **phrases}
        examples = under.examples + examples
        if not lines:
            file, lines = under.file, under.lines
    return _Source(slug, file, lines, keys, phrases, examples)


def _laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        merged[key] = _laid_over(under[key], value) if both else value
    return merged


def _rows(file: Path) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(read_text(file).removeprefix("\ufeff").split("\n"), 1):
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
        row = Phrase(cue, phrase, weight, lang, first_seen, source, note)
        if not _BRACES.fullmatch(phrase) or row.spelling_count() > _MOST_SPELLINGS:
            raise BadInput(
                f"{where} phrase", phrase, f"alternatives as in {{a|b|c}}, at most {_MOST_SPELLINGS} spellings"
            )
        if not all(map(_leaves_something, row.spellings())):
            raise BadInput(
                f"{where} phrase", phrase, "one or more characters in every spelling, not only invisible ones"
            )
        phrases[cue, phrase] = row, where
    if not header:
        raise BadInput(str(file), "empty", f"a header line: {' TAB '.join(COLUMNS)}")
    return phrases


def _leaves_something(spelling: str) -> bool:
    """Whether there is anything to look for once the spelling is folded."""
    if _SOLID.search(spelling):
        return True
    # the kernels take a while to import, and hardly any phrase needs them
    from yoake.detect.text.phrases import is_phrase

    return is_phrase(spelling)


def _examples(file: Path) -> tuple[Example, ...]:
    if not file.exists():
        return ()
    found = []
    for number, line in _rows(file):
        where = f"{file} line {number}"
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as problem:  # ValueError: also a number of thousands of digits
            raise BadInput(where, line, f"one JSON object a line ({problem})") from None
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
        if any(_SURROGATES.search(text) for text in (row["text"], *texts)):
            raise BadInput(where, line, "whole characters, no half of a surrogate pair")
        found.append(Example(row["text"], row["label"], *texts, row.get("known_miss", False)))
    return tuple(found)


def _words(table: dict[str, str]) -> Words:
    return Words(table["ja"], table["en"])


def _build(source: _Source) -> Category:
    """The category, after everything was checked against everything else."""
    file, lines, keys = source.file, source.lines, source.keys
    check_keys(file, lines, keys, partial=False)

    def refuse(path: tuple[str, ...], value: object, accepted: str, nth: int = 0) -> BadInput:
        return BadInput(f"{file} line {line_of(lines, path, nth)} {'.'.join(path)}", value, accepted)

    record_only = keys.get("record_only", False)
    for phrase, where in source.phrases.values() if record_only else ():
        raise BadInput(f"{where} phrase", phrase.phrase, "no phrases, because no detector seeks a record-only category")
    for example in source.examples if record_only else ():
        raise BadInput(f"{file.parent} examples.jsonl", example.text, "no texts in a record-only category")
    if not record_only and keys["thresholds"]["queue"] >= keys["thresholds"]["high"]:
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
        for c in keys.get("cue", ())
    )
    frames = tuple(Frame(f["name"], _words(f), f.get("needs", 1)) for f in keys.get("frame", ()))
    names, kinds = {cue.name for cue in cues}, {cue.kind for cue in cues}
    frame_names = {frame.name for frame in frames}
    for table, given, known in (
        ("element", [e["cues"] for e in keys.get("element", ())], names),
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
    elements = [element["name"] for element in keys.get("element", ())]
    for name in keys.get("never_alone", ()):
        if name not in elements:
            raise refuse(("never_alone",), name, f"known here are {', '.join(sorted(elements))}")
    limit = keys.get("frame_limit")
    thresholds = keys.get("thresholds", {"queue": 1.0, "high": 1.0})  # of a record-only category: nothing reaches them
    told = keys.get("explanation", {"found": keys["summary"], "not_found": keys["summary"]})
    return Category(
        slug=source.slug,
        name=_words(keys["name"]),
        summary=_words(keys["summary"]),
        classes=tuple(HotlineClass(c["name"], c.get("since"), c.get("until")) for c in keys["class"]),
        legal_basis=tuple(
            LegalBasis(_words(b["act"]), b["article"], b["verified"]) for b in keys.get("legal_basis", ())
        ),
        severity=keys.get("severity", 1),
        at_risk=keys.get("at_risk", False),
        job_ad=keys.get("job_ad", False),
        never_alone=tuple(keys.get("never_alone", ())),
        actions=tuple(keys["actions"]),
        base=float(keys.get("base", NEVER)),
        queue=float(thresholds["queue"]),
        high=float(thresholds["high"]),
        at_most=keys.get("at_most", HIGH),
        measured=keys.get("measured", True),
        record_only=record_only,
        second_review=keys.get("second_review", False),
        sensitive=keys.get("sensitive", False),
        help=tuple(HelpLine(_words(line), line.get("number", "")) for line in keys.get("help", ())),
        enabled=keys.get("enabled", True),
        elements=tuple(Element(e["name"], _words(e), tuple(e["cues"])) for e in keys.get("element", ())),
        cues=cues,
        frames=frames,
        combinations=tuple(Combination(tuple(c["kinds"]), float(c["weight"])) for c in keys.get("combination", ())),
        amounts=tuple(
            AmountRule(a["cue"], a["unit"], tuple(a.get("per", PERIODS)), float(a["at_least"]), float(a["weight"]))
            for a in keys.get("amount", ())
        ),
        limit_kinds=tuple(limit["kinds"]) if limit else (),
        limit=float(limit["weight"]) if limit else math.inf,
        found=_words(told["found"]),
        not_found=_words(told["not_found"]),
        phrases=tuple(phrase for phrase, _ in source.phrases.values()),
        examples=source.examples,
    )
