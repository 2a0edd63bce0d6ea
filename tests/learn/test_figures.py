"""Intervals, drift, what to label next: numbers against slow twins and known values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta

from yoake.learn.chances import clopper_pearson, difference, wilson
from yoake.learn.choosing import choose, uncertainty, vectors
from yoake.learn.drift import FEWEST, psi, psi_of, rate


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (1, 10), (5, 10), (10, 10), (0, 1000), (3, 997)])
def test_clopper_pearson_is_the_exact_interval(hits: int, n: int) -> None:
    low, high = clopper_pearson(hits, n)
    assert low == pytest.approx(0.0 if hits == 0 else beta.ppf(0.025, hits, n - hits + 1))
    assert high == pytest.approx(1.0 if hits == n else beta.ppf(0.975, hits + 1, n - hits))
    assert low <= hits / n <= high


def test_nothing_seen_says_nothing() -> None:
    assert clopper_pearson(0, 0) == wilson(0, 0) == (0.0, 1.0)
    low, high = difference(0, 0, 0, 0)
    assert low < -0.4
    assert high > 0.4


def test_wilson_against_a_published_value() -> None:
    """Newcombe 1998, table I: 81 of 263 gives .2553 to .3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_difference_against_a_published_value() -> None:
    """Newcombe 1998b, table II, method 10: 56/70 against 48/80 gives .0524 to .3339."""
    assert difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_psi_sees_a_shift_and_not_chance() -> None:
    chance = np.random.default_rng(4)
    shares = np.array([0.3, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])

    def drawn(n: int, of: Any) -> list[float]:
        return [float(count) for count in chance.multinomial(n, of)]

    steady = [psi(drawn(400, shares), drawn(150, shares)) for _ in range(300)]
    assert not any(one.alarming for one in steady)
    assert np.mean([one.psi for one in steady]) == pytest.approx(np.mean([one.by_chance for one in steady]), rel=0.25)
    assert psi(drawn(400, shares), drawn(150, shares[::-1])).alarming


def test_too_few_findings_raise_no_alarm() -> None:
    assert not psi([FEWEST - 1, 0], [0, 10_000]).alarming
    assert not psi_of({}, {"pay": 5000}).alarming
    assert psi_of({"pay": 500, "receiver": 500}, {"pay": 500, "caller": 500}).alarming


@pytest.mark.parametrize(
    ("found_before", "posts_before", "found", "posts", "alarming"),
    [
        (100, 1_000_000, 10, 100_000, False),
        (100, 1_000_000, 50, 100_000, True),  # five times as often
        (1000, 1_000_000, 0, 100_000, True),  # fell silent
        (3, 1_000_000, 0, 100_000, False),  # nothing was to be expected
        (1, 1000, 5, 1000, False),  # chance
        (5, 0, 5, 100, False),
        (5, 100, 0, 0, False),
    ],
)
def test_rates(found_before: int, posts_before: int, found: int, posts: int, alarming: bool) -> None:
    assert rate(found_before, posts_before, found, posts).alarming == alarming


def test_uncertainty_is_highest_at_the_threshold() -> None:
    assert uncertainty(0.3, 0.3) == pytest.approx(1.0)
    assert uncertainty(0.0, 0.3) < uncertainty(0.1, 0.3) < uncertainty(0.25, 0.3)
    assert uncertainty(1.0, 0.3) < uncertainty(0.9, 0.3) < uncertainty(0.4, 0.3)


def test_what_is_chosen_is_unsure_and_unlike_the_rest() -> None:
    texts = [
        "受け子募集 日給10万円",
        "受け子募集 日給20万円",
        "受け子募集 日給30万円",
        "野菜あります 手押し可",
        "猫がかわいい",
    ]
    order = choose([1.0, 1.0, 1.0, 0.9, 0.1], vectors(texts), 5)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order[0] in (0, 1, 2)
    assert order[1] == 3  # not the same wording again, though that is the less certain
    known = vectors(["受け子募集 日給50万円"])
    assert choose([1.0, 1.0, 1.0, 0.9, 0.1], vectors(texts), 1, known) == [3]
    assert choose([], vectors([]), 5) == []


def test_vectors_have_length_one() -> None:
    found = vectors(["高額バイト", "", "ＤＭ下さい"])
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0, 1])
    assert found[2] @ vectors(["dm下さい"])[0] == pytest.approx(1.0)  # width and case do not matter
    assert math.isclose(float(found[0] @ found[0]), 1.0, rel_tol=1e-5)
