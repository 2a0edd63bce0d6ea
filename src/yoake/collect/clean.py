"""What a network says, made fit to keep: text a database takes, times that can be true. Every change is noted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

TEXT_LIMIT: Final = 100_000  # code points of one text that are kept
ID_LIMIT: Final = 2_000  # code points of an id or address; longer ones are not ids
AUTHOR_LIMIT: Final = 300  # code points of an author's id
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # before it nobody posted; year 1 is how programs write "no time"
NAME_LIMIT: Final = 50  # code points of a platform's name
AHEAD: Final = timedelta(minutes=10)  # clocks differ; a post later than this is not from the future, its time is wrong

# NUL and lone surrogates: PostgreSQL refuses both, UTF-8 has no bytes for the latter.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str, notes: list[str]) -> str:
    """The text with every NUL and lone surrogate replaced by U+FFFD, one for one; notes `unstorable_text`."""
    if (text.isascii() and "\0" not in text) or _UNSTORABLE.search(text) is None:
        return text
    notes.append("unstorable_text")
    return _UNSTORABLE.sub("\ufffd", text)


def whole_text(text: str, notes: list[str]) -> str:
    """`storable`, and at most TEXT_LIMIT code points; notes `too_long` when the end was cut."""
    if len(text) > TEXT_LIMIT:
        notes.append("too_long")
        text = text[:TEXT_LIMIT]
    return storable(text, notes)


def is_id(text: str, limit: int = ID_LIMIT) -> bool:
    """Whether this can be an id: neither empty nor endless, and storable as it is (changing it would mix up two)."""
    if text.isascii():  # as nearly every id is: ten times faster than the search
        return 0 < len(text) <= limit and "\0" not in text
    return 0 < len(text) <= limit and _UNSTORABLE.search(text) is None


def claimed_time(value: object, now: datetime, notes: list[str]) -> datetime | None:
    """The time a client claims, as UTC; else None, noting `future_time` or `bad_time`.

    A bad time is no ISO 8601 with an offset, or before EARLIEST.
    """
    if not isinstance(value, str):
        notes.append("bad_time")
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:  # whose noon? never guessed
            raise ValueError(value)
        time = time.astimezone(UTC)
        if time < EARLIEST:
            raise ValueError(value)
    except (ValueError, OverflowError):
        notes.append("bad_time")
        return None
    if time - now > AHEAD:
        notes.append("future_time")
        return None
    return time
