"""What is kept of the statistics: counted once for all languages and all who ask at once, pictures only of what is there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from tests.console.test_pages import as_user
from yoake.casework.count import ledger, suppressing
from yoake.casework.count.figure import Scope
from yoake.casework.count.ledger import Counted
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.console.statistics_kept import told

MAY = Period.read("2024-05")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    for name in ("figures", "pictures"):
        caches[name].clear()
    yield
    for name in ("figures", "pictures"):
        caches[name].clear()


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> list[Period]:
    """The periods for which something was counted, in that order."""
    asked: list[Period] = []
    count = ledger.count

    def counting(actor: Actor, scope: Scope, *wanted: list[str]) -> list[Counted]:
        asked.append(scope.period)
        return count(actor, scope, *wanted)

    monkeypatch.setattr(ledger, "count", counting)
    return asked


@pytest.mark.django_db
@pytest.mark.parametrize("published", [False, True])
def test_what_is_counted_once_is_told_in_every_language(
    as_analyst: Actor, counts: list[Period], published: bool
) -> None:
    said = {}
    for language in ("en", "ja"):
        with translation.override(language):
            table = told(as_analyst, MAY, ["decided"], published=published).table("decided", "decided")
            assert table is not None
            said[language] = str(table.title)
    assert counts == [MAY]
    assert said["en"] != said["ja"]
    assert said["en"].isascii()


@pytest.mark.django_db(transaction=True)
def test_of_those_who_ask_at_once_one_counts(
    as_analyst: Actor, counts: list[Period], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, told_of = threading.Barrier(3, timeout=15), []
    publish = suppressing.publish

    def slowly(actor: Actor, scope: Scope) -> list[Counted]:
        shown = publish(actor, scope)
        waited.wait(0.3)  # the others ask meanwhile
        return shown

    def ask() -> None:
        begun.wait()
        told_of.append(told(as_analyst, MAY, ["decided"], published=True).at)
        connection.close()

    waited = threading.Event()
    monkeypatch.setattr(suppressing, "publish", slowly)
    people = [threading.Thread(target=ask) for _ in range(3)]
    for one in people:
        one.start()
    for one in people:
        one.join(30)
    assert counts == [MAY]
    assert len(told_of) == 3
    assert len(set(told_of)) == 1


@pytest.mark.django_db
def test_a_picture_for_publication_counts_nothing(browser: Client, as_analyst: Actor, counts: list[Period]) -> None:
    last = (datetime.now(TOKYO).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    chart = f"/statistics/chart/decided/decided/?period={last}&for=publication"
    assert browser.get(chart).status_code == 404
    assert counts == []
    assert browser.get(f"/statistics/month/{last}/?for=publication").status_code == 200
    n = len(counts)
    assert browser.get(chart).status_code == 200
    assert len(counts) == n


@pytest.mark.django_db
def test_what_never_leaves_has_no_version_for_publication(analyst: User) -> None:
    client = as_user(analyst, "en")
    last = (timezone.now().astimezone(TOKYO).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    yesterday = (timezone.now().astimezone(TOKYO) - timedelta(days=1)).date().isoformat()

    def page(address: str) -> str:
        return client.get(address).content.decode()

    leaves = "for=publication"
    assert leaves in page(f"/statistics/figure/decided/?period={last}")
    assert leaves not in page(f"/statistics/figure/decided/?period={yesterday}"), "days are not published"
    assert leaves not in page(f"/statistics/figure/pace/?period={last}")
    assert f'value="{yesterday}"' in page(f"/statistics/figure/decided/?period={last}")
    assert f'value="{yesterday}"' not in page(f"/statistics/figure/decided/?period={last}&{leaves}")
    assert client.get(f"/statistics/figure/pace/?period={last}&{leaves}").status_code == 400
    facts = client.get(f"/statistics/file/{last}/json/?{leaves}").json()
    assert not {"pace", "terms"} & {one["name"] for one in facts["figures"]}
    assert facts["figures"]
