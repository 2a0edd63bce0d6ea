"""An inquiry about who wrote a post: a paper that a person prepares, signs and brings; nothing of it is sent by a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yoake.casework.request.kind import BY_HAND

__all__ = ["Disclosure"]

_ASKED = {
    "ja": (
        "下記の投稿をした者を特定するため必要がありますので、登録情報および通信記録のうち開示できるものについて"
        "ご回答くださいますようお願いいたします。開示できない場合は、その理由と必要な手続をお知らせください。"
    ),
    "en": (
        "To identify who wrote the post below, please tell us what you can disclose of registration data and communication "
        "records. Where you cannot, please tell us why, and which procedure you need."
    ),
}


class Disclosure:
    """A paper, brought or sent by hand."""

    label = "inquiry about the author"
    channels = (BY_HAND,)
    police_only = False
    takes_down = False
    still_up = False
    term_days: int | None = None
    together = False

    def text(self, facts: Mapping[str, Any], letter: str) -> str:
        return _ASKED[facts["language"]]
