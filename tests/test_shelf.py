"""A shelf is its folder, and what third parties add."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from yoake import shelf
from yoake.collect import connectors
from yoake.errors import BadInput
from yoake.pipeline import duties, engines


def test_the_folder_is_the_registry() -> None:
    assert {"inline", "processes"} <= set(shelf.names(engines))
    assert shelf.take(engines, "inline").__name__ == "Inline"
    assert callable(shelf.take(duties, "erase"))


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(BadInput, match=r"connector is 'xmpp': known names are .*jsonl"):
        shelf.take(connectors, "xmpp")


def test_third_parties_add_through_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "yoake.pipeline.engines.inline:Inline", "yoake.engines")

    def entry_points(*, group: str, name: str = "theirs") -> list[EntryPoint]:
        return [entry] if (group, name) == ("yoake.engines", "theirs") else []

    monkeypatch.setattr(shelf, "entry_points", entry_points)
    assert "theirs" in shelf.names(engines)
    assert shelf.take(engines, "theirs").__name__ == "Inline"
