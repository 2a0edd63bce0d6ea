"""`make bench-count`: the year's figures over 1 million cases, in SQLite and in PostgreSQL.

The cases are those of `tests/count_world.py`: two years, one in six in scope, in the white paper's proportions of 2024, with requests,
reports, outcomes, warnings and checks, and everything that must not count. Asked is `ledger.count` for the year with every figure on
the shelf, in a fresh process, first cold and then again. Printed are seconds a figure and together, and the memory it took, beside a
physical limit in the same run: one `SELECT count(*)` over decisions joined to their cases.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.servers.postgresql import PostgreSQL

GOAL_S = 3.0  # all figures of the year together
GOAL_MB = 100  # more than before the first figure: no row a case is held
YEARS = (2024, 2025)
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def main() -> int:
    """Prints a table a database; 1 when a goal is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=1_000_000)
    asked.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--json", type=Path)
    asked.add_argument("--step", choices=["fill", "ask"], help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.step:
        return fill(given.cases) if given.step == "fill" else ask()
    told = {}
    for database in given.database or ["sqlite", "postgresql"]:
        with (
            tempfile.TemporaryDirectory(prefix="yoake-count-") as place,
            PostgreSQL() if database == "postgresql" else nullcontext() as server,
        ):
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")},
                "YOAKE_DATA": place,
                "YOAKE_DATABASE_URL": server.url if server else "",
                "YOAKE_KEY_FILE": f"{place}/key",
                "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
            }
            (Path(place) / "db").mkdir()
            step = [sys.executable, "-m", "bench.count", "--cases", str(given.cases), "--step"]
            subprocess.run([*step, "fill"], env=environment, check=True)
            ran = subprocess.run([*step, "ask"], env=environment, check=True, stdout=subprocess.PIPE, text=True)
            told[database] = json.loads(ran.stdout)
            show(database, told[database])
    if given.json:
        given.json.write_text(json.dumps(told, indent=1))
    return int(any(missed(one) for one in told.values()))


def fill(n: int) -> int:
    """Makes the world in an empty database."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    from bench.rows import in_bulk
    from tests import count_world
    from yoake.casework.cases.models import Case, Check, Decision, Outcome, Post, PostVersion
    from yoake.casework.outbox.models import OutboxItem
    from yoake.casework.people.models import Organisation, User
    from yoake.casework.report.models import Report
    from yoake.casework.request.models import Request
    from yoake.casework.warn.models import WarningMessage

    organisation = Organisation.objects.create(name="架空ホットライン", kind=Organisation.Kind.HOTLINE)
    elsewhere = Organisation.objects.create(name="架空県警察", kind=Organisation.Kind.POLICE)
    user = User.objects.create(username="bench", staff_number="B-1")
    world = count_world.World(organisation.pk, user.pk, random.Random(7))
    for year in YEARS:
        first, end = count_world.tokyo(year), count_world.tokyo(year + 1)
        world.year(year, _scaled(year, n / len(YEARS) / 525_390))
        while len(world.cases) < n * (YEARS.index(year) + 1) / len(YEARS):  # five in six are not in scope
            at = first + int(world.chance.random() * (end - first))
            world.decision(world.case(at=at), at, verdict="not_in_scope")
    with in_bulk(Post, PostVersion, Case, Decision, OutboxItem, Report, Request, Outcome, WarningMessage, Check):
        from django.db import transaction

        with transaction.atomic():
            world.write(elsewhere.pk)
            _followed(world)
    if connection.vendor == "postgresql":  # as its own autovacuum does; SQLite keeps no statistics here
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return 0


def _scaled(year: int, share: float) -> Any:
    """The white paper's 2024, so many times; in 2025 most of recruitment is illegal."""
    from tests.count_world import WHITE_PAPER

    of = WHITE_PAPER[2024]
    if year == 2025:
        of = replace(of, recruitment=2_300, recruitment_illegal=of.recruitment - 2_300)
    return replace(of, **{name: int(n * share) for name, n in vars(of).items()})


