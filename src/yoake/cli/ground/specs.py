"""Sources as a person writes them: `connector`, `name=connector`, `connector?option=value&option=value`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from yoake.cli.words import _
from yoake.errors import BadInput


@dataclass(frozen=True)
class Spec:
    """One source as it was written."""

    name: str  # the connector's when none was given
    connector: str
    options: dict[str, str]

    @property
    def practice(self) -> bool:
        """Whether it fills the practice desk."""
        return self.connector == "practice"


def read_specs(text: str, field: str) -> list[Spec]:
    """Specs separated by spaces. Raises BadInput, naming `field`, for a spec that cannot be read or a name given twice."""
    specs = [read_spec(word, field) for word in text.split()]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(field, text, _("two sources are called {name}; write name=connector").format(name=name))
    return specs


def read_spec(word: str, field: str) -> Spec:
    """One spec; in options, %20 is a space and %26 an ampersand, as in a web address."""
    head, _mark, query = word.partition("?")
    name, named, connector = head.rpartition("=")
    pairs = parse_qsl(query, keep_blank_values=True)
    half = [part for part in query.split("&") if query and not part.partition("=")[1]]
    if not connector or (named and not name) or half:
        raise BadInput(field, word, _("write connector, name=connector, or connector?option=value&option=value"))
    return Spec(name or connector, connector, dict(pairs))
