"""Kills a worker at random moments while it sends over lines that fail, and counts what stands on the servers afterwards.

Real parts: processes of their own, a database file or PostgreSQL, a Bluesky server (where it is installed), servers that speak
the API documents of Mastodon and Misskey, and lines to them on which a third of what is written fails, before or after the
server took it. The Mastodon server forgets its idempotency keys at once, so that looking up is all that helps. Only time is
shorter than outside: claims and pauses. Used by the suite (10 kills a database) and by `make soak-outbox` (200).
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tests.servers.faults import Fault, Line, status
from tests.servers.mastodon.server import TOKEN, Mastodon
from tests.servers.misskey.server import WRITER, WRITES, Misskey
from tests.servers.pds import Pds

ROOT = Path(__file__).parents[2]
WRITES_AT = ("/api/v1/statuses ", "/api/notes/create ", "/xrpc/com.atproto.repo.putRecord ")
FAILING = 1 / 3
FAULTS: list[Callable[[], Fault]] = [
    lambda: status(500),  # before the server was asked
    lambda: Fault(after_bytes=0, reset=True),  # nobody knows
    lambda: Fault(after_bytes=1, reset=True),  # after it took it
]

MIGRATE = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
"""

PREPARE = """
from importlib import import_module
from django.db import connection
from yoake.casework.audit.queries import is_guarded
if not is_guarded():
    with connection.schema_editor() as editor:
        import_module("yoake.casework.audit.migrations.0002_append_only").guard(None, editor)
from tests.outbox_world import NO_PAUSE, approved, decided, sender_on
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import actor_of
from yoake.casework.sources.models import Source
office = Organisation.objects.create(name="soak")
def person(role):
    user = User.objects.create_user(role, password="a long pass phrase 17")
    Membership.objects.create(user=user, organisation=office, role=role)
    return actor_of(user)
analyst, administrator = person("analyst"), person("administrator")
source = Source.objects.create(organisation=office, name="soak", connector="jsonl", options={"path": "-"})
limits = {**NO_PAUSE, **told["limits"]}
senders = [sender_on(administrator, one["channel"], one["given"], limits=limits) for one in told["senders"]]
for one in told["posts"]:
    row = {name: one[name] for name in ("network", "native_id", "url", "author_id", "author_handle")}
    case = decided(analyst, source, **row)
    approved(analyst, case, senders[one["sender"]])
answer({})
"""

# Imports everything once, then forks for each line it reads: a worker, so that a killed one is followed at once, or a child that
# prepares or looks, and prints what it found.
WORKERS = """
import json, os, signal, sys, time, traceback
import django; django.setup()
from datetime import timedelta
from django.db import OperationalError, close_old_connections
from django.utils import timezone
from yoake.casework import due
from yoake.pipeline import last_second, sending
due.CLAIM, due.PAUSES = timedelta(seconds=float(sys.argv[1])), (0.1, 0.2, 0.4)
last_second.RULES["warning"] = last_second.Rule(unanswered=lambda item: item.channel != "bluesky")  # there is no AppView
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    told = json.loads(line)
    pid = os.fork()
    if not pid and told:
        try:
            exec(told.pop("code"), {"told": told, "answer": lambda found: print(json.dumps(found), flush=True)})
        except BaseException:
            print(json.dumps({"problem": traceback.format_exc()}), flush=True)
        os._exit(0)
    if not pid:
        os.close(0)
        while True:
            try:
                done = sending.send_one(timezone.now()) + sending.take_back_one(timezone.now())
            except OperationalError:
                close_old_connections()
                done = 0
            if not done:
                time.sleep(0.02)
    if not told:
        print(pid, flush=True)
"""

