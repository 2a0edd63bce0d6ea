"""Kills `yoake web` and the worker at random moments while people approve what leaves, and counts what stands afterwards.

Beside `soak_outbox.py`, whose servers, failing lines and worker it uses: here the drafts are approved through the pages, by
two people at once, of whom the second gives the second approval where it is needed. A person whose page does not answer opens
it again and does what it then offers. Used by the suite (6 kills a database) and by `make soak-outbox` (40, of `yoake web` itself).
"""

from __future__ import annotations

import json
import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass

import httpx

from tests.pipeline.soak_outbox import ROOT, _posts, _wait_until_done, python, workers, world
from tests.servers.pds import Pds, free_port

PREPARE = """
import django, json, sys; django.setup()
from datetime import timedelta
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.test import Client
from django.utils import timezone
from tests.outbox_world import NO_PAUSE, WORDS, decided, sender_on, to_of
from yoake.casework.outbox.actions import draft
from yoake.casework.people.models import Membership, Organisation, User
from yoake.casework.people.queries import actor_of
from yoake.casework.sources.models import Source
told = json.loads(sys.argv[1])
office = Organisation.objects.create(name="soak")
def person(name, role):
    user = User.objects.create_user(name, password="a long pass phrase 17", second_factor_from=timezone.now() + timedelta(days=9))
    Membership.objects.create(user=user, organisation=office, role=role)
    return user
def session(user):
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
first, second = person("first", "analyst"), person("second", "supervisor")
administrator, analyst = actor_of(person("administrator", "administrator")), actor_of(first)
source = Source.objects.create(organisation=office, name="soak", connector="jsonl", options={"path": "-"})
senders = [sender_on(administrator, one["channel"], one["given"], limits=NO_PAUSE) for one in told["senders"]]
items = []
for n, one in enumerate(told["posts"]):
    row = {name: one[name] for name in ("network", "native_id", "url", "author_id", "author_handle")}
    case, sender = decided(analyst, source, **row), senders[one["sender"]]
    items.append(draft(analyst, case.pk, "warning", channel=sender.channel, way="reply", to=to_of(case), body={"text": WORDS},
                       sender_id=sender.pk, second_needed=n % 3 == 0).pk)
print(json.dumps({"sessions": [session(first), session(second)], "items": items}))
"""

# What was approved, by the rows and by the audit: an item, whether it is approved in full, whether not at all, lines of audit.
APPROVED = """
import django, json; django.setup()
from collections import Counter
from yoake.casework.audit.models import Entry
from yoake.casework.outbox.models import OutboxItem
said = Counter(entry.facts["item"] for entry in Entry.objects.filter(kind__in=["outbox_approved", "outbox_approved_second"]))
print(json.dumps([
    [item.pk, item.state, bool(item.approved_at), bool(item.second_at), item.second_needed, said[item.pk]]
    for item in OutboxItem.objects.order_by("pk")
]))
"""
# Shows a page once, which imports everything; then forks a server of the pages for each line it reads, so that a killed one is
# followed at once.
FORKED = """
import os, signal, sys
import django; django.setup()
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from django.db import connections
from django.test import Client
from yoake.config.wsgi import application
client = Client()
client.cookies["sessionid"] = sys.argv[2]
assert client.get(sys.argv[3], HTTP_HOST="127.0.0.1").status_code == 200
connections.close_all()
if hasattr(connections["default"], "close_pool"):
    connections["default"].close_pool()  # two processes must not speak over one of its connections
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads, allow_reuse_address = True, True
class Quiet(WSGIRequestHandler):
    def log_message(self, *told): pass
server = make_server("127.0.0.1", int(sys.argv[1]), application, Server, Quiet)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        os.close(0)
        server.serve_forever()
    print(pid, flush=True)
"""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
BOUND = re.compile(r'name="bound" value="([^"]+)"')
OFFERED = re.compile(r'name="act" value="(approve|approve_second)"')


