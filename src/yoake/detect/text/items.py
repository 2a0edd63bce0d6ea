"""The six items a job ad must itself show (labour ministry notice, 2024-12-18; Employment Security Act 5-4).

A first, simple reading: labels and shapes, no understanding. It may miss an item that is written in an unusual way, so
"missing" means "not found". Missing items alone never cause a warning.
"""

from __future__ import annotations

import re
from typing import Final

ITEMS: Final = ("recruiter", "address", "contact", "work", "workplace", "wage")

_WORK: Final = (
    "引越|引っ越し|清掃|配送|配達|倉庫|警備|接客|ほーる|きっちん|事務|介護|保育|軽作業|仕分け|検品|搬入|設営|農作業|収穫|れじ|販売|調理|塗装"
    "|電気工事|運転手|どらいば|受付|品出し|梱包|製造|解体"
)
# Over folded text: katakana is hiragana there, a final ー is gone, full width is half width.
_PATTERNS: Final = {
    "recruiter": re.compile(
        r"(?:株式会社|有限会社|合同会社|\(株\)|\(有\)|社団法人)[^\s、。,()/]{1,20}|[^\s、。,()/:]{1,20}(?:株式会社|有限会社|合同会社|\(株\)|\(有\))"
    ),
    "address": re.compile(
        r"[^\s、。:]{1,4}[都道府県]?[^\s、。:]{1,6}[市区町村郡][^\s、。]{0,12}?\d{1,4}(?:丁目|番地?|-\d{1,4})[\d\-番号丁目]*"
    ),
    "contact": re.compile(r"0\d{1,4}[-( ]\d{1,4}[-) ]\d{3,4}|(?:tel|電話)[: ]?0\d{8,10}|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "work": re.compile(rf"(?:仕事内容|業務内容|職種|作業内容)[:は ]?[^\s、。]{{1,20}}|(?:{_WORK})"),
    "workplace": re.compile(r"(?:勤務地|勤務先|就業場所|現場住所|集合場所)[:は ]?[^\s、。]{1,20}|[^\s、。:]{1,8}駅"),
    "wage": re.compile(
        r"(?:時給|日給|日当|月給|給与|報酬|賃金)[^\d\n]{0,6}\d[\d,.]*(?:万|千)?円?"
        r"|(?:1|一)(?:件|回|日|晩|本|時間|か月|ヶ月)[^\d\n]{0,3}\d[\d,.]*(?:万円?|千円?|円)"
    ),
}


# Without one of these a pattern matches nothing; looking for them is quicker than trying the pattern everywhere.
_NEEDED: Final = {
    "recruiter": ("会社", "法人", "(株)", "(有)"),
    "address": tuple("市区町村郡"),
    "contact": ("0", "@"),
    "wage": ("時給", "日給", "日当", "月給", "給与", "報酬", "賃金", "1", "一"),
    "workplace": ("勤務", "場所", "現場", "駅"),
}


def job_ad_items(folded: str) -> list[tuple[str, int, int]]:
    """Items found in a folded text: (name, start, end) in the order of ITEMS; positions are folded characters."""
    text = folded[:4000]  # an ad is not longer; bounds the work of the patterns
    tried = [name for name in ITEMS if name not in _NEEDED or any(mark in text for mark in _NEEDED[name])]
    found = [(name, _PATTERNS[name].search(text)) for name in tried]
    return [(name, match.start(), match.end()) for name, match in found if match]
