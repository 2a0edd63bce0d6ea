"""`make bench-desk`: 20 people at a desk of 100,000 open cases and 1 million posts, on SQLite and on PostgreSQL.

The server is `yoake web` as a user starts it, in processes of its own; the load comes from this machine too: 20 sessions
that open the inbox, go from case to case, take the lease, think (3 s in the mean, exponential) and decide, and while they
look at the list ask for news as the browser does. Measured are the answers (p50, p95), the CPU of the server per page, and in
Chromium the time from the key to the next case, and the tool time of a scripted triage: 5 of 6 cases by one key, 1 of 6
with its elements confirmed. The physical limit beside it, in the same run: the sign-in page, which asks no database of the desk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.desk_world import USERS
from tests.servers.postgresql import PostgreSQL

SESSIONS = 20
THINK_S = 3.0
GOALS = {"inbox": 100.0, "case": 100.0, "key to next case": 150.0, "tool time": 500.0}  # p95 in ms; the last is a mean
_CASE = re.compile(r'href="(/case/\d+/[^"]*)"[^>]*data-row')
_VERSION = re.compile(r'name="version_id" value="(\d+)"')
_COOKIES = """
import django; django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from yoake.casework.people.models import User
for user in User.objects.filter(username__startswith="bench_").order_by("pk"):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(session.session_key)
"""


def main() -> int:
    """Prints a table a database; 1 when a goal is missed."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--open", type=int, default=100_000)
    asked.add_argument("--posts", type=int, default=1_000_000)
    asked.add_argument("--seconds", type=int, default=120)
    asked.add_argument("--decisions", type=int, default=60, help="in the browser")
    asked.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    asked.add_argument("--json", type=Path)
    asked.add_argument(
        "--world",
        type=Path,
        help="where what was filled is kept and found again; the one database asked is YOAKE_DATABASE_URL, else SQLite there",
    )
    given = asked.parse_args()
    told = {}
    yours = os.environ.get("YOAKE_DATABASE_URL", "")
    kept = ["postgresql" if yours else "sqlite"] if given.world else None
    for database in kept or given.database or ["sqlite", "postgresql"]:
        with _place(given.world) as place, nullcontext(yours) if kept else _database(database) as url:
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("YOAKE_")},
                "YOAKE_DATA": place,
                "YOAKE_DATABASE_URL": url,
                "YOAKE_KEY_FILE": f"{place}/key",
                "DJANGO_SETTINGS_MODULE": "yoake.config.settings",
            }
            (Path(place) / "db").mkdir(exist_ok=True)
            told[database] = measure(environment, given)
            show(database, told[database])
    if given.json:
        given.json.write_text(json.dumps(told, indent=1))
    return int(any(missed(one) for one in told.values()))


def measure(environment: dict[str, str], given: argparse.Namespace) -> dict[str, Any]:
    """Fills the database, serves it, and asks."""
    began = time.perf_counter()
    world = [sys.executable, "-m", "bench.desk_world", "--open", str(given.open), "--posts", str(given.posts)]
    filled = Path(environment["YOAKE_DATA"]) / "filled"
    if not filled.exists():
        subprocess.run(world, env=environment, check=True, stdout=subprocess.DEVNULL)
        filled.touch()
    told: dict[str, Any] = {"filled_s": round(time.perf_counter() - began), "open": given.open, "posts": given.posts}
    ran = subprocess.run([sys.executable, "-c", _COOKIES], env=environment, check=True, capture_output=True, text=True)
    cookies = ran.stdout.split()
    assert len(cookies) == USERS
    with _served(environment) as (address, server):
        told["browser"] = in_the_browser(address, cookies[-1], given.decisions)
        told["load"] = asyncio.run(under_load(address, cookies[:SESSIONS], given.seconds, server))
    return told


