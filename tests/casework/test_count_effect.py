"""How soon posts vanish: who is in which group, until when they are watched, and letters and trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override
from scipy import stats

from tests.effect_world import NOW, Effects, at
from yoake.casework.cases.models import Case
from yoake.casework.count import following
from yoake.casework.count.figure import Scope, Table
from yoake.casework.count.figures.deletion import Deletion
from yoake.casework.count.figures.letters import Letters
from yoake.casework.count.periods import Period
from yoake.casework.count.survival import Seen
from yoake.casework.people.models import Organisation, User
from yoake.casework.warn.models import Trial
from yoake.casework.wording.models import Letter

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(police: Organisation, analyst: User) -> Effects:
    return Effects(police, analyst)


@pytest.fixture
def there(hotline: Organisation, outsider: User) -> Effects:
    return Effects(hotline, outsider)


def told(groups: dict[tuple[Any, ...], following.Watched]) -> tuple[list[tuple[float, bool, int]], int]:
    """Times in hours, gone or not, how many; and of how many nothing is known."""
    together = following.all_of(groups)
    return sorted((one.time, one.gone, one.n) for one in together.seen), together.unseen


def of(figure: Deletion | Letters, scope: Scope) -> dict[str, Table]:
    return {table.key: table for table in figure.tables(scope)}


# --- who is watched, and until when ------------------------------------------------------------------------------------------


def test_a_post_is_watched_until_it_was_seen_gone_or_last_seen_there(here: Effects) -> None:
    gone, stays, unseen = here.case(), here.case(), here.case()
    for case in (gone, stays, unseen):
        here.warn(case, 1)
    here.look(gone, 2.1)
    here.look(gone, 7.4, "deleted_by_author")
    here.look(stays, 2.1)
    here.look(stays, 26, "unreachable")
    here.look(stays, 50, "edited")
    assert told(following.warned(here.scope)) == ([(6, True, 1), (49, False, 1)], 1), "full hours after the act"


@pytest.mark.parametrize(
    ("outcome", "is_gone"), [("private", True), ("account_suspended", True), ("removed", True), ("removed_by_provider", True), ("unreachable", False)]
)  # fmt: skip
def test_hidden_and_suspended_are_gone_and_unreachable_is_not(here: Effects, outcome: str, is_gone: bool) -> None:
    case = here.case()
    here.warn(case, 0)
    here.look(case, 1)
    here.look(case, 24, outcome)
    assert told(following.warned(here.scope)) == ([(24, True, 1)] if is_gone else [(1, False, 1)], 0)


def test_what_is_there_again_was_not_gone(here: Effects) -> None:
    back, again = here.case(), here.case()
    for case in (back, again):
        here.warn(case, 0)
        here.look(case, 1, "private")
        here.look(case, 24)
    here.look(again, 72, "private")
    here.look(again, 120, "account_suspended")
    assert told(following.warned(here.scope)) == ([(24, False, 1), (72, True, 1)], 0)


def test_who_was_gone_before_the_act_is_in_no_group(here: Effects) -> None:
    before, back = here.case(), here.case()
    here.look(before, 1, "private")
    here.warn(before, 2)
    here.look(before, 30)  # it came back after the warning
    here.look(before, 60, "removed")
    here.look(back, 1, "private")
    here.look(back, 2)  # it was back before
    here.warn(back, 3)
    here.look(back, 4, "removed")
    assert told(following.warned(here.scope)) == ([(1, True, 1)], 0)


def test_only_warnings_that_went_count_and_withdrawn_ones_until_then(here: Effects) -> None:
    for state in ("failed", "stopped", "draft", "approved"):
        case = here.case()
        here.warn(case, 0, state)
        here.look(case, 1, "removed")
    taken_back, before = here.case(), here.case()
    here.warn(taken_back, 0, withdrawn=10)
    here.look(taken_back, 6)
    here.look(taken_back, 30, "removed")
    here.warn(before, 0, withdrawn=50)
    here.look(before, 30, "removed")
    assert told(following.warned(here.scope)) == ([(6, False, 1), (30, True, 1)], 0)


def test_what_left_later_takes_over(here: Effects, there: Effects) -> None:
    mine, theirs = here.case(), here.case()
    other = there.case(post=theirs.post)
    for case in (mine, theirs):
        here.warn(case, 0)
        here.look(case, 6)
    here.ask(mine, 24)
    there.ask(other, 24)
    here.look(mine, 48, "removed_by_provider")
    here.look(theirs, 26)
    here.look(theirs, 48, "removed_by_provider")
    here.ask(mine, 100)  # a second one begins no second clock
    assert told(following.warned(here.scope)) == ([(6, False, 1), (24, False, 1)], 0)
    assert told(following.requested(here.scope)) == ([(24, True, 1)], 0), "their request is none of ours"
    assert told(following.requested(there.scope)) == ([], 1), "and what we saw is none of theirs"
    everybody = Scope(0, here.scope.period, NOW)
    assert told(following.requested(everybody)) == ([(24, True, 1)], 1)


def test_a_request_that_takes_nothing_down_is_no_act(here: Effects) -> None:
    case = here.case()
    here.ask(case, 1, kind="preservation")
    here.ask(case, 2, kind="disclosure")
    here.ask(case, 4, kind="suspension")
    here.warn(case, 9)
    here.look(case, 10, "removed")
    assert told(following.requested(here.scope)) == ([], 1), "the warning went before anybody looked"
    assert told(following.warned(here.scope)) == ([(1, True, 1)], 0)


def test_without_an_act_a_post_is_watched_until_anybody_acts(here: Effects, there: Effects) -> None:
    alone, acted, reported, foreign, failed, helped = (here.case() for _n in range(6))
    here.look(alone, 24, "deleted_by_author")
    here.warn(acted, 5)
    here.left(reported, 6, "report")
    there.warn(there.case(post=foreign.post), 2)
    here.warn(failed, 1, "failed")
    here.look(helped, 1)
    here.left(helped, 2, "help")  # also the network's own form for people in danger
    for case in (acted, reported, foreign, failed, helped):
        here.look(case, 10)
    here.look(acted, 24, "removed")
    expected = [(2, False, 2), (5, False, 1), (6, False, 1), (10, False, 1), (24, True, 1)]
    assert told(following.without_an_act(here.scope)) == (expected, 0)


def test_what_was_acted_on_before_the_decision_is_not_without_an_act(here: Effects, there: Effects) -> None:
    first = there.case(-20)
    there.warn(first, -10)
    case = here.case(post=first.post)
    here.look(case, 5, "removed")
    for verdict in ("not_in_scope", "cannot_tell"):
        here.look(here.case(verdict=verdict), 5, "removed")
    here.look(here.case(), 7, "removed")
    assert told(following.without_an_act(here.scope)) == ([(7, True, 1)], 0)


def test_only_the_period_the_organisation_and_real_cases(here: Effects, there: Effects) -> None:
    months = [here.case(hours) for hours in (-24 * 20, 24 * 20)]
    for case, hours in zip(months, (-24 * 20, 24 * 20), strict=True):
        here.warn(case, hours)
        here.look(case, hours + 1, "removed")
    there.warn(there.case(), 0)
    here.warn(here.case(practice=True), 0)
    gold = here.case()
    here.warn(gold, 0)
    Case.objects.filter(pk=gold.pk).update(gold_for=here.user)
    kept = here.case()
    here.warn(kept, 0)
    here.look(kept, 1)
    here.look(kept, 30, "removed")
    assert told(following.warned(here.scope)) == ([(30, True, 1)], 0)
    earlier = Scope(here.organisation.pk, here.scope.period, at(20))
    assert told(following.warned(earlier)) == ([(1, False, 1)], 0), "as it was known then"


# --- the tables --------------------------------------------------------------------------------------------------------------


def ten(here: Effects, network: str, act: Callable[[Case], None]) -> None:
    """Ten posts: two gone after an hour, one after six, one after a week; of six the last look is after three days."""
    for n in range(10):
        case = here.case(network=network)
        act(case)
        if n < 2:
            here.look(case, 1.05, "removed")
            continue
        here.look(case, 1.05)
        if n == 2:
            here.look(case, 6.4, "account_suspended")
        else:
            here.look(case, 72.3)
        if n == 3:
            here.look(case, 168.4, "removed")


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # scipy's, where nothing is left
def test_the_shares_are_those_of_kaplan_and_meier(here: Effects) -> None:
    ten(here, "fediverse", lambda case: here.warn(case, 0))
    lonely = here.case(network="board")
    here.warn(lonely, 0)
    figure = of(Deletion(), here.scope)
    gone = figure["gone"]
    one, six, day, week = (gone.cell("warning", hours) for hours in ("1", "6", "24", "168"))
    assert [round(cell.value or 0, 12) for cell in (one, six, day)] == [0.2, 0.3, 0.3]
    sample = stats.CensoredData(uncensored=[1, 1, 6, 168], right=[72] * 6)
    around = stats.ecdf(sample).sf.confidence_interval(0.95, method="log-log")
    assert (one.low, one.high) == pytest.approx(
        (1 - around.high.probabilities[0], 1 - around.low.probabilities[0]), abs=1e-12
    )
    assert (six.part, six.of, six.rests_on) == (None, 10, 3), "no plain fraction: some were not watched to the end"
    assert week.value == 1, "of the only one that was watched so long"
    assert gone.cell("request", "1").value is None
    watched = figure["watched"]
    assert [cell.value for cell in watched.rows[0].cells] == [11, 1, 10, 10, 8, 7, 7, 1, 0]
    assert figure["median"].cell("warning", "median").value == 168
    assert figure["median"].cell("nothing", "median").value is None
    assert {row.key for row in figure["networks"].rows} == {
        f"{network}.{after}" for network in ("fediverse", "board") for after in ("warning", "nothing")
    }
    assert figure["networks"].cell("board.warning", "1").value is None
    curve = figure["curve"]
    assert curve.drawn == "steps"
    assert [float(column.key) for column in curve.columns] == sorted(float(column.key) for column in curve.columns)
    assert curve.cell("warning", "0").value == 0
    beside = figure["beside"]
    ours, aichi = beside.cell("warning", "gone"), beside.cell("aichi", "gone")
    assert (ours.part, ours.of, ours.published) == (4, 11, False)
    assert (aichi.value, aichi.of, aichi.published) == (0.8, 2202, True)
    with override("en"):
        assert any("no random sample" in str(note) for note in gone.notes)
    with override("ja"):
        assert any("無作為" in str(note) for note in gone.notes)


def test_nothing_at_all_gives_tables_all_the_same(here: Effects) -> None:
    for figure in (Deletion(), Letters()):
        for table in figure.tables(here.scope):
            assert table.rows
            assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_the_number_of_queries_does_not_grow(here: Effects) -> None:
    trial = trial_of(here)
    asked = []
    for _round in range(2):
        for network in ("fediverse", "board", "other"):
            for arm in ("first", "second"):
                case = here.case(network=network)
                here.warn(case, 0, trial=trial, arm=arm)
                here.look(case, 1, "removed")
        with CaptureQueriesContext(connection) as queries:
            Deletion().tables(here.scope)
            Letters().tables(here.scope)
        asked.append(len(queries))
    assert asked == [6, 6]


# --- letters and trials ------------------------------------------------------------------------------------------------------


def letter(here: Effects, number: int) -> Letter:
    return Letter.objects.create(
        organisation=here.organisation, category="drug_ad", name="warning", language="ja", number=number, text=str(number),
        by=here.user, at=at(-100), approved_by=here.user, approved_at=at(-90),
    )  # fmt: skip


def trial_of(here: Effects, **more: Any) -> Trial:
    given = {"category": "drug_ad", "language": "ja", "first_digest": "0" * 64, "second_digest": "1" * 64, **more}
    return Trial.objects.create(organisation=here.organisation, by=here.user, **{"at": at(-24 * 20), **given})


def test_letters_are_told_by_version(here: Effects) -> None:
    one, two = letter(here, 1), letter(here, 2)
    for n in range(4):
        first, second, shipped = here.case(), here.case(), here.case()
        here.warn(first, 0, letter=one, letter_digest="1" * 64)
        here.warn(second, 0, letter=two, letter_digest="2" * 64)
        here.warn(shipped, 0, letter_digest=("ab" if n < 3 else "cd") * 32)
        here.look(first, 24, "removed" if n < 3 else "up")
        here.look(second, 24)
    tables = of(Letters(), here.scope)
    shares, counts = tables["letters"], tables["warnings"]
    assert shares.cell(f"letter.{one.pk}", "24").value == 0.75
    cell = shares.cell(f"letter.{two.pk}", "24")
    assert (cell.value, cell.part, cell.of, cell.rests_on) == (0, None, 4, 0)
    assert cell.high == pytest.approx(1 - 0.025 ** (1 / 4)), "of four that says little"
    assert shares.cell("shipped.drug_ad.ja.abababab", "24").value is None
    assert [cell.value for cell in counts.rows[0].cells][:4] == [4, 0, 4, 3]
    told_of = {row.key: [cell.value for cell in row.cells] for row in counts.rows}
    assert told_of["shipped.drug_ad.ja.abababab"][:2] == [3, 3]
    assert told_of["shipped.drug_ad.ja.cdcdcdcd"][:2] == [1, 1]
    with override("en"):
        assert str(shares.rows[0].label).endswith("version 1")


def test_letters_by_network_stay_in_the_house(here: Effects) -> None:
    one, two = letter(here, 1), letter(here, 2)
    for network, made, gone in (("x", one, True), ("x", one, False), ("board", one, False), ("x", two, True)):
        case = here.case(network=network)
        here.warn(case, 0, letter=made, letter_digest=f"{made.number}" * 64)
        here.look(case, 24, "removed" if gone else "up")
    tables = of(Letters(), here.scope)
    counts = {row.key: [cell.value for cell in row.cells][:4] for row in tables["network_warnings"].rows}
    assert counts == {
        f"letter.{one.pk}/board": [1, 0, 1, 0],
        f"letter.{one.pk}/x": [2, 0, 2, 1],
        f"letter.{two.pk}/x": [1, 0, 1, 1],
    }
    assert [row.cells[0].value for row in tables["networks"].rows] == [0, 0.5, 1]
    for key in ("networks", "network_warnings"):
        assert not any(row.for_publication for row in tables[key].rows)
    with override("en"):
        assert str(tables["networks"].rows[1].label).endswith("version 1: X")


def test_a_trial_is_tested_as_a_whole_by_log_rank(here: Effects) -> None:
    trial = trial_of(here)
    trial_of(here, ended_at=at(-24 * 14), language="en")  # over before the period
    ended = {"first": [1, 1, 6, 6, 24], "second": [24, 72, 168]}
    lost = {"first": [72, 336], "second": [168, 336, 336, 336]}
    for arm in ("first", "second"):
        for hours in ended[arm]:
            case = here.case(-24 * 15)  # before the period: the trial is told from its beginning
            here.warn(case, -24 * 15, trial=trial, arm=arm)
            here.look(case, -24 * 15 + hours, "removed")
        for hours in lost[arm]:
            case = here.case()
            here.warn(case, 0, trial=trial, arm=arm)
            here.look(case, hours)
    here.warn(here.case(), 0)  # of no trial
    for period in ("2024-05", "2024-06"):  # whoever looks at a trial that runs finds a difference some day
        running = of(Letters(), Scope(here.organisation.pk, Period.read(period), NOW))["tests"]
        assert [(row.key, row.cells[0].value, row.cells[0].of) for row in running.rows] == [
            (f"trial.{trial.pk}", None, 14)
        ]
    Trial.objects.filter(pk=trial.pk).update(ended_at=at(400))
    tables = of(Letters(), here.scope)
    (tested,) = tables["tests"].rows
    samples = [stats.CensoredData(uncensored=ended[arm], right=lost[arm]) for arm in ended]
    assert tested.cells[0].value == pytest.approx(stats.logrank(*samples).pvalue, rel=1e-9)
    assert tested.cells[0].of == 14
    counts = {row.key: [cell.value for cell in row.cells][:4] for row in tables["trial_warnings"].rows}
    key = f"trial.{trial.pk}"
    assert counts == {key: [14, 0, 14, 8], f"{key}.first": [7, 0, 7, 5], f"{key}.second": [7, 0, 7, 3]}
    assert tables["trials"].cell(f"{key}.first", "24").value == pytest.approx(5 / 7)
    assert tables["trial_warnings"].row_sums == {key: [f"{key}.first", f"{key}.second"]}
    later = Scope(here.organisation.pk, Period.read("2024-06"), NOW)
    assert [row.key for row in of(Letters(), later)["tests"].rows] == ["-"], "it was over before June"


def test_of_a_handful_no_test_is_told_and_nobody_at_risk_is_in_a_trial(here: Effects, there: Effects) -> None:
    trial = trial_of(here, ended_at=at(400))
    for n in range(6):
        case = here.case()
        here.warn(case, 0, trial=trial, arm="first" if n < 4 else "second")
        here.look(case, 1 + n, "removed")
    at_risk = trial_of(here, category="runaway_at_risk")
    trial_of(there)
    tables = of(Letters(), here.scope)
    assert [(row.key, row.cells[0].value) for row in tables["tests"].rows] == [(f"trial.{trial.pk}", None)]
    assert f"trial.{at_risk.pk}" not in {row.key for row in tables["trials"].rows}


def test_a_look_counts_at_the_time_for_which_it_was_planned(here: Effects) -> None:
    for n, hours in enumerate((1.1, 6.49, 24.5, 336.5)):
        case = here.case()
        here.warn(case, 0)
        here.look(case, hours, "removed")
        assert Seen((1, 6, 24, 336)[n], True, 1) in following.warned(here.scope)[()].seen
