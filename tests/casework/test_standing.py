"""What the database keeps as standing is what a look at all decisions of a case says, whatever became of either."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from tests.count_series_world import at, decided, opened, undone
from yoake.casework.cases.models import Case, Decision, Post, Standing
from yoake.casework.cases.queries import standing_decision
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation, User
from yoake.casework.sources.models import Source

pytestmark = pytest.mark.django_db
VERDICTS = ("in_scope", "not_in_scope", "cannot_tell", "duplicate")


@pytest.fixture
def here() -> Organisation:
    return Organisation.objects.create(name="架空ホットライン", kind=Organisation.Kind.HOTLINE)


@pytest.fixture
def somebody() -> User:
    return User.objects.create(username="standing", staff_number="S-1")


def by_looking() -> list[dict[str, Any]]:
    """What stands, worked out from every case and its decisions."""
    rows = []
    for case in Case.everything.select_related("post").order_by("pk"):
        found = standing_decision(list(case.decisions.order_by("at", "pk")))
        if found is None or case.state in ("waiting", "second_review") or case.practice or case.gold_for_id:
            continue
        seconds = [one.astimezone(UTC).replace(microsecond=0) for one in (case.opened_at, found.at)]
        rows.append(
            {
                "case_id": case.pk,
                "organisation_id": case.organisation_id,
                "at": found.at,
                "day": found.at.astimezone(TOKYO).date(),
                **{name: getattr(found, name) for name in ("verdict", "category", "hotline_class", "at_risk")},
                "source_id": case.source_id,
                "network": case.post.network,
                "prefecture": case.prefecture,
                "origin": case.origin,
                "found_as": case.category,
                "opened_at": case.opened_at,
                "opened_on": case.opened_at.astimezone(TOKYO).date(),
                "waited": int((seconds[1] - seconds[0]).total_seconds()),
                "in_time": None if case.decide_by is None else found.at <= case.decide_by,
            }
        )
    return rows


def kept() -> list[dict[str, Any]]:
    return [{**row} for row in Standing.objects.order_by("case_id").values()]


def test_whatever_becomes_of_cases_and_decisions(here: Organisation, somebody: User) -> None:
    chance = random.Random(11)
    source = Source.objects.create(organisation=here, name="架空の情報源", connector="jsonl")
    cases = [
        opened(
            here,
            f"2024-05-{day:02d} 23:59",
            network="test",
            source=chance.choice((None, source)),
            practice=day == 3,
            gold_for=somebody if day == 4 else None,
            decide_by=at(f"2024-05-{day + 1:02d} 10:00") if day % 2 else None,
            prefecture=chance.choice(("", "東京都")),
        )
        for day in range(1, 8)
    ]

    def step(n: int) -> None:
        case = chance.choice(cases)
        only = Case.everything.filter(pk=case.pk)
        decisions = case.decisions.filter(undoes=None, undone_by=None)
        when = f"2024-06-{1 + n % 20:02d} {n % 24:02d}:{n % 60:02d}:59.5"
        match chance.randrange(10):
            case 0 | 1 | 2:
                decided(case, somebody, when, chance.choice(VERDICTS), at_risk=chance.random() < 0.2)
            case 3 if decisions.exists():
                undone(chance.choice(list(decisions)), when)
            case 4:
                only.update(state=chance.choice(Case.State.values))
            case 5:
                only.update(prefecture=chance.choice(("", "大阪府")), category=chance.choice(("drug_ad", "")))
            case 6:
                only.update(
                    decide_by=chance.choice((None, at("2024-06-10 12:00"))), origin=chance.choice(("hand", "patrol"))
                )
            case 7:
                Post.objects.filter(pk=case.post_id).update(network=chance.choice(("bluesky", "test")))
            case 8 if decisions.exists():
                newest = decisions.order_by("at").last()
                assert newest is not None
                decisions.filter(pk=newest.pk).update(at=at("2024-05-30 00:00"), category="drug_ad")
            case 9 if decisions.exists():
                Decision.objects.filter(pk=chance.choice(list(decisions)).pk).delete()

    most = 0
    for n in range(200):
        step(n)
        assert kept() == by_looking()
        most = max(most, len(kept()))
    assert most >= 4
    source.delete()
    assert kept() == by_looking()
    Case.everything.filter(pk=cases[0].pk).delete()
    assert kept() == by_looking()


def test_what_stood_before_is_there_after_the_update(here: Organisation, somebody: User) -> None:
    case = opened(here, "2024-05-01 09:00")
    decided(case, somebody, "2024-05-02 09:00", "not_in_scope")
    decided(case, somebody, "2024-05-03 08:59:59.999")
    migration = import_module("yoake.casework.cases.migrations.0010_standing")
    editor = connection.schema_editor(atomic=False)
    migration.unfollow(None, editor)
    Standing.objects.all().delete()
    decided(case, somebody, "2024-05-04 09:00")
    assert kept() == []
    migration.follow(None, editor)
    migration.follow(None, editor)  # a later migration may not know whether it was there
    assert kept() == by_looking()
    assert [row["day"].isoformat() for row in kept()] == ["2024-05-04"]


def test_a_day_is_one_of_japan(here: Organisation, somebody: User) -> None:
    case = opened(here, "2024-04-30 23:59:59")
    decided(case, somebody, "2024-05-01 00:00")
    (row,) = kept()
    assert row["at"] == datetime(2024, 4, 30, 15, tzinfo=UTC)
    assert (row["opened_on"].isoformat(), row["day"].isoformat(), row["waited"]) == ("2024-04-30", "2024-05-01", 1)
