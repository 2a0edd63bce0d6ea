from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collect.loopback import NOON, Clock, ClockNet, posts, removals, skips
from tests.servers.site import site_server
from yoake.collect.connector import Page
from yoake.collect.connectors.rss import Rss
from yoake.collect.feeds import read_feed
from yoake.collect.net import Denied, Net
from yoake.errors import BadInput, Refused, TryLater

URL = "https://board.example/feed"
RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:media="http://search.yahoo.com/mrss/">
<channel><title>架空掲示板</title><link>https://board.example/</link><language>ja</language>
<item><title>急募 &lt;b&gt;高収入&lt;/b&gt;</title><link>https://board.example/items/1?utm_source=rss</link>
<description>要約</description><content:encoded><![CDATA[<p>日給三万円</p><p>誰でも</p>]]></content:encoded>
<dc:creator>投稿者</dc:creator><pubDate>Fri, 20 Nov 2026 11:00:00 +0900</pubDate>
<guid isPermaLink="false">1</guid><enclosure url="/a.png" type="image/png" length="1"/>
<media:title>別の題</media:title></item>
<item><guid>https://board.example/items/2</guid><title>本文なし</title></item>
<item><guid isPermaLink="false">three</guid><description>住所のない投稿</description><pubDate>yesterday</pubDate></item>
<item><title>名なし</title></item>
<item><link>https://board.example/items/5</link></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://board.example/" xml:lang="ja"
 xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>t</title><id>urn:x</id>
<entry><id>tag:board.example,2026:1</id><title>1 &lt; 2</title><link rel="self" href="/self"/>
<link href="/items/1"/><link rel="enclosure" type="image/png" href="/a.png"/>
<author><name>投稿者</name><uri>https://board.example/u/1</uri></author><updated>2026-11-20T02:30:00Z</updated>
<published>2026-11-20T02:00:00Z</published>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>日給<b>三万</b>円</p><p>a &lt; b</p></div></content></entry>
<entry><id>tag:board.example,2026:2</id><title type="html">&lt;i&gt;題&lt;/i&gt;</title><summary>&lt;b&gt; は文字</summary></entry>
<at:deleted-entry ref="https://board.example/items/9" when="2026-11-20T00:00:00Z"/></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>t</title></channel>
<item rdf:about="https://board.example/items/1"><title>題</title><link>https://board.example/items/1</link>
<description>本文</description><dc:date>2026-11-20T11:00:00+09:00</dc:date></item></rdf:RDF>"""
JSON = orjson.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "t",
        "language": "ja",
        "authors": [{"name": "係", "url": "https://board.example/u/1"}],
        "items": [
            {"id": 1, "url": "/items/1", "title": "1 < 2", "content_html": "<p>日給</p>", "image": "https://b.example/i.png",
             "date_published": "2026-11-20T11:00:00+09:00"},
            {"id": "2", "content_text": "<b>は文字\n次の行"},
            {"id": "3"},
            "nonsense",
        ],
    }
)  # fmt: skip


def rows(body: str | bytes, kind: str = "text/xml") -> list[dict[str, Any]]:
    return read_feed(body.encode() if isinstance(body, str) else body, kind, URL, NOON).rows


def test_rss() -> None:
    feed = read_feed(RSS.encode(), "application/rss+xml", URL, NOON)
    first, second, third = feed.rows
    assert first["native_id"] == first["url"] == "https://board.example/items/1"
    assert first["text"] == "急募 高収入\n日給三万円\n誰でも"
    assert (first["author_name"], first["author_id"], first["lang"]) == ("投稿者", "", "ja")
    assert first["posted_at"] == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert first["images"] == [{"ref": "https://board.example/a.png", "alt": "", "mime": "image/png"}]
    assert (second["native_id"], second["text"]) == ("https://board.example/items/2", "本文なし")
    assert third["native_id"].endswith("/three")
    assert len(third["native_id"]) == 16 + len("/three")  # an id of this feed alone
    assert (third["url"], third["posted_at"]) == ("", None)
    assert [odd[:3] for odd in feed.skipped] == [
        ("bad_time", "item 3", True),
        ("no_id", "item 4", False),
        ("no_text", "item 5", False),
    ]


def test_atom() -> None:
    feed = read_feed(ATOM.encode(), "application/atom+xml", "https://www.board.example/atom", NOON)
    first, second = feed.rows
    assert (first["native_id"], first["text"]) == ("https://board.example/items/1", "1 < 2\n日給三万円\na < b")
    assert (first["author_name"], first["author_id"]) == ("投稿者", "https://board.example/u/1")
    assert first["posted_at"] == datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert first["images"][0]["ref"] == "https://board.example/a.png"
    assert (second["native_id"], second["text"]) == ("tag:board.example,2026:2", "題\n<b> は文字")
    assert (feed.removed, feed.skipped) == (["https://board.example/items/9"], [])


def test_what_a_feed_says_of_another_site_is_not_that_sites_post() -> None:
    """Else whoever writes a feed could put words under somebody else's address, and end the watch over it."""
    feed = read_feed(ATOM.encode(), "", "https://elsewhere.example/atom", NOON)
    other = read_feed(ATOM.encode(), "", "https://another.example/atom", NOON)
    named = read_feed(ATOM.encode(), "", URL, NOON)
    for first, second, third in zip(feed.rows, other.rows, named.rows, strict=True):
        assert len({first["native_id"], second["native_id"], third["native_id"]}) == 3
        assert first["native_id"][16:] == f"/{third['native_id']}"
        assert first["url"] == third["url"]  # a person opens the page
    assert (feed.removed, [odd.reason for odd in feed.skipped]) == ([], ["foreign_deletion"])
    sub, above = ("https://example.com/feed", "https://jobs.example.com/feed")
    link = "<rss><channel><item><link>https://{}/1</link><title>題</title></item></channel></rss>"
    assert read_feed(link.format("jobs.example.com").encode(), "", sub, NOON).rows[0]["native_id"][:5] == "https"
    assert read_feed(link.format("example.com").encode(), "", above, NOON).rows[0]["native_id"][:5] != "https"
    assert read_feed(link.format("notexample.com").encode(), "", sub, NOON).rows[0]["native_id"][:5] != "https"


