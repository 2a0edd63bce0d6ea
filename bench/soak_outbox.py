"""`make soak-outbox`: 200 kills of a worker that sends over lines that fail; then 40 of `yoake web` while people approve.

On SQLite and, where it is installed, PostgreSQL.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict

from tests import needs
from tests.pipeline.soak import fresh_postgresql
from tests.pipeline.soak_outbox import Ledger, soak
from tests.pipeline.soak_web import WebLedger, granian, soak_web
from tests.servers.pds import Pds, install
from tests.servers.postgresql import PostgreSQL

KILLS, ITEMS = 200, 450
WEB_KILLS, WEB_ITEMS = 40, 160


def main() -> int:
    ledgers: dict[str, Ledger | WebLedger] = {}
    with ExitStack() as stack:
        pds = None
        if needs.found("node"):
            install()
            pds = stack.enter_context(Pds())
        databases = {"sqlite": "", "sqlite, web": ""}
        if needs.found("postgresql"):
            server = stack.enter_context(PostgreSQL())
            databases |= {
                name: fresh_postgresql(server.url, name.replace(", ", "_"))
                for name in ("postgresql", "postgresql, web")
            }
        for seed, (name, url) in enumerate(databases.items(), 1):
            print(name + (" (with a Bluesky server)" if pds is not None else ""), flush=True)
            if name.endswith("web"):
                ledgers[name] = soak_web(
                    items=WEB_ITEMS, kills=WEB_KILLS, seed=seed, database_url=url, pds=pds, web=granian
                )
            else:
                ledgers[name] = soak(items=ITEMS, kills=KILLS, seed=seed, database_url=url, pds=pds)
            print(ledgers[name], flush=True)
    print(json.dumps({name: {**asdict(ledger), "whole": ledger.whole} for name, ledger in ledgers.items()}))
    return int(not all(ledger.whole for ledger in ledgers.values()))


if __name__ == "__main__":
    sys.exit(main())
