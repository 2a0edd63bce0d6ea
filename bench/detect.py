"""`make bench-detect`: posts a second of the learned gate and of the whole judge, with its peers beside it in one run.

    gate     folding and `LinearModel.gated`, on everyday posts of 25 characters and of 80
    judge    `serving.load().judge`, spans and sentences included, on everyday posts and 1 % offers. Everyday posts that
             the gate lets through are left out, so that what passes is what the figure is about; how many is printed
    peers    `re` with 100 rules, scikit-learn (hashed char 1-3-grams, linear decision), fastText; a score, no spans
    start    a fresh process to its first judged batch, compiled code cached
    twins    the kernels against their plain twins in tests/detect, on 200 texts

"A core" is a second of processor time of one thread, the best of some rounds: other work on the machine then counts
little. Two cores are two processes by the clock on the wall: true only on a free machine, so the load is printed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import floret
import numpy as np
import pyarrow as pa
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from bench.invented import plain_rules, posts
from yoake.detect.category_keys import FIELDS
from yoake.detect.serving import load
from yoake.detect.text.fold import fold
from yoake.tables.posts import posts_batch

BATCH = 5_000
LENGTHS = (25, 80)
OFFERED = 0.01
LEARNED = 4_000  # posts that the peers learn from
GOALS = {"gate": 2_000_000, "judge": 300_000, "two cores": 1.7, "start": 2.0}


def main() -> int:
    """Prints a table, then one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--posts", type=int, default=100_000)
    arguments.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    given = arguments.parse_args()
    results: dict[str, Any] = {"bench": "detect", "posts": given.posts, "load": os.getloadavg()[0]}
    print(f"{os.cpu_count()} cores, load average {results['load']:.1f}, {given.posts:,} posts")
    detector: Any = load()
    model = detector.learned.model
    for length in LENGTHS:
        plain = batches(posts(given.posts, length))
        columns = [[batch.column(name) for name in FIELDS] for batch in plain]
        folded = [[fold(column) for column in part] for part in columns]
        show(results, f"fold, {length} characters", speed(lambda part: [*map(fold, part)], columns, given))
        show(results, f"gate, {length} characters, folded before", speed(model.gated, folded, given))
        show(results, f"gate, {length} characters, with folding", speed(detector.learned.passing, plain, given))
    stream = {}
    for length in LENGTHS:
        texts, left_out = stream_of(detector, given.posts, length)
        stream[length] = batches(texts)
        passed = sum(int(detector.learned.passing(batch).sum()) for batch in stream[length])
        results[f"passed, {length} characters"] = passed / len(texts)
        print(f"  {passed / len(texts):.4f} of posts of {length} characters pass the gate ({left_out:.4f} left out)")
        detector.judge(stream[length][0])
        found = sum(detector.judge(batch).num_rows for batch in stream[length])
        show(results, f"judge, {length} characters", speed(detector.judge, stream[length], given))
        print(f"  {found:,} findings")
    for name, value in peers(given).items():
        show(results, name, value)
    alone, both = (together(stream[80], processes) for processes in (1, 2))
    results["two cores"] = 2 * alone / both
    print(f"  {'two cores':44} {results['two cores']:12.2f} times one, by the wall (load {os.getloadavg()[0]:.1f})")
    wall, used = min(fresh_process() for _ in range(given.rounds))
    results |= {"start": wall, "start_cpu": used}
    print(f"  {'start to the first judged batch':44} {wall:12.2f} s, of these {used:.2f} s of processor time")
    results["twins"] = twins(posts(200, 80, 0.2))
    print(f"  {'kernels equal their slow twins':44} {results['twins']:12,} texts")
    results["goals"] = {
        "gate": results["gate, 25 characters, with folding"] >= GOALS["gate"],
        "judge": results["judge, 25 characters"] >= GOALS["judge"],
        "two cores": results["two cores"] >= GOALS["two cores"],
        "start": results["start"] < GOALS["start"],
    }
    for name, met in results["goals"].items():
        print(f"  goal {name:10} {GOALS[name]:>12,} {'met' if met else 'NOT met'}")
    print(json.dumps({name: round(value, 4) if isinstance(value, float) else value for name, value in results.items()}))
    return int(not all(results["goals"].values()))


