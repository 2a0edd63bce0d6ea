"""How much is missed: who brought what, Chapman's estimator with its interval, and what must not be counted."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import numpy as np
import pytest
from django.utils import translation

from tests.world import NOON
from yoake.casework.cases.models import Case, Decision, Post, PostVersion, Received, ReceivedLine
from yoake.casework.count import ledger
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.periods import Period
from yoake.casework.count.recapture import Estimate, estimate
from yoake.casework.people.models import Organisation, User
from yoake.casework.people.queries import Actor
from yoake.casework.quality.models import Sample

YEAR = Period.year(2026)
SLUG, OTHER = "criminal_recruitment", "drug_ad"
_numbers = count(1)


# --- the formula ----------------------------------------------------------------------------------------------------


def test_chapmans_estimator_and_its_interval() -> None:
    found = estimate(200, 100, 20)
    assert found is not None
    assert found.n == pytest.approx(201 * 101 / 21 - 1)
    # 279.5 seen and 180.5 * 80.5 / 20.5 unseen, times or divided by exp(1.96 * 0.2572)
    assert (round(found.low, 1), round(found.high, 1)) == (704.4, 1461.8)


@pytest.mark.parametrize("both", [0, 6])
def test_below_seven_in_both_nothing_is_said(both: int) -> None:
    assert estimate(50, 40, both) is None
    assert estimate(50, 40, 7) is not None


@pytest.mark.parametrize(("first", "second", "both"), [(10, 10, 10), (100, 100, 100), (500_000, 500_000, 500_000)])
def test_lists_that_are_one_leave_little_unseen(first: int, second: int, both: int) -> None:
    found = estimate(first, second, both)
    assert found is not None
    assert (found.n, found.low) == (first, first)
    assert found.high < first + 5


def test_it_lies_between_what_was_seen_and_its_upper_end() -> None:
    for first, second, both in [(7, 7, 7), (7, 900, 7), (900, 50, 50), (40, 30, 8), (10**6, 10**6, 7)]:
        found = estimate(first, second, both)
        assert found is not None
        assert first + second - both <= found.low <= found.n <= found.high < float("inf")


@pytest.mark.parametrize(
    ("there", "one", "other"),
    [(50, 0.5, 0.5), (100, 0.3, 0.3), (500, 0.1, 0.2), (500, 0.9, 0.1), (50, 0.9, 0.9), (2000, 0.1, 0.1)],
)
def test_the_interval_covers_the_truth(there: int, one: float, other: float) -> None:
    lots = np.random.default_rng(20241)
    told = covered = 0
    for _round in range(1500):
        a, b = lots.random(there) < one, lots.random(there) < other
        found = estimate(int(a.sum()), int(b.sum()), int((a & b).sum()))
        if found is not None:
            told += 1
            covered += found.low <= there <= found.high
    assert told > 1000
    assert covered / told >= 0.94


def test_intervals_apart() -> None:
    low, middle, high = Estimate(5, 1, 10), Estimate(12, 10, 15), Estimate(20, 16, 30)
    assert not low.apart(middle)
    assert low.apart(high)
    assert high.apart(low)


# --- the figure -----------------------------------------------------------------------------------------------------


@pytest.fixture
def make(police: Organisation, analyst: User) -> Make:
    return Make(police, analyst)


class Make:
    """Decided cases, with who brought them."""

    def __init__(self, organisation: Organisation, user: User) -> None:
        self.organisation, self.user = organisation, user

    def case(
        self, *, n: int = 1, slug: str = SLUG, network: str = "bluesky", origin: str = "hand", how: str = "",
        verdict: str = "in_scope", at: datetime = NOON, met: timedelta | None = None, handed: timedelta = timedelta(),
        practice: bool = False, state: str = "decided", outcome: str = "opened",
    ) -> list[Case]:  # fmt: skip
        """`n` cases; `how`: lines of such lists; `met`, `handed`: so long after the decision."""
        made = []
        for _one in range(n):
            number = next(_numbers)
            post = Post.objects.create(uid=f"{number:064x}", network=network, native_id=str(number), first_seen_at=at)
            version = PostVersion.objects.create(post=post, content_hash="0", seen_at=at)
            case = Case.objects.create(
                post=post, organisation=self.organisation, origin=origin, opened_at=at - timedelta(hours=1),
                state=state, practice=practice, met_at=None if met is None else at + met,
            )  # fmt: skip
            Decision.objects.create(
                case=case, version=version, verdict=verdict, category=slug if verdict == "in_scope" else "",
                by=self.user, at=at,
            )  # fmt: skip
            for one in how.split():
                received = Received.objects.create(
                    organisation=self.organisation, user=self.user, at=at + handed, how=one
                )
                ReceivedLine.objects.create(received=received, number=1, outcome=outcome, case=case)
            made.append(case)
        return made


@pytest.fixture
def year(make: Make) -> None:
    """Patrol 60, reports 50, by hand 40; 20 of patrol and reports, 10 of patrol and hand, 2 of reports and hand."""
    make.case(n=15, origin="patrol", how="csv", outcome="there")
    make.case(n=3, how="list", met=timedelta(hours=1))
    make.case(n=1, how="xlsx csv", met=-timedelta(minutes=5))
    make.case(n=1, how="list form", met=timedelta(days=14), slug=OTHER, network="x")  # all three
    make.case(n=4, origin="patrol", how="bookmarklet", outcome="there")
    make.case(n=5, how="picture", met=timedelta(days=2))
    make.case(n=1, how="form list")  # reports and hand
    make.case(n=29, how="csv", slug=OTHER, network="x")
    make.case(n=20, how="form")
    make.case(n=9)  # entered otherwise
    make.case(n=31, origin="patrol")


def tables(actor: Actor, period: Period = YEAR, now: datetime = NOON + timedelta(days=30)) -> dict[str, Table]:
    (counted,) = ledger.count(actor, Scope(actor.organisation_id, period, now), ["missed"])
    return {table.key: table for table in counted.tables}


def row(table: Table, key: str) -> list[float | int | None]:
    return [cell.value for one in table.rows if one.key == key for cell in one.cells]


@pytest.mark.django_db
def test_who_brought_what_and_what_follows(year: None, as_analyst: Actor) -> None:
    told = tables(as_analyst)
    assert row(told["brought_by_category"], "all") == [60, 50, 40, 20, 10, 2]
    assert row(told["brought_by_category"], SLUG) == [59, 20, 39, 19, 9, 1]
    assert row(told["brought_by_category"], OTHER) == [1, 30, 1, 1, 1, 1]
    assert row(told["brought_by_network"], "x") == [1, 30, 1, 1, 1, 1]
    first, second = estimate(60, 50, 20), estimate(60, 40, 10)
    assert first is not None
    assert second is not None
    assert row(told["estimated_by_category"], "all") == [147, 226, None]
    cell = told["estimated_by_category"].cell("all", "patrol_reports")
    assert (cell.low, cell.high) == (int(first.low), int(first.high) + 1)
    share = told["share_by_network"].cell("all", "patrol_hand")
    assert share.value == pytest.approx(60 / second.n)
    assert (share.low, share.high) == pytest.approx((60 / second.high, 60 / second.low))
    assert row(told["estimated_by_category"], OTHER) == [None, None, None], "fewer than seven in both"
    assert told["brought_by_category"].row_sums == {"all": [SLUG, OTHER]}


@pytest.mark.django_db
def test_what_does_not_count(year: None, make: Make, as_analyst: Actor, hotline: Organisation, outsider: User) -> None:
    before = row(tables(as_analyst)["brought_by_category"], "all")
    make.case(how="csv", origin="patrol", verdict="not_in_scope")
    make.case(how="csv", origin="patrol", at=NOON - timedelta(days=400))
    make.case(how="csv", origin="patrol", practice=True)
    make.case(how="csv", origin="patrol", state="second_review")
    make.case(network="hand")  # words without an address
    Make(hotline, outsider).case(how="csv", origin="patrol")
    (found,) = make.case()
    Sample.objects.create(
        organisation=make.organisation, day=NOON.date(), lot=1, uid=found.post.uid, verdict="in_scope", category=SLUG
    )
    (undone,) = make.case(how="csv", origin="patrol")
    Decision.objects.create(
        case=undone, version=undone.decisions.get().version, by=make.user, at=NOON, undoes=undone.decisions.get()
    )
    Case.objects.filter(pk=undone.pk).update(state="waiting")
    assert row(tables(as_analyst)["brought_by_category"], "all") == before


@pytest.mark.django_db
def test_what_comes_more_than_two_weeks_later_or_is_not_known_yet(make: Make, as_analyst: Actor) -> None:
    late = timedelta(days=14, seconds=1)
    make.case(how="csv", met=late)
    make.case(origin="patrol", how="csv", handed=late)
    assert row(tables(as_analyst)["brought_by_category"], "all") == [1, 1, 0, 0, 0, 0]
    make.case(how="form", met=timedelta(days=5))
    known = tables(as_analyst, now=NOON + timedelta(days=4))["brought_by_category"]
    assert row(known, "all") == [1, 1, 1, 0, 0, 0]
    known = tables(as_analyst, now=NOON + timedelta(days=6))["brought_by_category"]
    assert row(known, "all") == [2, 1, 1, 0, 1, 0]


@pytest.mark.django_db
def test_a_sampled_post_that_people_handed_in_too_is_their_find(make: Make, as_analyst: Actor) -> None:
    (found,) = make.case(how="form")
    Sample.objects.create(
        organisation=make.organisation, day=NOON.date(), lot=1, uid=found.post.uid, verdict="in_scope", category=SLUG
    )
    assert row(tables(as_analyst)["brought_by_category"], "all") == [0, 0, 1, 0, 0, 0]


@pytest.mark.django_db
def test_what_another_organisation_sampled_is_somebodys_find_here(
    make: Make, hotline: Organisation, as_analyst: Actor
) -> None:
    (found,) = make.case()
    Sample.objects.create(
        organisation=hotline, day=NOON.date(), lot=1, uid=found.post.uid, verdict="in_scope", category=SLUG
    )
    assert row(tables(as_analyst)["brought_by_category"], "all") == [0, 0, 1, 0, 0, 0]
    Sample.objects.update(organisation=make.organisation)
    assert row(tables(as_analyst)["brought_by_category"], "all") == [0, 0, 0, 0, 0, 0]


@pytest.mark.django_db
def test_it_is_not_final_until_every_item_had_its_14_days(as_analyst: Actor) -> None:
    month = Period.month(2026, 11)
    over = month.until + timedelta(days=14)
    with translation.override("en"):
        for now, is_final in ((NOON, False), (over - timedelta(seconds=1), False), (over, True)):
            for table in tables(as_analyst, month, now).values():
                assert any(str(note).startswith("Not final") for note in table.notes) is not is_final


@pytest.mark.django_db
def test_pairs_that_disagree_are_told(make: Make, as_analyst: Actor) -> None:
    def said() -> list[str]:
        with translation.override("en"):
            return [str(note) for note in tables(as_analyst)["estimated_by_category"].notes]

    make.case(n=40, origin="patrol", how="csv")  # what both easily find
    make.case(n=7, origin="patrol", how="form")
    before = said()
    assert not any("do not agree" in note for note in before)
    make.case(n=60, how="form", slug=OTHER)  # where the patrol does not search
    (new,) = set(said()) - set(before)
    assert "do not agree" in new
    assert ": all together." in new


@pytest.mark.django_db
def test_nothing_at_all_is_still_a_table(as_analyst: Actor) -> None:
    told = tables(as_analyst)
    assert [len(table.rows) for table in told.values()] == [1] * 6
    assert row(told["brought_by_category"], "all") == [0] * 6
    assert row(told["share_by_network"], "all") == [None, None]


@pytest.mark.django_db
def test_it_asks_once_whatever_is_there(year: None, as_analyst: Actor, police: Organisation) -> None:
    (counted,) = ledger.count(as_analyst, Scope(police.pk, YEAR, NOON + timedelta(days=1)), ["missed"])
    assert len(counted.queries) == 1
