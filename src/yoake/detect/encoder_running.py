"""Runs a text model: from texts to log-odds of its labels, on the CPU, without ever reaching a network.

Posts go through the net one by one and only the shortened texts of one post together: how a number is rounded depends on
its neighbours, and a finding must not.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from yoake.detect.encoder_model import NFKC, EncoderModel, longest
from yoake.errors import Refused

_BATCH: Final = 16
_PLACES: Final = 4  # decimals of log-odds; what comes after them is the machine's
_CODE_POINTS: Final = 32  # of a text, for each token that may be read; no tokenizer needs more
_CONTEXT: Final = 4  # a quarter of the tokens, where text and context do not both fit
_PADS: Final = ("[PAD]", "<pad>", "<|endoftext|>", "</s>")
_MOST: Final = 50.0  # log-odds; beyond them a probability is 0 or 1


class Reading(NamedTuple):
    """What a model reads of a post: the beginnings of its fields."""

    text: str
    profile: str
    parent_text: str

    @property
    def context(self) -> str:
        """What stands beside the text."""
        return "\n".join(part for part in (self.parent_text, self.profile) if part)


class Tokens(Protocol):
    """Text and context ("" for none) to token numbers and the part each belongs to."""

    def __call__(self, text: str, context: str) -> tuple[list[int], list[int]]: ...


class Net(Protocol):
    """Token numbers to what the model says."""

    def __call__(self, batch: Sequence[tuple[list[int], list[int]]]) -> Any:
        """float64 (texts, outputs)."""
        ...


def need(*names: str) -> tuple[Any, ...]:
    """Packages of the extras `encoder` and `onnx`. Raises Refused when one is not installed."""
    # Read by the libraries when they are imported: nothing is looked for outside, nothing is reported to anybody.
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"
    try:
        return tuple(import_module(name) for name in names)
    except ImportError as problem:
        extra, made = ("onnx", "") if set(names) <= {"tokenizers", "onnxruntime"} else ("encoder", "make encoder, or ")
        raise Refused(
            f"this text model needs the packages {', '.join(names)}, which are not all installed ({problem}): install the "
            f"extra `{extra}` ({made}pip install 'yoake[{extra}]'), or choose another model"
        ) from None


class Reader:
    """Cuts posts to what a model can take, and makes tokens of them.

    Args:
        tokens: the tokenizer.
        most: tokens that the model can take.
        reads: AS_IS or NFKC.
        fields: which fields are read.
    """

    def __init__(self, tokens: Tokens, most: int, reads: str, fields: Sequence[str]) -> None:
        self._tokens, self.most, self._reads, self._fields = tokens, most, reads, frozenset(fields)

    def read(self, text: str, profile: str = "", parent_text: str = "") -> Reading:
        """As much as fits: when all is too long, of the context a quarter of the tokens, then of the text."""
        profile = profile if "profile" in self._fields else ""
        parent_text = parent_text if "parent_text" in self._fields else ""
        whole = Reading(text, profile, parent_text)
        if self._fits(whole.text, whole.context):
            return whole
        quarter = self.most // _CONTEXT
        kept = _beginning(whole.context, lambda part: len(self.ids(part, "")[0]) <= quarter, quarter * _CODE_POINTS)
        parent_text = parent_text[:kept]
        profile = profile[: max(kept - len(parent_text) - 1 if parent_text else kept, 0)]
        context = Reading(text, profile, parent_text).context
        kept = _beginning(text, lambda part: self._fits(part, context), self.most * _CODE_POINTS)
        return Reading(text[:kept], profile, parent_text)

    def ids(self, text: str, context: str) -> tuple[list[int], list[int]]:
        """Token numbers of a text and its context, and the part each belongs to."""
        if self._reads == NFKC:
            text, context = plain(text), plain(context)
        return self._tokens(text, context)

    def _fits(self, text: str, context: str) -> bool:
        if len(text) + len(context) > self.most * _CODE_POINTS:
            return False
        return len(self.ids(text, context)[0]) <= self.most


class RunningEncoder:
    """A loaded model.

    Raises:
        Refused: it cannot be loaded (packages missing, weights damaged, no head for labels); the sentence says what to do.
    """

    def __init__(self, model: EncoderModel) -> None:
        self.model = model
        tokens, self._net, most = _onnx(model) if model.onnx else _torch(model)
        self._reader = Reader(tokens, min(model.max_tokens, most or model.max_tokens), model.reads, model.fields)
        self.read = self._reader.read
        self.base = self.log_odds([Reading("", "", "")])[0]  # float64 (labels,): of an empty post

    def log_odds(self, readings: Sequence[Reading]) -> Any:
        """float64 (readings, labels): calibrated log-odds. Raises Refused when the model gives something else."""
        told = [self._reader.ids(reading.text, reading.context) for reading in readings]
        try:
            said = np.concatenate([self._net(told[at : at + _BATCH]) for at in range(0, len(told), _BATCH)])
        except Exception as problem:  # each library has errors of its own
            raise _damaged(self.model, problem) from problem
        if said.shape != (len(told), len(self.model.labels)) or not np.isfinite(said).all():
            raise Refused(
                f"the model {self.model.folder} answers with {said.shape[1:]} numbers or with none, and names "
                f"{len(self.model.labels)} labels: correct id2label in config.json, or labels in model.toml"
            )
        if self.model.single and said.shape[1] > 1:
            others = [np.logaddexp.reduce(np.delete(said, k, axis=1), axis=1) for k in range(said.shape[1])]
            said = said - np.stack(others, axis=1)
        return calibrated(said, self.model.calibration)


def calibrated(said: Any, calibration: Any) -> Any:
    """float64 (texts, labels): log-odds from what a model says; calibration is (labels, 2), base and share."""
    base, share = np.asarray(calibration, np.float64).T
    return np.round(np.clip(base + share * said, -_MOST, _MOST), _PLACES) + 0.0  # no -0.0


def plain(text: str) -> str:
    """Compatibility forms (ＤＭ, ①, ㍿) as plain characters, and without those that nobody sees."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(char for char in normal if unicodedata.category(char) != "Cf")


