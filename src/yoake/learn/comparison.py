"""Is a new detector better than the one on duty, on the same frozen rows?

The rule (docs/howto/model.md), each difference being new minus serving with a 95 % interval from one bootstrap over groups:

    recall      at the size of the serving one's queue: not worse than by one point (lower end >= -0.01)
    pleas       of at-risk rows, those it queues under an at-risk category: interval not wholly below 0
    labels      average precision of no label with 20 rows or more: interval wholly below 0
    queue       rows it would queue by its own thresholds: at most a quarter more, and five
    better      average precision of harm against none, or recall at that queue size: interval wholly above 0
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from yoake.detect.detector import Detector
from yoake.errors import BadInput
from yoake.learn.corpus import Corpus
from yoake.learn.evaluation import average_precision
from yoake.tables.findings import queued
from yoake.tables.posts import posts_batch

MARGIN: Final = 0.01
GROWTH: Final = 1.25
FEW: Final = 20
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """What a detector said about rows."""

    scores: Any  # float64 (rows, labels): highest score of a finding; 0 where it found nothing
    queued: Any  # bool (rows, labels): whether that finding would queue the row


def ask(detector: Detector, corpus: Corpus, labels: Sequence[str]) -> Said:
    """Lets a detector judge every row. Raises BadInput for rows of hashed features, which nobody can judge anew."""
    if any(row.hashed is not None for row in corpus.rows):
        raise BadInput("benchmark", "rows of hashed features", "rows with a text")
    numbers = {label: number for number, label in enumerate(labels)}
    scores = np.zeros((len(corpus.rows), len(labels)))
    queue = np.zeros(scores.shape, bool)
    now = datetime.now(UTC)
    for first in range(0, len(corpus.rows), _BATCH):
        posts = posts_batch(
            [
                {
                    "network": "benchmark", "native_id": str(first + i), "seen_at": now,
                    "text": row.text, "profile": row.profile, "parent_text": row.parent_text,
                }
                for i, row in enumerate(corpus.rows[first : first + _BATCH])
            ]
        )  # fmt: skip
        for finding in detector.judge(posts).to_pylist():
            number = numbers.get(finding["category"])
            if number is not None:
                row = first + finding["row"]
                scores[row, number] = max(scores[row, number], finding["score"])
                queue[row, number] |= queued(finding)
    return Said(scores, queue)


def compare(
    corpus: Corpus,
    labels: Sequence[str],
    serving: Said,
    new: Said,
    at_risk: Collection[str] = (),
    *,
    rounds: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures and what the rule says.

    Args:
        corpus: the frozen rows; labels of theirs that are not in `labels` count as harm all the same.
        labels: columns of what was said.
        serving: by the detector on duty.
        new: by the one that wants to be.
        at_risk: labels of people who need help.
        rounds: of the bootstrap over groups.
        seed: of the bootstrap.

    Returns:
        {rows, groups, queue_size, tests: [{name, label, serving, new, low, high, passed}], better, passed}
    """
    harmful = corpus.harmful()
    if not harmful.any() or harmful.all():
        raise BadInput("benchmark", "rows of one kind", "rows with a label, and rows labelled none")
    truth = corpus.truth(labels)
    risk = np.array([label in at_risk for label in labels], bool)
    measured = [number for number in range(len(labels)) if truth[:, number].sum() >= FEW]

    def figures(weight: Any) -> Any:
        """float64 (2, measures): serving and new."""
        queue = float((weight * serving.queued.any(axis=1)).sum()) or float((weight * harmful).sum())
        pleas = weight * truth[:, risk].any(axis=1)
        out = []
        for said in (serving, new):
            top = said.scores.max(axis=1)
            helped = float((pleas * said.queued[:, risk].any(axis=1)).sum() / pleas.sum()) if pleas.sum() else 0.0
            out.append(
                [average_precision(harmful, top, weight), recall_within(harmful, top, weight, queue), helped]
                + [average_precision(truth[:, number], said.scores[:, number], weight) for number in measured]
            )
        return np.array(out)

    ones = np.ones(len(corpus.rows))
    whole = figures(ones)
    groups, inverse = np.unique(corpus.groups, return_inverse=True)
    chance = np.random.default_rng(seed)
    drawn = []
    for _ in range(rounds):
        weight = np.bincount(chance.integers(len(groups), size=len(groups)), minlength=len(groups))[inverse]
        both = figures(weight.astype(np.float64))
        drawn.append(both[1] - both[0])
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)

    def test(name: str, at: int, passed: bool, label: str = "") -> dict[str, Any]:
        return {
            "name": name, "label": label, "serving": round(float(whole[0, at]), 4), "new": round(float(whole[1, at]), 4),
            "low": round(float(low[at]), 4), "high": round(float(high[at]), 4), "passed": bool(passed),
        }  # fmt: skip

    sizes = [int(said.queued.any(axis=1).sum()) for said in (serving, new)]
    tests = [test("recall", 1, low[1] >= -MARGIN)]
    if truth[:, risk].any():
        tests.append(test("pleas", 2, high[2] >= 0))
    tests += [test("label", 3 + i, high[3 + i] >= 0, labels[number]) for i, number in enumerate(measured)]
    tests.append(
        {
            "name": "queue", "label": "", "serving": sizes[0], "new": sizes[1], "low": None, "high": None,
            "passed": sizes[1] <= sizes[0] * GROWTH + 5,
        }
    )  # fmt: skip
    tests.append(test("better", 0, low[0] > 0 or low[1] > 0))
    return {
        "rows": len(corpus.rows),
        "groups": len(groups),
        "queue_size": sizes[0] or int(harmful.sum()),
        "tests": tests,
        "passed": all(one["passed"] for one in tests),
    }


def recall_within(truth: Any, scores: Any, weight: Any, size: float) -> float:
    """Share of the true rows among the `size` highest; rows of one score are taken in proportion."""
    wanted = float((weight * truth).sum())
    if not wanted:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    claims = np.append(0.0, np.cumsum(weight[order])[last])
    hits = np.append(0.0, np.cumsum((weight * truth)[order])[last])
    return float(np.interp(size, claims, hits) / wanted)
