"""What the processes of one machine know together: limits by host, pauses and quotas."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import stat
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.collect.loopback import Clock, ClockNet
from yoake.collect.hosts import BURST_S, Hosts
from yoake.collect.net import Busy
from yoake.collect.shared import Shared
from yoake.collect.threads import Threads
from yoake.collect.x import X
from yoake.collect.x_searching import Budget
from yoake.errors import TryLater

BOARD = "board.example:443"
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "hosts.sqlite3"


def _ask(file: Path, rate: float, seconds: float, told: Any) -> None:
    """A process that asks whenever it may; tells when."""
    hosts, times = Hosts({"*": rate}, file=file), []
    end = time.time() + seconds
    while time.time() < end:
        try:
            hosts.turn(BOARD, 0)
            times.append(time.time())
        except Busy as busy:
            time.sleep(min(0.01, busy.after_s))
    told.put(times)


def test_processes_together_keep_to_the_limit_of_a_host(file: Path) -> None:
    rate, told = 20.0, SPAWN.Queue()
    asking = [SPAWN.Process(target=_ask, args=(file, rate, 3.0, told)) for _ in range(3)]
    for process in asking:
        process.start()
    times = sorted(at for _ in asking for at in told.get(timeout=60))
    for process in asking:
        process.join()
    stretch = times[-1] - times[0]
    assert len(times) <= (stretch + BURST_S) * rate + 1
    assert len(times) > BURST_S * rate  # and none of them gave up


def test_a_host_that_asked_to_wait_is_left_alone_by_every_process_and_after_a_restart(file: Path) -> None:
    patrol, worker = Hosts(file=file), Hosts(file=file)
    assert patrol.leave(BOARD, 30) == 30
    for hosts in (worker, Hosts(file=file)):
        with pytest.raises(Busy, match=r"board\.example asked to wait; trying again in 30 s"):
            hosts.turn(BOARD, 1e9)
        assert hosts.due_s(BOARD) == pytest.approx(30, abs=1)
    assert [hosts.leave("b.example:1", None) for hosts in (patrol, worker, patrol)] == [60, 120, 240]
    worker.well("b.example:1")
    assert patrol.leave("b.example:1", None) == 60


def test_a_crawl_delay_binds_whoever_asks(file: Path) -> None:
    patrol, worker = Hosts(file=file), Hosts(file=file)
    patrol.slow(BOARD, 10)
    assert patrol.turn(BOARD, 0) == 0
    assert worker.turn(BOARD, 60) == pytest.approx(10, abs=1)


def test_a_clock_that_was_set_back_makes_nobody_wait_longer(file: Path) -> None:
    now = [1_000_000.0]
    hosts = Hosts({"*": 1.0}, file=file, clock=lambda: now[0])
    hosts.leave(BOARD, 30)
    now[0] -= 3600
    with pytest.raises(Busy) as caught:
        hosts.turn(BOARD, 0)
    assert caught.value.after_s == pytest.approx(30)
    now[0] += 31
    assert hosts.turn(BOARD, 0) == 0
    hosts.leave(BOARD, 30)
    now[0] -= 3600
    assert hosts.due_s(BOARD) == pytest.approx(30)  # also for whoever only looks
    now[0] += 31
    assert hosts.due_s(BOARD) == 0


def test_the_file_is_private_and_names_no_host(file: Path) -> None:
    hosts = Hosts(file=file)
    hosts.turn(BOARD, 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"board" not in file.read_bytes()


def test_it_stays_small_and_forgets_what_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.shared._MOST", 500)
    now = [1_000_000.0]
    shared = Shared(file, clock=lambda: now[0])
    shared.change("quota", "kept", lambda _: (1, 10_000))
    for number in range(2_000):
        shared.change("host", str(number), lambda _, number=number: (number, 1_000 + number))  # type: ignore[misc]
    with sqlite3.connect(file) as db:
        (many,) = db.execute("SELECT count(*) FROM kept").fetchone()
    assert many <= 701
    assert (shared.get("host", "1999"), shared.get("host", "0"), shared.get("quota", "kept")) == (1999, None, 1)
    now[0] += 20_000
    assert shared.get("host", "1999") is None


def more(told: Any) -> tuple[Any, float]:
    return told + 10, 60.0


def _dies(file: Path) -> None:
    def die(_told: Any) -> tuple[Any, float]:
        os.kill(os.getpid(), signal.SIGKILL)
        return 2, 60.0

    Shared(file).change("quota", "a", die)


def test_whoever_is_killed_in_a_change_changes_nothing_and_holds_nobody_up(file: Path) -> None:
    shared = Shared(file)
    shared.change("quota", "a", lambda _: (1, 60.0))
    process = SPAWN.Process(target=_dies, args=(file,))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    began = time.monotonic()
    shared.change("quota", "a", more)
    assert (shared.get("quota", "a"), time.monotonic() - began < 1) == (11, True)


def test_what_a_change_raises_changes_nothing(file: Path) -> None:
    shared = Shared(file)
    shared.change("quota", "a", lambda _: ([1], 60.0))

    def refuse(told: Any) -> tuple[Any, float]:
        told.append(2)
        raise Busy("no", after_s=1)

    with pytest.raises(Busy):
        shared.change("quota", "a", refuse)
    shared.change("quota", "a", lambda _: None)
    assert shared.get("quota", "a") == [1]


def test_a_child_that_was_forked_opens_it_anew(file: Path) -> None:
    shared = Shared(file)
    shared.change("quota", "a", lambda _: (1, 60.0))
    if (child := os.fork()) == 0:
        try:
            shared.change("quota", "a", more)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    shared.change("quota", "a", more)
    assert shared.get("quota", "a") == 21


@pytest.mark.parametrize("octets", [b"nonsense" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_made_anew(file: Path, octets: bytes, caplog: pytest.LogCaptureFixture) -> None:
    file.parent.mkdir()
    file.write_bytes(octets)
    patrol, worker = Hosts(file=file), Hosts(file=file)
    patrol.leave(BOARD, 30)
    with pytest.raises(Busy):
        worker.turn(BOARD, 0)
    assert "was damaged" in caplog.text


def test_without_a_place_for_it_a_process_knows_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "nowhere"
    hosts = Hosts(file=folder / "run" / "hosts.sqlite3")
    hosts.leave(BOARD, 30)
    with pytest.raises(Busy):
        hosts.turn(BOARD, 0)
    hosts.use_quota("a", lambda _: (1, 60.0))
    assert hosts.quota("a") == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # said once
    assert not folder.exists()


def test_a_file_that_can_be_used_again_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yoake.collect.shared._AGAIN_S", 0.2)
    file = tmp_path / "later" / "run" / "hosts.sqlite3"
    hosts = Hosts(file=file)
    hosts.leave("a.example:1", 30)
    file.parent.parent.mkdir()
    time.sleep(0.3)
    hosts.leave(BOARD, 30)
    with pytest.raises(Busy):
        Hosts(file=file).turn(BOARD, 0)


# --- quotas ------------------------------------------------------------------------------------------------------------


class _Api(X):
    """X's count of what the month used, which is behind."""

    asked = 0

    def ask(self, path: str, params: Any = None, *, limit: str = "") -> dict[str, Any]:
        self.asked += 1
        return {"data": {"project_usage": "0", "project_cap": "1100", "cap_reset_day": 1}}


