"""Folding: each disguise in a table, the promises as properties, the kernel against its plain twin."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given

from tests.detect import naive
from tests.detect.worlds import steady, texts
from yoake.detect.text.fold import fingerprint, fold, fold_text, read
from yoake.detect.text.look_alikes import letter_twins
from yoake.detect.text.readings import words

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
    # quantities, sizes and hidden digits are no disguise
    ("mdma 30mg 15mg 10mg 5mg 3mg 1mg", "mdma 30mg 15mg 10mg 5mg 3mg 1mg"),
    ("1LDK 3LDK 4LDK 5LDK 3DK 1DK", "1ldk 3ldk 4ldk 5ldk 3dk 1dk"),
    ("10AM-8PM 11AM-9PM 1PM-5PM 3PM", "10am-8pm 11am-9pm 1pm-5pm 3pm"),
    ("1st 3rd 4th 5th 7th 10th", "1st 3rd 4th 5th 7th 10th"),
    ("A3 A4 B4 B5 A5 B3 N1", "a3 a4 b4 b5 a5 b3 n1"),
    ("090○○○○1234", "090○○○○1234"),
    # ー written as 一, and words that only sound like a key word
    ("カ一ド", "かーど"),
    ("ロ一ン", "ろーん"),
    ("オ一プン", "おーぷん"),
    ("料理こうざに通う", "料理こうざに通う"),
    ("こうざ買取", "口座買取"),
    ("いえで飲む", "いえで飲む"),
    ("おうぼな上司", "おうぼな上司"),
    ("れんらくください", "連絡ください"),
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
    ("LіΝE ꓢіցnаl ᎠM gооԁ", "line signal dm good"),
    ("ѕіm", "sim"),
    ("力一ド", "かーど"),
    ("夕夕キ", "たたき"),
    ("二ュ一ス", "にゅーす"),
    ("八イリスク", "はいりすく"),
    ("テレグラ厶 リク儿ーター コ力イン", "てれぐらむ りくるーた こかいん"),
    ("人ロが多い 協カ者 窓ロ", "人口が多い 協力者 窓口"),
    ("ー人で ー緒に", "一人で 一緒に"),
    ("三カ月 一カ所 数カ国 八ヶ岳 三キロ 二コ", "三か月 一か所 数か国 八ゖ岳 三きろ 二こ"),
    ("二人 工場 夕方 口座 ハチ 一人 一口カツ 力仕事", "二人 工場 夕方 口座 はち 一人 一口かつ 力仕事"),
    ("ヘルプ へルプ リスク りスク", "へるぷ へるぷ りすく りすく"),
    # letters that are digits, and zeros that are letters
    ("d1scord te1egram t3l3gr4m s1gnal", "discord telegram telegram signal"),
    ("5ignal 7elegram L1N3 $ignal te!egram", "signal telegram line signal telegram"),
    ("e4sy m0ney f0r 5tuden7s, g3t c4sh n0w", "easy money for students, get cash now"),
    ("abc12 demo_a1bcd @a1bcde 3days 5k 10g 2ch web2 4G", "abc12 demo_a1bcd @a1bcde 3days 5k 10g 2ch web2 4g"),
    ("日給1oo万 2○○○円 1O1 ABO型", "日給100万 2000円 101 abo型"),
    ("heeeey moneyyy", "hey moneyyy"),
    # ー and repeated vowels
    ("高収入ーー 募集ー! 案件ーーあり", "高収入 募集! 案件あり"),
    ("東京ー大阪", "東京ー大阪"),
    ("やばーーーい やばーい", "やばい やばーい"),
    # emoji as words
    ("📦運搬", "📦荷物運搬"),
    ("📩ください、DM📩", "📩dmください、dm📩"),
    ("💰💰が必要", "💰💰お金が必要"),
    ("📦荷物を運ぶ", "📦荷物を運ぶ"),
    ("send money 💰 now", "send money 💰 now"),
    # spelled out across scripts, with any mark, one character a line
    ("日 給 5 万 円", "日給5万円"),
    ("受★け★子 闇。バ。イ。ト", "受け子 闇ばいと"),
    ("w☆o☆r☆k", "work"),
    ("1 2 3 4", "1 2 3 4"),
    ("月、火、水、木", "月、火、水、木"),
    ("5.5 万 円", "5.5 万円"),
    ("d.m o.k", "dm ok"),
    ("日\n給\n5\n万\n、\nD\nM", "日給5万、dm"),
    ("g\no\n \nt\no\n \nw\no\nr\nk", "go to work"),
    ("野菜\n手押\n郵送\n氷\n草\n罰", "野菜\n手押\n郵送\n氷草罰"),
    # key words in other spellings
    ("やみばいと ヤミバイト 闇ﾊﾞｲﾄ やみバ", "闇ばいと 闇ばいと 闇ばいと 闇ば"),
    ("うけこ募集 ウケコ 請け子 だしこの仕事", "受け子募集 受け子 受け子 出し子の仕事"),
    ("こうしゅうにゅう コーシューニュー 高しゅう入", "高収入 高収入 高収入"),
    ("そくじつ ひばらい にっきゅう", "即日 日払い 日給"),
    ("高収\n入可能 闇バ/イト 受け\n子、です", "高収入可能 闇ばいと 受け子、です"),
    ("テレ☆グラム シグ。ナル tele_gram 口○座", "てれぐらむ しぐ。なる telegram 口○座"),
    ("バイーーート", "ばいと"),
    ("だしこんぶ 声をかけこちらへ かけこみ うけこたえ", "だしこんぶ 声をかけこちらへ かけこみ うけこたえ"),
    ("持って渡し 食べてわたしは 最高 額縁 この口 座って", "持って渡し 食べてわたしは 最高 額縁 この口 座って"),
    ("必要かどうか タイマー こうざん", "必要かどうか たいま こうざん"),
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
    for way, twin in ((fold, naive.fold), (read, naive.read)):
        folded = way(pa.array(["x", text, ""]))
        at = slice(folded.rows[1], folded.rows[2])
        arrays = (folded.codes, folded.starts, folded.ends, folded.classes)
        got = list(zip(*(array[at].tolist() for array in arrays), strict=True))
        assert got == [tuple(c) for c in twin(text)]


def test_a_learned_model_reads_without_joints() -> None:
    joined = read(pa.array(["口座・通帳 5/6、高額/報_酬"]))
    assert joined.text(0) == "口座通帳 5/6、高額報酬"
    cut = read(
        pa.array(
            ["受け取\nり案\n件です\n東京", "今日はよく晴れていましたね\n明日も晴れますように祈ります\nおやすみ\nなさい"]
        ),
    )
    assert cut.text(0) == "受け取り案件です東京"
    assert cut.text(1).count("\n") == 3


def test_a_learned_model_reads_ids_and_repeats_as_one() -> None:
    """Nobody's name teaches, and no row of signs behind a post outweighs it."""
    found = read(pa.array(["@mido_ri88まで 17953282224518652 日給50000円ｗｗｗｗｗｗ!!!!!"]))
    assert found.text(0) == "@\ue000まで \ue000 日給50000円www!!!"
    assert (found.starts[1], found.ends[1]) == (1, 10)
    assert found.ends[-1] == len("@mido_ri88まで 17953282224518652 日給50000円ｗｗｗｗｗｗ!!!!!")


