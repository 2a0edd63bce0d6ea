"""The connectors of the shelf, each with a server (or file) of its own, as the table of faults sees them.

A connector joins test_faults.py with a subclass of `World` here: how its server runs, its options, what it brings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from websockets.sync.server import ServerConnection

from tests.collect.loopback import NOON, socket_server
from tests.servers.appview.server import AppView
from tests.servers.jetstream import Jetstream, post_event
from tests.servers.mastodon.server import Mastodon
from tests.servers.misskey.server import Misskey
from tests.servers.nostr.relay import Author
from tests.servers.site import page, site_server
from tests.servers.threads.server import Threads
from tests.servers.x.server import X
from yoake.collect import backwards, x_searching
from yoake.collect.x import id_at

TEXTS = [f"投稿その{number}、くわしくは本文で" for number in range(6)]


class World:
    """One connector and where its posts come from.

    `texts` is what a whole reading brings, in order. A fault of `blind_to` cannot be told from a good answer by anybody.
    """

    name: ClassVar[str]  # on the shelf
    stream: ClassVar[bool] = False  # over a WebSocket
    blind_to: ClassVar[frozenset[str]] = frozenset()
    denied: ClassVar[str] = "unchecked"  # what a check says of a post that strangers may not ask for
    later: ClassVar[int] = 0  # of the first requests this one brings posts, where the first does not
    texts: list[str]

    def __init__(self) -> None:
        self.texts = list(TEXTS)

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        """Runs the server behind `address` (host:port, what the connector is told); gives the server's own port."""
        raise NotImplementedError

    def options(self, address: str) -> dict[str, Any]:
        """Settings of a source that reads it."""
        raise NotImplementedError

    def ref(self, address: str) -> str:
        """A post that can be asked for through the same address; "" where there is none."""
        return ""

    def odd(self) -> None:
        """From now on the server says things that nobody knows yet: fields, enum values, kinds of event."""
        raise NotImplementedError

    def again(self) -> None:
        """The server sends everything twice, in another order, and then one more post, which joins `texts`."""
        raise NotImplementedError

    def lost_cursor(self) -> str:
        """A cursor that is well-formed, and of which the server knows nothing (any more)."""
        raise NotImplementedError


class RssWorld(World):
    """A feed on a static site."""

    name = "rss"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with site_server() as self._site:
            self._order, self._more = list(range(len(self.texts))), ""
            self._put()
            yield int(self._site.address.rpartition(":")[2])

    def options(self, address: str) -> dict[str, Any]:
        return {"url": f"http://{address}/feed", "every_s": 60}

    def odd(self) -> None:
        self._more = '<x:new xmlns:x="u:x" kind="?">1<x:deep/></x:new><guid isPermaLink="perhaps">g</guid><enclosure/>'
        self._put()

    def again(self) -> None:
        self.texts.append("おくれて来た投稿")
        self._order = [*reversed(range(len(TEXTS))), *range(len(TEXTS)), len(TEXTS)]
        self._put()

    def lost_cursor(self) -> str:
        return '{"etag":"\\"gone\\"","modified":"Mon, 01 Jan 2001 00:00:00 GMT","read_at":0,"known":[]}'

    def _put(self) -> None:
        items = "".join(
            f"<item><link>https://board.example/{n}</link><title>{self.texts[n]}</title>"
            f"<pubDate>{format_datetime(NOON - timedelta(minutes=n))}</pubDate>{self._more}</item>"
            for n in self._order
        )
        self._site.put("/feed", f"<rss><channel>{items}</channel></rss>", "application/rss+xml")


class WebPageWorld(World):
    """One page of a static site."""

    name = "web_page"
    # a page cut in half that says it is whole, an error page that says it is the page, a page without words
    blind_to = frozenset({"half a page", "HTML where data was due", "nothing where data was due"})

    def __init__(self) -> None:
        self.texts = [f"題\n{TEXTS[0]}"]

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with site_server() as self._site:
            self._site.put("/a", page("題", TEXTS[0]))
            yield int(self._site.address.rpartition(":")[2])

    def options(self, address: str) -> dict[str, Any]:
        return {"url": f"http://{address}/a"}

    def ref(self, address: str) -> str:
        return f"http://{address}/a"

    def odd(self) -> None:
        told = page("題", TEXTS[0], '<meta property="new:kind" content="?"><link rel="unheard-of" href="::">')
        self._site.put("/a", told.replace("<p>", "<new-element future='1'>").replace("</p>", "</new-element>"))


