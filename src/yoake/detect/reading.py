"""Reading the text inside pictures with tesseract, and knowing again a picture that was read before.

What was read is kept in this process's memory only, for as long as it lives: never on a disk.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import OrderedDict
from functools import cache
from importlib.util import find_spec
from typing import Final

import numpy as np

from yoake.detect.picture import Picture
from yoake.errors import BadInput, Refused

MOST_CHARACTERS: Final = 3000  # of one picture
NEEDED: Final = (
    "install tesseract with Japanese (Debian: apt-get install tesseract-ocr tesseract-ocr-jpn tesseract-ocr-jpn-vert)"
)
_SURE: Final = 55.0  # per cent: a line of which tesseract is less sure is no text but a pattern
_GUESSED: Final = 20.0  # per cent: below, a word in a sure line is left out
_ENOUGH: Final = 8  # characters: with so many read, nobody looks further
_FEW: Final = 4  # characters: fewer are a pattern
_WHITE: Final = 240  # of 255, after the contrast was stretched
_TIMEOUT_S: Final = 20.0
_REMEMBERED: Final = 500  # pictures
_ALIKE_BITS: Final = 6  # of the 64 that may differ between two encodings of one picture
_ALIKE_GREY: Final = 20  # of 255: no place of the thumbnail may differ by more; one other digit differs by twice that
# Scripts that are written without blanks between words.
_CLOSE: Final = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


class Reader:
    """Reads pictures; the same picture, also encoded anew, is read once.

    Two pictures are the same when their perceptual hashes nearly are and no place of their thumbnails differs: posters
    made from one template have the same hash and another sum of money in them.
    """

    def __init__(self, program: str = "tesseract") -> None:
        self.program = program
        self.reads = 0  # how often tesseract was really asked to read a picture
        self._known: OrderedDict[int, tuple[int, bytes, str]] = OrderedDict()  # by order of arrival
        self._arrived = 0

    def text(self, picture: Picture) -> str:
        """What stands in the picture, line by line, at most MOST_CHARACTERS; "" when nothing can be read surely.

        Raises Refused when tesseract or its Japanese is not installed, BadInput when it takes too long.
        """
        key = self._same(picture)
        if key is not None:
            self._known.move_to_end(key)
            return self._known[key][2]
        self.reads += 1
        text = self._read(picture)[:MOST_CHARACTERS]
        self._arrived += 1
        self._known[self._arrived] = (picture.dhash, picture.thumbnail, text)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return text

    def version(self) -> str:
        """The version of tesseract. Raises Refused when it or its Japanese is missing."""
        return _version(self.program)

    def _same(self, picture: Picture) -> int | None:
        grey = np.frombuffer(picture.thumbnail, np.uint8).astype(np.int16)
        for key, (dhash, thumbnail, _text) in reversed(self._known.items()):
            if (dhash ^ picture.dhash).bit_count() > _ALIKE_BITS:
                continue
            if np.abs(np.frombuffer(thumbnail, np.uint8) - grey).max(initial=0) <= _ALIKE_GREY:
                return key
        return None

    def _read(self, picture: Picture) -> str:
        self.version()
        known = _languages(self.program)
        across = "jpn+eng" if "eng" in known else "jpn"
        grey = np.frombuffer(picture.grey, np.uint8)
        best = self._lines(picture, picture.grey, across, "3")
        if _letters(best) < _ENOUGH:  # white letters on a photograph
            letters = np.where(grey >= _WHITE, 0, 255).astype(np.uint8).tobytes()
            best = max(best, self._lines(picture, letters, across, "3"), key=_letters)
        if _letters(best) < _ENOUGH and "jpn_vert" in known:
            best = max(best, self._lines(picture, picture.grey, "jpn_vert", "5"), key=_letters)
        return best if _letters(best) >= _FEW else ""

    def _lines(self, picture: Picture, grey: bytes, languages: str, layout: str) -> str:
        try:
            ran = subprocess.run(  # noqa: S603 - no argument comes from outside
                [self.program, "stdin", "stdout", "-l", languages, "--psm", layout, "tsv"],
                input=b"P5 %d %d 255\n" % (picture.width, picture.height) + grey,
                capture_output=True,
                timeout=_TIMEOUT_S,
                env=_environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BadInput("picture", "too_slow", "a picture that can be read within 20 s") from None
        if ran.returncode:
            raise BadInput("picture", "unreadable", "a picture that tesseract can read")
        return _sure_lines(ran.stdout.decode("utf-8", "replace"))


def _sure_lines(table: str) -> str:
    """Tesseract's table (level, page, block, paragraph, line, word, left, top, width, height, conf, text) to lines."""
    lines: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for row in table.splitlines()[1:]:
        columns = row.split("\t")
        if len(columns) >= 12 and columns[11].strip():
            lines.setdefault(tuple(columns[1:5]), []).append((columns[11].strip(), float(columns[10])))
    return "\n".join(text for words in lines.values() if (text := _sure_line(words)))


def _sure_line(words: list[tuple[str, float]]) -> str:
    """A line of which tesseract is sure as a whole, without the words it only guessed; else ""."""
    length = sum(len(word) for word, _ in words)
    if sum(len(word) * sure for word, sure in words) < _SURE * length:
        return ""
    line = ""
    for word, sure in words:
        if sure >= _GUESSED:
            close = not line or (_CLOSE.match(line[-1]) and _CLOSE.match(word[0]))
            line += word if close else f" {word}"
    return line


def _letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def _environment() -> dict[str, str]:
    """What tesseract needs to know, and nothing of ours; one thread: the machine has other work."""
    kept = ("PATH", "TESSDATA_PREFIX", "SYSTEMROOT")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "OMP_THREAD_LIMIT": "1"}


@cache
def _languages(program: str) -> frozenset[str]:
    return frozenset(_told(program, "--list-langs").split())


@cache
def _version(program: str) -> str:
    if find_spec("PIL") is None:
        raise Refused("pictures cannot be opened, because Pillow is not installed: run pip install 'yoake[pictures]'")
    if shutil.which(program) is None:
        raise Refused(f"pictures cannot be read, because {program} is not installed: {NEEDED}")
    if "jpn" not in _languages(program):
        raise Refused(f"pictures cannot be read, because {program} knows no Japanese: {NEEDED}")
    words = _told(program, "--version").split()
    return words[1] if len(words) > 1 else "unknown"


def _told(program: str, option: str) -> str:
    try:
        ran = subprocess.run(  # noqa: S603 - no argument comes from outside
            [program, option], capture_output=True, timeout=_TIMEOUT_S, env=_environment(), check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Refused(f"{program} does not run ({type(problem).__name__}): {NEEDED}") from None
    return (ran.stdout + ran.stderr).decode("utf-8", "replace")
