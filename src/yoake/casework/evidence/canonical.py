"""JSON that is the same octets for the same facts (RFC 8785 for what is used here: no number but whole ones)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical(facts: Mapping[str, Any]) -> bytes:
    """Facts as octets, UTF-8, without a line feed at the end. Raises TypeError for a number with a fraction."""
    _no_fractions(facts)
    return _ENCODER.encode(dict(facts)).encode()


def moment(at: datetime | None) -> str | None:
    """A time as it is written everywhere in evidence: UTC, to the microsecond."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_fractions(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"{value!r}: how a fraction is written differs between programs; write it as a string")
    for inside in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        _no_fractions(inside)
