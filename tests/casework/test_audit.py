"""The chain: whole when written, broken when touched, and never holding content."""

from __future__ import annotations

import pytest

from yoake.casework.audit.actions import record
from yoake.casework.audit.models import Entry, Head
from yoake.casework.audit.queries import first_break

pytestmark = pytest.mark.django_db


def three() -> list[Entry]:
    return [record("opened", actor="user:1", subject=f"case:{n}", category="x") for n in range(3)]


def test_a_whole_chain() -> None:
    assert first_break() is None
    three()
    assert first_break() is None


def test_a_changed_entry_is_named() -> None:
    entries = three()
    Entry.objects.filter(pk=entries[1].pk).update(actor="user:2")
    assert first_break() == f"audit entry {entries[1].pk} was changed after it was written"


def test_a_missing_entry_is_named() -> None:
    entries = three()
    entries[1].delete()
    assert str(entries[2].pk) in (first_break() or "")


def test_a_missing_end_is_noticed() -> None:
    three()[2].delete()
    assert "missing at the end" in (first_break() or "")


def test_a_missing_head_is_noticed() -> None:
    three()[2].delete()
    Head.objects.all().delete()
    assert "no head" in (first_break() or "")


def test_an_entry_rewritten_with_its_hash_breaks_the_next() -> None:
    entries = three()
    Entry.objects.filter(pk=entries[0].pk).update(hash="0" * 64)
    assert str(entries[0].pk) in (first_break() or "")


def test_content_does_not_get_in() -> None:
    with pytest.raises(ValueError, match="too long"):
        record("opened", actor="user:1", subject="case:1", text="長い" * 60)
    assert not Entry.objects.exists()


def test_the_head_is_one_row() -> None:
    three()
    assert Head.objects.get().count == 3
