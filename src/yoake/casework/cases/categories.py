"""The categories in force: the shipped ones with the deployment's own laid over them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from yoake.detect.category import Category, load_categories
from yoake.detect.serving import generation_on_duty
from yoake.errors import BadInput

TOKYO = ZoneInfo("Asia/Tokyo")
_CHECKED_EVERY_S = 1.0  # a page comes at least once a second: the next one is judged by what is new
_lock = threading.Lock()
_loaded: tuple[str, dict[str, Category]] | None = None
_checked_at = 0.0


def categories() -> dict[str, Category]:
    """By slug; a change on disk is noticed within a second."""
    return _in_force()[1]


def generation_in_force() -> str:
    """Fingerprint of categories and models in force; another value means that detectors must be loaded again."""
    return _in_force()[0]


def _in_force() -> tuple[str, dict[str, Category]]:
    global _loaded, _checked_at
    with _lock:
        now = time.monotonic()
        if _loaded is None or now - _checked_at > _CHECKED_EVERY_S:
            newest = generation_on_duty(settings.YOAKE_CATEGORIES, settings.YOAKE_MODELS)
            if _loaded is None or newest != _loaded[0]:
                _loaded = newest, load_categories(settings.YOAKE_CATEGORIES)[0]
            _checked_at = now
        return _loaded


def category(slug: str) -> Category:
    """The category called `slug`. Raises BadInput naming those that exist."""
    known = categories()
    if slug not in known:
        raise BadInput("category", slug, f"known categories are {', '.join(sorted(known))}")
    return known[slug]


def is_record_only(slug: str) -> bool:
    """Whether only address, time and count are kept of posts decided under it; False for a slug that no longer exists."""
    known = categories().get(slug)
    return known is not None and known.record_only


def any_at_risk(slugs: Iterable[str]) -> bool:
    """Whether one of these categories is about somebody who needs help; a slug that no longer exists is none."""
    known = categories()
    return any(slug in known and known[slug].at_risk for slug in slugs)


def class_on(slug: str, at: datetime) -> str:
    """The hotline class of a category on the day of `at` in Asia/Tokyo."""
    return category(slug).class_on(at.astimezone(TOKYO).date())
