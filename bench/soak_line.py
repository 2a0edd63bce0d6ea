"""`make soak-line`: 20 kills while 5,000 posts stream, on SQLite and, where it is installed, PostgreSQL."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from tests import needs
from tests.pipeline.soak import fresh_postgresql, soak
from tests.servers.postgresql import PostgreSQL


def main() -> int:
    ledgers = {}
    print("SQLite")
    ledgers["sqlite"] = soak(kills=20, seed=1)
    print(ledgers["sqlite"], flush=True)
    if needs.found("postgresql"):
        with PostgreSQL() as server:
            print("PostgreSQL")
            ledgers["postgresql"] = soak(kills=20, seed=2, database_url=fresh_postgresql(server.url, "soak"))
            print(ledgers["postgresql"], flush=True)
    print(json.dumps({name: {**asdict(ledger), "whole": ledger.whole} for name, ledger in ledgers.items()}))
    return int(not all(ledger.whole for ledger in ledgers.values()))


if __name__ == "__main__":
    sys.exit(main())
