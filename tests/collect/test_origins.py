from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.collect.loopback import http_server, respond
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.servers.misskey.server import Misskey
from yoake.collect.connector import Liveness
from yoake.collect.connectors.mastodon import MastodonTimelines
from yoake.collect.connectors.misskey import MisskeyTimelines
from yoake.collect.net import Net
from yoake.errors import Refused, TryLater

NET = Net(allow_private=True, keys={"mastodon_token": TOKEN}.__getitem__)
AWAY = "http://127.0.0.1:9"


@pytest.fixture
def mastodon() -> Iterator[Mastodon]:
    with Mastodon() as running:
        yield running


@pytest.fixture
def misskey() -> Iterator[Misskey]:
    with Misskey() as running:
        yield running


def check(refs: list[str], own: str = AWAY, **more: Any) -> list[Liveness]:
    """Asked by a source of Mastodon and by one of Misskey, which must agree."""
    ours = MastodonTimelines().check(refs, MastodonTimelines.Options(instance=own, **more), NET)
    more.pop("token", None)
    theirs = MisskeyTimelines().check(refs, MisskeyTimelines.Options(instance=own, **more), NET)
    if own == AWAY:
        assert [(one.ref, one.state, one.note) for one in ours] == [(one.ref, one.state, one.note) for one in theirs]
    assert [one.ref for one in ours] == refs
    return ours


def states(refs: list[str], own: str = AWAY, **more: Any) -> list[str]:
    return [one.state for one in check(refs, own, **more)]


def test_what_became_of_a_status(mastodon: Mastodon) -> None:
    hana, taro = mastodon.account("hana"), mastodon.account("taro")
    up, edited, deleted, private, suspended = (mastodon.post(who, "投稿") for who in (hana, hana, hana, hana, taro))
    refs = [mastodon.uri(ident) for ident in (up, edited, deleted, private, suspended)]
    nobody = f"{mastodon.url}/users/nobody/statuses/1"
    mastodon.edit(edited, "なおした")
    mastodon.delete(deleted)
    mastodon.statuses[private]["visibility"] = "private"
    mastodon.suspend(taro)
    found = check([*refs, nobody, "https://[x", "at://x"])
    assert [(one.state, one.note) for one in found] == [
        ("up", ""),
        ("edited", f"edited at {mastodon.statuses[edited]['edited_at']}"),
        ("removed", "the server does not have it any more; it does not say who deleted it"),
        ("removed", "the server does not have it any more; it does not say who deleted it"),  # to strangers
        ("account_suspended", "the account is suspended, or was deleted by its owner: both look the same there"),
        ("removed", "the account no longer exists"),
        ("unchecked", "this is not the address of a post"),
        ("unchecked", "this is not the address of a post"),
    ]
    assert states([refs[3]], mastodon.url, token="mastodon_token") == ["private"]
    assert states([f"{mastodon.url}/@hana/{up}"]) == ["up"]  # as people paste it
    assert states([f"{mastodon.url}/ap/users/{hana}/statuses/{deleted}"]) == ["removed"]
    assert states([f"{mastodon.url}/ap/users/{taro}/statuses/{suspended}"]) == ["account_suspended"]


def test_what_became_of_a_note(misskey: Misskey) -> None:
    hana, shy = misskey.user("hana"), misskey.user("shy", requireSigninToViewContents=True)
    up, deleted, hidden, edited, bad = (misskey.note(hana, "投稿") for _ in range(5))
    members = misskey.note(shy, "投稿")
    refs = [misskey.uri(ident) for ident in (up, deleted, hidden, edited, members, bad)]
    misskey.delete(deleted)
    misskey.notes[hidden]["visibility"] = "followers"
    misskey.notes[edited]["updatedAt"] = "2026-11-20T03:01:00.000Z"
    misskey.notes[bad]["user"] = {"id": hana, "isSuspended": True}
    found = check(refs)
    assert [(one.state, one.note) for one in found] == [
        ("up", ""),
        ("removed", "the server does not have it any more; it does not say who deleted it"),
        ("private", "its author hid it from the public"),
        ("edited", "edited at 2026-11-20T03:01:00.000Z"),
        ("private", "shown only to those who are signed in there"),
        ("account_suspended", ""),
    ]


def test_any_other_server_is_asked_in_activitypub() -> None:
    seen: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Accept"])
        kind = handler.path.rpartition("/")[2]
        note = {"type": "Note", "id": "x", "content": "あ"}
        body = {"up": note, "edited": {**note, "updated": "2026-11-20T03:01:00Z"}, "gone": {"type": "Tombstone"}}
        if kind in body:
            respond(handler, 200, json.dumps(body[kind]).encode())
        else:
            respond(handler, {"missing": 404, "410": 410}.get(kind, 200), b"<html>")

    with http_server(answer) as url:
        refs = [f"{url}/objects/{kind}" for kind in ("up", "edited", "gone", "missing", "410")]
        assert states(refs) == ["up", "edited", "removed", "removed", "removed"]
        assert states([f"{url}/objects/page", f"{url}/objects/up"]) == ["unreachable", "unreachable"]
        assert states([f"{url}/objects/up"]) == ["up"]
    assert all("application/activity+json" in accept for accept in seen if "json" in accept)


def test_a_server_that_trusts_nobody_leaves_the_copy_to_speak(mastodon: Mastodon) -> None:
    far = mastodon.account("taro", host="x.example")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        respond(handler, 401, b'{"error":"This API requires an authenticated user"}')

    with http_server(answer) as url:
        known, unknown = f"{url}/users/taro/statuses/1", f"{url}/users/taro/statuses/2"
        mastodon.post(far, "投稿", uri=known)
        host = mastodon.url.removeprefix("http://")
        found = check([known, unknown], mastodon.url, token="mastodon_token")
        assert [(one.state, one.note) for one in found] == [
            ("up", f"as the copy on {host} says"),
            ("unreachable", f"its own server does not say, and {host} has no copy"),
        ]
        assert states([known], mastodon.url) == ["unreachable"]  # only who is signed in may ask for copies


