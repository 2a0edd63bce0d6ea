from __future__ import annotations

import json
from dataclasses import asdict

import click

from yoake.cli.words import _

__all__ = ["doctor"]

_COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red"}
_A_PERSON_MUST_ACT = 4


@click.command(help=_("Look for what is wrong with this installation, and say what to do about it."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Prints one line a check; the exit code is 4 when something is wrong."""
    from yoake.cli.ground.checkup import checkup

    found = list(checkup())
    wrong = any(finding.state == "wrong" for finding in found)
    if as_json:
        click.echo(json.dumps({"ok": not wrong, "checks": [asdict(finding) for finding in found]}, ensure_ascii=False))
    else:
        words = {"ok": _("[ok]"), "warning": _("[warning]"), "wrong": _("[wrong]")}
        for finding in found:
            state = click.style(words[finding.state], fg=_COLOURS[finding.state])
            click.echo(f"{state} {finding.what}")
            if finding.do:
                click.echo(f"    -> {finding.do}")
    ctx.exit(_A_PERSON_MUST_ACT if wrong else 0)
