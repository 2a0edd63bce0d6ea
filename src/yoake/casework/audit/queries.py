"""Reading the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from yoake.casework.audit.chain import entry_hash
from yoake.casework.audit.models import Entry, Head


def entries_about(subjects: Iterable[str]) -> QuerySet[Entry]:
    """Entries about these subjects (for example "case:12"), oldest first."""
    return Entry.objects.filter(subject__in=list(subjects)).order_by("id")


@dataclass(frozen=True)
class Proof:
    """What a walk along the chain found."""

    entries: int  # looked at
    first: datetime | None  # of the oldest entry looked at
    last: datetime | None
    broken: str  # the first broken link in a sentence; "" when the chain is whole
    entry: int  # id of the entry where it breaks; 0 when it is whole or breaks at its end
    head: str  # hash the chain ends with


def prove(newest: int = 0) -> Proof:
    """Walks along the chain, all of it or its newest entries, and stops at the first broken link."""
    start = 0
    if newest:
        start = Entry.objects.order_by("-id").values_list("id", flat=True)[newest - 1 : newest].first() or 0
    before = None if start else ""
    if start:  # what the oldest entry looked at must follow
        before = Entry.objects.filter(pk__lt=start).order_by("-id").values_list("hash", flat=True).first() or ""
    count, first, last, broken, at_entry = 0, None, None, "", 0
    head = Head.objects.filter(pk=1).first()  # first of all, so that entries added meanwhile are left out, not missed
    until = _id_of_head(head)
    rows = Entry.objects.filter(pk__gte=start).order_by("id").values_list(*_FIELDS, "before", "hash", "id")
    if until:
        rows = rows.filter(pk__lte=until)
    for at, kind, actor, organisation, subject, facts, follows, hashed, pk in rows.iterator(chunk_size=5000):
        if follows != before:
            broken = f"audit entry {pk} does not follow the one before it: an entry is missing, added or out of order"
        elif entry_hash(follows, at, kind, actor, organisation, subject, facts) != hashed:
            broken = f"audit entry {pk} was changed after it was written"
        if broken:
            at_entry = pk
            break
        before, count, first, last = hashed, count + 1, first or at, at
    if not broken:
        broken = _end_broken(head, before or "", count, whole=not start)
    return Proof(count, first, last, broken, at_entry, before or "")


def first_break() -> str | None:
    """None when the chain is whole, else one sentence naming the first broken link."""
    return prove().broken or None


def is_guarded() -> bool:
    """Whether the database itself refuses to change or remove entries."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'")
        else:
            cursor.execute(
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass "
                "AND NOT tgisinternal AND tgenabled <> 'D'"
            )
        (triggers,) = cursor.fetchone()
    return bool(triggers >= 2)


def _id_of_head(head: Head | None) -> int:
    """The entry that the head names; 0 when it names none, and then everything is looked at."""
    if head is None or not head.hash:
        return 0
    newest = Entry.objects.filter(hash=head.hash).order_by("-id")
    last = Entry.objects.order_by("-id").values_list("id", "hash").first()
    if last is not None and last[1] == head.hash:
        return int(last[0])
    return newest.filter(pk__gt=(last[0] if last else 0) - 10_000).values_list("id", flat=True).first() or 0


def _end_broken(head: Head | None, before: str, count: int, *, whole: bool) -> str:
    if head is None:
        if not count:
            return ""
        return f"the chain has {count} entries but no head: nothing says whether entries are missing at the end"
    if head.hash != before or (whole and head.count != count):
        ends = f"at {count} entries" if whole else "before its head"
        return f"the chain ends {ends}, but {head.count} were written: entries are missing at the end"
    return ""


_FIELDS = ("at", "kind", "actor", "organisation", "subject", "facts")


def digest(entry: Entry) -> str:
    """Hex sha256 over the canonical JSON of everything in the entry but its hash."""
    return entry_hash(entry.before, *(getattr(entry, name) for name in _FIELDS))


@dataclass(frozen=True)
class Filters:
    """What to look for; what is empty is not looked at."""

    actor: str = ""  # user:7, worker ...
    kind: str = ""
    subject: str = ""  # case:12
    since: datetime | None = None
    until: datetime | None = None  # not included


def filtered(entries: QuerySet[Entry], filters: Filters) -> QuerySet[Entry]:
    """The entries that fit."""
    if filters.actor:
        entries = entries.filter(actor=filters.actor)
    if filters.kind:
        entries = entries.filter(kind=filters.kind)
    if filters.subject:
        entries = entries.filter(subject=filters.subject)
    if filters.since:
        entries = entries.filter(at__gte=filters.since)
    if filters.until:
        entries = entries.filter(at__lt=filters.until)
    return entries
