"""What somebody wants to see of the inbox: a filter, as an address writes it and as the database asks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from django.db.models import QuerySet

from yoake.casework.cases.categories import TOKYO, categories
from yoake.casework.cases.models import Case
from yoake.casework.people.queries import Actor

AGES: Final = {
    "new": timedelta(hours=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "3d": timedelta(days=3),
} | {"7d": timedelta(days=7)}
GRADES: Final = ("high", "mid", "low", "none")
ME, NOBODY, NONE, YES = "me", "nobody", "none", "1"
_LONGEST: Final = 60  # characters of a value that are looked at


@dataclass(frozen=True)
class Filter:
    """Every value is "" when it is not asked for. What nobody knows, or cannot be, is left out: an old address does no harm."""

    category: str = ""  # slug of the strongest finding; none: no finding
    hotline_class: str = ""  # class of that category today
    prefecture: str = ""  # as in Japanese; none: the post names none
    source: str = ""  # id; none: people entered it
    age: str = ""  # new: opened within the hour; 1h, 1d, 3d, 7d: at least so old
    grade: str = ""  # high, mid, low; none
    assignee: str = ""  # me, nobody, or a colleague's id
    overdue: str = ""  # 1: its time is over
    edited: str = ""  # 1: the post changed
    hand: str = ""  # 1: people entered it

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Filter:
        """From the parameters of an address or the values of a saved view."""
        return cls(**{field.name: _known(field.name, str(parameters.get(field.name, ""))) for field in fields(cls)})

    @classmethod
    def of_query(cls, query: str) -> Filter:
        """From the part of an address behind its question mark."""
        return cls.of(dict(parse_qsl(query[:2000])))

    @property
    def values(self) -> dict[str, str]:
        """What is asked for, by name."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    @property
    def query(self) -> str:
        """The part of an address behind its question mark; "" when nothing is asked for."""
        return urlencode(self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    def narrow(self, cases: QuerySet[Case], actor: Actor, now: datetime) -> QuerySet[Case]:
        """The cases that this filter lets through."""
        asked: dict[str, Any] = {}
        if self.category:
            asked["category"] = "" if self.category == NONE else self.category
        if self.hotline_class:
            asked["category__in"] = _of_class(self.hotline_class, now)
        if self.prefecture:
            asked["prefecture"] = "" if self.prefecture == NONE else self.prefecture
        if self.source:
            asked["source"] = None if self.source == NONE else int(self.source)
        if self.age:
            asked["opened_at__gt" if self.age == "new" else "opened_at__lte"] = now - AGES[self.age]
        if self.grade:
            asked["grade"] = "" if self.grade == NONE else self.grade
        if self.assignee:
            whose = {ME: actor.user_id, NOBODY: None}
            asked["assignee"] = whose[self.assignee] if self.assignee in whose else int(self.assignee)
        if self.overdue:
            asked["decide_by__lt"] = now
        if self.edited:
            asked["changed_at__isnull"] = False
        if self.hand:
            asked["origin"] = Case.Origin.HAND
        return cases.filter(**asked)


def classes_today(now: datetime) -> list[str]:
    """The hotline classes of the categories that a detector seeks, each once."""
    day = now.astimezone(TOKYO).date()
    named = (one.class_on(day) for one in categories().values() if not one.record_only)
    return list(dict.fromkeys(name for name in named if name))


def _of_class(name: str, now: datetime) -> Iterable[str]:
    day = now.astimezone(TOKYO).date()
    return [slug for slug, one in categories().items() if one.class_on(day) == name]


def _known(name: str, value: str) -> str:
    """The value if it can be asked for; "" for anything else."""
    value = value.strip()[:_LONGEST]
    numbered = value.isascii() and value.isdigit() and len(value) < 19
    good = {
        "category": value == NONE or value in categories(),
        "hotline_class": any(value == one.name for known in categories().values() for one in known.classes),
        "prefecture": "\0" not in value,
        "source": numbered or value == NONE,
        "age": value in AGES,
        "grade": value in GRADES,
        "assignee": numbered or value in (ME, NOBODY),
    }
    return value if good.get(name, value == YES) else ""