@pytest.mark.parametrize(
    ("text", "part", "start", "end"),
    [
        ("これは受\u200bけ 子 です", "受け子", 3, 8),
        ("㍿と闇バイト", "闇ばいと", 2, 6),
        ("ｱﾙﾊﾞｲﾄ", "ば", 2, 4),
        ("寒い❄\ufe0f", "❄", 2, 4),
        ("バイトォォー募集", "募集", 6, 8),
        ("これはやみ ば・いとです", "闇ばいと", 3, 10),
        ("これはやみ ば・いとです", "闇", 3, 5),
        ("こうしゅうにゅう!", "収", 2, 5),
        ("あの📦を", "荷物", 2, 3),
        ("d1scord", "discord", 0, 7),
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
    "unit",
    [
        *("受 け 子 ", "ーーーー", "あ", "Іa", "\u0301", "ｶﾞ", "力ア", " \n", "🥦\ufe0f", "ああー"),
        *(
            "📩📱",
            "📦 ",
            "闇\n",
            "1 ",
            "あ★",
            "う・",
            "うけこ",
            "うけ ",
            "やーみーば",
            "a1b",
            "1o",
            "力一",
            "#受け子 ",
            "eee",
            "ロ",
        ),
    ],
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


def test_key_words_are_folded_and_none_hides_another() -> None:
    """A word that is written properly stays as it is, and every spelling becomes it."""
    for word in words():
        assert fold_text(word.proper) == word.proper
        for parts in word.spellings():
            following = "の" if parts[-1].endswith("ー") else ""  # a last ー goes before it is read
            assert fold_text(f"「{''.join(parts)}{following}」") == f"「{word.proper}{following}」"


def test_look_alikes_of_latin_letters() -> None:
    for code, latin in letter_twins().tolist():
        assert fold_text(f"s{chr(code)}x") == f"s{chr(latin)}x"
