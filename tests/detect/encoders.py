"""Small text models of the tests, made on the spot: what they say of a text can be reckoned by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LABELS = ("criminal_recruitment", "drug_ad", "pottery")
BASE = (-3.0, -5.0, -2.0)
# What one character adds to the log-odds of each label.
WORTH: dict[str, tuple[float, float, float]] = {
    "受": (2.5, 0.0, 0.0),
    "子": (1.5, 0.0, 0.0),
    "闇": (3.0, 0.5, 0.0),
    "草": (0.0, 3.0, 0.0),
    "押": (0.0, 2.5, 0.0),
    "壺": (0.0, 0.0, 6.0),
    "鍋": (-2.0, -2.0, 0.0),
}
PLAIN = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほ募集中札幌で手しDM今日しますいn1。 \n"


def tokenizer(characters: str = "".join(WORTH) + PLAIN) -> Tokenizer:
    """One token a character, between marks as BERT has them."""
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*SPECIAL, *characters]))}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def worth(text: str, base: Sequence[float] = BASE) -> Any:
    """Log-odds of the labels that the model gives a text, reckoned here."""
    return np.array(base) + sum((np.array(WORTH[char]) for char in text if char in WORTH), np.zeros(3))


def onnx_model(
    folder: Path,
    *,
    keys: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    shape: tuple[Any, Any] = ("rows", "tokens"),
    name: str = "model.onnx",
    inputs: Sequence[str] = ("input_ids", "attention_mask"),
) -> Path:
    """A folder with a model that adds up what its tokens are worth.

    Args:
        folder: made when it is missing.
        keys: of model.toml; None: none is written.
        config: of config.json; None: labels as in LABELS, a sigmoid each.
        shape: of what the model takes.
        name: of the ONNX file.
        inputs: names of what it takes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokens = tokenizer()
    tokens.save(str(folder / "tokenizer.json"))
    table = np.zeros((tokens.get_vocab_size(), 3), np.float32)
    for char, weights in WORTH.items():
        table[tokens.token_to_id(char)] = weights
    kept = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array(BASE, np.float32), "base"),
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "tokens_axis"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", inputs[0]], ["worth"]),
        helper.make_node("Cast", [inputs[1]], ["told"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["told", "last"], ["mask"]),
        helper.make_node("Mul", ["worth", "mask"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens_axis"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "base"], ["logits"]),
    ]
    given = [helper.make_tensor_value_info(one, TensorProto.INT64, list(shape)) for one in inputs]
    said = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [shape[0], 3])
    graph = helper.make_graph(nodes, "adds", given, [said], kept)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    (folder / name).parent.mkdir(exist_ok=True)
    onnx.save(made, str(folder / name))
    told = {
        "id2label": {str(i): label for i, label in enumerate(LABELS)},
        "problem_type": "multi_label_classification",
        "max_position_embeddings": 64,
    }
    (folder / "config.json").write_text(json.dumps(told if config is None else dict(config)))
    if keys is not None:
        write_toml(folder, keys)
    return folder


def write_toml(folder: Path, keys: Mapping[str, Any]) -> None:
    """A model.toml for the detector `encoder`."""
    lines = {"detector": "encoder", "version": "by-hand", "format": 1, **keys}
    (folder / "model.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()))
