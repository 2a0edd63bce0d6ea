"""Questions to Bluesky's servers over XRPC: is a post still up, and what surrounds it?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import libipld

from yoake.collect.bluesky import POST, Ref, post_of, split_uri
from yoake.collect.clean import whole_text
from yoake.collect.connector import Context, Liveness, unanswered
from yoake.collect.net import Net, Response
from yoake.errors import BadInput, Refused, TryLater
from yoake.tables.posts import posts_batch

_PARENTS: Final = 10  # how far up a thread is followed
_RECENT: Final = 20  # how many of an author's newest posts are shown
_ANSWER_BYTES: Final = 5_000_000


class _Gone(Exception):
    """The server said, with an XRPC error, that it does not have the thing."""

    def __init__(self, status: int, name: str) -> None:
        self.name = name
        super().__init__(f"{status} {''.join(c for c in name if c.isprintable())[:80]}")


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
        self._away: dict[str, TryLater] = {}  # host to what it said: a host that is away is not asked for every post

    def check(self, refs: Sequence[str]) -> list[Liveness]:
        """Liveness of each post, in the order asked."""
        return [self._liveness(ref) for ref in refs]

    def context(self, ref: str) -> Context:
        """Parents, profile and newest posts around a post. Raises TryLater when nobody answers."""
        now = self._net.now()
        parts = split_uri(ref)
        if parts is None:
            return Context(posts_batch([]), posts_batch([]))
        profile, name = self._profile(parts.did)
        parents: list[dict[str, Any]] = []
        row = self._post(parts, now)
        while row is not None and row["parent_id"] and len(parents) < _PARENTS:
            above = split_uri(row["parent_id"])
            row = self._post(above, now) if above is not None else None
            if row is not None:
                parents.insert(0, row)
        return Context(posts_batch(parents), posts_batch(self._recent(parts.did, now)), profile, name)

    def picture(self, ref: str, image: str, *, limit_bytes: int) -> bytes | None:
        """A blob (by its CID) of the account that wrote a post, as its own server keeps it; None when it is not there.

        Raises TryLater when the server is away, Refused when it lets nobody in or sends something else.
        """
        parts = split_uri(ref)
        home = self._home(parts.did) if parts is not None else None
        if parts is None or home is None:
            return None
        query = {"did": parts.did, "cid": image}
        try:
            octets = self._get(home, "com.atproto.sync.getBlob", query, limit_bytes=limit_bytes).body
        except _Gone:
            return None
        if not _is_cid_of(image, octets):
            raise Refused(f"{urlsplit(home).hostname} sent another picture than the post names.")
        return octets

    def _liveness(self, ref: str) -> Liveness:
        now = self._net.now()
        parts = split_uri(ref)
        if parts is None:
            return Liveness(ref, "unchecked", now, "this is not the address of a Bluesky post")
        try:
            state, note = self._state(parts)
        except (TryLater, Refused) as error:
            return unanswered(ref, error, now)
        return Liveness(ref, state, now, note)

    def _state(self, ref: Ref) -> tuple[str, str]:
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
            if answer.name == "RepoNotFound":
                return "deleted_by_author", "the account no longer exists"
            if answer.name in _ACCOUNT_ERRORS:
                return _ACCOUNT_ERRORS[answer.name]
            raise TryLater(
                f"{urlsplit(home).hostname} does not say how the account is ({answer}).", after_s=60
            ) from None
        if status.get("active") is not True:
            return _STATUS.get(str(status.get("status")), ("unreachable", "the account is not active"))
        if not self._repository_holds(home, ref):
            return "deleted_by_author", ""
        if trouble is not None:
            raise trouble
        return "removed_by_provider", "the repository holds it, the service does not show it"

    def _repository_holds(self, home: str, ref: Ref) -> bool:
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

    def _post(self, ref: Ref, now: datetime) -> dict[str, Any] | None:
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
        query: dict[str, str | int] = {"repo": did, "collection": POST, "limit": _RECENT}
        try:
            records = self._ask_any(did, "com.atproto.repo.listRecords", query).get("records")
        except _Gone:
            return []
        rows = []
        for record in records if isinstance(records, list) else ():
            uri = record.get("uri") if isinstance(record, dict) else None
            ref = split_uri(uri) if isinstance(uri, str) else None
            row = post_of(record.get("value"), ref.did, ref.rkey, now)[0] if ref is not None else None
            if row is not None:
                rows.append(row)
        return rows

    def _ask_any(self, did: str, method: str, query: Mapping[str, str | int]) -> dict[str, Any]:
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
            raise _Gone(404, "RepoNotFound")
        return self._ask(home, method, query)

    def _home(self, did: str, trouble: TryLater | None = None) -> str | None:
        """The server that keeps a repository, by its DID document; None when the directory keeps only its tombstone."""
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
        except BadInput as error:
            if did.startswith("did:plc:"):
                raise  # the setting
            raise TryLater(f"{did[:40]} names no host that can be asked: {error}", after_s=3600) from None
        document = response.json()
        if not isinstance(document, dict) or (response.status == 200) != (document.get("id") == did):
            raise TryLater(f"{urlsplit(url).hostname} answers nothing about {did}; try again later.", after_s=600)
        if response.status == 404:  # this directory does not have it: that does not say that anybody deleted it
            raise TryLater(
                f"{urlsplit(url).hostname} does not know {did}; it may be registered elsewhere.", after_s=600
            )
        if response.status != 200 and not (response.status == 410 and did.startswith("did:plc:")):  # 410: a tombstone
            raise TryLater(f"{urlsplit(url).hostname} answered with status {response.status}.", after_s=60)
        self._homes[did] = _server_of(document)
        return self._homes[did] or None

    def _ask(self, host: str, method: str, query: Mapping[str, str | int]) -> dict[str, Any]:
        answer = self._get(host, method, query).json()
        if not isinstance(answer, dict):
            raise TryLater(f"{urlsplit(host).hostname} answered {method} with no object.", after_s=600)
        return answer

    def _get(
        self, host: str, method: str, query: Mapping[str, str | int], limit_bytes: int = _ANSWER_BYTES
    ) -> Response:
        if host in self._away:
            raise self._away[host]
        try:
            response = self._net.get(f"{host}/xrpc/{method}", params=query, timeout_s=15, limit_bytes=limit_bytes)
        except TryLater as error:
            self._away[host] = error
            raise
        except BadInput as error:
            if host == self._api:
                raise  # the setting; anything else an account's own document says
            raise TryLater(f"The account names a server that cannot be asked: {error}", after_s=3600) from None
        if response.status == 200:
            return response
        answer: Any = None
        if response.status < 500 or response.status == 501:
            with suppress(TryLater):
                answer = response.json()
        if not isinstance(answer, dict):
            name = urlsplit(host).hostname
            raise TryLater(f"{name} answered {method} with status {response.status}; try again later.", after_s=60)
        raise _Gone(response.status, str(answer.get("error", "")))


def _is_cid_of(cid: str, octets: bytes) -> bool:
    """Whether a CID (sha2-256, as all blobs have) names these octets."""
    try:
        named = libipld.decode_cid(cid)["hash"]
    except (ValueError, KeyError):
        return False
    return named["code"] == 0x12 and bytes(named["digest"]) == hashlib.sha256(octets).digest()


def _server_of(document: dict[str, Any]) -> str:
    """The server that keeps the repository, by a DID document; "" when it names none."""
    services = document.get("service")
    for service in services if isinstance(services, list) else ():
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            return str(service.get("serviceEndpoint", "")).rstrip("/")
    return ""


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
