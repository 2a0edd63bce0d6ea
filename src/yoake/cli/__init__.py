"""The command `yoake`: one file per command, and the folder is the registry.

A command is a file whose one public object (`__all__`) is a click command; it is imported only when it is asked for, so
that `yoake --help` is quick. What several commands stand on is in `ground/`, their words come through `words.py`.
Every error made on purpose ends as its one sentence on stderr and its exit code (see `yoake.errors`).
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from yoake import __version__
from yoake.cli.words import _, speak_through_click
from yoake.errors import YoakeError

__all__ = ["main"]

_FOLDER = Path(__file__).resolve().parent


class Commands(click.Group):
    """The commands found in this folder, imported one by one as they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every file of the folder that holds a command."""
        return [
            name for name in sorted(f.stem for f in _FOLDER.glob("*.py")) if self.get_command(ctx, name) is not None
        ]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is no such file or it holds something else."""
        if not cmd_name.isidentifier() or cmd_name.startswith("_") or not (_FOLDER / f"{cmd_name}.py").is_file():
            return None
        module = import_module(f"yoake.cli.{cmd_name}")
        (public,) = module.__all__
        found = getattr(module, public)
        return found if isinstance(found, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; errors made on purpose become one sentence."""
        try:
            return super().invoke(ctx)
        except YoakeError as error:
            click.secho(_(str(error)), fg="red", err=True)  # sentences of the rooms stand in the catalogue too
            ctx.exit(error.exit_code)


@click.command(
    cls=Commands,
    help=_("Yoake finds posts that recruit people into crime, helps people judge them, and counts what came of it."),
    epilog=_("Start here: yoake up"),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="yoake")
def yoake_command() -> None:
    """Every command starts here."""


def main() -> None:
    """Runs the command line; ends the process with the command's exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    speak_through_click()
    try:
        yoake_command(prog_name="yoake")
    except Exception:
        traceback.print_exc()
        click.echo(
            _(
                "This is a fault in Yoake. Please report it with the lines above, after removing what must stay private."
            ),
            err=True,
        )
        sys.exit(1)
