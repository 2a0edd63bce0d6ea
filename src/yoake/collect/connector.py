"""The contract of a connector, and how to write one (docs/howto/connector.md walks through a whole file)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from yoake.collect.net import Busy, Net
from yoake.tables.posts import posts_batch, removals_batch


@dataclass(frozen=True)
class Skip:
    """One thing from the network that could not be read: counted and shown, never lost silently."""

    reason: (
        str  # a short kind for counting: not_json, no_id, no_text, not_utf8, too_long, unknown_record, future_time ...
    )
    where: str  # "line 17" or "cursor 1725911162329308": enough to find it again; never content
    kept: bool = False  # True: the post went on all the same (a future time was dropped, a NUL replaced)


@dataclass(frozen=True)
class Page:
    """What one step of a connector brought. A page may be empty: it then only moves the cursor or shows life."""

    posts: pa.RecordBatch = field(default_factory=lambda: posts_batch([]))  # schema POSTS
    removed: pa.RecordBatch = field(default_factory=lambda: removals_batch([]))  # schema REMOVALS
    skipped: tuple[Skip, ...] = ()
    cursor: str | None = None  # resumes *after* this page; None only before anything was read
    seen_until: datetime | None = None  # network time of the newest thing read: the lag behind live is now minus this


@dataclass(frozen=True)
class Liveness:
    """Whether a post is still there, as the network itself says."""

    ref: str  # native_id that was asked about
    # up, edited, deleted_by_author, removed_by_provider, removed (nobody says by whom), account_suspended, private,
    # unreachable, unchecked
    state: str
    checked_at: datetime
    note: str = ""
    content_hash: str = ""  # of what stands there now, where the check read it
    stamp: str = ""  # validators of what stands there now, for the next `Known`; "" where the network has none
    after_s: float = 0.0  # of `unchecked`: nobody was asked yet, and may be in so many seconds; 0: a person must look


def unanswered(ref: str, error: Exception, now: datetime) -> Liveness:
    """What is known of a post when asking about it failed: nothing. Where nothing went out, it can be asked soon."""
    if isinstance(error, Busy) and not error.asked:
        return Liveness(ref, "unchecked", now, str(error), after_s=max(1.0, error.after_s))
    return Liveness(ref, "unreachable", now, str(error))


@dataclass(frozen=True)
class Known:
    """What is known of a post that is to be checked."""

    ref: str  # native_id
    content_hash: str = ""  # of the version that people see here
    stamp: str = ""  # `Liveness.stamp` of the last check
    author: str = ""  # author_id of the post
    labels: tuple[str, ...] = ()  # of the version that people see here


@dataclass(frozen=True)
class Context:
    """What surrounds a post: enough to judge what one post alone does not show."""

    parents: pa.RecordBatch  # schema POSTS, oldest first
    recent: pa.RecordBatch  # schema POSTS, the author's newest posts, newest first
    profile: str = ""
    author_name: str = ""


class Connector(Protocol):
    """A network or file format.

    Write a file `collect/connectors/<name>.py` with one public class in `__all__`; it needs no edit elsewhere.
    The class has no state: everything comes in as arguments, so that one object serves every source and thread.

    Rules: `pages` is a plain generator that yields a page at least every second (it may be empty), so that stopping
    is prompt; its cursor resumes after the page; an edit is a post with the same native_id and new content. It may be
    closed at any yield. It raises `TryLater` when the other side is away, `Refused` when a person must act, `BadInput`
    for options that cannot work. It never sleeps (`net.wait` does, and returns True when the patrol stops), stores or
    prompts. Connecting may take longer than a second, but never five.
    """

    title: dict[str, str]  # {"ja": ..., "en": ...}
    live: bool  # True: never ends by itself; False: ends after the last page (a file)
    # job_board = True: what it brings are offers of jobs; its sources are marked so when they are added
    # restricted = {"ja": ..., "en": ...}: a sentence, what the service restricts; its sources stay off until an
    # administrator recorded that it permits this
    # cursor_of = ("url",): settings to which the cursor belongs; when people change one, reading begins as for a new source
    Options: type[Any]  # a frozen dataclass; its fields, with defaults, are the settings of a source

    def pages(self, options: Any, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Everything after `cursor` (None: from the beginning, or from now for a live network)."""
        ...

    def check(self, refs: Sequence[str], options: Any, net: Net) -> list[Liveness]:
        """Whether each post (native_id) is still up, in the order asked."""
        ...

    def context(self, ref: str, options: Any, net: Net) -> Context:
        """Thread, profile and recent posts around a post (native_id)."""
        ...


@runtime_checkable
class NoticesEdits(Protocol):
    """What a connector has besides where a check reads the post anew: it then compares, and asks only for what changed."""

    def check_known(self, known: Sequence[Known], options: Any, net: Net) -> list[Liveness]:
        """As `check`, and `edited` where the post is not the known version any more."""
        ...


@runtime_checkable
class Searches(Protocol):
    """What a connector has besides where its network is asked by words: a watch plan then says which words are due.

    The patrol calls `search` instead of `pages`, with one query after the other, and keeps a cursor for each.
    """

    search_quota: tuple[int, int]  # requests that the service allows at most: in 15 minutes, and in a day

    def search(self, query: str, options: Any, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """What was written after `cursor` (None: the newest page) and matches, oldest page first where there is a choice.

        Ends once everything was read. Each page with a cursor stands for one request: the patrol may let time pass
        before it takes the next, or close the generator and go on at that cursor another time. Otherwise as `pages`.
        """
        ...


@runtime_checkable
class KeepsPictures(Protocol):
    """What a connector has besides where a picture's `ref` is no address but the network's own id of it."""

    def picture(self, ref: str, image: str, options: Any, net: Net, *, limit_bytes: int) -> bytes | None:
        """The octets of a picture (`image`, its ref) of a post (`ref`, its native_id); None when it is not there."""
        ...
