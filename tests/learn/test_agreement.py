"""Agreement against values that are in print."""

from __future__ import annotations

import random

import pytest

from yoake.learn.agreement import Pair, alpha, concordance, kappa


def pairs_of(table: list[list[int]]) -> list[Pair]:
    """Rows: what one judged, columns: what the other."""
    return [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ([[88, 14, 18], [10, 40, 10], [2, 6, 12]], 0.492),  # Cohen (1960), his example of 200 patients
        ([[0, 4, 1], [0, 8, 0], [0, 1, 5]], 0.4842),  # SAS/STAT FREQ, as in the tests of statsmodels
        ([[20, 5], [10, 15]], 0.4),  # two readers of 50 grant proposals, a common textbook example
        ([[45, 15], [25, 15]], 0.1304),  # the same raw agreement of 0.60 ...
        ([[25, 35], [5, 35]], 0.2593),  # ... with other margins
    ],
)
def test_kappa(table: list[list[int]], expected: float) -> None:
    found = kappa(pairs_of(table))
    assert found.beyond == pytest.approx(expected, abs=6e-4)
    assert found.low is not None
    assert found.high is not None
    assert found.beyond is not None
    assert found.low < found.beyond < found.high


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("0100000010", "1110010000", 0.095),  # Krippendorff (2011), B: binary data, two observers
        ("aabbdcccedda", "babbbccceddd", 0.692),  # the same, C: nominal data, two observers
    ],
)
def test_alpha(one: str, other: str, expected: float) -> None:
    pairs = list(zip(one, other, strict=True))
    found = alpha(pairs)
    assert found.beyond == pytest.approx(expected, abs=6e-4)
    assert alpha([(b, a) for a, b in pairs]) == found, "who said what plays no part"


def test_nothing_can_be_said_of_nothing_or_of_one_label_only() -> None:
    for measure in (kappa, alpha):
        assert (measure([]).n, measure([]).raw, measure([]).beyond) == (0, 0.0, None)
        always = measure([("in", "in")] * 9)
        assert (always.raw, always.beyond, always.low) == (1.0, None, None)


def test_full_agreement_about_a_few_things_is_no_certainty() -> None:
    few, many = kappa([("a", "a"), ("b", "b")] * 3), kappa([("a", "a"), ("b", "b")] * 300)
    assert few.beyond == many.beyond == 1.0
    assert few.low is not None
    assert many.low is not None
    assert few.low < 0.5 < 0.95 < many.low


def test_the_interval_holds_the_true_value_about_95_times_in_100() -> None:
    draw = random.Random(7)
    population = [("a", "a")] * 50 + [("b", "b")] * 25 + [("a", "b")] * 15 + [("b", "a")] * 10
    true = kappa(population).beyond
    assert true is not None
    held = 0
    for _ in range(600):
        found = kappa(draw.choices(population, k=80))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= true <= found.high
    assert 0.92 < held / 600 < 0.985


def test_concordance() -> None:
    """Hanley and McNeil (1982), their 58 normal and 51 abnormal pictures: area 0.893, standard error 0.032."""
    normal = [grade for grade, n in enumerate([33, 6, 6, 11, 2]) for _ in range(n)]
    abnormal = [grade for grade, n in enumerate([3, 2, 2, 11, 33]) for _ in range(n)]
    found = concordance(abnormal, normal)
    assert found is not None
    share, low, high = found
    assert share == pytest.approx(0.893, abs=5e-4)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.032, abs=5e-4)
    assert concordance([1.0], []) is None
    even = concordance([1, 1], [1, 1])
    assert even is not None
    assert even[0] == 0.5
    assert concordance([3, 4], [1, 2]) == (1.0, 1.0, 1.0)
