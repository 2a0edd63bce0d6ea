"""kill -9 of the patrol while 5,000 posts stream: afterwards every queued post is there exactly once."""

from __future__ import annotations

import os

import pytest

from tests.pipeline.soak import fresh_postgresql, soak


@pytest.mark.server
@pytest.mark.slow
def test_a_killed_patrol_loses_nothing_and_doubles_nothing() -> None:
    server = os.environ.get("YOAKE_DATABASE_URL", "")
    ledger = soak(kills=5, seed=20261121, database_url=fresh_postgresql(server, "soak") if server else "")
    assert ledger.whole, f"\n{ledger}"
    assert ledger.suspicious > 50
