from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from yoake.collect.connector import Context, Known, Liveness, Page
from yoake.collect.net import Net
from yoake.collect.x import API, RESTRICTED, Posts, X
from yoake.collect.x_searching import LEAST, MOST, Budget, Searching, read_cursor
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch

__all__ = ["XSearch"]

_LONGEST_QUERY = 4_096  # of the largest plans; X says where a plan has less


class XSearch:
    """Posts on X that recent search finds: the last seven days, asked for again and again.

    The cursor tells how far each query was read, also within a round, which goes from the newest post back.
    """

    title = {"ja": "X（検索）", "en": "X (search)"}
    live = True
    restricted = RESTRICTED
    search_quota = (60, 5_760)  # of the plan Basic; larger ones have 300 and 450 in 15 minutes

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that searches X.

        Args:
            queries: what is searched for, in X's own query language.
            key: name of the secret that holds the bearer token of the app.
            every_s: seconds between two rounds of all queries.
            posts_per_month: posts that the app's plan allows in a month, shared evenly by its days; 0: no cap.
            page_posts: posts of one answer, 10 to 100.
            api: where the API answers.
        """

        queries: tuple[str, ...] = ()
        key: str = "x_bearer"
        every_s: float = 60.0
        posts_per_month: int = 10_000
        page_posts: int = 100
        api: str = API

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What each query finds after the cursor; without one, its newest page and what follows."""
        if not options.queries:
            raise BadInput("queries", options.queries, "at least one query, such as: 闇バイト -is:retweet lang:ja")
        if options.every_s < 5:
            raise BadInput("every_s", options.every_s, "at least five seconds")
        yield from _searching(options, options.queries, cursor, net).rounds(options.every_s)

    def search(self, query: str, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What one query finds after the cursor, then ends; without a cursor, its newest page."""
        yield from _searching(options, (query,), cursor, net, patient=False).read(query)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Asks X for each post, a hundred at a time."""
        return self.check_known([Known(ref) for ref in refs], options, net)

    def check_known(self, known: Sequence[Known], options: Options, net: Net) -> list[Liveness]:
        """As `check`; a post counts as edited where X shows another version than the known one."""
        return Posts(_x(options, net)).check(known)

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The posts above, the author's newest posts and profile."""
        return Posts(_x(options, net)).context(ref)

    def read(self, ref: str, options: Options, net: Net) -> pa.RecordBatch:
        """The newest version of one post; no row when it is not there."""
        row = Posts(_x(options, net)).read(ref)
        return posts_batch([row] if row else [])


def _searching(
    options: XSearch.Options, queries: Sequence[str], cursor: str | None, net: Net, *, patient: bool = True
) -> Searching:
    for query in queries:
        if not query.strip() or len(query) > _LONGEST_QUERY:
            raise BadInput("queries", query, f"1 to {_LONGEST_QUERY} characters each")
    if not LEAST <= options.page_posts <= MOST:
        raise BadInput("page_posts", options.page_posts, f"{LEAST} to {MOST}")
    if options.posts_per_month < 0:
        raise BadInput("posts_per_month", options.posts_per_month, "posts a month, or 0 for no cap")
    stands = read_cursor(cursor)
    x = _x(options, net)
    budget = Budget(x, options.key, options.posts_per_month)
    return Searching(x, queries, stands, budget, page_posts=options.page_posts, patient=patient)


def _x(options: XSearch.Options, net: Net) -> X:
    return X(options.api, net.secret(options.key), net)
