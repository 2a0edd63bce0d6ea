"""`python -m bench.checks`: do outstanding checks and clocks keep their schedule on one worker, and what does that cost?

Real parts: Mastodon servers on loopback that hold the posts (each asked at most twice a second, as outside), a database file or
PostgreSQL, and one `yoake worker` in a process of its own, with all its duties and its own poll. Of what is outstanding,
four in ten are checks that follow a decision, three are checks five business days after a request, three are the
clocks of those requests; one post in ten is gone by then. All are due at even distances within `--minutes`; lateness is from
when a row was due to the moment that its answer was true (a check), or that the clock was written down. The time is real: fewer
minutes than sixty are a heavier load than 10,000 an hour, and the first line says by how much.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests import needs
from tests.pipeline.soak import fresh_postgresql
from tests.pipeline.soak_outbox import ROOT, python
from tests.servers.mastodon.server import Mastodon
from tests.servers.postgresql import PostgreSQL

HOSTS = 20  # of which the posts are
GONE = 10  # one post in so many
GRACE_S = 120  # after the last row was due; what is not done then is told
HOLDS_S = 60  # p95 of the lateness of either, more and the schedule is not kept

PREPARE = """
import django, json, sys; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from bench.checks import fill
fill(json.load(open(sys.argv[1])))
"""

START = """
import django, sys; django.setup()
from bench.checks import start
print(start(float(sys.argv[1]), sys.argv[2]))
"""

WATCH = """
import django, json, sys; django.setup()
from bench.checks import watch
print(json.dumps(watch(float(sys.argv[1]), sys.argv[2])))
"""


@dataclass(frozen=True)
class Figures:
    """What one run came to; seconds."""

    checks: list[float]  # how late each was, sorted
    clocks: list[float]
    left: int  # rows that were not done at the end
    cpu_s: float  # of the worker's process, its start included
    seconds: float  # from the first row's time to the end


def measure(outstanding: int, minutes: float, database_url: str = "") -> Figures:
    """Lets one worker keep so many checks and clocks, due within so many minutes."""
    with tempfile.TemporaryDirectory(prefix="yoake-checks-") as folder, ExitStack() as stack:
        (Path(folder) / "db").mkdir()
        servers = [stack.enter_context(Mastodon()) for _ in range(min(HOSTS, outstanding))]
        for one in servers:
            one.account("someone")
        clocks = outstanding * 3 // 10
        posts = []
        for n in range(outstanding - clocks):
            server = servers[n % len(servers)]
            ident = server.post(next(iter(server.accounts)), "野菜あります", quiet=True)
            posts.append({"server": n % len(servers), "uri": server.uri(ident), "url": server.statuses[ident]["url"]})
            if n % GONE == 0:
                server.delete(ident)
        environment = {
            **os.environ,
            "YOAKE_DATA": folder,
            "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
            "YOAKE_HOST_LIMITS": f"127.0.0.1={2 * len(servers)}",  # what so many hosts get together
            "YOAKE_CHECKS_PER_HOST": str(10**6),  # a day's budget is no matter of the schedule
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
            "PYTHONPATH": str(ROOT),
        }
        environment |= {"YOAKE_DATABASE_URL": database_url} if database_url else {}
        told = Path(folder) / "told.json"
        told.write_text(json.dumps({"servers": [one.url for one in servers], "posts": posts, "clocks": clocks}))
        python(PREPARE, str(told), environment=environment)
        schedule = str(Path(folder) / "schedule.json")
        worker = subprocess.Popen([sys.executable, "-m", "yoake", "worker"], env=environment, cwd=ROOT)
        try:
            base = float(python(START, str(minutes * 60), schedule, environment=environment))
            until = str(base + minutes * 60)
            found: dict[str, Any] = json.loads(python(WATCH, until, schedule, environment=environment))
        finally:
            worker.terminate()
            _pid, _status, usage = os.wait4(worker.pid, 0)
            worker.returncode = 0
    return Figures(
        sorted(found["checks"]),
        sorted(found["clocks"]),
        found["left"],
        usage.ru_utime + usage.ru_stime,
        found["until"] - base,
    )


def fill(told: dict[str, Any]) -> None:
    """Cases in scope of the posts, what is outstanding about them, and the requests whose clocks run; nothing is due yet."""
    from django.utils import timezone

    from bench.rows import in_bulk, write
    from yoake.casework.cases.models import Account, Case, Check, Decision, Post, PostVersion
    from yoake.casework.outbox.models import OutboxItem
    from yoake.casework.people.models import Membership, Organisation, User
    from yoake.casework.request.models import Request
    from yoake.casework.sources.models import Source
    from yoake.tables.posts import content_hash, uid_of

    now, day = timezone.now(), timedelta(days=1)
    office = Organisation.objects.create(name="bench", kind=Organisation.Kind.HOTLINE)
    user = User.objects.create_user("bench", password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=office, role=Membership.Role.ANALYST)
    sources = [
        Source.objects.create(
            organisation=office, name=f"bench {n}", connector="mastodon", options={"instance": url}, enabled=True
        )
        for n, url in enumerate(told["servers"])
    ]
    posts, clocks = told["posts"], told["clocks"]
    text, before = "野菜あります", now - 8 * day
    asked = range(1, clocks + 1)  # keys of the cases that a request was made about
    far = now + 10 * day
    with in_bulk(Account, Post, PostVersion, Case, Decision, Check, OutboxItem, Request):
        write(Account(network="fediverse"), ({"id": n, "native_id": f"a{n}"} for n in range(1, len(posts) + 1)))
        write(
            Post(network="fediverse", first_seen_at=before, posted_at=before),
            (
                {
                    "id": n, "uid": uid_of("fediverse", one["uri"]), "native_id": one["uri"], "url": one["url"],
                    "account_id": n, "current_id": n,
                }
                for n, one in enumerate(posts, 1)
            ),
        )  # fmt: skip
        version = PostVersion(seen_at=before, lang="ja", text=text, content_hash=content_hash(text))
        write(version, ({"id": n, "post_id": n} for n in range(1, len(posts) + 1)))
        case = Case(organisation=office, state="decided", opened_at=before, category="criminal_recruitment")
        write(
            case,
            ({"id": n, "post_id": n, "source_id": sources[one["server"]].pk} for n, one in enumerate(posts, 1)),
        )
        decision = Decision(
            verdict="in_scope", category="criminal_recruitment", hotline_class="illegal", by=user, at=before
        )
        write(decision, ({"id": n, "case_id": n, "version_id": n} for n in range(1, len(posts) + 1)))
        steps = [
            {
                "case_id": n, "source_id": sources[one["server"]].pk, "due_at": far,
                "step": "5d" if n in asked else "2w", "since": before, "since_what": "request" if n in asked else "decision",
            }
            for n, one in enumerate(posts, 1)
        ]  # fmt: skip
        steps += [{**row, "step": "2w", "due_at": far + 9 * day} for row in steps if row["since_what"] == "request"]
        write(Check(), ({"id": key, **row} for key, row in enumerate(steps, 1)))
        item = OutboxItem(
            organisation=office, kind="request", channel="web_form", way="hand", state="sent", drafted_by=user,
            drafted_at=before, approved_by=user, approved_at=before, sent_at=before, bound="0" * 64,
        )  # fmt: skip
        write(item, ({"id": n, "case_id": n, "post_id": n, "key": f"{n:064}"} for n in asked))
        write(
            Request(organisation=office, kind="removal", body="example_board", started_at=before),
            ({"id": n, "item_id": n, "case_id": n, "due_at": far, "answer_by": far} for n in asked),
        )


def start(seconds: float, told: str) -> float:
    """From a moment on, which is returned (seconds since 1970), everything outstanding is due at even distances.

    When each row is due is written to the file `told`: a row that is done is due no more.
    """
    import random

    from django.db import transaction

    from yoake.casework.cases.models import Check
    from yoake.casework.request.models import Request

    checks = list(Check.objects.exclude(step="2w", since_what="request").order_by("pk"))
    clocks = list(Request.objects.order_by("pk"))
    rows: list[Any] = [*checks, *clocks]
    random.Random(7).shuffle(rows)
    base = time.time() + 5 + len(rows) / 500  # while they are written, nothing is due
    for n, row in enumerate(rows):
        row.due_at = datetime.fromtimestamp(base + seconds * n / len(rows), UTC)
    for one in clocks:
        one.answer_by = one.due_at
    with transaction.atomic():
        Check.objects.bulk_update(checks, ["due_at"], batch_size=500)
        Request.objects.bulk_update(clocks, ["due_at", "answer_by"], batch_size=500)
    schedule = {"checks": [[one.pk, one.due_at.timestamp()] for one in checks if one.due_at is not None]}
    schedule |= {"clocks": [[one.pk, one.due_at.timestamp()] for one in clocks if one.due_at is not None]}
    Path(told).write_text(json.dumps(schedule))
    return base


def watch(until: float, told: str) -> dict[str, Any]:
    """Waits until everything is done, or for GRACE_S behind `until`; how late each row was, in seconds."""
    from django.db.models.functions import Coalesce

    from yoake.casework.cases.models import Check
    from yoake.casework.request.models import Request

    schedule = json.loads(Path(told).read_text())
    due = {name: dict(rows) for name, rows in schedule.items()}
    open_checks = Check.objects.filter(outcome="").exclude(step="2w", since_what="request")
    open_clocks = Request.objects.filter(overdue_at=None, ended_at=None)
    time.sleep(max(0.0, until - time.time()))
    while (left := open_checks.count() + open_clocks.count()) and time.time() < until + GRACE_S:
        time.sleep(0.5)
    ended = time.time()
    done = Check.objects.exclude(outcome="").values_list("pk", "checked_at")
    checks = [at.timestamp() - due["checks"][key] for key, at in done if at is not None and key in due["checks"]]
    ran = Request.objects.values_list("pk", Coalesce("overdue_at", "ended_at"))
    clocks = [at.timestamp() - due["clocks"][key] for key, at in ran if at is not None]
    return {"checks": checks, "clocks": clocks, "left": left, "until": ended}


def said(name: str, late: list[float]) -> str:
    """Lateness in words."""
    if not late:
        return f"{name}: none"
    p50, p95 = late[len(late) // 2], late[min(len(late) - 1, int(len(late) * 0.95))]
    return f"{len(late)} {name}: late by p50 {p50:.1f} s, p95 {p95:.1f} s, most {late[-1]:.1f} s"


def kept(figures: Figures) -> bool:
    """Whether everything was done, and in time."""
    late = [rows[min(len(rows) - 1, int(len(rows) * 0.95))] for rows in (figures.checks, figures.clocks) if rows]
    return not figures.left and max(late, default=0.0) <= HOLDS_S


def main() -> int:
    """Prints lateness and what the worker used, for SQLite and, where it is installed, PostgreSQL."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outstanding", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=60.0, help="in which all of it is due, in real time")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    faster = 60 / given.minutes
    pace = "" if faster == 1 else f", {faster:.1f} times as dense as the same in an hour"
    print(f"{given.outstanding} checks and clocks due within {given.minutes:g} minutes{pace}; one worker", flush=True)
    good = True
    with ExitStack() as stack:
        runs = {"SQLite": ""} if given.database != "postgresql" else {}
        if given.database != "sqlite" and needs.found("postgresql"):
            server = stack.enter_context(PostgreSQL())
            runs["PostgreSQL"] = fresh_postgresql(server.url, "bench_checks")
        for name, url in runs.items():
            figures = measure(given.outstanding, given.minutes, url)
            good &= kept(figures)
            used = f"{figures.cpu_s:.0f} s CPU, {100 * figures.cpu_s / max(figures.seconds, 1):.0f}% of one core"
            told = "; ".join((said("checks", figures.checks), said("clocks", figures.clocks)))
            print(f"{name}: {told}; {figures.left} not done; worker {used}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
