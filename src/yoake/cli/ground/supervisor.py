"""A supervised group of processes: starts them, passes on what they say, starts them again, ends them all.

Each child's standard input is a pipe from here. When it ends the child ends: because it was asked to, or because the
supervisor is gone, however it ended. That works on every system and leaves nobody behind.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from yoake.cli.words import _

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_AFTER_S = 60.0  # a child that ran this long begins again with the shortest pause
ASKED_S = 5.5  # from closing its input until a child is terminated
TERMINATED_S = 2.0  # from there until it is killed
_LOOKED_EVERY_S = 0.2

# Ctrl-C in the terminal goes to a whole group of processes; only the supervisor is to hear it.
_GROUP: dict[str, Any]
if sys.platform == "win32":
    _GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _GROUP = {"start_new_session": True}

Say = Callable[[str, str], None]  # who (a child's name, or "" for the supervisor), what (one line)


@dataclass
class Child:
    """One process of the group."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = FIRST_PAUSE_S
    again_at: float = 0.0
    reader: threading.Thread | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs `yoake <name>` for each name until `stop` is set."""

    def __init__(self, names: Sequence[str], stop: threading.Event, say: Say) -> None:
        self.children = [Child(name, [sys.executable, "-m", "yoake", name, "--supervised"]) for name in names]
        self.stop, self.say = stop, say

    def start(self) -> None:
        """Starts every child."""
        for child in self.children:
            self._start(child)

    def watch(self) -> None:
        """Starts children again that ended, after growing pauses, until `stop` is set."""
        while not self.stop.wait(_LOOKED_EVERY_S):
            for child in self.children:
                self._look(child)

    def end(self) -> None:
        """Ends every child: asks, then terminates, then kills. A second Ctrl-C meanwhile skips the asking."""
        running = [child for child in self.children if child.runs]
        for child in running:
            self._close_input(child)
        asked_again = self.stop
        asked_again.clear()
        self._wait(running, ASKED_S, asked_again)
        for child in running:
            if child.runs and child.process:
                self.say("", _("{name} does not stop; it is ended hard").format(name=child.name))
                child.process.terminate()
        self._wait(running, TERMINATED_S, asked_again)
        for child in self.children:
            if child.runs and child.process:
                child.process.kill()
            if child.process:
                child.process.wait()
            if child.reader:
                child.reader.join(1.0)

    def _start(self, child: Child) -> None:
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:replace"}
        child.process = subprocess.Popen(  # noqa: S603 - our own program, our own words
            child.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            **_GROUP,
        )
        child.started = time.monotonic()
        child.reader = threading.Thread(
            target=self._pass_on, args=(child.name, child.process), name=f"reads {child.name}", daemon=True
        )
        child.reader.start()

    def _look(self, child: Child) -> None:
        if child.runs:
            return
        now = time.monotonic()
        if child.process is not None:
            if now - child.started > STEADY_AFTER_S:
                child.pause_s = FIRST_PAUSE_S
            child.again_at = now + child.pause_s
            self.say(
                "",
                _("{name} ended unexpectedly ({how}); it is started again in {pause:.0f} s").format(
                    name=child.name, how=_how(child.process.returncode), pause=child.pause_s
                ),
            )
            child.pause_s = min(child.pause_s * 2, LONGEST_PAUSE_S)
            self._close_input(child)
            child.process = None
        elif now >= child.again_at:
            self._start(child)

    def _pass_on(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                if text := line.decode("utf-8", "replace").rstrip():
                    self.say(name, text)

    @staticmethod
    def _close_input(child: Child) -> None:
        if child.process and child.process.stdin:
            with contextlib.suppress(OSError):  # it is gone already
                child.process.stdin.close()

    @staticmethod
    def _wait(children: Sequence[Child], limit_s: float, hurry: threading.Event) -> None:
        until = time.monotonic() + limit_s
        while any(child.runs for child in children) and time.monotonic() < until and not hurry.wait(0.02):
            pass


def _how(code: int) -> str:
    return _("signal {number}").format(number=-code) if code < 0 else _("exit code {number}").format(number=code)
