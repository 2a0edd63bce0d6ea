"""Signs that whoever wrote a post is under 18: an age, a year at school, a plain word about oneself.

Cautious: it speaks of the writer only. What names somebody else (a daughter of 15, pupils in the news), a limit ("from 16"), a
memory ("when I was 15") or a number of something else (高1トン) is no sign; whoever reads the post can set the flag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_YOUNGEST, _ADULT = 10, 18  # an age below is more often that of a pet or of somebody's child

# Behind the words: they are about somebody else, about a limit or about former days.
_NOT_THE_WRITER: Final = (
    r"(?!\s*(?:以上|以下|未満|から|まで|前後|前は|上|下|年[上下]|差|離|違|若|老|向け|限定|募集|歓迎|大歓迎|探し|好き|不可|お断り|禁止"
    r"|だった|でした|のとき|の時|の頃|のころ|の娘|の息子|の子[がはをにとも供ど]|の弟|の妹|の少[年女]|少[年女]|男性|女性|容疑|児|組"
    r"|の姪|の甥|の孫|の生徒|の[猫犬]|で(?:結婚|出産|デビュー|上京|家を出た)|[がをにと](?!き)|リフレ|ビジネス|散歩|コス|時代))"
)
# Before them: somebody else again, or a word that the sign would cut in two.
_SOMEBODY_ELSE: Final = re.compile(
    r"(?:娘|息子|子ども|子供|こども|弟|妹|姉|兄|孫|甥|姪|生徒|友達|友だち|知人|うちの子|彼女|彼氏|犬|猫|元|昔|当時)(?:[はがもの、]|が今|は今)?\s*$"
    r"|(?i:\b(?:son|daughter|sister|brother|friend|dog|cat|he|she|they|who)(?:['’]s|\s+is|\s+are)?\s*$|\bwas\s*$)"
)
# The writer goes on to speak of themselves, or the profile goes on to the next thing.
_SELF: Final = (
    r"(?=(?:の(?:女|男|女の子|男の子|女子|男子))?\s*(?:です|だよ|だけど|だから|だし|なん[でだ]|なの[でに]|ですが|で(?=[すもは、])|ですけど"
    r"|生|女子|男子|女|男|[、。,./／|｜!！♀♂()（）\s]|$))"
)
_PATTERNS: Final = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"(?<![\d.,．，])(?P<age>[1１][0-7０-７])\s?(?:歳|才|さい|サイ|ちゃい|[♀♂]|yo\b){_NOT_THE_WRITER}",
        # not 最高1, 途中1, 円高2, 小1時間: only where no other word ends before, and the writer speaks or the line goes on
        rf"(?:(?<![一-鿿々ァ-ヶーA-Za-z0-9０-９])|(?<=[今新春])|(?<=現[在役]))(?:高校?|中学?)[1-3１-３一二三]年?{_SELF}{_NOT_THE_WRITER}",
        rf"(?:(?<![一-鿿々ァ-ヶーA-Za-z0-9０-９])|(?<=[今新春]))小学?[4-6４-６四五六]年?{_SELF}{_NOT_THE_WRITER}",
        rf"(?<![A-Za-z0-9])(?:JK|ＪＫ|JC|ＪＣ)[1-3１-３]?(?![A-Za-z0-9０-９]){_SELF}{_NOT_THE_WRITER}",
        (
            r"(?<![一-鿿])(?:今|現役)?(?:高校生|中学生|小学生|女子高生|男子高校生|未成年)"
            r"(?=です|だよ|だけど|なん[でだ]|なので|ですが|ですけど|でも(?:でき|応募でき|働け|大丈夫|いけ|参加でき)(?:ます|です)?か)"
        ),
        r"(?i:\bI(?:['’]m|\s+am)\s+(?P<en>1[0-7])\b(?!\s*(?:%|k\b|km|min|minutes|hours|days|weeks|months|from|or|to|percent)))",
        r"(?i:(?<![\d.])(?P<years>1[0-7])\s?(?:years?\s?old|y/?o)\b(?!\s+(?:son|daughter|dog|cat|brother|sister|boy|girl|kid)))",
    )
)


@dataclass(frozen=True, slots=True)
class Sign:
    """Where it stands: code points of the text."""

    start: int
    end: int


def sign_of_minor(text: str) -> Sign | None:
    """The first sign in a text that its writer is under 18; None when there is none."""
    found = [sign for pattern in _PATTERNS if (sign := _first(pattern, text)) is not None]
    return min(found, key=lambda sign: sign.start, default=None)


def says_minor(*texts: str) -> bool:
    """Whether any of the texts (what the author wrote, their profile) has such a sign."""
    return any(sign_of_minor(text) is not None for text in texts)


def _first(pattern: re.Pattern[str], text: str) -> Sign | None:
    for match in pattern.finditer(text):
        age = next((said for said in match.groupdict().values() if said), "")
        if age and not _YOUNGEST <= int(age) < _ADULT:
            continue
        if not _SOMEBODY_ELSE.search(text, max(0, match.start() - 16), match.start()):
            return Sign(match.start(), match.end())
    return None
