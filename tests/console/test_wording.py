"""A place the learned model points at has a name in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils.translation import override

from yoake.console.words import cue_name, network_name, skipped_name

_HOWTOS = Path(__file__).parents[2] / "docs/howto/connectors"


def test_wording_has_a_name() -> None:
    with override("ja"):
        assert cue_name("criminal_recruitment", "wording") == "これまでの例に似た書き方"
    with override("en"):
        assert cue_name("criminal_recruitment", "wording") == "worded like known examples"


def _counted(page: Path) -> set[str]:
    """Reasons that a connector's page lists under "What is counted"."""
    part = page.read_text(encoding="utf-8").partition("## What is counted")[2].partition("\n## ")[0]
    firsts = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return {reason for first in firsts for reason in re.findall("`([a-z0-9_]+)`", first)}


@pytest.mark.parametrize("page", sorted(_HOWTOS.glob("*.md")), ids=lambda page: page.stem)
def test_whatever_a_connector_counts_has_a_name(page: Path) -> None:
    with override("ja"):
        unnamed = {reason for reason in _counted(page) if skipped_name(reason) == reason}
        untold = {reason for reason in _counted(page) if skipped_name(reason).isascii()}
    assert (unnamed, untold) == (set(), set())


def test_networks_have_names() -> None:
    with override("ja"):
        named = {name: network_name(name) for name in ("bluesky", "fediverse", "nostr", "threads", "x", "web")}
    assert not {name for name, told in named.items() if name == told}
