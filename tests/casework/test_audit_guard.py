"""The database itself refuses to change the audit; and views are noted once in ten minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import DatabaseError, connection, transaction

from tests.world import NOON
from yoake.casework.audit.actions import note_view, record
from yoake.casework.audit.models import Entry, Head
from yoake.casework.audit.queries import is_guarded, prove

pytestmark = pytest.mark.django_db
guard = import_module("yoake.casework.audit.migrations.0002_append_only")


@pytest.fixture
def guarded() -> Iterator[None]:
    """As every installation is; the tests' own database is without, because tests empty their tables."""

    class Editor:
        """As much of a schema editor as the migration needs; the whole one does not begin inside a transaction."""

        def __init__(self) -> None:
            self.connection = connection

        def execute(self, statement: str) -> None:
            connection.cursor().execute(statement)

    guard.guard(None, Editor())
    yield
    guard.unguard(None, Editor())


@pytest.mark.usefixtures("guarded")
def test_entries_are_added_and_never_changed() -> None:
    entry = record("opened", actor="user:1", subject="case:1")
    assert is_guarded()
    for attack in (
        lambda: Entry.objects.filter(pk=entry.pk).update(actor="user:2"),
        lambda: Entry.objects.all().delete(),
        lambda: connection.cursor().execute("UPDATE audit_entry SET kind = 'x'"),
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            attack()
    assert Entry.objects.get() == entry
    record("opened", actor="user:1", subject="case:2")
    assert prove().broken == ""


def test_a_database_without_guard_says_so() -> None:
    assert not is_guarded()


def test_the_newest_part_is_proved_alone() -> None:
    entries = [record("opened", actor="user:1", subject=f"case:{n}", at=NOON + timedelta(minutes=n)) for n in range(10)]
    proof = prove(3)
    assert (proof.entries, proof.broken, proof.first) == (3, "", entries[7].at)
    assert prove(99).entries == 10
    Entry.objects.filter(pk=entries[2].pk).update(actor="user:2")
    assert prove(3).broken == ""
    assert prove().entry == entries[2].pk
    Entry.objects.filter(pk=entries[8].pk).update(kind="x")
    assert prove(3).entry == entries[8].pk
    Entry.objects.filter(pk=entries[6].pk).delete()
    assert prove(3).entry == entries[7].pk, "what the oldest one follows is looked at too"


def test_a_cut_end_is_noticed_in_the_newest_part_too() -> None:
    for n in range(5):
        record("opened", actor="user:1", subject=f"case:{n}")
    newest = Entry.objects.order_by("-id").first()
    assert newest is not None
    newest.delete()
    assert "missing at the end" in prove(2).broken
    Head.objects.update(hash="")
    assert "missing at the end" in prove().broken


def view(who: str = "user:1", subject: str = "case:1", minute: int = 0) -> bool:
    at = NOON + timedelta(minutes=minute)
    return note_view("case_viewed", actor=who, subject=subject, organisation=1, at=at) is not None


def test_a_view_is_noted_once_in_ten_minutes() -> None:
    assert view()
    assert not view(minute=9)
    assert view(who="user:2", minute=1)
    assert view(subject="case:2", minute=1)
    assert view(minute=10)
    assert Entry.objects.count() == 4
