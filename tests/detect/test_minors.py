from __future__ import annotations

import pytest

from yoake.detect.text.minors import says_minor, sign_of_minor


@pytest.mark.parametrize(
    "text",
    [
        "15さいです。今日泊めてくれる人いませんか",
        "16歳です 家に帰りたくない",
        "１７才、日払いの仕事ありませんか",
        "17♀ 関東",
        "今高2なんですけど、応募しちゃいました",
        "高1です",
        "高校2年生、親には言えません",
        "中3女子 助けて",
        "中学2年です",
        "小6です",
        "現役JKです",
        "JK2 / 埼玉 / 病み",
        "JC3、家出中",
        "高校生です。バイト探してます",
        "高校生でもできますか？",
        "未成年なので親に言えない",
        "女です\n17歳\nよろしく",
        "I'm 15 and I can't go home",
        "16yo, need a place to stay",
        "17 years old here",
        "🥺15歳です",
    ],
)
def test_signs(text: str) -> None:
    assert sign_of_minor(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "高1トンのトラックで運びます",
        "15万円、即日",
        "20歳です",
        "18歳です",
        "日給15000円、16時から",
        "15歳以上応募可",
        "17歳から参加できます",
        "18歳未満お断り",
        "15歳のとき家を出た",
        "16歳の頃の話",
        "うちの娘は15歳です",
        "息子が高2です",
        "妹が中3で受験",
        "15歳の少年を逮捕",
        "17歳少女が行方不明",
        "最高1件10万円",
        "円高1ドル",
        "途中2回休憩",
        "中1日で登板",
        "中2階の喫茶店",
        "小1時間待った",
        "小5mm方眼",
        "残高1円です",
        "1DK、駅近",
        "JKリフレで働きませんか",
        "JK募集、高収入",
        "高校生歓迎、未経験OK",
        "高校生でも稼げる",
        "元JKです",
        "115歳まで生きる",
        "0.15歳",
        "10歳年上の彼",
        "10歳若く見える",
        "犬は15歳です",
        "My son is 16 years old",
        "16 years old daughter",
        "I'm 15 minutes away",
        "jk, just kidding",
        "中2病をこじらせた",
        "高3倍の倍率",
        "昭和17年",
        "",
    ],
)
def test_what_is_no_sign(text: str) -> None:
    assert not says_minor(text)


def test_the_place_is_in_code_points() -> None:
    text = "🥺👨‍👩‍👧 今16歳です"
    sign = sign_of_minor(text)
    assert sign is not None
    assert text[sign.start : sign.end] == "16歳"


def test_a_long_text_is_read_quickly() -> None:
    text = "高" * 50_000 + "1" * 50_000
    assert sign_of_minor(text) is None
