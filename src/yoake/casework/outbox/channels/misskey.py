"""Misskey: replies and private messages as notes, reports to the server's own staff.

Source: the public API document (misskey-hub.net, /api-doc of every instance): endpoints i, ap/show, notes/create,
notes/delete, notes/replies, users/notes, users/report-abuse.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from yoake.casework.outbox.channel import Answered, Field, Identity, Message, Receipt, Speaker
from yoake.casework.outbox.talking import JSON, body_of, plain, same_words, secure, sender_denied, since, text_at
from yoake.collect.fediverse import NETWORK, host_of, place_of
from yoake.collect.misskey import code_of
from yoake.collect.net import Denied, Net
from yoake.errors import Refused, TryLater

__all__ = ["Misskey"]

_TIMEOUT_S: Final = 15.0
_PAGE: Final = 100  # notes; what the document allows at most
_PAGES: Final = 5
_ID: Final = re.compile(r"\w{1,64}")
_ACCOUNT: Final = (
    "YOUR_ACCOUNT_SUSPENDED",
    "YOUR_ACCOUNT_MOVED",
    "AUTHENTICATION_FAILED",
    "CREDENTIAL_REQUIRED",
    "PERMISSION_DENIED",
)


class Misskey:
    """An account on a Misskey server, with an access token made in its settings."""

    label = "Misskey"
    networks = (NETWORK,)
    by_hand = False
    longest = 3000
    reasons = ("report",)  # Misskey's report has no codes
    fields = (
        Field("server", "Server of the account", hint="https://server.example"),
        Field("token", "Access token", secret=True, hint="may read the account, write and delete notes, report abuse"),
    )

    def who(self, speaker: Speaker, net: Net) -> Identity:
        server = _Server(speaker, net)
        user = server.ask("i")
        return Identity(text_at(user, "id"), f"{text_at(user, 'username')}@{server.host}")

    def length_of(self, text: str) -> int:
        return len(text)

    def reply(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        server = _Server(speaker, net)
        return server.write(message, replyId=text_at(server.note(message), "id"), visibility="public")

    def find(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        server = _Server(speaker, net)
        try:
            above = text_at(server.note(message), "id")
        except Refused:  # the post is gone; what we said may stand there still
            above = ""
        return server.written(message, ("public", "home"), above)

    def replies_to(self, message: Message, speaker: Speaker, net: Net) -> list[Answered]:
        server = _Server(speaker, net)
        found = server.ask("notes/replies", noteId=text_at(server.note(message), "id"), limit=_PAGE)
        answered = []
        for one in found if isinstance(found, list) else ():
            host = text_at(one, "user", "host") or server.host
            ident = text_at(one, "id")
            url = text_at(one, "url") or text_at(one, "uri") or f"{server.base}/notes/{ident}"
            answered.append(Answered(text_at(one, "userId"), f"{text_at(one, 'user', 'username')}@{host}", url))
        return answered

    def surely(self, speaker: Speaker) -> set[str]:
        return {speaker.handle} if speaker.handle.count("@") == 1 else set()  # behind it stands the host we asked

    def delete(self, remote_id: str, speaker: Speaker, net: Net) -> None:
        if not _ID.fullmatch(remote_id):
            raise Refused("this is not the id of a reply there; delete it by hand")
        _Server(speaker, net).ask("notes/delete", gone_is_fine=True, noteId=remote_id)

    def message(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        server = _Server(speaker, net)
        return server.write(message, visibility="specified", visibleUserIds=[server.user(message)])

    def find_message(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        return _Server(speaker, net).written(message, ("specified",), "")

    def report(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        server = _Server(speaker, net)
        note = server.note(message)
        comment = f"{message.to.get('url') or message.to.get('post')}\n{message.body['text']}"
        server.ask("users/report-abuse", userId=text_at(note, "userId"), comment=comment)
        return Receipt(message.key)  # Misskey gives a report no number


class _Server:
    """The API of the account's server."""

    def __init__(self, speaker: Speaker, net: Net) -> None:
        self._speaker, self._net = speaker, net
        self.base = secure(speaker.options["server"], net)
        self.host = host_of(self.base)

    def ask(self, endpoint: str, *, gone_is_fine: bool = False, **told: Any) -> Any:
        """The JSON of an answer, None of an empty one. Raises SenderDenied, Refused or TryLater."""
        body = orjson.dumps({**told, "i": self._speaker.secrets["token"]})
        try:
            answer = self._net.post(f"{self.base}/api/{endpoint}", body, headers=JSON, timeout_s=_TIMEOUT_S)
        except Denied as no:
            raise sender_denied(self.host, _words(body_of(no)), no.status) from None
        if answer.status >= 500:
            raise TryLater(f"{self.host} answered {endpoint} with status {answer.status}; try again later.", after_s=60)
        if answer.status == 204 or (answer.status == 200 and not answer.body):
            return None
        found = answer.json()
        if answer.status == 200:
            return found
        code = code_of(found)
        if code in _ACCOUNT:
            raise sender_denied(self.host, _words(found), answer.status)
        if gone_is_fine and code == "NO_SUCH_NOTE":
            return None
        raise Refused(f"{self.host} refuses this ({code or answer.status}: {plain(_words(found))})")

    def note(self, message: Message) -> dict[str, Any]:
        """A post as this server knows it. Raises Refused when it does not find it."""
        address = str(message.to.get("post") or message.to.get("url") or "")
        place = place_of(address)
        if place is None:
            raise Refused("this is not the address of a post of the fediverse; answer it by hand")
        if place.base == self.base and place.kind == "misskey":
            found = self.ask("notes/show", noteId=place.id)
        else:
            known = self.ask("ap/show", uri=address)
            found = known.get("object") if isinstance(known, dict) and known.get("type") == "Note" else None
            if isinstance(found, dict) and address not in (found.get("uri"), found.get("url")):
                # the server that was asked for it can name anybody's post instead
                raise Refused("this address leads to another post; answer it by hand, or not at all")
        if not isinstance(found, dict):
            raise Refused(f"{self.host} does not find the post: it is gone, or hidden from this server")
        return found

    def user(self, message: Message) -> str:
        """The id here of whom a message is for."""
        name, _at, host = str(message.to.get("handle", "")).removeprefix("@").partition("@")
        if not name:
            raise Refused("the author's handle is not known; write to them by hand")
        found = self.ask("users/show", username=name, host=None if host in ("", self.host) else host)
        return text_at(found, "id") if isinstance(found, dict) else ""

    def write(self, message: Message, **more: Any) -> Receipt:
        """A note."""
        made = self.ask("notes/create", text=message.body["text"], **more)
        ident = text_at(made, "createdNote", "id") if isinstance(made, dict) else ""
        return Receipt(ident, f"{self.base}/notes/{ident}")

    def written(self, message: Message, visibility: tuple[str, ...], above: str) -> Receipt | None:
        """One's own note with these words (under `above`, if that is known), not older than the first attempt."""
        older: dict[str, Any] = {}
        for _ in range(_PAGES):
            page = self.ask("users/notes", userId=self._speaker.remote_id, withReplies=True, limit=_PAGE, **older)
            listed = [one for one in page if isinstance(one, dict)] if isinstance(page, list) else []
            for one in listed:
                if not since(one.get("createdAt"), message):
                    return None
                ident = text_at(one, "id")
                own = one.get("visibility") in visibility and ident not in message.taken
                here = not above or text_at(one, "replyId") == above
                if own and here and same_words(message.body["text"], text_at(one, "text")):
                    return Receipt(ident, f"{self.base}/notes/{ident}")
            if len(listed) < _PAGE:
                return None
            older = {"untilId": text_at(listed[-1], "id")}
        return None


def _words(found: object) -> str:
    error = found.get("error") if isinstance(found, dict) else None
    return f"{code_of(found)} {text_at(error, 'message')}" if isinstance(error, dict) else ""
