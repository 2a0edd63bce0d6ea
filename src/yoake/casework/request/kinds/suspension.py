"""Suspension of the account that wrote a post: where the account itself serves the purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yoake.casework.request.kind import EMAIL, WEB_FORM

__all__ = ["Suspension"]

_ASKED = {
    "ja": (
        "上記の投稿をしたアカウントについても、貴社の規約に照らしてご確認のうえ、利用停止などの対応をご検討くださいますよう"
        "お願いいたします。"
    ),
    "en": (
        "Please also examine the account that wrote this under your terms of service, and consider suspending it or taking "
        "another measure."
    ),
}


class Suspension:
    """The letter `request`, and a paragraph about the account."""

    label = "suspension of the account"
    channels = (EMAIL, WEB_FORM)
    police_only = False
    takes_down = True
    still_up = False  # an account that deletes its posts goes on
    term_days: int | None = None
    together = True

    def text(self, facts: Mapping[str, Any], letter: str) -> str:
        return f"{letter}\n\n{_ASKED[facts['language']]}"
