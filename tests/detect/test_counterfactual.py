"""What would have changed the verdict: every answer is checked by judging the changed post."""

from __future__ import annotations

from typing import Any

import pytest

from tests.detect.worlds import JUNE_2025, posts
from yoake.detect.counterfactual import would_change
from yoake.detect.detectors.lexicon import Lexicon
from yoake.tables.findings import queued

SLUG = "criminal_recruitment"
ROW = {"network": "practice", "native_id": "1", "seen_at": JUNE_2025}


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon()


def finding(lexicon: Lexicon, text: str) -> dict[str, Any]:
    return next(f for f in lexicon.judge(posts(text)).to_pylist() if f["category"] == SLUG)


def is_queued(lexicon: Lexicon, text: str) -> bool:
    return any(f["category"] == SLUG and queued(f) for f in lexicon.judge(posts(text)).to_pylist())


@pytest.mark.parametrize(
    "text",
    ["【急募】受け子 日給5万 即日即金 詳細はDMください", "荷物を受け取るだけ、日給8万。テレグラムで連絡ください"],
)
def test_the_fewest_words_without_which_it_is_not_queued(lexicon: Lexicon, text: str) -> None:
    found = finding(lexicon, text)
    assert queued(found)
    change = would_change(lexicon, {**ROW, "text": text}, lexicon.categories[SLUG], found["spans"])
    assert change.queued
    assert change.without
    changed = text
    for words in change.without:
        assert words in text
        changed = changed.replace(words, "\n", 1)
    assert not is_queued(lexicon, changed)
    if len(change.without) > 1:  # then no single one would do
        for span in found["spans"]:
            assert is_queued(lexicon, f"{text[: span['start']]}\n{text[span['end'] :]}")
    for _frame, words in change.contexts:
        assert not is_queued(lexicon, f"{text}\n{words}")


def test_a_post_that_only_its_context_keeps_out(lexicon: Lexicon) -> None:
    text = "荷物を受け取るだけ、日給8万という投稿は闇バイトです。注意してください。警察に相談を"
    found = finding(lexicon, text)
    assert not queued(found)
    change = would_change(lexicon, {**ROW, "text": text}, lexicon.categories[SLUG], found["spans"])
    assert not change.queued
    assert (change.without, change.contexts) == ((), ())
    assert change.only_context


def test_places_outside_the_post_and_in_pictures_are_passed_over(lexicon: Lexicon) -> None:
    text = "【急募】受け子 日給5万 即日即金 詳細はDMください"
    far = {"field": "text", "start": 90, "end": 95, "text": "遠い", "cue": "x", "weight": 9.0}
    picture = {**far, "field": "image:1", "start": 0, "end": 2}
    change = would_change(lexicon, {**ROW, "text": text}, lexicon.categories[SLUG], [far, picture])
    assert change.queued
    assert change.without == ()


@pytest.mark.parametrize(("rest", "hardly_left"), [("", True), ("。駅前の店で会いましょう、楽しみにしています", False)])
def test_words_that_are_nearly_the_whole_post_are_told_apart(lexicon: Lexicon, rest: str, hardly_left: bool) -> None:
    words = "受け子 日給5万 即金"
    whole = {"field": "text", "start": 0, "end": len(words), "text": words, "cue": "", "weight": 3.0}
    change = would_change(lexicon, {**ROW, "text": words + rest}, lexicon.categories[SLUG], [whole])
    assert change.without == (words,)
    assert change.hardly_left is hardly_left
