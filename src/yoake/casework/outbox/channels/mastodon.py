"""Mastodon, and servers that offer its API: replies and private messages as statuses, reports to the server's own staff.

Source: the public API document (docs.joinmastodon.org): methods accounts (verify_credentials, statuses), search, statuses
(with Idempotency-Key, which a server remembers for an hour), reports.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

import orjson

from yoake.casework.outbox.channel import Answered, Field, Identity, Message, Receipt, Speaker
from yoake.casework.outbox.talking import (
    JSON,
    body_of,
    plain,
    same_words,
    secure,
    sender_denied,
    since,
    text_at,
)
from yoake.collect.fediverse import NETWORK, base_of, host_of, text_of_html
from yoake.collect.net import Denied, Net, Response
from yoake.errors import Refused, TryLater

__all__ = ["Mastodon"]

_TIMEOUT_S: Final = 15.0
_PAGE: Final = 40  # statuses; what the document allows at most
_PAGES: Final = 10  # of one's own statuses that are looked through
_ID: Final = re.compile(r"[\w-]{1,64}")
_HANDLE: Final = re.compile(r"\w([\w.-]{0,98}\w)?(@[A-Za-z0-9.-]{1,253}(:\d{1,5})?)?")
_SCOPE: Final = "outside the authorized scopes"


class Mastodon:
    """An account on a Mastodon server, with an access token made in its settings (read, write)."""

    label = "Mastodon"
    networks = (NETWORK,)
    by_hand = False
    longest = 500
    reasons = ("spam", "legal", "violation", "other")
    fields = (
        Field("server", "Server of the account", hint="https://server.example"),
        Field("token", "Access token", secret=True, hint="with the scopes read and write"),
    )

    def who(self, speaker: Speaker, net: Net) -> Identity:
        account = _Server(speaker, net).get("/api/v1/accounts/verify_credentials")
        host = host_of(base_of(speaker.options["server"]))
        note = "the account is locked: strangers see less of it" if account.get("locked") is True else ""
        return Identity(text_at(account, "id"), f"{text_at(account, 'acct')}@{host}", note)

    def length_of(self, text: str) -> int:
        return len(text)

    def reply(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        server = _Server(speaker, net)
        status = server.status(_address(message))
        if status is None:
            raise Refused(f"{server.host} does not find the post: it is gone, or hidden from this server")
        return server.write(message, "public", in_reply_to_id=text_at(status, "id"))

    def find(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        server = _Server(speaker, net)
        status = server.status(_address(message))
        return server.written(message, "public", text_at(status, "id") if status is not None else None)

    def replies_to(self, message: Message, speaker: Speaker, net: Net) -> list[Answered]:
        server = _Server(speaker, net)
        status = server.status(_address(message))
        if status is None:
            return []
        around = server.get(f"/api/v1/statuses/{text_at(status, 'id')}/context")
        below = around.get("descendants")
        answered = []
        for one in below if isinstance(below, list) else ():
            if text_at(one, "in_reply_to_id") == text_at(status, "id"):
                acct = text_at(one, "account", "acct")
                handle = acct if "@" in acct else f"{acct}@{server.host}"
                actor = text_at(one, "account", "uri") or text_at(one, "account", "url")
                answered.append(Answered(actor, handle, text_at(one, "url")))
        return answered

    def surely(self, speaker: Speaker) -> set[str]:
        return {speaker.handle} if speaker.handle.count("@") == 1 else set()  # behind it stands the host we asked

    def delete(self, remote_id: str, speaker: Speaker, net: Net) -> None:
        if not _ID.fullmatch(remote_id):
            raise Refused("this is not the id of a reply there; delete it by hand")
        _Server(speaker, net).remove(f"/api/v1/statuses/{quote(remote_id, safe='')}")

    def message(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        return _Server(speaker, net).write(message, "direct")

    def find_message(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        return _Server(speaker, net).written(message, "direct", None)

    def report(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        server = _Server(speaker, net)
        status = server.status(_address(message))
        if status is None:
            raise Refused(f"{server.host} does not find the post: it is gone, or hidden from this server")
        told = {
            "account_id": text_at(status, "account", "id"),
            "status_ids": [text_at(status, "id")],
            "comment": message.body["text"],
            "category": message.body["reason"],
            "forward": True,  # also to the server where the post was written
        }
        return Receipt(text_at(server.post("/api/v1/reports", told), "id"))


class _Server:
    """The API of the account's server."""

    def __init__(self, speaker: Speaker, net: Net) -> None:
        self._speaker, self._net = speaker, net
        self._base = secure(speaker.options["server"], net)
        self.host = host_of(self._base)
        self._headers = {"Authorization": f"Bearer {speaker.secrets['token']}"}

    def get(self, path: str, **asked: str | int) -> Any:
        """The JSON of an answer. Raises SenderDenied, Refused or TryLater."""
        try:
            answer = self._net.get(f"{self._base}{path}", params=asked, headers=self._headers, timeout_s=_TIMEOUT_S)
        except Denied as no:
            raise self._denied(no) from None
        return self._told(answer, path)

    def post(self, path: str, told: dict[str, Any], key: str = "") -> Any:
        """The JSON of an answer to something that is written; the same key twice within an hour writes once."""
        headers = {**JSON, **self._headers, **({"Idempotency-Key": key} if key else {})}
        try:
            answer = self._net.post(f"{self._base}{path}", orjson.dumps(told), headers=headers, timeout_s=_TIMEOUT_S)
        except Denied as no:
            raise self._denied(no) from None
        return self._told(answer, path)

    def remove(self, path: str) -> None:
        """Deletes what is there; what is not there is deleted."""
        try:
            answer = self._net.delete(f"{self._base}{path}", headers=self._headers, timeout_s=_TIMEOUT_S)
        except Denied as no:
            raise self._denied(no) from None
        if answer.status != 404:
            self._told(answer, path)

    def status(self, address: str) -> dict[str, Any] | None:
        """A post as this server knows it, by its ActivityPub id or address; None when it does not find it."""
        found = self.get("/api/v2/search", q=address, type="statuses", resolve="true", limit=1)
        listed = found.get("statuses") if isinstance(found, dict) else None
        status = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else None
        if status is not None and address not in (status.get("uri"), status.get("url")):
            # the server that was asked for it can name anybody's post instead
            raise Refused("this address leads to another post; answer it by hand, or not at all")
        return status

    def write(self, message: Message, visibility: str, **more: str) -> Receipt:
        """A status that names whom it is for."""
        told = {
            "status": _words(message),
            "visibility": visibility,
            "language": message.body.get("language") or "ja",
            **more,
        }
        made = self.post("/api/v1/statuses", told, message.key)
        return Receipt(text_at(made, "id"), text_at(made, "url"))

    def written(self, message: Message, visibility: str, above: str | None) -> Receipt | None:
        """One's own status with these words (under `above`, if that is known), not older than the first attempt."""
        path = f"/api/v1/accounts/{quote(self._speaker.remote_id, safe='')}/statuses"
        older: dict[str, str | int] = {}
        for _ in range(_PAGES):
            page = self.get(path, limit=_PAGE, exclude_reblogs="true", **older)
            listed = [one for one in page if isinstance(one, dict)] if isinstance(page, list) else []
            for one in listed:
                if not since(one.get("created_at"), message):
                    return None
                own = one.get("visibility") == visibility and text_at(one, "id") not in message.taken
                here = above is None or text_at(one, "in_reply_to_id") == above
                if own and here and same_words(_words(message), text_of_html(text_at(one, "content"), [])):
                    return Receipt(text_at(one, "id"), text_at(one, "url"))
            if len(listed) < _PAGE:
                return None
            older = {"max_id": text_at(listed[-1], "id")}
        return None

    def _told(self, answer: Response, path: str) -> Any:
        if answer.status >= 500:
            raise TryLater(f"{self.host} answered with status {answer.status}; try again later.", after_s=60)
        found = answer.json()
        if answer.status not in (200, 202):
            error = found.get("error") if isinstance(found, dict) else ""
            raise Refused(f"{self.host} refuses this (status {answer.status}: {plain(error or path)})")
        return found

    def _denied(self, no: Denied) -> Exception:
        words = text_at(body_of(no), "error")
        if _SCOPE in words:
            return sender_denied(self.host, f"the token lacks a scope: {words}", no.status)
        return sender_denied(self.host, words, no.status)


def _address(message: Message) -> str:
    address = str(message.to.get("post") or message.to.get("url") or "")
    if not address.startswith(("https://", "http://")):
        raise Refused("this is not the address of a post of the fediverse; answer it by hand")
    return address


def _words(message: Message) -> str:
    """The words, with the handle of whom they are for in front: only then that person is told."""
    handle = str(message.to.get("handle", "")).removeprefix("@")
    if handle and not _HANDLE.fullmatch(handle):  # a stranger's server chose it: no words of theirs stand in our reply
        raise Refused("the author's handle is not one that can be mentioned; answer it by hand")
    return f"@{handle} {message.body['text']}" if handle else str(message.body["text"])
