from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from yoake.cli.words import _

__all__ = ["audit"]

_A_PERSON_MUST_ACT = 4


@click.group(help=_("Prove that nothing in the audit was changed, or take it out as a file."))
def audit() -> None:
    """Groups what is about the audit."""


@audit.command(
    help=_(
        "Walk along the whole chain and name the first broken link. The exit code is 4 when it is broken, or when the"
        " database does not refuse changes by itself."
    )
)
@click.option("--newest", type=click.IntRange(min=1), metavar="N", help=_("Look at the newest N entries only."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
@click.pass_context
def verify(ctx: click.Context, newest: int | None, as_json: bool) -> None:
    """Proves the chain; writes nothing."""
    from yoake.cli.ground.setup import open_database

    open_database()

    from yoake.casework.audit.queries import is_guarded, prove

    proof, guarded = prove(newest or 0), is_guarded()
    if as_json:
        told = {
            "whole": not proof.broken,
            "entries": proof.entries,
            "first": proof.first.isoformat() if proof.first else None,
            "last": proof.last.isoformat() if proof.last else None,
            "head": proof.head,
            "broken": proof.broken or None,
            "entry": proof.entry or None,
            "guarded": guarded,
        }
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        if proof.broken:
            click.echo(_("The audit chain is broken: {problem}").format(problem=proof.broken))
        else:
            click.echo(_("The audit chain is whole (entries: {count:,}).").format(count=proof.entries))
            if proof.head:
                click.echo(
                    _("It ends with {head}; write this down elsewhere to compare later.").format(head=proof.head)
                )
        if not guarded:
            click.echo(_("The database does not refuse changes of entries: its triggers are missing."))
    ctx.exit(0 if guarded and not proof.broken else _A_PERSON_MUST_ACT)


@audit.command(
    help=_(
        "Write entries as JSON lines, oldest first, with staff numbers instead of names. That a file was written is noted"
        " in the audit itself."
    )
)
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help=_("The file to write."))
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help=_("From this day on (Japan time)."))
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help=_("Until before this day (Japan time)."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def export(out: Path, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """Writes the audit out."""
    from yoake.cli.ground.setup import open_database
    from yoake.errors import BadInput

    if not out.parent.is_dir():
        raise BadInput("--out", str(out), "a file in a folder that exists")
    open_database()

    from yoake.casework.audit.queries import Filters
    from yoake.casework.due import TOKYO
    from yoake.casework.people.log import write_entries
    from yoake.casework.people.queries import system

    since, until = (day.replace(tzinfo=TOKYO) if day else None for day in (since, until))
    n = write_entries(system("command"), out, Filters(since=since, until=until))
    if as_json:
        click.echo(json.dumps({"out": str(out), "entries": n}))
    else:
        click.echo(_("{out}: {n} entries").format(out=out, n=n))
