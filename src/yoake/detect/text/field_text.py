"""One field of one post, as original and folded."""

from __future__ import annotations

import bisect
from typing import Final

from yoake.detect.text.fold import Folded

_QUOTES: Final = {"「": "」", "『": "』", "“": "”"}
_LONGEST: Final = 400  # code points of a quotation; longer ones are a mark that was never closed


class FieldText:
    """One field of one post: original, folded, and what is asked of it."""

    def __init__(self, original: str, folded: Folded, row: int) -> None:
        self.original = original
        self.first = int(folded.rows[row])
        self.row = row
        self._folded = folded
        self._plain: str | None = None
        self._quotes: tuple[list[int], list[int]] | None = None

    @property
    def plain(self) -> str:
        if self._plain is None:
            self._plain = self._folded.text(self.row)
        return self._plain

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Folded characters (indices into Folded.codes) to code points of the original."""
        return int(self._folded.starts[start]), int(self._folded.ends[end - 1])

    def quotes(self) -> tuple[list[int], list[int]]:
        """Where quotations begin and end in the original."""
        if self._quotes is None:
            self._quotes = _quotations(self.original)
        return self._quotes

    def quoted(self, at: int) -> bool:
        """Whether a place of the original stands inside quotation marks."""
        begins, ends = self.quotes()
        i = bisect.bisect_right(begins, at) - 1
        return i >= 0 and at < ends[i]


def _quotations(text: str) -> tuple[list[int], list[int]]:
    """Where quotations begin and end (outermost ones; one that is never closed is none)."""
    begins: list[int] = []
    ends: list[int] = []
    if not any(mark in text for mark in _QUOTES):
        return begins, ends
    closing, opened = "", 0
    for i, char in enumerate(text):
        if closing:
            if char == closing:
                begins.append(opened)
                ends.append(i)
                closing = ""
        elif char in _QUOTES and text.find(_QUOTES[char], i, i + _LONGEST) >= 0:
            closing, opened = _QUOTES[char], i
    return begins, ends
