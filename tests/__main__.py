"""`make test`: the whole suite on SQLite, then casework and pipeline, where the database is spoken to, again on PostgreSQL.

PostgreSQL is started for the run on a free port of this machine and stopped afterwards. Where it is not installed the
second half is skipped by name; with YOAKE_TEST_REQUIRE=all that is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests import needs
from tests.servers.postgresql import PostgreSQL

ON_BOTH = ["tests/casework", "tests/pipeline"]


def main(arguments: list[str]) -> int:
    """Exit code of the first half that failed, else 0."""
    failed = pytest([*arguments])
    if needs.found("postgresql") is None:
        title, _find, install = needs.PROGRAMS["postgresql"]
        print(f"SKIPPED the rooms with a database on {title}: {install}", flush=True)
        return failed or int(needs.required("all"))
    print("\nthe rooms with a database again, on PostgreSQL", flush=True)
    with PostgreSQL() as server:
        on_postgresql = pytest([*ON_BOTH, *arguments], YOAKE_DATABASE_URL=server.url)
    return failed or on_postgresql


def pytest(arguments: list[str], **environment: str) -> int:
    """Runs pytest in a process of its own, on two cores."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
