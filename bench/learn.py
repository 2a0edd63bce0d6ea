"""`python -m bench.learn`: our training against scikit-learn's TF-IDF of char 1-4-grams with logistic regression.

Two sets, no setting touched: janitr (its own split, invented rows and near copies of training rows left out; read from
the folder of public data beside the project, skipped when that is missing) and examples/corpus with each writer held out
in turn. "beats" means that the 95 % interval of the difference, from a bootstrap over groups, lies above zero.
`--shipped` also measures the shipped judge: false alarms on background that it was not trained on, and the practice stream.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from yoake.learn.copies import near_copies
from yoake.learn.corpus import Corpus, Row, read_corpus
from yoake.learn.evaluation import evaluate
from yoake.learn.training import train

ROOT = Path(__file__).resolve().parents[1]
BACKGROUND = ROOT.parent / "shared" / "data"


def main() -> int:
    """Prints a table, then one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=300, help="of the bootstrap")
    arguments.add_argument("--shipped", action="store_true", help="only the shipped judge")
    given = arguments.parse_args()
    results: dict[str, Any] = {"bench": "learn"}
    if given.shipped:
        results |= shipped()
        print(json.dumps(results))
        return 0
    for name, splits in (("janitr", janitr()), ("held-out writers", writers())):
        if not splits:
            print(f"{name}: skipped, the folder is missing")
            continue
        began = time.perf_counter()
        ours = [said_by_us(*split) for split in splits]
        middle = time.perf_counter()
        peers = [said_by_tfidf(*split) for split in splits]
        seconds = {"ours_s": round(middle - began, 1), "peer_s": round(time.perf_counter() - middle, 1)}
        results[name] = {**compare(splits, ours, peers, given.rounds), **seconds}
    print(json.dumps(results))
    return 0


Split = tuple[Corpus, Corpus]


def janitr() -> list[Split]:
    """Its own split: train + calib against valid."""
    file = BACKGROUND / "janitr" / "posts.jsonl.gz"
    if not file.is_file():
        return []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        read = [row for row in map(json.loads, lines) if row["origin"] != "invented"]
    copies = near_copies([row["text"] for row in read]).all()
    rows = [Row(r["text"], () if r["label"] == "clean" else (r["label"],), str(r.get("author", ""))) for r in read]
    known = {group for group, row in zip(copies, read, strict=True) if row["split"] != "valid"}
    fresh = [i for i, r in enumerate(read) if r["split"] == "valid" and copies[i] not in known]
    corpus = Corpus(rows)
    return [(corpus.part(i for i, r in enumerate(read) if r["split"] != "valid"), corpus.part(fresh))]


def writers() -> list[Split]:
    """Each writer held out in turn; rows of a group that crosses writers are left out of the training side."""
    corpus = read_corpus(sorted((ROOT / "examples" / "corpus").glob("writer_*.jsonl")))
    found = []
    for writer in sorted({row.writer for row in corpus.rows}):
        held = [i for i, row in enumerate(corpus.rows) if row.writer == writer]
        groups = set(corpus.groups[held].tolist())
        rest = (i for i, g in enumerate(corpus.groups.tolist()) if g not in groups)
        found.append((corpus.part(rest), corpus.part(held)))
    return found


def said_by_us(seen: Corpus, held: Corpus) -> tuple[list[str], Any]:
    """Labels and probabilities of our model, trained without background."""
    model = train(seen).model
    return list(model.labels), model.probabilities(held.folded())


def said_by_tfidf(seen: Corpus, held: Corpus) -> tuple[list[str], Any]:
    """The peer: one-vs-rest, every setting of scikit-learn as it comes but for the 1-4-grams."""
    labels = seen.labels()
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4))
    matrix = vectorizer.fit_transform([row.text for row in seen.rows])
    fresh, truth = vectorizer.transform([row.text for row in held.rows]), seen.truth(labels)
    said = [
        LogisticRegression(max_iter=1000).fit(matrix, truth[:, n]).predict_proba(fresh)[:, 1]
        for n in range(len(labels))
    ]
    return labels, np.stack(said, axis=1)


