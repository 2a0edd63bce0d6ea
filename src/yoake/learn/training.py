"""From rows to a model: one-vs-rest logistic regression over hashed character runs, calibrated on rows it did not see.

The gate learns harm against everything, background included. What passes it is judged by `any` (harm against the
labelled rest) and one vector a label, both learned from the labelled rows and the few background rows that come near the
gate: a judge that learns from thousands of short plain rows learns that short is harmless. Every number of the calibration and every
threshold comes from rows of other groups (of other writers, where writers are known).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from yoake.detect.linear_model import NEVER, LinearModel, bounded, closed, gate_bits, sigmoid
from yoake.errors import BadInput
from yoake.learn.corpus import Corpus, Row, folds

_FEW: Final = 20  # examples of a label; with fewer its calibration is the one of all labels together
_GATE_LOSS: Final = 0.01  # share of unseen harmful rows that the gate may lose
_LEAST: Final = 5  # parts, where writers do not make them
_ALARMS: Final = 2e-4  # share of unseen background texts that may be queued


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; the defaults were chosen on held-out writers of examples/corpus (docs/reference/quality.md)."""

    bits: int = 17
    longest: int = 4
    damping: float = 1000.0  # a post of 80 characters has about eight times as much of its own
    strength: float = 60.0  # of the labelled rows against the wish for small weights (C)
    gate_strength: float = 3.0
    gate_share: float = 0.03  # of the background that may pass the gate
    near_share: float = 0.1  # of the background, what comes nearest to harm: it teaches the judges too
    kept_any: int = 60_000  # weights
    kept_label: int = 14_000
    hard_share: float = 0.045  # of unseen hard negatives that may be queued; sets the queue threshold
    at_risk: tuple[str, ...] = ()  # labels of people at risk: queued from a lower threshold
    at_risk_share: float = 0.004  # of unseen hard negatives that may be queued beside those, as people at risk
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it said about rows that it had not seen."""

    model: LinearModel
    corpus: Corpus
    unseen: Any  # float64 (rows, labels): probabilities from folds
    unseen_harm: Any  # float64 (rows,): the same of any harm


def train(
    corpus: Corpus,
    background: Sequence[str] = (),
    settings: Settings | None = None,
    harmless: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _words: None,
) -> Trained:
    """Trains a model.

    Args:
        corpus: labelled rows.
        background: harmless texts; they teach the gate, and those that come near it teach the judges behind it.
        settings: None: the defaults.
        harmless: texts without harm that somebody selected: they teach the judges, and tell nothing about how often.
        progress: is told what is being done.

    Raises:
        BadInput: there is nothing to learn (no label, or nothing to tell it from).
    """
    given = settings or Settings()
    labels = corpus.labels()
    truth, harmful = corpus.truth(labels), corpus.harmful()
    if not labels:
        raise BadInput("--data", "no label", 'rows with a label that is not "none"')
    if len(corpus.rows) < 2 or (len(labels) == 1 and bool(harmful.all())):
        raise BadInput("--data", f"only {labels[0]}", 'also rows without that label, such as "label": "none"')
    counts = _matrix(corpus.features(given.bits, given.longest), given)
    idf = _idf(counts)
    matrix = _unit(counts, idf, given.damping)
    parts = folds(corpus, _LEAST, given.seed)
    often = np.sqrt(np.asarray((counts > 0).sum(axis=0)).ravel())
    has_rest = bool(harmful.any() and not harmful.all())
    gate = _Gate(counts, harmful, parts, background, given, progress) if len(background) and has_rest else None
    # everyday texts that come near the gate teach the judges behind it too
    near = _unit(gate.near, idf, given.damping) if gate else matrix[:0]
    hard = sp.vstack([near, _unit(_counts(harmless, given), idf, given.damping)]) if len(harmless) else near
    whole = sp.vstack([matrix, hard]).tocsr()
    told = np.concatenate([truth, np.zeros((hard.shape[0], len(labels)), bool)])
    whole_parts = np.concatenate([parts, np.arange(hard.shape[0]) % (parts.max() + 1)])
    any_unseen, own_unseen = np.zeros(len(told)), np.zeros(told.shape)
    for part in np.unique(parts):
        progress(f"judges without part {part + 1} of {len(np.unique(parts))}")
        seen, held = np.flatnonzero(whole_parts != part), np.flatnonzero(whole_parts == part)
        any_unseen[held] = _said(_fit(whole[seen], told[seen].any(axis=1), given.strength), whole[held])
        for number in range(len(labels)):
            own_unseen[held, number] = _said(_fit(whole[seen], told[seen, number], given.strength), whole[held])
    progress("judges on all rows")
    any_fit = _fit(whole, told.any(axis=1), given.strength)
    own_fits = [_fit(whole, told[:, number], given.strength) for number in range(len(labels))]
    own_shares = calibrate(own_unseen, told)
    any_shares = (
        calibrate(any_unseen[:, None], told.any(axis=1, keepdims=True))[0] if has_rest else np.array([NEVER, 0.0])
    )
    any_logits = any_shares[0] + any_shares[1] * any_unseen
    spoken = sigmoid(bounded(own_shares[:, 0] + own_shares[:, 1] * own_unseen, any_logits))
    harm = np.maximum(spoken.max(axis=1), sigmoid(any_logits))
    unseen, unseen_harm, beyond = (
        spoken[: len(parts)],
        harm[: len(parts)],
        slice(len(parts), len(parts) + near.shape[0]),
    )
    queue = queue_threshold(unseen_harm[:, None], harmful, given.hard_share)
    gate_bias, gate_pass = 0.0, NEVER  # without background everything is looked at
    gate_weights = np.zeros(1 << gate_bits(given.bits))
    if gate:
        (gate_weights, gate_bias), gate_pass = gate.fit, gate.passing
        unseen, unseen_harm = closed(unseen, unseen_harm, gate.unseen - gate_pass)
        queue = max(queue, _quiet(harm[beyond], len(background)))
    early = [labels.index(label) for label in given.at_risk if label in labels]
    queue_at_risk = queue
    if early:
        queue_at_risk = min(queue, queue_threshold(unseen[:, early], harmful, given.at_risk_share))
        if gate:
            pleas, loud = spoken[beyond][:, early].max(axis=1), harm[beyond] >= queue
            # what any harm queues already is part of the same alarms
            queue_at_risk = max(queue_at_risk, min(queue, _quiet(np.where(loud, 1.0, pleas), len(background))))
    model = LinearModel(
        labels=tuple(labels),
        bits=given.bits,
        longest=given.longest,
        damping=given.damping,
        idf=idf.astype(np.float32),
        gate=gate_weights.astype(np.float32),
        gate_base=float(gate_bias),
        gate_pass=gate_pass,
        own=np.stack([_kept(fit[0] * s, often, given.kept_label) for fit, s in zip(own_fits, own_shares[:, 1], strict=True)], axis=1),
        own_base=own_shares[:, 0] + own_shares[:, 1] * np.array([fit[1] for fit in own_fits]),
        any=_kept(any_fit[0] * any_shares[1], often, given.kept_any)[:, None],
        any_base=float(any_shares[0] + any_shares[1] * any_fit[1]),
        queue=queue,
        queue_at_risk=queue_at_risk,
        high=max(0.9, (1 + queue) / 2),
        version="",
    )  # fmt: skip
    return Trained(model, corpus, unseen, unseen_harm)


class _Gate:
    """Harm against everything: the labelled rest and the background.

    `near`: the runs and words of the background texts that pass or nearly do; `passing`: the log-odds from which a post passes.
    """

    def __init__(
        self,
        counts: Any,
        harmful: Any,
        parts: Any,
        background: Sequence[str],
        given: Settings,
        progress: Callable[[str], None],
    ) -> None:
        ground_counts = _counts(background, given)
        matrix, ground = _screened(counts, given), _screened(ground_counts, given)
        ground_parts = np.arange(len(background)) % (parts.max() + 1)
        self.unseen, ground_unseen = np.zeros(len(parts)), np.zeros(len(background))
        for part in np.unique(parts):
            progress(f"gate without part {part + 1} of {len(np.unique(parts))}")
            seen, also = parts != part, ground_parts != part
            fit = self._learn(matrix[seen], harmful[seen], ground[also], given)
            self.unseen[~seen] = _said(fit, matrix[~seen])
            ground_unseen[~also] = _said(fit, ground[~also])
        progress("gate on all rows")
        self.fit = self._learn(matrix, harmful, ground, given)
        most = float(np.quantile(ground_unseen, 1 - given.gate_share))
        self.passing = min(most, float(np.quantile(self.unseen[harmful], _GATE_LOSS)))
        self.near = ground_counts[ground_unseen >= min(self.passing, np.quantile(ground_unseen, 1 - given.near_share))]

    @staticmethod
    def _learn(matrix: Any, harmful: Any, ground: Any, given: Settings) -> tuple[Any, float]:
        told = np.concatenate([harmful, np.zeros(ground.shape[0], bool)])
        return _fit(sp.vstack([matrix, ground]).tocsr(), told, given.gate_strength)


def _screened(counts: Any, given: Settings) -> Any:
    """What the gate reads: how often each bucket of its table occurs, over the square root of all occurrences."""
    rows = counts.tocoo()
    often = np.rint(np.exp(rows.data - 1))  # the values are 1 + ln count
    narrow = rows.col >> (given.bits - gate_bits(given.bits))
    found = sp.csr_matrix((often, (rows.row, narrow)), shape=(counts.shape[0], 1 << gate_bits(given.bits)))
    total = np.asarray(found.sum(axis=1)).ravel()
    return (sp.diags_array(1 / np.sqrt(np.maximum(total, 1.0))) @ found).tocsr()


def _quiet(said: Any, background: int) -> float:
    """The probability above which at most two unseen background texts in 10,000 lie; at most .95.

    Args:
        said: float64 (texts that passed the gate,), what the judges said of them, unseen.
        background: how many texts there were before the gate.
    """
    allowed = int(background * _ALARMS)
    alarming = np.sort(said)[::-1]
    return min(float(alarming[allowed]) + 1e-6, 0.95) if len(alarming) > allowed else 0.0


def _counts(texts: Sequence[str], given: Settings) -> Any:
    plain = Corpus([Row(text, ()) for text in texts], groups=np.arange(len(texts)))
    return _matrix(plain.features(given.bits, given.longest), given)


def _matrix(found: tuple[Any, Any, Any], given: Settings) -> Any:
    starts, buckets, values = found
    return sp.csr_matrix((values.astype(np.float64), buckets, starts), shape=(len(starts) - 1, 1 << given.bits))


def _idf(counts: Any) -> Any:
    """float64 (buckets,), through float16 as it is stored, so that training and judging use the same numbers."""
    rows = np.asarray((counts > 0).sum(axis=0)).ravel()
    return (np.log((1 + counts.shape[0]) / (1 + rows)) + 1).astype(np.float16).astype(np.float64)


def _unit(counts: Any, idf: Any, damping: float) -> Any:
    weighed = (counts @ sp.diags_array(idf)).tocsr()
    norm = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel() + damping)
    norm[norm == 0] = 1.0
    return (sp.diags_array(1 / norm) @ weighed).tocsr()


def _fit(matrix: Any, truth: Any, strength: float) -> tuple[Any, float]:
    """Weights (buckets,) and base of a logistic regression; a label that is always or never there gets a base only."""
    if truth.all() or not truth.any():
        return np.zeros(matrix.shape[1]), (5.0 if truth.all() else -5.0)
    # the dual problem has the same solution and is found five times as fast
    fitted = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=1000, tol=0.01, random_state=0)
    fitted.fit(matrix, truth)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _said(fit: tuple[Any, float], matrix: Any) -> Any:
    return matrix @ fit[0] + fit[1]


def calibrate(said: Any, truth: Any) -> Any:
    """float64 (labels, 2): base and share (>= 0) of each label's log-odds, by Platt's way on unseen rows."""

    def platt(one: Any, is_true: Any) -> Any:
        fitted = LogisticRegression(C=10.0, max_iter=500).fit(one[:, None], is_true)
        return np.array([fitted.intercept_[0], max(fitted.coef_[0][0], 0.0)])

    pooled = platt(said.ravel(), truth.ravel()) if 0 < truth.sum() < truth.size else np.array([0.0, 1.0])
    found = []
    for number in range(truth.shape[1]):
        enough = min(truth[:, number].sum(), (~truth[:, number]).sum()) >= _FEW
        found.append(platt(said[:, number], truth[:, number]) if enough else pooled)
    return np.array(found)


def queue_threshold(unseen: Any, harmful: Any, share: float) -> float:
    """Probability from which a person should look: at most `share` of unseen hard negatives reach it; .2 to .9."""
    if harmful.all():
        return 0.5
    return float(np.clip(np.quantile(unseen[~harmful].max(axis=1), 1 - share), 0.2, 0.9))


def _kept(weights: Any, often: Any, count: int) -> Any:
    """float32 (buckets,): the `count` weights that move the most posts; the others are 0."""
    if np.count_nonzero(weights) <= count:
        return weights.astype(np.float32)
    moved = np.abs(weights) * (often + 0.1)
    least = np.partition(moved, -count)[-count]
    return np.where(moved >= least, weights, 0.0).astype(np.float32)
