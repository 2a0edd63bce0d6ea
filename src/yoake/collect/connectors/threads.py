from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from yoake.collect.backwards import Answer, Backwards, micros
from yoake.collect.clean import claimed_time
from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.net import Net
from yoake.collect.threads import API, MOST, Threads, post_of
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch

__all__ = ["ThreadsSearch"]

_OVERLAP: Final = timedelta(minutes=2)  # a post is found a little after it was written
_EVER: Final = datetime(2100, 1, 1, tzinfo=UTC)


class ThreadsSearch:
    """Posts on Threads that its keyword search finds, asked for again and again.

    The cursor tells how far each query was read, also within a round, which goes from the newest post back.
    """

    title = {"ja": "Threads（検索）", "en": "Threads (search)"}
    live = True
    restricted = {
        "ja": "MetaのThreads APIは、アプリ審査での承認と利用目的の説明を条件とし、利用者の監視への利用を禁じています。"
        "この用途を審査で説明し、認められてから使ってください。",
        "en": "Meta's terms for the Threads API require an app review of the purpose and forbid using its data for surveillance. "
        "Describe this use in the review, and begin when Meta has allowed it.",
    }
    search_quota = (200, 2_200)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that searches Threads.

        Args:
            queries: what is searched for: one keyword or topic each.
            search_type: RECENT (newest first) or TOP (what is popular; of it one page each time).
            search_mode: KEYWORD, or TAG for topic tags.
            key: name of the secret that holds the access token.
            every_s: seconds between two rounds of all queries.
            searches_per_day: searches in 24 hours, of 2,200 that Threads allows a user.
            api: where the API answers.
        """

        queries: tuple[str, ...] = ()
        search_type: str = "RECENT"
        search_mode: str = "KEYWORD"
        key: str = "threads_token"
        every_s: float = 600.0
        searches_per_day: int = 2_000
        api: str = API

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What each query finds after the cursor; without one, its newest page and what follows."""
        if not options.queries:
            raise BadInput("queries", options.queries, "at least one keyword, such as: 闇バイト")
        if options.every_s < 30:
            raise BadInput("every_s", options.every_s, "at least thirty seconds: searches are few")
        yield from _backwards(options, options.queries, cursor, net).rounds(options.every_s)

    def search(self, query: str, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What one query finds after the cursor, then ends; without a cursor, its newest page."""
        yield from _backwards(options, (query,), cursor, net).once(query)

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """The API shows an app only posts of its own users: whether others are up, a person must look."""
        return [Liveness(ref, "unchecked", net.now(), "Threads' API does not say; open it and look") for ref in refs]

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """The API tells nothing about what surrounds a post of somebody else."""
        return Context(posts_batch([]), posts_batch([]))

    def picture(self, ref: str, image: str, options: Options, net: Net, *, limit_bytes: int) -> bytes | None:
        """None: the API gives addresses of pictures with what it finds only, and they are not lasting."""
        return None


def _backwards(options: ThreadsSearch.Options, queries: Sequence[str], cursor: str | None, net: Net) -> Backwards:
    for query in queries:
        if not query.strip() or len(query) > 200:
            raise BadInput("queries", query, "1 to 200 characters each")
    if options.search_type not in ("RECENT", "TOP"):
        raise BadInput("search_type", options.search_type, "RECENT or TOP")
    if options.search_mode not in ("KEYWORD", "TAG"):
        raise BadInput("search_mode", options.search_mode, "KEYWORD or TAG")
    if not 1 <= options.searches_per_day <= 2_200:
        raise BadInput("searches_per_day", options.searches_per_day, "1 to 2,200")
    api = Threads(options.api, options.key, options.searches_per_day, net)

    def ask(query: str, since: datetime | None, until: datetime | None) -> Answer:
        asked: dict[str, Any] = {"search_type": options.search_type, "search_mode": options.search_mode}
        for name, at in (("since", since), ("until", until)):
            if at is not None:
                asked[name] = int(at.timestamp())
        return _answer(api.search(query, asked), net.now(), newest_first=options.search_type == "RECENT")

    return Backwards(queries, cursor, ask, net, step=timedelta(seconds=1), overlap=_OVERLAP)


def _answer(found: list[Any], now: datetime, *, newest_first: bool) -> Answer:
    answer = Answer(more=newest_first and len(found) >= MOST)
    for media in found:
        ident = str(media.get("id", ""))[:40] if isinstance(media, dict) else ""
        where = f"id {ident}" if ident.isdecimal() else "a post without id"
        row, notes = post_of(media, now)
        if row is None:
            answer.skipped.append(Skip(notes[0], where))
        else:
            answer.rows.append(row)
            answer.skipped += [Skip(note, where, kept=True) for note in notes]
        at = claimed_time(media.get("timestamp"), _EVER, []) if isinstance(media, dict) else None
        if at is not None:
            answer.times_us.append(micros(at))
    return answer
