"""Which addresses name one post, and what the others are."""

from __future__ import annotations

import pytest

from yoake.collect.bluesky import NETWORK, post_of
from yoake.collect.items import item_of
from yoake.errors import BadInput

DID = "did:plc:abcdefghijklmnopqrstuvwx"
URI = f"at://{DID}/app.bsky.feed.post/3l2abcxyz22"
WEB = f"https://bsky.app/profile/{DID}/post/3l2abcxyz22"


@pytest.mark.parametrize(
    "copied", [URI, WEB, f"{WEB}?utm_source=share", f"https://www.bsky.app/profile/{DID}/post/3l2abcxyz22/"]
)
def test_a_bluesky_post_is_the_one_that_a_patrol_finds(copied: str) -> None:
    from datetime import UTC, datetime

    row, _notes = post_of({"text": "a"}, DID, "3l2abcxyz22", datetime(2026, 11, 20, tzinfo=UTC))
    found = item_of(copied)
    assert row is not None
    assert (found.kind, found.network, found.native_id) == ("item", NETWORK, row["native_id"])
    assert found.url == row["url"]


def test_a_handle_stands_for_an_id_that_only_the_network_knows() -> None:
    found = item_of("https://bsky.app/profile/Someone.Example/post/3l2abcxyz22")
    assert (found.kind, found.native_id) == ("item", "")
    assert (found.author, found.key) == ("someone.example", "3l2abcxyz22")


@pytest.mark.parametrize(
    ("copied", "plain"),
    [
        ("https://twitter.com/someone/status/123?s=20", "https://x.com/someone/status/123"),
        ("https://mobile.x.com/someone/status/123/photo/1", "https://x.com/someone/status/123"),
        ("https://x.com/someone/statuses/123", "https://x.com/someone/status/123"),
        ("https://www.threads.net/@someone/post/C9abc?igsh=x", "https://www.threads.com/@someone/post/C9abc"),
        ("https://instagram.com/p/C9abc/?img_index=1", "https://www.instagram.com/p/C9abc/"),
        ("https://mstdn.example/@someone/112233", "https://mstdn.example/@someone/112233"),
        ("https://mk.example/notes/9abc", "https://mk.example/notes/9abc"),
    ],
)
def test_one_way_to_write_an_items_address(copied: str, plain: str) -> None:
    found = item_of(copied)
    assert (found.kind, found.url) == ("item", plain)


def test_addresses_of_x_and_threads_name_the_post_as_their_connectors_do() -> None:
    for shared in ("https://twitter.com/someone/status/123?s=20", "https://x.com/i/web/status/123"):
        assert (item_of(shared).network, item_of(shared).native_id) == ("x", "123")
    for shared in ("https://www.threads.net/@someone/post/C9abc?igsh=x", "https://www.threads.com/@other/post/C9abc"):
        assert (item_of(shared).network, item_of(shared).native_id) == ("threads", "C9abc")


def test_an_activitypub_id_is_an_identity_and_a_page_is_not() -> None:
    own = "https://mstdn.example/users/someone/statuses/112233"
    assert (item_of(own).network, item_of(own).native_id) == ("fediverse", own)
    assert item_of("https://mk.example/notes/9abc").native_id == ""  # it may show another server's note


@pytest.mark.parametrize(
    ("copied", "kind"),
    [
        ("https://x.com/search?q=%E9%97%87%E3%83%90%E3%82%A4%E3%83%88&f=live", "search"),
        ("https://x.com/hashtag/x", "search"),
        ("https://x.com/someone", "profile"),
        ("https://bsky.app/search?q=x", "search"),
        ("https://bsky.app/profile/someone.example", "profile"),
        ("https://www.threads.com/@someone", "profile"),
        ("https://www.instagram.com/someone/", "profile"),
        ("https://www.google.com/search?q=x", "search"),
        ("https://search.yahoo.co.jp/realtime/search?p=x", "search"),
        ("https://mstdn.example/@someone", "profile"),
        ("https://mstdn.example/tags/x", "search"),
        ("https://pbs.twimg.com/media/Gabc?format=jpg", "picture"),
        ("https://files.example/up/screen.PNG", "picture"),
        ("https://board.example/thread/1", ""),
        ("https://jobs.example/view?id=3", ""),
        ("https://x.com/home", ""),
        ("https://board.example/?p=12", ""),  # a blog's address of one entry
    ],
)
def test_what_is_no_single_post_is_told_apart(copied: str, kind: str) -> None:
    assert item_of(copied).kind == kind


@pytest.mark.parametrize("copied", ["javascript:alert(1)", "at://nobody", "受け子", "https://"])
def test_what_is_no_address(copied: str) -> None:
    with pytest.raises(BadInput):
        item_of(copied)
