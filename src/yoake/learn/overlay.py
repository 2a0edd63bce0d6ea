"""Adds phrases to the deployment's own categories, `<overlay>/<slug>/phrases.tsv`, so that a reader sees whole files only."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from yoake.detect.category import COLUMNS, Phrase, load_categories
from yoake.errors import BadInput

_FILE: Final = "phrases.tsv"


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
    file = folder / _FILE
    before = file.read_text("utf-8") if file.exists() else "\t".join(COLUMNS) + "\n"
    after = before + ("" if before.endswith("\n") else "\n") + "\t".join(cells) + "\n"
    with tempfile.TemporaryDirectory() as trial:
        tried = Path(trial) / slug
        if folder.is_dir():
            shutil.copytree(folder, tried)
        else:
            tried.mkdir()
        (tried / _FILE).write_text(after, "utf-8")
        _categories, faults = load_categories(Path(trial))
        if faults:
            raise faults[0]
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f".{_FILE}.{os.getpid()}"
    half.write_text(after, "utf-8")
    half.replace(file)
    return True
