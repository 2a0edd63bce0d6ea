"""What was stopped: known again by keyed hashes, so that no network and no backup brings it back.

A row and a line of `$YOAKE_DATA/stopped.jsonl` say the same. The file is not in the database's backup: a database that
was restored from before the stop learns from it (see `stop.again`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings

from yoake.casework.cases.models import Post, Stop
from yoake.collect.items import item_of
from yoake.errors import BadInput, Refused
from yoake.tables.posts import uid_of


def key_of(uid: str) -> str:
    """The keyed hash under which a post that was stopped is known again."""
    return hmac.new(settings.SECRET_KEY.encode(), f"stopped\0{uid}".encode(), "sha256").hexdigest()


def address_uid(url: str) -> str:
    """The uid a post has when people enter its address; "" for an address that names no item."""
    try:
        return uid_of("web", item_of(url).url) if url else ""
    except BadInput:
        return ""


def stopped_among(rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The uids of those rows (of POSTS) that were stopped, by their identity or by their address: one query."""
    keys: dict[str, set[str]] = {}  # several offers may stand at one address
    for row in rows:
        for uid in (row["uid"], address_uid(row["url"])):
            if uid:
                keys.setdefault(key_of(uid), set()).add(row["uid"])
    if not keys:
        return set()
    known = Stop.objects.filter(key__in=keys).values_list("key", flat=True)
    by_address = Stop.objects.filter(address_key__in=keys).values_list("address_key", flat=True)
    return {uid for key in known.union(by_address) for uid in keys[key]}


def must_not_be_stopped(row: Mapping[str, Any], post: Post | None = None) -> None:
    """Raises Refused for a row (of POSTS), or a post, whose words must not be stored again."""
    if (post is not None and post.stopped_at is not None) or stopped_among([row]):
        raise Refused("this post was stopped: it must not be held, and nothing of it is stored again")


# --- what remains for the hand-over, sealed ---------------------------------------------------------------------------


def seal(facts: Mapping[str, str]) -> bytes:
    """Facts that only supervisors read again, encrypted."""
    return _box().encrypt(json.dumps(dict(facts)).encode())


def unseal(sealed: bytes) -> dict[str, str]:
    """What was sealed; {} when nothing was. Raises cryptography's InvalidToken when the key of this deployment changed."""
    facts: dict[str, str] = json.loads(_box().decrypt(bytes(sealed))) if sealed else {}
    return facts


def _box() -> Fernet:
    key = sha256(f"stopped item\0{settings.SECRET_KEY}".encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


# --- the list beside the database -------------------------------------------------------------------------------------


def list_file() -> Path:
    """Where the list lies."""
    return Path(settings.ENVIRONMENT.data) / "stopped.jsonl"


def write_line(stop: Stop) -> None:
    """Adds a stop to the list and waits until the disk has it; for its owner only."""
    told = {
        "key": stop.key,
        "address_key": stop.address_key,
        "at": stop.at.isoformat(),
        "by": stop.by_id,
        "organisation": stop.organisation_id,
        "sealed": base64.b64encode(bytes(stop.sealed)).decode(),
    }
    line = json.dumps(told, separators=(",", ":")) + "\n"
    with os.fdopen(os.open(list_file(), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a", encoding="utf-8") as lines:
        lines.write(line)
        lines.flush()
        os.fsync(lines.fileno())


def read_list() -> dict[str, dict[str, Any]]:
    """The list by key. Raises Refused, naming the line, when it is damaged: half a list would let a post come back."""
    if not list_file().exists():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(list_file().read_text("utf-8").splitlines(), 1):
        try:
            told = json.loads(line)
            at, sealed = datetime.fromisoformat(told["at"]), base64.b64decode(told["sealed"], validate=True)
            found[str(told["key"])] = {**told, "at": at, "sealed": sealed}
        except (ValueError, KeyError, TypeError, binascii.Error):
            raise Refused(
                f"{list_file()} line {number} cannot be read: it lists what must not be held; restore the file from a copy"
            ) from None
    return found
