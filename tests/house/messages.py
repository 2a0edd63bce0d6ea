"""`python -m tests.house.messages --write`: collects the words of pages and commands and compiles the Japanese catalogue.

Collecting needs gettext (`apt-get install gettext`); compiling does not. English stands in the code. Sentences of errors
that a page may show (`Refused` and `BadInput` raised in casework) are collected too: the console translates them by text.
"""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "yoake"
CATALOGUE = Path("locale", "ja", "LC_MESSAGES", "django.po")


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
    for sentence, where in raised(package).items():
        if (None, sentence) not in known:
            old = before.get((None, sentence))
            entry = polib.POEntry(msgid=sentence, msgstr=old.msgstr if old else "", occurrences=[(where, "")])
            catalogue.append(entry)
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
