from __future__ import annotations

import json
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tests.collect.loopback import http_server, respond
from tests.drawing import octets, photograph
from tests.servers.pds import Pds
from yoake.collect.connector import KeepsPictures
from yoake.collect.connectors.bluesky_firehose import BlueskyFirehose
from yoake.collect.hosts import Hosts
from yoake.collect.net import Net
from yoake.errors import BadInput, Refused, TryLater

NET = Net(allow_private=True)
DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
REF = f"at://{DID}/app.bsky.feed.post/3k1"
AWAY = "http://127.0.0.1:9"


def state(ref: str, options: BlueskyFirehose.Options) -> tuple[str, str]:
    (found,) = BlueskyFirehose().check([ref], options, NET)
    assert found.ref == ref
    return found.state, found.note


def real(pds: Pds) -> BlueskyFirehose.Options:
    pds.start()
    return BlueskyFirehose.Options(api=pds.url, plc=pds.plc_url)


@pytest.mark.server
def test_what_became_of_a_post(pds: Pds) -> None:
    options = real(pds)
    writer = pds.writer()
    up, deleted, removed = (writer.post(text).uri for text in ("残る", "消す", "消される"))
    writer.delete(deleted)
    pds.takedown(removed)
    found = BlueskyFirehose().check([removed, up, "https://bsky.app/", deleted], options, NET)
    assert [(one.ref, one.state) for one in found] == [
        (removed, "removed_by_provider"),
        (up, "up"),
        ("https://bsky.app/", "unchecked"),
        (deleted, "deleted_by_author"),
    ]
    pds.takedown(removed, applied=False)
    assert state(removed, options)[0] == "up"
    writer.edit(up, "変えました")
    assert state(up, options)[0] == "up"  # whether it was edited is seen by reading it


@pytest.mark.server
def test_what_became_of_an_account(pds: Pds) -> None:
    options = real(pds)
    writer = pds.writer()
    ref = writer.post("投稿").uri
    pds.takedown(writer.did)
    assert state(ref, options) == ("account_suspended", "the account was taken down")
    pds.takedown(writer.did, applied=False)
    assert state(ref, options)[0] == "up"
    writer.deactivate()
    assert state(ref, options) == ("private", "the account is deactivated by its owner")
    writer.activate()
    assert state(ref, options)[0] == "up"
    pds.delete_account(writer.did)
    assert state(ref, options) == ("deleted_by_author", "the account no longer exists")
    told, note = state(REF, options)  # nobody ever had this one, or it is registered elsewhere: no tombstone
    assert (told, "does not know" in note) == ("unreachable", True)


@pytest.mark.server
def test_what_surrounds_a_post(pds: Pds) -> None:
    options = real(pds)
    asker, helper = pds.writer(), pds.writer()
    asker.profile("探し中", "お金に困っています")
    top = asker.post("仕事ないかな")
    middle = helper.post("あるよ", reply_to=top)
    bottom = asker.post("詳しく", reply_to=middle)
    for n in range(25):
        asker.post(f"つぶやき{n}")
    context = BlueskyFirehose().context(bottom.uri, options, NET)
    assert context.parents.column("text").to_pylist() == ["仕事ないかな", "あるよ"]
    recent = context.recent.column("text").to_pylist()
    assert recent[:2] == ["つぶやき24", "つぶやき23"]
    assert len(recent) == 20
    assert (context.profile, context.author_name) == ("お金に困っています", "探し中")
    helper.delete(middle.uri)
    assert BlueskyFirehose().context(bottom.uri, options, NET).parents.num_rows == 0  # the thread is torn there
    nothing = BlueskyFirehose().context("not a post", options, NET)
    assert (nothing.parents.num_rows, nothing.recent.num_rows) == (0, 0)


@pytest.mark.server
def test_an_appview_that_shows_nothing_is_checked_against_the_repository(pds: Pds) -> None:
    """The network's own front says "not found": the server that keeps the account decides why."""
    pds.start()
    writer = pds.writer()
    kept, deleted = writer.post("残る").uri, writer.post("消す").uri
    writer.delete(deleted)

    def appview(request: BaseHTTPRequestHandler) -> None:
        known = request.path.startswith("/xrpc/com.atproto.repo.getRecord")
        error = {"error": "RecordNotFound" if known else "MethodNotImplemented", "message": "no"}
        respond(request, 400 if known else 501, orjson.dumps(error))

    with http_server(appview) as url:
        options = BlueskyFirehose.Options(api=url, plc=pds.plc_url)
        assert state(kept, options)[0] == "removed_by_provider"
        assert state(deleted, options)[0] == "deleted_by_author"
        context = BlueskyFirehose().context(kept, options, NET)
        assert context.recent.column("text").to_pylist() == ["残る"]


