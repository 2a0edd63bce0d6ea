"""Removal of a post, or whatever measure the provider's terms know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yoake.casework.request.kind import EMAIL, NETWORK, WEB_FORM

__all__ = ["Removal"]


class Removal:
    """The wording room's letter `request`, as the organisation wrote it."""

    label = "removal of the post"
    channels = (EMAIL, WEB_FORM, NETWORK)
    police_only = False
    takes_down = True
    still_up = True
    term_days: int | None = None
    together = True

    def text(self, facts: Mapping[str, Any], letter: str) -> str:
        return letter
