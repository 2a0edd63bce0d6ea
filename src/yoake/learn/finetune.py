"""From rows to a text model: a Hugging Face folder of others, fine-tuned on the same rows as `yoake train` learns from.

One sigmoid a label. A fifth of the rows, by whole groups (whole writers, where they are known), is held out: on it are
chosen the epoch (average precision), the calibration of each label and the queue threshold. The same seed on the same
machine's CPU gives the same model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from yoake.detect.category_keys import FIELDS
from yoake.detect.encoder_model import NFKC, safe_weights, sha256
from yoake.detect.encoder_running import LOCAL, Reader, calibrated, longest_of, need, padded, pretrained, tokens_of
from yoake.detect.linear_model import sigmoid
from yoake.errors import BadInput, Refused
from yoake.learn.corpus import Corpus, folds
from yoake.learn.evaluation import average_precision
from yoake.learn.training import calibrate, queue_threshold

DEVICES: Final = ("auto", "cpu", "cuda")
_HELD_OUT: Final = 0.15  # of the rows at least, where parts are whole writers
_WARM_UP: Final = 0.1  # of all steps, in which the learning rate rises
_DECAY: Final = 0.01
_CLIPPED: Final = 1.0  # length of the gradient
_MOST_WEIGHT: Final = 10.0  # of an example of a rare label
_ALIKE: Final = 50  # batches among which rows of about one length are sorted together
_MISSING: Final = 0.5  # share of the weights that a base may lack: more is another kind of model


@dataclass(frozen=True, slots=True)
class Settings:
    """How to fine-tune."""

    epochs: int = 5
    batch: int = 16
    learning_rate: float = 3e-5
    max_tokens: int = 256
    seed: int = 0
    device: str = "auto"
    hard_share: float = 0.05  # of held-out rows without a label that may be queued; sets the queue threshold


@dataclass(frozen=True, slots=True)
class Tuned:
    """A fine-tuned model, and what it said about rows that it had not learned from."""

    net: Any
    tokenizer: Any
    reader: Reader
    labels: tuple[str, ...]
    calibration: Any  # float64 (labels, 2)
    queue: float
    high: float
    corpus: Corpus
    held: Any  # int64: rows that were held out
    unseen: Any  # float64 (held, labels): their log-odds
    history: tuple[float, ...]  # average precision on them after each epoch
    best: int  # epoch, from 1
    base: dict[str, Any]  # name, kind and hash of what was fine-tuned
    settings: Settings
    device: str


def finetune(
    base: Path,
    corpus: Corpus,
    settings: Settings | None = None,
    progress: Callable[[str], None] = lambda _words: None,
) -> Tuned:
    """Fine-tunes a model.

    Args:
        base: folder of a text model: config.json, tokenizer, *.safetensors; nothing else of it is ever opened.
        corpus: labelled rows, each with a text.
        settings: None: the defaults.
        progress: is told what is being done.

    Raises:
        BadInput: there is nothing to learn, or nothing to hold out, or no such device.
        Refused: packages are missing, or the base cannot be loaded.
    """
    given = settings or Settings()
    labels = corpus.labels()
    _check(corpus, labels)
    held = _held_out(corpus, labels, given.seed)
    learned = np.setdiff1d(np.arange(len(corpus.rows)), held)
    truth = corpus.truth(labels)
    if not (base / "config.json").is_file():
        raise BadInput("--base", str(base), "a folder with config.json, tokenizer files and *.safetensors")
    weights = safe_weights(base)
    (torch,) = need("torch")
    device = _device(torch, given.device)
    torch.manual_seed(given.seed)
    net, tokenizer = _load(base, labels)
    most = min(given.max_tokens, longest_of(net.config, tokenizer))
    reader = Reader(tokens_of(tokenizer), most, NFKC, FIELDS)
    progress("reading")
    told = [reader.ids(one.text, one.context) for one in (reader.read(*_fields(row)) for row in corpus.rows)]
    names = set(tokenizer.model_input_names)
    net.to(device)

    def said(rows: Sequence[int]) -> Any:
        """What the net says of rows, in training or not: a tensor (rows, labels)."""
        arrays = padded([told[row] for row in rows], tokenizer.pad_token_id)
        inputs = {name: torch.from_numpy(array).to(device) for name, array in arrays.items() if name in names}
        return net(**inputs).logits

    wanted = torch.from_numpy(truth.astype(np.float32)).to(device)
    counts = truth[learned].sum(axis=0)
    rare = np.clip(np.sqrt((len(learned) - counts) / np.maximum(counts, 1)), 1.0, _MOST_WEIGHT)
    loss_of = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(rare, dtype=torch.float32, device=device))
    steps = given.epochs * math.ceil(len(learned) / given.batch)
    optimizer, schedule = _optimizer(torch, net, given.learning_rate, steps)
    chance = np.random.default_rng(given.seed)
    lengths = np.array([len(ids) for ids, _ in told])
    patience = max(2, given.epochs // 5)
    history: list[float] = []
    best, best_at, kept, best_raw = (-1.0, -math.inf), 0, None, np.zeros((len(held), len(labels)))
    was = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(device == "cpu")
    try:
        for epoch in range(1, given.epochs + 1):
            net.train()
            batches = list(_batches(learned, lengths, given.batch, chance))
            for number, rows in enumerate(batches, 1):
                loss = loss_of(said(rows), wanted[rows])
                if not torch.isfinite(loss):
                    raise Refused("the training ran away (its loss is no number): give a lower --learning-rate")
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), _CLIPPED)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
                progress(f"epoch {epoch} of {given.epochs}: {number} of {len(batches)}")
            net.eval()
            with torch.inference_mode():
                parts = [said(held[at : at + given.batch]) for at in range(0, len(held), given.batch)]
                raw = torch.cat(parts)
                loss = float(loss_of(raw, wanted[held]))
            found = raw.double().cpu().numpy()
            precision = _mean_precision(truth[held], found)
            history.append(precision)
            if (round(precision, 4), -loss) > best:
                best, best_at, best_raw = (round(precision, 4), -loss), epoch, found
                kept = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
            elif epoch - best_at >= patience:
                break
    finally:
        torch.use_deterministic_algorithms(was)
    net.to("cpu").load_state_dict(kept)
    net.eval()
    calibration = np.round(calibrate(best_raw, truth[held]), 6)
    unseen = calibrated(best_raw, calibration)
    queue = round(queue_threshold(sigmoid(unseen), corpus.harmful()[held], given.hard_share), 6)
    digest = [sha256(file) for file in weights]
    return Tuned(
        net, tokenizer, reader, tuple(labels), calibration, queue, round(max(0.9, (1 + queue) / 2), 6), corpus, held,
        unseen, tuple(history), best_at,
        {"name": base.resolve().name, "kind": net.config.model_type, "sha256": digest}, given, device,
    )  # fmt: skip


def _check(corpus: Corpus, labels: Sequence[str]) -> None:
    if any(row.hashed is not None for row in corpus.rows):
        raise BadInput("--data", "rows of hashed features", "rows with a text: a text model reads texts")
    if not labels:
        raise BadInput("--data", "no label", 'rows with a label that is not "none"')
    if len(labels) == 1 and corpus.harmful().all():
        raise BadInput("--data", f"only {labels[0]}", 'also rows without that label, such as "label": "none"')


def _held_out(corpus: Corpus, labels: Sequence[str], seed: int) -> Any:
    """int64: the rows of the part that shows most labels, and of further ones while it is small (writers)."""
    parts, truth = folds(corpus, seed=seed), corpus.truth(labels)
    order = sorted(np.unique(parts).tolist(), key=lambda part: (-int(truth[parts == part].any(axis=0).sum()), part))
    chosen = np.zeros(len(parts), bool)
    for part in order[:-1]:  # one part is left to learn from
        chosen |= parts == part
        if chosen.mean() >= _HELD_OUT:
            break
    if not truth[chosen].any() or not truth[~chosen].any():
        raise BadInput(
            "--data", f"{len(corpus.rows)} rows", "labelled rows of several groups, so that some can be held out"
        )
    return np.flatnonzero(chosen)


def _device(torch: Any, asked: str) -> str:
    if asked == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device", asked, "cpu or auto: PyTorch finds no CUDA device here")
    return "cuda" if asked != "cpu" and torch.cuda.is_available() else "cpu"


def _fields(row: Any) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in FIELDS)


def _load(base: Path, labels: Sequence[str]) -> tuple[Any, Any]:
    """The base with a new head, and its tokenizer."""
    torch, transformers = need("torch", "transformers")
    _config, tokenizer = pretrained(base)
    if tokenizer.pad_token_id is None:  # models that write text have none
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.sep_token
    if tokenizer.pad_token_id is None:
        raise Refused(f"the tokenizer of {base} has no token to fill up with (pad_token): choose another base")
    try:
        net, report = transformers.AutoModelForSequenceClassification.from_pretrained(
            base,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            problem_type="multi_label_classification",
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            dtype=torch.float32,
            **LOCAL,
        )
    except Exception as problem:  # each library has errors of its own
        said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)[:200]
        raise Refused(
            f"the base {base} cannot be loaded ({said}): copy it again, or choose another text model"
        ) from problem
    sizes = {name: value.numel() for name, value in net.named_parameters()}
    if sum(sizes.get(name, 0) for name in report["missing_keys"]) > _MISSING * sum(sizes.values()):
        raise Refused(f"the weights in {base} are not those of its config.json: copy it again, or choose another base")
    net.config.pad_token_id = tokenizer.pad_token_id
    return net, tokenizer


def _optimizer(torch: Any, net: Any, rate: float, steps: int) -> tuple[Any, Any]:
    """AdamW whose rate rises, then falls to 0; biases and norms do not decay."""
    wide = [value for value in net.parameters() if value.ndim > 1]
    narrow = [value for value in net.parameters() if value.ndim <= 1]
    groups = [{"params": wide, "weight_decay": _DECAY}, {"params": narrow, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    rising = max(1, round(steps * _WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, max(0.0, (steps - step) / max(1, steps - rising)))
    )
    return optimizer, schedule


def _batches(rows: Any, lengths: Any, size: int, chance: np.random.Generator) -> Iterator[Any]:
    """All rows once, in an order left to chance, with texts of about one length together."""
    mixed = chance.permutation(rows)
    parts = []
    for at in range(0, len(mixed), size * _ALIKE):
        some = mixed[at : at + size * _ALIKE]
        some = some[np.argsort(lengths[some], kind="stable")]
        parts += [some[i : i + size] for i in range(0, len(some), size)]
    for number in chance.permutation(len(parts)):
        yield parts[number]


def _mean_precision(truth: Any, said: Any) -> float:
    """Average precision, the mean over labels, each as much as there are rows of it: of three rows it says little."""
    ones = np.ones(len(truth))
    there = np.flatnonzero(truth.any(axis=0))
    each = [average_precision(truth[:, label], said[:, label], ones) for label in there]
    return float(np.average(each, weights=truth[:, there].sum(axis=0)))
