"""Changes the deployment's own categories, `<overlay>/<slug>/`, so that a reader sees whole files only."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from yoake.detect.category import COLUMNS, FRAME, Phrase, load_categories
from yoake.errors import BadInput

WEIGHTS: Final = {
    "weak": 0.5,
    "medium": 1.0,
    "strong": 1.8,
}  # log-odds; a person may weigh a word no higher than a clear cue
_FILE: Final = "phrases.tsv"
_OFF: Final = "#off\t"  # stands before a phrase that is switched off: to the loader it is a comment
_KEYS: Final = "category.toml"
_ENABLED: Final = re.compile(r"^enabled\s*=.*\n?", re.MULTILINE)


def add_phrase(overlay: Path, slug: str, phrase: Phrase) -> bool:
    """Adds one phrase to a category; what stands in the folder already stays as it is.

    The folder with the phrase is tried out before it is put in place, in one step.

    Returns:
        False when the category has this phrase under this cue already; then nothing is written.

    Raises:
        BadInput: the category is unknown, or would not load with the phrase; names file, line and reason.
    """
    categories, problems = load_categories(overlay)
    folder = overlay / slug
    for problem in problems:
        if str(folder) in str(problem):
            raise problem
    if slug not in categories:
        raise BadInput("category", slug, f"known categories are {', '.join(categories)}")
    if any((phrase.cue, phrase.phrase) == (known.cue, known.phrase) for known in categories[slug].phrases):
        return False
    cells = (
        phrase.cue,
        phrase.phrase,
        f"{phrase.weight:g}",
        phrase.lang,
        phrase.first_seen,
        phrase.source,
        phrase.note,
    )
    if any("\t" in cell or "\n" in cell or "\r" in cell for cell in cells):
        raise BadInput("phrase", phrase.phrase, "words on one line, without a tab")
    if any((word.phrase.cue, word.phrase.phrase) == cells[:2] for word in own_words(overlay, slug)):
        raise BadInput("phrase", phrase.phrase, "a word that is not switched off; its guard switches it on again")
    file = folder / _FILE
    before = file.read_text("utf-8") if file.exists() else "\t".join(COLUMNS) + "\n"
    after = before + ("" if before.endswith("\n") else "\n") + "\t".join(cells) + "\n"
    _put(folder, _FILE, after)
    return True


@dataclass(frozen=True, slots=True)
class OwnWord:
    """A phrase of the deployment's own folder."""

    phrase: Phrase
    on: bool

    @property
    def key(self) -> str:
        """What stands for it where no words may stand."""
        return sha256(f"{self.phrase.cue}\0{self.phrase.phrase}".encode()).hexdigest()[:16]


def own_words(overlay: Path, slug: str) -> list[OwnWord]:
    """The phrases of cues (frames left out) that the deployment's own folder of a category has, also those switched off."""
    found = []
    for line in _lines(overlay / slug / _FILE):
        cells = line.removeprefix(_OFF).split("\t")
        if len(cells) != len(COLUMNS) or cells[0] == COLUMNS[0] or (line.startswith("#") and not line.startswith(_OFF)):
            continue
        cue, phrase, weight, lang, seen, source, note = (cell.strip() for cell in cells)
        if not cue.startswith(FRAME):
            found.append(
                OwnWord(Phrase(cue, phrase, float(weight), lang, seen, source, note), not line.startswith(_OFF))
            )
    return found


def switch_word(overlay: Path, slug: str, key: str, *, on: bool) -> bool:
    """Lets a phrase of the deployment's own count, or not; its line stays in the file.

    Returns:
        False when it was so already; then nothing is written.

    Raises:
        BadInput: the folder has no such phrase, or would not load.
    """
    named = {word.key: word for word in own_words(overlay, slug)}
    if key not in named:
        raise BadInput("word", key, f"a phrase of the own folder of {slug}")
    word = named[key]
    if word.on is on:
        return False
    lines = []
    for line in _lines(overlay / slug / _FILE):
        cells = [cell.strip() for cell in line.removeprefix(_OFF).split("\t")]
        is_it = cells[:2] == [word.phrase.cue, word.phrase.phrase]
        lines.append(("" if on else _OFF) + line.removeprefix(_OFF) if is_it else line)
    _put(overlay / slug, _FILE, "\n".join(lines) + "\n")
    return True


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").removeprefix("\ufeff").splitlines() if file.exists() else []


def switch(overlay: Path, slug: str, *, enabled: bool) -> None:
    """Lets detectors seek a category, or not; everything else in the deployment's folder stays as it is.

    Raises:
        BadInput: the category is unknown, or its folder would not load.
    """
    categories, _problems = load_categories(overlay)
    if slug not in categories:
        raise BadInput("category", slug, f"known categories are {', '.join(categories)}")
    folder = overlay / slug
    file = folder / _KEYS
    before = file.read_text("utf-8") if file.exists() else ""
    head, table, rest = before.partition("\n[") if not before.startswith("[") else ("", "[", before[1:])
    head = _ENABLED.sub("", head)  # a key of the top stands before the first table
    said = "" if enabled else "enabled = false\n"
    _put(folder, _KEYS, said + head + table + rest)


def language(text: str) -> str:
    """Of a phrase: ja, ko, en by its script, or any."""
    names = [unicodedata.name(char, "") for char in text if char.isalpha()]
    if any(name.startswith(("HIRAGANA", "KATAKANA")) for name in names):
        return "ja"
    if any(name.startswith("HANGUL") for name in names):
        return "ko"
    return "en" if names and all(name.startswith("LATIN") and text.isascii() for name in names) else "any"


def _put(folder: Path, name: str, text: str) -> None:
    """Writes a file of a category's folder in one step, after the folder with it was tried out. Raises BadInput."""
    with tempfile.TemporaryDirectory() as trial:
        tried = Path(trial) / folder.name
        if folder.is_dir():
            shutil.copytree(folder, tried)
        else:
            tried.mkdir()
        (tried / name).write_text(text, "utf-8")
        _categories, faults = load_categories(Path(trial))
        if faults:
            raise faults[0]
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f".{name}.{os.getpid()}"
    half.write_text(text, "utf-8")
    half.replace(folder / name)
