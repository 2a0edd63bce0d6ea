"""A tiny made-up set: harm is a fruit seller who asks for a message, everything else is harmless."""

from __future__ import annotations

import json
import random
from pathlib import Path

ASKS = ["詳細はDMで", "連絡はDMください", "DM待ってます"]
GOODS = {
    "drug_ad": ["アイス手押し", "野菜あります", "草 手渡し"],
    "criminal_recruitment": ["受け子募集", "闇バイト急募", "運び役います"],
}
TALK = ["今日は鍋にします", "試合は延長で負けた", "猫が箱から出てこない", "電車が止まっている", "友達と映画を見に行く"]
PLACES = ["東京", "大阪", "札幌", "福岡", "名古屋", "仙台", "広島", "京都"]


def lines(count: int = 90, seed: int = 3) -> list[dict[str, object]]:
    """Labelled rows of three kinds."""
    chance = random.Random(seed)
    found: list[dict[str, object]] = []
    for i in range(count):
        label = ["none", "drug_ad", "criminal_recruitment"][i % 3]
        body = chance.choice(TALK) if label == "none" else f"{chance.choice(GOODS[label])} {chance.choice(ASKS)}"
        extra = "".join(chance.sample("あいうえおかきくけこさしすせそたちつてと", 6))
        found.append({"text": f"{chance.choice(PLACES)} {body} {extra}", "label": label, "group": f"g{i // 2}"})
    return found


def write(file: Path, rows: list[dict[str, object]]) -> Path:
    """Rows as JSON lines."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return file