def _followed(world: Any) -> None:
    """Warnings to a tenth of what stands in scope, of which four in five are gone in a week; two checks for each of these."""
    from tests.count_world import DAY, HOUR, insert, utc
    from yoake.casework.cases.models import Check, Outcome
    from yoake.casework.outbox.models import OutboxItem
    from yoake.casework.warn.models import WarningMessage

    chance = world.chance
    held = [(case, int(at)) for case, at, *_rest, verdict, _undoes in world.decisions if verdict == "in_scope"]
    warned = [one for one in held if chance.random() < 0.1]
    first = len(world.items) + 1
    went = [(k, case, at + HOUR) for k, (case, at) in enumerate(warned, first)]
    given = {"way": "reply", "bound": "0" * 64, "drafted_by_id": world.user, "drafted_at": utc(0)}
    insert(
        OutboxItem(organisation_id=world.organisation, channel="bluesky", kind="warning", state="sent", **given),
        ("id", "case_id", "sent_at", "key"),
        ((k, case, utc(at), f"w{k:063d}") for k, case, at in went),
    )
    insert(
        WarningMessage(organisation_id=world.organisation, category="criminal_recruitment", language="ja"),
        ("id", "item_id", "case_id", "letter_digest"),
        ((k, k, case, f"{k % 2:064d}") for k, case, _at in went),
    )
    insert(
        Check(since_what="warning", how="automatic"),
        ("id", "case_id", "step", "since", "outcome", "checked_at", "elapsed_s"),
        (
            (2 * k + n, case, step, utc(at), "up" if n == 0 else "removed", utc(at + after), after)
            for k, case, at in went
            for n, (step, after) in enumerate((("6h", 6 * HOUR), ("1d", DAY)))
        ),
    )
    gone = [(case, at, int(chance.expovariate(1 / (2 * DAY)))) for _k, case, at in went if chance.random() < 0.8]
    insert(
        Outcome(of="post", seen="removed", what="removed", act="warning"),
        ("id", "case_id", "at", "act_at", "elapsed_s"),
        (
            (k, case, utc(at + after), utc(at), after)
            for k, (case, at, after) in enumerate(gone, len(world.outcomes) + 1)
        ),
    )


def ask() -> int:
    """Asks for the year, twice; prints one JSON object."""
    import django

    django.setup()
    from django.db import connection

    from yoake.casework.cases.models import Case
    from yoake.casework.count import ledger
    from yoake.casework.count.figure import Scope
    from yoake.casework.count.periods import Period
    from yoake.casework.people.models import Organisation
    from yoake.casework.people.queries import system

    organisation = Organisation.objects.get(name="架空ホットライン")
    scope = Scope(organisation.pk, Period.year(YEARS[-1]), NOW)
    names, cases = ledger.names(scope), Case.objects.count()
    own = _Own()
    told: dict[str, Any] = {"cases": cases, "load": os.getloadavg()[0]}
    for turn in ("cold", "warm"):
        began, worked = time.perf_counter(), time.process_time()
        counted = ledger.count(system("bench"), scope, names)
        told[turn] = {
            "together_s": round(time.perf_counter() - began, 3),
            "own_cpu_s": round(time.process_time() - worked, 3),
            "figures": {one.name: round(one.seconds, 3) for one in counted},
            "queries": sum(len(one.queries) for one in counted),
        }
    told["grew_mb"] = own.grew_mb()
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM cases_decision d JOIN cases_case c ON c.id = d.case_id WHERE c.state = 'decided'"
        )
        (told["limit_rows"],) = cursor.fetchone()
    told["limit_s"] = round(time.perf_counter() - began, 3)
    print(json.dumps(told))
    return 0


class _Own:
    """How much memory of its own this process takes at most (what it maps of the database's file is left out), asked 50 times a second."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._least = self._most = self._now()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def grew_mb(self) -> float:
        """At most more than at the beginning; ends the watching."""
        self._over.set()
        self._watcher.join()
        return round((max(self._most, self._now()) - self._least) * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self._most = max(self._most, self._now())

    @staticmethod
    def _now() -> int:
        _size, resident, shared, *_rest = map(int, Path("/proc/self/statm").read_text().split())
        return resident - shared


def missed(told: dict[str, Any]) -> list[str]:
    """Which goals were not met."""
    goals = {"seconds": told["warm"]["together_s"] > GOAL_S, "memory": told["grew_mb"] > GOAL_MB}
    return [name for name, late in goals.items() if late]


def show(database: str, told: dict[str, Any]) -> None:
    """Prints what was measured on a database."""
    print(f"\n{database}: {told['cases']:,} cases, load {told['load']:.1f}")
    print(f"  {'':24}{'cold s':>9}{'warm s':>9}")
    for name, cold in sorted(told["cold"]["figures"].items(), key=lambda one: -one[1]):
        print(f"  {name:24}{cold:>9.2f}{told['warm']['figures'][name]:>9.2f}")
    print(f"  {'together (goal: 3)':24}{told['cold']['together_s']:>9.2f}{told['warm']['together_s']:>9.2f}")
    print(f"  {'own CPU':24}{told['cold']['own_cpu_s']:>9.2f}{told['warm']['own_cpu_s']:>9.2f}")
    print(f"  memory grew by {told['grew_mb']} MB; {told['warm']['queries']} queries")
    print(f"  limit: count(*) over {told['limit_rows']:,} decisions joined to their cases: {told['limit_s']:.2f} s")
    for name in missed(told):
        print(f"  MISSED: {name}")


if __name__ == "__main__":
    sys.exit(main())
