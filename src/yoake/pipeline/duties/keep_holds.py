"""What holds need besides people: posts stored before there were holds can be held, and ended holds are forgotten."""

from __future__ import annotations

from datetime import datetime

from yoake.casework.cases.hold_keys import key_posts
from yoake.casework.cases.holds import forget_ended

__all__ = ["keep_holds"]

AT_ONCE = 50  # posts: half a second of reading their words


def keep_holds(now: datetime) -> int:
    """Notes the keys of posts that have none yet, and forgets what holds held that ended 30 days ago."""
    return key_posts(AT_ONCE) + forget_ended(now)
