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
texts = st.text(st.sampled_from(LIVELY) | st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    st.sampled_from(LIVELY), max_size=25
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