def test_the_page_of_an_entry_about_another_site_is_asked_for() -> None:
    with site_server() as site:
        page = site.put("/there", "<html><body><p>本文</p></body></html>", "text/html")
        gone = f"{site.address}/gone"
        told = "".join(f"<item><link>{link}</link><title>題</title></item>" for link in (page, gone))
        rows = read_feed(f"<rss><channel>{told}</channel></rss>".encode(), "", URL, NOON).rows
        refs = [row["native_id"] for row in rows]
        assert not any(ref.startswith("http") for ref in refs)
        found = Rss().check(refs, Rss.Options(URL), Net(allow_private=True))
        assert [(one.ref, one.state) for one in found] == [(refs[0], "up"), (refs[1], "removed")]


def test_rss_1_0_and_json_feed() -> None:
    (first,) = rows(RDF)
    assert (first["native_id"], first["text"]) == ("https://board.example/items/1", "題\n本文")
    assert first["posted_at"] == datetime(2026, 11, 20, 2, tzinfo=UTC)
    feed = read_feed(JSON, "application/feed+json", URL, NOON)
    one, two = feed.rows
    assert (one["native_id"], one["text"], one["author_name"]) == ("https://board.example/items/1", "1 < 2\n日給", "係")
    assert one["images"][0]["ref"] == "https://b.example/i.png"
    assert (two["text"], two["native_id"][16:], two["lang"]) == ("<b>は文字\n次の行", "/2", "ja")
    assert [odd[:3] for odd in feed.skipped] == [("no_text", "item 3", False), ("wrong_type", "item 4", False)]


