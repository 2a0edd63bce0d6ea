"""A learned additive model: weights of hashed character runs, in a folder that says what it saw.

    model.toml    what it is: labels, thresholds, hash of the weights, provenance of the data, figures
    weights.npz   arrays, no pickle: how rare each bucket is, and the weights that were worth keeping
    card.md       the same for people

A post is first weighed by one vector, the gate (`kernels/gate.py`): is there anything in it at all? Only what passes is weighed for every
label, and by one vector for harm as such, `any`, which learned from all labels together and so knows more than each of
them. A finding about the likeliest label has the log-odds of `any` when these are higher than its own: a post that is
surely harmful is not lost because two labels share it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from yoake.detect.kernels import linear as kernel
from yoake.detect.kernels.gate import gate_sums
from yoake.detect.model import FORMAT, read_model, to_toml
from yoake.detect.text.fold import Folded, fingerprint
from yoake.errors import Refused
from yoake.tables.findings import FLOOR

DETECTOR: Final = "linear"
WEIGHTS: Final = "weights.npz"
NEVER: Final = -50.0  # log-odds that nothing falls below
_AHEAD: Final = 1.0  # log-odds by which a label may say more than any harm does
LAYOUT: Final = 2  # raise when arrays or hashing change their meaning
_MOST_BITS: Final = 22
_GATE_BITS: Final = 16  # a table that stays in the processor's cache
_MOST_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class LinearModel:
    """The arrays of a model, ready for the kernels."""

    labels: tuple[str, ...]
    bits: int
    longest: int  # characters of the longest run
    damping: float  # kernels.linear.sums
    idf: Any  # float32 (2 ** bits,), > 0
    gate: Any  # float32 (2 ** gate_bits(bits),)
    gate_base: float
    gate_pass: float  # log-odds of the gate from which a post is looked at
    own: Any  # float32 (2 ** bits, labels), calibrated
    own_base: Any  # float64 (labels,)
    any: Any  # float32 (2 ** bits, 1), calibrated
    any_base: float
    queue: float  # a probability from here on is worth a person's look
    queue_at_risk: float  # the same for people at risk, at most as high: a missed plea can cost a life
    high: float
    version: str

    def weights(self) -> Any:
        """float32 (2 ** bits, labels + 1): what each bucket gives the log-odds of each label, and last of any harm."""
        return np.ascontiguousarray(np.concatenate([self.own, self.any], axis=1))

    def bases(self) -> Any:
        """float64 (labels + 1,): log-odds of a post whose runs weigh nothing."""
        return np.append(self.own_base, self.any_base)

    def gated(self, folded: Sequence[Folded]) -> Any:
        """float64 (posts,): log-odds of the gate minus what passes (>= 0 passes); -inf for posts without a character."""
        found = gate_sums(*columns(folded), gate_bits(self.bits), self.longest, self.gate)
        return np.where(np.isnan(found), -np.inf, found + self.gate_base - self.gate_pass)

    def logits(self, folded: Sequence[Folded], weights: Any, chosen: Any) -> Any:
        """float64 (chosen, labels + 1): log-odds of the chosen posts, each vector by itself."""
        found = kernel.sums(*columns(folded), self.bits, self.longest, chosen, self.idf, weights, self.damping)
        return np.where(np.isnan(found), -np.inf, found + self.bases()[None, :])

    def probabilities(self, folded: Sequence[Folded]) -> tuple[Any, Any]:
        """How likely each label is, float64 (posts, labels), and any harm at all, float64 (posts,).

        What does not pass the gate stays below FLOOR, in its order.
        """
        found = self.logits(folded, self.weights(), np.arange(len(folded[0]), dtype=np.int64))
        own, harm = bounded(found[:, :-1], found[:, -1]), found[:, -1]
        return closed(sigmoid(own), sigmoid(np.maximum(own.max(axis=1), harm)), self.gated(folded))


def bounded(own: Any, harm: Any) -> Any:
    """Log-odds (rows, labels) of each label, little more than those of any harm (rows,) where the model has them.

    A label learns from few rows what harm is not: everyday words that only its own rows have ("anything will do") would
    make it sure. Any harm has learned from all rows.
    """
    return np.where(harm[:, None] > NEVER / 2, np.minimum(own, harm[:, None] + _AHEAD), own)


def closed(own: Any, harm: Any, passed: Any) -> tuple[Any, Any]:
    """Probabilities (rows, labels) and (rows,) after the gate: rows with passed < 0 stay below FLOOR, in their order."""
    share = np.where(passed >= 0, 1.0, FLOOR * sigmoid(passed))
    return own * share[:, None], harm * share


def columns(folded: Sequence[Folded]) -> tuple[Any, ...]:
    """Text, profile and parent as the kernels take them: code points, and where each post begins."""
    return tuple(array for one in folded for array in (one.codes, one.rows))


def gate_bits(bits: int) -> int:
    """Bits of the gate's table in a model of 2 ** `bits` buckets: a bucket there is the upper bits of a bucket here."""
    return min(bits, _GATE_BITS)


