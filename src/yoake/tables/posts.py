"""Posts and removals as they come from a network, before anybody judged them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

_TIME = pa.timestamp("us", tz="UTC")

IMAGE = pa.struct([("ref", pa.string()), ("alt", pa.string()), ("mime", pa.string()), ("size_bytes", pa.int64())])

# One row per seen version of a post. Strings are never null; "" means the network did not say.
POSTS = pa.schema(
    [
        ("uid", pa.string()),  # post identity: hex sha256(network NUL native_id), see `uid_of`
        ("network", pa.string()),  # bluesky, practice, file:<platform> ...
        ("native_id", pa.string()),  # AT-URI, status URI, canonical URL, or the platform's own id
        ("url", pa.string()),  # item URL a person can open
        ("author_id", pa.string()),  # the network's lasting id (DID, actor URI)
        ("author_handle", pa.string()),
        ("author_name", pa.string()),
        ("profile", pa.string()),
        ("text", pa.string()),
        ("parent_id", pa.string()),  # native_id of the post this one replies to
        ("parent_text", pa.string()),
        ("root_id", pa.string()),  # native_id of the first post of the thread
        ("lang", pa.string()),  # as the network says, comma-separated BCP 47
        ("labels", pa.list_(pa.string())),  # self-labels and labels of the network, e.g. adult
        ("images", pa.list_(IMAGE)),
        ("posted_at", _TIME),  # as the author's client claims; null when unknown or in the future
        ("seen_at", _TIME),  # when we read it
        ("content_hash", pa.string()),  # see `content_hash`; a new value for a known uid is an edit
    ]
)

# One row per thing that vanished: a post, or a whole account (then every stored post of the author).
REMOVALS = pa.schema(
    [
        ("kind", pa.string()),  # post | account
        ("network", pa.string()),
        ("native_id", pa.string()),  # of the post, or the author_id
        # deleted_by_author | removed (nobody says by whom) | deactivated | suspended | back (an account that returned)
        ("state", pa.string()),
        ("removed_at", _TIME),
    ]
)


def uid_of(network: str, native_id: str) -> str:
    """Post identity, 64 hex digits: sha256 over network, NUL, native_id (UTF-8)."""
    return hashlib.sha256(f"{network}\0{native_id}".encode()).hexdigest()


def content_hash(text: str, profile: str = "", parent_text: str = "", image_refs: Iterable[str] = ()) -> str:
    """Version of a post, 64 hex digits: changes exactly when something a judge reads changes."""
    return hashlib.sha256("\0".join((text, profile, parent_text, *image_refs)).encode()).hexdigest()


def posts_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows (one dict a post, keys as in POSTS) to a batch; absent keys become empty, uid and content_hash are filled in."""
    for row in rows:
        row["uid"] = uid_of(row["network"], row["native_id"])
        row["content_hash"] = content_hash(
            row["text"],
            row.get("profile", ""),
            row.get("parent_text", ""),
            [image["ref"] for image in row.get("images", ())],
        )
    return _batch(rows, POSTS)


def removals_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows (one dict a removal, keys as in REMOVALS) to a batch."""
    return _batch(rows, REMOVALS)


def _batch(rows: list[Mapping[str, Any]] | list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    told = set().union(*rows)  # a key that no row has is a column of one value: no need to look at every row
    for field in schema:
        if rows and field.name not in told and pa.types.is_string(field.type):
            columns.append(pa.repeat(pa.scalar("", field.type), len(rows)))
            continue
        if pa.types.is_string(field.type):
            values = [row.get(field.name) or "" for row in rows]
        elif pa.types.is_list(field.type):
            values = [row.get(field.name) or [] for row in rows]
        else:
            values = [row.get(field.name) for row in rows]
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
