"""What both Bluesky connectors share: records to posts, account events to removals, a stream that comes back.

Sources: the lexicons app.bsky.feed.post, app.bsky.embed.*, com.atproto.label.defs and com.atproto.sync.subscribeRepos
(github.com/bluesky-social/atproto/tree/main/lexicons).
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import libipld

from yoake.collect.clean import claimed_time, is_id, storable, whole_text
from yoake.collect.connector import Page
from yoake.collect.net import Net, Socket
from yoake.errors import Refused, TryLater

NETWORK: Final = "bluesky"
POST: Final = "app.bsky.feed.post"
_PAGE_MESSAGES: Final = 2000
_PAGE_BYTES: Final = 8_000_000  # after which a page is full, so that long messages do not fill the memory
_PAGE_S: Final = 1.0
_QUIET_S: Final = 0.2  # a page that holds something goes out when nothing followed for this long
_NAP_S: Final = 0.02  # near live, messages are taken so often: waking up for each costs more than reading it
_NEAR_S: Final = 5.0  # behind live; further behind, a nap would only hold up
_PAUSE_S: Final = 0.5  # before a host that closed is called again
_SILENCE_S: Final = 60.0  # after which another host is asked; on the whole network something happens all the time
_FEW: Final = 20
_SHORT: Final = 128  # code points of a label, a language or a media type

_DID = re.compile(r"did:[a-z]{1,30}:[A-Za-z0-9._:%-]{1,256}")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_KANA = re.compile("[ぁ-ゖァ-ヺｦ-ﾝㇰ-ㇿ]")
_KANJI = re.compile("[㐀-䶿一-鿿豈-﫿\U00020000-\U0003134f]")

# Hosting status (com.atproto.sync.subscribeRepos#account) to the state of a removal.
_GONE: Final = {
    "deleted": "deleted_by_author",
    "deactivated": "deactivated",
    "takendown": "suspended",
    "suspended": "suspended",
}
_PASSING: Final = ("desynchronized", "throttled")  # trouble between servers; the posts are still there


class Ref(NamedTuple):
    """An AT-URI of a record, taken apart."""

    did: str
    collection: str
    rkey: str


def split_uri(uri: str) -> Ref | None:
    """An AT-URI of a record to its parts; None when it is none."""
    parts = uri.removeprefix("at://").split("/")
    if not uri.startswith("at://") or len(parts) != 3 or not _DID.fullmatch(parts[0]) or not _RKEY.fullmatch(parts[2]):
        return None
    return Ref(*parts)


def uri_of(did: object, rkey: object) -> str | None:
    """The AT-URI of a post, or None when these are no DID and record key."""
    if not (isinstance(did, str) and isinstance(rkey, str) and _DID.fullmatch(did) and _RKEY.fullmatch(rkey)):
        return None
    return f"at://{did}/{POST}/{rkey}"


def post_of(record: object, did: object, rkey: object, now: datetime) -> tuple[dict[str, Any] | None, list[str]]:
    """A record to a row of POSTS and the notes on it, or None and why it is no post.

    Args:
        record: of app.bsky.feed.post, from JSON (blob references as `$link`) or DAG-CBOR (as bytes).
        did: whose repository.
        rkey: its key there.
        now: bounds the claimed time; becomes `seen_at`.
    """
    uri = uri_of(did, rkey)
    if uri is None:
        return None, ["no_id"]
    if not isinstance(record, dict) or record.get("$type", POST) != POST:
        return None, ["unknown_record"]
    text = record.get("text")
    if not isinstance(text, str):
        return None, ["no_text"]
    notes: list[str] = []
    reply = record.get("reply")
    row = {
        "network": NETWORK,
        "native_id": uri,
        "url": f"https://bsky.app/profile/{did}/post/{rkey}",
        "author_id": did,
        "text": whole_text(text, notes),
        "parent_id": _linked(reply, "parent"),
        "root_id": _linked(reply, "root"),
        "lang": ",".join(_short_texts(record.get("langs"), notes)),
        "labels": _labels(record.get("labels"), notes),
        "images": _images(record.get("embed"), notes),
        "posted_at": claimed_time(record.get("createdAt"), now, notes),
        "seen_at": now,
    }
    return row, list(dict.fromkeys(notes))


def is_japanese(row: dict[str, Any]) -> bool:
    """Whether a post says it is Japanese, or looks it: kana, or kanji when it names no language."""
    langs = row["lang"]
    if any(lang.partition("-")[0].lower() == "ja" for lang in langs.split(",")):
        return True
    text = row["text"]
    return _KANA.search(text) is not None or (not langs and _KANJI.search(text) is not None)


def account_removal(did: object, active: object, status: object, at: datetime) -> tuple[dict[str, Any] | None, str]:
    """An account event to a row of REMOVALS; else None and why ("" when nothing vanished)."""
    if not (isinstance(did, str) and _DID.fullmatch(did)):
        return None, "no_id"
    if active is True:
        state = "back"
    elif active is False and isinstance(status, str) and status in _GONE:
        state = _GONE[status]
    elif active is False and status in _PASSING:
        return None, ""
    else:
        return None, "unknown_account_status"
    return {"kind": "account", "network": NETWORK, "native_id": did, "state": state, "removed_at": at}, ""


def post_removal(uri: str, at: datetime) -> dict[str, Any]:
    """A deleted post to a row of REMOVALS."""
    return {"kind": "post", "network": NETWORK, "native_id": uri, "state": "deleted_by_author", "removed_at": at}


class Removals:
    """The removals of a page, in their order."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, Any]] = {}
        self._places: dict[str, list[int]] = {}  # of a native_id in _rows
        self._next = 0

    def add(self, row: dict[str, Any]) -> None:
        """One more row of REMOVALS."""
        self._rows[self._next] = row
        self._places.setdefault(row["native_id"], []).append(self._next)
        self._next += 1

    def forget(self, uri: str) -> None:
        """A post that was deleted and written anew within one page is there: a page's removals come after its posts."""
        for place in self._places.pop(uri, ()):
            del self._rows[place]

    def rows(self) -> list[dict[str, Any]]:
        """What is left."""
        return list(self._rows.values())


