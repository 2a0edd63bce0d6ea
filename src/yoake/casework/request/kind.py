"""The contract of a kind of request.

A file of the shelf `kinds/` is one object that says who may make it (`police_only`), by which channels it goes, whether it
is a letter of the wording room or a paper of its own, and what comes after it went. To add one: a file here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

EMAIL: Final = "email"
WEB_FORM: Final = "web_form"
BY_HAND: Final = "by_hand"
NETWORK: Final = "network"  # the network's own report, by an account of the organisation there
NEEDS: Final[Mapping[str, str]] = {EMAIL: "email", WEB_FORM: "form", BY_HAND: "address"}  # confirmed in the registers


class Kind(Protocol):
    """What every kind has."""

    label: str  # English, as a page names it; the console translates it
    channels: tuple[str, ...]  # the best first
    police_only: bool  # only organisations of kind police make it
    takes_down: bool  # evidence there goes with it: police are asked about a preservation first, and checks follow
    still_up: bool  # nothing is asked once the post is gone
    term_days: int | None  # for how long it holds, at most; None: it has no term
    together: bool  # several items of one provider may go in one mail

    def text(self, facts: Mapping[str, Any], letter: str) -> str:
        """The words that leave, in the language of `facts` (facts.py): the wording room's letter filled in (`letter`), or its own."""
        ...