def test_a_restart_grants_no_second_share_of_xs_posts(file: Path) -> None:
    clock = Clock()
    budgets = []
    for _ in range(3):
        net = ClockNet(clock)
        net.hosts = Hosts({"*": 0.0}, file=file, clock=lambda: clock().timestamp())
        budgets.append(Budget(_Api("http://x.example", "k", net), "x_bearer", 1100))
    share = budgets[0].left()
    assert share == 100
    budgets[0].spend(60)
    budgets[1].spend(10)
    assert [budget.left() for budget in budgets] == [30] * 3
    clock.at += timedelta(days=1)
    assert budgets[2].left() == 110


def test_a_restart_grants_no_second_day_of_threads_searches(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def started() -> Threads:
        net = ClockNet(clock)
        net.hosts = Hosts({"*": 0.0}, file=file, clock=lambda: clock().timestamp())
        return Threads("http://threads.example", "token", 3, net)

    found = [1]
    monkeypatch.setattr(Threads, "_found", lambda *_: list(found))
    for _ in range(2):
        started().search("a", {})
    found.clear()
    for _ in range(5):
        assert started().search("a", {}) == []  # what finds nothing does not count
    found.append(1)
    started().search("a", {})
    clock.at += timedelta(hours=20)
    with pytest.raises(TryLater, match="searches_per_day") as caught:
        started().search("a", {})
    clock.at += timedelta(seconds=caught.value.after_s)
    assert started().search("a", {}) == [1]


def test_a_window_of_xs_requests_that_is_spent_is_known_to_every_process(file: Path) -> None:
    clock = Clock()
    nets = [ClockNet(clock), ClockNet(clock)]
    for net in nets:
        net.hosts = Hosts({"*": 0.0}, file=file, clock=lambda: clock().timestamp())
    one, other = (X("http://x.example", "k", net) for net in nets)
    reset = str(int((clock() + timedelta(minutes=9)).timestamp()))
    one._window("/2/tweets", {"x-rate-limit-remaining": "0", "x-rate-limit-reset": reset})
    assert other.waits("/2/tweets")
    clock.at += timedelta(minutes=9)
    assert not other.waits("/2/tweets")