@pytest.mark.parametrize("encoding", ["shift_jis", "euc-jp", "utf-16"])
def test_feeds_in_other_encodings(encoding: str) -> None:
    body = RDF.replace("<rdf:RDF", f'<?xml version="1.0" encoding="{encoding}"?><rdf:RDF', 1).encode(encoding)
    assert rows(body)[0]["text"] == "題\n本文"


@pytest.mark.parametrize(
    "body",
    ["", "<html><body>maintenance</body></html>", "<!doctype html><p>x", RSS[:-30], '{"items": 1}', '{"version"', "[]",
     '<!DOCTYPE rss [<!ENTITY a "b">]><rss><item><title>&a;</title><guid>1</guid></item></rss>'],
)  # fmt: skip
def test_what_is_no_feed_is_met_again_later(body: str) -> None:
    with pytest.raises(TryLater, match=r"board\.example/feed"):
        rows(body)


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_an_entry_says_is_read_or_counted(title: str, link: str) -> None:
    item = {"id": link, "url": link, "title": title, "content_html": title, "date_published": title}
    feed = read_feed(orjson.dumps({"items": [item]}, option=orjson.OPT_NON_STR_KEYS), "", URL, NOON)
    assert len(feed.rows) + len([odd for odd in feed.skipped if not odd.kept]) == 1


@given(
    st.recursive(
        st.sampled_from(
            [
                "<title>a</title>",
                "<link/>",
                "<link href='x'/>",
                "<guid>g</guid>",
                "<pubDate>x</pubDate>",
                "t",
                "<id/>",
                "<author><name/></author>",
                "<enclosure url='//['/>",
                "<content type='xhtml'><p>x<b/>y</p></content>",
            ]
        ),
        lambda inner: st.builds(
            lambda parts, tag: f"<{tag}>{''.join(parts)}</{tag}>",
            st.lists(inner, max_size=4),
            st.sampled_from(["item", "entry", "channel", "image", "description"]),
        ),
        max_leaves=12,
    ),
    st.sampled_from(["rss", "feed xmlns='http://www.w3.org/2005/Atom'", "rdf"]),
)
def test_whatever_xml_comes_is_read_or_counted_or_no_feed(inner: str, root: str) -> None:
    feed = read_feed(f"<{root}>{inner}</{root.split(maxsplit=1)[0]}>".encode(), "text/xml", URL, NOON)
    assert all(row["native_id"] and row["text"] for row in feed.rows)


@given(st.binary(max_size=300))
def test_whatever_octets_come_are_no_feed(body: bytes) -> None:
    with pytest.raises(TryLater):
        read_feed(body, "", URL, NOON)


def items(*numbers: int, edited: int = 0) -> str:
    told = "".join(
        f"<item><link>https://board.example/{n}</link><title>投稿{n}{'（改）' if n == edited else ''}</title>"
        f"<pubDate>{format_datetime(NOON - timedelta(hours=n))}</pubDate></item>"
        for n in numbers
    )
    return f"<rss><channel>{told}</channel></rss>"


def texts(pages: list[Page]) -> list[str]:
    return [row["text"] for row in posts(pages)]


def read(url: str, cursor: str | None, count: int, clock: Clock | None = None) -> list[Page]:
    """The pages of the next `count` questions."""
    net = ClockNet(clock or Clock())
    found: list[Page] = []
    for page in Rss().pages(Rss.Options(url, every_s=60), cursor, net):
        found.append(page)
        if page.seen_until is not None and (count := count - 1) == 0:
            break
    return found


def test_a_feed_is_asked_conditionally_and_every_version_comes_once() -> None:
    with site_server() as site:
        url = site.put("/feed", items(3, 2, 1))
        clock = Clock()
        first = read(url, None, 2, clock)
        assert texts(first) == ["投稿3", "投稿2", "投稿1"]
        assert site.pages_asked() == ["/feed", "/feed"]
        assert site.asked[-1] == "/feed 304"
        assert len(first) == 2 + 60  # shows life every second
        site.put("/feed", items(4, 3, 2, edited=2))
        assert texts(read(url, first[-1].cursor, 1, clock)) == ["投稿4", "投稿2（改）"]


