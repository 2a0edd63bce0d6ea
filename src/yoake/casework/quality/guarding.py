"""Guards: what acts automatically is switched off when it was right too seldom, and a person is told.

Measured is only what the lot put before two people after the guard was last switched: folding by how often the second
person judged a case alike that was decided together with others; the order of the inbox by how often what is in scope
stood above what is not; a word that people let the judge know by how often what it flagged was in scope. From LEAST items
on, whatever is below its bar goes off. A supervisor may switch it on again, saying why; it is then measured anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.categories import categories
from yoake.casework.cases.guards import FOLDING, PRIORITY
from yoake.casework.cases.models import Decision, Guard, SecondReview
from yoake.casework.cases.ranking import severity
from yoake.casework.people.log import record_for_all
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import Actor
from yoake.casework.quality.alarms import open_alarm
from yoake.casework.quality.measuring import COUNTED, judged_flags
from yoake.casework.quality.models import Alarm
from yoake.casework.quality.reviews import final_answer, first_answer
from yoake.errors import BadInput, Refused
from yoake.learn.agreement import concordance
from yoake.learn.chances import clopper_pearson
from yoake.learn.overlay import own_words, switch_word

WORD = "word:"  # before category and key of a word
BARS = {FOLDING: 0.95, PRIORITY: 0.6}  # priority: 0.5 is an order that says nothing
WORD_BAR = (
    0.3  # the hotline finds one report in six in scope; a word that is no better than twice that wastes attention
)
LEAST = {FOLDING: 30, PRIORITY: 40}
WORD_LEAST = 15
NOTE_LONGEST = 500

_CLOSED = (SecondReview.State.AGREED, SecondReview.State.SETTLED)
_TOLD = (Decision.Verdict.IN_SCOPE, Decision.Verdict.NOT_IN_SCOPE)


@dataclass(frozen=True)
class Measure:
    """A share that was right, its interval, and of how many items."""

    share: float
    low: float
    high: float
    n: int


def look_at_guards(organisation: Organisation, now: datetime) -> list[Guard]:
    """Measures everything that is guarded and switches off what is below its bar; returns what was switched."""
    rows = _rows(organisation, now)
    words = {name: row for name, row in rows.items() if name.startswith(WORD)}
    measured = {
        FOLDING: _folding(organisation, rows[FOLDING].since),
        PRIORITY: _priority(organisation, rows[PRIORITY].since),
    }
    measured |= _words(organisation, words, now)
    return [row for row in rows.values() if _keep(row, measured.get(row.name), now)]


def switch_guard(actor: Actor, guard_id: int, *, on: bool, note: str, now: datetime | None = None) -> Guard:
    """A supervisor switches something automatic on or off, saying why; from then on it is measured anew.

    Raises BadInput without a note or for an unknown guard, Refused when it is so already.
    """
    now, note = now or timezone.now(), note.strip()
    actor.must("oversee")
    if not actor.user_id:
        raise Refused("only a person can do this")
    if not note or len(note) > NOTE_LONGEST:
        raise BadInput("note", note, f"why, in at most {NOTE_LONGEST} characters")
    with transaction.atomic():
        row = Guard.objects.select_for_update(of=("self",)).filter(
            pk=guard_id, organisation_id=actor.organisation_id
        ).first()  # fmt: skip
        if row is None:
            raise BadInput("guard", guard_id, "there is no such guard in your organisation")
        if row.on is on:
            raise Refused("it is so already")
        row.on, row.since, row.switched_by_id, row.note = on, now, actor.user_id, note
        row.measured, row.low, row.high, row.n = None, None, None, 0
        row.save()
        _note("guard_on" if on else "guard_off", actor.name, row, now)
        _follow(row)  # the file of a word comes last, so that it never runs ahead
    return row


def guards_of(actor: Actor) -> list[Guard]:
    """What is guarded in the actor's organisation: what is off first."""
    actor.must("quality")
    rows = Guard.objects.filter(organisation_id=actor.organisation_id).select_related("switched_by")
    return list(rows.order_by("on", "name"))


def word_of(name: str) -> tuple[str, str]:
    """Category and key in the name of a word's guard; ("", "") for any other."""
    if not name.startswith(WORD):
        return "", ""
    category, _, key = name.removeprefix(WORD).partition(":")
    return category, key


def least_of(name: str) -> int:
    """From how many items on a guard switches."""
    return LEAST.get(name, WORD_LEAST)


