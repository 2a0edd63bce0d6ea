"""Spans of time that are counted: days, months, years and fiscal years of Asia/Tokyo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from django.utils.dates import MONTHS
from django.utils.translation import gettext

from yoake.casework.due import TOKYO
from yoake.errors import BadInput

FISCAL_FROM: Final = 4  # the Japanese fiscal year begins with April
FIRST_YEAR, LAST_YEAR = (
    2000,
    2200,
)  # that are read: nobody has figures of before, and every period has one before and one after
_WANTED: Final = "a day (2024-05-01), a month (2024-05), a year (2024) or a fiscal year (FY2024), from 2000 to 2200"


class Kind(StrEnum):
    """How long a period is."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    FISCAL_YEAR = "fiscal_year"


@dataclass(frozen=True)
class Period:
    """From the first moment of a day to the last of another, in Asia/Tokyo."""

    kind: Kind
    first: date
    last: date  # included

    @classmethod
    def day(cls, day: date) -> Period:
        """One day."""
        return cls(Kind.DAY, day, day)

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        """One month."""
        return cls(Kind.MONTH, date(year, month, 1), _month_after(date(year, month, 1)) - timedelta(days=1))

    @classmethod
    def year(cls, year: int) -> Period:
        """January to December, as the white paper counts."""
        return cls(Kind.YEAR, date(year, 1, 1), date(year, 12, 31))

    @classmethod
    def fiscal_year(cls, year: int) -> Period:
        """April of the year to March of the next."""
        return cls(Kind.FISCAL_YEAR, date(year, FISCAL_FROM, 1), date(year + 1, FISCAL_FROM, 1) - timedelta(days=1))

    @classmethod
    def read(cls, text: str) -> Period:
        """The period of `2024-05-01`, `2024-05`, `2024` or `FY2024` (also 2024年度), of the years 2000 to 2200.

        Raises BadInput for anything else.
        """
        period = cls._read(text.strip())
        if period is None or not FIRST_YEAR <= period.first.year <= LAST_YEAR:
            raise BadInput("period", text, _WANTED)
        return period

    @classmethod
    def _read(cls, told: str) -> Period | None:
        try:
            if found := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", told):
                return cls.day(date(*map(int, found.groups())))
            if found := re.fullmatch(r"(\d{4})-(\d{2})", told):
                return cls.month(*map(int, found.groups()))
            if found := re.fullmatch(r"(\d{4})年?", told):
                return cls.year(int(found[1]))
            if found := re.fullmatch(r"(?:FY|fy)(\d{4})|(\d{4})年度", told):
                return cls.fiscal_year(int(found[1] or found[2]))
        except (ValueError, OverflowError):
            pass
        return None

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.combine(self.first, time.min, TOKYO)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + timedelta(days=1), time.min, TOKYO)

    @property
    def key(self) -> str:
        """As `read` takes it."""
        match self.kind:
            case Kind.DAY:
                return self.first.isoformat()
            case Kind.MONTH:
                return self.first.isoformat()[:7]
            case Kind.FISCAL_YEAR:
                return f"FY{self.first.year:04d}"
            case _:
                return f"{self.first.year:04d}"

    @property
    def label(self) -> str:
        """As it is written in the language in force: 2024年5月, May 2024."""
        match self.kind:
            case Kind.DAY:
                return gettext("%(day)d %(month)s %(year)d") % _parts(self.first)
            case Kind.MONTH:
                return gettext("%(month)s %(year)d") % _parts(self.first)
            case Kind.FISCAL_YEAR:
                return gettext("fiscal year %(year)d") % _parts(self.first)
            case _:
                return gettext("the year %(year)d") % _parts(self.first)

    @property
    def before(self) -> Period:
        """The one before, of the same kind."""
        match self.kind:
            case Kind.DAY:
                return Period.day(self.first - timedelta(days=1))
            case Kind.MONTH:
                last = self.first - timedelta(days=1)
                return Period.month(last.year, last.month)
            case Kind.FISCAL_YEAR:
                return Period.fiscal_year(self.first.year - 1)
            case _:
                return Period.year(self.first.year - 1)

    def months(self) -> list[Period]:
        """The months that it touches, the first first."""
        return list(_months(self.first, self.last))

    def days(self) -> list[Period]:
        """Its days, the first first."""
        return [Period.day(self.first + timedelta(days=n)) for n in range((self.last - self.first).days + 1)]


def _months(first: date, last: date) -> Iterator[Period]:
    at = first.replace(day=1)
    while at <= last:
        yield Period.month(at.year, at.month)
        at = _month_after(at)


def _month_after(first: date) -> date:
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _parts(day: date) -> dict[str, object]:
    """What labels are made of; the month by its name: May, 5月."""
    return {"year": day.year, "month": MONTHS[day.month], "day": day.day}
