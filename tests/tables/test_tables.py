"""Identity, versions, and batches that keep their schema whatever is missing."""

from __future__ import annotations

import hashlib

from tests.world import finding, post
from yoake.tables.findings import FINDINGS, findings_batch, public, queued
from yoake.tables.posts import POSTS, REMOVALS, content_hash, posts_batch, removals_batch, uid_of


def test_identity_is_the_fixed_formula() -> None:
    assert uid_of("bluesky", "at://x") == hashlib.sha256(b"bluesky\0at://x").hexdigest()
    assert uid_of("a", "bc") != uid_of("ab", "c")


def test_a_version_changes_with_what_a_judge_reads() -> None:
    versions = {
        content_hash("a"),
        content_hash("b"),
        content_hash("a", profile="p"),
        content_hash("a", parent_text="p"),
        content_hash("a", image_refs=["i"]),
        content_hash("a", image_refs=["i", "j"]),
    }
    assert len(versions) == 6
    assert content_hash("a") == content_hash("a", "", "", [])


def test_batches_keep_their_schema() -> None:
    batch = posts_batch([post()])
    assert batch.schema == POSTS
    assert (batch.column("profile")[0].as_py(), batch.column("images")[0].as_py()) == ("", [])
    assert posts_batch([]).schema == POSTS
    assert removals_batch([]).schema == REMOVALS
    assert findings_batch([]).schema == FINDINGS


def test_a_finding_keeps_the_fixed_interface() -> None:
    (row,) = findings_batch([{**finding(), "uid": "u", "content_hash": "c"}]).to_pylist()
    told = public(row)
    assert list(told) == [
        "category", "class", "score", "grade", "detector", "version", "shadow", "base", "rest", "frame",
        "elements", "items", "nearest", "explanation", "counter", "spans",
    ]  # fmt: skip
    assert told["items"] == {"present": [], "missing": []}
    assert told["nearest"] is None


def test_what_queues() -> None:
    assert queued({**finding(grade="mid"), "shadow": False})
    assert not queued({**finding(grade="low"), "shadow": False})
    assert not queued({**finding(grade="high"), "shadow": True})
