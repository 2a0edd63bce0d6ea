from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON
from yoake.collect.bluesky import account_removal, post_of, split_uri
from yoake.tables.posts import posts_batch, removals_batch

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
POST: dict[str, Any] = {"$type": "app.bsky.feed.post", "text": "あ", "createdAt": "2026-11-20T03:00:00Z"}
BLOB = {"$type": "blob", "ref": {"$link": "bafya"}, "mimeType": "image/png", "size": 3}


def row_of(**fields: Any) -> tuple[dict[str, Any], list[str]]:
    row, notes = post_of({**POST, **fields}, DID, "3k1", NOON)
    assert row is not None
    return row, notes


@pytest.mark.parametrize(
    ("embed", "images", "notes"),
    [
        (None, [], []),
        ({"$type": "app.bsky.embed.external", "external": {"uri": "https://e.example"}}, [], []),
        ({"$type": "app.bsky.embed.images", "images": "no"}, [], []),
        ({"images": [{"image": BLOB, "alt": "a\0"}]}, [("bafya", "a\ufffd", "image/png", 3)], ["unstorable_text"]),
        ({"images": [{"image": {"cid": "bafyb", "mimeType": "image/png"}}]}, [("bafyb", "", "image/png", None)], []),
        ({"images": [{"image": {**BLOB, "size": 1 << 70, "mimeType": 5}}]}, [("bafya", "", "", None)], []),
        ({"images": [{"image": {**BLOB, "ref": b"\x00"}}, {"image": 5}, 7, {}]}, [], ["bad_image"]),
        ({"media": {"images": [{"image": BLOB, "alt": 5}]}}, [("bafya", "", "image/png", 3)], []),
        ({"images": [{"image": BLOB}] * 50}, [("bafya", "", "image/png", 3)] * 20, ["too_many"]),
    ],
)
def test_pictures(embed: object, images: list[tuple[Any, ...]], notes: list[str]) -> None:
    row, found = row_of(embed=embed)
    assert [(one["ref"], one["alt"], one["mime"], one["size_bytes"]) for one in row["images"]] == images
    assert found == notes


def test_lists_that_are_too_long_or_of_other_things() -> None:
    row, notes = row_of(
        langs=["ja", 5, "x" * 500], labels={"values": [{"val": "a"}, {"val": 5}, 5, {}] + [{"val": "b"}] * 50}
    )
    assert row["lang"] == "ja," + "x" * 128
    assert row["labels"] == ["a"] + ["b"] * 16
    assert notes == ["too_many"]
    assert row_of(langs="ja", labels=["a"], reply=5)[0]["lang"] == ""


@pytest.mark.parametrize(
    "reply",
    [
        {"parent": {"uri": "https://x.example"}},
        {"parent": {"uri": 5}},
        {"parent": 5},
        [],
        {"parent": {"uri": "at://" + "x" * 3000}},
    ],
)
def test_a_parent_that_is_none(reply: object) -> None:
    assert row_of(reply=reply)[0]["parent_id"] == ""


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        (f"at://{DID}/app.bsky.feed.post/3k1", True),
        ("at://did:web:example.com/app.bsky.feed.post/a.b_c~d-e:f", True),
        (f"at://{DID}/app.bsky.feed.post", False),
        (f"at://{DID}/app.bsky.feed.post/3k1/more", False),
        (f"{DID}/app.bsky.feed.post/3k1", False),
        ("at://alice.test/app.bsky.feed.post/3k1", False),
        (f"at://{DID}/app.bsky.feed.post/3k1?x=1", False),
        (f"at://{DID}/app.bsky.feed.post/a b", False),
        ("", False),
    ],
)
def test_addresses_of_records(uri: str, good: bool) -> None:
    assert (split_uri(uri) is not None) is good


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.sampled_from(["\0", "\ud800", "ja"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["uri", "val", "images", "image", "ref"]), inner, max_size=3)
    ),
    max_leaves=6,
)
names = ("text", "createdAt", "langs", "labels", "embed", "reply", "$type")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)), values, values)
def test_whatever_a_record_holds_a_post_can_be_stored_or_is_refused(
    record: dict[str, Any], did: object, rkey: object
) -> None:
    for who, key, what in ((DID, "3k1", {**POST, **record}), (did, rkey, record), (DID, "3k1", record)):
        row, notes = post_of(what, who, key, NOON)
        if row is None:
            assert len(notes) == 1
        else:
            posts_batch([row])
            for text in (row["text"], row["lang"], *row["labels"], *(image["alt"] for image in row["images"])):
                text.encode()
                assert "\0" not in text


@given(values, values, values)
def test_whatever_an_account_event_holds(did: object, active: object, status: object) -> None:
    for who in (DID, did):
        row, reason = account_removal(who, active, status, NOON)
        if row is not None:
            removals_batch([row])
            assert reason == ""
