"""Misskey's API: notes to posts, timelines page by page. Every question is a POST with a JSON body.

Source: the public API document (misskey-hub.net, /api-doc of every instance): endpoints notes/*, users/*, streaming.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from yoake.collect.clean import AUTHOR_LIMIT, claimed_time, is_id, whole_text
from yoake.collect.fediverse import NETWORK, SENSITIVE, few, host_of, place_of, short, web_address
from yoake.collect.net import Net
from yoake.errors import Refused, TryLater

LIMIT: Final = 100  # notes a page; what the document allows at most
_ANSWER_BYTES: Final = 8_000_000
_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_EPOCH_2000_MS: Final = 946_684_800_000
_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# MFM, Misskey's markup, as far as it hides letters: $[name.argument text] and a few tags; the text inside is what is read.
_MFM_OPEN = re.compile(r"\$\[[a-z0-9_]{1,30}(?:\.[\w=.,:-]{1,200})? ")
_MFM_TAG = re.compile(r"</?(?:b|i|s|small|center|plain)>")


def note_of(note: object, home: str, now: datetime) -> tuple[dict[str, Any] | None, list[str]]:
    """A note to a row of POSTS and the notes on it, or None and why it is no post ("" for a renote without words).

    Args:
        note: entity Note; of a renote without words of its own, what was renoted is read.
        home: scheme and host of the server that sent it: its own notes have no `uri`.
        now: bounds the claimed time; becomes `seen_at`.
    """
    note = renoted(note)
    if not isinstance(note, dict):
        return None, ["unknown_record"]
    uri, user = uri_of(note, home), note.get("user")
    if not uri or not isinstance(user, dict):
        return None, ["no_id"]
    if note.get("visibility", "public") not in ("public", "home", "public_non_ltl") or note.get("isHidden") is True:
        return None, ["not_public"]
    text = note.get("text")
    if text is not None and not isinstance(text, str):
        return None, ["no_text"]
    notes: list[str] = []
    reply, quoted = note.get("reply"), note.get("renote")
    above = reply if isinstance(reply, dict) else quoted
    files = [file for file in few(note.get("files"), notes) if isinstance(file, dict)]
    row = {
        "network": NETWORK,
        "native_id": uri,
        "url": web_address(note.get("url")) or uri,
        **_author(user, home, notes),
        "text": whole_text(_text(note, notes), notes),
        "parent_id": uri_of(reply, home) if isinstance(reply, dict) else "",
        "parent_text": whole_text(_text(above, notes), notes) if isinstance(above, dict) else "",
        "labels": [SENSITIVE] if any(file.get("isSensitive") is True for file in files) else [],
        "images": _images(files, notes),
        "posted_at": claimed_time(note.get("createdAt"), now, notes),
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def renoted(note: object) -> object:
    """What a renote without words of its own passes on; any other note as it is."""
    for _ in range(3):
        inner = note.get("renote") if isinstance(note, dict) else None
        if not isinstance(note, dict) or not isinstance(inner, dict):
            return note
        if note.get("text") or note.get("cw") or note.get("files") or note.get("fileIds") or note.get("poll"):
            return note
        note = inner
    return note


def uri_of(note: Mapping[str, Any], home: str) -> str:
    """The ActivityPub id of a note: what it says, or, of the server's own notes, its address there; "" when it has none."""
    uri, ident = note.get("uri"), note.get("id")
    if isinstance(uri, str) and uri:
        return uri if place_of(uri) is not None else ""
    return f"{home}/notes/{ident}" if isinstance(ident, str) and _ID.fullmatch(ident) else ""


def profile_of_user(user: Mapping[str, Any], notes: list[str]) -> str:
    """What a person says of themselves: description, and a line for each field."""
    description = user.get("description")
    lines = [plain(description)] if isinstance(description, str) else []
    for field in few(user.get("fields"), notes):
        name, value = (field.get("name"), field.get("value")) if isinstance(field, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, str):
            lines.append(f"{name}: {plain(value)}")
    return whole_text("\n".join(line for line in lines if line), notes)


def plain(text: str) -> str:
    """A text without the markup that changes how letters look: 闇$[x2 バイト] reads 闇バイト."""
    text = _MFM_TAG.sub("", text)
    if "$[" not in text:
        return text
    kept: list[str] = []
    depth: list[bool] = []  # of each open bracket: does it belong to a function?
    at = 0
    while at < len(text):
        if opened := _MFM_OPEN.match(text, at):
            depth.append(True)
            at = opened.end()
            continue
        letter = text[at]
        at += 1
        if letter == "[":
            depth.append(False)
        elif letter == "]" and depth and depth.pop():
            continue
        kept.append(letter)
    return "".join(kept)


def _author(user: Mapping[str, Any], home: str, notes: list[str]) -> dict[str, str]:
    """Lasting id (the actor's ActivityPub id where it is known), handle with host, and name."""
    ident, host, name, nick = user.get("id"), user.get("host"), user.get("username"), user.get("name")
    remote = isinstance(host, str) and host
    actor = web_address(user.get("uri"))
    if not actor and not remote and isinstance(ident, str) and _ID.fullmatch(ident):
        actor = f"{home}/users/{ident}"
    handle = f"{name}@{host if remote else host_of(home)}" if isinstance(name, str) and name else ""
    actor = actor or (f"acct:{handle}" if handle else "")
    return {
        "author_id": actor if is_id(actor, AUTHOR_LIMIT) else "",
        "author_handle": handle if is_id(handle, AUTHOR_LIMIT) else "",
        "author_name": whole_text(nick[:AUTHOR_LIMIT], notes) if isinstance(nick, str) else "",
    }


