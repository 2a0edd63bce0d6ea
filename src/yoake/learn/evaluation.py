"""How good is a model on rows: precision, recall, F1, average precision, false alarms, calibration, with intervals.

Every interval is a bootstrap over groups (authors, threads, near copies), 2.5 % to 97.5 %. Rows of a category whose folder
says `measured = false` stand in no figure: their true and false posts can be the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from yoake.detect.category import load_categories
from yoake.learn.corpus import Corpus

THRESHOLD: Final = 0.5
RATES: Final = ("1e-4", "1e-3", "1e-2")
_BINS: Final = 10


def evaluate(
    corpus: Corpus,
    labels: Sequence[str],
    said: Any,
    *,
    harm: Any = None,
    rounds: int = 500,
    seed: int = 0,
    threshold: float = THRESHOLD,
) -> dict[str, Any]:
    """Figures of a model (contract: docs/howto/train.md).

    Args:
        corpus: rows that the model has not seen.
        labels: columns of `said`; labels of the corpus that are not among them count as never found.
        said: float64 (rows, labels), probabilities.
        harm: float64 (rows,), probability of any label at all; None: that of the likeliest.
        rounds: of the bootstrap; 0 leaves the intervals out.
        seed: of the bootstrap.
        threshold: from which a label counts as given.
    """
    kept = [i for i, row in enumerate(corpus.rows) if unmeasured().isdisjoint(row.labels)]
    if len(kept) < len(corpus.rows):
        corpus, said, harm = corpus.part(kept), said[kept], None if harm is None else harm[kept]
    columns = [i for i, label in enumerate(labels) if label not in unmeasured()]
    labels, said = [labels[i] for i in columns], said[:, columns]
    every = sorted({*labels, *corpus.labels()})
    scores = np.zeros((len(corpus.rows), len(every)))
    for number, label in enumerate(labels):
        scores[:, every.index(label)] = said[:, number]
    truth = corpus.truth(every)
    ones = np.ones(len(corpus.rows))
    top = scores.max(axis=1, initial=0.0) if harm is None else harm
    found = _figures(every, truth, scores, top, ones, threshold)
    groups, inverse = np.unique(corpus.groups, return_inverse=True)
    answer: dict[str, Any] = {"rows": len(corpus.rows), "groups": len(groups), **found}
    if rounds and len(groups):
        chance = np.random.default_rng(seed)
        drawn = [
            np.bincount(chance.integers(len(groups), size=len(groups)), minlength=len(groups))[inverse].astype(float)
            for _ in range(rounds)
        ]
        answer["ci95"] = _intervals([_figures(every, truth, scores, top, weight, threshold) for weight in drawn])
    return answer


@lru_cache(maxsize=1)
def unmeasured() -> frozenset[str]:
    """Shipped categories that stand in no figure."""
    return frozenset(slug for slug, category in load_categories()[0].items() if not category.measured)


def _figures(labels: Sequence[str], truth: Any, scores: Any, top: Any, weight: Any, threshold: float) -> dict[str, Any]:
    given = scores >= threshold
    w = weight[:, None]
    hits, claims, wanted = (w * (given & truth)).sum(0), (w * given).sum(0), (w * truth).sum(0)
    ap = [average_precision(truth[:, i], scores[:, i], weight) for i in range(len(labels))]
    per_label = {}
    for i, label in enumerate(labels):
        precision, recall, f1 = _three(hits[i], claims[i], wanted[i])
        per_label[label] = {
            "precision": precision, "recall": recall, "f1": f1, "ap": ap[i], "threshold": threshold, "n": int(wanted[i]),
        }  # fmt: skip
    known = [figures for figures in per_label.values() if figures["n"]]
    macro = {k: float(np.mean([f[k] for f in known])) if known else 0.0 for k in ("precision", "recall", "f1", "ap")}
    micro = dict(zip(("precision", "recall", "f1"), _three(hits.sum(), claims.sum(), wanted.sum()), strict=True))
    micro["ap"] = average_precision(truth.ravel(), scores.ravel(), np.repeat(weight, len(labels)))
    harmful = truth.any(axis=1)
    rest = float(weight[~harmful].sum())
    alarms = float((weight * (top >= threshold))[~harmful].sum())
    return {
        "per_label": per_label,
        "macro": macro,
        "micro": micro,
        "any": {"ap": average_precision(harmful, top, weight), "n": int(weight[harmful].sum())},
        "fp_per_10k": alarms / rest * 10_000 if rest else None,
        "recall_at_fpr": {rate: _recall_at(harmful, top, weight, float(rate)) for rate in RATES},
        "ece": float(np.mean([_ece(truth[:, i], scores[:, i], weight) for i in range(len(labels))])) if labels else 0.0,
    }


def _three(hits: float, claims: float, wanted: float) -> tuple[float, float, float]:
    precision = hits / claims if claims else 0.0
    recall = hits / wanted if wanted else 0.0
    return float(precision), float(recall), float(2 * hits / (claims + wanted)) if claims + wanted else 0.0


def average_precision(truth: Any, scores: Any, weight: Any) -> float:
    """Area under the steps of precision over recall; rows of one score count together. 0 without a true row."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum((weight * truth)[order])
    claims = np.cumsum(weight[order])
    if not len(hits) or hits[-1] == 0:
        return 0.0
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits, claims = hits[last], claims[last]
    steps = np.diff(hits, prepend=0.0)
    return float((steps * hits / np.maximum(claims, 1e-12)).sum() / hits[-1])


def _recall_at(harmful: Any, top: Any, weight: Any, rate: float) -> float | None:
    """Recall at the lowest threshold that at most `rate` of the rows without a label reach; None without both kinds."""
    rest, wanted = weight * ~harmful, weight * harmful
    if not rest.sum() or not wanted.sum():
        return None
    order = np.argsort(-top, kind="stable")
    last = np.flatnonzero(np.append(np.diff(top[order]) != 0, True))
    false, true = np.cumsum(rest[order])[last], np.cumsum(wanted[order])[last]
    allowed = np.flatnonzero(false <= rate * rest.sum())
    return float(true[allowed[-1]] / wanted.sum()) if len(allowed) else 0.0


def _ece(truth: Any, scores: Any, weight: Any) -> float:
    """Expected calibration error in ten bins of equal width."""
    place = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    said = np.bincount(place, weight * scores, _BINS)
    true = np.bincount(place, weight * truth, _BINS)
    return float(np.abs(said - true).sum() / max(weight.sum(), 1e-12))


def _intervals(drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """The same tree with [low, high] in place of each number."""
    found: dict[str, Any] = {}
    for name, value in drawn[0].items():
        if name in ("n", "threshold"):
            continue
        values = [one[name] for one in drawn]
        if isinstance(value, dict):
            found[name] = _intervals(values)
            continue
        numbers = [v for v in values if v is not None]
        found[name] = [float(np.quantile(numbers, q)) for q in (0.025, 0.975)] if numbers else None
    return found
