"""X (API version 2): replies and private messages, signed with OAuth 1.0a, whose tokens do not expire.

Source: the public API document (docs.x.com/x-api): manage posts, users/me, user posts, recent search, direct messages,
authentication, counting characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from oauthlib.oauth1 import Client

from yoake.casework.outbox.channel import Answered, Field, Identity, Message, Receipt, SaidBefore, Speaker
from yoake.casework.outbox.talking import (
    JSON,
    as_object,
    body_of,
    plain,
    same_words,
    secure,
    sender_denied,
    since,
    text_at,
)
from yoake.collect.net import Denied, Net, Response
from yoake.collect.x import NETWORK, is_post_id, url_of
from yoake.errors import Refused, TryLater

__all__ = ["X"]

_TIMEOUT_S: Final = 15.0
_PAGE: Final = 100
_PAGES: Final = 5
_LINK: Final = re.compile(r"https?://[!-~]+")
_LINK_WEIGHT: Final = 23
_LIGHT: Final = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))  # code points that count one; all others two
_OF_ITEM: Final = ("duplicate content", "not permitted to perform", "reply", "direct message", "deleted or not visible")


class X:
    """An account on X, with the keys of an app that may read, write and send direct messages."""

    label = "X"
    networks = (NETWORK,)
    by_hand = False
    longest = 280
    fields = (
        Field("api", "Address of the API", default="https://api.x.com"),
        Field("consumer_key", "API key", secret=True),
        Field("consumer_secret", "API key secret", secret=True),
        Field("token", "Access token", secret=True),
        Field("token_secret", "Access token secret", secret=True),
    )

    def who(self, speaker: Speaker, net: Net) -> Identity:
        found = _Api(speaker, net).get("/2/users/me")
        return Identity(text_at(found, "data", "id"), text_at(found, "data", "username"))

    def length_of(self, text: str) -> int:
        text = unicodedata.normalize("NFC", text)
        links = _LINK.findall(text)
        return len(links) * _LINK_WEIGHT + sum(
            1 if any(low <= ord(char) <= high for low, high in _LIGHT) else 2 for char in _LINK.sub("", text)
        )

    def reply(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        told = {"text": message.body["text"], "reply": {"in_reply_to_tweet_id": _post(message)}}
        made = _Api(speaker, net).post("/2/tweets", told)
        return _receipt(text_at(made, "data", "id"))

    def find(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        api, above = _Api(speaker, net), _post(message)
        begun = message.tried_at - timedelta(minutes=5)
        asked: dict[str, str | int] = {
            "max_results": _PAGE,
            "tweet.fields": "created_at,referenced_tweets",
            "start_time": begun.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for _ in range(_PAGES):
            found = api.get(f"/2/users/{speaker.remote_id}/tweets", asked)
            for one in _list(found.get("data")):
                own = text_at(one, "id") not in message.taken and _answers(one, above)
                if own and same_words(message.body["text"], text_at(one, "text")):
                    return _receipt(text_at(one, "id"))
            token = text_at(found, "meta", "next_token")
            if not token:
                return None
            asked["pagination_token"] = token
        return None

    def replies_to(self, message: Message, speaker: Speaker, net: Net) -> list[Answered]:
        """Of the last seven days: X's search reaches no further back."""
        above = _post(message)
        asked: dict[str, str | int] = {
            "query": f"in_reply_to_tweet_id:{above}",
            "max_results": _PAGE,
            "tweet.fields": "author_id,referenced_tweets",
            "expansions": "author_id",
            "user.fields": "username",
        }
        found = _Api(speaker, net).get("/2/tweets/search/recent", asked)
        includes = found.get("includes")
        users = _list(includes.get("users")) if isinstance(includes, dict) else []
        names = {text_at(user, "id"): text_at(user, "username") for user in users}
        answered = []
        for one in _list(found.get("data")):
            if _answers(one, above):
                author = text_at(one, "author_id")
                answered.append(Answered(author, names.get(author, ""), url_of(text_at(one, "id"))))
        return answered

    def surely(self, speaker: Speaker) -> set[str]:
        own = speaker.options.get("api", "").rstrip("/") == self.fields[0].default
        return {speaker.remote_id, speaker.handle} - {""} if own else set()

    def delete(self, remote_id: str, speaker: Speaker, net: Net) -> None:
        if not is_post_id(remote_id):
            raise Refused("this is not the id of a post on X; delete it by hand")
        _Api(speaker, net).remove(f"/2/tweets/{remote_id}")

    def message(self, message: Message, speaker: Speaker, net: Net) -> Receipt:
        path = f"/2/dm_conversations/with/{_author(message)}/messages"
        made = _Api(speaker, net).post(path, {"text": message.body["text"]})
        return Receipt(text_at(made, "data", "dm_event_id"))

    def find_message(self, message: Message, speaker: Speaker, net: Net) -> Receipt | None:
        path = f"/2/dm_conversations/with/{_author(message)}/dm_events"
        asked: dict[str, str | int] = {"max_results": _PAGE, "dm_event.fields": "created_at,sender_id,text"}
        for one in _list(_Api(speaker, net).get(path, asked).get("data")):
            own = text_at(one, "sender_id") == speaker.remote_id and text_at(one, "id") not in message.taken
            if own and since(one.get("created_at"), message) and same_words(message.body["text"], text_at(one, "text")):
                return Receipt(text_at(one, "id"))
        return None


