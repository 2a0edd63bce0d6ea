from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yoake.collect.clean import NAME_LIMIT
from yoake.collect.connector import Page, Skip
from yoake.collect.files import KnownFile, line_breaks, name_of, size_of
from yoake.collect.lines import LineReader, opened, read_line
from yoake.collect.net import Net
from yoake.collect.posts_in_files import OfFile, lines_of
from yoake.errors import BadInput
from yoake.tables.posts import posts_batch, removals_batch

__all__ = ["JsonLines"]


class JsonLines(OfFile):
    """Posts from a file or pipe, one JSON object a line (docs/reference/score.md has the fields).

    The cursor is the byte offset after the last line read and a fingerprint of what stands before it: reading resumes
    exactly there, also when the file has grown, and begins anew when it was replaced. A pipe is read once, from where
    it stands. A line `{"id": ..., "removed": true}` reports a post as gone.
    """

    title = {"ja": "JSON Linesファイル", "en": "JSON lines file"}
    live = False

    @dataclass(frozen=True)
    class Options:
        """Settings of a source of JSON lines.

        Args:
            path: the file, a named pipe, or - for standard input.
            platform: where the posts come from; a line's own `platform` goes before it. Empty: the file's name, and
                eight hex digits of its whole path: two files of one name are two platforms.
            page_posts: how many lines make a page.
        """

        path: str = ""
        platform: str = ""
        page_posts: int = 2000

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Everything after `cursor`; ends at the end of the file."""
        if options.page_posts < 1:
            raise BadInput("page_posts", options.page_posts, "a page holds at least one line")
        if len(options.platform) > NAME_LIMIT:
            raise BadInput("platform", options.platform, f"a name of at most {NAME_LIMIT} characters")
        name = options.platform or name_of(options.path)
        with KnownFile(options.path, size_of(options.path)) as known:
            yield from self._pages(options, name, known, cursor, net)

    def _pages(
        self, options: Options, name: str, known: KnownFile, cursor: str | None, net: Net
    ) -> Generator[Page, None, None]:
        start, skipped = known.start(cursor)
        before: int | None = 0 if start == 0 else None  # lines before the page; counted only when somebody must be told
        with LineReader(lambda: opened(options.path, start), start=start) as reader:
            while not (reader.ended or net.stopping):
                page_start = reader.offset
                lines = lines_of(options.path, reader, options.page_posts)
                rows, removals, odd = _read(lines, name, net.now())
                if reader.ended and reader.rest is not None and reader.rest.strip():
                    # The last line has no line break: whole, or still being written? Half an object is no object.
                    last = _read([reader.rest], name, net.now())
                    if last[0] or last[1]:
                        reader.offset += reader.rest_bytes
                        rows, removals = rows + last[0], removals + last[1]
                        odd += [(len(lines), reason, kept) for _, reason, kept in last[2]]
                    else:
                        odd.append((len(lines), "half_line", False))
                elif reader.ended and reader.rest is None:
                    odd.append((len(lines), "too_long", False))
                if odd and before is None:
                    before = line_breaks(options.path, page_start)
                skipped += [Skip(reason, f"line {(before or 0) + place + 1}", kept) for place, reason, kept in odd]
                if before is not None:
                    before += len(lines)
                yield Page(
                    posts_batch(rows),
                    removals_batch(removals),
                    tuple(skipped),
                    known.cursor(reader.offset),
                    seen_until=net.now(),
                )
                skipped = []


def _read(
    lines: list[bytes | None], name: str, now: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[tuple[int, str, bool]]]:
    """Lines to posts, removals, and what was odd: place in `lines`, reason, whether the post was kept."""
    rows: list[dict[str, Any]] = []
    removals: list[dict[str, Any]] = []
    odd: list[tuple[int, str, bool]] = []
    for place, raw in enumerate(lines):
        if raw is not None and not raw.strip():
            continue
        line = read_line(raw, now)
        if line.post is not None:
            post = line.post
            post["network"] = f"file:{line.platform or name}"
            post["seen_at"] = now
            rows.append(post)
        elif line.removed:
            removals.append(
                {
                    "kind": "post",
                    "network": f"file:{line.platform or name}",
                    "native_id": str(line.id),
                    "state": "deleted_by_author",
                    "removed_at": now,
                }
            )
        else:
            odd.append((place, line.reason, False))
        if line.notes:
            odd += [(place, note, True) for note in line.notes]
    return rows, removals, odd
