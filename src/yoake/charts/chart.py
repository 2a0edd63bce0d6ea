"""What a chart shows: words and numbers, in one language, and nothing of how they look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, Literal, get_args

from yoake.errors import BadInput

Kind = Literal["bars", "stacked", "lines", "steps"]

PUBLISHED: Final = "published"  # others printed it
SUPPRESSED: Final = "suppressed"  # known and not shown
MOST_SERIES: Final = 8  # more cannot be told apart
_MOST_LABELS: Final = 400


@dataclass(frozen=True)
class Series:
    """A value at each label, or None where there is none; `low` and `high` are its interval, `marks` what is said of a value."""

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    marks: Sequence[str] = ()  # "", "published" or "suppressed"

    def interval(self, n: int) -> tuple[float, float] | None:
        """From where to where the n-th value may lie."""
        low, high = self.low[n] if self.low else None, self.high[n] if self.high else None
        return None if low is None or high is None else (low, high)

    def marked(self, n: int, mark: str) -> bool:
        """Whether the n-th value bears a mark."""
        return bool(self.marks) and self.marks[n] == mark


@dataclass(frozen=True)
class Chart:
    """Series over labels. Raises BadInput where lengths do not agree or there is more than can be drawn."""

    kind: Kind
    title: str
    unit: str  # what one is
    labels: Sequence[str]  # along the axis, 1 to 400
    series: Sequence[Series]  # 1 to 8
    places: Sequence[float] = ()  # of lines and steps: where a label stands; one after another when left out
    across: str = ""  # what the labels are
    groups: Sequence[str] = ()  # what each label belongs to (its year), said once below the first of several
    ordered: bool = False  # labels follow each other (days, hours): some may be left out, none may be moved
    share: bool = False  # values are shares from 0 to 1, shown in per cent
    marks: Mapping[str, str] = field(default_factory=dict)  # what a mark means, where one is used
    notes: Sequence[str] = ()  # said below
    said: str = ""  # said where there is nothing to draw

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise BadInput("kind", self.kind, f"one of {', '.join(get_args(Kind))}")
        if not 1 <= len(self.series) <= MOST_SERIES:
            raise BadInput("series", len(self.series), f"1 to {MOST_SERIES} of them")
        if not 1 <= len(self.labels) <= _MOST_LABELS:
            raise BadInput("labels", len(self.labels), f"1 to {_MOST_LABELS} of them")
        if self.places and (len(self.places) != len(self.labels) or list(self.places) != sorted(self.places)):
            raise BadInput("places", list(self.places), "as many as labels, in ascending order")
        if self.groups and len(self.groups) != len(self.labels):
            raise BadInput("groups", len(self.groups), f"{len(self.labels)}, as many as labels")
        for one in self.series:
            for name in ("values", "low", "high", "marks"):
                told = getattr(one, name)
                if len(told) != len(self.labels) and (name == "values" or told):
                    raise BadInput(f"{name} of {one.name}", len(told), f"{len(self.labels)}, as many as labels")
            if not all(
                isfinite(value) for told in (one.values, one.low, one.high) for value in told if value is not None
            ):
                raise BadInput(f"values of {one.name}", "not a number", "numbers, or None where there is none")

    @property
    def known(self) -> list[float]:
        """All values that are known."""
        return [value for one in self.series for value in one.values if value is not None]

    def used(self, mark: str) -> bool:
        """Whether a value bears the mark."""
        return any(mark in one.marks for one in self.series)
