"""What is alike in all connectors that read a file: a page while it is read, and the answers to questions about one post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from yoake.collect.connector import Context, Liveness, Page, Skip
from yoake.collect.files import may_not, not_now
from yoake.collect.lines import Line, LineReader
from yoake.collect.net import Net
from yoake.tables.posts import posts_batch, removals_batch


class Batch:
    """Posts, removals and skips of one page.

    Args:
        network: of posts that name no platform of their own.
        now: when the page is read.
        skipped: what is to be told before.
    """

    def __init__(self, network: str, now: datetime, skipped: Iterable[Skip] = ()) -> None:
        self._network, self.now = network, now
        self._rows: list[dict[str, Any]] = []
        self._removals: list[dict[str, Any]] = []
        self._skipped = list(skipped)

    def skip(self, reason: str, where: str, *, kept: bool = False) -> None:
        """Something that could not be read as it was."""
        self._skipped.append(Skip(reason, where, kept))

    def take(self, line: Line, where: str) -> None:
        """What one line, record or row held."""
        network = f"file:{line.platform}" if line.platform else self._network
        if line.post is not None:
            self._rows.append({**line.post, "network": network, "seen_at": self.now})
        elif line.removed:
            self._removals.append(
                {
                    "kind": "post",
                    "network": network,
                    "native_id": str(line.id),
                    "state": "deleted_by_author",
                    "removed_at": self.now,
                }
            )
        else:
            self.skip(line.reason, where)
        for note in line.notes:
            self.skip(note, where, kept=True)

    def page(self, cursor: str) -> Page:
        """The page."""
        return Page(
            posts_batch(self._rows), removals_batch(self._removals), tuple(self._skipped), cursor, seen_until=self.now
        )


class OfFile:
    """What a connector answers that reads a file: about a single post it can ask nobody."""

    def check(self, refs: Sequence[str], options: Any, net: Net) -> list[Liveness]:
        """A file cannot say whether a post is still up: all `unchecked`."""
        return [
            Liveness(ref, "unchecked", net.now(), "a file does not know whether its posts are still up") for ref in refs
        ]

    def context(self, ref: str, options: Any, net: Net) -> Context:
        """Nothing: what a file knows about a post stands in its record."""
        return Context(posts_batch([]), posts_batch([]))


def lines_of(path: str, reader: LineReader, count: int) -> list[bytes | None]:
    """The next lines of a file, `count` at most. Raises Refused where it may not be read, TryLater where it cannot be now."""
    try:
        return reader.batch(count, 1.0)
    except PermissionError:
        raise may_not(path) from None
    except OSError as error:
        raise not_now(path, error) from None
