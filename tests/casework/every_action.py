"""Finds every public function of a room that takes an actor, and makes arguments for it; see test_roles.py."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import yoake.casework
from tests.world import NOON
from yoake.casework.audit.queries import Filters
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import Case, Finding, SavedView, Stop
from yoake.casework.count.figure import Scope
from yoake.casework.count.periods import Period
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.collect.net import Net
from yoake.detect.category import Category, Phrase

Action = Callable[..., Any]


@cache
def every_action() -> dict[str, Action]:
    """By room, file and name: cases.actions.decide. Whatever takes an actor first and is public."""
    found: dict[str, Action] = {}
    for module in pkgutil.walk_packages(yoake.casework.__path__, "yoake.casework."):
        if ".migrations" in module.name:
            continue
        room = importlib.import_module(module.name)
        for name, thing in vars(room).items():
            if name.startswith("_") or not inspect.isfunction(thing) or thing.__module__ != module.name:
                continue
            parameters = list(inspect.signature(thing).parameters)
            if parameters[:1] == ["actor"] and "Actor" in str(thing.__annotations__.get("actor", "")):
                found[f"{module.name.removeprefix('yoake.casework.')}.{name}"] = thing
    return found


@dataclass(frozen=True)
class Things:
    """What the organisation whose work is tried has: one waiting case, a source, people."""

    organisation: Organisation
    source: Source
    case: Case
    other: Case
    user: User
    out: Path


# Parameters that name something of an organisation: with these a stranger is tried.
OF_SOMEBODY = {"case_id", "other_id", "leader_id", "user_id", "user", "source", "source_id", "organisation"}


def arguments(action: Action, things: Things) -> dict[str, Any]:
    """Something for every parameter that must be given. Raises KeyError, which names one that nobody made anything for."""
    given: dict[str, Any] = {}
    for parameter in list(inspect.signature(action).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL or parameter.default is not parameter.empty:
            continue
        given[parameter.name] = _made(parameter, things)
    return given


def _made(parameter: inspect.Parameter, things: Things) -> Any:
    by_name: dict[str, Any] = {
        "case_id": things.case.pk,
        "leader_id": things.case.pk,
        "other_id": things.other.pk,
        "case_ids": [things.case.pk],
        "case": things.case,
        "cases": Case.objects.filter(pk=things.case.pk),
        "user_id": things.user.pk,
        "user": things.user,
        "user_ids": [things.user.pk],
        "source": things.source,
        "source_id": things.source.pk,
        "organisation": things.organisation,
        "version_id": things.case.post.current_id,
        "shown": {things.case.pk: things.case.post.current_id, things.other.pk: things.other.post.current_id},
        "verdict": "cannot_tell",
        "role": "analyst",
        "kind": "account",
        "lines": [],
        "since": NOON - timedelta(days=1),
        "first": date(2026, 11, 1),
        "last": date(2026, 11, 30),
        "permitted_on": date(2026, 11, 1),
        "filters": Filters() if "Filters" in str(parameter.annotation) else {},
        "findings": Finding.objects.none(),
        "posts": [things.case.post_id],
        "out": things.out / "out",
        "file": things.out / "file",
        "folder": things.out,
        "options": {},
        "categories": [],
        "known": dict[str, Category](),
        "phrase": Phrase("lure", "架空の語", 1.0, "ja", "2026", "invented", "")
        if "Phrase" in str(parameter.annotation)
        else "架空の語",
        "connector": "test_board",
        "takes": frozenset(),
        "slug": "criminal_recruitment",
        "language": "ja",
        "strength": "weak",
        "cue": "lure",
        "name": "架空",
        "username": "somebody",
        "url": "https://social.example/1",
        "ground": "trial",
        "scope": Scope(things.organisation.pk, Period.month(2026, 11), NOON),
        "period": Period.month(2026, 11),
        "form": "csv",
        "review": None,
    }
    if parameter.name in by_name:
        return by_name[parameter.name]
    by_kind: dict[str, Any] = {
        "int": 0,
        "str": "架空",
        "bool": True,
        "Mapping[str, Any]": {},
        "Mapping[str, str]": {},
        "Mapping[str, int]": {},
        "Net": Net(),
        "datetime": NOON,
        "Filter": Filter(),
        "SavedView": SavedView(organisation=things.organisation, user=things.user, name="架空"),
        "Stop": Stop(organisation=things.organisation),
    }
    return by_kind[str(parameter.annotation)]


def is_about_somebodys(action: Action) -> bool:
    """Whether it is told what to do it to by something that belongs to an organisation."""
    required = [p.name for p in inspect.signature(action).parameters.values() if p.default is p.empty]
    return bool(OF_SOMEBODY.intersection(required))


def reaches(action: Action, wanted: Action) -> bool:
    """Whether the code of `action`, or of anything of a room that it names, calls `wanted`."""
    seen: set[CodeType] = set()

    def look(code: CodeType, around: dict[str, Any]) -> bool:
        if code in seen:
            return False
        seen.add(code)
        named = [around[name] for name in code.co_names if name in around]
        named += [
            vars(thing)[name]
            for thing in named
            if inspect.ismodule(thing)
            for name in code.co_names
            if name in vars(thing)
        ]
        for thing in named:
            if thing is wanted:
                return True
            inside = inspect.unwrap(thing) if callable(thing) else None
            if not inspect.isfunction(inside) or not inside.__module__.startswith("yoake.casework"):
                continue
            if look(inside.__code__, inside.__globals__):
                return True
        return any(look(one, around) for one in code.co_consts if isinstance(one, CodeType))

    plain = inspect.unwrap(action)
    return look(plain.__code__, plain.__globals__)


def stranger(actor: Actor, organisation_id: int) -> Actor:
    """The same person in another organisation."""
    return Actor(actor.name, actor.user_id, organisation_id, actor.role)