def batches(texts: Sequence[str]) -> list[pa.RecordBatch]:
    """Posts (schema POSTS) of these texts, BATCH at a time."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    rows = [{"network": "bench", "native_id": str(i), "text": text, "seen_at": now} for i, text in enumerate(texts)]
    whole = posts_batch(rows)
    return [whole.slice(first, BATCH) for first in range(0, len(texts), BATCH)]


def stream_of(detector: Any, count: int, length: int) -> tuple[list[str], float]:
    """Everyday posts that do not pass the gate, every hundredth an offer; and the share of everyday posts left out."""
    every = round(1 / OFFERED)
    texts = posts(count + count // 5, length, seed=11)
    shut = np.concatenate([~detector.learned.passing(batch) for batch in batches(texts)])
    quiet = [text for text, out in zip(texts, shut, strict=True) if out]
    offers = posts(count, length, OFFERED)
    found = [offers[i] if i % every == every // 2 else quiet[i % len(quiet)] for i in range(count)]
    return found, float(1 - shut.mean())


def speed(work: Callable[[Any], Any], parts: Sequence[Any], given: argparse.Namespace) -> float:
    """Posts a second of processor time, the best of the rounds; the parts are all posts."""
    return float(given.posts) / min(used(lambda: [work(part) for part in parts]) for _ in range(given.rounds))


def used(work: Callable[[], Any]) -> float:
    """Seconds of processor time of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def show(results: dict[str, Any], name: str, value: float) -> None:
    """Prints a speed and keeps it."""
    results[name] = round(value)
    print(f"  {name:44} {value:12,.0f} posts/s a core")


def peers(given: argparse.Namespace) -> dict[str, float]:
    """The same posts of 80 characters, fewer of them because the peers are slow."""
    texts = posts(max(given.posts // 10, LEARNED), 80, OFFERED)
    taught = [(text, i % 100 == 50) for i, text in enumerate(posts(LEARNED, 80, OFFERED, seed=3))]
    rules = plain_rules()
    vectorizer = HashingVectorizer(analyzer="char", ngram_range=(1, 3))
    linear = LogisticRegression().fit(vectorizer.transform([text for text, _ in taught]), [said for _, said in taught])
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.writelines(f"__label__{int(said)} {text}\n" for text, said in taught)
        file.flush()
        model = floret.train_supervised(file.name, thread=1, seed=0, verbose=0)
    ways: dict[str, Callable[[], Any]] = {
        "peer: re, 100 rules": lambda: [any(rule.search(text) for rule in rules) for text in texts],
        "peer: scikit-learn": lambda: linear.decision_function(vectorizer.transform(texts)),
        "peer: fastText": lambda: model.predict(texts),
    }
    return {name: len(texts) / min(used(way) for _ in range(given.rounds)) for name, way in ways.items()}


def together(parts: Sequence[pa.RecordBatch], processes: int) -> float:
    """Seconds on the wall in which so many processes judge all parts each, from the moment that all are ready."""
    spawn = multiprocessing.get_context("spawn")
    ready, times = spawn.Barrier(processes), spawn.SimpleQueue()
    started = [spawn.Process(target=judge_all, args=(list(parts), ready, times)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()
        if process.exitcode:
            raise RuntimeError("a judging process failed")
    told = [times.get() for _ in started]
    return float(max(ends for _, ends in told) - min(begins for begins, _ in told))


def judge_all(parts: list[pa.RecordBatch], ready: Any, times: Any) -> None:
    """Judges once to compile, waits for the others, judges all."""
    detector = load()
    detector.judge(parts[0])
    ready.wait()
    began = time.monotonic()
    for part in parts:
        detector.judge(part)
    times.put((began, time.monotonic()))


def fresh_process() -> tuple[float, float]:
    """Seconds from starting Python to the first judged batch: on the wall, and of processor time."""
    code = (
        "import time; from yoake.detect.serving import load; from yoake.tables.posts import posts_batch;"
        "load().judge(posts_batch([{'network': 'bench', 'native_id': '1', 'text': '受け子募集 日給5万 DMください'}]));"
        "print(time.process_time())"
    )
    began = time.perf_counter()
    said = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began, float(said.stdout)


def twins(texts: Sequence[str]) -> int:
    """How many texts the twin tests of folding, matching and weighing were run on; raises where a kernel differs."""
    from tests.detect import test_fold, test_linear, test_match

    for text in texts:
        test_fold.test_kernel_equals_plain_twin.hypothesis.inner_test(text)  # type: ignore[attr-defined]
        test_match.test_matcher_equals_plain_twin.hypothesis.inner_test([text])  # type: ignore[attr-defined]
        test_linear.test_kernels_equal_their_slow_twins.hypothesis.inner_test(text, "")  # type: ignore[attr-defined]
    return len(texts)


if __name__ == "__main__":
    raise SystemExit(main())
