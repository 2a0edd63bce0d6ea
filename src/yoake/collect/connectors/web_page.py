from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from yoake.collect.connector import Context, Known, Liveness, Page, Skip
from yoake.collect.manners import Manners
from yoake.collect.net import Net
from yoake.collect.web import GONE, PAGE_BYTES, check_pages, post_of_page, read_anew
from yoake.errors import Refused, TryLater
from yoake.tables.posts import posts_batch

__all__ = ["WebPage"]


class WebPage:
    """One page of the web as one post, for what people add or report. No script of it is run, nothing in it is loaded."""

    title = {"ja": "ウェブページ（1件）", "en": "One web page"}
    live = False
    cursor_of = ("url",)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that is one page.

        Args:
            url: the page's address.
            user_agent: a name to ask under, for a page run by suspects; empty: our own, with the contact.
            proxy: name of the secret that holds the address of an HTTP proxy to ask through; empty: none.
        """

        url: str = ""
        user_agent: str = ""
        proxy: str = ""

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """The page as it is now; the cursor is when it was read, and nothing is read after that."""
        if cursor is not None:
            yield Page(cursor=cursor, seen_until=net.now())
            return
        net = net.disguised(user_agent=options.user_agent, proxy=options.proxy)
        manners = Manners(net)
        if (yield from manners.rest(options.url, None)):
            return
        response = manners.get(options.url, limit_bytes=PAGE_BYTES)
        if response.status in GONE:
            raise Refused(f"{options.url} answers {response.status}: there is no such page any more.")
        if response.status != 200:
            raise TryLater(f"{options.url} answers {response.status}; trying again later.", after_s=300)
        now = net.now()
        row, notes = post_of_page(response, now)
        skipped = tuple(Skip(note, options.url[:120], kept=row is not None) for note in notes)
        yield Page(posts_batch([row] if row else []), skipped=skipped, cursor=now.isoformat(), seen_until=now)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks for each page; a post's native_id is its address."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """Asks for each page, if it changed; compares what it says now with the known version."""
        return check_pages(known, net.disguised(user_agent=options.user_agent, proxy=options.proxy))

    def read(self, ref: str, options: Options, net: Net) -> pa.RecordBatch:
        """The page as it is now; no row when it is not there."""
        row = read_anew(ref, net.disguised(user_agent=options.user_agent, proxy=options.proxy))
        return posts_batch([row] if row else [])

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """Nothing: a page stands alone."""
        return Context(posts_batch([]), posts_batch([]))
