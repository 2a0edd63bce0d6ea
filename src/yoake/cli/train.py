from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from yoake.cli.progress import ProgressLine
from yoake.cli.words import _
from yoake.errors import BadInput

__all__ = ["train"]


@click.command(
    short_help=_("Train a detector from labelled posts."),
    help=_(
        'Trains a detector from files of JSON lines {"text", "label"} and writes a model folder for yoake score --model'
        ' and yoake evaluate. The label is a name or a list of names; "none" is nothing. Rows of one "group", and near'
        " copies, stay together when the model is checked on rows it has not seen. Lines that cannot be used are"
        " counted and left out."
    ),
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
@click.option("--seed", default=0, show_default=True, help=_("Of everything left to chance."))
@click.option("--json", "as_json", is_flag=True, help=_("Print the summary as one JSON object."))
def train(files: tuple[Path, ...], out: Path, seed: int, as_json: bool) -> None:
    """Train a detector from labelled posts (docs/howto/train.md)."""
    if out.is_dir() and any(out.iterdir()) and not (out / "model.toml").is_file():
        raise BadInput("--out", str(out), "a new or empty folder, or one that holds a model")
    # Loading takes a moment, so it comes after what can be refused at once.
    from yoake.learn.corpus import read_corpus
    from yoake.learn.store import save
    from yoake.learn.training import Settings
    from yoake.learn.training import train as learn

    corpus = read_corpus(files)
    line = ProgressLine()
    try:
        trained = learn(corpus, settings=Settings(seed=seed), progress=line.show)
    finally:
        line.clear()
    model = save(trained, out, day=datetime.now(UTC).date())
    refused = sum(source.refused for source in corpus.sources)
    summary = {
        "out": str(out),
        "version": model.version,
        "rows": len(corpus.rows),
        "refused": refused,
        "labels": list(model.labels),
    }
    if as_json:
        click.echo(orjson.dumps(summary))
    else:
        click.echo(
            _("%(out)s: version %(version)s, %(rows)d rows, labels: %(labels)s")
            % {**summary, "labels": ", ".join(model.labels)}
        )
    for refusal in corpus.refusals[:10]:
        click.echo(refusal, err=True)
    if refused:
        click.echo(_("Lines that could not be used: %d") % refused, err=True)
