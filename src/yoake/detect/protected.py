"""What no second look touches: adult pictures, and anything that may show a child together with sex.

Meant to stop too much rather than too little: a picture that is not read costs a clue, one that is fetched cannot be
taken back. The words are compared folded, so that disguises do not help.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

import pyarrow as pa

from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher

ADULT_LABEL: Final = "adult_label"
MINOR_AND_SEX: Final = "minor_and_sex"
# A finding of these, however weak, says the same as the words below; a slug that no longer exists says nothing.
ABOUT_MINORS: Final = frozenset({"minor_approach", "child_abuse_material"})

# What networks and authors call adult pictures (Bluesky: porn, sexual, nudity, sexual-figurative; others' words beside).
_ADULT: Final = re.compile(
    r"porn|sex|nud|adult|nsfw|nsfl|explicit|erotic|hentai|r-?18|18\+|csam|成人|アダルト", re.IGNORECASE
)

_MINOR: Final = (
    "小学生 中学生 高校生 女子高生 男子高生 女子中生 jk jc js dk dc fjk ljk 未成年 児童 幼女 幼児 園児 少女 少年 ロリ ショタ "
    "18歳未満 18才未満 十八歳未満 ランドセル 制服 神待ち 子ども 子供 女児 男児 minor minors underage teen teens teenager teenage "
    "schoolgirl schoolboy loli lolita shota kid kids child children preteen jailbait toddler 初中生 高中生 萝莉 蘿莉 正太 幼童 "
    "미성년 미성년자 고등학생 중학생 초등학생 여고생 여중생 criança crianças adolescente novinha"
)
_MINOR_PHRASES: Final = ("barely legal", "học sinh", "trẻ em", "vị thành niên", "menor de idade")
_SEX: Final = (
    "えっち エッチ エロ エチ 裏垢 裏アカ セックス セフレ オナニー オナ電 おっぱい パイズリ フェラ 中出し ハメ撮り ヌード 全裸 裸 "
    "下着 パンツ パンティ 生脱ぎ 使用済み まんこ ちんこ ちんぽ ちんちん 性的 性欲 性交 性行為 性癖 淫 援交 援助交際 円光 パパ活 p活 "
    "ママ活 プチ援 ホ別 ゴム有 ゴム無 生外 大人あり 大人の関係 大人希望 売春 買春 風俗 デリヘル ソープ 児ポ ロリ ショタ ロリコン 18禁 r18 "
    "アダルト 抜ける 抜き 見せ合い 見せあい 調教 緊縛 痴漢 盗撮 パンチラ 胸チラ 谷間 巨乳 貧乳 処女 童貞 "
    "sex sexy sext nsfw porn porno nude nudes naked hentai xxx onlyfans blowjob horny escort loli lolita shota jailbait cp boobs "
    "色情 裸照 裸体 约炮 約炮 成人 萝莉 蘿莉 야동 섹스 조건만남 누드 알몸 sexo pornô nua nuas pelada novinha"
)
_SEX_PHRASES: Final = ("barely legal", "khỏa thân", "tình dục")
# On folded text: an age below 18, a class at school.
_AGE: Final = re.compile(
    r"(?<!\d)(?:[3-9]|1[0-7])\s?(?:歳|才|さい|yo(?![a-z])|y/o|y\.o|years?\s?old|yrs?(?![a-z])|岁|歲|세|살|tuoi|anos(?![a-z]))"
    r"|小[1-6](?!\d)|[中高][1-3](?![\d万千円時分月日])"
)


def why_not(labels: Iterable[str], texts: Iterable[str]) -> str:
    """Why no second look may fetch a post's pictures: adult_label, minor_and_sex, or "" when nothing speaks against it.

    Args:
        labels: what the author or the network says of the post.
        texts: everything known of the post in words: text, profile, parent, descriptions of pictures.
    """
    if any(_ADULT.search(label) for label in labels):
        return ADULT_LABEL
    return MINOR_AND_SEX if suggests_minor_and_sex(texts) else ""


def suggests_minor_and_sex(texts: Iterable[str]) -> bool:
    """Whether the texts together may be about somebody under 18 and about sex."""
    column = fold(pa.array(list(texts), pa.string()))
    minor, sex = _matchers()
    young = len(minor.find(column)) > 0 or any(_AGE.search(column.text(row)) for row in range(len(column)))
    return young and len(sex.find(column)) > 0


@cache
def _matchers() -> tuple[PhraseMatcher, PhraseMatcher]:
    return PhraseMatcher([*_MINOR.split(), *_MINOR_PHRASES]), PhraseMatcher([*_SEX.split(), *_SEX_PHRASES])
