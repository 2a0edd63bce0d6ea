"""The house stands as docs/house.md draws it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "yoake"
SHELVES = [
    "collect/connectors",
    "detect/detectors",
    "pipeline/engines",
    "pipeline/duties",
    "cli",
    "casework/report/recipients",
    "casework/request/kinds",
]


def test_floors() -> None:
    """import-linter keeps the floors; its configuration is the architecture page."""
    ran = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout


def rooms() -> list[Path]:
    return sorted(p.parent for p in PACKAGE.rglob("__init__.py") if not {"migrations", "templatetags"} & set(p.parts))


@pytest.mark.parametrize("room", rooms(), ids=lambda room: str(room.relative_to(ROOT / "src")))
def test_every_room_says_what_it_does(room: Path) -> None:
    docstring = ast.get_docstring(ast.parse((room / "__init__.py").read_text()))
    assert docstring, f"{room} needs a docstring: what it does, its noun, its states"
    assert len(docstring.splitlines()) <= 12


@pytest.mark.parametrize("shelf", SHELVES)
def test_one_public_object_a_file(shelf: str) -> None:
    for file in sorted((PACKAGE / shelf).glob("*.py")):
        if file.stem.startswith("_") or (shelf == "cli" and file.stem in NOT_COMMANDS):
            continue
        (public,) = [
            ast.literal_eval(node.value)
            for node in ast.parse(file.read_text()).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__all__"
        ]
        assert len(public) == 1, f"{file} must name its one public object in __all__"


NOT_COMMANDS = {"words", "progress"}


def test_no_file_grew_a_second_idea() -> None:
    """A file of more than 500 lines holds a second idea; split it. Migrations are written by Django."""
    files = [file for file in PACKAGE.rglob("*.py") if file.parent.name != "migrations"]
    long = {str(f.relative_to(ROOT)): n for f in files if (n := len(f.read_text().splitlines())) > 500}
    assert long == {}


def test_nothing_in_the_package_imports_tests() -> None:
    for file in PACKAGE.rglob("*.py"):
        assert "from tests" not in file.read_text(), file


def test_every_room_stands_in_the_map() -> None:
    """docs/house.md names every room, so that a newcomer finds it."""
    house = (ROOT / "docs" / "house.md").read_text()
    for room in rooms():
        assert room == PACKAGE or f"{room.name}/" in house, f"docs/house.md does not name {room.name}/"


def test_locks_name_no_index() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text(), f"{lock.name} must not record an index address"
