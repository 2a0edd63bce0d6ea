"""kill -9 of the worker while it sends over lines that fail: each post has exactly one reply, and none is lost."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from tests.pipeline.soak import fresh_postgresql
from tests.pipeline.soak_outbox import _posts, soak, workers, world
from tests.servers.pds import Pds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def tables() -> Callable[[dict[str, str]], None]:
    """Copies the tables of the tests, which take their time to make."""

    def copy(environment: dict[str, str]) -> None:
        name = connection.settings_dict["NAME"]
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]
        if url := environment["YOAKE_DATABASE_URL"]:
            fresh_postgresql(os.environ["YOAKE_DATABASE_URL"], url.rpartition("/")[2], like=name)
        else:
            with (
                sqlite3.connect(name) as ours,
                sqlite3.connect(Path(environment["YOAKE_DATA"]) / "db" / "yoake.sqlite3") as theirs,
            ):
                ours.backup(theirs)

    return copy


@pytest.mark.server
def test_a_killed_worker_says_everything_once(pds: Pds, tables: Callable[[dict[str, str]], None]) -> None:
    server = os.environ.get("YOAKE_DATABASE_URL", "")
    url = f"{server.rpartition('/')[0]}/soak_outbox" if server else ""
    ledger = soak(items=36, kills=10, seed=20261122, database_url=url, pds=pds, tables=tables)
    assert ledger.whole, f"\n{ledger}"
    assert ledger.failed >= 5
    assert ledger.failed_after + ledger.failed_unknown > 0


def test_quotas_hold_across_processes_and_restarts(tables: Callable[[dict[str, str]], None]) -> None:
    server = os.environ.get("YOAKE_DATABASE_URL", "")
    with world(7) as (servers, reached):
        environment = reached | {"YOAKE_DATABASE_URL": f"{server.rpartition('/')[0]}/quota_outbox" if server else ""}
        tables(environment)
        with workers(environment, claim_s=30.0) as start:  # long: two at work must not take one from each other
            start.prepare(servers, _posts(servers, 24), per_hour=5)
            for _restart in range(2):
                start()
                start()
                until = time.monotonic() + 180
                while (seen := start.look())["states"].get("sent", 0) < 10 and time.monotonic() < until:
                    time.sleep(0.2)
                time.sleep(1)  # in which nothing more may go
                seen = start.look()
                start.kill_all()
        standing = [sum(1 for _ in one.replies()) for one, _line in servers]
    assert not seen["chain"], seen["chain"]
    assert standing == [5, 5], seen
    assert seen["states"]["sent"] == 10, seen
