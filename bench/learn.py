"""`make bench-learn`: our training against TF-IDF of char 1-4-grams with logistic regression, and against fastText.

Two sets, no setting touched: janitr (its own split, invented rows and near copies of training rows left out; read from
the folder of public data beside the project, skipped when that is missing) and examples/corpus, its writers held out in
four groups, each judged by models that saw the others. "beats" means that the 95 % interval of the difference, from a
bootstrap over groups, lies above zero. fastText (floret, its upkept fork) has one-vs-all loss, because rows may have
several labels, one thread and a seed. `any` is harm against none: the peers get a model of their own for it.

For the held-out writers also what a patrol would do at the model's own thresholds: harm queued, hard negatives queued,
and what becomes of pleas. `--shipped` measures the shipped judge instead: false alarms on background that it was not
trained on, and the practice stream.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import floret
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from yoake.detect.category import load_categories
from yoake.learn.copies import near_copies
from yoake.learn.corpus import Corpus, Row, read_corpus
from yoake.learn.evaluation import THRESHOLD, unmeasured
from yoake.learn.training import Settings, train

ROOT = Path(__file__).resolve().parents[1]
BACKGROUND = ROOT.parent / "shared" / "data"
HOLDINGS = 4  # groups of writers that are held out together
PLEA = "coerced_applicant"
MEASURES = ("macro F1", "micro F1", "macro AP", "micro AP", "any F1", "any AP")


def main() -> int:
    """Prints tables, then one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=1000, help="of the bootstrap")
    arguments.add_argument("--shipped", action="store_true", help="only the shipped judge")
    given = arguments.parse_args()
    results: dict[str, Any] = {"bench": "learn"}
    if given.shipped:
        results |= shipped()
        print(json.dumps(results))
        return 0
    sides: dict[str, Callable[[Corpus, Corpus], Said]] = {
        "ours": said_by_us,
        "tf-idf": said_by_tfidf,
        "fastText": said_by_fasttext,
    }
    for name, splits in (("janitr", janitr()), ("held-out writers", writers())):
        if not splits:
            print(f"{name}: skipped, the folder is missing")
            continue
        said: dict[str, list[Said]] = {}
        seconds = {}
        for side, says in sides.items():
            began = time.perf_counter()
            said[side] = [says(*split) for split in splits]
            seconds[side] = round(time.perf_counter() - began, 1)
        print(f"\n{name}")
        results[name] = {**compare(splits, said, given.rounds), "seconds": seconds}
        if name != "janitr":
            results[name]["thresholds"] = at_thresholds(splits, said["ours"])
    print(json.dumps(results))
    return 0


Split = tuple[Corpus, Corpus]


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said of rows that it had not seen."""

    labels: Sequence[str]
    own: Any  # float64 (rows, labels)
    harm: Any  # float64 (rows,)
    queued: list[set[str]] | None = None  # by its own thresholds, where it has any


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
    """Groups of writers held out in turn; rows of a group that crosses writers are left out of the training side."""
    corpus = read_corpus(sorted((ROOT / "examples" / "corpus").glob("writer_*.jsonl")))
    found = []
    names = sorted({row.writer for row in corpus.rows})
    for number in range(HOLDINGS):
        away = set(names[number::HOLDINGS])
        held = [i for i, row in enumerate(corpus.rows) if row.writer in away]
        groups = set(corpus.groups[held].tolist())
        rest = (i for i, group in enumerate(corpus.groups.tolist()) if group not in groups)
        found.append((corpus.part(rest), corpus.part(held)))
    return found


@cache
def at_risk() -> frozenset[str]:
    """Labels of people who need help."""
    return frozenset(slug for slug, category in load_categories()[0].items() if category.at_risk)


def said_by_us(seen: Corpus, held: Corpus) -> Said:
    """Our model, trained without background."""
    model = train(seen, settings=Settings(at_risk=tuple(at_risk()))).model
    own, harm = model.probabilities(held.folded())
    return Said(model.labels, own, harm, queues(model.labels, own, harm, model.queue, model.queue_at_risk))


def queues(labels: Sequence[str], own: Any, harm: Any, queue: float, queue_at_risk: float) -> list[set[str]]:
    """Labels that each row is queued under: the likeliest speaks with the probability of any harm; a plea silences the rest."""
    spoken = own.copy()
    rows, top = np.arange(len(own)), own.argmax(axis=1)
    spoken[rows, top] = np.maximum(spoken[rows, top], harm)
    risk = at_risk()
    found = []
    for row in spoken:
        listed = {
            label for label, p in zip(labels, row, strict=True) if p >= (queue_at_risk if label in risk else queue)
        }
        found.append(listed & risk or listed)
    return found


def said_by_tfidf(seen: Corpus, held: Corpus) -> Said:
    """One-vs-rest, every setting of scikit-learn as it comes but for the 1-4-grams."""
    labels = seen.labels()
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4))
    matrix = vectorizer.fit_transform([row.text for row in seen.rows])
    fresh, truth = vectorizer.transform([row.text for row in held.rows]), seen.truth(labels)
    wanted = [*truth.T, seen.harmful()]
    said = [LogisticRegression().fit(matrix, column).predict_proba(fresh)[:, 1] for column in wanted]
    return Said(labels, np.stack(said[:-1], axis=1), said[-1])


def said_by_fasttext(seen: Corpus, held: Corpus) -> Said:
    """Supervised fastText: one model for the labels, one for harm."""
    labels = seen.labels()
    numbers = {label: number for number, label in enumerate(labels)}
    own = _fasttext(seen, held, [[numbers[label] for label in row.labels] for row in seen.rows], len(labels))
    return Said(labels, own, _fasttext(seen, held, [[0] if row.labels else [] for row in seen.rows], 1)[:, 0])


def _fasttext(seen: Corpus, held: Corpus, told: Sequence[Sequence[int]], labels: int) -> Any:
    """float64 (rows, labels): a row is a line of its labels' numbers and its text; what has none has a label of its own."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        for row, listed in zip(seen.rows, told, strict=True):
            file.write(" ".join(f"__label__{n}" for n in listed or [labels]) + f" {_line(row.text)}\n")
        file.flush()
        model = floret.train_supervised(file.name, loss="ova", thread=1, seed=0, verbose=0)
    found = np.zeros((len(held.rows), labels + 1))
    names, said = model.predict([_line(row.text) for row in held.rows], k=-1)
    for place, (listed, probabilities) in enumerate(zip(names, said, strict=True)):
        found[place, [int(name.removeprefix("__label__")) for name in listed]] = probabilities
    return np.clip(found[:, :labels], 0.0, 1.0)


