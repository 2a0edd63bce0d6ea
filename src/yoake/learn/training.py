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

from yoake.detect.kernels import linear as kernel
from yoake.detect.linear_model import NEVER, LinearModel, closed, columns, sigmoid, with_any
from yoake.errors import BadInput
from yoake.learn.corpus import Corpus, Row, folds

_FEW: Final = 20  # examples of a label; with fewer its calibration is the one of all labels together
_GATE_LOSS: Final = 0.005  # share of unseen harmful rows that a gate without background may lose
_LEAST: Final = 5  # parts, where writers do not make them
_ALARMS: Final = 1e-4  # share of unseen background texts that may be queued


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train; the defaults were chosen on held-out writers of examples/corpus (docs/reference/quality.md)."""

    bits: int = 17
    longest: int = 4
    strength: float = 30.0  # of the labelled rows against the wish for small weights (C)
    gate_strength: float = 30.0
    kept_any: int = 60_000  # weights
    kept_gate: int = 60_000
    kept_label: int = 14_000
    hard_share: float = 0.05  # of unseen hard negatives that may be queued; sets the queue threshold
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and what it said about rows that it had not seen."""

    model: LinearModel
    corpus: Corpus
    unseen: Any  # float64 (rows, labels): probabilities from folds


def train(
    corpus: Corpus,
    background: Sequence[str] = (),
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _words: None,
) -> Trained:
    """Trains a model.

    Args:
        corpus: labelled rows.
        background: harmless texts; they teach the gate, and those that come near it teach the judges behind it.
        settings: None: the defaults.
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
    counts = _matrix(columns(corpus.folded()), given)
    idf = _idf(counts)
    matrix = _unit(counts, idf)
    parts = folds(corpus, _LEAST, given.seed)
    often = np.sqrt(np.asarray((counts > 0).sum(axis=0)).ravel())
    has_rest = bool(harmful.any() and not harmful.all())
    gate = _Gate(matrix, harmful, parts, background, idf, given, progress) if len(background) and has_rest else None
    # everyday texts that come near the gate teach the judges behind it too
    hard = gate.ground[gate.nearest] if gate else matrix[:0]
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
    own_shares = _calibrate(own_unseen, told)
    any_shares = (
        _calibrate(any_unseen[:, None], told.any(axis=1, keepdims=True))[0] if has_rest else np.array([NEVER, 0.0])
    )
    own_logits = own_shares[:, 0] + own_shares[:, 1] * own_unseen
    spoken = sigmoid(with_any(own_logits, any_shares[0] + any_shares[1] * any_unseen))
    unseen, hard_unseen = spoken[: len(parts)], spoken[len(parts) :]
    queue = _queue_threshold(unseen, harmful, given.hard_share)
    gate_fit, gate_unseen = (gate.fit, gate.unseen) if gate else (any_fit, any_unseen)
    gate_pass = NEVER
    if gate:
        gate_pass = gate.passes(hard_unseen.max(axis=1) >= queue)
    elif has_rest:
        gate_pass = min(float(np.quantile(any_unseen[harmful], _GATE_LOSS)), -4.0) - 2.0
    unseen = closed(unseen, gate_unseen - gate_pass)
    model = LinearModel(
        labels=tuple(labels),
        bits=given.bits,
        longest=given.longest,
        idf=idf.astype(np.float32),
        gate=_kept(gate_fit[0], often, given.kept_gate)[:, None],
        gate_base=float(gate_fit[1]),
        gate_pass=gate_pass,
        own=np.stack([_kept(fit[0] * s, often, given.kept_label) for fit, s in zip(own_fits, own_shares[:, 1], strict=True)], axis=1),
        own_base=own_shares[:, 0] + own_shares[:, 1] * np.array([fit[1] for fit in own_fits]),
        any=_kept(any_fit[0] * any_shares[1], often, given.kept_any)[:, None],
        any_base=float(any_shares[0] + any_shares[1] * any_fit[1]),
        queue=queue,
        high=max(0.9, (1 + queue) / 2),
        version="",
    )  # fmt: skip
    return Trained(model, corpus, unseen)


class _Gate:
    """Harm against everything: the labelled rest and the background."""

    def __init__(
        self,
        matrix: Any,
        harmful: Any,
        parts: Any,
        background: Sequence[str],
        idf: Any,
        given: Settings,
        progress: Callable[[str], None],
    ) -> None:
        self.ground = _unit(_matrix(_texts(background), given), idf)
        ground_parts = np.arange(len(background)) % (parts.max() + 1)
        self.unseen, self.ground_unseen = np.zeros(len(parts)), np.zeros(len(background))
        for part in np.unique(parts):
            progress(f"gate without part {part + 1} of {len(np.unique(parts))}")
            seen, also = parts != part, ground_parts != part
            fit = self._learn(matrix[seen], harmful[seen], self.ground[also], given)
            self.unseen[~seen] = _said(fit, matrix[~seen])
            self.ground_unseen[~also] = _said(fit, self.ground[~also])
        progress("gate on all rows")
        self.fit = self._learn(matrix, harmful, self.ground, given)
        self.nearest = np.argsort(-self.ground_unseen, kind="stable")[: max(len(background) // 50, 1)]

    @staticmethod
    def _learn(matrix: Any, harmful: Any, ground: Any, given: Settings) -> tuple[Any, float]:
        told = np.concatenate([harmful, np.zeros(ground.shape[0], bool)])
        return _fit(sp.vstack([matrix, ground]).tocsr(), told, given.gate_strength)

    def passes(self, would_queue: Any) -> float:
        """The lowest log-odds at which at most one background text in 10,000 would pass and be queued.

        Args:
            would_queue: bool (nearest,), what the judges behind the gate said, unseen.
        """
        said = self.ground_unseen[self.nearest]
        allowed = int(len(self.ground_unseen) * _ALARMS)
        alarming = np.sort(said[would_queue])[::-1]
        least = float(said.min())
        return max(float(alarming[allowed]) + 1e-6 if len(alarming) > allowed else least, least)


def _texts(texts: Sequence[str]) -> tuple[Any, ...]:
    return columns(Corpus([Row(text, ()) for text in texts], [], [], np.zeros(len(texts))).folded())


def _matrix(folded: tuple[Any, ...], given: Settings) -> Any:
    starts, buckets, values = kernel.features(*folded, given.bits, given.longest)
    return sp.csr_matrix((values.astype(np.float64), buckets, starts), shape=(len(starts) - 1, 1 << given.bits))


def _idf(counts: Any) -> Any:
    """float64 (buckets,), through float16 as it is stored, so that training and judging use the same numbers."""
    rows = np.asarray((counts > 0).sum(axis=0)).ravel()
    return (np.log((1 + counts.shape[0]) / (1 + rows)) + 1).astype(np.float16).astype(np.float64)


def _unit(counts: Any, idf: Any) -> Any:
    weighed = (counts @ sp.diags_array(idf)).tocsr()
    norm = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel())
    norm[norm == 0] = 1.0
    return (sp.diags_array(1 / norm) @ weighed).tocsr()


def _fit(matrix: Any, truth: Any, strength: float) -> tuple[Any, float]:
    """Weights (buckets,) and base of a logistic regression; a label that is always or never there gets a base only."""
    if truth.all() or not truth.any():
        return np.zeros(matrix.shape[1]), (5.0 if truth.all() else -5.0)
    fitted = LogisticRegression(C=strength, solver="liblinear", max_iter=200).fit(matrix, truth)
    return fitted.coef_[0], float(fitted.intercept_[0])


def _said(fit: tuple[Any, float], matrix: Any) -> Any:
    return matrix @ fit[0] + fit[1]


def _calibrate(said: Any, truth: Any) -> Any:
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


def _queue_threshold(unseen: Any, harmful: Any, share: float) -> float:
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
