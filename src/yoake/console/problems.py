"""What the rooms say that know of no language but English: errors of the outside world, connectors about themselves.

Their English stands in the code. `make messages` collects it: whole sentences, patterns such as `{host} asks to wait
({reason}).` where something differs each time, and the pieces that are put into them. Here a sentence finds its pattern
again, and what stood in the braces is put into the Japanese one.
"""

from __future__ import annotations

import gettext as catalogues
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

from django.conf import settings
from django.utils.translation import get_language, gettext, pgettext

from yoake.console.setting_names import setting_name

_PROBLEM, _CONNECTOR = "problem", "connector"  # contexts of the catalogue
_COLONS = 20  # in a value that is wrong, beyond which nobody looks
_LONGEST = 4000  # characters; what is longer was not written by us
_SHORT = 6  # characters: a pattern that says less stands for one word in its braces, or it would be found everywhere
_WRONG_INPUT = re.compile(r"(?P<field>[\w ,.]{1,80}) is (?P<rest>.+)", re.DOTALL)


def is_english() -> bool:
    """Whether the reader's language is the one in which these sentences are written."""
    return (get_language() or "ja").startswith("en")


def of_connector(text: str) -> tuple[str, str]:
    """What a connector says about itself or a setting, in the reader's language where the catalogue has it; and its language."""
    said = pgettext(_CONNECTOR, text) if text else ""
    return said, (get_language() or "ja") if said != text else "en"


def translated(text: str) -> str | None:
    """The sentence in the reader's language; None where the catalogue has neither it nor its pattern."""
    if is_english() or not text or len(text) > _LONGEST:
        return None
    return _said(text) or _wrong_input(text)


def _said(text: str) -> str | None:
    for said in (gettext(text), pgettext(_PROBLEM, text)) if text else ():
        if said != text:
            return said
    for pattern in _patterns((get_language() or "ja").partition("-")[0]):
        if (pieces := pattern.pieces(text)) is not None:
            return pattern.words.format(**{name: _said(piece) or piece for name, piece in pieces.items()})
    return None


def _wrong_input(text: str) -> str | None:
    """`field is 'value': what is accepted`, as BadInput says it. The value may itself hold a colon."""
    found = _WRONG_INPUT.fullmatch(text)
    if found is None:
        return None
    rest, at = found["rest"], -1
    for _ in range(_COLONS):
        if (at := rest.find(": ", at + 1)) < 0:
            break
        if accepted := _said(rest[at + 2 :]):
            words = gettext("The setting “%(field)s” cannot be %(value)s: %(accepted)s")
            return words % {"field": setting_name(found["field"]), "value": rest[:at], "accepted": accepted}
    return None


@dataclass(frozen=True)
class _Pattern:
    """A sentence with names in braces, and its translation."""

    names: tuple[str, ...]
    between: tuple[str, ...]  # what is said before, between and after the names
    words: str

    @property
    def says(self) -> int:
        """Characters without the names."""
        return sum(map(len, self.between))

    def pieces(self, text: str) -> dict[str, str] | None:
        """What stands in the place of each name, the shortest from the left; None where this is another sentence.

        Takes time in proportion to the text: hosts write parts of it.
        """
        first, *middle, last = self.between
        if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
            return None
        at, end, found = len(first), len(text) - len(last), list[str]()
        for said in middle:
            if (place := text.find(said, at, end)) < 0:
                return None
            found.append(text[at:place])
            at = place + len(said)
        found.append(text[at:end])
        if self.says < _SHORT and any(len(piece.split()) > 1 for piece in found):
            return None
        return dict(zip(self.names, found, strict=True))


@cache
def _patterns(language: str) -> list[_Pattern]:
    """Patterns of sentences with their translation, those that say most first."""
    found: list[_Pattern] = []
    for folder in map(Path, settings.LOCALE_PATHS):
        catalogue = catalogues.translation("django", folder, [language], fallback=True)
        for key, words in getattr(catalogue, "_catalog", {}).items():
            context, _, msgid = str(key).rpartition("\x04")
            if context == _PROBLEM and "{" in msgid and isinstance(words, str) and words:
                parts = [(said, name) for said, name, *_ in Formatter().parse(msgid)]
                names = tuple(name for _said, name in parts if name)
                between = [said for said, _name in parts]
                found.append(_Pattern(names, (*between, "") if len(between) == len(names) else (*between,), words))
    return sorted(found, key=lambda one: -one.says)