def _linked(reply: object, end: str) -> str:
    target = reply.get(end) if isinstance(reply, dict) else None
    uri = target.get("uri") if isinstance(target, dict) else None
    return uri if isinstance(uri, str) and uri.startswith("at://") and is_id(uri) else ""


def _few(value: object, notes: list[str]) -> list[Any]:
    """At most _FEW things of a list; the lexicons allow 3 languages, 4 pictures and 10 labels."""
    if not isinstance(value, list):
        return []
    if len(value) > _FEW:
        notes.append("too_many")
    return value[:_FEW]


def _short_texts(values: object, notes: list[str]) -> list[str]:
    return [storable(text[:_SHORT], notes) for text in _few(values, notes) if isinstance(text, str)]


def _labels(value: object, notes: list[str]) -> list[str]:
    labels = _few(value.get("values") if isinstance(value, dict) else None, notes)
    return _short_texts([label.get("val") for label in labels if isinstance(label, dict)], notes)


def _images(embed: object, notes: list[str]) -> list[dict[str, Any]]:
    if not isinstance(embed, dict):
        return []
    media = embed.get("media")  # app.bsky.embed.recordWithMedia
    images = (media if isinstance(media, dict) else embed).get("images")
    found: list[dict[str, Any]] = []
    for image in _few(images, notes):
        blob = image.get("image") if isinstance(image, dict) else None
        if not isinstance(blob, dict) or (ref := _cid(blob)) is None:
            notes.append("bad_image")
            continue
        alt, mime, size = image.get("alt"), blob.get("mimeType"), blob.get("size")
        found.append(
            {
                "ref": ref,
                "alt": whole_text(alt, notes) if isinstance(alt, str) else "",
                "mime": storable(mime[:_SHORT], notes) if isinstance(mime, str) else "",
                "size_bytes": size if type(size) is int and 0 <= size < 1 << 63 else None,
            }
        )
    return found


