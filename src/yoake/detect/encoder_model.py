"""A text model of others, as a folder: what it is called, what its outputs mean, and whether it is still whole.

    config.json, *.safetensors, tokenizer files    as Hugging Face folders have them; run by PyTorch
    model.onnx, tokenizer.json                     run by onnxruntime; goes before *.safetensors where both lie
    model.toml                                     what those do not say; may be missing

    labels        names of the outputs, in their order; without it those of config.json (id2label)
    problem       "multi_label" (a sigmoid each) or "single_label" (one softmax); without it as config.json says
    max_tokens    that are read of a post; without it as many as the model can, at most 512
    reads         "as_is", or "nfkc": compatibility forms made plain, invisible characters taken out
    fields        what is read: the text, and perhaps "profile" and "parent_text"; without it the text alone
    calibration   for each label [base, share]: log-odds = base + share * what the model says
    queue, high   from which probability on a person should look; without them those of the category
    file          name, bytes and sha256 of every file that is read, made by `yoake finetune`: others are then refused

Weights are read from safetensors or ONNX only: a pickle (pytorch_model.bin) can run code when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from yoake.detect.category_keys import FIELDS
from yoake.detect.model import FORMAT, read_model
from yoake.errors import BadInput, Refused

DETECTOR: Final = "encoder"
LAYOUT: Final = 1  # raise when a key changes its meaning
ONNX: Final = "model.onnx"
MULTI: Final = "multi_label"
SINGLE: Final = "single_label"
AS_IS: Final = "as_is"
NFKC: Final = "nfkc"
NOTHING: Final = "none"  # an output of this name is no label
MOST_TOKENS: Final = 512  # where nobody asked for more: time grows faster than the text
_LIMIT: Final = 8192
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZER: Final = (".json", ".txt", ".model", ".vocab")
_AGAIN: Final = "copy the model folder again or fine-tune anew (yoake finetune)"
_PROBLEMS: Final = {
    "multi_label_classification": MULTI,
    "single_label_classification": SINGLE,
}


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """What the folder says."""

    folder: Path
    version: str
    labels: tuple[str, ...]  # of the outputs, in their order
    single: bool  # one softmax over the outputs; else a sigmoid each
    max_tokens: int
    reads: str
    fields: tuple[str, ...]
    calibration: Any  # float64 (labels, 2)
    queue: float | None
    high: float | None
    onnx: Path | None  # None: safetensors


def is_bare(folder: Path) -> bool:
    """Whether this is a text model as others hand it out: without model.toml, and without the card.md that goes with it."""
    if (folder / "model.toml").is_file() or (folder / "card.md").is_file():
        return False
    return (folder / "config.json").is_file() or any(folder.glob("*.onnx"))


def read_encoder(folder: Path) -> EncoderModel:
    """Reads what the folder says, and checks its files; the weights are not loaded (see `encoder_running`).

    Raises:
        Refused: a file is missing, cut, changed or of a kind that is never opened; the sentence says what to do.
        BadInput: model.toml has a value that cannot be.
    """
    keys: dict[str, Any] = {}
    if not is_bare(folder):
        if read_model(folder).detector != DETECTOR:
            raise Refused(f"the model {folder} is for another detector: choose a folder made by yoake finetune")
        keys = tomllib.loads((folder / "model.toml").read_text("utf-8"))
    if keys.get("layout", LAYOUT) != LAYOUT:
        raise Refused(f"the model {folder} has layout {keys['layout']!r}, this program reads {LAYOUT}: fine-tune anew")
    config = _json(folder / "config.json")
    onnx = _onnx(folder)
    if onnx is None:
        safe_weights(folder)
    elif not (folder / "tokenizer.json").is_file():
        raise Refused(f"the model {folder} has no tokenizer.json beside {onnx.name}: {_AGAIN}")
    found = _checked(folder, onnx, keys.get("file"))
    labels = _labels(folder, keys, config)
    told: dict[str, Any] = {
        "labels": labels,
        "problem": _problem(folder, keys, config, len(labels)),
        "max_tokens": _max_tokens(folder, keys, config),
        "reads": _one_of(folder, keys, "reads", (AS_IS, NFKC)),
        "fields": _fields(folder, keys),
        "calibration": _calibration(folder, keys, len(labels)),
        **_thresholds(folder, keys),
    }
    made = version_of(told, found)
    version = made
    if "file" in keys:
        if keys["version"] != made:
            raise Refused(f"{folder / 'model.toml'} was changed by hand: {_AGAIN}")
    elif keys:
        version = f"{keys['version']}-{made}"
    return EncoderModel(
        folder,
        version,
        tuple(labels),
        told["problem"] == SINGLE,
        told["max_tokens"],
        told["reads"],
        tuple(told["fields"]),
        np.array(told["calibration"], np.float64),
        told.get("queue"),
        told.get("high"),
        onnx,
    )


def version_of(told: dict[str, Any], files: dict[str, str]) -> str:
    """16 hex digits over what model.toml says and the sha256 of every file that is read."""
    return hashlib.sha256(json.dumps([LAYOUT, told, files], sort_keys=True).encode()).hexdigest()[:16]


def described(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """The keys of model.toml for a folder whose other files are there: all of `told`, version and files.

    Args:
        folder: holds the weights, the tokenizer and config.json.
        told: labels, problem, max_tokens, reads, fields, calibration, queue and high.
    """
    read = [folder / name for name in sorted(_read(folder, _onnx(folder)))]
    files = {file.name: sha256(file) for file in read}
    shown = {"detector": DETECTOR, "version": version_of(told, files), "format": FORMAT, "layout": LAYOUT, **told}
    listed = [{"name": file.name, "bytes": file.stat().st_size, "sha256": files[file.name]} for file in read]
    return {**shown, "file": listed}


def safe_weights(folder: Path) -> list[Path]:
    """The files of weights that may be opened. Raises Refused when there are none."""
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    for pattern in _PICKLES:
        for file in sorted(folder.glob(pattern)):
            raise Refused(
                f"{file} is a pickle, which can run code when it is opened, and is never read: take the model as "
                "safetensors, or open it where you trust it and write it anew with save_pretrained(folder)"
            )
    raise Refused(f"the folder {folder} has no weights (*.safetensors, or {ONNX} beside tokenizer.json): {_AGAIN}")


def sha256(file: Path) -> str:
    """Hex sha256 of a file. Raises Refused when it cannot be read."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as problem:
        raise Refused(f"{file} cannot be read ({problem.strerror}): {_AGAIN}") from None


