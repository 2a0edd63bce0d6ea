"""Model folders for tests: models of the detector `lexicon`, which need no training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from yoake.detect.category import SHIPPED
from yoake.detect.model import FORMAT


def lexicon_model(folder: Path, version: str = "2026-11-20", data: list[dict[str, Any]] | None = None) -> Path:
    """A lexicon that judges with the shipped categories."""
    folder.mkdir(parents=True)
    lines = [f'detector = "lexicon"\nversion = "{version}"\nformat = {FORMAT}\ndate = "2026-11-20"\nrows = 7\n']
    for one in data or []:
        lines.append(f'[[data]]\nname = "{one["name"]}"\nsha256 = "{one["sha256"]}"\nrows = {one["rows"]}\n')
    (folder / "model.toml").write_text("".join(lines))
    (folder / "card.md").write_text("# Model card\n\nInvented.\n")
    return folder


def narrow_model(folder: Path, version: str = "narrow", only: str = "drug_ad") -> Path:
    """A lexicon that knows one category."""
    lexicon_model(folder, version)
    shutil.copytree(SHIPPED / only, folder / "categories" / only)
    return folder
