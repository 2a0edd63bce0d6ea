"""How an entry of the chain is hashed; pure, so that a bag of evidence can be checked without a database."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Final

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def entry_hash(
    before: str, at: datetime, kind: str, actor: str, organisation: int | None, subject: str, facts: object
) -> str:
    """Hex sha256 over the canonical JSON of everything in an entry, and of the hash before it."""
    told = [before, at.timestamp().hex(), kind, actor, organisation, subject, facts]
    return hashlib.sha256(_CANONICAL.encode(told).encode()).hexdigest()
