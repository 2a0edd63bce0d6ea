"""Figures for pages: counted once for a page, its charts and its files, then kept for ten minutes.

What is kept is told by organisation, period and figure, labels in every language, and taken only by somebody who may read: nothing
passes from one organisation to another. A page is always of one moment, and says of which. Of several who ask for the same at the
same time one counts and the others wait for it: what is published of a year takes thirteen counts and more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.cache import caches
from django.utils import timezone
from django.utils.translation import get_language, override

from yoake import __version__
from yoake.casework.count import ledger, suppressing
from yoake.casework.count.figure import Row, Scope, Table, Words
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Kind, Period
from yoake.casework.evidence.disk import alone_with
from yoake.casework.people.queries import Actor

KEPT_S: Final = 600
SLOTS: Final = 64  # files that are locked while figures are counted: which of them, the period decides


@dataclass(frozen=True)
class Told:
    """Figures of one period, all counted at one moment."""

    scope: Scope
    counted: list[Counted]  # in the order in which they were wanted
    published: bool  # small cells are suppressed

    @property
    def at(self) -> datetime:
        """When they were counted."""
        return self.scope.now

    def table(self, name: str, key: str) -> Table | None:
        """A table of a figure, by their names; None where there is no such."""
        found = [table for one in self.counted if one.name == name for table in one.tables]
        return next((table for table in found if table.key == key), None)


@dataclass(frozen=True)
class _Kept:
    """A figure without the object that says what it is, its labels in every language."""

    name: str
    tables: Mapping[str, tuple[Table, ...]]  # by language
    queries: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Together:
    """Figures that were counted together, or one of them."""

    at: datetime
    figures: tuple[_Kept, ...]


def told(actor: Actor, period: Period, wanted: Sequence[str], *, published: bool = False, anew: bool = False) -> Told:
    """The figures that are wanted, of one moment at most ten minutes ago; of this moment with `anew`.

    What is published is always suppressed together with all other figures of the period: else two files could be
    subtracted from each other. Figures of a day are not published.

    Raises:
        NotAllowed: the actor may not read.
        BadInput: there is no such figure, or it cannot be told for such a period.
    """
    actor.must("read")
    scope = Scope(actor.organisation_id, period, timezone.now())
    if published:
        _may_be_published(actor, scope, wanted)
    for name in wanted:
        ledger.figure(name)  # there is such
    kept = None if anew else _kept(scope, wanted, published=published)
    if kept is None:
        with alone_with(_held_while_counting(scope, published=published)):
            kept = None if anew else _kept(scope, wanted, published=published)  # perhaps somebody counted meanwhile
            if kept is None:
                kept = _count(actor, scope, wanted, published=published)
    return _told(scope, kept, wanted, published=published)


def published_and_kept(actor: Actor, period: Period, wanted: Sequence[str]) -> Told | None:
    """What is published, where it is kept; None where it would have to be counted first."""
    actor.must("read")
    scope = Scope(actor.organisation_id, period, timezone.now())
    _may_be_published(actor, scope, wanted)
    kept = _kept(scope, wanted, published=True)
    return None if kept is None else _told(scope, kept, wanted, published=True)


def drawn(actor: Actor, told: Told, what: str, draw: Callable[[], bytes]) -> bytes:
    """A picture of these figures, drawn once as long as they are kept. `what` names it among all of the period."""
    actor.must("read")
    key = _key(told.scope, f"{get_language()}/{told.at.isoformat()}/{told.published}/{what}")
    octets: bytes | None = caches["pictures"].get(key)
    if octets is None:
        octets = draw()
        caches["pictures"].set(key, octets, KEPT_S)
    return octets


def _may_be_published(actor: Actor, scope: Scope, wanted: Sequence[str]) -> None:
    """What may leave the house; day by day nothing does."""
    if scope.period.kind is Kind.DAY or set(wanted) - set(suppressing.may_leave(scope)):
        suppressing.publish(actor, scope, wanted)  # says what is wrong


def _kept(scope: Scope, wanted: Sequence[str], *, published: bool) -> _Together | None:
    """The figures as they are kept; None where one is not, or they are of several moments."""
    if published:  # suppressed together, so kept together
        together: _Together | None = caches["figures"].get(_key(scope, "published"))
        return together
    keys = [_key(scope, name) for name in wanted]
    found: dict[str, _Together] = caches["figures"].get_many(keys)
    moments = {one.at for one in found.values()} if keys else {scope.now}
    if len(found) < len(keys) or len(moments) > 1:
        return None
    return _Together(moments.pop(), tuple(one for key in keys for one in found[key].figures))


def _count(actor: Actor, scope: Scope, wanted: Sequence[str], *, published: bool) -> _Together:
    """Counts and keeps them."""
    counted = suppressing.publish(actor, scope) if published else ledger.count(actor, scope, wanted)
    together = _Together(scope.now, tuple(map(_in_every_language, counted)))
    if published:
        told: dict[str, Any] = {_key(scope, "published"): together}
    else:
        told = {_key(scope, one.name): replace(together, figures=(one,)) for one in together.figures}
    caches["figures"].set_many(told, KEPT_S)
    return together


def _told(scope: Scope, kept: _Together, wanted: Sequence[str], *, published: bool) -> Told:
    by_name = {one.name: one for one in kept.figures}
    return Told(replace(scope, now=kept.at), [_counted(by_name[name]) for name in wanted], published=published)


def _held_while_counting(scope: Scope, *, published: bool) -> Path:
    return Path(f"figures-{int(_key(scope, str(published)), 16) % SLOTS}")


def _key(scope: Scope, what: str) -> str:
    span = (scope.period.kind.value, scope.period.first.isoformat(), scope.period.last.isoformat())
    told = (__version__, scope.organisation_id, *span, what)
    return sha256(repr(told).encode()).hexdigest()


def _counted(kept: _Kept) -> Counted:
    tables = kept.tables.get(get_language() or "") or kept.tables[settings.LANGUAGE_CODE]
    return Counted(kept.name, ledger.figure(kept.name), tables, kept.queries, kept.seconds)


def _in_every_language(one: Counted) -> _Kept:
    tables = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            tables[language] = tuple(map(_in_language, one.tables))
    return _Kept(one.name, tables, tuple(one.queries), one.seconds)


def _in_language(table: Table) -> Table:
    """The table with its labels said in the language in force: what is lazy in a figure of a third party may not be kept."""
    return replace(
        table,
        title=str(table.title),
        unit=str(table.unit),
        columns=tuple(replace(one, label=str(one.label), unit=str(one.unit)) for one in table.columns),
        rows=tuple(_row(one) for one in table.rows),
        notes=tuple(map(str, table.notes)),
        row_sums={key: tuple(of) for key, of in table.row_sums.items()},
        column_sums={key: tuple(of) for key, of in table.column_sums.items()},
    )


def _row(row: Row) -> Row:
    said: dict[str, Words] = {"label": str(row.label), "unit": str(row.unit)}
    return replace(row, cells=tuple(row.cells), **said)  # type: ignore[arg-type]