class JobPostingWorld(World):
    """A job board: robots.txt, a sitemap, pages with JobPosting."""

    name = "job_posting"
    later = 3

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with site_server() as self._site:
            self._address, self._more = address, {}  # type: str, dict[str, Any]
            self._site.put("/robots.txt", f"User-agent: *\nSitemap: http://{address}/sitemap.xml", "text/plain")
            self._put([(n, "2026-11-19") for n in range(len(TEXTS))])
            yield int(self._site.address.rpartition(":")[2])

    def options(self, address: str) -> dict[str, Any]:
        return {"url": f"http://{address}/sitemap.xml", "delay_s": 0.0, "every_s": 600.0}

    def ref(self, address: str) -> str:
        return f"http://{address}/jobs/0"

    def odd(self) -> None:
        self._more = {
            "employmentType": None,
            "baseSalary": {"value": {"unitText": "MOON", "new": [[]]}},
            "new": {"@type": 1},
        }
        self._put(
            [(n, "2026-11-19") for n in range(len(TEXTS))],
            '<new:kind xmlns:new="u:x"/><changefreq>at times</changefreq>',
        )
        self._more = {}

    def again(self) -> None:
        self.texts.append("おくれて来た投稿")
        days = [(n, "2026-11-20") for n in reversed(range(len(TEXTS)))]
        self._put([*days, *days, (len(TEXTS), "2026-11-20")])

    def lost_cursor(self) -> str:
        return '{"kind":"urlset","etag":"\\"gone\\"","modified":"Mon, 01 Jan 2001 00:00:00 GMT"}'

    def _put(self, listed: list[tuple[int, str]], more: str = "") -> None:
        for number, text in enumerate(self.texts):
            told = {"@type": "JobPosting", "title": text, **self._more}
            data = f'<script type="application/ld+json">{orjson.dumps(told).decode()}</script>'
            self._site.put(f"/jobs/{number}", page("求人", "本文", data))
        entries = "".join(
            f"<url><loc>http://{self._address}/jobs/{n}</loc><lastmod>{day}</lastmod>{more}</url>" for n, day in listed
        )
        self._site.put("/sitemap.xml", f"<urlset>{entries}</urlset>", "application/xml")


class JetstreamWorld(World):
    """A Jetstream that replays and goes on."""

    name = "bluesky_jetstream"
    stream = True
    _did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
    _begin_us = 1_790_000_000_000_000

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with Jetstream() as self._server:
            self._at = self._begin_us
            self._push(*(post_event(self._did, f"r{n}", text, created_at=NOON) for n, text in enumerate(self.texts)))
            yield self._server.port

    def options(self, address: str) -> dict[str, Any]:
        return {"endpoints": (f"ws://{address}/subscribe",), "only_japanese": False, "api": f"http://{address}"}

    def odd(self) -> None:
        event = post_event(self._did, "odd", "新しい形の投稿", created_at=NOON)
        event["commit"]["record"] |= {
            "$new": [1],
            "embed": {"$type": "app.bsky.embed.unheardOf"},
            "langs": [7, "x" * 999],
        }
        self._push(
            {"did": self._did, "kind": "unheard-of"}, {"did": self._did, "kind": "commit", "commit": {"operation": "?"}}
        )
        self._push(event | {"new": 1})
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        events = [post_event(self._did, f"r{n}", text, created_at=NOON) for n, text in enumerate(TEXTS)]
        self._push(*reversed(events), *events, post_event(self._did, "late", "おくれて来た投稿", created_at=NOON))
        self.texts.append("おくれて来た投稿")

    def first_cursor(self) -> str:
        """A live network begins now; the table wants what is there already."""
        return str(self._begin_us)

    def lost_cursor(self) -> str:
        return str(self._begin_us - 10**12)

    def _push(self, *events: dict[str, Any]) -> None:
        self._server.push_many({**event, "time_us": self._at + n} for n, event in enumerate(events, 1))
        self._at += len(events)