def _rows(organisation: Organisation, now: datetime) -> dict[str, Guard]:
    """A row for everything that is guarded, made if need be; that of a word which is gone goes."""
    there = {row.name: row for row in Guard.objects.filter(organisation=organisation)}
    wanted = dict(BARS)
    off = set()
    for slug in categories():
        for word in own_words(settings.YOAKE_CATEGORIES, slug):
            wanted[f"{WORD}{slug}:{word.key}"] = WORD_BAR
            if not word.on:
                off.add(f"{WORD}{slug}:{word.key}")
    for name in there.keys() - wanted.keys():
        there.pop(name).delete()
    for name in sorted(wanted.keys() - there.keys()):
        there[name] = Guard.objects.create(
            organisation=organisation, name=name, on=name not in off, bar=wanted[name], since=now - COUNTED
        )
    for name, row in there.items():
        if name.startswith(WORD) and row.on == (name in off):  # switched for everybody by another organisation's guard
            _unchanged(row).update(on=name not in off, since=now, switched_by=None, note="")
            row.refresh_from_db()
    return dict(sorted(there.items()))


def _folding(organisation: Organisation, since: datetime) -> Measure | None:
    reviewed = SecondReview.objects.filter(
        case__organisation=organisation, drawn=True, state__in=_CLOSED, first__at__gt=since
    )
    right = [
        final_answer(review).label == first_answer(review).label
        for review in reviewed.exclude(first__batch="").select_related("first")
    ]
    return _share(sum(right), len(right))


def _priority(organisation: Organisation, since: datetime) -> Measure | None:
    reviewed = SecondReview.objects.filter(
        case__organisation=organisation, drawn=True, state__in=_CLOSED, final_verdict__in=_TOLD, first__at__gt=since,
        case__origin="patrol", case__at_risk=False,
    )  # fmt: skip
    worth: dict[bool, list[float]] = {True: [], False: []}
    for verdict, category, score in reviewed.values_list("final_verdict", "case__category", "case__score"):
        worth[verdict == Decision.Verdict.IN_SCOPE].append(severity(category) * score)
    found = concordance(worth[True], worth[False])
    return Measure(*found, n=len(worth[True]) + len(worth[False])) if found is not None else None


def _words(organisation: Organisation, rows: dict[str, Guard], now: datetime) -> dict[str, Measure | None]:
    if not rows:
        return {}
    counts: dict[str, Counter[bool]] = {name: Counter() for name in rows}
    for flag in judged_flags(organisation, now):
        for key in flag.words:
            row = rows.get(f"{WORD}{flag.category}:{key}")
            if row is not None and flag.double is not None and flag.at > row.since:
                counts[row.name][flag.double] += 1
    return {name: _share(count[True], count.total()) for name, count in counts.items()}


def _share(right: int, n: int) -> Measure | None:
    return Measure(right / n, *clopper_pearson(right, n), n=n) if n else None


def _unchanged(row: Guard) -> QuerySet[Guard]:
    """The guard, if nobody switched it since it was read."""
    return Guard.objects.filter(pk=row.pk, on=row.on, since=row.since)


def _keep(row: Guard, measure: Measure | None, now: datetime) -> bool:
    """Keeps what was measured and switches off what is below its bar, unless a person switched it meanwhile.

    One transaction a guard: row, alarm, audit lines, and the file of a word last. Returns whether it was switched off.
    """
    with transaction.atomic():
        if _unchanged(row).select_for_update(of=("self",)).first() is None:
            return False  # from then on it is measured anew
        row.measured_at, row.measured, row.low, row.high, row.n = now, None, None, None, 0
        if measure is not None:
            row.measured, row.low, row.high, row.n = measure.share, measure.low, measure.high, measure.n
        off = row.on and measure is not None and measure.n >= least_of(row.name) and measure.share < row.bar
        if off:
            row.on, row.since, row.switched_by, row.note = False, now, None, ""
        row.save()
        if off and measure is not None:
            category, _key = word_of(row.name)
            open_alarm(
                row.organisation_id, Alarm.Kind.GUARD, now, category=category, guard=row.name,
                measured=round(measure.share, 3), bar=row.bar, n=row.n,
            )  # fmt: skip
            _note("guard_off", "worker", row, now)
            _follow(row)
    return off


def _follow(row: Guard) -> None:
    category, key = word_of(row.name)
    if category:
        switch_word(settings.YOAKE_CATEGORIES, category, key, on=row.on)


def _note(kind: str, who: str, row: Guard, now: datetime) -> None:
    measured = f"{row.measured:.3f}" if row.measured is not None else None
    category, _key = word_of(row.name)
    if category:  # a word counts for all or for nobody
        record_for_all(
            kind, who, row.organisation_id, f"category:{category}", now, category=category, guard=row.name[:100],
            measured=measured, n=row.n,
        )  # fmt: skip
        return
    record(
        kind, actor=who, organisation=row.organisation_id, subject=f"guard:{row.pk}", at=now, guard=row.name[:100],
        measured=measured, n=row.n,
    )  # fmt: skip
