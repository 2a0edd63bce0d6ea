"""The invented posts of the benches."""

from __future__ import annotations

from bench.invented import EVERYDAY, posts


def test_everyday_sentences_differ() -> None:
    assert len(set(EVERYDAY)) == len(EVERYDAY) >= 120


def test_posts_have_their_length_and_their_share_of_offers() -> None:
    found = posts(1000, 25, 0.01)
    assert found == posts(1000, 25, 0.01)
    assert sum(len(text) != 25 for text in found) == 10
    assert len({text for text in found if len(text) == 25}) > 900