class MastodonWorld(World):
    """A Mastodon server, asked page by page."""

    name = "mastodon"
    denied = "unreachable"  # its API is closed to strangers; the page of the post may be open to all

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with Mastodon() as self._server:
            port = int(self._server.url.rpartition(":")[2])
            self._server.url = f"http://{address}"
            self._who = self._server.account("hana")
            self._first, *_ = [self._server.post(self._who, text) for text in self.texts]
            yield port

    def options(self, address: str) -> dict[str, Any]:
        return {"instance": f"http://{address}", "every_s": 60.0, "only_japanese": False}

    def ref(self, address: str) -> str:
        return f"http://{address}/users/hana/statuses/{self._first}"

    def odd(self) -> None:
        more: dict[str, Any] = {
            "new": {"kind": "?"},
            "media_attachments": [{"type": "hologram", "url": 7}, 7],
            "poll": {"options": [7]},
        }
        self._server.post(self._who, "新しい形の投稿", **more, language="x" * 999, tags=[], card={"type": "?"})
        self._server.post(self._who, "見えない", visibility="unheard-of")
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._server.doubled = True
        self._server.post(self._who, "おくれて来た投稿")
        self.texts.append("おくれて来た投稿")

    def lost_cursor(self) -> str:
        return "1"


class MisskeyWorld(World):
    """A Misskey server: a stream, and pages by POST."""

    name = "misskey"
    stream = True
    denied = "unreachable"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with Misskey() as self._server:
            port = int(self._server.url.rpartition(":")[2])
            self._server.url = f"http://{address}"
            self._who = self._server.user("hana")
            self._first, *_ = [self._server.note(self._who, text) for text in self.texts]
            yield port

    def options(self, address: str) -> dict[str, Any]:
        return {"instance": f"http://{address}", "only_japanese": False}

    def ref(self, address: str) -> str:
        return f"http://{address}/notes/{self._first}"

    def odd(self) -> None:
        more: dict[str, Any] = {
            "new": {"kind": "?"},
            "files": [{"type": "x/hologram", "url": 7}, 7],
            "poll": {"choices": [7]},
        }
        self._server.note(self._who, "新しい形の投稿", **more, reactionAcceptance="unheard-of")
        self._server.note(self._who, "見えない", visibility="unheard-of")
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._server.newest_first = True
        self._server.note(self._who, "おくれて来た投稿")
        self.texts.append("おくれて来た投稿")

    def lost_cursor(self) -> str:
        return "0000000000"


class NostrWorld(World):
    """A relay that keeps what it was given."""

    name = "nostr"
    stream = True
    blind_to = frozenset({"half a page"})  # a stream has no length
    denied = "unreachable"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        self._url, self._at, self._author = f"ws://{address}", int(NOON.timestamp()) - 60, Author()
        self._stored = [self._author.event(text, at=self._at + n) for n, text in enumerate(self.texts)]
        with socket_server(self._talk) as url:
            yield int(url.rpartition(":")[2])

    def options(self, address: str) -> dict[str, Any]:
        return {"relays": (f"ws://{address}",), "only_japanese": False}

    def ref(self, address: str) -> str:
        return str(self._stored[0]["id"])

    def odd(self) -> None:
        tags = [["new", "?"], [], ["e"], ["imeta", "future"], ["l", "ja", "unheard-of"]]
        self._stored += [self._author.event("新しい形の投稿", at=self._at, tags=tags), {"kind": 1, "new": 1}]
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._stored = [
            *reversed(self._stored),
            *self._stored,
            self._author.event("おくれて来た投稿", at=self._at + 90),
        ]
        self.texts.append("おくれて来た投稿")

    def first_cursor(self) -> str:
        """A live network begins now; the table wants what is there already."""
        return orjson.dumps({self._url: self._at}).decode()

    def lost_cursor(self) -> str:
        return orjson.dumps({self._url: 0, "ws://relay.example": 7}).decode()

    def _talk(self, connection: ServerConnection) -> None:
        for raw in connection:
            told = orjson.loads(raw)
            if told[0] != "REQ":
                continue
            for asked in told[2:]:
                for event in self._stored:
                    named = event.get("id") in asked.get("ids", [event.get("id")])
                    past = asked.get("since", 0) <= event.get("created_at", self._at) <= asked.get("until", 1 << 40)
                    if named and past and event["kind"] in asked.get("kinds", [1]):
                        connection.send(orjson.dumps(["EVENT", told[1], event]).decode())
            connection.send(orjson.dumps(["EOSE", told[1]]).decode())


