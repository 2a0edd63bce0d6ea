from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from yoake.cli.progress import ProgressLine
from yoake.cli.words import _
from yoake.errors import BadInput

__all__ = ["finetune"]


@click.command(
    short_help=_("Fine-tune a text model on labelled posts."),
    help=_(
        "Fine-tunes a text model (a Hugging Face folder with safetensors) on the same files of JSON lines as yoake train,"
        " and writes a model folder for yoake score --model and yoake evaluate. A fifth of the rows, by whole groups, is"
        " held out: the best epoch, the calibration and the queue threshold come from there. Needs the extra packages"
        " (make encoder); nothing is ever fetched, and no program code of a model is run."
    ),
)
@click.option(
    "--base",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=_("Folder of the text model to start from."),
)
@click.option(
    "--data",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("A file of JSON lines, also gzipped; may be given several times."),
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help=_("The model folder; made when it is missing, a model in it is replaced."),
)
@click.option(
    "--epochs", default=5, show_default=True, type=click.IntRange(1, 1000), help=_("Rounds over the rows, at most.")
)
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1, 4096), help=_("Rows of one step."))
@click.option(
    "--learning-rate",
    default=3e-5,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help=_("Of the first steps; it falls to 0."),
)
@click.option(
    "--max-tokens",
    default=256,
    show_default=True,
    type=click.IntRange(8, 8192),
    help=_("Tokens of a post that are read, at most."),
)
@click.option("--seed", default=0, show_default=True, help=_("Of everything left to chance."))
@click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help=_("Where to compute; auto takes a CUDA device when there is one."),
)
@click.option("--onnx", is_flag=True, help=_("Write model.onnx too, which is judged with without PyTorch."))
@click.option("--json", "as_json", is_flag=True, help=_("Print the summary as one JSON object."))
def finetune(
    base: Path,
    files: tuple[Path, ...],
    out: Path,
    epochs: int,
    batch: int,
    learning_rate: float,
    max_tokens: int,
    seed: int,
    device: str,
    onnx: bool,
    as_json: bool,
) -> None:
    """Fine-tune a text model on labelled posts (docs/howto/encoder.md)."""
    base, out = base.resolve(), out.resolve()
    if out == base:
        raise BadInput("--out", str(out), "another folder than --base, which stays as it is")
    # Loading takes a moment, so it comes after what can be refused at once.
    from yoake.learn.corpus import read_corpus
    from yoake.learn.finetune import Settings
    from yoake.learn.finetune import finetune as learn
    from yoake.learn.finetuned import check_onnx, check_out, save

    check_out(out)
    if onnx:
        check_onnx(base)
    corpus = read_corpus(files)
    texts = [number for number, row in enumerate(corpus.rows) if row.hashed is None]
    left_out = len(corpus.rows) - len(texts)
    settings = Settings(epochs, batch, learning_rate, max_tokens, seed, device)
    line = ProgressLine()
    try:
        tuned = learn(base, corpus.part(texts), settings, line.show)
        line.show(_("writing"))
        version = save(tuned, out, day=datetime.now(UTC).date(), onnx=onnx)
    finally:
        line.clear()
    refused = sum(source.refused for source in corpus.sources)
    summary = {
        "out": str(out),
        "version": version,
        "rows": len(texts),
        "held_out": len(tuned.held),
        "refused": refused,
        "without_text": left_out,
        "labels": list(tuned.labels),
        "epoch": tuned.best,
        "ap": round(tuned.history[tuned.best - 1], 4),
    }
    if as_json:
        click.echo(orjson.dumps(summary))
    else:
        click.echo(
            _(
                "%(out)s: version %(version)s, %(rows)d rows, labels: %(labels)s; average precision %(ap).3f on %(held_out)d"
                " held-out rows after epoch %(epoch)d"
            )
            % {**summary, "labels": ", ".join(tuned.labels)}
        )
    for refusal in corpus.refusals[:10]:
        click.echo(refusal, err=True)
    if refused:
        click.echo(_("Lines that could not be used: %d") % refused, err=True)
    if left_out:
        click.echo(_("Rows of hashed features, which have no text to read: %d") % left_out, err=True)
