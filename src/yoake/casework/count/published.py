"""What others printed of years before, as data: a file a publication in `published/`, with its source and whether anybody verified it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import get_language

from yoake.errors import BadInput

FOLDER: Final = Path(__file__).resolve().parent / "published"


@dataclass(frozen=True, eq=False)
class Printed:
    """A publication and the figures in it."""

    name: str  # of its file
    source: Mapping[str, str]  # what it is called, by language
    verified: bool  # somebody compared the figures with the print
    figures: Mapping[str, Mapping[str, Mapping[int, int]]]  # by figure, row and year

    @property
    def words(self) -> Promise:
        """What it is called, in the language in force when it is shown."""
        return format_lazy("{}", _InForce(self.source))

    def value(self, figure: str, row: str, year: int) -> int | None:
        """What it printed; None where it printed a dash, or nothing."""
        return self.figures.get(figure, {}).get(row, {}).get(year)


class _InForce:
    """A text that stands in several languages."""

    def __init__(self, of: Mapping[str, str]) -> None:
        self._of = of

    def __str__(self) -> str:
        return self._of.get((get_language() or "en").partition("-")[0]) or self._of["en"]


def of_figure(figure: str) -> dict[int, Printed]:
    """By year, the publication that printed anything of the figure; the last one (by file name) where several did."""
    return {
        year: printed for printed in all_printed() for row in printed.figures.get(figure, {}).values() for year in row
    }


@cache
def all_printed(folder: Path = FOLDER) -> tuple[Printed, ...]:
    """Every publication, by file name. Raises BadInput, naming the file, for one that cannot be read."""
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Printed:
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        if told["format"] != 1 or not isinstance(told["verified"], bool):
            raise ValueError("format must be 1, verified true or false")
        source = {language: str(told["source"][language]) for language in ("ja", "en")}
        figures = {
            figure: {row: {int(year): _whole(n) for year, n in of.items()} for row, of in rows.items()}
            for figure, rows in told["figures"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        raise BadInput("published figures", path.name, f"a file like white_paper_2025.toml ({problem})") from problem
    return Printed(path.stem, source, told["verified"], figures)


def _whole(n: object) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise ValueError(f"{n!r} is no count")
    return n
