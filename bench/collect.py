"""`make bench-collect`: how fast the Bluesky connectors read, how fast posts are checked, what a whole line costs.

    firehose   frames that a real PDS on loopback wrote, one post each, read by `bluesky_firehose` to pages
    jetstream  the same posts as Jetstream's JSON, read by `bluesky_jetstream` to pages
    checks     1,000 posts on that PDS through the worker's duty: all up, then a third of them deleted, with the limit by
               host lifted; then with a limit, where a proxy before the server notes when each request comes in
    line       `yoake patrol` on a Jetstream that sends 2,000 Japanese posts a second, evenly: processor time over time

"A core" is a second of processor time of the process that reads, all its threads: other work on the machine then counts
little. The peers read the same socket in a process of their own and make no pages: `atproto`, the library people take,
and the plainest loops (`websockets` with `libipld` or `json`), the least that reading costs in Python.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import libipld
import orjson
import psutil
from atproto import CAR, FirehoseSubscribeReposClient, models, parse_subscribe_repos_message
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection

from bench import invented
from tests import needs
from tests.collect.loopback import http_server, respond, socket_server
from tests.servers.jetstream import Event, Jetstream, decode_dag_cbor, events_of, post_event, tid
from tests.servers.pds import Pds, install
from yoake.collect.connector import Page
from yoake.collect.connectors.bluesky_firehose import BlueskyFirehose
from yoake.collect.connectors.bluesky_jetstream import BlueskyJetstream
from yoake.collect.hosts import BURST_S
from yoake.collect.net import Net

CHARACTERS: Final = 80
RECORDS: Final = 2_000  # that a repository holds before frames are recorded: the proofs in them grow with it
RECORDED: Final = 500  # frames that are recorded; they are sent over and over under new numbers
BEGIN_US: Final = 1_790_000_000_000_000
RATE: Final = 2_000  # events a second of the line
LIMIT: Final = 50  # requests a second of the limited checks
WARM_S: Final = 8  # before the line is watched
LAG_S: Final = 5.0  # behind live for longer than this is not keeping up
GOALS: Final = {
    "firehose": "events/s a core, at least 5,000",
    "jetstream": "events/s a core, at least 20,000",
    "checks": "1,000 in under 10 s, never above the limit",
    "line": "2,000 events/s at under 25 % of a core",
}

PREPARE = """
import django, sys, time; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from yoake.casework.cases.actions import serving_detector
from yoake.casework.people.models import Organisation
from yoake.casework.people.queries import system
from yoake.casework.sources.actions import add_source
from yoake.tables.posts import posts_batch
office = Organisation.objects.create(name="bench")
source = add_source(system("command"), office, "bluesky_jetstream", name="bench", options={"endpoints": sys.argv[1]})
source.cursor = str(time.time_ns() // 1000)  # as after an interruption: nothing that is sent is missed
source.save()
serving_detector().judge(posts_batch([{"network": "n", "native_id": "1", "text": "受け子募集"}]))  # kernels compile once a machine
"""

Way = Callable[[str, int], int]


def main() -> int:
    """Prints a table, then one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--frames", type=int, default=20_000, help="that the firehose sends")
    arguments.add_argument("--events", type=int, default=60_000, help="that Jetstream sends")
    arguments.add_argument("--checks", type=int, default=1_000)
    arguments.add_argument(
        "--seconds", type=int, default=65, help="of the line; within a minute it does all it ever does"
    )
    arguments.add_argument("--rounds", type=int, default=3, help="the best of so many counts of a stream")
    arguments.add_argument("--only", nargs="+", default=list(GOALS), choices=list(GOALS))
    given = arguments.parse_args()
    if not needs.found("node"):
        title, _, how = needs.PROGRAMS["node"]
        print(f"needs {title}: {how}", file=sys.stderr)
        return 1
    results: dict[str, Any] = {"bench": "collect", "load": os.getloadavg()[0]}
    print(f"{os.cpu_count()} cores, load average {results['load']:.1f}")
    goals: dict[str, bool] = {}
    install()
    with Pds() as pds:
        if {"firehose", "jetstream"} & set(given.only):
            frames = recorded(pds)
            results["frame_bytes"] = round(sum(map(len, frames)) / len(frames))
        if "firehose" in given.only:
            results |= firehose(frames, given.frames, given.rounds)
            goals["firehose"] = results["firehose"] >= 5_000
        if "jetstream" in given.only:
            results |= jetstream(frames, given.events, given.rounds)
            goals["jetstream"] = results["jetstream"] >= 20_000
        if "checks" in given.only:
            results |= checks(pds, given.checks)
            goals["checks"] = results["checks_s"] < given.checks / 100 and results["limit_kept"]
    if "line" in given.only:
        results |= line(given.seconds)
        goals["line"] = results["line_core"] < 0.25 and results["line_lag_s"] < LAG_S
    for name, met in goals.items():
        print(f"  goal {name:10} {GOALS[name]:48} {'met' if met else 'NOT met'}")
    print(json.dumps({**results, "goals": goals}))
    return int(not all(goals.values()))


def show(name: str, value: str) -> None:
    print(f"  {name:56} {value:>10}", flush=True)


# --- streams -----------------------------------------------------------------------------------------------------------


def recorded(pds: Pds) -> list[bytes]:
    """Commits of the firehose, one post each, as the server wrote them for a repository of RECORDS posts."""
    writer, frames = pds.writer(), list[bytes]()
    writer.post_many(invented.posts(RECORDS, CHARACTERS, seed=1))
    with connect(f"{pds.firehose_url}?cursor={pds.sequence()}", max_size=None, compression=None, proxy=None) as stream:
        for text in invented.posts(RECORDED, CHARACTERS, seed=2):
            writer.post(text)
        while len(frames) < RECORDED:
            frame = stream.recv(timeout=10)
            assert isinstance(frame, bytes)
            header, at = decode_dag_cbor(frame)
            if header["t"] == "#commit" and len(decode_dag_cbor(frame, at)[0]["ops"]) == 1:
                frames.append(frame)
    return frames


def firehose(frames: Sequence[bytes], n: int, rounds: int) -> dict[str, Any]:
    """`n` frames, numbered from 1."""
    parts = [libipld.decode_dag_cbor_multi(frame) for frame in frames]
    sent = []
    for seq in range(1, n + 1):
        header, body = parts[seq % len(parts)]
        sent.append(libipld.encode_dag_cbor(header) + libipld.encode_dag_cbor({**body, "seq": seq}))

    def script(connection: ServerConnection) -> None:
        for frame in sent:
            connection.send(frame)
        connection.recv()

    with socket_server(script) as url:
        ours = speed("bluesky_firehose to pages", read_firehose, url, n, rounds)
        library = speed("peer: atproto, models of commit and post", read_by_atproto, url, n, rounds)
        least = speed("least: websockets, libipld", read_by_libipld, url, n, rounds)
    return {"firehose": ours, "firehose_atproto": library, "firehose_least": least}


def jetstream(frames: Sequence[bytes], n: int, rounds: int) -> dict[str, Any]:
    """`n` events, stamped from BEGIN_US on, a microsecond apart."""
    events: list[Event] = []
    for frame in frames:
        header, at = decode_dag_cbor(frame)
        events += events_of(header["t"], decode_dag_cbor(frame, at)[0])
    with Jetstream() as server:
        server.push_many({**events[i % len(events)], "time_us": BEGIN_US + i} for i in range(n))
        ours = speed("bluesky_jetstream to pages", read_jetstream, server.url, n, rounds)
        plain = speed("least: websockets, json", read_by_json, server.url, n, rounds)
        least = speed("least: websockets, orjson", read_by_orjson, server.url, n, rounds)
    return {"jetstream": ours, "jetstream_json": plain, "jetstream_orjson": least}


def speed(name: str, way: Way, url: str, n: int, rounds: int) -> int:
    """Events a second of processor time, the best of the rounds, each in a fresh process."""
    used: list[float] = [in_a_process(_used, way, url, n) for _ in range(rounds)]
    rate = round(n / min(used))
    show(name, f"{rate:,}")
    return rate


def in_a_process(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` gives when it runs in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _used(way: Way, url: str, n: int) -> float:
    began = time.process_time()
    posts = way(url, n)
    used = time.process_time() - began
    if posts != n:
        raise RuntimeError(f"{posts} of {n} posts were read")
    return used


def read_firehose(url: str, n: int) -> int:
    options = BlueskyFirehose.Options(endpoint=url)
    return _posts(BlueskyFirehose().pages(options, "0", Net(allow_private=True)), n)


def read_jetstream(url: str, n: int) -> int:
    options = BlueskyJetstream.Options(endpoints=(url,))
    return _posts(BlueskyJetstream().pages(options, str(BEGIN_US), Net(allow_private=True)), BEGIN_US + n - 1)


def _posts(pages: Generator[Page, None, None], last: int) -> int:
    posts = 0
    with closing(pages):
        for page in pages:
            posts += page.posts.num_rows
            if page.cursor == str(last):
                break
    return posts


def read_by_atproto(url: str, n: int) -> int:
    client = FirehoseSubscribeReposClient(models.ComAtprotoSyncSubscribeRepos.Params(cursor=0), base_uri=f"{url}/xrpc")
    posts = 0

    def take(message: Any) -> None:
        nonlocal posts
        commit = parse_subscribe_repos_message(message)
        car = CAR.from_bytes(commit.blocks)
        for op in commit.ops:
            posts += bool(models.get_or_create(car.blocks.get(op.cid), strict=False).text)
        if commit.seq == n:
            client.stop()

    client.start(take)
    return posts


def read_by_libipld(url: str, n: int) -> int:
    posts = 0
    with connect(url, compression=None, max_size=None, proxy=None) as stream:
        for frame in stream:
            _, body = libipld.decode_dag_cbor_multi(frame)
            _, blocks = libipld.decode_car(body["blocks"])
            posts += sum(bool(blocks[op["cid"]]["text"]) for op in body["ops"])
            if body["seq"] == n:
                break
    return posts


def read_by_json(url: str, n: int) -> int:
    return _read_plainly(url, n, json.loads)


def read_by_orjson(url: str, n: int) -> int:
    return _read_plainly(url, n, orjson.loads)


def _read_plainly(url: str, n: int, loads: Callable[[str | bytes], Any]) -> int:
    posts = 0
    with connect(f"{url}?cursor={BEGIN_US}", compression=None, proxy=None) as stream:
        for message in stream:
            event = loads(message)
            posts += bool(event["commit"]["record"]["text"])
            if event["time_us"] == BEGIN_US + n - 1:
                break
    return posts


# --- checks ------------------------------------------------------------------------------------------------------------


def checks(pds: Pds, n: int) -> dict[str, Any]:
    """As many checks by the worker's duty: all up, a third gone, and under a limit."""
    print(f"{n:,} checks of posts that a real PDS keeps, through the worker's duty and the database")
    results: dict[str, Any] = {}
    for name, gone in (("checks", 0), ("checks_third_gone", n // 3)):
        seconds, used = checked(pds, n, gone, pds.url, "*=0")
        show(f"{gone or 'none'} of them deleted meanwhile, limit lifted", f"{seconds:.1f} s")
        results |= {f"{name}_s": round(seconds, 2), f"{name}_cpu_s": round(used, 2)}
    with noting_proxy(pds.url) as (url, came):
        seconds, _ = checked(pds, n, 0, url, f"*=0 {urlsplit(url).netloc}={LIMIT}")
    if len(came) != n:
        raise RuntimeError(f"the server was asked {len(came)} times for {n} checks")
    most = most_ahead(came)
    results |= {
        "limited_s": round(seconds, 2),
        "limit": LIMIT,
        "limited_rate": round((n - most) / (came[-1] - came[0]), 2),
        "limited_most_ahead": round(most, 2),
        # A request that is on its way a little less long than the one before comes in that much early: 20 ms are one.
        "limit_kept": most <= LIMIT * BURST_S + 1,
    }
    show(f"limit of {LIMIT} a second", f"{seconds:.1f} s")
    show(f"most requests beyond {LIMIT} a second, any stretch (at most {LIMIT * BURST_S:.0f})", f"{most:.1f}")
    return results


def most_ahead(came: Sequence[float]) -> float:
    """By how many requests any stretch of time exceeded LIMIT a second; `Hosts` allows BURST_S seconds' worth."""
    most, least = 0.0, float("inf")
    for number, at in enumerate(sorted(came)):
        ahead = number - LIMIT * at
        least = min(least, ahead)
        most = max(most, ahead - least + 1)
    return most


@contextmanager
def noting_proxy(upstream: str) -> Iterator[tuple[str, list[float]]]:
    """A server that passes questions on to another one, and the moments when they came in."""
    came: list[float] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        came.append(time.monotonic())
        with closing(http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=10)) as connection:
            connection.request("GET", request.path)
            told = connection.getresponse()
            respond(request, told.status, told.read(), Content_Type=told.getheader("Content-Type") or "")

    with http_server(answer) as url:
        yield url, came


def checked(pds: Pds, n: int, gone: int, api: str, limits: str) -> tuple[float, float]:
    """Seconds, and seconds of processor time of the worker, for `n` checks, `gone` of them of posts that were deleted."""
    writer, since = pds.writer(), pds.sequence()
    posted = writer.post_many(invented.OFFERS[1].format(i) for i in range(n))
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as folder:
        options = {"endpoint": pds.url.replace("http", "ws", 1), "api": api, "plc": pds.plc_url}
        worker = spawn.Process(target=_worker, args=(there, folder, options, str(since), n, limits))
        worker.start()
        there.close()
        here.recv()  # it read and decided them all
        writer.delete_many(post.uri for post in posted[:gone])
        here.send("begin")
        seconds, used, outcomes = here.recv()
        worker.join()
    if outcomes != {name: count for name, count in (("up", n - gone), ("deleted_by_author", gone)) if count}:
        raise RuntimeError(f"the checks say {outcomes}; {gone} of {n} were deleted")
    return seconds, used


def _worker(parent: Any, folder: str, options: dict[str, str], since: str, n: int, limits: str) -> None:
    """Patrols the posts, decides each in scope, and does the checks that are due an hour later when told to begin."""
    os.environ |= environment_of(folder) | {"YOAKE_HOST_LIMITS": limits}
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from yoake.casework.cases.actions import decide
    from yoake.casework.cases.models import Case, Check
    from yoake.casework.people.models import Membership, Organisation, User
    from yoake.casework.people.queries import actor_of, system
    from yoake.casework.sources.actions import add_source
    from yoake.pipeline.duties.check import check
    from yoake.pipeline.line import Progress, patrol

    call_command("migrate", verbosity=0)
    office, stop = Organisation.objects.create(name="bench"), threading.Event()
    source = add_source(system("command"), office, "bluesky_firehose", name="bench", options=options)
    source.cursor = since
    source.save()

    def tell(progress: Progress) -> None:
        if progress.opened >= n:
            stop.set()

    patrol(source, stop, tell=tell)
    user = User.objects.create(username="bench", staff_number="1")
    Membership.objects.create(user=user, organisation=office, role=Membership.Role.ANALYST)
    actor = actor_of(user)
    for case in Case.objects.select_related("post"):
        decide(actor, case.pk, "in_scope", version_id=case.post.current_id or 0, category_slug="criminal_recruitment")
    parent.send("ready")
    parent.recv()
    due = timezone.now() + timedelta(hours=2)
    began, used = time.monotonic(), time.process_time()
    while check(due):
        pass
    seconds, used = time.monotonic() - began, time.process_time() - used
    parent.send((seconds, used, dict(Counter(Check.objects.exclude(outcome="").values_list("outcome", flat=True)))))


def environment_of(folder: str) -> dict[str, str]:
    """A data folder of its own, SQLite, and servers on loopback may be reached."""
    (Path(folder) / "db").mkdir(parents=True, exist_ok=True)
    return {
        "YOAKE_DATA": folder,
        "YOAKE_DATABASE_URL": "",
        "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes",
        "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
    }


# --- the line ----------------------------------------------------------------------------------------------------------


def line(seconds: int) -> dict[str, Any]:
    """`yoake patrol` in a process of its own, watched for so long once it runs; every post of the stream is counted."""
    n = RATE * (seconds + WARM_S + 2)
    texts = invented.posts(n, CHARACTERS, 0.001)
    events = [post_event(f"did:plc:bench{i % 5000:019d}", tid(BEGIN_US + i), text) for i, text in enumerate(texts)]
    with tempfile.TemporaryDirectory(prefix="yoake-bench-") as folder, Jetstream() as server:
        environment = {**os.environ, **environment_of(folder)}
        subprocess.run([sys.executable, "-c", PREPARE, server.url], env=environment, check=True)
        command = [sys.executable, "-m", "yoake", "patrol", "bench"]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            server.wait_for_clients(timeout_s=60)
            ended = threading.Event()
            feeding = threading.Thread(target=_feed, args=(server, events, ended))
            feeding.start()
            time.sleep(WARM_S)
            database = sqlite3.connect(f"file:{folder}/db/yoake.sqlite3?mode=ro", uri=True)
            core, lags = _watched(psutil.Process(process.pid), database, seconds)
            ended.set()
            feeding.join()
            sent, deadline = len(server), time.monotonic() + 10
            while _counted(database) < sent and time.monotonic() < deadline:
                time.sleep(0.2)
            counted = _counted(database)
        finally:
            process.terminate()
            process.wait(20)
    if counted != sent:
        raise RuntimeError(f"{counted} of {sent} posts were counted")
    show(f"the line at {RATE:,} events a second: part of one core", f"{core:.1%}")
    show("behind live at most", f"{max(lags):.1f} s")
    return {"line_core": round(core, 4), "line_lag_s": round(max(lags), 2), "line_load": os.getloadavg()[0]}


def _feed(server: Jetstream, events: Sequence[Event], ended: threading.Event) -> None:
    """Sends them by the clock, at most a millisecond's worth at once unless this thread was held up."""
    began, at = time.monotonic(), 0
    while not ended.is_set():
        due = min(len(events), int((time.monotonic() - began) * RATE))
        if due > at:
            server.push_many(events[at:due])
            at = due
        time.sleep(0.0005)


def _watched(patrol: psutil.Process, database: sqlite3.Connection, seconds: int) -> tuple[float, list[float]]:
    """Processor time over time, and how far the cursor was behind live, every half second."""

    def used() -> float:
        times = patrol.cpu_times()
        return float(times.user + times.system)

    began, before, lags = time.monotonic(), used(), list[float]()
    while time.monotonic() - began < seconds:
        time.sleep(0.5)
        (cursor,) = database.execute("SELECT cursor FROM sources_source").fetchone()
        lags.append(time.time() - int(cursor) / 1e6)
    return (used() - before) / (time.monotonic() - began), lags


def _counted(database: sqlite3.Connection) -> int:
    (counted,) = database.execute("SELECT sum(n) FROM sources_hourcount WHERE name = 'posts'").fetchone()
    return int(counted or 0)


if __name__ == "__main__":
    raise SystemExit(main())
