"""Kaplan and Meier, and log-rank, against published worked numbers and against scipy's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from yoake.casework.count.survival import Seen, curve, log_rank, median_of

# Freireich and others, Blood 21 (1963) 699: weeks of remission; the classical example, here as in Cox and Oakes (1984).
DRUG = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]  # relapsed, last seen well
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def seen(ended: list[int], lost: list[int]) -> list[Seen]:
    return [Seen(t, True, 1) for t in ended] + [Seen(t, False, 1) for t in lost]


def test_the_remissions_of_1963_come_out_as_printed() -> None:
    of = curve(seen(*DRUG))
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, left in printed.items():
        share = of.gone_by(week)
        assert share is not None
        assert 1 - share.value == pytest.approx(left, abs=5e-4)
    assert (of.still_at(6), of.still_at(7), of.still_at(23), of.still_at(36)) == (21, 17, 6, 0)
    assert (of.ended_by(6), of.ended_by(23)) == (3, 9)
    median = of.median()
    assert median is not None
    assert median[0] == 23
    other = curve(seen(PLACEBO, [])).median()
    assert other is not None
    assert other[0] == 8
    tested = log_rank(seen(*DRUG), seen(PLACEBO, []))
    assert tested is not None
    assert tested.chi_squared == pytest.approx(16.79, abs=5e-3)
    assert tested.p == pytest.approx(4.17e-5, rel=1e-2)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")  # at 0 and 1; ours is the exact one there
@pytest.mark.parametrize("seed", range(12))
def test_grouped_is_the_same_as_single_observations_of_scipy(seed: int) -> None:
    chance = np.random.default_rng(seed)
    groups = []
    for scale in (20, 20 + 5 * seed):
        ended = np.floor(chance.exponential(scale, 60))
        lost = np.floor(chance.exponential(25, 40))
        groups.append((ended, lost))
    grouped = [
        [Seen(float(t), True, int(n)) for t, n in zip(*np.unique(ended, return_counts=True), strict=True)]
        + [Seen(float(t), False, int(n)) for t, n in zip(*np.unique(lost, return_counts=True), strict=True)]
        for ended, lost in groups
    ]
    samples = [stats.CensoredData(uncensored=ended, right=lost) for ended, lost in groups]
    for sample, group in zip(samples, grouped, strict=True):
        ours, theirs = curve(group), stats.ecdf(sample).sf
        assert ours.left == pytest.approx(theirs.probabilities, abs=1e-12)
        around = theirs.confidence_interval(0.95, method="log-log")
        for place, time in enumerate(ours.times):
            share = ours.gone_by(float(time))
            assert share is not None
            low, high = around.low.probabilities[place], around.high.probabilities[place]
            if 0 < ours.left[place] < 1:
                assert (1 - share.high, 1 - share.low) == pytest.approx((low, high), abs=1e-12)
    tested, theirs = log_rank(*grouped), stats.logrank(*samples)
    assert tested is not None
    assert tested.chi_squared == pytest.approx(theirs.statistic**2, rel=1e-10)
    assert tested.p == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-15)


def test_nothing_is_said_of_a_time_at_which_nobody_watched() -> None:
    of = curve([Seen(1, True, 2), Seen(5, False, 8)])
    assert of.gone_by(5) is not None
    assert of.gone_by(6) is None
    assert of.median() is None
    ended = curve([Seen(1, True, 4)])
    share = ended.gone_by(100)
    assert share is not None, "all are gone: that stays so"
    assert (share.value, share.high) == (1, 1)
    assert share.low == pytest.approx(0.025 ** (1 / 4)), "Clopper and Pearson of 4 of 4"
    assert curve([]).gone_by(0) is None
    assert curve([Seen(3, True, 0)]).n == 0


def test_where_nothing_is_left_the_interval_does_not_widen_again() -> None:
    hundred = curve([Seen(1, True, 60), Seen(2, True, 39), Seen(3, True, 1)])
    almost, gone = hundred.gone_by(2), hundred.gone_by(3)
    assert almost is not None
    assert gone is not None
    assert (almost.value, round(almost.low, 3), round(almost.high, 3)) == (0.99, 0.951, 0.999)
    assert (gone.value, gone.high) == (1, 1)
    assert gone.low == pytest.approx(0.025 ** (1 / 100)), (
        "Clopper and Pearson of 100 of 100: nobody was lost from sight"
    )
    lost = curve([Seen(1, True, 60), Seen(2, True, 38), Seen(2, False, 1), Seen(3, True, 1)])
    before, after = lost.gone_by(2), lost.gone_by(3)
    assert before is not None
    assert after is not None
    assert (after.value, after.low, after.high) == (1, before.low, 1), "of the one who remained 2.5 % would be said"
    assert curve([Seen(1, True, 5), Seen(2, True, 5)]).median() == (1, 1, 2), "0.69 to 1 have ended after two hours"
    one = curve([Seen(1, False, 9), Seen(2, True, 1)]).gone_by(2)
    assert one is not None
    assert one.low == pytest.approx(0.025), "one of one"


def test_none_gone_is_no_certainty() -> None:
    share = curve([Seen(10, False, 20)]).gone_by(10)
    assert share is not None
    assert (share.value, share.low) == (0, 0)
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 20)), "Clopper and Pearson of 0 of 20"
    before = curve([Seen(2, False, 90), Seen(10, False, 10)]).gone_by(5)
    assert before is not None
    assert before.high == pytest.approx(1 - 0.025 ** (1 / 10)), "only ten were watched so long"


def test_without_an_end_or_a_second_group_nothing_is_compared() -> None:
    assert log_rank([Seen(1, False, 5)], [Seen(2, False, 5)]) is None
    assert log_rank([Seen(1, True, 5)], []) is None
    same = log_rank([Seen(1, True, 3), Seen(2, False, 3)], [Seen(1, True, 3), Seen(2, False, 3)])
    assert same is not None
    assert (same.chi_squared, same.p) == (0, 1)


@pytest.mark.parametrize("n", [1, 5, 6, 9, 10, 25, 100])
def test_the_interval_of_a_median_is_that_of_scipy(n: int) -> None:
    times = [float(k * k % 101) for k in range(1, n + 1)]
    found = median_of([(time, 1) for time in times])
    assert found is not None
    assert found[0] == np.median(times)
    if n < 6:
        assert found[1:] == (None, None)
    else:
        around = stats.quantile_test(times, q=0, p=0.5).confidence_interval(0.95)
        assert found[1:] == (around.low, around.high)
    assert median_of([(2.0, 3), (5.0, 0), (1.0, 1)]) == (2.0, None, None)
    assert median_of([]) is None
