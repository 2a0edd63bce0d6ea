"""Figures equal their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from yoake.learn.corpus import Corpus, Row
from yoake.learn.evaluation import average_precision, evaluate, unmeasured


def test_average_precision_equals_sklearn_with_ties_and_weights() -> None:
    chance = np.random.default_rng(2)
    for _ in range(50):
        truth, scores = chance.random(40) < 0.3, chance.integers(0, 12, 40) / 12
        weight = chance.integers(1, 4, 40).astype(float)
        truth[0] = True
        expected = average_precision_score(truth, scores, sample_weight=weight)
        assert average_precision(truth, scores, weight) == pytest.approx(expected)


def test_figures() -> None:
    rows = [Row(f"{'xyz'[i % 3]}{i}", (("a",), ("b",), ())[i % 3], f"g{i}") for i in range(60)]
    corpus = Corpus(rows, groups=np.arange(60))
    said = np.random.default_rng(4).random((60, 2))
    found = evaluate(corpus, ["a", "b"], said, rounds=20)
    truth = corpus.truth(["a", "b"])
    assert found["macro"]["f1"] == pytest.approx(f1_score(truth, said >= 0.5, average="macro"))
    assert found["micro"]["f1"] == pytest.approx(f1_score(truth, said >= 0.5, average="micro"))
    none = ~truth.any(axis=1)
    assert found["fp_per_10k"] == pytest.approx((said[none] >= 0.5).any(axis=1).mean() * 10_000)
    assert found["groups"] == 60
    low, high = found["ci95"]["per_label"]["a"]["ap"]
    assert low < high


def test_rows_that_nobody_can_tell_true_from_false_stand_in_no_figure() -> None:
    assert unmeasured() == {"disaster_misinformation"}
    rows = [Row(f"{'xyz'[i % 3]}{i}", (("a",), ("disaster_misinformation",), ())[i % 3], f"g{i}") for i in range(30)]
    said = np.random.default_rng(4).random((30, 2))
    found = evaluate(
        Corpus(rows, groups=np.arange(30)), ["a", "disaster_misinformation"], said, harm=said.max(axis=1), rounds=5
    )
    others = [i for i in range(30) if i % 3 != 1]
    plain = evaluate(
        Corpus([rows[i] for i in others], groups=np.array(others)),
        ["a"],
        said[others][:, :1],
        harm=said[others].max(axis=1),
        rounds=5,
    )
    assert found == plain
    assert (found["rows"], list(found["per_label"])) == (20, ["a"])
    only = evaluate(Corpus([rows[1]], groups=np.arange(1)), ["disaster_misinformation"], said[:1, :1], rounds=5)
    assert (only["rows"], only["per_label"]) == (0, {})


def test_a_label_the_model_does_not_know_is_a_miss() -> None:
    corpus = Corpus([Row("x", ("new",)), Row("y", ())], groups=np.arange(2))
    found = evaluate(corpus, ["old"], np.zeros((2, 1)), rounds=0)
    assert found["per_label"]["new"]["recall"] == 0
    assert "ci95" not in found
