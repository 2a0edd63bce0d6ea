"""Mastodon's API, as Mastodon and many other servers offer it: statuses to posts, timelines page by page.

Source: the public API document (docs.joinmastodon.org): entities Status, Account, MediaAttachment, Poll; methods
timelines, statuses, accounts, search, streaming; rate limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.fediverse import (
    NETWORK,
    SENSITIVE,
    few,
    host_of,
    place_of,
    short,
    text_of_html,
    web_address,
)
from yoake.collect.net import Net, Response
from yoake.errors import Refused, TryLater

LIMIT: Final = 40  # statuses a page; what the document allows at most
_ANSWER_BYTES: Final = 8_000_000
_RESERVE: Final = 5  # requests left in a window at which we wait for the next one
_LONGEST_WAIT: Final = timedelta(minutes=15)
_PREV = re.compile(r'<([^<>]{1,2000})>\s*;\s*rel="?prev"?', re.IGNORECASE)


def status_of(status: object, home: str, now: datetime) -> tuple[dict[str, Any] | None, list[str]]:
    """A status to a row of POSTS and the notes on it, or None and why it is no post.

    Args:
        status: entity Status; of a boost, what was boosted is read.
        home: host of the server that sent it, for accounts it names without a host.
        now: bounds the claimed time; becomes `seen_at`.
    """
    if isinstance(status, dict) and isinstance(status.get("reblog"), dict):
        status = status["reblog"]
    if not isinstance(status, dict):
        return None, ["unknown_record"]
    uri, account = status.get("uri"), status.get("account")
    place = place_of(uri) if isinstance(uri, str) else None
    if place is None or not isinstance(account, dict):
        return None, ["no_id"]
    if status.get("visibility", "public") not in ("public", "unlisted"):
        return None, ["not_public"]
    if not isinstance(status.get("content"), str):
        return None, ["no_text"]
    notes: list[str] = []
    row = {
        "network": NETWORK,
        "native_id": uri,
        "url": web_address(status.get("url")) or uri,
        **_author(account, str(uri), home, notes),
        "profile": profile_of(account, notes),
        "text": whole_text(_text(status, notes), notes),
        "lang": short(status.get("language"), notes),
        "labels": [SENSITIVE] if status.get("sensitive") is True else [],
        "images": _images(status.get("media_attachments"), notes),
        "posted_at": claimed_time(status.get("created_at"), now, notes),
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def profile_of(account: Mapping[str, Any], notes: list[str]) -> str:
    """What an account says of itself: its note, and a line for each field."""
    lines = [text_of_html(account["note"], notes)] if isinstance(account.get("note"), str) else []
    for field in few(account.get("fields"), notes):
        name, value = (field.get("name"), field.get("value")) if isinstance(field, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, str):
            lines.append(f"{name}: {text_of_html(value, notes)}")
    return whole_text("\n".join(line for line in lines if line), notes)


def _author(account: Mapping[str, Any], uri: str, home: str, notes: list[str]) -> dict[str, str]:
    """Lasting id, handle with host, and name. The actor's own id where the server tells it (Mastodon 4.2 and later)."""
    actor = web_address(account.get("uri"))
    if not actor and "/statuses/" in uri:
        actor = uri.partition("/statuses/")[0]
    actor = actor or web_address(account.get("url"))
    acct = account.get("acct") if isinstance(account.get("acct"), str) else ""
    handle = f"{acct}@{home}" if acct and "@" not in acct else str(acct)
    name = account.get("display_name")
    return {
        "author_id": actor if is_id(actor, AUTHOR_LIMIT) else "",
        "author_handle": handle if is_id(handle, AUTHOR_LIMIT) else "",
        "author_name": whole_text(name[:AUTHOR_LIMIT], notes) if isinstance(name, str) else "",
    }


def _text(status: Mapping[str, Any], notes: list[str]) -> str:
    """Warning, text and the answers of a poll, as a reader sees them one below the other."""
    warning, poll = status.get("spoiler_text"), status.get("poll")
    options = few(poll.get("options"), notes) if isinstance(poll, dict) else []
    titles = [option.get("title") for option in options if isinstance(option, dict)]
    parts = [warning, text_of_html(status["content"], notes), *titles]
    return "\n".join(part for part in parts if isinstance(part, str) and part)


