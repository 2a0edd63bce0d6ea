"""kill -9 of the web process while people approve: nothing approved is lost, half approved, or said twice."""

from __future__ import annotations

import os

import pytest

from tests.pipeline.soak import fresh_postgresql
from tests.pipeline.soak_web import soak_web


@pytest.mark.server
@pytest.mark.slow
def test_people_approve_while_web_and_worker_are_killed() -> None:
    server = os.environ.get("YOAKE_DATABASE_URL", "")
    url = fresh_postgresql(server, "soak_web") if server else ""
    ledger = soak_web(items=21, kills=6, seed=20261122, database_url=url)
    assert ledger.whole, f"\n{ledger}"
    assert ledger.unanswered > 0
