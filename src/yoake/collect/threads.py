"""Threads' API: what keyword search finds to posts, questions within its quota, and what its errors mean.

Source: the public API document (developers.facebook.com/docs/threads): keyword search, media fields, rate limits; and the
Graph API's error codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.net import Busy, Denied, Net
from yoake.errors import BadInput, Refused, TryLater

NETWORK: Final = "threads"
API: Final = "https://graph.threads.net/v1.0"
MOST: Final = 100  # posts of one answer
_FIELDS: Final = "id,text,media_type,media_url,permalink,timestamp,username,alt_text,is_quote_post,is_reply,has_replies"
_DAY_S: Final = 86_400.0
_SPENT_S: Final = 3600.0  # how long we wait where the API says that its limit is reached
_FULL: Final = 95  # per cent of an app's calls at which we wait
_SLOW_DOWN_S: Final = 600.0
# Graph API: calls of the app, of the user, of the page, of this kind
_LIMITS: Final = (4, 17, 32, 613)
_HOSTS: Final = ("www.threads.net", "threads.net", "www.threads.com", "threads.com")
_PERMALINK = re.compile(r"/(?:@[\w.]{1,60}/post|t)/([A-Za-z0-9_-]{5,40})/?")


def post_of(media: object, now: datetime) -> tuple[dict[str, Any] | None, list[str]]:
    """A found post to a row of POSTS and the notes on it, or None and why it is none.

    What names it is the code in its address: it is the same for whoever opens, reports or finds it. `now` bounds the claimed
    time. The API tells no lasting id of the author, so that `author_id` stays empty.
    """
    if not isinstance(media, dict):
        return None, ["unknown_record"]
    code, address = _code(media.get("permalink"))
    if not code:
        return None, ["no_id"]
    text = media.get("text", "" if media.get("media_type") in ("IMAGE", "VIDEO", "CAROUSEL_ALBUM") else None)
    if not isinstance(text, str):
        return None, ["no_text"]
    notes: list[str] = []
    name = media.get("username")
    row = {
        "network": NETWORK,
        "native_id": code,
        "url": address,
        "author_handle": name if isinstance(name, str) and is_id(name, AUTHOR_LIMIT) else "",
        "text": whole_text(text, notes),
        "images": _images(media, notes),
        "posted_at": claimed_time(media.get("timestamp"), now, notes),
        "seen_at": now,
    }
    return row, notes


def _code(permalink: object) -> tuple[str, str]:
    """Code and address of a post; both empty where this is no address of one."""
    if not isinstance(permalink, str) or not is_id(permalink):
        return "", ""
    try:
        parts = urlsplit(permalink)
    except ValueError:
        return "", ""
    found = _PERMALINK.fullmatch(parts.path)
    if parts.scheme != "https" or parts.netloc not in _HOSTS or found is None:
        return "", ""
    return found[1], f"https://www.threads.com{parts.path.rstrip('/')}"


def _images(media: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    """The picture, named by its file: host and signature of its address change with every answer."""
    url, alt = media.get("media_url"), media.get("alt_text")
    if media.get("media_type") != "IMAGE" or url is None:
        return []
    ref = urlsplit(url).path.rpartition("/")[2] if isinstance(url, str) and url.startswith("https://") else ""
    if not is_id(ref):
        notes.append("bad_image")
        return []
    told = whole_text(alt, notes) if isinstance(alt, str) else ""
    return [{"ref": ref, "alt": told, "mime": "", "size_bytes": None}]


class Threads:
    """Questions to the API, within its quota.

    Args:
        api: its address.
        key: name of the secret that holds the access token.
        per_day: searches in 24 hours; those that found nothing do not count.
        net: the outside world.
    """

    def __init__(self, api: str, key: str, per_day: int, net: Net) -> None:
        self._api, self._key, self._per_day, self._net = api.rstrip("/"), key, per_day, net
        self._headers = {"Authorization": f"Bearer {net.secret(key)}"}

    def search(self, query: str, asked: Mapping[str, str | int]) -> list[Any]:
        """What one search finds, newest first where that was asked for.

        Raises:
            TryLater: the quota is spent, or the API is in trouble.
            Refused: the token is no good, or the app has no permission.
            BadInput: the API does not take the question.
        """
        self._check_pause()
        taken = self._take()
        found = False
        try:
            data = self._found(query, asked)
            found = bool(data)
            return data
        finally:
            if not found:
                self._give_back(taken)

    def _found(self, query: str, asked: Mapping[str, str | int]) -> list[Any]:
        params = {"q": query, "fields": _FIELDS, "limit": MOST, **asked}
        try:
            answer = self._net.get(f"{self._api}/keyword_search", params=params, headers=self._headers, timeout_s=20)
        except (Busy, Denied) as no:
            raise _meant(_error(no.body), no, query) from None
        if answer.status != 200:
            trouble = TryLater(f"Threads answered with status {answer.status}; try again later.", after_s=60)
            raise _meant(_error(answer.body), trouble, query)
        told = answer.json()
        data = told.get("data") if isinstance(told, dict) else None
        if not isinstance(data, list):
            raise TryLater("Threads answered with no list; try again later.", after_s=600)
        self._heed(answer.headers.get("x-app-usage", ""))
        return data

    @property
    def _name(self) -> str:
        return f"threads searches {self._key}"

    def _take(self) -> float:
        """One search of the last 24 hours, by its time; it counts before it is asked, so that no process asks one too many."""
        now = self._net.now().timestamp()

        def take(told: Any) -> tuple[Any, float]:
            counted = [at for at in told or () if at > now - _DAY_S]
            if len(counted) >= self._per_day:
                raise TryLater(
                    "The searches of 24 hours are used up (searches_per_day); going on later.",
                    after_s=counted[-self._per_day] + _DAY_S - now + 1,
                )
            return [*counted, now], _DAY_S

        self._net.hosts.use_quota(self._name, take)
        return now

    def _give_back(self, taken: float) -> None:
        def give(told: Any) -> tuple[Any, float] | None:
            if told is None or taken not in told:
                return None
            return [at for number, at in enumerate(told) if number != told.index(taken)], _DAY_S

        self._net.hosts.use_quota(self._name, give)

    def _check_pause(self) -> None:
        until = self._net.hosts.quota(f"{self._name} pause")
        if until is not None and (left_s := until - self._net.now().timestamp()) > 0:
            raise TryLater("Threads says that this app's calls are nearly used up; going on later.", after_s=left_s)

    def _heed(self, usage: str) -> None:
        """X-App-Usage tells the per cent of an app's calls that are used."""
        told: Any = None
        with suppress(orjson.JSONDecodeError):
            told = orjson.loads(usage or "null")
        shares = told.values() if isinstance(told, dict) else ()
        if any(isinstance(share, (int, float)) and share >= _FULL for share in shares):
            until = self._net.now().timestamp() + _SLOW_DOWN_S
            self._net.hosts.use_quota(f"{self._name} pause", lambda _: (until, _SLOW_DOWN_S))


def _error(body: bytes) -> dict[str, Any]:
    """The error object of the Graph API; empty where the answer is none."""
    with suppress(orjson.JSONDecodeError):
        told = orjson.loads(body)
        error = told.get("error") if isinstance(told, dict) else None
        return error if isinstance(error, dict) else {}
    return {}


def _meant(error: Mapping[str, Any], otherwise: TryLater | Refused, query: str) -> TryLater | Refused | BadInput:
    """What an error of the Graph API means for us."""
    code = error.get("code")
    told = "".join(c for c in str(error.get("message", "")) if c.isprintable())[:200]
    if code in _LIMITS:
        return TryLater("Threads says that the limit of calls is reached; going on later.", after_s=_SPENT_S)
    if code == 190:
        return Refused(f"Threads does not take the access token ({told}); make a new one, they last 60 days.")
    if code == 10 or (isinstance(code, int) and 200 <= code < 300):
        return Refused(
            f"Threads does not permit this ({told}); the app needs threads_basic and threads_keyword_search."
        )
    if code == 100 and error.get("is_transient") is not True:
        return BadInput("queries", query, f"Threads does not take this question: {told}")
    return otherwise
