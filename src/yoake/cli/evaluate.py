from __future__ import annotations

from pathlib import Path

import click
import orjson

from yoake.cli.words import _

__all__ = ["evaluate"]


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
    help=_("A model folder made by yoake train."),
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
    from yoake.detect.linear_model import read_linear
    from yoake.learn.corpus import read_corpus
    from yoake.learn.evaluation import evaluate as measure

    learned = read_linear(model)
    corpus = read_corpus(files)
    found = measure(corpus, learned.labels, learned.probabilities(corpus.folded()), rounds=max(rounds, 0))
    refused = sum(source.refused for source in corpus.sources)
    if as_json:
        click.echo(orjson.dumps({**found, "refused": refused, "version": learned.version}))
    else:
        click.echo(_("%(rows)d rows in %(groups)d groups; threshold .5") % found)
        click.echo(f"{'':28} {'n':>6} {'P':>6} {'R':>6} {'F1':>6} {'AP':>6}")
        for label, f in found["per_label"].items():
            figures = " ".join(f"{f[name]:6.3f}" for name in ("precision", "recall", "f1", "ap"))
            click.echo(f"{label:28} {f['n']:6} {figures}")
        click.echo(f"macro F1 {found['macro']['f1']:.3f}, micro F1 {found['micro']['f1']:.3f}, ECE {found['ece']:.4f}")
    if refused:
        click.echo(_("Lines that could not be used: %d") % refused, err=True)
