"""What every template keeps."""

from __future__ import annotations

import re
from pathlib import Path

import yoake

_WITHIN = r"(?:[^>\"{]|\"[^\"]*\"|\{\{.*?\}\}|\{%.*?%\})*"
_TIME = re.compile(rf"<time\b{_WITHIN}>.*?</time>", re.DOTALL)
_ATTRIBUTE = re.compile(r"[\w-]+=\"(?:[^\"{]|\{\{.*?\}\}|\{%.*?%\})*\"", re.DOTALL)
_BARE = re.compile(r"(?:\{\{|\{% blocktranslate)[^}]*\|(?:clock|hour_minute|date:\"[^\"]*\")(?!\|unbroken)[^}]*\}")


def bare_dates(template: str) -> list[str]:
    """Dates that a browser may break at their hyphens: neither in <time> nor `unbroken` (attributes do not break)."""
    return _BARE.findall(_ATTRIBUTE.sub("", _TIME.sub("", template)))


def test_no_line_ends_within_a_date() -> None:
    house = Path(yoake.__file__).parent
    found = {str(file.relative_to(house)): bare_dates(file.read_text()) for file in house.rglob("templates/**/*.html")}
    assert len(found) > 100
    assert {name: dates for name, dates in found.items() if dates} == {}, "put it into <time>, or write |unbroken"
    assert bare_dates('<p>{{ x|clock }} <time datetime="{{ x|date:"c" }}">{{ x|clock }}</time></p>') == ["{{ x|clock }"]
