"""A connector for tests that is asked by words and whose service restricts such use: its network is a file of JSON lines.

`boards` puts it on the shelf under the name `test_board`, as a package of somebody else would.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from yoake.collect.connector import Context, Liveness, Page
from yoake.collect.net import Net
from yoake.errors import BadInput, TryLater
from yoake.tables.posts import posts_batch

TEXT = "闇の案件 受け子募集 日当10万円 詳しくはDMで その{}"


class TestBoard:
    """A board whose search gives two posts an answer, oldest first."""

    __test__ = False  # for pytest: not a class of tests

    title = {"ja": "試験掲示板", "en": "Test board"}
    live = True
    restricted = {"ja": "この掲示板は検索の自動化を制限しています。", "en": "This board restricts automated searches."}
    search_quota = (300, 20_000)

    @dataclass(frozen=True)
    class Options:
        """Settings of a source on the test board.

        Args:
            path: the file that is the network.
            key: name of the secret that opens it.
            queries: first words of the plan.
        """

        path: str
        key: str = "board_key"
        queries: tuple[str, ...] = ()

    def pages(self, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Nothing: it is only asked by words."""
        raise BadInput("pages", options.path, "this board is searched")
        yield Page()

    def search(self, query: str, options: Options, cursor: str | None, net: Net) -> Generator[Page, None, None]:
        """Posts that hold the words, after the cursor (a line number)."""
        if query.startswith("("):
            raise BadInput("query", query, "words without brackets")
        if query == "away":
            raise TryLater("the board is away", after_s=0.1)
        lines = Path(options.path).read_text().splitlines()
        after = int(cursor or 0)
        while True:
            found = [n for n, line in enumerate(lines, 1) if n > after and query in json.loads(line)["text"]]
            rows = [row_of(json.loads(lines[n - 1]), net.now()) for n in found[:2]]
            after = found[1] if len(found) > 2 else len(lines)
            yield Page(posts_batch(rows), cursor=str(after), seen_until=net.now())
            if len(found) <= 2:
                return

    def check(self, refs: Sequence[str], options: Options, net: Net) -> list[Liveness]:
        """Nobody can say."""
        return [Liveness(ref, "unchecked", net.now()) for ref in refs]

    def context(self, ref: str, options: Options, net: Net) -> Context:
        """Nothing."""
        return Context(posts_batch([]), posts_batch([]))


def row_of(told: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {"network": "board", "native_id": told["id"], "text": told["text"], "seen_at": now, "posted_at": now}


def put_on_shelf(folder: Path) -> None:
    """Makes `folder`, once it is on the path of modules, an installed package that offers the board as a connector."""
    installed = folder / "test_board-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: test-board\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[yoake.connectors]\ntest_board = tests.board:TestBoard\n")


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the test board, on the shelf of connectors while the test runs."""
    folder = tmp_path_factory.mktemp("installed")
    put_on_shelf(folder)
    monkeypatch.syspath_prepend(str(folder))
    return "test_board"