class XSearchWorld(World):
    """X's recent search."""

    name = "x_search"
    denied = "unreachable"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with X() as self._server:
            self._server.most_streams = 9
            self._who = self._server.user("hana_x")
            self._first, *_ = [self._server.post(self._who, text) for text in self.texts]
            yield self._server.port

    def options(self, address: str) -> dict[str, Any]:
        return {"api": f"http://{address}", "queries": ("投稿",), "posts_per_month": 0}

    def ref(self, address: str) -> str:
        return self._first

    def odd(self) -> None:
        self._server.odd = {"new": [{"kind": "?"}], "entities": {"urls": [7]}}
        more: dict[str, Any] = {"attachments": {"media_keys": [7, "3_9"]}, "lang": 7, "withheld": "?"}
        self._server.post(self._who, "新しい形の投稿", **more, referenced_tweets=[{"type": "unheard-of", "id": "1"}, 7])
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._server.doubled = True
        self._server.post(self._who, "おくれて来た投稿")
        self.texts.append("おくれて来た投稿")

    def lost_cursor(self) -> str:
        return orjson.dumps({x_searching.key_of("投稿"): [id_at(NOON - timedelta(days=90)), "", ""]}).decode()


class XStreamWorld(XSearchWorld):
    """X's filtered stream, and the search that catches up with it."""

    name = "x_stream"
    stream = True

    def options(self, address: str) -> dict[str, Any]:
        return {"api": f"http://{address}", "rules": ("投稿",)}

    def first_cursor(self) -> str:
        """A live network begins now; the table wants what is there already."""
        return id_at(NOON - timedelta(minutes=1))

    def lost_cursor(self) -> str:
        return id_at(NOON - timedelta(days=90))


class BlueskySearchWorld(World):
    """Bluesky's search, as a fake of the AppView has it."""

    name = "bluesky_search"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with AppView(public=True) as self._server:
            self._who = self._server.person("hana.example")
            for text in self.texts:
                self._server.post(self._who, text)
            yield self._server.port

    def options(self, address: str) -> dict[str, Any]:
        return {"service": f"http://{address}", "api": f"http://{address}", "queries": ("投稿",)}

    def odd(self) -> None:
        self._server.odd = {"new": [1], "threadgate": {"$type": "app.bsky.feed.unheardOf"}}
        self._server.post(self._who, "新しい形の投稿", embed={"$type": "app.bsky.embed.unheardOf"}, facets=[7])
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._server.shuffled = True
        self._server.post(self._who, "おくれて来た投稿")
        self.texts.append("おくれて来た投稿")

    def lost_cursor(self) -> str:
        return orjson.dumps({backwards.key_of("投稿"): [1, 0, 0]}).decode()


class ThreadsWorld(World):
    """Threads' keyword search."""

    name = "threads"

    @contextmanager
    def run(self, address: str) -> Iterator[int]:
        with Threads() as self._server:
            for text in self.texts:
                self._server.post("hana_x", text)
            yield self._server.port

    def options(self, address: str) -> dict[str, Any]:
        return {"api": f"http://{address}/v1.0", "queries": ("投稿",)}

    def odd(self) -> None:
        self._server.odd = {"new": [1], "media_type": "UNHEARD_OF"}
        self._server.post("hana_x", "新しい形の投稿", topic_tag={"new": 1})
        self.texts.append("新しい形の投稿")

    def again(self) -> None:
        self._server.twice = True
        self._server.post("hana_x", "おくれて来た投稿")
        self.texts.append("おくれて来た投稿")

    def lost_cursor(self) -> str:
        return orjson.dumps({backwards.key_of("投稿"): [1, 0, 0]}).decode()


class FileWorld(World):
    """A file, in the three formats."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__()
        self.file_name, self._path = name, folder / f"posts.{name}"
        rows = [{"id": str(number), "text": text} for number, text in enumerate(self.texts)]
        self.write(rows)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Puts rows into the file."""
        if self.file_name == "jsonl":
            self._path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        elif self.file_name == "csv":
            out = io.StringIO()
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            self._path.write_text(out.getvalue())
        else:
            pq.write_table(pa.Table.from_pylist(rows), self._path, row_group_size=2)

    def options(self, address: str) -> dict[str, Any]:
        return {"path": str(self._path), "platform": "p", "page_posts": 1}

    def odd(self) -> None:
        rows = [{"id": str(n), "text": text, "new": f"{n}", "lang": "unheard-of"} for n, text in enumerate(self.texts)]
        self.write(rows)


WORLDS: list[type[World]] = [
    RssWorld,
    WebPageWorld,
    JobPostingWorld,
    JetstreamWorld,
    MastodonWorld,
    MisskeyWorld,
    NostrWorld,
    XSearchWorld,
    XStreamWorld,
    BlueskySearchWorld,
    ThreadsWorld,
]
FILES = ["jsonl", "csv", "parquet"]
