"""`python -m tests.cli.reference` writes docs/reference/commands.md: every command with what --help says, in English."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
COMMANDS = [
    ("up",),
    ("patrol",),
    ("score",),
    ("train",),
    ("finetune",),
    ("evaluate",),
    ("errors",),
    ("doctor",),
    ("shelves",),
    ("user",),
    ("user", "add"),
    ("user", "password"),
    ("user", "list"),
    ("model",),
    ("model", "list"),
    ("model", "card"),
    ("model", "add"),
    ("model", "benchmark"),
    ("model", "check"),
    ("model", "shadow"),
    ("model", "serve"),
    ("model", "rollback"),
    ("count",),
    ("decisions",),
    ("evidence",),
    ("evidence", "verify"),
    ("evidence", "export"),
    ("evidence", "check"),
    ("evidence", "rotate-key"),
    ("evidence", "rescue"),
    ("web",),
    ("worker",),
]
HEAD = """# Commands

`yoake COMMAND --help` says the same, in Japanese where the terminal's locale is Japanese (or with `YOAKE_LANGUAGE=ja`).
This page is made by `python -m tests.cli.reference`; a test compares it with the commands.

Exit codes: 0 done, 2 wrong usage or a wrong setting, 3 some lines were refused (`yoake score`), 4 a person must act,
5 try again later. An error is one sentence on standard error. Settings: [settings.md](settings.md).
"""


def commands_page() -> str:
    """The whole page."""
    parts = [HEAD, _section(())]
    parts += [_section(words) for words in COMMANDS]
    return "\n".join(parts)


def _section(words: tuple[str, ...]) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("YOAKE_", "LC_", "LANG"))}
    said = subprocess.run(
        [sys.executable, "-m", "yoake", *words, "--help"],
        env={**environ, "YOAKE_LANGUAGE": "en", "COLUMNS": "100", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return f"## {' '.join(('yoake', *words))}\n\n```text\n{said.strip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(commands_page())
