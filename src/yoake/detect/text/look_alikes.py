"""Characters that look like others: kana and kanji, and letters of other scripts that look Latin.

Written by hand from the code charts; only what people use to hide a word, not every pair of the Unicode tables.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np

# Kana and kanji that look alike; the neighbours' script decides (`kernels.twins`).
TWINS: Final = "力カ 口ロ 工エ 二ニ 卜ト 夕タ 八ハ 千チ 三ミ 才オ 匕ヒ 乂メ 厶ム 又ヌ 一ー 七セ 亻イ 儿ル 乄メ 㐅メ 刂リ 彐ヨ 丿ノ 卄サ 个ケ"
BOTH: Final = "カロエニタハチミオヌ"  # kana that may stand for their kanji as well: ロ座
RARE: Final = "卜匕乂厶亻儿乄㐅刂彐丿卄个"  # kanji that are hardly ever meant
NUMBERS: Final = "二三七八千"  # look-alikes that also count: 二コ, 三キロ
ENDS: Final = "カロエ"  # kana for a kanji at the end of a word: 人ロ, 協カ; others are particles there (猫ニ)
COUNTS: Final = "カケコツヵヶ"  # after a number: 一カ所, 八ヶ岳, 二コ
COUNTED: Final = "月所国年条村店社校"
BEFORE_COUNTS: Final = "一二三四五六七八九十百千数何幾"
COUNTERS: Final = (
    "きろ とん どる ゆー めー せん みり ぐら ぽん ぱー りっ ぺー だー せっ ちー げー ぽい くら へく ばれ うぉ どん ぺそ びっ ばい たい ぱた"
    " しー らう れー すて ぼる わっ かろ くー こま けー かっ しょ ぱっ さい らん れべ ひっ あう すと ごー ふぃ いん まい おん"
)  # キロ, トン, ドル, ユーロ, メートル ...
ONES: Final = "人番緒度日部般切件回晩時瞬"  # ー人 is 一人
# Letters of other scripts that look like a Latin one, in small or in capital form (folded: small).
_LETTER_TWINS: Final = (
    # Cyrillic
    "аa вb еe ѕs іi јj кk мm нh оo рp сc тt уy хx ԁd һh ԛq ԝw ґr гr пn иn зz ьb ѵv ғf қk ҝk ҡk ҟk ңh ҥh ҫc ҭt үy ұy ҳx ҽe ҿe ӏl ԍg ӕa яr чy бb ёe єe ӓa ӧo ѡw ԃd ԋh ԧh"
    # Greek
    " αa βb γy δd εe ζz ηh ιi κk λl μm νn οo πn ρp σo ςc τt υy χx ωw ϲc ϳj ϐb ϑo ϵe ϰk ϱp ϻm"
    # Latin letters that NFKC leaves
    " ɑa ƅb ƃb ɓb ƈc ɗd ɖd ǝe ɘe ɛe ƒf ɠg ɡg ɢg ɦh ɥh ıi ɨi ɩi ɪi ʝj ȷj ƙk ɭl ɬl ʟl ɱm ɯw ɲn ɳn ɴn ɵo ɔo ƥp ʠq ɍr ɽr ʀr ɼr ʂs ƨs ʈt ƫt ʉu ʋv ɣy ƴy ʏy ʐz ʑz ƶz"
    # Armenian, Cherokee (folded to capitals), Lisu, Coptic
    " աw գq դn եt զq թp հh ոn սu ցg օo քp յj"
    " ᎠD ᎡR ᎢT ᎥI ᎪA ᎫJ ᎬE ᎳW ᎷM ᎻH ᎽY ᏀG ᏃZ ᏆI ᏒR ᏔW ᏕS ᏙV ᏚS ᏞL ᏟC ᏢP ᏦK ᏧD ᏴB ᏻG"
    " ꓐB ꓑP ꓒD ꓓD ꓔT ꓖG ꓗK ꓙJ ꓚC ꓜZ ꓝF ꓟM ꓠN ꓡL ꓢS ꓣR ꓦV ꓧH ꓪW ꓫX ꓬY ꓮA ꓰE ꓲI ꓳO ꓴU"
    " ⲁa ⲃb ⲉe ⲏh ⲓi ⲕk ⲙm ⲛn ⲟo ⲣp ⲥc ⲧt ⲩy ⲭx"
)


@cache
def letter_twins() -> Any:
    """int32 (n, 2), rising: a letter of another script (small, as folded), and the Latin letter it looks like."""
    found = {ord(pair[0].casefold()): ord(pair[1].lower()) for pair in _LETTER_TWINS.split()}
    return np.array(sorted(found.items()), np.int32)
