"""Whatever shape a server gives a post, it is read, or counted, and harms nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.collect.loopback import NOON
from tests.servers.mastodon.server import Mastodon
from tests.servers.misskey.server import Misskey
from yoake.collect.fediverse import place_of
from yoake.collect.mastodon import status_of
from yoake.collect.misskey import note_of
from yoake.tables.posts import posts_batch

ODD: list[Any] = [
    None,
    7,
    -1,
    1.5,
    1 << 70,
    True,
    "",
    "x",
    "a\0b",
    "あ" * 3000,
    [],
    [7],
    [[]],
    [{}],
    {},
    {"x": 1},
    [None] * 50,
]


def variants(told: Any) -> Iterator[Any]:
    """The thing with one place in it replaced by each odd value, and with that place left out."""
    if isinstance(told, dict):
        for key in told:
            yield {other: value for other, value in told.items() if other != key}
            for odd in ODD:
                yield {**told, key: copy.deepcopy(odd)}
            for inner in variants(told[key]):
                yield {**told, key: inner}
    elif isinstance(told, list) and told:
        for inner in [*ODD, *variants(told[0])]:
            yield [inner, *told[1:]]


def test_any_shape_of_a_status() -> None:
    with Mastodon() as server:
        who = server.account("hana", fields=[{"name": "a", "value": "b"}])
        media = [{"type": "image", "url": "https://f.example/1.png", "description": "求人"}]
        poll = {"options": [{"title": "やる"}]}
        status = server.statuses[server.post(who, "高収入 #求人", media_attachments=media, poll=poll)]
        told = {key: status[key] for key in status if key not in ("emojis", "mentions")}
    read = 0
    for odd in [*ODD, *variants(told)]:
        row, notes = status_of(odd, "mastodon.example", NOON)
        if row is None:
            assert notes[0] in ("unknown_record", "no_id", "no_text", "not_public")
        else:
            read += 1
            posts_batch([row])
    assert read > 500


def test_any_shape_of_a_note() -> None:
    with Misskey() as server:
        who = server.user("hana")
        file = {
            "type": "image/png",
            "url": "https://f.example/1.png",
            "size": 1,
            "comment": "求人",
            "isSensitive": False,
        }
        above = server.note(who, "仕事ない?")
        quoted = server.note(who, "求人")
        poll = {"choices": [{"text": "やる"}]}
        note = server.notes[
            server.note(who, "高収入 #求人", reply_to=above, renote=quoted, files=[file], poll=poll, cw="注")
        ]
    read = 0
    for odd in [*ODD, *variants(note)]:
        row, notes = note_of(odd, "https://misskey.example", NOON)
        if row is None:
            assert notes[0] in ("unknown_record", "no_id", "no_text", "not_public")
        else:
            read += 1
            posts_batch([row])
    assert read > 500


PLACES = [
    ("https://m.example/users/hana/statuses/1", ("https://m.example", "mastodon", "1", "hana")),
    ("https://M.example:444/users/hana/statuses/1?x", ("https://m.example:444", "mastodon", "1", "hana")),
    ("https://m.example/@hana/1", ("https://m.example", "mastodon", "1", "hana")),
    ("https://m.example/ap/users/7/statuses/1", ("https://m.example", "mastodon", "1", "7")),
    ("https://m.example/users/../../x/statuses/1", ("https://m.example", "", "", "")),
    ("https://k.example/notes/9abc", ("https://k.example", "misskey", "9abc", "")),
    ("https://k.example/notes/9abc/x", ("https://k.example", "", "", "")),
    ("https://p.example/objects/7", ("https://p.example", "", "", "")),
]


@pytest.mark.parametrize(("ref", "expected"), PLACES)
def test_places(ref: str, expected: tuple[str, str, str, str]) -> None:
    found = place_of(ref)
    assert found is not None
    assert (found.base, found.kind, found.id, found.author) == expected


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "x",
        "at://did:x/y/z",
        "tag:x,2020:1",
        "https://",
        "https://a:b@m.example/notes/1",
        "https://[x",
        "https://m.example:x/",
        "https://m.example/a b",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_place(ref: str) -> None:
    assert place_of(ref) is None
