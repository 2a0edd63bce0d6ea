"""The likest example: the example itself, a variation of it, nothing alike, and the same after pickling."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from tests.detect.worlds import posts
from yoake.detect.category import load_categories
from yoake.detect.kernels.nearest import likest
from yoake.detect.nearest import Nearest
from yoake.detect.serving import load
from yoake.tables.findings import public, queued

SLUG = "criminal_recruitment"
CATEGORIES = load_categories()[0]


def test_an_example_is_most_like_itself() -> None:
    examples = CATEGORIES[SLUG].examples
    found = Nearest(CATEGORIES).of([example.text for example in examples], [SLUG] * len(examples))
    for example, nearest in zip(examples, found, strict=True):
        assert nearest is not None
        assert (nearest["text"], nearest["label"], nearest["likeness"]) == (example.text, example.label, 1.0)
    assert found[2]["id"] == f"{SLUG}/3"  # type: ignore[index]


def test_disguises_do_not_matter_and_a_variation_is_less_alike() -> None:
    text = CATEGORIES[SLUG].examples[0].text
    nearest = Nearest(CATEGORIES)
    again, varied = nearest.of(
        [text.replace("DM", "ＤＭ").replace("即日", "即\u200b日"), text + "。副業を探している主婦の方も大歓迎です"],
        [SLUG] * 2,
    )
    assert again is not None
    assert varied is not None
    assert again["text"] == varied["text"] == text
    assert varied["likeness"] < again["likeness"] == 1.0


def test_nothing_alike() -> None:
    texts = ["", "🍲", "xyzzy plugh qwerty", "受け子"]
    assert Nearest(CATEGORIES).of(texts, [SLUG] * 3 + ["no_such_category"]) == [None] * 4


def test_likeness_is_the_cosine() -> None:
    chance = np.random.default_rng(5)
    rarity = chance.uniform(0.5, 4, 12).astype(np.float32)
    counts = (chance.poisson(0.7, (9, 12)) + np.eye(9, 12)).astype(
        np.float32
    )  # 3 texts, then two groups of 3 known ones
    weighed = counts * rarity
    lengths = np.linalg.norm(weighed, axis=1, keepdims=True)

    def runs(values: Any) -> tuple[Any, ...]:
        rows, buckets = np.nonzero(values)
        return np.append(0, np.cumsum(np.bincount(rows, minlength=len(values)))), buckets.astype(np.int32), values[rows, buckets]  # fmt: skip

    groups = np.array([0, 1, -1])
    known = (np.array([0, 3, 6]), *runs((weighed / lengths)[3:].astype(np.float32)))
    places, likenesses = likest(*runs(counts[:3]), rarity, groups, *known)
    cosines = (weighed @ weighed.T) / (lengths * lengths.T)
    assert places.tolist() == [cosines[0, 3:6].argmax(), cosines[1, 6:9].argmax(), 0]
    assert likenesses == pytest.approx([cosines[0, 3:6].max(), cosines[1, 6:9].max(), 0], abs=1e-5)


def test_the_judge_on_duty_fills_it_for_what_is_queued_only() -> None:
    judge = load()
    texts = [example.text for example in CATEGORIES[SLUG].examples[:20]]
    found = judge.judge(posts(*texts)).to_pylist()
    assert {queued(finding) for finding in found} == {True, False}
    for finding in found:
        if not queued(finding):
            assert finding["nearest"] is None
        elif finding["category"] == SLUG:
            assert public(finding)["nearest"]["text"] == texts[finding["row"]]
    assert pickle.loads(pickle.dumps(judge)).judge(posts(*texts)).to_pylist() == found