def test_when_nobody_answers_the_state_is_unreachable() -> None:
    asked: list[str] = []

    def busy(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        respond(request, 429, Retry_After="60")

    with http_server(busy) as url:
        options = BlueskyFirehose.Options(api=url, plc=url)
        found = BlueskyFirehose().check([REF] * 50, options, NET)
        assert {(one.state, one.note.partition(";")[0]) for one in found} == {
            ("unreachable", "127.0.0.1 asks to wait (too many requests)")
        }
        assert sum("getRecord" in path for path in asked) == 1  # a host that is away is not asked for every post
        with pytest.raises(TryLater):
            BlueskyFirehose().context(REF, options, NET)


def test_a_host_that_is_to_be_left_alone_was_not_asked() -> None:
    """The question is put off, not answered: five such tries would else read "nobody answers"."""
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        respond(request, 200, b"{}")

    with http_server(answer) as url:
        net = Net(allow_private=True, hosts=Hosts())
        net.hosts.leave(url.removeprefix("http://"), 600.0)
        found = BlueskyFirehose().check([REF, REF], BlueskyFirehose.Options(api=url, plc=url), net)
    assert [(one.state, 590 < one.after_s <= 600) for one in found] == [("unchecked", True)] * 2
    assert asked == []


def test_a_host_that_is_down_is_said_quickly_for_many_posts() -> None:
    began = time.monotonic()
    found = BlueskyFirehose().check([REF] * 50, BlueskyFirehose.Options(api=AWAY, plc=AWAY), NET)
    assert {one.state for one in found} == {"unreachable"}
    assert "127.0.0.1 refuses the connection" in found[0].note
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"<html>"),
        (502, b'{"error":"UpstreamFailure"}'),
        (200, b"<html>"),
        (200, b"[]"),
        (404, b"not found"),
        (400, b"[]"),
    ],
)
def test_nonsense_is_no_answer(status: int, body: bytes) -> None:
    with http_server(lambda r: respond(r, status, body)) as url:
        assert state(REF, BlueskyFirehose.Options(api=url, plc=url))[0] == "unreachable"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("RepoTakendown", "account_suspended"),
        ("AccountTakedown", "account_suspended"),
        ("RepoSuspended", "account_suspended"),
        ("RepoDeactivated", "private"),
        ("AccountDeactivated", "private"),
    ],
)
def test_errors_about_the_account_decide(error: str, expected: str) -> None:
    with http_server(lambda r: respond(r, 400, orjson.dumps({"error": error, "message": "m"}))) as url:
        assert state(REF, BlueskyFirehose.Options(api=url, plc=AWAY))[0] == expected


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        (400, "RepoNotFound", "deleted_by_author"),
        (501, "MethodNotImplemented", "unreachable"),
        (400, "InvalidRequest", "unreachable"),
        (404, "", "unreachable"),
    ],
)
def test_only_who_says_that_an_account_is_gone_is_believed(status: int, error: str, expected: str) -> None:
    """A server that does not know the question knows nothing about the account."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(DID):
            service = [{"id": "#atproto_pds", "serviceEndpoint": url}]
            respond(request, 200, json.dumps({"id": DID, "service": service}).encode())
        elif "getRepoStatus" in request.path:
            respond(request, status, orjson.dumps({"error": error}))
        else:
            respond(request, 400, orjson.dumps({"error": "RecordNotFound"}))

    with http_server(answer) as url:
        assert state(REF, BlueskyFirehose.Options(api=url, plc=url))[0] == expected


@pytest.mark.parametrize(("status", "expected"), [(404, "unreachable"), (410, "deleted_by_author")])
def test_only_a_tombstone_says_that_an_account_was_deleted(status: int, expected: str) -> None:
    """A directory that does not have a DID, such as another network's or one that is behind, says nothing of its posts."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path.endswith(DID):
            respond(request, status, json.dumps({"message": "DID not available"}).encode())
        else:
            respond(request, 400, orjson.dumps({"error": "RecordNotFound"}))

    with http_server(answer) as url:
        assert state(REF, BlueskyFirehose.Options(api=url, plc=url))[0] == expected