def _cid(blob: dict[str, Any]) -> str | None:
    """The CID of a blob: `{"$link": cid}` in JSON, bytes in DAG-CBOR, `cid` in the form before 2023."""
    ref = blob.get("ref", blob.get("cid"))
    if isinstance(ref, dict):
        ref = ref.get("$link")
    if isinstance(ref, bytes):
        try:
            return str(libipld.encode_cid(ref))
        except ValueError:
            return None
    return ref if isinstance(ref, str) and is_id(ref) else None


class Reading(Protocol):
    """One stream being read: knows where it stands and what a message means."""

    events: int  # how many messages could be read so far

    def address(self, endpoint: str) -> str:
        """The address that resumes after what was read; called before each connection."""
        ...

    def page(self, messages: Sequence[str | bytes]) -> tuple[Page, TryLater | None]:
        """What the messages bring, and why the connection must be left (None: it need not)."""
        ...


def stream(endpoints: Sequence[str], reading: Reading, net: Net, limit_bytes: int) -> Generator[Page, None, None]:
    """Pages of a stream that comes back: connects again where it was, to the next host when one is away.

    A message longer than `limit_bytes` ends a connection. Raises TryLater, or Refused, when every host in turn brought nothing.
    """
    place = 0
    silent: list[TryLater | Refused] = []  # hosts that brought nothing since something was last read
    while not net.stopping:
        before = reading.events
        try:
            # Four hosts that cannot be reached are reported within five seconds.
            url = reading.address(endpoints[place])
            timeout_s = max(1.0, 4.0 / len(endpoints))
            with net.websocket(url, timeout_s=timeout_s, limit_bytes=limit_bytes) as socket:
                closed, heard_at, near = None, time.monotonic(), False
                while closed is None and not net.stopping:
                    messages, closed = _gather(socket, net, napping=near)
                    page, left = reading.page(messages)
                    near = page.seen_until is not None and (net.now() - page.seen_until).total_seconds() < _NEAR_S
                    closed = closed or left
                    if messages:
                        heard_at = time.monotonic()
                    elif closed is None and len(endpoints) > 1 and time.monotonic() - heard_at > _SILENCE_S:
                        closed = TryLater(f"{socket.host} sends nothing; trying again later.", after_s=10)
                    yield page
            ended: TryLater | Refused | None = closed
        except (TryLater, Refused) as error:
            ended = error
        if ended is None or net.wait(_PAUSE_S if reading.events > before else 0.0):
            return
        if reading.events > before:
            silent = []
        else:
            silent.append(ended)
            place = (place + 1) % len(endpoints)
            if len(silent) == len(endpoints):
                raise _nobody(silent)


def _gather(socket: Socket, net: Net, *, napping: bool) -> tuple[list[str | bytes], TryLater | None]:
    """Messages of at most a second, not too many and not too long, and how the connection ended if it did."""
    messages: list[str | bytes] = []
    size = 0
    heard_at = time.monotonic()
    deadline = heard_at + _PAGE_S
    while len(messages) < _PAGE_MESSAGES and size < _PAGE_BYTES and (left_s := deadline - time.monotonic()) > 0:
        wait_s = left_s if not messages else 0.0 if napping else min(left_s, _QUIET_S)
        try:
            message = socket.recv(wait_s)
        except TryLater as closed:
            return messages, closed
        if message is not None:
            messages.append(message)
            size += len(message)
            heard_at = time.monotonic()
        elif wait_s > 0 or time.monotonic() - heard_at > _QUIET_S or net.wait(min(left_s, _NAP_S)):
            break
    return messages, None


def _nobody(errors: Sequence[TryLater | Refused]) -> TryLater | Refused:
    if len(errors) == 1:
        return errors[0]
    waits = [error.after_s for error in errors if isinstance(error, TryLater)]
    message = f"None of {len(errors)} hosts sends anything; the last one: {errors[-1]}"
    return TryLater(message, after_s=min(waits)) if waits else Refused(message)