def _text(note: Mapping[str, Any], notes: list[str]) -> str:
    """Warning, text and the answers of a poll, as a reader sees them one below the other."""
    poll = note.get("poll")
    choices = few(poll.get("choices"), notes) if isinstance(poll, dict) else []
    parts = [note.get("cw"), note.get("text"), *(one.get("text") for one in choices if isinstance(one, dict))]
    return "\n".join(plain(part) for part in parts if isinstance(part, str) and part)


def _images(files: list[dict[str, Any]], notes: list[str]) -> list[dict[str, Any]]:
    found = []
    for file in files:
        mime, size, alt = short(file.get("type"), notes), file.get("size"), file.get("comment")
        if not mime.startswith("image/"):
            continue
        if not (ref := web_address(file.get("url"))):
            notes.append("bad_image")
            continue
        found.append(
            {
                "ref": ref,
                "alt": whole_text(alt, notes) if isinstance(alt, str) else "",
                "mime": mime,
                "size_bytes": size if type(size) is int and 0 <= size < 1 << 63 else None,
            }
        )
    return found


def earlier(ident: str, by: timedelta) -> str:
    """The smallest id of a time before this id's, by the ways in which Misskey makes ids; the id itself where it cannot be read.

    aid and aidx begin with eight digits (base 36) of milliseconds since 2000, ULIDs with ten (base 32) since 1970.
    """
    if len(ident) in (10, 16) and all(c in _BASE36 for c in ident):
        digits, alphabet, since_ms, width = ident[:8], _BASE36, _EPOCH_2000_MS, 8
    elif len(ident) == 26 and all(c in _CROCKFORD for c in ident.upper()):
        digits, alphabet, since_ms, width = ident[:10].upper(), _CROCKFORD, 0, 10
    else:
        return ident
    value = 0
    for digit in digits:
        value = value * len(alphabet) + alphabet.index(digit)
    year = 1970 + (value + since_ms) / 31_556_952_000
    if not 2014 < year < 2100:  # Misskey is from 2014: these are other ids
        return ident
    value = max(0, value - int(by.total_seconds() * 1000))
    shown = ""
    for _ in range(width):
        value, digit_at = divmod(value, len(alphabet))
        shown = alphabet[digit_at] + shown
    return shown + "0" * (len(ident) - width)


class Misskey:
    """One server's API.

    Args:
        base: scheme and host.
        token: sent to this host alone; "" for none.
        net: the outside world.
    """

    def __init__(self, base: str, token: str, net: Net) -> None:
        self.base, self.host = base, host_of(base)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._token, self._net = token, net

    def ask(self, endpoint: str, **body: Any) -> tuple[int, Any]:
        """Status and JSON of an answer; None where it is no JSON. Raises what `Net.post` raises, TryLater for 5xx."""
        told = orjson.dumps({**body, "i": self._token} if self._token else body)
        answer = self._net.post(
            f"{self.base}/api/{endpoint}",
            told,
            headers={"Content-Type": "application/json"},
            timeout_s=15,
            limit_bytes=_ANSWER_BYTES,
        )
        if answer.status >= 500:
            raise TryLater(f"{self.host} answered {endpoint} with status {answer.status}.", after_s=60)
        try:
            return answer.status, answer.json()
        except TryLater:
            return answer.status, None

    def notes(self, endpoint: str, **body: Any) -> list[Any]:
        """One page of a timeline: with `sinceId` the oldest after it first, else the newest first.

        Raises:
            TryLater: the server is in trouble, or answers something else.
            Refused: it shows this timeline to nobody, or only to those who are signed in.
        """
        status, found = self.ask(endpoint, limit=LIMIT, **body)
        if status == 200 and isinstance(found, list):
            return found
        code = code_of(found)
        if code:
            raise Refused(
                f"{self.host} answered {endpoint} with {code}; it may want a token, or not offer this timeline."
            )
        if status in (404, 405):
            raise Refused(f"{self.host} has no {endpoint}: is this a Misskey server?")
        raise TryLater(f"{self.host} answered {endpoint} with status {status} and no list.", after_s=600)

    def state(self, ident: str) -> tuple[str, str] | None:
        """State and note of the Liveness of one of this server's notes; None where nothing of the kind answers."""
        status, found = self.ask("notes/show", noteId=ident)
        code = code_of(found)
        if code == "NO_SUCH_NOTE":
            return "removed", "the server does not have it any more; it does not say who deleted it"
        if code == "SIGNIN_REQUIRED":
            return "private", "shown only to those who are signed in there"
        if status != 200 or not isinstance(found, dict) or "user" not in found:
            return None
        user = found["user"]
        if isinstance(user, dict) and user.get("isSuspended") is True:
            return "account_suspended", ""
        if found.get("deletedAt"):
            return "removed", "the server says that it was deleted, and not by whom"
        if found.get("visibility") in ("followers", "specified") or found.get("isHidden") is True:
            return "private", "its author hid it from the public"
        edited = found.get("updatedAt")
        return ("edited", f"edited at {edited[:40]}") if isinstance(edited, str) else ("up", "")


def code_of(answer: object) -> str:
    """The code of an error of Misskey's API, such as NO_SUCH_NOTE; "" when it is none."""
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code[:60] if isinstance(code, str) and re.fullmatch("[A-Z0-9_]+", code) else ""


def now_utc(value: object) -> datetime | None:
    """The time of an event such as a deletion; None when it says none."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