def _beginning(text: str, fits: Callable[[str], bool], most: int) -> int:
    """How many code points of the text fit."""
    low, high = 0, min(len(text), most)
    if fits(text[:high]):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[:middle]) else (low, middle)
    return low


def padded(batch: Sequence[tuple[list[int], list[int]]], pad: int, length: int = 0) -> dict[str, Any]:
    """Arrays int64 (texts, tokens) of a batch, filled up to the longest text, or to `length`."""
    length = length or max(len(ids) for ids, _ in batch)
    arrays = {name: np.zeros((len(batch), length), np.int64) for name in _INPUTS}
    arrays["input_ids"][:] = pad
    for row, (ids, types) in enumerate(batch):
        arrays["input_ids"][row, : len(ids)] = ids
        arrays["token_type_ids"][row, : len(ids)] = types
        arrays["attention_mask"][row, : len(ids)] = 1
    return arrays


_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
_Loaded = tuple[Tokens, Net, int]  # and how many tokens at most, 0 when that is not known


def _damaged(model: EncoderModel, problem: Exception) -> Refused:
    said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
    return Refused(f"the model {model.folder} cannot be loaded ({said[:200]}): copy it again, or choose another model")


# ---------------------------------------------------------------- ONNX


def _onnx(model: EncoderModel) -> _Loaded:
    tokenizers, runtime = need("tokenizers", "onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    options.use_deterministic_compute = True
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(model.folder / "tokenizer.json"))
        session = runtime.InferenceSession(str(model.onnx), options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # each library has errors of its own
        raise _damaged(model, problem) from problem
    inputs = {one.name: one for one in session.get_inputs()}
    output = next((one for one in session.get_outputs() if one.name == "logits"), session.get_outputs()[0])
    if "input_ids" not in inputs or not set(inputs) <= set(_INPUTS) or len(output.shape) != 2:
        raise Refused(
            f"{model.onnx} does not take {', '.join(_INPUTS)} and give (texts, labels), but takes {', '.join(inputs)}: "
            "export it for text classification"
        )
    pad = (tokenizer.padding or {}).get("pad_id")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    pad = next((n for n in map(tokenizer.token_to_id, _PADS) if n is not None), 0) if pad is None else pad
    rows, length = (size if isinstance(size, int) else 0 for size in inputs["input_ids"].shape)
    kinds = {name: np.int32 if "int32" in one.type else np.int64 for name, one in inputs.items()}

    def tokens(text: str, context: str) -> tuple[list[int], list[int]]:
        told = tokenizer.encode(text, context or None)
        return (told.ids, told.type_ids) if told.ids else ([pad], [0])

    def run(batch: Sequence[tuple[list[int], list[int]]]) -> Any:
        step = rows or (len(batch) if "attention_mask" in inputs else 1)  # without a mask nothing may be filled up
        parts = []
        for at in range(0, len(batch), step):
            part = list(batch[at : at + step])
            arrays = padded(part + [([pad], [0])] * (rows - len(part)), pad, length)
            told = session.run([output.name], {name: arrays[name].astype(kind) for name, kind in kinds.items()})
            parts.append(np.asarray(told[0], np.float64)[: len(part)])
        return np.concatenate(parts)

    return tokens, run, length


# ---------------------------------------------------------------- PyTorch


def _torch(model: EncoderModel) -> _Loaded:
    torch, transformers = need("torch", "transformers")
    config, tokenizer = pretrained(model.folder)
    try:
        net, report = transformers.AutoModelForSequenceClassification.from_pretrained(
            model.folder, config=config, dtype=torch.float32, output_loading_info=True, **LOCAL
        )
    except Exception as problem:  # each library has errors of its own
        raise _damaged(model, problem) from problem
    if report["missing_keys"]:
        named = sorted(report["missing_keys"])[0]
        raise Refused(
            f"the model {model.folder} lacks {named} and so has learned no labels: fine-tune it first (yoake finetune "
            f"--base {model.folder})"
        )
    net.eval()
    names = set(tokenizer.model_input_names) & set(_INPUTS)
    pad = next((n for n in (tokenizer.pad_token_id, config.pad_token_id) if n is not None), None)

    def run(batch: Sequence[tuple[list[int], list[int]]]) -> Any:
        step = 1 if pad is None else len(batch)
        parts = []
        with torch.inference_mode():
            for at in range(0, len(batch), step):
                arrays = padded(batch[at : at + step], pad or 0)
                told = net(**{name: torch.from_numpy(arrays[name]) for name in names})
                parts.append(told.logits.double().numpy())
        return np.concatenate(parts)

    return tokens_of(tokenizer), run, longest_of(config, tokenizer)


LOCAL: Final[dict[str, Any]] = {
    "local_files_only": True,
    "trust_remote_code": False,
    "use_safetensors": True,
    "attn_implementation": "eager",  # a config could name a kernel that would be fetched
}


def pretrained(folder: Any) -> tuple[Any, Any]:
    """Configuration and tokenizer of a Hugging Face folder. Raises Refused when they cannot be read."""
    (transformers,) = need("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **local)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
    except Exception as problem:  # each library has errors of its own
        said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)[:200]
        if "trust_remote_code" in str(problem):
            said = "it comes with program code of its own, which is never run"
        raise Refused(
            f"the model {folder} cannot be loaded ({said}): copy it again, or choose one whose kind and tokenizer "
            "the package transformers knows by itself"
        ) from problem
    known = getattr(config, "vocab_size", None)
    if isinstance(known, int) and len(tokenizer) > known:
        raise Refused(
            f"the tokenizer in {folder} has {len(tokenizer)} tokens, its model knows {known}: copy the folder again, or "
            "choose another model"
        )
    return config, tokenizer


def longest_of(config: Any, tokenizer: Any) -> int:
    """How many tokens a model of transformers can read."""
    places = getattr(config, "max_position_embeddings", None)  # whatever its kind of model calls them
    return longest({"max_position_embeddings": places}, {"model_max_length": tokenizer.model_max_length})


def tokens_of(tokenizer: Any) -> Tokens:
    """A tokenizer of transformers as what this file calls one."""

    def tokens(text: str, context: str) -> tuple[list[int], list[int]]:
        told = tokenizer(text, context or None, truncation=False, return_token_type_ids=True, verbose=False)
        ids = told["input_ids"]
        if not ids:
            return [tokenizer.pad_token_id or tokenizer.eos_token_id or 0], [0]
        return ids, told.get("token_type_ids") or [0] * len(ids)

    return tokens
