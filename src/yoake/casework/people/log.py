"""What auditors and administrators see of the audit, and what leaves it: names inside the organisation, staff numbers outside."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet

from yoake.casework.audit.actions import Fact, record
from yoake.casework.audit.models import Entry
from yoake.casework.audit.queries import Filters, Proof, filtered
from yoake.casework.audit.queries import prove as prove_chain
from yoake.casework.people.models import Membership, Organisation
from yoake.casework.people.queries import Actor, staff_numbers
from yoake.errors import Refused

COLUMNS = ("id", "time", "staff", "kind", "subject", "facts", "hash")
ELSEWHERE = "organisation:"  # before the id of the body, where a line tells others that it did something
EXPORT_MOST = 200_000  # rows; more is the command line's work


def entries_seen_by(actor: Actor, filters: Filters, *, before: int = 0) -> QuerySet[Entry]:
    """Entries of the actor's organisation and of its people, the newest first; what belongs to no body is shown to all.

    `before` is the id from which to go on.
    """
    actor.must("audit")
    entries = filtered(Entry.objects.order_by("-id"), filters)
    if before:
        entries = entries.filter(pk__lt=before)
    if not actor.organisation_id:
        return entries
    mine = Membership.objects.filter(organisation_id=actor.organisation_id).values_list("user_id", flat=True)
    of_mine = [f"user:{user_id}" for user_id in mine]
    nobodys = Q(organisation=None) & (~Q(actor__startswith="user:") | Q(actor__in=of_mine))
    return entries.filter(Q(organisation=actor.organisation_id) | nobodys)


def record_for_all(kind: str, actor: str, organisation_id: int, subject: str, at: datetime, **facts: Fact) -> None:
    """Writes what one organisation did to what is the whole deployment's: with who did it for itself, a line for each other.

    The others learn which body it was, and no name. Call it in the transaction of the act.
    """
    for pk in Organisation.objects.exclude(pk=organisation_id).order_by("pk").values_list("pk", flat=True):
        record(kind, actor=f"{ELSEWHERE}{organisation_id}", organisation=pk, subject=subject, at=at, **facts)
    record(kind, actor=actor, organisation=organisation_id, subject=subject, at=at, **facts)


def prove_newest(actor: Actor, newest: int) -> Proof:
    """Walks along the newest entries of the chain, and notes that somebody did."""
    actor.must("audit")
    proof = prove_chain(newest)
    _note("audit_proved", actor, entries=proof.entries, whole=not proof.broken)
    return proof


def export_entries(actor: Actor, filters: Filters, *, but: Q | None = None) -> list[list[str]]:
    """Rows of a file, oldest first: id, time, staff number, kind, subject, facts, hash. Noted with count and digest.

    `but` are entries that this person must not read. Raises Refused for more than 200,000 rows.
    """
    seen = entries_seen_by(actor, filters).exclude(but or Q(pk=None))
    rows = list(rows_of(seen.order_by("id")[: EXPORT_MOST + 1]))
    if len(rows) > EXPORT_MOST:
        raise Refused(f"more than {EXPORT_MOST} entries; choose fewer days, or use “yoake audit export”")
    written = sha256(json.dumps(rows, ensure_ascii=False).encode()).hexdigest()
    _note("audit_exported", actor, entries=len(rows), digest=written)
    return rows


def write_entries(actor: Actor, out: Path, filters: Filters) -> int:
    """Writes entries as JSON lines into a file that only its owner reads; returns how many. Noted with count and digest."""
    actor.must("audit")
    written, n = sha256(), 0
    with os.fdopen(os.open(out, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        for row in rows_of(entries_seen_by(actor, filters).order_by("id")):
            line = json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False).encode() + b"\n"
            written.update(line)
            file.write(line)
            n += 1
    _note("audit_exported", actor, entries=n, digest=written.hexdigest())
    return n


def rows_of(entries: QuerySet[Entry]) -> Iterator[list[str]]:
    """Each entry as text, with staff numbers in the place of people."""
    numbers = staff_numbers(
        int(actor[5:])
        for actor in entries.model.objects.filter(actor__startswith="user:")
        .order_by()
        .values_list("actor", flat=True)
        .distinct()
        if actor[5:].isdigit()
    )
    fields = ("id", "at", "actor", "kind", "subject", "facts", "hash")
    for pk, at, who, kind, subject, facts, hashed in entries.values_list(*fields).iterator(chunk_size=5000):
        part, _, number = who.partition(":")
        shown = numbers.get(int(number), who) if part == "user" and number.isdigit() else who
        told = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        yield [str(pk), at.isoformat(), shown, kind, subject, told, hashed]


def _note(kind: str, actor: Actor, **facts: Fact) -> None:
    with transaction.atomic():
        organisation = actor.organisation_id or None
        subject = f"organisation:{organisation}" if organisation else "audit"
        record(kind, actor=actor.name, organisation=organisation, subject=subject, at=None, **facts)
