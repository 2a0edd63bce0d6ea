"""What people hand in: one post, or a list whose every line becomes a case or is told why not. Counts stay, addresses go.

A list is written as rows in one transaction and then worked off line by line (`add_lines`), by the worker or, where it is
short, by the request itself: one bad line holds nobody up, and whoever is killed in the midst loses nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from yoake.casework.audit.actions import record
from yoake.casework.cases.actions import Added, add_by_hand, one_item
from yoake.casework.cases.keeping import OUT_OF_SCOPE_KEPT
from yoake.casework.cases.models import URL_START, Case, Received, ReceivedLine
from yoake.casework.due import claim_due, put_off
from yoake.casework.people.queries import Actor, actor_of
from yoake.collect.address_lists import MOST_LINES, Line
from yoake.errors import BadInput, Refused
from yoake.tables.posts import uid_of

log = logging.getLogger("yoake.cases")
SHORT: Final = 25  # lines that are worked off by the request itself
KEPT: Final = OUT_OF_SCOPE_KEPT  # the address of a line that was not added, so that it can be mended
NEW, THERE, SAME, WRONG = "new", "there", "same", "wrong"
_AT_ONCE: Final = 400  # addresses in one query
_ROUND: Final = timedelta(minutes=3)  # of a claim of five, after which what is left is given back

How, Outcome = Received.How, ReceivedLine.Outcome


@dataclass(frozen=True)
class LookedOver:
    """What would become of a line if it were added now."""

    number: int
    url: str
    state: str  # new, there, same, wrong
    accepted: str = ""  # of a wrong one: what is accepted instead
    same_as: int = 0  # the earlier line with the same address
    case_id: int = 0  # of one that is there


def look_over(actor: Actor, lines: Sequence[Line]) -> list[LookedOver]:
    """What would become of each line; nothing is stored. The same number of queries for any few hundred lines."""
    actor.must("add")
    read = [_read(line) for line in lines]
    keys = {key: url for _line, url, key, _accepted in read if key}
    there: dict[str, int] = {}  # case by address
    uids, wanted = list(keys), list(dict.fromkeys(keys.values()))
    mine = Case.objects.filter(organisation_id=actor.organisation_id, practice=False).order_by("-pk")
    for first in range(0, len(uids), _AT_ONCE):
        found = mine.filter(post__uid__in=uids[first : first + _AT_ONCE])
        there.update((keys[uid], case_id) for case_id, uid in found.values_list("pk", "post__uid"))
    for first in range(0, len(wanted), _AT_ONCE):
        part = wanted[first : first + _AT_ONCE]
        found = mine.filter(post__url_start__in={url[:URL_START] for url in part}, post__url__in=part)
        there.update((url, case_id) for case_id, url in found.values_list("pk", "post__url"))
    told, first_with = [], dict[str, int]()
    for line, url, _key, accepted in read:
        if accepted:
            told.append(LookedOver(line.number, line.url, WRONG, accepted))
        elif url in first_with:
            told.append(LookedOver(line.number, line.url, SAME, same_as=first_with[url], case_id=there.get(url, 0)))
        else:
            first_with[url] = line.number
            state = THERE if url in there else NEW
            told.append(LookedOver(line.number, line.url, state, case_id=there.get(url, 0)))
    return told


def hand_in(actor: Actor, lines: Sequence[Line], how: str, now: datetime | None = None) -> Received:
    """Writes a list down, so that it is worked off; nothing of it is a case yet.

    Args:
        actor: who hands it in.
        lines: at most 5,000, numbered; of those with one address the first is added.
        how: list, csv or xlsx.
        now: the time; the clock's when left out.
    """
    now = now or timezone.now()
    actor.must("add")
    if not actor.user_id or not actor.organisation_id:
        raise Refused("only a person of an organisation can do this")
    if how not in (How.LIST, How.CSV, How.XLSX):
        raise BadInput("how", how, f"one of {How.LIST}, {How.CSV}, {How.XLSX}")
    if not 0 < len(lines) <= MOST_LINES or len({line.number for line in lines}) != len(lines):
        raise BadInput("list", f"{len(lines)} lines", "1 to 5,000 lines, each with a number of its own")
    rows, first_with = [], dict[str, int]()
    for line in lines:
        _line, url, _key, accepted = _read(line)
        row = ReceivedLine(number=line.number, url=line.url, due_at=now)
        if accepted:
            row.outcome, row.why, row.due_at = Outcome.REFUSED, accepted, now + KEPT
        elif url in first_with:
            row.same_as = first_with[url]
        else:
            first_with[url] = line.number
        rows.append(row)
    refused = sum(row.outcome == Outcome.REFUSED for row in rows)
    with transaction.atomic():
        received = Received.objects.create(
            organisation_id=actor.organisation_id,
            user_id=actor.user_id,
            at=now,
            how=how,
            lines=len(rows),
            refused=refused,
        )
        for row in rows:
            row.received = received
        ReceivedLine.objects.bulk_create(rows, batch_size=500)
        _note(actor, received, now)
    return received


def add_one(
    actor: Actor,
    *,
    url: str = "",
    text: str = "",
    how: str = How.FORM,
    practice: bool = False,
    now: datetime | None = None,
) -> Added:
    """Adds one post and counts it as received; on the practice desk nothing is counted. Raises what `add_by_hand` raises.

    Args:
        actor: who adds it.
        url: as for `add_by_hand`.
        text: as for `add_by_hand`.
        how: form, bookmarklet, or picture (then the text was read from a picture by a machine, and the post says so).
        practice: on the practice desk.
        now: the time; the clock's when left out.
    """
    now = now or timezone.now()
    if how not in (How.FORM, How.PICTURE, How.BOOKMARKLET):
        raise BadInput("how", how, f"one of {How.FORM}, {How.PICTURE}, {How.BOOKMARKLET}")
    with transaction.atomic():
        added = add_by_hand(actor, url=url, text=text, practice=practice, from_picture=how == How.PICTURE, now=now)
        if practice:
            return added
        counted = Outcome.THERE if added.was_there else Outcome.OPENED
        received = Received.objects.create(
            organisation_id=actor.organisation_id, user_id=actor.user_id, at=now, how=how, lines=1, **{counted: 1}
        )
        ReceivedLine.objects.create(received=received, number=1, outcome=counted, case=added.case)
        _note(actor, received, now)
    return added


def add_lines(now: datetime, limit: int = 50, received: Received | None = None) -> int:
    """Works off lines that are due, of one list or of all; returns how many.

    A line that waits becomes a case or is told why not. Of one that was not added the address goes after 72 hours.
    """
    only = {"received": received} if received is not None else {}
    claimed = claim_due(ReceivedLine, now, limit=limit, **only)
    began = timezone.now()
    for done, row in enumerate(claimed):
        if timezone.now() - began > _ROUND:  # the claim will end: what is left is anybody's again
            left = [one.pk for one in claimed[done:]]
            ReceivedLine.objects.filter(pk__in=left).update(claimed_until=None, attempts=F("attempts") - 1)
            return done
        try:
            if row.outcome:
                ReceivedLine.objects.filter(pk=row.pk).update(url="", due_at=None, claimed_until=None)
            else:
                _add_line(row, now)
        except DatabaseError as problem:
            put_off(row, now, type(problem).__name__)
            log.warning("line %s of what was handed in cannot be added (%s); tried again later", row.pk, problem)
    return len(claimed)


def _add_line(row: ReceivedLine, now: datetime) -> None:
    received = Received.objects.select_related("user").get(pk=row.received_id)
    outcome, why, case = Outcome.REFUSED, "", None
    with transaction.atomic():
        try:
            actor = actor_of(received.user, received.organisation_id)
            if actor.organisation_id != received.organisation_id:
                raise Refused("whoever handed this in has left the organisation; hand it in anew")
            with transaction.atomic():
                added = add_by_hand(actor, url=row.url, now=now)
        except BadInput as problem:
            why = problem.accepted
        except Refused as problem:
            why = str(problem)
        else:
            outcome, case = (Outcome.THERE if added.was_there else Outcome.OPENED), added.case
        kept = row.url if outcome == Outcome.REFUSED else ""
        still = ReceivedLine.objects.filter(pk=row.pk, outcome="")
        if still.update(
            outcome=outcome,
            why=why,
            case=case,
            url=kept,
            due_at=now + KEPT if kept else None,
            claimed_until=None,
            problem="",
        ):
            Received.objects.filter(pk=received.pk).update(**{outcome: F(outcome) + 1})


def _read(line: Line) -> tuple[Line, str, str, str]:
    """A line, its address as it is written here, the identity its post would have, and what is accepted where it is wrong."""
    if line.wrong:
        return line, "", "", line.wrong
    try:
        item = one_item(line.url)
    except BadInput as problem:
        return line, "", "", problem.accepted
    named = (item.network, item.native_id) if item.network and item.native_id else ("web", item.url)
    return line, item.url, uid_of(*named), ""


def counts_of(looked_over: Iterable[LookedOver]) -> Counter[str]:
    """How many lines there are of each state."""
    return Counter(line.state for line in looked_over)


def note_export(actor: Actor, kind: str, first: date, last: date, now: datetime | None = None) -> None:
    """Says that the counts of some days left as a file."""
    actor.must("read")
    with transaction.atomic():
        record(
            "received_exported",
            actor=actor.name,
            organisation=actor.organisation_id or None,
            subject=f"organisation:{actor.organisation_id}",
            at=now,
            format=kind,
            first=first.isoformat(),
            last=last.isoformat(),
        )


def _note(actor: Actor, received: Received, now: datetime) -> None:
    record(
        "handed_in",
        actor=actor.name,
        organisation=actor.organisation_id or None,
        subject=f"received:{received.pk}",
        at=now,
        how=received.how,
        lines=received.lines,
    )