@dataclass
class WebLedger:
    """What people approved, what was killed, what stands there."""

    drafted: int
    kills_of_web: int
    kills_of_worker: int
    unanswered: int  # requests of people that a killed server did not answer
    written_down: int  # approvals that a page confirmed
    unanswered_but_done: int  # that it did not confirm, and a person found done when they looked again
    lost: int  # that a page confirmed, and the rows or the audit do not know
    half: int  # items of which rows and audit say different things, or that went with too few approvals
    standing_once: int
    missing: int
    twice: int
    chain: str
    states: str
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether what people approved stands exactly once, each with every approval it needed."""
        bad = self.lost or self.half or self.missing or self.twice
        return not bad and self.standing_once == self.drafted and self.chain == "whole"

    def __str__(self) -> str:
        return "\n".join(f"  {name.replace('_', ' '):28} {value}" for name, value in asdict(self).items())


@contextmanager
def granian(environment: dict[str, str]) -> Iterator[Callable[[], None]]:
    """`yoake web`, and a way to kill it (with the process it started) and start it again."""
    running: list[subprocess.Popen[bytes]] = []

    def begin() -> None:
        command = [sys.executable, "-m", "yoake", "web"]
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True))

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(running[-1].pid, signal.SIGKILL)
        running[-1].wait(20)

    def restart() -> None:
        end()
        begin()

    begin()
    try:
        yield restart
    finally:
        end()


@contextmanager
def forked(environment: dict[str, str]) -> Iterator[Callable[[], None]]:
    """The same pages served by the standard library's server, which starts in no time."""
    command = [sys.executable, "-c", FORKED, environment["YOAKE_PORT"], environment["SESSION"], environment["PAGE"]]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, heard = process.stdin, process.stdout
        running: list[int] = []

        def restart() -> None:
            if running:
                os.kill(running.pop(), signal.SIGKILL)
            told.write("go\n")
            told.flush()
            running.append(int(heard.readline()))

        restart()
        try:
            yield restart
        finally:
            with suppress(ProcessLookupError):
                os.kill(running.pop(), signal.SIGKILL)
            told.close()


def soak_web(
    *,
    items: int = 18,
    kills: int = 3,
    seed: int = 1,
    database_url: str = "",
    pds: Pds | None = None,
    web: Callable[[dict[str, str]], AbstractContextManager[Callable[[], None]]] = forked,
) -> WebLedger:
    """Two people approve `items` drafts while the web process is killed `kills` times, and the worker as often.

    Args:
        items: how many drafts; a third of them need a second approval.
        kills: how often web and worker are killed (SIGKILL) and started again.
        seed: decides when, and what fails on the lines.
        database_url: an empty database of its own; a new SQLite file when left out.
        pds: a Bluesky server to send to as well.
        web: what serves the pages: `granian` is `yoake web` itself, `forked` starts quicker.
    """
    chance, began = random.Random(seed), time.monotonic()
    with world(seed, pds) as (servers, reached):
        port = free_port()
        environment = reached | {"YOAKE_DATABASE_URL": database_url, "YOAKE_PORT": str(port)}
        posts = _posts(servers, items)
        senders = [{"channel": one.channel, "given": one.given(f"http://{line.address}")} for one, line in servers]
        told = json.loads(python(PREPARE, json.dumps({"senders": senders, "posts": posts}), environment=environment))
        environment |= {"SESSION": told["sessions"][0], "PAGE": f"/outgoing/{told['items'][0]}/"}
        desk = _Desk(f"http://127.0.0.1:{port}", told["sessions"], told["items"])
        with workers(environment) as start, web(environment) as restart, desk.people():
            worker = start()
            for n in range(kills):
                desk.hand_out(n, kills)
                desk.has_answered()
                time.sleep(chance.uniform(0.0, 0.4))
                restart()
                os.kill(worker, signal.SIGKILL)
                worker = start()
            desk.hand_out(kills, kills)
            desk.wait(deadline_s=60 + 2 * items)
            seen = _wait_until_done(environment, deadline_s=120 + 2 * items)
            rows = json.loads(python(APPROVED, environment=environment))
        standing = Counter[str]()
        for server, _line in servers:
            standing.update(above for above, _name in server.replies())
    wanted = [one["native_id"] for one in posts]
    approvals = {pk: done + second for pk, _state, done, second, _needed, _said in rows}
    said = {pk: n for pk, *_rest, n in rows}
    confirmed = Counter(pk for pk, _act in desk.confirmed)
    return WebLedger(
        drafted=items,
        kills_of_web=kills,
        kills_of_worker=kills,
        unanswered=desk.unanswered,
        written_down=len(desk.confirmed),
        unanswered_but_done=sum(approvals.values()) - len(desk.confirmed),
        lost=sum(approvals[pk] < n or said[pk] < n for pk, n in confirmed.items()),
        half=sum(
            approvals[pk] != said[pk] or (state != "draft" and approvals[pk] != 1 + needed)
            for pk, state, _done, _second, needed, _said in rows
        ),
        standing_once=sum(standing[post] == 1 for post in wanted),
        missing=sum(standing[post] == 0 for post in wanted),
        twice=sum(standing[post] > 1 for post in wanted),
        chain=seen["chain"] or "whole",
        states=json.dumps(seen["states"] | seen["why"] | seen["problems"]),
        seconds=round(time.monotonic() - began, 1),
    )


