"""`python -m tests.house.messages --write`: collects the words of pages and commands and compiles the Japanese catalogue.

Collecting needs gettext (`apt-get install gettext`); compiling does not. English stands in the code. Sentences of errors
that a page may show are collected too: those of casework as they stand, those of the outside world (collect, pipeline, the
settings of sources) as patterns with a name in braces for what differs; so are the connectors' own words about themselves
and their settings. None of these rooms knows of gettext: the console translates what they say by its text.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "yoake"
CATALOGUE = Path("locale", "ja", "LC_MESSAGES", "django.po")


PROBLEM, CONNECTOR = "problem", "connector"  # contexts of the catalogue; console/problems.py looks them up
_OUTSIDE = (
    "collect",
    "pipeline/line.py",
    "pipeline/searching.py",
    "casework/sources",
    "casework/outbox",
    "casework/registers",
    "casework/report",
    "casework/warn",
    "casework/request",
)  # what the sources' pages can show


def raised(package: Path = PACKAGE) -> dict[str, str]:
    """Sentences of errors raised in casework, with the file they stand in; those put together in code are left out."""
    found: dict[str, str] = {}
    for file in sorted((package / "casework").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Refused", "BadInput") and node.args:
                last = node.args[-1]
                if isinstance(last, ast.Constant) and isinstance(last.value, str) and last.value:
                    found.setdefault(last.value, str(file.relative_to(package)))
    return found


def outside(package: Path = PACKAGE) -> dict[str, str]:
    """Sentences of errors that a source's page may show, and the pieces they are put together from, with their file.

    What differs from one error to the next is a name in braces: `{host} asks to wait ({reason}).`
    """
    parts = [package / part for part in _OUTSIDE]
    files = sorted(file for part in parts for file in ([part] if part.is_file() else part.rglob("*.py")))
    trees = {file: ast.parse(file.read_text()) for file in files}
    errors = _errors(trees.values())
    found: dict[str, str] = {}
    for file, tree in trees.items():
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.Module):
                for said in _messages_in(scope, errors):
                    for text in _sentences(said, scope, tree):
                        found.setdefault(text, str(file.relative_to(package)))
    return found


def _errors(trees: Iterable[ast.Module]) -> set[str]:
    """Names of the classes of errors; `kind` is one that is handed over."""
    names, before = {"BadInput", "Refused", "TryLater", "kind"}, 0
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while before != len(names):
        before = len(names)
        names |= {one.name for one in classes if any(ast.unparse(base) in names for base in one.bases)}
    return names


def _messages_in(scope: ast.FunctionDef | ast.Module, errors: set[str]) -> Iterator[ast.expr]:
    """What the errors made in a function say."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in errors:
            yield node.args[-1]


def _sentences(said: ast.expr, scope: ast.AST, tree: ast.Module, *, piece: bool = False) -> Iterator[str]:
    """A sentence as a pattern, then the pieces that come into it from names and functions of the same file."""
    if isinstance(said, ast.Constant):
        if isinstance(said.value, str) and (" " in said.value.strip() or not piece):
            yield said.value
    elif isinstance(said, ast.JoinedStr):
        text, used = "", set[str]()
        for part in said.values:
            if isinstance(part, ast.Constant):
                text += str(part.value).replace("{", "{{").replace("}", "}}")
            elif isinstance(part, ast.FormattedValue):
                name = _name(part.value, used)
                text += "{" + name + "}"
        if re.search("[A-Za-z]{2}", re.sub(r"\{\w+\}", "", text)):
            yield text
        for part in said.values:
            if isinstance(part, ast.FormattedValue):
                yield from _sentences(part.value, scope, tree, piece=True)
    elif isinstance(said, ast.IfExp):
        yield from _sentences(said.body, scope, tree, piece=piece)
        yield from _sentences(said.orelse, scope, tree, piece=piece)
    elif isinstance(said, ast.Name):
        for place in (scope, tree):
            if values := list(_assigned(said.id, place)):
                for value in values:
                    for inner in _strings(value):
                        yield from _sentences(inner, scope, tree, piece=True)
                return
    elif isinstance(said, ast.Call):
        called = ast.unparse(said.func).removeprefix("self.")
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name == called:
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        for inner in _strings(node.value):
                            yield from _sentences(inner, function, tree, piece=True)


# So that what is said twice is translated once.
_CALLED = {"len": "n", "join": "names", "str": "told", "hostname": "host", "host_of": "host", "partition": "reason"}


