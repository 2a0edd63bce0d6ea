"""What one page of a file brings, while it is being read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from yoake.collect.connector import Page, Skip
from yoake.collect.lines import Line
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
