"""The Mastodon server of the tests, proven with Mastodon.py: a client that nobody here wrote."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import mastodon
import pytest

from tests.servers.mastodon.server import TOKEN, Mastodon


@pytest.fixture
def server() -> Iterator[Mastodon]:
    with Mastodon() as running:
        running.account("hana", display="はな")
        yield running


def client(server: Mastodon, token: str | None = TOKEN) -> Any:
    return mastodon.Mastodon(
        access_token=token, api_base_url=server.url, version_check_mode="none", ratelimit_method="throw"
    )


def test_writing_reading_editing_and_deleting(server: Mastodon) -> None:
    hana = client(server)
    status = hana.status_post("はじめまして #例")
    assert (status.account.acct, status.visibility) == ("hana", "public")
    assert status.created_at.tzinfo is not None
    assert status.tags[0].name == "例"
    assert hana.status(status.id).content == status.content
    assert hana.status_update(status.id, "なおしました").edited_at is not None
    assert "なおしました" in hana.timeline_public()[0].content
    hana.status_delete(status.id)
    with pytest.raises(mastodon.MastodonNotFoundError):
        hana.status(status.id)


def test_pages_backward_and_forward(server: Mastodon) -> None:
    hana = client(server)
    (author,) = server.accounts
    idents = [server.post(author, f"{n} #例") for n in range(95)]
    first = hana.timeline_hashtag("例", limit=40)
    rest = hana.fetch_remaining(first)
    assert [status.id for status in rest] == idents[::-1]
    forward = hana.timeline_public(min_id=idents[9], limit=40)
    assert [status.id for status in forward] == idents[10:50][::-1]
    assert [status.id for status in hana.fetch_previous(forward)] == idents[50:90][::-1]
    assert [status.id for status in hana.timeline_public(since_id=idents[9], limit=40)] == idents[:-41:-1]


def test_tokens_scopes_and_limits(server: Mastodon) -> None:
    server.tokens["narrow"] = "read:accounts"
    server.public_preview = False
    with pytest.raises(mastodon.MastodonUnauthorizedError):
        client(server, "stranger").timeline_public()
    with pytest.raises(mastodon.MastodonAPIError, match="403"):
        client(server, "narrow").timeline_public()
    assert client(server, "narrow").account_verify_credentials().username == "hana"
    hana = client(server)
    hana.timeline_public()  # asks for the instance once
    server.left = 2
    hana.timeline_public()
    assert hana.ratelimit_remaining == 1
    hana.timeline_public()
    with pytest.raises(mastodon.MastodonRatelimitError):
        hana.timeline_public()


def test_threads_accounts_and_search(server: Mastodon) -> None:
    (author,) = server.accounts
    other = server.account("taro", host="other.example", note="こんにちは")
    top = server.post(author, "上")
    middle = server.post(other, "中", reply_to=top)
    bottom = server.post(author, "下", reply_to=middle)
    hana = client(server)
    around = hana.status_context(middle)
    assert ([s.id for s in around.ancestors], [s.id for s in around.descendants]) == ([top], [bottom])
    assert str(hana.account_lookup("taro@other.example").id) == other
    assert [s.id for s in hana.account_statuses(other)] == [middle]
    assert [s.id for s in hana.search_v2("中", result_type="statuses").statuses] == [middle]
    assert hana.search_v2(server.uri(middle), resolve=True).statuses[0].uri == server.uri(middle)
    server.suspend(other)
    assert hana.account(other).suspended is True


def test_the_stream(server: Mastodon) -> None:
    (author,) = server.accounts
    seen: list[tuple[str, Any]] = []
    enough = threading.Event()

    class Listener(mastodon.StreamListener):
        def on_update(self, status: Any) -> None:
            self.note("update", status.content)

        def on_status_update(self, status: Any) -> None:
            self.note("edit", status.content)

        def on_delete(self, ident: Any) -> None:
            self.note("delete", str(ident))

        def note(self, kind: str, what: Any) -> None:
            seen.append((kind, what))
            if len(seen) == 3:
                enough.set()

    handle = client(server).stream_hashtag("例", Listener(), run_async=True)
    try:
        while not server.streams:
            threading.Event().wait(0.01)
        ident = server.post(author, "一 #例")
        server.post(author, "ほか")
        server.edit(ident, "二 #例")
        server.delete(ident)
        assert enough.wait(10), seen
    finally:
        handle.close()
    assert [kind for kind, _ in seen] == ["update", "edit", "delete"]
    assert "一" in seen[0][1]
    assert seen[2][1] == ident
