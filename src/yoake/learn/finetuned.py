"""The folder of a fine-tuned model: a Hugging Face folder that others can read too, with model.toml and card.md."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from yoake.detect.category_keys import FIELDS
from yoake.detect.encoder_model import MULTI, NFKC, ONNX, described, read_encoder
from yoake.detect.encoder_running import RunningEncoder, need, padded, pretrained
from yoake.detect.linear_model import sigmoid
from yoake.detect.model import to_toml
from yoake.errors import BadInput, Refused
from yoake.learn.evaluation import evaluate
from yoake.learn.finetune import Tuned
from yoake.learn.store import provenance, table, unseen

_TRIED: Final = 8  # held-out rows that the written folder must judge as the model in memory does
_APART: Final = 0.01  # log-odds
_OF_A_MODEL: Final = (".toml", ".md", ".json", ".txt", ".model", ".vocab", ".jinja", ".safetensors", ".onnx", ".npz")


def check_onnx(base: Path) -> None:
    """Raises Refused or BadInput when a model of this base could not be written as ONNX."""
    need("onnxruntime", "onnxscript", "tokenizers")
    if not pretrained(base)[1].is_fast:
        accepted = "a base whose tokenizer can stand in a tokenizer.json: an ONNX model is read with nothing else"
        raise BadInput("--onnx", str(base), accepted)


def check_out(folder: Path) -> None:
    """Raises BadInput unless a model may be written there: new, empty, or a model's and nothing else's."""
    if not folder.exists():
        return
    inside = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    model = (folder / "model.toml").is_file() and all(file.suffix in _OF_A_MODEL for file in inside)
    if inside and not model:
        raise BadInput("--out", str(folder), "a new or empty folder, or one that holds a model and nothing else")


def save(tuned: Tuned, folder: Path, *, day: date, onnx: bool = False) -> str:
    """Writes the folder, tries it, and gives back the version of the model.

    Args:
        tuned: the model.
        folder: where to; made when it is missing, replaced when it holds a model.
        day: date of the model.
        onnx: also model.onnx, which is then what judges: it needs neither PyTorch nor transformers.

    Raises:
        Refused: what was written does not judge as the model in memory does.
    """
    torch, transformers = need("torch", "transformers")
    corpus, given = tuned.corpus, tuned.settings
    figures = evaluate(corpus.part(tuned.held), tuned.labels, sigmoid(tuned.unseen), rounds=0)
    writers = {row.writer for row in corpus.rows if row.writer}
    parts = "writers" if len(writers) >= 3 and all(row.writer for row in corpus.rows) else "groups"
    how = f"{len(tuned.held)} rows of held-out {parts}, where epoch, calibration and threshold were chosen"
    told = {
        "labels": list(tuned.labels),
        "problem": MULTI,
        "max_tokens": tuned.reader.most,
        "reads": NFKC,
        "fields": list(FIELDS),
        "calibration": tuned.calibration.tolist(),
        "queue": tuned.queue,
        "high": tuned.high,
    }
    facts = {
        "date": day.isoformat(),
        "rows": len(corpus.rows),
        "groups": len(np.unique(corpus.groups)),
        "base": tuned.base,
        "training": {
            "epochs": len(tuned.history),
            "best_epoch": tuned.best,
            "held_out_ap": [round(value, 4) for value in tuned.history],
            "batch": given.batch,
            "learning_rate": given.learning_rate,
            "seed": given.seed,
            "device": tuned.device,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "unseen": unseen(figures, how),
        "data": [provenance(source, "labelled") for source in corpus.sources],
    }
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        half.mkdir(parents=True)
        tuned.net.save_pretrained(half)
        tuned.tokenizer.save_pretrained(half)
        if onnx:
            _export(torch, tuned, half / ONNX)
        keys = described(half, told)
        (half / "model.toml").write_text(to_toml({**keys, **facts}), "utf-8")
        (half / "card.md").write_text(_card(tuned, keys["version"], figures, how, day), "utf-8")
        _try(tuned, half)
        if folder.exists():
            shutil.rmtree(folder)
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return str(keys["version"])


def _export(torch: Any, tuned: Tuned, file: Path) -> None:
    (passes,) = need("onnx_ir.passes.common")
    names = [
        name for name in ("input_ids", "attention_mask", "token_type_ids") if name in tuned.tokenizer.model_input_names
    ]

    class Logits(torch.nn.Module):  # type: ignore[misc]
        """The net as a function of arrays in their order."""

        def __init__(self) -> None:
            super().__init__()
            self.net = tuned.net

        def forward(self, *arrays: Any) -> Any:
            return self.net(**dict(zip(names, arrays, strict=True))).logits

    rows = [tuned.corpus.rows[int(row)] for row in tuned.held[:2]]
    readings = [tuned.reader.read(row.text, row.profile, row.parent_text) for row in rows]
    batch = [tuned.reader.ids(reading.text, reading.context) for reading in readings]
    arrays = padded([*batch, *batch][:2], tuned.tokenizer.pad_token_id)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    loud = logging.getLogger("torch.onnx")
    was = loud.level
    loud.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter speaks of its own insides
            program = torch.onnx.export(
                Logits().eval(),
                tuple(torch.from_numpy(arrays[name]) for name in names),
                input_names=names,
                output_names=["logits"],
                dynamic_shapes=((free,) * len(names),),
                dynamo=True,
                verbose=False,
            )
            passes.ClearMetadataAndDocStringPass()(program.model)  # which names the files of this machine
            program.save(str(file), external_data=False)
    except Exception as problem:  # the exporter has errors of its own
        said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)[:200]
        raise Refused(f"the model cannot be written as ONNX ({said}): leave out --onnx") from problem
    finally:
        loud.setLevel(was)


def _try(tuned: Tuned, folder: Path) -> None:
    """Lets the written folder judge some held-out rows, the longest among them."""
    order = sorted(range(len(tuned.held)), key=lambda i: (-len(tuned.corpus.rows[int(tuned.held[i])].text), i))[:_TRIED]
    running = RunningEncoder(read_encoder(folder))
    rows = [tuned.corpus.rows[int(tuned.held[i])] for i in order]
    said = running.log_odds([running.read(row.text, row.profile, row.parent_text) for row in rows])
    apart = float(np.abs(said - tuned.unseen[order]).max())
    if apart > _APART:
        raise Refused(
            f"the written model judges otherwise than the trained one (by {apart:.3f}), and was not kept: please report "
            "this with the name of the base; with --onnx, try without"
        )


def _card(tuned: Tuned, version: str, figures: dict[str, Any], how: str, day: date) -> str:
    corpus, base = tuned.corpus, tuned.base
    lines = [
        "# Model card",
        "",
        f"Version `{version}`, {day.isoformat()}. Fine-tuned from `{base['name']}` ({base['kind']}, weights sha256",
        f"`{base['sha256'][0][:16]}…`), whose licence and limits are also those of this model. Large models can give back",
        "texts that they learned from: treat the folder as you treat the rows below.",
        "",
        f"Saw {len(corpus.rows) - len(tuned.held):,} labelled rows; {len(tuned.held):,} others chose and calibrated it:",
        "",
        *[f"- `{s.name}`: {s.rows:,} rows, {s.refused} refused, sha256 `{s.sha256[:16]}…`" for s in corpus.sources],
        "",
        f"Epoch {tuned.best} of {len(tuned.history)} was the best; at most {tuned.reader.most} tokens of a post are read.",
        "",
        f"Figures on {how}, at threshold .5.",
        "They flatter a little, because of what was chosen there, and say nothing about other texts: measure with",
        "`yoake evaluate` on rows of another origin.",
        "",
        *table(figures),
        "",
    ]
    return "\n".join(lines)
