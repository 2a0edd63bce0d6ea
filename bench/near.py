"""`python -m bench.near`: how well near-duplicates are found and folded, and how long a look-up among a million takes.

Quality: texts of examples/corpus are changed as copies are (amount, place, emoji, tag, handle, address, greeting, a sentence
left out), one to three changes each; and turned as people do who quote, warn or ask. Turned ones must not fold: their
phrases were written after the words that `link.alike` knows, but the width of its frame was tuned on nearly the same ones.

Look-up: a million texts made of sentences of the corpus are stored in SQLite and in PostgreSQL, each with post, version,
case, signature and 16 bands; then new posts are looked up, half of them changed copies of stored ones. Beside it, in the
same run, datasketch's MinHashLSH with as many permutations and bands, in memory, among the first 100,000 of them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.rows import in_bulk, write
from tests.servers.postgresql import PostgreSQL

CORPUS = Path(__file__).resolve().parents[1] / "examples" / "corpus"
PEER = 100_000
CHUNK = 20_000

PLACES = [
    "新宿",
    "池袋",
    "渋谷",
    "横浜",
    "大宮",
    "名古屋",
    "梅田",
    "難波",
    "福岡",
    "仙台",
    "札幌",
    "広島",
    "千葉",
    "立川",
]
EMOJI = ["✨", "💰", "🔥", "‼️", "👍", "⭐", "🌸"]
BEHIND = [
    "お気軽にどうぞ",
    "即対応します",
    "詳細はDMで",
    "残りわずかです",
    "早い者勝ち",
    "まずはご連絡ください",
    "プロフ見てね",
]
BEFORE = ["急募", "拡散希望", "【再掲】", "本日限定", "※残席わずか※"]
TAGS = ["高収入", "副業", "即日", "バイト", "在宅"]
ASKED_BEFORE = [
    "これ見て→",
    "友達から回ってきたやつ ",
    "まだこういうの流れてくるの草 ",
    "【閲覧注意】",
    "例文：",
    "うちの子にも届いた ",
    "コピペ ",
]
ASKED_BEHIND = [
    "…って書いてあったんだけど大丈夫かな",
    "←これマジ？",
    "だってさ",
    "、誰が応募するんだろ",
    " 一発アウト",
    "（※実際の勧誘文です）",
    "、ブロックした",
    "ってDM、運営仕事して",
    "やばくない？",
]


def changes(chance: random.Random) -> list[Callable[[str], str]]:
    """What a copy changes."""

    def place(text: str) -> str:
        named = next((name for name in PLACES if name in text), None)
        return text.replace(named, chance.choice(PLACES)) if named else f"{chance.choice(PLACES)}で{text}"

    def emoji(text: str) -> str:
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice(EMOJI) + text[at:]
        return text

    def left_out(text: str) -> str:
        parts = re.split(r"(?<=[。！!\n])", text)
        if len(parts) > 2:
            del parts[chance.randrange(len(parts))]
        return "".join(parts)

    return [
        lambda text: re.sub(r"\d+", lambda _: str(chance.randint(1, 99)), text),
        place,
        emoji,
        left_out,
        lambda text: f"{text}。{chance.choice(BEHIND)}",
        lambda text: f"{chance.choice(BEFORE)}{text}",
        lambda text: f"{text} https://x{chance.randint(1, 999)}.example/a",
        lambda text: f"{text} @{''.join(chance.choices('abcdefghijklmnop', k=8))}",
        lambda text: f"{text} #{chance.choice(TAGS)}",
    ]


def copy_of(text: str, chance: random.Random, how_many: int) -> str:
    """A text changed so many times."""
    for change in chance.sample(changes(chance), how_many):
        text = change(text)
    return text


def asked_about(text: str, chance: random.Random) -> str:
    """A text as somebody repeats it who does not mean it."""
    which = chance.random()
    before = chance.choice(ASKED_BEFORE) if which < 0.66 else ""
    return before + text + (chance.choice(ASKED_BEHIND) if which > 0.33 else "")


def corpus_rows() -> list[dict[str, Any]]:
    """The corpus."""
    return [json.loads(line) for file in sorted(CORPUS.glob("*.jsonl")) for line in file.open(encoding="utf-8")]


# --- quality --------------------------------------------------------------------------------------------------------


def quality() -> None:
    """Recall of looking up, recall and precision of folding, by length."""
    from yoake.casework.link import alike

    rows = corpus_rows()
    chance = random.Random(7)
    harmful = [row["text"] for row in rows if row["label"] != "none" and row["lang"] == "ja"]
    texts = chance.sample(harmful, 4000)
    made = {f"{n} change{'s' if n > 1 else ''}": [copy_of(text, chance, n) for text in texts] for n in (1, 2, 3)}
    made["asked about"] = [asked_about(text, chance) for text in texts]
    signed = alike.sign(texts)
    print(f"{'':12} {'letters':>9} {'pairs':>6} {'suggested':>9} {'found':>6} {'folds':>6}   (shares of all pairs)")
    found_by: dict[int, list[bool]] = {}
    for name, others in made.items():
        theirs = alike.sign(others)
        for low, high in ((0, 20), (20, 40), (40, 60), (60, 100), (100, 10**9)):
            pairs = [
                (alike.likeness(a, b), bool(set(alike.bands(a, 1)) & set(alike.bands(b, 1))), one, other)
                for a, b, one, other in zip(signed, theirs, texts, others, strict=True)
                if low <= min(a.length, b.length) < high
            ]
            if not pairs:
                continue
            for likeness, shared, _one, _other in pairs:
                found_by.setdefault(int(likeness * 10), []).append(shared)
            likely = sum(pair[0] >= alike.SUGGESTED for pair in pairs)
            found = sum(pair[0] >= alike.SUGGESTED and pair[1] for pair in pairs)
            sure = low >= alike.LONG
            folds = sum(
                sure and p[0] >= alike.CONFIRMED and p[1] and not alike.may_mean_else(p[2], p[3]) for p in pairs
            )
            label = f"{low}-{high}" if high < 10**9 else f"{low}-"
            shares = [f"{n / len(pairs):.3f}" for n in (likely, found, folds)]
            print(f"{name:12} {label:>9} {len(pairs):>6} {shares[0]:>9} {shares[1]:>6} {shares[2]:>6}")
    told = ", ".join(f".{tenth}: {np.mean(hits):.3f}" for tenth, hits in sorted(found_by.items()) if 3 <= tenth < 10)
    print(f"share a band, by likeness from: {told}")
    strangers(rows)


def strangers(rows: list[dict[str, Any]]) -> None:
    """Pairs of texts that different people wrote for themselves and that would fold: each is wrong or a true repetition."""
    from yoake.casework.link import alike

    texts = [row["text"] for row in rows]
    signed = alike.sign(texts)
    buckets: dict[int, list[int]] = {}
    for i, values in enumerate(alike.bands_of(np.stack([one.minima for one in signed]), 1)):
        for value in values:
            buckets.setdefault(value, []).append(i)
    pairs = {(b[x], b[y]) for b in buckets.values() if len(b) < 200 for y in range(len(b)) for x in range(y)}
    suggested = folded = wrong = 0
    for i, j in pairs:
        likeness = alike.likeness(signed[i], signed[j])
        suggested += likeness >= alike.SUGGESTED
        long = min(signed[i].length, signed[j].length) >= alike.LONG
        if long and likeness >= alike.CONFIRMED and not alike.may_mean_else(texts[i], texts[j]):
            folded += 1
            wrong += rows[i]["label"] != rows[j]["label"]
    n = len(texts)
    print(
        f"corpus of {n:,} texts, {n * (n - 1) // 2:,} pairs: {suggested} suggested, {folded} fold, {wrong} of them wrongly"
    )


# --- looking up -----------------------------------------------------------------------------------------------------


def spliced(count: int, seed: int) -> Iterator[str]:
    """Texts of two to four sentences of the corpus."""
    chance = random.Random(seed)
    sentences = [
        part.strip() for row in corpus_rows() for part in re.split(r"(?<=[。！!?？\n])", row["text"]) if len(part) > 8
    ]
    for _ in range(count):
        yield "".join(chance.choices(sentences, k=chance.randint(2, 4)))


def lookup(count: int, asked: int) -> None:
    """Fills the database of the settings, then looks new posts up."""
    from django.core.management import call_command
    from django.db import connection

    from yoake.casework.link import alike, queries
    from yoake.casework.people.models import Organisation

    call_command("migrate", verbosity=0)
    organisation = Organisation.objects.create(name="架空県警察", kind=Organisation.Kind.POLICE)
    began = time.perf_counter()
    texts = fill(count, organisation.pk)
    print(f"{connection.vendor}: {count:,} signatures stored in {time.perf_counter() - began:.0f} s", flush=True)
    chance = random.Random(11)
    fresh = spliced(asked, 999)
    posts: list[tuple[int | None, str]] = []
    for i in range(asked):
        if i % 2:
            which = chance.randrange(count)
            posts.append((which, copy_of(texts[which], chance, chance.randint(1, 3))))
        else:
            posts.append((None, next(fresh)))
    for _at, text in posts[:50]:
        queries.likely(alike.sign([text])[0], organisation.pk)
    times: dict[str, list[float]] = {"sign": [], "look up": [], "read words": []}
    hits: list[bool] = []
    for at, text in posts:
        t0 = time.perf_counter()
        (signed,) = alike.sign([text])
        t1 = time.perf_counter()
        keys = queries.likely(signed, organisation.pk)
        t2 = time.perf_counter()
        found = queries.measured(signed, text, queries.with_words(keys))
        t3 = time.perf_counter()
        for name, took in zip(times, (t1 - t0, t2 - t1, t3 - t2), strict=True):
            times[name].append(took * 1000)
        if at is not None and alike.likeness(signed, alike.sign([texts[at]])[0]) >= alike.SUGGESTED:
            hits.append(at + 1 in [one.comparison.pk for one in found])
    times["sign and look up"] = [a + b for a, b in zip(times["sign"], times["look up"], strict=True)]
    for name, of in times.items():
        print(f"  {name:16} p50 {np.percentile(of, 50):6.2f} ms   p95 {np.percentile(of, 95):6.2f} ms")
    print(f"  recall of copies with likeness {alike.SUGGESTED} or more: {np.mean(hits):.4f} of {len(hits)}")
    if connection.vendor == "sqlite":
        peer(texts[:PEER], posts)


def fill(count: int, organisation_id: int) -> list[str]:
    """Writes posts, versions, cases, comparisons, signatures and bands without the ORM; keys are 1, 2, 3 ... everywhere."""
    from django.db import connection
    from django.utils import timezone

    from yoake.casework.cases.models import Case, Comparison, Post, PostVersion
    from yoake.casework.link import alike
    from yoake.casework.link.models import Band, Signature

    now = timezone.now()
    texts = list(spliced(count, 5))
    keys = range(1, count + 1)

    def in_chunks() -> Iterator[tuple[int, list[alike.Signed]]]:
        for first in range(0, count, CHUNK):
            yield first + 1, alike.sign(texts[first : first + CHUNK])

    def bands() -> Iterator[dict[str, Any]]:
        number = 0
        for first, signed in in_chunks():
            for k, values in enumerate(
                alike.bands_of(np.stack([one.minima for one in signed]), organisation_id), first
            ):
                for value in values:
                    number += 1
                    yield {"id": number, "signature_id": k, "value": value}

    with in_bulk(Band):
        write(Post(network="test", first_seen_at=now), (
            {"id": k, "uid": f"{k:064d}", "native_id": str(k), "current_id": k} for k in keys))  # fmt: skip
        write(PostVersion(seen_at=now), (
            {"id": k, "post_id": k, "content_hash": f"{k:064d}", "text": texts[k - 1]} for k in keys))  # fmt: skip
        write(Case(organisation_id=organisation_id, opened_at=now), ({"id": k, "post_id": k} for k in keys))
        write(Comparison(), ({"id": k, "case_id": k, "version_id": k} for k in keys))
        write(Signature(length=60), (
            {"comparison_id": k, "minima": alike.packed(one.minima), "length": one.length}
            for first, signed in in_chunks() for k, one in enumerate(signed, first)))  # fmt: skip
        write(Band(), bands())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return texts


def peer(texts: list[str], posts: list[tuple[int | None, str]]) -> None:
    """Datasketch on the same texts, folded and cut into the same runs, in memory."""
    from datasketch import MinHash, MinHashLSH

    from yoake.casework.link import alike
    from yoake.detect.text.fold import fold_text

    def minhash(text: str) -> Any:
        bare = re.sub(r"[\d\s]+", "", fold_text(re.sub(r"https?://\S+", " ", text)))
        made = MinHash(num_perm=alike.MINIMA, seed=5)
        made.update_batch([bare[i : i + 3].encode() for i in range(max(len(bare) - 2, 1))])
        return made

    began = time.perf_counter()
    index = MinHashLSH(params=(alike.BANDS, alike.MINIMA // alike.BANDS), num_perm=alike.MINIMA)
    with index.insertion_session() as session:
        for i, text in enumerate(texts):
            session.insert(i, minhash(text))
    print(f"datasketch, {len(texts):,} in memory: stored in {time.perf_counter() - began:.0f} s")
    signs, asks = [], []
    for _at, text in posts:
        t0 = time.perf_counter()
        made = minhash(text)
        t1 = time.perf_counter()
        index.query(made)
        signs.append((t1 - t0) * 1000)
        asks.append((time.perf_counter() - t1) * 1000)
    for name, of in (("sign", signs), ("look up", asks)):
        print(f"  {name:16} p50 {np.percentile(of, 50):6.2f} ms   p95 {np.percentile(of, 95):6.2f} ms")


def main() -> None:
    """Runs each part in a process of its own, with a database of its own."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--signatures", type=int, default=1_000_000)
    options.add_argument("--asked", type=int, default=1000, help="posts that are looked up")
    options.add_argument("--only", choices=("quality", "sqlite", "postgresql"))
    options.add_argument("--part", choices=("quality", "lookup"), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.part:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
        import django

        django.setup()
        quality() if given.part == "quality" else lookup(given.signatures, given.asked)
        return

    def run(part: str, url: str = "") -> None:
        with tempfile.TemporaryDirectory() as data:
            (Path(data) / "db").mkdir()
            environment = {name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")}
            environment |= {"YOAKE_DATA": data, **({"YOAKE_DATABASE_URL": url} if url else {})}
            sizes = ["--signatures", str(given.signatures), "--asked", str(given.asked)]
            command = [sys.executable, "-m", "bench.near", "--part", part, *sizes]
            subprocess.run(command, env=environment, check=True)

    if given.only in (None, "quality"):
        run("quality")
    if given.only in (None, "sqlite"):
        run("lookup")
    if given.only in (None, "postgresql"):
        with PostgreSQL() as server:
            run("lookup", server.url)


if __name__ == "__main__":
    main()
