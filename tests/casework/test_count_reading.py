"""Figures are of one moment, and whoever counts keeps nobody from writing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.db import DataError, connection

from yoake.casework.count import ledger, suppressing
from yoake.casework.count.figure import Scope
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Period
from yoake.casework.count.reading import one_moment
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system

pytestmark = pytest.mark.django_db(transaction=True)


def test_others_write_meanwhile_and_are_seen_afterwards() -> None:
    def write() -> None:
        Organisation.objects.create(name="架空道警察")
        connection.close()

    with one_moment():
        assert Organisation.objects.count() == 0
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(15)
        assert not writer.is_alive()
        assert Organisation.objects.count() == 0
    assert Organisation.objects.count() == 1


def test_a_moment_within_another_is_the_same() -> None:
    def write() -> None:
        Organisation.objects.create(name="架空道警察")
        connection.close()

    with one_moment():
        with one_moment():
            assert Organisation.objects.count() == 0
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(15)
        with one_moment():
            assert Organisation.objects.count() == 0
    assert Organisation.objects.count() == 1


def test_a_year_and_its_months_are_published_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def write() -> None:
        Organisation.objects.create(name=f"架空道警察{len(seen)}")
        connection.close()

    def count(*_asked: object) -> list[Counted]:
        seen.append(Organisation.objects.count())
        writer = threading.Thread(target=write)
        writer.start()
        writer.join(15)
        return []

    monkeypatch.setattr(ledger, "count", count)
    scope = Scope(1, Period.read("2024"), datetime(2025, 2, 1, tzinfo=UTC))
    assert suppressing.publish(system("test"), scope) == []
    assert seen == [0] * 13, "nobody is in the way, and nobody is seen"
    assert Organisation.objects.count() == 13


def test_an_error_ends_the_moment() -> None:
    with pytest.raises(DataError), one_moment():
        raise DataError
    Organisation.objects.create(name="架空道警察")