@pytest.mark.parametrize("endpoint", ["ftp://x", "https://a:b@x", "x", "http://h:99999", "https://[::1"])
def test_one_account_that_names_no_server_does_not_lose_the_others(endpoint: str) -> None:
    """Whoever keeps their own DID document cannot keep us from asking about others' posts."""
    good = "did:plc:z72i7hdynmk6r22z27h6tvur"

    def answer(request: BaseHTTPRequestHandler) -> None:
        target = urlsplit(request.path)
        if good in parse_qs(target.query).get("repo", []):
            respond(request, 200, b"{}")
        elif target.path.endswith(DID):
            service = [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]
            respond(request, 200, json.dumps({"id": DID, "service": service}).encode())
        else:
            respond(request, 400, orjson.dumps({"error": "RecordNotFound"}))

    with http_server(answer) as url:
        options = BlueskyFirehose.Options(api=url, plc=url)
        refs = [REF, "at://did:web:a%3Ab/app.bsky.feed.post/3k1", f"at://{good}/app.bsky.feed.post/3k1"]
        found = BlueskyFirehose().check(refs, options, NET)
        assert [one.state for one in found] == ["unreachable", "unreachable", "up"]
        assert "a server that cannot be asked" in found[0].note or "names" in found[0].note
        with pytest.raises(TryLater):
            BlueskyFirehose().context(REF, options, NET)


@pytest.mark.parametrize("setting", ["api", "plc"])
def test_an_address_in_the_settings_that_is_none_is_said(setting: str) -> None:
    with http_server(lambda r: respond(r, 400, orjson.dumps({"error": "RecordNotFound"}))) as url:
        options = replace(BlueskyFirehose.Options(api=url, plc=url), **{setting: "ftp://x"})  # type: ignore[arg-type]
        with pytest.raises(BadInput, match="ftp://x"):
            BlueskyFirehose().check([REF], options, NET)


def test_what_is_asked_is_escaped() -> None:
    seen: list[dict[str, list[str]]] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append(parse_qs(urlsplit(request.path).query))
        respond(request, 200, b"{}")

    with http_server(answer) as url:
        state("at://did:web:example.com%3A3000/app.bsky.feed.post/self~1", BlueskyFirehose.Options(api=url, plc=url))
    assert seen == [{"repo": ["did:web:example.com%3A3000"], "collection": ["app.bsky.feed.post"], "rkey": ["self~1"]}]


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.server
def test_a_picture_comes_from_the_server_that_keeps_the_account(pds: Pds) -> None:
    options, writer, sent = real(pds), pds.writer(), octets(photograph(60, 60))
    ref = writer.post("画像つき", images=[sent]).uri
    image = pds.record(ref)["value"]["embed"]["images"][0]["image"]["ref"]["$link"]

    def picture(ref: str, image: str) -> bytes | None:
        return BlueskyFirehose().picture(ref, image, options, NET, limit_bytes=1_000_000)

    assert isinstance(BlueskyFirehose(), KeepsPictures)
    assert picture(ref, image) == sent
    other = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    assert picture(ref, other) is None
    assert picture("https://e.example/1", image) is None
    with pytest.raises(TryLater, match="does not know"):  # the directory may be behind
        picture(REF, image)
    pds.takedown(writer.did)
    assert picture(ref, image) is None


@pytest.mark.parametrize("body", [b"another picture", b""])
def test_another_picture_than_the_post_names_is_refused(body: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.startswith("/did:plc:"):
            home = {"id": "#atproto_pds", "serviceEndpoint": f"http://{handler.headers['Host']}"}
            respond(handler, 200, orjson.dumps({"id": DID, "service": [home]}))
        else:
            respond(handler, 200, body, Content_Type="image/png")

    image = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
    with http_server(answer) as url:
        options = BlueskyFirehose.Options(api=url, plc=url)
        with pytest.raises(Refused, match="another picture"):
            BlueskyFirehose().picture(REF, image, options, NET, limit_bytes=1000)
