"""The order of the inbox after at-risk: severity x confidence x chance that the post is still up, in one number.

With a chance of exp(-age / tau), ln(severity x score) - age / tau puts cases into the same order at every moment as
ln(severity x score) + opened_at / tau, which never changes: the inbox is one scan of an index.

tau: of the first 4,411 recruitment items the hotline handled, 1,432 were gone before its request (domain notes, three
months of 2023), so 0.675 stood until then. Nobody says how long "until then" was; the house takes one business day, its
own clock for illegal information. tau = 1 day / -ln(0.675) = 2.55 days: after 42 hours a case weighs half.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from yoake.casework.cases.categories import categories
from yoake.casework.cases.models import Case, Post

GONE_BEFORE, HANDLED = 1_432, 4_411
TAU: Final = timedelta(days=1) / -math.log(1 - GONE_BEFORE / HANDLED)
WEAKEST: Final = 0.01  # of severity x score: what people added and no detector found stands behind what was found
UP_AFTER_ALL: Final = 0.05  # chance that a post said to be gone is up: people look there last, but do look
_ZERO: Final = datetime(2020, 1, 1, tzinfo=UTC)


def rank_of(category: str, score: float, opened_at: datetime, *, gone: bool) -> float:
    """The place of a case among those that are at risk, or among those that are not; the highest comes first.

    Args:
        category: slug of the strongest finding, "" without one.
        score: of that finding, 0 to 1.
        opened_at: when the case was opened.
        gone: whether the post is said to be gone.
    """
    worth = max(severity(category) * score, WEAKEST) * (UP_AFTER_ALL if gone else 1.0)
    return math.log(worth) + (opened_at - _ZERO) / TAU


def severity(category: str) -> int:
    """1 (least) to 5; 1 for a category that no longer exists."""
    known = categories().get(category)
    return int(known.severity) if known is not None else 1


def rank_anew(post: Post) -> None:
    """Sets the place of a post's cases anew; call it, with the post's row locked, when the post is gone or back."""
    for case in Case.everything.select_for_update(of=("self",)).filter(post=post).order_by("pk"):
        case.rank = rank_of(case.category, case.score, case.opened_at, gone=bool(post.gone_state))
        case.save(update_fields=["rank"])