async def under_load(address: str, cookies: list[str], seconds: int, server: psutil.Process) -> dict[str, Any]:
    """20 people work for so long; answers in ms by kind of page, and the CPU they cost."""
    took: dict[str, list[float]] = defaultdict(list)
    failed: list[str] = []
    for cookie in cookies[:4]:  # threads and caches are warm
        await _person(address, cookie, 4.0, defaultdict(list), failed, random.Random(0))
    before, began = _cpu_s(server), time.perf_counter()
    chances = [random.Random(seed) for seed in range(len(cookies))]
    await asyncio.gather(
        *(_person(address, cookie, seconds, took, failed, one) for cookie, one in zip(cookies, chances, strict=True))
    )
    spent, wall = _cpu_s(server) - before, time.perf_counter() - began
    async with httpx.AsyncClient(base_url=address) as client:
        for _ in range(100):
            await _timed(took, "sign-in (limit)", client.get("/sign-in/"))
    asked = sum(len(times) for kind, times in took.items() if kind != "sign-in (limit)")
    return {
        "pages": {kind: _summary(times) for kind, times in sorted(took.items())},
        "requests": asked,
        "requests_per_s": round(asked / wall, 1),
        "cpu_share_of_a_core": round(spent / wall, 3),
        "cpu_ms_per_request": round(1000 * spent / asked, 1),
        "decisions_per_hour_of_all": round(len(took["decide"]) / wall * 3600),
        "failed": failed[:5],
        "n_failed": len(failed),
    }


async def _person(
    address: str, cookie: str, seconds: float, took: dict[str, list[float]], failed: list[str], chance: random.Random
) -> None:
    try:
        await _work(address, cookie, seconds, took, failed, chance)
    except httpx.TransportError as problem:  # no answer in 30 s: this person gives up
        failed.append(type(problem).__name__)


async def _work(
    address: str, cookie: str, seconds: float, took: dict[str, list[float]], failed: list[str], chance: random.Random
) -> None:
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(base_url=address, cookies={"sessionid": cookie}, timeout=30) as client:
        await asyncio.sleep(chance.random() * min(THINK_S, seconds / 2))
        while time.monotonic() < until:
            page = await _timed(took, "inbox", client.get("/live/"))
            found = _CASE.findall(page.text)
            if page.status_code != 200 or not found:
                failed.append(f"inbox {page.status_code}")
                return
            await _timed(took, "beside", client.get("/live/beside/", headers=_HX))
            await asyncio.sleep(min(chance.expovariate(1 / THINK_S), 9))
            await _timed(took, "news", client.get("/live/pulse/", params={"newest": "0", "shown": ""}, headers=_HX))
            at: str | None = chance.choice(found).replace("&amp;", "&")
            for _ in range(12):
                if at is None or time.monotonic() > until:
                    break
                at = await _decide(client, at, took, failed, chance)


_HX = {"HX-Request": "true"}


async def _decide(
    client: httpx.AsyncClient, at: str, took: dict[str, list[float]], failed: list[str], chance: random.Random
) -> str | None:
    """Reads a case and decides it; the address of the next one."""
    page = await _timed(took, "case", client.get(at))
    version = _VERSION.search(page.text)
    if page.status_code != 200 or version is None:  # a colleague was quicker
        if page.status_code != 200:
            failed.append(f"case {page.status_code}")
        return None
    case = at.split("?", maxsplit=1)[0]
    token = {"X-CSRFToken": client.cookies.get("csrftoken") or ""}
    lease = client.post(f"{case}lease/", data={"version_id": version[1]}, headers=token | _HX)
    await _timed(took, "lease", lease)
    await asyncio.sleep(min(chance.expovariate(1 / THINK_S), 15))
    in_scope = chance.random() < 1 / 6
    told = {"version_id": version[1], "verdict": "in_scope" if in_scope else "not_in_scope"}
    if in_scope:
        told["category"] = "criminal_recruitment"
    answer = await _timed(took, "decide", client.post(f"{case}decide/", data=told, headers=token))
    if answer.status_code not in (302, 409):
        failed.append(f"decide {answer.status_code}")
    following = answer.headers.get("Location", "")
    return following if following.startswith("/case/") else None


async def _timed(took: dict[str, list[float]], kind: str, asked: Any) -> httpx.Response:
    began = time.perf_counter()
    answer: httpx.Response = await asked
    took[kind].append(1000 * (time.perf_counter() - began))
    return answer


# --- in the browser ---------------------------------------------------------------------------------------------------

# From the key to the frame in which the next case can be read, by the browser's own clock.
_CLOCK = """
addEventListener("keydown", () => sessionStorage.setItem("bench-key", Date.now()), true);
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => {
  const key = sessionStorage.getItem("bench-key");
  if (key) document.documentElement.dataset.benchTook = Date.now() - key;
})));
"""