LOOK = """
from collections import Counter
from yoake.casework.audit.queries import first_break
from yoake.casework.outbox.models import OutboxItem
items = list(OutboxItem.objects.all())
answer({
    "states": Counter(item.state for item in items),
    "why": Counter(item.stopped_why for item in items if item.stopped_why),
    "problems": Counter(f"{item.channel} {item.problem}" for item in items if item.state != "sent"),
    "sent": {item.to["post"]: item.remote_id for item in items if item.state == "sent"},
    "attempts": sum(item.attempts for item in items),
    "chain": first_break(),
})
"""


class Failing(Line):
    """A line on which a third of what is written fails, now before and now after the server took it."""

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__()
        self.target, self._chance, self.kinds = urlsplit(url).port or 0, chance, Counter[str]()
        self.late_s = lambda: self._chance.uniform(0.0, 0.12)

    def _take_fault(self, head: bytes) -> Fault | None:
        with self._lock:
            first = head.split(b"\r\n", 1)[0].decode("latin-1")
            if not any(path in first for path in WRITES_AT):
                return None
            self.requests.append(first)
            if self._chance.random() >= FAILING:
                return None
            self.struck += 1
            fault = self._chance.choice(FAULTS)()
            self.kinds["refused" if fault.answer else "lost" if fault.after_bytes else "unknown"] += 1
            return fault