def _name(value: ast.expr, used: set[str]) -> str:
    """What a translator sees in braces."""
    while isinstance(value, ast.Call | ast.Subscript):
        value = value.func if isinstance(value, ast.Call) else value.value
    told = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else "value"
    told = told.lower().strip("_")
    told = _CALLED.get(told, "most" if told.endswith(("longest", "limit", "limit_bytes")) else told)
    name = next(name for n in range(1, 99) if (name := told if n == 1 else f"{told}_{n}") not in used)
    used.add(name)
    return name


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr]:
    body = ast.walk(scope) if isinstance(scope, ast.FunctionDef) else getattr(scope, "body", ())
    for node in body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and isinstance(value, ast.expr):
            yield value


def _strings(value: ast.expr) -> Iterator[ast.expr]:
    """The strings an expression may become; not those that are looked up, compared or called with."""
    if isinstance(value, ast.Constant | ast.JoinedStr | ast.Name):
        yield value
    elif isinstance(value, ast.IfExp):
        yield from _strings(value.body)
        yield from _strings(value.orelse)
    elif isinstance(value, ast.Dict):
        for one in value.values:
            yield from _strings(one)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        yield from _strings(value.func.value)
        for one in value.args[1:]:
            yield from _strings(one)


def of_connectors(package: Path = PACKAGE) -> dict[str, str]:
    """What each connector of the shelf says it is, and the help of every setting, with its file."""
    from yoake.console.connectors import helps_of

    found: dict[str, str] = {}
    for file in sorted((package / "collect" / "connectors").glob("[!_]*.py")):
        for node in ast.parse(file.read_text()).body:
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.ClassDef) and inner.name == "Options":
                    assert isinstance(node, ast.ClassDef)
                    about = (ast.get_docstring(node) or "").partition("\n")[0]
                    for text in (about, *helps_of(ast.get_docstring(inner) or "").values()):
                        found.setdefault(text, str(file.relative_to(package)))
    return found


def collect(package: Path) -> None:
    """Brings the catalogue of `package` up to date: new words are added without a translation, unused ones go."""
    from django.core.management import call_command
    from django.core.management.commands.makemessages import Command

    class Collect(Command):
        msgmerge_options = ["-q", "--backup=none", "--update", "--no-fuzzy-matching"]  # a guess is worse than a gap

    file = package / CATALOGUE
    file.parent.mkdir(parents=True, exist_ok=True)
    before = {(e.msgctxt, e.msgid): e for e in polib.pofile(str(file))} if file.exists() else {}
    with contextlib.chdir(package):
        call_command(Collect(), locale=["ja"], add_location="file", no_obsolete=True, no_wrap=True, verbosity=0)
    catalogue = polib.pofile(str(file), wrapwidth=0)
    known = {(entry.msgctxt, entry.msgid) for entry in catalogue}
    ours = raised(package)
    found = ((None, ours), (PROBLEM, outside(package)), (CONNECTOR, of_connectors(package)))
    for context, sentences in found:
        for sentence, where in sentences.items():
            if (context, sentence) not in known and not (context and sentence in ours):
                old = before.get((context, sentence))
                msgstr = old.msgstr if old else ""
                catalogue.append(
                    polib.POEntry(msgctxt=context, msgid=sentence, msgstr=msgstr, occurrences=[(where, "")])
                )
    catalogue.header = "Japanese words of Yoake. Collected by `make messages`; translate the empty ones."
    catalogue.metadata = {
        "Project-Id-Version": "yoake",
        "Language": "ja",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    catalogue.save(newline="\n")


def compile_catalogue(package: Path = PACKAGE) -> None:
    """Writes the .mo that Django and the command line read."""
    catalogue = polib.pofile(str(package / CATALOGUE), wrapwidth=0)
    (package / CATALOGUE).with_suffix(".mo").write_bytes(catalogue.to_binary())


def missing(package: Path = PACKAGE) -> list[str]:
    """Words without a Japanese translation, and those marked as uncertain."""
    catalogue = polib.pofile(str(package / CATALOGUE))
    return [entry.msgid for entry in catalogue if entry.fuzzy or not entry.translated()]


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A copy of the package to collect in, so that a check changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "yoake"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "*.jsonl", "migrations"))
        yield package


def main() -> int:
    """Without `--write`: says what would change."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yoake.config.settings")
    sys.path.insert(0, str(ROOT / "src"))
    import django

    django.setup()
    if "--write" in sys.argv[1:]:
        if shutil.which("xgettext"):
            collect(PACKAGE)
        else:
            print("gettext is not installed: nothing collected, only compiled")
        compile_catalogue()
        todo = missing()
    else:
        with copied() as package:
            collect(package)
            todo = missing(package)
    for msgid in todo:
        print(f"no Japanese: {msgid}")
    return 3 if todo else 0


if __name__ == "__main__":
    sys.exit(main())
