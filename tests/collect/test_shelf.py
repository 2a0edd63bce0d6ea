from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

from yoake import shelf
from yoake.collect import connectors
from yoake.collect.connector import Connector

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
NAMES = [path.stem for path in (Path(connectors.__path__[0])).glob("*.py") if not path.stem.startswith("_")]


def test_the_shelf_holds_what_the_folder_holds() -> None:
    assert set(NAMES) <= set(shelf.names(connectors))
    assert {"jsonl", "bluesky_jetstream", "bluesky_firehose", "practice"} <= set(NAMES)
    assert {"rss", "web_page", "csv", "parquet", "job_posting"} <= set(NAMES)
    assert {"bluesky_search", "x_search", "x_stream", "threads"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_connector_says_what_it_is(name: str) -> None:
    kind: Any = shelf.take(connectors, name)
    assert set(kind.title) == {"ja", "en"}
    assert all(kind.title.values())
    assert isinstance(kind.live, bool)
    assert getattr(kind, "job_board", False) is (name == "job_posting")
    restricted = getattr(kind, "restricted", None)  # a sentence for the administrator who records the permission
    assert (restricted is not None) is (name in ("x_search", "x_stream", "threads"))
    assert restricted is None or ({*restricted} == {"ja", "en"} and all(restricted.values()))
    assert inspect.getdoc(kind)
    connector: Connector = kind()  # made without arguments: it has no state
    assert not vars(connector)
    for method in ("pages", "check", "context"):
        assert list(inspect.signature(getattr(Connector, method)).parameters) == list(
            inspect.signature(getattr(kind, method)).parameters
        )
        assert inspect.getdoc(getattr(kind, method))
    assert inspect.isgeneratorfunction(kind.pages)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_a_default_and_is_documented(name: str) -> None:
    options = shelf.take(connectors, name).Options
    assert options.__dataclass_params__.frozen
    options()  # defaults for everything
    page = HOWTO / "connectors" / f"{name}.md"
    assert page.exists(), f"write {page}"
    documented = page.read_text()
    for field in dataclasses.fields(options):
        assert f" {field.name}: " in (options.__doc__ or ""), f"{name}: document {field.name} where it is declared"
        assert f"`{field.name}`" in documented, f"{page} does not name {field.name}"
    for heading in ("## Settings", "## Terms of use", "## Limits"):
        assert heading in documented, f"{page} lacks {heading}"