# ---------------------------------------------------------------- files


def _onnx(folder: Path) -> Path | None:
    """The ONNX file of the folder (also under onnx/, where others put it), or None."""
    for place in (folder, folder / "onnx"):
        if (place / ONNX).is_file():
            return place / ONNX
    found = sorted(folder.glob("*.onnx"))
    if len(found) > 1:
        raise Refused(f"the folder {folder} has {len(found)} ONNX files: call the one to use {ONNX}")
    return found[0] if found else None


def _read(folder: Path, onnx: Path | None) -> Iterable[str]:
    """Names, relative to the folder, of the files that decide what the model says."""
    for file in folder.iterdir():
        if file.is_file() and (file.suffix in _TOKENIZER or (onnx is None and file.suffix == ".safetensors")):
            yield file.name
    if onnx is not None:
        yield from (file.relative_to(folder).as_posix() for file in onnx.parent.glob(f"{onnx.name}*") if file.is_file())


def _checked(folder: Path, onnx: Path | None, listed: Any) -> dict[str, str]:
    """sha256 of every file that is read; with a list in model.toml they must be those."""
    found = {name: sha256(folder / name) for name in sorted(_read(folder, onnx))}
    if listed is None:
        return found
    try:
        known = {str(file["name"]): (str(file["sha256"]), int(file["bytes"])) for file in listed}
    except (TypeError, KeyError, ValueError):
        raise Refused(f"{folder / 'model.toml'} is damaged (file): {_AGAIN}") from None
    for name, (digest, size) in known.items():
        if name not in found:
            raise Refused(f"the model {folder} has no {name}: {_AGAIN}")
        if found[name] != digest:
            held = (folder / name).stat().st_size
            raise Refused(f"{folder / name} is cut or changed ({held} of {size} bytes): {_AGAIN}")
    if unknown := sorted(found.keys() - known.keys()):
        raise Refused(f"the model {folder} has a file that does not belong to it, {unknown[0]}: {_AGAIN}")
    return found


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        read = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise Refused(f"{file} is damaged ({problem}): {_AGAIN}") from None
    if not isinstance(read, dict):
        raise Refused(f"{file} is damaged (not an object): {_AGAIN}")
    return read


# ---------------------------------------------------------------- keys


