"""Cells that several figures make: shares with their interval, and quantiles of what the database counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import connection
from django.db.models import BigIntegerField, Case, F, QuerySet, When
from django.db.models.expressions import Combinable

from yoake.casework.count.figure import Cell
from yoake.learn.chances import clopper_pearson

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds
MONTH: Final = 31 * DAY
LONGEST: Final = 3653 * DAY  # ten years: what is said to be longer is no time but a mistake
ABSURD: Final = -1  # step of what is below 0 or above the longest


def share(part: int, of: int) -> Cell:
    """How many of how many, with the exact interval of 95 % by Clopper and Pearson; nothing can be said of none."""
    if not of:
        return Cell(None, part=0, of=0)
    low, high = clopper_pearson(part, of)
    return Cell(part / of, low, high, part, of)


def histogram(rows: QuerySet[Any], *keys: str, finest: int = MINUTE) -> list[tuple[Any, ...]]:
    """How often each time occurs: rows of the values of `keys`, a step, how many, and how many seconds they are together.

    Times are cut to steps, so that there is a bounded number of them whatever is stored: of `finest` seconds below an
    hour, of minutes below a day, hours below 31 days, days above; ABSURD is what is below 0 or above ten years.

    Args:
        rows: with an annotation `seconds`; where that is NULL, a row is left out.
        keys: columns or annotations of the rows.
        finest: seconds, at most 60.
    """
    inner, values = rows.order_by().values_list(*keys, "seconds").query.sql_with_params()
    told = [f"k{n}" for n in range(len(keys))]
    step = (  # whole numbers: what they are divided by is cut off
        f"CASE WHEN seconds < 0 OR seconds > {LONGEST} THEN {ABSURD} WHEN seconds < {HOUR} THEN seconds / {finest} * {finest}"
        f" WHEN seconds < {DAY} THEN seconds / {MINUTE} * {MINUTE} WHEN seconds < {MONTH} THEN seconds / {HOUR} * {HOUR}"
        f" ELSE seconds / {DAY} * {DAY} END"
    )
    # Materialised: else the times would be worked out anew for each of these cases, subqueries and all.
    sql = (
        f"WITH times ({', '.join([*told, 'seconds'])}) AS MATERIALIZED ({inner})"  # noqa: S608 - ours
        f" SELECT {', '.join([*told, step])}, COUNT(*), SUM(seconds) FROM times WHERE seconds IS NOT NULL"
        f" GROUP BY {', '.join(str(n + 1) for n in range(len(keys) + 1))}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [(*row[:-2], int(row[-2]), int(row[-1])) for row in cursor.fetchall()]


def stepped(field: str, finest: int = MINUTE) -> Combinable:
    """The same steps inside a query of few rows, of a time that is a plain column or annotation and never absurd."""
    return Case(
        When(**{f"{field}__lt": HOUR}, then=F(field) - F(field) % finest),
        When(**{f"{field}__lt": DAY}, then=F(field) - F(field) % MINUTE),
        When(**{f"{field}__lt": MONTH}, then=F(field) - F(field) % HOUR),
        default=F(field) - F(field) % DAY,
        output_field=BigIntegerField(),
    )


def quantile(histogram: Iterable[tuple[int, int]], share: float) -> int | None:
    """The smallest value that is at least as large as this share of all (nearest rank); None of nothing.

    Args:
        histogram: values and how many there are of each, in any order.
        share: above 0, at most 1.
    """
    sorted_by_value = sorted(histogram)
    wanted = share * sum(n for _value, n in sorted_by_value)
    reached = 0
    for value, n in sorted_by_value:
        reached += n
        if reached >= wanted and n:
            return value
    return None
