from __future__ import annotations

from pathlib import Path

import click

from yoake.cli.ground.overlay import models_folder, overlay_folder
from yoake.cli.progress import ProgressLine
from yoake.cli.words import LANGUAGE, _
from yoake.errors import BadInput

__all__ = ["errors"]


@click.command(
    short_help=_("Show where a detector is wrong on labelled posts, as a page."),
    help=_(
        'Judges files of JSON lines {"text", "label"} and writes one HTML page: figures for each label, then its worst misses'
        " and false alarms with what the detector pointed at. The page holds texts of the files: keep it as carefully."
    ),
)
@click.option(
    "--model",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=_("Folder of the model to judge with; the one in service when left out."),
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
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help=_("The page to write (HTML).")
)
@click.option(
    "--most",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1000),
    help=_("Misses, and false alarms, shown of each label."),
)
def errors(model: Path | None, files: tuple[Path, ...], out: Path, most: int) -> None:
    """Show where a detector is wrong on labelled posts (docs/howto/train.md)."""
    # Loading takes a moment, so it comes after what can be refused at once.
    from yoake.detect import serving
    from yoake.learn.corpus import read_corpus
    from yoake.learn.errors import page, report

    if not out.parent.is_dir():
        raise BadInput("--out", str(out), "a file in a folder that exists")
    corpus = read_corpus(files)
    if model is not None:
        detector = serving.load(model, overlay_folder())
    else:
        detector = serving.in_service(models_folder(), overlay_folder())
    line = ProgressLine()
    try:
        found = report(detector, corpus, most, lambda done: line.show(_("%d lines") % done))
    finally:
        line.clear()
    try:
        out.touch(mode=0o600)  # it holds texts of posts
        out.write_text(page(found, LANGUAGE, _), encoding="utf-8")
    except OSError as problem:
        raise BadInput("--out", str(out), f"a file that can be written ({problem.strerror})") from None
    click.echo(_("Written: %s") % out)
    if refused := sum(source.refused for source in corpus.sources):
        click.echo(_("Lines that could not be used: %d") % refused, err=True)