def in_the_browser(address: str, cookie: str, decisions: int) -> dict[str, Any]:
    """One person triages by keyboard alone: times in ms from the last key to the next case, and the tool time of each."""
    from playwright.sync_api import sync_playwright

    from tests.e2e.test_desk import FLAGS
    from tests.needs import need

    trips, tool = [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=need("chromium"), args=FLAGS)
        context = browser.new_context(base_url=address, locale="ja", viewport={"width": 1280, "height": 860})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": address}])
        context.add_init_script(_CLOCK)
        page = context.new_page()
        page.goto("/live/")
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-decide]")
        for n in range(decisions + 5):
            page.wait_for_selector("#lease .reading")  # a person reads meanwhile
            before, began = page.url, time.perf_counter()
            if n % 6 == 5:
                confirm_elements(page)
                page.keyboard.press("1")
                page.keyboard.press("Control+Enter")
            else:
                page.keyboard.press(ONE_KEY)
            page.wait_for_function(
                "before => location.href !== before && document.documentElement.dataset.benchTook", arg=before
            )
            if n >= 5:  # the first ones warm the caches of server and browser
                tool.append(1000 * (time.perf_counter() - began))
                trips.append(float(page.evaluate("document.documentElement.dataset.benchTook")))
        browser.close()
    return {"key to next case": _summary(trips), "tool time": _summary(tool)}


ONE_KEY = "Shift+N"  # not in scope, recorded at once


def confirm_elements(page: Any) -> None:
    """Confirms what the detector proposes: the key of each element that has a proposal."""
    offered = "[data-element][data-keys]:not([data-proposed=''])"
    keys = page.eval_on_selector_all(offered, "all => all.map(one => one.dataset.keys)")
    assert keys, "nothing is proposed"
    for key in keys:
        page.keyboard.press(key)
    assert page.locator("[data-element]:checked").count() == len(keys)


# --- around it ----------------------------------------------------------------------------------------------------------


@contextmanager
def _place(kept: Path | None) -> Iterator[str]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield str(kept.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="yoake-desk-") as place:
        yield place


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with PostgreSQL() as server:
        yield server.url


@contextmanager
def _served(environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**environment, "YOAKE_PORT": str(port)}
    with (Path(environment["YOAKE_DATA"]) / "web.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "yoake", "web"], env=environment, stdout=log, stderr=log)
    address = f"http://localhost:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/sign-in/", timeout=2).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise
                time.sleep(0.2)
        time.sleep(5)  # the detector is loaded beside
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _cpu_s(server: psutil.Process) -> float:
    times = [one.cpu_times() for one in (server, *server.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "n": len(ordered),
        "mean": round(statistics.fmean(ordered), 1),
        "p50": round(ordered[len(ordered) // 2], 1),
        "p95": round(ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)], 1),
    }


def missed(told: dict[str, Any]) -> list[str]:
    """Which goals were not met."""
    found = {**told["load"]["pages"], **told["browser"]}
    return [
        kind
        for kind, goal in GOALS.items()
        if kind not in found or found[kind]["mean" if kind == "tool time" else "p95"] > goal
    ]


def show(database: str, told: dict[str, Any]) -> None:
    """Prints what was measured on a database."""
    load = told["load"]
    print(f"\n{database}: {told['open']:,} open cases, {told['posts']:,} posts (filled in {told['filled_s']} s)")
    print(f"  {'':18}{'n':>7}{'mean':>9}{'p50':>9}{'p95':>9}   goal (ms)")
    for kind, found in {**load["pages"], **told["browser"]}.items():
        goal = GOALS.get(kind)
        said = "" if goal is None else f"   {'mean' if kind == 'tool time' else 'p95'} {goal:.0f}"
        print(f"  {kind:18}{found['n']:>7}{found['mean']:>9}{found['p50']:>9}{found['p95']:>9}{said}")
    print(
        f"  {SESSIONS} sessions: {load['requests_per_s']} requests/s, {load['cpu_share_of_a_core']:.0%} of a core,"
        f" {load['cpu_ms_per_request']} ms CPU a request, {load['n_failed']} failed {load['failed']}"
    )
    for kind in missed(told):
        print(f"  MISSED: {kind}")


if __name__ == "__main__":
    sys.exit(main())
