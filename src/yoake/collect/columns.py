"""Columns of a table (CSV, Parquet) as the fields of a post: which stands for which, and whose clock its times are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from yoake.collect.lines import Line, read_fields
from yoake.errors import BadInput

FIELDS: Final = [
    "id",
    "text",
    "author",
    "profile",
    "parent_text",
    "platform",
    "lang",
    "url",
    "posted_at",
    "labels",
    "images",
    "removed",
]  # of a line of JSON (docs/reference/score.md)
_LISTS: Final = {"labels": ";", "images": None}  # how several stand in one cell; None: white space
_YES: Final = ("1", "true", "yes", "t", "y")
COLUMNS_ARE: Final = "field=column words, such as id=番号,text=本文"


class Columns:
    """Which column holds which field.

    Args:
        told: words `field=column`; any other field is taken from the column of its own name, if there is one.
        header: names of the columns, in their order.
        time_zone: whose clock times without an offset are, such as Asia/Tokyo; "": nobody's, they are left out.
        time_format: how times are written, as strptime reads it; "": ISO 8601.

    Raises:
        BadInput: an unknown field or column, no column for `id` or `text`, a name twice, no such time zone.
    """

    def __init__(self, told: Sequence[str], header: Sequence[str], time_zone: str = "", time_format: str = "") -> None:
        named = {}
        for word in told:
            field, _, column = word.partition("=")
            if field not in FIELDS or column not in header:
                raise BadInput("columns", word, f"{COLUMNS_ARE}; its columns are {_listed(header)}")
            named[field] = column
        names = {field: named.get(field, field) for field in FIELDS if field in named or field in header}
        for field in ("id", "text"):
            if field not in names:
                raise BadInput(
                    "columns", tuple(told), f"say which column is {field}: its columns are {_listed(header)}"
                )
        for name in names.values():
            if list(header).count(name) > 1:
                raise BadInput("columns", name, "a name that only one column has")
        self.names = names
        self._places = [(field, list(header).index(name)) for field, name in names.items()]
        self._zone, self._format = zone_of(time_zone), time_format

    def of_cells(self, cells: Sequence[str], now: datetime) -> Line:
        """A row of texts, one for each column; an empty cell says nothing."""
        fields: dict[str, Any] = {}
        for field, place in self._places:
            cell = cells[place].strip() if field != "text" else cells[place]
            if cell:
                fields[field] = cell.split(_LISTS[field]) if field in _LISTS else cell
        if "labels" in fields:
            fields["labels"] = [label.strip() for label in fields["labels"] if label.strip()]
        return self._read(fields, now)

    def of_values(self, values: dict[str, Any], now: datetime) -> Line:
        """A row of values by column name, as Arrow gives them; None says nothing."""
        fields = {field: value for field, name in self.names.items() if (value := values.get(name)) is not None}
        return self._read(fields, now)

    def _read(self, fields: dict[str, Any], now: datetime) -> Line:
        if "removed" in fields:
            told = fields["removed"]
            fields["removed"] = told is True or str(told).strip().lower() in _YES
        if "posted_at" in fields:
            fields["posted_at"] = self._time(fields["posted_at"])
        return read_fields(fields, now)

    def _time(self, told: Any) -> str:
        """A time as ISO 8601, with its offset where that is known; what is no time stays as it is."""
        try:
            if isinstance(told, datetime):
                at = told
            elif isinstance(told, date):
                at = datetime(told.year, told.month, told.day)
            else:
                text = str(told).strip()
                at = datetime.strptime(text, self._format) if self._format else datetime.fromisoformat(text)
        except ValueError:
            return str(told)
        if at.tzinfo is None and self._zone is not None:
            at = at.replace(tzinfo=self._zone)
        return at.isoformat()


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone by name; None for "". Raises BadInput."""
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        raise BadInput("time_zone", name, "a name such as Asia/Tokyo") from None


def _listed(header: Sequence[str]) -> str:
    return ", ".join(header)[:500] or "none"
