"""The inbox: its order, its clocks, filters, counts and neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.world import NOON, arrive, finding, post
from yoake.casework.cases import waiting as inbox
from yoake.casework.cases.actions import add_by_hand, decide, undo
from yoake.casework.cases.clocks import set_clock
from yoake.casework.cases.filters import Filter
from yoake.casework.cases.models import Case, Post
from yoake.casework.cases.ranking import TAU, rank_of
from yoake.casework.cases.waiting import (
    bounded_count,
    cases_awaiting_review,
    neighbours,
    show,
    waiting_by_category,
    waiting_counts,
)
from yoake.casework.people.models import User
from yoake.casework.people.queries import Actor
from yoake.casework.sources.models import Source
from yoake.config.environment import read
from yoake.errors import BadInput
from yoake.tables.posts import removals_batch

pytestmark = pytest.mark.django_db


def ids(actor: Actor, now: datetime = NOON, **asked: str) -> list[str]:
    """Native ids of what a filter lets through, in order."""
    shown = cases_awaiting_review(actor, practice=False, chosen=Filter.of(asked), now=now).select_related("post")
    return [case.post.native_id for case in shown]


def test_the_order_is_the_same_at_every_moment() -> None:
    old = ("drug_ad", 0.9, NOON - timedelta(hours=30))  # severity 5
    new = ("illegal_gambling_ad", 0.9, NOON)  # severity 3
    for days in (0, 1, 40):
        at = NOON + timedelta(days=days)
        worth = [math.log(s * score) - (at - opened) / TAU for s, (_c, score, opened) in ((5, old), (3, new))]
        by_rank = [rank_of(*one, gone=False) for one in (old, new)]
        assert (worth[0] > worth[1]) is (by_rank[0] > by_rank[1])
    assert math.isclose(math.exp(-timedelta(days=1) / TAU), 1 - 1_432 / 4_411)


def test_at_risk_then_severity_confidence_and_the_chance_that_it_is_up_then_age(
    live: Source, as_analyst: Actor
) -> None:
    yesterday = NOON - timedelta(days=1)
    arrive(live, [post("old")], [finding(0, "drug_ad", 0.9)], yesterday)
    rows = [post(str(n), author_id=str(n)) for n in range(4)]
    found = [
        finding(0, "drug_ad", 0.9),
        finding(1, "illegal_gambling_ad", 0.95),
        finding(2, "coerced_applicant", 0.3, "mid"),
        finding(3, "drug_ad", 0.9),
    ]
    arrive(live, rows, found)
    assert ids(as_analyst) == ["2", "0", "3", "old", "1"]


def test_what_is_gone_stands_behind_until_it_is_back(live: Source, as_analyst: Actor) -> None:
    rows = [post("1", author_id="a"), post("2", author_id="b")]
    arrive(live, rows, [finding(0, score=0.95), finding(1, score=0.5, grade="mid")])
    assert ids(as_analyst) == ["1", "2"]
    said = {"network": "test", "removed_at": NOON}
    suspended = removals_batch([{**said, "kind": "account", "native_id": "a", "state": "suspended"}])
    arrive(live, [], [], removed=suspended)
    assert ids(as_analyst) == ["2", "1"]
    arrive(live, [], [], removed=removals_batch([{**said, "kind": "account", "native_id": "a", "state": "back"}]))
    assert ids(as_analyst) == ["1", "2"]
    arrive(
        live, [], [], removed=removals_batch([{**said, "kind": "post", "native_id": "1", "state": "deleted_by_author"}])
    )
    assert ids(as_analyst) == ["2", "1"]


@pytest.mark.parametrize(
    ("category", "grade", "due"),
    [
        ("coerced_applicant", "mid", NOON + timedelta(minutes=15)),
        ("serious_crime", "high", NOON + timedelta(hours=1)),
        ("suicide_inducing", "high", NOON + timedelta(hours=1)),
        ("drug_ad", "high", NOON + timedelta(days=4)),  # Friday, then a Monday that is a holiday
        ("investment_romance_lure", "high", NOON + timedelta(days=6)),
    ],
)
def test_each_class_has_its_clock(live: Source, category: str, grade: str, due: datetime) -> None:
    arrive(live, [post()], [finding(0, category, 0.9, grade)])
    assert Case.objects.get().decide_by == due


def test_clocks_run_for_what_people_add_and_not_where_they_practise(practice: Source, as_analyst: Actor) -> None:
    assert add_by_hand(as_analyst, text="きょうは良い天気", now=NOON).case.decide_by == NOON + timedelta(days=4)
    assert add_by_hand(as_analyst, text="きょうは良い天気", practice=True, now=NOON).case.decide_by is None


def test_a_clock_only_moves_closer_while_a_case_waits(live: Source) -> None:
    arrive(live, [post()], [finding(0, "drug_ad", 0.9)])
    later = NOON + timedelta(hours=2)
    arrive(live, [post(text="助けて")], [finding(0, "coerced_applicant", 0.9)], later)
    assert Case.objects.get().decide_by == later + timedelta(minutes=15)
    arrive(live, [post(text="もう一度")], [finding(0, "coerced_applicant", 0.95)], later + timedelta(minutes=5))
    assert Case.objects.get().decide_by == later + timedelta(minutes=15)


def test_clocks_are_changed_by_a_setting(waiting: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENVIRONMENT", read({"YOAKE_CLOCKS": "illegal=90m"}))
    set_clock(waiting, NOON)
    assert waiting.decide_by == NOON + timedelta(minutes=90)
    for wrong in ("illegal", "illegal=0m", "illegal=5y", "illegal=61bd"):
        with pytest.raises(BadInput, match="YOAKE_CLOCKS"):
            read({"YOAKE_CLOCKS": wrong})


def test_filters(live: Source, as_analyst: Actor, as_supervisor: Actor, supervisor: User) -> None:
    rows = [
        post("tokyo", "渋谷で手渡し", author_id="a"),
        post("osaka", "梅田まで来られる人", author_id="b"),
        post("plain", "助けて", author_id="c"),
    ]
    found = [finding(0, "drug_ad"), finding(1, "drug_ad", 0.4, "mid"), finding(2, "coerced_applicant", 0.3, "mid")]
    arrive(live, rows, found)
    Case.objects.filter(post__native_id="osaka").update(assignee=supervisor, changed_at=NOON)
    add_by_hand(as_analyst, text="きょうは良い天気", now=NOON - timedelta(days=8))
    Post.objects.filter(network="hand").update(native_id="hand")
    assert ids(as_analyst, category="drug_ad") == ["tokyo", "osaka"]
    assert ids(as_analyst, category="none") == ["hand"]
    assert ids(as_analyst, prefecture="東京都") == ["tokyo"]
    assert ids(as_analyst, prefecture="none") == ["plain", "hand"]
    assert ids(as_analyst, hotline_class="at_risk") == ["plain"]
    assert ids(as_analyst, source=str(live.pk), grade="mid") == ["plain", "osaka"]
    assert ids(as_analyst, source="none") == ids(as_analyst, hand="1") == ids(as_analyst, grade="none") == ["hand"]
    assert ids(as_analyst, age="7d") == ["hand"]
    assert ids(as_analyst, age="new") == ["plain", "tokyo", "osaka"]
    assert ids(as_analyst, NOON + timedelta(hours=1), age="1h") == ["plain", "tokyo", "osaka", "hand"]
    assert ids(as_analyst, assignee=str(supervisor.pk)) == ids(as_supervisor, assignee="me") == ["osaka"]
    assert ids(as_analyst, assignee="me") == []
    assert ids(as_analyst, assignee="nobody") == ["plain", "tokyo", "hand"]
    assert ids(as_analyst, edited="1") == ["osaka"]
    assert ids(as_analyst, overdue="1") == ["hand"]
    assert ids(as_analyst, NOON + timedelta(minutes=16), overdue="1") == ["plain", "hand"]


def test_what_nobody_knows_filters_nothing(waiting: Case, as_analyst: Actor) -> None:
    odd = {
        "category": "no_such",
        "hotline_class": "x",
        "source": "1 OR 1=1",
        "age": "100y",
        "grade": "best",
        "assignee": "９",
        "overdue": "yes",
        "edited": "0",
        "hand": "\0",
        "prefecture": "\0",
    }
    assert not Filter.of({**odd, "page": "2"})
    assert not Filter.of_query("category=%00&&=&grade")
    assert ids(as_analyst, NOON, **odd) == ["1"]
    asked = Filter(category="drug_ad", prefecture="東京都", overdue="1")
    assert Filter.of_query(asked.query) == asked


def test_the_next_case_is_the_next_of_the_view(live: Source, as_analyst: Actor) -> None:
    rows = [post(str(n), "渋谷" if n % 2 else "梅田", author_id=str(n)) for n in range(6)]
    found = [finding(n, "coerced_applicant" if n == 5 else "drug_ad", 0.9 - n / 100) for n in range(6)]
    arrive(live, rows, found)
    cases = {case.post.native_id: case for case in Case.objects.select_related("post")}
    key = {case.pk: name for name, case in cases.items()}

    def around(name: str, **asked: str) -> tuple[str, str]:
        before, after = neighbours(as_analyst, cases[name], chosen=Filter.of(asked), now=NOON)
        return key[before or 0], key[after or 0]

    assert ids(as_analyst) == ["5", "0", "1", "2", "3", "4"]
    assert [around(name) for name in ("5", "0", "2", "4")] == [("4", "0"), ("5", "1"), ("1", "3"), ("3", "5")]
    assert [around(name, prefecture="東京都") for name in ("5", "1", "2", "3")] == [
        ("3", "1"),
        ("5", "3"),
        ("1", "3"),
        ("1", "5"),
    ]
    assert neighbours(as_analyst, cases["2"], chosen=Filter(grade="low"), now=NOON) == (None, None)


def test_walking_on_meets_every_case_once(many_waiting: Callable[[int], list[Case]], as_analyst: Actor) -> None:
    cases = {case.pk: case for case in many_waiting(7)}
    at = next(iter(cases))
    met = []
    for _ in cases:
        met.append(at)
        _before, following = neighbours(as_analyst, cases[at], now=NOON)
        assert following is not None
        at = following
    assert sorted(met) == sorted(cases)
    assert at == met[0]


def test_no_more_is_counted_than_people_read(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_waiting(5)
    monkeypatch.setattr(inbox, "MOST_COUNTED", 3)
    assert bounded_count(Case.objects.all()) == 4
    assert waiting_counts(as_analyst)[False].all == 4
    assert waiting_counts(as_analyst)[True].all == 0
    chips = waiting_by_category(as_analyst, practice=False, now=NOON + timedelta(days=30))
    assert (chips.by_category, chips.overdue) == ({"criminal_recruitment": 4}, 4)
    monkeypatch.setattr(inbox, "ROWS", 2)
    last = show(as_analyst, practice=False, chosen=Filter(), number=99, now=NOON)
    assert (last.number, last.first, last.last, last.count, last.has_next) == (3, 5, 5, 4, False)


def test_another_body_sees_none_of_it(waiting: Case, as_outsider: Actor) -> None:
    assert waiting_counts(as_outsider)[False].all == 0
    assert not waiting_by_category(as_outsider, practice=False, now=NOON).by_category
    assert not show(as_outsider, practice=False, chosen=Filter(), number=1, now=NOON).cases


def test_what_is_decided_leaves_and_comes_back(waiting: Case, as_analyst: Actor) -> None:
    decide(as_analyst, waiting.pk, "cannot_tell", version_id=waiting.post.current_id or 0, now=NOON)
    assert ids(as_analyst) == []
    undo(as_analyst, waiting.pk, NOON)
    assert ids(as_analyst) == ["1"]


def test_a_page_takes_as_many_queries_for_three_rows_as_for_twenty(
    many_waiting: Callable[[int], list[Case]], as_analyst: Actor
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            shown = show(as_analyst, practice=False, chosen=Filter(grade="high"), number=1, now=NOON)
            assert [case.post.current.findings.all()[0] for case in shown.cases if case.post.current]
            waiting_by_category(as_analyst, practice=False, now=NOON)
            neighbours(as_analyst, shown.cases[0], now=NOON)
        return len(captured)

    many_waiting(3)
    asked()  # what is read once: categories
    few = asked()
    many_waiting(20)
    assert asked() == few


def test_the_inbox_is_one_scan_of_an_index(many_waiting: Callable[[int], list[Case]], as_analyst: Actor) -> None:
    many_waiting(30)
    keys = cases_awaiting_review(as_analyst, practice=False, now=NOON).values_list("pk", flat=True)
    rows, some = keys[:51], keys.filter(prefecture="東京都", origin="hand")[:51]
    if connection.vendor == "sqlite":
        plan = rows.explain()
        assert "COVERING INDEX inbox_order" in plan
        assert "TEMP B-TREE" not in plan
        assert "COVERING INDEX inbox_order" in some.explain()
    else:
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):  # thirty rows are read in any way
                cursor.execute(f"SET LOCAL enable_{way} = off")
            cursor.execute("ANALYZE cases_case")
        plan = rows.explain()
        assert "inbox_order" in plan
        assert "Sort" not in plan


def test_a_page_far_behind_the_last_is_the_last(waiting: Case, as_analyst: Actor) -> None:
    shown = show(as_analyst, practice=False, chosen=Filter(), number=999_999_999_999_999_999, now=NOON)
    assert (shown.number, [case.pk for case in shown.cases]) == (1, [waiting.pk])