class _Api:
    """The API, as the account may use it."""

    host = "X"

    def __init__(self, speaker: Speaker, net: Net) -> None:
        self._net, self._base = net, secure(speaker.options["api"], net)
        keys = speaker.secrets
        self._client = Client(
            keys["consumer_key"],
            client_secret=keys["consumer_secret"],
            resource_owner_key=keys["token"],
            resource_owner_secret=keys["token_secret"],
        )

    def get(self, path: str, asked: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """The object of an answer. Raises SenderDenied, Refused or TryLater."""
        url = f"{self._base}{path}" + (f"?{urlencode(asked)}" if asked else "")
        return self._told(
            lambda: self._net.get(url, headers=self._signed("GET", url), timeout_s=_TIMEOUT_S, follow=False)
        )

    def post(self, path: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """The object of an answer to something that is written; a JSON body is not part of the signature."""
        url = f"{self._base}{path}"
        headers = {**self._signed("POST", url), **JSON}
        return self._told(lambda: self._net.post(url, orjson.dumps(told), headers=headers, timeout_s=_TIMEOUT_S))

    def remove(self, path: str) -> None:
        """Deletes what is there; what is not there is deleted."""
        url = f"{self._base}{path}"
        self._told(
            lambda: self._net.delete(url, headers=self._signed("DELETE", url), timeout_s=_TIMEOUT_S), gone_is_fine=True
        )

    def _signed(self, method: str, url: str) -> dict[str, str]:
        _url, headers, _body = self._client.sign(url, http_method=method)
        return {"Authorization": str(headers["Authorization"])}

    def _told(self, ask: Any, *, gone_is_fine: bool = False) -> dict[str, Any]:
        try:
            answer: Response = ask()
        except Denied as no:
            words = _words(body_of(no))
            # 403 is said of an account and of a single post: only what speaks of the account pauses the sender
            if (
                no.status == 403
                and any(part in words.lower() for part in _OF_ITEM)
                and "suspended" not in words.lower()
            ):
                before = "duplicate content" in words.lower()
                raise (SaidBefore if before else Refused)(f"X refuses this ({plain(words)})") from None
            raise sender_denied(self.host, words, no.status) from None
        if answer.status >= 500:
            raise TryLater(f"X answered with status {answer.status}; try again later.", after_s=60)
        if gone_is_fine and answer.status == 404:
            return {}
        found = as_object(answer, self.host)
        if answer.status not in (200, 201):
            raise Refused(f"X refuses this (status {answer.status}: {plain(_words(found))})")
        return found


def _words(problem: Mapping[str, Any]) -> str:
    errors = [text_at(one, "message") for one in _list(problem.get("errors"))]
    return " ".join(
        dict.fromkeys(word for word in (text_at(problem, "title"), text_at(problem, "detail"), *errors) if word)
    )


def _post(message: Message) -> str:
    post = message.to.get("post")
    if not isinstance(post, str) or not is_post_id(post):
        raise Refused("this is not the id of a post on X; answer it by hand")
    return post


def _author(message: Message) -> str:
    author = message.to.get("author")
    if not isinstance(author, str) or not is_post_id(author):
        raise Refused("the author's lasting id is not known; write to them by hand")
    return author


def _answers(post: Mapping[str, Any], above: str) -> bool:
    referenced = _list(post.get("referenced_tweets"))
    return any(one.get("type") == "replied_to" and one.get("id") == above for one in referenced)


def _list(told: object) -> list[dict[str, Any]]:
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []


def _receipt(ident: str) -> Receipt:
    return Receipt(ident, url_of(ident))