def _wrong(folder: Path, key: str, value: object, accepted: str) -> BadInput:
    return BadInput(f"{folder / 'model.toml'} {key}", value, accepted)


def _one_of(folder: Path, keys: dict[str, Any], key: str, accepted: tuple[str, ...]) -> str:
    value = keys.get(key, accepted[0])
    if value not in accepted:
        raise _wrong(folder, key, value, f"one of {', '.join(accepted)}")
    return str(value)


def _labels(folder: Path, keys: dict[str, Any], config: dict[str, Any]) -> list[str]:
    if "labels" in keys:
        named = keys["labels"]
        if not isinstance(named, list) or not all(isinstance(one, str) and one for one in named) or not named:
            raise _wrong(folder, "labels", named, "a list of names, one for each output of the model")
    else:
        named = _id2label(folder, config)
    if len(set(named)) != len(named):
        raise _wrong(folder, "labels", named, "each name once")
    return list(named)


def _id2label(folder: Path, config: dict[str, Any]) -> list[str]:
    told = config.get("id2label")
    if told is None and config:  # what Hugging Face leaves out: two outputs without a name
        count = config.get("num_labels", 2)
        told = {str(i): f"LABEL_{i}" for i in range(count)} if isinstance(count, int) and 0 < count < 10_000 else None
    if not isinstance(told, dict) or set(told) != {str(i) for i in range(len(told))} or not told:
        raise Refused(
            f"the model {folder} does not name its outputs: give them in config.json (id2label) or model.toml (labels)"
        )
    return [str(told[str(i)]) for i in range(len(told))]


def _problem(folder: Path, keys: dict[str, Any], config: dict[str, Any], outputs: int) -> str:
    if "problem" in keys:
        return _one_of(folder, keys, "problem", (MULTI, SINGLE))
    told = config.get("problem_type")
    if told is not None and told not in _PROBLEMS:
        raise Refused(f"the model {folder} is for {told}, which names no label: choose one that classifies")
    return _PROBLEMS[told] if told else SINGLE if outputs > 1 else MULTI


def _max_tokens(folder: Path, keys: dict[str, Any], config: dict[str, Any]) -> int:
    if "max_tokens" in keys:
        most = keys["max_tokens"]
        if not isinstance(most, int) or not 8 <= most <= _LIMIT:
            raise _wrong(folder, "max_tokens", most, f"a whole number from 8 to {_LIMIT}")
        return int(most)
    return min(MOST_TOKENS, longest(config, _json(folder / "tokenizer_config.json")))


def longest(config: dict[str, Any], tokenizer: dict[str, Any]) -> int:
    """How many tokens a model can read, by its config.json and tokenizer_config.json."""
    told, positions = tokenizer.get("model_max_length"), config.get("max_position_embeddings")
    most = told if isinstance(told, int) and 0 < told < _LIMIT else _LIMIT
    if isinstance(positions, int) and positions > 8:
        # Models of RoBERTa's kind count places from pad + 1, and have 514 of them for 512 tokens.
        most = min(most, positions - 2 if positions % 8 == 2 else positions)
    return most


def _fields(folder: Path, keys: dict[str, Any]) -> list[str]:
    fields = keys.get("fields", ["text"])
    if not isinstance(fields, list) or "text" not in fields or not set(fields) <= set(FIELDS):
        raise _wrong(folder, "fields", fields, '"text", and perhaps "profile" and "parent_text"')
    return [name for name in FIELDS if name in fields]


def _calibration(folder: Path, keys: dict[str, Any], outputs: int) -> list[list[float]]:
    pairs = keys.get("calibration", [[0.0, 1.0]] * outputs)
    try:
        found = [[float(base), float(share)] for base, share in pairs]
    except (TypeError, ValueError):
        found = []
    if len(found) != outputs or not all(math.isfinite(base) and 0 <= share < math.inf for base, share in found):
        raise _wrong(folder, "calibration", pairs, "for each label a pair [base, share], share not below 0")
    return found


def _thresholds(folder: Path, keys: dict[str, Any]) -> dict[str, float]:
    if "queue" not in keys and "high" not in keys:
        return {}
    queue, high = keys.get("queue"), keys.get("high")
    if not isinstance(queue, float) or not isinstance(high, float) or not 0 < queue < high < 1:
        raise _wrong(folder, "queue, high", [queue, high], "both, above 0 and below 1, queue below high")
    return {"queue": queue, "high": high}
