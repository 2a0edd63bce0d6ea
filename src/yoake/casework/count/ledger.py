"""Asks figures and keeps the queries they asked: what stands behind a number can be read, and asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final

from django.utils.translation import gettext_lazy as _

from yoake import shelf
from yoake.casework.count import asking, figures
from yoake.casework.count.figure import Figure, Scope, Table
from yoake.casework.count.reading import one_moment
from yoake.casework.people.queries import Actor
from yoake.errors import BadInput


@dataclass(frozen=True)
class Counted:
    """A figure, what it came to, and how."""

    name: str
    figure: Figure
    tables: Sequence[Table]
    queries: Sequence[str]  # SQL as the database got it, its values filled in
    seconds: float


_EVERYBODY: Final = _(
    "All organisations together: each one's cases count for themselves, so that a post which two of them handle counts twice."
)


def names(scope: Scope) -> list[str]:
    """The figures that can be told for the scope's period, sorted."""
    return [name for name in shelf.names(figures) if scope.period.kind in figure(name).kinds]


def figure(name: str) -> Figure:
    """The figure of that name. Raises BadInput, naming what there is."""
    found: Figure = shelf.take(figures, name)()
    return found


def count(actor: Actor, scope: Scope, wanted: Sequence[str] = ()) -> list[Counted]:
    """The figures that are wanted, in that order (all that fit the period when none is named).

    They are of one moment, and keep nobody from writing meanwhile.

    Raises:
        NotAllowed: the actor may not read, or asks for another organisation's figures.
        BadInput: there is no such figure, or it cannot be told for such a period.
    """
    actor.must("read")
    if actor.user_id and scope.organisation_id != actor.organisation_id:
        raise BadInput("organisation", scope.organisation_id, "your own organisation")
    told = list(wanted) or names(scope)
    counted = []
    with one_moment(), asking.together():
        for name in told:
            one = figure(name)
            if scope.period.kind not in one.kinds:
                kinds = ", ".join(one.kinds)
                raise BadInput("period", scope.period.key, f"{name} is told for: {kinds}")
            began = perf_counter()
            with asking.listening() as queries:
                tables = [_told_of(scope, table) for table in one.tables(scope)]
            counted.append(Counted(name, one, tables, tuple(queries), perf_counter() - began))
    return counted


def _told_of(scope: Scope, table: Table) -> Table:
    """A table with what must be known of it for this scope, whichever figure it is."""
    return table if scope.organisation_id else replace(table, notes=(*table.notes, _EVERYBODY))
