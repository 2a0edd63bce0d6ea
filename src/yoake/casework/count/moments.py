"""Times inside queries: days, months and hours of Asia/Tokyo, and seconds between two times, on both databases.

SQLite keeps times as text in UTC; Django's own truncations there call Python for every row, these stay in the database. Japan
has had no summer time since 1952, so that Asia/Tokyo is nine hours ahead whenever a case can have been.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Func


class TokyoDay(Func):
    """The day of a time, as 2024-05-01."""

    output_field = models.CharField()
    _part = (1, 10)  # where it stands in 2024-05-01 10:00:00, and how long it is
    _format = "YYYY-MM-DD"

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        # Without fractions: SQLite would round the last half of a millisecond of a day up into the next.
        told = f"substr(datetime(substr(%(expressions)s, 1, 19), '+9 hours'), {self._part[0]}, {self._part[1]})"
        return self.as_sql(compiler, connection, template=told)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        told = f"to_char((%(expressions)s) AT TIME ZONE 'Asia/Tokyo', '{self._format}')"
        return self.as_sql(compiler, connection, template=told)


class TokyoMonth(TokyoDay):
    """The month of a time, as 2024-05."""

    _part, _format = (1, 7), "YYYY-MM"


class TokyoHour(TokyoDay):
    """The hour of the day of a time, 00 to 23."""

    _part, _format = (12, 2), "HH24"


class SecondsBetween(Func):
    """Whole seconds from the first time to the second; below 0 where the second was earlier. NULL where either is missing.

    Fractions of both are cut off first, so that both databases say the same.
    """

    arity = 2
    output_field = models.BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        first, second = (compiler.compile(one) for one in self.get_source_expressions())
        told = (f"unixepoch(substr({one}, 1, 19))" for one in (second[0], first[0]))
        return f"({' - '.join(told)})", [*second[1], *first[1]]

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        first, second = (compiler.compile(one) for one in self.get_source_expressions())
        told = (f"floor(extract(epoch from ({one})))::bigint" for one in (second[0], first[0]))
        return f"({' - '.join(told)})", [*second[1], *first[1]]
