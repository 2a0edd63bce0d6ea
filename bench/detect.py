"""`python -m bench.detect`: posts a second of folding, matching and judging on one core, against plain peers.

100,000 invented posts of about 80 characters, one in a thousand an offer; batches of 5,000. In the same run, with the
same phrases: `re` (one pattern of alternatives, Unicode text, no folding) and pyahocorasick (no folding). The peers
find only what is spelled plainly and give no score. `--start` also measures the first batch of a fresh process.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from yoake.detect.detectors.lexicon import Lexicon
from yoake.detect.text.amounts import find_amounts
from yoake.detect.text.fold import fold
from yoake.detect.text.phrases import PhraseMatcher
from yoake.tables.posts import posts_batch

BATCH = 5_000
EVERYDAY = [
    "今日は朝から雨で洗濯物が乾かない", "駅前のパン屋さんが明日から休みらしい", "試合は延長で負けたけどいい内容だった",
    "猫が箱から出てこない", "週末は友達と映画を見に行く予定", "レポートの締め切りが近いのに眠い",
    "新しいイヤホンの音がとても良い", "電車が止まっているので歩いて帰る", "夕飯はカレーにしようと思う",
    "子どもが初めて自転車に乗れた", "推しの新曲が最高すぎて泣いた", "会議が長引いてお昼を食べ損ねた",
    "The weather is lovely today", "スーパーで野菜が高くてびっくりした", "夜の散歩が気持ちいい季節になった",
    "バイト代が入ったのでアイスを買った", "ｶﾞﾁｬで爆死した…💎", "日払いの仕事を探している友達がいる",
]  # fmt: skip
OFFER = "【急募】受 け 子 即日即金 日給⑩万円 年齢性別不問 誰でも簡単 詳しくはテレグラムで {}"


def main() -> int:
    """Prints a table, then one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--posts", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    arguments.add_argument("--start", action="store_true", help="also time the first batch of a fresh process")
    given = arguments.parse_args()
    texts = invented(given.posts)
    rows = [
        {"network": "bench", "native_id": str(i), "text": text, "seen_at": datetime(2026, 11, 20, tzinfo=UTC)}
        for i, text in enumerate(texts)
    ]
    whole = posts_batch(rows)
    batches = [whole.slice(first, BATCH) for first in range(0, len(texts), BATCH)]
    columns = [batch.column("text") for batch in batches]
    detector = Lexicon()
    categories = detector.categories.values()
    phrases = sorted({word for category in categories for p in category.phrases for word in p.spellings()})
    matcher = PhraseMatcher(phrases)
    folded = [fold(column) for column in columns]
    detector.judge(batches[0])
    found = sum(detector.judge(batch).num_rows for batch in batches)

    def speed(work: Callable[[Any], Any], parts: Sequence[Any], posts: int) -> float:
        best = float("inf")
        for _ in range(given.rounds):
            began = time.perf_counter()
            for part in parts:
                work(part)
            best = min(best, time.perf_counter() - began)
        return posts / best

    few = texts[: max(len(texts) // 10, 1)]  # the peers are slow
    pattern = re.compile("|".join(re.escape(p) for p in sorted(phrases, key=len, reverse=True)), re.IGNORECASE)
    results = {
        "fold": speed(fold, columns, len(texts)),
        "match": speed(matcher.find, folded, len(texts)),
        "amounts": speed(find_amounts, folded, len(texts)),
        "judge": speed(detector.judge, batches, len(texts)),
        "peer_re": speed(pattern.findall, few, len(few)),
        "peer_pyahocorasick": speed(aho_corasick(phrases), few, len(few)),
    }
    print(
        f"{len(texts):,} posts of {sum(map(len, texts)) / len(texts):.0f} characters, {len(phrases):,} phrases, {found} findings"
    )
    for name, value in results.items():
        print(f"  {name:20} {value:12,.0f} posts/s")
    if given.start:
        results["first_batch_s"] = fresh_process()
        print(f"  {'first batch':20} {results['first_batch_s']:12.2f} s after the start of a process, code cached")
    kept = {name: round(value, 2) if name.endswith("_s") else round(value) for name, value in results.items()}
    print(json.dumps({"bench": "detect", "posts": len(texts), "phrases": len(phrases), "findings": found, **kept}))
    return 0


def invented(count: int) -> list[str]:
    """Texts of about 80 characters, every thousandth an offer."""
    chance = random.Random(7)
    return [OFFER.format(i) if i % 1000 == 500 else "。".join(chance.sample(EVERYDAY, 5)) for i in range(count)]


def aho_corasick(phrases: Sequence[str]) -> Callable[[str], int]:
    """Pyahocorasick over plain text."""
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for number, phrase in enumerate(phrases):
        automaton.add_word(phrase.lower(), number)
    automaton.make_automaton()
    return lambda text: sum(1 for _ in automaton.iter(text.lower()))


def fresh_process() -> float:
    """Seconds from starting Python to the first judged batch."""
    code = (
        "from yoake.detect.serving import load; from yoake.tables.posts import posts_batch;"
        "load().judge(posts_batch([{'network': 'bench', 'native_id': '1', 'text': '受け子募集 日給5万 DMください'}]))"
    )
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
