"""The phrase matcher, the amounts and the run counter against their plain twins, and a few places by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.detect import naive
from tests.detect.worlds import posts, steady, texts
from yoake.detect.background import NgramCounts
from yoake.detect.kernels import grams
from yoake.detect.kernels.weave import weave_moves
from yoake.detect.text.amounts import GRAM, find_amounts, period_of
from yoake.detect.text.fold import fold, fold_text
from yoake.detect.text.phrases import PhraseMatcher
from yoake.errors import BadInput

PHRASES = [
    "受け子",
    "闇バイト",
    "D",
    "DM",
    "dm か",
    "アイス",
    "草",
    "1g",
    "タタキ",
    "あ",
    "ああ",
    "子",
    "受",
    "きこす",
    "トロエ",
    "5",
    "🥦",
    "闇",
]
MATCHER = PhraseMatcher(PHRASES)


def places(matcher: PhraseMatcher, column: list[str]) -> list[tuple[int, int, int, int]]:
    folded = fold(pa.array(column))
    hits = matcher.find(folded)
    first = folded.rows[hits.rows]
    return list(
        zip(
            hits.rows.tolist(),
            hits.phrases.tolist(),
            (hits.starts - first).tolist(),
            (hits.ends - first).tolist(),
            strict=True,
        )
    )


@steady
@given(
    st.lists(
        texts | st.lists(st.sampled_from([*PHRASES, " ", "・", "\n", "a", "ー", "1", "。"]), max_size=8).map("".join),
        max_size=3,
    )
)
def test_matcher_equals_plain_twin(column: list[str]) -> None:
    wanted = [(row, *hit) for row, text in enumerate(column) for hit in naive.find(naive.fold(text), PHRASES)]
    assert sorted(places(MATCHER, column)) == sorted(wanted)


@steady
@given(
    st.lists(
        st.text("ab闇受け子 ", min_size=1, max_size=4).filter(lambda p: p.strip()), min_size=1, max_size=6, unique=True
    ),
    st.text("ab闇受け子 ", max_size=20),
)
def test_any_set_of_phrases(phrases: list[str], text: str) -> None:
    wanted = [(0, *hit) for hit in naive.find(naive.fold(text), phrases)]
    assert sorted(places(PhraseMatcher(phrases), [text])) == sorted(wanted)


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("DM", "詳細はDMで", True),
        ("DM", "adminです", False),
        ("DM", "ＤＭまで", True),
        ("DM", "dms", False),
        ("アイス", "アイス食べた", True),
        ("アイス", "アイスクリーム", False),
        ("アイス", "ナイスアイス", False),
        ("アイス", "あいすだよ", True),
        ("草", "草手渡し", False),
        ("草", "草、あります", True),
        ("草", "草原", False),
        ("1g", "11g", False),
        ("1g", "0.1g", False),
        ("1g", "1gから", True),
        ("闇バイト", "闇バ イト", True),
        ("闇バイト", "闇\nバイト", True),
        ("闇バイト", "闇バ  。イト", False),
        ("受け子", "引き受け 子ども", False),
        ("ホワイト案件", "ホワイト・案件", True),
    ],
)
def test_what_may_stand_beside_a_phrase(phrase: str, text: str, *, found: bool) -> None:
    assert bool(places(PhraseMatcher([phrase]), [text])) == found


@steady
@given(st.lists(st.dictionaries(st.integers(1, 7), st.integers(1, 9), max_size=7), min_size=1, max_size=10))
def test_woven_moves_are_all_found_again(moves: list[dict[int, int]]) -> None:
    """The plain twin of the double array is the list of dicts it was made from."""
    rows = [sorted(row.items()) for row in moves]
    base, check, target = weave_moves(
        np.cumsum([0] + [len(row) for row in rows]).astype(np.int32),
        np.array([symbol for row in rows for symbol, _ in row], np.int32),
        np.array([state for row in rows for _, state in row], np.int32),
        np.array(sorted((n for n, row in enumerate(rows) if row), key=lambda n: (-len(rows[n]), n)), np.int32),
        8,
    )
    for state in range(len(moves)):
        for symbol in range(1, 8):
            cell = base[state] + symbol
            assert (int(target[cell]) if check[cell] == state else None) == moves[state].get(symbol)


def test_many_hits_grow_the_answer() -> None:
    assert len(places(PhraseMatcher(["あ"]), ["かあ" * 5000])) == 5000


def test_a_phrase_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one character"):
        PhraseMatcher(["\u200b"])


def test_no_phrases_find_nothing() -> None:
    assert places(PhraseMatcher([]), ["闇バイト"]) == []


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("日給5万", [("yen", 50_000)]),
        ("５０，０００円", [("yen", 50_000)]),
        ("¥12,000円", [("yen", 12_000)]),
        ("日給5.5万円", [("yen", 55_000)]),
        ("十五万", [("yen", 150_000)]),
        ("百万円", [("yen", 1_000_000)]),
        ("三十万", [("yen", 300_000)]),
        ("⑩万", [("yen", 100_000)]),
        ("10マン", [("yen", 100_000)]),
        ("5〜10万", [("yen", 100_000)]),
        ("5千円", [("yen", 5_000)]),
        ("30k", [("yen", 30_000)]),
        ("30km", []),
        ("0.5g 1グラム", [("gram", 0.5), ("gram", 1)]),
        ("テレグラム", []),
        ("万が一", []),
        ("0円", []),
        ("12345678901234567890円", []),
    ],
)
def test_amounts(text: str, amounts: list[tuple[str, float]]) -> None:
    found = find_amounts(fold(pa.array([text])))
    units = ["gram" if unit == GRAM else "yen" for unit in found.units]
    assert list(zip(units, found.values.tolist(), strict=True)) == amounts


@steady
@given(
    st.lists(
        st.sampled_from(
            ["1", "23", "5", ".", ",", "万", "円", "千", "k", "g", "十", "三", "a", "。", "ぐらむ", "まん"]
        ),
        max_size=10,
    ).map("".join)
)
def test_amounts_equal_plain_twin(text: str) -> None:
    found = find_amounts(fold(pa.array([text])))
    units = ["gram" if unit == GRAM else "yen" for unit in found.units]
    wanted = naive.amounts(fold_text(text))
    assert [u for u, _ in wanted] == units
    assert found.values.tolist() == pytest.approx([v for _, v in wanted])


@pytest.mark.parametrize(
    ("text", "amount", "period", "span"),
    [
        ("日給5万", "5万", "day", "日給5万"),
        ("1日で15万", "15万", "day", "1日で15万"),
        ("5万/日", "5万", "day", "5万/日"),
        ("時給1200円", "1200円", "hour", "時給1200円"),
        ("月収は150万", "150万", "month", "月収は150万"),
        ("1件3万", "3万", "job", "1件3万"),
        ("PCが10万", "10万", "none", "10万"),
    ],
)
def test_period_of(text: str, amount: str, period: str, span: str) -> None:
    at = text.index(amount)
    got, start, end = period_of(text, at, at + len(amount))
    assert (got, text[start:end]) == (period, span)


@steady
@given(st.lists(texts, max_size=4))
def test_run_counts_equal_plain_twin(column: list[str]) -> None:
    counts = NgramCounts()
    counts.add(posts(*column))
    wanted = np.zeros(grams.BUCKETS, np.uint32)
    for at, count in naive.gram_counts([fold_text(text) for text in column]).items():
        wanted[at] = count
    assert (counts.table == wanted).all()


def test_background_counts() -> None:
    one, other = NgramCounts(), NgramCounts()
    one.add(posts("闇バイト", "ヤミバイト"))
    other.add(posts("バイト行ってくる"))
    one.merge(other)
    assert one.at_most("ﾊﾞｲﾄ") >= 3
    assert one.at_most("受け出し") == 0
    assert one.table.dtype == np.uint32
    full = NgramCounts(np.full(grams.BUCKETS, 2**32 - 1, np.uint32))
    full.add(posts("バイト"))
    full.merge(one)
    assert (full.table == 2**32 - 1).all()
    with pytest.raises(ValueError, match="buckets"):
        NgramCounts([1, 2])
