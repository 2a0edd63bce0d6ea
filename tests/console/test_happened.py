"""What the audit says happened, in words."""

from __future__ import annotations

import re
from pathlib import Path

import yoake
from yoake.console import happened

ROOMS = (
    "people", "sources", "cases", "quality", "wording", "link", "registers", "evidence", "outbox", "warn", "request", "report",
    "help", "appeal",
)  # fmt: skip
WRITES = re.compile(
    r'\b(?:record|record_for_all|_?note\w*)\(\s*"([a-z_]+)"(?: if \w+ else "([a-z_]+)")?[,)]|"kind": "([a-z_]+)"'
)


def test_every_kind_of_entry_has_a_name_to_choose_it_by() -> None:
    written = {
        kind
        for room in ROOMS
        for file in (Path(yoake.__file__).parent / "casework" / room).glob("*.py")
        for found in WRITES.findall(file.read_text("utf-8"))
        for kind in found
        if kind
    }
    assert len(written) > 60, "the pattern finds them"
    assert written - {kind for kind, _name in happened.kinds()} == set()
