"""Preservation of communication records, in writing, for a term: only the police ask for it.

The statute's article stands nowhere: no source at hand confirmed it (domain notes, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yoake.casework.request.kind import BY_HAND

__all__ = ["Preservation"]

_ASKED = {
    "ja": {
        "first": "下記の投稿に関する通信履歴について、証拠の保全が必要であるため、{days}日間消去しないよう書面により求めます。",
        "extension": "先にお願いした下記の投稿に関する通信履歴の保全について、引き続き必要があるため、期間を{days}日間延長するよう書面により求めます。",
        "withdrawal": "先にお願いした下記の投稿に関する通信履歴の保全について、必要がなくなったため、要請を取り消します。",
        "more": "求めるのは通信履歴(送信元、送信先、日時など)の保全であり、通信の内容の保全ではありません。",
    },
    "en": {
        "first": "Please keep, and do not erase, the communication records of the post below for {days} days, as evidence.",
        "extension": "Please keep the communication records of the post below for {days} more days; they are still needed.",
        "withdrawal": "Our request to keep the communication records of the post below is withdrawn; they are not needed any more.",
        "more": "This concerns communication records (origin, destination, times), not the content of communications.",
    },
}


class Preservation:
    """A paper, brought or sent by hand."""

    label = "preservation of records"
    channels = (BY_HAND,)
    police_only = True
    takes_down = False
    still_up = False
    term_days: int | None = 30
    together = False

    def text(self, facts: Mapping[str, Any], letter: str) -> str:
        said = _ASKED[facts["language"]]
        asked = said[str(facts["purpose"])].format(days=facts["term_days"])
        return asked if facts["purpose"] == "withdrawal" else f"{asked}\n\n{said['more']}"