def test_other_servers_are_left_alone_where_the_source_says_so(mastodon: Mastodon) -> None:
    with Mastodon() as home:
        ident = home.post(home.account("hana"), "投稿")
        mastodon.post(mastodon.account("hana", host="x.example"), "投稿", uri=home.uri(ident))
        more: dict[str, Any] = {"token": "mastodon_token", "ask_origin": False}
        assert states([home.uri(ident)], mastodon.url, **more) == ["up"]
        assert home.asked == []
        assert states([home.uri(ident)], mastodon.url) == ["up"]
        assert home.asked != []
        chosen = MastodonTimelines.Options(instance=mastodon.url, **more)
        assert MastodonTimelines().context(home.uri(ident), chosen, NET).recent.num_rows == 1


def test_a_server_that_is_away_is_not_asked_for_every_post() -> None:
    asked: list[str] = []

    def busy(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        respond(handler, 429, b"{}", Retry_After="60")

    with http_server(busy) as url:
        refs = [f"{url}/users/hana/statuses/{n}" for n in range(30)]
        found = MastodonTimelines().check(refs, MastodonTimelines.Options(instance=AWAY), NET)
    assert {one.state for one in found} == {"unreachable"}
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("status", "body"), [(500, b"<html>"), (200, b"<html>"), (200, b"[]"), (404, b"[]"), (302, b"")]
)
@pytest.mark.parametrize("path", ["users/a/statuses/1", "notes/1a", "objects/1"])
def test_nonsense_is_no_answer(status: int, body: bytes, path: str) -> None:
    with http_server(lambda r: respond(r, status, body)) as url:
        (found,) = check([f"{url}/{path}"])
    # a server that answers 404 in no API's language still says 404 at the post's own address
    assert found.state == ("removed" if status == 404 else "unreachable")


def test_what_surrounds_a_status(mastodon: Mastodon) -> None:
    hana = mastodon.account("hana", display="はな", note="お金に困っています")
    taro = mastodon.account("taro", host="other.example")
    top = mastodon.post(hana, "仕事ないかな")
    middle = mastodon.post(taro, "あるよ", reply_to=top)
    bottom = mastodon.post(hana, "詳しく", reply_to=middle)
    for n in range(25):
        mastodon.post(hana, f"つぶやき{n}")
    chosen = MastodonTimelines.Options(instance=AWAY)
    found = MastodonTimelines().context(mastodon.uri(bottom), chosen, NET)
    assert found.parents.column("text").to_pylist() == ["仕事ないかな", "あるよ"]
    recent = found.recent.column("text").to_pylist()
    assert (recent[:2], len(recent)) == (["つぶやき24", "つぶやき23"], 20)
    assert (found.profile, found.author_name) == ("お金に困っています", "はな")
    mastodon.delete(bottom)
    gone = MastodonTimelines().context(f"{mastodon.url}/users/hana/statuses/{bottom}", chosen, NET)
    assert (gone.parents.num_rows, gone.recent.num_rows, gone.profile) == (0, 0, "")
    assert MastodonTimelines().context("not a post", chosen, NET).recent.num_rows == 0
    with pytest.raises(Refused, match="no copy"):
        MastodonTimelines().context(f"{mastodon.url}/objects/1", chosen, NET)
    with pytest.raises(TryLater):
        MastodonTimelines().context(f"{AWAY}/users/hana/statuses/1", chosen, NET)


def test_what_surrounds_a_note(misskey: Misskey) -> None:
    fields = [{"name": "連絡先", "value": "DM"}]
    hana = misskey.user("hana", nick="はな", description="お金に$[x2 困って]います", fields=fields)
    taro = misskey.user("taro", host="other.example")
    top = misskey.note(hana, "仕事ないかな")
    middle = misskey.note(taro, "あるよ", reply_to=top)
    bottom = misskey.note(hana, "詳しく", reply_to=middle)
    for n in range(25):
        misskey.note(hana, f"つぶやき{n}")
    chosen = MastodonTimelines.Options(instance=AWAY)
    found = MastodonTimelines().context(misskey.uri(bottom), chosen, NET)
    assert found.parents.column("text").to_pylist() == ["仕事ないかな", "あるよ"]
    recent = found.recent.column("text").to_pylist()
    assert (recent[:2], len(recent)) == (["つぶやき24", "つぶやき23"], 20)
    assert (found.profile, found.author_name) == ("お金に困っています\n連絡先: DM", "はな")
    misskey.delete(bottom)
    gone = MisskeyTimelines().context(f"{misskey.url}/notes/{bottom}", MisskeyTimelines.Options(instance=AWAY), NET)
    assert (gone.parents.num_rows, gone.recent.num_rows, gone.profile) == (0, 0, "")


def test_a_token_goes_to_its_own_server_only(mastodon: Mastodon) -> None:
    with Mastodon() as home:
        ident = home.post(home.account("hana"), "投稿")
        near = mastodon.post(mastodon.account("taro"), "投稿")
        chosen = MastodonTimelines.Options(instance=mastodon.url, token="mastodon_token")
        found = MastodonTimelines().check([home.uri(ident), mastodon.uri(near)], chosen, NET)
        assert [one.state for one in found] == ["up", "up"]
        assert {asked.token for asked in home.asked} == {""}
        assert {asked.token for asked in mastodon.asked} == {TOKEN}
