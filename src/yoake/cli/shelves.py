from __future__ import annotations

import ast
import inspect
import json
import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from yoake.cli.words import LANGUAGE, _

__all__ = ["shelves"]

_CONNECTORS = "yoake.collect.connectors"
OF_FILES = (
    _CONNECTORS,
    "yoake.detect.detectors",
    "yoake.pipeline.engines",
    "yoake.pipeline.duties",
    "yoake.casework.outbox.channels",
    "yoake.casework.report.recipients",
    "yoake.casework.request.kinds",
    "yoake.casework.count.figures",
)

_MARKS = {  # of connectors
    "restricted": _("needs a permission"),
    "job_board": _("job board"),
    "searches": _("searched by words"),
}


@click.command(help=_("List what is on the shelves: connectors, detectors, categories, engines, duties."))
@click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object."))
def shelves(as_json: bool) -> None:
    """Prints every shelf; reads files only, so that it works before the first start."""
    told = {dotted.rpartition(".")[2]: _files(import_module(dotted)) for dotted in OF_FILES}
    told["categories"] = _categories()
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    width = max((len(thing["name"]) for things in told.values() for thing in things), default=0)
    for shelf_name, things in told.items():
        click.secho(shelf_name, bold=True)
        for thing in things:
            marks = "".join(f" [{_MARKS[mark]}]" for mark in _MARKS if thing.get(mark))
            click.echo(f"  {thing['name'].ljust(width)}  {thing['title']}{marks}")
        if not things:
            click.echo("  " + _("(empty)"))


def _files(package: ModuleType) -> list[dict[str, Any]]:
    from yoake import shelf

    own = {found.name for found in pkgutil.iter_modules(package.__path__)}
    things = []
    for name in shelf.names(package):
        if name in own:
            things.append({"name": name, "title": _title(package, name), "from": "yoake"})
        else:  # another package's: the only way to its words is to load it
            found = shelf.take(package, name)
            things.append({"name": name, "title": _words_of(found), "from": str(found.__module__).partition(".")[0]})
        if package.__name__ == _CONNECTORS:
            things[-1] |= _marks(shelf.take(package, name))
    return things


def _marks(connector: Any) -> dict[str, Any]:
    """What a person must know before adding a source: `restricted` is a sentence, empty where the service restricts nothing."""
    from yoake.collect.connector import Searches

    restricted = getattr(connector, "restricted", None) or {}
    return {
        "restricted": str(restricted.get(LANGUAGE) or restricted.get("en") or ""),
        "job_board": bool(getattr(connector, "job_board", False)),
        "searches": isinstance(connector(), Searches),
        "live": bool(connector.live),
    }


def _title(package: ModuleType, name: str) -> str:
    """A connector's title; else the first line of the file's docstring, or of its public object's, without importing it.

    Duties cannot be imported without a database's settings.
    """
    if package.__name__ == _CONNECTORS:
        from yoake import shelf

        return _words_of(shelf.take(package, name))
    tree = ast.parse((Path(package.__path__[0]) / f"{name}.py").read_text(encoding="utf-8"))
    public = [
        ast.literal_eval(node.value)[0]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    ]
    objects = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in public]
    documented = next((text for node in (tree, *objects) if (text := ast.get_docstring(node))), "")
    return documented.partition("\n")[0]


def _words_of(found: Any) -> str:
    title = getattr(found, "title", None)
    if isinstance(title, dict):
        return str(title.get(LANGUAGE) or title.get("en") or "")
    return (inspect.getdoc(found) or "").partition("\n")[0]


def _categories() -> list[dict[str, Any]]:
    from yoake.cli.ground.overlay import overlay_folder
    from yoake.detect.category import SHIPPED, load_categories

    loaded, problems = load_categories(overlay_folder())
    for problem in problems:
        click.secho(_("left out: {problem}").format(problem=problem), fg="yellow", err=True)
    return [
        {
            "name": slug,
            "title": getattr(category.name, LANGUAGE),
            "from": "yoake" if (SHIPPED / slug).is_dir() else str(overlay_folder()),
        }
        for slug, category in loaded.items()
    ]
