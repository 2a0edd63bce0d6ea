from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from yoake.console import happened, words
from yoake.errors import BadInput, Refused

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)  # 00:30 of the 21st in Tokyo


@pytest.mark.parametrize(
    ("seconds", "ja", "en"),
    [
        (-5, "たった今", "just now"),
        (59, "たった今", "just now"),
        (60, "1分前", "1 min ago"),
        (3599, "59分前", "59 min ago"),
        (3600, "1時間前", "1 h ago"),
        (86399, "23時間前", "23 h ago"),
        (200_000, "2日前", "2 d ago"),
    ],
)
def test_age(seconds: int, ja: str, en: str) -> None:
    for language, said in (("ja", ja), ("en", en)):
        with translation.override(language):
            assert words.age(NOW - timedelta(seconds=seconds), NOW) == said


def test_days_are_those_of_tokyo() -> None:
    assert words.clock(NOW) == "2026-11-21 00:30:00"
    assert words.hour_minute(NOW - timedelta(minutes=10), NOW) == "00:20"
    assert words.hour_minute(NOW - timedelta(minutes=40), NOW) == "11-20 23:50"


@pytest.mark.parametrize(
    ("value", "said"), [(0.0, "0.00"), (0.474, "0.47"), (0.99, "0.99"), (0.9999, "> 0.99"), (1.0, "> 0.99")]
)
def test_no_score_looks_certain(value: float, said: str) -> None:
    assert words.score(value) == said


def test_errors_are_sentences_in_both_languages() -> None:
    held = Refused("this post is held by a colleague; take another case, or wait until it is released")
    wrong = BadInput("url", "x", "a web address that begins with http:// or https://")
    with translation.override("ja"):
        assert words.sentence(held) == "この投稿は同僚が確認しています。別の事案を選ぶか、空くまでお待ちください。"
        assert words.sentence(wrong) == "URL：http:// か https:// で始まるURLを入れてください。"
    with translation.override("en"):
        assert (
            words.sentence(held) == "This post is held by a colleague; take another case, or wait until it is released."
        )
        assert words.sentence(wrong) == "URL: a web address that begins with http:// or https://."


def test_a_code_nobody_knows_is_shown_as_it_is() -> None:
    assert words.category_name("from_a_later_version") == "from_a_later_version"
    assert words.grade_name("extreme") == "extreme"
    assert words.cue_name("from_a_later_version", "frame:odd") == "odd"
    assert not words.is_at_risk("from_a_later_version")
    with translation.override("en"):
        assert happened.actor_name("user:99", {}) == "somebody of another organisation"
        assert happened.actor_name("patrol:3", {}) == "Patrol"
        assert words.told({"ja": "日本語だけ", "en": ""}) == "日本語だけ"
        assert words.told(None) == ""
