"""Terms that grow and fall, and which figures stand on which page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from tests.count_series_world import at, queries, source, told, values
from yoake import shelf
from yoake.casework.cases.categories import categories
from yoake.casework.count import figures, ledger, pages
from yoake.casework.count.figure import Table
from yoake.casework.count.periods import Kind, Period
from yoake.casework.people.models import Organisation
from yoake.casework.quality.models import ScoreCount
from yoake.casework.sources.models import Query, QueryDay, Source

SLUG = "criminal_recruitment"
NOW = at("2024-06-10 12:00")


def _hour(source: Source, when: str, posts: int, cues: dict[str, dict[str, int]], model: str = "m/1") -> None:
    ScoreCount.objects.create(source=source, hour=at(when), model=model, posts=posts, cues=cues)


def _terms(period: str, organisation: Organisation | None, now: Any = NOW) -> dict[str, Table]:
    return told("terms", period, organisation, now)


@pytest.mark.django_db
def test_cues_of_the_period_against_the_one_before(police: Organisation, hotline: Organisation) -> None:
    mine, theirs = source(police, "川"), source(hotline, "海")
    _hour(mine, "2024-05-01 00:00", 400, {SLUG: {"high_pay": 40, "receiver": 10}, "drug_ad": {"high_pay": 1}})
    _hour(mine, "2024-05-01 00:00", 100, {SLUG: {"high_pay": 10}}, "m/2")  # the model changed within the hour
    _hour(mine, "2024-05-31 23:00", 500, {SLUG: {"high_pay": 50, "receiver": 10, "frame:news": 5}})
    _hour(mine, "2024-04-30 23:00", 1500, {SLUG: {"high_pay": 30, "receiver": 120}, "drug_ad": {"high_pay": 2}})
    _hour(mine, "2024-04-01 00:00", 500, {SLUG: {"receiver": 40, "frame:news": 10}})
    # What does not count: the months beside, practice, another organisation.
    _hour(mine, "2024-06-01 00:00", 900, {SLUG: {"high_pay": 900}})
    _hour(mine, "2024-03-31 23:00", 900, {SLUG: {"high_pay": 900}})
    _hour(source(police, "練習", practice=True), "2024-05-01 00:00", 900, {SLUG: {"high_pay": 900}})
    _hour(theirs, "2024-05-01 00:00", 1000, {SLUG: {"high_pay": 7}})
    table = _terms("2024-05", police)["cues"]
    assert list(values(table).items()) == [  # this period, the one before, their rates per 1,000 posts
        ("posts", [1000, 2000, None, None]),
        (f"{SLUG}:high_pay", [100, 30, 100.0, 15.0]),
        ("drug_ad:high_pay", [1, 2, 1.0, 1.0]),
        (f"{SLUG}:frame:news", [5, 10, 5.0, 5.0]),
        (f"{SLUG}:receiver", [20, 160, 20.0, 80.0]),
    ]
    rate = table.cell(f"{SLUG}:high_pay", "rate")
    assert (rate.part, rate.of, rate.rests_on) == (None, 1000, 100), "no share, but made of so many"
    assert values(_terms("2024-05", None)["cues"])[f"{SLUG}:high_pay"] == [107, 30, 53.5, 15.0]
    known = categories()[SLUG]
    high_pay = next(cue.label for cue in known.cues if cue.name == "high_pay")
    with translation.override("ja"):
        assert str(table.rows[1].label) == f"{known.name.ja}：{high_pay.ja}"
    with translation.override("en"):
        assert str(table.rows[1].label) == f"{known.name.en}: {high_pay.en}"
        assert "frame:" not in str(table.rows[3].label)  # frames have names too


@pytest.mark.django_db
def test_only_the_twenty_that_changed_most_are_shown_growing_ones_first(police: Organisation) -> None:
    mine = source(police, "川")
    _hour(mine, "2024-05-01 00:00", 1000, {SLUG: {f"c{n:02d}": 100 + 10 * n for n in range(15)}})
    _hour(mine, "2024-04-01 00:00", 1000, {SLUG: {f"c{n:02d}": 100 for n in range(15)} | {f"d{n:02d}": 5 * n for n in range(15)}})  # fmt: skip
    shown = [key.partition(":")[2] for key in list(values(_terms("2024-05", police)["cues"]))[1:]]
    assert len(shown) == 20
    assert shown[0] == "c14"
    assert shown[-1] == "d14"
    assert "c00" not in shown  # it did not change
    assert shown == sorted(shown, key=lambda cue: (cue[0], -int(cue[1:]) if cue[0] == "c" else int(cue[1:])))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("period", "posts"),
    [
        ("2024-05-20", [10, 20]),
        ("2024-04", [30, None]),  # half of March is gone
        ("2024-03", [None, None]),
        ("2024", [None, None]),
    ],
)
def test_of_counts_that_are_gone_nothing_is_told(police: Organisation, period: str, posts: list[int | None]) -> None:
    mine = source(police, "川")
    for when, n in (
        ("2024-05-20 10:00", 10),
        ("2024-05-19 10:00", 20),
        ("2024-04-10 10:00", 30),
        ("2024-03-20 10:00", 40),
    ):
        _hour(mine, when, n, {SLUG: {"high_pay": n}})
    table = _terms(period, police)["cues"]
    assert values(table)["posts"] == [*posts, None, None]
    rates = [1000.0 if n else None for n in posts]
    assert values(table).get(f"{SLUG}:high_pay") == ([*posts, *rates] if any(posts) else None)
    with translation.override("en"):
        assert any("90 days" in str(note) for note in table.notes) is (None in posts)


@pytest.mark.django_db
def test_words_that_were_searched_for(police: Organisation, hotline: Organisation) -> None:
    def query(source: Source, words: str) -> Query:
        return Query.objects.create(source=source, words=words, origin="person", added_at=NOW)

    def day(query: Query, when: str, posts: int, in_scope: int = 0) -> None:
        QueryDay.objects.create(query=query, day=at(f"{when} 00:00").date(), posts=posts, in_scope=in_scope)

    mine, other = source(police, "川"), source(police, "山")
    growing, falling, twin = query(mine, "高額 即日"), query(mine, "裏バイト"), query(other, "高額 即日")
    day(growing, "2024-05-01", 30, 3)
    day(growing, "2024-05-31", 30, 1)
    day(twin, "2024-05-02", 20, 1)  # the same words elsewhere are the same words
    day(falling, "2024-05-02", 20, 2)
    day(growing, "2024-04-30", 25, 9)
    day(falling, "2024-04-01", 75)
    day(growing, "2024-06-01", 500)
    day(growing, "2024-03-31", 500)
    day(query(source(police, "練習", practice=True), "高額 即日"), "2024-05-02", 500)
    day(query(source(hotline, "海"), "闇 仕事"), "2024-05-02", 100)
    assert list(values(_terms("2024-05", police)["searches"]).items()) == [
        ("posts", [100, 100, None, None, None]),
        ("高額 即日", [80, 25, 800.0, 250.0, 5]),
        ("裏バイト", [20, 75, 200.0, 750.0, 2]),
    ]
    assert values(_terms("2024-05", None)["searches"])["闇 仕事"] == [100, 0, 500.0, 0.0, 0]
    assert values(_terms("2024-05", police, at("2024-05-01 12:00"))["searches"])["高額 即日"][0] == 30
    assert values(_terms("2024", police)["searches"])["posts"] == [1200, 0, None, None, None]


@pytest.mark.django_db
def test_nothing_read_and_nothing_searched(police: Organisation) -> None:
    tables = _terms("2024-05", police)
    assert values(tables["cues"]) == {"posts": [0, 0, None, None]}
    assert values(tables["searches"]) == {"posts": [0, 0, None, None, None]}


@pytest.mark.django_db
def test_no_more_is_asked_where_there_is_more(police: Organisation) -> None:
    today = timezone.now() - timedelta(days=1)
    before = queries("terms", f"{today:%Y-%m}", police)
    for n in range(5):
        one = source(police, f"s{n}")
        ScoreCount.objects.create(source=one, hour=today, model="m/1", posts=5, cues={SLUG: {f"c{n}": 1}})
        asked = Query.objects.create(source=one, words=f"w{n}", origin="person", added_at=NOW)
        QueryDay.objects.create(query=asked, day=today.date(), posts=3)
    assert queries("terms", f"{today:%Y-%m}", police) == before <= 3


# --- pages ----------------------------------------------------------------------------------------------------------

_PAGES = {
    "MORNING": (pages.MORNING, (Kind.DAY,)),
    "MONTH": (pages.MONTH, (Kind.MONTH,)),
    "YEAR": (pages.YEAR, (Kind.YEAR,)),
}


@pytest.mark.parametrize("page", _PAGES)
def test_every_figure_of_a_page_is_on_the_shelf_and_can_be_told_for_it(page: str) -> None:
    named, kinds = _PAGES[page]
    assert len(set(named)) == len(named)
    assert set(named) <= set(shelf.names(figures))
    assert [name for name in named if not set(kinds) <= set(ledger.figure(name).kinds)] == []


def test_the_year_tells_all_that_there_is() -> None:
    assert set(shelf.names(figures)) == set(pages.YEAR) | set(pages.MORNING)


@pytest.mark.parametrize(
    "name", ["decided", "categories", "sources", "prefectures", "organisations", "times", "pace", "terms"]
)
@pytest.mark.parametrize("text", ["2024-05-01", "2024-05", "2024", "FY2024"])
def test_series_are_told_for_every_period(name: str, text: str) -> None:
    assert Period.read(text).kind in ledger.figure(name).kinds