def compare(splits: Sequence[Split], ours: list[Any], peers: list[Any], rounds: int) -> dict[str, Any]:
    """Figures of both over all splits, and the interval of their difference."""
    labels = sorted({label for _, held in splits for label in held.labels()})
    shift, groups = 0, []
    for _, held in splits:
        groups.append(held.groups + shift)
        shift += int(held.groups.max()) + 1
    whole = Corpus([row for _, held in splits for row in held.rows], groups=np.concatenate(groups))
    both = [np.concatenate([over(labels, *said) for said in side]) for side in (ours, peers)]
    shown = [evaluate(whole, labels, said, rounds=0) for said in both]
    chance, distinct = np.random.default_rng(0), np.unique(whole.groups)
    members = [np.flatnonzero(whole.groups == group) for group in distinct]
    measures: dict[str, Callable[[dict[str, Any]], float]] = {
        "macro F1": lambda f: float(f["macro"]["f1"]),
        "micro F1": lambda f: float(f["micro"]["f1"]),
        "macro AP": lambda f: float(f["macro"]["ap"]),
        "micro AP": lambda f: float(f["micro"]["ap"]),
        "any AP": lambda f: float(f["any"]["ap"]),
    }
    differences: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        drawn = np.concatenate([members[g] for g in chance.integers(len(distinct), size=len(distinct))])
        part = whole.part(drawn)
        one, other = (evaluate(part, labels, said[drawn], rounds=0) for said in both)
        for name, measure in measures.items():
            differences[name].append(measure(one) - measure(other))
    print(f"\n{len(whole.rows):,} rows, {len(distinct):,} groups, {int(whole.harmful().sum()):,} with a label")
    print(f"  {'':10} {'ours':>8} {'tf-idf':>8} {'difference, 95 %':>20}")
    found: dict[str, Any] = {"rows": len(whole.rows), "groups": len(distinct)}
    for name, measure in measures.items():
        low, high = np.quantile(differences[name], [0.025, 0.975]).tolist()
        values = [measure(figures) for figures in shown]
        print(
            f"  {name:10} {values[0]:8.3f} {values[1]:8.3f}    {low:+.3f} to {high:+.3f}{'  beats' if low > 0 else ''}"
        )
        found[name] = [round(value, 4) for value in (*values, low, high)]
    return found


def over(labels: Sequence[str], known: Sequence[str], said: Any) -> Any:
    """Columns in the order of `labels`; 0 for a label that was not trained."""
    found = np.zeros((len(said), len(labels)))
    for n, label in enumerate(known):
        if label in labels:
            found[:, labels.index(label)] = said[:, n]
    return found


def shipped() -> dict[str, Any]:
    """The judge on duty against the lexicon alone: background that was held out, and the practice stream."""
    from yoake.detect.detectors.lexicon import Lexicon
    from yoake.detect.serving import load
    from yoake.learn.shipped import background_halves
    from yoake.tables.findings import queued
    from yoake.tables.posts import posts_batch

    def queued_rows(detector: Any, rows: Sequence[dict[str, str]]) -> dict[int, set[str]]:
        full = [
            {**r, "network": "bench", "native_id": str(i), "seen_at": datetime(2026, 11, 20, tzinfo=UTC)}
            for i, r in enumerate(rows)
        ]
        found: dict[int, set[str]] = {}
        for f in detector.judge(posts_batch(full)).to_pylist():
            if queued(f):
                found.setdefault(f["row"], set()).add(f["category"])
        return found

    detectors = {"lexicon": Lexicon(), "judge on duty": load()}
    results: dict[str, Any] = {}
    stream = ROOT / "src" / "yoake" / "collect" / "practice" / "stream.jsonl"
    practice = [json.loads(line) for line in stream.read_text("utf-8").splitlines()]
    fields = [{name: row[name] for name in ("text", "profile", "parent_text")} for row in practice]
    answers = [row["answer"] for row in practice]
    for name, detector in detectors.items():
        for place, (_, held, _) in background_halves(BACKGROUND).items():
            rows = [{"text": text} for text in held]
            queued_rows(detector, rows[:1000])
            began = time.perf_counter()
            alarms = len(queued_rows(detector, rows))
            speed = len(rows) / (time.perf_counter() - began)
            low, high = wilson(alarms, len(rows))
            print(
                f"{name:14} {place:12} {alarms:3} of {len(rows):6,} queued, per 10,000: {alarms / len(rows) * 1e4:.2f} ({low * 1e4:.2f} to {high * 1e4:.2f}), {speed:,.0f} posts/s with batching"
            )
            results[f"{name} {place}"] = [alarms, len(rows)]
        found = queued_rows(detector, fields)
        wanted = [i for i, a in enumerate(answers) if a["verdict"] == "in_scope"]
        others = [i for i, a in enumerate(answers) if a["verdict"] == "not_in_scope"]
        right = sum(answers[i]["category"] in found.get(i, set()) for i in wanted)
        alarms = sum(i in found for i in others)
        print(
            f"{name:14} practice     {right} of {len(wanted)} found ({_range(right, len(wanted))}), {alarms} of {len(others)} harmless queued ({_range(alarms, len(others))})"
        )
        results[f"{name} practice"] = [right, len(wanted), alarms, len(others)]
    return results


def _range(hits: int, count: int) -> str:
    low, high = wilson(hits, count)
    return f"{low:.3f} to {high:.3f}"


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share."""
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


if __name__ == "__main__":
    raise SystemExit(main())
