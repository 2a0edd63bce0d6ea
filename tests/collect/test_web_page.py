from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest

from tests.collect.loopback import NOON, Clock, http_server, posts, respond, skips
from tests.servers.proxy import Proxy, proxy_server
from tests.servers.site import Answer, Site, page, site_server
from yoake.collect.connector import Known, Liveness, NoticesEdits, Page
from yoake.collect.connectors.web_page import WebPage
from yoake.collect.hosts import Hosts
from yoake.collect.keys import Keys
from yoake.collect.net import Denied, Net
from yoake.errors import BadInput, Refused, TryLater


def outside() -> Net:
    """A process of its own: what is known of hosts is not shared between tests, which get the same ports again."""
    return Net(allow_private=True, clock=Clock())


def read(url: str, cursor: str | None = None, net: Net | None = None) -> list[Page]:
    return list(WebPage().pages(WebPage.Options(url), cursor, net or outside()))


def check(*known: Known, net: Net | None = None) -> list[Liveness]:
    return WebPage().check_known(known, WebPage.Options(), net or outside())


def test_a_page_becomes_one_post() -> None:
    head = '<meta property="og:site_name" content="架空掲示板"><meta property="og:image" content="/a.png">'
    with site_server() as site:
        url = site.put("/item?id=7&utm_source=mail", page("急募", "日給三万円\n誰でも", head))
        (only,) = read(url)
        (post,) = posts([only])
        assert (post["network"], post["native_id"], post["url"]) == (
            "web",
            f"{site.address}/item?id=7",
            post["native_id"],
        )
        assert (post["text"], post["author_name"], post["lang"]) == ("急募\n日給三万円\n誰でも", "架空掲示板", "ja")
        assert [image["ref"] for image in post["images"]] == [f"{site.address}/a.png"]
        assert (post["seen_at"], post["posted_at"], only.seen_until) == (NOON, None, NOON)
        assert skips([only]) == []
        again = read(url, only.cursor)
        assert (posts(again), again[-1].cursor) == ([], only.cursor)
        assert site.pages_asked() == ["/item?id=7&utm_source=mail"]


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("/jobs/1", "/jobs/1"),
        ("http://127.0.0.1:1/jobs/1", "http://127.0.0.1:1/jobs/1"),
        ("https://innocent.example/jobs/1", ""),
        ("/", ""),  # "everything here is the front page" would make one post of many
        ("javascript:alert(1)", ""),
        ("http://[", ""),
    ],
)
def test_an_item_has_one_address_and_may_not_take_anothers(claimed: str, kept: str) -> None:
    with site_server() as site:
        url = site.put("/j?id=1", page("仕事", "本文", f'<link rel="canonical" href="{claimed}">'))
        (post,) = posts(read(url))
        expected = kept if kept.startswith("http") else site.address + (kept or "/j?id=1")
        assert post["native_id"] == expected


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"%PDF-1.7", "application/pdf", "not_a_page"),
        (b"<script>render()</script>", "text/html", "no_text"),
        (b"", "text/html", "no_text"),
    ],
)
def test_what_cannot_be_read_is_counted(body: bytes, kind: str, reason: str) -> None:
    with site_server() as site:
        url = site.put("/a", body, kind)
        pages = read(url)
        assert posts(pages) == []
        assert skips(pages) == [(reason, url, False)]
        assert pages[-1].cursor is not None


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Refused), (410, Refused), (401, Denied), (403, Denied), (500, TryLater), (429, TryLater)],
)
def test_a_page_that_does_not_come(status: int, error: type[Exception]) -> None:
    with site_server() as site, pytest.raises(error):
        read(site.say("/a", status))


def test_settings() -> None:
    for url in ("", "ftp://a.example/", "a.example"):
        with pytest.raises(BadInput):
            read(url)


def test_robots_and_login_walls_need_a_person() -> None:
    with site_server() as site:
        site.put("/robots.txt", "User-agent: *\nDisallow: /no", "text/plain")
        site.put("/no", page("a", "b"))
        site.turn("/in", "/login")
        with pytest.raises(Refused, match="open it by hand"):
            read(f"{site.address}/no")
        with pytest.raises(Refused, match="only to those who sign in"):
            read(f"{site.address}/in")


def test_a_page_run_by_suspects_is_read_under_another_name_and_by_another_way() -> None:
    with site_server() as site, proxy_server(Proxy()) as proxy:
        site.put("/a", page("急募", "本文"))
        net = Net(clock=Clock(), keys=Keys(given={"way_out": proxy.address}))
        address = site.address.replace("127.0.0.1", "suspect.example")
        options = WebPage.Options(f"{address}/a", user_agent="Mozilla/5.0", proxy="way_out")
        (post,) = posts(list(WebPage().pages(options, None, net)))
        assert post["url"] == f"{address}/a"
        assert WebPage().check([f"{address}/a"], options, net)[0].state == "up"
        assert site.agents == {"Mozilla/5.0"}
        assert len(proxy.seen) == len(site.asked)


