from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from yoake.cli.words import _

if TYPE_CHECKING:
    from yoake.casework.people.queries import Actor
    from yoake.casework.quality.models import ModelCheck
    from yoake.casework.quality.service import ModelNow, ShadowReport

__all__ = ["model"]

_RULE_NOT_MET = 4
_json = click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
_by = click.option(
    "--by", "username", required=True, metavar="USERNAME", help=_("The supervisor or administrator who answers for it.")
)


@click.group(help=_("Keep models, compare them, put them into service and back (docs/howto/model.md)."))
def model() -> None:
    """Groups what is about models of the store."""


@model.command("list", help=_("List the models of the store: which serves, which looks on, hash, data they saw."))
@_json
def list_models(as_json: bool) -> None:
    """Lists what is in the store."""
    _open()
    from django.conf import settings
    from django.utils import timezone

    from yoake.casework.quality.service import models_now
    from yoake.detect.serving import service_ref

    rows, now = models_now(), timezone.now()
    in_service = service_ref(settings.YOAKE_MODELS)
    if as_json:
        click.echo(
            json.dumps({"in_service": in_service, "models": [_model(row, now) for row in rows]}, ensure_ascii=False)
        )
        return
    click.echo(_("in service: {model}").format(model=in_service))
    for row in rows:
        notes = [
            _("serving") if row.serving else "",
            _("in shadow") if row.shadow else "",
            row.date,
            _("{count} rows").format(count=row.rows) if row.rows else "",
            f"sha256 {row.sha256[:12]}" if row.sha256 else _("put there by hand"),
            "" if row.unchanged or not row.sha256 else _("CHANGED after it was added"),
            _check_in_short(row.check),
        ]
        click.echo(f"{row.ref}  {', '.join(filter(None, notes))}")


@model.command(help=_("Show the card of a model: what it saw, how good it was on unseen rows, its limits."))
@click.argument("ref", metavar="NAME/VERSION")
@_json
def card(ref: str, as_json: bool) -> None:
    """Prints card.md, or everything known as JSON."""
    _open()
    from django.utils import timezone

    from yoake.casework.quality.service import models_now
    from yoake.errors import BadInput

    found = {row.ref: row for row in models_now()}
    if ref not in found:
        raise BadInput("NAME/VERSION", ref, _("known models are {names}").format(names=", ".join(found) or "-"))
    row = found[ref]
    if as_json:
        click.echo(json.dumps({**_model(row, timezone.now()), "card": row.card}, ensure_ascii=False))
        return
    click.echo(row.card or _("This model has no card."))
    for source in row.data:
        told = {"name": source.get("name", "?"), "rows": source.get("rows", "?"), "hash": source.get("sha256", "?")}
        click.echo(_("data: {name}, {rows} rows, sha256 {hash}").format(**told))
    click.echo(f"sha256 {row.sha256}")


@model.command(help=_("Copy a model folder (yoake train --out) into the store; its version is its own."))
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, metavar="NAME", help=_("At most 20 small letters, digits, _ and -."))
@_json
def add(folder: Path, name: str, as_json: bool) -> None:
    """Adds a model after loading it."""
    _open()
    from yoake.casework.people.queries import system
    from yoake.casework.quality.service import add_model

    stored = add_model(system("command"), folder, name)
    if as_json:
        click.echo(json.dumps({"model": stored.ref, "sha256": stored.sha256}))
    else:
        click.echo(_("{model} was added (sha256 {hash}).").format(model=stored.ref, hash=stored.sha256))


@model.command(help=_("Freeze a file of labelled rows as the benchmark set on which models are compared."))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_by
@_json
def benchmark(file: Path, username: str, as_json: bool) -> None:
    """Registers the benchmark set with its hash."""
    _open()
    from yoake.casework.quality.service import register_benchmark

    found = register_benchmark(_person(username), file)
    told = {"sha256": found.sha256, "rows": found.rows, "groups": found.groups}
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(_("The benchmark set is frozen: {rows} rows in {groups} groups, sha256 {sha256}.").format(**told))


@model.command(
    help=_("Compare a model with the one in service on the benchmark set; exit code 4 when it is not better.")
)
@click.argument("ref", metavar="NAME/VERSION")
@click.option(
    "--rounds", default=1000, show_default=True, type=click.IntRange(100, 100_000), help=_("Of the bootstrap.")
)
@_json
def check(ref: str, rounds: int, as_json: bool) -> None:
    """Runs the comparison and keeps its result."""
    _open()
    from yoake.casework.people.queries import system
    from yoake.casework.quality.service import check_model

    found = check_model(system("command"), ref, rounds)
    if as_json:
        click.echo(json.dumps(_check(found), ensure_ascii=False))
    else:
        figures = found.figures
        told = {"model": ref, "against": found.against, "rows": figures["rows"], "groups": figures["groups"]}
        click.echo(_("{model} against {against}, {rows} rows in {groups} groups").format(**told))
        for test in figures["tests"]:
            interval = "" if test["low"] is None else f"  [{test['low']:+.3f}, {test['high']:+.3f}]"
            mark = _("met") if test["passed"] else _("NOT MET")
            name = _TESTS[test["name"]] + (f" {test['label']}" if test["label"] else "")
            click.echo(f"  {name}: {test['serving']:g} -> {test['new']:g}{interval}  {mark}")
        click.echo(_("Better by the rule.") if found.passed else _("Not better by the rule."))
    if not found.passed:
        sys.exit(_RULE_NOT_MET)


