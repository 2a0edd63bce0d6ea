from __future__ import annotations

from pathlib import Path

import click
import orjson

from yoake.cli.progress import ProgressLine
from yoake.cli.words import _
from yoake.errors import Refused

__all__ = ["evaluate"]

_BATCH = 1000


@click.command(
    short_help=_("Measure a trained detector on labelled posts."),
    help=_(
        'Measures a model folder on files of JSON lines {"text", "label"} that it has not seen: precision, recall, F1'
        " and average precision for each label, false alarms and calibration, with 95 % intervals from a bootstrap over"
        " groups. Lines that cannot be used are counted and left out."
    ),
)
@click.option(
    "--model",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=_("A model folder made by yoake train or yoake finetune."),
)
@click.option(
    "--data",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=_("A file of JSON lines, also gzipped; may be given several times."),
)
@click.option("--rounds", default=500, show_default=True, help=_("Rounds of the bootstrap; 0 for no intervals."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def evaluate(model: Path, files: tuple[Path, ...], rounds: int, as_json: bool) -> None:
    """Measure a trained detector on labelled posts (docs/howto/train.md)."""
    # Loading takes a moment, so it comes after what can be refused at once.
    import numpy as np

    from yoake.detect import serving
    from yoake.detect.detector import Measurable, TellsHarm
    from yoake.learn.corpus import read_corpus
    from yoake.learn.evaluation import evaluate as measure

    detector = serving.load(model)
    if not isinstance(detector, Measurable):
        raise Refused(
            f"the model {model} is for the detector {detector.name}, which gives no probability for each label: choose "
            "one made by yoake train or yoake finetune"
        )
    corpus = read_corpus(files)
    posts, said, harm = corpus.posts(), [], []
    line = ProgressLine()
    try:
        for first in range(0, posts.num_rows, _BATCH):
            said.append(detector.probabilities(posts.slice(first, _BATCH)))
            harm.append(
                detector.harm(posts.slice(first, _BATCH)) if isinstance(detector, TellsHarm) else said[-1].max(axis=1)
            )
            line.show(_("%d lines") % min(first + _BATCH, posts.num_rows))
    finally:
        line.clear()
    found = measure(corpus, detector.labels, np.concatenate(said), harm=np.concatenate(harm), rounds=max(rounds, 0))
    refused = sum(source.refused for source in corpus.sources)
    if as_json:
        click.echo(orjson.dumps({**found, "refused": refused, "version": detector.model_version}))
    else:
        click.echo(_("%(rows)d rows in %(groups)d groups; threshold .5") % found)
        click.echo(f"{'':28} {'n':>6} {'P':>6} {'R':>6} {'F1':>6} {'AP':>6}")
        for label, f in found["per_label"].items():
            figures = " ".join(f"{f[name]:6.3f}" for name in ("precision", "recall", "f1", "ap"))
            click.echo(f"{label:28} {f['n']:6} {figures}")
        click.echo(f"macro F1 {found['macro']['f1']:.3f}, micro F1 {found['micro']['f1']:.3f}, ECE {found['ece']:.4f}")
    if refused:
        click.echo(_("Lines that could not be used: %d") % refused, err=True)
