"""Bluesky: replies as records under a key of our own, private messages, reports to a moderation service.

Source: the public lexicons (github.com/bluesky-social/atproto/tree/main/lexicons): com.atproto.server.createSession,
com.atproto.repo.putRecord, getRecord and deleteRecord, app.bsky.feed.getPostThread, com.atproto.moderation.createReport,
chat.bsky.convo.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import orjson

from yoake.casework.outbox.channel import (
    Answered,
    Field,
    Identity,
    Message,
    Receipt,
    Speaker,
)
from yoake.casework.outbox.talking import (
    JSON,
    as_object,
    body_of,
    plain,
    record_key,
    same_words,
    secure,
    sender_denied,
    since,
    text_at,
)
from yoake.collect.bluesky import NETWORK, POST, Ref, split_uri
from yoake.collect.net import Denied, Net, Response
from yoake.errors import Refused, TryLater

__all__ = ["Bluesky"]

_SESSION_S: Final = 3600.0  # a token is good for about two hours
_TIMEOUT_S: Final = 15.0
_STALE: Final = ("ExpiredToken", "InvalidToken")
_ACCOUNT: Final = (
    "AccountTakedown",
    "AccountDeactivated",
    "AccountSuspended",
    "AuthenticationRequired",
    "AuthFactorTokenRequired",
)
_NO_PERSON: Final = ("BlockedByActor", "BlockedActor", "MessagesDisabled", "NotFollowedBySender")
_LINK: Final = re.compile(r"https?://[^\s（）()「」、。]+")


class _Said(Exception):
    """An XRPC error."""

    def __init__(self, status: int, name: str, words: str) -> None:
        self.status, self.name, self.words = status, name, words
        super().__init__(status, name)


class _Stale(_Said):
    """The session is over: signing in anew is all it needs."""


class Bluesky:
    """A Bluesky account; it signs in with an app password."""

    label = "Bluesky"
    networks = (NETWORK,)
    by_hand = False
    longest = 300
    reasons = (
        "com.atproto.moderation.defs#reasonViolation",
        "com.atproto.moderation.defs#reasonMisleading",
        "com.atproto.moderation.defs#reasonSpam",
        "com.atproto.moderation.defs#reasonRude",
        "com.atproto.moderation.defs#reasonSexual",
        "com.atproto.moderation.defs#reasonOther",
    )
    fields = (
        Field("service", "Server of the account", default="https://bsky.social"),
        Field("handle", "Handle", hint="name.example"),
        Field("password", "App password", secret=True, hint="with leave to send private messages where those are sent"),
        Field("view", "Service that shows threads", default="https://public.api.bsky.app"),
        Field("moderation", "Moderation service", default="did:plc:ar7c4by46qjdydhdevvrndac#atproto_labeler"),
        Field("chat", "Service of private messages", default="did:web:api.bsky.chat#bsky_chat"),
    )

    def who(self, speaker: Speaker, net: Net) -> Identity:
        session = _Account(speaker, net).sign_in()
        note = (
            ""
            if session.get("active", True) is True
            else f"the account is {plain(session.get('status', 'not active'))}"
        )
        return Identity(text_at(session, "did"), text_at(session, "handle"), note)

    def length_of(self, text: str) -> int:
        return len(text)

    def reply(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        account = _Account(speaker, net)
        parent, above = account.post(_ref(message))
        told = above.get("reply")
        root = told.get("root") if isinstance(told, dict) and isinstance(told.get("root"), dict) else parent
        record = {
            "$type": POST,
            "text": message.body["text"],
            "createdAt": message.tried_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "langs": [str(message.body.get("language") or "ja")],
            "reply": {"root": root, "parent": parent},
        }
        if facets := _facets(message.body["text"]):
            record["facets"] = facets
        key = record_key(message)
        told = {"repo": speaker.remote_id, "collection": POST, "rkey": key, "record": record, "swapRecord": None}
        try:
            account.ask("com.atproto.repo.putRecord", told)
        except _Said as said:
            if said.name != "InvalidSwap":  # it is there already: an earlier attempt arrived
                raise account.refusal(said) from None
        return _receipt(speaker, key)

    def find(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        key = record_key(message)
        record = {"repo": speaker.remote_id, "collection": POST, "rkey": key}
        try:
            _Account(speaker, net).read("com.atproto.repo.getRecord", record)
        except _Said as said:
            if said.name == "RecordNotFound":
                return None
            raise _Account(speaker, net).refusal(said) from None
        return _receipt(speaker, key)

    def replies_to(self, message: Message, speaker: Speaker, net: Net) -> list[Answered]:
        asked: dict[str, str | int] = {"uri": _uri(_ref(message)), "depth": 1, "parentHeight": 0}
        account = _Account(speaker, net)
        view = speaker.options.get("view", "").rstrip("/")
        try:
            found = account.read("app.bsky.feed.getPostThread", asked, host=view)
        except _Said as said:
            if said.name == "NotFound":
                return []
            raise TryLater(f"the replies cannot be read ({plain(said.name)}); try again later.", after_s=60) from None
        thread = found.get("thread")
        replies = thread.get("replies") if isinstance(thread, dict) else None
        answered = []
        for one in replies if isinstance(replies, list) else ():
            did, handle = text_at(one, "post", "author", "did"), text_at(one, "post", "author", "handle")
            if did:
                answered.append(Answered(did, handle, _shown(text_at(one, "post", "uri"))))
        return answered

    def surely(self, speaker: Speaker) -> set[str]:
        own = speaker.options.get("service", "").rstrip("/") == self.fields[0].default
        return {speaker.remote_id, speaker.handle} - {""} if own else set()

    def delete(self, remote_id: str, speaker: Speaker, net: Net) -> None:
        ref = split_uri(remote_id)
        if ref is None:
            raise Refused("this is not the address of a reply on Bluesky; delete it by hand")
        account = _Account(speaker, net)
        told = {"repo": speaker.remote_id, "collection": ref.collection, "rkey": ref.rkey}
        try:
            account.ask("com.atproto.repo.deleteRecord", told)
        except _Said as said:
            raise account.refusal(said) from None

    def message(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        account, to = _Account(speaker, net), _did(message)
        chat = speaker.options["chat"]
        try:
            told = {"convoId": account.conversation(to, chat), "message": {"text": message.body["text"]}}
            sent = account.ask("chat.bsky.convo.sendMessage", told, proxy=chat)
        except _Said as said:
            raise account.refusal(said) from None
        return Receipt(text_at(sent, "id"))

    def find_message(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        account, to = _Account(speaker, net), _did(message)
        chat = speaker.options["chat"]
        try:
            asked: dict[str, str | int] = {"convoId": account.conversation(to, chat), "limit": 100}
            found = account.read("chat.bsky.convo.getMessages", asked, proxy=chat, signed=True)
        except _Said as said:
            raise account.refusal(said) from None
        listed = found.get("messages")
        for one in listed if isinstance(listed, list) else ():
            own = text_at(one, "sender", "did") == speaker.remote_id and text_at(one, "id") not in message.taken
            if own and same_words(message.body["text"], text_at(one, "text")) and since(one.get("sentAt"), message):
                return Receipt(text_at(one, "id"))
        return None

    def report(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        account = _Account(speaker, net)
        subject, _ = account.post(_ref(message))
        told = {
            "reasonType": message.body["reason"],
            "reason": message.body["text"],
            "subject": {"$type": "com.atproto.repo.strongRef", **subject},
        }
        try:
            done = account.ask("com.atproto.moderation.createReport", told, proxy=speaker.options["moderation"])
        except _Said as said:
            raise account.refusal(said) from None
        return Receipt(str(done.get("id", "")))


class _Account:
    """The account on its server, signed in when that is needed."""

    def __init__(self, speaker: Speaker, net: Net) -> None:
        self._speaker, self._net = speaker, net
        self._host = secure(speaker.options["service"], net)
        self._name = self._host.partition("://")[2]
        secret = hashlib.sha256(speaker.secrets.get("password", "").encode()).hexdigest()
        self._note = f"session of {self._host} {speaker.options['handle']} {secret}"

    def sign_in(self) -> dict[str, Any]:
        """A new session. Raises SenderDenied where the server takes no such password, or has taken the account down."""
        told = {"identifier": self._speaker.options["handle"], "password": self._speaker.secrets["password"]}
        try:
            session = self._call("com.atproto.server.createSession", told, {})
        except _Said as said:
            raise sender_denied(self._name, f"{said.name} {said.words}", said.status) from None
        self._net.hosts.note(self._note, text_at(session, "accessJwt"), _SESSION_S)
        return session

    def ask(self, method: str, told: Mapping[str, Any], proxy: str = "") -> dict[str, Any]:
        """A procedure, signed in. Raises _Said for what the server says no to."""
        return self._signed(lambda headers: self._call(method, told, headers), proxy)

    def read(
        self, method: str, asked: Mapping[str, str | int], *, host: str = "", proxy: str = "", signed: bool = False
    ) -> dict[str, Any]:
        """A query: of the account's server, or of another one."""
        url = f"{host or self._host}/xrpc/{method}"

        def get(headers: Mapping[str, str]) -> dict[str, Any]:
            try:
                return self._told(self._net.get(url, params=asked, headers=headers, timeout_s=_TIMEOUT_S), method)
            except Denied as no:
                raise _said(no) from None

        return self._signed(get, proxy) if signed or not (host or method.startswith("com.atproto.repo.")) else get({})

    def post(self, ref: Ref) -> tuple[dict[str, str], dict[str, Any]]:
        """A post as others refer to it, and its record. Raises Refused when it is gone."""
        asked = {"repo": ref.did, "collection": ref.collection, "rkey": ref.rkey}
        try:
            found = self.read("com.atproto.repo.getRecord", asked)
        except _Said as said:
            raise Refused(f"{self._name} does not show the post any more ({plain(said.name)})") from None
        value = found.get("value")
        return {"uri": text_at(found, "uri"), "cid": text_at(found, "cid")}, value if isinstance(value, dict) else {}

    def conversation(self, did: str, chat: str) -> str:
        """The id of the conversation with somebody."""
        found = self.read("chat.bsky.convo.getConvoForMembers", {"members": did}, proxy=chat, signed=True)
        return text_at(found, "convo", "id")

    def refusal(self, said: _Said) -> Exception:
        """What an error means: of the sender, of this item, or for now."""
        if said.name in _ACCOUNT or (said.status in (401, 403) and said.name not in _NO_PERSON):
            return sender_denied(self._name, f"{said.name} {said.words}", said.status)
        if said.name in _STALE or said.status >= 500:
            return TryLater(f"{self._name} answered {plain(said.name)}; try again later.", after_s=60)
        return Refused(f"{self._name} refuses this ({plain(said.name)}: {plain(said.words)})")

    def _signed(self, call: Callable[[Mapping[str, str]], dict[str, Any]], proxy: str) -> dict[str, Any]:
        aside = {"atproto-proxy": proxy} if proxy else {}
        token = self._net.hosts.recall(self._note)
        if isinstance(token, str):
            with suppress(_Stale):
                return call({"Authorization": f"Bearer {token}", **aside})
        return call({"Authorization": f"Bearer {text_at(self.sign_in(), 'accessJwt')}", **aside})

    def _call(self, method: str, told: Mapping[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
        url = f"{self._host}/xrpc/{method}"
        try:
            answer = self._net.post(url, orjson.dumps(told), headers={**JSON, **headers}, timeout_s=_TIMEOUT_S)
        except Denied as no:
            raise _said(no) from None
        return self._told(answer, method)

    def _told(self, answer: Response, method: str) -> dict[str, Any]:
        if answer.status == 200 and not answer.body:
            return {}
        if answer.status >= 500 and answer.status != 501:
            raise TryLater(f"{self._name} answered {method} with status {answer.status}; try again later.", after_s=60)
        found = as_object(answer, self._name)
        if answer.status != 200:
            raise _told(answer.status, found)
        return found


def _said(no: Denied) -> _Said:
    return _told(no.status, body_of(no))


def _told(status: int, found: Mapping[str, Any]) -> _Said:
    name = text_at(found, "error")
    return (_Stale if name in _STALE else _Said)(status, name, text_at(found, "message"))


def _ref(message: Message) -> Ref:
    ref = split_uri(str(message.to.get("post", "")))
    if ref is None:
        raise Refused("this is not the address of a post on Bluesky; answer it by hand")
    return ref


def _did(message: Message) -> str:
    author = str(message.to.get("author", ""))
    if not author.startswith("did:"):
        raise Refused("the author's lasting id is not known; write to them by hand")
    return author


def _uri(ref: Ref) -> str:
    return f"at://{ref.did}/{ref.collection}/{ref.rkey}"


def _receipt(speaker: Speaker, key: str) -> Receipt:
    uri = f"at://{speaker.remote_id}/{POST}/{key}"
    return Receipt(uri, _shown(uri))


def _shown(uri: str) -> str:
    ref = split_uri(uri)
    return f"https://bsky.app/profile/{ref.did}/post/{ref.rkey}" if ref is not None else ""


def _facets(text: str) -> list[dict[str, Any]]:
    """Addresses as links (app.bsky.richtext.facet): places count octets of UTF-8."""
    return [
        {
            "index": {"byteStart": len(text[: found.start()].encode()), "byteEnd": len(text[: found.end()].encode())},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": found[0]}],
        }
        for found in _LINK.finditer(text)
    ]
