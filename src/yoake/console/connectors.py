"""Connectors and their settings as forms show them; what every form that takes settings checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext

from yoake import shelf
from yoake.collect import connectors
from yoake.collect.connector import Searches
from yoake.collect.keys import NAMES_ARE, is_name
from yoake.console.problems import of_connector
from yoake.console.setting_names import setting_name
from yoake.console.words import told
from yoake.errors import BadInput

_NAMES_KEY = re.compile(r"name of (?:the|a) secret", re.IGNORECASE)  # as the options of connectors say it
_WITH_PASSWORD = re.compile(r"//[^/?#\s]*@")  # an address that carries a user name or password


@dataclass(frozen=True)
class Offer:
    """A connector that the console can add a source of."""

    name: str
    title: str
    about: str  # first line of its docstring, in the reader's language where the catalogue has it
    about_lang: str
    restricted: str  # what its service restricts, "" for nothing
    job_board: bool
    searches: bool


@dataclass(frozen=True)
class Setting:
    """A field of a connector's options, as a form shows it."""

    name: str
    label: str
    kind: str  # text, number, yes_no, list
    value: Any
    help: str  # from the options' docstring, in the reader's language where the catalogue has it
    help_lang: str
    required: bool
    names_key: bool  # holds the name of a secret, never the secret
    begins_anew: bool  # the cursor belongs to it: reading begins as for a new source when it changes

    @property
    def hidden(self) -> bool:
        """Whether the value is one that nobody should see: a key where its name belongs, an address with a password."""
        values = self.value if isinstance(self.value, list | tuple) else str(self.value).splitlines()
        return (self.names_key and bool(self.value) and not is_name(self.value)) or any(
            _WITH_PASSWORD.search(str(value)) for value in values
        )

    @property
    def entered(self) -> Any:
        """The value as a form holds it."""
        return "" if self.hidden else self.value

    @property
    def shown(self) -> str:
        """The value as people read it."""
        if self.hidden:
            return gettext("(not shown)")
        if self.kind == "yes_no":
            return gettext("yes") if self.value else gettext("no")
        return "、".join(str(self.value).splitlines()) if self.kind == "list" else str(self.value)


def offer_of(name: str) -> Offer:
    """A connector in words."""
    kind = shelf.take(connectors, name)
    return Offer(
        name,
        told(kind.title),
        *of_connector(about_of(kind)),
        told(getattr(kind, "restricted", None)),
        bool(getattr(kind, "job_board", False)),
        isinstance(kind(), Searches),
    )


def about_of(kind: Any) -> str:
    """The first line of a connector's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def reads_files(kind: Any) -> bool:
    """Whether a connector reads files of the server."""
    return not kind.live and any(field.name == "path" for field in fields(kind.Options))


def settings_of(kind: Any, given: Mapping[str, Any] | None = None) -> list[Setting]:
    """The settings of a connector with what was entered, or else their defaults."""
    helps, given = helps_of(kind.Options.__doc__ or ""), given or {}
    cursor_of = getattr(kind, "cursor_of", ())
    return [
        _setting(field, helps.get(field.name, ""), given, begins_anew=field.name in cursor_of)
        for field in fields(kind.Options)
    ]


def helps_of(docstring: str) -> dict[str, str]:
    """What the section `Args:` of a docstring says of each name."""
    helps: dict[str, str] = {}
    name, inside = "", False
    for line in docstring.splitlines():
        if line.strip() == "Args:":
            inside = True
        elif inside and (found := re.match(r"\s*(\w+)(?: \([^)]*\))?: (.*)", line)):
            name = found[1]
            helps[name] = found[2].strip()
        elif inside and name and line.strip():
            helps[name] += " " + line.strip()
    return helps


def given_settings(posted: QueryDict, known: Iterable[Setting]) -> dict[str, Any]:
    """What was entered; a field that was left empty keeps its default."""
    given: dict[str, Any] = {}
    for setting in known:
        entered = posted.get(setting.name, "").strip()
        if setting.kind == "yes_no":
            given[setting.name] = entered == "1"
        elif setting.kind == "list":
            given[setting.name] = tuple(line.strip() for line in entered.splitlines() if line.strip())
        elif entered or (setting.kind == "text" and not setting.required):
            given[setting.name] = entered
    return given


def must_hold_no_secret(kind: Any, given: dict[str, Any]) -> None:
    """Refuses what nobody may read in a setting, for everybody can: keys, passwords. Takes it out of `given`."""
    wrong = [setting for setting in settings_of(kind, given) if setting.hidden and setting.name in given]
    for setting in wrong:
        del given[setting.name]
    for setting in wrong:
        accepted = NAMES_ARE if setting.names_key else "an address without a user name and password in it"
        raise BadInput(f"option {setting.name}", "(not shown)", accepted)


def wrong_setting(field: str) -> str:
    """The setting that an error is about, from how the error writes it: `option every_s of rss`."""
    return field.removeprefix("option ").partition(" ")[0]


def _setting(field: Field[Any], said: str, given: Mapping[str, Any], *, begins_anew: bool) -> Setting:
    kind = str(field.type)
    shown = {"int": "number", "float": "number", "bool": "yes_no"}.get(kind, "list" if "tuple" in kind else "text")
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    value = given.get(field.name, "" if default is MISSING else default)
    if shown == "list" and not isinstance(value, str):
        value = "\n".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    help_text, help_lang = of_connector(said)
    if help_lang == "en" and re.match(r"[a-z]+ \w", help_text):  # not where it begins with what is to be entered
        help_text = help_text[0].upper() + help_text[1:]
    return Setting(
        field.name,
        setting_name(field.name),
        shown,
        value,
        help_text,
        help_lang,
        required=field.default is MISSING and field.default_factory is MISSING,
        names_key=bool(_NAMES_KEY.search(said)),
        begins_anew=begins_anew,
    )
