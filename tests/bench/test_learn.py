"""The fast bootstrap of bench/learn.py against yoake.learn.evaluation, and what its thresholds say."""

from __future__ import annotations

import numpy as np
import pytest

from bench.learn import Bootstrap, queues
from yoake.learn.corpus import Corpus, Row
from yoake.learn.evaluation import evaluate

LABELS = ["drug_ad", "pottery", "runaway_at_risk"]


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_evaluation(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rows = [Row(f"{i}", tuple(label for label in LABELS if chance.random() < 0.3)) for i in range(60)]
    said, harm = chance.integers(0, 11, (60, 3)) / 10, chance.integers(0, 11, 60) / 10  # with many ties
    drawn = chance.integers(60, size=60)  # a bootstrap: some rows twice, some never
    corpus = Corpus(rows, groups=np.arange(60))
    wanted = evaluate(corpus.part(drawn), LABELS, said[drawn], harm=harm[drawn], rounds=0)
    got = Bootstrap(corpus.truth(LABELS), said, harm).figures(np.bincount(drawn, minlength=60).astype(float))
    claimed = harm[drawn] >= 0.5
    harmful = corpus.harmful()[drawn]
    any_f1 = 2 * (claimed & harmful).sum() / (claimed.sum() + harmful.sum())
    macro, micro = wanted["macro"], wanted["micro"]
    assert got == pytest.approx([macro["f1"], micro["f1"], macro["ap"], micro["ap"], any_f1, wanted["any"]["ap"]])


def test_a_plea_silences_offences_and_any_harm_speaks_for_the_likeliest() -> None:
    own = np.array([[0.9, 0.1, 0.6], [0.4, 0.1, 0.2], [0.9, 0.8, 0.3], [0.1, 0.2, 0.1]])
    harm = np.array([0.9, 0.85, 0.9, 0.3])
    assert queues(LABELS, own, harm, 0.8, 0.5) == [{"runaway_at_risk"}, {"drug_ad"}, {"drug_ad", "pottery"}, set()]
