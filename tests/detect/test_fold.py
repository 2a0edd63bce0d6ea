"""Folding: each disguise in a table, the promises as properties, the kernel against its plain twin."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from tests.detect import naive
from tests.detect.worlds import steady, texts
from yoake.detect.text.fold import fingerprint, fold, fold_text

DISGUISES = [
    # full and half width, compatibility forms
    ("ＤＭ", "dm"),
    ("ｱﾙﾊﾞｲﾄ", "あるばいと"),
    ("ﾊﾟﾊﾟ", "ぱぱ"),
    ("㈱㍿㍻㌔", "(株)株式会社平成きろ"),
    ("①⑩❶➓⓿", "110110" + "0"),
    ("ⓓⓜ 🄳🄼 🅳🅼 🅓🅜 𝐃𝐌 ᴅᴍ 🇩🇲", "dm dm dm dm dm dm dm"),
    ("ﬁ ½ ㎏ né Åß", "fi 1/2 kg ne ass"),
    # scripts of kana
    ("タタキ", "たたき"),
    ("たたき", "たたき"),
    ("ﾀﾀｷ", "たたき"),
    ("ヴァ", "ゔぁ"),
    ("か\u3099", "が"),
    ("ハ゜", "ぱ"),
    ("あ゛", "あ"),
    # invisible characters
    ("受\u200bけ\u200d子", "受け子"),
    ("闇\u2060バ\ufeffイ\u00adト", "闇ばいと"),
    ("\u202e受け子\u202c", "受け子"),
    ("❄\ufe0f", "❄"),
    ("👍🏽", "👍"),
    ("D\u0301M\u0336", "dm"),
    # separators inside words
    ("受 け 子", "受け子"),
    ("闇.バ.イ.ト", "闇ばいと"),
    ("闇・バ/イ_ト", "闇ばいと"),
    ("受　け　子　募集", "受け子募集"),
    ("受 け 子さん", "受け子さん"),
    ("引き受け 子ども", "引き受け 子ども"),
    ("D M", "dm"),
    ("L.I.N.E", "line"),
    ("闇\nバ\nイ\nト", "闇ばいと"),
    ("受\r\nけ\r\n子", "受け子"),
    # and kept elsewhere
    ("東京 大阪", "東京 大阪"),
    ("東京\n大阪", "東京\n大阪"),
    ("see you", "see you"),
    ("日給 5万", "日給 5万"),
    ("5.5 万", "5.5 万"),
    ("渋谷/新宿", "渋谷/新宿"),
    ("A型の\nB", "a型の\nb"),
    ("ab  \n  cd e f", "ab\ncd ef"),
    # stretched vowels
    ("バイトォォー", "ばいと"),
    ("バイトーー募集", "ばいと募集"),
    ("ヤバァァイ", "やばい"),
    ("バイト〜", "ばいと"),
    ("リクルーター", "りくるーた"),
    ("カード", "かーど"),
    ("カーーード", "かーど"),
    ("おばあさん", "おばあさん"),
    ("ファイト", "ふぁいと"),
    ("5〜10万", "5〜10万"),
    # look-alikes, by their neighbours
    ("力ード", "かーど"),
    ("タタ卜", "たたと"),
    ("闇バイ卜募集", "闇ばいと募集"),
    ("ス一パ一マン", "すーぱーまん"),
    ("コー匕ー", "こーひ"),
    ("ヤミ口〜", "やみろ"),
    ("ロ座買取", "口座買取"),
    ("バイト口座", "ばいと口座"),
    ("3カ月", "3か月"),
    ("人口ニ関", "人口二関"),
    ("LІNE", "line"),
    ("Тelegrаm", "telegram"),
    ("привет", "привет"),
    # what must stay apart
    ("🥦🍁❄🍦💎", "🥦🍁❄🍦💎"),
    ("\ufffd", "\ufffd"),
    ("", ""),
    ("한글 คน", "한글 คน"),
]


@pytest.mark.parametrize(("text", "folded"), DISGUISES, ids=[repr(t) for t, _ in DISGUISES])
def test_disguise(text: str, folded: str) -> None:
    assert fold_text(text) == folded


@steady
@given(texts)
def test_folding_again_changes_nothing(text: str) -> None:
    once = fold_text(text)
    assert fold_text(once) == once


def test_every_character_of_unicode_folds_once() -> None:
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    once = fold(pa.array(every))
    folded = [once.text(row) for row in range(len(every))]
    twice = fold(pa.array(folded))
    assert [folded[row] for row in range(len(every)) if twice.text(row) != folded[row]] == []


@steady
@given(texts)
def test_map_leads_back(text: str) -> None:
    """Places rise, lie inside the text, and no character comes from nowhere."""
    folded = fold(pa.array([text]))
    starts, ends = folded.starts, folded.ends
    assert (starts >= 0).all()
    assert (ends <= len(text)).all()
    assert (starts < ends).all()
    assert (np.diff(starts) >= 0).all()
    assert (np.diff(ends) >= 0).all()


@steady
@given(texts)
def test_kernel_equals_plain_twin(text: str) -> None:
    folded = fold(pa.array(["x", text, ""]))
    at = slice(folded.rows[1], folded.rows[2])
    got = list(zip(*(a[at].tolist() for a in (folded.codes, folded.starts, folded.ends, folded.classes)), strict=True))
    assert got == [tuple(c) for c in naive.fold(text)]


@pytest.mark.parametrize(
    ("text", "part", "start", "end"),
    [
        ("これは受\u200bけ 子 です", "受け子", 3, 8),
        ("㍿と闇バイト", "闇ばいと", 2, 6),
        ("ｱﾙﾊﾞｲﾄ", "ば", 2, 4),
        ("寒い❄\ufe0f", "❄", 2, 4),
        ("バイトォォー募集", "募集", 6, 8),
    ],
)
def test_places_are_code_points_of_the_original(text: str, part: str, start: int, end: int) -> None:
    folded = fold(pa.array([text]))
    at = folded.text(0).index(part)
    assert (folded.starts[at], folded.ends[at + len(part) - 1]) == (start, end)


def test_columns_of_every_kind() -> None:
    rows = ["あ", None, "ＡＢ", ""]
    plain = fold(pa.array(rows))
    assert [plain.text(i) for i in range(4)] == ["あ", "", "ab", ""]
    for column in (
        pa.array(rows, pa.large_string()),
        pa.array(rows, pa.string_view()),
        pa.chunked_array([pa.array(rows[:1]), pa.array(rows[1:])]),
        pa.array(["z", *rows, "z"]).slice(1, 4),
    ):
        other = fold(column)
        assert [other.text(i) for i in range(4)] == [plain.text(i) for i in range(4)]
    assert len(fold(pa.array([], pa.string()))) == 0
    assert len(fold(pa.array([None, None], pa.string()))) == 2


@pytest.mark.parametrize(
    "unit", ["受 け 子 ", "ーーーー", "あ", "Іa", "\u0301", "ｶﾞ", "力ア", " \n", "🥦\ufe0f", "ああー"]
)
def test_a_megabyte_is_no_problem(unit: str) -> None:
    text = unit * (1_000_000 // len(unit.encode()))
    fold_text(unit)
    began = time.perf_counter()
    fold_text(text)
    assert time.perf_counter() - began < 2  # linear; a square would take minutes


def test_fingerprint_is_steady() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 8
