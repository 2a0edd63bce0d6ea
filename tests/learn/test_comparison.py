"""Better by the rule or not: what was said by two judges about the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from yoake.detect.serving import load
from yoake.errors import BadInput
from yoake.learn.comparison import Said, ask, compare, recall_within
from yoake.learn.corpus import Corpus, Row
from yoake.learn.hashed import Hashed

LABELS = ["drug_ad", "coerced_applicant"]


def rows(count: int = 300) -> Corpus:
    """A third each: drug ads, pleas, nothing; two rows a group."""
    labels: list[tuple[str, ...]] = [("drug_ad",), ("coerced_applicant",), ()]
    return Corpus([Row(f"{i}", labels[i % 3]) for i in range(count)], groups=np.arange(count) // 2)


def said(corpus: Corpus, noise: float, seed: int, queue: float = 0.5) -> Said:
    """A judge that knows the truth up to noise."""
    chance = np.random.default_rng(seed)
    scores = np.clip(corpus.truth(LABELS) * 0.6 + 0.2 + chance.normal(0, noise, (len(corpus.rows), 2)), 0, 1)
    return Said(scores, scores >= queue)


def result(figures: dict[str, Any], name: str, label: str = "") -> dict[str, Any]:
    (found,) = [one for one in figures["tests"] if (one["name"], one["label"]) == (name, label)]
    assert isinstance(found, dict)
    return found


def test_a_better_judge_passes() -> None:
    corpus = rows()
    figures = compare(corpus, LABELS, said(corpus, 0.35, 1), said(corpus, 0.1, 2), ["coerced_applicant"], rounds=200)
    assert figures["passed"], figures
    assert (figures["rows"], figures["groups"]) == (300, 150)
    better = result(figures, "better")
    assert better["low"] > 0
    assert better["new"] > better["serving"]


def test_the_same_judge_is_not_better() -> None:
    corpus = rows()
    same = said(corpus, 0.3, 1)
    figures = compare(corpus, LABELS, same, same, rounds=200)
    assert not figures["passed"]
    assert [one["name"] for one in figures["tests"] if not one["passed"]] == ["better"]


def test_a_worse_judge_fails_on_recall() -> None:
    corpus = rows()
    figures = compare(corpus, LABELS, said(corpus, 0.1, 1), said(corpus, 0.5, 2), rounds=200)
    assert not result(figures, "recall")["passed"]


def test_more_in_the_queue_fails() -> None:
    corpus = rows()
    figures = compare(corpus, LABELS, said(corpus, 0.3, 1), said(corpus, 0.1, 2, queue=0.1), rounds=200)
    assert not result(figures, "queue")["passed"]
    assert result(figures, "better")["passed"]


def test_pleas_that_are_lost_fail() -> None:
    corpus = rows()
    new = said(corpus, 0.1, 2)
    new.queued[:, 1] = False
    new.scores[:, 0] = np.maximum(new.scores[:, 0], new.scores[:, 1])  # shown under an offender's category instead
    figures = compare(corpus, LABELS, said(corpus, 0.3, 1), new, ["coerced_applicant"], rounds=200)
    assert not result(figures, "pleas")["passed"]


def test_a_label_that_got_worse_fails() -> None:
    corpus = rows()
    new = said(corpus, 0.1, 2)
    new.scores[:, 1] = np.roll(new.scores[:, 1], 1)
    figures = compare(corpus, LABELS, said(corpus, 0.2, 1), new, rounds=200)
    assert not result(figures, "label", "coerced_applicant")["passed"]
    assert result(figures, "label", "drug_ad")["passed"]


def test_recall_within_a_queue() -> None:
    truth, scores, ones = np.array([1, 1, 0, 0, 1], bool), np.array([0.9, 0.8, 0.7, 0.1, 0.0]), np.ones(5)
    assert recall_within(truth, scores, ones, 2) == pytest.approx(2 / 3)
    assert recall_within(truth, scores, ones, 5) == 1.0
    assert recall_within(truth, np.zeros(5), ones, 1) == pytest.approx(1 / 5)  # no order: what chance gives
    assert recall_within(np.zeros(5, bool), scores, ones, 2) == 0.0


def test_rows_of_one_kind_prove_nothing() -> None:
    corpus = Corpus([Row("a", ("drug_ad",)), Row("b", ("drug_ad",))])
    with pytest.raises(BadInput, match="one kind"):
        compare(corpus, LABELS, said(corpus, 0.1, 1), said(corpus, 0.1, 1))


def test_the_real_judge_is_asked() -> None:
    corpus = Corpus(
        [
            Row("受け子募集 日給10万円 即日即金 詳しくはテレグラムで", ("criminal_recruitment",)),
            Row("今日は鍋にします", ()),
        ]
    )
    found = ask(load(), corpus, ["criminal_recruitment", "drug_ad"])
    assert found.scores[0, 0] > 0.5
    assert found.queued.tolist() == [[True, False], [False, False]]
    with pytest.raises(BadInput, match="hashed"):
        ask(load(), Corpus([Row("", (), hashed=Hashed.of("x"))], groups=np.arange(1)), ["drug_ad"])
