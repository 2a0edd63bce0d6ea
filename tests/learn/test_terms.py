"""Words that confirmed posts use more than everyday text."""

from __future__ import annotations

import pytest

from tests.detect.worlds import posts
from yoake.detect.background import NgramCounts
from yoake.detect.text.fold import fold_text
from yoake.learn.terms import Term, propose

EVERYDAY = [
    "今日は鍋にします", "試合は延長で負けた", "詳しくは店まで", "募集は終わりました", "電車が止まっている", "友達と映画を見に行く",
    "週末は雨らしい", "新しいイヤホンの音がとても良い", "夕飯はカレーにしようと思う", "猫が箱から出てこない",
]  # fmt: skip
CONFIRMED = [
    "ニコニコ急募 詳しくは店まで 東京", "ニコニコ急募です。今日も元気", "週末のニコニコ急募 DM", "雨でもニコニコ急募あり 大阪", "新規ニコニコ急募 札幌",
    "人足りないのでニコニコ急募 電話 09012345678 @someone https://a.example/x",
]  # fmt: skip


@pytest.fixture(scope="module")
def background() -> NgramCounts:
    counts = NgramCounts()
    for _ in range(300):
        counts.add(posts(*EVERYDAY))
    return counts


def found(background: NgramCounts, texts: list[str], known: set[str] = frozenset(), **more: int) -> list[Term]:  # type: ignore[assignment]
    return propose(texts, list(range(len(texts))), background, known, **more)


def test_the_word_nobody_else_uses_is_proposed_whole(background: NgramCounts) -> None:
    terms = found(background, CONFIRMED)
    assert terms[0].text == "ニコニコ急募"  # as it is written, though katakana is folded
    assert terms[0].folded == fold_text("ニコニコ急募")
    assert terms[0].groups == len(CONFIRMED)
    assert terms[0].posts == tuple(range(len(CONFIRMED)))
    assert terms[0].log_odds > 3
    assert terms[0].errors > 3
    assert all("ニコ" not in term.text for term in terms[1:])  # no parts of it


def test_everyday_words_are_not_proposed(background: NgramCounts) -> None:
    texts = [f"{EVERYDAY[2]} {i}" for i in range(10)]
    assert found(background, texts) == []


def test_numbers_addresses_and_handles_are_never_proposed(background: NgramCounts) -> None:
    texts = [f"{text} 090-1234-5678 @some_body9 https://bad.example/abcdef ab_99z" for text in CONFIRMED]
    words = " ".join(term.folded for term in found(background, texts))
    assert not any(part in words for part in ("090", "1234", "some_body9", "bad", "example", "ab_99z"))


def test_one_group_is_no_evidence(background: NgramCounts) -> None:
    assert propose(CONFIRMED, [1] * len(CONFIRMED), background, set()) == []
    assert propose(CONFIRMED, [1, 1, 1, 1, 1, 2], background, set()) == []


def test_known_and_rejected_words_are_not_proposed_again(background: NgramCounts) -> None:
    assert all("にこにこ" not in term.folded for term in found(background, CONFIRMED, {fold_text("ニコニコ急募")}))
    assert all("にこにこ" not in term.folded for term in found(background, CONFIRMED, {fold_text("ニコニコ")}))


def test_without_background_nothing_is_proposed() -> None:
    assert propose(CONFIRMED, list(range(6)), NgramCounts(), set()) == []


def test_words_with_blanks_and_emoji(background: NgramCounts) -> None:
    texts = [f"{start} easy cash today 🍦 {end}" for start, end in zip("雨雪風", "123", strict=True)]
    words = {term.text for term in found(background, texts)}
    assert "easy cash today" in words
    assert "🍦" in words


@pytest.mark.parametrize(
    "text", ["", "\n\n", "🍦", "a" * 50_000, "{a|b}" * 10, "\ud83d".encode("utf-8", "replace").decode()]
)
def test_strange_texts(background: NgramCounts, text: str) -> None:
    for term in found(background, [text] * 3 + CONFIRMED):
        assert "{" not in term.text
        assert "\n" not in term.text
