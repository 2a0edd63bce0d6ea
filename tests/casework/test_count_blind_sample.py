"""What the queue missed, by the blind sample: which samples count, and for which days."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from django.utils import translation

from tests.casework.test_count_missed import Make, make
from tests.world import NOON
from yoake.casework.count import ledger
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Period
from yoake.casework.due import TOKYO
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.quality.looking import take_round
from yoake.casework.quality.models import Round, Sample, ScoreCount
from yoake.casework.quality.queries import estimated_misses
from yoake.casework.sources.models import HourCount, Source
from yoake.learn.chances import clopper_pearson

__all__ = ["make"]  # a fixture

pytestmark = pytest.mark.django_db

YEAR = Period.year(2026)
OCTOBER, FRIDAY = date(2026, 10, 31), NOON.date()  # Friday: 20 November
VERDICTS = {"n": "not_in_scope", "i": "in_scope", "?": "cannot_tell", "-": ""}


def sample(organisation: Organisation, day: date, judged: str, slug: str = "drug_ad") -> None:
    """Samples of a day in the order of their lots: n out of scope, i in scope, ? cannot tell, - not judged."""
    source = Source.objects.filter(organisation=organisation).first()
    for lot, letter in enumerate(judged):
        verdict = VERDICTS[letter]
        Sample.objects.create(
            organisation=organisation, source=source, day=day, lot=lot, uid=f"{day}{lot:054}", verdict=verdict,
            category=slug if letter == "i" else "",
        )  # fmt: skip


def read(source: Source, day: date, posts: int, queued: int, hour: int = 0) -> None:
    """Posts that were read in an hour of a day of Tokyo."""
    at = datetime.combine(day, time(hour), TOKYO)
    ScoreCount.objects.create(source=source, hour=at, model="m", posts=posts, queued=queued)
    for name, n in (("posts", posts), ("queued", queued), ("edited", 3), ("low:drug_ad", 9)):
        HourCount.objects.create(source=source, hour=at, name=name, n=n)


@pytest.fixture
def year(make: Make, police: Organisation, live: Source) -> None:
    """Two days of which samples count, and one of which none does."""
    sample(police, OCTOBER, "nin?i-i")  # of these the first five
    read(live, OCTOBER, 1100, 100)
    read(live, OCTOBER, 1000, 0, hour=23)
    sample(police, FRIDAY, "nnnnn")
    read(live, FRIDAY, 8010, 10)
    sample(police, date(2026, 11, 19), "-ii")
    read(live, date(2026, 11, 19), 5000, 7)
    at = datetime.combine(OCTOBER, time(12), TOKYO)
    make.case(n=6, origin="patrol", at=at)
    make.case(n=4, origin="patrol", at=at, verdict="not_in_scope")
    make.case(n=3, origin="hand", at=at)
    make.case(n=2, origin="patrol", at=at + timedelta(hours=13))  # opened at midnight of the next day
    make.case(n=1, origin="patrol", at=at, practice=True)


def tables(actor: Actor, period: Period = YEAR, now: datetime = NOON + timedelta(days=3)) -> dict[str, Table]:
    (counted,) = ledger.count(actor, Scope(actor.organisation_id, period, now), ["blind_sample"])
    return {table.key: table for table in counted.tables}


def row(table: Table, key: str) -> list[float | int | None]:
    return [cell.value for one in table.rows if one.key == key for cell in one.cells]


def test_only_the_lowest_lots_of_a_day_count(year: None, as_analyst: Actor) -> None:
    judged = tables(as_analyst)["judged"]
    assert row(judged, "2026-10") == [5, 2, 1]
    assert row(judged, "2026-11") == [5, 0, 0]
    assert row(judged, "2026-12") == [0, 0, 0]
    assert row(judged, "all") == [10, 2, 1]
    assert judged.row_sums["all"] == [f"2026-{month:02}" for month in range(1, 13)]


def test_the_share_its_interval_and_what_follows(year: None, as_analyst: Actor) -> None:
    told = tables(as_analyst)
    low, high = clopper_pearson(2, 9)
    cell = told["missed"].cell("all", "missed")
    assert (cell.value, cell.low, cell.high) == pytest.approx((2 / 9 * 1e5, low * 1e5, high * 1e5))
    assert row(told["found_and_missed"], "2026-10") == [2000, 6, 1000]
    assert row(told["found_and_missed"], "2026-11") == [8000, 0, 0]
    assert row(told["found_and_missed"], "2026-12") == [None, None, None]
    assert row(told["found_and_missed"], "all") == [10000, 6, 2222]
    recall = told["recall"].cell("2026-10", "recall")
    low, high = clopper_pearson(2, 4)
    assert (recall.value, recall.low, recall.high) == pytest.approx(
        (6 / 1006, 6 / (6 + high * 2000), 6 / (6 + low * 2000))
    )
    assert row(told["recall"], "2026-11") == [None], "nothing was found or missed there"
    nothing = told["missed"].cell("2026-11", "missed")
    assert (nothing.value, nothing.low) == (0, 0)
    assert nothing.high == pytest.approx(clopper_pearson(0, 5)[1] * 1e5)


def test_by_category_of_what_was_missed(year: None, police: Organisation, as_analyst: Actor) -> None:
    sample(police, date(2026, 11, 18), "i", slug="criminal_recruitment")
    category = tables(as_analyst)["category"]
    assert row(category, "drug_ad")[0] == 2
    assert row(category, "criminal_recruitment") == [1, 10_000]
    assert row(category, "all") == [3, 30_000]


def test_it_is_the_same_as_the_desk_says_of_four_weeks(year: None, as_analyst: Actor) -> None:
    desk = estimated_misses(as_analyst, NOON + timedelta(days=3))
    assert desk is not None
    told = tables(as_analyst)
    cell = told["recall"].cell("all", "recall")
    assert (desk.judged, desk.missed, desk.unsure) == tuple(row(told["judged"], "all"))
    assert (cell.value, cell.low, cell.high) == desk.recall
    assert desk.share[0] * 1e5 == row(told["missed"], "all")[0]


def test_a_month_a_day_that_is_not_over_and_others_do_not_count(
    year: None, police: Organisation, hotline: Organisation, outsider: User, as_analyst: Actor, as_outsider: Actor
) -> None:
    told = tables(as_analyst, Period.month(2026, 10))
    assert [one.key for one in told["judged"].rows] == ["all"]
    assert row(told["judged"], "all") == [5, 2, 1]
    assert row(tables(as_analyst, now=NOON)["judged"], "all") == [5, 2, 1], "Friday is not over"
    theirs = Source.objects.create(organisation=hotline, name="theirs", connector="jsonl")
    sample(hotline, FRIDAY, "iii")
    read(theirs, FRIDAY, 300, 0)
    assert row(tables(as_analyst)["judged"], "all") == [10, 2, 1]
    assert row(tables(as_outsider)["found_and_missed"], "all") == [300, 0, 300]


def test_days_whose_scores_were_cleared_away_are_told_the_same(
    year: None, police: Organisation, as_analyst: Actor
) -> None:
    now = NOON + timedelta(days=200)
    before = {
        key: [[cell.value for cell in one.cells] for one in table.rows] for key, table in tables(as_analyst).items()
    }
    take_round(Round(organisation=police, name="drift"), now)
    assert not ScoreCount.objects.exists()
    told = tables(as_analyst, now=now)
    assert {key: [[cell.value for cell in one.cells] for one in table.rows] for key, table in told.items()} == before
    assert row(told["found_and_missed"], "2026-10") == [2000, 6, 1000]


def test_what_a_practice_source_read_is_none_of_it(year: None, police: Organisation, as_analyst: Actor) -> None:
    desk = Source.objects.create(organisation=police, name="desk", connector="jsonl", practice=True)
    read(desk, FRIDAY, 700, 7)
    assert row(tables(as_analyst)["found_and_missed"], "2026-11") == [8000, 0, 0]


def test_days_of_a_source_that_was_removed_are_left_out_of_what_needs_its_posts(
    year: None, police: Organisation, as_analyst: Actor
) -> None:
    with translation.override("en"):
        assert not any("was removed" in str(note) for note in tables(as_analyst)["recall"].notes)
        Sample.objects.filter(day=FRIDAY, lot=0).update(source=None)  # one of the day's sources
        told = tables(as_analyst)
        assert row(told["judged"], "all") == [10, 2, 1], "how they were judged is known"
        assert row(told["found_and_missed"], "2026-11") == [None, None, None]
        assert row(told["found_and_missed"], "all") == row(told["found_and_missed"], "2026-10") == [2000, 6, 1000]
        assert any("was removed" in str(note) for note in told["recall"].notes)
        HourCount.objects.all().delete()
        told = tables(as_analyst)
        assert row(told["found_and_missed"], "all") == [None, None, None]
        assert row(told["recall"], "all") == [None], "not 100 %"
        assert row(told["missed"], "all")[0] == pytest.approx(2 / 9 * 1e5)


def test_nothing_at_all_is_a_dash(as_analyst: Actor) -> None:
    told = tables(as_analyst)
    assert row(told["judged"], "all") == [0, 0, 0]
    assert row(told["missed"], "all") == row(told["recall"], "all") == [None]
    assert row(told["category"], "all") == [0, None]


def test_it_asks_three_times_whatever_is_there(year: None, police: Organisation, as_analyst: Actor) -> None:
    (counted,) = ledger.count(as_analyst, Scope(police.pk, YEAR, NOON + timedelta(days=3)), ["blind_sample"])
    assert len(counted.queries) == 3