def _images(value: object, notes: list[str]) -> list[dict[str, Any]]:
    """Pictures, by the address at the server of their author: it is the same whoever relays the status."""
    found = []
    for media in few(value, notes):
        if not isinstance(media, dict):
            notes.append("bad_image")
        elif media.get("type") == "image":
            ref, alt = web_address(media.get("remote_url")) or web_address(media.get("url")), media.get("description")
            if ref:
                text = whole_text(alt, notes) if isinstance(alt, str) else ""
                found.append({"ref": ref, "alt": text, "mime": "", "size_bytes": None})
            else:
                notes.append("bad_image")
    return found


class Mastodon:
    """One server's API.

    Args:
        base: scheme and host.
        token: sent to this host alone; "" for none.
        net: the outside world.
    """

    def __init__(self, base: str, token: str, net: Net) -> None:
        self.base, self.host, self.signed_in = base, host_of(base), bool(token)
        self.wait_until: datetime | None = None  # when the server said that its window of requests begins anew
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._net = net

    def ask(self, path: str, **params: str | int) -> Response:
        """One question. Raises what `Net.get` raises, and TryLater for 5xx and while the host asked us to wait."""
        if self.wait_until is not None and (left := self.wait_until - self._net.now()) > timedelta():
            raise TryLater(f"{self.host} asks to wait (too many requests).", after_s=left.total_seconds())
        answer = self._net.get(
            f"{self.base}{path}", params=params, headers=self._headers, timeout_s=15, limit_bytes=_ANSWER_BYTES
        )
        self.wait_until = self._window(answer.headers)
        if answer.status >= 500:
            raise TryLater(f"{self.host} answered with status {answer.status}; try again later.", after_s=60)
        return answer

    def timeline(self, path: str, **params: str | int) -> tuple[list[Any], str]:
        """One page of a timeline, as it stands there (newest first), and the `min_id` of the page after it.

        Raises:
            TryLater: the server is in trouble, or answers something else.
            Refused: it shows this timeline to nobody, or only to those who are signed in.
        """
        answer = self.ask(path, limit=LIMIT, **params)
        if answer.status == 404 and "/tag/" in path:
            answer.json()  # nobody used this hashtag yet; a page of another program is no such answer
            return [], ""
        if answer.status != 200:
            need = "" if self._headers else "; it may want a token (docs/howto/connectors/mastodon.md)"
            raise Refused(f"{self.host} answered {answer.status} to {path}{need}.")
        found = answer.json()
        if isinstance(found, dict):
            found = found.get("statuses")  # of a search
        if not isinstance(found, list):
            raise TryLater(f"{self.host} answered {path} with no list; try again later.", after_s=600)
        return found, _min_id(answer.headers.get("link", ""))

    def object(self, path: str, **params: str | int) -> tuple[int, Any]:
        """Status and JSON of an answer; None where it is no JSON of this API."""
        answer = self.ask(path, **params)
        try:
            found = answer.json()
        except TryLater:
            found = None
        return answer.status, found

    def streaming(self) -> str:
        """The address of the streaming server: another host, where the instance says so."""
        _, found = self.object("/api/v2/instance")
        urls: Any = found.get("configuration") if isinstance(found, dict) else None
        urls = urls.get("urls") if isinstance(urls, dict) else None
        told = urls.get("streaming") if isinstance(urls, dict) else None
        own = "ws" + self.base.removeprefix("http")
        secure = own.startswith("wss:")
        if not isinstance(told, str) or not told.startswith("wss://" if secure else ("ws://", "wss://")):
            told = own
        return f"{told.rstrip('/')}/api/v1/streaming"

    def _window(self, headers: Mapping[str, str]) -> datetime | None:
        """When to ask again, where few requests are left."""
        left, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not left.isdecimal() or int(left) > _RESERVE:
            return None
        try:
            at = datetime.fromisoformat(reset)
        except ValueError:
            return None
        now = self._net.now()
        return min(at.astimezone(UTC), now + _LONGEST_WAIT) if at.tzinfo is not None and at > now else None


def tag_path(tag: str) -> str:
    """The path of a hashtag's timeline."""
    return f"/api/v1/timelines/tag/{quote(tag, safe='')}"


def order(ident: str) -> tuple[int, str]:
    """Ids in the order of time, as the document says they can be sorted: by length, then lexically."""
    return len(ident), ident


def newest(idents: Sequence[str]) -> str:
    """The newest of some ids; "" of none."""
    return max(idents, key=order, default="")


def _min_id(link: str) -> str:
    """The `min_id` of the address that a Link header calls the previous (newer) page."""
    found = _PREV.search(link)
    told = parse_qs(urlsplit(found[1]).query).get("min_id", [""]) if found else [""]
    return told[0] if is_id(told[0], 100) else ""
