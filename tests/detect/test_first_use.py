"""The first use of the kernels: processes share the compiling."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core import config

from yoake.detect import first_use

# Each process says what it ran; a step takes long enough for the other to come upon it.
SHARING = """
import sys, time
from pathlib import Path
from numba.core import config
from yoake.detect import first_use
folder, done = Path(sys.argv[1]), Path(sys.argv[2])
config.CACHE_DIR = str(folder)
def step(name):
    def run():
        time.sleep(0.3)
        with done.open("a") as file:
            file.write(name + "\\n")
    return run
first_use.share({name: step(name) for name in ("one", "two")})
assert sorted(done.read_text().split()) == ["one", "two"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "code"
    made.mkdir()
    monkeypatch.setattr(config, "CACHE_DIR", str(made))
    return made


def test_processes_that_start_together_run_each_step_once(folder: Path, tmp_path: Path) -> None:
    done = tmp_path / "done.txt"
    command = [sys.executable, "-c", SHARING, str(folder), str(done)]
    started = [subprocess.Popen(command, env=dict(os.environ)) for _ in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    assert sorted(done.read_text().split()) == ["one", "two"]


def test_what_is_compiled_is_not_run_again(folder: Path) -> None:
    ran: list[str] = []
    first_use.share({"one": lambda: ran.append("one")})
    first_use.share({"one": lambda: ran.append("again"), "two": lambda: ran.append("two")})
    assert ran == ["one", "two"]


def test_a_step_that_fails_is_tried_again(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        first_use.share({"one": lambda: 1 / 0})
    ran: list[str] = []
    first_use.share({"one": lambda: ran.append("one")})
    assert ran == ["one"]


def test_without_a_folder_for_machine_code_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", "")
    first_use.share({"one": lambda: pytest.fail("it ran")})
