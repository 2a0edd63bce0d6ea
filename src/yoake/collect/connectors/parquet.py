from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from yoake.collect.clean import NAME_LIMIT
from yoake.collect.columns import Columns, zone_of
from yoake.collect.connector import Page, Skip
from yoake.collect.files import may_not, name_of, not_now, size_of
from yoake.collect.net import Net
from yoake.collect.posts_in_files import Batch, OfFile
from yoake.errors import BadInput

__all__ = ["ParquetFile"]

_FOOT_BYTES: Final = 65_536  # a file's end holds its own description: what it is known again by
_GROUP_BYTES: Final = 2 << 30
_HEADER_BYTES: Final = 100 << 20


class ParquetFile(OfFile):
    """Posts from a Parquet file, row group by row group, a page at a time.

    The cursor is the number of rows read and a fingerprint of the file's end: a file that was replaced is read from
    its beginning. Such a file does not grow.
    """

    title = {"ja": "Parquetファイル", "en": "Parquet file"}
    live = False

    @dataclass(frozen=True)
    class Options:
        """Settings of a source that is a Parquet file.

        Args:
            path: the file.
            platform: where the posts come from; a row's own `platform` goes before it. Empty: the file's name, and
                eight hex digits of its whole path.
            columns: which column is which field, as `field=column`; any other field is the column of its own name.
            time_zone: whose clock times without an offset are, such as Asia/Tokyo; empty: such times are left out.
            page_posts: how many rows make a page.
        """

        path: str = ""
        platform: str = ""
        columns: tuple[str, ...] = ()
        time_zone: str = ""
        page_posts: int = 2000

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Everything after `cursor`; ends at the end of the file."""
        if options.page_posts < 1:
            raise BadInput("page_posts", options.page_posts, "a page holds at least one row")
        if len(options.platform) > NAME_LIMIT:
            raise BadInput("platform", options.platform, f"a name of at most {NAME_LIMIT} characters")
        zone_of(options.time_zone)
        try:
            with _opened(options.path) as stream:
                yield from self._pages(options, stream, cursor, net)
        except PermissionError:
            raise may_not(options.path) from None
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise not_now(options.path, error) from None
            raise BadInput("path", options.path, f"a whole Parquet file ({str(error)[:100]})") from None

    def _pages(self, options: Options, stream: Any, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        foot = _print(stream)
        file = pq.ParquetFile(
            stream, thrift_string_size_limit=_HEADER_BYTES, thrift_container_size_limit=1_000_000, pre_buffer=False
        )
        columns = Columns(options.columns, file.schema_arrow.names, options.time_zone)
        row, skipped = _start(cursor, foot)
        network, before, told = f"file:{options.platform or name_of(options.path)}", 0, False
        for group in range(file.metadata.num_row_groups):
            about = file.metadata.row_group(group)
            if about.total_byte_size > _GROUP_BYTES:
                raise BadInput("path", options.path, f"row groups of at most {_GROUP_BYTES >> 30} GiB")
            if before + about.num_rows <= row:
                before += about.num_rows
                continue
            for batch in file.iter_batches(
                options.page_posts, [group], columns=list(columns.names.values()), use_threads=False
            ):
                unread = batch.slice(max(0, row - before))
                before += batch.num_rows
                if unread.num_rows == 0:
                    continue
                page = Batch(network, net.now(), skipped)
                for values in _rows(unread):
                    row += 1
                    page.take(columns.of_values(values, page.now), f"row {row}")
                yield page.page(f"{row}:{foot}")
                skipped, told = [], True
                if net.stopping:
                    return
        if not told:
            yield Batch(network, net.now(), skipped).page(f"{row}:{foot}")


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """The rows as Python values; b"" stands for what Python cannot hold (no UTF-8, a time beyond its calendar)."""
    for place, kind in enumerate(batch.schema.types):
        if pa.types.is_timestamp(kind) and kind.unit == "ns":  # a row may name a time finer than Python's
            column = batch.column(place).cast(pa.timestamp("us", kind.tz), safe=False)
            batch = batch.set_column(place, batch.schema.names[place], column)
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError):
        columns = {name: [_value(cell) for cell in batch.column(name)] for name in batch.schema.names}
        return [{name: values[row] for name, values in columns.items()} for row in range(batch.num_rows)]


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):
        return b""


def _opened(path: str) -> Any:
    if path == "-" or size_of(path) is None:
        raise BadInput("path", path, "the path of a file: Parquet is read from its end")
    return Path(path).open("rb")


def _print(stream: Any) -> str:
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _FOOT_BYTES))
    known = sha256(str(size).encode() + stream.read(_FOOT_BYTES)).hexdigest()[:16]
    stream.seek(0)
    return known


def _start(cursor: str | None, foot: str) -> tuple[int, list[Skip]]:
    """How many rows were read; of a file that was replaced none."""
    if cursor is None:
        return 0, []
    parts = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{16})", cursor)
    if parts is None:
        raise BadInput("cursor", cursor, "a number of rows and a fingerprint")
    if parts[2] != foot:
        return 0, [Skip("file_replaced", f"row {parts[1]}", kept=True)]
    return int(parts[1]), []