def sigmoid(logits: Any) -> Any:
    """1 / (1 + exp(-x)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(logits, np.float64)))


def write_linear(folder: Path, model: LinearModel, facts: dict[str, Any], card: str) -> LinearModel:
    """Writes a model folder and gives the model back with its version.

    Args:
        folder: made when it is missing; files of an older model in it are replaced.
        model: its version is made here.
        facts: further tables and values of model.toml (JSON values): provenance, figures.
        card: text of card.md; `{version}` is filled in.
    """
    arrays = {
        "own_base": model.own_base,
        "numbers": np.array([model.gate_base, model.gate_pass, model.any_base, model.damping], np.float64),
        "thresholds": np.array([model.queue, model.queue_at_risk, model.high], np.float64),
        "idf": model.idf.astype(np.float16),
    }
    for name, vectors in (("gate", model.gate[:, None]), ("any", model.any), ("own", model.own)):
        at, label = np.nonzero(vectors)
        order = np.lexsort((at, label))
        arrays |= {
            f"{name}_bucket": at[order].astype(np.uint32 if model.bits > 16 else np.uint16),
            f"{name}_count": np.bincount(label, minlength=vectors.shape[1]).astype(np.int64),
            f"{name}_weight": vectors[at[order], label[order]].astype(np.float32),
        }
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    octets = packed.getvalue()
    keys: dict[str, Any] = {
        "layout": LAYOUT,
        "labels": list(model.labels),
        "bits": model.bits,
        "longest": model.longest,
        "folding": fingerprint(),
        "weights_sha256": hashlib.sha256(octets).hexdigest(),
        "weights_bytes": len(octets),
    }
    version = _version(keys)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(octets)
    shown = {"detector": DETECTOR, "version": version, "format": FORMAT, **keys}
    shown |= {name: round(getattr(model, name), 6) for name in ("queue", "queue_at_risk", "high")}
    (folder / "model.toml").write_text(to_toml({**shown, **facts}), "utf-8")
    (folder / "card.md").write_text(card.replace("{version}", version), "utf-8")
    return read_linear(folder)


def read_linear(folder: Path) -> LinearModel:
    """Reads a model folder.

    Raises:
        Refused: a file is missing, cut, changed or of another layout; the sentence says what to do.
    """
    again = "copy the model folder again or train it anew (yoake train)"
    version = read_model(folder).version
    keys = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    if keys.get("layout") != LAYOUT:
        raise Refused(
            f"the model {folder} has layout {keys.get('layout')!r}, this program reads {LAYOUT}: train it anew"
        )
    if keys.get("folding") != fingerprint():
        raise Refused(f"the model {folder} was trained with another folding of text: train it anew (yoake train)")
    try:
        octets = (folder / WEIGHTS).read_bytes()
    except OSError:
        raise Refused(f"the model {folder} has no readable {WEIGHTS}: {again}") from None
    size, digest = keys.get("weights_bytes"), keys.get("weights_sha256")
    if len(octets) != size or hashlib.sha256(octets).hexdigest() != digest or len(octets) > _MOST_BYTES:
        raise Refused(f"{folder / WEIGHTS} is cut or changed ({len(octets)} of {size} bytes): {again}")
    try:
        if _version({name: keys[name] for name in _NAMED}) != version:
            raise Refused(f"{folder / 'model.toml'} was changed by hand: {again}")
        labels, bits, longest = tuple(map(str, keys["labels"])), int(keys["bits"]), int(keys["longest"])
        if not (8 <= bits <= _MOST_BITS and 1 <= longest <= 8 and labels):
            raise ValueError("bits, longest or labels out of range")
        with np.load(io.BytesIO(octets), allow_pickle=False) as packed:
            arrays = {name: packed[name] for name in packed.files}
        wide = {
            name: _dense(arrays, name, 1 << (gate_bits(bits) if name == "gate" else bits), wide)
            for name, wide in (("gate", 1), ("any", 1), ("own", len(labels)))
        }
        own_base, idf = arrays["own_base"].astype(np.float64), arrays["idf"].astype(np.float32)
        if idf.shape != (1 << bits,) or own_base.shape != (len(labels),):
            raise ValueError("arrays of another size")
        gate_base, gate_pass, any_base, damping = arrays["numbers"].tolist()
        queue, queue_at_risk, high = arrays["thresholds"].tolist()
    except (KeyError, ValueError, TypeError, IndexError, OSError, zipfile.BadZipFile) as problem:
        raise Refused(f"the model {folder} is damaged ({problem}): {again}") from None
    return LinearModel(
        labels, bits, longest, damping, idf, np.ascontiguousarray(wide["gate"][:, 0]), gate_base, gate_pass, wide["own"], own_base, wide["any"], any_base,
        queue, queue_at_risk, high, version,
    )  # fmt: skip


_NAMED: Final = ("layout", "labels", "bits", "longest", "folding", "weights_sha256", "weights_bytes")


def _version(keys: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:16]


def _dense(arrays: dict[str, Any], name: str, buckets: int, labels: int) -> Any:
    counts, at, weights = (arrays[f"{name}_{part}"] for part in ("count", "bucket", "weight"))
    if (
        counts.shape != (labels,)
        or at.shape != weights.shape
        or counts.sum() != len(at)
        or not np.isfinite(weights).all()
    ):
        raise ValueError(f"{name} has arrays of another size")
    found = np.zeros((buckets, labels), np.float32)
    found[at.astype(np.int64), np.repeat(np.arange(labels), counts)] = weights
    return found
