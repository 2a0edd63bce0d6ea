"""Setting a paper: one template, one object of facts."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

from yoake.errors import BadInput
from yoake.papers.glyphs import fonts, shown

_TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
_HEAD: Final = "paper"  # what all of them import; no paper by itself
_one = threading.Lock()  # a compiler keeps the facts of one paper at a time


def pdf(template: str, facts: Mapping[str, Any], at: datetime | None = None) -> bytes:
    """A paper as PDF/A-2b.

    Args:
        template: its name, a file of `templates/`.
        facts: what the template says it takes; JSON. `language` is ja or en.
        at: when the paper was made, as the file says it; the present time when left out.

    Raises:
        BadInput: there is no such template, or the language is another one.
    """
    known = sorted(file.stem for file in _TEMPLATES.glob("*.typ") if file.stem != _HEAD)
    if template not in known:
        raise BadInput("template", template, f"one of {', '.join(known)}")
    if facts.get("language") not in ("ja", "en"):
        raise BadInput("language", str(facts.get("language")), "ja or en")
    told = json.dumps(shown(facts), ensure_ascii=False, allow_nan=False)
    with _one:
        made = _compiler(template).compile(
            format="pdf",
            pdf_standards="a-2b",
            sys_inputs={"facts": told},
            timestamp=(at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0),
        )
    assert isinstance(made, bytes)
    return made


@cache
def _compiler(template: str) -> typst.Compiler:
    """Reads fonts and template once; nothing but the folder of the templates can be read by one."""
    found = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[fonts()])
    return typst.Compiler(_TEMPLATES / f"{template}.typ", root=_TEMPLATES, font_paths=found, ignore_system_fonts=True)