def _line(text: str) -> str:
    return " ".join(text.replace("__label__", " ").split())


class Bootstrap:
    """F1 and average precision of one side under many weightings of the same rows; sorted once."""

    def __init__(self, truth: Any, scores: Any, harm: Any) -> None:
        """`truth` bool and `scores` float64 (rows, labels), `harm` float64 (rows,)."""
        self.rows, self.labels = truth.shape
        harmful = truth.any(axis=1)
        every, told = np.column_stack([scores, harm]), np.column_stack([truth, harmful])
        given = every >= THRESHOLD
        self.hits, self.given, self.told = ((given & told), given, told)
        self.columns = [_sorted(told[:, n], every[:, n], np.arange(self.rows)) for n in range(self.labels + 1)]
        self.micro = _sorted(truth.ravel(), scores.ravel(), np.repeat(np.arange(self.rows), self.labels))

    def figures(self, weight: Any) -> Any:
        """float64 (MEASURES,) where every row counts `weight` (float64 (rows,)) times."""
        hits, given, told = (weight @ one.astype(np.float64) for one in (self.hits, self.given, self.told))
        own = slice(self.labels)
        known = told[own] > 0
        f1 = 2 * hits / np.maximum(given + told, 1e-12)
        ap = np.array([_ap(weight, *column) for column in self.columns])
        micro_f1 = 2 * hits[own].sum() / max((given[own] + told[own]).sum(), 1e-12)
        return np.array(
            [f1[own][known].mean(), micro_f1, ap[own][known].mean(), _ap(weight, *self.micro), f1[-1], ap[-1]]
        )


def _sorted(truth: Any, scores: Any, rows: Any) -> tuple[Any, Any, Any]:
    """Row and truth of each score from high to low, and where a run of equal scores ends."""
    order = np.argsort(-scores, kind="stable")
    return rows[order], truth[order].astype(np.float64), np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))


def _ap(weight: Any, rows: Any, truth: Any, last: Any) -> float:
    """Average precision as `yoake.learn.evaluation.average_precision` has it."""
    counted = weight[rows]
    hits, claims = np.cumsum(counted * truth)[last], np.cumsum(counted)[last]
    if hits[-1] == 0:
        return 0.0
    return float((np.diff(hits, prepend=0.0) * hits / np.maximum(claims, 1e-12)).sum() / hits[-1])


