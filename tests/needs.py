"""Programs that some tests need: without one the test is skipped, and says how to get it.

With YOAKE_TEST_REQUIRE=all such a skip is a failure, so that a full run cannot be quietly smaller than it looks. What needs
PyTorch is required only where that variable names it as well ("all encoder"): no lock file has it (see pyproject.toml).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest


def _output(*command: str) -> str:
    """What a program prints, or nothing when it cannot run."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout + ran.stderr


def _first(*names: str) -> str | None:
    return next((path for path in map(shutil.which, names) if path), None)


def _chromium() -> str | None:
    return _first("chromium", "chromium-browser", "google-chrome")


def _node() -> str | None:
    # the compiler is for better-sqlite3, which `npm ci` builds where no ready binary fits
    if not all(map(shutil.which, ("node", "npm", "g++", "make", "python3"))):
        return None
    version = re.match(r"v(\d+)\.", _output("node", "--version"))
    return shutil.which("node") if version and int(version[1]) >= 20 else None


def _postgresql() -> str | None:
    found = shutil.which("initdb")
    if found:
        return str(Path(found).resolve().parent)
    # Debian keeps the server's programs off the PATH, one folder a version
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    return str(folders[-1].parent) if folders else None


def _tesseract() -> str | None:
    program = shutil.which("tesseract")
    known = _output(program, "--list-langs").split() if program else []
    return program if {"jpn", "jpn_vert", "eng"} <= set(known) else None


def _noto() -> str | None:
    found = sorted(Path("/usr/share/fonts").glob("**/NotoSansCJK-Regular.ttc"))
    return str(found[0]) if found else None


def _gettext() -> str | None:
    return shutil.which("msgfmt") if all(map(shutil.which, ("msgfmt", "msgmerge", "xgettext"))) else None


# name -> what it is called, how it is found (its path, or None), how to get it
PROGRAMS: dict[str, tuple[str, Callable[[], str | None], str]] = {
    "chromium": ("Chromium", _chromium, "apt-get install chromium"),
    "node": (
        "Node.js 20 or newer with npm, g++, make, python3",
        _node,
        "apt-get install nodejs npm g++ make python3 (where that is older, .ci/run shows how)",
    ),
    "postgresql": ("PostgreSQL", _postgresql, "apt-get install postgresql"),
    "tesseract": (
        "Tesseract with Japanese, across and down",
        _tesseract,
        "apt-get install tesseract-ocr tesseract-ocr-jpn tesseract-ocr-jpn-vert",
    ),
    "noto": ("the font Noto Sans CJK", _noto, "apt-get install fonts-noto-cjk"),
    "gettext": ("gettext", _gettext, "apt-get install gettext"),
}


@cache
def found(name: str) -> str | None:
    """The program's path (for PostgreSQL the folder of its programs), or None."""
    return PROGRAMS[name][1]()


def need(name: str) -> str:
    """The program's path (for PostgreSQL the folder of its programs); without it the running test is skipped."""
    path = found(name)
    if path is None:
        title, _, install = PROGRAMS[name]
        lacking(f"needs {title}: {install}")
    return path


def lacking(reason: str) -> NoReturn:
    """Skip the running test for a reason outside the project, or fail it where everything is required."""
    if required("all"):
        pytest.fail(f"{reason} (YOAKE_TEST_REQUIRE=all)", pytrace=False)
    pytest.skip(reason)


def required(what: str) -> bool:
    """Whether YOAKE_TEST_REQUIRE names this."""
    return what in os.environ.get("YOAKE_TEST_REQUIRE", "").split()


def need_encoder() -> None:
    """Skips the running test where PyTorch and transformers are not installed."""
    if all(find_spec(name) for name in ("torch", "transformers", "safetensors", "onnxscript")):
        return
    reason = "needs PyTorch and transformers: make encoder"
    if required("encoder"):
        pytest.fail(f"{reason} (YOAKE_TEST_REQUIRE names encoder)", pytrace=False)
    pytest.skip(reason)
