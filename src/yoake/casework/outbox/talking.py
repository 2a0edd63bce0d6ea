"""What the channels share: answers read, words compared, keys made into what a network can hold."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from yoake.casework.outbox.channel import BLOCKED, FROZEN, UNAUTHORISED, Message, SenderDenied
from yoake.collect.addresses import is_public, resolve
from yoake.collect.net import CONNECT_S, Denied, Net, Response
from yoake.errors import Refused, TryLater

JSON: Final = {"Content-Type": "application/json"}
_ALPHABET: Final = "234567abcdefghijklmnopqrstuvwxyz"  # base32-sortable, as record keys (TID) are written
_MENTION: Final = re.compile(r"@[\w.-]+(?:@[\w.-]+)?")
_LINK: Final = re.compile(r"https?://\S+")
_FROZEN: Final = re.compile(r"suspend|frozen|freez|taken ?down|takendown|disabled|locked|restrict", re.IGNORECASE)
_BLOCKED: Final = re.compile(r"block", re.IGNORECASE)


def secure(address: str, net: Net) -> str:
    """A server's address without a slash at its end. Passwords and tokens travel there: over https, or within one's own network.

    Raises Refused for another address.
    """
    base = address.strip().rstrip("/")
    parts = urlsplit(base)
    if parts.scheme == "https" and parts.hostname:
        return base
    if parts.scheme == "http" and parts.hostname and net.allow_private:
        found = resolve(parts.hostname, parts.port or 80, CONNECT_S)
        if found and not any(is_public(one) for one in found):
            return base
    raise Refused("the server of this sender must be reached by https://, so that nobody reads its password on the way")


def record_key(message: Message) -> str:
    """A record key (TID) that every attempt of a message makes anew: when it was drafted, and 30 bits of its key."""
    told = int(sha256(message.key.encode()).hexdigest(), 16)
    micros = int(message.made_at.timestamp()) * 1_000_000 + told % 1_000_000
    value = (micros << 10) | (told >> 20) % 1024
    return "".join(_ALPHABET[(value >> (5 * place)) & 31] for place in range(12, -1, -1))


def same_words(said: str, found: str) -> bool:
    """Whether a network shows what was said; it may change spaces, mentions and how it writes links."""
    return _bare(said) == _bare(found)


def _bare(text: str) -> str:
    return "".join(_LINK.sub("", _MENTION.sub("", html.unescape(text))).split())


def since(text: object, message: Message, slack_s: float = 3600.0) -> bool:
    """Whether a time that a network names is not before the first attempt; clocks differ."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return False
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return (message.tried_at - at).total_seconds() <= slack_s


def as_object(answer: Response, host: str) -> dict[str, Any]:
    """The JSON object of an answer. Raises TryLater when it is something else."""
    found = answer.json()
    if not isinstance(found, dict):
        raise TryLater(f"{host} answered with no object; try again later.", after_s=600)
    return found


def body_of(no: Denied) -> dict[str, Any]:
    """What came with a "no", where that was JSON."""
    try:
        found = orjson.loads(no.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def plain(told: object, longest: int = 200) -> str:
    """A service's own words, as they may stand on a page."""
    return "".join(char for char in str(told) if char.isprintable())[:longest].rstrip(". ")


def sender_denied(host: str, told: str, status: int = 0) -> SenderDenied:
    """The service does not let the sender speak; why, as far as its words say."""
    words = plain(told)
    why = FROZEN if _FROZEN.search(words) else BLOCKED if _BLOCKED.search(words) else UNAUTHORISED
    said = f": {words}" if words else (f" (status {status})" if status else "")
    return SenderDenied(f"{host} does not let this sender speak{said}; look at the account there.", why=why)


def text_at(found: Mapping[str, Any], *path: str) -> str:
    """A string inside of objects; "" when there is none."""
    value: Any = found
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
