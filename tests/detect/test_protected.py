"""What is never fetched: said by labels, or by words that suggest a child together with sex, however disguised."""

from __future__ import annotations

import pytest

from yoake.detect.protected import ADULT_LABEL, MINOR_AND_SEX, suggests_minor_and_sex, why_not


@pytest.mark.parametrize(
    "label", ["porn", "sexual", "nudity", "NSFW", "adult", "sexual-figurative", "R-18", "成人向け"]
)
def test_adult_labels(label: str) -> None:
    assert why_not([label], ["こんにちは"]) == ADULT_LABEL


@pytest.mark.parametrize("label", ["!no-unauthenticated", "bot", "spoiler", ""])
def test_other_labels(label: str) -> None:
    assert why_not([label], ["こんにちは"]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "JK えっち",
        "ＪＫ　エ ッ チ",
        "16歳 裏垢",
        "中2 自撮り 裸",
        "ロリ",
        "15 years old, nudes",
        "여고생 섹스",
        "萝莉",
    ],
)
def test_a_child_together_with_sex(text: str) -> None:
    assert why_not([], [text]) == MINOR_AND_SEX


def test_text_and_profile_are_read_together() -> None:
    assert not suggests_minor_and_sex(["会える人 円光"])
    assert not suggests_minor_and_sex(["高校生です"])
    assert suggests_minor_and_sex(["会える人 円光", "高校生です"])


@pytest.mark.parametrize(
    "text",
    [
        "受け子募集 高校生OK 日給10万",
        "18歳以上 日給5万円 未経験歓迎",
        "子ども食堂のボランティア募集",
        "小1の壁について",
        "日給3万円 中3日で3万円",
        "",
    ],
)
def test_neither_alone(text: str) -> None:
    assert why_not([], [text]) == ""
