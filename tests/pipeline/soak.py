"""Kills a patrol at random moments while posts stream, and counts what is there afterwards.

Real parts: the `yoake patrol` command in a process of its own, a Jetstream on loopback, a database file or PostgreSQL.
Used by the suite (5 kills) and by `make soak-line` (20 kills, prints the ledger).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers.jetstream import Jetstream, post_event

HARMLESS = [
    "今日は寒いので鍋にします",
    "電車が遅れている",
    "猫が膝から降りてくれない",
    "新しい靴を買った",
    "明日の会議いやだな",
]
SUSPICIOUS = "受け子募集 即日即金 日給10万 詳しくはテレグラムで その{}"

PREPARE = """
import django, sys, time; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.sources.actions import add_source
office = Organisation.objects.create(name="soak")
source = add_source(system("command"), office, "bluesky_jetstream", name="soak", options={"endpoints": sys.argv[1]})
source.cursor = str(time.time_ns() // 1000)  # as after an interruption: a source that never read anything begins "now"
source.save()
from yoake.casework.cases.actions import serving_detector
from yoake.tables.posts import posts_batch
serving_detector().judge(posts_batch([{"network": "n", "native_id": "1", "text": "受け子募集"}]))  # kernels compile once a machine
"""

LOOK = """
import django, json; django.setup()
from yoake.casework.audit.queries import first_break
from yoake.casework.cases.models import Case, Post
from yoake.casework.sources.models import HourCount, Source
source = Source.objects.get(name="soak")
print(json.dumps({
    "cursor": int(source.cursor or 0),
    "posts": list(Post.objects.values_list("native_id", flat=True)),
    "versions": list(Post.objects.filter(versions__text__contains="書き直し").values_list("native_id", flat=True)),
    "gone": list(Post.objects.exclude(gone_state="").values_list("native_id", flat=True)),
    "cases": list(Case.objects.values_list("post__native_id", flat=True)),
    "counted": {c.name: c.n for c in HourCount.objects.all()},
    "chain": first_break(),
}))
"""


@dataclass
class Ledger:
    """What was sent, what was done to the patrol, what was found."""

    sent: int
    suspicious: int
    edited: int
    deleted: int
    kills: int
    stored_once: int
    missing: int
    twice: int
    not_suspicious_but_stored: int
    edits_missing: int
    deletions_missing: int
    cases_missing_or_twice: int
    counted_posts: int
    chain: str
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether every suspicious post is there exactly once, with its case, its edit and its deletion."""
        wrong = (
            self.missing,
            self.twice,
            self.not_suspicious_but_stored,
            self.edits_missing,
            self.deletions_missing,
            self.cases_missing_or_twice,
        )
        return not any(wrong) and self.chain == "whole" and self.counted_posts >= self.sent

    def __str__(self) -> str:
        return "\n".join(f"  {name.replace('_', ' '):28} {value}" for name, value in asdict(self).items())


def soak(*, posts: int = 5000, kills: int = 5, seed: int = 1, database_url: str = "") -> Ledger:
    """Streams `posts` posts (one in fifty suspicious) at a patrol that is killed `kills` times.

    Args:
        posts: how many posts stream.
        kills: how often the patrol is killed (SIGKILL) and started again at once.
        seed: decides when, and which posts are suspicious, edited or deleted.
        database_url: an empty database of its own; a new SQLite file when left out.
    """
    chance, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yoake-soak-") as folder, Jetstream() as jetstream:
        (Path(folder) / "db").mkdir()
        environment = {
            **os.environ,
            "YOAKE_DATA": folder,
            "YOAKE_DATABASE_URL": database_url,
            "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
        }
        _python(PREPARE, jetstream.url, environment=environment)
        suspicious, edited, deleted = set[str](), set[str](), set[str]()
        streamed = threading.Thread(
            target=_stream, args=(jetstream, posts, random.Random(seed), suspicious, edited, deleted), daemon=True
        )
        patrol = _patrol(environment)
        try:
            jetstream.wait_for_clients(timeout_s=60)
            streamed.start()
            for _kill in range(kills):
                time.sleep(chance.uniform(0.2, 4.0))  # before it connects, while it catches up, or when it is live
                patrol.send_signal(signal.SIGKILL)
                patrol.wait()
                patrol = _patrol(environment)
            streamed.join()
            last = jetstream.events(len(jetstream) - 1)[0]["time_us"]
            seen = _wait_for_cursor(environment, last, patrol)
        finally:
            patrol.send_signal(signal.SIGINT)
            patrol.wait(20)
    stored, cases = Counter(seen["posts"]), Counter(seen["cases"])
    return Ledger(
        sent=posts,
        suspicious=len(suspicious),
        edited=len(edited),
        deleted=len(deleted),
        kills=kills,
        stored_once=sum(stored[uri] == 1 for uri in suspicious),
        missing=len(suspicious - set(stored)),
        twice=sum(n > 1 for n in stored.values()),
        not_suspicious_but_stored=len(set(stored) - suspicious),
        edits_missing=len(edited - set(seen["versions"])),
        deletions_missing=len(deleted - set(seen["gone"])),
        cases_missing_or_twice=sum(cases[uri] != 1 for uri in suspicious),
        counted_posts=seen["counted"].get("posts", 0),
        chain=seen["chain"] or "whole",
        seconds=round(time.monotonic() - began, 1),
    )


def _stream(
    jetstream: Jetstream, posts: int, chance: random.Random, suspicious: set[str], edited: set[str], deleted: set[str]
) -> None:
    for n in range(posts):
        did, rkey = f"did:plc:soak{n % 97:020d}", f"3soak{n:08d}"
        uri = f"at://{did}/app.bsky.feed.post/{rkey}"
        if chance.random() < 0.02:
            suspicious.add(uri)
            jetstream.push(post_event(did, rkey, SUSPICIOUS.format(n)))
            if chance.random() < 0.3:
                edited.add(uri)
                jetstream.push(post_event(did, rkey, SUSPICIOUS.format(n) + " 書き直し", operation="update"))
            if chance.random() < 0.2:
                deleted.add(uri)
                event = post_event(did, rkey, "")
                event["commit"] = {k: v for k, v in event["commit"].items() if k not in ("record", "cid")}
                event["commit"]["operation"] = "delete"
                jetstream.push(event)
        else:
            jetstream.push(post_event(did, rkey, chance.choice(HARMLESS)))
        if n % 25 == 24:
            time.sleep(0.05)  # 500 a second: what a busy network carries


def _patrol(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "yoake", "patrol", "soak"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for_cursor(environment: dict[str, str], last_us: int, patrol: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + 90
    while True:
        seen = json.loads(_python(LOOK, environment=environment))
        if seen["cursor"] >= last_us:
            return seen  # type: ignore[no-any-return]
        if time.monotonic() > deadline or patrol.poll() is not None:
            raise TimeoutError(
                f"the patrol is at {seen['cursor']}, the stream ended at {last_us} (exit {patrol.poll()})"
            )
        time.sleep(0.5)


def _python(code: str, *arguments: str, environment: dict[str, str]) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return ran.stdout


def fresh_postgresql(url: str, name: str, like: str = "template1") -> str:
    """The address of a new database on the server of `url`, empty or a copy of another one, to which nobody is connected then."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        # sessions that threads of earlier tests left behind
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [like])
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
    return urlsplit(url)._replace(path=f"/{name}").geturl()