def test_a_new_patrol_does_not_ask_sooner_for_it() -> None:
    with site_server() as site:
        url = site.put("/feed", items(1))
        clock = Clock()
        cursor = read(url, None, 1, clock)[-1].cursor
        clock.at += timedelta(seconds=20)
        pages = read(url, cursor, 1, clock)
        assert len(pages) == 41
        clock.at -= timedelta(days=3)  # set back: not asked for three days? a minute at most
        assert len(read(url, pages[-1].cursor, 1, clock)) == 61


def test_skips_are_told_once() -> None:
    with site_server() as site:
        url = site.put("/feed", RSS, "text/xml", stamped=False)
        pages = read(url, None, 3)
        assert len(posts(pages)) == 3
        assert len(skips(pages)) == 3


def test_a_deleted_entry_is_a_removal() -> None:
    with site_server() as site:
        own = f'<at:deleted-entry ref="{site.address}/items/9" when="2026-11-20T00:00:00Z"/></feed>'
        pages = read(site.put("/feed", ATOM.replace("</feed>", own), stamped=False), None, 2)
        assert [(row["native_id"], row["state"]) for row in removals(pages)] == [(f"{site.address}/items/9", "removed")]
        # a feed says nothing about another site's pages: else whoever is watched could end the watch
        assert ("foreign_deletion", "after item 2", False) in skips(pages)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 6), max_size=5, unique=True), min_size=1, max_size=4), st.data())
def test_resuming_anywhere_is_reading_once(states: list[list[int]], data: st.DataObject) -> None:
    """Killed after any question, a patrol goes on with the cursor, and the same posts arrive."""

    def run(stop_after: set[int]) -> list[str]:
        clock, cursor, found = Clock(), None, []
        with site_server() as site:
            pages: Any = iter(())
            for number, state in enumerate(states):
                url = site.put("/feed", items(*state))
                if number == 0 or number in stop_after:
                    pages = Rss().pages(Rss.Options(url, every_s=60), cursor, ClockNet(clock))
                got = next([page] for page in pages if page.seen_until is not None)
                cursor = got[-1].cursor
                found += texts(got)
        return found

    cuts = data.draw(st.sets(st.integers(1, 3)))
    assert run(cuts) == run(set())


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Refused), (410, Refused), (401, Denied), (403, Denied), (500, TryLater), (429, TryLater)],
)
def test_a_feed_that_does_not_come(status: int, error: type[Exception]) -> None:
    with site_server() as site, pytest.raises(error):
        read(site.say("/feed", status), None, 1)


def test_settings_and_cursor_are_checked() -> None:
    for options in (Rss.Options("https://a.example/", every_s=59), Rss.Options("ftp://a.example/"), Rss.Options()):
        with pytest.raises(BadInput):
            list(Rss().pages(options, None, Net()))
    for cursor in ("x", "{}", "[]", '{"etag":1,"modified":"","read_at":0,"known":[]}'):
        with pytest.raises(BadInput):
            list(Rss().pages(Rss.Options("https://a.example/"), cursor, Net()))


def test_stopping_is_prompt() -> None:
    with site_server() as site:
        url = site.put("/feed", items(1))
        clock = Clock()
        net = ClockNet(clock, stop_at=clock.at + timedelta(seconds=5))
        assert len(list(islice(Rss().pages(Rss.Options(url), None, net), 100))) == 5


def test_check_asks_for_the_entries_pages() -> None:
    with site_server() as site:
        up = site.put("/1", "<p>x</p>")
        found = Rss().check([up, f"{site.address}/2", "tag:x,2026:1"], Rss.Options(), Net(allow_private=True))
        assert [one.state for one in found] == ["up", "removed", "unchecked"]
        assert Rss().context(up, Rss.Options(), Net()).recent.num_rows == 0