def compare(splits: Sequence[Split], said: dict[str, list[Said]], rounds: int, seed: int = 0) -> dict[str, Any]:
    """Figures of all sides over all splits, and the intervals of ours (the first side) minus each other."""
    labels = sorted({label for _, held in splits for label in held.labels()} - unmeasured())
    shift, groups = 0, []
    for _, held in splits:
        groups.append(held.groups + shift)
        shift += int(held.groups.max()) + 1
    whole = Corpus([row for _, held in splits for row in held.rows], groups=np.concatenate(groups))
    kept = np.flatnonzero([unmeasured().isdisjoint(row.labels) for row in whole.rows])
    whole = whole.part(kept)
    truth = whole.truth(labels)
    sides = {
        name: Bootstrap(
            truth,
            np.concatenate([over(labels, one) for one in listed])[kept],
            np.concatenate([one.harm for one in listed])[kept],
        )
        for name, listed in said.items()
    }
    shown = {name: side.figures(np.ones(len(truth))) for name, side in sides.items()}
    distinct, inverse = np.unique(whole.groups, return_inverse=True)
    chance = np.random.default_rng(seed)
    drawn: dict[str, list[Any]] = {name: [] for name in sides}
    for _ in range(rounds):
        picked = np.bincount(chance.integers(len(distinct), size=len(distinct)), minlength=len(distinct))
        weight = picked[inverse].astype(np.float64)
        for name, side in sides.items():
            drawn[name].append(side.figures(weight))
    ours, *peers = sides
    print(f"{len(truth):,} rows, {len(distinct):,} groups, {int(whole.harmful().sum()):,} with a label")
    print(f"  {'':10}" + "".join(f"{name:>10}" for name in sides) + "   difference to each, 95 %")
    found: dict[str, Any] = {"rows": len(truth), "groups": len(distinct)}
    for n, measure in enumerate(MEASURES):
        told = [f"{shown[name][n]:10.3f}" for name in sides]
        found[measure] = {name: round(float(shown[name][n]), 4) for name in sides}
        for peer in peers:
            difference = np.array(drawn[ours])[:, n] - np.array(drawn[peer])[:, n]
            low, high = np.quantile(difference, [0.025, 0.975]).tolist()
            told.append(f"   {low:+.3f} to {high:+.3f} {'beats' if low > 0 else '     '}")
            found[measure][f"minus {peer}"] = [round(low, 4), round(high, 4)]
        print(f"  {measure:10}" + "".join(told))
    return found


def over(labels: Sequence[str], said: Said) -> Any:
    """Columns in the order of `labels`; 0 for a label that was not trained."""
    found = np.zeros((len(said.own), len(labels)))
    for n, label in enumerate(said.labels):
        if label in labels:
            found[:, labels.index(label)] = said.own[:, n]
    return found


def at_thresholds(splits: Sequence[Split], said: Sequence[Said]) -> dict[str, Any]:
    """What a patrol would do with each row, by the thresholds each model chose without it."""
    rows = [row for _, held in splits for row in held.rows]
    queued = [labels for one in said for labels in one.queued or []]
    pairs = [pair for pair in zip(rows, queued, strict=True) if unmeasured().isdisjoint(pair[0].labels)]
    risk = at_risk()
    pleas = [labels for row, labels in pairs if PLEA in row.labels]
    counted = {
        "harm queued": [bool(labels) for row, labels in pairs if row.labels],
        "hard negatives queued": [bool(labels) for row, labels in pairs if not row.labels],
        "pleas found as at risk": [bool(labels & risk) for labels in pleas],
        "pleas under an offender": [bool(labels - risk) for labels in pleas],
    }
    found = {}
    for name, hits in counted.items():
        print(
            f"  {name:26} {sum(hits):5,} of {len(hits):5,}  {sum(hits) / len(hits):.3f} ({_range(sum(hits), len(hits))})"
        )
        found[name] = [sum(hits), len(hits), *(round(end, 4) for end in wilson(sum(hits), len(hits)))]
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
                f"{name:14} {place:12} {alarms:3} of {len(rows):6,} queued, per 10,000: {alarms / len(rows) * 1e4:.2f} "
                f"({low * 1e4:.2f} to {high * 1e4:.2f}), {speed:,.0f} posts/s with batching"
            )
            results[f"{name} {place}"] = [alarms, len(rows)]
        toxic = BACKGROUND / "japanese_toxic" / "posts.jsonl"
        if toxic.is_file():  # a smoke test: rude is not criminal
            rude = [{"text": json.loads(line)["text"]} for line in toxic.read_text("utf-8").splitlines()]
            alarms = len(queued_rows(detector, rude))
            print(f"{name:14} japanese_toxic {alarms} of {len(rude)} queued ({_range(alarms, len(rude))})")
            results[f"{name} japanese_toxic"] = [alarms, len(rude)]
        found = queued_rows(detector, fields)
        wanted = [i for i, a in enumerate(answers) if a["verdict"] == "in_scope"]
        others = [i for i, a in enumerate(answers) if a["verdict"] == "not_in_scope"]
        right = sum(answers[i]["category"] in found.get(i, set()) for i in wanted)
        alarms = sum(i in found for i in others)
        print(
            f"{name:14} practice     {right} of {len(wanted)} found ({_range(right, len(wanted))}), "
            f"{alarms} of {len(others)} harmless queued ({_range(alarms, len(others))})"
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
