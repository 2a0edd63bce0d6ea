"""What both Bluesky connectors share: records to posts, account events to removals, and questions over XRPC.

Sources: the lexicons app.bsky.feed.post, app.bsky.embed.*, com.atproto.label.defs, com.atproto.sync.subscribeRepos,
com.atproto.repo.*, com.atproto.sync.* (github.com/bluesky-social/atproto/tree/main/lexicons).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import libipld

from yoake.collect.clean import claimed_time, is_id, storable, whole_text
from yoake.collect.connector import Context, Liveness
from yoake.collect.net import Net, Response
from yoake.errors import Refused, TryLater
from yoake.tables.posts import posts_batch

NETWORK: Final = "bluesky"
POST: Final = "app.bsky.feed.post"
_PARENTS: Final = 10  # how far up a thread is followed
_RECENT: Final = 20  # how many of an author's newest posts are shown

_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,256}")
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


# --- records and events -------------------------------------------------------------------------------------------


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
        "lang": ",".join(storable(lang, notes) for lang in _strings(record.get("langs"))),
        "labels": _labels(record.get("labels"), notes),
        "images": _images(record.get("embed"), notes),
        "posted_at": claimed_time(record.get("createdAt"), now, notes),
        "seen_at": now,
    }
    return row, notes


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


def _linked(reply: object, end: str) -> str:
    target = reply.get(end) if isinstance(reply, dict) else None
    uri = target.get("uri") if isinstance(target, dict) else None
    return uri if isinstance(uri, str) and uri.startswith("at://") and is_id(uri) else ""


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _labels(value: object, notes: list[str]) -> list[str]:
    values = value.get("values") if isinstance(value, dict) else None
    if not isinstance(values, list):
        return []
    found = [label.get("val") for label in values if isinstance(label, dict)]
    return [storable(label, notes) for label in found if isinstance(label, str)]


def _images(embed: object, notes: list[str]) -> list[dict[str, Any]]:
    if not isinstance(embed, dict):
        return []
    if isinstance(embed.get("media"), dict):  # app.bsky.embed.recordWithMedia
        embed = embed["media"]
    images = embed.get("images")
    found = []
    for image in images if isinstance(images, list) else ():
        blob = image.get("image") if isinstance(image, dict) else None
        ref = _cid(blob)
        if ref is None:
            notes.append("bad_image")
            continue
        alt, mime, size = image.get("alt"), blob.get("mimeType"), blob.get("size")
        found.append(
            {
                "ref": ref,
                "alt": whole_text(alt, notes) if isinstance(alt, str) else "",
                "mime": storable(mime, notes) if isinstance(mime, str) else "",
                "size_bytes": size if type(size) is int and 0 <= size < 1 << 63 else None,
            }
        )
    return found


def _cid(blob: object) -> str | None:
    """The CID of a blob: `{"$link": cid}` in JSON, bytes in DAG-CBOR, `cid` in the form before 2023."""
    if not isinstance(blob, dict):
        return None
    ref = blob.get("ref", blob.get("cid"))
    if isinstance(ref, dict):
        ref = ref.get("$link")
    if isinstance(ref, bytes):
        try:
            return str(libipld.encode_cid(ref))
        except ValueError:
            return None
    return ref if isinstance(ref, str) and is_id(ref) else None


# --- questions ----------------------------------------------------------------------------------------------------


class _Gone(Exception):  # noqa: N818  (an answer, not a mistake)
    """The server said, with an XRPC error, that it does not have the thing."""

    def __init__(self, status: int, name: str, message: str) -> None:
        self.status, self.name, self.message = status, name, message
        super().__init__(f"{status} {name}")


class _Ref(NamedTuple):
    did: str
    collection: str
    rkey: str


class Xrpc:
    """Questions to the network: the host in a source's settings first, then the server that keeps the repository.

    Args:
        api: an AppView or PDS.
        plc: the directory that says which server keeps a did:plc.
        net: the outside world.
    """

    def __init__(self, api: str, plc: str, net: Net) -> None:
        self._api, self._plc, self._net = api.rstrip("/"), plc.rstrip("/"), net
        self._homes: dict[str, str] = {}
        self._away: dict[str, str] = {}  # host to what it said: a host that is away is not asked for every post

    def check(self, refs: Sequence[str]) -> list[Liveness]:
        """Liveness of each post, in the order asked."""
        return [self._liveness(ref) for ref in refs]

    def context(self, ref: str) -> Context:
        """Parents, profile and newest posts around a post. Raises TryLater when nobody answers."""
        now = self._net.now()
        parts = _split(ref)
        if parts is None:
            return Context(posts_batch([]), posts_batch([]))
        profile, name = self._profile(parts.did)
        parents: list[dict[str, Any]] = []
        row = self._post(parts, now)
        while row is not None and row["parent_id"] and len(parents) < _PARENTS:
            above = _split(row["parent_id"])
            row = self._post(above, now) if above is not None else None
            if row is not None:
                parents.insert(0, row)
        return Context(posts_batch(parents), posts_batch(self._recent(parts.did, now)), profile, name)

    def _liveness(self, ref: str) -> Liveness:
        now = self._net.now()
        parts = _split(ref)
        if parts is None:
            return Liveness(ref, "unchecked", now, "this is not the address of a Bluesky post")
        try:
            state, note = self._state(parts)
        except (TryLater, Refused) as error:
            state, note = "unreachable", str(error)
        return Liveness(ref, state, now, note)

    def _state(self, ref: _Ref) -> tuple[str, str]:
        record = {"repo": ref.did, "collection": ref.collection, "rkey": ref.rkey}
        trouble: TryLater | None = None
        try:
            self._ask(self._api, "com.atproto.repo.getRecord", record)
        except _Gone as answer:
            if answer.name in _ACCOUNT_ERRORS:
                return _ACCOUNT_ERRORS[answer.name]
        except TryLater as error:  # e.g. a PDS that passes the question on to an AppView that is away
            trouble = error
        else:
            return "up", ""
        # The post is not shown there. Does its repository still exist, and does the repository still hold it?
        home = self._home(ref.did, trouble)
        if home is None:
            return "deleted_by_author", "the account no longer exists"
        try:
            status = self._ask(home, "com.atproto.sync.getRepoStatus", {"did": ref.did})
        except _Gone as answer:
            return _ACCOUNT_ERRORS.get(answer.name, ("deleted_by_author", "the account no longer exists"))
        if status.get("active") is not True:
            return _STATUS.get(str(status.get("status")), ("unreachable", "the account is not active"))
        if not self._repository_holds(home, ref):
            return "deleted_by_author", ""
        if trouble is not None:
            raise trouble
        return "removed_by_provider", "the repository holds it, the service does not show it"

    def _repository_holds(self, home: str, ref: _Ref) -> bool:
        """Whether the signed repository contains the record (com.atproto.sync.getRecord proves it either way)."""
        query = {"did": ref.did, "collection": ref.collection, "rkey": ref.rkey}
        try:
            response = self._get(home, "com.atproto.sync.getRecord", query)
        except _Gone as answer:
            if answer.name in ("RecordNotFound", "InvalidRequest"):
                return False
            raise TryLater(f"{urlsplit(home).hostname} answered {answer}; try again later.", after_s=60) from None
        try:
            _, blocks = libipld.decode_car(response.body)
        except ValueError:
            raise TryLater(f"{urlsplit(home).hostname} sent a proof that cannot be read.", after_s=600) from None
        # The proof of absence is a CAR as well: only with the record present is there a block of that record type.
        return any(isinstance(block, dict) and block.get("$type") == ref.collection for block in blocks.values())

    def _post(self, ref: _Ref, now: datetime) -> dict[str, Any] | None:
        query = {"repo": ref.did, "collection": ref.collection, "rkey": ref.rkey}
        try:
            answer = self._ask_any(ref.did, "com.atproto.repo.getRecord", query)
        except _Gone:
            return None
        return post_of(answer.get("value"), ref.did, ref.rkey, now)[0]

    def _profile(self, did: str) -> tuple[str, str]:
        query = {"repo": did, "collection": "app.bsky.actor.profile", "rkey": "self"}
        try:
            value = self._ask_any(did, "com.atproto.repo.getRecord", query).get("value")
        except _Gone:
            return "", ""
        notes: list[str] = []
        texts = [value.get(key) if isinstance(value, dict) else None for key in ("description", "displayName")]
        profile, name = (whole_text(text, notes) if isinstance(text, str) else "" for text in texts)
        return profile, name

    def _recent(self, did: str, now: datetime) -> list[dict[str, Any]]:
        query = {"repo": did, "collection": POST, "limit": _RECENT}
        try:
            records = self._ask_any(did, "com.atproto.repo.listRecords", query).get("records")
        except _Gone:
            return []
        rows = []
        for record in records if isinstance(records, list) else ():
            uri = record.get("uri") if isinstance(record, dict) else None
            ref = _split(uri) if isinstance(uri, str) else None
            row = post_of(record.get("value"), ref.did, ref.rkey, now)[0] if ref is not None else None
            if row is not None:
                rows.append(row)
        return rows

    def _ask_any(self, did: str, method: str, query: dict[str, str | int]) -> dict[str, Any]:
        """The answer of the settings' host, else of the server that keeps the repository."""
        trouble: TryLater | None = None
        try:
            return self._ask(self._api, method, query)
        except _Gone as answer:
            if answer.name in _ACCOUNT_ERRORS:
                raise
        except TryLater as error:
            trouble = error
        home = self._home(did, trouble)
        if home is None or home == self._api:
            if trouble is not None:
                raise trouble
            raise _Gone(404, "RepoNotFound", did)
        return self._ask(home, method, query)

    def _home(self, did: str, trouble: TryLater | None = None) -> str | None:
        """The server that keeps a repository, by its DID document; None when the DID has none any more."""
        if did in self._homes:
            return self._homes[did] or None
        if did.startswith("did:plc:"):
            url = f"{self._plc}/{did}"
        elif did.startswith("did:web:") and ":" not in did[8:]:
            url = f"https://{did[8:].replace('%3A', ':')}/.well-known/did.json"
        else:
            raise TryLater(f"{did[:40]} is of a kind that cannot be looked up.", after_s=3600)
        try:
            response = self._net.get(url, timeout_s=10, limit_bytes=200_000)
        except TryLater as error:
            raise trouble or error from None
        if response.status in (404, 410):  # 410: a tombstone
            self._homes[did] = ""
            return None
        document = response.json()
        services = document.get("service") if isinstance(document, dict) else None
        for service in services if isinstance(services, list) else ():
            if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
                endpoint = service.get("serviceEndpoint")
                if isinstance(endpoint, str):
                    self._homes[did] = endpoint.rstrip("/")
                    return self._homes[did]
        self._homes[did] = ""
        return None

    def _ask(self, host: str, method: str, query: dict[str, str | int]) -> dict[str, Any]:
        answer = self._get(host, method, query).json()
        if not isinstance(answer, dict):
            raise TryLater(f"{urlsplit(host).hostname} answered {method} with no object.", after_s=600)
        return answer

    def _get(self, host: str, method: str, query: dict[str, str | int]) -> Response:
        if host in self._away:
            raise TryLater(self._away[host], after_s=30)
        try:
            response = self._net.get(f"{host}/xrpc/{method}", params=query, timeout_s=15)
        except TryLater as error:
            self._away[host] = str(error)
            raise
        if response.status == 200:
            return response
        error: Any = None
        if response.status < 500 or response.status == 501:
            try:
                error = response.json()
            except TryLater:
                error = None
        if not isinstance(error, dict):
            name = urlsplit(host).hostname
            raise TryLater(f"{name} answered {method} with status {response.status}; try again later.", after_s=60)
        raise _Gone(response.status, str(error.get("error", "")), str(error.get("message", "")))


# XRPC error names of getRecord and getRepoStatus to (state, note).
_STATUS: Final = {
    "takendown": ("account_suspended", "the account was taken down"),
    "suspended": ("account_suspended", "the account is suspended"),
    "deactivated": ("private", "the account is deactivated by its owner"),
    "deleted": ("deleted_by_author", "the account was deleted"),
}
_ACCOUNT_ERRORS: Final = {
    "RepoTakendown": _STATUS["takendown"],
    "AccountTakedown": _STATUS["takendown"],
    "RepoSuspended": _STATUS["suspended"],
    "RepoDeactivated": _STATUS["deactivated"],
    "AccountDeactivated": _STATUS["deactivated"],
}


def _split(uri: str) -> _Ref | None:
    """An AT-URI of a record to its parts; None when it is none."""
    parts = uri.removeprefix("at://").split("/")
    if not uri.startswith("at://") or len(parts) != 3 or not _DID.fullmatch(parts[0]) or not _RKEY.fullmatch(parts[2]):
        return None
    return _Ref(*parts)


def time_of_micros(micros: int) -> datetime:
    """Microseconds since 1970 to UTC."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
