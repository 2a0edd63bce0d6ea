"""Posts and texts that tests of detection share."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

from yoake.tables.findings import FLOOR
from yoake.tables.posts import posts_batch

JUNE_2025 = datetime(2025, 6, 1, tzinfo=UTC)

# Characters that the steps of folding care about; plain random text would hardly ever hit them.
LIVELY = (
    "あいうえおかがきこすとドドバパハヤァィゥェォぁぉッー〜～ｱｶﾊﾊﾞﾟ゛゙ 　\n\t\r.・/_-*"
    "闇受子案件力口工二一トロエニカタ卜夕DdＤⓂ🅳LІNEдмαaé0１①⑩㍿㌔万円千gk,十"
    "\u200b\ufe0f\u202e\u0301🥦❄👍🏽「」、。!？#\ufffd"
)
# Parts of which disguises are made: what one step of folding leaves is what the next one works on.
PARTS = """
    うけ こ うけこ ウケコ 受 け 子 だし かけ 掛 やみ ヤミ 闇 ばいと バイト バ ば い と そくきん 即 金 そく キン こうざ 口 ロ 座 ざ
    高 収 入 こう こー しゅう シュー にゅー 案件 あん ケン 一 ー ーー 〜 二 コ 三 カ 力 所 月 人 キロ 匕 卜 夕 タ キ エ 八 ハ
    📦 荷物 📩 dm DM 💰 お 金 📱 すま ほ ★ ☆ → 🥦 。 、 , # @ ! 1 0 o O ○ 〇 5 万 円 千 k te le gr am tele T3 l1 ne 7 s1g nal
    5ignal а е ѕ т І ⓛ i a e あ い う お ぁ ぃ ァ ッ 日 給 払 が ゛ ゜ の は を た も ん × ゖ ヶ . ・ / _ - | = 1g x www ⅲ … ㍿
    """.split()  # noqa: SIM905 - read as a table
broken = st.lists(st.sampled_from([*PARTS, " ", "  ", "\n", "\u3000", "\u200b", "\u0301", "\ufe0f"]), max_size=14).map(
    "".join
)
texts = (
    broken
    | st.text(st.sampled_from(LIVELY) | st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.text(st.sampled_from(LIVELY), max_size=25)
)
steady = settings(derandomize=True, deadline=None, max_examples=400, database=None)


def posts(*rows: str | dict[str, Any], seen_at: datetime | None = JUNE_2025) -> pa.RecordBatch:
    """A batch of posts: a text, or a dict of fields."""
    full = [{"text": row} if isinstance(row, str) else dict(row) for row in rows]
    return posts_batch(
        [{"network": "practice", "native_id": f"demo_{i}", "seen_at": seen_at, **r} for i, r in enumerate(full)]
    )


def holds(finding: dict[str, Any], fields: dict[str, str]) -> None:
    """A finding's sum is its score, its places stand in the post, and it says why."""
    total = finding["base"] + finding["rest"] + sum(span["weight"] for span in finding["spans"])
    assert abs(finding["score"] - 1 / (1 + math.exp(-total))) < 1e-9
    assert finding["score"] >= FLOOR
    for span in finding["spans"]:
        assert span["text"] == fields[span["field"]][span["start"] : span["end"]] != ""
    assert finding["explanation"]["ja"]
    assert finding["explanation"]["en"]
    assert finding["counter"]["ja"]
