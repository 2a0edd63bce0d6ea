"""Nostr's events: proven, then read as posts.

An event's id is the hash of what it says, and its author signed that id: which relay brought it does not matter.
Source: the NIPs (github.com/nostr-protocol/nips): 01 (events, relays), 09 (deletion), 10 (threads), 19 and 21 (addresses),
32 (labels), 36 (content warnings), 40 (expiry), 92 (media).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import bech32
import orjson
from coincurve import PublicKeyXOnly

from yoake.collect.clean import AHEAD, storable, whole_text
from yoake.collect.fediverse import SENSITIVE, few, short, web_address

NETWORK: Final = "nostr"
PROFILE: Final = 0
NOTE: Final = 1
DELETION: Final = 5
_TAGS: Final = 2_000  # tags of one event that are read; a deletion may name many
_LATEST: Final = 7_258_118_400  # the year 2200: later stamps are none
_HEX64 = re.compile("[0-9a-f]{64}")
_HEX128 = re.compile("[0-9a-f]{128}")


class Event(NamedTuple):
    """A proven event."""

    id: str
    author: str  # public key, 64 hex digits
    at: int  # seconds since 1970, as its author claims
    kind: int
    tags: list[list[str]]
    content: str


def event_of(told: object) -> tuple[Event | None, str]:
    """An event whose id and signature are right; else None and why not: not_an_event, wrong_id or wrong_signature."""
    if not isinstance(told, dict):
        return None, "not_an_event"
    ident, author, at, kind = told.get("id"), told.get("pubkey"), told.get("created_at"), told.get("kind")
    tags, content, signature = told.get("tags"), told.get("content"), told.get("sig")
    if not (
        _is(ident, _HEX64)
        and _is(author, _HEX64)
        and _is(signature, _HEX128)
        and type(at) is int
        and 0 <= at <= _LATEST
        and type(kind) is int
        and isinstance(content, str)
        and isinstance(tags, list)
        and all(isinstance(tag, list) and all(isinstance(part, str) for part in tag) for tag in tags)
    ):
        return None, "not_an_event"
    event = Event(str(ident), str(author), at, kind, tags, content)
    if id_of(event) != event.id:
        return None, "wrong_id"
    if not _signed(event, str(signature)):
        return None, "wrong_signature"
    return event, ""


def id_of(event: Event) -> str:
    """The id that an event must have (NIP-01): the SHA-256 of its parts as compact JSON."""
    return hashlib.sha256(orjson.dumps([0, event.author, event.at, event.kind, event.tags, event.content])).hexdigest()


def _signed(event: Event, signature: str) -> bool:
    try:
        key = PublicKeyXOnly(bytes.fromhex(event.author))
        return bool(key.verify(bytes.fromhex(signature), bytes.fromhex(event.id)))
    except ValueError:  # no point of the curve
        return False


def _is(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def is_event_id(text: str) -> bool:
    """Whether this can be the id of an event: 64 hex digits, small."""
    return _HEX64.fullmatch(text) is not None


def post_of(event: Event, web: str, now: datetime) -> tuple[dict[str, Any], list[str]]:
    """A short text note (kind 1) to a row of POSTS and the notes on it.

    Args:
        event: proven.
        web: the address of a web page that shows events, to which the event's `note1...` name is added.
        now: bounds the claimed time; becomes `seen_at`.
    """
    notes: list[str] = []
    tags = event.tags[:_TAGS]
    root, parent = thread_of(tags)
    at = datetime.fromtimestamp(event.at, UTC)
    if at - now > AHEAD:
        notes.append("future_time")
    warning = next((tag for tag in tags if tag[:1] == ["content-warning"]), None)
    reason = warning[1] if warning is not None and len(warning) > 1 else ""
    row = {
        "network": NETWORK,
        "native_id": event.id,
        "url": f"{web.rstrip('/')}/{name_of('note', event.id)}",
        "author_id": event.author,
        "author_handle": name_of("npub", event.author),
        "text": whole_text(f"{reason}\n{event.content}" if reason else event.content, notes),
        "parent_id": parent,
        "root_id": root,
        "lang": ",".join(few([short(tag[1], notes) for tag in tags if _is_language(tag)], notes)),
        "labels": [SENSITIVE] if warning is not None else [],
        "images": _images(tags, notes),
        "posted_at": None if at - now > AHEAD else at,
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def thread_of(tags: list[list[str]]) -> tuple[str, str]:
    """Ids of the first post of the thread and of the one replied to (NIP-10), by their marks or, of old, by their place."""
    named = [tag for tag in tags if tag[:1] == ["e"] and len(tag) > 1 and is_event_id(tag[1])]
    marked = {tag[3]: tag[1] for tag in named if len(tag) > 3 and tag[3] in ("root", "reply")}
    if marked:
        root = marked.get("root", "")
        return root, marked.get("reply", root)
    named = [tag for tag in named if len(tag) < 4 or tag[3] != "mention"]
    return (named[0][1], named[-1][1]) if named else ("", "")


def deleted_by(event: Event) -> list[str]:
    """Ids of the events that a deletion (kind 5) names. It counts only for events of its own author."""
    return [tag[1] for tag in event.tags[:_TAGS] if tag[:1] == ["e"] and len(tag) > 1 and is_event_id(tag[1])]


def is_expired(event: Event, now: datetime) -> bool:
    """Whether the event asked to be forgotten by now (NIP-40)."""
    stamps = [tag[1] for tag in event.tags[:_TAGS] if tag[:1] == ["expiration"] and len(tag) > 1]
    return any(stamp.isdecimal() and len(stamp) < 12 and int(stamp) <= now.timestamp() for stamp in stamps)


def profile_of(event: Event) -> tuple[str, str]:
    """Profile text and name of a profile event (kind 0)."""
    try:
        told = orjson.loads(event.content)
    except orjson.JSONDecodeError:
        return "", ""
    if not isinstance(told, Mapping):
        return "", ""
    notes: list[str] = []
    parts = [told.get(key) for key in ("about", "website", "nip05")]
    name = next((one for one in (told.get("display_name"), told.get("name")) if isinstance(one, str) and one), "")
    return whole_text("\n".join(part for part in parts if isinstance(part, str) and part), notes), storable(name, notes)


def name_of(prefix: str, key: str) -> str:
    """An id or public key as people see it (NIP-19): note1..., npub1...; "" when it is none."""
    words = bech32.convertbits(bytes.fromhex(key), 8, 5) if is_event_id(key) else None
    return str(bech32.bech32_encode(prefix, words)) if words is not None else ""


def _is_language(tag: list[str]) -> bool:
    return len(tag) > 2 and tag[0] == "l" and tag[2].upper() == "ISO-639-1"


def _images(tags: list[list[str]], notes: list[str]) -> list[dict[str, Any]]:
    """Pictures as their tags describe them (NIP-92); a bare address in the text is text."""
    found = []
    for tag in few([tag for tag in tags if tag[:1] == ["imeta"]], notes):
        told = dict(part.split(" ", 1) for part in tag[1:] if " " in part)
        mime, size, ref = short(told.get("m", ""), notes), told.get("size", ""), web_address(told.get("url"))
        if mime and not mime.startswith("image/"):
            continue
        if not ref:
            notes.append("bad_image")
            continue
        found.append(
            {
                "ref": ref,
                "alt": whole_text(told.get("alt", ""), notes),
                "mime": mime,
                "size_bytes": int(size) if size.isdecimal() and len(size) < 19 else None,
            }
        )
    return found
