"""The connector of docs/howto/connector.md, taken from the page, on the shelf and running."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from tests.collect.loopback import NOON, Clock, ClockNet, http_server, posts, respond, skips, until
from yoake import shelf
from yoake.collect import connectors
from yoake.errors import BadInput

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "connector.md"
BOARD = [
    {"number": 1, "text": "高収入", "author": "a", "at": "2026-11-20T11:00:00+09:00"},
    {"number": 2},
    {"text": "x"},
    "nonsense",
    {"number": 3, "text": "\0", "at": "yesterday"},
]


@pytest.fixture
def example_board(tmp_path: Path) -> Iterator[None]:
    """The file of the page, in a folder that belongs to the shelf for the time of a test."""
    found = re.search(r"<!-- file: (example_board\.py) -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    (tmp_path / found[1]).write_text(found[2])
    connectors.__path__.append(str(tmp_path))
    yield
    connectors.__path__.remove(str(tmp_path))
    del sys.modules["yoake.collect.connectors.example_board"]


def answer(request: BaseHTTPRequestHandler) -> None:
    target = urlsplit(request.path)
    if target.path == "/posts":
        after = int(parse_qs(target.query)["after"][0])
        due = [item for item in BOARD if not isinstance(item, dict) or item.get("number", after + 1) > after]
        respond(request, 200, orjson.dumps(due))
    else:
        respond(request, 200 if target.path == "/posts/1" else 404)


@pytest.mark.usefixtures("example_board")
def test_the_example_reads_a_board() -> None:
    assert "example_board" in shelf.names(connectors)
    board = shelf.take(connectors, "example_board")()
    with http_server(answer) as url:
        options = board.Options(address=url)
        pages = board.pages(options, None, ClockNet(Clock()))
        found = until(pages, lambda seen: bool(posts(seen)))
        pages.close()
        assert [(post["native_id"], post["text"], post["author_id"]) for post in posts(found)] == [
            ("1", "高収入", "a"),
            ("3", "\ufffd", ""),
        ]
        assert skips(found) == [
            ("no_text", "number 2", False),
            ("no_id", "a post of the board", False),
            ("no_id", "a post of the board", False),
            ("unstorable_text", "number 3", True),
            ("bad_time", "number 3", True),
        ]
        assert found[-1].cursor == "3"
        pages = board.pages(options, "1", ClockNet(Clock(), stop_at=NOON.replace(minute=1)))
        assert {post["native_id"] for post in posts(list(pages))} == {"3"}  # resumes after 1, and ends with the patrol
        assert [one.state for one in board.check(["1", "9"], options, ClockNet(Clock()))] == ["up", "deleted_by_author"]
        with pytest.raises(BadInput):
            next(board.pages(board.Options(every_s=0), None, ClockNet(Clock())))
