"""Which letters there are, what each says now, and how it reads when it is filled in."""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings

from yoake.casework.cases.categories import categories
from yoake.casework.wording.models import Letter, Letterhead
from yoake.detect.category import SHIPPED, Category
from yoake.errors import BadInput

WARNING: Final = "warning"  # a reply to the poster and to the readers
REQUEST: Final = "request"  # to the provider
HELP: Final = "help"  # a private message to somebody who may be in danger
LANGUAGES: Final = ("ja", "en")
FIELDS: Final = {
    WARNING: ("organisation", "telephone"),
    REQUEST: ("organisation", "telephone", "category", "url", "seen_at", "reason"),
    HELP: ("organisation", "telephone"),
}
_ACTION: Final = {WARNING: "warn", REQUEST: "request", HELP: "help"}
_COMMON: Final = Path(__file__).parent / "shipped"
LONGEST: Final = 4000  # characters


@dataclass(frozen=True)
class InForce:
    """What a letter of an organisation says now."""

    text: str
    number: int  # 0: the shipped one
    letter: Letter | None


def names_of(known: Category) -> tuple[str, ...]:
    """The letters a category has: one for each act it allows; help only where the writer needs it."""
    return tuple(
        name
        for name, action in _ACTION.items()
        if action in known.actions and (name != HELP or known.at_risk or _own_file(known.slug, name, "ja").is_file())
    )


def shipped(slug: str, name: str, language: str) -> str:
    """The first version: of the category's own folder where it has one, else the common one. Raises BadInput for none."""
    known = categories().get(slug)
    if known is None or name not in names_of(known):
        raise BadInput("letter", f"{slug} {name}", "a letter of a category that allows its act")
    if language not in LANGUAGES:
        raise BadInput("language", language, f"one of {', '.join(LANGUAGES)}")
    overlaid = settings.YOAKE_CATEGORIES / slug / "letters" / f"{name}.{language}.txt"
    for file in (overlaid, _own_file(slug, name, language), _COMMON / f"{name}.{language}.txt"):
        if file.is_file():
            return file.read_text("utf-8").strip()
    raise BadInput("letter", f"{slug} {name} {language}", "a letter that is shipped")


def in_force(organisation_id: int, slug: str, name: str, language: str) -> InForce:
    """The newest approved version of an organisation, else the shipped one."""
    own = versions(organisation_id, slug, name, language).exclude(approved_at=None).first()
    return InForce(own.text, own.number, own) if own else InForce(shipped(slug, name, language), 0, None)


def versions(organisation_id: int, slug: str, name: str, language: str):  # type: ignore[no-untyped-def]
    """All versions an organisation wrote of a letter, newest first."""
    return (
        Letter.objects.filter(organisation_id=organisation_id, category=slug, name=name, language=language)
        .select_related("by", "approved_by")
        .order_by("-number")
    )


def head_of(organisation_id: int) -> Letterhead | None:
    """Under which name and telephone an organisation writes; None until somebody said so."""
    return Letterhead.objects.filter(organisation_id=organisation_id).first()


def filled(text: str, head: Letterhead | None, language: str, **more: str) -> str:
    """The letter with its fields filled in; a field nobody gave stays as it is, in braces."""
    given = dict(more)
    if head is not None:
        given |= {"organisation": head.name_en if language == "en" else head.name_ja, "telephone": head.telephone}
    parts = [literal + ("" if field is None else given.get(field) or f"{{{field}}}") for literal, field in parsed(text)]
    return "".join(parts)


def parsed(text: str) -> list[tuple[str, str | None]]:
    """Literal text and the field that follows it. Raises BadInput for braces that are no field."""
    try:
        found = list(string.Formatter().parse(text))
    except ValueError:
        raise BadInput("letter", "{ }", "braces only around the name of a field, such as {organisation}") from None
    if any(spec or conversion for _literal, _field, spec, conversion in found):
        raise BadInput("letter", "{ }", "braces only around the name of a field, such as {organisation}")
    return [(literal, field) for literal, field, _spec, _conversion in found]


@lru_cache(maxsize=1000)
def _own_file(slug: str, name: str, language: str) -> Path:
    return SHIPPED / slug / "letters" / f"{name}.{language}.txt"