# --- is it still there? -----------------------------------------------------------------------------------------------


def test_up_and_edited_are_told_apart_and_asked_for_conditionally() -> None:
    assert isinstance(WebPage(), NoticesEdits)
    with site_server() as site:
        url = site.put("/a", page("急募", "日給三万円"))
        (post,) = posts(read(url))
        (first,) = check(Known(url, post["content_hash"]))
        assert (first.ref, first.state, first.content_hash, first.checked_at) == (url, "up", post["content_hash"], NOON)
        (second,) = check(Known(url, first.content_hash, first.stamp))
        assert (second.state, second.content_hash, second.stamp) == ("up", first.content_hash, first.stamp)
        assert site.asked[-1] == "/a 304"
        site.put("/a", page("急募", "日給三万円").replace("<p>", '<p class="new">'))
        assert check(Known(url, first.content_hash, first.stamp))[0].state == "up"  # other octets, the same text
        site.put("/a", page("急募", "募集は終わりました"))
        (edited,) = check(Known(url, first.content_hash, first.stamp))
        assert edited.state == "edited"
        assert edited.content_hash not in ("", first.content_hash)
        assert (
            WebPage().check([url], WebPage.Options(), outside())[0].state == "up"
        )  # who knows no version sees no edit
        site.put("/a", b"<script>x</script>")
        assert check(Known(url, first.content_hash))[0].state == "edited"


@pytest.mark.parametrize(
    ("status", "state"),
    [(404, "removed"), (410, "removed"), (451, "removed_by_provider"), (401, "unchecked"), (403, "unchecked"),
     (500, "unreachable"), (503, "unreachable"), (418, "unreachable")],
)  # fmt: skip
def test_what_a_status_says(status: int, state: str) -> None:
    with site_server() as site:
        url = site.say("/a", status)
        (found,) = check(Known(url, "0" * 64))
        assert (found.state, found.content_hash, found.stamp) == (state, "", "")
        assert found.note


def test_what_leads_elsewhere() -> None:
    with site_server() as site, site_server() as other:
        site.turn("/a", "/login?back=/a")
        site.turn("/b", "/")  # many boards lead expired items to their front page; that proves nothing
        site.turn("/c", "/c/", 301)
        site.put("/c/", page("仕事", "本文"))
        site.put("/", page("一覧", "仕事一覧"))
        site.turn("/d", f"{other.address}/x")
        other.put("/x", page("a", "b"))
        found = check(*(Known(f"{site.address}/{name}") for name in "abcd"))
        assert [one.state for one in found] == ["unchecked", "unchecked", "up", "unchecked"]
        assert "open it by hand" in found[1].note


def test_unchanged_somewhere_else_says_nothing_about_the_page() -> None:
    """A front page that honours the validators of an item which leads there."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == "/a":
            respond(request, 302, Location="/")
        else:
            respond(request, 304 if request.headers["If-Modified-Since"] else 404)

    stamp = '["", "Fri, 20 Nov 2026 03:00:00 GMT"]'
    with http_server(answer) as url:
        away, here = check(Known(f"{url}/a", "0" * 64, stamp), Known(f"{url}/b", "0" * 64, stamp))
    assert (away.state, here.state) == ("unchecked", "up")
    assert "open it by hand" in away.note


def test_nothing_is_claimed_of_what_was_not_asked() -> None:
    with site_server() as site:
        site.put("/robots.txt", "User-agent: *\nDisallow: /a", "text/plain")
        url = site.put("/a", page("a", "b"))
        (found,) = check(Known(url))
        assert (found.state, site.pages_asked()) == ("unchecked", [])
        site.put("/b", page("a", "b"))
        busy = Net(allow_private=True, hosts=Hosts({"*": 0.001}))
        waiting = check(*[Known(f"{site.address}/b")] * 3, net=busy)
        assert [one.state for one in waiting] == ["unchecked"] * 3  # the one turn went to robots.txt
        assert all(one.after_s > 100 for one in waiting)  # and when the next one comes is told
        site.say("/c", 429)
        (told,) = check(Known(f"{site.address}/c"))
        assert (told.state, told.after_s) == ("unchecked", 0.0)
    assert [one.state for one in check(Known("at://did:plc:x"), Known(url))] == ["unchecked", "unreachable"]
    (private,) = check(Known("http://10.0.0.1/"), net=Net())
    assert private.state == "unreachable"


@pytest.mark.parametrize("stamp", ["x", "[]", '["a"]', "1", "[1,2,3]", "{}"])
def test_a_stamp_nobody_knows_is_no_stamp(stamp: str) -> None:
    with site_server() as site:
        url = site.put("/a", page("a", "b"))
        assert check(Known(url, "", stamp))[0].state == "up"
        assert site.asked[-1] == "/a"


def test_the_site_is_a_site() -> None:
    with site_server(Site({"/x": Answer(b"y")})) as site:
        assert Net(allow_private=True).get(f"{site.address}/x").body == b"y"
        assert Net(allow_private=True).get(f"{site.address}/z").status == 404