@dataclass
class Ledger:
    """What was to be said, what was done to worker and lines, what stands there."""

    approved: int
    kills: int
    written: int  # requests that write
    failed: int  # of them, on the way
    failed_before: int
    failed_after: int
    failed_unknown: int
    standing_once: int
    missing: int
    twice: int
    known_as_sent: int
    known_under_another_name: int
    states: str
    chain: str
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether every post has exactly one reply, and the rows say which."""
        right = self.standing_once == self.known_as_sent == self.approved
        return (
            right
            and not self.missing
            and not self.twice
            and not self.known_under_another_name
            and self.chain == "whole"
        )

    def __str__(self) -> str:
        return "\n".join(f"  {name.replace('_', ' '):28} {value}" for name, value in asdict(self).items())


def migrated(environment: dict[str, str]) -> None:
    """Makes the tables of a deployment."""
    python(MIGRATE, environment=environment)


def soak(
    *,
    items: int = 45,
    kills: int = 10,
    seed: int = 1,
    database_url: str = "",
    pds: Pds | None = None,
    tables: Callable[[dict[str, str]], None] = migrated,
) -> Ledger:
    """Sends `items` approved warnings with a worker that is killed `kills` times.

    Args:
        items: how many, shared by the servers.
        kills: how often the worker is killed (SIGKILL) and another one started at once.
        seed: decides when it is killed and what fails.
        database_url: an empty database of its own; a new SQLite file when left out.
        pds: a Bluesky server to send to as well.
        tables: makes them; a test copies those it has.
    """
    chance, began = random.Random(seed), time.monotonic()
    with world(seed, pds) as (servers, reached):
        lines = [line for _server, line in servers]
        posts = _posts(servers, items)
        environment = reached | {"YOAKE_DATABASE_URL": database_url}
        tables(environment)
        with workers(environment) as start:
            start.prepare(servers, posts)
            for _kill in range(kills):
                pid = start()
                time.sleep(chance.uniform(0.05, 0.9))
                os.kill(pid, signal.SIGKILL)
            start()
            seen = _wait_until_done(environment, deadline_s=120 + 2 * items, look=start.look)
        standing = Counter[str]()
        names: dict[str, str] = {}
        for server, _line in servers:
            for above, name in server.replies():
                standing[above] += 1
                names[above] = name
    wanted = [one["native_id"] for one in posts]
    kinds = sum((line.kinds for line in lines), Counter[str]())
    return Ledger(
        approved=items,
        kills=kills,
        written=sum(len(line.requests) for line in lines),
        failed=sum(line.struck for line in lines),
        failed_before=kinds["refused"],
        failed_after=kinds["lost"],
        failed_unknown=kinds["unknown"],
        standing_once=sum(standing[post] == 1 for post in wanted),
        missing=sum(standing[post] == 0 for post in wanted),
        twice=sum(standing[post] > 1 for post in wanted),
        known_as_sent=len(seen["sent"]),
        known_under_another_name=sum(names.get(post) != name for post, name in seen["sent"].items()),
        states=json.dumps(seen["states"] | seen["why"] | seen["problems"]),
        chain=seen["chain"] or "whole",
        seconds=round(time.monotonic() - began, 1),
    )


# --- servers of which each knows who answered what ------------------------------------------------------------------------


class OnMastodon:
    """A Mastodon server that forgets every key."""

    channel, network = "mastodon", "fediverse"

    def __init__(self, server: Mastodon) -> None:
        self.server = server
        server.now, server.forgetful = datetime.now(UTC), True
        self.own = server.account("keisatsu")
        self.url = server.url

    def given(self, url: str) -> dict[str, str]:
        return {"server": url, "token": TOKEN}

    def post(self, n: int) -> dict[str, str]:
        author = self.server.account(f"m{n}")
        ident = self.server.post(author, f"高額バイト {n}")
        uri = self.server.uri(ident)
        return {"native_id": uri, "url": uri, "author_id": f"{self.url}/users/m{n}", "author_handle": f"m{n}"}

    def replies(self) -> Iterator[tuple[str, str]]:
        for ident, one in list(self.server.statuses.items()):
            if one["account"]["id"] == self.own and one["in_reply_to_id"]:
                yield self.server.uri(one["in_reply_to_id"]), ident


class OnMisskey:
    """A Misskey server, which knows no keys."""

    channel, network = "misskey", "fediverse"

    def __init__(self, server: Misskey) -> None:
        self.server = server
        server.now = datetime.now(UTC)
        self.own = server.user("keisatsu")
        self.url = self.known_as = server.url

    def given(self, url: str) -> dict[str, str]:
        return {"server": url, "token": WRITER}

    def post(self, n: int) -> dict[str, str]:
        ident = self.server.note(self.server.user(f"k{n}"), f"高額バイト {n}")
        uri = f"{self.known_as}/notes/{ident}"
        return {"native_id": uri, "url": uri, "author_id": f"{self.url}/users/k{n}", "author_handle": f"k{n}"}

    def replies(self) -> Iterator[tuple[str, str]]:
        for ident, one in list(self.server.notes.items()):
            if one["userId"] == self.own and one["replyId"]:
                yield f"{self.known_as}/notes/{one['replyId']}", ident


class OnBluesky:
    """A real Bluesky server."""

    channel, network = "bluesky", "bluesky"

    def __init__(self, pds: Pds) -> None:
        pds.start()
        self.pds, self.writer, self.url = pds, pds.writer(), pds.url
        self.authors = [pds.writer() for _ in range(4)]

    def given(self, url: str) -> dict[str, str]:
        return {"service": url, "handle": self.writer.handle, "password": "only-for-tests"}

    def post(self, n: int) -> dict[str, str]:
        author = self.authors[n % len(self.authors)]
        uri = author.post(f"高額バイト {n}").uri
        return {
            "native_id": uri,
            "url": f"https://bsky.app/post/{n}",
            "author_id": f"{author.did}{n}",
            "author_handle": "",
        }

    def replies(self) -> Iterator[tuple[str, str]]:
        cursor = ""
        while True:
            asked = {"repo": self.writer.did, "collection": "app.bsky.feed.post", "limit": 100, "cursor": cursor}
            found = self.pds.call("com.atproto.repo.listRecords", params={k: v for k, v in asked.items() if v})
            for one in found["records"]:
                yield one["value"]["reply"]["parent"]["uri"], one["uri"]
            cursor = found.get("cursor", "")
            if not cursor:
                return


Server = OnMastodon | OnMisskey | OnBluesky


@contextmanager
def world(seed: int, pds: Pds | None = None) -> Iterator[tuple[list[tuple[Server, Failing]], dict[str, str]]]:
    """Servers with a failing line to each, and the environment of a deployment that may reach them."""
    with tempfile.TemporaryDirectory(prefix="yoake-outbox-") as folder, ExitStack() as stack:
        (Path(folder) / "db").mkdir()
        on: list[Server] = [
            OnMastodon(stack.enter_context(Mastodon())),
            OnMisskey(stack.enter_context(Misskey(tokens={WRITER: WRITES}))),
        ]
        if pds is not None:
            on.append(OnBluesky(pds))
        lines = [stack.enter_context(Failing(one.url, random.Random(f"{seed} {one.channel}"))) for one in on]
        for one, line in zip(on, lines, strict=True):
            if isinstance(one, OnMisskey):  # a server names its own notes by the address it is reached at
                one.known_as = f"http://{line.address}"
        environment = {
            **os.environ,
            "YOAKE_DATA": folder,
            "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
            "YOAKE_HOST_LIMITS": "127.0.0.1=0",
            "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
            "PYTHONPATH": str(ROOT),
        }
        yield list(zip(on, lines, strict=True)), environment


def _posts(servers: list[tuple[Server, Failing]], items: int) -> list[dict[str, Any]]:
    posts = []
    for n in range(items):
        place = n % len(servers)
        server = servers[place][0]
        posts.append({"sender": place, "network": server.network, **server.post(n)})
    return posts


class Workers:
    """A process that imported everything: called, it starts a worker and returns its process id."""

    def __init__(self, told: IO[str], heard: IO[str]) -> None:
        self._told, self._heard, self.started = told, heard, list[int]()

    def __call__(self) -> int:
        self.started.append(int(self._ask({})))
        return self.started[-1]

    def prepare(self, servers: list[tuple[Server, Failing]], posts: list[dict[str, Any]], **limits: int) -> None:
        """A sender on each server and an approved warning to each post."""
        senders = [{"channel": one.channel, "given": one.given(f"http://{line.address}")} for one, line in servers]
        self._do(PREPARE, senders=senders, posts=posts, limits=limits)

    def look(self) -> dict[str, Any]:
        """What the rows say."""
        return self._do(LOOK)

    def kill_all(self) -> None:
        """Every worker that was started is gone."""
        while self.started:
            with suppress(ProcessLookupError):
                os.kill(self.started.pop(), signal.SIGKILL)

    def _do(self, code: str, **told: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._ask({"code": code, **told}))
        if "problem" in found:
            raise RuntimeError(found["problem"])
        return found

    def _ask(self, told: dict[str, Any]) -> str:
        self._told.write(f"{json.dumps(told)}\n")
        self._told.flush()
        line = self._heard.readline()
        if not line:
            raise RuntimeError("the workers' process ended")
        return line


@contextmanager
def workers(environment: dict[str, str], claim_s: float = 1.0) -> Iterator[Workers]:
    """Gives a way to start a worker; all are gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKERS, str(claim_s)],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    made = Workers(process.stdin, process.stdout)
    try:
        yield made
    finally:
        made.kill_all()
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def _look(environment: dict[str, str]) -> dict[str, Any]:
    alone = f"import django, json; django.setup()\nanswer = lambda found: print(json.dumps(found))\n{LOOK}"
    found: dict[str, Any] = json.loads(python(alone, environment=environment))
    return found


def _wait_until_done(
    environment: dict[str, str], deadline_s: float, look: Callable[[], dict[str, Any]] | None = None
) -> dict[str, Any]:
    until = time.monotonic() + deadline_s
    while True:
        seen = look() if look is not None else _look(environment)
        if not set(seen["states"]) & {"approved", "sending"} or time.monotonic() > until:
            return seen
        time.sleep(0.3)


def python(code: str, *arguments: str, environment: dict[str, str]) -> str:
    """What a program prints. Raises RuntimeError with what it complained of."""
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-4000:])
    return ran.stdout
