from __future__ import annotations

import json
from pathlib import Path

import click

from yoake.cli.words import _

__all__ = ["decisions"]


@click.command(
    short_help=_("Write decisions as rows to train on."),
    help=_(
        "Writes every decision that stands as JSON lines for yoake train: texts of posts in scope, hashed features of posts"
        " out of scope (their text is erased), with the category, a keyed hash of the author and the month. Practice,"
        " “cannot tell”, duplicates and record-only categories are left out. The file is for its owner only and is never to be"
        " published: it holds what people wrote."
    ),
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help=_("The file to write."))
@click.option(
    "--organisation", metavar="NAME", help=_("Only what this organisation decided; everybody's when left out.")
)
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def decisions(out: Path, organisation: str | None, as_json: bool) -> None:
    """Writes training rows (docs/howto/model.md)."""
    from yoake.cli.ground.setup import open_database, organisation_called
    from yoake.errors import BadInput

    if not out.parent.is_dir():
        raise BadInput("--out", str(out), "a file in a folder that exists")
    open_database()

    from yoake.casework.people.queries import system
    from yoake.casework.quality.lessons import write_training_rows

    place = organisation_called(organisation) if organisation else None
    counts = write_training_rows(system("command"), out, place)
    labels = {name.removeprefix("label:"): n for name, n in sorted(counts.items()) if name.startswith("label:")}
    told = {"out": str(out), "texts": counts["texts"], "hashed": counts["hashed"], "labels": labels}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(_("{out}: {texts} posts in scope, {hashed} out of scope (hashed)").format(**told))