class _Desk:
    """Two people at their browsers, who approve what is handed out to them."""

    def __init__(self, address: str, sessions: list[str], items: list[int]) -> None:
        self.address, self.sessions, self.items = address, sessions, items
        self.confirmed: list[tuple[int, str]] = []
        self.unanswered = 0
        self._waiting: list[queue.Queue[int]] = [queue.Queue(), queue.Queue()]  # of the first and the second person
        self._left, self._lock, self._over = len(items), threading.Lock(), threading.Event()
        self._answered = threading.Event()
        self.trouble: list[BaseException] = []

    def hand_out(self, nth: int, last: int) -> None:
        """The nth share of the drafts."""
        self._answered.clear()
        for pk in self.items[nth :: last + 1]:
            self._waiting[0].put(pk)

    def has_answered(self) -> None:
        """Waits until the server confirmed an approval since the last share was handed out: it is being worked on."""
        assert self._answered.wait(60), self.trouble or "nothing was approved for a minute"

    def wait(self, deadline_s: float) -> None:
        """Until every draft is approved by everybody it needs."""
        until = time.monotonic() + deadline_s
        while self._left and time.monotonic() < until and not self.trouble:
            time.sleep(0.1)

    @contextmanager
    def people(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(20)
        if self.trouble:
            raise self.trouble[0]

    def _work(self, who: int) -> None:
        try:
            with httpx.Client(base_url=self.address, timeout=10, cookies={"sessionid": self.sessions[who]}) as browser:
                while not self._over.is_set():
                    with suppress(queue.Empty):
                        self._approve(browser, who, self._waiting[who].get(timeout=0.1))
        except BaseException as problem:
            self.trouble.append(problem)

    def _approve(self, browser: httpx.Client, who: int, pk: int) -> None:
        """Opens the page and approves, and again, until it offers this person nothing more."""
        while not self._over.is_set():
            try:
                page = browser.get(f"/outgoing/{pk}/")
                assert page.status_code == 200, (page.status_code, page.headers.get("location"))
                act = OFFERED.search(page.text)
                if act is None:
                    break
                token, bound = TOKEN.search(page.text), BOUND.search(page.text)
                assert token is not None
                assert bound is not None
                form = {"csrfmiddlewaretoken": token[1], "bound": bound[1], "act": act[1]}
                answer = browser.post(f"/outgoing/{pk}/act/", data=form)
            except httpx.TransportError:
                self.unanswered += 1
                time.sleep(0.05)
                continue
            assert answer.status_code == 302, (answer.status_code, answer.text[:2000])
            with self._lock:
                self.confirmed.append((pk, act[1]))
            self._answered.set()
        else:
            return
        if who == 0 and 'id="approve-title"' in page.text:  # the page says that a colleague approves it too
            self._waiting[1].put(pk)
        else:
            with self._lock:
                self._left -= 1