@model.command(help=_("Let a model look on: it judges every post, queues nothing, and is counted. Shows how it does."))
@click.argument("ref", metavar="[NAME/VERSION]", required=False)
@click.option("--off", is_flag=True, help=_("No model looks on any more."))
@_json
def shadow(ref: str | None, off: bool, as_json: bool) -> None:
    """Sets or clears the pointer `shadow`; without arguments it reports on the one in shadow."""
    _open()
    from django.conf import settings
    from django.utils import timezone

    from yoake.casework.people.queries import system
    from yoake.casework.quality.service import shadow_model, shadow_report
    from yoake.detect.model import SHADOW, pointed
    from yoake.errors import BadInput

    if off and ref:
        raise BadInput("--off", ref, _("give either a model or --off"))
    if off or ref:
        shadow_model(system("command"), "" if off else str(ref))
    ref = pointed(settings.YOAKE_MODELS, SHADOW)
    if not ref:
        click.echo(json.dumps({"shadow": None}) if as_json else _("No model looks on."))
        return
    report = shadow_report(ref, timezone.now())
    if as_json:
        click.echo(json.dumps({"shadow": ref, **_shadow(report)}))
        return
    click.echo(_("{model} looks on.").format(model=ref))
    told = _(
        "{posts} posts; queued by both {both}, only by the one in service {only_serving}, only by it {only_shadow}"
    )
    click.echo("  " + told.format(**_shadow(report)))
    told = _("of {confirmed} posts confirmed meanwhile it would have queued {confirmed_found}")
    click.echo("  " + told.format(**_shadow(report)))
    for lacking in report.lacking:
        click.echo("  " + _("not met yet: {what}").format(what=_LACKING[lacking]))


@model.command(help=_("Put a model into service; a running patrol uses it from its next page on."))
@click.argument("ref", metavar="NAME/VERSION|shipped")
@_by
@click.option("--reason", default="", metavar="TEXT", help=_("Why, when the rule is not met; it is recorded."))
@_json
def serve(ref: str, username: str, reason: str, as_json: bool) -> None:
    """Moves the pointer `serving`."""
    _open()
    from yoake.casework.quality.service import serve_model

    change = serve_model(_person(username), "" if ref == "shipped" else ref, reason)
    told = {"in_service": change.model or "shipped", "before": change.before or "shipped", "lacking": change.lacking}
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(_("{in_service} is in service; before: {before}.").format(**told))


@model.command(help=_("Put back what served before; done again, what served before that."))
@_by
@click.option("--reason", default="", metavar="TEXT", help=_("Why; it is recorded."))
@_json
def rollback(username: str, reason: str, as_json: bool) -> None:
    """Moves the pointer `serving` back."""
    _open()
    from yoake.casework.quality.service import roll_back

    change = roll_back(_person(username), reason)
    told = {"in_service": change.model or "shipped", "before": change.before or "shipped"}
    if as_json:
        click.echo(json.dumps(told))
    else:
        click.echo(_("{in_service} is in service; before: {before}.").format(**told))


_TESTS = {
    "recall": _("share of harmful posts found at the size of today's queue"),
    "pleas": _("people at risk found"),
    "label": _("average precision of"),
    "queue": _("posts it would queue"),
    "better": _("average precision of any harm (better here, or in the first line)"),
}
_LACKING = {
    "time": _("three days of looking on"),
    "posts": _("10,000 posts"),
    "queue": _("a queue at most a quarter longer"),
    "confirmed": _("at most one in twenty confirmed posts missed"),
}


def _open() -> None:
    from yoake.cli.ground.setup import open_database

    open_database()


def _person(username: str) -> Actor:
    from yoake.casework.people.models import User
    from yoake.casework.people.queries import actor_of
    from yoake.errors import BadInput

    person = User.objects.filter(username=username).first()
    if person is None:
        raise BadInput("--by", username, _("nobody has this name; yoake user list shows everybody"))
    return actor_of(person)


def _check_in_short(found: ModelCheck | None) -> str:
    if found is None:
        return ""
    return (_("better than {model}") if found.passed else _("not better than {model}")).format(model=found.against)


def _check(found: ModelCheck) -> dict[str, Any]:
    return {
        "model": found.model,
        "against": found.against,
        "benchmark": found.benchmark.sha256,
        "passed": found.passed,
        "at": found.at.isoformat(),
        **{name: found.figures[name] for name in ("rows", "groups", "queue_size", "tests")},
    }


def _shadow(report: ShadowReport) -> dict[str, Any]:
    names = ("posts", "both", "only_serving", "only_shadow", "confirmed", "confirmed_found", "passed")
    since = report.since.isoformat() if report.since else None
    return {"since": since, **{name: getattr(report, name) for name in names}, "lacking": list(report.lacking)}


def _model(row: ModelNow, now: Any) -> dict[str, Any]:
    from yoake.casework.quality.service import shadow_report

    return {
        "model": row.ref,
        "detector": row.detector,
        "serving": row.serving,
        "shadow": row.shadow,
        "sha256": row.sha256,
        "unchanged": row.unchanged,
        "date": row.date,
        "rows": row.rows,
        "data": row.data,
        "check": _check(row.check) if row.check else None,
        "shadow_report": _shadow(shadow_report(row.ref, now)),
    }
