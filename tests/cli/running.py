"""The real command in a process of its own, on a data folder and port of its own."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

PASSWORD = re.compile(r"[a-z2-9]{5}(?:-[a-z2-9]{5}){3}")


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path, port: int = 1, **more: str) -> dict[str, str]:
    """What the command sees: nothing of whoever runs the tests, English, no source."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("YOAKE_", "LC_", "LANG", "DJANGO"))
    }
    set_here = {"YOAKE_DATA": str(data), "YOAKE_PORT": str(port), "YOAKE_SOURCES": "", "LANG": "C.UTF-8"}
    return {**kept, **set_here, "YOAKE_ALLOW_PRIVATE_NETWORKS": "yes", **more}


def yoake(
    data: Path, *words: str, given: str = "", timeout_s: float = 60, port: int = 1, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs `yoake` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "yoake", *words],
        env=environment(data, port, **more),
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def prepared(places: pytest.TempPathFactory, folder: Path, sources: str = "") -> Path:
    """A data folder as `yoake up --prepare` makes it, made once a run and copied: to lay out a database takes 15 s."""
    shared = places.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else places.getbasetemp()
    made = shared / f"cli-prepared-{sha256(sources.encode()).hexdigest()[:8]}"
    with (shared / "cli-prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(shared / "cli-preparing", ignore_errors=True)
            ran = yoake(shared / "cli-preparing", "up", "--prepare", timeout_s=300, YOAKE_SOURCES=sources)
            assert ran.returncode == 0, ran.stderr
            (shared / "cli-preparing").rename(made)
    shutil.copytree(made, folder)
    return folder


class Up:
    """A running `yoake up`."""

    def __init__(
        self, data: Path, port: int, program: tuple[str, ...] = (sys.executable, "-m", "yoake"), **more: str
    ) -> None:
        self.port = port
        self.lines: list[str] = []
        hung_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored, there too
        self.process = subprocess.Popen(
            [*program, "up"],
            env=environment(data, port, **more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        signal.signal(signal.SIGHUP, hung_up)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *_problem: object) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def said(self) -> str:
        """Everything it printed so far."""
        return "\n".join(self.lines)

    def wait_for(self, words: str, timeout_s: float = 30, times: int = 1) -> str:
        """The first line (of at least `times`) that holds these words."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            found = [line for line in self.lines if words in line]
            if len(found) >= times:
                return found[0]
            time.sleep(0.02)
        raise AssertionError(f"{words!r} was not said {times} times within {timeout_s} s:\n{self.said}")

    def group(self) -> list[psutil.Process]:
        """Every process below it."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def child(self, name: str) -> psutil.Process:
        """The child that runs `yoake <name>`."""
        (found,) = [p for p in psutil.Process(self.process.pid).children() if name in p.cmdline()]
        return found

    def status(self, path: str = "/") -> int:
        """Status of a page, redirects not followed."""
        try:
            with urllib.request.build_opener(_Stay).open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code

    def stop(self, number: int = signal.SIGINT, timeout_s: float = 30) -> int:
        """Sends a signal and waits; returns the exit code."""
        self.process.send_signal(number)
        return self.ended(timeout_s)

    def ended(self, timeout_s: float = 30) -> int:
        """Waits for the end; returns the exit code."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            for process in [*self.group(), self.process]:
                process.kill()
            raise
        finally:
            self.process.wait()
            self._reader.join(5)
            if self.process.stdout:
                self.process.stdout.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_of: object, **_more: object) -> None:
        return None


def all_gone(processes: list[psutil.Process], within_s: float) -> bool:
    """Whether every process ends within the time."""
    _gone, alive = psutil.wait_procs(processes, timeout=within_s)
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)
